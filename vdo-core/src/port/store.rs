//! Everything durable, as a port: small reading traits and one door for writes.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::candidate::Decision;
use crate::check::CheckReport;
use crate::conflict::ConflictRow;
use crate::content::{Blob, BlobHash, Bytes};
use crate::event::Event;
use crate::failure::Failure;
use crate::id::{JobId, Phase, RevisionId, RevisionRef, StepKey};
use crate::job::{Correction, Job, Revision};
use crate::money::NanoUsd;
use crate::port::accounts::Accounts;
use crate::port::backlog::Backlog;
use crate::port::changes::{Changes, Receipt};
use crate::port::query::{JobQuery, StoreFigures};
use crate::port::refusal::StoreError;
use crate::port::upkeep::Upkeep;
use crate::port::watch::Watch;
use crate::time::Timestamp;
use crate::tree::{Delta, Manifest};
use crate::usage::{ServiceTier, Usage};

/// The right to run a job.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The job.
    pub job: JobId,
    /// Grows by one with every claim; a write with an older epoch is refused.
    pub epoch: u64,
}

/// A request for a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRequest {
    /// The job.
    pub job: JobId,
    /// Who asks, for people and for telling a dead owner: `host:pid:start`.
    pub owner: String,
    /// The time now.
    pub now: Timestamp,
    /// How long the lease lasts unless it is extended.
    pub ttl: Duration,
    /// The epoch of a lease whose owner the caller knows to be dead; it is taken over at once.
    pub presumed_dead: Option<u64>,
    /// At most this many of its project may run at once; none: as many as there are.
    pub per_project: Option<u32>,
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// It is about to be done.
    Intent,
    /// It is done; its effects are not written yet.
    Answered,
    /// Its effects are written.
    Applied,
}

impl StepState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Intent, Self::Answered, Self::Applied];

    /// Returns the name used in JSON and in stores.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Answered => "answered",
            Self::Applied => "applied",
        }
    }
}

/// A step of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRow {
    /// The step.
    pub key: StepKey,
    /// How far it is.
    pub state: StepState,
    /// The epoch that wrote it last.
    pub epoch: u64,
    /// The hash of the request, for steps that have one.
    pub request_hash: Option<BlobHash>,
    /// The answer, from the state answered on.
    pub answer: Option<Bytes>,
}

/// How far a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// It is reserved and about to be sent, or under way.
    Sent,
    /// It was answered.
    Answered,
    /// It failed.
    Failed,
    /// The runner died while it was under way: it may have been billed.
    PossiblyBilled,
    /// It may have been billed, and somebody found out what it cost.
    Reconciled,
}

impl CallState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Sent, Self::Answered, Self::Failed, Self::PossiblyBilled, Self::Reconciled];

    /// Returns the name used in JSON and in stores.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Answered => "answered",
            Self::Failed => "failed",
            Self::PossiblyBilled => "possibly_billed",
            Self::Reconciled => "reconciled",
        }
    }
}

/// What became of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was used.
    Accepted,
    /// It was used in part or after a repair.
    Repaired,
    /// It could not be used.
    Refused,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 3] = [Self::Accepted, Self::Repaired, Self::Refused];

    /// Returns the name used in JSON and in stores.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Repaired => "repaired",
            Self::Refused => "refused",
        }
    }
}

/// One call to a provider: a row of the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CallRow {
    /// The step it was made for.
    pub step: StepKey,
    /// Counted from 1 within the step.
    pub number: u32,
    /// The provider.
    pub provider: String,
    /// The model.
    pub model: String,
    /// How far it is.
    pub state: CallState,
    /// The hash of the request.
    pub request_hash: BlobHash,
    /// The prompt's name and version: `build@1`.
    pub prompt: String,
    /// The hash of the prompt's wording.
    pub prompt_hash: BlobHash,
    /// The edit format that was asked for, if one was.
    pub edit_format: Option<String>,
    /// The most it could cost; none if its price is unknown.
    pub reserved: Option<NanoUsd>,
    /// What it took.
    pub usage: Option<Usage>,
    /// What it cost; none while or if that is not known.
    pub cost: Option<NanoUsd>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// What became of the reply.
    pub outcome: Option<Outcome>,
    /// When it was sent.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// How long the first output took, in milliseconds, if that was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_ms: Option<u64>,
    /// The rate it is billed at.
    #[serde(default)]
    pub tier: ServiceTier,
    /// Where its price is from: the date of the table, `configuration`, or `provider` for what the provider said it cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priced: Option<String>,
    /// Why this candidate was asked, and why the others were not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Box<Decision>>,
}

/// What is kept of a reply that never came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartialReply {
    /// The step that was asked for.
    pub step: StepKey,
    /// The call's number within the step.
    pub number: u32,
    /// The text as far as it was kept: the beginning of what arrived.
    pub text: String,
}

/// Calls of one provider and model, summed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SpendRow {
    /// The provider.
    pub provider: String,
    /// The model.
    pub model: String,
    /// How many calls were made.
    pub calls: u64,
    /// What they took.
    pub usage: Usage,
    /// What they cost, as far as known.
    pub cost: NanoUsd,
    /// What is reserved for calls under way or possibly billed.
    pub reserved: NanoUsd,
    /// How many calls were answered at an unknown price.
    pub unpriced: u64,
}

/// Reads jobs, revisions and trees.
#[async_trait]
pub trait Jobs {
    /// Returns a job.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is none.
    async fn job(&self, id: JobId) -> Result<Job, StoreError>;

    /// Lists jobs, newest first.
    ///
    /// # Errors
    /// [`StoreError::Backend`] only.
    async fn jobs(&self, query: &JobQuery) -> Result<Vec<Job>, StoreError>;

    /// Returns the revision a reference names.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the job is not there or has no such revision.
    async fn resolve(&self, reference: RevisionRef) -> Result<Revision, StoreError>;

    /// Returns a revision.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is none.
    async fn revision(&self, id: RevisionId) -> Result<Revision, StoreError>;

    /// Returns the whole tree of a revision with the origin of every file.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Corrupt`] if it does not have its root hash.
    async fn manifest(&self, id: RevisionId) -> Result<Manifest, StoreError>;

    /// Returns what a revision changed against its base.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such revision.
    async fn delta(&self, id: RevisionId) -> Result<Delta, StoreError>;

    /// Returns what people changed by hand, oldest first: the corrections that begin at or led to a revision of the job.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such job.
    async fn corrections(&self, job: JobId) -> Result<Vec<Correction>, StoreError>;
}

/// Reads contents.
#[async_trait]
pub trait Blobs {
    /// Returns the contents with these hashes, in the order asked for.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] names the first that is missing, [`StoreError::Corrupt`] one whose bytes do
    /// not have its hash; the others stay readable.
    async fn blobs(&self, hashes: &[BlobHash]) -> Result<Vec<Blob>, StoreError>;
}

/// Reads the journal.
#[async_trait]
pub trait Journal {
    /// Returns the steps of a job, in the order they were first written.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such job.
    async fn steps(&self, job: JobId) -> Result<Vec<StepRow>, StoreError>;

    /// Returns the evidence of a job, in the order it was written: phase, attempt and report.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such job.
    async fn checks(&self, job: JobId) -> Result<Vec<(Phase, u32, CheckReport)>, StoreError>;

    /// Returns what the merge of a job left to decide, open and decided, by ordinal.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such job.
    async fn conflicts(&self, job: JobId) -> Result<Vec<ConflictRow>, StoreError>;

    /// Returns what is kept of replies that were streamed and not answered to their end, in the order they began.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such job.
    async fn partials(&self, job: JobId) -> Result<Vec<PartialReply>, StoreError>;
}

/// Reads the ledger.
#[async_trait]
pub trait Ledger {
    /// Returns the calls of a job, in the order they were sent.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such job.
    async fn calls(&self, job: JobId) -> Result<Vec<CallRow>, StoreError>;

    /// Returns all calls sent at or after `since`, summed per provider and model, in their order.
    ///
    /// # Errors
    /// [`StoreError::Backend`] only.
    async fn spend(&self, since: Timestamp) -> Result<Vec<SpendRow>, StoreError>;
}

/// Reads events.
#[async_trait]
pub trait EventLog {
    /// Returns at most `limit` events of a job after number `after`, in order.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such job.
    async fn events(&self, job: JobId, after: u64, limit: u32) -> Result<Vec<Event>, StoreError>;
}

/// Everything durable.
///
/// The engine holds a store as `Arc<dyn Store>` and calls it from many runs at once. A commit that was
/// acknowledged survives the process; dropping the future of a commit leaves it done or not done, whole.
#[async_trait]
pub trait Store: Jobs + Blobs + Journal + Ledger + EventLog + fmt::Debug + Send + Sync {
    /// Applies `changes` whole, or nothing of them.
    ///
    /// Under [`crate::port::changes::Guard::Lease`] the epoch must be the job's. The sequence numbers of events are given out
    /// here. Revisions are numbered here, and their base must be of this job or a pinned parent.
    ///
    /// # Errors
    /// [`StoreError::Fenced`], [`StoreError::Conflict`], [`StoreError::Budget`], [`StoreError::Parent`],
    /// [`StoreError::Invalid`] or [`StoreError::NotFound`]; nothing was written then.
    async fn commit(&self, changes: Changes) -> Result<Receipt, StoreError>;

    /// Takes the right to run a job: free, ended, given up for dead by the caller, or the caller's own already.
    ///
    /// Taking over from another owner counts as a crash of the job's worker ([`crate::tries::Retries::crashes`]). Of two merges
    /// into one head ([`crate::port::backlog`]), the second is refused while the first has a live lease.
    ///
    /// # Errors
    /// [`StoreError::Busy`] names the owner; [`StoreError::Crowded`] one that it may not run beside;
    /// [`StoreError::NotFound`] if there is no such job.
    async fn claim(&self, request: ClaimRequest) -> Result<Lease, StoreError>;

    /// Returns what this store keeps for all jobs together, if anything. Default: nothing; budgets other than the jobs' own
    /// cannot be set then, and how providers are doing is forgotten.
    fn accounts(&self) -> Option<&dyn Accounts> {
        None
    }

    /// Returns what tells workers what is to be run, if anything does. Default: nothing; no worker can serve it then.
    fn backlog(&self) -> Option<&dyn Backlog> {
        None
    }

    /// Returns what this store's writer did since it was opened, if it counts that. Default: nothing.
    fn figures(&self) -> Option<StoreFigures> {
        None
    }

    /// Returns what takes things out of this store, if anything can. Default: nothing.
    fn upkeep(&self) -> Option<&dyn Upkeep> {
        None
    }

    /// Returns what tells when something was written, if anything does. Default: nothing; whoever follows has to ask.
    fn watch(&self) -> Option<&dyn Watch> {
        None
    }
}
