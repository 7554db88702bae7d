//! Configuration: the user's file, then vdo.toml, then the environment, then flags; later ones win.
//!
//! The environment is read here and nowhere else. `VDO_PROVIDERS__MOCK__BASE_URL` is `providers.mock.base_url`.
//! Keys of providers are never part of it: a provider names the variable that holds its key.

pub(crate) mod accounts;
mod workers;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Table, Value};
use vdo_core::check::Tier;
use vdo_core::edit::{Format, Formats};
use vdo_core::id::Phase;
use vdo_core::money::NanoUsd;
use vdo_core::route::{Candidate, Routes};

use crate::args::Global;
use crate::fail::Fail;

/// What can be configured.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Where the store lies.
    pub(crate) store: Option<String>,
    /// Providers by name.
    pub(crate) providers: BTreeMap<String, ProviderConfig>,
    /// Candidates by phase, and `default`.
    pub(crate) routes: BTreeMap<String, Vec<String>>,
    /// Prices by `provider:model`.
    pub(crate) prices: BTreeMap<String, PriceConfig>,
    /// The edit format a model is asked for, by the beginning of its name.
    pub(crate) edit_formats: BTreeMap<String, String>,
    /// The sandbox.
    pub(crate) sandbox: SandboxConfig,
    /// Caps on a run.
    pub(crate) limits: LimitsConfig,
    /// How one of several candidates is chosen, by phase, and `default`.
    pub(crate) strategies: BTreeMap<String, String>,
    /// A file that is laid over the table of models.
    pub(crate) models: Option<PathBuf>,
    /// How much may be spent on what.
    pub(crate) budgets: accounts::Budgets,
    /// Who is told when a part of a budget is spent.
    pub(crate) alerts: accounts::AlertsConfig,
    /// Which calls of every provider are made to fail, to rehearse it.
    pub(crate) rehearse: Option<Value>,
    /// How often workers try jobs again.
    pub(crate) retries: workers::RetriesConfig,
    /// How replies are made: effort, tier and the like.
    pub(crate) settings: vdo_core::message::Settings,
    /// Who is told of spans.
    pub(crate) telemetry: TelemetryConfig,
}

/// Who is told of spans.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TelemetryConfig {
    /// The collector that takes OTLP over HTTP: `http://127.0.0.1:4318`. Default: nobody is told.
    pub(crate) otlp: Option<String>,
}

/// One provider.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ProviderConfig {
    /// `anthropic`, `openai`, `openai-chat`, `gemini`, `replay` or `scripted`.
    pub(crate) kind: String,
    /// The server. Default: the vendor's own, where there is one.
    pub(crate) base_url: Option<String>,
    /// The variable that holds the key.
    pub(crate) key_env: Option<String>,
    /// The answers file, for `scripted`.
    pub(crate) answers: Option<PathBuf>,
    /// How the server differs from OpenAI's: `plain`, `openai`, `ollama`, `vllm`, `openrouter`.
    pub(crate) profile: Option<String>,
    /// Whether its models call tools.
    pub(crate) tools: Option<bool>,
    /// Whether its models can be held to a JSON Schema.
    pub(crate) json_schema: Option<bool>,
    /// Seconds a whole call may take.
    pub(crate) timeout: Option<u64>,
    /// Seconds in which something has to come.
    pub(crate) idle_timeout: Option<u64>,
    /// The version of the interface, for `anthropic` (a date) and `gemini` (v1, v1beta).
    pub(crate) api_version: Option<String>,
    /// The file that every call is recorded in.
    pub(crate) record: Option<PathBuf>,
    /// The file that is replayed, for `replay`.
    pub(crate) cassette: Option<PathBuf>,
    /// Which calls are made to fail, to rehearse it.
    pub(crate) rehearse: Option<Value>,
    /// How many calls its key takes at once, over all processes on the store.
    pub(crate) max_concurrent: Option<std::num::NonZeroU32>,
    /// How many calls its key takes in any minute, over all processes on the store.
    pub(crate) per_minute: Option<std::num::NonZeroU32>,
}

/// What a model's tokens cost, in USD per million, and its limits.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PriceConfig {
    /// Input.
    pub(crate) input: String,
    /// Output.
    pub(crate) output: String,
    /// Input read from a cache.
    pub(crate) cache_read: Option<String>,
    /// Input written to a cache.
    pub(crate) cache_write: Option<String>,
    /// Input written to a long-lived cache.
    pub(crate) cache_write_long: Option<String>,
    /// The window in tokens.
    pub(crate) context: Option<u64>,
    /// The most tokens of a reply.
    pub(crate) max_output: Option<u64>,
}

/// The sandbox.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SandboxConfig {
    /// The confinement required: `T2` unless a lower one is named.
    pub(crate) tier: Option<String>,
    /// Why nothing confines commands; required with `T0`.
    pub(crate) reason: Option<String>,
    /// The folder that trees are laid out in for checks; the system's for temporary files otherwise.
    pub(crate) trees: Option<PathBuf>,
}

/// Caps on a run; see [`vdo_core::run::Limits`].
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LimitsConfig {
    /// Repairs.
    pub(crate) repairs: Option<u32>,
    /// Plans.
    pub(crate) plans: Option<u32>,
    /// Seconds each check command has.
    pub(crate) check_seconds: Option<u64>,
    /// The most tokens of a reply.
    pub(crate) max_output: Option<u64>,
    /// What the calls for repairs may cost together, in USD.
    pub(crate) repair_cost: Option<Usd>,
    /// Exchanges per task or repair.
    pub(crate) turns: Option<u32>,
    /// Exchanges in a row that may change nothing.
    pub(crate) looks: Option<u32>,
    /// Reviews.
    pub(crate) critiques: Option<u32>,
    /// Calls of one run.
    pub(crate) calls: Option<u32>,
    /// Seconds one run may take.
    pub(crate) run_seconds: Option<u64>,
}

/// An amount in USD: a number or a decimal text.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "Value")]
pub(crate) struct Usd(pub(crate) NanoUsd);

impl TryFrom<Value> for Usd {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        let text = match value {
            Value::String(text) => text,
            Value::Integer(_) | Value::Float(_) => value.to_string(),
            other => return Err(format!("{other} is no amount in USD")),
        };
        text.parse().map(Self).map_err(|error| format!("{text:?} is no amount in USD: {error}"))
    }
}

/// Variables beginning with `VDO_` that are no configuration.
const RESERVED: &[&str] = &["VDO_CRASH", "VDO_CONFIG", "VDO_LOG"];

impl Config {
    /// Reads all layers.
    ///
    /// # Errors
    /// [`Fail::Usage`] names the file, variable or flag that does not fit.
    pub(crate) fn load(global: &Global) -> Result<Self, Fail> {
        let mut table = Table::new();
        let user = user_folder("XDG_CONFIG_HOME", ".config").map(|folder| folder.join("vdo/config.toml"));
        if let Some(file) = user.filter(|file| file.exists()) {
            merge(&mut table, read(&file)?);
        }
        let named = global.config.clone().or_else(|| std::env::var_os("VDO_CONFIG").map(PathBuf::from));
        match named {
            Some(file) => merge(&mut table, read(&file)?),
            None if Path::new("vdo.toml").exists() => merge(&mut table, read(Path::new("vdo.toml"))?),
            None => {}
        }
        let mut variables: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        variables.sort();
        for (name, value) in variables {
            let Some(key) = name.strip_prefix("VDO_").filter(|_| !RESERVED.contains(&name.as_str())) else { continue };
            let path: Vec<String> = key.split("__").map(str::to_ascii_lowercase).collect();
            let known = [
                "store",
                "providers",
                "routes",
                "strategies",
                "prices",
                "models",
                "budgets",
                "alerts",
                "settings",
                "retries",
                "telemetry",
                "rehearse",
                "edit_formats",
                "sandbox",
                "limits",
            ];
            if path.first().is_some_and(|first| known.contains(&first.as_str())) {
                set(&mut table, &path, scalar(&value));
            }
        }
        for pair in &global.sets {
            let (key, value) =
                pair.split_once('=').ok_or_else(|| Fail::usage(format!("--set {pair}: expected KEY=VALUE")))?;
            let path: Vec<String> = key.split('.').map(str::to_owned).collect();
            set(&mut table, &path, scalar(value));
        }
        let mut config: Self = Value::Table(table)
            .try_into()
            .map_err(|error| Fail::usage(format!("the configuration does not fit: {error}")))?;
        if let Some(store) = &global.store {
            config.store = Some(store.clone());
        }
        Ok(config)
    }

    /// Returns who is asked in which phase.
    ///
    /// # Errors
    /// [`Fail::Usage`] for an unknown phase or a candidate that is no `provider:model`.
    pub(crate) fn routes(&self) -> Result<Routes, Fail> {
        let mut routes = Routes::default();
        for (phase, candidates) in &self.routes {
            let candidates: Vec<Candidate> = candidates
                .iter()
                .map(|text| text.parse())
                .collect::<Result<_, _>>()
                .map_err(|error| Fail::usage(format!("[routes] {phase}: {error}")))?;
            if phase == "default" {
                routes.default = candidates;
            } else {
                let phase: Phase = phase.parse().map_err(|error| Fail::usage(format!("[routes]: {error}")))?;
                routes.phases.insert(phase, candidates);
            }
        }
        self.add_strategies(&mut routes)?;
        Ok(routes)
    }

    /// Returns which model is asked for edits in which format.
    ///
    /// # Errors
    /// [`Fail::Usage`] names a format that is none.
    pub(crate) fn formats(&self) -> Result<Formats, Fail> {
        let mut formats = Formats::default();
        for (model, format) in &self.edit_formats {
            let format: Format =
                format.parse().map_err(|error| Fail::usage(format!("[edit_formats] {model}: {error}")))?;
            formats = if model == "other" { Formats { other: format, ..formats } } else { formats.with(model, format) };
        }
        Ok(formats)
    }

    /// Returns the confinement required of checks, and the reason given for having none.
    ///
    /// # Errors
    /// [`Fail::Usage`] for an unknown tier, or T0 without a reason.
    pub(crate) fn tier(&self) -> Result<(Tier, Option<String>), Fail> {
        let tier = match &self.sandbox.tier {
            None => Tier::T2,
            Some(text) => text
                .parse()
                .map_err(|error: vdo_core::check::ParseTierError| Fail::usage(format!("[sandbox] tier: {error}")))?,
        };
        let reason = self.sandbox.reason.clone().filter(|reason| !reason.trim().is_empty());
        if tier == Tier::T0 && reason.is_none() {
            return Err(Fail::usage(
                "[sandbox] tier = \"T0\" runs commands unconfined; give a reason = \"…\" beside it",
            ));
        }
        Ok((tier, reason))
    }

    /// Returns the caps on a run.
    #[must_use]
    pub(crate) fn limits(&self) -> vdo_core::run::Limits {
        let mut limits = vdo_core::run::Limits::default();
        let given = &self.limits;
        if let Some(repairs) = given.repairs {
            limits = limits.with_repairs(repairs);
        }
        if let Some(plans) = given.plans {
            limits = limits.with_plans(plans);
        }
        if let Some(seconds) = given.check_seconds {
            limits = limits.with_check_seconds(seconds);
        }
        if let Some(tokens) = given.max_output {
            limits = limits.with_max_output(tokens);
        }
        if let Some(turns) = given.turns {
            limits = limits.with_turns(turns);
        }
        if let Some(looks) = given.looks {
            limits = limits.with_looks(looks);
        }
        if let Some(critiques) = given.critiques {
            limits = limits.with_critiques(critiques);
        }
        if let Some(calls) = given.calls {
            limits = limits.with_calls(calls);
        }
        if let Some(seconds) = given.run_seconds {
            limits = limits.with_run_seconds(seconds);
        }
        if let Some(cost) = &given.repair_cost {
            limits = limits.with_repair_cost(cost.0);
        }
        limits
    }

    /// Returns where the store lies.
    ///
    /// # Errors
    /// [`Fail::Usage`] if it is not configured and there is no home folder to put it in.
    pub(crate) fn store_url(&self) -> Result<String, Fail> {
        if let Some(store) = &self.store {
            return Ok(store.clone());
        }
        let folder = user_folder("XDG_DATA_HOME", ".local/share")
            .ok_or_else(|| Fail::usage("there is no home folder for the store; give --store sqlite:PATH"))?
            .join("vdo");
        std::fs::create_dir_all(&folder)
            .map_err(|error| Fail::failed(format!("the folder {} cannot be made: {error}", folder.display())))?;
        Ok(format!("sqlite:{}", folder.join("vdo.db").display()))
    }
}

/// Returns the folder that a variable names, or the one below the home folder.
fn user_folder(variable: &str, below_home: &str) -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set(variable).or_else(|| set("HOME").map(|home| home.join(below_home)))
}

fn read(file: &Path) -> Result<Table, Fail> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Fail::usage(format!("{} cannot be read: {error}", file.display())))?;
    text.parse().map_err(|error| Fail::usage(format!("{} is no TOML: {error}", file.display())))
}

fn merge(below: &mut Table, above: Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Table(old)), Value::Table(new)) => merge(old, new),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

fn set(table: &mut Table, path: &[String], value: Value) {
    match path {
        [] => {}
        [last] => {
            table.insert(last.clone(), value);
        }
        [first, rest @ ..] => {
            let inner = table.entry(first.clone()).or_insert_with(|| Value::Table(Table::new()));
            if !inner.is_table() {
                *inner = Value::Table(Table::new());
            }
            if let Value::Table(inner) = inner {
                set(inner, rest, value);
            }
        }
    }
}

/// Reads a value as TOML would: a list, a number, a boolean, else text.
fn scalar(text: &str) -> Value {
    let table: Result<Table, _> = format!("value = {text}").parse();
    match table.ok().and_then(|mut table| table.remove("value")) {
        Some(value) if !value.is_datetime() => value,
        _ => Value::String(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_layers_win_key_by_key() {
        let mut table: Table = "store = \"a\"\n[providers.x]\nkind = \"scripted\"\nbase_url = \"1\"".parse().unwrap();
        merge(&mut table, "[providers.x]\nbase_url = \"2\"".parse().unwrap());
        set(&mut table, &["providers".to_owned(), "y".to_owned(), "tools".to_owned()], scalar("true"));
        set(&mut table, &["routes".to_owned(), "default".to_owned()], scalar("[\"x:m\"]"));
        let config: Config = Value::Table(table).try_into().unwrap();
        assert_eq!(config.providers["x"].base_url.as_deref(), Some("2"));
        assert_eq!(config.providers["x"].kind, "scripted");
        assert_eq!(config.providers["y"].tools, Some(true));
        assert_eq!(config.routes().unwrap().default, ["x:m".parse().unwrap()]);
    }

    #[test]
    fn values_are_read_as_toml_and_else_as_text() {
        assert_eq!(scalar("http://127.0.0.1:1/v1"), Value::String("http://127.0.0.1:1/v1".to_owned()));
        assert_eq!(scalar("5"), Value::Integer(5));
        assert_eq!(scalar("sqlite:/x y"), Value::String("sqlite:/x y".to_owned()));
    }
}
