//! What a critic finds, as typed data, and what became of it: each finding is mended or answered, and an answer is accepted
//! by a critic or the finding stays.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A matter of taste; it is told and nothing else.
    Minor,
    /// A fault that has to be mended.
    Major,
    /// The change must not be delivered like this.
    Blocker,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The id of the earlier finding it repeats, if it does: f1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The file.
    pub file: String,
    /// The line, from 1, if one can be named.
    #[serde(default)]
    pub line: Option<u32>,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong.
    pub claim: String,
    /// What would mend it.
    #[serde(default)]
    pub suggestion: String,
    /// The rule of [`guard`](crate::guard) that found it; none if a critic did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub by: Option<String>,
}

impl Finding {
    /// Returns whether it has to be mended before the result is delivered.
    #[must_use]
    pub fn must_be_fixed(&self) -> bool {
        self.severity >= Severity::Major
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let severity = match self.severity {
            Severity::Minor => "minor",
            Severity::Major => "major",
            Severity::Blocker => "blocker",
        };
        write!(f, "[{severity}] {}", self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.claim)?;
        match &self.by {
            Some(rule) => write!(f, " ({rule})"),
            None => Ok(()),
        }
    }
}

/// What a critic says of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Critique {
    /// What was found; empty if nothing was.
    pub findings: Vec<Finding>,
    /// The ids of earlier findings whose answers do not hold: f1.
    #[serde(default)]
    pub keep: Vec<String>,
}

/// Who found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Finder {
    /// A model that reviewed the change.
    Critic,
    /// VDO, by looking at the checks or the change.
    Machine,
}

/// What became of a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Standing {
    /// It is to be mended or answered.
    Open,
    /// Something was changed because of it.
    Mended,
    /// It was answered with a reason; a critic has not seen that yet.
    Answered {
        /// The reason.
        reason: String,
    },
    /// It was answered, and a critic let that hold.
    Accepted {
        /// The reason.
        reason: String,
    },
    /// It was answered, and a critic did not let that hold. It is to be mended or answered better.
    Kept {
        /// The reason that did not hold.
        reason: String,
    },
}

impl Standing {
    /// Returns whether it waits to be mended or answered.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match self {
            Self::Open | Self::Kept { .. } => true,
            Self::Mended | Self::Answered { .. } | Self::Accepted { .. } => false,
        }
    }

    /// Returns it in one word.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Mended => "mended",
            Self::Answered { .. } => "answered",
            Self::Accepted { .. } => "accepted",
            Self::Kept { .. } => "kept",
        }
    }

    /// Returns the reason that was given, if one was.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Open | Self::Mended => None,
            Self::Answered { reason } | Self::Accepted { reason } | Self::Kept { reason } => Some(reason),
        }
    }
}

/// A finding of a job, under an id that stays: f1, f2, …
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tracked {
    /// Its id within the job.
    pub id: String,
    /// What was found.
    pub finding: Finding,
    /// Who found it.
    pub by: Finder,
    /// What became of it.
    pub standing: Standing,
}

impl std::fmt::Display for Tracked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.id, self.finding)
    }
}
