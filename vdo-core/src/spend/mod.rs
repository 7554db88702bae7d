//! What models cost, and how large a request can be at most.

mod forecast;

use std::collections::BTreeMap;

pub use forecast::{Forecast, forecast};

use crate::candidate::Candidate;
use crate::message::{Block, Message, OutputSchema, ToolSpec};
use crate::money::Price;

/// Prices by `provider:model`, each with where it is from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prices {
    known: BTreeMap<String, BTreeMap<String, (Price, Option<String>)>>,
}

impl Prices {
    /// Returns the price of a model; none if it is not known.
    #[must_use]
    pub fn of(&self, provider: &str, model: &str) -> Option<Price> {
        self.known.get(provider)?.get(model).map(|(price, _)| *price)
    }

    /// Returns where the price of a model is from, if that is known.
    #[must_use]
    pub fn source(&self, provider: &str, model: &str) -> Option<&str> {
        self.known.get(provider)?.get(model)?.1.as_deref()
    }

    /// Sets the price of a model, and where it is from.
    pub fn set(&mut self, candidate: &Candidate, price: Price, source: Option<String>) {
        let models = self.known.entry(candidate.provider.clone()).or_default();
        models.insert(candidate.model.clone(), (price, source));
    }

    /// Adds the price of a model.
    #[must_use]
    pub fn with(mut self, candidate: &Candidate, price: Price) -> Self {
        self.set(candidate, price, None);
        self
    }
}

/// Returns a number of tokens that a request's input cannot exceed: one per byte, and some for the wrapping.
#[must_use]
pub fn bound(system: &str, messages: &[Message], tools: &[ToolSpec], output: Option<&OutputSchema>) -> u64 {
    let blocks = messages.iter().flat_map(|message| &message.blocks);
    let blocks: usize = blocks
        .map(|block| match block {
            Block::Text { text } => text.len(),
            Block::ToolCall(call) => call.name.len() + call.input.to_string().len() + 32,
            Block::ToolResult { content, .. } => content.len() + 32,
            Block::Reasoning(reasoning) => reasoning.text.len() + reasoning.data.to_string().len() + 32,
        })
        .sum();
    let tools: usize = tools.iter().map(|tool| tool.description.len() + tool.input_schema.to_string().len() + 32).sum();
    let output = output.map_or(0, |output| output.schema.to_string().len());
    let bytes = system.len() + blocks + tools + output + 16 * messages.len() + 64;
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
