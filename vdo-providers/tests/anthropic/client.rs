//! What the Anthropic client sends and takes on a real connection.

use crate::support::{Server, answer, events, json};
use futures_util::StreamExt;
use serde_json::{Value, json};
use vdo_core::message::{
    Block, CacheMark, Completion, Effort, Headroom, Message, OutputSchema, PromptCache, RateLimits, Role, Settings,
    Stop, ToolCall, ToolSpec,
};
use vdo_core::port::{Accepts, Capabilities, Provider, ProviderError, ReasoningControl, StreamEvent};
use vdo_core::usage::{ServiceTier, Usage};
use vdo_providers::anthropic::{Anthropic, Config, ConfigError, ModelConfig};

const KEY: &str = "sk-ant-very-secret-key-0123456789";

fn ask(messages: Vec<Message>) -> Completion {
    Completion {
        model: "claude-opus-5-5".to_owned(),
        system: String::new(),
        messages,
        tools: Vec::new(),
        output: None,
        max_output: Some(2000),
        settings: Settings::default(),
    }
}

/// The request of the golden case with everything in it.
fn full() -> Completion {
    let object = |name: &str, kind: Value| json!({ "type": "object", "properties": { name: kind }, "required": [name], "additionalProperties": false });
    let city = object("city", json!({ "type": "string" }));
    let plan = object("plan", json!({ "type": "array", "items": { "type": "string" } }));
    let call = ToolCall { id: "toolu_1".into(), name: "get_weather".into(), input: json!({ "city": "Oslo" }) };
    let result = Block::ToolResult { id: "toolu_1".into(), content: "3C".into(), is_error: false };
    Completion {
        system: "S".to_owned(),
        tools: vec![ToolSpec { name: "get_weather".into(), description: "d".into(), input_schema: city }],
        output: Some(OutputSchema { name: "plan".into(), schema: plan }),
        settings: Settings {
            stop: vec!["END".to_owned()],
            parallel_tools: Some(false),
            effort: Some(Effort::High),
            show_reasoning: true,
            cache: Some(PromptCache { key: None, long: true, marks: vec![CacheMark::System] }),
            ..Settings::default()
        },
        ..ask(vec![
            Message::user("u"),
            Message { role: Role::Assistant, blocks: vec![Block::ToolCall(call)] },
            Message { role: Role::User, blocks: vec![result] },
        ])
    }
}

fn config(server: &Server) -> Config {
    Config::new("test", format!("http://{}", server.address)).with_key(KEY.into())
}

fn hello() -> Value {
    json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-opus-5-5",
        "content": [{ "type": "text", "text": "hello" }], "stop_reason": "end_turn",
        "usage": { "input_tokens": 3, "output_tokens": 1, "service_tier": "priority" },
    })
}

#[tokio::test]
async fn requests_go_out_as_anthropics_own_client_sends_them() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../data/anthropic-requests.json")).unwrap();
    let server = Server::start(|request| match request.line.as_str() {
        line if line.starts_with("GET") => json(200, &json!({ "data": [{ "id": "a" }], "has_more": true })),
        line if line.contains("count_tokens") => json(200, &json!({ "input_tokens": 12 })),
        _ => events(&[b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"]),
    })
    .await;
    let accepts = Accepts { reasoning: ReasoningControl::Level, ..Accepts::default() };
    let model = ModelConfig { accepts: Some(accepts), ..ModelConfig::default() };
    let provider = Anthropic::new(config(&server).with_model("claude-opus-5-5", model)).unwrap();
    for case in &cases {
        match case["case"].as_str().unwrap() {
            "anthropic.full" => {
                let last = provider.stream(&full()).await.unwrap().collect::<Vec<_>>().await.pop();
                assert!(matches!(last, Some(Ok(StreamEvent::Done(_)))), "{last:?}");
            }
            "anthropic.count" => {
                let count = provider.count_tokens(&ask(vec![Message::user("u")])).await.unwrap();
                assert_eq!((count.tokens, count.estimated), (12, false));
            }
            "anthropic.models" => assert_eq!(provider.probe().await.unwrap().models, Vec::<String>::new()),
            other => panic!("{other}"),
        }
        let seen = server.seen().await;
        let line = format!("{} {} HTTP/1.1", case["method"].as_str().unwrap(), case["path"].as_str().unwrap());
        assert_eq!(seen.line, line);
        for (name, value) in case["headers"].as_object().unwrap() {
            let wanted = if name == "x-api-key" { KEY } else { value.as_str().unwrap() };
            assert_eq!(seen.header(name), Some(wanted), "{name}");
        }
        assert_eq!((seen.header("authorization"), seen.header("accept-encoding")), (None, None));
        let body = if seen.body.is_empty() { Value::Null } else { seen.json() };
        assert_eq!(body, case["body"]);
    }
}

#[tokio::test]
async fn what_the_headers_say_is_kept() {
    let server = Server::start(|_| {
        let headers = [
            ("content-type", "application/json"),
            ("request-id", "req_7"),
            ("date", "Sat, 21 Nov 2026 09:00:00 GMT"),
            ("anthropic-ratelimit-requests-limit", "50"),
            ("anthropic-ratelimit-requests-remaining", "49"),
            ("anthropic-ratelimit-requests-reset", "2026-11-21T09:00:02Z"),
        ];
        answer(200, &headers, hello().to_string())
    })
    .await;
    let mut request = ask(vec![Message::user("u")]);
    request.settings.temperature = Some(0.2);
    let reply = Anthropic::new(config(&server)).unwrap().complete(&request).await.unwrap();
    assert_eq!((reply.text().as_str(), reply.stop, reply.request_id.as_deref()), ("hello", Stop::End, Some("req_7")));
    assert_eq!(reply.usage, Usage { input: 3, output: 1, ..Usage::default() });
    let room = Headroom { limit: Some(50), remaining: 49, reset_ms: Some(2000) };
    assert_eq!(reply.about.limits, RateLimits { requests: Some(room), ..RateLimits::default() });
    assert_eq!(reply.about.tier, ServiceTier::Priority);
    assert_eq!(reply.about.warnings, ["temperature is left out: the API version takes none"]);
}

#[tokio::test]
async fn the_base_may_name_the_version_and_the_interface() {
    for (base, path) in [
        ("", "/v1/messages"),
        ("/", "/v1/messages"),
        ("/v1", "/v1/messages"),
        ("/v1/messages/", "/v1/messages"),
        ("/anthropic", "/anthropic/v1/messages"),
    ] {
        let server = Server::start(|_| json(200, &hello())).await;
        let config = Config::new("x", format!("http://{}{base}", server.address)).with_version("2023-06-01");
        Anthropic::new(config).unwrap().complete(&ask(vec![Message::user("u")])).await.unwrap();
        let seen = server.seen().await;
        assert_eq!(seen.line, format!("POST {path} HTTP/1.1"), "{base}");
        assert_eq!((seen.header("anthropic-version"), seen.header("x-api-key")), (Some("2023-06-01"), None));
    }
}

#[tokio::test]
async fn a_key_that_the_server_repeats_is_shown_nowhere() {
    let error = json!({ "type": "error", "error": { "type": "authentication_error", "message": format!("invalid x-api-key: {KEY}") } });
    let bodies = [
        (401, error.to_string()),
        (200, error.to_string()),
        (500, format!("upstream said: x-api-key: {KEY}")),
        (200, format!("{{ not json, {KEY}")),
        (200, json!({ "content": KEY }).to_string()),
        (200, json!({ "input_tokens": KEY, "data": KEY }).to_string()),
    ];
    for (status, body) in bodies {
        let server = Server::start(move |_| answer(status, &[("content-type", "application/json")], &body)).await;
        let provider = Anthropic::new(config(&server)).unwrap();
        let request = ask(vec![Message::user("u")]);
        let shown = |error: ProviderError| format!("{error} {error:?} {}", error.to_failure().message);
        let whole = shown(provider.complete(&request).await.unwrap_err());
        let probe = provider.probe().await.map_or_else(shown, |health| format!("{health:?}"));
        let count = provider.count_tokens(&request).await.map_or_else(shown, |count| format!("{count:?}"));
        for text in [whole, probe, count, format!("{provider:?}")] {
            assert!(!text.contains(KEY), "{text}");
        }
    }
}

#[tokio::test]
async fn a_server_that_does_not_count_is_estimated_and_one_without_a_list_is_up() {
    let server =
        Server::start(|_| json(404, &json!({ "error": { "type": "not_found_error", "message": "no" } }))).await;
    let provider = Anthropic::new(config(&server)).unwrap();
    let count = provider.count_tokens(&ask(vec![Message::user("u")])).await.unwrap();
    assert!(count.estimated && count.tokens > 0);
    assert_eq!(provider.probe().await.unwrap().models, Vec::<String>::new());
    let server = Server::start(|_| json(200, &json!({ "data": [{ "id": "a" }, { "id": "b" }] }))).await;
    assert_eq!(Anthropic::new(config(&server)).unwrap().probe().await.unwrap().models, ["a", "b"]);
    let server = Server::start(|_| json(401, &json!({ "error": { "type": "authentication_error" } }))).await;
    let provider = Anthropic::new(config(&server)).unwrap();
    assert!(matches!(provider.probe().await, Err(ProviderError::KeyRefused { .. })));
    let count = provider.count_tokens(&ask(vec![Message::user("u")])).await;
    assert!(matches!(count, Err(ProviderError::KeyRefused { .. })));
}

#[test]
fn configurations_are_read_and_those_that_cannot_work_are_refused() {
    let table = json!({ "name": "claude", "version": "2023-06-01", "models": { "m": { "context": 7, "accepts": { "prefill": false } } } });
    let config: Config = serde_json::from_value(table).unwrap();
    assert_eq!((config.base_url.as_str(), config.version.as_str()), ("https://api.anthropic.com", "2023-06-01"));
    let capabilities = Capabilities {
        tools: true,
        json_schema: true,
        context: Some(7),
        max_output: None,
        accepts: Accepts { prefill: false, ..Accepts::default() },
    };
    assert_eq!(Anthropic::new(config).unwrap().capabilities("m"), capabilities);
    let new = |config| Anthropic::new(config).map(|_| ()).unwrap_err();
    let base = || Config::new("x", "https://example.com");
    assert!(matches!(new(Config::new("x", "http://example.com")), ConfigError::BaseUrl(_)));
    assert!(matches!(new(base().with_version("2026\n10")), ConfigError::Version { .. }));
    assert!(matches!(new(base().with_version(" ")), ConfigError::Version { .. }));
    assert_eq!(new(base().with_key("sk-with\nnewline".into())), ConfigError::Key);
    assert!(serde_json::from_value::<Config>(json!({ "name": "x", "key": "sk" })).is_err());
}
