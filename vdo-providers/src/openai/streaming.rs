//! A streamed reply, collected event by event. Pure: events in, text and a whole reply out.
//!
//! The last event carries the whole response; the others are for those who watch, and for streams whose last
//! event leaves the output away.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use vdo_core::message::Reply;
use vdo_core::port::ProviderError;
use vdo_core::usage::Usage;

use super::reply::{self, Asked};
use super::wire;
use crate::openai_shared::errors;
use crate::transport::failure::TransportFailure;
use crate::transport::reading::{Fold, SoFar};
use crate::transport::redact::Redactor;
use crate::transport::sse;

/// Collects a streamed reply.
#[derive(Debug)]
pub(super) struct Events {
    asked: Asked,
    redactor: Redactor,
    began: bool,
    usage: Option<Usage>,
    /// Items that are done, by their place.
    items: BTreeMap<u64, Value>,
    /// The text that was handed out.
    text: String,
    last: Option<wire::Response>,
}

impl Events {
    /// Collects the reply to a request.
    pub(super) fn new(asked: Asked, redactor: Redactor) -> Self {
        Self { asked, redactor, began: false, usage: None, items: BTreeMap::new(), text: String::new(), last: None }
    }

    /// Takes in the last event.
    fn end(&mut self, response: Option<Value>) -> Result<(), ProviderError> {
        let (mut response, usage) =
            reply::response(response.unwrap_or_default(), &self.redactor, || "response".to_owned())?;
        self.usage = usage.or(self.usage);
        if let Some(error) = &response.error {
            return Err(errors::within(error, &self.redactor));
        }
        if response.output.as_ref().is_none_or(Vec::is_empty) {
            let items = std::mem::take(&mut self.items);
            let mut items: Vec<Value> = items.into_values().collect();
            if items.is_empty() && !self.text.is_empty() {
                items.push(json!({ "type": "message", "content": self.text }));
            }
            response.output = Some(items);
        }
        self.last = Some(response);
        Ok(())
    }
}

impl Fold for Events {
    fn take(&mut self, event: &sse::Event<'_>, text: &mut dyn FnMut(String)) -> Result<bool, ProviderError> {
        let data = event.data.trim_ascii();
        if data.is_empty() || data == b"[DONE]" {
            return Ok(false);
        }
        let parsed: wire::Event = serde_json::from_slice(data).map_err(|error| ProviderError::BadAnswer {
            message: self.redactor.clean(&format!("{error}; the event is: {}", self.redactor.clean_bytes(data))),
            usage: self.usage,
        })?;
        let kind = parsed.r#type.as_deref().or(std::str::from_utf8(event.name).ok()).unwrap_or_default();
        match kind {
            "response.output_text.delta" | "response.refusal.delta" => {
                self.began = true;
                if let Some(Value::String(piece)) = parsed.delta {
                    self.text.push_str(&piece);
                    text(piece);
                }
            }
            "response.output_item.done" => {
                self.began = true;
                if let Some(item) = parsed.item {
                    self.items.insert(parsed.output_index.unwrap_or(self.items.len() as u64), item);
                }
            }
            "response.completed" | "response.incomplete" | "response.failed" | "response.cancelled" => {
                self.end(parsed.response)?;
                return Ok(true);
            }
            "error" => {
                let whole = || serde_json::from_slice(data).unwrap_or_default();
                return Err(errors::within(&parsed.error.unwrap_or_else(whole), &self.redactor));
            }
            // The model has begun to say something, if not in words.
            kind if kind.ends_with(".delta") || kind == "response.output_item.added" => self.began = true,
            _ if parsed.error.is_some() => {
                return Err(errors::within(&parsed.error.unwrap_or_default(), &self.redactor));
            }
            _ => {}
        }
        Ok(false)
    }

    fn so_far(&self) -> SoFar {
        SoFar { began: self.began, usage: self.usage }
    }

    fn finish(self) -> Result<Reply, ProviderError> {
        let response = self.last.ok_or(TransportFailure::Truncated)?;
        reply::of_response(response, self.asked, &self.redactor)
    }
}
