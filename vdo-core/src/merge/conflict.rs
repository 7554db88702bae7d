//! What did not merge, as data.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::conflict::ConflictKind;
use crate::content::Entry;
use crate::path::RepoPath;

/// A path on which two sides cannot be brought together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// Of what kind it is.
    #[serde(default)]
    pub kind: ConflictKind,
    /// Where the terms lie, as far as that is not `path`: a side renamed the file.
    #[serde(default, skip_serializing_if = "Places::are_plain")]
    pub places: Places,
    /// Which parent of the merge their side is, from 1; 0 where there are only two sides.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub parent: u32,
}

/// Where the terms of a conflict lie, if not at its path.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Places {
    /// Of what was there before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<RepoPath>,
    /// Of our side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ours: Option<RepoPath>,
    /// Of their side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theirs: Option<RepoPath>,
}

impl Places {
    /// Returns whether all terms lie at the conflict's path.
    #[must_use]
    pub fn are_plain(&self) -> bool {
        self.base.is_none() && self.ours.is_none() && self.theirs.is_none()
    }
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Conflict {
    /// Returns where our side has its term, if it has one.
    #[must_use]
    pub fn our_place(&self) -> Option<&RepoPath> {
        self.ours.map(|_| self.places.ours.as_ref().unwrap_or(&self.path))
    }

    /// Returns where their side has its term, if it has one.
    #[must_use]
    pub fn their_place(&self) -> Option<&RepoPath> {
        self.theirs.map(|_| self.places.theirs.as_ref().unwrap_or(&self.path))
    }

    /// Returns the same conflict with the sides exchanged.
    #[must_use]
    pub fn swapped(mut self) -> Self {
        std::mem::swap(&mut self.ours, &mut self.theirs);
        std::mem::swap(&mut self.places.ours, &mut self.places.theirs);
        self
    }
}
