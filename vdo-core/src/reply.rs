//! Reading replies: JSON that models wrap in talk and fences.

use serde::de::DeserializeOwned;

use crate::message::{Reply, Stop};

/// The longest reply that is read, in bytes.
pub const MAX_REPLY_BYTES: usize = 4 * 1024 * 1024;

/// Reads the JSON object that a reply consists of or contains: the whole text, else the last fenced block that
/// parses, else the text from the first `{` to the last `}`.
///
/// # Errors
/// A sentence for the model: what is missing or where it does not fit.
pub fn json<T: DeserializeOwned>(reply: &Reply) -> Result<T, String> {
    let text = reply.text();
    if text.len() > MAX_REPLY_BYTES {
        return Err(format!("the reply has {} bytes; at most {MAX_REPLY_BYTES} are read", text.len()));
    }
    let cut = if reply.stop == Stop::Length { "; it was cut off at the token limit, so be shorter" } else { "" };
    let mut first_error = None;
    for candidate in candidates(&text) {
        match serde_json::from_str(candidate) {
            Ok(value) => return Ok(value),
            Err(error) => {
                first_error.get_or_insert(error);
            }
        }
    }
    Err(match first_error {
        Some(error) => format!("the reply is not the JSON object that was asked for: {error}{cut}"),
        None => format!("the reply has no JSON object in it{cut}"),
    })
}

fn candidates(text: &str) -> Vec<&str> {
    let whole = text.trim();
    let mut found = Vec::new();
    if whole.starts_with('{') {
        found.push(whole);
    }
    let fenced: Vec<&str> = text.split("```").skip(1).step_by(2).collect();
    for block in fenced.into_iter().rev() {
        let body = block.split_once('\n').map_or(block, |(info, body)| if info.contains('{') { block } else { body });
        if body.trim_start().starts_with('{') {
            found.push(body.trim());
        }
    }
    if let (Some(from), Some(to)) = (text.find('{'), text.rfind('}'))
        && let Some(inner) = text.get(from..=to)
    {
        found.push(inner);
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json as value};

    use super::*;
    use crate::message::Block;
    use crate::usage::Usage;

    fn read(text: &str) -> Result<Value, String> {
        let reply = Reply {
            blocks: vec![Block::text(text)],
            stop: Stop::End,
            usage: Usage::default(),
            model: String::new(),
            request_id: None,
            about: Default::default(),
        };
        json(&reply)
    }

    #[test]
    fn json_is_found_bare_fenced_and_within_talk() {
        for text in [
            "{\"a\":1}",
            "Sure!\n```json\n{\"a\":1}\n```\nDone.",
            "The plan is {\"a\":1} as you see.",
            "```{\"a\":1}```",
        ] {
            assert_eq!(read(text), Ok(value!({"a": 1})), "{text}");
        }
    }

    #[test]
    fn a_reply_without_usable_json_is_told_so() {
        assert_eq!(read("no"), Err("the reply has no JSON object in it".to_owned()));
        assert!(read("{\"a\":").unwrap_err().contains("EOF"));
    }
}
