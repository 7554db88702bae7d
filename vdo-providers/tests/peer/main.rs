//! The HTTP backends against a server that other people wrote, and against what the vendors' own clients make of it.
//!
//! The server is the npm package `@copilotkit/aimock` (MIT), pinned in `package-lock.json`; the clients are the Python
//! packages of `requirements.txt`. They are installed into `$VDO_PEER_DIR`, else into the target folder, by `install.sh`
//! and `clients.sh`.
#![cfg(all(feature = "anthropic", feature = "gemini", feature = "openai", feature = "openai-chat"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod clients;
mod faults;
mod replies;
mod server;
mod wires;
