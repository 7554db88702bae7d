//! Budgets, health and settings of the store in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{Data, MemoryStore};
use crate::budget::{Account, Budget, Charge, Period, Posting, Scope};
use crate::health::{Gate, Health, Seen, Subject, What};
use crate::id::JobId;
use crate::pace::Traffic;
use crate::port::accounts::{self, Accounts, Dimension, SpendLine, SpendQuery};
use crate::port::changes::Changes;
use crate::port::{CallRow, CallState, StoreError};
use crate::time::Timestamp;

impl Data {
    /// Insists that the providers of the calls that are announced take them.
    pub(super) fn pace(&self, changes: &Changes) -> Result<(), StoreError> {
        let mut moved: BTreeMap<&str, Traffic> = BTreeMap::new();
        for call in &changes.calls {
            let (row, now) = (&call.row, call.row.started);
            let of = || {
                let mut traffic = Traffic::default();
                for record in self.jobs.values() {
                    let is_live = record.owner.is_some() && record.until > now;
                    for row in record.calls.iter().filter(|known| known.provider == row.provider) {
                        traffic.under_way += u32::from(is_live && row.state == CallState::Sent);
                        traffic.recent.push(row.started);
                    }
                }
                traffic
            };
            if row.state != CallState::Sent {
                moved.entry(&row.provider).or_insert_with(of).ended();
                continue;
            }
            if call.pace.is_free() {
                continue;
            }
            let traffic = moved.entry(&row.provider).or_insert_with(of);
            if let Some(until) = call.pace.wait(traffic, now) {
                return Err(StoreError::Paced { provider: row.provider.clone(), until });
            }
            traffic.sent(now);
        }
        Ok(())
    }

    /// Returns how the providers of the calls are doing after what is seen of them.
    pub(super) fn observed(&self, changes: &Changes) -> Result<BTreeMap<Subject, Health>, StoreError> {
        let mut health: BTreeMap<Subject, Health> = BTreeMap::new();
        for call in &changes.calls {
            for (subject, seen) in accounts::sightings(call, changes.at) {
                let mut known = health.get(&subject).or_else(|| self.health.get(&subject)).cloned();
                let gate = known.as_ref().map(|known| known.breaker.gate(changes.at));
                if seen.what == What::Trial && matches!(gate, Some(Gate::Wait(_))) {
                    let (provider, model) = (subject.provider, subject.model.unwrap_or_default());
                    return Err(StoreError::Trial { provider, model });
                }
                if accounts::observe(&subject, &mut known, &seen) {
                    health.extend(known.map(|known| (subject, known)));
                }
            }
        }
        Ok(health)
    }
}

#[async_trait]
impl Accounts for MemoryStore {
    async fn budgets(&self, now: Timestamp) -> Result<Vec<Account>, StoreError> {
        Ok(self.data().books.accounts(now))
    }

    async fn set_budget(&self, budget: Budget, now: Timestamp) -> Result<Account, StoreError> {
        budget.validate().map_err(StoreError::Invalid)?;
        let mut data = self.data();
        let (scope, per) = (budget.scope.clone(), budget.per);
        let known = |other: &Budget| (&other.scope, other.per) == (&scope, per);
        data.books.budgets.retain(|other| !known(other));
        data.books.sums.retain(|(scope, period, _), _| (scope, *period) != (&budget.scope, per));
        let mut sums = BTreeMap::new();
        for record in data.jobs.values() {
            for row in &record.calls {
                let (provider, model) = (&row.provider, &row.model);
                let (job, project, entry) = (record.job.id, record.job.root, Posting::Reserve(None));
                if !budget.covers(&Charge { provider, model, job, project, started: row.started, entry }) {
                    continue;
                }
                let key = (scope.clone(), per, per.start(row.started));
                let sums: &mut crate::budget::Sums = sums.entry(key).or_default();
                sums.spent = sums.spent.plus(row.cost.unwrap_or_default());
                if matches!(row.state, CallState::Sent | CallState::PossiblyBilled) {
                    sums.reserved = sums.reserved.plus(row.reserved.unwrap_or_default());
                }
            }
        }
        data.books.sums.extend(sums);
        let at = data.books.budgets.partition_point(|other| (&other.scope, other.per) < (&scope, per));
        data.books.budgets.insert(at, budget.clone());
        let accounts = data.books.accounts(now);
        let account = accounts.into_iter().find(|account| account.budget == budget);
        account.ok_or_else(|| StoreError::Invalid("the budget is gone".to_owned()))
    }

    async fn drop_budget(&self, scope: Scope, per: Period) -> Result<bool, StoreError> {
        let mut data = self.data();
        let before = data.books.budgets.len();
        data.books.budgets.retain(|budget| (&budget.scope, budget.per) != (&scope, per));
        data.books.sums.retain(|(of, period, _), _| (of, *period) != (&scope, per));
        Ok(data.books.budgets.len() < before)
    }

    async fn breakdown(&self, query: &SpendQuery) -> Result<Vec<SpendLine>, StoreError> {
        let data = self.data();
        let mut lines: BTreeMap<Vec<String>, SpendLine> = BTreeMap::new();
        for record in data.jobs.values() {
            if query.jobs.as_ref().is_some_and(|jobs| !jobs.contains(&record.job.id)) {
                continue;
            }
            for call in &record.calls {
                let early = query.since.is_some_and(|since| call.started < since);
                if early || query.until.is_some_and(|until| call.started >= until) {
                    continue;
                }
                let value = |dimension: &Dimension| match dimension {
                    Dimension::Day => {
                        let (year, month, day) = call.started.date();
                        format!("{year:04}-{month:02}-{day:02}")
                    }
                    Dimension::Project => record.job.root.number().to_string(),
                    Dimension::Job => record.job.id.number().to_string(),
                    Dimension::Phase => call.step.phase.to_string(),
                    Dimension::Task => call.step.task.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
                    Dimension::Provider => call.provider.clone(),
                    Dimension::Model => call.model.clone(),
                };
                let key: Vec<String> = query.by.iter().map(value).collect();
                let line = lines.entry(key.clone()).or_default();
                line.group = query.by.iter().copied().zip(key).collect();
                line.add(call);
            }
        }
        Ok(lines.into_values().collect())
    }

    async fn unsettled(&self) -> Result<Vec<(JobId, CallRow)>, StoreError> {
        let data = self.data();
        let calls = data.jobs.values().flat_map(|record| record.calls.iter().map(|call| (record.job.id, call)));
        let open = |call: &CallRow| matches!(call.state, CallState::Sent | CallState::PossiblyBilled);
        let mut open: Vec<_> = calls.filter(|(_, call)| open(call)).map(|(job, call)| (job, call.clone())).collect();
        open.sort_by_key(|(job, call)| (call.started, *job, call.step.to_string(), call.number));
        Ok(open)
    }

    async fn health(&self) -> Result<Vec<(Subject, Health)>, StoreError> {
        Ok(self.data().health.iter().map(|(subject, health)| (subject.clone(), health.clone())).collect())
    }

    async fn see(&self, seen: Vec<(Subject, Seen)>) -> Result<(), StoreError> {
        let mut data = self.data();
        for (subject, seen) in seen {
            let mut known = data.health.remove(&subject);
            accounts::observe(&subject, &mut known, &seen);
            data.health.extend(known.map(|known| (subject, known)));
        }
        Ok(())
    }

    async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        Ok(self.data().settings.get(name).cloned())
    }

    async fn set_setting(&self, name: &str, value: Option<String>) -> Result<(), StoreError> {
        let mut data = self.data();
        match value {
            Some(value) => data.settings.insert(name.to_owned(), value),
            None => data.settings.remove(name),
        };
        Ok(())
    }
}
