//! The four formats that the server speaks, each behind its backend.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use vdo_core::message::{Block, Completion, Message, Reply};
use vdo_core::port::{Provider, ProviderError, StreamEvent};
use vdo_providers::{anthropic, gemini, openai, openai_chat};

use crate::server::{KEY, Peer};

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    Chat,
    Responses,
    Anthropic,
    Gemini,
}

impl Wire {
    pub(crate) const ALL: [Self; 4] = [Self::Chat, Self::Responses, Self::Anthropic, Self::Gemini];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Responses => "responses",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
        }
    }

    pub(crate) fn model(self) -> &'static str {
        match self {
            Self::Chat | Self::Responses => "gpt-4.1",
            Self::Anthropic => "claude-sonnet-4-6",
            Self::Gemini => "gemini-2.5-flash",
        }
    }

    pub(crate) fn provider(self, peer: &Peer) -> Arc<dyn Provider> {
        self.with_key(peer, KEY, Duration::from_secs(20))
    }

    /// Returns a provider that waits at most `idle` between two pieces.
    pub(crate) fn with_key(self, peer: &Peer, key: &str, idle: Duration) -> Arc<dyn Provider> {
        let (name, root, key) = (self.name(), &peer.root, key.into());
        match self {
            Self::Chat => {
                let config = openai_chat::Config::new(name, format!("{root}/v1")).with_key(key);
                let config = config.with_profile(openai_chat::Profile::OpenAi).with_idle_timeout(idle);
                Arc::new(openai_chat::OpenAiChat::new(config).unwrap())
            }
            Self::Responses => {
                let config = openai::Config::new(name, format!("{root}/v1")).with_key(key).with_idle_timeout(idle);
                Arc::new(openai::OpenAi::new(config).unwrap())
            }
            Self::Anthropic => {
                let config = anthropic::Config::new(name, root).with_key(key).with_idle_timeout(idle);
                Arc::new(anthropic::Anthropic::new(config).unwrap())
            }
            Self::Gemini => {
                // The server knows this version only.
                let config = gemini::Config::new(name, root).with_version("v1beta").with_key(key);
                Arc::new(gemini::Gemini::new(config.with_idle_timeout(idle)).unwrap())
            }
        }
    }

    pub(crate) fn request(self, text: &str) -> Completion {
        Completion {
            model: self.model().to_owned(),
            system: "You are tested.".to_owned(),
            messages: vec![Message::user(text)],
            tools: Vec::new(),
            output: None,
            max_output: Some(200),
            settings: Default::default(),
        }
    }
}

/// Reads a stream to its end: the texts in their pieces, and the reply.
pub(crate) async fn streamed(
    provider: &dyn Provider,
    request: &Completion,
) -> (Vec<String>, Result<Reply, ProviderError>) {
    let mut texts = Vec::new();
    let mut stream = match provider.stream(request).await {
        Ok(stream) => stream,
        Err(error) => return (texts, Err(error)),
    };
    let mut end = None;
    while let Some(event) = stream.next().await {
        assert!(end.is_none(), "something follows the end");
        match event {
            Ok(StreamEvent::Text(text)) => texts.push(text),
            Ok(StreamEvent::Done(reply)) => end = Some(Ok(*reply)),
            Err(error) => end = Some(Err(error)),
        }
    }
    (texts, end.expect("a stream ends with the whole reply or an error"))
}

/// Asks for the reply whole and streamed; both have to be the same but for ids.
pub(crate) async fn ask(provider: &dyn Provider, request: &Completion) -> Result<Reply, ProviderError> {
    let whole = provider.complete(request).await?;
    let (texts, streamed) = streamed(provider, request).await;
    let streamed = streamed?;
    let name = provider.name();
    assert_eq!(texts.concat(), whole.text(), "{name}");
    assert!(whole.text().chars().count() < 6 || texts.len() > 1, "{name}: {texts:?} came in one piece");
    assert_eq!(without_ids(&streamed), without_ids(&whole), "{name}");
    Ok(whole)
}

pub(crate) fn without_ids(reply: &Reply) -> Reply {
    let mut reply = reply.clone();
    reply.request_id = None;
    for block in &mut reply.blocks {
        if let Block::ToolCall(call) = block {
            assert!(!call.id.is_empty());
            call.id.clear();
        }
    }
    reply
}
