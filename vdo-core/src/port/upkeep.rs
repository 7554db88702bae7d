//! What takes things out of a store: no [`crate::port::changes::Changes`] can say it, because those only add.
//!
//! Each is one transaction under the guards of every other write: the versions that the caller saw, and no live lease.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::content::BlobHash;
use crate::id::{JobId, RevisionRef};
use crate::port::StoreError;
use crate::time::Timestamp;

/// What stands in place of a content that was redacted.
pub const TOMBSTONE: &[u8] = b"This content was redacted.\n";
/// What stands in place of a text that was redacted, within a longer one.
pub const REDACTED: &str = "[redacted]";

/// Jobs, as the caller saw them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The jobs, each with its version.
    pub jobs: Vec<(JobId, u64)>,
    /// The time now.
    pub now: Timestamp,
}

/// What goes, or went, with some jobs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Purged {
    /// The jobs.
    pub jobs: Vec<JobId>,
    /// How many revisions they have.
    pub revisions: u64,
    /// How many events.
    pub events: u64,
    /// How many answers and intents of their runs.
    pub steps: u64,
    /// How many contents that nothing else uses.
    pub blobs: u64,
    /// How many bytes those take in the store.
    pub bytes: u64,
    /// Unfinished jobs whose journals may still need contents; while there are any, no content goes.
    pub waits_for: Vec<JobId>,
}

/// What is to be taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redaction {
    /// These contents.
    pub blobs: Vec<BlobHash>,
    /// Every content that has this in it, and this wherever else it stands.
    pub text: Option<Vec<u8>>,
    /// Who asks for it.
    pub author: String,
    /// The time now.
    pub now: Timestamp,
}

/// A place that was searched, and how often it had what was looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Searched {
    /// The place: `contents`, `answers of models`, `events`, …
    pub place: String,
    /// How many of its rows had it.
    pub hits: u64,
}

/// What a redaction did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Redacted {
    /// The contents that are gone; a tombstone stands in their place.
    pub blobs: Vec<BlobHash>,
    /// The revisions whose files show a tombstone now. Their root hashes are new.
    pub revisions: Vec<RevisionRef>,
    /// The places that were searched.
    pub searched: Vec<Searched>,
    /// Whether the bytes are gone from the files of the store, too: freed pages and the log.
    pub erased: bool,
}

/// What is to be taken away because nothing needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collection {
    /// The time now.
    pub now: Timestamp,
    /// How long a content has to be unused until it goes.
    pub grace: std::time::Duration,
    /// Answers in the journals of jobs that are over, and were before this moment, go, too. None: all stay.
    pub journals_before: Option<Timestamp>,
    /// Whether the store gives freed room back to the disk afterwards; others wait meanwhile.
    pub compact: bool,
    /// Whether it is only told what would go.
    pub is_trial: bool,
}

/// What was taken away because nothing needs it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Collected {
    /// Contents that nothing refers to, those that went included.
    pub marked: u64,
    /// Contents that went, or would.
    pub blobs: u64,
    /// How many bytes they take in the store.
    pub bytes: u64,
    /// Answers in journals that went, or would.
    pub answers: u64,
    /// How many bytes they take in the store.
    pub answer_bytes: u64,
    /// Unfinished jobs: what became unused since they were made stays. Running, cancelling or archiving them ends that.
    pub waits_for: Vec<JobId>,
    /// Whether freed room was given back.
    pub compacted: bool,
}

/// Takes things out of a store.
#[async_trait]
pub trait Upkeep: Send + Sync {
    /// Returns what [`Upkeep::purge`] would take away, and changes nothing.
    ///
    /// # Errors
    /// As [`Upkeep::purge`].
    async fn purge_plan(&self, seen: &Seen) -> Result<Purged, StoreError>;

    /// Takes jobs away with their revisions, journals, calls and events, and the contents that nothing else uses. All or nothing.
    ///
    /// # Errors
    /// [`StoreError::HasChildren`] if a job that stays builds on one that goes, [`StoreError::Busy`] if one is being run,
    /// [`StoreError::Conflict`] if one changed since it was seen, [`StoreError::NotFound`].
    async fn purge(&self, seen: &Seen) -> Result<Purged, StoreError>;

    /// Makes jobs stand on their own: each of their revisions that stood on a parent gets its whole tree, and no job has a parent any
    /// more. Trees and root hashes stay what they are; files that came from other jobs still say from which.
    ///
    /// # Errors
    /// As [`Upkeep::purge`], less children.
    async fn detach(&self, seen: &Seen) -> Result<(), StoreError>;

    /// Takes contents and texts out of everything that is stored, and out of the files of the store.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if any job is being run, [`StoreError::NotFound`] if a content is not there.
    async fn redact(&self, redaction: &Redaction) -> Result<Redacted, StoreError>;

    /// Takes away what nothing needs: contents that nothing has referred to for some time, and old journals.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] if this store cannot, which is the default; [`StoreError::Backend`].
    async fn collect(&self, collection: &Collection) -> Result<Collected, StoreError> {
        let _ = collection;
        Err(StoreError::Invalid("this store keeps everything".to_owned()))
    }
}
