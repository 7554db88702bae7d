//! Tool calls as the wire formats carry them: ids that every provider takes, arguments as JSON. Pure.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::{Map, Value, json};

/// The longest id that every provider takes.
const LONGEST_ID: usize = 64;

/// Returns an id that every provider takes, the same for the same id: a conversation may have begun elsewhere.
pub(crate) fn portable_id(id: &str) -> Cow<'_, str> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(fits) {
        return Cow::Borrowed(id);
    }
    let kept = id.bytes().filter(|byte| fits(*byte)).take(32).map(char::from);
    // FNV-1a tells ids apart that differ in what does not fit.
    let hash = id
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    Cow::Owned(format!("{}_{hash:016x}", kept.collect::<String>()))
}

/// Returns the arguments of a call as an object, for protocols that take nothing else.
pub(crate) fn as_object(input: &Value) -> Cow<'_, Value> {
    match input {
        Value::Object(_) => Cow::Borrowed(input),
        Value::Null => Cow::Owned(Value::Object(Map::new())),
        Value::String(text) => match serde_json::from_str(text) {
            Ok(object @ Value::Object(_)) => Cow::Owned(object),
            _ => Cow::Owned(json!({ "invalid_json": text })),
        },
        other => Cow::Owned(json!({ "value": other })),
    }
}

/// Returns arguments that came as text as JSON, or as the text they are if they are not JSON.
pub(crate) fn arguments(text: String) -> Value {
    if text.trim().is_empty() {
        return Value::Object(Map::new());
    }
    match serde_json::from_str::<Value>(&text) {
        // Some models quote their arguments twice.
        Ok(Value::String(inner)) => match serde_json::from_str::<Value>(&inner) {
            Ok(object @ Value::Object(_)) => object,
            _ => Value::String(inner),
        },
        Ok(value) => value,
        Err(_) => Value::String(text),
    }
}

/// Gives ids to calls that have none, or one that was used before.
#[derive(Debug)]
pub(crate) struct Ids {
    messages: usize,
    calls: usize,
    seen: HashSet<String>,
}

impl Ids {
    /// Returns ids for the reply to a conversation of so many messages: it only grows, so that its length makes
    /// an id unique in it.
    pub(crate) fn new(messages: usize) -> Self {
        Self { messages, calls: 0, seen: HashSet::new() }
    }

    /// Returns the id of the next call.
    pub(crate) fn next(&mut self, id: String) -> String {
        self.calls += 1;
        let unique = !id.is_empty() && !self.seen.contains(&id);
        let id = if unique { id } else { format!("call_{}_{}", self.messages, self.calls) };
        self.seen.insert(id.clone());
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_from_elsewhere_are_made_portable_and_stay_apart() {
        assert_eq!(portable_id("toolu_01-A"), "toolu_01-A");
        let odd = ["", "a.b", "a:b", "call|1", "é"].map(|id| portable_id(id).into_owned());
        let long = portable_id(&"x".repeat(65)).into_owned();
        let all: HashSet<&String> = odd.iter().chain([&long]).collect();
        assert_eq!(all.len(), 6);
        assert!(all.iter().all(|id| portable_id(id) == ***id), "{all:?}");
        assert_eq!(portable_id("a.b"), portable_id("a.b"));
    }

    #[test]
    fn arguments_become_objects() {
        assert_eq!(*as_object(&json!({ "a": 1 })), json!({ "a": 1 }));
        assert_eq!(*as_object(&json!("{\"a\":1}")), json!({ "a": 1 }));
        assert_eq!(*as_object(&json!("{broken")), json!({ "invalid_json": "{broken" }));
        assert_eq!(*as_object(&json!([1])), json!({ "value": [1] }));
        assert_eq!(*as_object(&Value::Null), json!({}));
        assert_eq!(arguments(String::new()), json!({}));
        assert_eq!(arguments("\"{\\\"a\\\":1}\"".to_owned()), json!({ "a": 1 }));
        assert_eq!(arguments("{broken".to_owned()), json!("{broken"));
    }

    #[test]
    fn every_call_gets_an_id_of_its_own() {
        let mut ids = Ids::new(3);
        let given = ["a", "", "a", "b"].map(|id| ids.next(id.to_owned()));
        assert_eq!(given, ["a", "call_3_2", "call_3_3", "b"]);
    }
}
