//! What a sandbox fails with. A command that fails is no error: see [`super::Exit`].

use std::io;

use super::tier::Tier;

/// What running a sandbox may fail with. None of these is a verdict on the command.
///
/// Callers branch on the variant, never on the text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// The required tier does not work on this machine; no process of the command was started.
    #[error("sandbox tier {tier} is not available: {reason}; {advice}")]
    Unavailable {
        /// The tier that was required.
        tier: Tier,
        /// What is missing or broken.
        reason: String,
        /// What to install, set or pass.
        advice: String,
    },
    /// The launcher failed before the command began. Worth a retry.
    #[error("the sandbox did not start: {reason}")]
    Launch {
        /// What the launcher said.
        reason: String,
    },
    /// Every uid of the pool is in use. Worth a retry.
    #[error("all {slots} sandbox slots are in use")]
    Busy {
        /// The size of the pool.
        slots: usize,
    },
    /// The invocation cannot be run as given.
    #[error("invalid sandbox invocation: {reason}")]
    BadInput {
        /// What is wrong with it.
        reason: String,
    },
    /// The host side of the sandbox failed: copying, mounting, piping.
    #[error("{doing} failed")]
    Io {
        /// What was being done.
        doing: String,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

impl SandboxError {
    /// Returns whether the same invocation may succeed if run again unchanged.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Launch { .. } | Self::Busy { .. } => true,
            Self::Unavailable { .. } | Self::BadInput { .. } | Self::Io { .. } => false,
        }
    }

    pub(super) fn bad_input(reason: impl Into<String>) -> Self {
        Self::BadInput { reason: reason.into() }
    }

    pub(super) fn launch(reason: impl Into<String>) -> Self {
        Self::Launch { reason: reason.into() }
    }
}

/// Names what was being done when an I/O error came up.
pub(super) trait Doing<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, SandboxError>;
}

impl<T, E: Into<io::Error>> Doing<T> for Result<T, E> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, SandboxError> {
        self.map_err(|source| SandboxError::Io { doing: what(), source: source.into() })
    }
}
