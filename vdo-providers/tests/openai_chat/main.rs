//! The Chat Completions backend, against servers of our own on this machine.
#![cfg(feature = "openai-chat")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod client;
mod contract;
mod support;
