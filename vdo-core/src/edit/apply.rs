//! Laying edits over a tree.

use std::collections::BTreeMap;

use super::matching::{Miss, find};
use super::{Edit, EditError, FileOp, Hunk, Rung};
use crate::content::{Blob, BlobHash, Entry, Mode};
use crate::contents::Contents;
use crate::path::RepoPath;
use crate::tree::FileTree;

/// The largest file an edit may leave behind, in bytes.
pub const MAX_FILE_BYTES: usize = 16 * 1024 * 1024;

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
}

/// Returns the contents that [`apply`] will need.
#[must_use]
pub fn needed(edits: &[Edit], tree: &FileTree) -> Vec<BlobHash> {
    edits
        .iter()
        .filter(|edit| matches!(edit.op, FileOp::Replace(_)))
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
    let mut applied = Applied { tree: tree.clone(), ..Applied::default() };
    let mut faults = Vec::new();
    for edit in joined(edits) {
        if let Err(mut errors) = one(&edit, tree, contents, &mut applied) {
            faults.append(&mut errors);
        }
    }
    if faults.is_empty() { Ok(applied) } else { Err(faults) }
}

/// Joins replacements of one file that stand apart in the reply.
fn joined(edits: &[Edit]) -> Vec<Edit> {
    let mut joined: Vec<Edit> = Vec::new();
    for edit in edits {
        let earlier = joined.iter_mut().find(|other| other.path == edit.path);
        match (earlier, &edit.op) {
            (Some(Edit { op: FileOp::Replace(hunks), .. }), FileOp::Replace(more)) => {
                hunks.extend(more.iter().cloned())
            }
            _ => joined.push(edit.clone()),
        }
    }
    joined
}

fn one(edit: &Edit, base: &FileTree, contents: &Contents, applied: &mut Applied) -> Result<(), Vec<EditError>> {
    let path = &edit.path;
    let fail = |error: EditError| Err(vec![error]);
    let there = applied.tree.get(path);
    match &edit.op {
        FileOp::Create(_) if there.is_some() => fail(EditError::Exists { path: path.clone() }),
        FileOp::Create(text) | FileOp::Write(text) => write(path, text.as_bytes().to_vec(), applied),
        FileOp::Delete | FileOp::Move(_) if there.is_none() => fail(EditError::Missing { path: path.clone() }),
        FileOp::Delete => {
            applied.tree.0.remove(path);
            applied.touched.insert(path.clone(), None);
            Ok(())
        }
        FileOp::Move(to) => {
            if applied.tree.get(to).is_some() {
                return fail(EditError::Exists { path: to.clone() });
            }
            let entry = applied.tree.0.remove(path);
            applied.touched.insert(path.clone(), None);
            place(to, applied)?;
            if let Some(entry) = entry {
                applied.tree.0.insert(to.clone(), entry);
                applied.touched.insert(to.clone(), Some(entry));
            }
            Ok(())
        }
        FileOp::Replace(hunks) => {
            let Some(entry) = base.get(path) else {
                return match hunks.as_slice() {
                    [Hunk { find, replace, .. }] if find.trim().is_empty() => {
                        write(path, replace.as_bytes().to_vec(), applied)
                    }
                    _ => fail(EditError::Missing { path: path.clone() }),
                };
            };
            let not_text = |reason: &str| vec![EditError::NotText { path: path.clone(), reason: reason.to_owned() }];
            if !entry.mode.is_file() {
                return Err(not_text("it is a link or a submodule, which cannot be edited"));
            }
            let bytes = contents.get(entry.blob).ok_or_else(|| not_text("its content is not at hand"))?;
            let text = std::str::from_utf8(&bytes)
                .map_err(|_| not_text("it is not UTF-8 text; give it whole or leave it alone"))?;
            let (text, rung) = replaced(path, text, hunks)?;
            applied.rung = applied.rung.max(Some(rung));
            write(path, text.into_bytes(), applied)
        }
    }
}

fn place(path: &RepoPath, applied: &Applied) -> Result<(), Vec<EditError>> {
    if let Some(fault) = applied.tree.fault_at(path) {
        return Err(vec![EditError::Place(fault.to_string())]);
    }
    if applied.tree.get(path).is_none()
        && let Some(twin) = applied.tree.case_twin(path)
    {
        return Err(vec![EditError::Place(format!("{path} differs from {twin} only in case"))]);
    }
    Ok(())
}

fn write(path: &RepoPath, bytes: Vec<u8>, applied: &mut Applied) -> Result<(), Vec<EditError>> {
    if bytes.len() > MAX_FILE_BYTES {
        let bytes = bytes.len();
        return Err(vec![EditError::TooLarge { path: path.clone(), bytes, limit: MAX_FILE_BYTES }]);
    }
    place(path, applied)?;
    let mode = match applied.tree.get(path) {
        Some(entry) if !entry.mode.is_file() => {
            let reason = "it is a link or a submodule, which cannot be overwritten".to_owned();
            return Err(vec![EditError::NotText { path: path.clone(), reason }]);
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

fn replaced(path: &RepoPath, text: &str, hunks: &[Hunk]) -> Result<(String, Rung), Vec<EditError>> {
    let mut places = Vec::new();
    let mut faults = Vec::new();
    for (at, hunk) in hunks.iter().enumerate() {
        let block = at + 1;
        if hunk.find.is_empty() {
            if text.trim().is_empty() {
                return Ok((hunk.replace.clone(), Rung::Exact));
            }
            faults.push(EditError::EmptyFind { path: path.clone() });
            continue;
        }
        match find(text, hunk) {
            Ok(found) => places.extend(found.into_iter().map(|place| (block, place))),
            Err(Miss::Nothing(hint)) => faults.push(EditError::NotFound { path: path.clone(), block, hint }),
            Err(Miss::Several(lines)) => faults.push(EditError::Ambiguous { path: path.clone(), block, lines }),
        }
    }
    places.sort_by_key(|(_, place)| (place.range.start, place.range.end));
    for pair in places.windows(2) {
        if let [(one, first), (other, second)] = pair
            && second.range.start < first.range.end
        {
            faults.push(EditError::Overlap { path: path.clone(), one: *one, other: *other });
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let rung = places.iter().map(|(_, place)| place.rung).max().unwrap_or(Rung::Exact);
    let mut result = text.to_owned();
    for (_, place) in places.iter().rev() {
        result.replace_range(place.range.clone(), &place.text);
    }
    Ok((result, rung))
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
        let hunk = Hunk { find: find.to_owned(), replace: replace.to_owned(), all: false };
        Edit { path: path.parse().unwrap(), op: FileOp::Replace(vec![hunk]) }
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
}
