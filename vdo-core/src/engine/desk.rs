//! What the steps of one run share while they are done side by side: the lease, the ledger's rows, the door to the store.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use tracing::Instrument as _;

use crate::engine::metrics::StepResult;
use crate::engine::signal::Signal;
use crate::engine::trace;
use crate::engine::{Engine, EngineBuilder, EngineError, lock};
use crate::event::EventKind;
use crate::failure::{Failure, FailureKind};
use crate::id::{Phase, StepKey};
use crate::job::{Job, Stamp};
use crate::money::NanoUsd;
use crate::port::changes::{CallWrite, Changes, Guard, LeaseChange, Receipt};
use crate::port::{CallRow, CallState, Lease};
use crate::route::{Candidate, Strategy};
use crate::run::Answer;
use crate::time::Timestamp;
use crate::tries::RetryChange;

/// How a step ended.
#[derive(Debug)]
pub(super) enum StepEnd {
    /// With an answer.
    Answer(StepKey, Box<Answer>),
    /// Without one; the run stops but can be taken up again.
    Failed(Failure),
    /// Without one, for now: the run goes on with everything that does not wait for it.
    Postponed(Failure),
    /// The run cannot go on at all.
    Fatal(EngineError),
}

/// The shared side of a run.
#[derive(Debug)]
pub(super) struct Desk<'e> {
    pub(super) engine: &'e Engine,
    pub(super) lease: Lease,
    /// The job as it was when the run began.
    pub(super) job: Job,
    /// Every call of the job, the newest of each step last.
    calls: Mutex<BTreeMap<(StepKey, u32), CallRow>>,
    pub(super) signal: Arc<Signal>,
    /// Calls made by this run.
    made: AtomicU32,
    begun: Timestamp,
}

impl<'e> Desk<'e> {
    pub(super) fn new(engine: &'e Engine, lease: Lease, job: Job, calls: Vec<CallRow>, signal: Arc<Signal>) -> Self {
        let calls = calls.into_iter().map(|row| ((row.step.clone(), row.number), row)).collect();
        let begun = engine.parts.clock.now();
        if job.cancel_requested {
            signal.raise();
        }
        let made = AtomicU32::new(0);
        Self { engine, lease, job, calls: Mutex::new(calls), signal, made, begun }
    }

    pub(super) fn parts(&self) -> &'e EngineBuilder {
        &self.engine.parts
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.signal.is_raised()
    }

    /// Says why nothing new may be begun, if a cap of the run is reached.
    pub(super) fn exhausted(&self, phase: Phase) -> Option<Failure> {
        let limits = &self.parts().limits;
        let repairs = if phase == Phase::Repair { self.spent(phase) } else { NanoUsd::ZERO };
        if let Some(most) = limits.repair_cost.filter(|most| repairs >= *most) {
            let text = format!(
                "the repairs of job {} cost {repairs}; {most} are allowed. Raise limits.repair_cost and run the job again to go on",
                self.job.id
            );
            return Some(Failure::new(FailureKind::LimitReached, text));
        }
        let spent = self.parts().clock.now().since(self.begun).as_secs();
        let text = if spent >= limits.run_seconds {
            format!("the run took {spent} s; {} are allowed. Run the job again to go on", limits.run_seconds)
        } else if self.made.load(Ordering::Relaxed) >= limits.calls {
            format!("the run made {} calls, as many as are allowed. Run the job again to go on", limits.calls)
        } else {
            return None;
        };
        Some(Failure::new(FailureKind::LimitReached, text))
    }

    /// Returns what the calls of a phase cost, or may cost, as far as that is known.
    fn spent(&self, phase: Phase) -> NanoUsd {
        let calls = lock(&self.calls);
        let rows = calls.values().filter(|row| row.step.phase == phase);
        let cost = |row: &CallRow| match row.state {
            CallState::Sent | CallState::PossiblyBilled => row.cost.or(row.reserved),
            _ => row.cost,
        };
        rows.filter_map(cost).sum()
    }

    /// Counts a call that is about to be made.
    pub(super) fn count_call(&self) {
        self.made.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes back that a call was counted: it was refused.
    pub(super) fn uncount_call(&self) {
        self.made.fetch_sub(1, Ordering::Relaxed);
    }

    /// Returns changes under this run's lease that write nothing yet but extend it.
    pub(super) fn changes(&self) -> Changes {
        let now = self.parts().clock.now();
        let mut changes = Changes::new(Guard::Lease(self.lease.clone()), now);
        changes.lease = LeaseChange::Extend(now.after(self.parts().lease_ttl));
        changes
    }

    pub(super) async fn write(&self, mut changes: Changes) -> Result<Receipt, EngineError> {
        if changes.lease == LeaseChange::Release && changes.retry.is_none() {
            changes.retry = Some(RetryChange::Ended);
        }
        let (calls, at) = (changes.calls.clone(), changes.at);
        let receipt = self.engine.commit(changes).await?;
        self.engine.watch_calls(&calls, self.job.id, self.job.root, at);
        self.engine.metrics.calls(&calls);
        if receipt.cancel_requested {
            self.signal.raise();
        }
        Ok(receipt)
    }

    /// Does a step, traced and counted.
    pub(super) async fn counted(&self, key: StepKey, step: impl Future<Output = StepEnd>) -> StepEnd {
        let begun = self.parts().clock.now();
        let span = trace::step(&key);
        let end = step.instrument(span.clone()).await;
        let result = match &end {
            StepEnd::Answer(..) => StepResult::Answered,
            StepEnd::Failed(_) => StepResult::Failed,
            StepEnd::Postponed(_) => StepResult::Postponed,
            StepEnd::Fatal(_) => StepResult::Broken,
        };
        trace::done(&span, result);
        self.count_step(key.phase, result, begun);
        end
    }

    /// Counts a step that was begun at a moment and is done.
    pub(super) fn count_step(&self, phase: Phase, result: StepResult, begun: Timestamp) {
        self.engine.metrics.step(phase, result, self.parts().clock.now().since(begun));
    }

    pub(super) fn has_budget(&self) -> bool {
        self.job.spec.budget.is_some()
    }

    /// Keeps a row that was written.
    pub(super) fn remember(&self, row: &CallRow) {
        lock(&self.calls).insert((row.step.clone(), row.number), row.clone());
    }

    /// Returns the number of the next call of a step.
    pub(super) fn next_number(&self, key: &StepKey) -> u32 {
        let calls = lock(&self.calls);
        calls.range((key.clone(), 0)..=(key.clone(), u32::MAX)).next_back().map_or(1, |((_, number), _)| number + 1)
    }

    /// Returns the number of the call that answered a step.
    pub(super) fn answered_by(&self, key: &StepKey) -> Option<u32> {
        let calls = lock(&self.calls);
        let mut rows = calls.range((key.clone(), 0)..=(key.clone(), u32::MAX));
        rows.rfind(|(_, row)| row.state == CallState::Answered).map(|((_, number), _)| *number)
    }

    /// Returns who answered a step.
    pub(super) fn author_of(&self, key: &StepKey) -> Option<String> {
        let calls = lock(&self.calls);
        let mut rows = calls.range((key.clone(), 0)..=(key.clone(), u32::MAX));
        let (_, row) = rows.rfind(|(_, row)| row.state == CallState::Answered)?;
        Some(format!("{}:{}", row.provider, row.model))
    }

    /// Returns the calls that are under way, as entries that give them up.
    pub(super) fn give_up(&self) -> Vec<CallWrite> {
        let now = self.parts().clock.now();
        let calls = lock(&self.calls);
        let under_way = calls.values().filter(|row| row.state == CallState::Sent);
        under_way
            .map(|row| CallWrite::new(CallRow { state: CallState::PossiblyBilled, ended: Some(now), ..row.clone() }))
            .collect()
    }

    /// Takes a call back that was announced and not sent: it failed and nothing stays reserved for it.
    pub(super) fn withdraw(&self, row: &CallRow, changes: &mut Changes) {
        let failure = Failure::new(FailureKind::Cancelled, "cancelled before it was sent").with_phase(row.step.phase);
        let (step, number) = (row.step.clone(), row.number);
        changes.events.push(EventKind::CallFailed { step, number, failure: failure.clone() });
        let ended = Some(self.parts().clock.now());
        let row = CallRow { state: CallState::Failed, failure: Some(failure), ended, ..row.clone() };
        self.remember(&row);
        let released = row.reserved.unwrap_or_default();
        changes.calls.push(CallWrite::new(row).releasing(released));
    }

    fn answered(&self, phases: &[Phase]) -> Vec<Candidate> {
        let calls = lock(&self.calls);
        let mut found: Vec<Candidate> = Vec::new();
        for row in calls.values().filter(|row| row.state == CallState::Answered && phases.contains(&row.step.phase)) {
            let candidate = Candidate { provider: row.provider.clone(), model: row.model.clone() };
            if !found.contains(&candidate) {
                found.push(candidate);
            }
        }
        found
    }

    /// Returns who wrote the change so far.
    pub(super) fn authors(&self) -> Vec<Candidate> {
        self.answered(&[Phase::Merge, Phase::Build, Phase::Repair])
    }

    /// Returns the stamp of a review by an author.
    pub(super) fn review_stamp(&self) -> Option<Stamp> {
        let authors = self.authors();
        let reviewers = self.answered(&[Phase::Critique]);
        reviewers.iter().any(|reviewer| authors.contains(reviewer)).then_some(Stamp::SelfReviewed)
    }

    /// Returns who is named for a phase, in order, and how one of them is chosen.
    pub(super) fn named(&self, phase: Phase) -> (Vec<Candidate>, Strategy) {
        let routes = self.engine.routes();
        let named =
            if phase == Phase::Critique { routes.reviewers(&self.authors()) } else { routes.of(phase).to_vec() };
        // Who reviews is chosen by who wrote, whatever else is asked for.
        let strategy = if phase == Phase::Critique { Strategy::Ordered } else { routes.strategy_of(phase) };
        (named, strategy)
    }

    /// Returns who answered the exchange before this one.
    pub(super) fn author_before(&self, key: &StepKey) -> Option<Candidate> {
        let turn = key.turn.checked_sub(1).filter(|turn| *turn > 0)?;
        self.author_of(&StepKey { turn, tool: 0, ..key.clone() })?.parse().ok()
    }
}
