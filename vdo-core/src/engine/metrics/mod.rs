//! What an engine did since it was made, as numbers: counted where it is written, read whole.
//!
//! Nothing of a job's content is counted, only how much of what. Invariant: the number of series is bounded, however many
//! jobs run and whatever models are named.

mod histogram;
mod text;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

pub use histogram::Histogram;
pub use text::CONTENT_TYPE;

use super::{Engine, lock};
use crate::candidate::Candidate;
use crate::id::Phase;
use crate::job::JobStatus;
use crate::money::NanoUsd;
use crate::port::changes::CallWrite;
use crate::port::{CallState, StoreFigures};
use crate::usage::Usage;

/// So many models are counted by name; what others do is counted together, under [`OTHER`].
pub const MAX_MODELS: usize = 100;
/// The provider and model under which the models beyond [`MAX_MODELS`] are counted.
pub const OTHER: &str = "other";

/// What became of a step that an engine did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StepResult {
    /// It was answered.
    Answered,
    /// It was not, and the run stopped.
    Failed,
    /// It was not, and the run went on without it.
    Postponed,
    /// The engine could not go on.
    Broken,
}

impl StepResult {
    /// Returns the name used in labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Failed => "failed",
            Self::Postponed => "postponed",
            Self::Broken => "broken",
        }
    }
}

/// The calls of one model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallFigures {
    /// How many were written as being in a state, by the state's name: every call is `sent` first.
    pub states: BTreeMap<&'static str, u64>,
    /// How many of those sent were not the first of their step.
    pub retries: u64,
    /// What they took.
    pub usage: Usage,
    /// What they cost, as far as known.
    pub cost: NanoUsd,
    /// How many were answered at an unknown price.
    pub unpriced: u64,
    /// How long those took that ended.
    pub took: Histogram,
}

/// The counts of an engine at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Figures {
    /// Runs under way.
    pub running: u64,
    /// Runs that ended, by the job's status then; `error` for those that a store or a port ended.
    pub runs: BTreeMap<&'static str, u64>,
    /// How long runs took.
    pub run_took: Histogram,
    /// Steps that were done, by phase and result.
    pub steps: BTreeMap<(Phase, StepResult), u64>,
    /// How long steps took, retries and waiting included.
    pub step_took: BTreeMap<Phase, Histogram>,
    /// Calls, by who was asked.
    pub calls: BTreeMap<Candidate, CallFigures>,
    /// What the store's writer did since it was opened, if it counts.
    pub store: Option<StoreFigures>,
}

impl Figures {
    /// Returns the figures in the OpenMetrics text format, version 1.0; its media type is [`CONTENT_TYPE`].
    #[must_use]
    pub fn to_text(&self) -> String {
        text::text(self)
    }

    fn call(&mut self, write: &CallWrite) {
        let row = &write.row;
        let mut who = Candidate { provider: row.provider.clone(), model: row.model.clone() };
        if self.calls.len() >= MAX_MODELS && !self.calls.contains_key(&who) {
            who = Candidate { provider: OTHER.to_owned(), model: OTHER.to_owned() };
        }
        let figures = self.calls.entry(who).or_default();
        *figures.states.entry(row.state.as_str()).or_default() += 1;
        if row.state == CallState::Sent {
            figures.retries += u64::from(row.number > 1);
            return;
        }
        figures.usage = figures.usage.plus(&row.usage.unwrap_or_default());
        figures.cost = figures.cost.plus(row.cost.unwrap_or_default());
        figures.unpriced += u64::from(row.state == CallState::Answered && row.cost.is_none());
        if let Some(ended) = row.ended {
            figures.took.add(ended.since(row.started));
        }
    }
}

/// Counts. Shared by the clones of an engine.
#[derive(Debug, Default)]
pub(super) struct Metrics(Mutex<Figures>);

impl Metrics {
    /// Counts a run that ended.
    pub(super) fn run(&self, status: Option<JobStatus>, took: Duration) {
        let mut figures = lock(&self.0);
        *figures.runs.entry(status.map_or("error", JobStatus::as_str)).or_default() += 1;
        figures.run_took.add(took);
    }

    /// Counts a step that ended.
    pub(super) fn step(&self, phase: Phase, result: StepResult, took: Duration) {
        let mut figures = lock(&self.0);
        *figures.steps.entry((phase, result)).or_default() += 1;
        figures.step_took.entry(phase).or_default().add(took);
    }

    /// Counts calls that were written.
    pub(super) fn calls(&self, calls: &[CallWrite]) {
        if calls.is_empty() {
            return;
        }
        let mut figures = lock(&self.0);
        calls.iter().for_each(|call| figures.call(call));
    }
}

impl Engine {
    /// Returns what this engine and its clones did since it was made. [`Figures::to_text`] writes that for a scraper.
    #[must_use]
    pub fn metrics(&self) -> Figures {
        let running = u64::try_from(lock(&self.active).len()).unwrap_or(u64::MAX);
        Figures { running, store: self.parts.store.figures(), ..lock(&self.metrics.0).clone() }
    }
}

#[cfg(test)]
mod tests;
