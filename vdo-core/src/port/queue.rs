//! What wakes workers up.

use std::fmt;

use async_trait::async_trait;

use crate::id::JobId;
use crate::time::Timestamp;

/// What a queue may fail with. A worker goes on without it: the store knows what is to be run.
#[derive(Debug, thiserror::Error)]
#[error("the queue at {place} failed")]
pub struct QueueError {
    /// Where it lies.
    pub place: String,
    /// Why.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// Word that a job is to be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wake {
    /// The job.
    pub job: JobId,
    /// How much sooner than others it is wanted.
    pub priority: i8,
    /// Not before this.
    pub not_before: Option<Timestamp>,
}

/// Word that was handed to one puller, until he is done with it or dead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The job.
    pub job: JobId,
    /// What the queue knows it by; nobody else's affair.
    pub token: String,
}

/// What became of a ticket that was handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acked {
    /// It is gone.
    Done,
    /// It was not the puller's any more: he was taken for dead. Nothing changed.
    Lost,
}

/// Wakes workers: hands each word to one of them, and to another if that one dies.
///
/// A queue is only a wake-up. What is to be run is what [`crate::port::Backlog`] says, and who may run it is what
/// [`crate::port::Store::claim`] says: a word that is lost costs time, and one that comes twice costs a look. Workers call it
/// from one task each; a `puller` is the name of one worker, the same from its first beat to its end and never used again.
#[async_trait]
pub trait Queue: fmt::Debug + Send + Sync {
    /// Leaves word that a job is to be run. Word of a job that nobody has pulled yet replaces nothing and adds nothing.
    ///
    /// # Errors
    /// [`QueueError`].
    async fn push(&self, wake: Wake) -> Result<(), QueueError>;

    /// Returns a word that is due, the highest priority first, or none at once.
    ///
    /// # Errors
    /// [`QueueError`].
    async fn pull(&self, puller: &str) -> Result<Option<Ticket>, QueueError>;

    /// Hands a ticket in: nobody is to be woken by it any more.
    ///
    /// # Errors
    /// [`QueueError`].
    async fn ack(&self, puller: &str, ticket: &Ticket) -> Result<Acked, QueueError>;

    /// Says that a puller lives, and takes back what the dead ones held. To be called before the first pull and at least three
    /// times in the time after which a silent puller counts as dead.
    ///
    /// # Errors
    /// [`QueueError`].
    async fn beat(&self, puller: &str) -> Result<(), QueueError>;
}
