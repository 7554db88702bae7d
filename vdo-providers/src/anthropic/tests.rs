//! The conversion both ways, without a server.

mod failures;
mod replies;
mod requests;
mod streams;

use serde_json::{Value, json};
use vdo_core::message::{
    Block, CacheMark, Completion, Effort, Message, OutputSchema, PromptCache, Reasoning, Reply, Role, Settings, Stop,
    ToolCall, ToolChoice, ToolSpec,
};
use vdo_core::port::{Accepts, Capabilities, ProviderError, ReasoningControl};
use vdo_core::usage::{ServiceTier, Usage};

use super::VERSION;
use super::convert::{self, Mode};
use super::reply::{self, Asked};
use super::streaming::Events;
use crate::transport::redact::Redactor;

const OLD: &str = "2023-06-01";

fn city_schema() -> Value {
    json!({ "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"], "additionalProperties": false })
}

fn plan_schema() -> Value {
    json!({
        "type": "object", "properties": { "plan": { "type": "array", "items": { "type": "string" } } },
        "required": ["plan"], "additionalProperties": false,
    })
}

fn call(id: &str, input: Value) -> Block {
    Block::ToolCall(ToolCall { id: id.to_owned(), name: "get_weather".to_owned(), input })
}

fn result(id: &str, content: &str, is_error: bool) -> Block {
    Block::ToolResult { id: id.to_owned(), content: content.to_owned(), is_error }
}

fn said(role: Role, blocks: Vec<Block>) -> Message {
    Message { role, blocks }
}

fn reasoning(data: Value) -> Block {
    Block::Reasoning(Reasoning::new("anthropic", "", data))
}

fn ask(messages: Vec<Message>) -> Completion {
    Completion {
        model: "claude-opus-5-5".to_owned(),
        system: String::new(),
        messages,
        tools: Vec::new(),
        output: None,
        max_output: Some(2000),
        settings: Settings::default(),
    }
}

/// The request of the golden case with everything in it.
fn full() -> Completion {
    Completion {
        system: "S".to_owned(),
        tools: vec![ToolSpec { name: "get_weather".into(), description: "d".into(), input_schema: city_schema() }],
        output: Some(OutputSchema { name: "plan".into(), schema: plan_schema() }),
        settings: Settings {
            stop: vec!["END".to_owned()],
            parallel_tools: Some(false),
            effort: Some(Effort::High),
            show_reasoning: true,
            cache: Some(PromptCache { key: Some("job-1".into()), long: true, marks: vec![CacheMark::System] }),
            ..Settings::default()
        },
        ..ask(vec![
            Message::user("u"),
            said(Role::Assistant, vec![call("toolu_1", json!({ "city": "Oslo" }))]),
            said(Role::User, vec![result("toolu_1", "3C", false)]),
        ])
    }
}

fn able() -> Capabilities {
    Capabilities { tools: true, json_schema: true, context: None, max_output: None, accepts: Accepts::default() }
}

fn steered(reasoning: ReasoningControl) -> Capabilities {
    Capabilities { accepts: Accepts { reasoning, ..Accepts::default() }, ..able() }
}

/// What is sent, and what was left out of it.
fn sent(request: &Completion, model: &Capabilities, version: &str, mode: Mode) -> (Value, Vec<String>) {
    let made = convert::convert(request, model, version, mode);
    (serde_json::from_slice(&made.body(request).unwrap()).unwrap(), made.warnings)
}

/// The name of a failure's kind, and its status where it has one.
fn kind(error: &ProviderError) -> String {
    let failure = serde_json::to_value(error.to_failure()).unwrap();
    let kind = failure["kind"].as_str().unwrap().to_owned();
    match error {
        ProviderError::Fault { status, .. } | ProviderError::BadRequest { status, .. } => format!("{kind} {status}"),
        ProviderError::BrokeOff { source, .. } => self::kind(source),
        _ => kind,
    }
}
