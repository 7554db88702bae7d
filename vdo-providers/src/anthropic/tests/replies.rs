//! What comes back whole.

use super::*;

fn parsed(body: &Value) -> Result<Reply, ProviderError> {
    reply::parse(body.to_string().as_bytes(), &full(), &Redactor::default())
}

fn message(content: Value, reason: &str) -> Reply {
    let usage = json!({ "input_tokens": 1, "output_tokens": 1 });
    parsed(&json!({ "id": "msg_1", "model": "m", "content": content, "stop_reason": reason, "usage": usage })).unwrap()
}

#[test]
fn parts_are_read_in_their_order_and_reasoning_is_kept_whole() {
    let thought = json!({ "type": "thinking", "thinking": "hm", "signature": "sig", "extra": [1] });
    let hidden = json!({ "type": "redacted_thinking", "data": "xyz" });
    let reply = message(
        json!([
            thought, hidden,
            { "type": "text", "text": "Grüße" }, { "type": "server_tool_use", "id": "s", "name": "web", "input": {} },
            { "type": "text", "text": "" },
            { "type": "tool_use", "id": "a", "name": "f", "input": { "x": 1 } },
            { "type": "tool_use", "id": "a", "name": "f" },
            { "type": "tool_use", "name": "f", "input": "{\"y\":2}" },
            { "no": "type" },
        ]),
        "tool_use",
    );
    let call = |id: &str, input: Value| Block::ToolCall(ToolCall { id: id.into(), name: "f".into(), input });
    let kept = |text: &str, data: Value| Block::Reasoning(Reasoning::new("anthropic", text, data));
    assert_eq!(
        reply.blocks,
        [
            kept("hm", thought),
            kept("", hidden),
            Block::text("Grüße"),
            call("a", json!({ "x": 1 })),
            call("call_3_2", json!({})),
            call("call_3_3", json!({ "y": 2 })),
        ]
    );
    assert_eq!((reply.stop, reply.request_id.as_deref(), reply.model.as_str()), (Stop::ToolUse, Some("msg_1"), "m"));
}

#[test]
fn reasoning_goes_back_as_it_came() {
    let content = json!([
        { "type": "thinking", "thinking": "hm", "signature": "sig" },
        { "type": "tool_use", "id": "a", "name": "f", "input": {} },
    ]);
    let reply = message(content.clone(), "tool_use");
    let request = ask(vec![Message::user("u"), said(Role::Assistant, reply.blocks)]);
    let (body, _) = sent(&request, &able(), VERSION, Mode::Whole);
    assert_eq!(body["messages"][1]["content"], content);
}

#[test]
fn replies_end_for_the_reason_they_name() {
    let text = json!([{ "type": "text", "text": "x" }]);
    let call = json!([{ "type": "tool_use", "id": "a", "name": "f", "input": {} }]);
    for (content, reason, stop, warnings) in [
        (&text, "end_turn", Stop::End, 0),
        (&text, "stop_sequence", Stop::End, 0),
        (&text, "max_tokens", Stop::Length, 0),
        (&text, "model_context_window_exceeded", Stop::Length, 0),
        (&text, "refusal", Stop::Refused, 0),
        (&text, "pause_turn", Stop::Length, 1),
        (&text, "of_the_future", Stop::End, 1),
        (&call, "tool_use", Stop::ToolUse, 0),
        (&call, "end_turn", Stop::ToolUse, 0),
        (&call, "max_tokens", Stop::Length, 0),
    ] {
        let reply = message(content.clone(), reason);
        assert_eq!((reply.stop, reply.about.warnings.len()), (stop, warnings), "{reason}");
    }
    let refused = json!({ "content": [], "stop_reason": "refusal", "stop_details": { "category": "cyber" } });
    let refused = parsed(&refused).unwrap();
    assert_eq!((refused.stop, refused.about.warnings), (Stop::Refused, vec!["the model declined: cyber".to_owned()]));
}

#[test]
fn usage_falls_into_disjoint_fields() {
    let usage = |usage: Value| {
        let body = json!({ "content": [{ "type": "text", "text": "x" }], "usage": usage });
        let reply = parsed(&body).unwrap();
        (reply.usage, reply.about.tier)
    };
    let full = json!({
        "input_tokens": 60, "cache_read_input_tokens": 30, "cache_creation_input_tokens": 10,
        "cache_creation": { "ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 4 },
        "output_tokens": 20, "output_tokens_details": { "thinking_tokens": 15 },
        "service_tier": "priority", "server_tool_use": { "web_search_requests": 1 },
    });
    // What the split does not cover was written for the shorter time.
    let split = Usage {
        input: 60,
        cache_read: 30,
        cache_write: 6,
        cache_write_long: 4,
        output: 20,
        reasoning: 15,
        estimated: false,
    };
    assert_eq!(usage(full), (split, ServiceTier::Priority));
    let counted = Usage { input: 6, output: 2, ..Usage::default() };
    for odd in [
        json!({ "input_tokens": 6, "output_tokens": 2, "cache_read_input_tokens": null, "speed": "standard" }),
        json!({ "input_tokens": 6.0, "output_tokens": 1.5, "cache_creation_input_tokens": -5 }),
        json!({ "input_tokens": "6", "output_tokens": 2, "service_tier": "standard", "cache_creation": null }),
    ] {
        assert_eq!(usage(odd.clone()), (counted, ServiceTier::Standard), "{odd}");
    }
    let only_split = usage(json!({ "output_tokens": 1, "cache_creation": { "ephemeral_1h_input_tokens": 7 } })).0;
    assert_eq!((only_split.cache_write, only_split.cache_write_long), (0, 7));
    assert_eq!(usage(json!({ "output_tokens": 1, "speed": "fast", "service_tier": "batch" })).1, ServiceTier::Fast);
    for missing in [json!(null), json!({}), json!({ "input_tokens": 0, "output_tokens": 0 })] {
        let estimate = usage(missing).0;
        assert!(estimate.estimated && estimate.input > 0 && estimate.output > 0, "{estimate:?}");
    }
}

#[test]
fn answers_that_are_no_replies_are_refused() {
    for body in [json!({}), json!([]), json!("x"), json!({ "content": "x" }), json!({ "content": [1] })] {
        assert!(matches!(parsed(&body), Err(ProviderError::BadAnswer { .. })), "{body}");
    }
    let billed = parsed(&json!({ "content": null, "usage": { "input_tokens": 5, "output_tokens": 1 } }));
    assert!(matches!(billed, Err(ProviderError::BadAnswer { usage: Some(Usage { input: 5, output: 1, .. }), .. })));
    let within = parsed(&json!({ "type": "error", "error": { "type": "overloaded_error", "message": "x" } }));
    assert!(matches!(within, Err(ProviderError::Overloaded { .. })));
}
