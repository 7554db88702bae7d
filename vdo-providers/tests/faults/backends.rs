//! The backends, and what their servers say when nothing is wrong.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use serde_json::{Value, json};
use vdo_core::message::{Completion, Message, Reply};
use vdo_core::port::{Provider, ProviderError, StreamEvent};
use vdo_providers::{anthropic, gemini, openai, openai_chat};

use crate::support::{Answer, Request, Server};

pub(crate) const KEY: &str = "sk-fault-key-0123456789";
pub(crate) const TEXT: &str = "Grüße, 日本 🙂!";

/// A wire format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    OpenAi,
    OpenAiChat,
    Anthropic,
    Gemini,
}

pub(crate) const ALL: [Backend; 4] = [Backend::OpenAi, Backend::OpenAiChat, Backend::Anthropic, Backend::Gemini];

/// How the client is bounded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) idle: Duration,
    pub(crate) total: Duration,
    pub(crate) bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { idle: Duration::from_secs(60), total: Duration::from_secs(60), bytes: 32 << 20 }
    }
}

impl Backend {
    /// Returns the provider, talking to `address`.
    pub(crate) fn provider(self, address: impl std::fmt::Display, limits: Limits) -> Arc<dyn Provider> {
        let Limits { idle, total, bytes } = limits;
        let base = format!("http://{address}");
        match self {
            Self::OpenAi => {
                let config = openai::Config::new("openai", base).with_key(KEY.into()).with_max_reply_bytes(bytes);
                let config = config.with_idle_timeout(idle).with_total_timeout(total);
                Arc::new(openai::OpenAi::new(config).unwrap())
            }
            Self::OpenAiChat => {
                let config = openai_chat::Config::new("chat", base).with_key(KEY.into()).with_max_reply_bytes(bytes);
                let config = config.with_idle_timeout(idle).with_total_timeout(total);
                Arc::new(openai_chat::OpenAiChat::new(config).unwrap())
            }
            Self::Anthropic => {
                let config = anthropic::Config::new("claude", base).with_key(KEY.into()).with_max_reply_bytes(bytes);
                let config = config.with_idle_timeout(idle).with_total_timeout(total);
                Arc::new(anthropic::Anthropic::new(config).unwrap())
            }
            Self::Gemini => {
                let config = gemini::Config::new("gemini", base).with_key(KEY.into()).with_max_reply_bytes(bytes);
                let config = config.with_idle_timeout(idle).with_total_timeout(total);
                Arc::new(gemini::Gemini::new(config).unwrap())
            }
        }
    }

    pub(crate) fn is_streamed(self, request: &Request) -> bool {
        match self {
            Self::OpenAi | Self::OpenAiChat | Self::Anthropic => request.is_streamed(),
            Self::Gemini => request.line.contains(":streamGenerateContent"),
        }
    }

    /// Returns usage in the terms of the format.
    pub(crate) fn usage(self, input: Value, output: Value) -> Value {
        match self {
            Self::OpenAiChat => json!({ "prompt_tokens": input, "completion_tokens": output }),
            Self::OpenAi | Self::Anthropic => json!({ "input_tokens": input, "output_tokens": output }),
            Self::Gemini => json!({ "promptTokenCount": input, "candidatesTokenCount": output }),
        }
    }

    /// Returns a whole reply.
    pub(crate) fn whole(self, text: &str, usage: &Value) -> Value {
        match self {
            Self::OpenAi => {
                let item = json!({ "type": "message", "content": [{ "type": "output_text", "text": text }] });
                json!({ "status": "completed", "output": [item], "usage": usage })
            }
            Self::OpenAiChat => {
                json!({ "choices": [{ "message": { "content": text }, "finish_reason": "stop" }], "usage": usage })
            }
            Self::Anthropic => {
                json!({ "content": [{ "type": "text", "text": text }], "stop_reason": "end_turn", "usage": usage })
            }
            Self::Gemini => {
                let candidate = json!({ "content": { "parts": [{ "text": text }] }, "finishReason": "STOP" });
                json!({ "candidates": [candidate], "usageMetadata": usage })
            }
        }
    }

    /// Returns replies that were billed and say nothing that can be used.
    pub(crate) fn garbage(self, usage: &Value) -> Vec<Value> {
        let nonsense = match self {
            Self::OpenAi => json!({ "status": "completed", "output": "nonsense", "usage": usage }),
            Self::OpenAiChat => json!({ "choices": "nonsense", "usage": usage }),
            Self::Anthropic => json!({ "content": "nonsense", "usage": usage }),
            Self::Gemini => json!({ "candidates": "nonsense", "usageMetadata": usage }),
        };
        vec![self.nothing(usage), nonsense]
    }

    fn nothing(self, usage: &Value) -> Value {
        match self {
            Self::OpenAi => json!({ "status": "completed", "usage": usage }),
            Self::OpenAiChat => json!({ "choices": [], "usage": usage }),
            Self::Anthropic => json!({ "content": null, "usage": usage }),
            Self::Gemini => json!({ "candidates": [], "usageMetadata": usage }),
        }
    }

    /// Returns the event of a piece of text.
    pub(crate) fn piece(self, text: &str) -> Value {
        match self {
            Self::OpenAi => json!({ "type": "response.output_text.delta", "output_index": 0, "delta": text }),
            Self::OpenAiChat => json!({ "choices": [{ "index": 0, "delta": { "content": text } }] }),
            Self::Anthropic => {
                json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": text } })
            }
            Self::Gemini => json!({ "candidates": [{ "content": { "parts": [{ "text": text }] } }] }),
        }
    }

    /// Returns the events before the text.
    pub(crate) fn start(self, usage: &Value) -> Vec<Value> {
        match self {
            Self::OpenAi => vec![json!({ "type": "response.created", "response": { "status": "in_progress" } })],
            Self::OpenAiChat => Vec::new(),
            Self::Anthropic => vec![
                json!({ "type": "message_start", "message": { "content": [], "usage": usage } }),
                json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } }),
            ],
            Self::Gemini => vec![json!({ "candidates": [], "usageMetadata": usage })],
        }
    }

    /// Returns the events after the text, with which the reply is whole.
    pub(crate) fn end(self, text: &str, usage: &Value) -> Vec<Value> {
        match self {
            Self::OpenAi => vec![json!({ "type": "response.completed", "response": self.whole(text, usage) })],
            Self::OpenAiChat => vec![
                json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] }),
                json!({ "choices": [], "usage": usage }),
            ],
            Self::Anthropic => vec![
                json!({ "type": "message_delta", "delta": { "stop_reason": "end_turn" }, "usage": usage }),
                json!({ "type": "message_stop" }),
            ],
            Self::Gemini => vec![json!({ "candidates": [{ "finishReason": "STOP" }], "usageMetadata": usage })],
        }
    }

    /// Returns a whole stream, its text in two pieces.
    pub(crate) fn stream(self, text: &str, usage: &Value) -> String {
        let middle = (1..text.len()).rfind(|at| *at <= text.len() / 2 && text.is_char_boundary(*at)).unwrap_or(0);
        let pieces = [self.piece(&text[..middle]), self.piece(&text[middle..])];
        let events = self.start(usage).into_iter().chain(pieces).chain(self.end(text, usage));
        events.map(|event| format!("data: {event}\n\n")).collect()
    }
}

pub(crate) fn request() -> Completion {
    Completion {
        model: "m".to_owned(),
        system: String::new(),
        messages: vec![Message::user("hi")],
        tools: Vec::new(),
        output: None,
        max_output: Some(100),
        settings: Default::default(),
    }
}

/// Reads a stream to its end: the text that came, and the reply or the failure.
pub(crate) async fn read(provider: &dyn Provider) -> (String, Result<Reply, ProviderError>) {
    let mut stream = match provider.stream(&request()).await {
        Ok(stream) => stream,
        Err(error) => return (String::new(), Err(error)),
    };
    let mut text = String::new();
    let mut ended = None;
    while let Some(event) = stream.next().await {
        assert!(ended.is_none(), "something follows the end: {event:?}");
        match event {
            Ok(StreamEvent::Text(more)) => text.push_str(&more),
            Ok(StreamEvent::Done(reply)) => ended = Some(Ok(*reply)),
            Err(error) => ended = Some(Err(error)),
        }
    }
    (text, ended.expect("a stream ends with a reply or an error"))
}

/// Returns the kind of a failure, `began` in front of it if something had come.
pub(crate) fn kind(error: &ProviderError) -> String {
    let failure = error.to_failure();
    assert!(!format!("{error} {error:?} {}", failure.message).contains(KEY), "{error:?}");
    let kind = serde_json::to_value(failure.kind).unwrap().as_str().unwrap().to_owned();
    if failure.began { format!("began, {kind}") } else { kind }
}

/// Plays the same answer to a whole and to a streamed request, and returns what each came to.
pub(crate) async fn both(
    backend: Backend,
    limits: Limits,
    play: impl Fn(&Request, bool) -> Answer + Send + Sync + 'static,
) -> (Result<Reply, ProviderError>, (String, Result<Reply, ProviderError>)) {
    let server = Server::start(move |request| play(request, backend.is_streamed(request))).await;
    let provider = backend.provider(server.address, limits);
    let whole = provider.complete(&request()).await;
    (whole, read(provider.as_ref()).await)
}
