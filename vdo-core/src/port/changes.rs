//! Every write to a store, as one value.
//!
//! A store applies a [`Changes`] whole or not at all. Whoever writes says what entitles him to: the lease
//! of a run, or the version of the job he looked at.

use crate::budget::Crossing;
use crate::check::CheckReport;
use crate::conflict::ConflictRow;
use crate::content::{Blob, BlobHash, Bytes};
use crate::event::EventKind;
use crate::id::{JobId, Phase, RevisionId, StepKey};
use crate::job::{Cause, JobSpec, JobStatus, Stamp};
use crate::message::RateLimits;
use crate::money::NanoUsd;
use crate::pace::Pace;
use crate::port::store::{CallRow, CallState, Lease, Outcome, StepState};
use crate::time::Timestamp;
use crate::tree::Delta;
use crate::tries::RetryChange;

/// What entitles a writer to his changes.
#[derive(Debug, Clone, PartialEq)]
pub enum Guard {
    /// A new job is made; the changes are about it. If a job has the spec's idempotency key already,
    /// nothing is written and the receipt names that job.
    Create(Box<JobSpec>),
    /// A run holds the lease: refused as fenced if its epoch is not the job's.
    Lease(Lease),
    /// Somebody else looked at the job at this version: refused as a conflict if it moved on.
    Version {
        /// The job.
        job: JobId,
        /// The version he saw.
        version: u64,
    },
}

/// What becomes of the lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LeaseChange {
    /// It stays as it is.
    #[default]
    Keep,
    /// It lasts until this moment.
    Extend(Timestamp),
    /// It ends.
    Release,
}

/// A new status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusChange {
    /// The status.
    pub status: JobStatus,
    /// Why, where that needs words.
    pub reason: Option<String>,
}

/// A step of the journal, written or moved on. Fields that are `None` stay as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepWrite {
    /// The step.
    pub key: StepKey,
    /// How far it is now.
    pub state: StepState,
    /// The hash of the request, with the intent.
    pub request_hash: Option<BlobHash>,
    /// The answer, with the state that has one: bytes the engine can read again.
    pub answer: Option<Bytes>,
}

/// A call of the ledger, written or moved on.
///
/// The job's totals move by the row's own amounts: a row in state sent adds `reserved` to what is reserved;
/// any other state takes `released` from it and adds `cost` and `usage` to the job's.
#[derive(Debug, Clone, PartialEq)]
pub struct CallWrite {
    /// The whole row; replaces one with the same step and number.
    pub row: CallRow,
    /// How much of the job's reserved amount this write frees.
    pub released: NanoUsd,
    /// What the provider still allows, as the reply said. Not part of the row.
    pub limits: RateLimits,
    /// With a call that is announced: the limits of its provider's key; the whole write is refused if there is no room. Not part of the
    /// row.
    pub pace: Pace,
}

impl CallWrite {
    /// Returns an entry that frees nothing.
    #[must_use]
    pub fn new(row: CallRow) -> Self {
        Self { row, released: NanoUsd::ZERO, limits: RateLimits::default(), pace: Pace::default() }
    }

    /// Sets what it frees.
    #[must_use]
    pub fn releasing(mut self, released: NanoUsd) -> Self {
        self.released = released;
        self
    }

    /// Sets the limits of its provider's key.
    #[must_use]
    pub fn paced(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    /// Returns whether the call is to find out whether its model works again.
    #[must_use]
    pub fn is_trial(&self) -> bool {
        self.row.state == CallState::Sent && self.row.decision.as_ref().is_some_and(|decision| decision.probe)
    }
}

/// What became of a reply, once it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallOutcome {
    /// The step.
    pub step: StepKey,
    /// The call's number within the step. A call that is not there is passed over.
    pub number: u32,
    /// What became of it.
    pub outcome: Outcome,
}

/// What arrived of a reply that is being streamed; or that it is needed no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartialWrite {
    /// The step.
    pub step: StepKey,
    /// The call's number within the step.
    pub number: u32,
    /// Text to append to what is kept of the call; none takes away what is kept.
    pub text: Option<String>,
}

/// A new revision of the job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRevision {
    /// The hash of the whole tree.
    pub root_hash: BlobHash,
    /// The revision the delta is against; none for the first revision of a root.
    pub base: Option<RevisionId>,
    /// What else it grew out of, in order: revisions of the job itself or of its pinned parents' jobs.
    pub also: Vec<RevisionId>,
    /// What it changed against the base.
    pub delta: Delta,
    /// Why it exists.
    pub cause: Cause,
    /// Who made it.
    pub author: String,
}

/// Check commands that ran, as evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckWrite {
    /// The phase they ran in.
    pub phase: Phase,
    /// Which try.
    pub attempt: u32,
    /// What ran and how it ended.
    pub report: CheckReport,
}

/// A person's judgement of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rating {
    /// 1 to 5.
    pub stars: u8,
    /// A note.
    pub note: Option<String>,
    /// Whether the job serves as an example.
    pub is_reference: bool,
}

/// One atomic write.
///
/// Made with [`Changes::new`]; everything that is not set stays as it is.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Changes {
    /// What entitles the writer.
    pub guard: Guard,
    /// When, as the writer's clock has it.
    pub at: Timestamp,
    /// What becomes of the lease. Only under [`Guard::Lease`].
    pub lease: LeaseChange,
    /// The new status.
    pub status: Option<StatusChange>,
    /// What becomes of the job's tries. Only under [`Guard::Lease`].
    pub retry: Option<RetryChange>,
    /// Asks the run to stop (or takes the request back).
    pub cancel_requested: Option<bool>,
    /// Pins parents: the ordinal, from 0, and the revision. A pin never moves.
    pub pins: Vec<(u32, RevisionId)>,
    /// Stamps to add.
    pub stamps: Vec<Stamp>,
    /// The branch it was delivered to.
    pub branch: Option<String>,
    /// A rating.
    pub rating: Option<Rating>,
    /// Contents, each stored once whatever refers to it.
    pub blobs: Vec<Blob>,
    /// Journal entries.
    pub steps: Vec<StepWrite>,
    /// Ledger entries. Reservations are checked against the job's budget, and the whole write is refused if they do not fit.
    pub calls: Vec<CallWrite>,
    /// What arrived of replies under way, in order. Kept beside the calls until it is taken away or the job goes.
    pub partials: Vec<PartialWrite>,
    /// What became of replies; touches nothing else of their rows.
    pub outcomes: Vec<CallOutcome>,
    /// A new revision; becomes the job's head.
    pub revision: Option<NewRevision>,
    /// That the new revision is what a person's hand made of this one, which is of the job or of a pinned parent's job.
    pub correction: Option<RevisionId>,
    /// Evidence.
    pub checks: Vec<CheckWrite>,
    /// Conflicts, whole; each replaces the one with its ordinal. A content that decides one has to be stored.
    pub conflicts: Vec<ConflictRow>,
    /// Events, in order; the store numbers them.
    pub events: Vec<EventKind>,
}

impl Changes {
    /// Returns changes that write nothing yet.
    #[must_use]
    pub fn new(guard: Guard, at: Timestamp) -> Self {
        Self {
            guard,
            at,
            lease: LeaseChange::Keep,
            status: None,
            retry: None,
            cancel_requested: None,
            pins: Vec::new(),
            stamps: Vec::new(),
            branch: None,
            rating: None,
            blobs: Vec::new(),
            steps: Vec::new(),
            calls: Vec::new(),
            partials: Vec::new(),
            outcomes: Vec::new(),
            revision: None,
            correction: None,
            checks: Vec::new(),
            conflicts: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Sets the status.
    #[must_use]
    pub fn with_status(mut self, status: JobStatus, reason: Option<String>) -> Self {
        self.status = Some(StatusChange { status, reason });
        self
    }

    /// Adds an event.
    #[must_use]
    pub fn with_event(mut self, event: EventKind) -> Self {
        self.events.push(event);
        self
    }
}

/// What a commit did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The job, new or old.
    pub job: JobId,
    /// Whether [`Guard::Create`] found a job with the same idempotency key and wrote nothing.
    pub existed: bool,
    /// The job's version now.
    pub version: u64,
    /// The number of the first event written; the others follow it. 0 if there was none.
    pub first_seq: u64,
    /// The new revision's id and number, if there is one.
    pub revision: Option<(RevisionId, u32)>,
    /// Whether somebody asked the run to stop.
    pub cancel_requested: bool,
    /// The parts of budgets that these calls crossed. Each is an event too, numbered after those of the changes.
    pub crossings: Vec<Crossing>,
}
