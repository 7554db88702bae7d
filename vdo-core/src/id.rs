//! Names of the things VDO keeps: jobs, revisions, tasks and steps.
//!
//! Each is parsed once, at the edge, and is valid from then on. `Display` is
//! what people see and what `FromStr` takes back.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A text is not the name it was taken for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a {kind}: {reason}")]
pub struct ParseIdError {
    kind: &'static str,
    text: String,
    reason: &'static str,
}

impl ParseIdError {
    fn new(kind: &'static str, text: &str, reason: &'static str) -> Self {
        let text = text.chars().take(80).collect();
        Self { kind, text, reason }
    }
}

/// Identifies one job. Assigned by the store, never reused, never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct JobId(NonZeroU64);

impl JobId {
    /// Returns the id with this number, or `None` for zero and for numbers that no database row can have.
    #[must_use]
    pub fn new(number: u64) -> Option<Self> {
        i64::try_from(number).ok()?;
        NonZeroU64::new(number).map(Self)
    }

    /// Returns the number.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

impl FromStr for JobId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        text.strip_prefix('#')
            .unwrap_or(text)
            .parse()
            .ok()
            .and_then(Self::new)
            .ok_or_else(|| ParseIdError::new("job id", text, "expected a number such as 1 or #1"))
    }
}

/// Names a job, or one of its revisions: `1`, `#1`, `1@2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct RevisionRef {
    /// The job.
    pub job: JobId,
    /// The revision's number within the job, counted from 1; `None` is the head.
    pub number: Option<u32>,
}

impl RevisionRef {
    /// Returns the reference to the newest revision of `job`.
    #[must_use]
    pub fn head(job: JobId) -> Self {
        Self { job, number: None }
    }
}

impl fmt::Display for RevisionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            Some(number) => write!(f, "{}@{number}", self.job),
            None => self.job.fmt(f),
        }
    }
}

impl FromStr for RevisionRef {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let Some((job, number)) = text.split_once('@') else {
            return Ok(Self::head(text.parse()?));
        };
        let number = number
            .parse()
            .ok()
            .filter(|number| *number > 0)
            .ok_or_else(|| ParseIdError::new("revision", text, "expected a number from 1 after the @"))?;
        Ok(Self { job: job.parse()?, number: Some(number) })
    }
}

/// Identifies one revision in a store. Assigned by the store, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct RevisionId(pub u64);

/// Names a task within a plan: 1 to 64 of `a-z A-Z 0-9 _ - .`, the first a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct TaskId(String);

impl TaskId {
    /// Returns the name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TaskId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let fail = |reason| Err(ParseIdError::new("task id", text, reason));
        if text.is_empty() || text.len() > 64 {
            return fail("expected 1 to 64 characters");
        }
        if !text.starts_with(|first: char| first.is_ascii_alphanumeric()) {
            return fail("expected a letter or a digit first");
        }
        if !text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')) {
            return fail("expected letters, digits, '_', '-' and '.' only");
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for TaskId {
    type Error = ParseIdError;

    fn try_from(text: String) -> Result<Self, ParseIdError> {
        text.parse()
    }
}

impl From<TaskId> for String {
    fn from(id: TaskId) -> Self {
        id.0
    }
}

/// A stage of a run. The names are those of routes, prompts and journal keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Pins the parents and reads their files.
    Load,
    /// Brings several parents together.
    Merge,
    /// Looks at the code: outline, rules, check commands.
    Scan,
    /// Asks for the plan.
    Plan,
    /// Runs the project's checks on what the job starts from, to compare with.
    Base,
    /// Carries out the plan's tasks.
    Build,
    /// Runs the project's checks on the result.
    Test,
    /// Mends what a check or a finding showed.
    Repair,
    /// Has the change reviewed.
    Critique,
    /// Runs the checks once more on the whole tree, from nothing.
    Sandbox,
    /// Hands the result over.
    Deliver,
}

impl Phase {
    /// Every phase, in the order of a run.
    pub const ALL: [Self; 11] = [
        Self::Load,
        Self::Merge,
        Self::Scan,
        Self::Plan,
        Self::Base,
        Self::Build,
        Self::Test,
        Self::Repair,
        Self::Critique,
        Self::Sandbox,
        Self::Deliver,
    ];

    /// Returns the name used in routes, prompts and keys.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Merge => "merge",
            Self::Scan => "scan",
            Self::Plan => "plan",
            Self::Base => "base",
            Self::Build => "build",
            Self::Test => "test",
            Self::Repair => "repair",
            Self::Critique => "critique",
            Self::Sandbox => "sandbox",
            Self::Deliver => "deliver",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Phase {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        Self::ALL
            .into_iter()
            .find(|phase| phase.as_str() == text)
            .ok_or_else(|| ParseIdError::new("phase", text, "no phase has this name"))
    }
}

/// The stable name of one step of a run: `build/t1/1/2`, or `build/t1/1/2+1` for the first tool call of that turn.
///
/// It never names a model, so that a step that has an answer is never routed again.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct StepKey {
    /// The stage.
    pub phase: Phase,
    /// The task, in phases that work on one.
    pub task: Option<TaskId>,
    /// Which try this is, from 1.
    pub attempt: u32,
    /// Which exchange within the try, from 1.
    pub turn: u32,
    /// 0 for the exchange itself, else the number of a tool call the reply asked for.
    pub tool: u32,
}

impl StepKey {
    /// Returns the key of the first exchange of attempt 1 of `phase`.
    #[must_use]
    pub fn first(phase: Phase) -> Self {
        Self { phase, task: None, attempt: 1, turn: 1, tool: 0 }
    }

    /// Sets the task.
    #[must_use]
    pub fn with_task(mut self, task: TaskId) -> Self {
        self.task = Some(task);
        self
    }

    /// Sets the attempt.
    #[must_use]
    pub fn with_attempt(mut self, attempt: u32) -> Self {
        self.attempt = attempt;
        self
    }

    /// Sets the turn.
    #[must_use]
    pub fn with_turn(mut self, turn: u32) -> Self {
        self.turn = turn;
        self
    }

    /// Sets the tool call.
    #[must_use]
    pub fn with_tool(mut self, tool: u32) -> Self {
        self.tool = tool;
        self
    }
}

impl fmt::Display for StepKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let task = self.task.as_ref().map_or("-", TaskId::as_str);
        write!(f, "{}/{task}/{}/{}", self.phase, self.attempt, self.turn)?;
        if self.tool > 0 {
            write!(f, "+{}", self.tool)?;
        }
        Ok(())
    }
}

impl FromStr for StepKey {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let fail = || ParseIdError::new("step key", text, "expected PHASE/TASK/ATTEMPT/TURN[+TOOL]");
        let mut parts = text.split('/');
        let (Some(phase), Some(task), Some(attempt), Some(turn), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(fail());
        };
        let (turn, tool) = turn.split_once('+').unwrap_or((turn, "0"));
        Ok(Self {
            phase: phase.parse()?,
            task: if task == "-" { None } else { Some(task.parse()?) },
            attempt: attempt.parse().map_err(|_| fail())?,
            turn: turn.parse().map_err(|_| fail())?,
            tool: tool.parse().map_err(|_| fail())?,
        })
    }
}

impl TryFrom<String> for StepKey {
    type Error = ParseIdError;

    fn try_from(text: String) -> Result<Self, ParseIdError> {
        text.parse()
    }
}

impl From<StepKey> for String {
    fn from(key: StepKey) -> Self {
        key.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_print_as_they_parse() {
        for text in ["#1", "#1@2", "#9223372036854775807"] {
            assert_eq!(text.parse::<RevisionRef>().unwrap().to_string(), text);
        }
        assert_eq!("7".parse::<JobId>().unwrap().to_string(), "#7");
        for text in ["plan/-/1/1", "build/t1/1/2+3"] {
            assert_eq!(text.parse::<StepKey>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn bad_ids_are_refused() {
        for text in ["", "0", "-1", "#", "##1", "1@", "1@0", "9223372036854775808", "1@x"] {
            assert!(text.parse::<RevisionRef>().is_err(), "{text}");
        }
        for text in ["", "-a", "a/b", "a b", "é", &"a".repeat(65)] {
            assert!(text.parse::<TaskId>().is_err(), "{text}");
        }
        for text in ["", "plan", "plan/-/1", "nap/-/1/1", "plan/-/x/1", "plan/-/1/1/1"] {
            assert!(text.parse::<StepKey>().is_err(), "{text}");
        }
    }
}
