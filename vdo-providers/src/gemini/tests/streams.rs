//! Streams: whole, cut, damaged, and in whatever pieces they arrive.

use super::*;
use crate::transport::testing::{Collected, collect, every_split_decodes_alike, no_bytes_panic};

fn pieces() -> Pieces {
    let asked = Asked { model: "m", messages: 3, tier: ServiceTier::Standard };
    Pieces::new(asked, 9, Redactor::default())
}

fn stream(pieces: &[Value]) -> String {
    pieces.iter().map(|piece| format!("data: {piece}\n\n")).collect()
}

fn collected(pieces: &[Value]) -> Collected {
    collect(self::pieces(), &[stream(pieces).as_bytes()])
}

fn piece(parts: Value, usage: Value) -> Value {
    let candidate = json!({ "content": { "role": "model", "parts": parts }, "index": 0 });
    json!({ "candidates": [candidate], "usageMetadata": usage, "modelVersion": "m-1", "responseId": "r" })
}

fn last(parts: Value, reason: &str, usage: Value) -> Value {
    let mut last = piece(parts, usage);
    last["candidates"][0]["finishReason"] = json!(reason);
    last
}

/// A stream that has a bit of everything.
fn rich() -> Vec<Value> {
    let prompt = json!({ "promptTokenCount": 40, "cachedContentTokenCount": 10, "totalTokenCount": 40 });
    vec![
        piece(json!([{ "text": "hm, ", "thought": true }]), prompt.clone()),
        piece(json!([{ "text": "日本", "thought": true }]), json!(null)),
        piece(json!([{ "text": "Grüße, 🙂\n" }]), prompt),
        piece(json!([{ "text": "more" }]), json!({ "promptTokenCount": 40, "candidatesTokenCount": 3 })),
        json!({ "candidates": [{ "index": 1, "content": { "parts": [{ "text": "another candidate" }] } }] }),
        piece(json!([{ "functionCall": { "name": "f", "args": { "a": "é" } }, "thoughtSignature": "S" }]), json!(null)),
        last(
            json!([{ "text": "" }]),
            "STOP",
            json!({ "promptTokenCount": 40, "cachedContentTokenCount": 10, "candidatesTokenCount": 8, "thoughtsTokenCount": 5 }),
        ),
    ]
}

#[test]
fn a_reply_is_put_together_from_its_pieces() {
    let (text, reply) = collected(&rich());
    let reply = reply.unwrap();
    assert_eq!(text, "Grüße, 🙂\nmore");
    let call = ToolCall { id: "call_3_1".into(), name: "f".into(), input: json!({ "a": "é" }) };
    let blocks = [kept("hm, 日本", Value::Null), Block::text("Grüße, 🙂\nmore"), signed("S"), Block::ToolCall(call)];
    assert_eq!(reply.blocks, blocks);
    let usage = Usage { input: 30, cache_read: 10, output: 13, reasoning: 5, ..Usage::default() };
    assert_eq!((reply.usage, reply.stop, reply.model.as_str()), (usage, Stop::ToolUse, "m-1"));
    assert_eq!(reply.request_id.as_deref(), Some("r"));
}

#[test]
fn streams_are_whole_only_after_a_reason() {
    let mut cut = rich();
    cut.pop();
    let (text, reply) = collected(&cut);
    assert_eq!(text, "Grüße, 🙂\nmore");
    match reply {
        Err(ProviderError::BrokeOff { began: true, usage: Some(usage), source }) => {
            assert!(matches!(*source, ProviderError::Transport { sent: true, .. }));
            assert_eq!((usage.total_input(), usage.output), (40, 3));
        }
        other => panic!("{other:?}"),
    }
    // What counts the input only has the output estimated.
    match collected(&rich()[..3]).1 {
        Err(ProviderError::BrokeOff { usage: Some(usage), .. }) => {
            assert!(usage.estimated && usage.output > 0, "{usage:?}");
        }
        other => panic!("{other:?}"),
    }
    let ended = stream(&cut) + "data: {\"candidates\":[{\"finishReason\":\"MAX_TOKENS\"}]}";
    assert_eq!(collect(pieces(), &[ended.as_bytes()]).1.unwrap().stop, Stop::Length);
    let blocked = collected(&[json!({ "promptFeedback": { "blockReason": "SAFETY" } })]).1.unwrap();
    assert_eq!((blocked.stop, blocked.usage.estimated), (Stop::Refused, true));
    assert!(matches!(collected(&[]).1, Err(ProviderError::Transport { .. })));
}

#[test]
fn errors_within_streams_are_classified_and_keep_what_was_used() {
    let overloaded = json!({ "error": { "code": 503, "message": "busy", "status": "UNAVAILABLE" } });
    assert!(matches!(collected(std::slice::from_ref(&overloaded)).1, Err(ProviderError::Overloaded { .. })));
    let broken =
        last(json!([]), "MALFORMED_FUNCTION_CALL", json!({ "promptTokenCount": 40, "candidatesTokenCount": 7 }));
    for (wanted, output, piece) in
        [("overloaded", 3, json!([overloaded])), ("bad_answer", 3, json!("x")), ("bad_answer", 7, broken)]
    {
        let mut events = rich();
        events.truncate(4);
        events.push(piece);
        match collected(&events).1 {
            Err(broke @ ProviderError::BrokeOff { began: true, usage: Some(usage), .. }) => {
                assert_eq!((kind(&broke).as_str(), usage.total_input(), usage.output), (wanted, 40, output));
            }
            other => panic!("{other:?}"),
        }
    }
    for (text, wanted) in [
        ("event: error\ndata: out of memory\n\n", "provider_fault 500"),
        ("event: error\ndata: {\"error\":{\"code\":429}}\n\n", "rate_limited"),
        ("data: not json\n\n", "bad_answer"),
    ] {
        assert_eq!(kind(&collect(pieces(), &[text.as_bytes()]).1.unwrap_err()), wanted, "{text}");
    }
}

#[test]
fn a_key_within_a_broken_piece_is_not_shown() {
    for data in ["{\"candidates\":\"sk-secret-key\"}", "sk-secret-key", "{\"error\":\"sk-secret-key\"}"] {
        let asked = Asked { model: "m", messages: 1, tier: ServiceTier::Standard };
        let pieces = Pieces::new(asked, 1, Redactor::new(["sk-secret-key".into()]));
        let error = collect(pieces, &[format!("data: {data}\n\n").as_bytes()]).1.unwrap_err();
        assert!(!format!("{error:?}").contains("sk-secret-key"), "{error:?}");
    }
}

#[test]
fn cutting_a_stream_changes_nothing() {
    assert!(collected(&rich()).1.is_ok());
    every_split_decodes_alike(pieces, &format!(": comment\n\n{}", stream(&rich())));
    let mut broken = rich();
    broken.truncate(4);
    broken.push(json!({ "error": { "code": 500, "message": "m" } }));
    every_split_decodes_alike(pieces, &stream(&broken));
}

#[test]
fn damaged_streams_and_replies_never_panic() {
    let whole = json!([rich(), rich()]);
    let read = |bytes: &[u8]| {
        let _ = reply::parse(bytes, &full(), &Redactor::default());
    };
    no_bytes_panic(pieces, read, &[&stream(&rich()), &whole.to_string(), &rich()[6].to_string()]);
}
