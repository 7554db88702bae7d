//! The contract of providers is kept while calls are recorded, and again when they are played back.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream;
use serde_json::json;
use vdo_core::message::{About, Block, Completion, Reasoning, Reply, Stop, ToolCall};
use vdo_core::port::{Capabilities, Health, Provider, ProviderError, ReplyStream, StreamEvent, TokenCount};
use vdo_core::testing::provider_contract::{
    REASONING, RETRY_AFTER_MS, Situation, Stage, TEXT, TOOL, TOOL_PATH, TRUNCATED, USAGE, check,
};
use vdo_core::usage::Usage;

use super::*;

/// A provider that plays a situation itself.
#[derive(Debug)]
struct Own(Situation);

fn call(id: &str, input: serde_json::Value) -> Block {
    Block::ToolCall(ToolCall { id: id.to_owned(), name: TOOL.to_owned(), input })
}

fn transport() -> ProviderError {
    ProviderError::Transport { sent: true, source: "the line broke".into() }
}

impl Own {
    fn answer(&self, request: &Completion) -> Result<Reply, ProviderError> {
        let message = "no".to_owned();
        let (blocks, stop) = match self.0 {
            Situation::Truncated => (vec![Block::text(TRUNCATED)], Stop::Length),
            Situation::Refused => (vec![Block::text("I will not.")], Stop::Refused),
            Situation::ToolCall => (vec![call("a", json!({ "path": TOOL_PATH })), call("b", json!({}))], Stop::ToolUse),
            Situation::Reasoning if request.messages.len() == 3 => {
                let data = json!({ "signature": "sealed" });
                let reasoning = Reasoning::new("own", REASONING, data);
                (vec![Block::Reasoning(reasoning), call("a", json!({ "path": TOOL_PATH }))], Stop::ToolUse)
            }
            Situation::BreaksOff => return Err(transport()),
            Situation::RateLimited => {
                let retry_after = Some(std::time::Duration::from_millis(RETRY_AFTER_MS));
                return Err(ProviderError::RateLimited { retry_after, message });
            }
            Situation::KeyRefused => return Err(ProviderError::KeyRefused { message }),
            Situation::Money => return Err(ProviderError::Money { message }),
            Situation::ContextTooLong => return Err(ProviderError::ContextTooLong { message }),
            _ => (vec![Block::text(TEXT)], Stop::End),
        };
        let usage = match self.0 {
            Situation::Usage => USAGE,
            _ => Usage { input: 5, output: 5, estimated: true, ..Usage::default() },
        };
        let (model, about) = ("own-1".to_owned(), About::default());
        Ok(Reply { blocks, stop, usage, model, request_id: None, about })
    }
}

#[async_trait]
impl Provider for Own {
    fn name(&self) -> &str {
        "own"
    }

    fn capabilities(&self, model: &str) -> Capabilities {
        scripted(json!([])).capabilities(model)
    }

    async fn complete(&self, request: &Completion) -> Result<Reply, ProviderError> {
        if self.0 == Situation::Silent {
            return std::future::pending().await;
        }
        self.answer(request)
    }

    async fn stream(&self, request: &Completion) -> Result<ReplyStream, ProviderError> {
        if self.0 == Situation::BreaksOff {
            let text = Ok(StreamEvent::Text("Hello from".to_owned()));
            return Ok(Box::pin(stream::iter([text, Err(transport().after(true, None))])));
        }
        let reply = self.answer(request)?;
        let texts: Vec<_> = reply.text().split_inclusive(' ').map(|text| StreamEvent::Text(text.to_owned())).collect();
        Ok(Box::pin(stream::iter(texts.into_iter().chain([StreamEvent::Done(Box::new(reply))]).map(Ok))))
    }

    async fn count_tokens(&self, request: &Completion) -> Result<TokenCount, ProviderError> {
        Ok(TokenCount { tokens: request.estimated_tokens(), estimated: true })
    }

    async fn probe(&self) -> Result<Health, ProviderError> {
        Ok(Health { models: vec!["own-1".to_owned()] })
    }
}

/// Records every situation to a cassette of its own, or plays it back from there.
#[derive(Debug)]
struct Cassettes {
    folder: PathBuf,
    plays: bool,
}

#[async_trait]
impl Stage for Cassettes {
    async fn provider(&self, situation: Situation) -> Arc<dyn Provider> {
        let path = self.folder.join(format!("{situation:?}.jsonl"));
        if self.plays {
            return Arc::new(Replay::open(path).unwrap());
        }
        Arc::new(Recorder::open(Arc::new(Own(situation)), path, []).unwrap())
    }

    fn can_play(&self, _: Situation) -> bool {
        true
    }
}

#[tokio::test]
async fn recording_and_playing_back_keep_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    for plays in [false, true] {
        check(&Cassettes { folder: folder.path().to_owned(), plays }).await.unwrap();
    }
}
