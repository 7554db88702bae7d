//! What every backend over HTTP does with servers that are broken, hostile or merely odd.
//!
//! Each fault is played to every backend, whole and streamed: a typed error with the usage that is known, or the
//! right reply; never a panic, never half a reply, never more memory than is bounded.
#![cfg(all(feature = "openai", feature = "openai-chat", feature = "anthropic", feature = "gemini"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod backends;
mod bodies;
mod money;
mod streams;
#[allow(dead_code, reason = "other backends' tests use it too")]
#[path = "../openai_chat/support.rs"]
mod support;
