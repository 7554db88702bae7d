//! What was in a file and is nowhere now: functions and classes, exports, routes, links.

use std::collections::BTreeSet;

use super::{Report, Touched, View, cases};
use crate::findings::{Finding, Severity};
use crate::structure::ClaimKind;
use crate::syntax::{Symbol, SymbolKind};

pub(super) fn look(view: &View<'_>, findings: &mut Vec<Finding>) {
    let everywhere = Everywhere::of(view);
    for file in &view.files {
        let (Some(before), Some(after)) = (file.before, file.after) else { continue };
        if cases::is_test_path(file.path) {
            continue;
        }
        definitions(view, file, before, after, &everywhere, findings);
        routes(view, file, before, after, &everywhere, findings);
        links(view, file, before, after, &everywhere, findings);
    }
}

/// What all files of the change have now.
struct Everywhere {
    names: BTreeSet<String>,
    routes: BTreeSet<String>,
    links: BTreeSet<String>,
}

impl Everywhere {
    fn of(view: &View<'_>) -> Self {
        let mut all = Self { names: BTreeSet::new(), routes: BTreeSet::new(), links: BTreeSet::new() };
        for file in &view.files {
            let Some(text) = file.after else { continue };
            let symbols = view.change.syntax.outline(file.path, text);
            all.names.extend(symbols.iter().map(|symbol| last(&symbol.name).to_owned()));
            all.routes.extend(claims(view, file, text));
            all.links.extend(hrefs(text));
        }
        all
    }
}

fn last(name: &str) -> &str {
    name.rsplit(['.', ':']).next().unwrap_or(name)
}

fn is_public(language: Option<&str>, symbol: &Symbol) -> bool {
    let name = last(&symbol.name);
    match language {
        Some("rust") => symbol.signature.trim_start().starts_with("pub"),
        Some("go") => name.starts_with(char::is_uppercase),
        Some("python") => !symbol.name.split('.').any(|part| part.starts_with('_')),
        Some("java") => symbol.signature.contains("public"),
        _ => !name.starts_with('_') && !symbol.name.contains('.'),
    }
}

fn definitions(
    view: &View<'_>,
    file: &Touched<'_>,
    before: &str,
    after: &str,
    all: &Everywhere,
    findings: &mut Vec<Finding>,
) {
    let syntax = view.change.syntax;
    let language = syntax.language(file.path);
    let (old, new) = (syntax.outline(file.path, before), syntax.outline(file.path, after));
    // What still stands in the text may be defined in another way: re-exported, or assigned.
    let code: Vec<&str> = after.lines().filter(|line| !is_comment(line)).collect();
    let still =
        |name: &str| code.iter().any(|line| line.match_indices(name).any(|(at, _)| is_word(line, at, name.len())));
    let lost: Vec<&Symbol> = old
        .iter()
        .filter(|symbol| matches!(symbol.kind, SymbolKind::Function | SymbolKind::Type) && is_public(language, symbol))
        .filter(|symbol| !all.names.contains(last(&symbol.name)) && !still(last(&symbol.name)))
        .filter(|symbol| !view.planned.names(last(&symbol.name)))
        .collect();
    // A name that came in the place of another is a new name.
    let known: BTreeSet<&str> = old.iter().map(|symbol| symbol.name.as_str()).collect();
    let fresh = new
        .iter()
        .filter(|symbol| {
            matches!(symbol.kind, SymbolKind::Function | SymbolKind::Type) && !known.contains(symbol.name.as_str())
        })
        .count();
    // Members of a type that is gone go with it.
    let outer: Vec<&&Symbol> = lost
        .iter()
        .filter(|symbol| !lost.iter().any(|other| symbol.name.starts_with(&format!("{}.", other.name))))
        .collect();
    if outer.is_empty() {
        return;
    }
    let lines = before.lines().count().max(1);
    let rewritten = file.removed().len() * 2 > lines;
    let severity = match (view.planned.removes(), rewritten) {
        (true, _) => Severity::Minor,
        (false, true) => Severity::Major,
        (false, false) if fresh < outer.len() => Severity::Major,
        (false, false) => Severity::Minor,
    };
    let names: Vec<&str> = outer.iter().take(6).map(|symbol| symbol.name.as_str()).collect();
    let more = if outer.len() > 6 { format!(" and {} more", outer.len() - 6) } else { String::new() };
    findings.push(Report { by: "definition-lost", severity, file: file.path, line: None }.says(
        format!("{}{more} was defined here, is nowhere now, and neither job nor plan asks for that", names.join(", ")),
        "bring it back",
    ));
}

fn is_comment(line: &str) -> bool {
    let text = line.trim_start();
    ["#", "//", "*", "/*", "<!--"].iter().any(|mark| text.starts_with(mark))
}

fn is_word(text: &str, at: usize, length: usize) -> bool {
    let inner = |c: char| c.is_alphanumeric() || c == '_';
    let before = text.get(..at).and_then(|text| text.chars().next_back());
    let after = text.get(at + length..).and_then(|text| text.chars().next());
    !before.is_some_and(inner) && !after.is_some_and(inner)
}

fn claims(view: &View<'_>, file: &Touched<'_>, text: &str) -> Vec<String> {
    let Some(structure) = view.change.syntax.structure(file.path, text) else { return Vec::new() };
    let members = structure.members.into_iter().flat_map(|member| member.claims);
    members
        .filter(|claim| matches!(claim.kind, ClaimKind::Route | ClaimKind::OrderedRoute))
        .map(|claim| claim.text)
        .collect()
}

fn routes(
    view: &View<'_>,
    file: &Touched<'_>,
    before: &str,
    after: &str,
    all: &Everywhere,
    findings: &mut Vec<Finding>,
) {
    let lost: BTreeSet<String> =
        claims(view, file, before).into_iter().filter(|route| !all.routes.contains(route)).collect();
    // What is named in another way is still there: a prefix that moved to where the routes are mounted.
    let path = |route: &str| route.rsplit(' ').next().unwrap_or(route).to_owned();
    let lost: Vec<&String> =
        lost.iter().filter(|route| !after.contains(&path(route)) && !view.planned.names(&path(route))).collect();
    if lost.is_empty() {
        return;
    }
    let severity = if view.planned.removes() { Severity::Minor } else { Severity::Major };
    let names: Vec<&str> = lost.iter().take(6).map(|route| route.as_str()).collect();
    findings.push(Report { by: "route-lost", severity, file: file.path, line: None }.says(
        format!("the route {} is gone, and neither job nor plan asks for that", names.join(", ")),
        "bring it back",
    ));
}

/// Returns where the links of a page lead.
fn hrefs(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for part in text.split("<a ").skip(1).take(2000) {
        let tag = part.split("</a>").next().unwrap_or(part);
        let Some((_, value)) = tag.split_once("href=") else { continue };
        let value = value.trim_start_matches('{');
        let Some(quote) = value.chars().next().filter(|c| matches!(c, '"' | '\'' | '`')) else { continue };
        let inner = value.get(1..).unwrap_or_default();
        // Template expressions have quotes of their own.
        let end = match inner.strip_prefix("{{") {
            Some(rest) => rest.find("}}").map(|at| at + 4),
            None => inner.find(quote),
        };
        if let Some(link) = end.and_then(|end| inner.get(..end)) {
            found.insert(link.trim().to_owned());
        }
    }
    found
}

fn links(
    view: &View<'_>,
    file: &Touched<'_>,
    before: &str,
    after: &str,
    all: &Everywhere,
    findings: &mut Vec<Finding>,
) {
    let page = [
        "html", "htm", "jinja", "jinja2", "j2", "vue", "svelte", "jsx", "tsx", "ejs", "hbs", "erb", "njk", "twig",
        "py", "js",
    ];
    if !file.path.extension().is_some_and(|extension| page.contains(&extension)) {
        return;
    }
    let was = hrefs(before);
    let gone = |link: &&String| {
        !all.links.contains(*link) && !link.starts_with('#') && !link.is_empty() && !link.starts_with("http")
    };
    let lost: Vec<&String> =
        was.iter().filter(gone).filter(|link| !after.contains(link.as_str()) && !view.planned.names(link)).collect();
    // Links that were given other addresses are as many as before.
    if lost.is_empty() || (hrefs(after).len() >= was.len() && lost.len() < was.len() && lost.len() > 3) {
        return;
    }
    let severity = if view.planned.removes() { Severity::Minor } else { Severity::Major };
    let names: Vec<&str> = lost.iter().take(6).map(|link| link.as_str()).collect();
    findings.push(Report { by: "link-lost", severity, file: file.path, line: None }.says(
        format!("the link to {} is gone, and neither job nor plan asks for that", names.join(", ")),
        "bring it back",
    ));
}
