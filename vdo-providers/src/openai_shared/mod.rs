//! What OpenAI's two interfaces have in common: errors, tool calls, and which settings can be sent. Pure.

pub(crate) mod asks;
pub(crate) mod calls;
pub(crate) mod errors;

#[cfg(test)]
pub(crate) mod tests;
