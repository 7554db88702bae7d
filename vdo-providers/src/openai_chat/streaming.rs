//! A streamed reply, collected chunk by chunk. Pure: bytes in, text and a whole reply out.
//!
//! Invariant: the events do not depend on how the bytes were cut, and a reply is whole only after its
//! completion mark.

use std::collections::HashMap;

use vdo_core::message::Reply;
use vdo_core::port::ProviderError;

use super::errors;
use super::reply::{self, Asked, Raw, RawCall};
use super::wire;
use crate::transport::failure::TransportFailure;
use crate::transport::redact::Redactor;
use crate::transport::sse::{Decoder, Event};

/// Collects a streamed reply.
#[derive(Debug)]
pub(super) struct Collector {
    decoder: Decoder,
    redactor: Redactor,
    model: String,
    messages: usize,
    request_id: Option<String>,
    /// The estimate of the request's tokens.
    input: u64,
    raw: Raw,
    /// Where in `raw.calls` the call with an index is.
    calls: HashMap<u64, usize>,
    /// Whether `[DONE]` came.
    done: bool,
    taken: usize,
    limit: usize,
}

impl Collector {
    /// Returns a collector for the reply to a request; refuses replies of more than `limit` bytes.
    pub(super) fn new(asked: Asked<'_>, input: u64, limit: usize, redactor: Redactor) -> Self {
        Self {
            decoder: Decoder::new(limit),
            redactor,
            model: asked.model.to_owned(),
            messages: asked.messages,
            request_id: asked.request_id.map(str::to_owned),
            input,
            raw: Raw::default(),
            calls: HashMap::new(),
            done: false,
            taken: 0,
            limit,
        }
    }

    /// Takes in a piece of the body and hands each new text to `text`.
    pub(super) fn push(&mut self, piece: &[u8], mut text: impl FnMut(String)) -> Result<(), ProviderError> {
        self.taken = self.taken.saturating_add(piece.len());
        if self.taken > self.limit {
            let message = format!("it is larger than {} bytes", self.limit);
            return Err(self.bad(message));
        }
        self.decoder.push(piece);
        while !self.done {
            let Self { decoder, redactor, raw, calls, .. } = self;
            match decoder.next() {
                Ok(Some(event)) => {
                    let taken = take_event(&event, raw, calls, redactor, &mut text);
                    self.done = taken?;
                }
                Ok(None) => break,
                Err(error) => return Err(self.bad(error.to_string())),
            }
        }
        Ok(())
    }

    /// Returns whether the reply is known to be whole, so that no more has to be read.
    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    /// Returns the whole reply when the body has ended.
    pub(super) fn finish(mut self, mut text: impl FnMut(String)) -> Result<Reply, ProviderError> {
        if !self.done {
            let Self { decoder, redactor, raw, calls, .. } = &mut self;
            // A last event without its empty line counts if it is whole; a cut one is what truncation looks like.
            if let Some(event) = decoder.rest()
                && (event.data == b"[DONE]" || serde_json::from_slice::<serde::de::IgnoredAny>(event.data).is_ok())
            {
                self.done = take_event(&event, raw, calls, redactor, &mut text)?;
            }
        }
        if !self.done && self.raw.finish.is_none() {
            return Err(TransportFailure::Truncated.into());
        }
        let asked = Asked { model: &self.model, messages: self.messages, request_id: self.request_id.as_deref() };
        let input = self.input;
        Ok(reply::finish(self.raw, asked, || input))
    }

    fn bad(&self, message: String) -> ProviderError {
        ProviderError::BadAnswer { message, usage: self.raw.usage.and_then(reply::convert_usage) }
    }
}

/// Takes in one event; returns whether it was the last.
fn take_event(
    event: &Event<'_>,
    raw: &mut Raw,
    calls: &mut HashMap<u64, usize>,
    redactor: &Redactor,
    text: &mut impl FnMut(String),
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
                usage: raw.usage.and_then(reply::convert_usage),
            });
        }
    };
    if let Some(error) = &chunk.error {
        return Err(errors::within(error, redactor));
    }
    if event.name == b"error" {
        let error = serde_json::from_slice(data).unwrap_or_default();
        return Err(errors::within(&error, redactor));
    }
    take_chunk(chunk, raw, calls, redactor, text)?;
    Ok(false)
}

fn take_chunk(
    chunk: wire::Response,
    raw: &mut Raw,
    calls: &mut HashMap<u64, usize>,
    redactor: &Redactor,
    text: &mut impl FnMut(String),
) -> Result<(), ProviderError> {
    raw.id = raw.id.take().or(chunk.id);
    raw.model = raw.model.take().filter(|model| !model.is_empty()).or(chunk.model);
    // Some servers send a growing usage with every chunk: the last counts.
    raw.usage = chunk.usage.or(raw.usage);
    for choice in chunk.choices.into_iter().flatten() {
        if choice.index.unwrap_or(0) != 0 {
            continue;
        }
        if let Some(error) = &choice.error {
            return Err(errors::within(error, redactor));
        }
        let said = choice.message.unwrap_or_default();
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

fn emit(piece: String, text: &mut impl FnMut(String)) {
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
        known.arguments.push_str(&reply::arguments_text(arguments));
    }
}
