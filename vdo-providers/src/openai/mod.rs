//! OpenAI's Responses interface.
//!
//! One request per call, no redirect, no retry; nothing is kept on the other side (`store: false`), so that a model's
//! reasoning goes back with the conversation, encrypted. The conversion is pure in both directions; only the client
//! awaits.
//!
//! ```
//! use vdo_core::port::Provider;
//! use vdo_providers::openai::{BASE_URL, Config, ConfigError, OpenAi};
//!
//! # fn main() -> Result<(), ConfigError> {
//! let provider = OpenAi::new(Config::new("openai", BASE_URL).with_key("sk-key".into()))?;
//! assert_eq!(provider.name(), "openai");
//! assert_eq!(provider.capabilities("gpt-6-luna").context, Some(922_000));
//! # Ok(())
//! # }
//! ```

mod client;
mod config;
mod convert;
mod reply;
mod streaming;
mod wire;

pub use client::OpenAi;
pub use config::{BASE_URL, Config};

pub use crate::transport::config::{ConfigError, ModelConfig};
pub use crate::transport::endpoint::EndpointError;

/// The name of the format in [`vdo_core::message::Reasoning`].
const FORMAT: &str = "openai";

#[cfg(test)]
mod tests;
