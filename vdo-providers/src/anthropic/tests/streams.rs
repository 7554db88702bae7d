//! Streams: whole, cut, damaged, and in whatever pieces they arrive.

use super::*;
use crate::transport::testing::{Collected, collect, every_split_decodes_alike, no_bytes_panic};

fn events() -> Events {
    Events::new(Asked { model: "m", messages: 3 }, 9, Redactor::default())
}

fn stream(events: &[Value]) -> String {
    events.iter().map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap())).collect()
}

fn collected(events: &[Value]) -> Collected {
    collect(self::events(), &[stream(events).as_bytes()])
}

fn start(usage: Value) -> Value {
    let message =
        json!({ "id": "msg_1", "type": "message", "role": "assistant", "model": "m-1", "content": [], "usage": usage });
    json!({ "type": "message_start", "message": message })
}

fn begin(index: u64, block: Value) -> Value {
    json!({ "type": "content_block_start", "index": index, "content_block": block })
}

fn delta(index: u64, kind: &str, field: &str, text: &str) -> Value {
    json!({ "type": "content_block_delta", "index": index, "delta": { "type": kind, field: text } })
}

fn text(index: u64, text: &str) -> Value {
    delta(index, "text_delta", "text", text)
}

fn end(reason: &str, usage: Value) -> [Value; 2] {
    let delta = json!({ "stop_reason": reason, "stop_sequence": null });
    [json!({ "type": "message_delta", "delta": delta, "usage": usage }), json!({ "type": "message_stop" })]
}

/// A stream that has a bit of everything.
fn rich() -> Vec<Value> {
    let mut events = vec![
        start(json!({
            "input_tokens": 25, "output_tokens": 1, "cache_creation_input_tokens": 8,
            "cache_creation": { "ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 5 },
        })),
        json!({ "type": "ping" }),
        begin(0, json!({ "type": "thinking", "thinking": "", "signature": "" })),
        delta(0, "thinking_delta", "thinking", "hm, "),
        delta(0, "thinking_delta", "thinking", "日本"),
        delta(0, "signature_delta", "signature", "c2ln"),
        json!({ "type": "content_block_stop", "index": 0 }),
        begin(1, json!({ "type": "text", "text": "" })),
        text(1, "Grüße, 🙂\n"),
        json!({ "type": "content_block_delta", "index": 1, "delta": { "type": "citations_delta", "citation": {} } }),
        text(1, "more"),
        begin(2, json!({ "type": "tool_use", "id": "toolu_1", "name": "f", "input": {} })),
        delta(2, "input_json_delta", "partial_json", ""),
        delta(2, "input_json_delta", "partial_json", "{\"a\":\"é"),
        delta(2, "input_json_delta", "partial_json", "\"}"),
        begin(3, json!({ "type": "tool_use", "id": "toolu_2", "name": "g", "input": {} })),
        begin(4, json!({ "type": "of_the_future", "x": 1 })),
        json!({ "type": "content_block_delta", "index": 4, "delta": { "type": "of_the_future_delta", "text": 7 } }),
        json!({ "type": "of_the_future", "index": "none", "delta": 5 }),
    ];
    events.extend(end("tool_use", json!({ "input_tokens": 25, "output_tokens": 40, "cache_read_input_tokens": 2, "cache_creation_input_tokens": 10, "output_tokens_details": { "thinking_tokens": 30 } })));
    events
}

#[test]
fn a_reply_is_put_together_from_its_events() {
    let (text, reply) = collected(&rich());
    let reply = reply.unwrap();
    assert_eq!(text, "Grüße, 🙂\nmore");
    let call =
        |id: &str, name: &str, input: Value| Block::ToolCall(ToolCall { id: id.into(), name: name.into(), input });
    let data = json!({ "type": "thinking", "thinking": "hm, 日本", "signature": "c2ln" });
    assert_eq!(
        reply.blocks,
        [
            Block::Reasoning(Reasoning::new("anthropic", "hm, 日本", data)),
            Block::text("Grüße, 🙂\nmore"),
            call("toolu_1", "f", json!({ "a": "é" })),
            call("toolu_2", "g", json!({})),
        ]
    );
    let usage = Usage {
        input: 25,
        cache_read: 2,
        cache_write: 5,
        cache_write_long: 5,
        output: 40,
        reasoning: 30,
        estimated: false,
    };
    assert_eq!((reply.usage, reply.stop, reply.model.as_str()), (usage, Stop::ToolUse, "m-1"));
    assert_eq!(reply.request_id.as_deref(), Some("msg_1"));
}

#[test]
fn usage_that_comes_late_or_in_parts_is_whole() {
    let usage = |first: Value, last: Value| {
        let mut events = vec![start(first), begin(0, json!({ "type": "text", "text": "x" }))];
        events.extend(end("end_turn", last));
        collected(&events).1.unwrap().usage
    };
    let counted = Usage { input: 7, output: 5, ..Usage::default() };
    // An emulation sends zeros first and everything last.
    assert_eq!(
        usage(json!({ "input_tokens": 0, "output_tokens": 0 }), json!({ "input_tokens": 7, "output_tokens": 5 })),
        counted
    );
    assert_eq!(usage(json!({ "input_tokens": 7, "output_tokens": 1 }), json!({ "output_tokens": 5 })), counted);
    assert_eq!(usage(json!({ "input_tokens": 7 }), json!({ "input_tokens": 0, "output_tokens": 5 })), counted);
    let none = usage(Value::Null, Value::Null);
    assert_eq!((none.estimated, none.input, none.output), (true, 9, 1));
}

#[test]
fn streams_are_whole_only_after_their_mark() {
    let mut events = rich();
    events.pop();
    // Neither the reason to stop nor a clean end of the body is the mark.
    let (text, reply) = collected(&events);
    assert_eq!(text, "Grüße, 🙂\nmore");
    match reply {
        Err(ProviderError::BrokeOff { began: true, usage: Some(usage), source }) => {
            assert!(matches!(*source, ProviderError::Transport { sent: true, .. }));
            assert_eq!((usage.input, usage.output, usage.estimated), (25, 40, false));
        }
        other => panic!("{other:?}"),
    }
    let last = "event: message_stop\ndata: {\"type\":\"message_stop\"}";
    assert!(collect(self::events(), &[(stream(&events) + last).as_bytes()]).1.is_ok());
    for cut in ["", "event: message_stop\n", "event: message_stop\ndata: {\"type\":\"message_st"] {
        let reply = collect(self::events(), &[(stream(&events) + cut).as_bytes()]).1;
        assert_eq!(kind(&reply.unwrap_err()), "transport", "{cut}");
    }
}

#[test]
fn errors_within_streams_are_classified_and_keep_what_was_used() {
    let error = |kind: &str| json!({ "type": "error", "error": { "type": kind, "message": "m" } });
    // Nothing was said and nothing counted yet: nothing is lost.
    assert!(matches!(collected(&[error("overloaded_error")]).1, Err(ProviderError::Overloaded { .. })));
    for (wanted, event) in [
        ("overloaded", error("overloaded_error")),
        ("provider_fault 500", error("api_error")),
        ("bad_answer", text(7, "belongs nowhere")),
        ("bad_answer", delta(1, "input_json_delta", "partial_json", "{}")),
    ] {
        let mut events = rich();
        events.truncate(9);
        events.push(event);
        match collected(&events).1 {
            Err(broke @ ProviderError::BrokeOff { usage: Some(usage), .. }) => {
                assert_eq!(kind(&broke), wanted);
                // The number it begins with is a placeholder, so that what arrived is estimated.
                assert_eq!((usage.input, usage.cache_write_long, usage.estimated), (25, 5, true));
                assert!(usage.output > 1, "{usage:?}");
            }
            other => panic!("{other:?}"),
        }
    }
    let garbled = collect(events(), &[b"event: error\ndata: out of memory\n\n"]).1.unwrap_err();
    assert_eq!(kind(&garbled), "provider_fault 500");
    let garbled = collect(events(), &[b"data: not json\n\n"]).1.unwrap_err();
    assert_eq!(kind(&garbled), "bad_answer");
}

#[test]
fn a_key_within_a_broken_event_is_not_shown() {
    for data in
        ["{\"type\":\"sk-secret-key\",\"index\":", "sk-secret-key", "{\"type\":\"error\",\"error\":\"sk-secret-key\"}"]
    {
        let events = Events::new(Asked { model: "m", messages: 1 }, 1, Redactor::new(["sk-secret-key".into()]));
        let error = collect(events, &[format!("data: {data}\n\n").as_bytes()]).1.unwrap_err();
        assert!(!format!("{error:?}").contains("sk-secret-key"), "{error:?}");
    }
}

#[test]
fn cutting_a_stream_changes_nothing() {
    assert!(collected(&rich()).1.is_ok());
    every_split_decodes_alike(events, &format!(": comment\n\n{}", stream(&rich())));
    let mut broken = rich();
    broken.truncate(12);
    broken.push(json!({ "type": "error", "error": { "type": "overloaded_error", "message": "m" } }));
    every_split_decodes_alike(events, &stream(&broken));
}

#[test]
fn damaged_streams_and_replies_never_panic() {
    let whole = json!({
        "id": "r", "model": "m", "usage": { "input_tokens": 10, "output_tokens": 5 }, "stop_reason": "tool_use",
        "content": [{ "type": "text", "text": "é" }, { "type": "tool_use", "id": "1", "name": "f", "input": { "a": 1 } }],
    });
    let read = |bytes: &[u8]| {
        let _ = reply::parse(bytes, &full(), &Redactor::default());
    };
    no_bytes_panic(events, read, &[&stream(&rich()), &whole.to_string()]);
}
