//! What stores keep for all jobs together: budgets, how providers are doing, and settings that are changed while others run.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::changes::CallWrite;
use super::refusal::StoreError;
use super::store::{CallRow, CallState};
use crate::budget::{Account, Budget, Charge, Period, Posting, Scope};
use crate::failure::{Advice, FailureKind};
use crate::health::{Health, Sample, Seen, Subject, What, concerns_key};
use crate::id::JobId;
use crate::money::NanoUsd;
use crate::time::Timestamp;
use crate::usage::Usage;

/// What spending is broken down by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    /// The day a call was sent, in UTC: `2026-11-21`.
    Day,
    /// The root of the job's project.
    Project,
    /// The job.
    Job,
    /// The phase.
    Phase,
    /// The task; `-` for calls of no task.
    Task,
    /// The provider.
    Provider,
    /// The model.
    Model,
}

impl Dimension {
    /// Every dimension.
    pub const ALL: [Self; 7] =
        [Self::Day, Self::Project, Self::Job, Self::Phase, Self::Task, Self::Provider, Self::Model];

    /// Returns the name used in JSON and by people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Project => "project",
            Self::Job => "job",
            Self::Phase => "phase",
            Self::Task => "task",
            Self::Provider => "provider",
            Self::Model => "model",
        }
    }
}

impl std::str::FromStr for Dimension {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = || Self::ALL.map(Self::as_str).join(", ");
        let known = Self::ALL.into_iter().find(|one| one.as_str() == text);
        known.ok_or_else(|| format!("{text:?} is nothing to break spending down by: {}", names()))
    }
}

/// Which calls are summed, and by what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpendQuery {
    /// Calls sent at or after this.
    pub since: Option<Timestamp>,
    /// Calls sent before this.
    pub until: Option<Timestamp>,
    /// Calls of these jobs only.
    pub jobs: Option<BTreeSet<JobId>>,
    /// One line for each combination of these; one line in all if empty.
    pub by: BTreeSet<Dimension>,
}

/// The sums of some calls.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SpendLine {
    /// What they have in common.
    pub group: BTreeMap<Dimension, String>,
    /// How many there are.
    pub calls: u64,
    /// What they took.
    pub usage: Usage,
    /// What they cost, as far as known.
    pub cost: NanoUsd,
    /// What is reserved for calls under way or possibly billed.
    pub reserved: NanoUsd,
    /// How many were answered at an unknown price.
    pub unpriced: u64,
}

impl SpendLine {
    /// Adds a call.
    pub fn add(&mut self, call: &CallRow) {
        self.calls += 1;
        self.usage = self.usage.plus(&call.usage.unwrap_or_default());
        self.cost = self.cost.plus(call.cost.unwrap_or_default());
        match call.state {
            CallState::Sent | CallState::PossiblyBilled => {
                self.reserved = self.reserved.plus(call.reserved.unwrap_or_default());
            }
            CallState::Answered => self.unpriced += u64::from(call.cost.is_none()),
            CallState::Failed | CallState::Reconciled => {}
        }
    }
}

/// Reads and changes budgets, and sums up calls.
///
/// Budgets are enforced inside [`super::Store::commit`]: reservations are checked against every budget that covers the call.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Returns every budget and where it stands at `now`, by scope and period.
    ///
    /// # Errors
    /// [`StoreError::Backend`] only.
    async fn budgets(&self, now: Timestamp) -> Result<Vec<Account>, StoreError>;

    /// Sets a budget, instead of one with the same scope and period. What was spent and reserved before counts.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] if it cannot be.
    async fn set_budget(&self, budget: Budget, now: Timestamp) -> Result<Account, StoreError>;

    /// Drops a budget; says whether there was one.
    ///
    /// # Errors
    /// [`StoreError::Backend`] only.
    async fn drop_budget(&self, scope: Scope, per: Period) -> Result<bool, StoreError>;

    /// Sums calls, in the order of their groups.
    ///
    /// # Errors
    /// [`StoreError::Backend`] only.
    async fn breakdown(&self, query: &SpendQuery) -> Result<Vec<SpendLine>, StoreError>;

    /// Returns the calls that are under way or possibly billed, of all jobs, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Backend`] only.
    async fn unsettled(&self) -> Result<Vec<(JobId, CallRow)>, StoreError>;

    /// Returns how every provider and model that was ever called has been doing, by name.
    ///
    /// # Errors
    /// [`StoreError::Backend`] only.
    async fn health(&self) -> Result<Vec<(Subject, Health)>, StoreError>;

    /// Takes in what was seen outside of jobs, such as probes.
    ///
    /// # Errors
    /// [`StoreError::Backend`] only.
    async fn see(&self, seen: Vec<(Subject, Seen)>) -> Result<(), StoreError>;

    /// Returns a setting that was changed while others run, if it was.
    ///
    /// # Errors
    /// [`StoreError::Backend`] only.
    async fn setting(&self, name: &str) -> Result<Option<String>, StoreError>;

    /// Changes a setting, or takes it back.
    ///
    /// # Errors
    /// [`StoreError::Backend`] only.
    async fn set_setting(&self, name: &str, value: Option<String>) -> Result<(), StoreError>;
}

/// Returns what a written call does to the books.
#[must_use]
pub fn charge(call: &CallWrite, job: JobId, project: JobId) -> Charge<'_> {
    let row = &call.row;
    let entry = match row.state {
        CallState::Sent => Posting::Reserve(row.reserved),
        CallState::Answered | CallState::Failed | CallState::PossiblyBilled | CallState::Reconciled => {
            Posting::Settle { released: call.released, cost: row.cost.unwrap_or_default() }
        }
    };
    Charge { provider: &row.provider, model: &row.model, job, project, started: row.started, entry }
}

/// Returns what is seen of providers when a call is written: of its model, and of the provider as a whole.
///
/// The sighting of the provider as a whole counts only for one that was blocked, or becomes so.
#[must_use]
pub fn sightings(call: &CallWrite, at: Timestamp) -> Vec<(Subject, Seen)> {
    let row = &call.row;
    let millis = |ended: Timestamp| u32::try_from(ended.since(row.started).as_millis()).unwrap_or(u32::MAX);
    let duration_ms = row.ended.map_or(0, millis);
    let model = || Subject { provider: row.provider.clone(), model: Some(row.model.clone()) };
    let key = || Subject { provider: row.provider.clone(), model: None };
    let seen = |what| Seen { at, what };
    match (row.state, &row.failure) {
        (CallState::Sent, _) if call.is_trial() => vec![(model(), seen(What::Trial))],
        (CallState::Sent | CallState::Reconciled, _) => Vec::new(),
        (CallState::Answered, _) => {
            let output = row.usage.map_or(0, |usage| u32::try_from(usage.output).unwrap_or(u32::MAX));
            let first_ms = row.first_ms.map(|first| u32::try_from(first).unwrap_or(u32::MAX));
            let sample = Sample { answered: true, duration_ms, first_ms, output };
            let what = What::Answered { sample, limits: call.limits };
            vec![(model(), seen(what.clone())), (key(), seen(what))]
        }
        (CallState::Failed | CallState::PossiblyBilled, Some(failure)) if failure.kind != FailureKind::Cancelled => {
            let after_ms = match failure.advice {
                Advice::RetrySame { after_ms } => after_ms,
                Advice::RetryOther | Advice::Never => None,
            };
            let (kind, message) = (failure.kind, failure.message.clone());
            let what = What::Failed { kind, after_ms, message, duration_ms };
            let mut all = vec![(model(), seen(what.clone()))];
            if concerns_key(kind) {
                all.push((key(), seen(what)));
            }
            all
        }
        (CallState::Failed | CallState::PossiblyBilled, _) => vec![(model(), seen(What::Unknown))],
    }
}

/// Lets `health` of a subject take in what was seen. Returns whether that changed anything that has to be kept.
///
/// An answer to a call says nothing new of a provider as a whole unless that was blocked: its models have their own records.
pub fn observe(subject: &Subject, known: &mut Option<Health>, seen: &Seen) -> bool {
    let is_usual = subject.model.is_none() && matches!(seen.what, What::Answered { .. });
    if is_usual && known.as_ref().is_none_or(|health| health.blocked.is_none()) {
        return false;
    }
    known.get_or_insert_default().see(seen);
    true
}
