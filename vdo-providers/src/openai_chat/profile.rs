//! The dialects of Chat Completions: what a server knows, as data.

use serde::{Deserialize, Serialize};

use crate::openai_shared::asks::Knows;

/// A server's dialect, by name or spelt out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Profile {
    /// What nearly every server knows.
    Plain,
    /// OpenAI itself.
    OpenAi,
    /// Ollama.
    Ollama,
    /// vLLM.
    Vllm,
    /// OpenRouter.
    OpenRouter,
    /// Spelt out.
    #[serde(untagged)]
    Custom(Dialect),
}

impl Profile {
    /// Returns the profile that fits a host and port: those of OpenAI, OpenRouter and Ollama are known.
    #[must_use]
    pub fn of_host(host: &str, port: Option<u16>) -> Self {
        match (host, port) {
            ("api.openai.com", _) => Self::OpenAi,
            ("openrouter.ai", _) => Self::OpenRouter,
            (_, Some(11434)) => Self::Ollama,
            _ => Self::Plain,
        }
    }

    /// Returns the dialect.
    #[must_use]
    pub fn dialect(self) -> Dialect {
        let plain = Dialect {
            max_tokens_field: MaxTokensField::MaxTokens,
            system_role: SystemRole::System,
            supports: Supports {
                tools: true,
                json_schema: false,
                strict: false,
                stream_usage: true,
                parallel_tools: false,
                store: false,
                sampling: true,
                stop: true,
                tool_choice: false,
                reasoning_effort: false,
                verbosity: false,
                prompt_cache: false,
                service_tier: false,
                cost: false,
                reasoning_content: false,
            },
        };
        let with_schema = Supports { json_schema: true, ..plain.supports };
        match self {
            Self::Plain => plain,
            Self::OpenAi => Dialect {
                max_tokens_field: MaxTokensField::MaxCompletionTokens,
                system_role: SystemRole::Developer,
                supports: Supports {
                    strict: true,
                    parallel_tools: true,
                    store: true,
                    tool_choice: true,
                    reasoning_effort: true,
                    verbosity: true,
                    prompt_cache: true,
                    service_tier: true,
                    ..with_schema
                },
            },
            Self::Ollama => Dialect { supports: Supports { reasoning_effort: true, ..with_schema }, ..plain },
            Self::Vllm => Dialect {
                supports: Supports { parallel_tools: true, tool_choice: true, reasoning_effort: true, ..with_schema },
                ..plain
            },
            Self::OpenRouter => Dialect {
                supports: Supports {
                    strict: true,
                    parallel_tools: true,
                    tool_choice: true,
                    reasoning_effort: true,
                    verbosity: true,
                    cost: true,
                    ..with_schema
                },
                ..plain
            },
            Self::Custom(dialect) => dialect,
        }
    }
}

/// A dialect of Chat Completions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dialect {
    /// The field that limits the reply.
    #[serde(default)]
    pub max_tokens_field: MaxTokensField,
    /// The role of instructions.
    #[serde(default)]
    pub system_role: SystemRole,
    /// What the server knows.
    #[serde(default)]
    pub supports: Supports,
}

/// The field that limits the reply.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaxTokensField {
    /// `max_tokens`, the old name that compatible servers know. The default.
    #[default]
    MaxTokens,
    /// `max_completion_tokens`.
    MaxCompletionTokens,
}

/// The role of instructions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SystemRole {
    /// `system`. The default.
    #[default]
    System,
    /// `developer`.
    Developer,
}

/// What a server knows. What it does not is left out of requests, as strict servers refuse unknown fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Supports {
    /// `tools`. Default: yes.
    pub tools: bool,
    /// `response_format` with a JSON Schema. Default: no.
    pub json_schema: bool,
    /// `strict` in schemas and tools, sent where the schema qualifies. Default: no.
    pub strict: bool,
    /// `stream_options.include_usage`. Default: yes.
    pub stream_usage: bool,
    /// `parallel_tool_calls`, sent as true unless asked otherwise. Default: no.
    pub parallel_tools: bool,
    /// `store`, sent as false. Default: no.
    pub store: bool,
    /// `temperature` and `top_p`. Default: yes.
    pub sampling: bool,
    /// `stop`. Default: yes.
    pub stop: bool,
    /// `tool_choice`. Default: no.
    pub tool_choice: bool,
    /// `reasoning_effort`, for models that are known to take it. Default: no.
    pub reasoning_effort: bool,
    /// `verbosity`, for models that are known to take it. Default: no.
    pub verbosity: bool,
    /// `prompt_cache_key` and `prompt_cache_options`. Default: no.
    pub prompt_cache: bool,
    /// `service_tier`. Default: no.
    pub service_tier: bool,
    /// `usage.cost` of its replies is what a call cost, in USD. Default: no.
    pub cost: bool,
    /// It wants `reasoning_content` back with tool calls. Default: no.
    pub reasoning_content: bool,
}

impl Default for Supports {
    fn default() -> Self {
        Profile::Plain.dialect().supports
    }
}

impl Supports {
    /// Returns which settings of a request the server knows.
    pub(super) fn knows(&self) -> Knows {
        Knows {
            sampling: self.sampling,
            stop: self.stop,
            tool_choice: self.tool_choice,
            parallel_tools: self.parallel_tools,
            effort: self.reasoning_effort,
            summary: false,
            verbosity: self.verbosity,
            cache: self.prompt_cache,
            tiers: self.service_tier,
        }
    }
}
