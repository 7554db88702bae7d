//! Routes in tables whose blocks set prefixes: Rails and Sinatra, groups of Laravel. Blocks are told by their indentation.

use super::Signs;
use super::calls::{head, literal, named};
use super::routes::{Place, add, is_verb, joined};

/// How deep blocks may be nested.
const MAX_DEPTH: usize = 12;

/// The blocks that are open.
#[derive(Debug, Default)]
pub(super) struct Nested {
    open: Vec<(usize, String)>,
    is_rails: bool,
}

impl Nested {
    /// Returns the prefix of everything that is open.
    pub(super) fn prefix(&self) -> String {
        self.open.iter().fold(String::new(), |prefix, (_, part)| {
            if part.is_empty() { prefix } else { joined(&prefix, &format!("/{}", part.trim_start_matches('/'))) }
        })
    }

    fn close(&mut self, indent: usize) {
        while self.open.last().is_some_and(|(outer, _)| *outer >= indent) {
            self.open.pop();
        }
    }

    fn enter(&mut self, indent: usize, part: &str) {
        if self.open.len() < MAX_DEPTH {
            self.open.push((indent, head(part, 100).to_owned()));
        }
    }

    pub(super) fn ruby(&mut self, place: &Place<'_>, signs: &mut Signs) {
        let line = place.line;
        if line.starts_with('#') {
            return;
        }
        self.is_rails |= line.contains("routes.draw");
        self.close(place.indent);
        let end = line.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(line.len());
        let Some((word, rest)) = line.split_at_checked(end) else { return };
        let rest = rest.trim_start_matches([' ', '(']);
        let first = literal(rest).map(|(found, _)| found).or_else(|| symbol(rest));
        if !self.is_rails {
            let block = line.ends_with(" do") || line.contains(" do |") || line.contains(" { ");
            if let Some(pattern) = first.filter(|first| first.starts_with('/') && is_verb(word) && block) {
                add(signs, &word.to_ascii_uppercase(), pattern, place.number);
            }
            return;
        }
        let below = |pattern: &str| joined(&self.prefix(), &format!("/{}", pattern.trim_start_matches('/')));
        let opens = line.ends_with(" do") || line.contains(" do |");
        match word {
            "root" => add(signs, "GET", &below(""), place.number),
            "mount" => {
                let at = rest.split_once("=>").and_then(|(_, at)| literal(at)).map(|(found, _)| found);
                let at = at.or_else(|| named(rest, "at"));
                at.into_iter().for_each(|at| add(signs, "PREFIX", &below(at), place.number));
            }
            "resources" | "resource" => {
                let names =
                    rest.split(',').map(str::trim).map_while(|part| symbol(part).filter(|_| !part.contains(": ")));
                let names: Vec<&str> = names.take(10).collect();
                for name in &names {
                    let path = named(rest, "path").unwrap_or(name);
                    add(signs, "REST", &below(path), place.number);
                }
                if let Some(name) = names.first().filter(|_| opens) {
                    let one = if word == "resources" { format!("{name}/:id") } else { (*name).to_owned() };
                    self.enter(place.indent, &one);
                }
            }
            "namespace" | "scope" if opens => {
                let part = named(rest, "path").or(first).unwrap_or_default();
                let part = if word == "scope" && rest.starts_with("module") { "" } else { part };
                self.enter(place.indent, part);
            }
            "match" => first.into_iter().for_each(|first| add(signs, "", &below(first), place.number)),
            word if is_verb(word) && line.contains("on: :collection") => {
                let prefix = self.prefix();
                let prefix = prefix.strip_suffix("/:id").unwrap_or(&prefix);
                let pattern = joined(prefix, first.unwrap_or_default());
                add(signs, &word.to_ascii_uppercase(), &pattern, place.number);
            }
            word if is_verb(word) => {
                first.into_iter().for_each(|first| add(signs, &word.to_ascii_uppercase(), &below(first), place.number));
            }
            _ => {}
        }
    }

    /// Opens groups of Laravel; their routes are calls.
    pub(super) fn php(&mut self, place: &Place<'_>, _: &mut Signs) {
        let line = place.line;
        let is_group = line.contains("group(") && (line.contains("function") || line.ends_with('('));
        if line.starts_with('}') || is_group {
            self.close(place.indent);
        }
        if is_group {
            let prefix = line.split_once("prefix(").and_then(|(_, rest)| literal(rest)).map(|(found, _)| found);
            let old =
                line.split_once("'prefix'").and_then(|(_, rest)| literal(rest.trim_start_matches([' ', '=', '>'])));
            self.enter(place.indent, prefix.or(old.map(|(found, _)| found)).unwrap_or_default());
        }
    }
}

/// Returns the name of a symbol that a text begins with.
fn symbol(text: &str) -> Option<&str> {
    let name = text.strip_prefix(':')?;
    let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
    name.get(..end).filter(|name| !name.is_empty())
}
