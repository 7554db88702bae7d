//! Reading a row field by field, so that every fault names its place.

use serde_json::{Map, Value};

use super::day::Day;
use crate::money::PicoUsdPerToken;

/// The deepest an overlay goes into a row.
const DEEPEST: u32 = 4;

/// What is wrong with a field of a table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The text is no JSON.
    #[error("it is no JSON: {0}")]
    NotJson(String),
    /// The text is too large.
    #[error("it is larger than {most} bytes")]
    TooLarge {
        /// The most bytes.
        most: usize,
    },
    /// There are too many models.
    #[error("it has more than {most} models")]
    TooMany {
        /// The most models.
        most: usize,
    },
    /// It is of another type.
    #[error("expected {expected}, not {found}")]
    Type {
        /// What was expected.
        expected: &'static str,
        /// The beginning of what stands there.
        found: String,
    },
    /// Nothing of that name is known.
    #[error("there is no such field")]
    Unknown,
    /// A price has one half only.
    #[error("it is missing: a price has both input and output")]
    Missing,
    /// The value is of the right type and says nothing.
    #[error("{0}")]
    Value(String),
}

/// A table of models cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the table of models{}{}: {fault}", Place(", ", .model), Place(", field ", .field))]
pub struct ParseModelsError {
    /// The model, `vendor/id`; empty if it is the table as a whole.
    pub model: String,
    /// The field, such as `long.input`; empty if it is the row as a whole.
    pub field: String,
    /// What is wrong.
    pub fault: Fault,
}

struct Place<'a>(&'static str, &'a str);

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.1.is_empty() { Ok(()) } else { write!(f, "{}{}", self.0, self.1) }
    }
}

impl ParseModelsError {
    pub(super) fn table(fault: Fault) -> Self {
        Self { model: String::new(), field: String::new(), fault }
    }

    pub(super) fn row(model: &str, field: &str, fault: Fault) -> Self {
        let short = |text: &str| text.chars().take(120).collect();
        Self { model: short(model), field: short(field), fault }
    }
}

/// Returns the date of a table and its rows.
#[expect(clippy::type_complexity, reason = "used once")]
pub(super) fn sections(table: &Value) -> Result<(Option<Day>, Option<&Map<String, Value>>), ParseModelsError> {
    let all = Fields::of("", "", table)?;
    all.only(&["date", "models"])?;
    let rows = match all.object.get("models") {
        None | Some(Value::Null) => None,
        Some(Value::Object(rows)) => Some(rows),
        Some(other) => return Err(all.error("models", wrong_type("an object", other))),
    };
    Ok((all.day("date")?, rows))
}

/// Lays one value over another: objects field by field.
pub(super) fn lay(under: &mut Value, over: &Value) {
    lay_to(under, over, DEEPEST);
}

fn lay_to(under: &mut Value, over: &Value, depth: u32) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) if depth > 0 => {
            for (name, value) in over {
                lay_to(under.entry(name.clone()).or_insert(Value::Null), value, depth - 1);
            }
        }
        (under, over) => *under = over.clone(),
    }
}

/// The fields of a row, or of a part of one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a> {
    model: &'a str,
    /// What stands before the names of fields.
    prefix: &'a str,
    object: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    pub(super) fn of(model: &'a str, prefix: &'a str, value: &'a Value) -> Result<Self, ParseModelsError> {
        match value {
            Value::Object(object) => Ok(Self { model, prefix, object }),
            other => {
                let field = prefix.trim_end_matches('.');
                Err(ParseModelsError::row(model, field, wrong_type("an object", other)))
            }
        }
    }

    pub(super) fn error(&self, field: &str, fault: Fault) -> ParseModelsError {
        ParseModelsError::row(self.model, &format!("{}{field}", self.prefix), fault)
    }

    /// Refuses fields of other names.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), ParseModelsError> {
        match self.object.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(self.error(name, Fault::Unknown)),
            None => Ok(()),
        }
    }

    /// Returns a field that is there and not null.
    pub(super) fn value(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, ParseModelsError> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.error(name, wrong_type("a text", other))),
        }
    }

    pub(super) fn flag(&self, name: &str, default: bool) -> Result<bool, ParseModelsError> {
        match self.value(name) {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => Err(self.error(name, wrong_type("true or false", other))),
        }
    }

    /// Returns a whole number above 0.
    pub(super) fn count(&self, name: &str) -> Result<Option<u64>, ParseModelsError> {
        let Some(value) = self.value(name) else { return Ok(None) };
        match value.as_u64() {
            Some(count) if count > 0 => Ok(Some(count)),
            _ => Err(self.error(name, wrong_type("a whole number above 0", value))),
        }
    }

    /// Returns a price: a decimal text in USD per million tokens. A number would have been rounded by whoever read it.
    pub(super) fn price(&self, name: &str) -> Result<Option<PicoUsdPerToken>, ParseModelsError> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let expected = "a decimal in quotes, in USD per million tokens, such as \"2.50\"";
        let Value::String(text) = value else { return Err(self.error(name, wrong_type(expected, value))) };
        let price = PicoUsdPerToken::per_million(text);
        price.map(Some).map_err(|error| self.error(name, Fault::Value(error.to_string())))
    }

    pub(super) fn day(&self, name: &str) -> Result<Option<Day>, ParseModelsError> {
        let day = self.text(name)?.map(str::parse::<Day>).transpose();
        day.map_err(|error| self.error(name, Fault::Value(error.to_string())))
    }
}

fn wrong_type(expected: &'static str, found: &Value) -> Fault {
    Fault::Type { expected, found: found.to_string().chars().take(60).collect() }
}
