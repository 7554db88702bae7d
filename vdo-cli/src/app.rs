//! Joins the parts: reads the configuration, opens the store, makes the providers, and builds the engine.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use vdo_core::check::Tier;
use vdo_core::engine::{Deliveries, Engine, EngineBuilder, Observer};
use vdo_core::pace::Pace;
use vdo_core::port::{Deployer, Store, Wake};
use vdo_core::route::{Candidate, Routes};
use vdo_core::spend::Prices;
use vdo_providers::clock::TokioClock;
use vdo_store::SqlStore;
use vdo_workspace::check::SandboxChecker;
use vdo_workspace::git::GitBranchDeployer;
use vdo_workspace::sandbox::{Environment, IndexSettings, Require, Sandbox, SandboxConfig, Toolchains};
use vdo_workspace::scan::WorkspaceScanner;
use vdo_workspace::syntax::TreeSitterSyntax;

use crate::alerts::Alerts;
use crate::args::Global;
use crate::config::Config;
use crate::fail::Fail;
use crate::out::Out;
use crate::providers;

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
    /// Alerts on their way out.
    pub(crate) alerts: Alerts,
    /// Where scans keep what they found; nowhere for a demo, which leaves nothing behind.
    scans: Option<PathBuf>,
}

impl App {
    /// Reads the configuration and opens the store.
    pub(crate) async fn open(global: &Global, out: Out) -> Result<Self, Fail> {
        Self::open_with(global, out, vdo_store::Options::default()).await
    }

    /// As [`App::open`], with options for the store.
    pub(crate) async fn open_with(global: &Global, out: Out, options: vdo_store::Options) -> Result<Self, Fail> {
        let config = Config::load(global)?;
        let (engine, scans) = (OnceLock::new(), Some(scan_cache()));
        let app = Self { out, clock: TokioClock, config, engine, alerts: Alerts::default(), scans };
        let store: Arc<dyn Store> = Arc::new(SqlStore::open(&app.config.store_url()?, options).await?);
        let engine = app.on(store)?.build();
        let _ = app.engine.set(engine);
        Ok(app)
    }

    /// Reads the configuration only.
    pub(crate) fn without_store(global: &Global, out: Out) -> Result<Self, Fail> {
        let (config, engine) = (Config::load(global)?, OnceLock::new());
        Ok(Self { out, clock: TokioClock, config, engine, alerts: Alerts::default(), scans: None })
    }

    /// Returns the engine for commands that look and never ask a provider.
    pub(crate) fn engine(&self) -> Result<Engine, Fail> {
        self.engine.get().cloned().ok_or_else(|| Fail::failed("the store is not open"))
    }

    /// Starts an engine on a store, without providers.
    pub(crate) async fn bare(&self, store: &str) -> Result<EngineBuilder, Fail> {
        let store: Arc<dyn Store> = Arc::new(SqlStore::open(store, vdo_store::Options::default()).await?);
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

    /// Has trees laid out where the configuration says.
    fn laid_out(&self, checker: SandboxChecker) -> Result<SandboxChecker, Fail> {
        match &self.config.sandbox.trees {
            None => Ok(checker),
            Some(folder) if folder.is_dir() => Ok(checker.with_trees(folder)),
            Some(folder) => Err(Fail::usage(format!(
                "[sandbox] trees: {} is no folder; make it, or name another",
                folder.display()
            ))),
        }
    }

    /// Returns the engine that runs checks and asks no provider.
    pub(crate) async fn checking(&self, observer: Observer) -> Result<Engine, Fail> {
        let (tier, reason) = self.config.tier()?;
        let checker = Arc::new(self.laid_out(checker(tier, reason).await?)?);
        Ok(self.on(self.engine()?.store().clone())?.checker(checker).observer(observer).build())
    }

    /// Returns the engine that runs jobs: with the configured providers, routes and prices.
    pub(crate) async fn runner(&self, observer: Observer) -> Result<Engine, Fail> {
        Ok(self.runner_parts(observer).await?.build())
    }

    /// Returns what [`App::runner`] is built from.
    pub(crate) async fn runner_parts(&self, observer: Observer) -> Result<EngineBuilder, Fail> {
        let routes = self.config.routes()?;
        let observer = self.alerts.observer(&self.config, observer)?;
        let (tier, reason) = self.config.tier()?;
        let checker = Arc::new(self.laid_out(checker(tier, reason).await?)?);
        let mut builder = self.on(self.engine()?.store().clone())?.checker(checker);
        // Who is asked may have been changed for every process on the store.
        let changed = self.changed_routes().await?;
        let all: Vec<&Routes> = [Some(&routes), changed.as_ref()].into_iter().flatten().collect();
        let named = |name: &str| all.iter().any(|routes| routes.all_candidates().any(|one| one.provider == name));
        for (name, config) in self.config.providers.iter().filter(|(name, _)| named(name)) {
            let pace = Pace {
                max_concurrent: config.max_concurrent.map(std::num::NonZeroU32::get),
                per_minute: config.per_minute.map(std::num::NonZeroU32::get),
            };
            builder = builder.provider(providers::provider(name, config, &self.config, &all)?).pace(name, pace);
        }
        let mut joined = routes.clone();
        joined.default.extend(changed.iter().flat_map(Routes::all_candidates).cloned());
        self.set_budgets().await?;
        let formats = self.config.add_formats(self.config.formats()?, &joined)?;
        let builder = builder.prices(self.config.prices(&joined)?).routes(routes).formats(formats);
        Ok(builder.settings(self.config.settings.clone()).observer(observer))
    }

    /// Wakes a worker for a job, where there ever was one. Workers find it in the store all the same, only later.
    pub(crate) async fn wake(&self, job: vdo_core::id::JobId, priority: i8) {
        let Ok(store) = self.config.store_url() else { return };
        let lease = std::time::Duration::from_secs(20);
        let pushed = match vdo_store::worker::queue_if_there(&store, lease).await {
            Ok(None) => Ok(()),
            Ok(Some(queue)) => queue.push(Wake { job, priority, not_before: None }).await,
            Err(error) => Err(error),
        };
        if let Err(error) = pushed {
            self.out.say(format!("no worker was woken, one will find job {job} later: {}", crate::fail::chain(&error)));
        }
    }

    /// Returns who is asked, if that was changed while processes run.
    pub(crate) async fn changed_routes(&self) -> Result<Option<Routes>, Fail> {
        let engine = self.engine()?;
        let Some(accounts) = engine.store().accounts() else { return Ok(None) };
        let text = accounts.setting("routes").await?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Sets the budgets of the configuration, where they are not set so already.
    pub(crate) async fn set_budgets(&self) -> Result<(), Fail> {
        let budgets = self.config.budgets()?;
        let engine = self.engine()?;
        let Some(accounts) = engine.store().accounts().filter(|_| !budgets.is_empty()) else { return Ok(()) };
        let now = vdo_core::port::Clock::now(&self.clock);
        let known = accounts.budgets(now).await?;
        for budget in budgets {
            if !known.iter().any(|account| account.budget == budget) {
                accounts.set_budget(budget, now).await?;
            }
        }
        Ok(())
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
