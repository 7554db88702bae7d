//! What a run is made of: its brief, its state, and what goes in and out.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Answer;
use super::before::Before;
use super::bench::Bench;
use super::mending::Best;
use super::merging::Merging;
use super::planning::Talk;
use crate::check::{CheckCommand, CheckReport, Setup};
use crate::compare::Comparison;
use crate::conflict::{ConflictRow, How};
use crate::content::{Blob, BlobHash, Entry};
use crate::contents::Contents;
use crate::edit::Format;
use crate::event::{Drift, EventKind};
use crate::failure::Failure;
use crate::findings::{Finding, Tracked};
use crate::id::{Phase, RevisionRef, StepKey, TaskId};
use crate::job::{MergePolicy, Stamp};
use crate::message::{Message, OutputSchema, ToolSpec};
use crate::money::NanoUsd;
use crate::path::RepoPath;
use crate::port::changes::CheckWrite;
use crate::port::{Outcome, Scanned};
use crate::prompt::{Assignment, Prompts};
use crate::task::Plan;
use crate::tree::{Delta, FileTree};

/// The version of the state's form.
pub(super) const VERSION: u32 = 4;

/// Caps on one run. Reaching one ends the run with a typed failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Limits {
    /// How often a plan may be asked for. Default: 3.
    pub plans: u32,
    /// Exchanges with a model per task or repair. Default: 40.
    pub turns: u32,
    /// Replies per task or repair that cannot be used. Default: 3.
    pub refusals: u32,
    /// Repairs after failed checks and findings together; 0 turns repair off. Default: 4.
    pub repairs: u32,
    /// No call for a repair is begun once those before it cost this much; none: as much as the job may. Default: none.
    pub repair_cost: Option<NanoUsd>,
    /// Exchanges in a row that may change nothing, per task or repair. Default: 20.
    pub looks: u32,
    /// Reviews. Default: 3.
    pub critiques: u32,
    /// Tokens of code in a planning request, as estimated. Default: 18,000.
    pub context_tokens: u64,
    /// Seconds each check command has. Default: 600.
    pub check_seconds: u64,
    /// The most tokens a reply may have. Default: 16,000.
    pub max_output: u64,
    /// Calls to models in one run of the job, retries included. Default: 300.
    pub calls: u32,
    /// Seconds one run of the job may take; no step is begun after that. Default: 4 hours.
    pub run_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            plans: 3,
            turns: 40,
            refusals: 3,
            repairs: 4,
            repair_cost: None,
            looks: 20,
            critiques: 3,
            context_tokens: crate::context::DEFAULT_BUDGET,
            check_seconds: 600,
            max_output: 16_000,
            calls: 300,
            run_seconds: 4 * 3600,
        }
    }
}

impl Limits {
    /// Sets the number of repairs.
    #[must_use]
    pub fn with_repairs(mut self, repairs: u32) -> Self {
        self.repairs = repairs;
        self
    }

    /// Sets the number of plans that may be asked for.
    #[must_use]
    pub fn with_plans(mut self, plans: u32) -> Self {
        self.plans = plans;
        self
    }

    /// Sets the seconds each check command has.
    #[must_use]
    pub fn with_check_seconds(mut self, seconds: u64) -> Self {
        self.check_seconds = seconds;
        self
    }

    /// Sets the most tokens a reply may have.
    #[must_use]
    pub fn with_max_output(mut self, tokens: u64) -> Self {
        self.max_output = tokens;
        self
    }
}

impl Limits {
    /// Sets what the calls for repairs may cost together.
    #[must_use]
    pub fn with_repair_cost(mut self, cost: NanoUsd) -> Self {
        self.repair_cost = Some(cost);
        self
    }

    /// Sets how many exchanges in a row may change nothing.
    #[must_use]
    pub fn with_looks(mut self, exchanges: u32) -> Self {
        self.looks = exchanges;
        self
    }

    /// Sets how many exchanges with a model a task or repair may take.
    #[must_use]
    pub fn with_turns(mut self, turns: u32) -> Self {
        self.turns = turns;
        self
    }

    /// Sets the number of reviews.
    #[must_use]
    pub fn with_critiques(mut self, critiques: u32) -> Self {
        self.critiques = critiques;
        self
    }

    /// Sets how many calls one run may make.
    #[must_use]
    pub fn with_calls(mut self, calls: u32) -> Self {
        self.calls = calls;
        self
    }

    /// Sets how many seconds one run may take.
    #[must_use]
    pub fn with_run_seconds(mut self, seconds: u64) -> Self {
        self.run_seconds = seconds;
        self
    }
}

/// How a model is asked for edits. Replies are understood in either form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// By tool calls, in a loop.
    Tools,
    /// By one reply with edits as text.
    Text,
}

impl Style {
    /// Returns the name in the ledger of edits asked for in this style and this format.
    #[must_use]
    pub fn label(self, format: Format) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Text => format.as_str(),
        }
    }
}

/// Everything a run is told at its start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brief {
    /// The job.
    pub assignment: Assignment,
    /// What a merge may do, and what people decided about it.
    pub merge: MergeBrief,
    /// The commands the user named.
    pub checks: Vec<String>,
    /// How builders are asked.
    pub build: Style,
    /// How repairers are asked.
    pub repair: Style,
    /// The format that builders write edits in.
    pub build_format: Format,
    /// The format that repairers write edits in.
    pub repair_format: Format,
    /// Who can be asked for repairs, in order, each as `provider:model`. The second is asked once repairs get nowhere.
    pub repairers: Vec<String>,
    /// The caps.
    pub limits: Limits,
    /// The wordings.
    pub prompts: Prompts,
}

/// What a run is told about the merge of its parents.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeBrief {
    /// What may happen where the parents do not simply fit together.
    pub policy: MergePolicy,
    /// Whether there is a model to ask about conflicts.
    pub can_ask: bool,
    /// What people decided, by the conflict's number: the path, in which way, and what the file is.
    pub decisions: BTreeMap<u32, (RepoPath, How, Option<Entry>)>,
}

/// The files a run starts from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loaded {
    /// The parents, pinned.
    pub parents: Vec<RevisionRef>,
    /// The files of the first one.
    pub tree: FileTree,
}

/// A further parent to merge in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeWork {
    /// Its ordinal among the parents, from 1.
    pub round: u32,
    /// Everything merged before it.
    pub ours: FileTree,
}

/// A request to a model, in all but the model.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// The instructions.
    pub system: String,
    /// The conversation.
    pub messages: Vec<Message>,
    /// The tools on offer.
    pub tools: Vec<ToolSpec>,
    /// The shape of the reply, for models that can be held to one.
    pub output: Option<&'static OutputSchema>,
    /// The most tokens the reply may have.
    pub max_output: u64,
    /// The prompt's name and version.
    pub prompt: String,
    /// The hash of its wording.
    pub prompt_hash: BlobHash,
    /// The edit format asked for, if edits are.
    pub edit_format: Option<&'static str>,
    /// Who is to be asked first, as `provider:model`; none: the first candidate of the phase.
    pub prefer: Option<String>,
    /// Whether the run can go on without an answer: see [`Answer::Declined`].
    pub is_optional: bool,
}

/// Commands to run on a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckWork {
    /// The tree.
    pub tree: FileTree,
    /// What has to be installed first.
    pub setup: Vec<Setup>,
    /// The commands.
    pub commands: Vec<CheckCommand>,
    /// Seconds each command has.
    pub seconds: u64,
}

/// A result to hand over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// The tree.
    pub tree: FileTree,
    /// What changed against the first parent.
    pub delta: Delta,
    /// What the result lacks.
    pub stamps: Vec<Stamp>,
    /// How the run ends once this is done.
    pub end: End,
    /// Whether it is only kept, until somebody accepts it.
    pub is_held: bool,
}

/// What a step consists of.
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    /// Pin the parents and read their tree.
    Load,
    /// Merge one more parent in.
    Merge(Box<MergeWork>),
    /// Look at this tree.
    Scan(FileTree),
    /// Ask a model.
    Ask(Box<Ask>),
    /// Run commands.
    Check(Box<CheckWork>),
    /// Keep the result and hand it over.
    Deliver(Box<Finished>),
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// With a verified result.
    Completed,
    /// With a result, or a question, that a person has to decide on.
    NeedsDecision(String),
    /// Without a result that holds.
    Failed(Failure),
}

/// What answers brought about: to be written in one commit.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Effects {
    /// The steps whose answers were taken in.
    pub applied: Vec<StepKey>,
    /// Contents that came into being.
    pub blobs: Vec<Blob>,
    /// What happened.
    pub events: Vec<EventKind>,
    /// Evidence.
    pub checks: Vec<CheckWrite>,
    /// Conflicts that were found, and those that a step decided. Times and authors are the driver's to fill in.
    pub conflicts: Vec<(ConflictRow, Option<StepKey>)>,
    /// What became of replies.
    pub outcomes: Vec<(StepKey, Outcome)>,
}

impl Effects {
    /// Returns whether nothing came about.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.applied.is_empty() && self.events.is_empty() && self.blobs.is_empty()
    }
}

/// Where a run is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Stage {
    Load,
    Merge(Box<Merging>),
    Scan,
    Plan(Talk),
    Build {
        done: BTreeSet<TaskId>,
        wave: Vec<Bench>,
    },
    /// What was built is looked at, for checks and what they need.
    Rescan,
    Test,
    Repair(Box<Bench>),
    Critique(Talk),
    Sandbox,
    Deliver {
        end: End,
    },
    Ended(End),
}

/// A run. Plain data but for the contents, which are supplied again after it was stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Run {
    pub(super) version: u32,
    pub(super) brief: Brief,
    pub(super) stage: Stage,
    pub(super) parents: Vec<RevisionRef>,
    /// The first parent's files.
    pub(super) base: FileTree,
    /// The files the work starts from: the first parent's, or those of all parents merged.
    pub(super) given: FileTree,
    /// The files as they are now.
    pub(super) tree: FileTree,
    /// The step that wrote a path last.
    pub(super) steps: BTreeMap<RepoPath, StepKey>,
    pub(super) scanned: Scanned,
    /// What the files the work starts from need installed.
    pub(super) given_setup: Vec<Setup>,
    pub(super) plan: Option<Plan>,
    pub(super) commands: Vec<CheckCommand>,
    /// How often the checks ran, are running or come next.
    pub(super) tests: u32,
    pub(super) repairs: u32,
    pub(super) critiques: u32,
    pub(super) sandboxes: u32,
    /// The checks of what the work starts from.
    pub(super) before: Option<Before>,
    /// The last report of the test or sandbox phase.
    pub(super) report: Option<CheckReport>,
    /// What that report shows against the one on what the work started from.
    pub(super) comparison: Option<Comparison>,
    /// What failed last, to notice a repair that changed nothing.
    pub(super) last_failure: Option<String>,
    /// The tree that fails least of those that were tested and failed.
    pub(super) best: Option<Best>,
    /// The trees that were tested and failed.
    pub(super) tried: BTreeSet<BlobHash>,
    /// How often somebody else was asked because repairs got nowhere.
    pub(super) rung: usize,
    /// What was found, and what became of it.
    pub(super) findings: Vec<Tracked>,
    /// The languages' own checkers for the tree that is to be tested; none until they are chosen.
    pub(super) prechecks: Option<Vec<CheckCommand>>,
    /// What the guard found and a repair was asked to mend.
    pub(super) guarded: Vec<Finding>,
    /// What the repair under way has to mend.
    pub(super) why: String,
    /// The places that the failure points at.
    pub(super) places: Vec<(RepoPath, u32)>,
    /// What the last tested tree was made by.
    pub(super) last_attempt: Option<StepKey>,
    /// How far what was touched is from the plan, as it was told last.
    #[serde(default)]
    pub(super) drift: Option<Drift>,
    #[serde(skip)]
    pub(super) inbox: BTreeMap<StepKey, Answer>,
    #[serde(skip)]
    pub(super) contents: Contents,
}

impl Run {
    pub(super) fn at_start(brief: Brief) -> Self {
        Self {
            version: VERSION,
            brief,
            stage: Stage::Load,
            parents: Vec::new(),
            base: FileTree::default(),
            given: FileTree::default(),
            tree: FileTree::default(),
            steps: BTreeMap::new(),
            scanned: Scanned::default(),
            given_setup: Vec::new(),
            plan: None,
            commands: Vec::new(),
            tests: 1,
            repairs: 0,
            critiques: 1,
            sandboxes: 1,
            before: None,
            report: None,
            comparison: None,
            last_failure: None,
            best: None,
            tried: BTreeSet::new(),
            rung: 0,
            findings: Vec::new(),
            prechecks: None,
            guarded: Vec::new(),
            why: String::new(),
            places: Vec::new(),
            last_attempt: None,
            drift: None,
            inbox: BTreeMap::new(),
            contents: Contents::default(),
        }
    }

    pub(super) fn phase_begins(&self, phase: Phase, effects: &mut Effects) {
        effects.events.push(EventKind::Phase { phase });
    }
}
