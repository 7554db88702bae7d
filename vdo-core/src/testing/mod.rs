//! What tests of the core, of backends and of hosts share: stand-ins for the world, and the contracts that
//! every store, every queue and every provider keeps.
//!
//! Always compiled, so that other crates can use it; nothing of the engine depends on it. Performs no I/O.

mod memory;
pub mod provider_contract;
mod queue;
pub mod queue_contract;
pub mod scripted;
pub mod store_contract;

pub use memory::MemoryStore;
pub use queue::{HandClock, MemoryQueue};
