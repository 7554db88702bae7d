//! The answers file of the scripted provider, as people write it.
//!
//! Invariant: what [`Answers::parse`] returns can be played; anything misspelt was refused.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::Phase;
use crate::message::Stop;
use crate::usage::Usage;

/// Phases that answers may name although a run has no stage of that name: they are routes of their own.
const MORE_PHASES: [&str; 1] = ["learn"];

/// An answers file is not what it has to be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParseAnswersError {
    /// It is not JSON, or not of the right shape.
    #[error("line {line}, column {column}: {message}")]
    Shape {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// A condition names a phase that does not exist.
    #[error("answer {answer}: no phase is called {phase:?}; there are {known}")]
    Phase {
        /// Which answer, from 1.
        answer: usize,
        /// The name.
        phase: String,
        /// The names there are.
        known: String,
    },
}

/// A script: what a scripted provider says, in order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// The answers. The first that is not used up and whose conditions all hold is given.
    pub answers: Vec<ScriptedAnswer>,
}

impl Answers {
    /// Reads an answers file.
    ///
    /// # Errors
    /// [`ParseAnswersError`] with the place of the fault.
    pub fn parse(text: &str) -> Result<Self, ParseAnswersError> {
        let answers: Self = serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| {
            let place = format!(" at line {} column {}", error.line(), error.column());
            let message = error.to_string();
            let message = message.strip_suffix(&place).unwrap_or(&message).to_owned();
            ParseAnswersError::Shape { line: error.line(), column: error.column(), message }
        })?;
        answers.check()?;
        Ok(answers)
    }

    fn check(&self) -> Result<(), ParseAnswersError> {
        for (index, answer) in self.answers.iter().enumerate() {
            let Some(phase) = &answer.when.phase else { continue };
            if phase.parse::<Phase>().is_err() && !MORE_PHASES.contains(&phase.as_str()) {
                let known: Vec<&str> = Phase::ALL.into_iter().map(Phase::as_str).chain(MORE_PHASES).collect();
                return Err(ParseAnswersError::Phase {
                    answer: index.saturating_add(1),
                    phase: phase.clone(),
                    known: known.join(", "),
                });
            }
        }
        Ok(())
    }
}

impl From<Vec<ScriptedAnswer>> for Answers {
    fn from(answers: Vec<ScriptedAnswer>) -> Self {
        Self { answers }
    }
}

/// One answer and when to give it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScriptedAnswer {
    /// The conditions. Default: none, so that it fits every request.
    #[serde(default)]
    pub when: When,
    /// What to say.
    pub reply: ScriptedReply,
    /// The tokens the call takes. Default: an estimate, flagged as one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<ScriptedUsage>,
    /// How long the answer takes, in milliseconds. Default: 0.
    #[serde(default)]
    pub delay_ms: u64,
    /// Whether the answer can be given again and again. Default: no.
    #[serde(default)]
    pub repeat: bool,
    /// Why the reply ends. Default: `end` for text, `tool_use` for tool calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<Stop>,
}

impl ScriptedAnswer {
    /// Returns an answer to any request.
    #[must_use]
    pub fn new(reply: ScriptedReply) -> Self {
        Self { when: When::default(), reply, usage: None, delay_ms: 0, repeat: false, stop: None }
    }

    /// Returns an answer of text to any request.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(ScriptedReply::Text(text.into()))
    }

    /// Sets the conditions.
    #[must_use]
    pub fn with_when(mut self, when: When) -> Self {
        self.when = when;
        self
    }

    /// Sets the usage.
    #[must_use]
    pub fn with_usage(mut self, usage: ScriptedUsage) -> Self {
        self.usage = Some(usage);
        self
    }

    /// Sets why the reply ends.
    #[must_use]
    pub fn with_stop(mut self, stop: Stop) -> Self {
        self.stop = Some(stop);
        self
    }

    /// Sets how long the answer takes.
    #[must_use]
    pub fn with_delay_ms(mut self, delay_ms: u64) -> Self {
        self.delay_ms = delay_ms;
        self
    }

    /// Lets the answer be given again and again.
    #[must_use]
    pub fn repeating(mut self) -> Self {
        self.repeat = true;
        self
    }
}

/// Conditions on a request. All that are given have to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct When {
    /// The phase of the request: `plan`, `build`, `repair`, `critique`, `merge`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Texts that all have to occur somewhere in the request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contains: Vec<String>,
    /// The task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The attempt, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// The turn, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn: Option<u32>,
}

/// What to say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScriptedReply {
    /// A text.
    Text(String),
    /// Calls of tools.
    ToolCalls(Vec<ScriptedToolCall>),
    /// A failure.
    Error(ScriptedError),
}

/// A call of a tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScriptedToolCall {
    /// The call's id. Default: one that is unique within the conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The tool's name.
    pub name: String,
    /// The arguments. Default: an empty object.
    #[serde(default = "no_arguments")]
    pub input: Value,
}

fn no_arguments() -> Value {
    Value::Object(serde_json::Map::new())
}

/// A failure to play.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScriptedError {
    /// The kind.
    pub kind: ScriptedErrorKind,
    /// The wait the provider asks for, in milliseconds. Default: none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// What the provider says. Default: "scripted failure".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The HTTP status, for kinds that have one. Default: 500 for `provider_fault`, 400 for `bad_request`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// For `transport`: whether the request had been sent, so that it may have been billed. Default: no.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sent: bool,
}

impl ScriptedError {
    /// Returns a failure of this kind with nothing else said.
    #[must_use]
    pub fn new(kind: ScriptedErrorKind) -> Self {
        Self { kind, retry_after_ms: None, message: None, status: None, sent: false }
    }
}

/// The kinds of failure a provider can have: the names are those of [`crate::failure::FailureKind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScriptedErrorKind {
    /// The provider asks to be called less often.
    RateLimited,
    /// The provider has more to do than it can.
    Overloaded,
    /// The provider fails on its side.
    ProviderFault,
    /// No complete answer arrives.
    Transport,
    /// The key is refused.
    KeyRefused,
    /// Credit is used up.
    ProviderMoney,
    /// The request is larger than the model's window.
    ContextTooLong,
    /// The request is refused as malformed.
    BadRequest,
    /// The answer is not what the protocol promises.
    BadAnswer,
    /// The model declines: a reply that ends as refused.
    Refused,
}

/// The tokens of a call, in the disjoint fields of [`Usage`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ScriptedUsage {
    /// Input that was neither read from nor written to a cache.
    pub input: u64,
    /// Input read from a cache.
    pub cache_read: u64,
    /// Input written to a short-lived cache.
    pub cache_write: u64,
    /// Input written to a long-lived cache.
    pub cache_write_long: u64,
    /// Output, reasoning included.
    pub output: u64,
    /// The part of `output` that was reasoning.
    pub reasoning: u64,
    /// Whether the numbers are to pass for an estimate.
    pub estimated: bool,
}

impl From<ScriptedUsage> for Usage {
    fn from(usage: ScriptedUsage) -> Self {
        let ScriptedUsage { input, cache_read, cache_write, cache_write_long, output, reasoning, estimated } = usage;
        Self { input, cache_read, cache_write, cache_write_long, output, reasoning, estimated }
    }
}
