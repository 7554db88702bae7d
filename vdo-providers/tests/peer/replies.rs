//! Texts, tools, usage, stops and refusals, whole and streamed, in every format.

use std::time::Duration;

use serde_json::json;
use vdo_core::message::{Block, Completion, Message, OutputSchema, Role, Stop, ToolSpec};
use vdo_core::port::{Provider, ProviderError};
use vdo_core::usage::Usage;

use crate::server::Peer;
use crate::wires::{Wire, ask, streamed};

const HELLO: &str = "Hello from an independent server: äöü, 日本, 🙂. It streams in small pieces.";

#[tokio::test(flavor = "multi_thread")]
async fn an_independent_server_is_understood_in_every_format() {
    let mut peer = Peer::start(&json!({ "fixtures": [] })).await;
    for wire in Wire::ALL {
        let provider = wire.provider(&peer);
        texts_usage_and_schemas(wire, provider.as_ref()).await;
        tools(wire, provider.as_ref()).await;
        failures(wire, provider.as_ref()).await;
        keys_and_health(wire, &peer).await;
        let request = wire.request("say hello");
        let replies = futures_util::future::join_all((0..64).map(|_| provider.complete(&request))).await;
        assert!(replies.into_iter().all(|reply| reply.unwrap().text() == HELLO));
    }
    peer.stop().await;
    for wire in Wire::ALL {
        let gone = wire.provider(&peer).complete(&wire.request("say hello")).await.unwrap_err();
        assert!(matches!(gone, ProviderError::Transport { sent: false, .. }), "{wire:?}: {gone:?}");
    }
}

async fn texts_usage_and_schemas(wire: Wire, provider: &dyn Provider) {
    let hello = ask(provider, &wire.request("say hello")).await.unwrap();
    assert_eq!((hello.text().as_str(), hello.stop), (HELLO, Stop::End), "{wire:?}");
    assert!(hello.model.starts_with(wire.model()) && !hello.usage.estimated, "{wire:?}: {hello:?}");
    let weighed = ask(provider, &wire.request("weigh it")).await.unwrap();
    assert_eq!(weighed.usage, Usage { input: 120, output: 30, ..Usage::default() }, "{wire:?}");
    let cut = ask(provider, &wire.request("write at length")).await.unwrap();
    assert_eq!((cut.text().as_str(), cut.stop), ("one two thr", Stop::Length), "{wire:?}");
    let mut plan = wire.request("plan as json");
    let schema = json!({
        "type": "object", "properties": { "plan": { "type": "array", "items": { "type": "string" } } },
        "required": ["plan"], "additionalProperties": false,
    });
    plan.output = Some(OutputSchema { name: "plan".to_owned(), schema });
    match wire {
        // The server has no answer to this request without its schema.
        Wire::Chat => assert_eq!(ask(provider, &plan).await.unwrap().text(), r#"{"plan":["one"]}"#),
        // It does not look for one in these formats.
        Wire::Responses | Wire::Anthropic | Wire::Gemini => {}
    }
}

fn with_tools(wire: Wire, text: &str) -> Completion {
    let mut request = wire.request(text);
    request.tools.push(ToolSpec {
        name: "read".to_owned(),
        description: "Reads a file.".to_owned(),
        input_schema: json!({ "type": "object", "properties": { "path": { "type": "string" } } }),
    });
    request
}

async fn tools(wire: Wire, provider: &dyn Provider) {
    let mut request = with_tools(wire, "read two files");
    let calls = ask(provider, &request).await.unwrap();
    assert_eq!(calls.stop, Stop::ToolUse, "{wire:?}");
    let paths: Vec<_> = calls.tool_calls().map(|call| call.input["path"].clone()).collect();
    assert_eq!(paths, ["src/main.rs", "src/lib.rs"], "{wire:?}");
    let results = calls.tool_calls().map(|call| Block::ToolResult {
        id: call.id.clone(),
        content: "fn main() {}".to_owned(),
        is_error: false,
    });
    let results = results.collect();
    request.messages.push(Message { role: Role::Assistant, blocks: calls.blocks.clone() });
    request.messages.push(Message { role: Role::User, blocks: results });
    assert_eq!(ask(provider, &request).await.unwrap().text(), "Both were read.", "{wire:?}");
    let both = ask(provider, &with_tools(wire, "one city")).await.unwrap();
    assert_eq!((both.text().as_str(), both.stop), ("Let me look.", Stop::ToolUse), "{wire:?}");
    let inputs: Vec<_> = both.tool_calls().map(|call| call.input.clone()).collect();
    assert_eq!(inputs, [json!({ "path": "日本.txt", "line": 3 })], "{wire:?}");
}

async fn failures(wire: Wire, provider: &dyn Provider) {
    for text in ["too many", "fall over", "nothing fits this"] {
        let whole = provider.complete(&wire.request(text)).await.unwrap_err();
        let (texts, streamed) = streamed(provider, &wire.request(text)).await;
        assert!(texts.is_empty());
        assert_eq!(whole.to_failure(), streamed.unwrap_err().to_failure());
        match (text, &whole) {
            ("too many", ProviderError::RateLimited { retry_after: Some(wait), .. }) => {
                assert_eq!(wait.as_secs(), 3, "{wire:?}");
            }
            ("fall over", ProviderError::Fault { status: 500, .. })
            | ("nothing fits this", ProviderError::Overloaded { .. }) => {}
            _ => panic!("{wire:?}, {text}: {whole:?}"),
        }
    }
    // Codes of OpenAI's; the server sends them in that form only.
    if matches!(wire, Wire::Chat | Wire::Responses) {
        let money = provider.complete(&wire.request("out of credit")).await.unwrap_err();
        assert!(matches!(money, ProviderError::Money { .. }), "{wire:?}: {money:?}");
        let long = provider.complete(&wire.request("far too long")).await.unwrap_err();
        assert!(matches!(long, ProviderError::ContextTooLong { .. }), "{wire:?}: {long:?}");
    }
}

async fn keys_and_health(wire: Wire, peer: &Peer) {
    let health = wire.provider(peer).probe().await;
    match wire {
        // The server lists no models of Gemini's.
        Wire::Gemini => assert!(!matches!(health, Err(ProviderError::KeyRefused { .. })), "{health:?}"),
        Wire::Chat | Wire::Responses | Wire::Anthropic => assert!(!health.unwrap().models.is_empty(), "{wire:?}"),
    }
    let wrong = wire.with_key(peer, "sk-not-the-right-key", Duration::from_secs(20));
    assert!(matches!(wrong.probe().await, Err(ProviderError::KeyRefused { .. })), "{wire:?}");
    let refused = wrong.complete(&wire.request("say hello")).await.unwrap_err();
    assert!(matches!(&refused, ProviderError::KeyRefused { .. }), "{wire:?}: {refused:?}");
    assert!(!format!("{refused:?}").contains("sk-not-the-right-key"));
}
