//! Failures, row by row.

use std::time::Duration;

use super::*;
use crate::gemini::errors;
use crate::transport::exchange::Failed;
use crate::transport::retry_after::Hints;

fn failed(status: u16, hints: Hints, body: &[u8]) -> ProviderError {
    errors::of_answer(&Failed { status, hints, content_type: None, body }, &Redactor::default())
}

fn error(code: u16, status: &str, message: &str, details: Value) -> Value {
    json!({ "error": { "code": code, "message": message, "status": status, "details": details } })
}

fn quota(id: &str, value: &str) -> Value {
    let violation = json!({ "quotaMetric": "generate_requests", "quotaId": id, "quotaValue": value });
    json!([
        { "@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation] },
        { "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "22s" },
    ])
}

#[test]
fn failures_are_classified_by_status_and_details() {
    let none = Hints::default();
    let retry = |should_retry| Hints { should_retry: Some(should_retry), ..none };
    let plain = |code: u16, status: &str| error(code, status, "m", json!([]));
    let invalid = |message: &str| error(400, "INVALID_ARGUMENT", message, json!([]));
    let exhausted = |message: &str| error(429, "RESOURCE_EXHAUSTED", message, json!([]));
    let limited = |id: &str, value: &str| {
        error(
            429,
            "RESOURCE_EXHAUSTED",
            "You exceeded your current quota, please check your plan and billing details.",
            quota(id, value),
        )
    };
    let bad_key = error(400, "INVALID_ARGUMENT", "m", json!([{ "reason": "API_KEY_INVALID" }]));
    for (status, body, hints, wanted) in [
        (400, plain(400, "INVALID_ARGUMENT"), none, "bad_request 400"),
        (400, bad_key, none, "key_refused"),
        (400, invalid("API key not valid. Please pass a valid API key."), none, "key_refused"),
        (400, plain(400, "FAILED_PRECONDITION"), none, "bad_request 400"),
        (
            400,
            error(400, "FAILED_PRECONDITION", "Please enable billing on your project.", json!([])),
            none,
            "provider_money",
        ),
        (
            400,
            invalid("The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."),
            none,
            "context_too_long",
        ),
        (400, plain(400, "INVALID_ARGUMENT"), retry(true), "provider_fault 400"),
        (401, plain(401, "UNAUTHENTICATED"), none, "key_refused"),
        (402, plain(402, "RESOURCE_EXHAUSTED"), none, "provider_money"),
        (403, plain(403, "PERMISSION_DENIED"), none, "key_refused"),
        (404, plain(404, "NOT_FOUND"), none, "bad_request 404"),
        (413, json!({}), none, "context_too_long"),
        (429, plain(429, "RESOURCE_EXHAUSTED"), none, "rate_limited"),
        (429, limited("GenerateRequestsPerMinutePerProjectPerModel", "60"), none, "rate_limited"),
        (429, limited("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "50"), none, "provider_money"),
        (429, limited("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "0"), none, "provider_money"),
        (429, exhausted("Your project has exceeded its monthly spending cap."), none, "provider_money"),
        (429, exhausted("Your prepaid credits are used up."), none, "provider_money"),
        (429, plain(429, "RESOURCE_EXHAUSTED"), retry(false), "provider_money"),
        (429, json!("x"), none, "rate_limited"),
        (429, json!({ "error": { "details": [1, { "violations": "x" }, { "retryDelay": 5 }] } }), none, "rate_limited"),
        (500, plain(500, "INTERNAL"), none, "provider_fault 500"),
        (500, plain(500, "INTERNAL"), retry(false), "bad_request 500"),
        (503, plain(503, "UNAVAILABLE"), none, "overloaded"),
        (504, plain(504, "DEADLINE_EXCEEDED"), none, "provider_fault 504"),
        (307, json!({}), none, "bad_request 307"),
    ] {
        let found = failed(status, hints, body.to_string().as_bytes());
        assert_eq!(kind(&found), wanted, "{status} {body}");
        // Streams may wrap it into a list.
        let found = failed(status, hints, json!([body]).to_string().as_bytes());
        assert_eq!(kind(&found), wanted, "{status} [{body}]");
    }
}

#[test]
fn the_wait_is_the_one_that_is_named() {
    let wait = |details: Value, hints: Hints| {
        let body = error(429, "RESOURCE_EXHAUSTED", "m", details).to_string();
        match failed(429, hints, body.as_bytes()) {
            ProviderError::RateLimited { retry_after, .. } => retry_after.map(|wait| wait.as_millis()),
            other => panic!("{other:?}"),
        }
    };
    let header = Hints { retry_after: Some(Duration::from_secs(3)), should_retry: None };
    assert_eq!(wait(quota("PerMinute", "1"), header), Some(22_000));
    assert_eq!(wait(json!([{ "retryDelay": "1.5s" }]), Hints::default()), Some(1500));
    assert_eq!(wait(json!([]), header), Some(3000));
    for odd in ["-1s", "soon", "9e99s", "s", "5", ""] {
        assert_eq!(wait(json!([{ "retryDelay": odd }]), Hints::default()), None, "{odd}");
    }
}

#[test]
fn failures_within_a_success_are_classified_by_code_or_status() {
    for (error, wanted) in [
        (json!({ "code": 503, "message": "The model is overloaded." }), "overloaded"),
        (json!({ "code": 429, "status": "RESOURCE_EXHAUSTED" }), "rate_limited"),
        (json!({ "status": "RESOURCE_EXHAUSTED", "details": quota("PerDay", "1") }), "provider_money"),
        (json!({ "status": "UNAVAILABLE" }), "overloaded"),
        (json!({ "status": "INVALID_ARGUMENT" }), "bad_request 400"),
        (json!({ "status": "PERMISSION_DENIED" }), "key_refused"),
        (json!({ "status": "DEADLINE_EXCEEDED" }), "provider_fault 504"),
        (json!({ "code": 7 }), "provider_fault 500"),
        (json!("went wrong"), "provider_fault 500"),
    ] {
        assert_eq!(kind(&errors::within(error.clone(), &Redactor::default())), wanted, "{error}");
    }
}
