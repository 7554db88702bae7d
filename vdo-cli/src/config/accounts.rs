//! The parts of the configuration that are about money: models and their prices, budgets, alerts, how one of several is asked.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use vdo_core::budget::{Action, Alert, Budget, Period, Scope};
use vdo_core::edit::Formats;
use vdo_core::id::Phase;
use vdo_core::models::{Model, ModelTable};
use vdo_core::money::{PicoUsdPerToken, Price, Rates};
use vdo_core::route::{Candidate, Routes};
use vdo_core::spend::Prices;
use vdo_providers::rehearse::Rehearsal;

use super::{Config, PriceConfig, ProviderConfig, Usd};
use crate::fail::Fail;

/// A budget, under the name of what it covers: `total`, a provider, `provider:model`, `project:ID` or `job:ID`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BudgetConfig {
    /// How much, in USD.
    pub(crate) usd: Usd,
    /// `day`, `month` or `ever`.
    #[serde(default = "month")]
    pub(crate) per: String,
    /// Whether a call that could exceed it is refused.
    #[serde(default = "yes")]
    pub(crate) hard: bool,
    /// What happens at which parts.
    pub(crate) alerts: Option<Vec<AlertConfig>>,
}

/// A part of a budget at which something happens.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlertConfig {
    /// The part, in percent.
    pub(crate) percent: u8,
    /// `warn`, `reroute` or `stop`.
    #[serde(default)]
    pub(crate) action: Action,
}

/// Who is told when a part of a budget is spent.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AlertsConfig {
    /// The address that is posted to.
    pub(crate) webhook: Option<String>,
    /// The variable that holds the secret the posts are signed with.
    pub(crate) secret_env: Option<String>,
}

fn month() -> String {
    "month".to_owned()
}

fn yes() -> bool {
    true
}

/// Reads what a budget covers: a scope, or a provider or `provider:model` without the word before it.
pub(crate) fn scope(text: &str) -> Result<Scope, Fail> {
    if let Ok(scope) = text.parse::<Scope>() {
        return Ok(scope);
    }
    let known = ["provider", "model", "project", "job"];
    match text.split_once(':') {
        Some((kind, _)) if known.contains(&kind) => text.parse().map_err(|error| Fail::usage(format!("{error}"))),
        Some((provider, model)) if !provider.is_empty() && !model.is_empty() => {
            Ok(Scope::Model(provider.to_owned(), model.to_owned()))
        }
        None if !text.trim().is_empty() => Ok(Scope::Provider(text.to_owned())),
        _ => Err(Fail::usage(format!("{text:?} is nothing a budget can cover"))),
    }
}

/// Returns who makes the models of a provider, as far as its kind and address tell; empty if they do not.
pub(crate) fn vendor(config: &ProviderConfig) -> &'static str {
    match config.kind.as_str() {
        "anthropic" => "anthropic",
        "openai" => "openai",
        "gemini" => "gemini",
        "openai-chat" if config.base_url.as_deref().is_some_and(|url| url.starts_with("https://api.openai.com")) => {
            "openai"
        }
        _ => "",
    }
}

impl Config {
    /// Returns the table of models, with the user's laid over it.
    ///
    /// # Errors
    /// [`Fail::Usage`] names the file and what does not fit.
    pub(crate) fn table(&self) -> Result<ModelTable, Fail> {
        let Some(file) = &self.models else { return Ok(ModelTable::embedded().clone()) };
        let file: &PathBuf = file;
        let text = std::fs::read_to_string(file)
            .map_err(|error| Fail::usage(format!("the models {} cannot be read: {error}", file.display())))?;
        ModelTable::embedded()
            .overlay(&text)
            .map_err(|error| Fail::usage(format!("the models {} do not fit: {error}", file.display())))
    }

    /// Returns what is known of the model of a candidate.
    pub(crate) fn model<'t>(&self, table: &'t ModelTable, candidate: &Candidate) -> Option<&'t Model> {
        let config = self.providers.get(&candidate.provider)?;
        table.find(vendor(config), &candidate.model)
    }

    /// Returns what the tokens of the candidates cost: as configured, else as the table has it.
    ///
    /// # Errors
    /// [`Fail::Usage`] names a price that is no decimal number.
    pub(crate) fn prices(&self, routes: &Routes) -> Result<Prices, Fail> {
        let table = self.table()?;
        let mut prices = Prices::default();
        for candidate in routes.all_candidates() {
            if let Some(price) = self.model(&table, candidate).and_then(Model::price) {
                prices.set(candidate, price, table.date().map(|day| day.to_string()));
            }
        }
        for (route, price) in &self.prices {
            let candidate: Candidate =
                route.parse().map_err(|error| Fail::usage(format!("[prices.{route:?}]: {error}")))?;
            prices.set(&candidate, read_price(route, price)?, Some("configuration".to_owned()));
        }
        Ok(prices)
    }

    /// Returns the budgets of the configuration.
    ///
    /// # Errors
    /// [`Fail::Usage`] names the one that does not fit.
    pub(crate) fn budgets(&self) -> Result<Vec<Budget>, Fail> {
        let mut budgets = Vec::new();
        for (name, config) in &self.budgets {
            let per: Period =
                config.per.parse().map_err(|error| Fail::usage(format!("[budgets] {name}: per: {error}")))?;
            let mut budget = Budget::new(scope(name)?, per, config.usd.0);
            budget.hard = config.hard;
            if let Some(alerts) = &config.alerts {
                budget.alerts =
                    alerts.iter().map(|alert| Alert { percent: alert.percent, action: alert.action }).collect();
                budget.alerts.sort_by_key(|alert| alert.percent);
            }
            budget.validate().map_err(|error| Fail::usage(format!("[budgets] {name}: {error}")))?;
            budgets.push(budget);
        }
        Ok(budgets)
    }

    /// Returns which calls of a provider are made to fail, if any are.
    ///
    /// # Errors
    /// [`Fail::Usage`] if that makes no sense.
    pub(crate) fn rehearsal(&self, provider: &str) -> Result<Option<Rehearsal>, Fail> {
        let own = self.providers.get(provider).and_then(|config| config.rehearse.as_ref());
        let Some(value) = own.or(self.rehearse.as_ref()) else { return Ok(None) };
        let rehearsal: Result<Rehearsal, _> = value.clone().try_into();
        rehearsal.map(Some).map_err(|error| Fail::usage(format!("the rehearsal of failures does not fit: {error}")))
    }

    /// Adds how one of several candidates is chosen.
    ///
    /// # Errors
    /// [`Fail::Usage`] for an unknown phase or strategy.
    pub(super) fn add_strategies(&self, routes: &mut Routes) -> Result<(), Fail> {
        for (phase, strategy) in &self.strategies {
            let strategy = strategy.parse().map_err(|error| Fail::usage(format!("[strategies] {phase}: {error}")))?;
            if phase == "default" {
                routes.strategy = strategy;
            } else {
                let phase: Phase = phase.parse().map_err(|error| Fail::usage(format!("[strategies]: {error}")))?;
                routes.strategies.insert(phase, strategy);
            }
        }
        Ok(())
    }

    /// Adds the edit formats that the table has for the models of the candidates, where none is configured for them.
    pub(crate) fn add_formats(&self, mut formats: Formats, routes: &Routes) -> Result<Formats, Fail> {
        let table = self.table()?;
        for candidate in routes.all_candidates() {
            let configured = self.edit_formats.keys().any(|prefix| candidate.model.starts_with(prefix.as_str()));
            if !configured && let Some(format) = self.model(&table, candidate).and_then(|model| model.edit_format) {
                formats = formats.with(&candidate.model, format);
            }
        }
        Ok(formats)
    }
}

fn read_price(route: &str, price: &PriceConfig) -> Result<Price, Fail> {
    let read = |text: &str| {
        PicoUsdPerToken::per_million(text).map_err(|error| Fail::usage(format!("[prices.{route:?}]: {error}")))
    };
    let optional = |text: &Option<String>| text.as_deref().map(read).transpose();
    let rates = Rates {
        input: read(&price.input)?,
        output: read(&price.output)?,
        cache_read: optional(&price.cache_read)?,
        cache_write: optional(&price.cache_write)?,
        cache_write_long: optional(&price.cache_write_long)?,
    };
    Ok(Price { rates, ..Price::new(rates.input, rates.output) })
}

/// Budgets by what they cover.
pub(crate) type Budgets = BTreeMap<String, BudgetConfig>;
