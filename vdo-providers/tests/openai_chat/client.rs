//! What the Chat Completions client does on a real connection: time, size, keys, redirects, cancelling.

use std::time::Duration;

use crate::support::{Answer, Server, Then, answer, events};
use futures_util::StreamExt;
use serde_json::json;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use vdo_core::message::{Completion, Message};
use vdo_core::port::{Provider, ProviderError, StreamEvent};
use vdo_providers::openai_chat::{Config, ConfigError, OpenAiChat};

const KEY: &str = "sk-very-secret-key-0123456789";
const SHORT: Duration = Duration::from_millis(150);

fn request() -> Completion {
    Completion {
        model: "m".to_owned(),
        system: String::new(),
        messages: vec![Message::user("hi")],
        tools: Vec::new(),
        output: None,
        max_output: None,
        settings: Default::default(),
    }
}

fn config(server: &Server) -> Config {
    Config::new("test", server.base_url()).with_key(KEY.into())
}

fn hello() -> serde_json::Value {
    json!({ "choices": [{ "message": { "content": "hello" }, "finish_reason": "stop" }] })
}

async fn complete(config: Config) -> Result<String, ProviderError> {
    OpenAiChat::new(config).unwrap().complete(&request()).await.map(|reply| reply.text())
}

/// Everything an error shows to people or to a log.
fn shown(error: &ProviderError) -> String {
    format!("{error} {error:?} {}", error.to_failure().message)
}

/// The `sent` flag and the causes of a transport failure.
fn transport(error: &ProviderError) -> (bool, String) {
    match error {
        ProviderError::Transport { sent, .. } => (*sent, error.to_failure().message),
        ProviderError::BrokeOff { source, .. } => transport(source),
        other => panic!("not a transport failure: {other:?}"),
    }
}

#[tokio::test]
async fn a_refused_connection_was_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = complete(Config::new("x", format!("http://{address}")).with_key(KEY.into())).await.unwrap_err();
    let (sent, message) = transport(&error);
    assert!(!sent && message.contains(&format!("cannot connect to {address}")), "{message}");
}

#[tokio::test]
async fn a_connection_that_is_never_made_times_out_and_was_not_sent() {
    // The queue of connections that wait to be accepted is filled, so that the next gets no answer.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(Ok(socket)) = tokio::time::timeout(SHORT, TcpStream::connect(address)).await {
        waiting.push(socket);
        assert!(waiting.len() < 64, "the queue does not fill");
    }
    let config = Config::new("x", format!("http://{address}")).with_connect_timeout(SHORT);
    assert!(!transport(&complete(config).await.unwrap_err()).0);
}

#[tokio::test]
async fn a_server_that_is_no_tls_server_was_not_sent_anything() {
    let server = Server::start(|_| answer(200, &[], "")).await;
    let url = format!("https://{}", server.address);
    let error = complete(Config::new("x", url).with_connect_timeout(SHORT)).await.unwrap_err();
    assert!(!transport(&error).0, "{error:?}");
}

#[tokio::test]
async fn silence_ends_at_the_total_time_out() {
    let server = Server::start(|_| Answer { pieces: Vec::new(), then: Then::Silence }).await;
    let (sent, message) = transport(&complete(config(&server).with_total_timeout(SHORT)).await.unwrap_err());
    assert!(sent && message.contains("longer than 0.15 s"), "{message}");
    server.closed().await;
}

#[tokio::test]
async fn a_body_that_stops_ends_at_the_idle_time_out() {
    let server = Server::start(|request| {
        if request.is_streamed() {
            events(&[b"data: {\"choices\":[{\"delta\":{\"content\":\"hel\"}}]}\n\n"]).unfinished(Then::Silence)
        } else {
            Answer { pieces: vec![b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{".to_vec()], then: Then::Silence }
        }
    })
    .await;
    let config = config(&server).with_idle_timeout(SHORT);
    let (sent, message) = transport(&complete(config.clone()).await.unwrap_err());
    assert!(sent && message.contains("nothing came for 0.15 s"), "{message}");
    let provider = OpenAiChat::new(config).unwrap();
    let events: Vec<_> = provider.stream(&request()).await.unwrap().collect().await;
    assert_eq!(events.len(), 2);
    assert!(matches!(&events[0], Ok(StreamEvent::Text(text)) if text == "hel"));
    assert!(transport(events[1].as_ref().unwrap_err()).0);
}

#[tokio::test]
async fn a_connection_that_closes_early_may_have_been_billed() {
    let server = Server::start(|_| Answer { pieces: Vec::new(), then: Then::Close }).await;
    assert!(transport(&complete(config(&server)).await.unwrap_err()).0);
    let server = Server::start(|_| Answer {
        pieces: vec![b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"choices\"".to_vec()],
        then: Then::Close,
    })
    .await;
    assert!(transport(&complete(config(&server)).await.unwrap_err()).0);
}

#[tokio::test]
async fn a_stream_without_its_completion_mark_is_cut_off() {
    let server =
        Server::start(|_| events(&[b"data: {\"choices\":[{\"delta\":{\"content\":\"hel\"}}]}\n\ndata: {\"cho"])).await;
    let provider = OpenAiChat::new(config(&server)).unwrap();
    let events: Vec<_> = provider.stream(&request()).await.unwrap().collect().await;
    let (sent, message) = transport(events.last().unwrap().as_ref().unwrap_err());
    assert!(sent && message.ends_with("the reply was cut off"), "{message}");
}

#[tokio::test]
async fn dropping_a_stream_closes_the_connection() {
    let server = Server::start(|_| {
        events(&[b"data: {\"choices\":[{\"delta\":{\"content\":\"hel\"}}]}\n\n"]).unfinished(Then::Silence)
    })
    .await;
    let provider = OpenAiChat::new(config(&server)).unwrap();
    let mut stream = provider.stream(&request()).await.unwrap();
    assert!(matches!(stream.next().await, Some(Ok(StreamEvent::Text(_)))));
    drop(stream);
    server.closed().await;
}

#[tokio::test]
async fn connections_are_used_again_after_replies_streams_and_failures() {
    let server = Server::start(|request| match request.json()["model"].as_str() {
        Some("fail") => crate::support::json(500, &json!({ "error": { "message": "x" } })),
        _ if request.is_streamed() => events(&[
            b"data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n",
            b"data: [DONE]\n\n",
        ]),
        _ => crate::support::json(200, &hello()),
    })
    .await;
    let provider = OpenAiChat::new(config(&server)).unwrap();
    for _ in 0..3 {
        provider.complete(&request()).await.unwrap();
        let last = provider.stream(&request()).await.unwrap().collect::<Vec<_>>().await.pop();
        assert!(matches!(last, Some(Ok(StreamEvent::Done(_)))));
        let failing = Completion { model: "fail".to_owned(), ..request() };
        assert!(matches!(provider.complete(&failing).await, Err(ProviderError::Fault { status: 500, .. })));
    }
    drop(provider);
    // One connection was made, so one ends; a second would have ended before it was asked for.
    server.closed().await;
    assert!(tokio::time::timeout(SHORT, server.closed()).await.is_err());
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Server::start(|_| crate::support::json(200, &hello())).await;
    let target = format!("{}/chat/completions", elsewhere.base_url());
    for status in [301, 302, 303, 307, 308] {
        let target = target.clone();
        let server = Server::start(move |_| answer(status, &[("location", &target)], "")).await;
        let error = complete(config(&server)).await.unwrap_err();
        assert!(matches!(error, ProviderError::BadRequest { status: found, .. } if found == status), "{error:?}");
    }
    assert!(tokio::time::timeout(SHORT, elsewhere.seen()).await.is_err());
}

#[tokio::test]
async fn a_key_that_the_server_repeats_is_shown_nowhere() {
    let body = json!({ "error": { "message": format!("Incorrect API key provided: {KEY}. header-secret-1"), "code": "invalid_api_key" } });
    let bodies = [
        (401, body.to_string()),
        (500, format!("upstream said: Authorization: Bearer {KEY}")),
        (200, format!("{{ not json, {KEY} header-secret-1")),
        (200, json!({ "error": { "message": KEY, "code": 500 } }).to_string()),
        (200, json!({ "choices": [], "key": KEY }).to_string()),
        (200, json!({ "choices": KEY }).to_string()),
    ];
    for (status, body) in bodies {
        let server = Server::start(move |_| answer(status, &[("content-type", "application/json")], &body)).await;
        let provider = OpenAiChat::new(config(&server).with_header("x-extra", "header-secret-1".into())).unwrap();
        let whole = provider.complete(&request()).await.unwrap_err();
        let probe = provider.probe().await.map_or_else(|error| shown(&error), |health| format!("{health:?}"));
        for text in [shown(&whole), probe, format!("{provider:?}")] {
            assert!(!text.contains(KEY) && !text.contains("header-secret-1"), "{text}");
        }
        assert!(shown(&whole).contains("[redacted]") || status == 200, "{whole}");
    }
}

#[tokio::test]
async fn messages_are_bounded_and_pages_are_not_shown() {
    let server = Server::start(|request| match request.json()["model"].as_str() {
        Some("page") => answer(200, &[("content-type", "text/html")], "<html><body>Sign in</body></html>"),
        Some("fault") => answer(502, &[], "<!DOCTYPE html><p>Bad gateway</p>"),
        _ => answer(400, &[], format!("\u{1b}[31m{}", "x".repeat(1 << 20))),
    })
    .await;
    let provider = OpenAiChat::new(config(&server)).unwrap();
    let ask = |model: &str| Completion { model: model.to_owned(), ..request() };
    let page = provider.complete(&ask("page")).await.unwrap_err();
    assert!(
        matches!(&page, ProviderError::BadAnswer { message, .. } if message == "the server answered with an HTML page")
    );
    let page = provider.stream(&ask("page")).await.err().unwrap();
    assert!(
        matches!(&page, ProviderError::BadAnswer { message, .. } if message == "the server answered with an HTML page")
    );
    let fault = provider.complete(&ask("fault")).await.unwrap_err();
    assert!(
        matches!(&fault, ProviderError::Fault { status: 502, message } if message == "the server answered with an HTML page")
    );
    let long = provider.complete(&ask("long")).await.unwrap_err();
    assert!(shown(&long).len() < 2500 && !shown(&long).contains('\u{1b}'), "{}", shown(&long).len());
}

#[tokio::test]
async fn replies_are_bounded() {
    let big = json!({ "choices": [{ "message": { "content": "x".repeat(200_000) }, "finish_reason": "stop" }] });
    let server = Server::start(move |request| {
        if request.is_streamed() {
            let line = format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{}\"}}}}]}}\n\n", "x".repeat(1000));
            events(&vec![line.as_bytes(); 200])
        } else {
            crate::support::json(200, &big)
        }
    })
    .await;
    let provider = OpenAiChat::new(config(&server).with_max_reply_bytes(100_000)).unwrap();
    assert!(matches!(provider.complete(&request()).await, Err(ProviderError::BadAnswer { .. })));
    let last = provider.stream(&request()).await.unwrap().collect::<Vec<_>>().await.pop();
    match last {
        Some(Err(ProviderError::BrokeOff { source, .. })) => {
            assert!(matches!(*source, ProviderError::BadAnswer { .. }));
        }
        other => panic!("{other:?}"),
    }
    let whole = OpenAiChat::new(config(&server)).unwrap().complete(&request()).await.unwrap();
    assert_eq!(whole.text().len(), 200_000);
}

#[tokio::test]
async fn a_server_that_cannot_stream_is_read_whole_and_ids_are_kept() {
    let server = Server::start(|_| {
        let headers = [("content-type", "application/json"), ("x-request-id", "req_7")];
        answer(200, &headers, hello().to_string())
    })
    .await;
    let provider = OpenAiChat::new(config(&server)).unwrap();
    let events: Vec<_> = provider.stream(&request()).await.unwrap().map(Result::unwrap).collect().await;
    assert_eq!(events[0], StreamEvent::Text("hello".to_owned()));
    assert!(matches!(&events[1], StreamEvent::Done(reply) if reply.request_id.as_deref() == Some("req_7")));
    assert_eq!(events.len(), 2);
}

#[tokio::test]
async fn errors_within_a_stream_end_it_and_waits_are_read_from_headers() {
    let server = Server::start(|request| {
        if request.is_streamed() {
            events(&[
                b": OPENROUTER PROCESSING\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n",
                b"data: {\"error\":{\"code\":503,\"message\":\"busy\"}}\n\ndata: [DONE]\n\n",
            ])
        } else {
            answer(503, &[("retry-after-ms", "1234")], "busy")
        }
    })
    .await;
    let provider = OpenAiChat::new(config(&server)).unwrap();
    let events: Vec<_> = provider.stream(&request()).await.unwrap().collect().await;
    match &events[1] {
        Err(ProviderError::BrokeOff { began: true, usage: None, source }) => {
            assert!(matches!(source.as_ref(), ProviderError::Overloaded { message, .. } if message == "busy"));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(events.len(), 2);
    let error = provider.complete(&request()).await.unwrap_err();
    assert!(matches!(error, ProviderError::Overloaded { retry_after: Some(wait), .. } if wait.as_millis() == 1234));
}

#[tokio::test]
async fn a_probe_lists_models_or_finds_the_server_up_without_a_list() {
    for (status, body, wanted) in [
        (200, json!({ "object": "list", "data": [{ "id": "a", "created": 1 }, { "id": "b" }] }), vec!["a", "b"]),
        (404, json!({ "detail": "Not Found" }), vec![]),
        (405, json!({}), vec![]),
    ] {
        let server = Server::start(move |_| crate::support::json(status, &body)).await;
        let health = OpenAiChat::new(config(&server)).unwrap().probe().await.unwrap();
        assert_eq!(health.models, wanted);
        let seen = server.seen().await;
        assert_eq!(seen.line, "GET /v1/models HTTP/1.1");
        assert_eq!(seen.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    }
    let server = Server::start(|_| crate::support::json(401, &json!({ "error": { "message": "no" } }))).await;
    let refused = OpenAiChat::new(config(&server)).unwrap().probe().await;
    assert!(matches!(refused, Err(ProviderError::KeyRefused { .. })));
}

#[test]
fn configurations_that_would_leak_or_cannot_work_are_refused() {
    let new = |config| OpenAiChat::new(config).map(|_| ()).unwrap_err();
    assert!(matches!(new(Config::new("x", "http://example.com/v1")), ConfigError::BaseUrl(_)));
    let base = || Config::new("x", "https://example.com/v1");
    assert_eq!(new(base().with_key("sk-with\nnewline".into())), ConfigError::Key);
    assert!(matches!(new(base().with_header("bad name", "x".into())), ConfigError::Header { .. }));
    assert_eq!(new(base().with_proxy("::not a url::".into())), ConfigError::Proxy);
    assert!(OpenAiChat::new(base().with_key(format!(" {KEY}\n").into())).is_ok());
}
