//! One step that asks a model: the call, its retries and its failover, each a row of the ledger.

use crate::engine::EngineError;
use crate::event::EventKind;
use crate::failure::{Failure, FailureKind};
use crate::id::StepKey;
use crate::message::{Completion, Settings};
use crate::money::NanoUsd;
use crate::port::changes::{CallWrite, StepWrite};
use crate::port::{CallRow, CallState, ProviderError, StepState, StoreError};
use crate::route::{self, Candidate, Next};
use crate::run::{Answer, Ask};
use crate::spend;

use super::desk::{Desk, StepEnd};

/// A call that is about to be sent.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) row: CallRow,
    pub(super) request: Completion,
    candidates: Vec<Candidate>,
    /// Which of the candidates is asked.
    at: usize,
    /// How often this candidate failed for this step.
    tries: u32,
}

impl Call {
    /// Returns the ledger entry that announces it.
    pub(super) fn sent(&self) -> CallWrite {
        CallWrite { row: self.row.clone(), released: NanoUsd::ZERO }
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

impl Desk<'_> {
    /// Chooses the first candidate for a step and makes the call to it.
    pub(super) fn first_call(&self, key: &StepKey, ask: &Ask) -> Result<Call, Failure> {
        let candidates = self.candidates(key.phase, !ask.tools.is_empty());
        // Who comes before the one to be asked first is not asked any more.
        let first = candidates.iter().position(|one| ask.prefer.as_ref().is_some_and(|name| *name == one.to_string()));
        self.make_call(key, ask, candidates, first.unwrap_or(0), 0)
    }

    fn make_call(
        &self,
        key: &StepKey,
        ask: &Ask,
        candidates: Vec<Candidate>,
        at: usize,
        tries: u32,
    ) -> Result<Call, Failure> {
        let nobody = || Failure::new(FailureKind::Configuration, format!("no candidate for the phase {}", key.phase));
        let candidate = candidates.get(at).cloned().ok_or_else(nobody)?;
        let provider = self.parts().providers.get(&candidate.provider).ok_or_else(nobody)?;
        let abilities = provider.capabilities(&candidate.model);
        let request = Completion {
            model: candidate.model.clone(),
            system: ask.system.clone(),
            messages: ask.messages.clone(),
            tools: if abilities.tools { ask.tools.clone() } else { Vec::new() },
            output: ask.output.clone().filter(|_| abilities.json_schema),
            max_output: Some(abilities.max_output.map_or(ask.max_output, |most| most.min(ask.max_output))),
            settings: Settings::default(),
        };
        if let Some(failure) = self.exhausted(key.phase) {
            return Err(failure);
        }
        self.count_call();
        let price = self.parts().prices.of(&candidate.provider, &candidate.model);
        let reserved = spend::reservation(&request, price, self.has_budget(), &candidate.to_string())?;
        let row = CallRow {
            step: key.clone(),
            number: self.next_number(key),
            provider: candidate.provider,
            model: candidate.model,
            state: CallState::Sent,
            request_hash: request_hash(&request),
            prompt: ask.prompt.clone(),
            prompt_hash: ask.prompt_hash,
            edit_format: ask.edit_format.map(str::to_owned),
            reserved,
            usage: None,
            cost: None,
            failure: None,
            outcome: None,
            started: self.parts().clock.now(),
            ended: None,
        };
        Ok(Call { row, request, candidates, at, tries })
    }

    /// Sends a call whose intent is written, and goes on until there is an answer or nobody is left to ask. A step that the
    /// run can do without is answered with that.
    pub(super) async fn perform_ask(&self, key: StepKey, ask: Ask, call: Call) -> StepEnd {
        let is_optional = ask.is_optional;
        match self.ask_until(key.clone(), ask, call).await {
            StepEnd::Failed(failure)
                if is_optional && !self.is_cancelled() && failure.kind != FailureKind::LimitReached =>
            {
                StepEnd::Answer(key, Answer::Declined(failure))
            }
            end => end,
        }
    }

    async fn ask_until(&self, key: StepKey, ask: Ask, mut call: Call) -> StepEnd {
        loop {
            let failure = match self.send(&key, &call).await {
                Ok(answer) => return StepEnd::Answer(key, answer),
                Err(StepEnd::Failed(failure)) => failure,
                Err(other) => return other,
            };
            if self.is_cancelled() {
                return StepEnd::Failed(failure);
            }
            let tries = call.tries + 1;
            let (at, tries) = match route::next(&failure, tries, self.parts().retries) {
                Next::Again(wait) => {
                    if self.signal.or(self.parts().clock.sleep(wait)).await.is_none() {
                        return StepEnd::Failed(failure);
                    }
                    (call.at, tries)
                }
                Next::Other if call.at + 1 < call.candidates.len() => (call.at + 1, 0),
                Next::Other | Next::Stop => return StepEnd::Failed(failure),
            };
            call = match self.make_call(&key, &ask, call.candidates, at, tries) {
                Ok(call) => call,
                Err(failure) => return StepEnd::Failed(failure),
            };
            let mut changes = self.changes();
            changes.calls.push(call.sent());
            changes.events.push(call.sent_event());
            match self.write(changes).await {
                Ok(_) if self.is_cancelled() => {
                    let mut changes = self.changes();
                    self.withdraw(&call.row, &mut changes);
                    return match self.write(changes).await {
                        Ok(_) => StepEnd::Failed(failure),
                        Err(error) => StepEnd::Fatal(error),
                    };
                }
                Ok(_) => self.remember(&call.row),
                Err(EngineError::Store(error @ StoreError::Budget { .. })) => {
                    return StepEnd::Failed(Failure::new(FailureKind::Budget, error.to_string()));
                }
                Err(error) => return StepEnd::Fatal(error),
            }
        }
    }

    /// Sends one call and writes what came of it.
    async fn send(&self, key: &StepKey, call: &Call) -> Result<Answer, StepEnd> {
        let Some(provider) = self.parts().providers.get(&call.row.provider) else {
            let text = format!("provider {} is not configured", call.row.provider);
            return Err(StepEnd::Failed(Failure::new(FailureKind::Configuration, text)));
        };
        let result = self.signal.or(provider.complete(&call.request)).await.unwrap_or_else(|| {
            let source = "given up on request".into();
            Err(ProviderError::Transport { sent: true, source })
        });
        let ended = self.parts().clock.now();
        let price = self.parts().prices.of(&call.row.provider, &call.row.model);
        let mut row = CallRow { ended: Some(ended), ..call.row.clone() };
        let mut changes = self.changes();
        let outcome = match result {
            Ok(reply) => {
                row.state = CallState::Answered;
                row.usage = Some(reply.usage);
                row.cost = price.map(|price| price.cost(&reply.usage));
                changes.events.push(EventKind::CallAnswered {
                    step: key.clone(),
                    number: row.number,
                    provider: row.provider.clone(),
                    model: row.model.clone(),
                    usage: reply.usage,
                    cost: row.cost,
                    duration_ms: u64::try_from(ended.since(row.started).as_millis()).unwrap_or(u64::MAX),
                });
                match serde_json::to_vec(&reply) {
                    Ok(bytes) => {
                        let answer = Some(bytes.into());
                        let state = StepState::Answered;
                        changes.steps.push(StepWrite { key: key.clone(), state, request_hash: None, answer });
                    }
                    Err(error) => return Err(StepEnd::Fatal(EngineError::Internal(error.to_string()))),
                }
                Ok(Answer::Reply(reply))
            }
            Err(error) => {
                let failure = error.to_failure().with_phase(key.phase);
                let unsure = failure.sent && failure.kind == FailureKind::Transport;
                row.state = if unsure { CallState::PossiblyBilled } else { CallState::Failed };
                row.usage = failure.usage;
                row.cost = failure.usage.and_then(|usage| price.map(|price| price.cost(&usage)));
                row.failure = Some(failure.clone());
                let (step, number) = (key.clone(), row.number);
                changes.events.push(EventKind::CallFailed { step, number, failure: failure.clone() });
                Err(StepEnd::Failed(failure))
            }
        };
        let released =
            if row.state == CallState::PossiblyBilled { NanoUsd::ZERO } else { row.reserved.unwrap_or_default() };
        changes.calls.push(CallWrite { row: row.clone(), released });
        match self.write(changes).await {
            Ok(_) => {
                self.remember(&row);
                outcome
            }
            Err(error) => Err(StepEnd::Fatal(error)),
        }
    }
}

/// Returns the hash that tells one request from another.
fn request_hash(request: &Completion) -> crate::content::BlobHash {
    struct Sink(blake3::Hasher);
    impl std::io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut sink = Sink(blake3::Hasher::new());
    // Writing into a hasher cannot fail, and a request is plain data.
    let _ = serde_json::to_writer(&mut sink, request);
    crate::content::BlobHash::from_bytes(*sink.0.finalize().as_bytes())
}
