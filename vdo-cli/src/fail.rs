//! How a command fails: a sentence for people and an exit code for programs.

use std::fmt;

use vdo_core::engine::{EngineError, Refusal, ResolveRefusal};
pub(crate) use vdo_core::failure::chain;
use vdo_core::port::StoreError;

/// The command did not do what was asked for.
#[derive(Debug)]
pub(crate) enum Fail {
    /// Exit code 1.
    Failed(String),
    /// Exit code 2.
    Usage(String),
    /// Exit code 3.
    Decision(String),
    /// Exit code 4.
    Key(String),
    /// Exit code 5.
    Unreachable(String),
    /// Exit code 6.
    NotFound(String),
    /// Exit code 130.
    Interrupted(String),
    /// Another program's exit code; there is nothing to say.
    Code(u8),
}

impl Fail {
    pub(crate) fn failed(text: impl Into<String>) -> Self {
        Self::Failed(text.into())
    }

    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::Usage(text.into())
    }

    /// Returns the exit code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::Decision(_) => 3,
            Self::Key(_) => 4,
            Self::Unreachable(_) => 5,
            Self::NotFound(_) => 6,
            Self::Interrupted(_) => 130,
            Self::Code(code) => *code,
        }
    }
}

impl fmt::Display for Fail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(text)
            | Self::Usage(text)
            | Self::Decision(text)
            | Self::Key(text)
            | Self::Unreachable(text)
            | Self::NotFound(text)
            | Self::Interrupted(text) => f.write_str(text),
            Self::Code(code) => write!(f, "exit code {code}"),
        }
    }
}

impl From<StoreError> for Fail {
    fn from(error: StoreError) -> Self {
        let text = chain(&error);
        match error {
            StoreError::NotFound(_) => Self::NotFound(text),
            StoreError::Parent { .. } | StoreError::HasChildren { .. } => Self::Usage(text),
            StoreError::Budget { .. } | StoreError::Crowded { .. } => Self::Decision(text),
            _ => Self::Failed(text),
        }
    }
}

impl From<EngineError> for Fail {
    fn from(error: EngineError) -> Self {
        let text = chain(&error);
        match error {
            EngineError::Store(error) => error.into(),
            EngineError::Resolve(ResolveRefusal::NoConflict { .. }) => Self::NotFound(text),
            EngineError::Refused(Refusal::NoResult { .. } | Refusal::NoRevision { .. } | Refusal::NoAttempt { .. }) => {
                Self::NotFound(text)
            }
            EngineError::Refused(
                Refusal::Rebasing { .. } | Refusal::Conflicts { .. } | Refusal::TaskConflicts { .. },
            ) => Self::Decision(text),
            EngineError::Refused(_)
            | EngineError::Spec(_)
            | EngineError::Merge(_)
            | EngineError::Resolve(_)
            | EngineError::NotDecidable { .. }
            | EngineError::NoRoute(_)
            | EngineError::UnknownProvider { .. } => Self::Usage(text),
            EngineError::WaitsFor { .. } => Self::Decision(text),
            _ => Self::Failed(text),
        }
    }
}

impl From<std::io::Error> for Fail {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}
