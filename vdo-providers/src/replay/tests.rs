//! Recorded and played back.

mod contract;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{FutureExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use vdo_core::message::{Completion, Message};
use vdo_core::port::{Provider, ProviderError, StreamEvent};
use vdo_core::testing::provider_contract::request;
use vdo_core::testing::scripted::{Answers, ScriptedProvider};

use super::*;

fn scripted(answers: Value) -> Arc<dyn Provider> {
    Arc::new(ScriptedProvider::new("scripted", Answers::parse(&json!({ "answers": answers }).to_string()).unwrap()))
}

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calls.jsonl");
    (folder, path)
}

fn asking(text: &str) -> Completion {
    Completion { messages: vec![Message::user(text)], ..request() }
}

async fn streamed(provider: &dyn Provider, request: &Completion) -> Vec<Result<StreamEvent, String>> {
    match provider.stream(request).await {
        Ok(stream) => stream.map(|event| event.map_err(|error| format!("{error:?}"))).collect().await,
        Err(error) => vec![Err(format!("{error:?}"))],
    }
}

#[tokio::test]
async fn what_was_recorded_is_played_back_in_any_order_and_many_times_at_once() {
    let (_folder, path) = folder();
    let answers = json!([
        { "when": { "contains": ["one"] }, "reply": { "text": "first\nsecond" }, "usage": { "input": 7, "output": 3 } },
        { "when": { "contains": ["one"] }, "reply": { "text": "first\nsecond" }, "usage": { "input": 7, "output": 3 } },
        { "when": { "contains": ["two"] }, "reply": { "tool_calls": [{ "name": "read", "input": { "path": "a" } }] } },
        { "when": { "contains": ["three"] }, "reply": { "error": { "kind": "rate_limited", "retry_after_ms": 50 } } },
        { "when": { "contains": ["three"] }, "reply": { "text": "at last" } },
    ]);
    let recorder = Recorder::open(scripted(answers), &path, []).unwrap();
    let one = recorder.complete(&asking("one")).await.unwrap();
    let events = streamed(&recorder, &asking("one")).await;
    let two = recorder.complete(&asking("two")).await.unwrap();
    let limited = recorder.complete(&asking("three")).await.unwrap_err().to_failure();
    let three = recorder.complete(&asking("three")).await.unwrap();
    let count = recorder.count_tokens(&asking("one")).await.unwrap();
    let health = recorder.probe().await.unwrap();
    assert_eq!(recorder.problem(), None);
    drop(recorder);

    let replay = Replay::open(&path).unwrap();
    assert_eq!(replay.name(), "scripted");
    assert_eq!(replay.complete(&asking("three")).await.unwrap_err().to_failure(), limited);
    assert_eq!(replay.complete(&asking("three")).await.unwrap(), three);
    assert_eq!(replay.complete(&asking("three")).await.unwrap(), three);
    assert_eq!(replay.complete(&asking("two")).await.unwrap(), two);
    let (first, second) = (asking("one"), asking("two"));
    let at_once = futures_util::future::join_all(
        (0..64).map(|number| replay.complete(if number % 2 == 0 { &first } else { &second })),
    );
    for (number, reply) in at_once.await.into_iter().enumerate() {
        assert_eq!(reply.unwrap(), if number % 2 == 0 { one.clone() } else { two.clone() });
    }
    assert_eq!(streamed(&replay, &asking("one")).await, events);
    // Recorded whole, asked for as a stream.
    assert_eq!(streamed(&replay, &asking("two")).await.last(), Some(&Ok(StreamEvent::Done(Box::new(two)))));
    assert_eq!(replay.count_tokens(&asking("one")).await.unwrap(), count);
    assert_eq!(replay.probe().await.unwrap(), health);
    let strict = Replay::open(&path).unwrap().strict();
    strict.complete(&asking("one")).await.unwrap();
    let again = strict.complete(&asking("one")).await.unwrap_err();
    assert_eq!(
        again.to_string(),
        "the request was refused (HTTP 400): the request was recorded 1 times and is asked once more"
    );
}

#[tokio::test]
async fn a_request_that_was_not_recorded_is_told_apart_from_the_nearest() {
    let (_folder, path) = folder();
    let answers = json!([{ "reply": { "text": "hi" }, "repeat": true }]);
    let recorder = Recorder::open(scripted(answers), &path, []).unwrap();
    let tagged = |turn: u32| asking(&format!("Read the file.\n[vdo job=1 phase=build task=t1 attempt=1 turn={turn}]"));
    recorder.complete(&asking("something else")).await.unwrap();
    recorder.complete(&tagged(2)).await.unwrap();
    let replay = Replay::open(&path).unwrap();
    let error = replay.complete(&tagged(3)).await.unwrap_err().to_string();
    let wanted = "the nearest is number 2 and differs in 1 places, first in messages[0].blocks[0].text: recorded";
    assert!(error.contains(wanted) && error.contains("turn=2]") && error.contains("turn=3]"), "{error}");
    let mut other = tagged(2);
    other.settings.temperature = Some(0.5);
    let error = replay.complete(&other).await.unwrap_err();
    assert!(matches!(&error, ProviderError::BadRequest { status: 400, .. }));
    assert!(error.to_string().contains("first in settings: recorded nothing, asked {"), "{error}");
    let huge = replay.complete(&asking(&"x".repeat(1 << 20))).await.unwrap_err().to_string();
    assert!(huge.len() < 2000, "{}", huge.len());
}

#[tokio::test]
async fn no_key_is_written_and_requests_with_keys_are_found_again() {
    let (_folder, path) = folder();
    let own = "my-own-secret-word";
    let shaped = "sk-proj-0123456789abcdef0123";
    let text = format!("the keys are {own} and {shaped}");
    let answers = json!([{ "reply": { "text": text }, "repeat": true }]);
    let recorder = Recorder::open(scripted(answers), &path, [own.into()]).unwrap();
    recorder.complete(&asking(&text)).await.unwrap();
    streamed(&recorder, &asking(&text)).await;
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(!written.contains(own) && !written.contains("0123456789abcdef"), "{written}");
    let replay = Replay::open(&path).unwrap();
    let reply = replay.complete(&asking(&text)).await.unwrap();
    assert_eq!(reply.text(), "the keys are [redacted] and [redacted]");
    let replay = replay.with_secrets([own.into()]);
    let error = format!("{:?}", replay.complete(&asking(&format!("{text}!"))).await.unwrap_err());
    assert!(!error.contains(own) && !error.contains(shaped), "{error}");
}

/// A provider whose streams bring a key in two pieces and never end.
#[derive(Debug)]
struct Endless;

#[async_trait]
impl Provider for Endless {
    fn name(&self) -> &str {
        "endless"
    }

    fn capabilities(&self, _: &str) -> vdo_core::port::Capabilities {
        scripted(json!([])).capabilities("m")
    }

    async fn complete(&self, _: &Completion) -> Result<vdo_core::message::Reply, ProviderError> {
        std::future::pending().await
    }

    async fn stream(&self, _: &Completion) -> Result<vdo_core::port::ReplyStream, ProviderError> {
        let pieces = ["sk-0123456789", "abcdef0123"].map(|piece| Ok(StreamEvent::Text(piece.to_owned())));
        Ok(Box::pin(futures_util::stream::iter(pieces).chain(futures_util::stream::pending())))
    }

    async fn count_tokens(&self, _: &Completion) -> Result<vdo_core::port::TokenCount, ProviderError> {
        Err(ProviderError::KeyRefused { message: "no".to_owned() })
    }

    async fn probe(&self) -> Result<vdo_core::port::Health, ProviderError> {
        let cause = ProviderError::Transport { sent: true, source: "the line broke".into() };
        Err(cause.after(true, Some(vdo_core::usage::Usage { input: 5, ..Default::default() })))
    }
}

#[tokio::test]
async fn a_call_that_was_dropped_is_written_and_hangs_again() {
    let (_folder, path) = folder();
    let recorder = Recorder::open(Arc::new(Endless), &path, []).unwrap();
    assert!(recorder.complete(&request()).now_or_never().is_none());
    let mut stream = recorder.stream(&asking("x")).await.unwrap();
    for _ in 0..2 {
        stream.next().await.unwrap().unwrap();
    }
    drop(stream);
    recorder.count_tokens(&request()).await.unwrap_err();
    let broke = recorder.probe().await.unwrap_err().to_failure();
    assert!(!std::fs::read_to_string(&path).unwrap().contains("0123456789"));
    let replay = Replay::open(&path).unwrap();
    assert!(replay.complete(&request()).now_or_never().is_none());
    let mut stream = replay.stream(&asking("x")).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap(), StreamEvent::Text("[redacted]".to_owned()));
    assert!(stream.next().now_or_never().is_none());
    assert!(matches!(replay.count_tokens(&request()).await, Err(ProviderError::KeyRefused { .. })));
    assert_eq!(replay.probe().await.unwrap_err().to_failure(), broke);
}

#[tokio::test]
async fn a_cassette_is_added_to_and_one_written_by_hand_is_read() {
    let (_folder, path) = folder();
    for text in ["one", "two"] {
        let recorder = Recorder::open(scripted(json!([{ "reply": { "text": text } }])), &path, []).unwrap();
        recorder.complete(&asking(text)).await.unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert_eq!(written.lines().count(), 3);
    // Without the hashes the requests themselves are looked up.
    let mut lines: Vec<Value> = written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &mut lines {
        line.as_object_mut().unwrap().remove("hash");
    }
    let text: String = lines.iter().map(|line| format!("{line}\n\n")).collect();
    std::fs::write(&path, text).unwrap();
    let replay = Replay::open(&path).unwrap().with_name("mine");
    assert_eq!(replay.name(), "mine");
    assert_eq!(replay.complete(&asking("two")).await.unwrap().text(), "two");
}

#[test]
fn files_that_are_no_cassettes_are_refused_with_the_line() {
    let (_folder, path) = folder();
    let header = "{\"vdo_cassette\":1,\"provider\":\"p\"}\n";
    let shown = path.display().to_string();
    for (text, wanted) in [
        (String::new(), format!("{shown} is no cassette")),
        ("hello".to_owned(), format!("{shown} is no cassette")),
        ("{\"a\":1}\n".to_owned(), format!("{shown} is no cassette")),
        ("\u{0}\u{1}\n\n".to_owned(), format!("{shown} is no cassette")),
        (header.replace('1', "7"), format!("the cassette {shown} has version 7; this VDO reads version 1")),
        ("{\"vdo_cassette\":1}\n".to_owned(), format!("the cassette {shown}, line 1: missing field `provider`")),
        ("{\"vdo_cassette\":1,\"pro".to_owned(), format!("the cassette {shown}, line 1: it is cut off")),
        (format!("{header}{{}}\n"), format!("the cassette {shown}, line 2: it is no recorded call")),
        (format!("{header}\n{{\"kind\":\"complete\""), format!("the cassette {shown}, line 3: it is cut off")),
        (
            format!("{header}{{\"kind\":\"complete\",\"outcome\":\"dropped\"}}\n"),
            format!("the cassette {shown}, line 2: the request is missing"),
        ),
        (
            format!("{header}{{\"kind\":\"probe\",\"outcome\":{{\"tokens\":{{\"tokens\":1,\"estimated\":true}}}}}}\n"),
            format!("the cassette {shown}, line 2: the outcome is not one of such a call"),
        ),
    ] {
        std::fs::write(&path, &text).unwrap();
        let error = Replay::open(&path).unwrap_err().to_string();
        assert!(error.starts_with(&wanted), "{text:?}: {error}");
        if wanted.ends_with("it is cut off") {
            // Whoever records goes on after the last whole line.
            drop(Recorder::open(scripted(json!([])), &path, []).unwrap());
            let whole = text.rfind('\n').map_or("", |at| &text[..=at]);
            let mended = std::fs::read_to_string(&path).unwrap();
            assert!(mended.starts_with(whole) && mended.ends_with('\n'), "{mended:?}");
            assert_eq!(mended.lines().filter(|line| !line.is_empty()).count(), 1, "{mended:?}");
            Replay::open(&path).unwrap();
        } else if !text.is_empty() {
            let error = Recorder::open(scripted(json!([])), &path, []).unwrap_err();
            assert!(error.to_string().starts_with(&wanted), "{error}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "a file that is refused is left alone");
        }
    }
    assert!(matches!(Replay::open("/no/such/file"), Err(CassetteError::File { .. })));
}
