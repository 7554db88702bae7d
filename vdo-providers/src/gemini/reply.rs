//! What came back, in VDO's terms. Pure, and total: any bytes become a reply or an error.
//!
//! A reply that comes whole is a stream of one piece.

use serde_json::{Value, json};
use vdo_core::message::{About, Block, Completion, Reasoning, Reply, Stop, ToolCall};
use vdo_core::port::ProviderError;
use vdo_core::usage::{ServiceTier, Usage};

use super::contents::FORMAT;
use super::{errors, wire};
use crate::transport::bounds::Count;
use crate::transport::calls::Ids;
use crate::transport::failure::TransportFailure;
use crate::transport::limits;
use crate::transport::redact::Redactor;

/// What is known of the request when its reply is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    /// The model asked for.
    pub(super) model: &'a str,
    /// The messages sent: makes ids unique.
    pub(super) messages: usize,
    /// The tier asked for.
    pub(super) tier: ServiceTier,
}

impl<'a> Asked<'a> {
    pub(super) fn of(request: &'a Completion) -> Self {
        Self { model: &request.model, messages: request.messages.len(), tier: request.settings.tier }
    }
}

/// A reply that is put together piece by piece.
#[derive(Debug)]
pub(super) struct Raw {
    blocks: Vec<Block>,
    ids: Ids,
    /// Whether the last text came with a signature, so that nothing may be added to it.
    sealed: bool,
    finish: Option<String>,
    finish_message: Option<String>,
    blocked: Option<String>,
    usage: wire::Usage,
    model: String,
    id: Option<String>,
    tier: ServiceTier,
    redactor: Redactor,
}

impl Raw {
    pub(super) fn new(asked: Asked<'_>, redactor: Redactor) -> Self {
        Self {
            blocks: Vec::new(),
            ids: Ids::new(asked.messages),
            sealed: false,
            finish: None,
            finish_message: None,
            blocked: None,
            usage: wire::Usage::default(),
            model: asked.model.to_owned(),
            id: None,
            tier: asked.tier,
            redactor,
        }
    }

    /// Takes in a piece and hands each new text to `text`.
    pub(super) fn take(&mut self, piece: &[u8], text: &mut dyn FnMut(String)) -> Result<(), ProviderError> {
        // Some servers wrap a piece, or all of them, into a list.
        let pieces: Vec<wire::Response> = if piece.trim_ascii_start().starts_with(b"[") {
            serde_json::from_slice(piece)
        } else {
            serde_json::from_slice(piece).map(|one| vec![one])
        }
        .map_err(|error| ProviderError::BadAnswer {
            // The parser's words may quote the answer.
            message: self.redactor.clean(&format!("{error}; it starts: {}", self.redactor.clean_bytes(piece))),
            usage: only_usage(piece),
        })?;
        pieces.into_iter().try_for_each(|piece| self.take_piece(piece, text))
    }

    fn take_piece(&mut self, piece: wire::Response, text: &mut dyn FnMut(String)) -> Result<(), ProviderError> {
        if let Some(usage) = piece.usage_metadata {
            self.count(usage);
        }
        if let Some(error) = piece.error {
            return Err(errors::within(error, &self.redactor));
        }
        self.model = piece.model_version.filter(|model| !model.is_empty()).unwrap_or(std::mem::take(&mut self.model));
        self.id = self.id.take().or(piece.response_id);
        self.blocked = piece.prompt_feedback.and_then(|feedback| feedback.block_reason).or(self.blocked.take());
        for candidate in piece.candidates.into_iter().flatten() {
            if candidate.index.unwrap_or(0) != 0 {
                continue;
            }
            for part in candidate.content.and_then(|content| content.parts).into_iter().flatten() {
                self.part(part, text);
            }
            self.finish = candidate.finish_reason.filter(|reason| !reason.is_empty()).or(self.finish.take());
            self.finish_message = candidate.finish_message.or(self.finish_message.take());
        }
        Ok(())
    }

    fn part(&mut self, part: wire::SaidPart, text: &mut dyn FnMut(String)) {
        let signature = part.thought_signature.filter(|signature| !signature.is_empty());
        if part.thought {
            self.thought(part.text.unwrap_or_default(), signature);
            return;
        }
        if let Some(signature) = &signature {
            let data = json!({ "thoughtSignature": signature });
            self.blocks.push(reasoning(String::new(), data));
        }
        if let Some(call) = part.function_call {
            let id = self.ids.next(call.id.unwrap_or_default());
            let input = Value::Object(call.args.unwrap_or_default());
            self.blocks.push(Block::ToolCall(ToolCall { id, name: call.name.unwrap_or_default(), input }));
        } else if let Some(more) = part.text.filter(|more| !more.is_empty()) {
            match self.blocks.last_mut() {
                Some(Block::Text { text }) if !self.sealed => text.push_str(&more),
                _ => self.blocks.push(Block::text(more.as_str())),
            }
            self.sealed = signature.is_some();
            text(more);
        }
    }

    fn thought(&mut self, more: String, signature: Option<String>) {
        match (self.blocks.last_mut(), signature) {
            (Some(Block::Reasoning(last)), None) if last.data.is_null() => last.text.push_str(&more),
            (_, None) if more.is_empty() => {}
            (_, None) => self.blocks.push(reasoning(more, Value::Null)),
            (_, Some(signature)) => {
                let data = json!({ "thoughtSignature": signature, "thought": true });
                self.blocks.push(reasoning(more, data));
            }
        }
    }

    /// Takes in usage that counts everything so far; what it does not name stays.
    fn count(&mut self, usage: wire::Usage) {
        let known = &mut self.usage;
        for (known, new) in [
            (&mut known.prompt_token_count, usage.prompt_token_count),
            (&mut known.cached_content_token_count, usage.cached_content_token_count),
            (&mut known.candidates_token_count, usage.candidates_token_count),
            (&mut known.thoughts_token_count, usage.thoughts_token_count),
            (&mut known.tool_use_prompt_token_count, usage.tool_use_prompt_token_count),
            (&mut known.total_token_count, usage.total_token_count),
        ] {
            *known = new.or(*known);
        }
        known.service_tier = usage.service_tier.or(known.service_tier.take());
    }

    /// Returns whether it named its end.
    pub(super) fn is_whole(&self) -> bool {
        self.finish.is_some() || self.blocked.is_some()
    }

    /// Returns whether any of the model's output arrived.
    pub(super) fn began(&self) -> bool {
        !self.blocks.is_empty()
    }

    /// Returns the parts so far.
    pub(super) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Returns the usage so far.
    pub(super) fn usage(&self) -> Option<Usage> {
        convert_usage(&self.usage)
    }

    /// Puts the reply together. `input` estimates the request's tokens where the server sent no usage.
    pub(super) fn finish(self, input: impl FnOnce() -> u64) -> Result<Reply, ProviderError> {
        let mut warnings = Vec::new();
        let shown = |text: &str| self.redactor.clean(&text.chars().take(200).collect::<String>());
        let has_calls = self.blocks.iter().any(|block| matches!(block, Block::ToolCall(_)));
        let stop = match (self.finish.as_deref(), &self.blocked) {
            (Some(reason), _) => match ending(reason, has_calls) {
                Ending::Stop(stop) => stop,
                Ending::Odd(stop, what) => {
                    warnings.push(format!("{what}: {}", shown(reason)));
                    stop
                }
                Ending::Broken => {
                    let detail = self.finish_message.as_deref().map(shown).unwrap_or_default();
                    let message = format!("the model produced nothing usable: {} {detail}", shown(reason));
                    return Err(ProviderError::BadAnswer { message: message.trim().to_owned(), usage: self.usage() });
                }
            },
            (None, Some(reason)) => {
                warnings.push(format!("the request was blocked: {}", shown(reason)));
                Stop::Refused
            }
            (None, None) => return Err(TransportFailure::Truncated.into()),
        };
        let usage = self.usage().unwrap_or_else(|| {
            let output = self.blocks.iter().map(Block::estimated_tokens).fold(0, u64::saturating_add);
            Usage { input: input(), output, estimated: true, ..Usage::default() }
        });
        let tier = self.usage.service_tier.as_deref().and_then(limits::tier).unwrap_or(self.tier);
        let about = About { tier, warnings, ..About::default() };
        Ok(Reply { blocks: self.blocks, stop, usage, model: self.model, request_id: self.id, about })
    }
}

/// Returns the usage of a piece that cannot be read otherwise: it is billed all the same.
fn only_usage(piece: &[u8]) -> Option<Usage> {
    let only: wire::OnlyUsage = serde_json::from_slice(piece).ok()?;
    convert_usage(&only.usage_metadata?)
}

/// Reads a whole reply.
pub(super) fn parse(body: &[u8], request: &Completion, redactor: &Redactor) -> Result<Reply, ProviderError> {
    let mut raw = Raw::new(Asked::of(request), redactor.clone());
    raw.take(body, &mut |_| {}).map_err(|error| error.after(false, raw.usage()))?;
    if !raw.is_whole() && !raw.began() {
        return Err(ProviderError::BadAnswer {
            message: format!("it has no candidates; it starts: {}", redactor.clean_bytes(body)),
            usage: raw.usage(),
        });
    }
    // A body that came whole has come to its end.
    raw.finish = raw.finish.take().or_else(|| raw.blocked.is_none().then(|| "STOP".to_owned()));
    raw.finish(|| request.estimated_tokens())
}

fn reasoning(text: String, data: Value) -> Block {
    Block::Reasoning(Reasoning::new(FORMAT, text, data))
}

/// What a reason to finish comes to.
enum Ending {
    /// A reason like any other.
    Stop(Stop),
    /// One that is worth a word.
    Odd(Stop, &'static str),
    /// What came cannot be used.
    Broken,
}

/// The table of reasons to finish. A call of a tool is seen by itself, not by its reason.
fn ending(reason: &str, has_calls: bool) -> Ending {
    let by_content = if has_calls { Stop::ToolUse } else { Stop::End };
    match reason {
        "STOP" | "FINISH_REASON_UNSPECIFIED" | "FUNCTION_CALL" => Ending::Stop(by_content),
        "MAX_TOKENS" => Ending::Stop(Stop::Length),
        "SAFETY"
        | "RECITATION"
        | "LANGUAGE"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "ESCALATION"
        | "PUP_LIMITED_DISABLED"
        | "NO_IMAGE" => Ending::Odd(Stop::Refused, "the reply was stopped"),
        "MALFORMED_FUNCTION_CALL"
        | "UNEXPECTED_TOOL_CALL"
        | "TOO_MANY_TOOL_CALLS"
        | "MALFORMED_RESPONSE"
        | "MISSING_THOUGHT_SIGNATURE" => Ending::Broken,
        // To go on is the engine's to decide: what came is a reply that was cut.
        "CONTINUATION" => Ending::Odd(Stop::Length, "the provider paused the reply, which counts as cut"),
        "OTHER" => Ending::Odd(Stop::Refused, "the reply was stopped without a reason"),
        _ if reason.starts_with("IMAGE_") => Ending::Odd(Stop::Refused, "the reply was stopped"),
        _ => Ending::Odd(by_content, "the reply ended for a reason that is not known"),
    }
}

/// Returns usage in disjoint fields; `None` if the server sent nothing but zeros, which no call takes.
fn convert_usage(usage: &wire::Usage) -> Option<Usage> {
    let count = |count: Option<Count>| count.unwrap_or_default().0;
    let prompt = count(usage.prompt_token_count);
    let cached = count(usage.cached_content_token_count);
    let tools = count(usage.tool_use_prompt_token_count);
    let thoughts = count(usage.thoughts_token_count);
    let named = prompt.saturating_add(tools).saturating_add(thoughts);
    // What is not named of the total is the reply itself.
    let left = count(usage.total_token_count).saturating_sub(named);
    let said = usage.candidates_token_count.map_or(left, |candidates| candidates.0);
    if [prompt, tools, thoughts, said] == [0; 4] {
        return None;
    }
    Some(Usage {
        input: prompt.saturating_sub(cached).saturating_add(tools),
        cache_read: cached,
        cache_write: 0,
        cache_write_long: 0,
        output: said.saturating_add(thoughts),
        reasoning: thoughts,
        estimated: false,
    })
}
