//! The provider backends of VDO, one per feature.
//!
//! A backend sends one request per call and remembers nothing: retrying, failover and spend belong to the
//! engine. It reads no environment and no file that its configuration does not name, and keeps keys out of
//! everything it prints.
//!
//! Invariant: every backend passes the contract in [`vdo_core::testing::provider_contract`].

#[cfg(feature = "anthropic")]
pub mod anthropic;
#[cfg(any(feature = "http", feature = "scripted"))]
pub mod clock;
#[cfg(feature = "gemini")]
pub mod gemini;
#[cfg(feature = "openai")]
pub mod openai;
#[cfg(feature = "openai-chat")]
pub mod openai_chat;
#[cfg(any(feature = "openai", feature = "openai-chat"))]
mod openai_shared;
#[cfg(feature = "otlp")]
pub mod otlp;
#[cfg(feature = "replay")]
pub mod rehearse;
#[cfg(feature = "replay")]
pub mod replay;
#[cfg(feature = "scripted")]
pub mod scripted;
#[cfg(feature = "http")]
#[cfg_attr(
    not(all(feature = "openai", feature = "openai-chat", feature = "anthropic", feature = "gemini")),
    allow(dead_code, unreachable_pub, unused_imports, unused_macros, reason = "not every backend uses everything")
)]
mod transport;
#[cfg(feature = "webhook")]
pub mod webhook;

#[cfg(feature = "http")]
pub use transport::sse;
