//! The part of the code that a repair needs: small files whole; of large ones the functions that the failure points at and
//! what was changed.
//!
//! Parts are verbatim, so that edits can quote them, and say which lines they are.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::bench::Bench;
use crate::contents::Contents;
use crate::context;
use crate::diff;
use crate::path::RepoPath;
use crate::syntax::{Symbol, SymbolKind, Syntax};
use crate::tree::FileTree;

/// The largest file that is shown whole.
const MAX_WHOLE: usize = 10_000;
/// The most bytes of code in one request.
const MAX_CODE: usize = 80_000;
/// How many lines are shown around a line that is in no known function.
const AROUND: usize = 25;
/// The longest function that is shown whole.
const MAX_FUNCTION: usize = 150;
/// How many lines of the start of a file without any place are shown.
const HEAD: usize = 60;

/// Writes the files of a bench. `places` are lines that matter, `given` the files before the job.
pub(super) fn show(
    text: &mut String,
    bench: &Bench,
    places: &[(RepoPath, u32)],
    changed: &BTreeSet<RepoPath>,
    (given, contents): (&FileTree, &Contents),
    syntax: &dyn Syntax,
) {
    if !bench.shown.is_empty() {
        text.push_str("## The files as they are\n");
    }
    let begun = text.len();
    // What the failure points at and what was changed come first, should there be too much.
    let matters = |path: &&RepoPath| !(changed.contains(*path) || places.iter().any(|(place, _)| place == *path));
    let mut paths: Vec<&RepoPath> = bench.shown.iter().collect();
    paths.sort_by_key(matters);
    for path in paths {
        if text.len() - begun > MAX_CODE {
            let _ = writeln!(text, "{path}: not shown, there is too much\n");
            continue;
        }
        let Some(entry) = bench.tree.get(path) else {
            let _ = writeln!(text, "{path}: not there\n");
            continue;
        };
        let Some(body) = contents.text(entry.blob) else {
            let _ = writeln!(text, "{path}: not UTF-8 text\n");
            continue;
        };
        if body.len() <= MAX_WHOLE {
            context::file(text, path, body);
            continue;
        }
        let old = given.get(path).and_then(|entry| contents.text(entry.blob)).unwrap_or_default();
        let mut lines: BTreeSet<usize> =
            places.iter().filter(|(place, _)| place == path).map(|(_, line)| *line as usize).collect();
        lines.extend(changed_lines(old, body));
        parts(text, path, body, &lines, &syntax.outline(path, body));
    }
}

/// Returns the lines, from 1, at which a text differs from what it was; none for a new one.
fn changed_lines(old: &str, new: &str) -> Vec<usize> {
    if old.is_empty() {
        return Vec::new();
    }
    let (before, after) = (diff::lines(old.as_bytes()), diff::lines(new.as_bytes()));
    let hunks = diff::line_hunks(&before, &after);
    hunks.iter().take(20).map(|hunk| hunk.after.start as usize + 1).collect()
}

fn parts(text: &mut String, path: &RepoPath, body: &str, wanted: &BTreeSet<usize>, symbols: &[Symbol]) {
    let lines: Vec<&str> = body.lines().collect();
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    let wanted: Vec<usize> = wanted.iter().copied().filter(|line| *line >= 1 && *line <= lines.len()).collect();
    let all = wanted.iter().map(|line| around(*line, symbols, lines.len()));
    let all: Vec<(usize, usize)> = if wanted.is_empty() { vec![(1, HEAD.min(lines.len()))] } else { all.collect() };
    let mut sorted = all;
    sorted.sort_unstable();
    for (from, to) in sorted {
        match ranges.last_mut() {
            Some(last) if from <= last.1 + 4 => last.1 = last.1.max(to),
            _ => ranges.push((from, to)),
        }
    }
    for (from, to) in ranges {
        let part: String = lines.iter().skip(from - 1).take(to + 1 - from).flat_map(|line| [*line, "\n"]).collect();
        let _ = writeln!(text, "Lines {from} to {to} of {}:", lines.len());
        context::file(text, path, &context::bounded(&part, MAX_WHOLE * 2));
    }
    if !symbols.is_empty() {
        let names: Vec<String> = symbols
            .iter()
            .filter(|symbol| symbol.kind != SymbolKind::Import)
            .map(|symbol| format!("{} ({})", symbol.name, symbol.line))
            .collect();
        let _ = writeln!(text, "{path} also defines: {}\n", context::bounded(&names.join(", "), 1500));
    }
}

/// Returns the function that a line is in, or some lines around it.
fn around(line: usize, symbols: &[Symbol], lines: usize) -> (usize, usize) {
    let at = |symbol: &Symbol| symbol.line as usize;
    let first = symbols.iter().filter(|symbol| symbol.kind == SymbolKind::Function && at(symbol) <= line);
    let window = (line.saturating_sub(AROUND).max(1), (line + AROUND).min(lines));
    let Some(first) = first.map(at).max() else { return window };
    let next = symbols.iter().map(at).filter(|start| *start > first).min().unwrap_or(lines + 1);
    if line >= next || next - first > MAX_FUNCTION { window } else { (first.saturating_sub(2).max(1), next - 1) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contents::Contents;

    fn function(name: &str, line: u32) -> Symbol {
        Symbol {
            name: name.to_owned(),
            kind: SymbolKind::Function,
            line,
            signature: String::new(),
            end: 0,
            doc: String::new(),
        }
    }

    #[test]
    fn of_a_large_file_the_functions_that_matter_are_shown_verbatim() {
        let body: String = (1..=1000).map(|number| format!("    line {number}\n")).collect();
        let symbols = [function("a", 100), function("b", 120), function("c", 140), function("d", 700)];
        let mut text = String::new();
        let path: RepoPath = "big.py".parse().unwrap();
        parts(&mut text, &path, &body, &BTreeSet::from([125, 130, 5000, 650]), &symbols);
        assert!(text.contains("Lines 118 to 139 of 1000:\nbig.py\n```\n    line 118\n"), "{text}");
        assert!(text.contains("Lines 625 to 675"), "{text}");
        assert!(!text.contains("line 200\n") && text.contains("d (700)"));
        assert!(Contents::default().text(crate::content::BlobHash::of(b"")).is_none());
    }
}
