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
