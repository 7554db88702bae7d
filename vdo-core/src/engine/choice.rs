//! Choosing whom a step asks, and making the call to him.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::content::BlobHash;
use crate::event::EventKind;
use crate::failure::{Failure, FailureKind};
use crate::health::{Health, Subject};
use crate::id::{Phase, StepKey};
use crate::message::{CacheMark, Completion, PromptCache, Settings};
use crate::money::Price;
use crate::pace::Pace;
use crate::port::changes::CallWrite;
use crate::port::{CallRow, CallState, Capabilities};
use crate::route::{self, Candidate, Choice, Decision, Known, Question, Rejection};
use crate::run::Ask;
use crate::spend;
use crate::time::Timestamp;

use super::desk::Desk;
use super::lock;

/// How a step's candidates have fared in it so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Tried {
    /// Who is not asked any more, and why.
    pub(super) failed: BTreeMap<Candidate, FailureKind>,
    /// How often each failed.
    pub(super) tries: BTreeMap<Candidate, u32>,
    /// The newest failure.
    pub(super) last: Option<Failure>,
    /// Who had begun to answer: nobody else is asked from then on, as a part may have been heard.
    pub(super) begun: Option<Candidate>,
}

/// A call that is about to be sent.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) row: CallRow,
    pub(super) request: Completion,
    pub(super) candidate: Candidate,
    /// The limits of its provider's key.
    pub(super) pace: Pace,
}

/// What a step does next.
#[derive(Debug, Clone)]
pub(super) enum Turn {
    /// It makes this call.
    Call(Box<Call>),
    /// It waits: nobody can be asked before.
    Wait(Timestamp, Failure, Waits),
}

/// What a step waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waits {
    /// A place among the calls of its own side: that comes, however long it takes.
    ForRoom,
    /// Somebody to be there again.
    ForOthers,
}

impl Call {
    /// Returns the ledger entry that announces it.
    pub(super) fn sent(&self) -> CallWrite {
        CallWrite::new(self.row.clone()).paced(self.pace)
    }

    /// Returns the event that announces it.
    pub(super) fn sent_event(&self) -> EventKind {
        EventKind::CallSent {
            step: self.row.step.clone(),
            number: self.row.number,
            provider: self.row.provider.clone(),
            model: self.row.model.clone(),
            reserved: self.row.reserved,
        }
    }
}

/// A candidate with what its call would be.
struct Sized {
    candidate: Candidate,
    abilities: Option<Capabilities>,
    worst: Option<crate::money::NanoUsd>,
    health: Option<Health>,
    key: Option<Health>,
    paced: Option<Timestamp>,
}

impl Desk<'_> {
    /// Chooses whom a step asks now, and makes the call.
    pub(super) fn next_turn(&self, key: &StepKey, ask: &Ask, tried: &Tried) -> Result<Turn, Failure> {
        if let Some(failure) = self.exhausted(key.phase) {
            return Err(failure);
        }
        let (candidates, strategy) = self.named(key.phase);
        // Who comes before the one to be asked first is not asked any more.
        let first = candidates.iter().position(|one| ask.prefer.as_ref().is_some_and(|name| *name == one.to_string()));
        let candidates = candidates.into_iter().skip(first.unwrap_or(0));
        let candidates = candidates.filter(|one| tried.begun.as_ref().is_none_or(|begun| begun == one));
        let settings = self.settings(ask);
        let input = estimate(ask);
        let bound = spend::bound(&ask.system, &ask.messages, &ask.tools, ask.output);
        let sized: Vec<Sized> = candidates.map(|candidate| self.sized(candidate, ask, bound, &settings)).collect();
        let known: Vec<Known<'_>> = sized
            .iter()
            .map(|one| Known {
                candidate: &one.candidate,
                is_there: one.abilities.is_some(),
                tools: one.abilities.is_some_and(|abilities| abilities.tools),
                context: one.abilities.and_then(|abilities| abilities.context),
                worst: one.worst,
                health: one.health.as_ref(),
                key: one.key.as_ref(),
                failed: tried.failed.get(&one.candidate).copied(),
                paced: one.paced,
            })
            .collect();
        let keep = self.author_before(key);
        let now = self.parts().clock.now();
        let question = Question {
            now,
            strategy,
            tools: !ask.tools.is_empty(),
            input,
            output: ask.max_output.min(input.max(1024)),
            job: self.job.id,
            project: self.job.root,
            has_budget: self.has_budget(),
            keep: keep.as_ref().filter(|_| ask.prefer.is_none()),
            lot: self.lot(key),
        };
        let choice = { route::choose(&question, &known, &lock(&self.engine.watch).accounts) };
        match choice {
            Choice::Ask(at, decision) => {
                let one =
                    sized.into_iter().nth(at).ok_or_else(|| self.nobody(key.phase, &Decision::default(), tried))?;
                self.make_call(key, ask, settings, one, decision).map(|call| Turn::Call(Box::new(call)))
            }
            Choice::Wait(until, decision) => {
                let is_paced = decision.rejected.iter().any(|one| matches!(one.why, Rejection::Paced { .. }));
                let waits = if is_paced { Waits::ForRoom } else { Waits::ForOthers };
                Ok(Turn::Wait(until, self.nobody(key.phase, &decision, tried), waits))
            }
            Choice::Nobody(decision) => Err(self.nobody(key.phase, &decision, tried)),
        }
    }

    fn sized(&self, candidate: Candidate, ask: &Ask, bound: u64, settings: &Settings) -> Sized {
        let provider = self.parts().providers.get(&candidate.provider);
        let abilities = provider.map(|provider| provider.capabilities(&candidate.model));
        let output = abilities.map_or(ask.max_output, |abilities| most_output(ask, &abilities));
        let price = self.parts().prices.of(&candidate.provider, &candidate.model);
        let worst = price.and_then(|price: Price| price.worst_case_at(bound, output, settings.tier));
        let watch = lock(&self.engine.watch);
        let of = |model: Option<String>| {
            let subject = Subject { provider: candidate.provider.clone(), model };
            watch.health.get(&subject).cloned()
        };
        let (health, key) = (of(Some(candidate.model.clone())), of(None));
        let paced = watch.paced.get(&candidate.provider).copied();
        drop(watch);
        Sized { candidate, abilities, worst, health, key, paced }
    }

    fn make_call(
        &self,
        key: &StepKey,
        ask: &Ask,
        settings: Settings,
        one: Sized,
        decision: Decision,
    ) -> Result<Call, Failure> {
        let Sized { candidate, abilities, worst, .. } = one;
        let abilities = abilities.ok_or_else(|| self.nobody(key.phase, &decision, &Tried::default()))?;
        let request = Completion {
            model: candidate.model.clone(),
            system: ask.system.clone(),
            messages: route::translate(&ask.messages, &candidate.to_string()).into_owned(),
            tools: if abilities.tools { ask.tools.clone() } else { Vec::new() },
            output: ask.output.filter(|_| abilities.json_schema).cloned(),
            max_output: Some(most_output(ask, &abilities)),
            settings,
        };
        self.count_call();
        let priced = self.parts().prices.source(&candidate.provider, &candidate.model).map(str::to_owned);
        let row = CallRow {
            step: key.clone(),
            number: self.next_number(key),
            provider: candidate.provider.clone(),
            model: candidate.model.clone(),
            state: CallState::Sent,
            request_hash: request_hash(&request),
            prompt: ask.prompt.clone(),
            prompt_hash: ask.prompt_hash,
            edit_format: ask.edit_format.map(str::to_owned),
            reserved: worst,
            usage: None,
            cost: None,
            failure: None,
            outcome: None,
            started: self.parts().clock.now(),
            ended: None,
            first_ms: None,
            tier: request.settings.tier,
            priced,
            decision: Some(Box::new(decision)),
        };
        let pace = self.parts().paces.get(&candidate.provider).copied().unwrap_or_default();
        Ok(Call { row, request, candidate, pace })
    }

    /// Returns how replies are made: as the engine was built, with what is worth caching.
    fn settings(&self, ask: &Ask) -> Settings {
        let mut settings = self.parts().settings.clone();
        let mut marks = vec![CacheMark::System];
        // A conversation with tools goes on; what was said so far is sent again with the next exchange.
        if let Some(last) = ask.messages.len().checked_sub(1).filter(|_| !ask.tools.is_empty()) {
            marks.push(CacheMark::Message(last));
        }
        let long = settings.cache.as_ref().is_some_and(|cache| cache.long);
        settings.cache = Some(PromptCache { key: Some(format!("vdo-job-{}", self.job.id)), long, marks });
        settings
    }

    /// Returns a number that is the same whenever the same call of the same step is chosen.
    pub(super) fn lot(&self, key: &StepKey) -> u64 {
        let mut hasher = blake3::Hasher::new();
        hasher.update(format!("{} {key} {}", self.job.id, self.next_number(key)).as_bytes());
        let bytes = *hasher.finalize().as_bytes();
        bytes.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }

    /// Says why nobody can be asked.
    fn nobody(&self, phase: Phase, decision: &Decision, tried: &Tried) -> Failure {
        let why = |wanted: fn(&Rejection) -> bool| decision.rejected.iter().find(|one| wanted(&one.why));
        if let Some(one) = why(|why| matches!(why, Rejection::Unpriced)) {
            let (whose, route) =
                (if self.has_budget() { "the job has a budget" } else { "there is a budget" }, &one.candidate);
            let text = format!("{whose}, but the price of {route} is not known; name it under [prices.\"{route}\"]");
            return Failure::new(FailureKind::Budget, text).with_phase(phase);
        }
        if let Some(one) = why(|why| matches!(why, Rejection::Budget { .. })) {
            let text = format!("{} is not asked in phase {phase}: {}", one.candidate, one.why);
            return Failure::new(FailureKind::Budget, text).with_phase(phase);
        }
        if let Some(failure) = &tried.last {
            return failure.clone();
        }
        let reasons: Vec<String> =
            decision.rejected.iter().map(|one| format!("{}: {}", one.candidate, one.why)).collect();
        let too_long = why(|why| matches!(why, Rejection::TooLong { .. })).is_some();
        let kind = if too_long { FailureKind::ContextTooLong } else { FailureKind::Configuration };
        let text = if reasons.is_empty() {
            format!("no candidate for the phase {phase}")
        } else {
            format!("nobody can be asked in phase {phase}: {}", reasons.join("; "))
        };
        Failure::new(kind, text).with_phase(phase)
    }

    /// Returns how long a step may still take.
    pub(super) fn time_left(&self, since: Timestamp) -> Duration {
        self.parts().patience.saturating_sub(self.parts().clock.now().since(since))
    }
}

fn most_output(ask: &Ask, abilities: &Capabilities) -> u64 {
    abilities.max_output.map_or(ask.max_output, |most| most.min(ask.max_output))
}

/// Estimates the input tokens of what is asked.
fn estimate(ask: &Ask) -> u64 {
    Completion::estimate(&ask.system, &ask.messages, &ask.tools, ask.output)
}

/// Returns the hash that tells one request from another.
fn request_hash(request: &Completion) -> BlobHash {
    // In one piece: a hasher is fastest with much at once. A request is plain data: writing it cannot fail.
    BlobHash::of(&serde_json::to_vec(request).unwrap_or_default())
}
