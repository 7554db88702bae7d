//! The Chat Completions backend, against servers of our own on this machine.
#![cfg(feature = "openai-chat")]

mod client;
mod contract;
mod support;
