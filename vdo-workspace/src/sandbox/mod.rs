//! Runs commands that nobody has read: builds, installs and tests of generated code.
//!
//! A [`Sandbox`] runs an [`Invocation`] in a [`Tier`] and returns a [`RunReport`]. It needs no
//! helper program of its own: a child confines itself between fork and exec, and bubblewrap does
//! the rest. It never runs a command in a weaker tier than the one required, never reads the
//! host's variables, and never lets a run see a home folder or the folder it was copied from.
//!
//! Invariant: when a run is over, however it ended, nothing it started is alive (at
//! [`Tier::T2`], and at [`Tier::T1`] for a host that is root).
//!
//! Linux 5.12 or newer. What each tier stops is pinned by the escape battery in `tests/`.

mod bwrap;
mod cgroup;
mod child;
mod env;
mod error;
mod index;
mod invocation;
mod limits;
mod net;
mod output;
mod plain;
mod probe;
mod report;
mod ruleset;
mod run;
mod scratch;
mod seccomp;
mod slot;
mod stage;
mod tier;
mod toolchain;
mod tree;
mod watch;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{OnceCell, oneshot};
use tokio::task::JoinSet;

pub use error::SandboxError;
pub use index::IndexSettings;
pub use invocation::{Deps, Invocation, Net};
pub use limits::Limits;
pub use net::AllowedHost;
pub use probe::TierReport;
pub use report::{Captured, Copied, Exit, LimitHit, Refused, RefusedWhy, RunReport};
pub use tier::{Require, Tier};
pub use toolchain::{Bind, Environment, Language, Toolchain, ToolchainCheck, Toolchains};

use error::Doing;
use net::Ledger;

/// Where a sandbox finds what it needs on its host.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SandboxConfig {
    /// Folders searched for `bwrap`. Default: `/usr/bin`, `/usr/local/bin`, `/bin`.
    pub launcher_folders: Vec<PathBuf>,
    /// A folder for locks and temporary folders that every uid can walk to. Default: `/tmp`.
    pub scratch: PathBuf,
    /// The uids that runs get where the host is root, one at a time each; those of real accounts
    /// are skipped. Default: 20001 to 20064.
    pub uids: Range<u32>,
    /// Where cgroups are mounted; `None` uses none. Default: `/sys/fs/cgroup`.
    pub cgroups: Option<PathBuf>,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            launcher_folders: ["/usr/bin", "/usr/local/bin", "/bin"].map(PathBuf::from).into(),
            scratch: "/tmp".into(),
            uids: 20001..20065,
            cgroups: Some("/sys/fs/cgroup".into()),
        }
    }
}

impl SandboxConfig {
    /// Sets the folders searched for `bwrap`.
    #[must_use]
    pub fn with_launcher_folders(mut self, folders: impl IntoIterator<Item = PathBuf>) -> Self {
        self.launcher_folders = folders.into_iter().collect();
        self
    }

    /// Sets the folder for locks and temporary folders.
    #[must_use]
    pub fn with_scratch(mut self, scratch: impl Into<PathBuf>) -> Self {
        self.scratch = scratch.into();
        self
    }

    /// Sets the uids that runs get.
    #[must_use]
    pub fn with_uids(mut self, uids: Range<u32>) -> Self {
        self.uids = uids;
        self
    }

    /// Sets where cgroups are mounted.
    #[must_use]
    pub fn with_cgroups(mut self, cgroups: Option<PathBuf>) -> Self {
        self.cgroups = cgroups;
        self
    }
}

/// Runs commands in confinement. Cheap to share; runs are independent of each other.
///
/// ```no_run
/// # async fn example() -> Result<(), vdo_workspace::sandbox::SandboxError> {
/// use vdo_workspace::sandbox::{Invocation, Sandbox, SandboxConfig};
///
/// let sandbox = Sandbox::new(SandboxConfig::default());
/// let report = sandbox.run(Invocation::new(["true"])).await?;
/// assert!(report.exit.is_success());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Sandbox {
    config: Arc<SandboxConfig>,
    full: OnceCell<TierReport>,
    reduced: OnceCell<TierReport>,
}

impl Sandbox {
    /// Returns a sandbox; nothing is tried yet.
    pub fn new(config: SandboxConfig) -> Self {
        Self { config: Arc::new(config), full: OnceCell::new(), reduced: OnceCell::new() }
    }

    /// Finds out whether `tier` holds here, by trying three real escapes inside it.
    ///
    /// A success is remembered; a failure is tried again at the next call.
    ///
    /// # Errors
    /// [`SandboxError::Unavailable`] with what to install or which tier to name instead.
    pub async fn probe(&self, tier: Tier) -> Result<TierReport, SandboxError> {
        let cell = match tier {
            Tier::T2 => &self.full,
            Tier::T1 => &self.reduced,
            Tier::T0 => return self.try_escapes(tier).await,
        };
        cell.get_or_try_init(|| self.try_escapes(tier)).await.cloned()
    }

    /// Runs `invocation` to its end.
    ///
    /// Dropping the future kills everything that was started, within a second.
    ///
    /// # Errors
    /// Never for what the command itself does. [`SandboxError::Unavailable`] if the tier does not
    /// hold here, [`SandboxError::BadInput`] for an impossible invocation,
    /// [`SandboxError::Launch`] and [`SandboxError::Busy`] for what a retry may cure,
    /// [`SandboxError::Io`] for the rest.
    pub async fn run(&self, invocation: Invocation) -> Result<RunReport, SandboxError> {
        stage::check(&invocation)?;
        if let (true, Require::T0 { reason }, Some(work)) = (invocation.in_place, &invocation.tier, &invocation.work) {
            return plain::run(&invocation, reason, work).await;
        }
        self.probe(invocation.tier.tier()).await?;
        self.run_unprobed(invocation).await
    }

    /// Shows for each language what it resolves to and whether it starts in the full sandbox.
    ///
    /// # Errors
    /// As [`Sandbox::probe`]; a toolchain that does not start is a finding, not an error.
    pub async fn doctor(&self, tools: &Toolchains) -> Result<Vec<ToolchainCheck>, SandboxError> {
        self.probe(Tier::T2).await?;
        let mut checks = Vec::new();
        for language in Language::ALL {
            let program = tools.of(language).map(|tool| tool.program.clone());
            let (starts, detail) = if program.is_none() {
                (false, "not found".to_owned())
            } else {
                let run = Invocation::new(language.smoke()).with_toolchains(tools.clone());
                match self.run_unprobed(run).await {
                    Ok(report) => {
                        let said = format!("{}{}", report.stdout.text, report.stderr.text);
                        (report.exit.is_success(), said.trim().to_owned())
                    }
                    Err(error) => (false, error.to_string()),
                }
            };
            checks.push(ToolchainCheck { language, program, starts, detail });
        }
        Ok(checks)
    }

    async fn run_unprobed(&self, invocation: Invocation) -> Result<RunReport, SandboxError> {
        let doing = || "starting a run".to_owned();
        let pipe = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC);
        // The run is cancelled by this end being closed, which dropping the future does.
        let (cancel, _alive) = pipe.doing(doing)?;
        let (door, opened) = oneshot::channel();
        let (done, finished) = oneshot::channel();
        let limits = invocation.limits.clone();
        let allow = match &invocation.net {
            Net::None => None,
            Net::Prepare { allow } => Some(allow.clone()),
        };
        let config = Arc::clone(&self.config);
        let work = move || {
            let ties = run::Ties { cancel, door };
            let _ = done.send(run::run(&config, &invocation, ties));
        };
        std::thread::Builder::new().name("vdo-sandbox".into()).spawn(work).doing(doing)?;
        let mut proxy = JoinSet::new();
        let mut ledger = None;
        if let (Some(allow), Ok(listener)) = (allow, opened.await) {
            let made = Ledger::new(allow, limits.net_bytes, limits.net_connections);
            proxy.spawn(net::serve(listener, Arc::clone(&made)));
            ledger = Some(made);
        }
        let finished = finished.await;
        let mut report = finished.map_err(|_| SandboxError::launch("the run's thread died"))??;
        if let Some(ledger) = ledger {
            report.net_refused = ledger.refused();
            report.limits_hit.extend(ledger.was_limited().then_some(LimitHit::Network));
        }
        Ok(report)
    }
}
