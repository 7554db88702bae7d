//! The Responses backend, against servers of our own on this machine.
#![cfg(feature = "openai")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]
#![allow(dead_code, reason = "the server can play more than is played here")]

mod client;
mod contract;
#[path = "../openai_chat/support.rs"]
mod support;
