//! What a job did to a file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::content::{BlobHash, Entry};
use crate::id::{JobId, StepKey};
use crate::path::RepoPath;

/// What a revision's delta says of one path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Change {
    /// The file is new.
    Created {
        /// What it is now.
        entry: Entry,
    },
    /// The file was there with other content or another mode.
    Modified {
        /// What it is now.
        entry: Entry,
    },
    /// The file came from another path, which is deleted in the same delta.
    Renamed {
        /// What it is now.
        entry: Entry,
        /// Where it was.
        from: RepoPath,
    },
    /// The file is gone, and does not come back from an ancestor.
    Deleted,
}

impl Change {
    /// Puts one content in the place of others.
    pub(crate) fn replace(&mut self, gone: &std::collections::BTreeSet<BlobHash>, by: BlobHash) {
        match self {
            Self::Created { entry } | Self::Modified { entry } | Self::Renamed { entry, .. } => {
                if gone.contains(&entry.blob) {
                    entry.blob = by;
                }
            }
            Self::Deleted => {}
        }
    }

    /// Returns what the path is now; none if it is gone.
    #[must_use]
    pub fn entry(&self) -> Option<Entry> {
        match self {
            Self::Created { entry } | Self::Modified { entry } | Self::Renamed { entry, .. } => Some(*entry),
            Self::Deleted => None,
        }
    }

    /// Returns the name used in JSON and in stores: `created`, `modified`, `renamed` or `deleted`.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Created { .. } => "created",
            Self::Modified { .. } => "modified",
            Self::Renamed { .. } => "renamed",
            Self::Deleted => "deleted",
        }
    }
}

/// One path of a delta.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeltaEntry {
    /// What happened.
    pub change: Change,
    /// The step that did it, if a run did.
    pub step: Option<StepKey>,
    /// In a merge: the job that did it, if another one did and it came with one of the further parents.
    #[serde(default)]
    pub origin: Option<JobId>,
}

/// Where a file of a job comes from, as the seed's API names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileRow {
    /// The path.
    pub filename: RepoPath,
    /// `created`, `modified`, `renamed`, `deleted` or `inherited`.
    pub source: String,
    /// For an inherited file: the job that last wrote it.
    pub from_job: Option<JobId>,
}
