//! What keeps a conversation with a model from going round in circles.
//!
//! A call counts as the same only if the tree is the same, too: tests that are run again after every edit are no circle, and
//! edits that take each other back are one, whatever lies between. Invariant: bounded by the number of exchanges.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bench::Bench;
use crate::content::BlobHash;
use crate::failure::{Failure, FailureKind};
use crate::message::ToolCall;

/// How often one call may be made on one tree.
const MAX_REPEATS: u32 = 3;

/// What was said so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Circles {
    /// How often each call was made on each tree, by hash.
    calls: BTreeMap<BlobHash, u32>,
    /// The tree as it is; none before the first change.
    tree: Option<BlobHash>,
    /// Whether the exchange under way changed something.
    changed: bool,
    /// Exchanges in a row that changed nothing.
    idle: u32,
}

impl Circles {
    /// Notes a call; returns why it is one too many.
    pub(super) fn repeats_call(&mut self, call: &ToolCall) -> Option<String> {
        let tree = self.tree.map(|hash| hash.to_string()).unwrap_or_default();
        let print = BlobHash::of(format!("{tree}\n{}\n{}", call.name, call.input).as_bytes());
        let count = self.calls.entry(print).or_default();
        *count += 1;
        (*count > MAX_REPEATS).then(|| {
            format!(
                "the model called {} with the same arguments {count} times, with nothing changed in between",
                call.name
            )
        })
    }

    /// Notes that the tree changed.
    pub(super) fn tree_is(&mut self, root: BlobHash) {
        (self.tree, self.changed) = (Some(root), true);
    }

    /// Ends an exchange; returns how many in a row changed nothing.
    pub(super) fn end_turn(&mut self) -> u32 {
        self.idle = if self.changed { 0 } else { self.idle + 1 };
        self.changed = false;
        self.idle
    }
}

impl Bench {
    /// Gives it up; the first reason stays.
    pub(super) fn give_up(&mut self, kind: FailureKind, why: &str) {
        if self.failed.is_none() {
            (self.failed, self.failed_kind) = (Some(why.to_owned()), Some(kind));
        }
    }

    /// Returns why it was given up.
    pub(super) fn failure(&self) -> Option<Failure> {
        let why = self.failed.as_ref()?;
        Some(Failure::new(self.failed_kind.unwrap_or(FailureKind::UnusableReply), why.clone()))
    }
}
