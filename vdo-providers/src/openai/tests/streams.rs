//! Streams: whole, cut, damaged, and in whatever pieces they arrive.

use vdo_core::message::{Reply, Stop};
use vdo_core::port::ProviderError;
use vdo_core::usage::Usage;

use super::*;
use crate::openai::reply;
use crate::openai::streaming::Events;
use crate::openai_shared::tests::{failed, kind};
use crate::transport::redact::Redactor;
use crate::transport::retry_after::Hints;
use crate::transport::testing::{collect, every_split_decodes_alike, no_bytes_panic};

fn events() -> Events {
    Events::new(asked(), Redactor::default())
}

/// Writes events as the server does: each with its name, a number and now and then junk.
fn written(events: &[Value]) -> String {
    let numbered = events.iter().enumerate().map(|(number, event)| {
        let mut event = event.clone();
        event["sequence_number"] = number.into();
        event["obfuscation"] = "x9Zq".into();
        format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default())
    });
    numbered.collect()
}

fn stream(events: &[Value], end: &str) -> (String, Result<Reply, ProviderError>) {
    collect(self::events(), &[(written(events) + end).as_bytes()])
}

fn created() -> Value {
    json!({ "type": "response.created", "response": { "id": "resp_1", "status": "in_progress", "output": [], "usage": null } })
}

fn delta(kind: &str, text: &str) -> Value {
    json!({ "type": format!("response.{kind}.delta"), "output_index": 0, "content_index": 0, "delta": text })
}

fn done(index: u64, item: Value) -> Value {
    json!({ "type": "response.output_item.done", "output_index": index, "item": item })
}

fn message(text: &str) -> Value {
    json!({ "type": "message", "content": [{ "type": "output_text", "text": text }] })
}

fn usage() -> Value {
    json!({ "input_tokens": 10, "output_tokens": 5, "output_tokens_details": { "reasoning_tokens": 2 } })
}

fn ended(kind: &str, output: Value) -> Value {
    let mut response = json!({ "id": "resp_1", "model": "m-1", "status": kind, "output": output, "usage": usage() });
    if kind == "incomplete" {
        response["incomplete_details"] = json!({ "reason": "max_output_tokens" });
    }
    json!({ "type": format!("response.{kind}"), "response": response })
}

/// A stream that has a bit of everything.
fn rich() -> Vec<Value> {
    let call = json!({ "type": "function_call", "call_id": "c", "name": "f", "arguments": "{\"a\":\"é\"}" });
    let thought = json!({ "type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "abc" });
    vec![
        created(),
        json!({ "type": "response.output_item.added", "output_index": 0, "item": { "type": "reasoning" } }),
        delta("reasoning_summary_text", "hm"),
        done(0, thought.clone()),
        delta("output_text", "Grüße, "),
        delta("output_text", "日本 🙂\n"),
        json!({ "type": "response.output_text.done", "text": "Grüße, 日本 🙂\n" }),
        done(1, message("Grüße, 日本 🙂\n")),
        delta("function_call_arguments", "{\"a\":"),
        done(2, call.clone()),
        json!({ "type": "response.unheard_of", "delta": { "x": 1 } }),
        ended("completed", json!([thought, message("Grüße, 日本 🙂\n"), call])),
    ]
}

#[test]
fn a_stream_gives_its_texts_and_the_whole_reply() {
    let (text, reply) = stream(&rich(), "");
    let reply = reply.unwrap();
    assert_eq!((text.as_str(), reply.text().as_str()), ("Grüße, 日本 🙂\n", "Grüße, 日本 🙂\n"));
    assert_eq!((reply.stop, reply.model.as_str(), reply.blocks.len()), (Stop::ToolUse, "m-1", 3));
    assert_eq!(reply.usage, Usage { input: 10, output: 5, reasoning: 2, ..Usage::default() });
    // A server that leaves the output out of its last event.
    let mut short = rich();
    *short.last_mut().unwrap() = ended("completed", json!([]));
    assert_eq!(stream(&short, "data: [DONE]\n\n").1.unwrap().blocks, reply.blocks);
    let bare = [delta("output_text", "hello"), ended("incomplete", json!([]))];
    let (text, reply) = stream(&bare, "");
    let reply = reply.unwrap();
    assert_eq!((text.as_str(), reply.text().as_str(), reply.stop), ("hello", "hello", Stop::Length));
    let refused = json!([{ "type": "message", "content": [{ "type": "refusal", "refusal": "I will not." }] }]);
    let (text, reply) = stream(&[delta("refusal", "I will not."), ended("completed", refused)], "");
    assert_eq!((text.as_str(), reply.unwrap().stop), ("I will not.", Stop::Refused));
}

#[test]
fn a_stream_without_its_last_event_was_cut() {
    for end in ["", "data: {\"type\":\"response.comp", "data: [DONE]\n\n"] {
        let failure = stream(&[created(), delta("output_text", "hello")], end).1.unwrap_err().to_failure();
        assert!(failure.began && failure.sent, "{end}");
        let early = stream(&[created()], end).1.unwrap_err();
        assert!(matches!(early, ProviderError::Transport { sent: true, .. }), "{end}: {early:?}");
    }
}

#[test]
fn failures_within_a_stream_are_classified_and_tell_how_far_it_came() {
    let failed = |code: &str, usage: Value| {
        let error = json!({ "code": code, "message": "m" });
        json!({ "type": "response.failed", "response": { "status": "failed", "error": error, "output": [], "usage": usage } })
    };
    let flat = |code: &str| json!({ "type": "error", "code": code, "message": "m", "param": null });
    let nested = |code: &str| json!({ "type": "error", "error": { "code": code, "message": "m" } });
    for (event, wanted) in [
        (failed("rate_limit_exceeded", Value::Null), "rate_limited"),
        (failed("server_error", Value::Null), "provider_fault 500"),
        (failed("insufficient_quota", Value::Null), "provider_money"),
        (failed("server_is_overloaded", Value::Null), "overloaded"),
        (failed("context_length_exceeded", Value::Null), "context_too_long"),
        (flat("credit_balance_exhausted"), "provider_money"),
        (flat("slow_down"), "rate_limited"),
        (nested("project_spend_limit_exceeded"), "provider_money"),
        (nested("server_error"), "provider_fault 500"),
        (json!({ "error": { "code": 503 } }), "overloaded"),
    ] {
        // Before any output, it is as if the answer had been an error.
        let early = stream(&[created(), event.clone()], "").1.unwrap_err();
        assert!(kind(&early) == wanted && !matches!(early, ProviderError::BrokeOff { .. }), "{event}: {early:?}");
        let late = stream(&[created(), delta("output_text", "x"), event.clone()], "").1.unwrap_err();
        assert_eq!((kind(&late).as_str(), late.to_failure().began), (wanted, true), "{event}");
    }
    let billed = stream(&[created(), failed("server_error", usage())], "").1.unwrap_err().to_failure();
    assert_eq!(billed.usage, Some(Usage { input: 10, output: 5, reasoning: 2, ..Usage::default() }));
    assert_eq!(kind(&stream(&[created()], "data: not json\n\n").1.unwrap_err()), "bad_answer");
}

#[test]
fn cutting_a_stream_changes_nothing() {
    every_split_decodes_alike(events, &written(&rich()));
}

#[test]
fn damaged_streams_and_replies_never_panic() {
    let whole = ended("completed", json!([message("é")]))["response"].to_string();
    let read = |bytes: &[u8]| {
        let _ = reply::parse(bytes, &conversation(), &Redactor::default());
        let _ = failed(500, Hints::default(), bytes);
    };
    no_bytes_panic(events, read, &[&written(&rich()), &whole]);
}

#[test]
fn a_key_within_a_broken_event_is_not_shown() {
    let redactor = Redactor::new(["sk-secret-key".into()]);
    for data in [
        "sk-secret-key",
        "{\"type\":\"error\",\"message\":\"sk-secret-key\"}",
        "{\"type\":\"response.failed\",\"response\":\"sk-secret-key\"}",
    ] {
        let events = Events::new(asked(), redactor.clone());
        let error = collect(events, &[format!("data: {data}\n\n").as_bytes()]).1.unwrap_err();
        assert!(!format!("{error:?}").contains("sk-secret-key"), "{error:?}");
    }
}
