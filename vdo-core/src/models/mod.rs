//! What is known of models: windows, prices, what they take. Data with a date, never an enumeration.
//!
//! A table is embedded; a host lays its own over it, field by field. What is not in the table is not known:
//! a model without a price has none, never one of 0. The embedded table is made by `scripts/models.py`.

mod check;
mod day;
mod fields;
mod find;
mod row;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::edit::Format;
use crate::money::Price;
use crate::port::{Accepts, Capabilities};

pub use check::{Oddity, Problem};
pub use day::{Day, ParseDayError};
pub use fields::{Fault, ParseModelsError};

/// The table that comes with VDO.
const EMBEDDED: &str = include_str!("table.json");
/// The most bytes of a table.
const MOST_BYTES: usize = 4 << 20;
/// The most models of a table.
const MOST_MODELS: usize = 20_000;

/// One model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Who makes it: `anthropic`, `openai`, `gemini`.
    pub vendor: String,
    /// The vendor's name of it.
    pub id: String,
    /// What its tokens cost, if that is known.
    pub price: Option<Price>,
    /// The most input it takes, in tokens.
    pub context: Option<u64>,
    /// The most tokens it can reply with.
    pub max_output: Option<u64>,
    /// The fewest tokens that can be kept in the provider's cache, where that is known.
    pub cache_min: Option<u64>,
    /// The day from which it is no longer served.
    pub deprecated: Option<Day>,
    /// It can call tools.
    pub tools: bool,
    /// It can be held to a JSON Schema.
    pub json_schema: bool,
    /// The edit format it writes best.
    pub edit_format: Option<Format>,
    /// What it takes in a request.
    pub accepts: Accepts,
}

impl Model {
    /// Returns what it can do. Its window is the most input it takes.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        Capabilities {
            tools: self.tools,
            json_schema: self.json_schema,
            context: self.context,
            max_output: self.max_output,
            accepts: self.accepts,
        }
    }

    /// Returns what its tokens cost; none if that is not known.
    #[must_use]
    pub fn price(&self) -> Option<Price> {
        self.price
    }

    /// Returns its name with that of its vendor: `anthropic/claude-opus-5-5`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.vendor, self.id)
    }
}

/// Models, by vendor and id.
///
/// ```
/// use vdo_core::models::ModelTable;
///
/// let table = ModelTable::embedded();
/// let model = table.find("anthropic", "claude-haiku-4-5-20251001").unwrap();
/// assert_eq!((model.id.as_str(), model.context), ("claude-haiku-4-5", Some(200_000)));
/// assert!(table.find("anthropic", "claude-nothing-1").is_none());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ModelTable {
    date: Option<Day>,
    /// The rows as they were given; what an overlay is laid on.
    rows: Map<String, Value>,
    /// By vendor, then by id.
    models: BTreeMap<String, BTreeMap<String, Model>>,
}

impl ModelTable {
    /// Returns the table that comes with VDO.
    #[must_use]
    pub fn embedded() -> &'static Self {
        // A test parses it: it is never empty.
        static TABLE: LazyLock<ModelTable> = LazyLock::new(|| ModelTable::parse(EMBEDDED).unwrap_or_default());
        &TABLE
    }

    /// Reads a table: `{"date": "2026-11-21", "models": {"vendor/id": {"input": "2.50", …}}}`.
    ///
    /// # Errors
    /// [`ParseModelsError`] names the model and the field.
    pub fn parse(text: &str) -> Result<Self, ParseModelsError> {
        Self::default().with(&Self::read(text)?)
    }

    /// Returns the table with another laid over it: fields that the other names count, those that it gives as null are unknown
    /// from then on, models that only it has are added.
    ///
    /// # Errors
    /// As [`ModelTable::parse`].
    pub fn overlay(&self, text: &str) -> Result<Self, ParseModelsError> {
        self.with(&Self::read(text)?)
    }

    /// As [`ModelTable::overlay`], for a table that was read from another format.
    ///
    /// # Errors
    /// As [`ModelTable::parse`].
    pub fn with(&self, over: &Value) -> Result<Self, ParseModelsError> {
        let (date, rows) = fields::sections(over)?;
        let mut table = self.clone();
        table.date = date.or(self.date);
        for (name, row) in rows.into_iter().flatten() {
            let mut merged = table.rows.get(name).cloned().unwrap_or_else(|| Value::Object(Map::new()));
            fields::lay(&mut merged, row);
            let model = row::read(name, &merged)?;
            table.rows.insert(name.clone(), merged);
            table.models.entry(model.vendor.clone()).or_default().insert(model.id.clone(), model);
        }
        if table.rows.len() > MOST_MODELS {
            return Err(ParseModelsError::table(Fault::TooMany { most: MOST_MODELS }));
        }
        Ok(table)
    }

    fn read(text: &str) -> Result<Value, ParseModelsError> {
        if text.len() > MOST_BYTES {
            return Err(ParseModelsError::table(Fault::TooLarge { most: MOST_BYTES }));
        }
        serde_json::from_str(text).map_err(|error| ParseModelsError::table(Fault::NotJson(error.to_string())))
    }

    /// Returns the day the table is from, if it says.
    #[must_use]
    pub fn date(&self) -> Option<Day> {
        self.date
    }

    /// Returns every model, by vendor and id.
    pub fn models(&self) -> impl Iterator<Item = &Model> {
        self.models.values().flat_map(BTreeMap::values)
    }
}

impl Default for ModelTable {
    /// Returns an empty table.
    fn default() -> Self {
        Self { date: None, rows: Map::new(), models: BTreeMap::new() }
    }
}

#[cfg(test)]
mod tests;
