//! What calls do to budgets and to the health of providers: decided in memory, like every write.
//!
//! Pure. Invariant: a refused write leaves the [`Book`] as it was.

use std::collections::{BTreeMap, BTreeSet};

use vdo_core::budget::{Books, Crossing, OverBudget, Posted, SumKey};
use vdo_core::event::EventKind;
use vdo_core::health::{Gate, Health, Subject, What};
use vdo_core::id::JobId;
use vdo_core::pace::Traffic;
use vdo_core::port::accounts::{charge, observe, sightings};
use vdo_core::port::changes::Changes;
use vdo_core::port::{CallState, StoreError};

use crate::pack::Packed;
use crate::rows::Rows;

/// The budgets, the sums and the health that a batch depends on, moved on in memory.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) books: Books,
    pub(crate) health: BTreeMap<Subject, Health>,
    /// The calls that count, of providers whose keys have limits.
    pub(crate) traffic: BTreeMap<String, Traffic>,
    /// The sums this batch moved.
    sums: BTreeSet<SumKey>,
    /// Who was seen by this batch.
    seen: BTreeSet<Subject>,
    /// Whether the budgets were read.
    pub(crate) is_open: bool,
    /// The sums and the providers and models that were read, whether there was a row or not.
    pub(crate) read: (BTreeSet<SumKey>, BTreeSet<(String, String)>),
}

/// The most sums, or providers and models, that are carried on.
const MOST: usize = 1024;

/// What one write does; see [`Book::adopt`].
#[derive(Debug, Default)]
pub(crate) struct Moved {
    posted: Posted,
    health: BTreeMap<Subject, Health>,
    traffic: BTreeMap<String, Traffic>,
}

impl Moved {
    /// Returns what was crossed.
    pub(crate) fn crossings(&self) -> &[Crossing] {
        &self.posted.crossings
    }

    /// Returns the events of what was crossed, packed.
    pub(crate) fn events(&self) -> impl Iterator<Item = Packed> {
        // A plain value of our own: writing it cannot fail.
        let pack = |event: &EventKind| Packed::new(serde_json::to_vec(event).unwrap_or_default());
        self.posted.crossings.iter().map(move |crossing| pack(&EventKind::BudgetCrossed(crossing.clone())))
    }
}

impl Book {
    /// Decides what the calls of a write do, without doing it.
    ///
    /// # Errors
    /// [`StoreError::OverBudget`], [`StoreError::Trial`], [`StoreError::Paced`].
    pub(crate) fn decide(&self, changes: &Changes, job: JobId, project: JobId) -> Result<Moved, StoreError> {
        if changes.calls.is_empty() {
            return Ok(Moved::default());
        }
        let charges: Vec<_> = changes.calls.iter().map(|call| charge(call, job, project)).collect();
        let posted = self.books.post(&charges).map_err(|over: OverBudget| StoreError::OverBudget(Box::new(over)))?;
        let mut health: BTreeMap<Subject, Health> = BTreeMap::new();
        for call in &changes.calls {
            for (subject, seen) in sightings(call, changes.at) {
                let mut known = health.remove(&subject).or_else(|| self.health.get(&subject).cloned());
                let gate = known.as_ref().map(|known| known.breaker.gate(changes.at));
                if seen.what == What::Trial && matches!(gate, Some(Gate::Wait(_))) {
                    let (provider, model) = (subject.provider, subject.model.unwrap_or_default());
                    return Err(StoreError::Trial { provider, model });
                }
                observe(&subject, &mut known, &seen);
                health.extend(known.map(|known| (subject, known)));
            }
        }
        let traffic = self.paced(changes)?;
        health.retain(|subject, health| self.health.get(subject) != Some(health));
        Ok(Moved { posted, health, traffic })
    }

    /// Returns how the calls move the traffic of their providers, if there is room for all of them.
    fn paced(&self, changes: &Changes) -> Result<BTreeMap<String, Traffic>, StoreError> {
        let mut moved: BTreeMap<String, Traffic> = BTreeMap::new();
        for call in &changes.calls {
            let provider = &call.row.provider;
            let Some(known) = moved.get(provider).or_else(|| self.traffic.get(provider)) else { continue };
            let mut traffic = known.clone();
            if call.row.state == CallState::Sent {
                if let Some(until) = call.pace.wait(&traffic, call.row.started) {
                    return Err(StoreError::Paced { provider: provider.clone(), until });
                }
                traffic.sent(call.row.started);
            } else {
                traffic.ended();
            }
            moved.insert(provider.clone(), traffic);
        }
        Ok(moved)
    }

    /// Makes it so.
    pub(crate) fn adopt(&mut self, moved: Moved) {
        self.books.adopt(&moved.posted);
        self.sums.extend(moved.posted.sums.into_keys());
        self.seen.extend(moved.health.keys().cloned());
        self.traffic.extend(moved.traffic);
        self.health.extend(moved.health);
    }

    /// Ends the batch: what moved is written. Traffic depends on the time, and is read again.
    pub(crate) fn close(&mut self) {
        self.sums.clear();
        self.seen.clear();
        self.traffic.clear();
        if self.read.0.len() > MOST || self.read.1.len() > MOST {
            *self = Self::default();
        }
    }

    /// Turns what moved into rows.
    pub(crate) fn emit(&self, rows: &mut Rows) {
        for key in &self.sums {
            let Some(sums) = self.books.sums.get(key) else { continue };
            let (scope, per, start) = key;
            let mut row = rows.sums.row();
            row.text(scope.to_string().as_str()).text(per.as_str()).int(start.0);
            row.int(sums.spent.0).int(sums.reserved.0).int(i64::from(sums.alerted));
        }
        for subject in &self.seen {
            let Some(health) = self.health.get(subject) else { continue };
            let state = serde_json::to_string(health).unwrap_or_default();
            rows.health
                .row()
                .text(subject.provider.as_str())
                .text(subject.model.as_deref().unwrap_or_default())
                .text(state.as_str());
        }
    }
}
