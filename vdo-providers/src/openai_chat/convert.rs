//! A request, as Chat Completions wants it. Pure; borrows everything it can.

use std::borrow::Cow;

use serde_json::Value;
use vdo_core::message::{Block, Completion, Message, Role, ToolCall};
use vdo_core::port::Capabilities;

use super::profile::{Dialect, MaxTokensField, SystemRole};
use super::{thoughts, wire};
use crate::openai_shared::asks::{Asks, CacheOptions};
use crate::openai_shared::calls::arguments_out;
use crate::transport::strict;

/// How the reply is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Whole.
    Whole,
    /// As it arrives.
    Streamed,
}

/// Returns the body of a request, and what was left out of it.
pub(super) fn body(
    request: &Completion,
    dialect: &Dialect,
    model: &Capabilities,
    mode: Mode,
) -> Result<(Vec<u8>, Vec<String>), serde_json::Error> {
    let size: usize = request.texts().map(str::len).sum();
    let mut body = Vec::with_capacity(size + size / 8 + 512);
    let mut asks = Asks::of(request, &dialect.supports.knows(), model);
    let warnings = std::mem::take(&mut asks.warnings);
    serde_json::to_writer(&mut body, &convert(request, asks, dialect, model, mode))?;
    Ok((body, warnings))
}

/// Returns the request on the wire.
fn convert<'a>(
    request: &'a Completion,
    asks: Asks<'a>,
    dialect: &Dialect,
    model: &Capabilities,
    mode: Mode,
) -> wire::Request<'a> {
    let supports = &dialect.supports;
    let strict =
        |schema: &Value| (supports.strict && model.accepts.strict && strict::qualifies(schema)).then_some(true);
    let (max_tokens, max_completion_tokens) = match dialect.max_tokens_field {
        MaxTokensField::MaxTokens => (asks.max_output, None),
        MaxTokensField::MaxCompletionTokens => (None, asks.max_output),
    };
    let tools = request.tools.iter().filter(|_| asks.tools).map(|tool| wire::Tool {
        r#type: "function",
        function: wire::FunctionSpec {
            name: &tool.name,
            description: &tool.description,
            parameters: &tool.input_schema,
            strict: strict(&tool.input_schema),
        },
    });
    let response_format = request.output.as_ref().filter(|_| asks.schema).map(|output| wire::ResponseFormat {
        r#type: "json_schema",
        json_schema: wire::JsonSchemaFormat {
            name: &output.name,
            schema: &output.schema,
            strict: strict(&output.schema),
        },
    });
    let streamed = mode == Mode::Streamed;
    wire::Request {
        model: &request.model,
        messages: messages(&request.system, asks.messages, dialect),
        max_tokens,
        max_completion_tokens,
        tools: tools.collect(),
        tool_choice: asks.choice.map(wire::ToolChoice::of),
        parallel_tool_calls: asks.parallel_tools.or((supports.parallel_tools && asks.tools).then_some(true)),
        temperature: asks.temperature,
        top_p: asks.top_p,
        stop: asks.stop,
        reasoning_effort: asks.effort,
        verbosity: asks.verbosity,
        prompt_cache_key: asks.cache.and_then(|cache| cache.key.as_deref()),
        // This interface has no marks and one time to live.
        prompt_cache_options: asks.cache.map(|_| CacheOptions { mode: "implicit", ttl: "30m" }),
        service_tier: asks.tier,
        response_format,
        stream: streamed,
        stream_options: (streamed && supports.stream_usage).then_some(wire::StreamOptions { include_usage: true }),
        store: supports.store.then_some(false),
    }
}

fn messages<'a>(system: &'a str, conversation: &'a [Message], dialect: &Dialect) -> Vec<wire::Message<'a>> {
    let mut messages = Vec::with_capacity(conversation.len() + 1);
    if !system.is_empty() {
        let role = match dialect.system_role {
            SystemRole::System => "system",
            SystemRole::Developer => "developer",
        };
        messages.push(text_message(role, Cow::Borrowed(system)));
    }
    for message in conversation {
        match message.role {
            Role::User => push_user(message, &mut messages),
            Role::Assistant => messages.push(assistant(message, dialect.supports.reasoning_content)),
        }
    }
    messages
}

/// Results of tools come first: they have to follow the message that asked for them.
fn push_user<'a>(message: &'a Message, messages: &mut Vec<wire::Message<'a>>) {
    for block in &message.blocks {
        if let Block::ToolResult { id, content, is_error } = block {
            // There is no field for it.
            let content =
                if *is_error { Cow::Owned(format!("Error: {content}")) } else { Cow::Borrowed(content.as_str()) };
            messages.push(wire::Message { tool_call_id: Some(id), ..text_message("tool", content) });
        }
    }
    if let Some(text) = joined_text(message) {
        messages.push(text_message("user", text));
    }
}

fn assistant(message: &Message, reasoning_content: bool) -> wire::Message<'_> {
    let calls = message.blocks.iter().filter_map(|block| match block {
        Block::ToolCall(call) => Some(call_out(call)),
        Block::Text { .. } | Block::ToolResult { .. } | Block::Reasoning(_) => None,
    });
    let tool_calls: Vec<_> = calls.collect();
    // A message has to say something.
    let content = joined_text(message).or_else(|| tool_calls.is_empty().then_some(Cow::Borrowed("")));
    wire::Message {
        content,
        // Servers that want it back want it with calls only.
        reasoning_content: thoughts::text(message).filter(|_| reasoning_content && !tool_calls.is_empty()),
        reasoning_details: thoughts::details(message),
        tool_calls,
        ..text_message("assistant", Cow::Borrowed(""))
    }
}

fn call_out(call: &ToolCall) -> wire::CallOut<'_> {
    let function = wire::FunctionOut { name: &call.name, arguments: arguments_out(call) };
    wire::CallOut { id: &call.id, r#type: "function", function }
}

fn text_message<'a>(role: &'static str, content: Cow<'a, str>) -> wire::Message<'a> {
    wire::Message {
        role,
        tool_call_id: None,
        content: Some(content),
        reasoning_content: None,
        reasoning_details: None,
        tool_calls: Vec::new(),
    }
}

/// Returns the texts of a message, with an empty line between two; `None` if there are none.
fn joined_text(message: &Message) -> Option<Cow<'_, str>> {
    let mut texts = message.blocks.iter().filter_map(|block| match block {
        Block::Text { text } => Some(text.as_str()),
        Block::ToolCall(_) | Block::ToolResult { .. } | Block::Reasoning(_) => None,
    });
    let first = texts.next()?;
    Some(texts.fold(Cow::Borrowed(first), |mut joined, text| {
        let whole = joined.to_mut();
        whole.push_str("\n\n");
        whole.push_str(text);
        joined
    }))
}
