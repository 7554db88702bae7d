//! A streamed reply, collected chunk by chunk. Pure: events in, text and a whole reply out.

use std::collections::HashMap;

use vdo_core::message::Reply;
use vdo_core::port::ProviderError;

use super::reply::{self, Asked, Raw};
use super::wire;
use crate::openai_shared::calls::{RawCall, arguments_text};
use crate::openai_shared::errors;
use crate::transport::failure::TransportFailure;
use crate::transport::reading::{Fold, SoFar};
use crate::transport::redact::Redactor;
use crate::transport::sse::Event;

/// Collects a streamed reply.
#[derive(Debug)]
pub(super) struct Chunks {
    redactor: Redactor,
    model: String,
    messages: usize,
    cost: bool,
    /// The estimate of the request's tokens.
    input: u64,
    raw: Raw,
    /// Where in `raw.calls` the call with an index is.
    calls: HashMap<u64, usize>,
    /// Whether `[DONE]` came.
    done: bool,
}

impl Chunks {
    /// Collects the reply to a request.
    pub(super) fn new(asked: Asked<'_>, input: u64, redactor: Redactor) -> Self {
        Self {
            redactor,
            model: asked.model.to_owned(),
            messages: asked.messages,
            cost: asked.cost,
            input,
            raw: Raw::default(),
            calls: HashMap::new(),
            done: false,
        }
    }
}

impl Fold for Chunks {
    fn take(&mut self, event: &Event<'_>, text: &mut dyn FnMut(String)) -> Result<bool, ProviderError> {
        let Self { redactor, raw, calls, .. } = self;
        self.done = take_event(event, raw, calls, redactor, text)?;
        Ok(self.done)
    }

    fn is_whole(&self) -> bool {
        self.done || self.raw.finish.is_some()
    }

    fn so_far(&self) -> SoFar {
        let raw = &self.raw;
        let said = !raw.text.is_empty() || !raw.refusal.is_empty();
        SoFar { began: said || !raw.calls.is_empty() || raw.thoughts.is_some(), usage: raw.usage() }
    }

    fn finish(self) -> Result<Reply, ProviderError> {
        if !self.done && self.raw.finish.is_none() {
            return Err(TransportFailure::Truncated.into());
        }
        let asked = Asked { model: &self.model, messages: self.messages, cost: self.cost };
        let input = self.input;
        reply::finish(self.raw, asked, || input)
    }
}

/// Takes in one event; returns whether it was the last.
fn take_event(
    event: &Event<'_>,
    raw: &mut Raw,
    calls: &mut HashMap<u64, usize>,
    redactor: &Redactor,
    text: &mut dyn FnMut(String),
) -> Result<bool, ProviderError> {
    let data = event.data.trim_ascii();
    if data.is_empty() {
        return Ok(false);
    }
    if data == b"[DONE]" {
        return Ok(true);
    }
    let chunk: wire::Response = match serde_json::from_slice(data) {
        Ok(chunk) => chunk,
        Err(_) if event.name == b"error" => {
            return Err(errors::within(&String::from_utf8_lossy(data).into(), redactor));
        }
        Err(error) => {
            return Err(ProviderError::BadAnswer {
                message: redactor.clean(&format!("{error}; the event is: {}", redactor.clean_bytes(data))),
                usage: raw.usage(),
            });
        }
    };
    // Some servers send a growing usage with every chunk: the last that says anything counts.
    if chunk.usage.as_ref().and_then(reply::convert_usage).is_some() {
        raw.usage = chunk.usage;
    }
    if let Some(error) = &chunk.error {
        return Err(errors::within(error, redactor));
    }
    if event.name == b"error" {
        let error = serde_json::from_slice(data).unwrap_or_default();
        return Err(errors::within(&error, redactor));
    }
    take_chunk(wire::Response { usage: None, ..chunk }, raw, calls, redactor, text)?;
    Ok(false)
}

fn take_chunk(
    chunk: wire::Response,
    raw: &mut Raw,
    calls: &mut HashMap<u64, usize>,
    redactor: &Redactor,
    text: &mut dyn FnMut(String),
) -> Result<(), ProviderError> {
    raw.id = raw.id.take().or(chunk.id);
    raw.model = raw.model.take().filter(|model| !model.is_empty()).or(chunk.model);
    raw.tier = chunk.service_tier.or(raw.tier.take());
    for choice in chunk.choices.into_iter().flatten() {
        if choice.index.unwrap_or(0) != 0 {
            continue;
        }
        if let Some(error) = &choice.error {
            return Err(errors::within(error, redactor));
        }
        let mut said = choice.message.unwrap_or_default();
        raw.thoughts.take(&mut said);
        if let Some(refusal) = said.refusal {
            raw.refusal.push_str(&refusal);
            emit(refusal, text);
        }
        if let Some(content) = said.content {
            raw.text.push_str(&content);
            emit(content, text);
        }
        for call in said.tool_calls.into_iter().flatten() {
            take_call(call, raw, calls);
        }
        if let Some(function) = said.function_call {
            take_call(wire::Call { index: Some(0), id: None, function: Some(function) }, raw, calls);
        }
        raw.finish = choice.finish_reason.or(raw.finish.take());
    }
    Ok(())
}

fn emit(piece: String, text: &mut dyn FnMut(String)) {
    if !piece.is_empty() {
        text(piece);
    }
}

/// Adds a piece of a tool call to the call it belongs to.
///
/// The index tells which; servers that send none, or 0 for all, are told apart by their ids.
fn take_call(call: wire::Call, raw: &mut Raw, calls: &mut HashMap<u64, usize>) {
    let id = call.id.unwrap_or_default();
    let known = match call.index {
        Some(index) => calls.get(&index).copied(),
        None if id.is_empty() => raw.calls.len().checked_sub(1),
        None => raw.calls.iter().rposition(|known| known.id == id),
    };
    let known = known.filter(|position| {
        let other = raw.calls.get(*position).map(|known| known.id.as_str());
        id.is_empty() || matches!(other, Some(other) if other.is_empty() || other == id)
    });
    let position = known.unwrap_or_else(|| {
        raw.calls.push(RawCall::default());
        raw.calls.len() - 1
    });
    if let Some(index) = call.index {
        calls.insert(index, position);
    }
    let Some(known) = raw.calls.get_mut(position) else { return };
    if known.id.is_empty() {
        known.id = id;
    }
    let function = call.function.unwrap_or_default();
    if let Some(name) = function.name
        && known.name.is_empty()
    {
        known.name = name;
    }
    if let Some(arguments) = function.arguments {
        known.arguments.push_str(&arguments_text(arguments));
    }
}
