//! What tests of the core, of backends and of hosts share: a store in memory, and the contract every store keeps.
//!
//! Always compiled, so that other crates can use it; nothing of the engine depends on it. Performs no I/O.

mod memory;
pub mod store_contract;

pub use memory::MemoryStore;
