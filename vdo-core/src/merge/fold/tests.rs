//! What is said of merges of several revisions.

use super::*;
use crate::content::{Blob, Entry};
use crate::syntax::NoSyntax;

const TEXT: &str = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n";

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
        let graph = revisions.iter().map(|(id, parents, _)| (RevisionId(*id), ids(parents)));
        Self { lineage: Lineage::new(graph).unwrap(), trees, contents }
    }

    /// Returns the text of `path` in the merged tree and the conflicts as path and parent.
    fn merge(&self, parents: &[u64], path: &str) -> (Option<String>, Vec<(String, u32, ConflictKind)>) {
        let plan = plan(&self.lineage, &ids(parents)).unwrap();
        let trees = plan.revisions().into_iter().map(|id| (id, self.trees[&id].clone())).collect();
        let mut fold = Fold::new(plan, trees).unwrap();
        let mut at_hand = Contents::default();
        while !fold.is_done() {
            for hash in fold.needed() {
                if !at_hand.has(hash) {
                    at_hand.add(&Blob::new(self.contents.get(hash).expect("only what a merge made is not stored")));
                }
            }
            fold.step(&mut at_hand, &NoSyntax);
        }
        let merged = fold.finish();
        let stored: Vec<&Blob> = merged.blobs.iter().collect();
        let text = merged.tree.get(&path.parse().unwrap()).map(|entry| {
            let made = stored.iter().find(|blob| blob.hash() == entry.blob).map(|blob| blob.bytes().clone());
            let bytes = made.or_else(|| self.contents.get(entry.blob)).expect("it is made or stored");
            String::from_utf8_lossy(&bytes).into_owned()
        });
        let open = merged.conflicts.iter().map(|one| (one.path.to_string(), one.parent, one.kind)).collect();
        (text, open)
    }
}

fn ids(numbers: &[u64]) -> Vec<RevisionId> {
    numbers.iter().map(|number| RevisionId(*number)).collect()
}

#[test]
fn three_children_of_one_job_come_together() {
    let (a, b, c) = (TEXT.replace("one", "A"), TEXT.replace("five", "B"), TEXT.replace("nine", "C"));
    let world = World::new(&[
        (1, &[], &[("f", TEXT)]),
        (2, &[1], &[("f", &a)]),
        (3, &[1], &[("f", &b)]),
        (4, &[1], &[("f", &c)]),
    ]);
    let all = TEXT.replace("one", "A").replace("five", "B").replace("nine", "C");
    assert_eq!(world.merge(&[2, 3, 4], "f"), (Some(all.clone()), vec![]));
    assert_eq!(world.merge(&[4, 2, 3], "f"), (Some(all), vec![]));
}

#[test]
fn parents_that_cannot_be_merged_are_told_apart() {
    let world = World::new(&[(1, &[], &[]), (2, &[1], &[]), (3, &[1], &[]), (9, &[], &[])]);
    let fault = |parents: &[u64]| plan(&world.lineage, &ids(parents)).unwrap_err();
    let id = RevisionId;
    assert_eq!((fault(&[]), fault(&[1])), (PlanFault::Few, PlanFault::Few));
    assert_eq!(fault(&[2, 2]), PlanFault::Same(id(2)));
    assert_eq!(fault(&[2, 7]), PlanFault::Unknown(id(7)));
    let contained = PlanFault::Contained { ancestor: id(1), descendant: id(3) };
    assert_eq!(fault(&[2, 1]), PlanFault::Contained { ancestor: id(1), descendant: id(2) });
    assert_eq!((fault(&[3, 1]), fault(&[1, 3])), (contained.clone(), contained));
    assert_eq!(fault(&[2, 3, 9]), PlanFault::Unrelated { one: id(2), other: id(9) });
    let plan = plan(&world.lineage, &ids(&[2, 3])).unwrap();
    assert_eq!(plan.revisions(), ids(&[1, 2, 3]).into_iter().collect());
    assert_eq!(Fold::new(plan, BTreeMap::new()).unwrap_err(), PlanFault::Unknown(id(1)));
}

#[test]
fn a_path_left_open_is_not_written_over_by_a_later_parent() {
    let (a, b, c) = (TEXT.replace("one", "A"), TEXT.replace("one", "B"), TEXT.replace("nine", "C"));
    let world = World::new(&[
        (1, &[], &[("f", TEXT)]),
        (2, &[1], &[("f", &a)]),
        (3, &[1], &[("f", &b)]),
        (4, &[1], &[("f", &c)]),
    ]);
    let open = [("f".to_owned(), 1, ConflictKind::Content), ("f".to_owned(), 2, ConflictKind::Content)];
    assert_eq!(world.merge(&[2, 3, 4], "f"), (Some(a), open.to_vec()));
}

/// Two jobs (2, 3) merged twice (4, 5), as in a rebase and a merge of the same work; each merge goes on.
fn crossed(two: &str, three: &str, four: &str, five: &str) -> World {
    World::new(&[
        (1, &[], &[("f", TEXT)]),
        (2, &[1], &[("f", two)]),
        (3, &[1], &[("f", three)]),
        (4, &[2, 3], &[("f", four)]),
        (5, &[3, 2], &[("f", five)]),
    ])
}

#[test]
fn several_nearest_ancestors_are_merged_first() {
    let (two, three) = (TEXT.replace("one", "A"), TEXT.replace("nine", "B"));
    let both = two.replace("nine", "B");
    // With either ancestor alone as the base, taking back a change would bring it back or be a conflict.
    let world = crossed(&two, &three, &both.replace("five", "C"), &both.replace("A", "one"));
    assert_eq!(world.merge(&[4, 5], "f"), (Some(three.replace("five", "C")), vec![]));
}

#[test]
fn what_depends_on_the_side_taken_among_ancestors_is_a_conflict() {
    let (two, three) = (TEXT.replace("one", "A"), TEXT.replace("one", "B"));
    // Each merge settled the conflict in its own way.
    let world = crossed(&two, &three, &two, &three);
    let (text, open) = world.merge(&[4, 5], "f");
    assert_eq!((text, open), (Some(two.clone()), vec![("f".to_owned(), 1, ConflictKind::Ancestors)]));
    // Both settled it alike: whatever the base, there is nothing to decide.
    assert_eq!(crossed(&two, &three, &two, &two).merge(&[4, 5], "f"), (Some(two.clone()), vec![]));
    // One went on elsewhere.
    let on = two.replace("nine", "C");
    assert_eq!(crossed(&two, &three, &two, &on).merge(&[4, 5], "f"), (Some(on), vec![]));
}

#[test]
fn merges_that_cross_again_and_again_are_planned_without_recursion_and_bounded() {
    let mut graph: Vec<(RevisionId, Vec<RevisionId>)> = vec![(RevisionId(1), vec![])];
    graph.extend([(RevisionId(2), ids(&[1])), (RevisionId(3), ids(&[1]))]);
    for level in 2..2000 {
        let below = [RevisionId(2 * level - 2), RevisionId(2 * level - 1)];
        graph.push((RevisionId(2 * level), below.to_vec()));
        graph.push((RevisionId(2 * level + 1), below.to_vec()));
    }
    let lineage = Lineage::new(graph).unwrap();
    let planned = plan(&lineage, &ids(&[40, 41])).unwrap();
    assert_eq!(planned.steps.len(), 20);
    assert_eq!(plan(&lineage, &ids(&[3998, 3999])), Err(PlanFault::Crossed(RevisionId(3999))));
}
