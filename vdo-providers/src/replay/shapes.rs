//! Keys, taken out of everything that is recorded: those that are named, and what looks like one.

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// What stands where a key stood.
const REDACTED: &str = "[redacted]";
/// Shorter secrets are left alone: to blot them out would only garble texts.
const SHORTEST_SECRET: usize = 6;
/// The beginnings of keys, and how many characters follow at least. What follows has a digit in it.
const SHAPES: [(&str, usize); 9] = [
    ("sk-", 16),
    ("sk_", 16),
    ("AIza", 30),
    ("ghp_", 30),
    ("gho_", 30),
    ("github_pat_", 30),
    ("xoxb-", 20),
    ("AKIA", 16),
    ("ya29.", 20),
];
/// What stands before a token in a header.
const SCHEMES: [&str; 2] = ["Bearer ", "bearer "];
/// The fewest characters of such a token.
const SHORTEST_TOKEN: usize = 8;

/// Takes keys out of texts.
#[derive(Debug, Clone, Default)]
pub(super) struct Redactor {
    secrets: Vec<SecretString>,
}

impl Redactor {
    pub(super) fn new(secrets: impl IntoIterator<Item = SecretString>) -> Self {
        let long = |secret: &SecretString| secret.expose_secret().len() >= SHORTEST_SECRET;
        let mut secrets: Vec<_> = secrets.into_iter().filter(long).collect();
        // The longest first, so that a secret within another leaves nothing of it.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.expose_secret().len()));
        Self { secrets }
    }

    /// Returns the text without keys.
    pub(super) fn clean(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for secret in &self.secrets {
            let secret = secret.expose_secret();
            if clean.contains(secret) {
                clean = clean.replace(secret, REDACTED);
            }
            // As it stands in JSON within a text.
            let quoted = Value::from(secret).to_string();
            let quoted = quoted.trim_matches('"');
            if quoted != secret && clean.contains(quoted) {
                clean = clean.replace(quoted, REDACTED);
            }
        }
        without_shapes(clean)
    }

    /// Takes keys out of every text of a value, names of fields included.
    pub(super) fn clean_value(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.clean(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.clean_value(item)),
            Value::Object(fields) => {
                let old = std::mem::take(fields);
                fields.extend(old.into_iter().map(|(name, mut value)| {
                    self.clean_value(&mut value);
                    (self.clean(&name), value)
                }));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

fn without_shapes(text: String) -> String {
    if !SHAPES.iter().map(|(start, _)| start).chain(&SCHEMES).any(|start| text.contains(start)) {
        return text;
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(first) = rest.chars().next() {
        let in_word = clean.chars().next_back().is_some_and(char::is_alphanumeric);
        if !in_word && let Some((kept, length)) = key_at(rest) {
            clean.push_str(rest.get(..kept).unwrap_or_default());
            clean.push_str(REDACTED);
            rest = rest.get(length..).unwrap_or_default();
        } else {
            clean.push(first);
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        }
    }
    clean
}

/// Returns how much of the text before a key at its start is kept, and where the key ends.
fn key_at(text: &str) -> Option<(usize, usize)> {
    let shape = SHAPES.iter().find_map(|(start, least)| {
        let rest = text.strip_prefix(start)?;
        let length = run(rest, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        let body = rest.get(..length)?;
        (length >= *least && body.bytes().any(|byte| byte.is_ascii_digit())).then_some((0, start.len() + length))
    });
    shape.or_else(|| {
        SCHEMES.iter().find_map(|scheme| {
            let rest = text.strip_prefix(scheme)?;
            let length = run(rest, |byte| byte.is_ascii_alphanumeric() || b"-_.~+/=".contains(&byte));
            (length >= SHORTEST_TOKEN).then_some((scheme.len(), scheme.len() + length))
        })
    })
}

fn run(text: &str, is: impl Fn(u8) -> bool) -> usize {
    text.bytes().position(|byte| !is(byte)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_taken_out_and_words_are_not() {
        let redactor = Redactor::new(["my-own-secret".into(), "quo\"ted\\key".into(), "abc".into()]);
        for (text, wanted) in [
            ("key=my-own-secret!", "key=[redacted]!"),
            ("{\"k\":\"quo\\\"ted\\\\key\"}", "{\"k\":\"[redacted]\"}"),
            ("abc", "abc"),
            ("use sk-proj-Ab3dEf6hIj9kLmNo, now", "use [redacted], now"),
            ("sk-ant-api03-0123456789abcdef", "[redacted]"),
            ("AIzaSyA1234567890abcdefghijklmnopqrstuv é", "[redacted] é"),
            ("Authorization: Bearer eyJhbGciOi.abc=", "Authorization: Bearer [redacted]"),
            ("the bearer of news", "the bearer of news"),
            ("task-runner-0123456789abcdef", "task-runner-0123456789abcdef"),
            ("risk-0123456789abcdef0", "risk-0123456789abcdef0"),
            ("sk-learn-is-a-fine-library", "sk-learn-is-a-fine-library"),
        ] {
            assert_eq!(redactor.clean(text), wanted, "{text}");
        }
        let mut value = json!({ "sk-0123456789abcdef0": ["Bearer 12345678", 5, null, { "a": "my-own-secret" }] });
        redactor.clean_value(&mut value);
        assert_eq!(value, json!({ "[redacted]": ["Bearer [redacted]", 5, null, { "a": "[redacted]" }] }));
        assert!(!format!("{redactor:?}").contains("my-own"));
    }
}
