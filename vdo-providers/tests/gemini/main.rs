//! The Gemini backend, against servers of our own on this machine.
#![cfg(feature = "gemini")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod client;
mod contract;
#[allow(dead_code, reason = "other backends' tests use it too")]
#[path = "../openai_chat/support.rs"]
mod support;
