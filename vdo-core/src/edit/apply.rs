//! Laying edits over a tree.

use std::collections::BTreeMap;

use super::file::{elided, replaced};
use super::{Edit, EditError, FileOp, Hunk, Rung, Sequence};
use crate::content::{Blob, BlobHash, Bytes, Entry, Mode};
use crate::contents::Contents;
use crate::path::RepoPath;
use crate::tree::FileTree;

/// The largest file an edit may leave behind, in bytes.
pub const MAX_FILE_BYTES: usize = 16 * 1024 * 1024;

const BOM: &str = "\u{feff}";

/// What creating a file, or moving one, does to what lies there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and the edit is refused.
    #[default]
    Refuse,
    /// It is replaced: the edit was made by somebody who saw this version.
    Replace,
}

/// What edits made of a tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// The tree.
    pub tree: FileTree,
    /// The contents that are new.
    pub blobs: Vec<Blob>,
    /// The paths that were touched: what lies there now.
    pub touched: BTreeMap<RepoPath, Option<Entry>>,
    /// The loosest comparison that was needed.
    pub rung: Option<Rung>,
    /// How each block was found: the path, the block of the reply from 1, the comparison.
    pub rungs: Vec<(RepoPath, usize, Rung)>,
}

/// The good part of edits, and what is wrong with the rest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Partial {
    /// What landed.
    pub applied: Applied,
    /// Why the rest did not; empty if all landed.
    pub faults: Vec<EditError>,
}

/// Returns the contents that [`apply`] will need.
#[must_use]
pub fn needed(edits: &[Edit], tree: &FileTree) -> Vec<BlobHash> {
    edits
        .iter()
        .filter(|edit| matches!(edit.op, FileOp::Replace(_) | FileOp::Write(_) | FileOp::Create(_)))
        .filter_map(|edit| tree.get(&edit.path))
        .filter(|entry| entry.mode.is_file())
        .map(|entry| entry.blob)
        .collect()
}

/// Lays `edits` over `tree`: all of them, or none.
///
/// Several edits of one file are joined; each is looked up in the file as it was. `contents` has what [`needed`] names.
///
/// # Errors
/// Every fault of every edit, so that one repair can mend them all.
pub fn apply(edits: &[Edit], tree: &FileTree, contents: &Contents) -> Result<Applied, Vec<EditError>> {
    let done = apply_good(edits, tree, contents, Sequence::AtOnce, Existing::Refuse);
    if done.faults.is_empty() { Ok(done.applied) } else { Err(done.faults) }
}

/// Lays what is good of `edits` over `tree`.
///
/// With [`Sequence::AtOnce`] all hunks of a file are looked up in the file as it was; with [`Sequence::InTurn`] each edit
/// sees what those before it did.
#[must_use]
pub fn apply_good(
    edits: &[Edit],
    tree: &FileTree,
    contents: &Contents,
    sequence: Sequence,
    existing: Existing,
) -> Partial {
    let applied = Applied { tree: tree.clone(), ..Applied::default() };
    let mut laying = Laying { contents, existing, done: Partial { applied, faults: Vec::new() } };
    match sequence {
        Sequence::InTurn => edits.iter().for_each(|edit| laying.lay(edit)),
        Sequence::AtOnce => joined(edits).iter().for_each(|edit| laying.lay(edit)),
    }
    laying.done
}

/// Joins replacements of one file that stand apart in the reply.
fn joined(edits: &[Edit]) -> Vec<Edit> {
    let mut joined: Vec<Edit> = Vec::new();
    for edit in edits {
        let earlier = joined.iter_mut().rev().find(|other| other.path == edit.path);
        match (earlier, &edit.op) {
            (Some(Edit { op: FileOp::Replace(hunks), .. }), FileOp::Replace(more)) => {
                hunks.extend(more.iter().cloned())
            }
            _ => joined.push(edit.clone()),
        }
    }
    joined
}

/// Edits being laid.
struct Laying<'c> {
    contents: &'c Contents,
    existing: Existing,
    done: Partial,
}

impl Laying<'_> {
    fn lay(&mut self, edit: &Edit) {
        if let Err(fault) = self.one(edit) {
            self.done.faults.push(fault);
        }
    }

    fn one(&mut self, edit: &Edit) -> Result<(), EditError> {
        let path = &edit.path;
        let there = self.done.applied.tree.get(path);
        match &edit.op {
            FileOp::Create(_) if there.is_some() && self.existing == Existing::Refuse => {
                Err(EditError::Exists { path: path.clone() })
            }
            FileOp::Create(text) | FileOp::Write(text) => self.whole(path, text, there),
            FileOp::Delete | FileOp::Move(_) if there.is_none() => Err(EditError::Missing { path: path.clone() }),
            FileOp::Delete => {
                self.done.applied.tree.0.remove(path);
                self.done.applied.touched.insert(path.clone(), None);
                Ok(())
            }
            FileOp::Move(to) => self.moved(path, to),
            FileOp::Replace(hunks) => self.replace(path, hunks, there),
        }
    }

    fn moved(&mut self, path: &RepoPath, to: &RepoPath) -> Result<(), EditError> {
        let applied = &mut self.done.applied;
        if applied.tree.get(to).is_some() && (self.existing == Existing::Refuse || path == to) {
            return Err(EditError::Exists { path: to.clone() });
        }
        let Some(entry) = applied.tree.0.remove(path) else { return Err(EditError::Missing { path: path.clone() }) };
        if let Err(fault) = place(to, applied) {
            applied.tree.0.insert(path.clone(), entry);
            return Err(fault);
        }
        applied.touched.insert(path.clone(), None);
        applied.tree.0.insert(to.clone(), entry);
        applied.touched.insert(to.clone(), Some(entry));
        Ok(())
    }

    /// Gives a file its whole content, with the line ends and the mark of the one it replaces.
    fn whole(&mut self, path: &RepoPath, text: &str, there: Option<Entry>) -> Result<(), EditError> {
        let old = there.and_then(|entry| self.bytes(entry));
        let old = old.as_deref().and_then(|old| std::str::from_utf8(old).ok()).unwrap_or_default();
        if let Some(line) = elided(text, |line| old.lines().any(|have| have.trim() == line.trim())) {
            return Err(EditError::Elided { path: path.clone(), block: 0, line });
        }
        let is_crlf = old.contains("\r\n") && old.matches('\n').count() == old.matches("\r\n").count();
        let mut text = if is_crlf { text.replace("\r\n", "\n").replace('\n', "\r\n") } else { text.to_owned() };
        if old.starts_with(BOM) && !text.starts_with(BOM) {
            text.insert_str(0, BOM);
        }
        self.write(path, text.into_bytes())
    }

    fn replace(&mut self, path: &RepoPath, hunks: &[Hunk], there: Option<Entry>) -> Result<(), EditError> {
        let Some(entry) = there else {
            return match hunks {
                [Hunk { find, replace, .. }] if find.trim().is_empty() => self.write(path, replace.as_bytes().to_vec()),
                _ => Err(EditError::Missing { path: path.clone() }),
            };
        };
        let not_text = |reason: &str| EditError::NotText { path: path.clone(), reason: reason.to_owned() };
        if !entry.mode.is_file() {
            return Err(not_text("it is a link or a submodule, which cannot be edited"));
        }
        let bytes = self.bytes(entry).ok_or_else(|| not_text("its content is not at hand"))?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| not_text("it is not UTF-8 text; give it whole or leave it alone"))?;
        if let [Hunk { find, replace, .. }] = hunks
            && find.trim().is_empty()
            && text.trim().is_empty()
        {
            return self.write(path, replace.as_bytes().to_vec());
        }
        let mut done = replaced(path, text, hunks);
        self.done.faults.append(&mut done.faults);
        if done.rungs.is_empty() {
            return Ok(());
        }
        self.write(path, done.text.into_bytes())?;
        let loosest = done.rungs.iter().map(|(_, rung)| *rung).max();
        self.done.applied.rung = self.done.applied.rung.max(loosest);
        self.done.applied.rungs.extend(done.rungs.into_iter().map(|(block, rung)| (path.clone(), block, rung)));
        Ok(())
    }

    /// Returns a content that is at hand, or that these edits have made.
    fn bytes(&self, entry: Entry) -> Option<Bytes> {
        let made = self.done.applied.blobs.iter().rev().find(|blob| blob.hash() == entry.blob);
        made.map(|blob| blob.bytes().clone()).or_else(|| self.contents.get(entry.blob))
    }

    fn write(&mut self, path: &RepoPath, bytes: Vec<u8>) -> Result<(), EditError> {
        let applied = &mut self.done.applied;
        if bytes.len() > MAX_FILE_BYTES {
            let bytes = bytes.len();
            return Err(EditError::TooLarge { path: path.clone(), bytes, limit: MAX_FILE_BYTES });
        }
        place(path, applied)?;
        let mode = match applied.tree.get(path) {
            Some(entry) if !entry.mode.is_file() => {
                let reason = "it is a link or a submodule, which cannot be overwritten".to_owned();
                return Err(EditError::NotText { path: path.clone(), reason });
            }
            Some(entry) => entry.mode,
            None => Mode::File,
        };
        let blob = Blob::new(bytes);
        let entry = Entry { blob: blob.hash(), mode };
        applied.tree.0.insert(path.clone(), entry);
        applied.touched.insert(path.clone(), Some(entry));
        applied.blobs.push(blob);
        Ok(())
    }
}

/// Says why a file cannot lie at `path`, if it cannot.
fn place(path: &RepoPath, applied: &Applied) -> Result<(), EditError> {
    if let Some(fault) = applied.tree.fault_at(path) {
        return Err(EditError::Place(fault.to_string()));
    }
    if applied.tree.get(path).is_none()
        && let Some(twin) = applied.tree.case_twin(path)
    {
        return Err(EditError::Place(format!("{path} differs from {twin} only in case")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(files: &[(&str, &str)]) -> (FileTree, Contents) {
        let mut contents = Contents::default();
        let tree = files
            .iter()
            .map(|(path, text)| {
                let blob = Blob::new(text.as_bytes());
                contents.add(&blob);
                (path.parse().unwrap(), Entry::file(blob.hash()))
            })
            .collect();
        (tree, contents)
    }

    fn replace(path: &str, find: &str, replace: &str) -> Edit {
        Edit { path: path.parse().unwrap(), op: FileOp::Replace(vec![Hunk::lines(find, replace)]) }
    }

    #[test]
    fn edits_of_one_file_are_looked_up_in_the_file_as_it_was() {
        let (tree, contents) = given(&[("a", "one\ntwo\n")]);
        let applied = apply(&[replace("a", "two\n", "one\n"), replace("a", "one\n", "1\n")], &tree, &contents).unwrap();
        assert_eq!(applied.tree, given(&[("a", "1\none\n")]).0);
    }

    #[test]
    fn one_fault_refuses_all_and_every_fault_is_told() {
        let (tree, contents) = given(&[("a", "x\n"), ("dup", "x\nx\n"), ("d/f", "")]);
        let edits = [
            replace("a", "x\n", "y\n"),
            replace("dup", "x\n", "y\n"),
            replace("gone", "x\n", "y\n"),
            Edit { path: "a".parse().unwrap(), op: FileOp::Create(String::new()) },
            Edit { path: "a/b".parse().unwrap(), op: FileOp::Write(String::new()) },
            Edit { path: "d".parse().unwrap(), op: FileOp::Write(String::new()) },
            Edit { path: "A".parse().unwrap(), op: FileOp::Write(String::new()) },
        ];
        let faults = apply(&edits, &tree, &contents).unwrap_err();
        assert_eq!(faults.len(), 6, "{faults:#?}");
    }

    #[test]
    fn the_good_part_lands_and_the_rest_is_told_by_block() {
        let (tree, contents) = given(&[("a", "one\ntwo\nthree\n")]);
        let block = |block, find: &str, replace: &str| Hunk { block, ..Hunk::lines(find, replace) };
        let hunks = vec![block(1, "one\n", "1\n"), block(2, "four\n", "4\n"), block(3, "three\n", "3\n")];
        let edits = [Edit { path: "a".parse().unwrap(), op: FileOp::Replace(hunks) }];
        let done = apply_good(&edits, &tree, &contents, Sequence::AtOnce, Existing::Refuse);
        assert_eq!(done.applied.tree, given(&[("a", "1\ntwo\n3\n")]).0);
        assert_eq!(done.faults.iter().map(EditError::block).collect::<Vec<_>>(), [Some(2)]);
    }

    #[test]
    fn a_new_file_can_come_as_a_block_with_nothing_to_find() {
        let (tree, contents) = given(&[]);
        let applied = apply(&[replace("new.py", "", "print()\n")], &tree, &contents).unwrap();
        assert_eq!(applied.tree, given(&[("new.py", "print()\n")]).0);
    }

    #[test]
    fn moving_keeps_mode_and_content() {
        let (mut tree, contents) = given(&[("a", "x")]);
        tree.0.get_mut("a").unwrap().mode = Mode::Executable;
        let edit = Edit { path: "a".parse().unwrap(), op: FileOp::Move("b/a".parse().unwrap()) };
        let applied = apply(&[edit], &tree, &contents).unwrap();
        assert_eq!(applied.tree.get(&"b/a".parse().unwrap()), tree.get(&"a".parse().unwrap()));
        assert_eq!(applied.tree.len(), 1);
    }

    #[test]
    fn a_file_given_whole_keeps_its_line_ends_and_its_mark() {
        let (tree, contents) = given(&[("a", "\u{feff}one\r\ntwo\r\n")]);
        let edit = Edit { path: "a".parse().unwrap(), op: FileOp::Write("1\n2\n".to_owned()) };
        assert_eq!(apply(&[edit], &tree, &contents).unwrap().tree, given(&[("a", "\u{feff}1\r\n2\r\n")]).0);
    }
}
