//! The merge of two trees that grew out of one.
//!
//! Per path: what only one side changed is taken; what both changed merges as text or is a conflict; renames are followed
//! (see [`super::moves`]). Invariant: exchanging the sides exchanges them in the conflicts and changes nothing else but what
//! the tree holds on conflicting paths, which is what our side has.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::content::{Blob, BlobHash, Bytes, Entry};
use crate::contents::Contents;
use crate::diff::is_binary;
use crate::merge::conflict::{Conflict, ConflictKind, Places};
use crate::merge::moves::{Moved, Moves, Rows, Terms};
use crate::merge::text::{self, Texts};
use crate::path::RepoPath;
use crate::syntax::Syntax;
use crate::tree::FileTree;

/// A content with more bytes is never merged with another.
pub const MAX_TEXT_BYTES: usize = 100 << 20;
/// A content with more lines is never merged with another.
pub const MAX_TEXT_LINES: usize = 1_000_000;

/// The outcome of merging trees.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Merged {
    /// The tree; on a conflicting path it has what our side has, where our side has it.
    pub tree: FileTree,
    /// Contents that the merge made.
    pub blobs: Vec<Blob>,
    /// What is left to decide, in path order.
    pub conflicts: Vec<Conflict>,
}

/// Returns the contents that [`trees`] can need: those of files changed on both sides, and those by which renames are told
/// (only where a side deleted a file that the other changed, or both added one path).
#[must_use]
pub fn needed(base: &FileTree, ours: &FileTree, theirs: &FileTree) -> BTreeSet<BlobHash> {
    let rows = Rows::new(base, ours, theirs);
    let mut needed = rows.needed();
    for terms in rows.0.values() {
        let Terms { base, ours, theirs } = *terms;
        if ours != theirs && ours != base && theirs != base && ours.is_some() && theirs.is_some() {
            needed.extend([base, ours, theirs].into_iter().flatten().map(|entry| entry.blob));
        }
    }
    needed
}

/// Merges two trees that grew out of `base`. `contents` has what [`needed`] names.
///
/// A file that one side renamed and the other changed is at its new path, with the change. Renamed to two paths, or renamed
/// by one side and deleted by the other, it is a conflict; a new path at which the other side has something else is one too.
#[must_use]
pub fn trees(base: &FileTree, ours: &FileTree, theirs: &FileTree, contents: &Contents, syntax: &dyn Syntax) -> Merged {
    let rows = Rows::new(base, ours, theirs);
    let moves = Moves::new(&rows, contents);
    let merged = Merged { tree: ours.clone(), ..Merged::default() };
    let mut joiner = Joiner { rows: &rows, ours, theirs, contents, syntax, merged, targets: BTreeMap::new() };
    let mut followed = BTreeSet::new();
    for moved in &moves.followed {
        followed.extend([Some(&moved.from), moved.ours.as_ref(), moved.theirs.as_ref()].into_iter().flatten());
        joiner.follow(moved);
    }
    for (path, terms) in rows.0.iter().filter(|(path, _)| !followed.contains(*path)) {
        joiner.plain(path, *terms, moves.disputed.contains(path));
    }
    joiner.part_clashes();
    joiner.merged.conflicts.sort_by(|one, other| one.path.cmp(&other.path));
    joiner.merged
}

/// Why two terms do not merge.
struct Fault {
    kind: ConflictKind,
    reason: String,
}

fn fault<T>(kind: ConflictKind, reason: impl Into<String>) -> Result<T, Fault> {
    Err(Fault { kind, reason: reason.into() })
}

struct Joiner<'a> {
    rows: &'a Rows,
    ours: &'a FileTree,
    theirs: &'a FileTree,
    contents: &'a Contents,
    syntax: &'a dyn Syntax,
    merged: Merged,
    /// Files that moved, by where they are merged.
    targets: BTreeMap<RepoPath, Moved>,
}

impl Joiner<'_> {
    /// Merges what lies at one path.
    fn plain(&mut self, path: &RepoPath, terms: Terms, disputed: bool) {
        let Terms { base, ours, theirs } = terms;
        if ours == theirs || theirs == base {
            return;
        }
        let merged = if ours == base {
            Ok(theirs)
        } else if disputed {
            fault(ConflictKind::Renamed, "a file was renamed to this path, where the other side has another one")
        } else {
            self.merge(path, terms)
        };
        match merged {
            Ok(entry) => self.put(path, entry),
            Err(fault) => self.conflict(path, terms, Places::default(), fault),
        }
    }

    /// Merges a file that a side moved.
    fn follow(&mut self, moved: &Moved) {
        let at = |path: &RepoPath| self.rows.at(path);
        let base = at(&moved.from).and_then(|terms| terms.base);
        let ours = moved.ours.as_ref().and_then(at).and_then(|terms| terms.ours);
        let theirs = moved.theirs.as_ref().and_then(at).and_then(|terms| terms.theirs);
        let terms = Terms { base, ours, theirs };
        let new = |place: &Option<RepoPath>| place.clone().filter(|place| *place != moved.from);
        let (target, merged) = match (new(&moved.ours), new(&moved.theirs)) {
            (Some(one), Some(other)) if one != other => {
                let reason = format!("the sides renamed the file to {} and {}", (&one).min(&other), (&one).max(&other));
                (moved.from.clone(), fault(ConflictKind::Renamed, reason))
            }
            (Some(target), _) | (None, Some(target)) => {
                let merged = if ours.is_none() || theirs.is_none() {
                    fault(
                        ConflictKind::Deleted,
                        format!("one side renamed {} to this, the other deleted it", moved.from),
                    )
                } else {
                    self.merge(&target, terms)
                };
                (target, merged)
            }
            (None, None) => return,
        };
        self.targets.insert(target.clone(), moved.clone());
        match merged {
            Ok(entry) => {
                for place in [Some(&moved.from), moved.ours.as_ref()].into_iter().flatten() {
                    self.merged.tree.0.remove(place);
                }
                self.put(&target, entry);
            }
            Err(fault) => self.conflict(&target, terms, places(moved, &target), fault),
        }
    }

    fn put(&mut self, path: &RepoPath, entry: Option<Entry>) {
        match entry {
            Some(entry) => drop(self.merged.tree.0.insert(path.clone(), entry)),
            None => drop(self.merged.tree.0.remove(path)),
        }
    }

    fn conflict(&mut self, path: &RepoPath, terms: Terms, places: Places, fault: Fault) {
        let (Terms { base, ours, theirs }, Fault { kind, reason }) = (terms, fault);
        self.merged.conflicts.push(Conflict {
            path: path.clone(),
            base,
            ours,
            theirs,
            reason,
            kind,
            places,
            parent: 0,
        });
    }

    /// Merges three files. At least two of them differ from each other.
    fn merge(&mut self, path: &RepoPath, terms: Terms) -> Result<Option<Entry>, Fault> {
        let Terms { base, ours: Some(ours), theirs: Some(theirs) } = terms else {
            return fault(ConflictKind::Deleted, "one side deleted the file, the other changed it");
        };
        let mode = match base {
            _ if ours.mode == theirs.mode => ours.mode,
            Some(base) if ours.mode == base.mode => theirs.mode,
            Some(base) if theirs.mode == base.mode => ours.mode,
            _ => return fault(ConflictKind::Mode, "the sides differ in the kind of file"),
        };
        if ours.blob == theirs.blob || base.is_some_and(|base| base.blob == theirs.blob) {
            return Ok(Some(Entry { blob: ours.blob, mode }));
        }
        if base.is_some_and(|base| base.blob == ours.blob) {
            return Ok(Some(Entry { blob: theirs.blob, mode }));
        }
        let all_files = mode.is_file() && ours.mode.is_file() && theirs.mode.is_file();
        if !(all_files && base.is_none_or(|base| base.mode.is_file())) {
            return fault(ConflictKind::Binary, "both sides changed a link or submodule");
        }
        let added = base.is_none();
        let base = base.map_or(Ok(Bytes::default()), |base| self.read(base))?;
        let (ours, theirs) = (self.read(ours)?, self.read(theirs)?);
        let versions = [base.as_ref(), ours.as_ref(), theirs.as_ref()];
        if versions.into_iter().any(is_binary) {
            return fault(ConflictKind::Binary, "both sides changed a binary file");
        }
        if let Some(reason) = versions.into_iter().find_map(too_large) {
            return fault(ConflictKind::Unread, reason);
        }
        let texts = Texts { path, base: &base, ours: &ours, theirs: &theirs };
        let merge = text::merge(texts, self.syntax);
        if let Some(first) = merge.conflicts().next() {
            return if added {
                fault(ConflictKind::Added, "both sides added the file with different contents")
            } else {
                fault(ConflictKind::Content, first.reason.clone())
            };
        }
        let blob = Blob::new(merge.into_clean().unwrap_or_default());
        let entry = Entry { blob: blob.hash(), mode };
        self.merged.blobs.push(blob);
        Ok(Some(entry))
    }

    fn read(&self, entry: Entry) -> Result<Bytes, Fault> {
        let missing = || Fault { kind: ConflictKind::Unread, reason: format!("the content {} is missing", entry.blob) };
        self.contents.get(entry.blob).ok_or_else(missing)
    }

    /// Makes conflicts of paths that cannot live in one folder, and leaves there what our side has.
    fn part_clashes(&mut self) {
        let mut parted: BTreeSet<RepoPath> = BTreeSet::new();
        loop {
            let mut all = Cow::Borrowed(&self.merged.tree);
            for conflict in &self.merged.conflicts {
                let files = &mut all.to_mut().0;
                files.extend(conflict.our_place().cloned().zip(conflict.ours));
                files.extend(conflict.their_place().cloned().zip(conflict.theirs));
            }
            let on_one_side = self.rows.0.iter().filter(|(_, terms)| terms.ours.is_none() || terms.theirs.is_none());
            let on_one_side: Vec<&RepoPath> = on_one_side.map(|(path, _)| path).collect();
            let clashes = clashes(&all, [self.ours, self.theirs], &on_one_side);
            let known = parted.len();
            for (path, reason) in clashes {
                if parted.insert(path.clone()) {
                    self.part(&path, reason);
                }
            }
            if parted.len() == known {
                return;
            }
        }
    }

    fn part(&mut self, path: &RepoPath, reason: String) {
        let at = |path: &RepoPath| self.rows.at(path).unwrap_or_else(|| same(self.ours.get(path)));
        let (terms, places) = match self.targets.get(path) {
            Some(moved) => {
                let base = at(&moved.from).base;
                let ours = moved.ours.as_ref().and_then(|place| at(place).ours);
                let theirs = moved.theirs.as_ref().and_then(|place| at(place).theirs);
                (Terms { base, ours, theirs }, places(moved, path))
            }
            None => (at(path), Places::default()),
        };
        self.merged.tree.0.remove(path);
        let our_place = places.ours.as_ref().unwrap_or(path);
        if let Some(entry) = terms.ours {
            self.merged.tree.0.insert(our_place.clone(), entry);
        }
        if !self.merged.conflicts.iter().any(|conflict| conflict.path == *path) {
            self.conflict(path, terms, places, Fault { kind: ConflictKind::Clash, reason });
        }
    }
}

/// The terms of a path that is alike in all trees.
fn same(entry: Option<Entry>) -> Terms {
    Terms { base: entry, ours: entry, theirs: entry }
}

/// Returns where the terms of a moved file lie, as far as that is not `path`.
fn places(moved: &Moved, path: &RepoPath) -> Places {
    let other = |place: &Option<RepoPath>| place.clone().filter(|place| place != path);
    Places { base: other(&Some(moved.from.clone())), ours: other(&moved.ours), theirs: other(&moved.theirs) }
}

fn too_large(text: &[u8]) -> Option<String> {
    if text.len() > MAX_TEXT_BYTES {
        return Some(format!("a version has {} bytes; above {MAX_TEXT_BYTES} nothing is merged", text.len()));
    }
    // Every line has a byte at least, so that most texts need not be counted.
    if text.len() <= MAX_TEXT_LINES {
        return None;
    }
    let lines = text.iter().filter(|byte| **byte == b'\n').count();
    (lines > MAX_TEXT_LINES).then(|| format!("a version has {lines} lines; above {MAX_TEXT_LINES} nothing is merged"))
}

/// Returns the paths of `all` that cannot live beside another one, each with the reason. Two that one of the sides has
/// beside each other can, so that one of the two is among those that only one side has.
fn clashes(all: &FileTree, sides: [&FileTree; 2], on_one_side: &[&RepoPath]) -> BTreeMap<RepoPath, String> {
    let mut found = BTreeMap::new();
    let changed: Vec<&RepoPath> = on_one_side.iter().copied().filter(|path| all.0.contains_key(*path)).collect();
    if changed.is_empty() {
        return found;
    }
    let mut add = |one: &RepoPath, other: &RepoPath, reason: &dyn Fn() -> String| {
        if !sides.iter().any(|side| side.0.contains_key(one) && side.0.contains_key(other)) {
            for path in [one, other] {
                found.entry(path.clone()).or_insert_with(reason);
            }
        }
    };
    let mut folded: BTreeMap<u64, Vec<&RepoPath>> = BTreeMap::new();
    for path in changed {
        folded.entry(folded_key(path)).or_default().push(path);
        let file_and_folder = |file: &RepoPath| format!("{file} would be a file and a folder");
        for folder in path.ancestors() {
            if let Some((file, _)) = all.0.get_key_value(folder) {
                add(file, path, &|| file_and_folder(file));
            }
        }
        let prefix = format!("{path}/");
        let from = (Bound::Included(prefix.as_str()), Bound::Unbounded);
        for (below, _) in all.0.range::<str, _>(from).take_while(|(below, _)| below.as_str().starts_with(&prefix)) {
            add(path, below, &|| file_and_folder(path));
        }
    }
    for path in all.0.keys() {
        let twins = folded.get(&folded_key(path)).into_iter().flatten();
        for twin in twins.filter(|twin| **twin != path && twin.folded() == path.folded()) {
            let (one, other) = (path.min(twin), path.max(twin));
            let reason = || format!("{one} and {other} differ only in case; many file systems cannot hold both");
            add(one, other, &reason);
        }
    }
    found
}

/// Returns a number that paths have in common if they differ only in case (FNV-1a). Almost all paths are ASCII, and need no
/// folded copy.
fn folded_key(path: &RepoPath) -> u64 {
    let add = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let text = path.as_str();
    if text.is_ascii() {
        return text.bytes().map(|byte| byte.to_ascii_lowercase()).fold(0xcbf2_9ce4_8422_2325, add);
    }
    path.folded().bytes().fold(0xcbf2_9ce4_8422_2325, add)
}

#[cfg(test)]
mod tests;
