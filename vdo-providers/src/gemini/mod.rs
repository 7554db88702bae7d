//! Gemini's generateContent, as the Gemini Developer API speaks it.
//!
//! One request per call, no redirect, no retry. The conversion is pure in both directions; only the client
//! awaits.
//!
//! The signature of a part stands in a reasoning block directly before it, and goes back with it. A reply that the
//! provider pauses (`CONTINUATION`) counts as cut, with a warning.
//!
//! ```
//! use vdo_core::port::Provider;
//! use vdo_providers::gemini::{BASE_URL, Config, ConfigError, Gemini};
//!
//! # fn main() -> Result<(), ConfigError> {
//! let provider = Gemini::new(Config::new("gemini", BASE_URL).with_key("from the host".into()))?;
//! assert_eq!(provider.name(), "gemini");
//! assert_eq!(provider.capabilities("gemini-2.5-flash").context, Some(1_048_576));
//! # Ok(())
//! # }
//! ```

mod client;
mod config;
mod contents;
mod convert;
mod errors;
mod reply;
mod streaming;
mod wire;

pub use client::Gemini;
pub use config::{BASE_URL, Config, VERSION};

pub use crate::transport::config::{ConfigError, ModelConfig};
pub use crate::transport::endpoint::EndpointError;

#[cfg(test)]
mod tests;
