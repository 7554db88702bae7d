//! What a critic finds, as typed data.

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
}
