//! Everything durable: jobs, revisions, contents, journal, ledger and events, in one SQLite file or in PostgreSQL.
//!
//! A write is decided in memory ([`vdo_core::port::changes`]) on rows read in the transaction that writes it, and writes
//! that wait share a transaction. This crate knows SQL and nothing of runs, providers or files on the disk.
//!
//! Invariant: what a commit acknowledged is on the disk, whole; what it refused has left no trace.

mod accounts;
mod backlog;
mod collect;
mod convert;
mod decide;
mod dialect;
mod emit;
mod entity;
mod fault;
mod integrity;
mod ledger;
mod load;
mod migration;
mod names;
mod open;
mod options;
mod pack;
mod prepare;
mod read;
mod recent;
mod redact;
mod rows;
mod snapshot;
mod sql;
mod state;
mod stats;
mod store;
mod tables;
mod transfer;
mod upkeep;
mod watch;
#[cfg(feature = "worker")]
pub mod worker;
mod writer;

pub use fault::StoreFault;
pub use options::{Durability, Options};
pub use stats::StoreStats;
pub use store::SqlStore;
pub use transfer::{Exported, Imported};
