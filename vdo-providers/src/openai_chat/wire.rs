//! The JSON of Chat Completions, as far as it is used. Requests borrow; replies tolerate what servers do.

use std::borrow::Cow;
use std::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use vdo_core::message::{Effort, Verbosity};

use super::billed::Bill;
use crate::openai_shared::asks::{self, CacheOptions};
use crate::transport::bounds::Count;

#[derive(Debug, Serialize)]
pub(super) struct Request<'a> {
    pub(super) model: &'a str,
    pub(super) messages: Vec<Message<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_completion_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_choice: Option<ToolChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) top_p: Option<f64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) stop: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reasoning_effort: Option<Effort>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) verbosity: Option<Verbosity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) prompt_cache_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) prompt_cache_options: Option<CacheOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) service_tier: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) response_format: Option<ResponseFormat<'a>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stream_options: Option<StreamOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) store: Option<bool>,
}

/// Which tools have to be called: a word, or a function in a field of its own.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum ToolChoice<'a> {
    Word(&'static str),
    Function { r#type: &'static str, function: FunctionName<'a> },
}

#[derive(Debug, Serialize)]
pub(super) struct FunctionName<'a> {
    name: &'a str,
}

impl<'a> ToolChoice<'a> {
    pub(super) fn of(choice: asks::Choice<'a>) -> Self {
        match choice {
            asks::Choice::Word(word) => Self::Word(word),
            asks::Choice::Tool(name) => Self::Function { r#type: "function", function: FunctionName { name } },
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct StreamOptions {
    pub(super) include_usage: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Message<'a> {
    pub(super) role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_call_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reasoning_details: Option<&'a Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tool_calls: Vec<CallOut<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct CallOut<'a> {
    pub(super) id: &'a str,
    pub(super) r#type: &'static str,
    pub(super) function: FunctionOut<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct FunctionOut<'a> {
    pub(super) name: &'a str,
    pub(super) arguments: Cow<'a, str>,
}

#[derive(Debug, Serialize)]
pub(super) struct Tool<'a> {
    pub(super) r#type: &'static str,
    pub(super) function: FunctionSpec<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct FunctionSpec<'a> {
    pub(super) name: &'a str,
    pub(super) description: &'a str,
    pub(super) parameters: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) strict: Option<bool>,
}

#[derive(Debug, Serialize)]
pub(super) struct ResponseFormat<'a> {
    pub(super) r#type: &'static str,
    pub(super) json_schema: JsonSchemaFormat<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct JsonSchemaFormat<'a> {
    pub(super) name: &'a str,
    pub(super) schema: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) strict: Option<bool>,
}

/// A whole reply, or one chunk of a streamed one: they differ in `message` and `delta` only.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Response {
    pub(super) id: Option<String>,
    pub(super) model: Option<String>,
    pub(super) choices: Option<Vec<Choice>>,
    pub(super) usage: Option<Usage>,
    pub(super) error: Option<Value>,
    pub(super) service_tier: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Choice {
    pub(super) index: Option<u64>,
    #[serde(alias = "delta")]
    pub(super) message: Option<Said>,
    pub(super) finish_reason: Option<String>,
    pub(super) error: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Said {
    #[serde(deserialize_with = "text_or_parts")]
    pub(super) content: Option<String>,
    pub(super) refusal: Option<String>,
    /// Reasoning, as vLLM, DeepSeek and others name it; a text.
    pub(super) reasoning_content: Option<Value>,
    /// Reasoning, as OpenRouter, Ollama and newer versions of vLLM name it; a text.
    pub(super) reasoning: Option<Value>,
    /// Reasoning that has to go back, as OpenRouter names it.
    pub(super) reasoning_details: Option<Value>,
    pub(super) tool_calls: Option<Vec<Call>>,
    pub(super) function_call: Option<Function>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Call {
    pub(super) index: Option<u64>,
    pub(super) id: Option<String>,
    pub(super) function: Option<Function>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Function {
    pub(super) name: Option<String>,
    /// A string of JSON; on some servers the JSON itself.
    pub(super) arguments: Option<Value>,
}

/// The usage of a reply that cannot be read otherwise.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct OnlyUsage {
    pub(super) usage: Option<Usage>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(super) struct Usage {
    pub(super) prompt_tokens: Count,
    pub(super) completion_tokens: Count,
    pub(super) total_tokens: Count,
    pub(super) prompt_tokens_details: Option<PromptDetails>,
    pub(super) completion_tokens_details: Option<CompletionDetails>,
    /// How DeepSeek names cached input.
    pub(super) prompt_cache_hit_tokens: Count,
    /// What it cost, as OpenRouter says it.
    #[serde(flatten)]
    pub(super) bill: Bill,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(default)]
pub(super) struct PromptDetails {
    pub(super) cached_tokens: Count,
    pub(super) cache_write_tokens: Count,
    pub(super) cache_write_tokens_details: Option<WriteDetails>,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(default)]
pub(super) struct WriteDetails {
    pub(super) ttl_12h_tokens: Count,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(default)]
pub(super) struct CompletionDetails {
    pub(super) reasoning_tokens: Count,
}

/// Reads content that is a text, null, or a list of parts of which some are text.
fn text_or_parts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    struct Content;

    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Part {
        text: Option<String>,
        #[serde(rename = "type")]
        kind: Option<String>,
    }

    impl<'de> Visitor<'de> for Content {
        type Value = Option<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text or a list of parts")
        }

        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Some(text.to_owned()))
        }

        fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
            Ok(Some(text))
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
            let mut text = String::new();
            while let Some(part) = parts.next_element::<Part>()? {
                if part.kind.as_deref().unwrap_or("text") == "text" {
                    text.push_str(part.text.as_deref().unwrap_or_default());
                }
            }
            Ok(Some(text))
        }
    }
    deserializer.deserialize_any(Content)
}

/// The list of models.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Models {
    pub(super) data: Vec<Model>,
}

/// One model of the list.
#[derive(Debug, Deserialize)]
pub(super) struct Model {
    pub(super) id: String,
}
