//! What a server said of a failure, in words fit to be shown. Pure.

use serde_json::Value;

use super::exchange::Failed;
use super::redact::{Redactor, is_html};

/// What a server said of a failure.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// What stands under `error`, or what stands alone.
    pub(crate) error: Value,
    /// Its words, as they came.
    pub(crate) message: String,
}

impl Said {
    /// Reads the body of a failure: `{"error": …}`, alone or as the first of a list, or text.
    pub(crate) fn of(body: &[u8]) -> Self {
        match serde_json::from_slice::<Value>(body) {
            Ok(Value::Array(items)) => items.into_iter().next().map(Self::of_value).unwrap_or_default(),
            Ok(value) => Self::of_value(value),
            Err(_) => Self { error: Value::Null, message: String::from_utf8_lossy(body).into_owned() },
        }
    }

    /// Reads an answer that is an error, or an error itself.
    pub(crate) fn of_value(mut value: Value) -> Self {
        let name = ["error", "detail"].into_iter().find(|name| value.get(name).is_some_and(|inner| !inner.is_null()));
        let inner = name.and_then(|name| value.get_mut(name)).map(Value::take);
        let error = inner.unwrap_or(value);
        let message = match &error {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => match other.get("message") {
                Some(Value::String(text)) => text.clone(),
                _ => other.to_string(),
            },
        };
        Self { error, message }
    }

    /// Returns a text of the error, by its path of names joined by `/`; empty if there is none.
    pub(crate) fn text(&self, path: &str) -> &str {
        let found = path.split('/').try_fold(&self.error, |value, name| value.get(name));
        found.and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns whether the words, in lower case, contain any of these.
    pub(crate) fn mentions(&self, texts: &[&str]) -> bool {
        let lower = self.message.to_lowercase();
        texts.iter().any(|text| lower.contains(text))
    }

    /// Returns the words as they can be shown.
    pub(crate) fn shown(&self, redactor: &Redactor) -> String {
        let message = redactor.clean(&self.message);
        if message.is_empty() { "the server gave no reason".to_owned() } else { message }
    }

    /// Returns the words of a whole answer as they can be shown.
    pub(crate) fn shown_of(&self, failed: &Failed<'_>, redactor: &Redactor) -> String {
        if is_html(failed.content_type, failed.body) {
            "the server answered with an HTML page".to_owned()
        } else if (300..400).contains(&failed.status) {
            "the server answered with a redirect, which is never followed; check the base URL".to_owned()
        } else {
            self.shown(redactor)
        }
    }
}
