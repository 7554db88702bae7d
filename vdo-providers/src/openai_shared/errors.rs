//! Failures as servers state them, classified by a table. Pure.

use serde_json::Value;
use vdo_core::port::ProviderError;

use crate::transport::exchange::Failed;
use crate::transport::redact::{Redactor, is_html};
use crate::transport::retry_after::Hints;

/// Codes and types that say that money or a limit on it is used up. Waiting does not help.
const MONEY: [&str; 9] = [
    "insufficient_quota",
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
    "billing_hard_limit_reached",
    "billing_not_active",
    "insufficient_credits",
    "insufficient_balance",
];
/// Codes and types that say that the rate is limited.
const RATE: [&str; 5] =
    ["rate_limit_exceeded", "rate_limit_error", "slow_down", "rate_limit_reached", "too_many_requests"];
/// Codes and types that say that the server is overloaded.
const OVERLOADED: [&str; 5] = [
    "server_is_overloaded",
    "service_unavailable_error",
    "overloaded_error",
    "engine_overloaded_error",
    "engine_overloaded",
];
/// Codes and types that say that the request is too long.
const TOO_LONG: [&str; 4] =
    ["context_length_exceeded", "exceed_context_size_error", "context_window_exceeded", "string_above_max_length"];
/// Codes and types that say that the key is refused.
const KEY: [&str; 4] = ["invalid_api_key", "authentication_error", "permission_error", "invalid_authentication"];
/// Codes and types that say that the request is at fault.
const REQUEST: [&str; 4] = ["invalid_request_error", "model_not_found", "invalid_prompt", "not_found_error"];
/// How servers without codes say that the request is too long.
const TOO_LONG_TEXTS: [&str; 6] = [
    "maximum context length",
    "context length exceeded",
    "exceeds the available context size",
    "exceeds the context window",
    "exceed context window",
    "prompt is too long",
];

/// What a server said of a failure.
#[derive(Debug, Default)]
struct Said {
    message: String,
    /// Its codes and types.
    names: Vec<String>,
    /// A code that is a number.
    number: Option<u16>,
}

impl Said {
    fn is_any(&self, names: &[&str]) -> bool {
        self.names.iter().any(|name| names.contains(&name.as_str()))
    }

    fn is_too_long(&self) -> bool {
        let lower = self.message.to_lowercase();
        self.is_any(&TOO_LONG) || TOO_LONG_TEXTS.iter().any(|text| lower.contains(text))
    }
}

/// Classifies an answer whose status is not a success.
pub(crate) fn of_answer(failed: &Failed<'_>, redactor: &Redactor) -> ProviderError {
    let Failed { status, hints, content_type, body } = *failed;
    let mut said = read(body);
    said.message = if is_html(content_type, body) {
        "the server answered with an HTML page".to_owned()
    } else if (300..400).contains(&status) {
        "the server answered with a redirect, which is never followed; check the base URL".to_owned()
    } else {
        redactor.clean(&said.message)
    };
    if said.message.is_empty() {
        said.message = "the server gave no reason".to_owned();
    }
    classify(status, said, hints)
}

/// Classifies an error that came within an answer whose status was a success.
pub(crate) fn within(error: &Value, redactor: &Redactor) -> ProviderError {
    let mut said = of_value(error);
    said.message = redactor.clean(&said.message);
    let status = said.number.filter(|number| (400..600).contains(number)).unwrap_or_else(|| {
        if said.is_any(&MONEY) {
            402
        } else if said.is_any(&KEY) {
            401
        } else if said.is_any(&RATE) {
            429
        } else if said.is_any(&OVERLOADED) {
            503
        } else if said.is_any(&REQUEST) || said.is_too_long() {
            400
        } else {
            500
        }
    });
    classify(status, said, Hints::default())
}

/// The table.
fn classify(status: u16, said: Said, hints: Hints) -> ProviderError {
    let too_long = said.is_too_long();
    let money = said.is_any(&MONEY);
    let overloaded = said.is_any(&OVERLOADED);
    let message = said.message;
    let Hints { retry_after, should_retry } = hints;
    match status {
        401 | 403 => ProviderError::KeyRefused { message },
        // Credit that comes back by itself is a limit on the rate.
        402 if retry_after.is_some() => ProviderError::RateLimited { retry_after, message },
        402 => ProviderError::Money { message },
        _ if money => ProviderError::Money { message },
        429 if should_retry == Some(false) => ProviderError::Money { message },
        429 => ProviderError::RateLimited { retry_after, message },
        400 | 413 | 422 if too_long => ProviderError::ContextTooLong { message },
        413 => ProviderError::ContextTooLong { message },
        // The server knows better than the table.
        408 | 409 | 500.. if should_retry == Some(false) => ProviderError::BadRequest { status, message },
        503 | 529 => ProviderError::Overloaded { retry_after, message },
        500.. if overloaded => ProviderError::Overloaded { retry_after, message },
        500.. if too_long => ProviderError::ContextTooLong { message },
        408 | 409 | 500.. => ProviderError::Fault { status, message },
        _ if should_retry == Some(true) => ProviderError::Fault { status, message },
        _ => ProviderError::BadRequest { status, message },
    }
}

/// Reads the body of a failure: JSON of one of the usual shapes, or text.
fn read(body: &[u8]) -> Said {
    match serde_json::from_slice::<Value>(body) {
        Ok(Value::Array(items)) => items.first().map(envelope).unwrap_or_default(),
        Ok(value) => envelope(&value),
        Err(_) => Said { message: String::from_utf8_lossy(body).into_owned(), ..Said::default() },
    }
}

/// Reads `{"error": …}`, `{"detail": …}` or what stands alone.
fn envelope(value: &Value) -> Said {
    let inner = value.get("error").or_else(|| value.get("detail")).filter(|inner| !inner.is_null());
    let mut said = of_value(inner.unwrap_or(value));
    if inner.is_some_and(Value::is_string)
        && let Some(message) = value.get("message").and_then(Value::as_str)
    {
        // `{"error": "Unauthorized", "message": "…"}`
        said.message = format!("{}: {message}", said.message);
    }
    said
}

/// Reads what an error consists of.
fn of_value(error: &Value) -> Said {
    let mut said = Said::default();
    for field in ["code", "type", "status"] {
        match error.get(field) {
            Some(Value::String(name)) => {
                said.number = said.number.or_else(|| name.parse().ok());
                said.names.push(name.to_ascii_lowercase());
            }
            Some(Value::Number(number)) => {
                said.number = said.number.or_else(|| number.as_u64().and_then(|number| u16::try_from(number).ok()));
            }
            _ => {}
        }
    }
    said.message = match error {
        Value::String(text) => text.clone(),
        Value::Object(fields) => match fields.get("message").or_else(|| fields.get("msg")) {
            Some(Value::String(text)) => text.clone(),
            _ => error.to_string(),
        },
        Value::Null => String::new(),
        other => other.to_string(),
    };
    said
}
