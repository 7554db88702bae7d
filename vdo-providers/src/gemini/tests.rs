//! The conversion both ways, without a server.

mod failures;
mod replies;
mod requests;
mod streams;

use serde_json::{Value, json};
use vdo_core::message::{
    Block, Completion, Effort, Message, OutputSchema, Reasoning, Reply, Role, Settings, Stop, ToolCall, ToolChoice,
    ToolSpec,
};
use vdo_core::port::{Accepts, Capabilities, ProviderError, ReasoningControl};
use vdo_core::usage::{ServiceTier, Usage};

use super::convert;
use super::reply::{self, Asked};
use super::streaming::Pieces;
use crate::transport::redact::Redactor;

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

fn kept(text: &str, data: Value) -> Block {
    Block::Reasoning(Reasoning::new("gemini", text, data))
}

fn signed(signature: &str) -> Block {
    kept("", json!({ "thoughtSignature": signature }))
}

fn ask(messages: Vec<Message>) -> Completion {
    Completion {
        model: "gemini-2.5-flash".to_owned(),
        system: String::new(),
        messages,
        tools: Vec::new(),
        output: None,
        max_output: None,
        settings: Settings::default(),
    }
}

/// The request of the golden case with everything in it.
fn full() -> Completion {
    Completion {
        system: "S".to_owned(),
        tools: vec![ToolSpec { name: "get_weather".into(), description: "d".into(), input_schema: city_schema() }],
        output: Some(OutputSchema { name: "plan".into(), schema: plan_schema() }),
        max_output: Some(2000),
        settings: Settings {
            temperature: Some(0.2),
            stop: vec!["END".to_owned()],
            tool_choice: ToolChoice::Tool("get_weather".to_owned()),
            effort: Some(Effort::Low),
            show_reasoning: true,
            tier: ServiceTier::Flex,
            ..Settings::default()
        },
        ..ask(vec![
            Message::user("u"),
            said(Role::Assistant, vec![signed("c2ln"), call("c1", json!({ "city": "Oslo" }))]),
            said(Role::User, vec![result("c1", "3C", false)]),
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
fn sent(request: &Completion, model: &Capabilities) -> (Value, Vec<String>) {
    let made = convert::convert(request, model);
    (serde_json::from_slice(&convert::body(&made.request, request).unwrap()).unwrap(), made.warnings)
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
