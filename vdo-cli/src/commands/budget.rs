//! `vdo budget`.

use vdo_core::budget::{Account, Action, Alert, Budget, Period};
use vdo_core::money::NanoUsd;
use vdo_core::port::{Accounts, Clock, Store};

use crate::app::App;
use crate::args::money::{BudgetAction, BudgetArgs};
use crate::config::accounts::scope;
use crate::fail::Fail;
use crate::gauge;

/// Shows, sets or drops budgets.
pub(crate) async fn budget(app: &App, args: &BudgetArgs) -> Result<(), Fail> {
    let engine = app.engine()?;
    let accounts = accounts(engine.store().as_ref())?;
    let now = app.clock.now();
    match &args.action {
        None => {
            app.set_budgets().await?;
            let known = accounts.budgets(now).await?;
            if app.out.json {
                return app.out.value(&known);
            }
            if known.is_empty() {
                app.out.say("no budget is set: vdo budget set PROVIDER USD/month");
                return Ok(());
            }
            app.out.line(gauge::gauges(&known))
        }
        Some(BudgetAction::Set { scope: name, amount, soft, alerts }) => {
            let (limit, per) = read_amount(amount)?;
            let mut budget = Budget::new(scope(name)?, per, limit);
            budget.hard = !soft;
            if !alerts.is_empty() {
                budget.alerts = alerts.iter().map(|text| read_alert(text)).collect::<Result<_, _>>()?;
                budget.alerts.sort_by_key(|alert| alert.percent);
            }
            budget.validate().map_err(Fail::usage)?;
            let account: Account = accounts.set_budget(budget, now).await?;
            if app.out.json { app.out.value(&account) } else { app.out.line(gauge::gauges(&[account])) }
        }
        Some(BudgetAction::Drop { scope: name, per }) => {
            let (scope, per) = (scope(name)?, per.parse::<Period>().map_err(Fail::usage)?);
            if !accounts.drop_budget(scope.clone(), per).await? {
                return Err(Fail::NotFound(format!("there is no budget of {scope} per {}", per.as_str())));
            }
            app.out.say(format!("the budget of {scope} per {} is gone", per.as_str()));
            Ok(())
        }
    }
}

/// Returns what the store keeps for all jobs together.
pub(crate) fn accounts(store: &dyn Store) -> Result<&dyn Accounts, Fail> {
    store.accounts().ok_or_else(|| Fail::failed("this store keeps no budgets"))
}

fn read_amount(text: &str) -> Result<(NanoUsd, Period), Fail> {
    let (amount, per) = text.split_once('/').unwrap_or((text, "month"));
    let limit: NanoUsd = amount.trim().parse().map_err(|error| Fail::usage(format!("{error}")))?;
    Ok((limit, per.trim().parse().map_err(Fail::usage)?))
}

fn read_alert(text: &str) -> Result<Alert, Fail> {
    let wrong = || Fail::usage(format!("{text:?} is no alert: expected PERCENT:ACTION, such as 80:reroute"));
    let (percent, action) = text.split_once(':').unwrap_or((text, "warn"));
    let action = match action {
        "warn" => Action::Warn,
        "reroute" => Action::Reroute,
        "stop" => Action::Stop,
        _ => return Err(wrong()),
    };
    Ok(Alert { percent: percent.trim_end_matches('%').parse().map_err(|_| wrong())?, action })
}
