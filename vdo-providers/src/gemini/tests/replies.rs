//! What comes back whole.

use super::*;

fn parsed(body: &Value) -> Result<Reply, ProviderError> {
    reply::parse(body.to_string().as_bytes(), &full(), &Redactor::default())
}

fn candidate(parts: Value, reason: &str) -> Value {
    json!({ "content": { "role": "model", "parts": parts }, "finishReason": reason, "index": 0 })
}

fn finished(parts: Value, reason: &str) -> Result<Reply, ProviderError> {
    let usage = json!({ "promptTokenCount": 3, "candidatesTokenCount": 1 });
    parsed(
        &json!({ "candidates": [candidate(parts, reason)], "usageMetadata": usage, "modelVersion": "m", "responseId": "r" }),
    )
}

#[test]
fn parts_are_read_in_their_order_with_their_signatures() {
    let parts = json!([
        { "text": "let me ", "thought": true },
        { "text": "see", "thought": true },
        { "text": "signed", "thought": true, "thoughtSignature": "T" },
        { "text": "Grü" },
        { "text": "ße" },
        { "text": "!", "thoughtSignature": "A" },
        { "text": " more" },
        { "functionCall": { "id": "a", "name": "f", "args": { "x": 1 } }, "thoughtSignature": "B" },
        { "functionCall": { "name": "g" } },
        { "functionCall": { "id": "a", "name": "h", "args": {} } },
        { "inlineData": { "mimeType": "image/png", "data": "" } },
        { "text": "", "thoughtSignature": "C" },
    ]);
    let reply = finished(parts.clone(), "STOP").unwrap();
    let call =
        |id: &str, name: &str, input: Value| Block::ToolCall(ToolCall { id: id.into(), name: name.into(), input });
    assert_eq!(
        reply.blocks,
        [
            kept("let me see", Value::Null),
            kept("signed", json!({ "thoughtSignature": "T", "thought": true })),
            Block::text("Grüße"),
            signed("A"),
            Block::text("!"),
            Block::text(" more"),
            signed("B"),
            call("a", "f", json!({ "x": 1 })),
            call("call_3_2", "g", json!({})),
            call("call_3_3", "h", json!({})),
            signed("C"),
        ]
    );
    assert_eq!((reply.text().as_str(), reply.stop), ("Grüße! more", Stop::ToolUse));
    assert_eq!((reply.model.as_str(), reply.request_id.as_deref()), ("m", Some("r")));
    // Everything that is signed goes back as it came.
    let back = ask(vec![Message::user("u"), said(Role::Assistant, reply.blocks)]);
    let parts = sent(&back, &able()).0["contents"][1]["parts"].clone();
    let signatures: Vec<_> = parts.as_array().unwrap().iter().filter_map(|part| part.get("thoughtSignature")).collect();
    assert_eq!(signatures, ["T", "A", "B", "C"]);
}

#[test]
fn replies_end_for_the_reason_they_name() {
    let text = json!([{ "text": "x" }]);
    let call = json!([{ "functionCall": { "name": "f" } }]);
    for (parts, reason, stop, warnings) in [
        (&text, "STOP", Stop::End, 0),
        (&text, "", Stop::End, 0),
        (&call, "STOP", Stop::ToolUse, 0),
        (&call, "FUNCTION_CALL", Stop::ToolUse, 0),
        (&text, "MAX_TOKENS", Stop::Length, 0),
        (&call, "MAX_TOKENS", Stop::Length, 0),
        (&text, "CONTINUATION", Stop::Length, 1),
        (&text, "SAFETY", Stop::Refused, 1),
        (&text, "RECITATION", Stop::Refused, 1),
        (&text, "LANGUAGE", Stop::Refused, 1),
        (&text, "BLOCKLIST", Stop::Refused, 1),
        (&text, "PROHIBITED_CONTENT", Stop::Refused, 1),
        (&text, "SPII", Stop::Refused, 1),
        (&text, "ESCALATION", Stop::Refused, 1),
        (&text, "PUP_LIMITED_DISABLED", Stop::Refused, 1),
        (&text, "IMAGE_SAFETY", Stop::Refused, 1),
        (&text, "NO_IMAGE", Stop::Refused, 1),
        (&text, "OTHER", Stop::Refused, 1),
        (&text, "OF_THE_FUTURE", Stop::End, 1),
    ] {
        let reply = finished(parts.clone(), reason).unwrap();
        assert_eq!((reply.stop, reply.about.warnings.len()), (stop, warnings), "{reason}");
    }
    for reason in [
        "MALFORMED_FUNCTION_CALL",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "MALFORMED_RESPONSE",
        "MISSING_THOUGHT_SIGNATURE",
    ] {
        let usage = Usage { input: 3, output: 1, ..Usage::default() };
        match finished(json!([]), reason) {
            Err(ProviderError::BadAnswer { usage: Some(found), message }) => {
                assert_eq!(found, usage);
                assert!(message.contains(reason), "{message}");
            }
            other => panic!("{reason}: {other:?}"),
        }
    }
}

#[test]
fn a_request_that_is_blocked_is_refused_and_counted() {
    let body = json!({ "promptFeedback": { "blockReason": "SAFETY" }, "usageMetadata": { "promptTokenCount": 9 } });
    let reply = parsed(&body).unwrap();
    assert_eq!((reply.stop, reply.blocks.len(), reply.usage.input), (Stop::Refused, 0, 9));
    assert_eq!(reply.about.warnings, ["the request was blocked: SAFETY"]);
}

#[test]
fn usage_falls_into_disjoint_fields() {
    let usage = |usage: Value| {
        let body = json!({ "candidates": [candidate(json!([{ "text": "x" }]), "STOP")], "usageMetadata": usage });
        let reply = parsed(&body).unwrap();
        (reply.usage, reply.about.tier)
    };
    let full = json!({
        "promptTokenCount": 100, "cachedContentTokenCount": 30, "toolUsePromptTokenCount": 5,
        "candidatesTokenCount": 20, "thoughtsTokenCount": 15, "totalTokenCount": 140, "serviceTier": "STANDARD",
    });
    let split = Usage { input: 75, cache_read: 30, output: 35, reasoning: 15, ..Usage::default() };
    assert_eq!(usage(full), (split, ServiceTier::Standard));
    // The tier is the one asked for, unless another is named.
    let counted = Usage { input: 6, output: 2, ..Usage::default() };
    for odd in [
        json!({ "promptTokenCount": 6, "candidatesTokenCount": 2 }),
        json!({ "promptTokenCount": 6, "totalTokenCount": 8 }),
        json!({ "promptTokenCount": "6", "candidatesTokenCount": 2.0, "cachedContentTokenCount": -9, "serviceTier": "?" }),
    ] {
        assert_eq!(usage(odd.clone()), (counted, ServiceTier::Flex), "{odd}");
    }
    let more_cached =
        usage(json!({ "promptTokenCount": 1, "cachedContentTokenCount": 3, "candidatesTokenCount": 1 })).0;
    assert_eq!((more_cached.input, more_cached.cache_read), (0, 3));
    for missing in [json!(null), json!({}), json!({ "promptTokenCount": 0, "candidatesTokenCount": 0 })] {
        let estimate = usage(missing).0;
        assert!(estimate.estimated && estimate.input > 0 && estimate.output > 0, "{estimate:?}");
    }
}

#[test]
fn answers_that_are_no_replies_are_refused_and_lists_are_read() {
    for body in [json!({}), json!([]), json!("x"), json!({ "candidates": [] }), json!({ "candidates": "x" })] {
        assert!(matches!(parsed(&body), Err(ProviderError::BadAnswer { .. })), "{body}");
    }
    let billed = parsed(&json!({ "candidates": [], "usageMetadata": { "promptTokenCount": 5 } }));
    assert!(matches!(billed, Err(ProviderError::BadAnswer { usage: Some(Usage { input: 5, output: 0, .. }), .. })));
    let within = json!({ "error": { "code": 503, "message": "x" } });
    assert!(matches!(parsed(&within), Err(ProviderError::Overloaded { .. })));
    assert!(matches!(parsed(&json!([within])), Err(ProviderError::Overloaded { .. })));
    let list = json!([
        { "candidates": [{ "content": { "parts": [{ "text": "a" }] } }] },
        { "candidates": [candidate(json!([{ "text": "b" }]), "STOP")] },
    ]);
    assert_eq!(parsed(&list).unwrap().text(), "ab");
}
