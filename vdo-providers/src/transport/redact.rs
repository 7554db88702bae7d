//! Text from the other side, made fit to be shown: short, printable, without secrets.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

/// The most characters of a message.
pub(crate) const MESSAGE: usize = 500;
/// Shorter secrets are left alone: to blot them out would only garble messages.
const SHORTEST_SECRET: usize = 8;

/// Blots secrets out of texts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Redactor {
    secrets: Arc<[SecretString]>,
}

impl Redactor {
    /// Returns a redactor for these secrets.
    pub(crate) fn new(secrets: impl IntoIterator<Item = SecretString>) -> Self {
        let mut secrets: Vec<_> =
            secrets.into_iter().filter(|secret| secret.expose_secret().len() >= SHORTEST_SECRET).collect();
        // The longest first, so that a secret within another leaves nothing of it.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.expose_secret().len()));
        Self { secrets: secrets.into() }
    }

    /// Returns the text as one that can be shown: secrets blotted out, control characters escaped, cut to
    /// [`MESSAGE`] characters.
    pub(crate) fn clean(&self, text: &str) -> String {
        let text = text.trim();
        let mut kept = text.to_owned();
        for secret in self.secrets.iter() {
            let secret = secret.expose_secret();
            if kept.contains(secret) {
                kept = kept.replace(secret, "[redacted]");
            }
            // As it looks within a JSON string that was not parsed.
            let quoted = serde_json::Value::from(secret).to_string();
            let quoted = quoted.trim_matches('"');
            if quoted != secret && !quoted.is_empty() && kept.contains(quoted) {
                kept = kept.replace(quoted, "[redacted]");
            }
        }
        let mut clean = String::with_capacity(kept.len().min(MESSAGE));
        for (count, character) in kept.chars().enumerate() {
            if count >= MESSAGE {
                clean.push('…');
                break;
            }
            if character.is_control() || is_invisible(character) {
                clean.extend(character.escape_default());
            } else {
                clean.push(character);
            }
        }
        clean
    }

    /// As [`Redactor::clean`], for bytes that may be anything.
    pub(crate) fn clean_bytes(&self, bytes: &[u8]) -> String {
        // Redacting comes before cutting, or half a secret at the cut would stay.
        self.clean(&String::from_utf8_lossy(bytes.get(..64 * 1024).unwrap_or(bytes)))
    }
}

/// Marks that turn the direction of a line or hide in it.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Returns whether an answer is a page for people.
pub(crate) fn is_html(content_type: Option<&str>, body: &[u8]) -> bool {
    let declared = content_type.is_some_and(|kind| {
        kind.get(..9).is_some_and(|start| start.eq_ignore_ascii_case("text/html"))
            || kind.get(..21).is_some_and(|start| start.eq_ignore_ascii_case("application/xhtml+xml"))
    });
    let body = body.trim_ascii_start();
    let starts = |mark: &[u8]| body.get(..mark.len()).is_some_and(|start| start.eq_ignore_ascii_case(mark));
    declared || starts(b"<!doctype html") || starts(b"<html")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_short_printable_and_without_secrets() {
        let redactor =
            Redactor::new(["sk-secret-1".into(), "sk-secret-12".into(), "no".into(), "quo\"ted\\key".into()]);
        assert_eq!(redactor.clean("bad key sk-secret-12, no"), "bad key [redacted], no");
        assert_eq!(redactor.clean(r#"{"key":"quo\"ted\\key"}"#), r#"{"key":"[redacted]"}"#);
        assert_eq!(redactor.clean("a\u{1b}[31m\nb\u{202e}"), "a\\u{1b}[31m\\nb\\u{202e}");
        let long = redactor.clean(&"x".repeat(5000));
        assert_eq!((long.chars().count(), long.ends_with('…')), (MESSAGE + 1, true));
        let cut = redactor.clean(&format!("{}sk-secret-12", "x".repeat(MESSAGE - 4)));
        assert!(!cut.contains("sk-"), "{cut}");
        assert!(!format!("{redactor:?}").contains("sk-secret"));
    }

    #[test]
    fn pages_for_people_are_recognised() {
        assert!(is_html(Some("text/HTML; charset=utf-8"), b"x"));
        assert!(is_html(None, b"\n <!DOCTYPE html><p>"));
        assert!(!is_html(Some("application/json"), b"{}"));
        assert!(!is_html(Some("é"), b""));
    }
}
