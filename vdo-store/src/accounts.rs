//! Budgets, sums of calls, health and settings: read by anybody, changed while nothing else is written.

use std::collections::BTreeMap;

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, QueryResult, Value};
use vdo_core::budget::{Account, Action, Alert, Budget, Period, Scope, Sums};
use vdo_core::health::{Health, Seen, Subject};
use vdo_core::id::JobId;
use vdo_core::money::NanoUsd;
use vdo_core::port::accounts::{Accounts, Dimension, SpendLine, SpendQuery, observe};
use vdo_core::port::{CallRow, StoreError};
use vdo_core::time::Timestamp;
use vdo_core::usage::Usage;

use crate::convert;
use crate::dialect;
use crate::entity::call;
use crate::load::{Cells, damaged, job_id, json};
use crate::names::{self, uint};
use crate::open::begin;
use crate::read::Reader;
use crate::sql;
use crate::store::SqlStore;
use crate::upkeep::{Fail, rows, run};

/// Reads a budget from its row: scope, period, amount, what happens, whether it is hard.
pub(crate) fn budget(cells: &mut Cells<'_>) -> Result<Budget, DbErr> {
    let (scope, period): (String, String) = (cells.take()?, cells.take()?);
    let limit = NanoUsd(cells.take()?);
    let action: String = cells.take()?;
    let alerts: Vec<Alert> = match serde_json::from_str(&action) {
        Ok(alerts) => alerts,
        // The first version of the table named one action for all of it.
        Err(_) => vec![Alert { percent: 95, action: names::from_word(&action).unwrap_or(Action::Warn) }],
    };
    Ok(Budget {
        scope: scope.parse().map_err(|error| damaged(format!("{error}")))?,
        per: period.parse().map_err(|error: String| damaged(error))?,
        limit,
        hard: cells.take()?,
        alerts,
    })
}

/// Reads the sums that follow.
pub(crate) fn sums(cells: &mut Cells<'_>) -> Result<Sums, DbErr> {
    let (spent, reserved) = (NanoUsd(cells.take()?), NanoUsd(cells.take()?));
    let alerted: i64 = cells.take()?;
    Ok(Sums { spent, reserved, alerted: u8::try_from(alerted).unwrap_or(u8::MAX) })
}

/// Reads the health of a provider or model.
pub(crate) fn health(row: &QueryResult) -> Result<(Subject, Health), DbErr> {
    let mut cells = Cells::of(row);
    let (provider, model, state): (String, String, String) = (cells.take()?, cells.take()?, cells.take()?);
    // What another version wrote and this one cannot read is forgotten: it is experience, not a record.
    let health = serde_json::from_str(&state).unwrap_or_default();
    Ok((Subject { provider, model: Some(model).filter(|model| !model.is_empty()) }, health))
}

/// What the call has to be for a budget to cover it, as SQL over `c` (calls) and `j` (jobs), and the values of `?2` and `?3`.
fn covered(scope: &Scope) -> (&'static str, [Value; 2]) {
    let none = || Value::String(None);
    match scope {
        Scope::Total => ("?2 IS NULL AND ?3 IS NULL", [none(), none()]),
        Scope::Provider(provider) => ("c.provider = ?2 AND ?3 IS NULL", [provider.as_str().into(), none()]),
        Scope::Model(provider, model) => {
            ("c.provider = ?2 AND c.model = ?3", [provider.as_str().into(), model.as_str().into()])
        }
        Scope::Project(root) => ("j.root_id = ?2 AND ?3 IS NULL", [names::int(root.number()).into(), none()]),
        Scope::Job(job) => ("c.job_id = ?2 AND ?3 IS NULL", [names::int(job.number()).into(), none()]),
    }
}

async fn set_budget(connection: DatabaseConnection, budget: Budget, now: Timestamp) -> Result<Account, Fail> {
    budget.validate().map_err(StoreError::Invalid)?;
    let transaction = begin(&connection).await?;
    let (scope, per) = (budget.scope.to_string(), budget.per.as_str());
    let key = || vec![Value::from(scope.as_str()), Value::from(per)];
    run(&transaction, "DELETE FROM budget_sums WHERE scope = ?1 AND period = ?2", key()).await?;
    let alerts = serde_json::to_string(&budget.alerts).unwrap_or_default();
    let mut values = key();
    values.extend([Value::from(budget.limit.0), Value::from(alerts), Value::from(budget.hard)]);
    let sql = "INSERT INTO budgets (scope, period, amount, action, hard) VALUES (?1, ?2, ?3, ?4, ?5) \
               ON CONFLICT (scope, period) DO UPDATE SET amount = excluded.amount, action = excluded.action, \
               hard = excluded.hard";
    run(&transaction, sql, values).await?;
    let (sql, values) = days(&budget);
    let all = counted(&budget, &rows(&transaction, &sql, values).await?)?;
    for (start, sums) in &all {
        let mut values = key();
        values.extend([start.0, sums.spent.0, sums.reserved.0].map(Value::from));
        run(
            &transaction,
            "INSERT INTO budget_sums (scope, period, start, spent, reserved, alerted) VALUES (?1, ?2, ?3, ?4, ?5, 0)",
            values,
        )
        .await?;
    }
    transaction.commit().await?;
    let start = budget.per.start(now);
    let sums = all.get(&start).copied().unwrap_or_default();
    Ok(Account { budget, start, sums })
}

const DAY_MS: i64 = 86_400_000;

/// Returns the query of what the calls of a budget cost, day by day.
fn days(budget: &Budget) -> (String, Vec<Value>) {
    let (condition, [first, second]) = covered(&budget.scope);
    (sql::DAYS.replace("{covered}", condition), vec![Value::from(DAY_MS), first, second])
}

/// Puts the days of a period together.
fn counted(budget: &Budget, days: &[QueryResult]) -> Result<BTreeMap<Timestamp, Sums>, DbErr> {
    let mut all: BTreeMap<Timestamp, Sums> = BTreeMap::new();
    for row in days {
        let mut cells = Cells::of(row);
        let sums = all.entry(budget.per.start(Timestamp(cells.take()?))).or_default();
        sums.spent = sums.spent.plus(NanoUsd(cells.take()?));
        sums.reserved = sums.reserved.plus(NanoUsd(cells.take()?));
    }
    Ok(all)
}

impl Reader {
    /// Looks for budgets whose books say less than the calls that they cover do.
    pub(crate) async fn budget_faults(&self, faults: &mut Vec<String>) -> Result<(), StoreError> {
        let budgets = self.rows(sql::READ_BUDGETS, Vec::new()).await?;
        for budget in self.all(budgets.iter().map(|row| budget(&mut Cells::of(row))))? {
            let (sql, values) = days(&budget);
            let counted = counted(&budget, &self.rows(&sql, values).await?).map_err(|error| self.error(error))?;
            let (scope, per) = (budget.scope.to_string(), budget.per.as_str());
            let sql = "SELECT start, spent, reserved, alerted FROM budget_sums WHERE scope = ?1 AND period = ?2";
            let mut kept: BTreeMap<Timestamp, Sums> = BTreeMap::new();
            for row in self.rows(sql, vec![Value::from(scope.as_str()), Value::from(per)]).await? {
                let mut cells = Cells::of(&row);
                let read = |cells: &mut Cells<'_>| Ok((Timestamp(cells.take()?), sums(cells)?));
                kept.extend([read(&mut cells).map_err(|error| self.error(error))?]);
            }
            let all: std::collections::BTreeSet<Timestamp> = kept.keys().chain(counted.keys()).copied().collect();
            for start in all {
                let of = |sums: &BTreeMap<Timestamp, Sums>| {
                    sums.get(&start).map(|sums| (sums.spent, sums.reserved)).unwrap_or_default()
                };
                let ((spent, reserved), (cost, open)) = (of(&kept), of(&counted));
                // Calls of purged jobs are gone and stay spent.
                if spent < cost || reserved < open {
                    faults.push(format!(
                        "the budget {scope} per {per} has {spent} spent and {reserved} reserved in its books; the calls say {cost} and \
                         {open}: set the budget once more, and it is counted anew"
                    ));
                }
            }
        }
        Ok(())
    }
}

const WRITE_HEALTH: &str = "INSERT INTO health (provider, model, state) VALUES (?1, ?2, ?3) \
                            ON CONFLICT (provider, model) DO UPDATE SET state = excluded.state";

const WRITE_SETTING: &str = "INSERT INTO settings (name, value) VALUES (?1, ?2) \
                             ON CONFLICT (name) DO UPDATE SET value = excluded.value";

async fn see(connection: DatabaseConnection, seen: Vec<(Subject, Seen)>) -> Result<(), Fail> {
    let transaction = begin(&connection).await?;
    for (subject, seen) in seen {
        let key = vec![Value::from(subject.provider.as_str()), Value::from(subject.model.clone().unwrap_or_default())];
        let sql = "SELECT provider, model, state FROM health WHERE provider = ?1 AND model = ?2";
        let mut known = match rows(&transaction, sql, key.clone()).await?.first() {
            Some(row) => Some(health(row)?.1),
            None => None,
        };
        if observe(&subject, &mut known, &seen) {
            let mut values = key;
            values.push(Value::from(serde_json::to_string(&known).unwrap_or_default()));
            run(&transaction, WRITE_HEALTH, values).await?;
        }
    }
    transaction.commit().await?;
    Ok(())
}

/// Returns the SQL that has the value of a dimension as text.
fn value_of(backend: DbBackend, dimension: Dimension) -> String {
    let column = match dimension {
        Dimension::Day => return dialect::day(backend, "c.started"),
        Dimension::Project => "CAST(j.root_id AS TEXT)",
        Dimension::Job => "CAST(c.job_id AS TEXT)",
        Dimension::Phase => "substr(c.step, 1, instr(c.step, '/') - 1)",
        Dimension::Task => {
            "substr(substr(c.step, instr(c.step, '/') + 1), 1, \
             instr(substr(c.step, instr(c.step, '/') + 1), '/') - 1)"
        }
        Dimension::Provider => "c.provider",
        Dimension::Model => "c.model",
    };
    column.to_owned()
}

fn breakdown(backend: DbBackend, query: &SpendQuery) -> (String, Vec<Value>) {
    let columns: String = query.by.iter().map(|dimension| format!("{}, ", value_of(backend, *dimension))).collect();
    let mut conditions = vec!["true".to_owned()];
    let mut values = Vec::new();
    let mut condition = |sql: &str, value: Value| {
        values.push(value);
        conditions.push(format!("{sql} ?{}", values.len()));
    };
    if let Some(since) = query.since {
        condition("c.started >=", Value::from(since.0));
    }
    if let Some(until) = query.until {
        condition("c.started <", Value::from(until.0));
    }
    if let Some(jobs) = &query.jobs {
        let ids: Vec<u64> = jobs.iter().map(|job| job.number()).collect();
        values.push(json(&ids));
        conditions.push(format!("c.job_id IN (SELECT value FROM json_each(?{}))", values.len()));
    }
    let places: Vec<String> = (1..=query.by.len()).map(|at| at.to_string()).collect();
    let group = if places.is_empty() { String::new() } else { format!("GROUP BY {}", places.join(", ")) };
    (format!("SELECT {columns}{} WHERE {} {group}", sql::SUMS, conditions.join(" AND ")), values)
}

fn line(query: &SpendQuery, row: &QueryResult) -> Result<Option<SpendLine>, DbErr> {
    let mut cells = Cells::of(row);
    let mut group = BTreeMap::new();
    for dimension in &query.by {
        group.insert(*dimension, cells.take::<String>()?);
    }
    let mut next = || -> Result<u64, DbErr> { Ok(uint(cells.take::<Option<i64>>()?.unwrap_or(0))) };
    let calls = next()?;
    let usage = Usage {
        input: next()?,
        cache_read: next()?,
        cache_write: next()?,
        cache_write_long: next()?,
        output: next()?,
        reasoning: next()?,
        estimated: next()? > 0,
    };
    let amount = |number: u64| NanoUsd(names::int(number));
    let (cost, reserved, unpriced) = (amount(next()?), amount(next()?), next()?);
    Ok((calls > 0).then_some(SpendLine { group, calls, usage, cost, reserved, unpriced }))
}

/// Puts lines in the order of their values: numbers by their size.
fn ordered(mut lines: Vec<SpendLine>) -> Vec<SpendLine> {
    lines.sort_by(|one, other| one.group.values().cmp(other.group.values()));
    lines
}

#[async_trait]
impl Accounts for SqlStore {
    async fn budgets(&self, now: Timestamp) -> Result<Vec<Account>, StoreError> {
        let mut accounts = Vec::new();
        for row in self.reader().rows(sql::READ_BUDGETS, Vec::new()).await? {
            accounts.push(self.read(budget(&mut Cells::of(&row)))?);
        }
        let mut known = Vec::with_capacity(accounts.len());
        for budget in accounts {
            let start = budget.per.start(now);
            let key =
                vec![Value::from(budget.scope.to_string()), Value::from(budget.per.as_str()), Value::from(start.0)];
            let sql =
                "SELECT spent, reserved, alerted FROM budget_sums WHERE scope = ?1 AND period = ?2 AND start = ?3";
            let rows = self.reader().rows(sql, key).await?;
            let sums = match rows.first() {
                Some(row) => self.read(sums(&mut Cells::of(row)))?,
                None => Sums::default(),
            };
            known.push(Account { budget, start, sums });
        }
        known.sort_by(|one, other| (&one.budget.scope, one.budget.per).cmp(&(&other.budget.scope, other.budget.per)));
        Ok(known)
    }

    async fn set_budget(&self, budget: Budget, now: Timestamp) -> Result<Account, StoreError> {
        self.alone(move |connection| set_budget(connection, budget, now)).await
    }

    async fn drop_budget(&self, scope: Scope, per: Period) -> Result<bool, StoreError> {
        self.alone(move |connection| async move {
            let transaction = begin(&connection).await?;
            let key = || vec![Value::from(scope.to_string()), Value::from(per.as_str())];
            let gone = run(&transaction, "DELETE FROM budgets WHERE scope = ?1 AND period = ?2", key()).await?;
            run(&transaction, "DELETE FROM budget_sums WHERE scope = ?1 AND period = ?2", key()).await?;
            transaction.commit().await?;
            Ok(gone > 0)
        })
        .await
    }

    async fn breakdown(&self, query: &SpendQuery) -> Result<Vec<SpendLine>, StoreError> {
        let (sql, values) = breakdown(self.backend(), query);
        let mut lines = Vec::new();
        for row in self.reader().rows(&sql, values).await? {
            lines.extend(self.read(line(query, &row))?);
        }
        Ok(ordered(lines))
    }

    async fn unsettled(&self) -> Result<Vec<(JobId, CallRow)>, StoreError> {
        let sql = "SELECT * FROM calls WHERE state IN (0, 3) ORDER BY started, job_id, step, number";
        let mut calls = Vec::new();
        for row in self.reader().rows(sql, Vec::new()).await? {
            let read = || -> Result<(JobId, CallRow), DbErr> {
                let row = <call::Model as sea_orm::FromQueryResult>::from_query_result(&row, "")?;
                Ok((job_id(row.job_id)?, convert::call(row)?))
            };
            calls.push(self.read(read())?);
        }
        Ok(calls)
    }

    async fn health(&self) -> Result<Vec<(Subject, Health)>, StoreError> {
        let rows = self.reader().rows("SELECT provider, model, state FROM health", Vec::new()).await?;
        let mut all = Vec::with_capacity(rows.len());
        for row in &rows {
            all.push(self.read(health(row))?);
        }
        all.sort_by(|one, other| one.0.cmp(&other.0));
        Ok(all)
    }

    async fn see(&self, seen: Vec<(Subject, Seen)>) -> Result<(), StoreError> {
        self.alone(move |connection| see(connection, seen)).await
    }

    async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        let rows = self.reader().rows("SELECT value FROM settings WHERE name = ?1", vec![Value::from(name)]).await?;
        let value: Option<String> = rows.first().map(|row| self.read(Cells::of(row).take())).transpose()?;
        Ok(value.map(|mut value| {
            dialect::restore(self.backend(), &mut value);
            value
        }))
    }

    async fn set_setting(&self, name: &str, value: Option<String>) -> Result<(), StoreError> {
        let name = name.to_owned();
        let value = value.map(|value| dialect::keep(self.backend(), &value).into_owned());
        self.alone(move |connection| async move {
            let (sql, values) = match value {
                Some(value) => (WRITE_SETTING, vec![Value::from(name), Value::from(value)]),
                None => ("DELETE FROM settings WHERE name = ?1", vec![Value::from(name)]),
            };
            connection.execute_raw(dialect::statement(connection.get_database_backend(), sql, values)).await?;
            Ok(())
        })
        .await
    }
}
