//! What came back, in VDO's terms. Pure, and total: any bytes become a reply or an error.

use serde_json::{Map, Value};
use vdo_core::message::{About, Block, Completion, Reasoning, Reply, Stop, ToolCall};
use vdo_core::port::ProviderError;
use vdo_core::usage::{ServiceTier, Usage};

use super::turns::FORMAT;
use super::{errors, wire};
use crate::transport::calls::{Ids, arguments};
use crate::transport::redact::Redactor;

/// A part of a reply.
#[derive(Debug)]
pub(super) enum Part {
    /// Text.
    Text(String),
    /// Reasoning, as it came.
    Reasoning(Map<String, Value>),
    /// A call of a tool.
    Call {
        /// Its id.
        id: String,
        /// The tool.
        name: String,
        /// The arguments.
        input: Value,
    },
}

/// Everything a reply is made of, whole or collected from events.
#[derive(Debug, Default)]
pub(super) struct Raw {
    pub(super) id: Option<String>,
    pub(super) model: Option<String>,
    pub(super) parts: Vec<Part>,
    pub(super) stop_reason: Option<String>,
    pub(super) stop_details: Option<Value>,
    pub(super) usage: wire::Usage,
}

/// What is known of the request when its reply is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    /// The model asked for.
    pub(super) model: &'a str,
    /// The messages sent: makes ids unique.
    pub(super) messages: usize,
}

/// Reads a whole reply.
pub(super) fn parse(body: &[u8], request: &Completion, redactor: &Redactor) -> Result<Reply, ProviderError> {
    let response: wire::Response = serde_json::from_slice(body).map_err(|error| ProviderError::BadAnswer {
        // The parser's words may quote the answer.
        message: redactor.clean(&format!("{error}; it starts: {}", redactor.clean_bytes(body))),
        usage: only_usage(body),
    })?;
    let usage = response.usage.unwrap_or_default();
    if let Some(error) = response.error {
        return Err(errors::within(error, redactor).after(false, convert_usage(&usage)));
    }
    let Some(content) = response.content else {
        return Err(ProviderError::BadAnswer {
            message: format!("it has no content; it starts: {}", redactor.clean_bytes(body)),
            usage: convert_usage(&usage),
        });
    };
    let raw = Raw {
        id: response.id,
        model: response.model,
        parts: content.into_iter().filter_map(part).collect(),
        stop_reason: response.stop_reason,
        stop_details: response.stop_details,
        usage,
    };
    let asked = Asked { model: &request.model, messages: request.messages.len() };
    Ok(finish(raw, asked, || request.estimated_tokens()))
}

/// Returns the usage of a reply that cannot be read otherwise: it is billed all the same.
fn only_usage(body: &[u8]) -> Option<Usage> {
    let only: wire::OnlyUsage = serde_json::from_slice(body).ok()?;
    convert_usage(&only.usage?)
}

/// Reads a part. Kinds that are not known say nothing to VDO.
pub(super) fn part(mut block: Map<String, Value>) -> Option<Part> {
    match block.get("type").and_then(Value::as_str)? {
        "text" => Some(Part::Text(take_text(&mut block, "text"))),
        "thinking" | "redacted_thinking" => Some(Part::Reasoning(block)),
        "tool_use" => {
            let input = match block.remove("input") {
                Some(Value::String(text)) => arguments(text),
                Some(Value::Null) | None => Value::Object(Map::new()),
                Some(input) => input,
            };
            Some(Part::Call { id: take_text(&mut block, "id"), name: take_text(&mut block, "name"), input })
        }
        _ => None,
    }
}

/// Takes a text out of an object; empty if it is none.
pub(super) fn take_text(object: &mut Map<String, Value>, name: &str) -> String {
    match object.remove(name) {
        Some(Value::String(text)) => text,
        _ => String::new(),
    }
}

/// Puts a reply together. `input` estimates the request's tokens where the server sent no usage.
pub(super) fn finish(raw: Raw, asked: Asked<'_>, input: impl FnOnce() -> u64) -> Reply {
    let mut ids = Ids::new(asked.messages);
    let blocks: Vec<Block> = raw.parts.into_iter().filter_map(|part| block(part, &mut ids)).collect();
    let has_calls = blocks.iter().any(|block| matches!(block, Block::ToolCall(_)));
    let usage = convert_usage(&raw.usage).unwrap_or_else(|| {
        let output = blocks.iter().map(Block::estimated_tokens).fold(0, u64::saturating_add);
        Usage { input: input(), output, estimated: true, ..Usage::default() }
    });
    let mut about = About { tier: tier(&raw.usage), ..About::default() };
    let stop = stop(raw.stop_reason.as_deref(), has_calls, &mut about.warnings);
    if let Some(category) = raw.stop_details.as_ref().and_then(|details| details.get("category")?.as_str()) {
        about.warnings.push(format!("the model declined: {}", category.chars().take(80).collect::<String>()));
    }
    Reply {
        blocks,
        stop,
        usage,
        model: raw.model.filter(|model| !model.is_empty()).unwrap_or_else(|| asked.model.to_owned()),
        request_id: raw.id,
        about,
    }
}

fn block(part: Part, ids: &mut Ids) -> Option<Block> {
    match part {
        Part::Text(text) => (!text.is_empty()).then_some(Block::Text { text }),
        Part::Reasoning(block) => {
            let text = block.get("thinking").and_then(Value::as_str).unwrap_or_default().to_owned();
            Some(Block::Reasoning(Reasoning::new(FORMAT, text, Value::Object(block))))
        }
        Part::Call { id, name, input } => Some(Block::ToolCall(ToolCall { id: ids.next(id), name, input })),
    }
}

/// Returns why a reply ended.
///
/// A turn that the provider paused is one that was cut: it does so only within tools that it runs itself, of which
/// VDO offers none.
fn stop(reason: Option<&str>, has_calls: bool, warnings: &mut Vec<String>) -> Stop {
    let by_content = if has_calls { Stop::ToolUse } else { Stop::End };
    match reason {
        Some("end_turn" | "stop_sequence" | "tool_use") | None => by_content,
        Some("max_tokens" | "model_context_window_exceeded") => Stop::Length,
        Some("refusal") => Stop::Refused,
        Some("pause_turn") => {
            warnings.push("the provider paused the reply, which counts as cut".to_owned());
            Stop::Length
        }
        Some(other) => {
            let other: String = other.chars().filter(|c| c.is_ascii_graphic()).take(80).collect();
            warnings.push(format!("the reply ended for a reason that is not known: {other}"));
            by_content
        }
    }
}

/// Returns usage in disjoint fields; `None` if the server sent nothing but zeros, which no call takes.
pub(super) fn convert_usage(usage: &wire::Usage) -> Option<Usage> {
    let count = |count: Option<crate::transport::bounds::Count>| count.unwrap_or_default().0;
    let input = count(usage.input_tokens);
    let cache_read = count(usage.cache_read_input_tokens);
    let split = usage.cache_creation.unwrap_or_default();
    let (short, long) = (split.ephemeral_5m_input_tokens.0, split.ephemeral_1h_input_tokens.0);
    // The split comes once, the total grows: what it grows by is written for the shorter time.
    let written = count(usage.cache_creation_input_tokens).max(short.saturating_add(long));
    let output = count(usage.output_tokens);
    if [input, cache_read, written, output] == [0; 4] {
        return None;
    }
    Some(Usage {
        input,
        cache_read,
        cache_write: written.saturating_sub(long),
        cache_write_long: long,
        output,
        reasoning: usage.output_tokens_details.unwrap_or_default().thinking_tokens.0.min(output),
        estimated: false,
    })
}

fn tier(usage: &wire::Usage) -> ServiceTier {
    match (usage.speed.as_deref(), usage.service_tier.as_deref()) {
        (Some("fast"), _) => ServiceTier::Fast,
        (_, Some("priority")) => ServiceTier::Priority,
        (_, Some("batch")) => ServiceTier::Batch,
        _ => ServiceTier::Standard,
    }
}
