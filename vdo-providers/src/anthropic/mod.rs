//! Anthropic's Messages: what Claude speaks, and servers that follow it.
//!
//! One request per call, no redirect, no retry. The conversion is pure in both directions; only the client
//! awaits.
//!
//! A turn that the provider pauses (`pause_turn`) counts as cut, with a warning: it pauses only in tools that it
//! runs itself, and VDO offers none of those.
//!
//! ```
//! use vdo_core::port::Provider;
//! use vdo_providers::anthropic::{Anthropic, BASE_URL, Config, ConfigError};
//!
//! # fn main() -> Result<(), ConfigError> {
//! let provider = Anthropic::new(Config::new("claude", BASE_URL).with_key("from the host".into()))?;
//! assert_eq!(provider.name(), "claude");
//! assert!(!provider.capabilities("claude-opus-5-5").accepts.prefill);
//! # Ok(())
//! # }
//! ```

mod client;
mod config;
mod convert;
mod errors;
mod reply;
mod streaming;
mod thinking;
mod turns;
mod wire;

pub use client::Anthropic;
pub use config::{BASE_URL, Config, VERSION};

pub use crate::transport::config::{ConfigError, ModelConfig};
pub use crate::transport::endpoint::EndpointError;

#[cfg(test)]
mod tests;
