//! Choosing what a model sees of the code: rules first, then the files that matter, then outlines, then names.
//!
//! Pure and deterministic. Budgets are tokens, as estimated by [`tokens`].

pub mod document;
pub mod hits;
pub mod pack;
pub mod past;
pub mod query;
pub mod rank;
mod signals;
pub mod terms;
#[cfg(test)]
mod tests;
pub mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::content::BlobHash;
use crate::contents::Contents;
use crate::path::RepoPath;
use crate::port::{FileFacts, Scanned};
use crate::syntax::{Symbol, SymbolKind};
use crate::tree::FileTree;

use pack::{Choice, Pack, View};

/// How many tokens of code a planning request shows.
pub const DEFAULT_BUDGET: u64 = 18_000;
/// How many paths are listed at most.
const MAX_LISTED: usize = 400;
/// How many symbols an outline has at most.
const MAX_SYMBOLS: usize = 60;
/// What the line of a name costs besides the name, and what the fences of a file do.
const NAME_TOKENS: u64 = 2;
const FENCE_TOKENS: u64 = 4;

/// Returns how each file of a tree is shown for a request, within `budget` tokens: what fits the scan's interest, best first.
///
/// `targets` are shown whole before anything else. Rules are not in it: they are always sent.
#[must_use]
pub fn select(query: &str, scanned: &Scanned, targets: &BTreeSet<RepoPath>, budget: u64) -> Pack {
    let fits = fits(query, scanned);
    let choices = scanned.files.iter().filter(|file| !scanned.rules.contains(&file.path)).filter_map(|file| {
        let score = fits.get(&file.path).copied().or(targets.contains(&file.path).then_some(0.0))?;
        let name = tokens::estimate(file.path.as_str()) + NAME_TOKENS;
        let outline = outline(file);
        let outline = (!outline.is_empty()).then(|| tokens::estimate(&outline));
        // A file between fences, with its name above.
        Some(Choice {
            path: file.path.clone(),
            score,
            name,
            outline,
            whole: tokens::of_bytes(file.bytes) + name + FENCE_TOKENS,
        })
    });
    pack::pack(choices.collect(), targets, budget)
}

/// Returns the contents needed to show a selection.
#[must_use]
pub fn needed(pack: &Pack, tree: &FileTree) -> BTreeSet<BlobHash> {
    pack.shown(View::Whole).filter_map(|path| tree.get(path)).map(|entry| entry.blob).collect()
}

/// Returns how well each file fits: as the scan has it, or by names and paths alone where a scanner ranks nothing.
fn fits(query: &str, scanned: &Scanned) -> BTreeMap<RepoPath, f64> {
    if !scanned.ranked.is_empty() {
        return scanned.ranked.iter().map(|fit| (fit.path.clone(), fit.score)).collect();
    }
    let words = words(query);
    let scores: Vec<(usize, &FileFacts)> =
        scanned.files.iter().map(|file| (score(&words, query, file), file)).collect();
    let best = hits::small(scores.iter().map(|(score, _)| *score).max().unwrap_or(0)).max(1.0);
    scores.into_iter().map(|(score, file)| (file.path.clone(), hits::small(score) / best)).collect()
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

/// Writes a selection for a request: what changes least from one request to the next comes first. `contents` has what
/// [`needed`] names.
#[must_use]
pub fn render(pack: &Pack, tree: &FileTree, scanned: &Scanned, contents: &Contents) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "## Files ({} in all)", tree.len());
    // A small tree is listed whole; of a large one, what is chosen.
    let chosen: BTreeSet<&RepoPath> = pack.files.iter().map(|file| &file.path).collect();
    let listed = tree.0.keys().filter(|path| tree.len() <= MAX_LISTED || chosen.contains(path)).collect::<Vec<_>>();
    for path in listed.iter().take(MAX_LISTED) {
        let _ = writeln!(text, "- {path}");
    }
    if listed.len().min(MAX_LISTED) < tree.len() {
        let _ = writeln!(text, "- … and {} more", tree.len() - listed.len().min(MAX_LISTED));
    }
    text.push('\n');
    let outlined: BTreeSet<&RepoPath> = pack.shown(View::Outline).collect();
    if !outlined.is_empty() {
        text.push_str("## Outlines of other files\n");
        for facts in scanned.files.iter().filter(|facts| outlined.contains(&facts.path)) {
            text.push_str(&outline(facts));
        }
        text.push('\n');
    }
    let mut titled = false;
    for path in pack.shown(View::Whole) {
        let Some(body) = tree.get(path).and_then(|entry| contents.text(entry.blob)) else { continue };
        if !titled {
            text.push_str("## Code\n");
            titled = true;
        }
        file(&mut text, path, body);
    }
    text
}

/// Returns the outline of a file: the signatures of what it defines, with the first line of what is said of each.
#[must_use]
pub fn outline(facts: &FileFacts) -> String {
    let told = |symbol: &&Symbol| symbol.kind != SymbolKind::Import;
    let mut symbols = facts.symbols.iter().filter(told).peekable();
    if symbols.peek().is_none() {
        return String::new();
    }
    let mut text = format!("{}:\n", facts.path);
    for symbol in symbols.take(MAX_SYMBOLS) {
        let _ = write!(text, "  {}: {}", symbol.line, symbol.signature);
        let _ = if symbol.doc.is_empty() { writeln!(text) } else { writeln!(text, " — {}", symbol.doc) };
    }
    text
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
mod selecting {
    use super::*;
    use crate::content::{Blob, Entry};
    use crate::port::Fit;

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
        FileFacts::new(path.parse().unwrap(), BlobHash::of(path.as_bytes()), bytes).with_symbols(symbols)
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
        let selection = select("Add a route /goodbye", &scanned, &BTreeSet::new(), 9_000);
        let names = |view| selection.shown(view).map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names(View::Whole), ["billing.py", "routes.py"]);
        assert_eq!(names(View::Outline), ["huge.py"]);
        let selection = select("Add a route /goodbye", &scanned, &BTreeSet::new(), 3_000);
        let names = |view| selection.shown(view).map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names(View::Whole), ["routes.py"]);
        assert_eq!(names(View::Outline), ["billing.py", "huge.py"]);
    }

    #[test]
    fn what_a_scan_ranked_counts_and_what_changes_least_is_written_first() {
        let scanned = Scanned {
            files: vec![
                facts("a.py", 3_000, &["one"]),
                facts("b.py", 3_000, &["two"]),
                facts("c.py", 3_000, &["three"]),
            ],
            ranked: [("c.py", 1.0), ("a.py", 0.2)]
                .map(|(path, score)| Fit { path: path.parse().unwrap(), score })
                .into(),
            ..Scanned::default()
        };
        let tree = FileTree(scanned.files.iter().map(|file| (file.path.clone(), Entry::file(file.blob))).collect());
        let selection = select("", &scanned, &BTreeSet::new(), 1_000);
        let body = Blob::new(b"def three(): pass\n".as_slice());
        let mut contents = Contents::default();
        contents.add(&body);
        let tree = FileTree(
            tree.0
                .into_iter()
                .map(|(path, entry)| {
                    let entry = if path.as_str() == "c.py" { Entry::file(body.hash()) } else { entry };
                    (path, entry)
                })
                .collect(),
        );
        let text = render(&selection, &tree, &scanned, &contents);
        assert_eq!(
            text,
            "## Files (3 in all)\n- a.py\n- b.py\n- c.py\n\n## Outlines of other files\na.py:\n  1: def one\n\n## Code\nc.py\n```\ndef three(): pass\n```\n\n"
        );
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
