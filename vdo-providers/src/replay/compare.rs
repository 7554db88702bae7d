//! What sets a request apart from those that were recorded.

use std::fmt;

use serde_json::Value;

/// The order in which the parts of a request are compared: what matters most to a reader comes first.
const PARTS: [&str; 7] = ["model", "system", "messages", "tools", "output", "max_output", "settings"];
/// The most characters shown of a value.
const SHOWN: usize = 120;
/// How many characters before the first difference of two texts are shown.
const BEFORE: usize = 30;
/// The most differences that are counted.
const MOST: usize = 1000;
/// The deepest that values are compared; deeper ones are compared as a whole.
const DEEPEST: usize = 40;

/// The first difference of two requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference {
    /// Where: `messages[2].blocks[0].text`.
    pub(super) path: String,
    /// What was recorded there.
    pub(super) recorded: String,
    /// What was asked now.
    pub(super) asked: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: recorded {}, asked {}", self.path, self.recorded, self.asked)
    }
}

/// Counts the differences of two requests and remembers the first.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    pub(super) count: usize,
    /// How much of them differs, in bytes: tells which request is nearest.
    pub(super) unlike: usize,
    pub(super) first: Option<Difference>,
}

/// Compares two requests.
pub(super) fn compare(recorded: &Value, asked: &Value) -> Comparison {
    let mut comparison = Comparison::default();
    let (Value::Object(left), Value::Object(right)) = (recorded, asked) else {
        comparison.values(&mut String::new(), recorded, asked, 0);
        return comparison;
    };
    let others = left.keys().chain(right.keys()).map(String::as_str).filter(|name| !PARTS.contains(name));
    let mut names: Vec<&str> = PARTS.into_iter().chain(others).collect();
    names.dedup();
    for name in names {
        let (left, right) = (left.get(name).unwrap_or(&Value::Null), right.get(name).unwrap_or(&Value::Null));
        comparison.values(&mut name.to_owned(), left, right, 1);
    }
    comparison
}

impl Comparison {
    fn values(&mut self, path: &mut String, recorded: &Value, asked: &Value, depth: usize) {
        if self.count >= MOST || recorded == asked {
            return;
        }
        let length = path.len();
        match (recorded, asked) {
            (Value::Object(left), Value::Object(right)) if depth < DEEPEST => {
                let more = right.keys().filter(|name| !left.contains_key(*name));
                for name in left.keys().chain(more) {
                    path.push('.');
                    path.push_str(name);
                    let get = |fields: &serde_json::Map<String, Value>| fields.get(name).cloned().unwrap_or_default();
                    self.values(path, &get(left), &get(right), depth + 1);
                    path.truncate(length);
                }
            }
            (Value::Array(left), Value::Array(right)) if depth < DEEPEST => {
                for place in 0..left.len().max(right.len()) {
                    path.push_str(&format!("[{place}]"));
                    let null = Value::Null;
                    let (left, right) = (left.get(place).unwrap_or(&null), right.get(place).unwrap_or(&null));
                    self.values(path, left, right, depth + 1);
                    path.truncate(length);
                }
            }
            (left, right) => {
                self.count += 1;
                self.unlike = self.unlike.saturating_add(unlike(left, right));
                if self.first.is_none() {
                    let (recorded, asked) = shown(left, right);
                    self.first = Some(Difference { path: path.clone(), recorded, asked });
                }
            }
        }
    }
}

/// Returns how many bytes of two values differ; of texts, those between what is the same at both ends.
fn unlike(left: &Value, right: &Value) -> usize {
    let (Value::String(left), Value::String(right)) = (left, right) else {
        return left.to_string().len().max(right.to_string().len());
    };
    let start = left.bytes().zip(right.bytes()).take_while(|(left, right)| left == right).count();
    let most = left.len().min(right.len()) - start;
    let end = left.bytes().rev().zip(right.bytes().rev()).take(most).take_while(|(left, right)| left == right).count();
    (left.len().max(right.len()) - start - end).max(1)
}

/// Returns the beginnings of two values; of texts, what lies around their first difference.
fn shown(left: &Value, right: &Value) -> (String, String) {
    match (left, right) {
        (Value::String(left), Value::String(right)) => {
            let same = left.chars().zip(right.chars()).take_while(|(left, right)| left == right).count();
            let skipped = same.saturating_sub(BEFORE);
            let part = |text: &str| {
                let part: String = text.chars().skip(skipped).take(SHOWN).collect();
                let more = text.chars().count() > skipped.saturating_add(SHOWN);
                let (dots, more) = (if skipped > 0 { "…" } else { "" }, if more { "…" } else { "" });
                format!("{:?}", format!("{dots}{part}{more}"))
            };
            (part(left), part(right))
        }
        (left, right) => (short(left), short(right)),
    }
}

fn short(value: &Value) -> String {
    let text = match value {
        Value::Null => return "nothing".to_owned(),
        other => other.to_string(),
    };
    let mut short: String = text.chars().take(SHOWN).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn first(recorded: Value, asked: Value) -> (usize, String) {
        let comparison = compare(&recorded, &asked);
        (comparison.count, comparison.first.map(|first| first.to_string()).unwrap_or_default())
    }

    #[test]
    fn the_first_difference_is_told_with_its_place() {
        let request = json!({ "model": "m", "system": "s", "messages": [{ "blocks": [{ "text": "one" }] }] });
        let mut other = request.clone();
        assert_eq!(first(request.clone(), other.clone()), (0, String::new()));
        other["messages"][0]["blocks"][0]["text"] = json!("two");
        assert_eq!(
            first(request.clone(), other.clone()),
            (1, "messages[0].blocks[0].text: recorded \"one\", asked \"two\"".to_owned())
        );
        other["model"] = json!("n");
        other["settings"] = json!({ "temperature": 0.5 });
        assert_eq!(first(request.clone(), other), (3, "model: recorded \"m\", asked \"n\"".to_owned()));
        let longer =
            json!({ "model": "m", "system": "s", "messages": [{ "blocks": [{ "text": "one" }, { "text": "x" }] }] });
        assert_eq!(
            first(request, longer),
            (1, "messages[0].blocks[1]: recorded nothing, asked {\"text\":\"x\"}".to_owned())
        );
    }

    #[test]
    fn long_texts_are_shown_around_their_difference() {
        let text = |end: &str| json!({ "system": format!("{}{end}", "x".repeat(5000)) });
        let (count, told) = first(text("old"), text("new"));
        let before = "x".repeat(BEFORE);
        assert_eq!((count, told), (1, format!("system: recorded \"…{before}old\", asked \"…{before}new\"")));
        let (_, told) = first(json!({ "system": "é".repeat(5000) }), json!({ "system": 5 }));
        assert!(told.chars().count() < 300, "{told}");
        let many = |value: u32| json!({ "messages": (0..5000).map(|_| value).collect::<Vec<_>>() });
        assert_eq!(first(many(1), many(2)).0, MOST);
    }
}
