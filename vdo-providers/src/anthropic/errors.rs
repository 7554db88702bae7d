//! Failures as Anthropic states them, classified by a table. Pure.

use serde_json::Value;
use vdo_core::port::ProviderError;

use crate::transport::exchange::Failed;
use crate::transport::redact::Redactor;
use crate::transport::retry_after::Hints;
use crate::transport::said::Said;

/// Codes that say that money or a limit on it is used up. Waiting does not help.
const MONEY: [&str; 2] = ["enforced_spend_limit_reached", "contract_spend_limit_reached"];
/// How a limit on money says so where it has no code.
const MONEY_TEXTS: [&str; 3] = [
    "you have reached your specified api usage limits",
    "you have reached your specified workspace api usage limits",
    "your credit balance is too low",
];
/// How the server says that the request is too long.
const TOO_LONG_TEXTS: [&str; 3] = ["prompt is too long", "exceed context limit", "exceeds the context window"];

/// Classifies an answer whose status is not a success.
pub(super) fn of_answer(failed: &Failed<'_>, redactor: &Redactor) -> ProviderError {
    let said = Said::of(failed.body);
    let message = said.shown_of(failed, redactor);
    classify(failed.status, &said, failed.hints, message)
}

/// Classifies an error that came within an answer whose status was a success.
pub(super) fn within(error: Value, redactor: &Redactor) -> ProviderError {
    let said = Said::of_value(error);
    let status = match said.text("type") {
        "invalid_request_error" => 400,
        "authentication_error" => 401,
        "billing_error" => 402,
        "permission_error" => 403,
        "not_found_error" => 404,
        "conflict_error" => 409,
        "request_too_large" => 413,
        "rate_limit_error" => 429,
        "timeout_error" => 504,
        "overloaded_error" => 529,
        _ => 500,
    };
    classify(status, &said, Hints::default(), said.shown(redactor))
}

/// The table.
fn classify(status: u16, said: &Said, hints: Hints, message: String) -> ProviderError {
    let kind = said.text("type");
    let code = said.text("details/error_code");
    let Hints { retry_after, should_retry } = hints;
    match status {
        401 | 403 => ProviderError::KeyRefused { message },
        402 => ProviderError::Money { message },
        _ if kind == "billing_error" || MONEY.contains(&code) => ProviderError::Money { message },
        400 if said.mentions(&MONEY_TEXTS) => ProviderError::Money { message },
        400 | 413 if said.mentions(&TOO_LONG_TEXTS) => ProviderError::ContextTooLong { message },
        413 => ProviderError::ContextTooLong { message },
        // A limit that says that trying again is no use is not one on the rate.
        429 if should_retry == Some(false) => ProviderError::Money { message },
        429 => ProviderError::RateLimited { retry_after, message },
        // The server knows better than the table.
        408 | 409 | 500.. if should_retry == Some(false) => ProviderError::BadRequest { status, message },
        503 | 529 => ProviderError::Overloaded { retry_after, message },
        500.. if kind == "overloaded_error" => ProviderError::Overloaded { retry_after, message },
        408 | 409 | 500.. => ProviderError::Fault { status, message },
        _ if should_retry == Some(true) => ProviderError::Fault { status, message },
        _ => ProviderError::BadRequest { status, message },
    }
}
