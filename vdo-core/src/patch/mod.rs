//! What turns one tree into another, file by file with renames, as a patch that `git apply` takes.
//!
//! Pure. Invariant: applied to the one tree, the patches of all its changes give the other one, to the byte: binary files,
//! files that are not UTF-8, odd names, links and modes included.

mod binary;
mod stat;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha1::{Digest as _, Sha1};

use crate::content::{BlobHash, Entry, Mode};
use crate::contents::Contents;
use crate::diff::{changed_paths, git_mode, hunks_bytes, is_binary, line_counts, quoted};
use crate::path::RepoPath;
use crate::rename::{self, Empty};
use crate::tree::FileTree;

pub use stat::stat;

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It is new.
    Created,
    /// It is there with other content, mode or kind.
    Modified,
    /// It is at another path.
    Renamed,
    /// It is gone.
    Deleted,
}

impl Status {
    /// Returns the name used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Modified => "modified",
            Self::Renamed => "renamed",
            Self::Deleted => "deleted",
        }
    }
}

/// One file that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// Where it is; for a deleted file, where it was.
    pub path: RepoPath,
    /// Where it was, if it was renamed, and how alike it is in percent.
    pub from: Option<(RepoPath, u8)>,
    /// What it was.
    pub before: Option<Entry>,
    /// What it is.
    pub after: Option<Entry>,
}

/// What a change amounts to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Size {
    /// Lines added; 0 for binary files.
    pub added: u32,
    /// Lines removed; 0 for binary files.
    pub removed: u32,
    /// For a binary file, its bytes before and after.
    pub binary: Option<(u64, u64)>,
}

impl FileChange {
    /// Returns what became of the file.
    #[must_use]
    pub fn status(&self) -> Status {
        match (self.before, self.after) {
            _ if self.from.is_some() => Status::Renamed,
            (None, _) => Status::Created,
            (_, None) => Status::Deleted,
            _ => Status::Modified,
        }
    }

    /// Returns the contents that [`patch`] and [`size`] take.
    #[must_use]
    pub fn contents(&self) -> BTreeSet<BlobHash> {
        [self.before, self.after].into_iter().flatten().map(|entry| entry.blob).collect()
    }
}

/// Returns the contents that [`changes`] will need to tell renames.
#[must_use]
pub fn needed(before: &FileTree, after: &FileTree) -> BTreeSet<BlobHash> {
    rename::needed(before, after)
}

/// Returns the files that differ, in path order. `contents` has what [`needed`] names.
#[must_use]
pub fn changes(before: &FileTree, after: &FileTree, contents: &Contents) -> Vec<FileChange> {
    let renames = rename::renames(before, after, contents, Empty::Pairs);
    let sources: BTreeSet<&RepoPath> = renames.iter().map(|rename| &rename.from).collect();
    let targets: BTreeMap<&RepoPath, _> = renames.iter().map(|rename| (&rename.to, rename)).collect();
    let changed = changed_paths(before, after).into_iter();
    changed
        .filter(|(path, _, _)| !sources.contains(path))
        .map(|(path, old, new)| match targets.get(&path) {
            Some(rename) => {
                let from = Some((rename.from.clone(), rename.similarity));
                FileChange { path, from, before: before.get(&rename.from), after: new }
            }
            None => FileChange { path, from: None, before: old, after: new },
        })
        .collect()
}

/// Returns what a change amounts to. A side that is not there is empty.
#[must_use]
pub fn size(old: &[u8], new: &[u8]) -> Size {
    if is_binary(old) || is_binary(new) {
        return Size { binary: Some((old.len() as u64, new.len() as u64)), ..Size::default() };
    }
    let counts = line_counts(old, new);
    Size { added: counts.added, removed: counts.removed, binary: None }
}

/// Returns the patch of one file, as `git apply` takes it. A side that is not there is empty.
#[must_use]
pub fn patch(change: &FileChange, old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    match (change.before, change.after) {
        // Another kind of thing: git takes that as one file gone and one new.
        (Some(before), Some(after)) if kind(before.mode) != kind(after.mode) => {
            write(&mut text, &FileChange { after: None, ..change.clone() }, old, b"");
            write(&mut text, &FileChange { before: None, ..change.clone() }, b"", new);
        }
        _ => write(&mut text, change, old, new),
    }
    text
}

fn kind(mode: Mode) -> u8 {
    match mode {
        Mode::File | Mode::Executable => 0,
        Mode::Symlink => 1,
        Mode::Submodule => 2,
    }
}

fn write(text: &mut Vec<u8>, change: &FileChange, old: &[u8], new: &[u8]) {
    let old_path = change.from.as_ref().map_or(&change.path, |(from, _)| from);
    let (old_name, new_name) = (quoted("a/", old_path), quoted("b/", &change.path));
    let mut header = format!("diff --git {old_name} {new_name}\n");
    match (change.before, change.after) {
        (None, Some(entry)) => header += &format!("new file mode {}\n", git_mode(entry.mode)),
        (Some(entry), None) => header += &format!("deleted file mode {}\n", git_mode(entry.mode)),
        (Some(before), Some(after)) if before.mode != after.mode => {
            header += &format!("old mode {}\nnew mode {}\n", git_mode(before.mode), git_mode(after.mode));
        }
        _ => {}
    }
    if let Some((from, similarity)) = &change.from {
        let (from, to) = (quoted("", from), quoted("", &change.path));
        header += &format!("similarity index {similarity}%\nrename from {from}\nrename to {to}\n");
    }
    let (was, is) = (shown(change.before, old), shown(change.after, new));
    let made_or_gone = change.before.is_none() || change.after.is_none();
    if was != is || made_or_gone {
        header += &format!("index {}..{}", object(change.before, old), object(change.after, new));
        match (change.before, change.after) {
            (Some(before), Some(after)) if before.mode == after.mode => {
                header += &format!(" {}\n", git_mode(after.mode));
            }
            _ => header.push('\n'),
        }
    }
    text.extend_from_slice(header.as_bytes());
    if was == is {
        return;
    }
    if is_binary(&was) || is_binary(&is) {
        binary::write(text, &was, &is);
        return;
    }
    let label = |entry: Option<Entry>, name: &str| match entry {
        None => "/dev/null".to_owned(),
        // A name with a blank ends at the tab.
        Some(_) if name.contains(' ') && !name.starts_with('"') => format!("{name}\t"),
        Some(_) => name.to_owned(),
    };
    let labels = format!("--- {}\n+++ {}\n", label(change.before, &old_name), label(change.after, &new_name));
    text.extend_from_slice(labels.as_bytes());
    text.extend_from_slice(&hunks_bytes(&was, &is));
}

/// Returns the bytes that a patch shows for an entry.
fn shown(entry: Option<Entry>, bytes: &[u8]) -> Vec<u8> {
    match entry {
        Some(entry) if entry.mode == Mode::Submodule => [b"Subproject commit ", bytes, b"\n"].concat(),
        _ => bytes.to_vec(),
    }
}

/// Returns the name that git has for a content; zeros if there is none.
fn object(entry: Option<Entry>, bytes: &[u8]) -> String {
    match entry {
        None => "0".repeat(40),
        Some(entry) if entry.mode == Mode::Submodule => String::from_utf8_lossy(bytes).trim().to_owned(),
        Some(_) => {
            let mut hasher = Sha1::new();
            hasher.update(format!("blob {}\0", bytes.len()));
            hasher.update(bytes);
            hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
        }
    }
}

#[cfg(test)]
mod tests;
