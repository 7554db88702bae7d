//! What came back, in VDO's terms. Pure, and total: any bytes become a reply or an error.

use vdo_core::message::{About, Block, Reply, Stop};
use vdo_core::port::ProviderError;
use vdo_core::usage::Usage;

use super::thoughts::Thoughts;
use super::wire;
use crate::openai_shared::asks::tier_of;
use crate::openai_shared::calls::{RawCall, Reader, arguments_text};
use crate::openai_shared::errors;
use crate::transport::redact::Redactor;

/// Everything a reply is made of, whole or collected from chunks.
#[derive(Debug, Default)]
pub(super) struct Raw {
    pub(super) thoughts: Thoughts,
    pub(super) text: String,
    pub(super) refusal: String,
    pub(super) calls: Vec<RawCall>,
    pub(super) finish: Option<String>,
    pub(super) usage: Option<wire::Usage>,
    pub(super) model: Option<String>,
    pub(super) id: Option<String>,
    pub(super) tier: Option<String>,
}

impl Raw {
    /// Returns the usage as far as it is known.
    pub(super) fn usage(&self) -> Option<Usage> {
        self.usage.as_ref().and_then(convert_usage)
    }
}

/// What is known of the request when its reply is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    /// The model asked for.
    pub(super) model: &'a str,
    /// The messages sent: makes ids unique.
    pub(super) messages: usize,
    /// Whether the server's word on what a call cost is taken.
    pub(super) cost: bool,
}

/// Reads a whole reply.
pub(super) fn parse(
    body: &[u8],
    asked: Asked<'_>,
    input: impl FnOnce() -> u64,
    redactor: &Redactor,
) -> Result<Reply, ProviderError> {
    let response: wire::Response = serde_json::from_slice(body).map_err(|error| ProviderError::BadAnswer {
        // The parser's words may quote the answer.
        message: redactor.clean(&format!("{error}; it starts: {}", redactor.clean_bytes(body))),
        usage: only_usage(body),
    })?;
    let usage = response.usage;
    let spent = usage.as_ref().and_then(convert_usage);
    if let Some(error) = &response.error {
        return Err(errors::within(error, redactor).after(false, spent));
    }
    // The first choice is the only one asked for.
    let Some(choice) = response.choices.into_iter().flatten().next() else {
        return Err(ProviderError::BadAnswer {
            message: format!("it has no choices; it starts: {}", redactor.clean_bytes(body)),
            usage: spent,
        });
    };
    if let Some(error) = &choice.error {
        return Err(errors::within(error, redactor).after(false, spent));
    }
    let mut said = choice.message.unwrap_or_default();
    let mut thoughts = Thoughts::default();
    thoughts.take(&mut said);
    let calls = said.tool_calls.unwrap_or_default().into_iter().map(|call| {
        let function = call.function.unwrap_or_default();
        raw_call(call.id, function)
    });
    let calls = calls.chain(said.function_call.map(|function| raw_call(None, function))).collect();
    let raw = Raw {
        thoughts,
        text: said.content.unwrap_or_default(),
        refusal: said.refusal.unwrap_or_default(),
        calls,
        finish: choice.finish_reason,
        usage,
        model: response.model,
        id: response.id,
        tier: response.service_tier,
    };
    finish(raw, asked, input).map_err(|error| error.after(false, spent))
}

fn raw_call(id: Option<String>, function: wire::Function) -> RawCall {
    RawCall {
        id: id.unwrap_or_default(),
        name: function.name.unwrap_or_default(),
        arguments: function.arguments.map(arguments_text).unwrap_or_default(),
    }
}

/// Puts a reply together. `input` estimates the request's tokens where the server sent no usage.
pub(super) fn finish(raw: Raw, asked: Asked<'_>, input: impl FnOnce() -> u64) -> Result<Reply, ProviderError> {
    if raw.finish.as_deref() == Some("error") {
        return Err(ProviderError::Fault { status: 502, message: "it broke off and gave no reason".to_owned() });
    }
    let usage = raw.usage();
    let bill = raw.usage.as_ref().filter(|_| asked.cost).and_then(|usage| usage.bill.total());
    let refused = !raw.refusal.is_empty();
    let has_calls = !raw.calls.is_empty();
    let mut blocks = Vec::with_capacity(raw.calls.len() + 3);
    blocks.extend(raw.thoughts.into_block());
    for text in [raw.text, raw.refusal] {
        if !text.is_empty() {
            blocks.push(Block::Text { text });
        }
    }
    let mut calls = Reader::new(asked.messages);
    blocks.extend(raw.calls.into_iter().map(|call| calls.read(call)));
    let usage = usage.unwrap_or_else(|| {
        let output = blocks.iter().map(Block::estimated_tokens).fold(0, u64::saturating_add);
        Usage { input: input(), output, estimated: true, ..Usage::default() }
    });
    Ok(Reply {
        blocks,
        stop: stop(raw.finish.as_deref(), refused, has_calls),
        usage,
        model: raw.model.filter(|model| !model.is_empty()).unwrap_or_else(|| asked.model.to_owned()),
        request_id: raw.id.filter(|id| !id.is_empty()),
        about: About { tier: tier_of(raw.tier.as_deref()), billed: bill, ..About::default() },
    })
}

/// Returns why a reply ended. Servers that say "stop" after a tool call are corrected.
fn stop(finish: Option<&str>, refused: bool, has_calls: bool) -> Stop {
    match finish {
        Some("length" | "max_tokens") => Stop::Length,
        Some("content_filter" | "refusal") => Stop::Refused,
        _ if refused => Stop::Refused,
        _ if has_calls => Stop::ToolUse,
        _ => Stop::End,
    }
}

/// Returns the usage of a reply that cannot be read otherwise: it is billed all the same.
fn only_usage(body: &[u8]) -> Option<Usage> {
    let only: wire::OnlyUsage = serde_json::from_slice(body).ok()?;
    convert_usage(&only.usage?)
}

/// Returns usage in disjoint fields; `None` if the server sent nothing but zeros, which no call takes.
pub(super) fn convert_usage(usage: &wire::Usage) -> Option<Usage> {
    let prompt = usage.prompt_tokens.0;
    let completion = usage.completion_tokens.0;
    if prompt == 0 && completion == 0 {
        return None;
    }
    let details = usage.prompt_tokens_details.unwrap_or_default();
    let cached = details.cached_tokens.0.max(usage.prompt_cache_hit_tokens.0);
    let written = details.cache_write_tokens.0;
    let long = details.cache_write_tokens_details.unwrap_or_default().ttl_12h_tokens.0.min(written);
    let reasoning = usage.completion_tokens_details.unwrap_or_default().reasoning_tokens.0;
    // Some servers count reasoning beside the completion, not in it; their total shows it.
    let beside = prompt.saturating_add(completion).saturating_add(reasoning) == usage.total_tokens.0;
    let output = if reasoning > completion || beside { completion.saturating_add(reasoning) } else { completion };
    Some(Usage {
        input: prompt.saturating_sub(cached).saturating_sub(written),
        cache_read: cached,
        cache_write: written.saturating_sub(long),
        cache_write_long: long,
        output,
        reasoning,
        estimated: false,
    })
}
