//! The Anthropic backend keeps the contract of providers, against a server of our own.

use std::sync::Arc;

use crate::support::{Answer, Request, Server, Then, answer, events};
use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use vdo_core::port::Provider;
use vdo_core::testing::provider_contract::{
    REASONING, RETRY_AFTER_MS, Situation, Stage, TEXT, TOOL, TOOL_PATH, TRUNCATED, check,
};
use vdo_providers::anthropic::{Anthropic, Config};

#[derive(Debug, Default)]
struct Servers(Mutex<Vec<Arc<Server>>>);

#[async_trait]
impl Stage for Servers {
    async fn provider(&self, situation: Situation) -> Arc<dyn Provider> {
        let server = Arc::new(Server::start(move |request| play(situation, request)).await);
        let config = Config::new("contract", format!("http://{}", server.address)).with_key("sk-contract-key".into());
        self.0.lock().await.push(server);
        Arc::new(Anthropic::new(config).unwrap())
    }

    async fn called(&self) {
        let server = self.0.lock().await.last().cloned().unwrap();
        server.seen().await;
    }

    async fn dropped(&self) {
        let server = self.0.lock().await.last().cloned().unwrap();
        server.closed().await;
    }

    fn can_play(&self, _: Situation) -> bool {
        true
    }
}

fn play(situation: Situation, request: &Request) -> Answer {
    assert_eq!(request.header("x-api-key"), Some("sk-contract-key"));
    assert_eq!((request.header("anthropic-version"), request.header("authorization")), (Some("2026-10-21"), None));
    match request.line.as_str() {
        "GET /v1/models?limit=1 HTTP/1.1" => {
            return crate::support::json(200, &json!({ "data": [{ "id": "contract-model" }], "has_more": false }));
        }
        "POST /v1/messages/count_tokens HTTP/1.1" => return crate::support::json(200, &json!({ "input_tokens": 17 })),
        line => assert_eq!(line, "POST /v1/messages HTTP/1.1"),
    }
    let error = |status, kind: &str, message: &str, code: Option<&str>| {
        let error = json!({ "type": kind, "message": message, "details": { "error_code": code } });
        let wait = (RETRY_AFTER_MS as f64 / 1000.0).to_string();
        let headers = [("content-type", "application/json"), ("retry-after", wait.as_str())];
        answer(status, &headers, json!({ "type": "error", "error": error }).to_string())
    };
    let text = |text: &str| json!([{ "type": "text", "text": text }]);
    match situation {
        Situation::Text => {
            reply(request, text(TEXT), "end_turn", Some(json!({ "input_tokens": 9, "output_tokens": 9 })))
        }
        Situation::NoUsage => reply(request, text(TEXT), "end_turn", None),
        Situation::Truncated => reply(request, text(TRUNCATED), "max_tokens", None),
        Situation::Refused => reply(request, text("I will not."), "refusal", None),
        Situation::ToolCall => reply(request, calls(), "tool_use", None),
        Situation::Usage => reply(request, text(TEXT), "end_turn", Some(usage())),
        Situation::Reasoning => reasoned(request),
        Situation::BreaksOff => breaks_off(request),
        Situation::RateLimited => error(429, "rate_limit_error", "slow down", None),
        Situation::KeyRefused => error(401, "authentication_error", "invalid x-api-key", None),
        Situation::Money => error(429, "rate_limit_error", "no", Some("enforced_spend_limit_reached")),
        Situation::ContextTooLong => error(400, "invalid_request_error", "prompt is too long: 3 > 2", None),
        _ => Answer { pieces: Vec::new(), then: Then::Silence },
    }
}

fn calls() -> Value {
    json!([
        { "type": "tool_use", "id": "toolu_a", "name": TOOL, "input": { "path": TOOL_PATH } },
        { "type": "tool_use", "id": "toolu_b", "name": TOOL, "input": {} },
    ])
}

fn usage() -> Value {
    json!({
        "input_tokens": 700, "cache_read_input_tokens": 300, "cache_creation_input_tokens": 200,
        "cache_creation": { "ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 0 },
        "output_tokens": 90, "output_tokens_details": { "thinking_tokens": 40 },
    })
}

/// Reasons and calls a tool; with the result of the call it wants the reasoning back as it was.
fn reasoned(request: &Request) -> Answer {
    let thought = json!({ "type": "thinking", "thinking": REASONING, "signature": "c2ln" });
    let calls = calls()[0].clone();
    let messages = request.json()["messages"].clone();
    let last = messages.as_array().unwrap().iter().rfind(|message| message["role"] == "assistant").unwrap();
    if last["content"].is_string() {
        return reply(request, json!([thought, calls]), "tool_use", None);
    }
    assert_eq!(last["content"], json!([thought, calls]));
    reply(request, json!([{ "type": "text", "text": TEXT }]), "end_turn", None)
}

/// Says a part, of which it has counted the input, and closes.
fn breaks_off(request: &Request) -> Answer {
    if !request.is_streamed() {
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{\"content\":[";
        return Answer { pieces: vec![head.to_vec()], then: Then::Close };
    }
    let text = stream(&json!([{ "type": "text", "text": TEXT }]), "end_turn", Some(&usage()));
    let cut = text.find("content_block_stop").unwrap();
    events(&[&text.as_bytes()[..cut]]).unfinished(Then::Close)
}

/// Plays a message whole or in small pieces, as the request asks.
fn reply(request: &Request, content: Value, reason: &str, usage: Option<Value>) -> Answer {
    if request.is_streamed() {
        let text = stream(&content, reason, usage.as_ref());
        return events(&text.as_bytes().chunks(7).collect::<Vec<_>>());
    }
    let message = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "contract-model-2026",
        "content": content, "stop_reason": reason, "usage": usage,
    });
    crate::support::json(200, &message)
}

fn stream(content: &Value, reason: &str, usage: Option<&Value>) -> String {
    let mut text = String::new();
    let mut say = |event: Value| text += &format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap());
    let mut first = usage.cloned().unwrap_or_default();
    if usage.is_some() {
        first["output_tokens"] = json!(1);
    }
    let message = json!({ "id": "msg_1", "model": "contract-model-2026", "content": [], "usage": first });
    say(json!({ "type": "message_start", "message": message }));
    say(json!({ "type": "ping" }));
    for (index, part) in content.as_array().unwrap().iter().enumerate() {
        let mut start = part.clone();
        let mut deltas = Vec::new();
        for (field, kind) in [("text", "text_delta"), ("thinking", "thinking_delta"), ("signature", "signature_delta")]
        {
            if let Some(whole) = part[field].as_str() {
                start[field] = json!("");
                deltas.extend(whole.split_inclusive(' ').map(|piece| json!({ "type": kind, field: piece })));
            }
        }
        if part["type"] == "tool_use" {
            let input = part["input"].to_string();
            start["input"] = json!({});
            let (first, second) = input.split_at(input.len() / 2);
            deltas.extend([first, second].map(|piece| json!({ "type": "input_json_delta", "partial_json": piece })));
        }
        say(json!({ "type": "content_block_start", "index": index, "content_block": start }));
        for delta in deltas {
            say(json!({ "type": "content_block_delta", "index": index, "delta": delta }));
        }
        say(json!({ "type": "content_block_stop", "index": index }));
    }
    let output = usage.map(|usage| {
        json!({ "output_tokens": usage["output_tokens"], "output_tokens_details": usage["output_tokens_details"] })
    });
    say(json!({ "type": "message_delta", "delta": { "stop_reason": reason }, "usage": output }));
    say(json!({ "type": "message_stop" }));
    text
}

#[tokio::test]
async fn the_backend_keeps_the_contract() {
    check(&Servers::default()).await.unwrap();
}
