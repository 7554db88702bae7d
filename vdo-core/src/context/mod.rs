//! Choosing what a model sees of the code: rules first, then the files that matter, then outlines, then names.
//!
//! Pure and deterministic. Budgets are bytes; about four make a token.

pub mod document;
pub mod hits;
pub mod past;
pub mod query;
pub mod rank;
mod signals;
pub mod terms;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::content::BlobHash;
use crate::contents::Contents;
use crate::path::RepoPath;
use crate::port::{FileFacts, Scanned};
use crate::tree::FileTree;

/// How many bytes of code a planning request shows.
pub const DEFAULT_BUDGET: usize = 60_000;
/// How many paths are listed at most.
const MAX_LISTED: usize = 400;
/// A file longer than this is shown as an outline.
const MAX_WHOLE: u64 = 24_000;

/// What was chosen for a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Rule files, always whole.
    pub rules: Vec<RepoPath>,
    /// Files shown whole, best first.
    pub whole: Vec<RepoPath>,
    /// Files shown as outlines, best first.
    pub outlined: Vec<RepoPath>,
}

impl Selection {
    /// Returns the contents needed to show the selection.
    #[must_use]
    pub fn needed(&self, tree: &FileTree) -> BTreeSet<BlobHash> {
        self.rules.iter().chain(&self.whole).filter_map(|path| tree.get(path)).map(|entry| entry.blob).collect()
    }
}

/// Chooses what to show for `query` within `budget` bytes of code.
#[must_use]
pub fn select(query: &str, scanned: &Scanned, budget: usize) -> Selection {
    let words = words(query);
    let mut ranked: Vec<(usize, &FileFacts)> =
        scanned.files.iter().map(|file| (score(&words, query, file), file)).collect();
    ranked.sort_by(|(one, a), (other, b)| {
        other.cmp(one).then_with(|| a.bytes.cmp(&b.bytes)).then_with(|| a.path.cmp(&b.path))
    });
    let mut selection = Selection { rules: scanned.rules.clone(), ..Selection::default() };
    let mut left = budget;
    for (score, file) in ranked {
        if scanned.rules.contains(&file.path) {
            continue;
        }
        let size = usize::try_from(file.bytes).unwrap_or(usize::MAX);
        let outline = 80 * (file.symbols.len() + 1);
        if file.bytes <= MAX_WHOLE && size <= left && (score > 0 || size <= budget / 8) {
            left -= size;
            selection.whole.push(file.path.clone());
        } else if !file.symbols.is_empty() && outline <= left {
            left -= outline;
            selection.outlined.push(file.path.clone());
        }
    }
    selection
}

/// Words of a text: letters and digits, split at case changes and underscores, in lower case.
fn words(text: &str) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    let mut word = String::new();
    let mut last_lower = false;
    for c in text.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && last_lower) {
            words.insert(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
        last_lower = c.is_lowercase();
    }
    words.insert(word);
    words.retain(|word| word.len() > 2);
    words
}

fn score(query_words: &BTreeSet<String>, query: &str, file: &FileFacts) -> usize {
    let named =
        usize::from(query.contains(file.path.as_str())) * 40 + usize::from(query.contains(file.path.file_name())) * 20;
    let path = words(file.path.as_str()).intersection(query_words).count() * 6;
    let symbols: BTreeSet<String> = file.symbols.iter().flat_map(|symbol| words(&symbol.name)).collect();
    named + path + symbols.intersection(query_words).count() * 3
}

/// Writes the selection for a planning request. `contents` has what [`Selection::needed`] names.
#[must_use]
pub fn render(selection: &Selection, tree: &FileTree, scanned: &Scanned, contents: &Contents) -> String {
    let mut text = String::new();
    section(&mut text, "Rules of this project", &selection.rules, tree, contents);
    let _ = writeln!(text, "## Files ({} in all)", tree.len());
    for path in tree.0.keys().take(MAX_LISTED) {
        let _ = writeln!(text, "- {path}");
    }
    if tree.len() > MAX_LISTED {
        let _ = writeln!(text, "- … and {} more", tree.len() - MAX_LISTED);
    }
    text.push('\n');
    section(&mut text, "Code", &selection.whole, tree, contents);
    if !selection.outlined.is_empty() {
        text.push_str("## Outlines of other files\n");
        for facts in scanned.files.iter().filter(|facts| selection.outlined.contains(&facts.path)) {
            let _ = writeln!(text, "{}:", facts.path);
            for symbol in facts.symbols.iter().take(60) {
                let _ = writeln!(text, "  {}: {}", symbol.line, symbol.signature);
            }
        }
        text.push('\n');
    }
    text
}

fn section(text: &mut String, title: &str, paths: &[RepoPath], tree: &FileTree, contents: &Contents) {
    let mut titled = false;
    for path in paths {
        let Some(body) = tree.get(path).and_then(|entry| contents.text(entry.blob)) else { continue };
        if !titled {
            let _ = writeln!(text, "## {title}");
            titled = true;
        }
        file(text, path, body);
    }
}

/// Writes a file between fences that its text cannot close.
pub fn file(text: &mut String, path: &RepoPath, body: &str) {
    let mut fence = "```".to_owned();
    while body.contains(&fence) {
        fence.push('`');
    }
    let _ = write!(text, "{path}\n{fence}\n{body}");
    if !body.is_empty() && !body.ends_with('\n') {
        text.push('\n');
    }
    let _ = writeln!(text, "{fence}\n");
}

/// Returns text with at most `limit` bytes: the start and, mostly, the end, with a line between that says what was left out.
#[must_use]
pub fn bounded(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let mut head = limit / 4;
    while !text.is_char_boundary(head) {
        head -= 1;
    }
    let mut tail = text.len() - (limit - limit / 4);
    while !text.is_char_boundary(tail) {
        tail += 1;
    }
    let (start, end) = (text.get(..head).unwrap_or_default(), text.get(tail..).unwrap_or_default());
    format!("{start}\n… {} bytes left out …\n{end}", tail - head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::{Symbol, SymbolKind};

    fn facts(path: &str, bytes: u64, names: &[&str]) -> FileFacts {
        let symbols = names
            .iter()
            .map(|name| Symbol {
                name: (*name).to_owned(),
                kind: SymbolKind::Function,
                line: 1,
                signature: format!("def {name}"),
                end: 1,
                doc: String::new(),
            })
            .collect();
        FileFacts { path: path.parse().unwrap(), blob: BlobHash::of(path.as_bytes()), bytes, language: None, symbols }
    }

    #[test]
    fn files_that_the_query_speaks_of_are_shown_whole_and_large_ones_outlined() {
        let scanned = Scanned {
            files: vec![
                facts("billing.py", 20_000, &["charge"]),
                facts("huge.py", 90_000, &["addRoute"]),
                facts("routes.py", 9_000, &["add_route"]),
            ],
            rules: vec!["AGENTS.md".parse().unwrap()],
            ..Scanned::default()
        };
        let selection = select("Add a route /goodbye", &scanned, 30_000);
        let names = |paths: &[RepoPath]| paths.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names(&selection.whole), ["routes.py"]);
        assert_eq!(names(&selection.outlined), ["huge.py", "billing.py"]);
    }

    #[test]
    fn bounded_text_keeps_the_start_and_the_end() {
        let text = format!("start{}end", "é".repeat(1000));
        let short = bounded(&text, 100);
        assert!(short.starts_with("start") && short.ends_with("end") && short.len() < 160, "{short}");
    }

    #[test]
    fn a_file_cannot_close_its_own_fence() {
        let mut text = String::new();
        file(&mut text, &"a.md".parse().unwrap(), "```\nx\n```\n");
        assert_eq!(text, "a.md\n````\n```\nx\n```\n````\n\n");
    }
}
