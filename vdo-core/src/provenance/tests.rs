//! What is said of where lines and files come from.

use super::*;
use crate::content::{Blob, Entry};

struct World {
    lineage: Lineage,
    trees: BTreeMap<RevisionId, FileTree>,
    contents: Contents,
}

/// A revision with its parents and files.
type Node<'a> = (u64, &'a [u64], &'a [(&'a str, &'a str)]);

impl World {
    fn new(revisions: &[Node<'_>]) -> Self {
        let (mut trees, mut contents) = (BTreeMap::new(), Contents::default());
        for (id, _, files) in revisions {
            let mut tree = FileTree::default();
            for (path, text) in *files {
                let blob = Blob::new(text.as_bytes());
                contents.add(&blob);
                tree.0.insert(path.parse().unwrap(), Entry::file(blob.hash()));
            }
            trees.insert(RevisionId(*id), tree);
        }
        let ids = |ids: &[u64]| ids.iter().copied().map(RevisionId).collect();
        let lineage = Lineage::new(revisions.iter().map(|(id, parents, _)| (RevisionId(*id), ids(parents)))).unwrap();
        Self { lineage, trees, contents }
    }

    /// Returns the revision and path that each line comes from.
    fn blame(&self, revision: u64, path: &str) -> Vec<(u64, String)> {
        let revision = RevisionId(revision);
        let path: RepoPath = path.parse().unwrap();
        let blob = self.trees[&revision].get(&path).unwrap().blob;
        let mut blame = Blame::new(self.lineage.clone(), revision, path, blob);
        while let Some(ask) = blame.ask() {
            match ask {
                Ask::Origin { revision, path, parent, .. } => {
                    let (before, after) = (&self.trees[&parent], &self.trees[&revision]);
                    let contents = self.only(needed(before, after, &path));
                    blame.tell_origin(origin(before, after, &path, &contents));
                }
                Ask::Contents { old, new } => blame.tell_contents(&self.only([old, new])),
                Ask::Content(blob) => blame.tell_contents(&self.only([blob])),
            }
        }
        blame.finish().into_iter().map(|line| (line.revision.0, line.path.to_string())).collect()
    }

    fn only(&self, hashes: impl IntoIterator<Item = BlobHash>) -> Contents {
        let mut contents = Contents::default();
        hashes.into_iter().for_each(|hash| contents.add(&Blob::new(self.contents.get(hash).unwrap())));
        contents
    }
}

fn at(path: &str, revisions: &[u64]) -> Vec<(u64, String)> {
    revisions.iter().map(|revision| (*revision, path.to_owned())).collect()
}

#[test]
fn lines_belong_to_the_revision_that_brought_them() {
    let world = World::new(&[
        (1, &[], &[("f", "1\n2\n3\n")]),
        (2, &[1], &[("f", "1\ntwo\n3\n")]),
        (3, &[2], &[("f", "0\n1\ntwo\n3\n"), ("other", "x")]),
        (4, &[3], &[("f", "0\n1\n3\n4\n")]),
    ]);
    assert_eq!(world.blame(4, "f"), at("f", &[3, 1, 1, 4]));
    assert_eq!(world.blame(3, "f"), at("f", &[3, 1, 2, 1]));
    assert_eq!(world.blame(1, "f"), at("f", &[1, 1, 1]));
}

#[test]
fn a_merge_owns_only_what_neither_parent_has() {
    let world = World::new(&[
        (1, &[], &[("f", "1\n2\n3\n4\n5\n")]),
        (2, &[1], &[("f", "ours\n2\n3\n4\n5\nboth\n")]),
        (3, &[1], &[("f", "1\n2\n3\n4\ntheirs\nboth\n")]),
        (4, &[2, 3], &[("f", "ours\n2\nmerge\n4\ntheirs\nboth\n")]),
    ]);
    assert_eq!(world.blame(4, "f"), at("f", &[2, 1, 4, 1, 3, 2]));
}

#[test]
fn renames_are_followed_with_and_without_changes() {
    let text = "one line\nanother line\nthird line\nfourth line\n";
    let changed = text.replace("third", "3rd");
    let world = World::new(&[
        (1, &[], &[("a", text), ("kept", "k")]),
        (2, &[1], &[("b", text), ("kept", "k")]),
        (3, &[2], &[("c/d", &changed), ("kept", "k")]),
        (4, &[1], &[("a", text), ("kept", "k2")]),
        (5, &[4, 3], &[("c/d", &changed), ("kept", "k2")]),
    ]);
    let expected = [(1, "a"), (1, "a"), (3, "c/d"), (1, "a")].map(|(revision, path)| (revision, path.to_owned()));
    assert_eq!(world.blame(3, "c/d"), expected);
    assert_eq!(world.blame(5, "c/d"), expected);
    assert_eq!(world.blame(5, "kept"), at("kept", &[4]));
}

#[test]
fn an_unfinished_line_a_file_without_lines_and_a_binary_one_have_origins_too() {
    let world = World::new(&[
        (1, &[], &[("f", "a\nb"), ("e", ""), ("p", "x\0\ny\n")]),
        (2, &[1], &[("f", "a\nb\n"), ("e", ""), ("p", "x\0\ny\n")]),
    ]);
    assert_eq!(world.blame(2, "f"), at("f", &[1, 2]));
    assert_eq!(world.blame(2, "e"), at("e", &[]));
    assert_eq!(world.blame(2, "p"), at("p", &[1]));
}

#[test]
fn lines_that_meet_again_at_an_old_version_are_settled_once() {
    // Both sides of the merge lead to the same version of the file, by different lines.
    let world = World::new(&[
        (1, &[], &[("f", "1\n2\n3\n4\n5\n6\n")]),
        (2, &[1], &[("f", "A\n2\n3\n4\n5\n6\n")]),
        (3, &[1], &[("f", "1\n2\n3\n4\n5\nB\n")]),
        (4, &[2, 3], &[("f", "A\n2\n3\n4\n5\nB\n")]),
        (5, &[1], &[("f", "1\n2\nC\n4\n5\n6\n")]),
        (6, &[5, 4], &[("f", "A\n2\nC\n4\n5\nB\n")]),
    ]);
    assert_eq!(world.blame(6, "f"), at("f", &[2, 1, 5, 1, 1, 3]));
}

#[test]
fn a_long_chain_is_walked_without_recursion() {
    let text: String = (0..50).map(|line| format!("{line}\n")).collect();
    let last = 3000;
    let texts: Vec<String> = (1..=last)
        .map(|id| if id == 1 { text.clone() } else { text.replace("\n7\n", &format!("\nline {id}\n")) })
        .collect();
    let mut contents = Contents::default();
    let mut trees = BTreeMap::new();
    for (id, text) in (1..).zip(&texts) {
        let blob = Blob::new(text.as_bytes());
        contents.add(&blob);
        trees.insert(RevisionId(id), FileTree::from_iter([("f".parse().unwrap(), Entry::file(blob.hash()))]));
    }
    let graph = (1..=last).map(|id| (RevisionId(id), if id == 1 { vec![] } else { vec![RevisionId(id - 1)] }));
    let world = World { lineage: Lineage::new(graph).unwrap(), trees, contents };
    let mut expected = vec![1; 50];
    expected[7] = last;
    assert_eq!(world.blame(last, "f"), at("f", &expected));
}
