//! Jobs, their revisions and their states.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::content::BlobHash;
use crate::id::{JobId, RevisionId, RevisionRef};
use crate::money::NanoUsd;
use crate::time::Timestamp;
use crate::tries::Retries;
use crate::usage::Usage;

/// The longest title, in bytes.
pub const MAX_TITLE_BYTES: usize = 300;
/// The longest description, in bytes.
pub const MAX_DESCRIPTION_BYTES: usize = 256 * 1024;
/// The most parents of one job.
pub const MAX_PARENTS: usize = 32;

/// How a job came to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Somebody described work to be done.
    #[default]
    Work,
    /// A repository or folder entered the store as it was.
    Import,
    /// A human change was found on a delivered branch.
    External,
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// Waits to be run.
    Queued,
    /// Is being run.
    Running,
    /// Waits for a person: a conflict, an approval, a result without evidence.
    NeedsDecision,
    /// The budget does not cover the next call.
    BudgetStopped,
    /// Ended without a result that holds.
    Failed,
    /// Ended with a verified (or approved) result.
    Completed,
    /// Was stopped by somebody.
    Cancelled,
    /// Is hidden; its data stays.
    Archived,
}

impl JobStatus {
    /// Every status.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Running,
        Self::NeedsDecision,
        Self::BudgetStopped,
        Self::Failed,
        Self::Completed,
        Self::Cancelled,
        Self::Archived,
    ];

    /// Returns the name used in JSON and in stores.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::NeedsDecision => "needs_decision",
            Self::BudgetStopped => "budget_stopped",
            Self::Failed => "failed",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Archived => "archived",
        }
    }
}

impl std::fmt::Display for JobStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// How much a run may do without asking.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Autonomy {
    /// Everything.
    #[default]
    Auto,
    /// The plan is shown first.
    ReviewPlan,
    /// The plan and the result are shown first.
    ReviewAll,
}

/// What a merge job may do by itself where its parents do not simply fit together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MergePolicy {
    /// Nothing: one conflict ends the job as failed, with the list. A clean merge must pass the checks.
    Fail,
    /// A clean merge is delivered without running the checks, stamped as unverified. Conflicts wait for a person; no model is
    /// asked about them.
    Clean,
    /// A clean merge must pass the checks. Conflicts go to a model; what it cannot solve waits for a person.
    #[default]
    Verified,
    /// A person decides each conflict, and accepts the result before it is handed over; no model is asked about conflicts.
    /// The checks run all the same.
    Ask,
}

impl MergePolicy {
    /// Every policy.
    pub const ALL: [Self; 4] = [Self::Fail, Self::Clean, Self::Verified, Self::Ask];

    /// Returns the name used in JSON, in stores and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Clean => "clean",
            Self::Verified => "verified",
            Self::Ask => "ask",
        }
    }
}

impl std::str::FromStr for MergePolicy {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let found = Self::ALL.into_iter().find(|policy| policy.as_str() == text);
        found.ok_or_else(|| SpecError::UnknownPolicy(text.chars().take(40).collect()))
    }
}

/// The job parameter that names the commit an import was made from.
pub const HEAD_PARAMETER: &str = "git.head";

/// What a job asks for: everything known when it is created.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct JobSpec {
    /// A short name.
    pub title: String,
    /// What is to be done.
    pub description: String,
    /// How it came to be.
    pub kind: JobKind,
    /// The jobs it builds on, first the one it extends. A number pins a revision at once.
    pub parents: Vec<RevisionRef>,
    /// With several parents: what may happen where they do not simply fit together.
    pub merge: MergePolicy,
    /// The most it may cost; none: no limit of its own.
    pub budget: Option<NanoUsd>,
    /// How much it may do without asking.
    pub autonomy: Autonomy,
    /// Commands that show whether the result works.
    pub checks: Vec<String>,
    /// The folder or address the code came from.
    pub repo: Option<String>,
    /// The repository on GitHub it belongs to.
    pub github_repo_url: Option<String>,
    /// The template it was made from.
    pub template: Option<String>,
    /// The template's parameters.
    pub parameters: BTreeMap<String, String>,
    /// Free labels.
    pub tags: Vec<String>,
    /// A name for the whole lineage, on its root.
    pub project: Option<String>,
    /// A second job with the same key is the first one.
    pub idempotency_key: Option<String>,
    /// How much sooner than others it is run; 0 is usual, and every minute of waiting counts as one.
    #[serde(skip_serializing_if = "is_usual")]
    pub priority: i8,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_usual(priority: &i8) -> bool {
    *priority == 0
}

/// Why a [`JobSpec`] is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// The title is empty or only blanks.
    #[error("the title is empty; say in a few words what the job does")]
    NoTitle,
    /// The title is too long or has more than one line.
    #[error(
        "the title has {0} bytes or several lines; at most {MAX_TITLE_BYTES} bytes on one line are taken, the rest belongs in the description"
    )]
    LongTitle(usize),
    /// The description is too long.
    #[error("the description has {0} bytes; at most {MAX_DESCRIPTION_BYTES} are taken")]
    LongDescription(usize),
    /// One parent is named twice.
    #[error("job {0} is named as a parent twice")]
    SameParent(JobId),
    /// A check command is empty.
    #[error("a check command is empty")]
    EmptyCheck,
    /// There are too many parents.
    #[error("{0} parents are named; at most {MAX_PARENTS} are merged at once")]
    TooManyParents(usize),
    /// A merge policy is none.
    #[error("{0:?} is no merge policy: expected fail, clean, verified or ask")]
    UnknownPolicy(String),
}

impl JobSpec {
    /// Returns the spec of a job with this title and description, and nothing else set.
    #[must_use]
    pub fn new(title: impl Into<String>, description: impl Into<String>) -> Self {
        Self { title: title.into(), description: description.into(), ..Self::default() }
    }

    /// Adds a parent; the first is the one extended.
    #[must_use]
    pub fn with_parent(mut self, parent: RevisionRef) -> Self {
        self.parents.push(parent);
        self
    }

    /// Sets the budget.
    #[must_use]
    pub fn with_budget(mut self, budget: NanoUsd) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Sets how much sooner than others it is run.
    #[must_use]
    pub fn with_priority(mut self, priority: i8) -> Self {
        self.priority = priority;
        self
    }

    /// Adds a check command.
    #[must_use]
    pub fn with_check(mut self, command: impl Into<String>) -> Self {
        self.checks.push(command.into());
        self
    }

    /// Checks what can be checked without a store.
    ///
    /// # Errors
    /// [`SpecError`] names the first fault.
    pub fn validate(&self) -> Result<(), SpecError> {
        if self.title.trim().is_empty() {
            return Err(SpecError::NoTitle);
        }
        if self.title.len() > MAX_TITLE_BYTES || self.title.contains(['\n', '\r', '\0']) {
            return Err(SpecError::LongTitle(self.title.len()));
        }
        if self.description.len() > MAX_DESCRIPTION_BYTES {
            return Err(SpecError::LongDescription(self.description.len()));
        }
        if self.parents.len() > MAX_PARENTS {
            return Err(SpecError::TooManyParents(self.parents.len()));
        }
        for (at, parent) in self.parents.iter().enumerate() {
            if self.parents.iter().take(at).any(|other| other.job == parent.job) {
                return Err(SpecError::SameParent(parent.job));
            }
        }
        if self.checks.iter().any(|check| check.trim().is_empty()) {
            return Err(SpecError::EmptyCheck);
        }
        Ok(())
    }
}

/// A parent of a job and the revision it is pinned to, once it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ParentLink {
    /// The parent.
    pub job: JobId,
    /// The revision's number, as asked for or as pinned.
    pub number: Option<u32>,
    /// The pinned revision; none until the job's first load.
    pub revision: Option<RevisionId>,
}

/// How far a completed job can be trusted. Each stays visible for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stamp {
    /// No command showed that the result works.
    Unverified,
    /// The model that wrote the change also reviewed it.
    SelfReviewed,
    /// The checks ran at a lower sandbox tier than T2.
    LowerTier,
    /// A person accepted it.
    Approved,
}

/// A job as the store knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Job {
    /// The id.
    pub id: JobId,
    /// What was asked for.
    pub spec: JobSpec,
    /// The parents, in order.
    pub parents: Vec<ParentLink>,
    /// Where it stands.
    pub status: JobStatus,
    /// Why it stands there, where that needs words.
    pub reason: Option<String>,
    /// How far its result can be trusted.
    pub stamps: Vec<Stamp>,
    /// Grows with every change of status and every write that is not made under a lease.
    pub version: u64,
    /// Whether somebody asked its run to stop.
    pub cancel_requested: bool,
    /// 1 for a root, else one more than its first parent's.
    pub depth: u32,
    /// The first job of its lineage.
    pub root: JobId,
    /// The newest revision, if it has a result.
    pub head: Option<Revision>,
    /// The git branch it was delivered to.
    pub branch: Option<String>,
    /// 1 to 5, once rated.
    pub rating: Option<u8>,
    /// A note with the rating.
    pub note: Option<String>,
    /// Whether it serves as an example for others.
    pub is_reference: bool,
    /// What its calls cost as far as known.
    pub cost: NanoUsd,
    /// What is reserved for calls under way.
    pub reserved: NanoUsd,
    /// What its calls took.
    pub usage: Usage,
    /// When it was created.
    pub created: Timestamp,
    /// When it last changed its status.
    pub updated: Timestamp,
    /// How often it was tried again, and until when it waits for that.
    #[serde(default)]
    pub retries: Retries,
}

impl Job {
    /// Returns whether it was put aside because its workers died under it: only a person runs it again.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.status == JobStatus::NeedsDecision && self.retries.crashes > 0
    }
}

/// Why a revision exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The job was imported.
    Import,
    /// The job was run.
    Run,
    /// A conflict was resolved.
    Resolve,
    /// A person corrected the result.
    Correction,
    /// An older tree was made current.
    Rollback,
    /// A parent moved and this followed.
    Rebase,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 6] = [Self::Import, Self::Run, Self::Resolve, Self::Correction, Self::Rollback, Self::Rebase];

    /// Returns the name used in JSON and in stores.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::Run => "run",
            Self::Resolve => "resolve",
            Self::Correction => "correction",
            Self::Rollback => "rollback",
            Self::Rebase => "rebase",
        }
    }
}

/// An immutable result of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Revision {
    /// The id.
    pub id: RevisionId,
    /// The job.
    pub job: JobId,
    /// Counted from 1 within the job.
    pub number: u32,
    /// The hash of the whole tree; see [`crate::tree::FileTree::root_hash`].
    pub root_hash: BlobHash,
    /// The revision its delta is against: the pinned first parent, or an earlier revision of the same job.
    pub base: Option<RevisionId>,
    /// What else it grew out of, besides the base: after a rebase the other parents it stands on now, then the revision
    /// that was carried over; after a rollback the revision that was brought back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<RevisionId>,
    /// Why it exists.
    pub cause: Cause,
    /// Who made it: a route, a person, a command.
    pub author: String,
    /// When.
    pub created: Timestamp,
}

/// That a person changed a result by hand: for telling what models get wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Correction {
    /// The job whose revision came of it: the corrected job itself, or an external one.
    pub job: JobId,
    /// What was there.
    pub from: RevisionId,
    /// What the person made of it.
    pub to: RevisionId,
    /// When it was recorded.
    pub at: Timestamp,
}
