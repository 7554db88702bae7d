//! Who of the candidates is asked: those that cannot be are sorted out with a reason each, one of the others is chosen.

use std::cmp::Reverse;

use super::{Candidate, Decision, Rejected, Rejection, Strategy};
use crate::budget::{Account, Action, Charge, Posting};
use crate::failure::FailureKind;
use crate::health::{Gate, Health};
use crate::id::JobId;
use crate::money::NanoUsd;
use crate::pace::MINUTE;
use crate::time::Timestamp;

/// How many of the others that could have been asked are named.
const OTHERS: usize = 4;

/// What is asked, as far as the choice depends on it.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The time.
    pub now: Timestamp,
    /// How one of several is chosen.
    pub strategy: Strategy,
    /// Whether tools are on offer.
    pub tools: bool,
    /// The input tokens, estimated.
    pub input: u64,
    /// The tokens of reply that there has to be room for.
    pub output: u64,
    /// The job.
    pub job: JobId,
    /// The root of its project.
    pub project: JobId,
    /// Whether the job has a budget of its own, so that an unknown price cannot be paid.
    pub has_budget: bool,
    /// Who answered the conversation so far.
    pub keep: Option<&'a Candidate>,
    /// A number for drawing lots; the same one draws the same lot.
    pub lot: u64,
}

/// A candidate, and what is known of it.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Who.
    pub candidate: &'a Candidate,
    /// Whether a provider of that name is configured.
    pub is_there: bool,
    /// Whether it can call tools.
    pub tools: bool,
    /// Its window, if known.
    pub context: Option<u64>,
    /// What the call costs at worst, if its price is known.
    pub worst: Option<NanoUsd>,
    /// How the model has been doing, if it was ever asked.
    pub health: Option<&'a Health>,
    /// How the provider's key has been doing.
    pub key: Option<&'a Health>,
    /// How it failed in this step already, so that asking again does not help.
    pub failed: Option<FailureKind>,
    /// Until when its provider takes no more calls, by the limits of its key.
    pub paced: Option<Timestamp>,
}

/// Who is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// The candidate at this place.
    Ask(usize, Decision),
    /// Nobody now; somebody at this time.
    Wait(Timestamp, Decision),
    /// Nobody.
    Nobody(Decision),
}

/// Chooses.
///
/// `accounts` are the budgets and where they stand; the last word on them is the store's.
#[must_use]
pub fn choose(question: &Question<'_>, known: &[Known<'_>], accounts: &[Account]) -> Choice {
    let mut decision = Decision { strategy: question.strategy, ..Decision::default() };
    let anybody_has_tools = known.iter().any(|one| one.is_there && one.tools);
    // Who failed for being too small is followed only by larger ones.
    let too_small = known.iter().filter(|one| one.failed == Some(FailureKind::ContextTooLong));
    let too_small = too_small.map(|one| one.context.unwrap_or(0)).max();
    let mut open: Vec<(usize, bool)> = Vec::with_capacity(known.len());
    let mut wary: Vec<(usize, bool, String)> = Vec::new();
    // Who has no money or refuses the key may have been seen to since: he is asked before everything fails.
    let mut blocked: Vec<usize> = Vec::new();
    let mut wait: Option<Timestamp> = None;
    for (at, one) in known.iter().enumerate() {
        let why = match judge(question, one, anybody_has_tools, too_small) {
            Ok(trial) => match budgets(question, one, accounts) {
                Ok(None) => {
                    open.push((at, trial));
                    continue;
                }
                Ok(Some(scope)) => {
                    wary.push((at, trial, scope));
                    continue;
                }
                Err(why) => why,
            },
            Err(why) => why,
        };
        if matches!(why, Rejection::Blocked { .. }) {
            blocked.push(at);
        } else if let Some(until) = why.until() {
            wait = Some(wait.map_or(until, |known| known.min(until)));
        }
        decision.rejected.push(Rejected { candidate: one.candidate.clone(), why });
    }
    if open.is_empty() {
        // A budget that is nearly used up keeps nobody away when there is nobody else.
        open = wary.iter().map(|(at, trial, _)| (*at, *trial)).collect();
    } else {
        let named = wary.into_iter().filter_map(|(at, _, scope)| Some((known.get(at)?, scope)));
        decision.rejected.extend(
            named.map(|(one, scope)| Rejected { candidate: one.candidate.clone(), why: Rejection::Rerouted { scope } }),
        );
    }
    if open.is_empty() && wait.is_none() {
        open = blocked.into_iter().map(|at| (at, false)).collect();
        decision.rejected.retain(|one| !matches!(one.why, Rejection::Blocked { .. }));
    }
    // Whoever answered so far knows the conversation, and its cache does: he is kept while he can be asked.
    let kept = question
        .keep
        .and_then(|keep| open.iter().position(|(at, _)| known.get(*at).is_some_and(|one| one.candidate == keep)));
    sort(&mut open, question, known);
    if let Some(keep) = question.keep.filter(|_| kept.is_some()) {
        open.sort_by_key(|(at, _)| known.get(*at).is_none_or(|one| one.candidate != keep));
        decision.kept = true;
    }
    let mut open = open.into_iter();
    let Some((at, trial)) = open.next() else {
        return match wait {
            Some(until) => Choice::Wait(until, decision),
            None => Choice::Nobody(decision),
        };
    };
    decision.probe = trial;
    let others = open.take(OTHERS).filter_map(|(at, _)| Some(known.get(at)?.candidate.clone()));
    decision.others = others.collect();
    Choice::Ask(at, decision)
}

/// Says whether a candidate can be asked, and whether the call would be a trial.
fn judge(
    question: &Question<'_>,
    one: &Known<'_>,
    anybody_has_tools: bool,
    too_small: Option<u64>,
) -> Result<bool, Rejection> {
    if !one.is_there {
        return Err(Rejection::NoProvider);
    }
    if let Some(kind) = one.failed {
        return Err(Rejection::Failed { kind });
    }
    if question.tools && !one.tools && anybody_has_tools {
        return Err(Rejection::NoTools);
    }
    let needed = question.input.saturating_add(question.output);
    if let Some(window) = one.context.filter(|window| needed > *window) {
        return Err(Rejection::TooLong { needed, window });
    }
    if let Some(small) = too_small
        && one.context.is_none_or(|window| window <= small)
    {
        return Err(Rejection::Failed { kind: FailureKind::ContextTooLong });
    }
    if let Some(until) = one.key.and_then(|key| key.blocked_until(question.now)) {
        return Err(Rejection::Blocked { until });
    }
    if let Some(until) = one.paced.filter(|until| *until > question.now && until.since(question.now) <= MINUTE) {
        return Err(Rejection::Paced { until });
    }
    let Some(health) = one.health else { return Ok(false) };
    if let Some(until) = health.rests(question.now) {
        return Err(Rejection::Resting { until });
    }
    if let Some(until) = health.out_of_headroom(question.input, question.now) {
        return Err(Rejection::NoHeadroom { until });
    }
    match health.breaker.gate(question.now) {
        Gate::Pass => Ok(false),
        Gate::Trial => Ok(true),
        Gate::Wait(until) => Err(Rejection::Broken { until }),
    }
}

/// Says whether the budgets have room; names the one that would rather have another asked.
fn budgets(question: &Question<'_>, one: &Known<'_>, accounts: &[Account]) -> Result<Option<String>, Rejection> {
    let charge = Charge {
        provider: &one.candidate.provider,
        model: &one.candidate.model,
        job: question.job,
        project: question.project,
        started: question.now,
        entry: Posting::Reserve(one.worst),
    };
    let mut wary = None;
    if question.has_budget && one.worst.is_none() {
        return Err(Rejection::Unpriced);
    }
    for account in accounts.iter().filter(|account| account.budget.covers(&charge)) {
        let budget = &account.budget;
        match one.worst {
            None if budget.hard => return Err(Rejection::Unpriced),
            worst if !account.fits(worst.unwrap_or_default()) => {
                return Err(Rejection::Budget { scope: budget.scope.to_string() });
            }
            _ if budget.action(account.sums.spent) == Some(Action::Reroute) => wary = Some(budget.scope.to_string()),
            _ => {}
        }
    }
    Ok(wary)
}

fn sort(open: &mut [(usize, bool)], question: &Question<'_>, known: &[Known<'_>]) {
    match question.strategy {
        Strategy::Ordered => {}
        Strategy::Cheapest => {
            let cost = |at: usize| known.get(at).and_then(|one| one.worst);
            open.sort_by_key(|(at, _)| (cost(*at).is_none(), cost(*at)));
        }
        Strategy::Fastest => {
            open.sort_by_key(|(at, _)| known.get(*at).and_then(|one| one.health).map_or(0, |health| health.average_us));
        }
        Strategy::Weighted => {
            // Each place takes half of what the places before it left.
            let places = u32::try_from(open.len()).unwrap_or(u32::MAX);
            let place = question.lot.trailing_ones().min(places.saturating_sub(1)) as usize;
            let chosen = open.get(place).map(|(at, _)| *at);
            open.sort_by_key(|(at, _)| Reverse(Some(*at) == chosen));
        }
    }
}

#[cfg(test)]
mod tests;
