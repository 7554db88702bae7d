//! Files with rules for agents and contributors: which they are, where they apply, and how they are sent.
//!
//! Rules are sent whole, never summarised; only what no person wrote as rules is cut, and the cut is told.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::content::BlobHash;
use crate::contents::Contents;
use crate::context;
use crate::path::RepoPath;
use crate::tree::FileTree;

/// The most bytes of one file that are sent.
pub const MAX_FILE: usize = 64 << 10;
/// The most bytes of all rules together. The nearest to the root come first; what has no room is named.
pub const MAX_ALL: usize = 256 << 10;

/// Tells whether a file holds rules. Those in other people's code do not count; whoever scans leaves them out.
#[must_use]
pub fn is_rules(path: &RepoPath) -> bool {
    let (name, whole) = (path.file_name(), path.as_str());
    // In any folder, for what lies below it.
    if matches!(name, "AGENTS.md" | "CLAUDE.md" | "GEMINI.md" | ".cursorrules" | ".windsurfrules" | ".clinerules") {
        return true;
    }
    let is_contributing = matches!(name, "CONTRIBUTING.md" | "CONTRIBUTING.rst" | "CONTRIBUTING.txt" | "CONTRIBUTING");
    let is_root = |folder: &str| matches!(folder, "" | ".github" | "docs");
    let folder = folder_of(path);
    let in_rules = |place: &str| {
        let below = folder == place || folder.strip_prefix(place).is_some_and(|rest| rest.starts_with('/'));
        below && (name.ends_with(".md") || name.ends_with(".mdc"))
    };
    (is_contributing && is_root(folder))
        || matches!(whole, ".github/copilot-instructions.md" | ".junie/guidelines.md")
        || [".cursor/rules", ".windsurf/rules", ".github/instructions"].into_iter().any(in_rules)
}

fn folder_of(path: &RepoPath) -> &str {
    path.as_str().rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Returns the folder that rules are for; empty for the whole tree.
fn scope(path: &RepoPath) -> &str {
    let folder = folder_of(path);
    let is_general = [".github", ".cursor", ".windsurf", ".junie", "docs"]
        .into_iter()
        .any(|place| folder == place || folder.strip_prefix(place).is_some_and(|rest| rest.starts_with('/')));
    // `docs/AGENTS.md` is for the documentation; `docs/CONTRIBUTING.md` for all.
    let is_nested = matches!(path.file_name(), "AGENTS.md" | "CLAUDE.md" | "GEMINI.md");
    if is_general && !is_nested { "" } else { folder }
}

/// Tells whether the rules in `rules` apply to `path`.
#[must_use]
pub fn applies(rules: &RepoPath, path: &RepoPath) -> bool {
    let scope = scope(rules);
    scope.is_empty() || path.as_str().strip_prefix(scope).is_some_and(|rest| rest.starts_with('/'))
}

/// Returns the rules that apply to everything and to any of `touched`, the widest first; all of them if `touched` is none.
pub fn chosen<'r>(rules: &'r [RepoPath], touched: Option<&BTreeSet<RepoPath>>) -> Vec<&'r RepoPath> {
    let fits = |rule: &&RepoPath| {
        scope(rule).is_empty() || touched.is_none_or(|touched| touched.iter().any(|path| applies(rule, path)))
    };
    let mut chosen: Vec<&RepoPath> = rules.iter().filter(fits).collect();
    chosen.sort_by(|one, other| {
        let depth = |path: &RepoPath| scope(path).split('/').filter(|part| !part.is_empty()).count();
        depth(one).cmp(&depth(other)).then_with(|| one.cmp(other))
    });
    chosen
}

/// Rules as they are sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent {
    /// The text: a heading and the files.
    pub text: String,
    /// The files that were cut, and the bytes each has.
    pub cut: Vec<(RepoPath, usize)>,
    /// The files that had no room.
    pub left_out: Vec<RepoPath>,
}

/// Writes rules for a request: each file once, whole up to [`MAX_FILE`], together at most [`MAX_ALL`].
#[must_use]
pub fn write(rules: &[&RepoPath], tree: &FileTree, contents: &Contents) -> Sent {
    let mut sent = Sent::default();
    let mut seen: BTreeSet<BlobHash> = BTreeSet::new();
    for path in rules {
        let Some(blob) = tree.get(path).map(|entry| entry.blob) else { continue };
        let Some(bytes) = contents.get(blob).filter(|bytes| !bytes.is_empty()) else { continue };
        if !seen.insert(blob) {
            continue;
        }
        if sent.text.len() + bytes.len().min(MAX_FILE) > MAX_ALL {
            sent.left_out.push((*path).clone());
            continue;
        }
        if sent.text.is_empty() {
            sent.text.push_str("## Rules of this project\n");
        }
        let mut head = bytes.get(..MAX_FILE).unwrap_or(&bytes);
        // What ends inside of a character ends before it.
        if let Err(error) = std::str::from_utf8(head)
            && error.error_len().is_none()
        {
            head = head.get(..error.valid_up_to()).unwrap_or(head);
        }
        context::file(&mut sent.text, path, &String::from_utf8_lossy(head));
        if bytes.len() > MAX_FILE {
            let _ =
                writeln!(sent.text, "({path} goes on: these are its first {} of {} bytes)\n", head.len(), bytes.len());
            sent.cut.push(((*path).clone(), bytes.len()));
        }
    }
    if !sent.left_out.is_empty() {
        let names: Vec<&str> = sent.left_out.iter().take(50).map(|path| path.as_str()).collect();
        let more = sent.left_out.len().saturating_sub(50);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let _ = writeln!(sent.text, "There are more rules, for the folders they lie in: {}{more}\n", names.join(", "));
    }
    sent
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{Blob, Entry};

    fn path(text: &str) -> RepoPath {
        text.parse().unwrap()
    }

    #[test]
    fn rules_are_known_by_their_names_and_places() {
        let rules = [
            "AGENTS.md",
            "web/AGENTS.md",
            "web/CLAUDE.md",
            "GEMINI.md",
            "CONTRIBUTING.md",
            ".github/CONTRIBUTING.md",
            ".cursorrules",
            ".cursor/rules/style.mdc",
            ".cursor/rules/web/style.md",
            ".windsurfrules",
            ".github/copilot-instructions.md",
            ".junie/guidelines.md",
        ];
        let others = [
            "README.md",
            "web/CONTRIBUTING.md",
            ".cursor/rules/x.png",
            "AGENTS.txt",
            "agents/x.md",
            ".cursor/mcp.json",
        ];
        assert_eq!(rules.map(|rule| is_rules(&path(rule))), [true; 12]);
        assert_eq!(others.map(|other| is_rules(&path(other))), [false; 6]);
    }

    #[test]
    fn nested_rules_apply_below_their_folder_and_the_widest_come_first() {
        let rules: Vec<RepoPath> =
            [".cursor/rules/a.mdc", "AGENTS.md", "web/AGENTS.md", "web/admin/CLAUDE.md", "website/AGENTS.md"]
                .map(path)
                .into();
        let names = |touched: Option<&BTreeSet<RepoPath>>| {
            chosen(&rules, touched).iter().map(|path| path.to_string()).collect::<Vec<_>>()
        };
        let touched = BTreeSet::from([path("web/app.ts")]);
        assert_eq!(names(Some(&touched)), [".cursor/rules/a.mdc", "AGENTS.md", "web/AGENTS.md"]);
        assert_eq!(names(Some(&BTreeSet::new())), [".cursor/rules/a.mdc", "AGENTS.md"]);
        assert_eq!(names(None).len(), 5);
    }

    #[test]
    fn rules_are_sent_whole_once_and_only_huge_ones_are_cut() {
        let (mut tree, mut contents) = (FileTree::default(), Contents::default());
        let mut put = |name: &str, text: &str| {
            let blob = Blob::new(text.as_bytes());
            contents.add(&blob);
            tree.0.insert(path(name), Entry::file(blob.hash()));
            path(name)
        };
        let long = "é".repeat(MAX_FILE);
        let rules = [
            put("AGENTS.md", "Be brief.\n"),
            put("CLAUDE.md", "Be brief.\n"),
            put("GEMINI.md", &long),
            put("x/AGENTS.md", ""),
        ];
        let sent = write(&rules.iter().collect::<Vec<_>>(), &tree, &contents);
        assert!(sent.text.starts_with("## Rules of this project\nAGENTS.md\n```\nBe brief.\n```\n\nGEMINI.md\n```\né"));
        assert!(sent.text.ends_with("(GEMINI.md goes on: these are its first 65536 of 131072 bytes)\n\n"));
        assert_eq!((sent.cut, sent.left_out), (vec![(path("GEMINI.md"), 131_072)], Vec::new()));
    }
}
