//! Sends alerts to the webhook of the configuration, beside the run that they come from.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use secrecy::SecretString;
use tokio::task::JoinSet;
use vdo_core::engine::Observer;
use vdo_core::event::{Event, EventKind};
use vdo_core::failure::chain;
use vdo_providers::webhook::Webhook;

use crate::config::Config;
use crate::fail::Fail;
use crate::out::Out;

/// How long is waited at the end for alerts that are under way.
const PATIENCE: Duration = Duration::from_secs(20);

/// The alerts under way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Alerts(Arc<Mutex<JoinSet<Result<(), String>>>>);

impl Alerts {
    /// Returns an observer that sends alerts and tells `next` of every event.
    pub(crate) fn observer(&self, config: &Config, next: Observer) -> Result<Observer, Fail> {
        let Some(url) = &config.alerts.webhook else { return Ok(next) };
        let variable = config.alerts.secret_env.as_deref().ok_or_else(|| {
            Fail::usage(
                "[alerts] webhook needs secret_env = \"NAME OF THE VARIABLE WITH THE SECRET\" to be signed with",
            )
        })?;
        let secret = std::env::var(variable).ok().filter(|secret| !secret.is_empty());
        let secret = secret.ok_or_else(|| Fail::Key(format!("[alerts] the variable {variable} is not set")))?;
        let webhook = Webhook::new(url, SecretString::from(secret))
            .map_err(|error| Fail::usage(format!("[alerts] webhook: {}", chain(&error))))?;
        let (webhook, under_way) = (Arc::new(webhook), self.0.clone());
        Ok(Arc::new(move |event: &Event| {
            next(event);
            if !matches!(event.kind, EventKind::BudgetCrossed(_)) {
                return;
            }
            let (webhook, at, body) = (webhook.clone(), event.at, serde_json::to_vec(event).unwrap_or_default());
            let send = async move { webhook.send(&body, at).await.map_err(|error| error.to_string()) };
            under_way.lock().unwrap_or_else(PoisonError::into_inner).spawn(send);
        }))
    }

    /// Waits for the alerts under way, and says which were not received.
    pub(crate) async fn finish(&self, out: &Out) {
        let mut under_way = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let all = async {
            while let Some(done) = under_way.join_next().await {
                if let Ok(Err(error)) = done {
                    out.say(format!("an alert was not received by the webhook: {error}"));
                }
            }
        };
        if tokio::time::timeout(PATIENCE, all).await.is_err() {
            out.say("alerts were still under way to the webhook and are given up");
        }
    }
}
