//! A provider that answers from a script: for tests, demonstrations and offline runs.
//!
//! It never talks to anybody and reads no file; a host that keeps the script in one reads it. Waiting is
//! left to a [`Clock`]; without one there is no wait.
//!
//! Invariant: the answer to a request depends only on the script, on which of its answers are used up, and
//! on the request.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream;

use crate::message::{About, Block, Completion, Reply, Stop, ToolCall};
use crate::port::{
    Accepts, Capabilities, Clock, Health, Provider, ProviderError, ReplyStream, StreamEvent, TokenCount,
};
use crate::usage::Usage;

mod file;
mod tag;

pub use file::{
    Answers, ParseAnswersError, ScriptedAnswer, ScriptedError, ScriptedErrorKind, ScriptedReply, ScriptedToolCall,
    ScriptedUsage, When,
};
pub use tag::RequestTag;

/// How much of a request an error shows.
const SHOWN: usize = 300;

/// No answer of the script fits a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no scripted answer fits phase {phase} ({left} of {all} answers are left); the request starts: {start}")]
pub struct ScriptError {
    /// The phase and the rest of the tag, or `(no tag)`.
    pub phase: String,
    /// How many answers can still be given.
    pub left: usize,
    /// How many answers the script has.
    pub all: usize,
    /// The start of the request's conversation.
    pub start: String,
}

/// What a script says to a request.
#[derive(Debug)]
pub struct Answer {
    /// The reply, or the failure to play.
    pub outcome: Result<Reply, ProviderError>,
    /// How long the answer takes.
    pub delay: Duration,
}

/// Answers, and which of them are used up.
#[derive(Debug, Clone)]
pub struct Script {
    answers: Vec<ScriptedAnswer>,
    used: Vec<bool>,
    /// Everything before this is used up.
    first: usize,
}

impl Script {
    /// Returns a script of which nothing is used up.
    #[must_use]
    pub fn new(answers: Answers) -> Self {
        let answers = answers.answers;
        Self { used: vec![false; answers.len()], answers, first: 0 }
    }

    /// Returns the first answer that is not used up and whose conditions all hold, and uses it up unless it repeats.
    ///
    /// # Errors
    /// [`ScriptError`] if there is none.
    pub fn answer(&mut self, request: &Completion) -> Result<Answer, ScriptError> {
        let tag = RequestTag::of(request);
        let found = self
            .answers
            .iter()
            .zip(&mut self.used)
            .skip(self.first)
            .find(|(answer, used)| !**used && holds(&answer.when, tag.as_ref(), request));
        let Some((answer, used)) = found else {
            return Err(self.nothing_fits(request, tag.as_ref()));
        };
        *used = !answer.repeat;
        let given = play(answer, request);
        self.first += self.used.iter().skip(self.first).take_while(|used| **used).count();
        Ok(given)
    }

    fn nothing_fits(&self, request: &Completion, tag: Option<&RequestTag>) -> ScriptError {
        let start = request.texts().skip(1).find(|text| !text.is_empty()).unwrap_or_default();
        let mut start: String = start.chars().take(SHOWN).collect();
        if start.is_empty() {
            start = request.system.chars().take(SHOWN).collect();
        }
        ScriptError {
            phase: tag.map_or_else(|| "(no tag)".to_owned(), ToString::to_string),
            left: self.used.iter().filter(|used| !**used).count(),
            all: self.answers.len(),
            start,
        }
    }
}

/// Returns whether every condition holds.
fn holds(when: &When, tag: Option<&RequestTag>, request: &Completion) -> bool {
    fn is<T: PartialEq + ?Sized>(wanted: Option<&T>, found: Option<&T>) -> bool {
        wanted.is_none() || wanted == found
    }
    is(when.phase.as_deref(), tag.and_then(|tag| tag.phase.as_deref()))
        && is(when.task.as_deref(), tag.and_then(|tag| tag.task.as_deref()))
        && is(when.attempt.as_ref(), tag.and_then(|tag| tag.attempt.as_ref()))
        && is(when.turn.as_ref(), tag.and_then(|tag| tag.turn.as_ref()))
        && when.contains.iter().all(|wanted| mentions(request, wanted))
}

/// Returns whether `wanted` occurs in a text, a tool call or a tool of the request.
fn mentions(request: &Completion, wanted: &str) -> bool {
    let in_calls = || {
        let mut calls = request.messages.iter().flat_map(|message| &message.blocks);
        calls.any(|block| match block {
            Block::ToolCall(call) => call.name.contains(wanted) || call.input.to_string().contains(wanted),
            Block::Text { .. } | Block::ToolResult { .. } | Block::Reasoning(_) => false,
        })
    };
    let in_tools = || request.tools.iter().any(|tool| tool.name.contains(wanted) || tool.description.contains(wanted));
    request.texts().any(|text| text.contains(wanted)) || in_calls() || in_tools()
}

/// Returns what `answer` says to `request`.
fn play(answer: &ScriptedAnswer, request: &Completion) -> Answer {
    let outcome = match &answer.reply {
        ScriptedReply::Text(text) => {
            Ok(reply(answer, request, vec![Block::text(text.as_str())], answer.stop.unwrap_or(Stop::End)))
        }
        ScriptedReply::ToolCalls(calls) => {
            let blocks = calls.iter().enumerate().map(|(index, call)| tool_call(call, index, request)).collect();
            Ok(reply(answer, request, blocks, answer.stop.unwrap_or(Stop::ToolUse)))
        }
        ScriptedReply::Error(error) if error.kind == ScriptedErrorKind::Refused => {
            let text = error.message.as_deref().unwrap_or("scripted refusal");
            Ok(reply(answer, request, vec![Block::text(text)], Stop::Refused))
        }
        ScriptedReply::Error(error) => Err(failure(error, answer.usage.map(Usage::from))),
    };
    Answer { outcome, delay: Duration::from_millis(answer.delay_ms) }
}

fn reply(answer: &ScriptedAnswer, request: &Completion, blocks: Vec<Block>, stop: Stop) -> Reply {
    let usage = answer.usage.map_or_else(|| Usage::estimate(request, &blocks), Usage::from);
    Reply { blocks, stop, usage, model: request.model.clone(), request_id: None, about: About::default() }
}

/// An id that is missing is made of the length of the conversation, which only grows, so that it stays unique.
fn tool_call(call: &ScriptedToolCall, index: usize, request: &Completion) -> Block {
    let id = call.id.clone().unwrap_or_else(|| format!("call_{}_{}", request.messages.len(), index.saturating_add(1)));
    Block::ToolCall(ToolCall { id, name: call.name.clone(), input: call.input.clone() })
}

fn failure(error: &ScriptedError, usage: Option<Usage>) -> ProviderError {
    let message = || error.message.clone().unwrap_or_else(|| "scripted failure".to_owned());
    let retry_after = error.retry_after_ms.map(Duration::from_millis);
    match error.kind {
        ScriptedErrorKind::RateLimited => ProviderError::RateLimited { retry_after, message: message() },
        ScriptedErrorKind::Overloaded => ProviderError::Overloaded { retry_after, message: message() },
        ScriptedErrorKind::ProviderFault => {
            ProviderError::Fault { status: error.status.unwrap_or(500), message: message() }
        }
        ScriptedErrorKind::Transport => {
            ProviderError::Transport { sent: error.sent, source: Box::new(ScriptedTransport(message())) }
        }
        ScriptedErrorKind::KeyRefused => ProviderError::KeyRefused { message: message() },
        ScriptedErrorKind::ProviderMoney => ProviderError::Money { message: message() },
        ScriptedErrorKind::ContextTooLong => ProviderError::ContextTooLong { message: message() },
        ScriptedErrorKind::BadRequest => {
            ProviderError::BadRequest { status: error.status.unwrap_or(400), message: message() }
        }
        // `refused` is a reply, and is played as one before this is asked.
        ScriptedErrorKind::BadAnswer | ScriptedErrorKind::Refused => {
            ProviderError::BadAnswer { message: message(), usage }
        }
    }
}

/// The cause of a scripted transport failure.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct ScriptedTransport(String);

/// A [`Provider`] that answers from a [`Script`].
pub struct ScriptedProvider {
    name: String,
    capabilities: Capabilities,
    clock: Option<Arc<dyn Clock>>,
    state: Mutex<State>,
}

struct State {
    script: Script,
    requests: Option<Vec<Completion>>,
}

impl fmt::Debug for ScriptedProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedProvider").field("name", &self.name).finish_non_exhaustive()
    }
}

impl ScriptedProvider {
    /// Returns a provider that is configured under `name`, keeps the requests it gets and never waits.
    #[must_use]
    pub fn new(name: impl Into<String>, answers: Answers) -> Self {
        Self {
            name: name.into(),
            capabilities: Capabilities {
                tools: true,
                json_schema: true,
                context: None,
                max_output: None,
                accepts: Accepts::default(),
            },
            clock: None,
            state: Mutex::new(State { script: Script::new(answers), requests: Some(Vec::new()) }),
        }
    }

    /// Sets what the provider's models can do. Default: tools and schemas, no limits.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: Capabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// Sets the clock that waits for answers that take time. Default: none, so that none does.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Keeps no requests, for long runs. Default: all are kept.
    #[must_use]
    pub fn without_recording(self) -> Self {
        self.state().requests = None;
        self
    }

    /// Returns the requests it got so far, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Completion> {
        self.state().requests.clone().unwrap_or_default()
    }

    // The state is consistent after every statement, so a panic elsewhere does not spoil it.
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Provider for ScriptedProvider {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self, _model: &str) -> Capabilities {
        self.capabilities
    }

    async fn complete(&self, request: &Completion) -> Result<Reply, ProviderError> {
        let answer = {
            let mut state = self.state();
            if let Some(requests) = &mut state.requests {
                requests.push(request.clone());
            }
            state.script.answer(request)
        };
        let answer = answer.map_err(|error| ProviderError::BadRequest { status: 400, message: error.to_string() })?;
        if let (Some(clock), false) = (&self.clock, answer.delay.is_zero()) {
            clock.sleep(answer.delay).await;
        }
        answer.outcome
    }

    async fn stream(&self, request: &Completion) -> Result<ReplyStream, ProviderError> {
        let reply = self.complete(request).await?;
        let text = reply.text();
        let mut events: VecDeque<_> =
            text.split_inclusive(char::is_whitespace).map(|part| StreamEvent::Text(part.to_owned())).collect();
        events.push_back(StreamEvent::Done(Box::new(reply)));
        Ok(Box::pin(stream::iter(events.into_iter().map(Ok))))
    }

    async fn count_tokens(&self, request: &Completion) -> Result<TokenCount, ProviderError> {
        Ok(TokenCount { tokens: request.estimated_tokens(), estimated: true })
    }

    async fn probe(&self) -> Result<Health, ProviderError> {
        Ok(Health { models: vec!["scripted".to_owned()] })
    }
}

#[cfg(test)]
mod tests;
