//! Whether a JSON Schema is of the kind that a server can hold a model to strictly.
//!
//! Cautious: a schema that uses anything not known to be allowed does not qualify. Sending `strict` with
//! such a schema is an error on the server's side, leaving it out is not.

use serde_json::{Map, Value};

/// Deeper schemas do not qualify.
const DEEPEST: usize = 10;

/// Words that say nothing about the shape and are allowed everywhere.
const NOTES: [&str; 4] = ["description", "title", "$schema", "$comment"];

/// Which of the fields it lists an object has to require.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fields {
    /// Each of them.
    AllRequired,
    /// Some may be left out.
    SomeOptional,
}

/// Returns whether `schema` qualifies: an object whose objects list and require all their fields and allow
/// no others.
pub(crate) fn qualifies(schema: &Value) -> bool {
    is_closed(schema, Fields::AllRequired)
}

/// Returns whether `schema` is an object whose objects list all their fields, and require them as `fields` says.
pub(crate) fn is_closed(schema: &Value, fields: Fields) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("object") && is_strict(schema, fields, 0)
}

fn is_strict(schema: &Value, fields: Fields, depth: usize) -> bool {
    let Value::Object(schema) = schema else { return false };
    if depth > DEEPEST {
        return false;
    }
    if schema.contains_key("$ref") {
        return schema.keys().all(|word| word == "$ref");
    }
    schema.iter().all(|(word, value)| match word.as_str() {
        "type" => is_type(value),
        "properties" | "$defs" | "definitions" => {
            value.as_object().is_some_and(|all| all.values().all(|one| is_strict(one, fields, depth + 1)))
        }
        "items" => is_strict(value, fields, depth + 1),
        "anyOf" => value.as_array().is_some_and(|all| all.iter().all(|one| is_strict(one, fields, depth + 1))),
        "required" | "enum" => value.is_array(),
        "additionalProperties" => value == &Value::Bool(false),
        "const" => true,
        word => NOTES.contains(&word),
    }) && lists_all(schema, fields)
}

fn is_type(value: &Value) -> bool {
    let known = |value: &Value| {
        matches!(value.as_str(), Some("object" | "array" | "string" | "number" | "integer" | "boolean" | "null"))
    };
    known(value) || value.as_array().is_some_and(|all| all.iter().all(known))
}

/// Returns whether an object takes only the fields it lists, and requires those it has to. Other types do.
fn lists_all(schema: &Map<String, Value>, fields: Fields) -> bool {
    let is_object = match schema.get("type") {
        Some(Value::Array(all)) => all.iter().any(|one| one == "object"),
        Some(one) => one == "object",
        None => schema.contains_key("properties"),
    };
    if !is_object {
        return true;
    }
    let listed = schema.get("properties").and_then(Value::as_object);
    let required = schema.get("required").and_then(Value::as_array);
    let count = listed.map_or(0, Map::len);
    let is_listed =
        |name: &Value| name.as_str().is_some_and(|name| listed.is_some_and(|listed| listed.contains_key(name)));
    let are_listed = required.is_none_or(|required| required.iter().all(is_listed));
    let enough = fields == Fields::SomeOptional || required.map_or(0, Vec::len) == count;
    schema.get("additionalProperties") == Some(&Value::Bool(false)) && are_listed && enough
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn closed_objects_of_known_words_qualify() {
        let item = json!({
            "type": "object", "properties": { "a": { "type": ["string", "null"], "description": "d" } },
            "required": ["a"], "additionalProperties": false,
        });
        assert!(qualifies(&item));
        let list = json!({
            "type": "object", "properties": { "all": { "type": "array", "items": { "$ref": "#/$defs/Item" } } },
            "required": ["all"], "additionalProperties": false, "$defs": { "Item": item },
        });
        assert!(qualifies(&list));
        assert!(qualifies(&json!({ "type": "object", "additionalProperties": false })));
    }

    #[test]
    fn fields_may_be_optional_where_a_server_takes_that() {
        let schema = |required: Value| json!({ "type": "object", "properties": { "a": {}, "b": {} }, "required": required, "additionalProperties": false });
        for (required, wanted) in [(json!(["a", "b"]), true), (json!(["a"]), false), (json!([]), false)] {
            assert!(is_closed(&schema(required.clone()), Fields::SomeOptional));
            assert_eq!(qualifies(&schema(required)), wanted);
        }
        assert!(!is_closed(&schema(json!(["c"])), Fields::SomeOptional));
    }

    #[test]
    fn anything_else_does_not() {
        for schema in [
            json!(true),
            json!({ "type": "array", "items": {} }),
            json!({ "type": "object", "properties": { "a": { "type": "string" } }, "required": ["a"] }),
            json!({ "type": "object", "properties": { "a": {} }, "required": [], "additionalProperties": false }),
            json!({ "type": "object", "properties": { "a": { "oneOf": [] } }, "required": ["a"], "additionalProperties": false }),
            json!({ "type": "object", "properties": { "a": { "format": "uint32" } }, "required": ["a"], "additionalProperties": false }),
        ] {
            assert!(!qualifies(&schema), "{schema}");
        }
        let mut deep = json!({ "type": "string" });
        for _ in 0..50 {
            deep = json!({ "type": "array", "items": deep });
        }
        assert!(!is_strict(&deep, Fields::AllRequired, 0));
    }
}
