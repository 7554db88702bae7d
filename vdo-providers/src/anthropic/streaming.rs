//! A streamed reply, collected event by event. Pure: events in, text and a whole reply out.

use std::collections::HashMap;

use serde_json::{Map, Value};
use vdo_core::message::{Reply, estimate_tokens};
use vdo_core::port::ProviderError;

use super::errors;
use super::reply::{self, Asked, Part, Raw};
use super::wire::{self, Delta};
use crate::transport::calls::arguments;
use crate::transport::failure::TransportFailure;
use crate::transport::reading::{Fold, SoFar};
use crate::transport::redact::Redactor;
use crate::transport::sse::Event;

/// A part that is arriving.
#[derive(Debug)]
enum Arriving {
    /// Text.
    Text(String),
    /// Reasoning: what it began with, and the pieces since.
    Thinking { block: Map<String, Value>, thinking: String, signature: String },
    /// A call: what it began with, and the pieces of its arguments.
    Call { block: Map<String, Value>, json: String },
    /// Of a kind that says nothing to VDO.
    Other,
}

/// Collects a streamed reply.
#[derive(Debug)]
pub(super) struct Events {
    redactor: Redactor,
    model: String,
    messages: usize,
    /// The estimate of the request's tokens.
    input: u64,
    raw: Raw,
    arriving: Vec<Arriving>,
    /// Where in `arriving` the part with an index is.
    places: HashMap<u64, usize>,
    /// Whether the last event came.
    done: bool,
    /// The bytes of output that arrived, and an estimate of their tokens.
    output: (usize, u64),
}

impl Events {
    /// Collects the reply to a request.
    pub(super) fn new(asked: Asked<'_>, input: u64, redactor: Redactor) -> Self {
        Self {
            redactor,
            model: asked.model.to_owned(),
            messages: asked.messages,
            input,
            raw: Raw::default(),
            arriving: Vec::new(),
            places: HashMap::new(),
            done: false,
            output: (0, 0),
        }
    }

    fn start(&mut self, index: u64, mut block: Map<String, Value>, text: &mut dyn FnMut(String)) {
        let kind = block.get("type").and_then(Value::as_str).unwrap_or_default();
        let arriving = match kind {
            "text" => {
                let first = reply::take_text(&mut block, "text");
                self.arrived(&first);
                if !first.is_empty() {
                    text(first.clone());
                }
                Arriving::Text(first)
            }
            "thinking" | "redacted_thinking" => {
                let thinking = reply::take_text(&mut block, "thinking");
                let signature = reply::take_text(&mut block, "signature");
                self.output.0 = self.output.0.saturating_add(1);
                Arriving::Thinking { block, thinking, signature }
            }
            "tool_use" => {
                self.output.0 = self.output.0.saturating_add(1);
                Arriving::Call { block, json: String::new() }
            }
            _ => Arriving::Other,
        };
        self.places.insert(index, self.arriving.len());
        self.arriving.push(arriving);
    }

    fn delta(&mut self, index: u64, delta: Delta, text: &mut dyn FnMut(String)) -> Result<(), ProviderError> {
        let Some(arriving) = self.places.get(&index).and_then(|place| self.arriving.get_mut(*place)) else {
            return Err(self.bad(format!("a piece belongs to part {index}, which never began")));
        };
        match (arriving, delta) {
            (Arriving::Text(known), Delta::Text { text: more }) => {
                known.push_str(&more);
                self.arrived(&more);
                if !more.is_empty() {
                    text(more);
                }
            }
            (Arriving::Thinking { thinking: known, .. }, Delta::Thinking { thinking: more })
            | (Arriving::Call { json: known, .. }, Delta::InputJson { partial_json: more }) => {
                known.push_str(&more);
                self.arrived(&more);
            }
            (Arriving::Thinking { signature: known, .. }, Delta::Signature { signature: more }) => {
                known.push_str(&more);
            }
            // Citations, tools of the provider's own, and kinds of the future.
            (Arriving::Other, _) | (_, Delta::Other) => {}
            (_, Delta::Text { .. } | Delta::InputJson { .. }) => {
                return Err(self.bad(format!("a piece does not fit the part {index} that it belongs to")));
            }
            (_, Delta::Thinking { .. } | Delta::Signature { .. }) => {}
        }
        Ok(())
    }

    fn arrived(&mut self, text: &str) {
        self.output.0 = self.output.0.saturating_add(text.len());
        self.output.1 = self.output.1.saturating_add(estimate_tokens(text));
    }

    /// Takes in usage that counts everything so far; what it does not name stays.
    fn count(&mut self, usage: wire::Usage) {
        let known = &mut self.raw.usage;
        // A total does not shrink: a zero is a server that leaves it out.
        for (known, new) in [
            (&mut known.input_tokens, usage.input_tokens),
            (&mut known.cache_creation_input_tokens, usage.cache_creation_input_tokens),
            (&mut known.cache_read_input_tokens, usage.cache_read_input_tokens),
            (&mut known.output_tokens, usage.output_tokens),
        ] {
            *known = new.filter(|new| new.0 > 0).or(*known);
        }
        known.cache_creation = usage.cache_creation.or(known.cache_creation);
        known.output_tokens_details = usage.output_tokens_details.or(known.output_tokens_details);
        known.service_tier = usage.service_tier.or(known.service_tier.take());
        known.speed = usage.speed.or(known.speed.take());
    }

    fn bad(&self, message: String) -> ProviderError {
        ProviderError::BadAnswer { message, usage: None }
    }
}

impl Fold for Events {
    fn take(&mut self, event: &Event<'_>, text: &mut dyn FnMut(String)) -> Result<bool, ProviderError> {
        let data = event.data.trim_ascii();
        // The mark of another protocol, which some servers send all the same, is not this one's.
        if data.is_empty() || data == b"[DONE]" {
            return Ok(false);
        }
        let parsed = serde_json::from_slice(data).map_err(|error| {
            if event.name == b"error" {
                return errors::within(String::from_utf8_lossy(data).into(), &self.redactor);
            }
            let shown = self.redactor.clean_bytes(data);
            self.bad(self.redactor.clean(&format!("{error}; the event is: {shown}")))
        })?;
        match parsed {
            wire::Event::MessageStart { message } => {
                self.raw.id = message.id;
                self.raw.model = message.model;
                self.count(message.usage.unwrap_or_default());
            }
            wire::Event::ContentBlockStart { index, content_block } => self.start(index, content_block, text),
            wire::Event::ContentBlockDelta { index, delta } => self.delta(index, delta, text)?,
            wire::Event::MessageDelta { delta, usage } => {
                self.raw.stop_reason = delta.stop_reason.or(self.raw.stop_reason.take());
                self.raw.stop_details = delta.stop_details.or(self.raw.stop_details.take());
                self.count(usage.unwrap_or_default());
            }
            wire::Event::MessageStop => self.done = true,
            wire::Event::Error { error } => return Err(errors::within(error, &self.redactor)),
            wire::Event::Other => {}
        }
        Ok(self.done)
    }

    fn so_far(&self) -> SoFar {
        let (bytes, tokens) = self.output;
        let usage = reply::convert_usage(&self.raw.usage).map(|mut usage| {
            // What it begins with is a placeholder; the true number would have come last.
            if tokens > usage.output {
                (usage.output, usage.estimated) = (tokens, true);
            }
            usage
        });
        SoFar { began: bytes > 0, usage }
    }

    fn finish(mut self) -> Result<Reply, ProviderError> {
        if !self.done {
            return Err(TransportFailure::Truncated.into());
        }
        let parts = std::mem::take(&mut self.arriving);
        self.raw.parts = parts.into_iter().filter_map(whole).collect();
        let asked = Asked { model: &self.model, messages: self.messages };
        let input = self.input;
        Ok(reply::finish(self.raw, asked, || input))
    }
}

/// Returns a part that has arrived.
fn whole(arriving: Arriving) -> Option<Part> {
    match arriving {
        Arriving::Text(text) => Some(Part::Text(text)),
        Arriving::Thinking { mut block, thinking, signature } => {
            // Kept in the form in which it comes whole; it has to go back so.
            if block.get("type").is_some_and(|kind| kind == "thinking") {
                block.insert("thinking".to_owned(), thinking.into());
                block.insert("signature".to_owned(), signature.into());
            }
            Some(Part::Reasoning(block))
        }
        Arriving::Call { mut block, json } => {
            if !json.is_empty() {
                block.insert("input".to_owned(), arguments(json));
            }
            reply::part(block)
        }
        Arriving::Other => None,
    }
}
