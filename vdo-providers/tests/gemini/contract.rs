//! The Gemini backend keeps the contract of providers, against a server of our own.

use std::sync::Arc;

use crate::support::{Answer, Request, Server, Then, answer, events};
use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use vdo_core::port::Provider;
use vdo_core::testing::provider_contract::{
    REASONING, RETRY_AFTER_MS, Situation, Stage, TEXT, TOOL, TOOL_PATH, TRUNCATED, USAGE, check,
};
use vdo_core::usage::Usage;
use vdo_providers::gemini::{Config, Gemini};

#[derive(Debug, Default)]
struct Servers(Mutex<Vec<Arc<Server>>>);

#[async_trait]
impl Stage for Servers {
    async fn provider(&self, situation: Situation) -> Arc<dyn Provider> {
        let server = Arc::new(Server::start(move |request| play(situation, request)).await);
        let config = Config::new("contract", format!("http://{}", server.address)).with_key("sk-contract-key".into());
        self.0.lock().await.push(server);
        Arc::new(Gemini::new(config).unwrap())
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

    fn usage(&self) -> Usage {
        // Writing to a cache is not counted by itself.
        Usage { input: 900, cache_write: 0, ..USAGE }
    }
}

fn play(situation: Situation, request: &Request) -> Answer {
    assert_eq!(request.header("x-goog-api-key"), Some("sk-contract-key"));
    assert!(!request.line.contains("sk-contract-key") && request.header("authorization").is_none());
    let streamed = match request.line.as_str() {
        "GET /v1/models HTTP/1.1" => {
            return crate::support::json(200, &json!({ "models": [{ "name": "models/contract-model" }] }));
        }
        "POST /v1/models/contract-model:countTokens HTTP/1.1" => {
            return crate::support::json(200, &json!({ "totalTokens": 17 }));
        }
        "POST /v1/models/contract-model:generateContent HTTP/1.1" => false,
        line => {
            assert_eq!(line, "POST /v1/models/contract-model:streamGenerateContent?alt=sse HTTP/1.1");
            true
        }
    };
    let error = |code: u16, status: &str, message: &str| {
        let wait = format!("{}s", RETRY_AFTER_MS as f64 / 1000.0);
        let details = json!([{ "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": wait }]);
        let error = json!({ "code": code, "message": message, "status": status, "details": details });
        answer(code, &[("content-type", "application/json")], json!({ "error": error }).to_string())
    };
    let text = |text: &str| json!([{ "text": text }]);
    match situation {
        Situation::Text | Situation::NoUsage => reply(streamed, text(TEXT), "STOP", Value::Null),
        Situation::Truncated => reply(streamed, text(TRUNCATED), "MAX_TOKENS", Value::Null),
        Situation::Refused => reply(streamed, json!([]), "SAFETY", Value::Null),
        Situation::ToolCall => reply(streamed, calls(), "STOP", Value::Null),
        Situation::Usage => reply(streamed, text(TEXT), "STOP", usage()),
        Situation::Reasoning => reasoned(streamed, request),
        Situation::BreaksOff => breaks_off(streamed),
        Situation::RateLimited => error(429, "RESOURCE_EXHAUSTED", "slow down"),
        Situation::KeyRefused => error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
        Situation::Money => error(429, "RESOURCE_EXHAUSTED", "Your project has exceeded its monthly spending cap."),
        Situation::ContextTooLong => error(400, "INVALID_ARGUMENT", "The input token count (3) exceeds the maximum"),
        _ => Answer { pieces: Vec::new(), then: Then::Silence },
    }
}

fn calls() -> Value {
    json!([
        { "functionCall": { "name": TOOL, "args": { "path": TOOL_PATH } } },
        { "functionCall": { "id": "b", "name": TOOL } },
    ])
}

fn usage() -> Value {
    json!({
        "promptTokenCount": 1200, "cachedContentTokenCount": 300, "candidatesTokenCount": 50,
        "thoughtsTokenCount": 40, "totalTokenCount": 1290,
    })
}

/// Reasons and calls a tool; with the result of the call it wants the signature back with the call.
fn reasoned(streamed: bool, request: &Request) -> Answer {
    let call = json!({ "functionCall": { "id": "c1", "name": TOOL, "args": { "path": TOOL_PATH } }, "thoughtSignature": "c2ln" });
    let contents = request.json()["contents"].clone();
    let contents = contents.as_array().unwrap();
    let last = contents.iter().rfind(|content| content["role"] == "model").unwrap();
    if last["parts"][0].get("functionCall").is_none() {
        return reply(streamed, json!([{ "text": REASONING, "thought": true }, call]), "STOP", Value::Null);
    }
    assert_eq!(last["parts"], json!([call]));
    let response =
        json!({ "functionResponse": { "id": "c1", "name": TOOL, "response": { "output": "fn main() {}" } } });
    assert_eq!(contents.last().unwrap()["parts"], json!([response]));
    reply(streamed, json!([{ "text": TEXT }]), "STOP", Value::Null)
}

/// Says a part and closes.
fn breaks_off(streamed: bool) -> Answer {
    if streamed {
        let piece = json!({ "candidates": [{ "content": { "parts": [{ "text": "Hello from" }] } }] });
        return events(&[format!("data: {piece}\n\n").as_bytes()]).unfinished(Then::Close);
    }
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{\"candidates\":[";
    Answer { pieces: vec![head.to_vec()], then: Then::Close }
}

/// Plays a message whole or in small pieces, as the request asks.
fn reply(streamed: bool, parts: Value, reason: &str, usage: Value) -> Answer {
    let piece = |parts: Value, reason: Option<&str>, usage: &Value| {
        let candidate = json!({ "content": { "role": "model", "parts": parts }, "finishReason": reason, "index": 0 });
        json!({ "candidates": [candidate], "usageMetadata": usage, "modelVersion": "contract-model-2026", "responseId": "r" })
    };
    if !streamed {
        return crate::support::json(200, &piece(parts, Some(reason), &usage));
    }
    let mut text = String::new();
    let mut say = |piece: Value| text += &format!("data: {piece}\r\n\r\n");
    let first =
        if usage.is_null() { Value::Null } else { json!({ "promptTokenCount": 1200, "totalTokenCount": 1200 }) };
    for part in parts.as_array().unwrap() {
        match part["text"].as_str() {
            Some(whole) => {
                for word in whole.split_inclusive(' ') {
                    let mut small = part.clone();
                    small["text"] = json!(word);
                    say(piece(json!([small]), None, &first));
                }
            }
            None => say(piece(json!([part]), None, &first)),
        }
    }
    say(piece(json!([]), Some(reason), &usage));
    events(&text.as_bytes().chunks(7).collect::<Vec<_>>())
}

#[tokio::test]
async fn the_backend_keeps_the_contract() {
    check(&Servers::default()).await.unwrap();
}
