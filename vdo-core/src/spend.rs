//! What a call may cost at worst, and whether it may be made.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, FailureKind};
use crate::message::{Block, Completion};
use crate::money::{NanoUsd, Price};

/// Prices by `provider:model`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Prices(pub BTreeMap<String, Price>);

impl Prices {
    /// Returns the price of a model; none if it is not known.
    #[must_use]
    pub fn of(&self, provider: &str, model: &str) -> Option<Price> {
        self.0.get(&format!("{provider}:{model}")).copied()
    }
}

/// Returns a number of tokens that the request's input cannot exceed: one per byte, and some for the wrapping.
#[must_use]
pub fn input_bound(request: &Completion) -> u64 {
    let blocks = request.messages.iter().flat_map(|message| &message.blocks);
    let blocks: usize = blocks
        .map(|block| match block {
            Block::Text { text } => text.len(),
            Block::ToolCall(call) => call.name.len() + call.input.to_string().len() + 32,
            Block::ToolResult { content, .. } => content.len() + 32,
            Block::Reasoning(reasoning) => reasoning.text.len() + reasoning.data.to_string().len() + 32,
        })
        .sum();
    let tools: usize =
        request.tools.iter().map(|tool| tool.description.len() + tool.input_schema.to_string().len() + 32).sum();
    let output = request.output.as_ref().map_or(0, |output| output.schema.to_string().len());
    let bytes = request.system.len() + blocks + tools + output + 16 * request.messages.len() + 64;
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// Returns the most a call can cost, to be reserved before it is sent; none if its price is not known and no budget asks.
///
/// # Errors
/// [`FailureKind::Budget`] if a budget is set and the price is not known: an unknown price never counts as 0.
pub fn reservation(
    request: &Completion,
    price: Option<Price>,
    has_budget: bool,
    route: &str,
) -> Result<Option<NanoUsd>, Failure> {
    match price {
        Some(price) => {
            Ok(Some(price.worst_case(input_bound(request), request.max_output.unwrap_or(u64::from(u32::MAX)))))
        }
        None if has_budget => Err(Failure::new(
            FailureKind::Budget,
            format!("the job has a budget, but the price of {route} is not known; name it under [prices.\"{route}\"]"),
        )),
        None => Ok(None),
    }
}
