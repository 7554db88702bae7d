//! Joins the parts: reads the configuration, opens the store, makes the providers, and builds the engine.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use secrecy::SecretString;
use vdo_core::check::Tier;
use vdo_core::engine::{Deliveries, Engine, EngineBuilder, Observer};
use vdo_core::port::{Deployer, Provider, Store};
use vdo_core::route::{Candidate, Routes};
use vdo_core::spend::Prices;
use vdo_providers::clock::TokioClock;
use vdo_providers::openai_chat::{self, OpenAiChat};
use vdo_providers::scripted;
use vdo_store::SqliteStore;
use vdo_workspace::check::SandboxChecker;
use vdo_workspace::git::GitBranchDeployer;
use vdo_workspace::sandbox::{Environment, IndexSettings, Require, Sandbox, SandboxConfig, Toolchains};
use vdo_workspace::scan::WorkspaceScanner;
use vdo_workspace::syntax::TreeSitterSyntax;

use crate::args::Global;
use crate::config::{Config, ProviderConfig};
use crate::fail::{Fail, chain};
use crate::out::Out;

/// What every command has at hand.
#[derive(Debug)]
pub(crate) struct App {
    /// How to speak.
    pub(crate) out: Out,
    /// The time.
    pub(crate) clock: TokioClock,
    /// The configuration.
    pub(crate) config: Config,
    engine: OnceLock<Engine>,
    /// Where scans keep what they found; nowhere for a demo, which leaves nothing behind.
    scans: Option<PathBuf>,
}

impl App {
    /// Reads the configuration and opens the store.
    pub(crate) async fn open(global: &Global, out: Out) -> Result<Self, Fail> {
        let config = Config::load(global)?;
        let app = Self { out, clock: TokioClock, config, engine: OnceLock::new(), scans: Some(scan_cache()) };
        let engine = app.bare(&app.config.store_url()?).await?.build();
        let _ = app.engine.set(engine);
        Ok(app)
    }

    /// Reads the configuration only.
    pub(crate) fn without_store(global: &Global, out: Out) -> Result<Self, Fail> {
        Ok(Self { out, clock: TokioClock, config: Config::load(global)?, engine: OnceLock::new(), scans: None })
    }

    /// Returns the engine for commands that look and never ask a provider.
    pub(crate) fn engine(&self) -> Result<Engine, Fail> {
        self.engine.get().cloned().ok_or_else(|| Fail::failed("the store is not open"))
    }

    /// Starts an engine on a store, without providers.
    pub(crate) async fn bare(&self, store: &str) -> Result<EngineBuilder, Fail> {
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(store, vdo_store::Options::default()).await?);
        self.on(store)
    }

    /// Starts an engine on an open store, without providers and with a checker that knows no toolchains: looking for them
    /// takes time, which only commands that run checks should spend.
    fn on(&self, store: Arc<dyn Store>) -> Result<EngineBuilder, Fail> {
        let (tier, reason) = self.config.tier()?;
        let checker = bare_checker(tier, reason)?;
        let syntax = Arc::new(TreeSitterSyntax);
        let scanner = WorkspaceScanner::new(syntax.clone());
        let scanner = match &self.scans {
            Some(folder) => scanner.with_cache(folder),
            None => scanner,
        };
        Ok(Engine::builder(crashing(store)?, Arc::new(self.clock), Arc::new(scanner), Arc::new(checker))
            .syntax(syntax)
            .owner(owner())
            .limits(self.config.limits())
            .deliveries(to_branches()))
    }

    /// Returns the engine for commands that look and write, and tell what happens.
    pub(crate) fn bare_engine(&self, observer: Observer) -> Result<Engine, Fail> {
        Ok(self.on(self.engine()?.store().clone())?.observer(observer).build())
    }

    /// Returns the engine that runs checks and asks no provider.
    pub(crate) async fn checking(&self, observer: Observer) -> Result<Engine, Fail> {
        let (tier, reason) = self.config.tier()?;
        let checker = Arc::new(checker(tier, reason).await?);
        Ok(self.on(self.engine()?.store().clone())?.checker(checker).observer(observer).build())
    }

    /// Returns the engine that runs jobs: with the configured providers, routes and prices.
    pub(crate) async fn runner(&self, observer: Observer) -> Result<Engine, Fail> {
        let routes = self.config.routes()?;
        let (tier, reason) = self.config.tier()?;
        let checker = Arc::new(checker(tier, reason).await?);
        let mut builder = self.on(self.engine()?.store().clone())?.checker(checker);
        for (name, config) in &self.config.providers {
            let used = routes.phases.values().flatten().chain(&routes.default).any(|route| route.provider == *name);
            if used {
                builder = builder.provider(provider(name, config, &self.config)?);
            }
        }
        let builder = builder.routes(routes).formats(self.config.formats()?).prices(self.config.prices()?);
        Ok(builder.observer(observer).build())
    }
}

/// Returns the folder for what scans keep between them.
pub(crate) fn scan_cache() -> PathBuf {
    cache_folder().join("scan")
}

/// Returns the folder for what can be made again: prepared dependencies.
pub(crate) fn cache_folder() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("XDG_CACHE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(std::env::temp_dir)
        .join("vdo")
}

/// Returns the process's variables as the sandbox wants them.
pub(crate) fn environment() -> Environment {
    std::env::vars().collect()
}

/// Makes the checker for a required tier, with the toolchains there are.
pub(crate) async fn checker(tier: Tier, reason: Option<String>) -> Result<SandboxChecker, Fail> {
    let environment = environment();
    Ok(bare_checker(tier, reason)?
        .with_toolchains(Toolchains::resolve(&environment).await)
        .with_index(IndexSettings::from_environment(&environment)))
}

fn bare_checker(tier: Tier, reason: Option<String>) -> Result<SandboxChecker, Fail> {
    let sandbox = Sandbox::new(SandboxConfig::default());
    Ok(SandboxChecker::new(sandbox, require(tier, reason)?, cache_folder().join("deps")))
}

/// Returns what to require of the sandbox.
pub(crate) fn require(tier: Tier, reason: Option<String>) -> Result<Require, Fail> {
    Ok(match (tier, reason) {
        (Tier::T2, _) => Require::T2,
        (Tier::T1, _) => Require::T1,
        (Tier::T0, Some(reason)) if !reason.trim().is_empty() => Require::T0 { reason },
        (Tier::T0, _) => return Err(Fail::usage("tier T0 confines nothing; say why with --reason TEXT")),
    })
}

/// Makes a provider.
pub(crate) fn provider(name: &str, config: &ProviderConfig, all: &Config) -> Result<Arc<dyn Provider>, Fail> {
    let missing = |what: &str| Fail::usage(format!("[providers.{name}] needs {what}"));
    match config.kind.as_str() {
        "scripted" => {
            let answers = config.answers.clone().ok_or_else(|| missing("answers = \"FILE\""))?;
            let made = scripted::provider(&scripted::Config::new(name, answers));
            Ok(Arc::new(made.map_err(|error| Fail::usage(chain(&error)))?))
        }
        "openai-chat" => {
            let base_url = config.base_url.clone().ok_or_else(|| missing("base_url = \"https://…\""))?;
            let mut made = openai_chat::Config::new(name, base_url.clone());
            if let Some(profile) = &config.profile {
                let profile = serde_json::from_value(serde_json::Value::String(profile.clone()))
                    .map_err(|error| Fail::usage(format!("[providers.{name}] profile: {error}")))?;
                made = made.with_profile(profile);
            }
            made = match &config.key_env {
                Some(variable) => match std::env::var(variable).ok().filter(|key| !key.trim().is_empty()) {
                    Some(key) => made.with_key(SecretString::from(key)),
                    None if is_loopback(&base_url) => made,
                    None => {
                        return Err(Fail::Key(format!(
                            "provider {name}: the variable {variable} is not set; it has to hold the key"
                        )));
                    }
                },
                None if is_loopback(&base_url) => made,
                None => return Err(missing("key_env = \"NAME OF THE VARIABLE WITH THE KEY\"")),
            };
            if let Some(seconds) = config.timeout {
                made = made.with_total_timeout(Duration::from_secs(seconds));
            }
            for route in all
                .routes()?
                .phases
                .values()
                .flatten()
                .chain(&all.routes()?.default)
                .filter(|route| route.provider == name)
            {
                let price = all.prices.get(&route.to_string());
                let model = openai_chat::ModelConfig {
                    tools: config.tools,
                    json_schema: config.json_schema,
                    context: price.and_then(|price| price.context),
                    max_output: price.and_then(|price| price.max_output),
                };
                made = made.with_model(route.model.clone(), model);
            }
            Ok(Arc::new(
                OpenAiChat::new(made).map_err(|error| Fail::usage(format!("[providers.{name}] {}", chain(&error))))?,
            ))
        }
        "" => Err(missing("kind = \"openai-chat\" or \"scripted\"")),
        other => Err(Fail::usage(format!(
            "[providers.{name}] kind {other:?} is not part of this version: expected openai-chat or scripted"
        ))),
    }
}

fn is_loopback(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    let host = match place.strip_prefix('[') {
        Some(inner) => inner.split(']').next().unwrap_or_default(),
        None => place.split(':').next().unwrap_or_default(),
    };
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Delivers to a branch of the repository that the root was imported from, where it is one.
pub(crate) fn to_branches() -> Deliveries {
    Arc::new(|root| {
        let repo = PathBuf::from(root.spec.repo.as_ref()?);
        // A folder inside a repository was imported as a folder, and its tree is not the repository's.
        let found = vdo_workspace::git::discover(&repo)?;
        if std::fs::canonicalize(&found).ok()? != repo {
            return None;
        }
        let deployer: Arc<dyn Deployer> = Arc::new(GitBranchDeployer::new(found));
        Some(deployer)
    })
}

/// Names this process so that another on the same machine can tell whether it lives: `host:pid:start`.
pub(crate) fn owner() -> String {
    let pid = std::process::id();
    format!("{}:{pid}:{}", host(), started(pid).unwrap_or_default())
}

/// Returns whether the owner of a lease is a process of this machine that is gone.
pub(crate) fn is_dead(owner: &str) -> bool {
    let mut parts = owner.rsplitn(3, ':');
    let (Some(start), Some(pid), Some(name)) = (parts.next(), parts.next(), parts.next()) else { return false };
    let Ok(pid) = pid.parse::<u32>() else { return false };
    name == host() && Path::new("/proc/self/stat").exists() && started(pid).is_none_or(|now| now != start)
}

fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    format!("{}-{}", name.trim(), boot.trim().chars().take(8).collect::<String>())
}

/// Returns when a process started, in the kernel's ticks.
fn started(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields = stat.rsplit_once(')')?.1;
    let state = fields.split_whitespace().next()?;
    (state != "Z").then(|| fields.split_whitespace().nth(19).map(str::to_owned))?
}

#[cfg(not(feature = "failpoints"))]
fn crashing(store: Arc<dyn Store>) -> Result<Arc<dyn Store>, Fail> {
    Ok(store)
}

#[cfg(feature = "failpoints")]
fn crashing(store: Arc<dyn Store>) -> Result<Arc<dyn Store>, Fail> {
    crate::crash::wrap(store)
}

/// Returns routes that ask one scripted author for everything and another for reviews; for the demo.
pub(crate) fn demo_routes() -> Result<(Routes, Prices), Fail> {
    let parse = |text: &str| text.parse::<Candidate>().map_err(|error| Fail::failed(format!("{error}")));
    let mut routes = Routes::all(parse("author:writer-1")?);
    routes.phases.insert(vdo_core::id::Phase::Critique, vec![parse("critic:reader-1")?]);
    let price = |input: &str, output: &str| -> Result<_, Fail> {
        let read = |text: &str| {
            vdo_core::money::PicoUsdPerToken::per_million(text).map_err(|error| Fail::failed(error.to_string()))
        };
        Ok(vdo_core::money::Price::new(read(input)?, read(output)?))
    };
    let prices = Prices::default().with(&parse("author:writer-1")?, price("2", "10")?);
    Ok((routes, prices.with(&parse("critic:reader-1")?, price("1", "5")?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_itself_is_loopback() {
        let (near, far): (Vec<&str>, Vec<&str>) = [
            "http://127.0.0.1:8080/v1",
            "http://localhost/v1",
            "http://LOCALHOST:1",
            "http://[::1]:9/v1",
            "http://127.9.9.9",
            "http://127.0.0.1.example.org/v1",
            "http://localhost.example.org",
            "http://127.0.0.1@example.org/",
            "http://example.org/127.0.0.1",
            "https://api.example.org",
            "",
        ]
        .into_iter()
        .partition(|url| is_loopback(url));
        assert_eq!((near.len(), far.len()), (5, 6), "{near:?} {far:?}");
    }
}
