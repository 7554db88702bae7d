//! The arguments of the commands about providers and money.

use clap::{Args, Subcommand};
use std::path::PathBuf;

use vdo_core::money::NanoUsd;

#[derive(Debug, Args)]
pub(crate) struct Providers {
    #[command(subcommand)]
    pub(crate) action: Option<ProvidersAction>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProvidersAction {
    /// Asks each provider for its list of models, which costs nothing, and notes whether it answers.
    Probe {
        /// Only these.
        names: Vec<String>,
    },
    /// Changes who is asked, in what order, from the next call on, for every process on the store.
    Order {
        /// The phase (plan, build, repair, critique, merge, learn), or default for the others.
        phase: String,
        /// Who is asked: provider:model, the first choice first.
        #[arg(required = true)]
        candidates: Vec<String>,
        /// How one of them is chosen: ordered, cheapest, fastest or weighted.
        #[arg(long, value_name = "STRATEGY")]
        strategy: Option<String>,
    },
    /// Takes back what `order` changed: the configuration holds again.
    Reset,
}

#[derive(Debug, Args)]
pub(crate) struct Models {
    /// Only models with this in their name.
    pub(crate) name: Option<String>,
    /// Says what is odd in the table: models that are no longer served or soon will not be, prices that cannot be.
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Spend {
    #[command(subcommand)]
    pub(crate) action: Option<SpendAction>,
    /// Calls from this day on (UTC, 2026-11-21). Default: the first of this month.
    #[arg(long, value_name = "DAY")]
    pub(crate) since: Option<String>,
    /// Calls before this day.
    #[arg(long, value_name = "DAY")]
    pub(crate) until: Option<String>,
    /// What it is broken down by: day, project, job, phase, task, provider, model; several with commas. Default:
    /// provider,model.
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    pub(crate) by: Vec<String>,
    /// Only calls of this job, whenever they were made unless --since is given.
    #[arg(long, value_name = "ID")]
    pub(crate) job: Option<vdo_core::id::JobId>,
    /// With the jobs that it grew out of.
    #[arg(long, requires = "job")]
    pub(crate) lineage: bool,
    /// With the jobs that grew out of it.
    #[arg(long, requires = "job")]
    pub(crate) descendants: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SpendAction {
    /// Lists the calls that may have been billed and whose cost is not known, or says what one of them cost.
    Reconcile {
        /// The job.
        #[arg(requires = "step")]
        job: Option<vdo_core::id::JobId>,
        /// The call, as the list names it: STEP#NUMBER.
        #[arg(requires = "cost")]
        step: Option<String>,
        /// What it cost, in USD: 0 if it was not billed.
        #[arg(long, value_name = "USD")]
        cost: Option<NanoUsd>,
    },
    /// Compares a provider's export of usage or costs (CSV) with what was recorded, day by day and model by model.
    Import {
        /// The file.
        file: PathBuf,
        /// The provider it is from, as configured.
        #[arg(long, value_name = "NAME")]
        provider: String,
        /// Settles calls that may have been billed: what the provider counted beyond what was recorded is theirs.
        #[arg(long)]
        settle: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct BudgetArgs {
    #[command(subcommand)]
    pub(crate) action: Option<BudgetAction>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BudgetAction {
    /// Sets a budget: `vdo budget set claude 50/month`.
    Set {
        /// What it covers: total, a provider, provider:model, project:ID or job:ID.
        scope: String,
        /// USD/day, USD/month or USD/ever.
        amount: String,
        /// Refuses no call; only says when parts of it are spent.
        #[arg(long)]
        soft: bool,
        /// What happens at which part: 80:reroute, 95:stop. Default: 50:warn, 80:warn, 95:warn.
        #[arg(long = "alert", value_name = "PERCENT:ACTION")]
        alerts: Vec<String>,
    },
    /// Drops a budget.
    Drop {
        /// What it covers.
        scope: String,
        /// day, month or ever.
        #[arg(default_value = "month")]
        per: String,
    },
}
