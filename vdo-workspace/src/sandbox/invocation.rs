//! What is to be run, on what, and with what around it. Plain data.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use super::index::IndexSettings;
use super::limits::Limits;
use super::net::AllowedHost;
use super::tier::Require;
use super::toolchain::Toolchains;

/// The network a command sees.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Net {
    /// Its own loopback and nothing else. The default, and the rule for tests.
    #[default]
    None,
    /// Its own loopback, and a proxy that reaches the listed hosts only.
    Prepare {
        /// The hosts that may be reached.
        allow: Vec<AllowedHost>,
    },
}

/// A folder of prepared dependencies, seen at `/deps`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deps {
    /// `/deps` starts empty and writable. If the command succeeds, what it holds is written to
    /// `dir`, which must not exist before and appears whole or not at all.
    Write {
        /// Where the prepared dependencies are kept.
        dir: PathBuf,
    },
    /// `/deps` is `dir`, read-only.
    Read {
        /// What a [`Deps::Write`] run has made.
        dir: PathBuf,
    },
}

/// One command with its surroundings.
///
/// ```
/// use vdo_workspace::sandbox::{Invocation, Limits};
///
/// let run = Invocation::new(["python3", "-m", "unittest"])
///     .with_work("/srv/checkout")
///     .with_limits(Limits::default().with_processes(64));
/// assert_eq!(run.command.len(), 3);
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Invocation {
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// The folder whose copy the command works on. Default: an empty folder.
    pub work: Option<PathBuf>,
    /// Whether the command works on the folder itself rather than a copy. Only at tier T0, where nothing protects the
    /// folder anyway. Default: no.
    pub in_place: bool,
    /// Variables set besides the fixed ones. Nothing is inherited from the host.
    pub env: BTreeMap<String, String>,
    /// The network. Default: none.
    pub net: Net,
    /// The limits.
    pub limits: Limits,
    /// Prepared dependencies. Default: none.
    pub deps: Option<Deps>,
    /// Where regular files of the work dir are brought back to. Default: nowhere.
    pub harvest: Option<PathBuf>,
    /// Toolchains from outside `/usr`. Default: none.
    pub toolchains: Toolchains,
    /// Package index settings, used with [`Net::Prepare`]. Default: none.
    pub index: IndexSettings,
    /// The tier demanded. Default: T2.
    pub tier: Require,
}

impl Invocation {
    /// Returns an invocation of `command` with everything else at its default.
    pub fn new<I>(command: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<OsString>,
    {
        Self { command: command.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// Sets the folder whose copy the command works on.
    #[must_use]
    pub fn with_work(mut self, work: impl Into<PathBuf>) -> Self {
        self.work = Some(work.into());
        self
    }

    /// Has the command work on the folder itself rather than a copy. Only at tier T0.
    #[must_use]
    pub fn in_place(mut self) -> Self {
        self.in_place = true;
        self
    }

    /// Sets one variable.
    #[must_use]
    pub fn with_env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// Sets the network.
    #[must_use]
    pub fn with_net(mut self, net: Net) -> Self {
        self.net = net;
        self
    }

    /// Sets the limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the prepared dependencies.
    #[must_use]
    pub fn with_deps(mut self, deps: Deps) -> Self {
        self.deps = Some(deps);
        self
    }

    /// Sets the folder that regular files are brought back to.
    #[must_use]
    pub fn with_harvest(mut self, harvest: impl Into<PathBuf>) -> Self {
        self.harvest = Some(harvest.into());
        self
    }

    /// Sets the toolchains.
    #[must_use]
    pub fn with_toolchains(mut self, toolchains: Toolchains) -> Self {
        self.toolchains = toolchains;
        self
    }

    /// Sets the package index settings.
    #[must_use]
    pub fn with_index(mut self, index: IndexSettings) -> Self {
        self.index = index;
        self
    }

    /// Sets the tier demanded.
    #[must_use]
    pub fn with_tier(mut self, tier: Require) -> Self {
        self.tier = tier;
        self
    }
}
