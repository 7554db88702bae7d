//! Whole replies.

use vdo_core::message::{Reply, Stop};
use vdo_core::port::ProviderError;
use vdo_core::usage::Usage;

use super::*;
use crate::openai::reply;
use crate::openai_shared::tests::kind;
use crate::transport::redact::Redactor;

fn parsed(body: &Value) -> Result<Reply, ProviderError> {
    reply::parse(body.to_string().as_bytes(), &conversation(), &Redactor::default())
}

fn message(parts: Value) -> Value {
    json!({ "type": "message", "role": "assistant", "phase": "final_answer", "content": parts })
}

fn text(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [] })
}

fn function(id: Value, arguments: Value) -> Value {
    json!({ "type": "function_call", "id": "fc_1", "call_id": id, "name": "f", "arguments": arguments, "status": "completed" })
}

#[test]
fn replies_end_for_the_reason_that_their_status_and_content_show() {
    let hello = message(json!([text("x")]));
    let refusal = message(json!([{ "type": "refusal", "refusal": "no" }]));
    let call = function(json!("1"), json!("{}"));
    for (status, reason, output, stop) in [
        ("completed", None, json!([hello]), Stop::End),
        ("completed", None, json!([]), Stop::End),
        ("completed", None, json!([hello, call]), Stop::ToolUse),
        ("completed", None, json!([refusal]), Stop::Refused),
        ("incomplete", Some("max_output_tokens"), json!([hello]), Stop::Length),
        ("incomplete", Some("max_output_tokens"), json!([call]), Stop::Length),
        ("incomplete", Some("content_filter"), json!([hello]), Stop::Refused),
        ("incomplete", Some("max_messages"), json!([hello]), Stop::Length),
        ("incomplete", Some("steered"), json!([hello]), Stop::Length),
        ("incomplete", None, json!([hello]), Stop::Length),
    ] {
        let details = reason.map(|reason| json!({ "reason": reason }));
        let reply = parsed(&json!({ "status": status, "incomplete_details": details, "output": output })).unwrap();
        assert_eq!(reply.stop, stop, "{status} {reason:?} {output}");
    }
}

#[test]
fn a_reply_has_its_parts_in_their_order() {
    let thought = json!({ "type": "reasoning", "id": "rs_1", "encrypted_content": "abc",
        "summary": [{ "type": "summary_text", "text": "one" }, { "type": "summary_text", "text": "two" }] });
    let open = json!({ "type": "reasoning", "summary": [], "content": [{ "type": "reasoning_text", "text": "hm" }] });
    let reply = parsed(&json!({
        "id": "resp_1", "model": "gpt-6-luna-2026", "status": "completed", "service_tier": "flex",
        "output": [
            thought, open, message(json!([text("a"), { "type": "unheard_of" }, text("b")])), { "type": "web_search_call" },
            function(json!("one"), json!("{\"a\":1}")), function(json!("one"), json!({ "a": 1 })), function(json!(null), json!("{broken")),
            7, message(json!("c")),
        ],
    }))
    .unwrap();
    let reasoning = |text: &str, data: Value| Block::Reasoning(Reasoning::new("openai", text, data));
    let call = |id: &str, input: Value| Block::ToolCall(ToolCall { id: id.into(), name: "f".into(), input });
    assert_eq!(
        reply.blocks,
        [
            reasoning("one\n\ntwo", thought),
            reasoning("hm", open),
            Block::text("a"),
            Block::text("b"),
            call("one", json!({ "a": 1 })),
            call("call_3_2", json!({ "a": 1 })),
            call("call_3_3", json!("{broken")),
            Block::text("c"),
        ]
    );
    assert_eq!((reply.model.as_str(), reply.request_id.as_deref()), ("gpt-6-luna-2026", Some("resp_1")));
    assert_eq!(reply.about.tier, ServiceTier::Flex);
    assert!(reply.usage.estimated && reply.usage.input > 0 && reply.usage.output > 0);
}

#[test]
fn usage_falls_into_disjoint_fields() {
    let usage = |usage: Value| parsed(&json!({ "output": [], "usage": usage })).unwrap().usage;
    let full = json!({
        "input_tokens": 100, "output_tokens": 20, "total_tokens": 120,
        "input_tokens_details": { "cached_tokens": 30, "cache_write_tokens": 10,
            "cache_write_tokens_details": { "ttl_30m_tokens": 6, "ttl_12h_tokens": 4 } },
        "output_tokens_details": { "reasoning_tokens": 15 },
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
    let more =
        usage(json!({ "input_tokens": 10, "output_tokens": 1, "input_tokens_details": { "cached_tokens": 30 } }));
    assert_eq!((more.input, more.cache_read), (0, 30));
    let unsplit =
        json!({ "input_tokens": 10, "output_tokens": 1, "input_tokens_details": { "cache_write_tokens": 4 } });
    assert_eq!((usage(unsplit.clone()).cache_write, usage(unsplit).cache_write_long), (4, 0));
    let absurd =
        json!({ "input_tokens": -5, "output_tokens": 1, "input_tokens_details": null, "output_tokens_details": null });
    assert_eq!(usage(absurd), Usage { output: 1, ..Usage::default() });
    for missing in [json!(null), json!({}), json!({ "input_tokens": 0, "output_tokens": 0 })] {
        assert!(usage(missing).estimated);
    }
}

#[test]
fn answers_that_are_no_replies_are_failures_that_keep_their_usage() {
    let usage = json!({ "input_tokens": 5, "output_tokens": 1 });
    let error = |code: &str| json!({ "code": code, "message": "m" });
    for (body, wanted) in [
        (json!({}), "bad_answer"),
        (json!([]), "bad_answer"),
        (json!("x"), "bad_answer"),
        (json!({ "output": "x", "usage": usage }), "bad_answer"),
        (json!({ "status": "completed", "usage": usage }), "bad_answer"),
        (json!({ "status": "in_progress", "output": [], "usage": usage }), "bad_answer"),
        (json!({ "status": "queued", "output": [] }), "bad_answer"),
        (json!({ "status": "failed", "output": [], "usage": usage }), "provider_fault 500"),
        (
            json!({ "status": "failed", "error": error("server_error"), "output": [], "usage": usage }),
            "provider_fault 500",
        ),
        (json!({ "status": "failed", "error": error("rate_limit_exceeded"), "output": [] }), "rate_limited"),
        (json!({ "status": "failed", "error": error("invalid_prompt"), "output": [] }), "bad_request 400"),
        (json!({ "error": { "code": "credit_balance_exhausted", "type": "insufficient_quota" } }), "provider_money"),
    ] {
        let error = parsed(&body).unwrap_err();
        assert_eq!(kind(&error), wanted, "{body}");
        let wanted = body.get("usage").map(|_| Usage { input: 5, output: 1, ..Usage::default() });
        assert_eq!(error.to_failure().usage, wanted, "{body}");
    }
}
