//! What goes to a model and what comes back, in no vendor's terms.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::usage::Usage;

/// Who said something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// VDO.
    User,
    /// The model.
    Assistant,
}

/// A call of a tool that the model asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToolCall {
    /// Ties the result to the call; unique within the conversation.
    #[serde(default)]
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments. A string where the model's JSON could not be parsed.
    pub input: Value,
}

/// A part of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Block {
    /// Text.
    Text {
        /// The text.
        text: String,
    },
    /// A tool call, from the model.
    ToolCall(ToolCall),
    /// The result of a tool call, to the model.
    ToolResult {
        /// The call's id.
        id: String,
        /// What the tool said.
        content: String,
        /// Whether the tool failed.
        is_error: bool,
    },
}

impl Block {
    /// Returns a text part.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Message {
    /// Who said it.
    pub role: Role,
    /// Its parts, in order.
    pub blocks: Vec<Block>,
}

impl Message {
    /// Returns a message of VDO with one text.
    #[must_use]
    pub fn user(text: impl Into<String>) -> Self {
        Self { role: Role::User, blocks: vec![Block::text(text)] }
    }
}

/// A tool that the model may call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToolSpec {
    /// The name.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// The JSON Schema of its arguments, an object.
    pub input_schema: Value,
}

/// The shape a reply has to have, for models that can be held to one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OutputSchema {
    /// A short name: letters, digits, `_`, `-`.
    pub name: String,
    /// The JSON Schema, an object.
    pub schema: Value,
}

/// One request to a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Completion {
    /// The provider's name of the model.
    pub model: String,
    /// Instructions that stand above the conversation; may be empty.
    pub system: String,
    /// The conversation, oldest first.
    pub messages: Vec<Message>,
    /// The tools on offer; none if empty.
    pub tools: Vec<ToolSpec>,
    /// The shape of the reply, if one is asked for. Ignored by providers that cannot.
    pub output: Option<OutputSchema>,
    /// The most tokens the reply may have.
    pub max_output: Option<u64>,
}

/// Why a reply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// The model was done.
    End,
    /// The token limit was reached: the reply is cut.
    Length,
    /// The model waits for tool results.
    ToolUse,
    /// The model declined, or a filter stopped it.
    Refused,
}

/// A whole reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reply {
    /// Text and tool calls, in order.
    pub blocks: Vec<Block>,
    /// Why it ended.
    pub stop: Stop,
    /// What it took.
    pub usage: Usage,
    /// The model that answered, as the provider named it.
    pub model: String,
    /// The provider's id of the request, for support.
    pub request_id: Option<String>,
}

impl Reply {
    /// Returns the text parts, joined.
    #[must_use]
    pub fn text(&self) -> String {
        self.blocks
            .iter()
            .filter_map(|block| match block {
                Block::Text { text } => Some(text.as_str()),
                Block::ToolCall(_) | Block::ToolResult { .. } => None,
            })
            .collect()
    }

    /// Returns the tool calls, in order.
    pub fn tool_calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.blocks.iter().filter_map(|block| match block {
            Block::ToolCall(call) => Some(call),
            Block::Text { .. } | Block::ToolResult { .. } => None,
        })
    }
}

/// Estimates the tokens of a text from its length: a token for 3.5 ASCII bytes, one for every other character.
///
/// Meant to err upwards for code and prose alike: reservations are made from it.
#[must_use]
pub fn estimate_tokens(text: &str) -> u64 {
    // A UTF-8 continuation byte adds nothing: its character was counted at the first byte.
    let (ascii, other) = text.bytes().fold((0_u64, 0_u64), |(ascii, other), byte| match byte {
        0x00..=0x7f => (ascii.saturating_add(1), other),
        0x80..=0xbf => (ascii, other),
        0xc0..=0xff => (ascii, other.saturating_add(1)),
    });
    ascii.saturating_mul(2).div_ceil(7).saturating_add(other)
}

/// What a message costs beyond its text: its role and the marks around it.
const MESSAGE_TOKENS: u64 = 4;

impl Block {
    /// Estimates the tokens of the part.
    #[must_use]
    pub fn estimated_tokens(&self) -> u64 {
        match self {
            Self::Text { text } => estimate_tokens(text),
            Self::ToolCall(call) => {
                let text = estimate_tokens(&call.id).saturating_add(estimate_tokens(&call.name));
                text.saturating_add(estimate_json(&call.input)).saturating_add(MESSAGE_TOKENS)
            }
            Self::ToolResult { id, content, .. } => {
                estimate_tokens(id).saturating_add(estimate_tokens(content)).saturating_add(MESSAGE_TOKENS)
            }
        }
    }
}

impl Completion {
    /// Estimates the input tokens of the request: instructions, conversation, tools and output schema.
    #[must_use]
    pub fn estimated_tokens(&self) -> u64 {
        let mut tokens = estimate_tokens(&self.system).saturating_add(MESSAGE_TOKENS);
        for message in &self.messages {
            tokens = tokens.saturating_add(MESSAGE_TOKENS);
            for block in &message.blocks {
                tokens = tokens.saturating_add(block.estimated_tokens());
            }
        }
        for tool in &self.tools {
            tokens = tokens
                .saturating_add(estimate_tokens(&tool.name))
                .saturating_add(estimate_tokens(&tool.description))
                .saturating_add(estimate_json(&tool.input_schema))
                .saturating_add(MESSAGE_TOKENS);
        }
        if let Some(output) = &self.output {
            tokens = tokens.saturating_add(estimate_json(&output.schema)).saturating_add(MESSAGE_TOKENS);
        }
        tokens
    }

    /// Returns every text of the request in the order it is sent: instructions, then each part of each message.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let blocks = self.messages.iter().flat_map(|message| &message.blocks);
        std::iter::once(self.system.as_str()).chain(blocks.filter_map(|block| match block {
            Block::Text { text } => Some(text.as_str()),
            Block::ToolResult { content, .. } => Some(content.as_str()),
            Block::ToolCall(_) => None,
        }))
    }
}

impl Usage {
    /// Returns an estimate of what `request` and the parts of its reply took, flagged as one.
    #[must_use]
    pub fn estimate(request: &Completion, reply: &[Block]) -> Self {
        let output = reply.iter().map(Block::estimated_tokens).fold(0, u64::saturating_add);
        Self { input: request.estimated_tokens(), output, estimated: true, ..Self::default() }
    }
}

/// Estimates the tokens of a JSON value without printing it.
fn estimate_json(value: &Value) -> u64 {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 2,
        Value::String(text) => estimate_tokens(text).saturating_add(1),
        Value::Array(items) => items.iter().map(estimate_json).fold(1, u64::saturating_add),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| estimate_tokens(name).saturating_add(estimate_json(value)).saturating_add(1))
            .fold(1, u64::saturating_add),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_count_ascii_by_length_and_other_characters_singly() {
        assert_eq!(estimate_tokens(""), 0);
        assert_eq!(estimate_tokens("fn main"), 2);
        assert_eq!(estimate_tokens("日本語"), 3);
        assert_eq!(estimate_tokens("né"), 2);
    }
}
