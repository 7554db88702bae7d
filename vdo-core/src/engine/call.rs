//! One step that asks a model: the call, its retries and its failover, each a row of the ledger.

use tracing::Instrument as _;

use crate::engine::EngineError;
use crate::event::EventKind;
use crate::failure::{Failure, FailureKind};
use crate::id::StepKey;
use crate::message::{Block, RateLimits, Reply};
use crate::money::NanoUsd;
use crate::port::changes::{CallWrite, StepWrite};
use crate::port::{CallRow, CallState, ProviderError, StepState, StoreError};
use crate::route::{self, Next};
use crate::run::{Answer, Ask};
use crate::time::Timestamp;

use super::choice::{Call, Tried, Turn, Waits};
use super::desk::{Desk, StepEnd};
use super::hear::Heard;
use super::trace;

impl Desk<'_> {
    /// Sends a call whose intent is written, or waits until one can be, and goes on until there is an answer or nobody is
    /// left to ask. A step that the run can do without is answered with that.
    pub(super) async fn perform_ask(&self, key: StepKey, ask: Ask, turn: Turn) -> StepEnd {
        let is_optional = ask.is_optional;
        match self.ask_until(key.clone(), ask, turn).await {
            StepEnd::Failed(failure)
                if is_optional && !self.is_cancelled() && failure.kind != FailureKind::LimitReached =>
            {
                StepEnd::Answer(key, Box::new(Answer::Declined(failure)))
            }
            end => end,
        }
    }

    async fn ask_until(&self, key: StepKey, ask: Ask, mut turn: Turn) -> StepEnd {
        let mut begun = self.parts().clock.now();
        let mut tried = Tried::default();
        loop {
            let next = match turn {
                Turn::Call(call) => match self.send(&key, &call).await {
                    Ok(answer) => return StepEnd::Answer(key, Box::new(answer)),
                    Err(StepEnd::Failed(failure)) => self.after_failure(&key, &call, failure, &mut tried, begun).await,
                    Err(other) => return other,
                },
                Turn::Wait(until, why, waits) => self.wait_until(until, why, waits, &mut begun).await,
            };
            if let Err(end) = next {
                return end;
            }
            turn = match self.announce_next(&key, &ask, &tried).await {
                Ok(turn) => turn,
                Err(end) => return end,
            };
        }
    }

    /// Waits, if another try is due, or notes that the candidate is not asked again.
    async fn after_failure(
        &self,
        key: &StepKey,
        call: &Call,
        failure: Failure,
        tried: &mut Tried,
        begun: Timestamp,
    ) -> Result<(), StepEnd> {
        if self.is_cancelled() {
            return Err(StepEnd::Failed(failure));
        }
        tried.last = Some(failure.clone());
        if failure.began {
            tried.begun = Some(call.candidate.clone());
        }
        let tries = tried.tries.entry(call.candidate.clone()).or_default();
        *tries += 1;
        let left = self.time_left(begun);
        match route::next(&failure, *tries, &self.parts().retry, left, self.lot(key)) {
            Next::Again(wait) => match self.signal.or(self.parts().clock.sleep(wait)).await {
                Some(()) => Ok(()),
                None => Err(StepEnd::Failed(failure)),
            },
            Next::Other => {
                tried.failed.insert(call.candidate.clone(), failure.kind);
                Ok(())
            }
            Next::Stop => Err(StepEnd::Failed(failure)),
        }
    }

    /// Waits until somebody can be asked, if that is not too long.
    ///
    /// Waiting for a place among the calls of one's own side costs no patience: all of them end.
    async fn wait_until(
        &self,
        until: Timestamp,
        why: Failure,
        waits: Waits,
        begun: &mut Timestamp,
    ) -> Result<(), StepEnd> {
        let wait = until.since(self.parts().clock.now());
        match waits {
            Waits::ForRoom => *begun = begun.after(wait),
            Waits::ForOthers if wait > self.time_left(*begun) => return Err(StepEnd::Failed(why)),
            Waits::ForOthers => {}
        }
        match self.signal.or(self.parts().clock.sleep(wait)).await {
            Some(()) => Ok(()),
            None => Err(StepEnd::Failed(why)),
        }
    }

    /// Chooses who is asked next and writes the call, or says until when nobody can be.
    async fn announce_next(&self, key: &StepKey, ask: &Ask, tried: &Tried) -> Result<Turn, StepEnd> {
        // What the store refuses for what others did meanwhile is chosen again from what it knows now.
        let mut refusals = 0;
        loop {
            self.engine.refresh(refusals > 0).await.map_err(StepEnd::Fatal)?;
            let call = match self.next_turn(key, ask, tried).map_err(StepEnd::Failed)? {
                Turn::Call(call) => call,
                wait @ Turn::Wait(..) => return Ok(wait),
            };
            let mut changes = self.changes();
            changes.calls.push(call.sent());
            changes.events.push(call.sent_event());
            match self.write(changes).await {
                Ok(_) if self.is_cancelled() => {
                    let mut changes = self.changes();
                    self.withdraw(&call.row, &mut changes);
                    self.write(changes).await.map_err(StepEnd::Fatal)?;
                    let given_up = Failure::new(FailureKind::Cancelled, "cancelled on request");
                    return Err(StepEnd::Failed(tried.last.clone().unwrap_or(given_up)));
                }
                Ok(_) => {
                    self.remember(&call.row);
                    return Ok(Turn::Call(call));
                }
                // Others fill its provider's limits: the next choice waits, or asks somebody else.
                Err(EngineError::Store(error @ StoreError::Paced { .. })) => {
                    self.engine.watch_pace(&error);
                    self.uncount_call();
                }
                Err(EngineError::Store(StoreError::OverBudget(_) | StoreError::Trial { .. })) if refusals < 5 => {
                    refusals += 1;
                    self.uncount_call();
                }
                Err(EngineError::Store(
                    error @ (StoreError::Budget { .. } | StoreError::OverBudget(_) | StoreError::Trial { .. }),
                )) => return Err(StepEnd::Failed(Failure::new(FailureKind::Budget, error.to_string()))),
                Err(error) => return Err(StepEnd::Fatal(error)),
            }
        }
    }

    /// Sends one call and writes what came of it.
    async fn send(&self, key: &StepKey, call: &Call) -> Result<Answer, StepEnd> {
        let Some(provider) = self.parts().providers.get(&call.row.provider) else {
            let text = format!("provider {} is not configured", call.row.provider);
            return Err(StepEnd::Failed(Failure::new(FailureKind::Configuration, text)));
        };
        let mut heard = Heard::default();
        let span = trace::call(&call.row, call.request.max_output);
        let asked = self.hear(provider.as_ref(), call, &mut heard).instrument(span.clone());
        let result = self.signal.or(asked).await.unwrap_or_else(|| {
            let source = "given up on request".into();
            Err(ProviderError::Transport { sent: true, source })
        });
        heard.settle().await.map_err(StepEnd::Fatal)?;
        let ended = self.parts().clock.now();
        let mut row = CallRow { ended: Some(ended), first_ms: heard.first_ms, ..call.row.clone() };
        let mut changes = self.changes();
        let mut limits = RateLimits::default();
        let outcome = match result {
            Ok(reply) => {
                let reply = signed(reply, &row);
                limits = reply.about.limits;
                changes.partials.extend(heard.needless(&row));
                self.answered_row(&mut row, &reply);
                changes.events.push(EventKind::CallAnswered {
                    step: key.clone(),
                    number: row.number,
                    provider: row.provider.clone(),
                    model: row.model.clone(),
                    usage: reply.usage,
                    cost: row.cost,
                    duration_ms: u64::try_from(ended.since(row.started).as_millis()).unwrap_or(u64::MAX),
                });
                for text in &reply.about.warnings {
                    changes.events.push(EventKind::Note { text: format!("{}: {text}", call.candidate), tier: None });
                }
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
                self.failed_row(&mut row, &failure);
                if row.state == CallState::PossiblyBilled {
                    row.usage = row.usage.or_else(|| heard.usage());
                }
                changes.partials.extend(heard.rest(&row));
                let (step, number) = (key.clone(), row.number);
                changes.events.push(EventKind::CallFailed { step, number, failure: failure.clone() });
                Err(StepEnd::Failed(failure))
            }
        };
        let released =
            if row.state == CallState::PossiblyBilled { NanoUsd::ZERO } else { row.reserved.unwrap_or_default() };
        changes.calls.push(CallWrite { limits, ..CallWrite::new(row.clone()).releasing(released) });
        // What follows is the store's time, not the provider's.
        trace::called(span, &row, outcome.as_ref().ok());
        match self.write(changes).await {
            Ok(_) => {
                self.remember(&row);
                outcome
            }
            Err(error) => Err(StepEnd::Fatal(error)),
        }
    }

    /// Writes what an answer took and cost.
    fn answered_row(&self, row: &mut CallRow, reply: &Reply) {
        row.state = CallState::Answered;
        row.usage = Some(reply.usage);
        row.tier = reply.about.tier;
        let price = self.parts().prices.of(&row.provider, &row.model);
        row.cost = price.and_then(|price| price.cost_at(&reply.usage, row.tier));
        if let Some(billed) = reply.about.billed.filter(|billed| *billed >= NanoUsd::ZERO) {
            (row.cost, row.priced) = (Some(billed), Some("provider".to_owned()));
        }
    }

    /// Writes why a call failed, and what is known of what it cost.
    fn failed_row(&self, row: &mut CallRow, failure: &Failure) {
        // What had been sent and brought no usable word on what it took may have been billed, more than what is known of.
        let lost = failure.began || (failure.sent && failure.usage.is_none());
        let unsure = lost
            && matches!(
                failure.kind,
                FailureKind::Transport | FailureKind::BadAnswer | FailureKind::ProviderFault | FailureKind::Overloaded
            );
        row.state = if unsure { CallState::PossiblyBilled } else { CallState::Failed };
        row.usage = failure.usage;
        let price = self.parts().prices.of(&row.provider, &row.model).filter(|_| !unsure);
        row.cost = failure.usage.and_then(|usage| price.and_then(|price| price.cost_at(&usage, row.tier)));
        row.failure = Some(failure.clone());
    }
}

/// Notes on reasoning who it came from.
fn signed(mut reply: Reply, row: &CallRow) -> Reply {
    for block in &mut reply.blocks {
        if let Block::Reasoning(reasoning) = block {
            reasoning.author = format!("{}:{}", row.provider, row.model);
        }
    }
    reply
}
