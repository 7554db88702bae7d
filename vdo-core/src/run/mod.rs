//! A run as a machine without I/O.
//!
//! It hands out every step that is ready, each under a stable key, and takes answers back in any order:
//!
//! 1. [`Run::missing`] names contents it wants to look at; give them to [`Run::supply`].
//! 2. [`Run::advance`] takes the answers in and returns what they bring about.
//! 3. [`Run::ready`] names the steps that can be done now; [`Run::work`] says what each consists of.
//! 4. [`Run::answer`] takes a step's answer. From the start, until [`Run::end`] says how it ended.
//!
//! The engine is one driver; a host can be another (see the examples). The state is plain data with a version.
//! Invariant: the same answers give the same state, in whatever order they come.

mod answers;
mod attempt;
mod before;
mod bench;
mod build;
mod circles;
mod excerpt;
mod ground;
mod guarding;
mod judge;
mod keep;
mod landing;
mod look;
mod mending;
mod merging;
mod planning;
mod prechecking;
mod resolution;
mod review;
mod state;

use std::collections::BTreeSet;

use crate::check::CheckReport;
use crate::content::{Blob, BlobHash};
use crate::contents::Contents;
use crate::failure::Failure;
use crate::id::{JobId, Phase, StepKey};
use crate::merge::Merged;
use crate::message::Reply;
use crate::port::Scanned;
use crate::syntax::Syntax;
use crate::tree::FileTree;

pub use answers::spec as answer_tool;
pub(crate) use planning::runner_of;
pub use resolution::{check_text, merged_mode, side_labels};
pub use state::{
    Ask, Brief, CheckWork, Effects, End, Finished, Limits, Loaded, MergeBrief, MergeWork, Run, Style, Work,
};
use state::{Stage, VERSION};

/// A step's answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// To [`Work::Load`].
    Loaded(Loaded),
    /// To [`Work::Merge`].
    Merged(Merged),
    /// To [`Work::Scan`].
    Scanned(Scanned),
    /// To [`Work::Ask`].
    Reply(Reply),
    /// To a [`Work::Ask`] that is optional: nobody could be asked.
    Declined(Failure),
    /// To [`Work::Check`].
    Checked(CheckReport),
    /// To the [`Work::Check`] of [`Phase::Base`], where an ancestor's record says already what would come of it.
    Recalled(CheckReport, JobId),
    /// To [`Work::Deliver`].
    Delivered,
}

/// A driver did something the machine cannot follow. Nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The step is not ready: unknown, answered already, or not yet possible.
    #[error("step {0} is not ready")]
    NotReady(StepKey),
    /// The answer does not fit the step.
    #[error("the answer to step {0} is of the wrong kind")]
    WrongAnswer(StepKey),
    /// The state was written by another version.
    #[error("the state of this run has version {found}; this is version {VERSION}")]
    Version {
        /// Its version.
        found: u32,
    },
}

impl Run {
    /// Starts a run.
    #[must_use]
    pub fn new(brief: Brief) -> Self {
        Self::at_start(brief)
    }

    /// Checks that a state read from elsewhere can be continued.
    ///
    /// # Errors
    /// [`RunError::Version`] if another version wrote it.
    pub fn check_version(&self) -> Result<(), RunError> {
        if self.version == VERSION { Ok(()) } else { Err(RunError::Version { found: self.version }) }
    }

    /// Returns the phase the run is in.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match &self.stage {
            Stage::Load => Phase::Load,
            Stage::Merge(_) => Phase::Merge,
            Stage::Scan | Stage::Rescan => Phase::Scan,
            Stage::Plan(_) => Phase::Plan,
            Stage::Build { .. } => Phase::Build,
            Stage::Test => Phase::Test,
            Stage::Repair(_) => Phase::Repair,
            Stage::Critique(_) => Phase::Critique,
            Stage::Sandbox => Phase::Sandbox,
            Stage::Deliver { .. } | Stage::Ended(_) => Phase::Deliver,
        }
    }

    /// Returns how the run ended; none while it goes on.
    #[must_use]
    pub fn end(&self) -> Option<&End> {
        match &self.stage {
            Stage::Ended(end) => Some(end),
            _ => None,
        }
    }

    /// Returns the tree as it is now.
    #[must_use]
    pub fn tree(&self) -> &FileTree {
        &self.tree
    }

    /// Returns the contents at hand.
    #[must_use]
    pub fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Returns the steps that can be done now and have no answer yet.
    #[must_use]
    pub fn ready(&self) -> Vec<StepKey> {
        let mut keys: Vec<StepKey> = match &self.stage {
            Stage::Load => vec![StepKey::first(Phase::Load)],
            Stage::Merge(merging) => merging.ready(),
            Stage::Scan => vec![StepKey::first(Phase::Scan)],
            Stage::Rescan => vec![rescan()],
            Stage::Plan(talk) => talk.ready(Phase::Plan),
            Stage::Build { wave, .. } => wave.iter().flat_map(bench::Bench::ready).collect(),
            Stage::Test if self.prechecks.is_none() => Vec::new(),
            Stage::Test => vec![StepKey::first(Phase::Test).with_attempt(self.tests)],
            Stage::Repair(bench) => bench.ready(),
            Stage::Critique(talk) => talk.ready(Phase::Critique),
            Stage::Sandbox => vec![StepKey::first(Phase::Sandbox).with_attempt(self.sandboxes)],
            Stage::Deliver { .. } => vec![StepKey::first(Phase::Deliver)],
            Stage::Ended(_) => Vec::new(),
        };
        keys.extend(self.base_step());
        keys.into_iter().filter(|key| !self.inbox.contains_key(key)).collect()
    }

    /// Returns what a ready step consists of.
    ///
    /// # Errors
    /// [`RunError::NotReady`] if it is not ready.
    pub fn work(&self, key: &StepKey) -> Result<Work, RunError> {
        let not_ready = || RunError::NotReady(key.clone());
        if !self.ready().contains(key) {
            return Err(not_ready());
        }
        if key.phase == Phase::Base {
            return self.base_work().map(|work| Work::Check(Box::new(work))).ok_or_else(not_ready);
        }
        match &self.stage {
            Stage::Load => Ok(Work::Load),
            Stage::Merge(merging) => merging.work(key, self).ok_or_else(not_ready),
            Stage::Scan | Stage::Rescan => Ok(Work::Scan(self.tree.clone())),
            Stage::Plan(talk) => Ok(Work::Ask(Box::new(self.plan_ask(talk)))),
            Stage::Build { wave, .. } => {
                let bench = wave.iter().find(|bench| bench.owns(key)).ok_or_else(not_ready)?;
                bench.work(key, self).ok_or_else(not_ready)
            }
            Stage::Repair(bench) => bench.work(key, self).ok_or_else(not_ready),
            Stage::Test | Stage::Sandbox => Ok(Work::Check(Box::new(self.check_work()))),
            Stage::Critique(talk) => Ok(Work::Ask(Box::new(self.critique_ask(talk)))),
            Stage::Deliver { .. } => Ok(Work::Deliver(Box::new(self.finished()))),
            Stage::Ended(_) => Err(not_ready()),
        }
    }

    /// Takes the answer to a ready step. Its effects come with the next [`Run::advance`].
    ///
    /// # Errors
    /// [`RunError::NotReady`] or [`RunError::WrongAnswer`]; nothing changed then.
    pub fn answer(&mut self, key: StepKey, answer: Answer) -> Result<(), RunError> {
        if !self.ready().contains(&key) {
            return Err(RunError::NotReady(key));
        }
        let fits = matches!(
            (&answer, key.phase, key.tool),
            (Answer::Loaded(_), Phase::Load, _)
                | (Answer::Scanned(_), Phase::Scan, _)
                | (Answer::Merged(_), Phase::Merge, 0)
                | (Answer::Reply(_), Phase::Merge | Phase::Plan | Phase::Build | Phase::Repair | Phase::Critique, 0)
                | (Answer::Declined(_), Phase::Repair, 0)
                | (Answer::Checked(_), Phase::Base | Phase::Test | Phase::Sandbox, 0)
                | (Answer::Recalled(..), Phase::Base, 0)
                | (Answer::Checked(_), Phase::Build | Phase::Repair, 1..)
                | (Answer::Delivered, Phase::Deliver, _)
        );
        let is_local = matches!(answer, Answer::Merged(_));
        if !fits || (key.phase == Phase::Merge && is_local == key.task.is_some()) {
            return Err(RunError::WrongAnswer(key));
        }
        self.inbox.insert(key, answer);
        Ok(())
    }

    /// Returns the contents that have to be supplied before the run can go on; empty if it can.
    #[must_use]
    pub fn missing(&self) -> BTreeSet<BlobHash> {
        let mut wanted = self.wanted();
        wanted.retain(|hash| !self.contents.has(*hash));
        wanted
    }

    fn wanted(&self) -> BTreeSet<BlobHash> {
        match &self.stage {
            Stage::Merge(merging) => merging.wanted(&self.brief.merge),
            Stage::Plan(talk) if talk.opening.is_none() => self.plan_wants(),
            Stage::Build { wave, .. } => {
                let mut wanted: BTreeSet<BlobHash> = wave.iter().flat_map(|bench| bench.wanted(self)).collect();
                wanted.extend(self.join_wants());
                wanted
            }
            Stage::Repair(bench) => {
                let mut wanted = bench.wanted(self);
                if bench.opening.is_none() {
                    // What large files were before shows where they were changed.
                    let old = bench.shown.iter().filter_map(|path| self.given.get(path));
                    wanted.extend(old.map(|entry| entry.blob));
                }
                wanted
            }
            Stage::Test if self.prechecks.is_none() => self.precheck_wants(),
            Stage::Critique(talk) if talk.opening.is_none() => {
                let mut wanted = self.critique_wants();
                wanted.extend(self.rules_want(Some(&self.touched())));
                wanted
            }
            _ => BTreeSet::new(),
        }
    }

    /// Gives contents to the run.
    pub fn supply(&mut self, blobs: &[Blob]) {
        for blob in blobs {
            self.contents.add(blob);
        }
    }

    /// Takes the answers in, as far as the contents at hand allow, and returns what they bring about.
    pub fn advance(&mut self, syntax: &dyn Syntax) -> Effects {
        let mut effects = Effects::default();
        while self.missing().is_empty() && self.step(syntax, &mut effects) {}
        effects
    }

    /// Makes one move; returns whether anything changed.
    fn step(&mut self, syntax: &dyn Syntax, effects: &mut Effects) -> bool {
        if self.take_base(effects) {
            return true;
        }
        match &mut self.stage {
            Stage::Load => self.take_loaded(effects),
            Stage::Merge(_) => self.step_merge(syntax, effects),
            Stage::Scan => self.take_scanned(effects),
            Stage::Rescan => self.take_rescanned(effects),
            Stage::Plan(_) => self.step_plan(effects),
            Stage::Build { .. } => self.step_build(syntax, effects),
            Stage::Repair(_) => self.step_repair(syntax, effects),
            Stage::Test if self.prechecks.is_none() => self.choose_prechecks(syntax),
            Stage::Test => self.take_test(effects),
            Stage::Critique(_) => self.step_critique(syntax, effects),
            Stage::Sandbox => self.take_sandbox(effects),
            Stage::Deliver { end } => {
                let end = end.clone();
                let key = StepKey::first(Phase::Deliver);
                if self.inbox.remove(&key).is_none() {
                    return false;
                }
                effects.applied.push(key);
                self.stage = Stage::Ended(end);
                true
            }
            Stage::Ended(_) => false,
        }
    }

    fn fail(&mut self, failure: Failure) {
        let failure = failure.with_phase(self.phase());
        self.stage = Stage::Ended(End::Failed(failure));
    }
}

/// The step that looks at what was built.
fn rescan() -> StepKey {
    StepKey::first(Phase::Scan).with_attempt(2)
}

#[cfg(test)]
mod tests;
