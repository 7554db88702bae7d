//! What the HTTP backends share: clients, bounds, time-outs, server-sent events, clean messages.
//!
//! Knows HTTP and no vendor. Follows no redirect, reads no environment, keeps no state but connections.
//!
//! Invariant: no text that leaves here contains a key, a control character or more than is bounded.

pub(crate) mod body;
pub(crate) mod bounds;
pub(crate) mod calls;
pub(crate) mod client;
pub(crate) mod config;
pub(crate) mod endpoint;
pub(crate) mod exchange;
pub(crate) mod failure;
pub(crate) mod head;
pub(crate) mod limits;
pub(crate) mod reading;
pub(crate) mod redact;
pub(crate) mod retry_after;
pub(crate) mod said;
pub mod sse;
pub(crate) mod strict;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod warnings;
