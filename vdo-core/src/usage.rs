//! Token counts of one call or many.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Tokens, in disjoint fields: the input of a call is `input + cache_read + cache_write + cache_write_long`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Usage {
    /// Input that was neither read from nor written to a cache.
    pub input: u64,
    /// Input read from a cache.
    pub cache_read: u64,
    /// Input written to a short-lived cache.
    pub cache_write: u64,
    /// Input written to a long-lived cache.
    pub cache_write_long: u64,
    /// Output, reasoning included.
    pub output: u64,
    /// The part of `output` that was reasoning.
    pub reasoning: u64,
    /// Whether any of the numbers is an estimate because the provider sent none.
    pub estimated: bool,
}

impl Usage {
    /// Returns the input tokens of every kind.
    #[must_use]
    pub fn total_input(&self) -> u64 {
        self.input
            .saturating_add(self.cache_read)
            .saturating_add(self.cache_write)
            .saturating_add(self.cache_write_long)
    }

    /// Returns all tokens.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total_input().saturating_add(self.output)
    }

    /// Returns the sum, estimated if either is.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            cache_read: self.cache_read.saturating_add(other.cache_read),
            cache_write: self.cache_write.saturating_add(other.cache_write),
            cache_write_long: self.cache_write_long.saturating_add(other.cache_write_long),
            output: self.output.saturating_add(other.output),
            reasoning: self.reasoning.saturating_add(other.reasoning),
            estimated: self.estimated || other.estimated,
        }
    }
}

/// How urgent a request is, and at which rate it is billed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServiceTier {
    /// The usual rate.
    #[default]
    Standard,
    /// Cheaper, when there is room.
    Flex,
    /// Cheaper, within a day.
    Batch,
    /// Dearer, served first.
    Priority,
    /// Dearer, with faster output.
    Fast,
}
