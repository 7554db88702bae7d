//! What is kept of every task and repair, whatever became of it: the tree it left, so that it can be looked at and gone back to.

use super::bench::Bench;
use super::state::Run;
use crate::diff::changed_paths;
use crate::event::{Attempt, EventKind, PathChange};
use crate::tree::FileTree;

impl Run {
    /// Tells of a bench that is over.
    pub(super) fn attempt(&self, bench: &Bench) -> EventKind {
        let attempt = Attempt {
            step: bench.key.clone().with_turn(1),
            turns: bench.key.turn,
            failure: bench.failed.clone(),
            root: bench.tree.root_hash(),
            changed: changes(&bench.base, &bench.tree),
            against_parent: changes(&self.base, &bench.tree),
        };
        EventKind::Attempt { attempt: Box::new(attempt) }
    }
}

fn changes(before: &FileTree, after: &FileTree) -> Vec<PathChange> {
    let changed = changed_paths(before, after).into_iter();
    changed.map(|(path, before, after)| PathChange { path, before, after }).collect()
}
