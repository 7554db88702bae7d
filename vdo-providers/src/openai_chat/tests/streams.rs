//! Streams: whole, cut, damaged, and in whatever pieces they arrive.

use super::*;
use crate::openai_shared::tests::{failed, kind};
use crate::transport::testing::{collect, every_split_decodes_alike, no_bytes_panic};

fn chunks() -> Chunks {
    Chunks::new(ASKED, 9, Redactor::default())
}

fn stream(events: &[Value], end: &str) -> (String, Result<Reply, ProviderError>) {
    let text: String = events.iter().map(|chunk| format!("data: {chunk}\n\n")).collect();
    collect(chunks(), &[(text + end).as_bytes()])
}

fn delta(delta: Value) -> Value {
    json!({ "id": "r", "model": "m-1", "choices": [{ "index": 0, "delta": delta, "finish_reason": null }] })
}

fn finished(reason: &str) -> Value {
    json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": reason }] })
}

#[test]
fn streams_are_whole_only_after_their_mark() {
    let hello = delta(json!({ "content": "hello" }));
    for (chunks, end) in [
        (vec![hello.clone()], "data: [DONE]\n\n"),
        (vec![hello.clone()], "data:[DONE]"),
        (vec![hello.clone(), finished("stop")], ""),
        (vec![hello.clone(), finished("stop")], "data: {\"cut"),
        (vec![hello.clone()], "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}"),
    ] {
        let (text, reply) = stream(&chunks, end);
        let reply = reply.unwrap();
        assert_eq!((text.as_str(), reply.text().as_str(), reply.stop), ("hello", "hello", Stop::End), "{end}");
        assert_eq!((reply.model.is_empty(), reply.request_id.as_deref()), (false, Some("r")));
    }
    for end in ["", "data: {\"choices\"", "data: [DO"] {
        let (text, reply) = stream(std::slice::from_ref(&hello), end);
        assert_eq!(text, "hello");
        match reply {
            Err(ProviderError::BrokeOff { began: true, usage: None, source }) => {
                assert!(matches!(*source, ProviderError::Transport { sent: true, .. }), "{end}");
            }
            other => panic!("{end}: {other:?}"),
        }
    }
}

#[test]
fn the_last_usage_of_a_stream_counts() {
    let with_usage = |output: u64| {
        let mut chunk = delta(json!({ "content": "x" }));
        chunk["usage"] = json!({ "prompt_tokens": 10, "completion_tokens": output });
        chunk
    };
    let chunks = [with_usage(1), with_usage(2), finished("stop"), json!({ "choices": [], "usage": null })];
    let usage = stream(&chunks, "data: [DONE]\n\n").1.unwrap().usage;
    assert_eq!(usage, Usage { input: 10, output: 2, ..Usage::default() });
    let missing = stream(&[delta(json!({ "content": "x" })), finished("stop")], "").1.unwrap().usage;
    assert_eq!((missing.estimated, missing.input), (true, 9));
}

#[test]
fn pieces_of_tool_calls_are_put_together() {
    let piece = |fields: Value| delta(json!({ "tool_calls": [fields] }));
    let calls = |chunks: &[Value]| -> Vec<(String, String, Value)> {
        let reply = stream(chunks, "data: [DONE]\n\n").1.unwrap();
        reply.tool_calls().map(|call| (call.id.clone(), call.name.clone(), call.input.clone())).collect()
    };
    let (a, b) = (json!({ "a": 1 }), json!({ "b": 2 }));
    let wanted = [("x".to_owned(), "f".to_owned(), a.clone()), ("y".to_owned(), "g".to_owned(), b.clone())];
    // By index, interleaved.
    assert_eq!(
        calls(&[
            piece(json!({ "index": 0, "id": "x", "function": { "name": "f", "arguments": "" } })),
            piece(json!({ "index": 1, "id": "y", "function": { "name": "g", "arguments": "{\"b\"" } })),
            piece(json!({ "index": 0, "function": { "arguments": "{\"a\":1}" } })),
            piece(json!({ "index": 1, "id": null, "function": { "name": null, "arguments": ":2}" } })),
            finished("tool_calls"),
        ]),
        wanted
    );
    // Without indices, or all with the same, told apart by id.
    for index in [json!(null), json!(0)] {
        assert_eq!(
            calls(&[
                piece(json!({ "index": index, "id": "x", "function": { "name": "f", "arguments": "{\"a\"" } })),
                piece(json!({ "index": index, "function": { "arguments": ":1}" } })),
                piece(json!({ "index": index, "id": "y", "function": { "name": "g", "arguments": b } })),
            ]),
            wanted
        );
    }
    // An index that nobody can count to.
    assert_eq!(
        calls(&[piece(json!({ "index": u64::MAX, "id": "x", "function": { "name": "f", "arguments": a } }))]),
        wanted[..1]
    );
}

#[test]
fn errors_within_streams_are_classified() {
    let hello = delta(json!({ "content": "hello" }));
    for (end, wanted) in [
        ("data: {\"error\":{\"code\":429,\"message\":\"m\"}}\n\n", "rate_limited"),
        ("event: error\ndata: {\"message\":\"m\",\"code\":503}\n\n", "overloaded"),
        ("event: error\ndata: out of memory\n\n", "provider_fault 500"),
        ("data: {\"choices\":[{\"error\":{\"code\":\"insufficient_quota\"}}]}\n\n", "provider_money"),
        ("data: not json\n\n", "bad_answer"),
    ] {
        assert_eq!(kind(&stream(std::slice::from_ref(&hello), end).1.unwrap_err()), wanted, "{end}");
    }
}

#[test]
fn a_key_within_a_broken_event_is_not_shown() {
    let redactor = Redactor::new(["sk-secret-key".into()]);
    for data in ["{\"choices\":\"sk-secret-key\"}", "sk-secret-key", "{\"error\":\"sk-secret-key\"}"] {
        let chunks = Chunks::new(ASKED, 1, redactor.clone());
        let error = collect(chunks, &[format!("data: {data}\n\n").as_bytes()]).1.unwrap_err();
        assert!(!format!("{error:?}").contains("sk-secret-key"), "{error:?}");
    }
}

/// A stream that has a bit of everything.
fn rich() -> String {
    let chunks = [
        delta(json!({ "role": "assistant", "content": "" })),
        delta(json!({ "content": "Grüße, 日本 🙂\n" })),
        delta(json!({ "reasoning_content": "hm", "content": "more" })),
        delta(
            json!({ "tool_calls": [{ "index": 0, "id": "x", "function": { "name": "f", "arguments": "{\"a\":\"é" } }] }),
        ),
        delta(json!({ "tool_calls": [{ "index": 0, "function": { "arguments": "\"}" } }] })),
        finished("tool_calls"),
        json!({ "choices": [], "usage": { "prompt_tokens": 10, "completion_tokens": 5 } }),
    ];
    let text: String = chunks.iter().map(|chunk| format!(": ping\r\n\r\ndata: {chunk}\r\n\r\n")).collect();
    text + "data: [DONE]\r\n\r\n"
}

#[test]
fn cutting_a_stream_changes_nothing() {
    assert!(collect(chunks(), &[rich().as_bytes()]).1.is_ok());
    every_split_decodes_alike(chunks, &rich());
    every_split_decodes_alike(chunks, &rich().replace("data: [DONE]", "data: {\"error\":{\"code\":503}}"));
}

#[test]
fn damaged_streams_and_replies_never_panic() {
    let whole = json!({
        "id": "r", "model": "m", "usage": { "prompt_tokens": 10, "completion_tokens": 5 },
        "choices": [{ "finish_reason": "stop", "message": { "content": "é", "tool_calls": [
            { "id": "1", "function": { "name": "f", "arguments": "{\"a\":1}" } }] } }],
    });
    let read = |bytes: &[u8]| {
        let _ = reply::parse(bytes, ASKED, || 9, &Redactor::default());
        let _ = failed(500, Hints::default(), bytes);
    };
    no_bytes_panic(chunks, read, &[&rich(), &whole.to_string()]);
}

#[test]
fn pieces_of_reasoning_are_joined() {
    let detail = |detail: Value| delta(json!({ "reasoning": "a", "reasoning_details": [detail] }));
    let events = [
        detail(json!({ "type": "reasoning.text", "index": 0, "text": "a", "format": null })),
        detail(json!({ "type": "reasoning.text", "index": 0, "text": "b", "format": "x", "signature": "s" })),
        detail(json!({ "type": "reasoning.encrypted", "index": 1, "data": "e" })),
        delta(json!({ "content": "hi" })),
        finished("stop"),
    ];
    let (text, reply) = stream(&events, "data: [DONE]\n\n");
    let data = json!({ "reasoning_details": [
        { "type": "reasoning.text", "index": 0, "text": "ab", "format": "x", "signature": "s" },
        { "type": "reasoning.encrypted", "index": 1, "data": "e" },
    ] });
    let reasoning = Block::Reasoning(Reasoning::new("openai-chat", "aaa", data));
    assert_eq!((text.as_str(), reply.unwrap().blocks), ("hi", vec![reasoning, Block::text("hi")]));
}

#[test]
fn a_stream_that_broke_off_while_it_reasoned_had_begun() {
    let failure = stream(&[delta(json!({ "reasoning_content": "hm" }))], "").1.unwrap_err().to_failure();
    assert!(failure.began && failure.sent);
}
