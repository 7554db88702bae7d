//! Running a project's check commands in confinement, as a port.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::check::{CheckCommand, CheckReport, Harvested, Setup, Tier};
use crate::path::RepoPath;
use crate::port::{SourceError, TreeSource};

/// What to check, and how.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CheckRequest<'a> {
    /// The tree; it is laid out clean for every request.
    pub source: &'a dyn TreeSource,
    /// What has to be installed first. Results are cached by the contents of the inputs.
    pub setup: &'a [Setup],
    /// The commands, run in order; one that fails does not stop the rest.
    pub commands: &'a [CheckCommand],
    /// Files to bring back afterwards, if commands wrote them. Default: none.
    pub harvest: &'a [RepoPath],
    /// The time each command has. Default: 10 minutes.
    pub timeout: Duration,
}

impl<'a> CheckRequest<'a> {
    /// Returns a request for these commands on this tree, with nothing to set up.
    #[must_use]
    pub fn new(source: &'a dyn TreeSource, commands: &'a [CheckCommand]) -> Self {
        Self { source, setup: &[], commands, harvest: &[], timeout: Duration::from_secs(600) }
    }

    /// Sets what has to be installed first.
    #[must_use]
    pub fn with_setup(mut self, setup: &'a [Setup]) -> Self {
        self.setup = setup;
        self
    }

    /// Sets the files to bring back.
    #[must_use]
    pub fn with_harvest(mut self, harvest: &'a [RepoPath]) -> Self {
        self.harvest = harvest;
        self
    }

    /// Sets the time each command has.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

/// A report and the files that were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What ran and how it ended.
    pub report: CheckReport,
    /// The files brought back: regular files only.
    pub files: Vec<Harvested>,
}

/// Commands could not be run. A command that fails is no error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The required confinement is not to be had; nothing was started.
    #[error("no sandbox: {reason}; {advice}")]
    Unavailable {
        /// What is missing.
        reason: String,
        /// What to install, or which setting lowers the requirement.
        advice: String,
    },
    /// The confinement failed to start a command. Says nothing about the project; the same request may succeed.
    #[error("the sandbox failed to start: {0}")]
    Launch(String),
    /// The tree could not be laid out.
    #[error("the tree could not be laid out for the checks")]
    Source(#[from] SourceError),
    /// The disk or the system failed.
    #[error("the sandbox's working folder failed")]
    Io(#[from] std::io::Error),
}

/// Runs commands on trees. Called from many runs at once.
///
/// Dropping the future ends everything it started.
#[async_trait]
pub trait Checker: fmt::Debug + Send + Sync {
    /// Returns the tier its commands run in, if it is the same for all: a recorded report is taken for a new one only then.
    /// Default: not known.
    fn tier(&self) -> Option<Tier> {
        None
    }

    /// Lays the tree out, sets it up and runs the commands.
    ///
    /// # Errors
    /// [`CheckError::Unavailable`] before anything is started, [`CheckError::Launch`] for a fault that may pass.
    async fn check(&self, request: CheckRequest<'_>) -> Result<Checked, CheckError>;
}
