//! Tool calls, both ways: arguments are JSON in a string, mostly.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::{Map, Value};
use vdo_core::message::{Block, ToolCall};

/// A tool call before its arguments are read.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct RawCall {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) arguments: String,
}

/// Returns arguments as text, whether they came as text or as JSON.
pub(crate) fn arguments_text(arguments: Value) -> String {
    match arguments {
        Value::String(text) => text,
        Value::Null => String::new(),
        json => json.to_string(),
    }
}

/// Returns the arguments of a call as they are sent back.
pub(crate) fn arguments_out(call: &ToolCall) -> Cow<'_, str> {
    match &call.input {
        // Arguments that were not JSON when they came: servers that parse them would choke on them again.
        Value::String(text) if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() => {
            Cow::Owned(serde_json::json!({ "invalid_json": text }).to_string())
        }
        Value::String(text) => Cow::Borrowed(text.as_str()),
        input => Cow::Owned(input.to_string()),
    }
}

/// Gives ids to calls that have none or one that was used before, and reads their arguments.
#[derive(Debug)]
pub(crate) struct Reader {
    /// The messages of the conversation. It only grows, so that its length makes an id unique in it.
    messages: usize,
    seen: HashSet<String>,
    count: usize,
}

impl Reader {
    /// Returns a reader for the reply to a conversation of so many messages.
    pub(crate) fn new(messages: usize) -> Self {
        Self { messages, seen: HashSet::new(), count: 0 }
    }

    /// Returns the next call of the reply.
    pub(crate) fn read(&mut self, call: RawCall) -> Block {
        self.count += 1;
        let mut id = call.id;
        if id.is_empty() || self.seen.contains(&id) {
            id = format!("call_{}_{}", self.messages, self.count);
        }
        self.seen.insert(id.clone());
        Block::ToolCall(ToolCall { id, name: call.name, input: arguments(call.arguments) })
    }
}

/// Returns arguments as JSON, or as the text they are if they are not JSON.
fn arguments(text: String) -> Value {
    if text.trim().is_empty() {
        return Value::Object(Map::new());
    }
    match serde_json::from_str::<Value>(&text) {
        // Some models quote their arguments twice.
        Ok(Value::String(inner)) => match serde_json::from_str::<Value>(&inner) {
            Ok(object @ Value::Object(_)) => object,
            _ => Value::String(inner),
        },
        Ok(value) => value,
        Err(_) => Value::String(text),
    }
}
