//! The conversion both ways, without a server.

mod streams;

use std::time::Duration;

use serde_json::{Value, json};
use vdo_core::message::{Block, Completion, Message, OutputSchema, Reply, Role, Stop, ToolCall, ToolSpec};
use vdo_core::port::{Accepts, Capabilities, ProviderError};
use vdo_core::usage::Usage;

use super::convert::{self, Mode};
use super::reply::{self, Asked};
use super::streaming::Chunks;
use super::{Dialect, Profile, errors};
use crate::transport::exchange::Failed;
use crate::transport::redact::Redactor;
use crate::transport::retry_after::Hints;

const GOLDEN: &str = include_str!("../../tests/data/openai-chat-requests.json");

fn city_schema() -> Value {
    json!({ "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"], "additionalProperties": false })
}

fn plan_schema() -> Value {
    json!({
        "type": "object", "properties": { "plan": { "type": "array", "items": { "type": "string" } } },
        "required": ["plan"], "additionalProperties": false,
    })
}

fn call(id: &str, input: Value) -> Block {
    Block::ToolCall(ToolCall { id: id.to_owned(), name: "get_weather".to_owned(), input })
}

fn result(id: &str, content: &str, is_error: bool) -> Block {
    Block::ToolResult { id: id.to_owned(), content: content.to_owned(), is_error }
}

fn conversation() -> Completion {
    Completion {
        model: "gpt-6-luna".to_owned(),
        system: "S".to_owned(),
        messages: vec![
            Message::user("u"),
            Message { role: Role::Assistant, blocks: vec![call("call_1", json!({ "city": "Oslo" }))] },
            Message { role: Role::User, blocks: vec![result("call_1", "3C", false)] },
        ],
        tools: vec![ToolSpec { name: "get_weather".into(), description: "d".into(), input_schema: city_schema() }],
        output: Some(OutputSchema { name: "plan".into(), schema: plan_schema() }),
        max_output: Some(2000),
        settings: Default::default(),
    }
}

fn able(dialect: &Dialect) -> Capabilities {
    let supports = &dialect.supports;
    Capabilities {
        tools: supports.tools,
        json_schema: supports.json_schema,
        context: None,
        max_output: None,
        accepts: Accepts::default(),
    }
}

fn sent(request: &Completion, profile: Profile, mode: Mode) -> Value {
    let dialect = profile.dialect();
    serde_json::from_slice(&convert::body(request, &dialect, &able(&dialect), mode).unwrap()).unwrap()
}

#[test]
fn requests_to_openai_are_those_its_own_client_sends() {
    let cases: Vec<Value> = serde_json::from_str(GOLDEN).unwrap();
    let golden = &cases.iter().find(|case| case["case"] == "openai.chat.full").unwrap()["body"];
    let ours = sent(&conversation(), Profile::OpenAi, Mode::Streamed);
    for (field, value) in ours.as_object().unwrap() {
        assert_eq!(value, &golden[field], "{field}");
    }
    let left: Vec<&str> =
        golden.as_object().unwrap().keys().filter(|field| ours.get(field).is_none()).map(String::as_str).collect();
    // Options that VDO leaves at their defaults.
    assert_eq!(
        left,
        ["parallel_tool_calls", "prompt_cache_key", "prompt_cache_options", "reasoning_effort", "tool_choice"]
    );
}

#[test]
fn plain_servers_are_sent_nothing_they_may_not_know() {
    assert_eq!(
        sent(&conversation(), Profile::Plain, Mode::Whole),
        json!({
            "model": "gpt-6-luna",
            "messages": [
                { "role": "system", "content": "S" },
                { "role": "user", "content": "u" },
                { "role": "assistant", "tool_calls": [{
                    "id": "call_1", "type": "function",
                    "function": { "name": "get_weather", "arguments": "{\"city\":\"Oslo\"}" },
                }] },
                { "role": "tool", "tool_call_id": "call_1", "content": "3C" },
            ],
            "max_tokens": 2000,
            "tools": [{ "type": "function", "function": { "name": "get_weather", "description": "d", "parameters": city_schema() } }],
        })
    );
}

#[test]
fn profiles_differ_as_their_servers_do() {
    let vllm = sent(&conversation(), Profile::Vllm, Mode::Streamed);
    assert_eq!(vllm["parallel_tool_calls"], true);
    assert_eq!(vllm["response_format"]["json_schema"], json!({ "name": "plan", "schema": plan_schema() }));
    assert_eq!(vllm["stream_options"], json!({ "include_usage": true }));
    let mut open = conversation();
    open.output = Some(OutputSchema { name: "any".into(), schema: json!({ "type": "object" }) });
    let openai = sent(&open, Profile::OpenAi, Mode::Whole);
    assert_eq!(openai["response_format"]["json_schema"], json!({ "name": "any", "schema": { "type": "object" } }));
    let mut quiet = Profile::Plain.dialect();
    quiet.supports.stream_usage = false;
    quiet.supports.tools = false;
    let quiet = sent(&conversation(), Profile::Custom(quiet), Mode::Streamed);
    assert_eq!((quiet.get("stream_options"), quiet.get("tools"), &quiet["stream"]), (None, None, &json!(true)));
}

#[test]
fn a_model_is_not_asked_for_more_than_it_can() {
    let dialect = Profile::Vllm.dialect();
    let small = Capabilities {
        tools: false,
        json_schema: false,
        context: None,
        max_output: Some(500),
        accepts: Accepts::default(),
    };
    let body = convert::body(&conversation(), &dialect, &small, Mode::Whole).unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["max_tokens"], 500);
    for field in ["tools", "parallel_tool_calls", "response_format"] {
        assert_eq!(body.get(field), None);
    }
}

#[test]
fn messages_keep_the_order_that_the_protocol_demands() {
    let mut request = conversation();
    request.system.clear();
    request.messages = vec![
        Message {
            role: Role::Assistant,
            blocks: vec![
                Block::text("a"),
                call("1", json!("{broken")),
                call("2", json!("{\"x\":1}")),
                Block::text("b"),
            ],
        },
        Message {
            role: Role::User,
            blocks: vec![Block::text("note"), result("1", "no", true), result("2", "yes", false)],
        },
        Message { role: Role::Assistant, blocks: Vec::new() },
    ];
    let function = |arguments: &str| json!({ "name": "get_weather", "arguments": arguments });
    assert_eq!(
        sent(&request, Profile::Plain, Mode::Whole)["messages"],
        json!([
            { "role": "assistant", "content": "a\n\nb", "tool_calls": [
                { "id": "1", "type": "function", "function": function("{\"invalid_json\":\"{broken\"}") },
                { "id": "2", "type": "function", "function": function("{\"x\":1}") },
            ] },
            { "role": "tool", "tool_call_id": "1", "content": "Error: no" },
            { "role": "tool", "tool_call_id": "2", "content": "yes" },
            { "role": "user", "content": "note" },
            { "role": "assistant", "content": "" },
        ])
    );
}

fn parsed(body: &Value) -> Result<Reply, ProviderError> {
    reply::parse(body.to_string().as_bytes(), &conversation(), &Redactor::default())
}

fn said(message: Value, finish: &str) -> Reply {
    parsed(&json!({ "id": "r", "model": "m", "choices": [{ "message": message, "finish_reason": finish }] })).unwrap()
}

#[test]
fn replies_end_for_the_reason_that_their_content_shows() {
    let calls = json!([{ "id": "1", "function": { "name": "f", "arguments": "{}" } }]);
    for (message, finish, stop) in [
        (json!({ "content": "x" }), "stop", Stop::End),
        (json!({ "content": "x" }), "eos", Stop::End),
        (json!({ "content": "x" }), "tool_calls", Stop::End),
        (json!({ "content": "x" }), "length", Stop::Length),
        (json!({ "content": "x" }), "content_filter", Stop::Refused),
        (json!({ "content": null, "refusal": "no" }), "stop", Stop::Refused),
        (json!({ "content": "x", "tool_calls": calls }), "stop", Stop::ToolUse),
        (json!({ "content": "x", "tool_calls": calls }), "tool_calls", Stop::ToolUse),
        (json!({ "content": "x", "tool_calls": calls }), "length", Stop::Length),
        (json!({ "function_call": { "name": "f", "arguments": "{}" } }), "function_call", Stop::ToolUse),
    ] {
        assert_eq!(said(message.clone(), finish).stop, stop, "{message} {finish}");
    }
}

#[test]
fn tool_calls_are_read_in_every_form_that_servers_send() {
    let call = |id: Value, arguments: Value| json!({ "id": id, "function": { "name": "f", "arguments": arguments } });
    let reply = said(
        json!({ "content": [{ "type": "text", "text": "a" }, { "type": "image" }, { "text": "b" }], "tool_calls": [
            call(json!("one"), json!("{\"a\":1}")),
            call(json!(null), json!({ "a": 1 })),
            call(json!("one"), json!("\"{\\\"a\\\":1}\"")),
            call(json!(""), json!("")),
            call(json!("five"), json!("{broken")),
        ] }),
        "stop",
    );
    assert_eq!(reply.text(), "ab");
    let calls: Vec<_> = reply.tool_calls().map(|call| (call.id.as_str(), call.input.clone())).collect();
    assert_eq!(
        calls,
        [
            ("one", json!({ "a": 1 })),
            ("call_3_2", json!({ "a": 1 })),
            ("call_3_3", json!({ "a": 1 })),
            ("call_3_4", json!({})),
            ("five", json!("{broken")),
        ]
    );
}

#[test]
fn usage_falls_into_disjoint_fields() {
    let usage = |usage: Value| {
        let body = json!({ "choices": [{ "message": { "content": "x" } }], "usage": usage });
        parsed(&body).unwrap().usage
    };
    let counted = Usage { input: 60, output: 20, ..Usage::default() };
    assert_eq!(usage(json!({ "prompt_tokens": 60, "completion_tokens": 20, "total_tokens": 80 })), counted);
    assert_eq!(usage(json!({ "prompt_tokens": 60, "completion_tokens": 20, "prompt_tokens_details": null })), counted);
    assert_eq!(usage(json!({ "prompt_tokens": 60.0, "completion_tokens": 19.5, "total_tokens": null })), counted);
    let full = json!({
        "prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120,
        "prompt_tokens_details": { "cached_tokens": 30, "cache_write_tokens": 10, "cache_write_tokens_details": { "ttl_30m_tokens": 6, "ttl_12h_tokens": 4 } },
        "completion_tokens_details": { "reasoning_tokens": 15 },
    });
    let split = Usage {
        input: 60,
        cache_read: 30,
        cache_write: 6,
        cache_write_long: 4,
        output: 20,
        reasoning: 15,
        estimated: false,
    };
    assert_eq!(usage(full), split);
    let more_cached =
        usage(json!({ "prompt_tokens": 10, "completion_tokens": 1, "prompt_tokens_details": { "cached_tokens": 30 } }));
    assert_eq!((more_cached.input, more_cached.cache_read), (0, 30));
    let deepseek = usage(json!({ "prompt_tokens": 100, "completion_tokens": 1, "prompt_cache_hit_tokens": 90 }));
    assert_eq!((deepseek.input, deepseek.cache_read), (10, 90));
    let beside = json!({ "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 22, "completion_tokens_details": { "reasoning_tokens": 7 } });
    assert_eq!((usage(beside.clone()).output, usage(beside).reasoning), (12, 7));
    for missing in [json!(null), json!({}), json!({ "prompt_tokens": 0, "completion_tokens": 0 })] {
        let estimate = usage(missing);
        assert!(estimate.estimated && estimate.input > 0 && estimate.output > 0, "{estimate:?}");
    }
}

#[test]
fn answers_that_are_no_replies_are_refused() {
    for body in [json!({}), json!([]), json!("x"), json!({ "choices": [] }), json!({ "choices": "x" })] {
        assert!(matches!(parsed(&body), Err(ProviderError::BadAnswer { .. })), "{body}");
    }
    let billed = parsed(&json!({ "choices": [], "usage": { "prompt_tokens": 5, "completion_tokens": 1 } }));
    assert!(matches!(billed, Err(ProviderError::BadAnswer { usage: Some(Usage { input: 5, output: 1, .. }), .. })));
    let within = parsed(&json!({ "error": { "code": 429, "message": "slow down" }, "choices": null }));
    assert!(matches!(within, Err(ProviderError::RateLimited { .. })));
    let choice = parsed(&json!({ "choices": [{ "error": { "code": 502, "message": "upstream" } }] }));
    assert!(matches!(choice, Err(ProviderError::Fault { status: 502, .. })));
}

/// The name of a failure's kind, and its status where it has one.
fn kind(error: &ProviderError) -> String {
    let failure = serde_json::to_value(error.to_failure()).unwrap();
    let kind = failure["kind"].as_str().unwrap().to_owned();
    match error {
        ProviderError::Fault { status, .. } | ProviderError::BadRequest { status, .. } => format!("{kind} {status}"),
        ProviderError::BrokeOff { source, .. } => self::kind(source),
        _ => kind,
    }
}

fn failed(status: u16, hints: Hints, body: &[u8]) -> ProviderError {
    errors::of_answer(&Failed { status, hints, content_type: None, body }, &Redactor::default())
}

#[test]
fn failures_are_classified_by_status_and_code() {
    let none = Hints::default();
    let retry = |should_retry| Hints { should_retry: Some(should_retry), ..none };
    let wait = Hints { retry_after: Some(Duration::from_secs(3)), ..none };
    let code = |code: &str| json!({ "error": { "message": "m", "type": "t", "param": null, "code": code } });
    let typed = |name: &str| json!({ "error": { "message": "m", "type": name, "code": null } });
    let text = |text: &str| json!({ "error": { "message": text, "type": "invalid_request_error" } });
    for (status, body, hints, wanted) in [
        (400, typed("invalid_request_error"), none, "bad_request 400"),
        (400, code("context_length_exceeded"), none, "context_too_long"),
        (400, text("This model's maximum context length is 8192 tokens."), none, "context_too_long"),
        (400, typed("exceed_context_size_error"), none, "context_too_long"),
        (400, code("billing_hard_limit_reached"), none, "provider_money"),
        (400, code("x"), retry(true), "provider_fault 400"),
        (401, code("invalid_api_key"), none, "key_refused"),
        (401, json!({}), none, "key_refused"),
        (402, json!({ "error": { "code": 402, "message": "no credits" } }), none, "provider_money"),
        (402, json!({ "error": { "code": 402, "message": "no credits" } }), wait, "rate_limited"),
        (403, json!({ "error": "forbidden" }), none, "key_refused"),
        (404, code("model_not_found"), none, "bad_request 404"),
        (404, json!({ "detail": "Not Found" }), none, "bad_request 404"),
        (408, json!({}), none, "provider_fault 408"),
        (409, json!({}), none, "provider_fault 409"),
        (409, json!({}), retry(false), "bad_request 409"),
        (413, json!({}), none, "context_too_long"),
        (422, json!({ "detail": [{ "msg": "extra fields" }] }), none, "bad_request 422"),
        (429, code("rate_limit_exceeded"), none, "rate_limited"),
        (429, code("slow_down"), none, "rate_limited"),
        (429, json!("x"), none, "rate_limited"),
        (429, code("insufficient_quota"), none, "provider_money"),
        (429, code("credit_balance_exhausted"), none, "provider_money"),
        (429, code("organization_spend_limit_exceeded"), none, "provider_money"),
        (429, code("project_spend_limit_exceeded"), none, "provider_money"),
        (429, code("organization_usage_limit_exceeded"), none, "provider_money"),
        (429, typed("insufficient_quota"), none, "provider_money"),
        (429, json!({}), retry(false), "provider_money"),
        (500, typed("server_error"), none, "provider_fault 500"),
        (500, typed("server_error"), retry(false), "bad_request 500"),
        (500, code("server_is_overloaded"), none, "overloaded"),
        (500, text("the request exceeds the available context size"), none, "context_too_long"),
        (502, json!({}), none, "provider_fault 502"),
        (503, typed("service_unavailable_error"), none, "overloaded"),
        (503, json!({}), none, "overloaded"),
        (504, json!({}), none, "provider_fault 504"),
        (529, json!({}), none, "overloaded"),
        (307, json!({}), none, "bad_request 307"),
        (418, json!({}), none, "bad_request 418"),
    ] {
        let error = failed(status, hints, body.to_string().as_bytes());
        assert_eq!(kind(&error), wanted, "{status} {body} {hints:?}");
    }
    let limited = failed(429, wait, b"{}");
    assert!(matches!(limited, ProviderError::RateLimited { retry_after: Some(wait), .. } if wait.as_secs() == 3));
}

#[test]
fn failures_within_a_success_are_classified_by_code() {
    for (error, wanted) in [
        (json!({ "code": 402, "message": "m" }), "provider_money"),
        (json!({ "code": "429", "message": "m" }), "rate_limited"),
        (json!({ "code": "rate_limit_exceeded" }), "rate_limited"),
        (json!({ "type": "insufficient_quota" }), "provider_money"),
        (json!({ "code": "server_is_overloaded" }), "overloaded"),
        (json!({ "code": "context_length_exceeded" }), "context_too_long"),
        (json!({ "type": "invalid_request_error" }), "bad_request 400"),
        (json!({ "code": "invalid_api_key" }), "key_refused"),
        (json!("went wrong"), "provider_fault 500"),
        (json!({ "code": 7 }), "provider_fault 500"),
    ] {
        assert_eq!(kind(&errors::within(&error, &Redactor::default())), wanted, "{error}");
    }
}

#[test]
fn the_reason_is_found_in_every_shape() {
    for (body, wanted) in [
        (r#"{"error":{"message":"m"}}"#, "m"),
        (r#"{"error":"m"}"#, "m"),
        (r#"{"error":"Unauthorized","message":"m"}"#, "Unauthorized: m"),
        (r#"{"object":"error","message":"m","code":400}"#, "m"),
        (r#"{"detail":"m"}"#, "m"),
        (r#"[{"error":{"message":"m"}}]"#, "m"),
        ("m\n", "m"),
        ("", "the server gave no reason"),
        ("<html>", "the server answered with an HTML page"),
    ] {
        let error = failed(418, Hints::default(), body.as_bytes());
        assert!(matches!(&error, ProviderError::BadRequest { message, .. } if message == wanted), "{body}: {error}");
    }
}
