//! What the Gemini client sends and takes on a real connection.

use crate::support::{Server, answer, events, json};
use futures_util::StreamExt;
use serde_json::{Value, json};
use vdo_core::message::{
    Block, Completion, Effort, Message, OutputSchema, Reasoning, Role, Settings, Stop, ToolCall, ToolChoice, ToolSpec,
};
use vdo_core::port::{Accepts, Provider, ProviderError, ReasoningControl, StreamEvent};
use vdo_core::usage::ServiceTier;
use vdo_providers::gemini::{Config, ConfigError, Gemini, ModelConfig};

const KEY: &str = "very-secret-gemini-key-0123456789";

fn ask(model: &str) -> Completion {
    Completion {
        model: model.to_owned(),
        system: String::new(),
        messages: vec![Message::user("u")],
        tools: Vec::new(),
        output: None,
        max_output: None,
        settings: Settings::default(),
    }
}

/// The request of the golden case with everything in it.
fn full() -> Completion {
    let object = |name: &str, kind: Value| json!({ "type": "object", "properties": { name: kind }, "required": [name], "additionalProperties": false });
    let city = object("city", json!({ "type": "string" }));
    let plan = object("plan", json!({ "type": "array", "items": { "type": "string" } }));
    let call = ToolCall { id: "c1".into(), name: "get_weather".into(), input: json!({ "city": "Oslo" }) };
    let data = json!({ "thoughtSignature": "c2ln" });
    let reasoning = Reasoning::new("gemini", "", data);
    let result = Block::ToolResult { id: "c1".into(), content: "3C".into(), is_error: false };
    Completion {
        system: "S".to_owned(),
        messages: vec![
            Message::user("u"),
            Message { role: Role::Assistant, blocks: vec![Block::Reasoning(reasoning), Block::ToolCall(call)] },
            Message { role: Role::User, blocks: vec![result] },
        ],
        tools: vec![ToolSpec { name: "get_weather".into(), description: "d".into(), input_schema: city }],
        output: Some(OutputSchema { name: "plan".into(), schema: plan }),
        max_output: Some(2000),
        settings: Settings {
            temperature: Some(0.2),
            stop: vec!["END".to_owned()],
            tool_choice: ToolChoice::Tool("get_weather".to_owned()),
            effort: Some(Effort::Low),
            show_reasoning: true,
            tier: ServiceTier::Flex,
            ..Settings::default()
        },
        ..ask("gemini-2.5-flash")
    }
}

fn config(server: &Server) -> Config {
    Config::new("test", format!("http://{}", server.address)).with_key(KEY.into())
}

fn hello() -> Value {
    json!({ "candidates": [{ "content": { "parts": [{ "text": "hello" }] }, "finishReason": "STOP" }] })
}

#[tokio::test]
async fn requests_go_out_as_googles_own_client_sends_them() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../data/gemini-requests.json")).unwrap();
    let server = Server::start(|request| match request.line.as_str() {
        line if line.starts_with("GET") => {
            json(200, &json!({ "models": [{ "name": "models/a" }], "nextPageToken": "more" }))
        }
        line if line.contains(":countTokens") => json(200, &json!({ "totalTokens": 12 })),
        line if line.contains("alt=sse") => events(&[format!("data: {}\n\n", hello()).as_bytes()]),
        _ => json(200, &hello()),
    })
    .await;
    let accepts = Accepts { reasoning: ReasoningControl::Level, ..Accepts::default() };
    let model = ModelConfig { accepts: Some(accepts), ..ModelConfig::default() };
    let provider = Gemini::new(config(&server).with_model("gemini-2.5-flash", model)).unwrap();
    for case in &cases {
        match case["case"].as_str().unwrap() {
            "gemini.full" => assert_eq!(provider.complete(&full()).await.unwrap().text(), "hello"),
            "gemini.stream" => {
                let last = provider.stream(&ask("gemini-2.5-flash")).await.unwrap().collect::<Vec<_>>().await.pop();
                assert!(matches!(last, Some(Ok(StreamEvent::Done(_)))), "{last:?}");
            }
            "gemini.count" => {
                let count = provider.count_tokens(&ask("gemini-2.5-flash")).await.unwrap();
                assert_eq!((count.tokens, count.estimated), (12, false));
            }
            "gemini.models" => assert_eq!(provider.probe().await.unwrap().models, Vec::<String>::new()),
            other => panic!("{other}"),
        }
        let seen = server.seen().await;
        let line = format!("{} {} HTTP/1.1", case["method"].as_str().unwrap(), case["path"].as_str().unwrap());
        assert_eq!(seen.line, line);
        for (name, value) in case["headers"].as_object().unwrap() {
            let wanted = if name == "x-goog-api-key" { KEY } else { value.as_str().unwrap() };
            assert_eq!(seen.header(name), Some(wanted), "{name}");
        }
        assert_eq!((seen.header("authorization"), seen.header("accept-encoding")), (None, None));
        let body = if seen.body.is_empty() { Value::Null } else { seen.json() };
        assert_eq!(body, case["body"]);
    }
}

#[tokio::test]
async fn bases_versions_and_names_of_models_make_the_address() {
    for (base, version, model, path) in [
        ("", "v1", "m", "/v1/models/m"),
        ("/", "v1beta", "models/m", "/v1beta/models/m"),
        ("/v1beta/", "v1", "tunedModels/t-1", "/v1beta/tunedModels/t-1"),
        ("/gate/v1/models", "v1beta", "m", "/gate/v1/models/m"),
        ("/vertex", "v1", "a b?c", "/vertex/v1/models/a%20b%3Fc"),
    ] {
        let server = Server::start(|_| json(200, &hello())).await;
        let config = Config::new("x", format!("http://{}{base}", server.address)).with_version(version);
        Gemini::new(config).unwrap().complete(&ask(model)).await.unwrap();
        assert_eq!(server.seen().await.line, format!("POST {path}:generateContent HTTP/1.1"), "{base}");
    }
    let provider = Gemini::new(Config::new("x", "http://127.0.0.1:9")).unwrap();
    for model in ["../keys", "models/../../x", "", "a//b"] {
        let error = provider.complete(&ask(model)).await.unwrap_err();
        assert!(matches!(error, ProviderError::BadRequest { status: 404, .. }), "{model}: {error}");
    }
}

#[tokio::test]
async fn the_tier_that_served_is_the_one_that_counts() {
    let server = Server::start(|_| {
        let headers = [("content-type", "application/json"), ("x-gemini-service-tier", "standard")];
        answer(200, &headers, hello().to_string())
    })
    .await;
    let mut request = ask("m");
    request.settings.tier = ServiceTier::Priority;
    let reply = Gemini::new(config(&server)).unwrap().complete(&request).await.unwrap();
    assert_eq!((reply.about.tier, reply.stop), (ServiceTier::Standard, Stop::End));
    let server = Server::start(|_| json(200, &hello())).await;
    let reply = Gemini::new(config(&server)).unwrap().complete(&request).await.unwrap();
    assert_eq!(reply.about.tier, ServiceTier::Priority);
}

#[tokio::test]
async fn a_key_that_the_server_repeats_is_shown_nowhere() {
    let error = json!({ "error": { "code": 400, "message": format!("API key not valid: {KEY}"), "status": "INVALID_ARGUMENT" } });
    let bodies = [
        (400, error.to_string()),
        (200, json!([error]).to_string()),
        (500, format!("upstream said: {KEY}")),
        (200, format!("{{ not json, {KEY}")),
        (200, json!({ "candidates": KEY, "models": KEY, "totalTokens": { "x": KEY } }).to_string()),
    ];
    for (status, body) in bodies {
        let server = Server::start(move |_| answer(status, &[("content-type", "application/json")], &body)).await;
        let provider = Gemini::new(config(&server)).unwrap();
        let shown = |error: ProviderError| format!("{error} {error:?} {}", error.to_failure().message);
        let whole = shown(provider.complete(&ask("m")).await.unwrap_err());
        let probe = provider.probe().await.map_or_else(shown, |health| format!("{health:?}"));
        let count = provider.count_tokens(&ask("m")).await.map_or_else(shown, |count| format!("{count:?}"));
        for text in [whole, probe, count, format!("{provider:?}")] {
            assert!(!text.contains(KEY), "{text}");
        }
    }
}

#[tokio::test]
async fn a_server_that_does_not_count_is_estimated_and_lists_lose_their_prefix() {
    let server = Server::start(|_| json(404, &json!({ "error": { "code": 404, "message": "no" } }))).await;
    let provider = Gemini::new(config(&server)).unwrap();
    let count = provider.count_tokens(&ask("m")).await.unwrap();
    assert!(count.estimated && count.tokens > 0);
    assert_eq!(provider.probe().await.unwrap().models, Vec::<String>::new());
    let server = Server::start(|_| json(200, &json!({ "models": [{ "name": "models/a" }, { "name": "b" }] }))).await;
    assert_eq!(Gemini::new(config(&server)).unwrap().probe().await.unwrap().models, ["a", "b"]);
}

#[test]
fn configurations_are_read_and_those_that_cannot_work_are_refused() {
    let config: Config = serde_json::from_value(json!({ "name": "g", "version": "v1beta" })).unwrap();
    assert_eq!(
        (config.base_url.as_str(), config.version.as_str()),
        ("https://generativelanguage.googleapis.com", "v1beta")
    );
    let new = |config| Gemini::new(config).map(|_| ()).unwrap_err();
    let base = || Config::new("x", "https://example.com");
    assert!(matches!(new(Config::new("x", "http://example.com")), ConfigError::BaseUrl(_)));
    assert!(matches!(new(base().with_version("v1/../x")), ConfigError::Version { .. }));
    assert_eq!(new(base().with_key("with\nnewline".into())), ConfigError::Key);
    assert!(serde_json::from_value::<Config>(json!({ "name": "x", "key": "sk" })).is_err());
}
