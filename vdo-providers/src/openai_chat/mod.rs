//! Chat Completions: what OpenAI began and most servers speak.
//!
//! One request per call, no redirect, no retry. The conversion is pure in both directions; only the client
//! awaits.
//!
//! ```
//! use vdo_core::port::Provider;
//! use vdo_providers::openai_chat::{Config, ConfigError, OpenAiChat, Profile};
//!
//! # fn main() -> Result<(), ConfigError> {
//! let config = Config::new("local", "http://127.0.0.1:11434/v1").with_profile(Profile::Ollama);
//! let provider = OpenAiChat::new(config)?;
//! assert_eq!(provider.name(), "local");
//! # Ok(())
//! # }
//! ```

mod billed;
mod client;
mod config;
mod convert;
mod profile;
mod reply;
mod streaming;
mod thoughts;
mod wire;

pub use client::OpenAiChat;
pub use config::Config;
pub use profile::{Dialect, MaxTokensField, Profile, Supports, SystemRole};

pub use crate::transport::config::{ConfigError, ModelConfig};
pub use crate::transport::endpoint::EndpointError;

/// The name of the format in [`vdo_core::message::Reasoning`].
const FORMAT: &str = "openai-chat";

#[cfg(test)]
mod tests;
