//! What goes to a model and what comes back, in no vendor's terms.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::money::NanoUsd;
use crate::usage::{ServiceTier, Usage};

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
    /// Reasoning of the model, to be sent back with the conversation.
    Reasoning(Reasoning),
}

/// Reasoning that came with a reply. Some models must get it back unchanged with their tool calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reasoning {
    /// The wire format it came in and can be sent back in: `anthropic`, `openai`, `gemini`. Another format leaves it out.
    pub format: String,
    /// What can be read of it; may be empty.
    #[serde(default)]
    pub text: String,
    /// What has to be sent back unchanged: a signature, or the whole item in the terms of its format.
    #[serde(default)]
    pub data: Value,
    /// Who it came from, as `provider:model`; the engine fills it in. It goes back to nobody else.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub author: String,
}

impl Reasoning {
    /// Returns reasoning of nobody yet; the engine notes who it came from.
    #[must_use]
    pub fn new(format: impl Into<String>, text: impl Into<String>, data: Value) -> Self {
        Self { format: format.into(), text: text.into(), data, author: String::new() }
    }
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
    /// How the reply is made. What a model or server does not take is left out of the request, with a warning.
    #[serde(default, skip_serializing_if = "Settings::is_default")]
    pub settings: Settings,
}

/// Whether and which tools a reply has to call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolChoice {
    /// As the model likes.
    #[default]
    Auto,
    /// None, though tools are named.
    None,
    /// At least one.
    Required,
    /// This one.
    Tool(String),
}

/// How much a model reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effort {
    /// Not at all, where it can be switched off.
    None,
    /// As little as it can.
    Minimal,
    /// Little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
    /// More.
    Xhigh,
    /// As much as it can.
    Max,
}

/// How long a reply is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verbosity {
    /// Short.
    Low,
    /// As usual.
    Medium,
    /// Long.
    High,
}

/// What of a request is worth keeping in the provider's prompt cache.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PromptCache {
    /// Ties requests together that begin alike, for providers that spread requests: one per job.
    pub key: Option<String>,
    /// Whether it is kept for hours rather than minutes, at a higher price of writing.
    pub long: bool,
    /// Up to where, for providers that want that marked; others find out by themselves.
    pub marks: Vec<CacheMark>,
}

/// A place up to which a request will be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CacheMark {
    /// The end of the instructions; tools come before them.
    System,
    /// The end of a message, counted from 0.
    Message(usize),
}

/// How a reply is made.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Settings {
    /// 0 to 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// Texts at which the reply ends.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    /// Whether tools have to be called.
    pub tool_choice: ToolChoice,
    /// Whether several tools may be called at once; as the provider likes if not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallel_tools: Option<bool>,
    /// How much it reasons; as the model likes if not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effort: Option<Effort>,
    /// Whether a readable summary of the reasoning is asked for.
    pub show_reasoning: bool,
    /// How long the reply is; as the model likes if not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verbosity: Option<Verbosity>,
    /// What is worth caching.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<PromptCache>,
    /// How urgent it is.
    pub tier: ServiceTier,
}

impl Settings {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
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
    /// How it was made.
    #[serde(default, skip_serializing_if = "About::is_default")]
    pub about: About,
}

/// How a reply was made, as far as the provider says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct About {
    /// The rate it is billed at.
    pub tier: ServiceTier,
    /// What the provider itself says it cost; counts before any price known here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billed: Option<NanoUsd>,
    /// What of the request was left out because the model or server does not take it, and what else is worth a word:
    /// why a reply was stopped.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// What the provider still allows.
    #[serde(skip_serializing_if = "RateLimits::is_default")]
    pub limits: RateLimits,
}

impl About {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What a provider still allows, of what it counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RateLimits {
    /// Requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<Headroom>,
    /// Tokens of both kinds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Headroom>,
    /// Input tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<Headroom>,
    /// Output tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<Headroom>,
}

impl RateLimits {
    /// Returns whether nothing is known.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How much of an allowance is left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Headroom {
    /// The allowance, if named.
    pub limit: Option<u64>,
    /// What is left of it.
    pub remaining: u64,
    /// When it is whole again, in milliseconds from the reply, if named.
    pub reset_ms: Option<u64>,
}

impl Reply {
    /// Returns the text parts, joined.
    #[must_use]
    pub fn text(&self) -> String {
        self.blocks
            .iter()
            .filter_map(|block| match block {
                Block::Text { text } => Some(text.as_str()),
                Block::ToolCall(_) | Block::ToolResult { .. } | Block::Reasoning(_) => None,
            })
            .collect()
    }

    /// Returns the tool calls, in order.
    pub fn tool_calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.blocks.iter().filter_map(|block| match block {
            Block::ToolCall(call) => Some(call),
            Block::Text { .. } | Block::ToolResult { .. } | Block::Reasoning(_) => None,
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
            Self::Reasoning(reasoning) => {
                estimate_tokens(&reasoning.text).saturating_add(estimate_json(&reasoning.data))
            }
        }
    }
}

impl Completion {
    /// Estimates the input tokens of the request: instructions, conversation, tools and output schema.
    #[must_use]
    pub fn estimated_tokens(&self) -> u64 {
        Self::estimate(&self.system, &self.messages, &self.tools, self.output.as_ref())
    }

    /// Estimates the input tokens of a request of these parts.
    #[must_use]
    pub fn estimate(system: &str, messages: &[Message], tools: &[ToolSpec], output: Option<&OutputSchema>) -> u64 {
        let mut tokens = estimate_tokens(system).saturating_add(MESSAGE_TOKENS);
        for message in messages {
            tokens = tokens.saturating_add(MESSAGE_TOKENS);
            for block in &message.blocks {
                tokens = tokens.saturating_add(block.estimated_tokens());
            }
        }
        for tool in tools {
            tokens = tokens
                .saturating_add(estimate_tokens(&tool.name))
                .saturating_add(estimate_tokens(&tool.description))
                .saturating_add(estimate_json(&tool.input_schema))
                .saturating_add(MESSAGE_TOKENS);
        }
        if let Some(output) = output {
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
            Block::ToolCall(_) | Block::Reasoning(_) => None,
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
