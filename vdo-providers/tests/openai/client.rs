//! What the Responses client sends on a real connection, and what it makes of the answers.

use crate::support::{Answer, Request, Server, Then, answer, events};
use futures_util::StreamExt;
use serde_json::{Value, json};
use vdo_core::message::{
    Block, CacheMark, Completion, Effort, Message, OutputSchema, PromptCache, Role, Settings, ToolCall, ToolSpec,
    Verbosity,
};
use vdo_core::port::{Provider, ProviderError, StreamEvent};
use vdo_providers::openai::{Config, OpenAi};

const KEY: &str = "KEY";
const GOLDEN: &str = include_str!("../data/openai-requests.json");

fn request() -> Completion {
    Completion {
        model: "gpt-6-luna".to_owned(),
        system: String::new(),
        messages: vec![Message::user("u")],
        tools: Vec::new(),
        output: None,
        max_output: None,
        settings: Settings::default(),
    }
}

fn full() -> Completion {
    let object = |field: &str, kind: Value| json!({ "type": "object", "properties": { field: kind }, "required": [field], "additionalProperties": false });
    let call = ToolCall { id: "call_1".into(), name: "get_weather".into(), input: json!({ "city": "Oslo" }) };
    let result = Block::ToolResult { id: "call_1".into(), content: "3C".into(), is_error: false };
    Completion {
        system: "S".to_owned(),
        messages: vec![
            Message::user("u"),
            Message { role: Role::Assistant, blocks: vec![Block::ToolCall(call)] },
            Message { role: Role::User, blocks: vec![result] },
        ],
        tools: vec![ToolSpec {
            name: "get_weather".into(),
            description: "d".into(),
            input_schema: object("city", json!({ "type": "string" })),
        }],
        output: Some(OutputSchema {
            name: "plan".into(),
            schema: object("plan", json!({ "type": "array", "items": { "type": "string" } })),
        }),
        max_output: Some(2000),
        settings: Settings {
            effort: Some(Effort::Low),
            show_reasoning: true,
            verbosity: Some(Verbosity::Low),
            parallel_tools: Some(false),
            cache: Some(PromptCache { key: Some("job-1".into()), long: true, marks: vec![CacheMark::Message(0)] }),
            ..Settings::default()
        },
        ..request()
    }
}

fn provider(server: &Server) -> OpenAi {
    OpenAi::new(Config::new("test", server.base_url()).with_key(KEY.into())).unwrap()
}

fn hello() -> Value {
    let content = json!([{ "type": "output_text", "text": "hello" }]);
    json!({ "status": "completed", "output": [{ "type": "message", "content": content }] })
}

fn play(request: &Request) -> Answer {
    if request.line.contains("/models") {
        return crate::support::json(200, &json!({ "object": "list", "data": [{ "id": "gpt-6-luna" }] }));
    }
    if request.line.contains("/input_tokens") {
        return crate::support::json(200, &json!({ "object": "response.input_tokens", "input_tokens": 11 }));
    }
    if request.is_streamed() {
        let last = json!({ "type": "response.completed", "response": hello() });
        return events(&[format!("event: response.completed\ndata: {last}\n\n").as_bytes()]);
    }
    crate::support::json(200, &hello())
}

#[tokio::test]
async fn requests_arrive_as_openais_own_client_sends_them() {
    let server = Server::start(play).await;
    let provider = provider(&server);
    let golden: Vec<Value> = serde_json::from_str(GOLDEN).unwrap();
    for name in ["openai.responses.full", "openai.input_tokens", "openai.models"] {
        match name {
            "openai.responses.full" => {
                let mut stream = provider.stream(&full()).await.unwrap();
                while let Some(event) = stream.next().await {
                    event.unwrap();
                }
            }
            "openai.input_tokens" => {
                let count = provider.count_tokens(&request()).await.unwrap();
                assert_eq!((count.tokens, count.estimated), (11, false));
            }
            _ => assert_eq!(provider.probe().await.unwrap().models, ["gpt-6-luna"]),
        }
        let seen = server.seen().await;
        let wanted = golden.iter().find(|case| case["case"] == name).unwrap();
        let line = format!("{} {} HTTP/1.1", wanted["method"].as_str().unwrap(), wanted["path"].as_str().unwrap());
        assert_eq!(seen.line, line);
        assert_eq!(seen.header("authorization"), wanted["headers"]["authorization"].as_str());
        let body = if seen.body.is_empty() { Value::Null } else { seen.json() };
        assert_eq!(body, wanted["body"], "{name}");
    }
}

#[cfg(feature = "openai-chat")]
#[tokio::test]
async fn a_request_for_chat_completions_arrives_as_openais_own_client_sends_it() {
    use vdo_providers::openai_chat::{Config, OpenAiChat, Profile};
    let server = Server::start(|_| events(&[b"data: [DONE]\n\n"])).await;
    let config = Config::new("test", server.base_url()).with_key(KEY.into()).with_profile(Profile::OpenAi);
    let mut request = full();
    request.settings.verbosity = None;
    request.settings.cache = Some(PromptCache { key: Some("job-1".into()), ..PromptCache::default() });
    let mut stream = OpenAiChat::new(config).unwrap().stream(&request).await.unwrap();
    while let Some(event) = stream.next().await {
        event.unwrap();
    }
    let golden: Vec<Value> = serde_json::from_str(GOLDEN).unwrap();
    let wanted = golden.iter().find(|case| case["case"] == "openai.chat.full").unwrap();
    let seen = server.seen().await;
    assert_eq!(seen.line, "POST /v1/chat/completions HTTP/1.1");
    assert_eq!(seen.header("authorization"), Some("Bearer KEY"));
    assert_eq!(seen.json(), wanted["body"]);
}

#[tokio::test]
async fn what_the_headers_say_is_part_of_the_reply_and_warnings_are_told() {
    let server = Server::start(|_| {
        let headers = [
            ("content-type", "application/json"),
            ("x-request-id", "req_7"),
            ("x-ratelimit-limit-requests", "60"),
            ("x-ratelimit-remaining-requests", "59"),
            ("x-ratelimit-reset-requests", "6m0s"),
        ];
        answer(200, &headers, hello().to_string())
    });
    let server = server.await;
    let mut request = request();
    request.settings.temperature = Some(0.5);
    let reply = provider(&server).complete(&request).await.unwrap();
    assert_eq!((reply.text().as_str(), reply.request_id.as_deref()), ("hello", Some("req_7")));
    assert_eq!(reply.about.limits.requests.map(|room| (room.remaining, room.reset_ms)), Some((59, Some(360_000))));
    assert_eq!(reply.about.warnings, ["temperature and top_p left out: the model does not take it"]);
    assert_eq!(server.seen().await.json().get("temperature"), None);
}

#[tokio::test]
async fn a_stream_that_stops_or_fails_after_its_first_words_had_begun() {
    let first = json!({ "type": "response.output_text.delta", "delta": "hel" });
    let first = format!("data: {first}\n\n");
    let limited = json!({ "type": "error", "code": "rate_limit_exceeded", "message": "m" });
    let failing = format!("{first}data: {limited}\n\n");
    for (answer, kind) in [
        (events(&[first.as_bytes()]), "transport"),
        (events(&[first.as_bytes()]).unfinished(Then::Close), "transport"),
        (events(&[failing.as_bytes()]), "rate_limited"),
    ] {
        let server = Server::start(move |_| answer.clone()).await;
        let mut stream = provider(&server).stream(&request()).await.unwrap();
        assert_eq!(stream.next().await.unwrap().unwrap(), StreamEvent::Text("hel".to_owned()));
        let failure = stream.next().await.unwrap().unwrap_err().to_failure();
        assert_eq!(serde_json::to_value(failure.kind).unwrap(), kind);
        assert!(failure.began && failure.sent);
        assert!(stream.next().await.is_none());
    }
}

#[tokio::test]
async fn a_long_wait_is_handed_on_and_money_is_never_a_rate() {
    for (code, wait, wanted) in [
        ("rate_limit_exceeded", "180", Some(180)),
        ("slow_down", "2", Some(2)),
        ("project_spend_limit_exceeded", "2", None),
    ] {
        let server = Server::start(move |_| {
            let body = json!({ "error": { "message": "m", "type": "insufficient_quota", "code": code } });
            let body = if wanted.is_some() { json!({ "error": { "message": "m", "code": code } }) } else { body };
            answer(429, &[("content-type", "application/json"), ("retry-after", wait)], body.to_string())
        });
        let error = provider(&server.await).complete(&request()).await.unwrap_err();
        let found = match &error {
            ProviderError::RateLimited { retry_after, .. } => retry_after.map(|wait| wait.as_secs()),
            ProviderError::Money { .. } => None,
            other => panic!("{other:?}"),
        };
        assert_eq!(found, wanted, "{code}");
    }
}
