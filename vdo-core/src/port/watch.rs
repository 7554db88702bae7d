//! Tells when something was written, by whatever process.

use async_trait::async_trait;

use crate::id::JobId;
use crate::port::StoreError;

/// Hears of writes to a store.
///
/// Followers of a job wait here instead of asking again and again. It is a wake-up and nothing more: what was written is read
/// from the store, and whoever is woken up may find nothing new.
#[async_trait]
pub trait Watch: Send + Sync {
    /// Waits until the job has an event with a number greater than `after`; returns at once if it has one already. May return
    /// earlier than that, never much later than the write.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such job; [`StoreError::Backend`].
    async fn changed(&self, job: JobId, after: u64) -> Result<(), StoreError>;

    /// Waits until something was written to any job after this call. May return for nothing.
    ///
    /// # Errors
    /// [`StoreError::Backend`] only.
    async fn any(&self) -> Result<(), StoreError>;
}
