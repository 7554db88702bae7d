//! A request, as Chat Completions wants it. Pure; borrows everything it can.

use std::borrow::Cow;

use serde_json::Value;
use vdo_core::message::{Block, Completion, Message, Role, ToolCall};
use vdo_core::port::Capabilities;

use super::profile::{Dialect, MaxTokensField, SystemRole};
use super::wire;
use crate::transport::strict;

/// How the reply is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Whole.
    Whole,
    /// As it arrives.
    Streamed,
}

/// Returns the body of a request.
pub(super) fn body(
    request: &Completion,
    dialect: &Dialect,
    model: &Capabilities,
    mode: Mode,
) -> Result<Vec<u8>, serde_json::Error> {
    let size: usize = request.texts().map(str::len).sum();
    let mut body = Vec::with_capacity(size + size / 8 + 512);
    serde_json::to_writer(&mut body, &convert(request, dialect, model, mode))?;
    Ok(body)
}

/// Returns the request on the wire.
pub(super) fn convert<'a>(
    request: &'a Completion,
    dialect: &Dialect,
    model: &Capabilities,
    mode: Mode,
) -> wire::Request<'a> {
    let supports = &dialect.supports;
    let strict = |schema: &Value| (supports.strict && strict::qualifies(schema)).then_some(true);
    let limit = match (request.max_output, model.max_output) {
        (Some(asked), Some(most)) => Some(asked.min(most)),
        (asked, _) => asked,
    };
    let (max_tokens, max_completion_tokens) = match dialect.max_tokens_field {
        MaxTokensField::MaxTokens => (limit, None),
        MaxTokensField::MaxCompletionTokens => (None, limit),
    };
    let tools: Vec<_> = request
        .tools
        .iter()
        .filter(|_| model.tools)
        .map(|tool| wire::Tool {
            r#type: "function",
            function: wire::FunctionSpec {
                name: &tool.name,
                description: &tool.description,
                parameters: &tool.input_schema,
                strict: strict(&tool.input_schema),
            },
        })
        .collect();
    let response_format = request.output.as_ref().filter(|_| model.json_schema).map(|output| wire::ResponseFormat {
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
        messages: messages(request, dialect.system_role),
        max_tokens,
        max_completion_tokens,
        parallel_tool_calls: (supports.parallel_tools && !tools.is_empty()).then_some(true),
        tools,
        response_format,
        stream: streamed,
        stream_options: (streamed && supports.stream_usage).then_some(wire::StreamOptions { include_usage: true }),
        store: supports.store.then_some(false),
    }
}

fn messages(request: &Completion, system: SystemRole) -> Vec<wire::Message<'_>> {
    let mut messages = Vec::with_capacity(request.messages.len() + 1);
    if !request.system.is_empty() {
        let role = match system {
            SystemRole::System => "system",
            SystemRole::Developer => "developer",
        };
        messages.push(text_message(role, Cow::Borrowed(request.system.as_str())));
    }
    for message in &request.messages {
        match message.role {
            Role::User => push_user(message, &mut messages),
            Role::Assistant => messages.push(assistant(message)),
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

fn assistant(message: &Message) -> wire::Message<'_> {
    let calls = message.blocks.iter().filter_map(|block| match block {
        Block::ToolCall(call) => Some(call_out(call)),
        Block::Text { .. } | Block::ToolResult { .. } | Block::Reasoning(_) => None,
    });
    let tool_calls: Vec<_> = calls.collect();
    // A message has to say something.
    let content = joined_text(message).or_else(|| tool_calls.is_empty().then_some(Cow::Borrowed("")));
    wire::Message { role: "assistant", tool_call_id: None, content, tool_calls }
}

fn call_out(call: &ToolCall) -> wire::CallOut<'_> {
    let arguments = match &call.input {
        // Arguments that were not JSON when they came: servers that parse them would choke on them again.
        Value::String(text) if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() => {
            Cow::Owned(serde_json::json!({ "invalid_json": text }).to_string())
        }
        Value::String(text) => Cow::Borrowed(text.as_str()),
        input => Cow::Owned(input.to_string()),
    };
    wire::CallOut { id: &call.id, r#type: "function", function: wire::FunctionOut { name: &call.name, arguments } }
}

fn text_message<'a>(role: &'static str, content: Cow<'a, str>) -> wire::Message<'a> {
    wire::Message { role, tool_call_id: None, content: Some(content), tool_calls: Vec::new() }
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
