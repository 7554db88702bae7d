//! What is there twice: a name that one text defines again, a function that was copied from another file.

use std::collections::{BTreeMap, BTreeSet};

use super::{Report, Touched, View};
use crate::findings::{Finding, Severity};
use crate::structure::{Claim, ClaimKind, MemberKind, Structure};

/// A shorter body is like another by chance.
const MIN_COPIED_LINES: usize = 6;

pub(super) fn look(view: &View<'_>, findings: &mut Vec<Finding>) {
    for file in &view.files {
        defined_twice(view, file, findings);
    }
    copied(view, findings);
}

fn defined_twice(view: &View<'_>, file: &Touched<'_>, findings: &mut Vec<Finding>) {
    let Some(after) = file.after.filter(|_| !super::cases::is_test_path(file.path)) else { return };
    let syntax = view.change.syntax;
    if !matches!(syntax.language(file.path), Some("python" | "javascript" | "typescript" | "tsx" | "go" | "rust")) {
        return;
    }
    let Some(structure) = syntax.structure(file.path, after) else { return };
    let now = doubled(&structure);
    if now.is_empty() {
        return;
    }
    let was: BTreeSet<String> = file
        .before
        .and_then(|text| syntax.structure(file.path, text))
        .map(|structure| doubled(&structure).into_keys().map(|claim| claim.text).collect())
        .unwrap_or_default();
    for (claim, at) in now.into_iter().filter(|(claim, _)| !was.contains(&claim.text)).take(5) {
        let line = after.get(..at).map(|text| text.matches('\n').count() + 1).and_then(|line| u32::try_from(line).ok());
        let report = Report { by: "defined-twice", severity: Severity::Major, file: file.path, line };
        findings.push(report.says(
            format!("the {} {} is there twice; the second hides the first", claim.kind.as_str(), claim.text),
            "keep one of them, with what both are for",
        ));
    }
}

/// Returns the names and routes that two members of one text take, with where the second one begins.
fn doubled(structure: &Structure) -> BTreeMap<Claim, usize> {
    let mut seen: BTreeSet<(usize, &Claim)> = BTreeSet::new();
    let mut doubled = BTreeMap::new();
    for member in &structure.members {
        for claim in &member.claims {
            let counts = match claim.kind {
                // A value may be set again.
                ClaimKind::Name => member.kind == MemberKind::Definition,
                ClaimKind::Route | ClaimKind::OrderedRoute => true,
                _ => false,
            };
            if counts && !seen.insert((member.list, claim)) {
                doubled.entry(claim.clone()).or_insert(member.span.start);
            }
        }
    }
    doubled
}

/// A function that is new in one file and stands, word for word, in another one.
fn copied(view: &View<'_>, findings: &mut Vec<Finding>) {
    let mut known: BTreeMap<String, (String, String)> = BTreeMap::new();
    for (path, entry) in view.change.after.0.iter().filter(|(path, _)| view.change.before.get(path).is_some()) {
        let text = view.change.contents.text(entry.blob).filter(|text| text.len() <= super::MAX_BYTES);
        for (name, body) in text.map(|text| bodies(view, path, text)).unwrap_or_default() {
            known.entry(normal(&body)).or_insert((name, path.to_string()));
        }
    }
    for file in &view.files {
        let Some(after) = file.after else { continue };
        for (name, body) in bodies(view, file.path, after) {
            let Some((original, from)) = known.get(&normal(&body)) else { continue };
            let is_new = !file.before.is_some_and(|text| text.contains(body.as_str()));
            if is_new && *from != file.path.as_str() {
                let report = Report { by: "copied", severity: Severity::Minor, file: file.path, line: None };
                findings.push(
                    report.says(format!("{name} is a copy of {original} in {from}"), "import it from there instead"),
                );
            }
        }
    }
}

fn normal(body: &str) -> String {
    body.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Returns the definitions of a text with what stands below their first line.
fn bodies(view: &View<'_>, path: &crate::path::RepoPath, text: &str) -> Vec<(String, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let symbols = view.change.syntax.outline(path, text);
    let starts: Vec<usize> =
        symbols.iter().filter_map(|symbol| usize::try_from(symbol.line).ok()?.checked_sub(1)).collect();
    let functions =
        symbols.iter().zip(&starts).filter(|(symbol, _)| symbol.kind == crate::syntax::SymbolKind::Function);
    functions
        .filter_map(|(symbol, start)| {
            let indent = |line: &str| line.len() - line.trim_start().len();
            let own = indent(lines.get(*start)?);
            let body: Vec<&str> = lines
                .iter()
                .skip(start + 1)
                .take_while(|line| {
                    line.trim().is_empty() || indent(line) > own || line.trim_start().starts_with(['}', ')'])
                })
                .take(400)
                .copied()
                .collect();
            let full = body.iter().filter(|line| !line.trim().is_empty()).count() >= MIN_COPIED_LINES;
            full.then(|| (symbol.name.clone(), body.join("\n").trim_end().to_owned()))
        })
        .collect()
}
