//! How strong a sandbox is, and how strong a caller demands it to be.
//!
//! Invariant: a run happens in exactly the tier that was required, or not at all.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::SandboxError;

/// How a command was confined. Stamped on every report; ordered, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Tier {
    /// Not confined at all.
    T0,
    /// Landlock, seccomp, rlimits and (for root) a uid of its own; no namespaces, no disk cap.
    ///
    /// Known not to be stopped: seeing which processes the host runs, and filling the disk below
    /// the work dir. No network at all, not even its own loopback, and no `prepare`. If the host
    /// itself is killed, only the first process of a run is sure to die with it.
    T1,
    /// Bubblewrap namespaces, seccomp, rlimits, (for root) a uid of its own, size-limited work dir.
    T2,
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::T0 => "T0",
            Self::T1 => "T1",
            Self::T2 => "T2",
        })
    }
}

impl FromStr for Tier {
    type Err = SandboxError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "T0" | "t0" => Ok(Self::T0),
            "T1" | "t1" => Ok(Self::T1),
            "T2" | "t2" => Ok(Self::T2),
            _ => Err(SandboxError::bad_input(format!("unknown tier {text:?}; known: T2, T1, T0"))),
        }
    }
}

/// The tier a caller demands. Default: [`Require::T2`].
///
/// There is no "at least": a weaker sandbox is only ever used when it is named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Require {
    /// The full sandbox, or a refusal.
    #[default]
    T2,
    /// The reduced sandbox, or a refusal.
    T1,
    /// No sandbox. The reason is recorded in the report.
    T0 {
        /// Why running unconfined is acceptable; must not be blank.
        reason: String,
    },
}

impl Require {
    /// Returns the tier that is demanded.
    pub fn tier(&self) -> Tier {
        match self {
            Self::T2 => Tier::T2,
            Self::T1 => Tier::T1,
            Self::T0 { .. } => Tier::T0,
        }
    }
}
