//! Three-way merge of trees and texts.
//!
//! Pure. What does not merge is a value, never an error and never a guess. Two changes merge where they
//! touch different lines with at least one unchanged line between them, as in git; everything finer is a conflict here.

mod blocks;
mod claims;
mod clean;
mod lines;
pub mod markers;
mod members;
mod rank;
mod region;
pub mod resolution;
mod rules;
mod structured;
mod telling;
pub mod text;
mod validate;
mod version;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::content::{Blob, Bytes, Entry};
use crate::contents::Contents;
use crate::diff::is_binary;
use crate::path::RepoPath;
use crate::tree::FileTree;

/// A path on which two sides cannot be brought together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The path.
    pub path: RepoPath,
    /// What was there before; none if nothing.
    pub base: Option<Entry>,
    /// What one side made of it.
    pub ours: Option<Entry>,
    /// What the other side made of it.
    pub theirs: Option<Entry>,
    /// Why they do not merge, in a few words.
    pub reason: String,
}

/// The outcome of merging trees.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Merged {
    /// The tree; on a conflicting path it has what our side has.
    pub tree: FileTree,
    /// Contents that the merge made.
    pub blobs: Vec<Blob>,
    /// What is left to decide, in path order.
    pub conflicts: Vec<Conflict>,
}

/// Returns the contents that [`trees`] will need: those of files changed on both sides.
#[must_use]
pub fn needed(base: &FileTree, ours: &FileTree, theirs: &FileTree) -> BTreeSet<crate::content::BlobHash> {
    let mut needed = BTreeSet::new();
    for path in ours.0.keys().filter(|path| theirs.0.contains_key(*path)) {
        let (b, o, t) = (base.get(path), ours.get(path), theirs.get(path));
        if o != t && o != b && t != b {
            needed.extend([b, o, t].into_iter().flatten().map(|entry| entry.blob));
        }
    }
    needed
}

/// Merges two trees that grew out of `base`. `contents` has what [`needed`] names.
#[must_use]
pub fn trees(base: &FileTree, ours: &FileTree, theirs: &FileTree, contents: &Contents) -> Merged {
    let mut merged = Merged::default();
    let paths: BTreeSet<&RepoPath> = base.0.keys().chain(ours.0.keys()).chain(theirs.0.keys()).collect();
    for path in paths {
        let (b, o, t) = (base.get(path), ours.get(path), theirs.get(path));
        let decided = if o == t || t == b {
            Ok(o)
        } else if o == b {
            Ok(t)
        } else {
            entries(b, o, t, contents, &mut merged.blobs)
        };
        let entry = decided.unwrap_or_else(|reason| {
            let reason = reason.to_owned();
            merged.conflicts.push(Conflict { path: path.clone(), base: b, ours: o, theirs: t, reason });
            o
        });
        if let Some(entry) = entry {
            merged.tree.0.insert(path.clone(), entry);
        }
    }
    for fault in merged.tree.faults() {
        let text = fault.to_string();
        let (crate::tree::TreeFault::FileAsFolder { path, .. }
        | crate::tree::TreeFault::FolderAsFile { path, .. }
        | crate::tree::TreeFault::CaseClash { path, .. }
        | crate::tree::TreeFault::ThroughLink { path, .. }) = fault;
        let (b, o, t) = (base.get(&path), ours.get(&path), theirs.get(&path));
        merged.conflicts.push(Conflict { path, base: b, ours: o, theirs: t, reason: text });
    }
    merged
}

fn entries(
    base: Option<Entry>,
    ours: Option<Entry>,
    theirs: Option<Entry>,
    contents: &Contents,
    made: &mut Vec<Blob>,
) -> Result<Option<Entry>, &'static str> {
    let (Some(ours), Some(theirs)) = (ours, theirs) else {
        return Err("one side deleted the file, the other changed it");
    };
    let mode = match base {
        _ if ours.mode == theirs.mode => ours.mode,
        Some(base) if ours.mode == base.mode => theirs.mode,
        Some(base) if theirs.mode == base.mode => ours.mode,
        _ => return Err("the sides differ in the kind of file"),
    };
    if ours.blob == theirs.blob {
        return Ok(Some(Entry { blob: ours.blob, mode }));
    }
    if base.is_some_and(|base| base.blob == ours.blob) {
        return Ok(Some(Entry { blob: theirs.blob, mode }));
    }
    if base.is_some_and(|base| base.blob == theirs.blob) {
        return Ok(Some(Entry { blob: ours.blob, mode }));
    }
    let Some(base) = base else { return Err("both sides added the file with different contents") };
    if !(base.mode.is_file() && mode.is_file()) {
        return Err("both sides changed a link or submodule");
    }
    let read = |entry: Entry| contents.get(entry.blob).ok_or("a content is missing");
    let (base, ours, theirs) = (read(base)?, read(ours)?, read(theirs)?);
    if [&base, &ours, &theirs].iter().any(|bytes| is_binary(bytes)) {
        return Err("both sides changed a binary file");
    }
    let blob = Blob::new(texts(&base, &ours, &theirs).ok_or("both sides changed the same lines")?);
    let entry = Entry { blob: blob.hash(), mode };
    made.push(blob);
    Ok(Some(entry))
}

/// Merges two texts that grew out of `base` line by line, or returns `None` if they changed the same or adjacent lines differently.
#[must_use]
pub fn texts(base: &[u8], ours: &[u8], theirs: &[u8]) -> Option<Bytes> {
    text::lines_only(base, ours, theirs).into_clean().map(Into::into)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn merged(base: &str, ours: &str, theirs: &str) -> Option<String> {
        texts(base.as_bytes(), ours.as_bytes(), theirs.as_bytes())
            .map(|text| String::from_utf8_lossy(&text).into_owned())
    }

    #[test]
    fn changes_apart_merge_and_changes_at_one_place_do_not() {
        let base = "a\nb\nc\nd\n";
        assert_eq!(merged(base, "A\nb\nc\nd\n", "a\nb\nc\nD\n").as_deref(), Some("A\nb\nc\nD\n"));
        assert_eq!(merged(base, "A\nb\nc\nd\n", "a\nB\nc\nd\n"), None);
        assert_eq!(merged(base, "a\nx\nb\nc\nd\n", "a\ny\nb\nc\nd\n"), None);
        assert_eq!(merged(base, "a\nx\nc\nd\n", "a\nx\nc\nd\n").as_deref(), Some("a\nx\nc\nd\n"));
    }

    fn text() -> impl Strategy<Value = String> {
        prop::collection::vec("[abc]", 0..8).prop_map(|lines| lines.iter().map(|line| format!("{line}\n")).collect())
    }

    proptest! {
        #[test]
        fn a_side_that_did_nothing_yields_to_the_other(base in text(), other in text()) {
            prop_assert_eq!(merged(&base, &base, &other), Some(other.clone()));
            prop_assert_eq!(merged(&base, &other, &base), Some(other.clone()));
            prop_assert_eq!(merged(&base, &other, &other), Some(other));
        }

        #[test]
        fn the_sides_can_be_exchanged(base in text(), ours in text(), theirs in text()) {
            prop_assert_eq!(merged(&base, &ours, &theirs), merged(&base, &theirs, &ours));
        }
    }
}
