//! Errors, classified: a row per row of what the vendor documents.

use std::time::Duration;

use serde_json::json;
use vdo_core::port::ProviderError;

use super::errors;
use crate::transport::exchange::Failed;
use crate::transport::redact::Redactor;
use crate::transport::retry_after::Hints;

/// The name of a failure's kind, and its status where it has one.
pub(crate) fn kind(error: &ProviderError) -> String {
    let failure = serde_json::to_value(error.to_failure()).unwrap();
    let kind = failure["kind"].as_str().unwrap().to_owned();
    match error {
        ProviderError::Fault { status, .. } | ProviderError::BadRequest { status, .. } => format!("{kind} {status}"),
        ProviderError::BrokeOff { source, .. } => self::kind(source),
        _ => kind,
    }
}

pub(crate) fn failed(status: u16, hints: Hints, body: &[u8]) -> ProviderError {
    errors::of_answer(&Failed { status, hints, content_type: None, body }, &Redactor::default())
}

#[test]
fn failures_are_classified_by_status_and_code() {
    let none = Hints::default();
    let retry = |should_retry| Hints { should_retry: Some(should_retry), ..none };
    let wait = Hints { retry_after: Some(Duration::from_secs(3)), ..none };
    let code = |code: &str| json!({ "error": { "message": "m", "type": "t", "param": null, "code": code } });
    let typed = |name: &str| json!({ "error": { "message": "m", "type": name, "code": null } });
    let text = |text: &str| json!({ "error": { "message": text, "type": "invalid_request_error" } });
    for (status, body, hints, wanted) in [
        (400, typed("invalid_request_error"), none, "bad_request 400"),
        (400, code("context_length_exceeded"), none, "context_too_long"),
        (400, text("This model's maximum context length is 8192 tokens."), none, "context_too_long"),
        (400, typed("exceed_context_size_error"), none, "context_too_long"),
        (400, code("billing_hard_limit_reached"), none, "provider_money"),
        (400, code("x"), retry(true), "provider_fault 400"),
        (401, code("invalid_api_key"), none, "key_refused"),
        (401, json!({}), none, "key_refused"),
        (402, json!({ "error": { "code": 402, "message": "no credits" } }), none, "provider_money"),
        (402, json!({ "error": { "code": 402, "message": "no credits" } }), wait, "rate_limited"),
        (403, json!({ "error": "forbidden" }), none, "key_refused"),
        (404, code("model_not_found"), none, "bad_request 404"),
        (404, json!({ "detail": "Not Found" }), none, "bad_request 404"),
        (408, json!({}), none, "provider_fault 408"),
        (409, json!({}), none, "provider_fault 409"),
        (409, json!({}), retry(false), "bad_request 409"),
        (413, json!({}), none, "context_too_long"),
        (422, json!({ "detail": [{ "msg": "extra fields" }] }), none, "bad_request 422"),
        (429, code("rate_limit_exceeded"), none, "rate_limited"),
        (429, code("slow_down"), none, "rate_limited"),
        (429, json!("x"), none, "rate_limited"),
        (429, code("insufficient_quota"), none, "provider_money"),
        (429, code("credit_balance_exhausted"), none, "provider_money"),
        (429, code("organization_spend_limit_exceeded"), none, "provider_money"),
        (429, code("project_spend_limit_exceeded"), none, "provider_money"),
        (429, code("organization_usage_limit_exceeded"), none, "provider_money"),
        (429, typed("insufficient_quota"), none, "provider_money"),
        (429, json!({}), retry(false), "provider_money"),
        (500, typed("server_error"), none, "provider_fault 500"),
        (500, typed("server_error"), retry(false), "bad_request 500"),
        (500, code("server_is_overloaded"), none, "overloaded"),
        (500, text("the request exceeds the available context size"), none, "context_too_long"),
        (502, json!({}), none, "provider_fault 502"),
        (503, typed("service_unavailable_error"), none, "overloaded"),
        (503, json!({}), none, "overloaded"),
        (504, json!({}), none, "provider_fault 504"),
        (529, json!({}), none, "overloaded"),
        (307, json!({}), none, "bad_request 307"),
        (418, json!({}), none, "bad_request 418"),
    ] {
        let error = failed(status, hints, body.to_string().as_bytes());
        assert_eq!(kind(&error), wanted, "{status} {body} {hints:?}");
    }
    let limited = failed(429, wait, b"{}");
    assert!(matches!(limited, ProviderError::RateLimited { retry_after: Some(wait), .. } if wait.as_secs() == 3));
}

#[test]
fn failures_within_a_success_are_classified_by_code() {
    for (error, wanted) in [
        (json!({ "code": 402, "message": "m" }), "provider_money"),
        (json!({ "code": "429", "message": "m" }), "rate_limited"),
        (json!({ "code": "rate_limit_exceeded" }), "rate_limited"),
        (json!({ "type": "insufficient_quota" }), "provider_money"),
        (json!({ "code": "server_is_overloaded" }), "overloaded"),
        (json!({ "code": "context_length_exceeded" }), "context_too_long"),
        (json!({ "type": "invalid_request_error" }), "bad_request 400"),
        (json!({ "code": "invalid_api_key" }), "key_refused"),
        (json!("went wrong"), "provider_fault 500"),
        (json!({ "code": 7 }), "provider_fault 500"),
    ] {
        assert_eq!(kind(&errors::within(&error, &Redactor::default())), wanted, "{error}");
    }
}

#[test]
fn the_reason_is_found_in_every_shape() {
    for (body, wanted) in [
        (r#"{"error":{"message":"m"}}"#, "m"),
        (r#"{"error":"m"}"#, "m"),
        (r#"{"error":"Unauthorized","message":"m"}"#, "Unauthorized: m"),
        (r#"{"object":"error","message":"m","code":400}"#, "m"),
        (r#"{"detail":"m"}"#, "m"),
        (r#"[{"error":{"message":"m"}}]"#, "m"),
        ("m\n", "m"),
        ("", "the server gave no reason"),
        ("<html>", "the server answered with an HTML page"),
    ] {
        let error = failed(418, Hints::default(), body.as_bytes());
        assert!(matches!(&error, ProviderError::BadRequest { message, .. } if message == wanted), "{body}: {error}");
    }
}
