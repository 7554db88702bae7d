//! Failures, row by row.

use std::time::Duration;

use super::*;
use crate::anthropic::errors;
use crate::transport::exchange::Failed;
use crate::transport::retry_after::Hints;

fn failed(status: u16, hints: Hints, body: &[u8]) -> ProviderError {
    errors::of_answer(&Failed { status, hints, content_type: None, body }, &Redactor::default())
}

fn body(kind: &str, message: &str, code: Option<&str>) -> Value {
    let details = code.map(|code| json!({ "error_code": code }));
    let error = json!({ "type": kind, "message": message, "details": details });
    json!({ "type": "error", "error": error, "request_id": "req_1" })
}

#[test]
fn failures_are_classified_by_status_type_and_code() {
    let none = Hints::default();
    let retry = |should_retry| Hints { should_retry: Some(should_retry), ..none };
    let plain = |kind: &str| body(kind, "m", None);
    let coded = |code: &str| body("rate_limit_error", "m", Some(code));
    let invalid = |message: &str| body("invalid_request_error", message, None);
    let spent = "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.";
    let workspace = "You have reached your specified workspace API usage limits. You will regain access on 2026-12-01.";
    for (status, body, hints, wanted) in [
        (400, plain("invalid_request_error"), none, "bad_request 400"),
        (400, invalid(spent), none, "provider_money"),
        (400, invalid(workspace), none, "provider_money"),
        (400, invalid("Your credit balance is too low to access the API."), none, "provider_money"),
        (400, invalid("prompt is too long: 1000001 tokens > 1000000 maximum"), none, "context_too_long"),
        (400, invalid("input length and `max_tokens` exceed context limit: 3 + 4 > 5"), none, "context_too_long"),
        (400, plain("invalid_request_error"), retry(true), "provider_fault 400"),
        (401, plain("authentication_error"), none, "key_refused"),
        (402, plain("billing_error"), none, "provider_money"),
        (402, json!({}), retry(true), "provider_money"),
        (403, plain("permission_error"), none, "key_refused"),
        (404, plain("not_found_error"), none, "bad_request 404"),
        (408, json!({}), none, "provider_fault 408"),
        (409, plain("conflict_error"), none, "provider_fault 409"),
        (409, plain("conflict_error"), retry(false), "bad_request 409"),
        (413, plain("request_too_large"), none, "context_too_long"),
        (422, json!({}), none, "bad_request 422"),
        (429, plain("rate_limit_error"), none, "rate_limited"),
        (429, json!("x"), none, "rate_limited"),
        (429, coded("enforced_spend_limit_reached"), none, "provider_money"),
        (429, coded("contract_spend_limit_reached"), none, "provider_money"),
        (429, coded("ramp_limit_exceeded"), none, "rate_limited"),
        (429, plain("rate_limit_error"), retry(false), "provider_money"),
        (500, plain("api_error"), none, "provider_fault 500"),
        (500, plain("api_error"), retry(false), "bad_request 500"),
        (500, plain("overloaded_error"), none, "overloaded"),
        (502, json!({}), none, "provider_fault 502"),
        (503, json!({}), none, "overloaded"),
        (504, plain("timeout_error"), none, "provider_fault 504"),
        (529, plain("overloaded_error"), none, "overloaded"),
        (307, json!({}), none, "bad_request 307"),
    ] {
        let error = failed(status, hints, body.to_string().as_bytes());
        assert_eq!(kind(&error), wanted, "{status} {body} {hints:?}");
    }
    let wait = Hints { retry_after: Some(Duration::from_secs(3)), should_retry: None };
    for status in [429, 529] {
        let advice = failed(status, wait, b"{}").to_failure().advice;
        assert_eq!(serde_json::to_value(advice).unwrap(), json!({ "retry_same": { "after_ms": 3000 } }));
    }
}

#[test]
fn failures_within_a_success_are_classified_by_type() {
    for (error, wanted) in [
        (json!({ "type": "overloaded_error", "message": "Overloaded" }), "overloaded"),
        (json!({ "type": "rate_limit_error" }), "rate_limited"),
        (
            json!({ "type": "rate_limit_error", "details": { "error_code": "enforced_spend_limit_reached" } }),
            "provider_money",
        ),
        (json!({ "type": "api_error" }), "provider_fault 500"),
        (json!({ "type": "timeout_error" }), "provider_fault 504"),
        (json!({ "type": "invalid_request_error" }), "bad_request 400"),
        (json!({ "type": "invalid_request_error", "message": "prompt is too long" }), "context_too_long"),
        (json!({ "type": "authentication_error" }), "key_refused"),
        (json!({ "type": "permission_error" }), "key_refused"),
        (json!({ "type": "not_found_error" }), "bad_request 404"),
        (json!({ "type": "billing_error" }), "provider_money"),
        (json!({ "type": "request_too_large" }), "context_too_long"),
        (json!({ "type": "conflict_error" }), "provider_fault 409"),
        (json!({ "type": "of_the_future" }), "provider_fault 500"),
        (json!("went wrong"), "provider_fault 500"),
        (Value::Null, "provider_fault 500"),
    ] {
        assert_eq!(kind(&errors::within(error.clone(), &Redactor::default())), wanted, "{error}");
    }
}

#[test]
fn the_reason_is_found_in_every_shape() {
    for (body, wanted) in [
        (r#"{"type":"error","error":{"type":"x","message":"m"}}"#, "m"),
        (r#"{"error":"m"}"#, "m"),
        (r#"{"message":"m"}"#, "m"),
        ("m\n", "m"),
        ("", "the server gave no reason"),
        ("<html>", "the server answered with an HTML page"),
    ] {
        let error = failed(418, Hints::default(), body.as_bytes());
        assert!(matches!(&error, ProviderError::BadRequest { message, .. } if message == wanted), "{body}: {error}");
    }
}
