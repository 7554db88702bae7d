//! Budgets: how much may be spent on what, and the books that say how much was.
//!
//! Pure. Stores keep one sum per budget and period and move it with the calls of a commit by [`Books::post`], inside the
//! transaction that writes them: so no number of workers overspends a hard budget.
//!
//! Invariants: a sum is what the calls of its period spent and have reserved, to the nano-dollar; a refused posting
//! leaves no trace; a call counts in the period it was sent in, whenever it ends.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::JobId;
use crate::money::NanoUsd;
use crate::time::Timestamp;

/// What a budget covers. Written `total`, `provider:NAME`, `model:PROVIDER:MODEL`, `project:ROOT`, `job:ID`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub enum Scope {
    /// Everything.
    Total,
    /// The calls to one provider.
    Provider(String),
    /// The calls to one model of a provider: both names.
    Model(String, String),
    /// The jobs below one root.
    Project(JobId),
    /// One job.
    Job(JobId),
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Total => f.write_str("total"),
            Self::Provider(name) => write!(f, "provider:{name}"),
            Self::Model(provider, model) => write!(f, "model:{provider}:{model}"),
            Self::Project(root) => write!(f, "project:{}", root.number()),
            Self::Job(job) => write!(f, "job:{}", job.number()),
        }
    }
}

/// A text names nothing that a budget can cover.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is nothing a budget can cover: expected total, provider:NAME, model:PROVIDER:MODEL, project:ID or job:ID"
)]
pub struct ParseScopeError(String);

impl FromStr for Scope {
    type Err = ParseScopeError;

    fn from_str(text: &str) -> Result<Self, ParseScopeError> {
        let fail = || ParseScopeError(text.chars().take(80).collect());
        if text == "total" {
            return Ok(Self::Total);
        }
        let (kind, name) = text.split_once(':').filter(|(_, name)| !name.is_empty()).ok_or_else(fail)?;
        match kind {
            "provider" => Ok(Self::Provider(name.to_owned())),
            "model" => {
                let parts = name.split_once(':').filter(|(provider, model)| !provider.is_empty() && !model.is_empty());
                parts.map(|(provider, model)| Self::Model(provider.to_owned(), model.to_owned())).ok_or_else(fail)
            }
            "project" => name.parse().map(Self::Project).map_err(|_| fail()),
            "job" => name.parse().map(Self::Job).map_err(|_| fail()),
            _ => Err(fail()),
        }
    }
}

impl TryFrom<String> for Scope {
    type Error = ParseScopeError;

    fn try_from(text: String) -> Result<Self, ParseScopeError> {
        text.parse()
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

/// Over which time a budget counts. Days and months are those of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// A day.
    Day,
    /// A month.
    Month,
    /// All time.
    Ever,
}

impl Period {
    /// Every period.
    pub const ALL: [Self; 3] = [Self::Day, Self::Month, Self::Ever];

    /// Returns the name used in JSON, in stores and by people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
            Self::Ever => "ever",
        }
    }

    /// Returns when the period began that `at` lies in.
    #[must_use]
    pub fn start(self, at: Timestamp) -> Timestamp {
        match self {
            Self::Day => at.day_start(),
            Self::Month => at.month_start(),
            Self::Ever => Timestamp(0),
        }
    }

    /// Returns when the next period begins after `at`; never for all time.
    #[must_use]
    pub fn next(self, at: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Day => Some(at.next_day()),
            Self::Month => Some(at.next_month()),
            Self::Ever => None,
        }
    }
}

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|period| period.as_str() == text);
        known.ok_or_else(|| format!("{text:?} is no period: day, month or ever"))
    }
}

/// What happens when a part of a budget is spent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is said.
    #[default]
    Warn,
    /// It is said, and others are asked where there are any.
    Reroute,
    /// It is said, and no more calls are made.
    Stop,
}

/// A part of a budget whose spending is an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Alert {
    /// The part, in percent: 1 to 100.
    pub percent: u8,
    /// What happens.
    pub action: Action,
}

/// How much may be spent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Budget {
    /// On what.
    pub scope: Scope,
    /// Over which time.
    pub per: Period,
    /// How much.
    pub limit: NanoUsd,
    /// Whether a call that could exceed it is refused.
    pub hard: bool,
    /// At which parts something happens, the smallest first.
    pub alerts: Vec<Alert>,
}

impl Budget {
    /// Returns a hard budget that warns at 50, 80 and 95 percent.
    #[must_use]
    pub fn new(scope: Scope, per: Period, limit: NanoUsd) -> Self {
        let alerts = [50, 80, 95].map(|percent| Alert { percent, action: Action::Warn }).to_vec();
        Self { scope, per, limit, hard: true, alerts }
    }

    /// Says what is wrong with it, if anything is.
    ///
    /// # Errors
    /// A sentence.
    pub fn validate(&self) -> Result<(), String> {
        if self.limit < NanoUsd::ZERO {
            return Err(format!("the budget of {} is negative", self.scope));
        }
        match self.alerts.iter().find(|alert| !(1..=100).contains(&alert.percent)) {
            Some(alert) => {
                Err(format!("an alert at {} % of the budget of {}: 1 to 100 are possible", alert.percent, self.scope))
            }
            None => Ok(()),
        }
    }

    /// Returns whether a call counts.
    #[must_use]
    pub fn covers(&self, call: &Charge<'_>) -> bool {
        match &self.scope {
            Scope::Total => true,
            Scope::Provider(provider) => provider == call.provider,
            Scope::Model(provider, model) => provider == call.provider && model == call.model,
            Scope::Project(root) => *root == call.project,
            Scope::Job(job) => *job == call.job,
        }
    }

    /// Returns the amount at which `percent` of it are spent, rounded up.
    #[must_use]
    pub fn part(&self, percent: u8) -> NanoUsd {
        let part = (i128::from(self.limit.0) * i128::from(percent) + 99).div_euclid(100);
        NanoUsd(i64::try_from(part).unwrap_or(i64::MAX))
    }

    /// Returns the strictest action that `spent` calls for.
    #[must_use]
    pub fn action(&self, spent: NanoUsd) -> Option<Action> {
        let reached = self.alerts.iter().filter(|alert| spent >= self.part(alert.percent));
        reached.map(|alert| alert.action).max()
    }
}

/// The sums of one budget over one period.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sums {
    /// What was spent.
    pub spent: NanoUsd,
    /// What is reserved for calls under way or possibly billed.
    pub reserved: NanoUsd,
    /// The largest part, in percent, whose spending was said already.
    pub alerted: u8,
}

/// A budget and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Account {
    /// The budget.
    pub budget: Budget,
    /// When its period began.
    pub start: Timestamp,
    /// Where it stands.
    pub sums: Sums,
}

impl Account {
    /// Returns whether `asked` more fits.
    #[must_use]
    pub fn fits(&self, asked: NanoUsd) -> bool {
        let stopped = self.budget.action(self.sums.spent) == Some(Action::Stop);
        !stopped && (!self.budget.hard || self.sums.spent.plus(self.sums.reserved).plus(asked) <= self.budget.limit)
    }
}

/// A call, as far as budgets are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge<'a> {
    /// The provider.
    pub provider: &'a str,
    /// The model.
    pub model: &'a str,
    /// The job.
    pub job: JobId,
    /// The root of its project.
    pub project: JobId,
    /// When it was sent.
    pub started: Timestamp,
    /// What it does to the books.
    pub entry: Posting,
}

/// What a call does to the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posting {
    /// It is about to be sent and may cost this much; nothing is known if its price is not.
    Reserve(Option<NanoUsd>),
    /// It ended: what is no longer reserved, and what it cost.
    Settle {
        /// Freed.
        released: NanoUsd,
        /// Spent.
        cost: NanoUsd,
    },
}

/// A budget refuses a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub struct OverBudget {
    /// Which budget.
    pub scope: Scope,
    /// Over which time.
    pub per: Period,
    /// How much it is.
    pub limit: NanoUsd,
    /// What is spent and reserved.
    pub committed: NanoUsd,
    /// What was to be reserved; none if the price is not known.
    pub asked: Option<NanoUsd>,
    /// When its next period begins.
    pub until: Option<Timestamp>,
}

impl OverBudget {
    fn text(&self) -> String {
        let per = match self.per {
            Period::Day => " of the day",
            Period::Month => " of the month",
            Period::Ever => "",
        };
        let known = format!("{}, of which {} are spent or reserved", self.limit, self.committed);
        match self.asked {
            Some(asked) => format!("{asked} more does not fit into the budget{per} for {}: {known}", self.scope),
            None => {
                format!("the price of the model is not known, and there is a budget{per} for {}: {known}", self.scope)
            }
        }
    }
}

/// A part of a budget that was spent just now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Crossing {
    /// Which budget.
    pub scope: Scope,
    /// Over which time.
    pub per: Period,
    /// How much it is.
    pub limit: NanoUsd,
    /// What is spent.
    pub spent: NanoUsd,
    /// The part.
    pub percent: u8,
    /// What happens.
    pub action: Action,
}

/// Which sums: the budget's scope and period, and when the period began.
pub type SumKey = (Scope, Period, Timestamp);

/// The budgets and the sums that a commit may move.
#[derive(Debug, Clone, Default)]
pub struct Books {
    /// The budgets.
    pub budgets: Vec<Budget>,
    /// The sums; one that is not there is zero.
    pub sums: BTreeMap<SumKey, Sums>,
}

/// What postings did; see [`Books::adopt`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Posted {
    /// The sums that moved, whole.
    pub sums: BTreeMap<SumKey, Sums>,
    /// What was crossed.
    pub crossings: Vec<Crossing>,
}

impl Books {
    /// Returns the sums that a call moves.
    pub fn keys(&self, call: &Charge<'_>) -> impl Iterator<Item = SumKey> {
        let started = call.started;
        let covering: Vec<&Budget> = self.budgets.iter().filter(|budget| budget.covers(call)).collect();
        covering.into_iter().map(move |budget| (budget.scope.clone(), budget.per, budget.per.start(started)))
    }

    /// Returns what the calls do, all together, without doing it.
    ///
    /// # Errors
    /// [`OverBudget`]: the first hard or stopped budget that refuses one of them.
    pub fn post(&self, calls: &[Charge<'_>]) -> Result<Posted, OverBudget> {
        let mut posted = Posted::default();
        if self.budgets.is_empty() {
            return Ok(posted);
        }
        for call in calls {
            for budget in self.budgets.iter().filter(|budget| budget.covers(call)) {
                let key = (budget.scope.clone(), budget.per, budget.per.start(call.started));
                let known = self.sums.get(&key).copied().unwrap_or_default();
                let sums = posted.sums.entry(key).or_insert(known);
                match call.entry {
                    Posting::Reserve(asked) => reserve(budget, sums, asked, call.started)?,
                    Posting::Settle { released, cost } => {
                        sums.reserved = sums.reserved.minus(released);
                        sums.spent = sums.spent.plus(cost);
                        posted.crossings.extend(cross(budget, sums));
                    }
                }
            }
        }
        Ok(posted)
    }

    /// Makes what was posted so.
    pub fn adopt(&mut self, posted: &Posted) {
        self.sums.extend(posted.sums.iter().map(|(key, sums)| (key.clone(), *sums)));
    }

    /// Returns every budget and where it stands at `now`.
    #[must_use]
    pub fn accounts(&self, now: Timestamp) -> Vec<Account> {
        let account = |budget: &Budget| {
            let start = budget.per.start(now);
            let sums = self.sums.get(&(budget.scope.clone(), budget.per, start)).copied().unwrap_or_default();
            Account { budget: budget.clone(), start, sums }
        };
        self.budgets.iter().map(account).collect()
    }
}

fn reserve(budget: &Budget, sums: &mut Sums, asked: Option<NanoUsd>, at: Timestamp) -> Result<(), OverBudget> {
    let committed = sums.spent.plus(sums.reserved);
    let refusal = || OverBudget {
        scope: budget.scope.clone(),
        per: budget.per,
        limit: budget.limit,
        committed,
        asked,
        until: budget.per.next(at),
    };
    if budget.action(sums.spent) == Some(Action::Stop) {
        return Err(refusal());
    }
    match asked {
        None if budget.hard => Err(refusal()),
        Some(asked) if budget.hard && committed.plus(asked) > budget.limit => Err(refusal()),
        asked => {
            sums.reserved = sums.reserved.plus(asked.unwrap_or_default());
            Ok(())
        }
    }
}

/// Returns what spending has just been reached; of several parts at once, each.
fn cross(budget: &Budget, sums: &mut Sums) -> Vec<Crossing> {
    let before = sums.alerted;
    let mut crossed = Vec::new();
    for alert in &budget.alerts {
        if alert.percent > before && budget.limit > NanoUsd::ZERO && sums.spent >= budget.part(alert.percent) {
            sums.alerted = sums.alerted.max(alert.percent);
            crossed.push(Crossing {
                scope: budget.scope.clone(),
                per: budget.per,
                limit: budget.limit,
                spent: sums.spent,
                percent: alert.percent,
                action: alert.action,
            });
        }
    }
    crossed
}

#[cfg(test)]
mod tests;
