//! A request, as Responses wants it. Pure; borrows everything it can.

use std::borrow::Cow;

use serde_json::Value;
use vdo_core::message::{Block, CacheMark, Completion, Message, Reasoning, Role};
use vdo_core::port::{Capabilities, ReasoningControl};

use super::{FORMAT, wire};
use crate::openai_shared::asks::{Asks, CacheOptions, Knows};
use crate::openai_shared::calls::arguments_out;
use crate::transport::strict;

/// What the body is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A reply, whole.
    Whole,
    /// A reply, as it arrives.
    Streamed,
    /// The number of its tokens.
    Count,
}

const KNOWS: Knows = Knows {
    sampling: true,
    stop: false,
    tool_choice: true,
    parallel_tools: true,
    effort: true,
    summary: true,
    verbosity: true,
    cache: true,
    tiers: true,
};

/// Returns the body of a request, and what was left out of it.
pub(super) fn body(
    request: &Completion,
    model: &Capabilities,
    purpose: Purpose,
) -> Result<(Vec<u8>, Vec<String>), serde_json::Error> {
    let size: usize = request.texts().map(str::len).sum();
    let mut body = Vec::with_capacity(size + size / 8 + 512);
    let (converted, warnings) = convert(request, model, purpose);
    serde_json::to_writer(&mut body, &converted)?;
    Ok((body, warnings))
}

fn convert<'a>(request: &'a Completion, model: &Capabilities, purpose: Purpose) -> (wire::Request<'a>, Vec<String>) {
    let mut asks = Asks::of(request, &KNOWS, model);
    let warnings = std::mem::take(&mut asks.warnings);
    let reply = purpose != Purpose::Count;
    let marks = Marks::of(&asks, reply);
    let reasons = model.accepts.reasoning != ReasoningControl::None;
    let strict = |schema: &Value| model.accepts.strict && strict::qualifies(schema);
    let tools = request.tools.iter().filter(|_| asks.tools).map(|tool| wire::Tool {
        r#type: "function",
        name: &tool.name,
        description: &tool.description,
        parameters: &tool.input_schema,
        strict: strict(&tool.input_schema),
    });
    let format = request.output.as_ref().filter(|_| asks.schema).map(|output| wire::Format {
        r#type: "json_schema",
        name: &output.name,
        schema: &output.schema,
        strict: strict(&output.schema),
    });
    let verbosity = asks.verbosity.filter(|_| reply);
    let reasoning = wire::ReasoningOut { effort: asks.effort, summary: asks.summary.then_some("auto") };
    let cache = asks.cache.filter(|_| reply);
    let converted = wire::Request {
        model: &request.model,
        instructions: Some(request.system.as_str()).filter(|text| !text.is_empty()),
        input: input(asks.messages, &marks, reasons, purpose),
        max_output_tokens: asks.max_output.filter(|_| reply),
        temperature: asks.temperature.filter(|_| reply),
        top_p: asks.top_p.filter(|_| reply),
        tools: tools.collect(),
        tool_choice: asks.choice.map(wire::ToolChoice::of),
        parallel_tool_calls: asks.parallel_tools,
        text: (format.is_some() || verbosity.is_some()).then_some(wire::Text { format, verbosity }),
        reasoning: (reply && (reasoning.effort.is_some() || reasoning.summary.is_some())).then_some(reasoning),
        // A model that does not reason refuses it.
        include: if reply && reasons { &["reasoning.encrypted_content"] } else { &[] },
        prompt_cache_key: cache.and_then(|cache| cache.key.as_deref()),
        prompt_cache_options: cache.map(|cache| CacheOptions {
            mode: if marks.0.is_empty() { "implicit" } else { "explicit" },
            ttl: if cache.long { "12h" } else { "30m" },
        }),
        service_tier: asks.tier.filter(|_| reply),
        store: reply.then_some(false),
        stream: purpose == Purpose::Streamed,
    };
    (converted, warnings)
}

/// The messages at whose end the cache is told to stop. Empty if the other side finds out by itself.
struct Marks(Vec<usize>);

impl Marks {
    /// Marks go on texts of ours; where one would have to stand elsewhere, all is left to the other side, which would
    /// otherwise keep less than it does by itself.
    fn of(asks: &Asks<'_>, reply: bool) -> Self {
        let marks = asks.cache.filter(|_| reply).map(|cache| cache.marks.as_slice()).unwrap_or_default();
        let places = marks.iter().filter_map(|mark| match mark {
            CacheMark::System => None,
            CacheMark::Message(place) => Some(*place),
        });
        let places: Vec<usize> = places.collect();
        let can = |place: &usize| {
            asks.messages.get(*place).is_some_and(|message| {
                message.role == Role::User
                    && matches!(message.blocks.last(), Some(Block::Text { text }) if !text.is_empty())
            })
        };
        if places.iter().all(can) { Self(places) } else { Self(Vec::new()) }
    }
}

fn input<'a>(messages: &'a [Message], marks: &Marks, reasons: bool, purpose: Purpose) -> wire::Input<'a> {
    if let ([message], Purpose::Count) = (messages, purpose)
        && let (Role::User, [Block::Text { text }]) = (message.role, message.blocks.as_slice())
    {
        return wire::Input::Text(text);
    }
    let mut items = Vec::with_capacity(messages.len());
    for (place, message) in messages.iter().enumerate() {
        match message.role {
            Role::User => push_user(message, marks.0.contains(&place), &mut items),
            Role::Assistant => push_assistant(message, reasons, &mut items),
        }
    }
    wire::Input::Items(items)
}

/// Results of tools come first: they belong to the calls before them.
fn push_user<'a>(message: &'a Message, is_marked: bool, items: &mut Vec<wire::Item<'a>>) {
    let mut content = Vec::new();
    for block in &message.blocks {
        match block {
            Block::Text { text } if !text.is_empty() => {
                content.push(wire::Part { r#type: "input_text", text, prompt_cache_breakpoint: None });
            }
            Block::ToolResult { id, content, is_error } => {
                // There is no field for it.
                let output =
                    if *is_error { Cow::Owned(format!("Error: {content}")) } else { Cow::Borrowed(content.as_str()) };
                items.push(wire::Item::Output { r#type: "function_call_output", call_id: id, output });
            }
            Block::Text { .. } | Block::ToolCall(_) | Block::Reasoning(_) => {}
        }
    }
    if let Some(last) = content.last_mut().filter(|_| is_marked) {
        last.prompt_cache_breakpoint = Some(wire::Breakpoint { mode: "explicit" });
    }
    if !content.is_empty() {
        items.push(wire::Item::User { role: "user", content });
    }
}

/// Reasoning goes back to models that reason, and only before what came of it: alone it is refused.
fn push_assistant<'a>(message: &'a Message, reasons: bool, items: &mut Vec<wire::Item<'a>>) {
    let is_said = |block: &Block| match block {
        Block::Text { text } => !text.is_empty(),
        Block::ToolCall(_) => true,
        Block::Reasoning(_) | Block::ToolResult { .. } => false,
    };
    let last = message.blocks.iter().rposition(is_said);
    for (place, block) in message.blocks.iter().enumerate() {
        let led = reasons && last.is_some_and(|last| place < last);
        if led || !matches!(block, Block::Reasoning(_)) {
            items.extend(assistant(block));
        }
    }
}

fn assistant(block: &Block) -> Option<wire::Item<'_>> {
    match block {
        Block::Text { text } if !text.is_empty() => Some(wire::Item::Assistant { role: "assistant", content: text }),
        Block::ToolCall(call) => Some(wire::Item::Call {
            r#type: "function_call",
            call_id: &call.id,
            name: &call.name,
            arguments: arguments_out(call),
        }),
        Block::Reasoning(reasoning) => carried(reasoning).map(wire::Item::Unchanged),
        Block::Text { .. } | Block::ToolResult { .. } => None,
    }
}

/// Returns reasoning that can be sent back: nothing is stored, so that it has to bring its content along.
fn carried(reasoning: &Reasoning) -> Option<&Value> {
    let item = Some(&reasoning.data).filter(|_| reasoning.format == FORMAT)?;
    let has = |field: &str| {
        item.get(field).is_some_and(|value| match value {
            Value::String(text) => !text.is_empty(),
            Value::Array(parts) => !parts.is_empty(),
            _ => false,
        })
    };
    (item.get("type").is_some_and(|kind| kind == "reasoning") && (has("encrypted_content") || has("content")))
        .then_some(item)
}
