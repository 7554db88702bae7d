//! The Chat Completions backend keeps the contract of providers, against a server of our own.

use std::sync::Arc;

use crate::support::{Answer, Request, Server, Then, answer, events};
use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use vdo_core::port::Provider;
use vdo_core::testing::provider_contract::{RETRY_AFTER_MS, Situation, Stage, TEXT, TOOL, TOOL_PATH, TRUNCATED, check};
use vdo_providers::openai_chat::{Config, OpenAiChat, Profile};

#[derive(Debug, Default)]
struct Servers(Mutex<Vec<Arc<Server>>>);

#[async_trait]
impl Stage for Servers {
    async fn provider(&self, situation: Situation) -> Arc<dyn Provider> {
        let server = Arc::new(Server::start(move |request| play(situation, request)).await);
        let config = Config::new("contract", server.base_url()).with_key("sk-contract-key".into());
        self.0.lock().await.push(server);
        Arc::new(OpenAiChat::new(config.with_profile(Profile::OpenAi)).unwrap())
    }

    fn can_play(&self, situation: Situation) -> bool {
        // Chat Completions has no place for reasoning that goes back.
        situation != Situation::Reasoning
    }

    async fn called(&self) {
        let server = self.0.lock().await.last().cloned().unwrap();
        server.seen().await;
    }

    async fn dropped(&self) {
        let server = self.0.lock().await.last().cloned().unwrap();
        server.closed().await;
    }
}

fn play(situation: Situation, request: &Request) -> Answer {
    if request.line.starts_with("GET /v1/models ") {
        return crate::support::json(200, &json!({ "object": "list", "data": [{ "id": "contract-model" }] }));
    }
    assert_eq!(request.line, "POST /v1/chat/completions HTTP/1.1");
    assert_eq!(request.header("authorization"), Some("Bearer sk-contract-key"));
    let error = |status, code: &str, kind: &str| {
        let body = json!({ "error": { "message": "no", "type": kind, "param": null, "code": code } });
        let wait = (RETRY_AFTER_MS as f64 / 1000.0).to_string();
        answer(status, &[("content-type", "application/json"), ("retry-after", &wait)], body.to_string())
    };
    match situation {
        Situation::Text | Situation::NoUsage => reply(request, json!({ "content": TEXT }), "stop", None),
        Situation::Truncated => reply(request, json!({ "content": TRUNCATED }), "length", None),
        Situation::Refused => reply(request, json!({ "content": null, "refusal": "I will not." }), "stop", None),
        Situation::ToolCall => reply(request, json!({ "content": null, "tool_calls": calls() }), "tool_calls", None),
        Situation::Usage => reply(request, json!({ "content": TEXT }), "stop", Some(usage())),
        Situation::BreaksOff => breaks_off(request),
        Situation::RateLimited => error(429, "rate_limit_exceeded", "requests"),
        Situation::KeyRefused => error(401, "invalid_api_key", "invalid_request_error"),
        Situation::Money => error(429, "insufficient_quota", "insufficient_quota"),
        Situation::ContextTooLong => error(400, "context_length_exceeded", "invalid_request_error"),
        _ => Answer { pieces: Vec::new(), then: Then::Silence },
    }
}

fn calls() -> Value {
    json!([
        { "index": 0, "id": "call_a", "type": "function",
          "function": { "name": TOOL, "arguments": json!({ "path": TOOL_PATH }).to_string() } },
        { "index": 1, "id": "call_b", "type": "function", "function": { "name": TOOL, "arguments": "{}" } },
    ])
}

fn usage() -> Value {
    json!({
        "prompt_tokens": 1200, "completion_tokens": 90, "total_tokens": 1290,
        "prompt_tokens_details": { "cached_tokens": 300, "cache_write_tokens": 200 },
        "completion_tokens_details": { "reasoning_tokens": 40 },
    })
}

/// Says a part and closes.
fn breaks_off(request: &Request) -> Answer {
    if request.is_streamed() {
        let chunk = json!({ "choices": [{ "index": 0, "delta": { "content": "Hello from" } }] });
        return events(&[format!("data: {chunk}\n\n").as_bytes()]).unfinished(Then::Close);
    }
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{\"choices\":[";
    Answer { pieces: vec![head.to_vec()], then: Then::Close }
}

/// Plays a message whole or in small pieces, as the request asks.
fn reply(request: &Request, message: Value, finish: &str, usage: Option<Value>) -> Answer {
    if !request.is_streamed() {
        let choice = json!({ "index": 0, "message": message, "finish_reason": finish });
        return crate::support::json(
            200,
            &json!({ "id": "chatcmpl-1", "model": "contract-model-2026", "choices": [choice], "usage": usage }),
        );
    }
    let chunk = |choices: Value, usage: Option<&Value>| {
        let chunk = json!({ "id": "chatcmpl-1", "model": "contract-model-2026", "choices": choices, "usage": usage });
        format!("data: {chunk}\n\n")
    };
    let delta = |delta: Value| chunk(json!([{ "index": 0, "delta": delta, "finish_reason": null }]), None);
    let mut text = delta(json!({ "role": "assistant", "content": "" }));
    for word in message["content"].as_str().unwrap_or_default().split_inclusive(' ') {
        text += &delta(json!({ "content": word }));
    }
    if let Some(refusal) = message["refusal"].as_str() {
        text += &delta(json!({ "refusal": refusal }));
    }
    for call in message["tool_calls"].as_array().into_iter().flatten() {
        let arguments = call["function"]["arguments"].as_str().unwrap();
        let (first, second) = arguments.split_at(arguments.len() / 2);
        let mut start = call.clone();
        start["function"]["arguments"] = first.into();
        text += &delta(json!({ "tool_calls": [start] }));
        text += &delta(json!({ "tool_calls": [{ "index": call["index"], "function": { "arguments": second } }] }));
    }
    text += &chunk(json!([{ "index": 0, "delta": {}, "finish_reason": finish }]), None);
    if let Some(usage) = usage {
        text += &chunk(json!([]), Some(&usage));
    }
    text += "data: [DONE]\n\n";
    events(&text.as_bytes().chunks(7).collect::<Vec<_>>())
}

#[tokio::test]
async fn the_backend_keeps_the_contract() {
    check(&Servers::default()).await.unwrap();
}
