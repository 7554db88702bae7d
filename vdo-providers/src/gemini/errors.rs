//! Failures as Google states them, classified by a table. Pure.

use std::time::Duration;

use serde_json::Value;
use vdo_core::port::ProviderError;

use crate::transport::exchange::Failed;
use crate::transport::limits::seconds;
use crate::transport::redact::Redactor;
use crate::transport::retry_after::Hints;
use crate::transport::said::Said;

/// How a limit on money says so. Every quota, of a minute too, tells people to check their "billing details".
const MONEY_TEXTS: [&str; 5] = ["spend cap", "spending cap", "spending limit", "prepay", "prepaid"];
/// How the server says that an account has to be paid for first.
const BILLING_TEXTS: [&str; 2] = ["enable billing", "billing account"];
/// How the server says that the request is too long.
const TOO_LONG_TEXTS: [&str; 3] =
    ["input token count", "exceeds the maximum number of tokens", "input context is too long"];
/// How the server says that it does not know the key, which it calls a malformed request.
const KEY_TEXTS: [&str; 2] = ["api key not valid", "api key expired"];

/// Classifies an answer whose status is not a success.
pub(super) fn of_answer(failed: &Failed<'_>, redactor: &Redactor) -> ProviderError {
    let said = Said::of(failed.body);
    let message = said.shown_of(failed, redactor);
    classify(failed.status, &said, failed.hints, message)
}

/// Classifies an error that came within an answer whose status was a success.
pub(super) fn within(error: Value, redactor: &Redactor) -> ProviderError {
    let said = Said::of_value(error);
    let code = said.error.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
    let status = code.filter(|code| (400..600).contains(code)).unwrap_or_else(|| match said.text("status") {
        "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE" => 400,
        "UNAUTHENTICATED" => 401,
        "PERMISSION_DENIED" => 403,
        "NOT_FOUND" => 404,
        "ABORTED" => 409,
        "RESOURCE_EXHAUSTED" => 429,
        "UNAVAILABLE" => 503,
        "DEADLINE_EXCEEDED" => 504,
        _ => 500,
    });
    classify(status, &said, Hints::default(), said.shown(redactor))
}

/// The table.
fn classify(status: u16, said: &Said, hints: Hints, message: String) -> ProviderError {
    let kind = said.text("status");
    let should_retry = hints.should_retry;
    let retry_after = retry_delay(said).or(hints.retry_after);
    match status {
        400 if has_reason(said, &["API_KEY_INVALID", "API_KEY_EXPIRED"]) || said.mentions(&KEY_TEXTS) => {
            ProviderError::KeyRefused { message }
        }
        401 | 403 => ProviderError::KeyRefused { message },
        402 => ProviderError::Money { message },
        400 if kind == "FAILED_PRECONDITION" && said.mentions(&BILLING_TEXTS) => ProviderError::Money { message },
        400 | 413 if said.mentions(&TOO_LONG_TEXTS) => ProviderError::ContextTooLong { message },
        413 => ProviderError::ContextTooLong { message },
        429 if is_used_up(said) || should_retry == Some(false) => ProviderError::Money { message },
        429 => ProviderError::RateLimited { retry_after, message },
        // The server knows better than the table.
        408 | 409 | 500.. if should_retry == Some(false) => ProviderError::BadRequest { status, message },
        503 | 529 => ProviderError::Overloaded { retry_after, message },
        408 | 409 | 500.. => ProviderError::Fault { status, message },
        _ if should_retry == Some(true) => ProviderError::Fault { status, message },
        _ => ProviderError::BadRequest { status, message },
    }
}

/// Returns the details of an error; few are looked at.
fn details(said: &Said) -> impl Iterator<Item = &Value> {
    said.error.get("details").and_then(Value::as_array).into_iter().flatten().take(32)
}

fn has_reason(said: &Said, reasons: &[&str]) -> bool {
    details(said).any(|one| one.get("reason").and_then(Value::as_str).is_some_and(|reason| reasons.contains(&reason)))
}

/// Returns the wait that is asked for.
fn retry_delay(said: &Said) -> Option<Duration> {
    let delay = details(said).find_map(|one| one.get("retryDelay"))?.as_str()?;
    seconds(delay.strip_suffix('s')?, 1.0)
}

/// Returns whether a quota is used up for long: one of a day, one that was never granted, or one of money. The wait
/// that may be named beside it would only lead to the same answer.
fn is_used_up(said: &Said) -> bool {
    let violations = details(said).filter_map(|one| one.get("violations")?.as_array()).flatten().take(32);
    let mut used_up = violations.map(|violation| {
        let text = |name: &str| violation.get(name).and_then(Value::as_str).unwrap_or_default();
        text("quotaId").contains("PerDay") || text("quotaValue") == "0"
    });
    used_up.any(|is| is) || said.mentions(&MONEY_TEXTS)
}
