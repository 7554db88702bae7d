//! What an engine knows of the state that all workers share: how providers are doing, where budgets stand, and whether
//! somebody changed who is asked. The store has the last word on all of it; this is what choices are made from in between.

use std::collections::BTreeMap;

use crate::budget::{Account, Posting};
use crate::health::{Health, Seen, Subject};
use crate::id::JobId;
use crate::port::changes::CallWrite;
use crate::port::{StoreError, accounts};
use crate::route::Routes;
use crate::time::Timestamp;

use super::{Engine, EngineError, lock};

/// How old it may be, in milliseconds.
const FRESH_MS: u128 = 1000;
/// The setting that holds changed routes.
pub(super) const ROUTES: &str = "routes";

/// What is known.
#[derive(Debug, Default)]
pub(super) struct Watch {
    pub(super) health: BTreeMap<Subject, Health>,
    pub(super) accounts: Vec<Account>,
    /// Who is asked instead of whom the engine was built with.
    pub(super) routes: Option<Routes>,
    read: Option<Timestamp>,
    /// Until when providers take no more calls, by the limits of their keys.
    pub(super) paced: BTreeMap<String, Timestamp>,
}

impl Watch {
    /// Takes in calls that were written.
    fn written(&mut self, calls: &[CallWrite], job: JobId, project: JobId, at: Timestamp) {
        for call in calls {
            for (subject, seen) in accounts::sightings(call, at) {
                self.saw(subject, &seen);
            }
            let charge = accounts::charge(call, job, project);
            for account in self.accounts.iter_mut().filter(|account| account.budget.covers(&charge)) {
                let sums = &mut account.sums;
                match charge.entry {
                    Posting::Reserve(amount) => sums.reserved = sums.reserved.plus(amount.unwrap_or_default()),
                    Posting::Settle { released, cost } => {
                        (sums.reserved, sums.spent) = (sums.reserved.minus(released), sums.spent.plus(cost));
                    }
                }
            }
        }
    }

    fn saw(&mut self, subject: Subject, seen: &Seen) {
        match self.health.get_mut(&subject) {
            Some(known) => {
                let mut moved = Some(std::mem::take(known));
                accounts::observe(&subject, &mut moved, seen);
                *known = moved.unwrap_or_default();
            }
            None => {
                let mut known = None;
                accounts::observe(&subject, &mut known, seen);
                self.health.extend(known.map(|known| (subject, known)));
            }
        }
    }
}

impl Engine {
    /// Reads the shared state again if what is known is old, or at once.
    pub(super) async fn refresh(&self, at_once: bool) -> Result<(), EngineError> {
        let Some(shared) = self.parts.store.accounts() else { return Ok(()) };
        let now = self.parts.clock.now();
        {
            let mut watch = lock(&self.watch);
            // A clock that jumped back makes it old too.
            let fresh = watch.read.is_some_and(|read| now >= read && now.since(read).as_millis() < FRESH_MS);
            if fresh && !at_once {
                return Ok(());
            }
            // Others that ask meanwhile make do with what is known.
            watch.read = Some(now);
        }
        let known = shared.budgets(now).await?;
        let health: BTreeMap<Subject, Health> = shared.health().await?.into_iter().collect();
        let routes = shared.setting(ROUTES).await?;
        let routes = match routes.map(|text| serde_json::from_str(&text)) {
            Some(Ok(routes)) => Some(routes),
            // What cannot be read was written by another version; the engine's own routes hold.
            Some(Err(_)) | None => None,
        };
        let mut watch = lock(&self.watch);
        (watch.accounts, watch.health, watch.routes) = (known, health, routes);
        Ok(())
    }

    /// Takes in calls that were written by this engine.
    pub(super) fn watch_calls(&self, calls: &[CallWrite], job: JobId, project: JobId, at: Timestamp) {
        if !calls.is_empty() {
            lock(&self.watch).written(calls, job, project, at);
        }
    }

    /// Takes in that a provider takes no more calls for now.
    pub(super) fn watch_pace(&self, error: &StoreError) {
        if let StoreError::Paced { provider, until } = error {
            lock(&self.watch).paced.insert(provider.clone(), *until);
        }
    }

    /// Returns who is asked: as the engine was built, or as [`Engine::set_routes`] changed it.
    #[must_use]
    pub fn routes(&self) -> Routes {
        lock(&self.watch).routes.clone().unwrap_or_else(|| self.parts.routes.clone())
    }

    /// Changes who is asked from the next call on, in this engine and in every other on the same store; none takes it back.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn set_routes(&self, routes: Option<Routes>) -> Result<(), EngineError> {
        if let Some(shared) = self.parts.store.accounts() {
            let text = routes.as_ref().map(serde_json::to_string).transpose();
            let text = text.map_err(|error| EngineError::Internal(error.to_string()))?;
            shared.set_setting(ROUTES, text).await?;
        }
        lock(&self.watch).routes = routes;
        Ok(())
    }
}
