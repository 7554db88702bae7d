//! The Responses backend keeps the contract of providers, against a server of our own.

use std::sync::Arc;

use crate::support::{Answer, Request, Server, Then, answer, events};
use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use vdo_core::port::{Accepts, Provider, ReasoningControl};
use vdo_core::testing::provider_contract::{
    REASONING, RETRY_AFTER_MS, Situation, Stage, TEXT, TOOL, TOOL_PATH, TRUNCATED, check,
};
use vdo_providers::openai::{Config, ModelConfig, OpenAi};

#[derive(Debug, Default)]
struct Servers(Mutex<Vec<Arc<Server>>>);

#[async_trait]
impl Stage for Servers {
    async fn provider(&self, situation: Situation) -> Arc<dyn Provider> {
        let server = Arc::new(Server::start(move |request| play(situation, request)).await);
        let config = Config::new("contract", server.base_url()).with_key("sk-contract-key".into());
        self.0.lock().await.push(server);
        // A model that is known to reason, so that its reasoning is asked for.
        let accepts = Accepts { reasoning: ReasoningControl::Level, ..Accepts::default() };
        let model = ModelConfig { accepts: Some(accepts), ..ModelConfig::default() };
        Arc::new(OpenAi::new(config.with_model("contract-model", model)).unwrap())
    }

    fn can_play(&self, _: Situation) -> bool {
        true
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
    if request.line.starts_with("POST /v1/responses/input_tokens ") {
        return crate::support::json(200, &json!({ "object": "response.input_tokens", "input_tokens": 77 }));
    }
    assert_eq!(request.line, "POST /v1/responses HTTP/1.1");
    assert_eq!(request.header("authorization"), Some("Bearer sk-contract-key"));
    let error = |status, code: &str, kind: &str| {
        let body = json!({ "error": { "message": "no", "type": kind, "param": null, "code": code } });
        let wait = (RETRY_AFTER_MS as f64 / 1000.0).to_string();
        answer(status, &[("content-type", "application/json"), ("retry-after", &wait)], body.to_string())
    };
    let text = |text: &str| json!([message(&json!({ "type": "output_text", "text": text, "annotations": [] }))]);
    match situation {
        Situation::Text | Situation::NoUsage => reply(request, text(TEXT), "completed", Value::Null),
        Situation::Truncated => reply(request, text(TRUNCATED), "incomplete", Value::Null),
        Situation::Refused => {
            let refusal = json!({ "type": "refusal", "refusal": "I will not." });
            reply(request, json!([message(&refusal)]), "completed", Value::Null)
        }
        Situation::ToolCall => reply(request, calls(), "completed", Value::Null),
        Situation::Usage => reply(request, text(TEXT), "completed", usage()),
        Situation::Reasoning => reasons(request, text(TEXT)),
        Situation::BreaksOff => breaks_off(request),
        Situation::RateLimited => error(429, "rate_limit_exceeded", "requests"),
        Situation::KeyRefused => error(401, "invalid_api_key", "invalid_request_error"),
        Situation::Money => error(429, "credit_balance_exhausted", "insufficient_quota"),
        Situation::ContextTooLong => error(400, "context_length_exceeded", "invalid_request_error"),
        _ => Answer { pieces: Vec::new(), then: Then::Silence },
    }
}

/// Reasons and calls a tool; answers once its reasoning has come back with the result.
fn reasons(request: &Request, text: Value) -> Answer {
    let thought = json!({
        "id": "rs_1", "type": "reasoning", "encrypted_content": "sealed", "status": null,
        "summary": [{ "type": "summary_text", "text": REASONING }],
    });
    let mut call = calls()[0].clone();
    let body = request.json();
    assert_eq!(body["include"], json!(["reasoning.encrypted_content"]));
    let items = body["input"].as_array().unwrap();
    let Some(place) = items.iter().position(|item| item["type"] == "reasoning") else {
        return reply(request, json!([thought, call]), "completed", Value::Null);
    };
    for field in ["id", "status"] {
        call.as_object_mut().unwrap().remove(field);
    }
    let output = json!({ "type": "function_call_output", "call_id": "call_a", "output": "fn main() {}" });
    assert_eq!(items[place..], [thought, call, output]);
    reply(request, text, "completed", Value::Null)
}

/// Says a part and closes.
fn breaks_off(request: &Request) -> Answer {
    if request.is_streamed() {
        let delta = json!({ "type": "response.output_text.delta", "delta": "Hello from" });
        return events(&[format!("data: {delta}\n\n").as_bytes()]).unfinished(Then::Close);
    }
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{\"output\":[";
    Answer { pieces: vec![head.to_vec()], then: Then::Close }
}

fn message(part: &Value) -> Value {
    json!({ "id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [part] })
}

fn calls() -> Value {
    let call = |id: &str, arguments: Value| json!({ "id": format!("fc_{id}"), "type": "function_call", "call_id": id, "name": TOOL, "arguments": arguments.to_string(), "status": "completed" });
    json!([call("call_a", json!({ "path": TOOL_PATH })), call("call_b", json!({}))])
}

fn usage() -> Value {
    json!({
        "input_tokens": 1200, "output_tokens": 90, "total_tokens": 1290,
        "input_tokens_details": { "cached_tokens": 300, "cache_write_tokens": 200 },
        "output_tokens_details": { "reasoning_tokens": 40 },
    })
}

/// Plays a response whole or event by event in small pieces, as the request asks.
fn reply(request: &Request, output: Value, status: &str, usage: Value) -> Answer {
    let mut whole = json!({
        "id": "resp_1", "object": "response", "model": "contract-model-2026", "status": status, "error": null,
        "incomplete_details": null, "output": output, "usage": usage, "service_tier": "default",
    });
    if status == "incomplete" {
        whole["incomplete_details"] = json!({ "reason": "max_output_tokens" });
    }
    if !request.is_streamed() {
        return crate::support::json(200, &whole);
    }
    let mut number = 0;
    let mut event = |kind: &str, fields: Value| {
        let mut data = fields;
        data["type"] = kind.into();
        data["sequence_number"] = number.into();
        number += 1;
        format!("event: {kind}\ndata: {data}\n\n")
    };
    let started = json!({ "response": { "id": "resp_1", "status": "in_progress", "output": [], "usage": null } });
    let mut text = event("response.created", started.clone()) + &event("response.in_progress", started);
    for (index, item) in output.as_array().unwrap().iter().enumerate() {
        text +=
            &event("response.output_item.added", json!({ "output_index": index, "item": { "type": item["type"] } }));
        let part = &item["content"][0];
        for word in part["text"].as_str().unwrap_or_default().split_inclusive(' ') {
            text += &event("response.output_text.delta", json!({ "output_index": index, "delta": word }));
        }
        if let Some(refusal) = part["refusal"].as_str() {
            text += &event("response.refusal.delta", json!({ "output_index": index, "delta": refusal }));
        }
        if let Some(arguments) = item["arguments"].as_str() {
            let delta = json!({ "output_index": index, "delta": arguments });
            text += &event("response.function_call_arguments.delta", delta);
        }
        text += &event("response.output_item.done", json!({ "output_index": index, "item": item }));
    }
    text += &event(&format!("response.{status}"), json!({ "response": whole }));
    events(&text.as_bytes().chunks(7).collect::<Vec<_>>())
}

#[tokio::test]
async fn the_backend_keeps_the_contract() {
    check(&Servers::default()).await.unwrap();
}
