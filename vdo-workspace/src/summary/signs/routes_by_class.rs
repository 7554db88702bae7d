//! Routes that stand as annotations on classes and their methods: Spring, JAX-RS, ASP.NET, Nest, Symfony.

use super::Signs;
use super::calls::{head, literal, methods, named};
use super::routes::{Place, add, is_verb, joined};

/// What the annotations so far say.
#[derive(Debug, Default)]
pub(super) struct ByClass {
    /// The prefix of the class under way.
    prefix: Option<String>,
    /// What stands above a class or method that has not come yet.
    pattern: Option<String>,
    verbs: Vec<String>,
    /// Where the first of that stands.
    number: u32,
    /// Whether what stands there makes a class one that has routes.
    is_client: bool,
}

/// Tells whether a line opens a class, and which.
fn class(line: &str) -> Option<&str> {
    let at = ["class ", "interface ", "record "].into_iter().find_map(|word| {
        let at = line.find(word)?;
        let is_word = at == 0 || line.get(..at).is_some_and(|before| before.ends_with(' '));
        is_word.then_some(at + word.len())
    })?;
    let name = line.get(at..)?;
    let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
    name.get(..end).filter(|name| !name.is_empty())
}

impl ByClass {
    fn note(&mut self, number: u32) {
        if self.pattern.is_none() && self.verbs.is_empty() {
            self.number = number;
        }
    }

    /// The class that the annotations so far belong to begins.
    fn enter(&mut self, name: &str) {
        let short = name.strip_suffix("Controller").unwrap_or(name).to_ascii_lowercase();
        let pattern = self.pattern.take().unwrap_or_default();
        self.prefix = Some(pattern.replace("[controller]", &short));
        self.verbs.clear();
    }

    /// The method that the annotations so far belong to begins.
    fn flush(&mut self, signs: &mut Signs) {
        let pattern = self.pattern.take();
        if self.verbs.is_empty() || self.is_client {
            self.verbs.clear();
            return;
        }
        let prefix = self.prefix.as_deref().unwrap_or_default();
        let pattern = pattern.unwrap_or_default();
        let pattern = if pattern.starts_with("~/") { pattern.replacen('~', "", 1) } else { joined(prefix, &pattern) };
        let pattern = if pattern.starts_with('/') { pattern } else { format!("/{pattern}") };
        add(signs, &std::mem::take(&mut self.verbs).join(","), &pattern, self.number);
    }

    fn verb(&mut self, verb: &str, number: u32) {
        self.note(number);
        if self.verbs.len() < 8 {
            self.verbs.push(verb.to_ascii_uppercase());
        }
    }

    fn at(&mut self, pattern: &str, number: u32) {
        self.note(number);
        self.pattern = Some(head(pattern, 200).to_owned());
    }

    pub(super) fn jvm(&mut self, place: &Place<'_>, signs: &mut Signs) {
        let line = place.line;
        if let Some(annotation) = line.strip_prefix('@') {
            let end = annotation.find(|c: char| !c.is_alphanumeric()).unwrap_or(annotation.len());
            let (name, _) = annotation.split_at_checked(end).unwrap_or((annotation, ""));
            let arguments = arguments(place, name.len() + 1);
            let value = ["value", "path"].into_iter().find_map(|key| named(arguments, key));
            let value = value.or_else(|| literal(arguments.trim_start_matches(['{', ' '])).map(|(found, _)| found));
            match name {
                "RequestMapping" => {
                    self.at(value.unwrap_or_default(), place.number);
                    let verbs = methods(arguments);
                    if self.prefix.is_some() {
                        self.verb(if verbs.is_empty() { "ANY" } else { &verbs }, place.number);
                    }
                }
                "Path" => self.at(value.unwrap_or_default(), place.number),
                "FeignClient" | "RegisterRestClient" => self.is_client = true,
                "GET" | "POST" | "PUT" | "DELETE" | "PATCH" | "HEAD" | "OPTIONS" => self.verb(name, place.number),
                name => {
                    if let Some(verb) = name.strip_suffix("Mapping").filter(|verb| is_verb(verb)) {
                        self.verb(verb, place.number);
                        self.at(value.unwrap_or_default(), place.number);
                    }
                }
            }
            return;
        }
        self.plain(line, signs);
    }

    /// Takes in a line that is no annotation.
    fn plain(&mut self, line: &str, signs: &mut Signs) {
        if self.verbs.is_empty() && self.pattern.is_none() && !line.contains("class ") {
            return;
        }
        let is_comment = line.starts_with('*') || line.starts_with("//") || line.starts_with("/*");
        if is_comment {
            return;
        }
        if let Some(name) = class(line) {
            self.enter(name);
        } else if line.contains('(') && !line.starts_with(')') {
            self.flush(signs);
        }
    }

    pub(super) fn csharp(&mut self, place: &Place<'_>, signs: &mut Signs) {
        let line = place.line;
        if !line.starts_with('[') {
            return self.plain(line, signs);
        }
        for part in line.split(['[', ',']).filter(|part| !part.is_empty()).take(8) {
            let end = part.find(|c: char| !c.is_alphanumeric()).unwrap_or(part.len());
            let (name, rest) = part.split_at_checked(end).unwrap_or((part, ""));
            // A pattern may have brackets of its own.
            let whole = line.find(part).and_then(|at| line.get(at + name.len()..)).unwrap_or(rest);
            let value = whole.strip_prefix('(').and_then(literal).map(|(found, _)| found);
            if name == "Route" {
                self.at(value.unwrap_or_default(), place.number);
            } else if let Some(verb) = name.strip_prefix("Http").filter(|verb| is_verb(verb)) {
                self.verb(verb, place.number);
                if let Some(value) = value {
                    self.at(value, place.number);
                }
            }
        }
        // An attribute may stand in the line of what it belongs to.
        if let Some((_, after)) = line.rsplit_once("] ") {
            self.plain(after, signs);
        }
    }

    /// Nest: `@Controller('cats')`, `@Get(':id')`.
    pub(super) fn script(&mut self, place: &Place<'_>, signs: &mut Signs) {
        let Some(decorator) = place.line.strip_prefix('@') else {
            if let Some(name) = class(place.line) {
                self.enter(name);
            }
            return;
        };
        let Some((name, _)) = decorator.split_once('(') else { return };
        let value = literal(arguments(place, name.len() + 1)).map_or("", |(found, _)| found);
        if name == "Controller" {
            self.at(value, place.number);
        } else if is_verb(name) && name.starts_with(char::is_uppercase) && self.prefix.is_some() {
            self.verb(name, place.number);
            self.at(value, place.number);
            self.flush(signs);
        }
    }

    /// Symfony: `#[Route('/x', methods: ['GET'])]`, or the same in a comment.
    pub(super) fn php(&mut self, place: &Place<'_>, signs: &mut Signs) {
        let marks = ["#[Route", "* @Route", "#[Get", "#[Post"];
        if marks.iter().any(|mark| place.line.starts_with(mark)) {
            let open = place.line.find('(').unwrap_or(place.line.len());
            let arguments = arguments(place, open);
            let own = arguments.split([']', '\n']).next().unwrap_or(arguments);
            let pattern = named(own, "path").or_else(|| literal(own).map(|(found, _)| found)).unwrap_or_default();
            self.at(pattern, place.number);
            let verbs = arguments.split_once("methods").map_or(String::new(), |(_, rest)| methods(head(rest, 60)));
            self.verb(if verbs.is_empty() { "ANY" } else { &verbs }, place.number);
        } else if self.pattern.is_some() && !place.line.starts_with(['*', '#', '/']) {
            match class(place.line) {
                Some(name) => self.enter(name),
                None if place.line.contains("function ") => self.flush(signs),
                None => {}
            }
        }
    }
}

/// Returns what stands in the parentheses that open `at` bytes into the line, bounded; it may go on in further lines.
fn arguments<'t>(place: &Place<'t>, at: usize) -> &'t str {
    let rest = place.from.get(at..).unwrap_or_default();
    let Some(inner) = rest.strip_prefix('(') else { return "" };
    let inner = head(inner, 300);
    // The end is looked for outside of literals.
    let mut quote = None;
    let mut depth = 0_u32;
    for (at, c) in inner.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') if depth == 0 => return inner.get(..at).unwrap_or(inner),
            (None, ')') => depth -= 1,
            (None, _) => {}
        }
    }
    inner
}
