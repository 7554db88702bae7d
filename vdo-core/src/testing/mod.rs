//! Stand-ins for the world, and the contract that every backend of a port has to keep.
//!
//! Always compiled: hosts test with them too. Nothing here performs I/O.

pub mod provider_contract;
pub mod scripted;
