//! Tool calls, both ways: arguments are JSON in a string, mostly.

use std::borrow::Cow;

use serde_json::Value;
use vdo_core::message::{Block, ToolCall};

use crate::transport::calls::{Ids, arguments};

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
pub(crate) struct Reader(Ids);

impl Reader {
    /// Returns a reader for the reply to a conversation of so many messages.
    pub(crate) fn new(messages: usize) -> Self {
        Self(Ids::new(messages))
    }

    /// Returns the next call of the reply.
    pub(crate) fn read(&mut self, call: RawCall) -> Block {
        let input = arguments(call.arguments);
        Block::ToolCall(ToolCall { id: self.0.next(call.id), name: call.name, input })
    }
}
