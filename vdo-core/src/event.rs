//! What happened in a job, in order, for people and programs that follow it.
//!
//! Invariant: the `seq` numbers of a job's events have no gaps; the store gives them out inside the
//! commit that the event belongs to. Token deltas are not events: they are never kept.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::budget::{Crossing, Scope};
use crate::check::{CheckReport, Tier};
use crate::compare::Comparison;
use crate::conflict::How;
use crate::content::{BlobHash, Entry};
use crate::failure::Failure;
use crate::findings::Tracked;
use crate::id::{JobId, Phase, RevisionRef, StepKey, TaskId};
use crate::job::{Cause, JobStatus};
use crate::money::NanoUsd;
use crate::path::RepoPath;
use crate::time::Timestamp;
use crate::usage::Usage;

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// The job.
    pub job: JobId,
    /// Counted from 1 within the job, without gaps.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// A file of an attempt that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PathChange {
    /// Where it lies.
    pub path: RepoPath,
    /// What it was; none if it was not there.
    pub before: Option<Entry>,
    /// What it is; none if it is gone.
    pub after: Option<Entry>,
}

/// A task or repair that ended, and the tree it left. The contents are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// Its first step: `build/t1/1/1`, `repair/-/2/1`.
    pub step: StepKey,
    /// How many exchanges it took.
    pub turns: u32,
    /// Why it was given up; none if it was carried out.
    pub failure: Option<String>,
    /// The root hash of its tree.
    pub root: BlobHash,
    /// What differs from the tree it started from.
    pub changed: Vec<PathChange>,
    /// What differs from the files of the job's first parent: with those it makes the whole tree.
    pub against_parent: Vec<PathChange>,
}

impl Attempt {
    /// Returns the contents that are needed to look at it and to go back to it.
    pub fn contents(&self) -> impl Iterator<Item = BlobHash> {
        let changes = self.changed.iter().chain(&self.against_parent);
        changes.flat_map(|change| [change.before, change.after]).flatten().map(|entry| entry.blob)
    }
}

/// A bounded list of paths.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PathList {
    /// How many there are.
    pub count: u64,
    /// The first of them, in order.
    pub first: Vec<RepoPath>,
}

impl PathList {
    /// Returns the list of `paths`, of which at most 50 are named.
    #[must_use]
    pub fn of<'p>(paths: impl Iterator<Item = &'p RepoPath>) -> Self {
        let (mut count, mut first) = (0, Vec::new());
        for path in paths {
            count += 1;
            if first.len() < 50 {
                first.push(path.clone());
            }
        }
        Self { count, first }
    }
}

/// How far the files that were touched are from those of the plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Drift {
    /// How many files the plan names.
    pub planned: u64,
    /// How many files were touched.
    pub touched: u64,
    /// What was touched and is not in the plan.
    pub unplanned: PathList,
    /// What is in the plan and was not touched.
    pub untouched: PathList,
}

impl Drift {
    /// Returns how far `touched` is from `planned`.
    #[must_use]
    pub fn between(planned: &BTreeSet<RepoPath>, touched: &BTreeSet<RepoPath>) -> Self {
        let count = |paths: &BTreeSet<RepoPath>| u64::try_from(paths.len()).unwrap_or(u64::MAX);
        Self {
            planned: count(planned),
            touched: count(touched),
            unplanned: PathList::of(touched.difference(planned)),
            untouched: PathList::of(planned.difference(touched)),
        }
    }

    /// Returns whether exactly the plan's files were touched.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.unplanned.count == 0 && self.untouched.count == 0
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// The job was created.
    Created {
        /// Its title.
        title: String,
    },
    /// The job's status changed.
    Status {
        /// The new status.
        status: JobStatus,
        /// Why, where that needs words.
        reason: Option<String>,
    },
    /// Somebody found out what a possibly billed call cost.
    Reconciled {
        /// The step.
        step: StepKey,
        /// The call's number within the step.
        number: u32,
        /// What it cost.
        cost: NanoUsd,
    },
    /// A part of a budget was spent by this job's calls.
    BudgetCrossed(Crossing),
    /// A run took the job up.
    Started {
        /// Who runs it.
        owner: String,
        /// The lease's epoch; more than 1 where it was taken up again.
        epoch: u64,
        /// How many steps the journal already answers.
        replayed: u64,
    },
    /// A phase began.
    Phase {
        /// Which.
        phase: Phase,
    },
    /// The parents were pinned and their files read.
    Loaded {
        /// The parents.
        parents: Vec<RevisionRef>,
        /// How many files they have together.
        files: u64,
    },
    /// A further parent was merged in, as far as it went.
    Merged {
        /// The parent.
        parent: RevisionRef,
        /// How many files there are now.
        files: u64,
        /// How many paths are in conflict.
        conflicts: u64,
    },
    /// A path is in conflict.
    Conflict {
        /// The path.
        path: RepoPath,
        /// Why the sides do not merge.
        reason: String,
    },
    /// A conflict was decided.
    Resolved {
        /// The path.
        path: RepoPath,
        /// In which way: by a person or a model.
        how: How,
        /// Who decided.
        author: String,
    },
    /// The plan fits.
    Planned {
        /// What will be done.
        summary: String,
        /// The tasks: name and title.
        tasks: Vec<(TaskId, String)>,
    },
    /// A reply could not be used; the faults go back to the model.
    Refused {
        /// The step.
        step: StepKey,
        /// What was wrong.
        faults: Vec<String>,
    },
    /// A call was sent.
    CallSent {
        /// The step.
        step: StepKey,
        /// The call's number within the step.
        number: u32,
        /// The provider.
        provider: String,
        /// The model.
        model: String,
        /// What is reserved for it; none if its price is unknown.
        reserved: Option<NanoUsd>,
    },
    /// A call was answered.
    CallAnswered {
        /// The step.
        step: StepKey,
        /// The call's number within the step.
        number: u32,
        /// The provider.
        provider: String,
        /// The model.
        model: String,
        /// What it took.
        usage: Usage,
        /// What it cost; none if its price is unknown.
        cost: Option<NanoUsd>,
        /// How long it took, in milliseconds.
        duration_ms: u64,
    },
    /// A call failed.
    CallFailed {
        /// The step.
        step: StepKey,
        /// The call's number within the step.
        number: u32,
        /// Why.
        failure: Failure,
    },
    /// A file was created, changed or removed by a task.
    Edited {
        /// The task, if one did it.
        task: Option<TaskId>,
        /// The file.
        path: RepoPath,
        /// `created`, `modified` or `deleted`.
        operation: String,
    },
    /// A task touched a path its plan did not name, and the plan was amended.
    PlanAmended {
        /// The task.
        task: TaskId,
        /// The path.
        path: RepoPath,
    },
    /// The files that were touched are not those of the plan, or are again.
    Drift {
        /// How far they are from each other.
        #[serde(flatten)]
        drift: Drift,
    },
    /// A task is finished.
    TaskDone {
        /// The task.
        task: TaskId,
    },
    /// Check commands ran.
    Checked {
        /// The phase.
        phase: Phase,
        /// Which try.
        attempt: u32,
        /// Whether all passed.
        passed: bool,
        /// What ran and how it ended.
        report: CheckReport,
        /// What changed against the tree that the job started from, where that was checked, too.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comparison: Option<Box<Comparison>>,
        /// The job whose recorded report on exactly this tree was taken, so that nothing had to run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<JobId>,
    },
    /// The critic spoke.
    Critiqued {
        /// Which try.
        attempt: u32,
        /// The findings, each as one line.
        findings: Vec<String>,
    },
    /// The rules of [`guard`](crate::guard) found fault with the change.
    Guarded {
        /// The findings, each as one line that ends with the rule's name.
        findings: Vec<String>,
    },
    /// A finding came up, or something became of it.
    Found {
        /// The finding as it stands now.
        found: Tracked,
    },
    /// A task or a repair ended, with a tree of its own.
    Attempt {
        /// What was done.
        attempt: Box<Attempt>,
    },
    /// The repairs got nowhere, and somebody else is asked from here on.
    Escalated {
        /// Who was asked so far.
        from: String,
        /// Who is asked now.
        to: String,
        /// Why.
        why: String,
    },
    /// A tree that was tested is kept as the best so far, or gone back to.
    Best {
        /// The attempt it came of; none if it is what the tasks built together.
        step: Option<StepKey>,
        /// Its root hash.
        root: BlobHash,
        /// How many checks fail on it.
        failing: u64,
        /// Whether a later attempt was given up for it.
        restored: bool,
    },
    /// The result was handed over.
    Delivered {
        /// How: `branch`, `dir`, …
        how: String,
        /// Where.
        place: String,
        /// How many files.
        files: u64,
    },
    /// The job got a further revision, other than by its run.
    Revised {
        /// The revision's number.
        number: u32,
        /// Why it exists.
        cause: Cause,
        /// How many paths differ from the revision before.
        files: u64,
        /// What the person said about it, or what it was taken from.
        note: Option<String>,
    },
    /// The job is to be carried over to other revisions of its parents.
    Rebased {
        /// The revisions.
        onto: Vec<RevisionRef>,
        /// How many paths are in conflict; nothing is carried over until they are decided.
        conflicts: u64,
    },
    /// The job was hidden.
    Archived {
        /// Where it stood.
        was: JobStatus,
        /// Why it stood there.
        reason: Option<String>,
    },
    /// The job stands on its own from here on: the files it had from these are its own copy.
    Detached {
        /// What it was made from.
        from: Vec<RevisionRef>,
    },
    /// A content that leaked was taken out of the store, wherever it was.
    Redacted {
        /// How many places of this job had it.
        places: u64,
    },
    /// Something worth knowing.
    Note {
        /// What.
        text: String,
        /// The tier in use, where the note is about the sandbox.
        tier: Option<Tier>,
    },
}

impl EventKind {
    /// Gives the jobs that the event names other ids, as a copy in another store needs.
    #[must_use]
    pub fn with_jobs(mut self, renamed: &dyn Fn(JobId) -> JobId) -> Self {
        let all = |references: &mut Vec<RevisionRef>| {
            for reference in references {
                reference.job = renamed(reference.job);
            }
        };
        match &mut self {
            Self::Loaded { parents, .. } => all(parents),
            Self::Merged { parent, .. } => parent.job = renamed(parent.job),
            Self::Checked { from: Some(from), .. } => *from = renamed(*from),
            Self::Rebased { onto, .. } => all(onto),
            Self::Detached { from } => all(from),
            Self::BudgetCrossed(crossing) => match &mut crossing.scope {
                Scope::Project(job) | Scope::Job(job) => *job = renamed(*job),
                Scope::Total | Scope::Provider(_) | Scope::Model(..) => {}
            },
            _ => {}
        }
        self
    }
}
