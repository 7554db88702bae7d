//! Crashing on purpose, for tests: `VDO_CRASH=before:N` and `after:N` end the process at its Nth commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use vdo_core::port::changes::{Changes, Receipt};
use vdo_core::port::{
    Blobs, CallRow, ClaimRequest, EventLog, JobQuery, Jobs, Journal, Lease, Ledger, PartialReply, SpendRow, StepRow,
    Store, StoreError,
};

use crate::fail::Fail;

/// When to end.
#[derive(Debug, Clone, Copy)]
enum Point {
    Before(u64),
    After(u64),
}

/// A store that ends the process at one commit.
#[derive(Debug)]
struct Crashing {
    inner: Arc<dyn Store>,
    point: Point,
    commits: AtomicU64,
}

/// Returns the store, with the crash that the environment asks for.
pub(crate) fn wrap(store: Arc<dyn Store>) -> Result<Arc<dyn Store>, Fail> {
    let Ok(text) = std::env::var("VDO_CRASH") else { return Ok(store) };
    let point = match text.split_once(':').map(|(side, number)| (side, number.parse())) {
        Some(("before", Ok(number))) => Point::Before(number),
        Some(("after", Ok(number))) => Point::After(number),
        _ => return Err(Fail::usage(format!("VDO_CRASH={text}: expected before:N or after:N"))),
    };
    Ok(Arc::new(Crashing { inner: store, point, commits: AtomicU64::new(0) }))
}

#[async_trait::async_trait]
impl Store for Crashing {
    async fn commit(&self, changes: Changes) -> Result<Receipt, StoreError> {
        let number = self.commits.fetch_add(1, Ordering::SeqCst) + 1;
        if matches!(self.point, Point::Before(at) if at == number) {
            std::process::abort();
        }
        let receipt = self.inner.commit(changes).await?;
        if matches!(self.point, Point::After(at) if at == number) {
            std::process::abort();
        }
        Ok(receipt)
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Lease, StoreError> {
        self.inner.claim(request).await
    }

    fn accounts(&self) -> Option<&dyn vdo_core::port::Accounts> {
        self.inner.accounts()
    }

    fn watch(&self) -> Option<&dyn vdo_core::port::Watch> {
        self.inner.watch()
    }

    fn backlog(&self) -> Option<&dyn vdo_core::port::Backlog> {
        self.inner.backlog()
    }

    fn figures(&self) -> Option<vdo_core::port::StoreFigures> {
        self.inner.figures()
    }

    fn upkeep(&self) -> Option<&dyn vdo_core::port::upkeep::Upkeep> {
        self.inner.upkeep()
    }
}

#[async_trait::async_trait]
impl Jobs for Crashing {
    async fn job(&self, id: vdo_core::id::JobId) -> Result<vdo_core::job::Job, StoreError> {
        self.inner.job(id).await
    }
    async fn jobs(&self, query: &JobQuery) -> Result<Vec<vdo_core::job::Job>, StoreError> {
        self.inner.jobs(query).await
    }
    async fn resolve(&self, reference: vdo_core::id::RevisionRef) -> Result<vdo_core::job::Revision, StoreError> {
        self.inner.resolve(reference).await
    }
    async fn revision(&self, id: vdo_core::id::RevisionId) -> Result<vdo_core::job::Revision, StoreError> {
        self.inner.revision(id).await
    }
    async fn manifest(&self, id: vdo_core::id::RevisionId) -> Result<vdo_core::tree::Manifest, StoreError> {
        self.inner.manifest(id).await
    }
    async fn delta(&self, id: vdo_core::id::RevisionId) -> Result<vdo_core::tree::Delta, StoreError> {
        self.inner.delta(id).await
    }
    async fn corrections(&self, job: vdo_core::id::JobId) -> Result<Vec<vdo_core::job::Correction>, StoreError> {
        self.inner.corrections(job).await
    }
}

#[async_trait::async_trait]
impl Blobs for Crashing {
    async fn blobs(&self, hashes: &[vdo_core::content::BlobHash]) -> Result<Vec<vdo_core::content::Blob>, StoreError> {
        self.inner.blobs(hashes).await
    }
}

#[async_trait::async_trait]
impl Journal for Crashing {
    async fn steps(&self, job: vdo_core::id::JobId) -> Result<Vec<StepRow>, StoreError> {
        self.inner.steps(job).await
    }
    async fn checks(
        &self,
        job: vdo_core::id::JobId,
    ) -> Result<Vec<(vdo_core::id::Phase, u32, vdo_core::check::CheckReport)>, StoreError> {
        self.inner.checks(job).await
    }
    async fn conflicts(&self, job: vdo_core::id::JobId) -> Result<Vec<vdo_core::conflict::ConflictRow>, StoreError> {
        self.inner.conflicts(job).await
    }
    async fn partials(&self, job: vdo_core::id::JobId) -> Result<Vec<PartialReply>, StoreError> {
        self.inner.partials(job).await
    }
}

#[async_trait::async_trait]
impl Ledger for Crashing {
    async fn calls(&self, job: vdo_core::id::JobId) -> Result<Vec<CallRow>, StoreError> {
        self.inner.calls(job).await
    }
    async fn spend(&self, since: vdo_core::time::Timestamp) -> Result<Vec<SpendRow>, StoreError> {
        self.inner.spend(since).await
    }
}

#[async_trait::async_trait]
impl EventLog for Crashing {
    async fn events(
        &self,
        job: vdo_core::id::JobId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<vdo_core::event::Event>, StoreError> {
        self.inner.events(job, after, limit).await
    }
}
