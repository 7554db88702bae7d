//! What came back, in VDO's terms. Pure, and total: any JSON becomes a reply or an error.

use serde::Deserialize;
use serde_json::Value;
use vdo_core::message::{About, Block, Completion, Reasoning, Reply, Stop};
use vdo_core::port::ProviderError;
use vdo_core::usage::Usage;

use super::{FORMAT, wire};
use crate::openai_shared::asks::tier_of;
use crate::openai_shared::calls::{RawCall, Reader, arguments_text};
use crate::openai_shared::errors;
use crate::transport::redact::Redactor;

/// What is known of the request when its reply is read.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// The model asked for.
    pub(super) model: String,
    /// The messages sent: makes ids unique.
    pub(super) messages: usize,
    /// The estimate of the request's tokens.
    pub(super) input: u64,
}

impl Asked {
    pub(super) fn of(request: &Completion) -> Self {
        Self { model: request.model.clone(), messages: request.messages.len(), input: request.estimated_tokens() }
    }
}

/// Reads a whole reply.
pub(super) fn parse(body: &[u8], request: &Completion, redactor: &Redactor) -> Result<Reply, ProviderError> {
    let value: Value = serde_json::from_slice(body).map_err(|error| ProviderError::BadAnswer {
        // The parser's words may quote the answer.
        message: redactor.clean(&format!("{error}; it starts: {}", redactor.clean_bytes(body))),
        usage: None,
    })?;
    let (response, usage) = response(value, redactor, || redactor.clean_bytes(body))?;
    of_response(response, Asked::of(request), redactor).map_err(|error| error.after(false, usage))
}

/// Reads the fields of a response, and the usage apart: it counts even where the rest makes no sense.
pub(super) fn response(
    value: Value,
    redactor: &Redactor,
    start: impl FnOnce() -> String,
) -> Result<(wire::Response, Option<Usage>), ProviderError> {
    let usage = value.get("usage").and_then(|usage| wire::Usage::deserialize(usage).ok()).and_then(convert_usage);
    match serde_json::from_value(value) {
        Ok(response) => Ok((response, usage)),
        Err(error) => {
            let message = redactor.clean(&format!("{error}; it starts: {}", start()));
            Err(ProviderError::BadAnswer { message, usage })
        }
    }
}

/// Makes a reply of a response that ended, or the failure it ended with.
pub(super) fn of_response(response: wire::Response, asked: Asked, redactor: &Redactor) -> Result<Reply, ProviderError> {
    if let Some(error) = &response.error {
        return Err(errors::within(error, redactor));
    }
    let bad = |message: String| ProviderError::BadAnswer {
        message: redactor.clean(&message),
        usage: response.usage.and_then(convert_usage),
    };
    let reason = response.incomplete_details.as_ref().and_then(|details| details.reason.as_deref());
    let cut = match (response.status.as_deref(), reason) {
        (Some("incomplete"), Some("content_filter")) => Some(Stop::Refused),
        (Some("incomplete"), _) => Some(Stop::Length),
        (Some("completed") | None, _) => None,
        (Some("failed"), _) => {
            return Err(ProviderError::Fault { status: 500, message: "it failed and gave no reason".to_owned() });
        }
        (Some(status), _) => return Err(bad(format!("it is not done: its status is {status}"))),
    };
    let Some(items) = response.output else {
        return Err(bad("it has no output".to_owned()));
    };
    let mut output = Output::new(asked.messages);
    for item in items {
        output.take(item);
    }
    let blocks = output.blocks;
    let usage = response.usage.and_then(convert_usage).unwrap_or_else(|| {
        let output = blocks.iter().map(Block::estimated_tokens).fold(0, u64::saturating_add);
        Usage { input: asked.input, output, estimated: true, ..Usage::default() }
    });
    let has_calls = blocks.iter().any(|block| matches!(block, Block::ToolCall(_)));
    let ended = || match (output.refused, has_calls) {
        (true, _) => Stop::Refused,
        (false, true) => Stop::ToolUse,
        (false, false) => Stop::End,
    };
    Ok(Reply {
        stop: cut.unwrap_or_else(ended),
        blocks,
        usage,
        model: response.model.filter(|model| !model.is_empty()).unwrap_or(asked.model),
        request_id: response.id.filter(|id| !id.is_empty()),
        about: About { tier: tier_of(response.service_tier.as_deref()), ..About::default() },
    })
}

/// The parts of a reply, item by item.
struct Output {
    blocks: Vec<Block>,
    calls: Reader,
    refused: bool,
}

impl Output {
    fn new(messages: usize) -> Self {
        Self { blocks: Vec::new(), calls: Reader::new(messages), refused: false }
    }

    /// Takes in one item. Kinds that are not known say nothing to VDO.
    fn take(&mut self, item: Value) {
        match item.get("type").and_then(Value::as_str) {
            Some("message") => self.message(&item),
            Some("function_call") => {
                let block = self.calls.read(call(item));
                self.blocks.push(block);
            }
            Some("reasoning") => {
                let text = reasoning_text(&item);
                self.blocks.push(Block::Reasoning(Reasoning::new(FORMAT, text, item)));
            }
            _ => {}
        }
    }

    fn message(&mut self, item: &Value) {
        let parts = match item.get("content") {
            Some(Value::Array(parts)) => parts.as_slice(),
            Some(Value::String(text)) => return self.text(text),
            _ => &[],
        };
        for part in parts {
            let text = |field: &str| part.get(field).and_then(Value::as_str).unwrap_or_default();
            match part.get("type").and_then(Value::as_str) {
                Some("output_text" | "text") => self.text(text("text")),
                Some("refusal") => {
                    self.refused = true;
                    self.text(text("refusal"));
                }
                _ => {}
            }
        }
    }

    fn text(&mut self, text: &str) {
        if !text.is_empty() {
            self.blocks.push(Block::text(text));
        }
    }
}

fn call(mut item: Value) -> RawCall {
    let text = |item: &Value, field: &str| item.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let arguments = item.get_mut("arguments").map(Value::take).map(arguments_text).unwrap_or_default();
    RawCall { id: text(&item, "call_id"), name: text(&item, "name"), arguments }
}

/// Returns what can be read of a model's reasoning: its summary, else its words.
fn reasoning_text(item: &Value) -> String {
    let texts = |field: &str| {
        let parts = item.get(field).and_then(Value::as_array).into_iter().flatten();
        parts.filter_map(|part| part.get("text")?.as_str()).collect::<Vec<_>>().join("\n\n")
    };
    Some(texts("summary")).filter(|text| !text.is_empty()).unwrap_or_else(|| texts("content"))
}

/// Returns usage in disjoint fields; `None` if there is nothing but zeros, which no call takes.
pub(super) fn convert_usage(usage: wire::Usage) -> Option<Usage> {
    let (input, output) = (usage.input_tokens.0, usage.output_tokens.0);
    if input == 0 && output == 0 {
        return None;
    }
    let details = usage.input_tokens_details.unwrap_or_default();
    let (cached, written) = (details.cached_tokens.0, details.cache_write_tokens.0);
    let long = details.cache_write_tokens_details.unwrap_or_default().ttl_12h_tokens.0.min(written);
    let reasoning = usage.output_tokens_details.unwrap_or_default().reasoning_tokens.0;
    Some(Usage {
        input: input.saturating_sub(cached).saturating_sub(written),
        cache_read: cached,
        cache_write: written.saturating_sub(long),
        cache_write_long: long,
        output: output.max(reasoning),
        reasoning,
        estimated: false,
    })
}
