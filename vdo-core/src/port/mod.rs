//! The ports: what the engine needs from the world, as traits.
//!
//! Each is small and object safe. Backends live in sibling crates and run the contract suite of their
//! port in [`crate::testing`]. Ports know values and algebra only.

pub mod accounts;
pub mod backlog;
pub mod changes;
mod checker;
mod clock;
mod deployer;
mod efforts;
mod provider;
mod query;
mod queue;
mod refusal;
mod scanner;
mod source;
mod store;
pub mod upkeep;
mod watch;

pub use accounts::{Accounts, Dimension, SpendLine, SpendQuery};
pub use backlog::{Agenda, AgendaQuery, Backlog, Running, Waiting};
pub use checker::{CheckError, CheckRequest, Checked, Checker};
pub use clock::Clock;
pub use deployer::{Delivery, DeployError, Deployer, Deployment};
pub use efforts::Efforts;
pub use provider::{
    Accepts, Capabilities, Health, Provider, ProviderError, ReasoningControl, ReplyStream, StreamEvent, TokenCount,
};
pub use query::{JobQuery, StoreFigures};
pub use queue::{Acked, Queue, QueueError, Ticket, Wake};
pub use refusal::StoreError;
pub use scanner::{FileClass, FileFacts, Fit, Interest, LeftOut, LeftOutReason, ScanError, Scanned, Scanner};
pub use source::{SourceError, TreeSource};
pub use store::{
    Blobs, CallRow, CallState, ClaimRequest, EventLog, Jobs, Journal, Lease, Ledger, Outcome, PartialReply, SpendRow,
    StepRow, StepState, Store,
};
pub use watch::Watch;
