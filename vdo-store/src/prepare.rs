//! The work on a write that needs no transaction: packing, JSON, and the check of a new revision against its base.
//!
//! Runs in the caller's task, so that many callers share the processors and the writer only writes. Invariant: what is
//! read here is immutable (revisions and their files), so that nothing another process does can make it stale.

use vdo_core::content::{Blob, BlobHash};
use vdo_core::event::EventKind;
use vdo_core::id::JobId;
use vdo_core::port::StoreError;
use vdo_core::port::changes::{Changes, CheckWrite, Guard, NewRevision, StepWrite};
use vdo_core::tree::Manifest;

use crate::pack::Packed;
use crate::read::Reader;
use crate::snapshot;

/// Work on more bytes than this is moved off the caller's thread.
const LARGE: usize = 256 * 1024;

/// A write that is ready for the writer.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// The changes; the contents, answers, reports and events have moved into the fields below.
    pub(crate) changes: Changes,
    pub(crate) blobs: Vec<(BlobHash, Packed)>,
    pub(crate) answers: Vec<Option<Packed>>,
    pub(crate) checks: Vec<Packed>,
    pub(crate) events: Vec<Packed>,
    pub(crate) revision: Option<PreparedRevision>,
}

/// What the base of a new revision says of it.
#[derive(Debug)]
pub(crate) struct PreparedRevision {
    /// How many bases it stands on.
    pub(crate) chain: u64,
    /// The manifest, where a snapshot is due.
    pub(crate) snapshot: Option<Vec<u8>>,
    /// Why it cannot be, if it cannot.
    pub(crate) fault: Option<Fault>,
    /// The manifest, to be kept once it is written.
    pub(crate) manifest: Manifest,
    /// The job that stands for the one that is being made.
    pub(crate) mark: Option<JobId>,
}

/// Why a new revision cannot be.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// There is no such base.
    NoBase,
    /// The base and the delta do not give the tree that the root hash names.
    RootHash {
        /// What they give.
        found: BlobHash,
    },
}

/// Prepares `changes`.
///
/// # Errors
/// [`StoreError::Corrupt`] if the base of a new revision is damaged, [`StoreError::Backend`].
pub(crate) async fn prepare(reader: &Reader, mut changes: Changes) -> Result<Prepared, StoreError> {
    let revision = match &changes.revision {
        Some(new) => Some(revision(reader, &changes.guard, new).await?),
        None => None,
    };
    let contents = std::mem::take(&mut changes.blobs);
    let size: usize = contents.iter().map(|blob| blob.bytes().len()).sum::<usize>()
        + changes.steps.iter().map(|step| step.answer.as_ref().map_or(0, |answer| answer.len())).sum::<usize>();
    let blobs = if size > LARGE {
        let packed = tokio::task::spawn_blocking(move || pack(&contents)).await;
        packed.map_err(|error| reader.backend(error))?
    } else {
        pack(&contents)
    };
    let answers = changes.steps.iter_mut().map(answer).collect();
    let checks = changes.checks.iter().map(report).collect();
    let events = changes.events.iter().map(event).collect();
    Ok(Prepared { changes, blobs, answers, checks, events, revision })
}

fn pack(blobs: &[Blob]) -> Vec<(BlobHash, Packed)> {
    blobs.iter().map(|blob| (blob.hash(), Packed::new(&**blob.bytes()))).collect()
}

fn answer(step: &mut StepWrite) -> Option<Packed> {
    step.answer.take().map(|answer| Packed::new(&*answer))
}

fn report(check: &CheckWrite) -> Packed {
    // A plain value of our own: writing it cannot fail.
    Packed::new(serde_json::to_vec(&check.report).unwrap_or_default())
}

fn event(kind: &EventKind) -> Packed {
    Packed::new(serde_json::to_vec(kind).unwrap_or_default())
}

async fn revision(reader: &Reader, guard: &Guard, new: &NewRevision) -> Result<PreparedRevision, StoreError> {
    let own = match guard {
        Guard::Create(_) => None,
        Guard::Lease(lease) => Some(lease.job),
        Guard::Version { job, .. } => Some(*job),
    };
    let (base, chain) = match new.base {
        None => (Manifest::default(), 0),
        Some(id) => match reader.base_manifest(id).await {
            Ok((base, chain)) => (base, chain + 1),
            Err(StoreError::NotFound(_)) => {
                let manifest = Manifest::default();
                let fault = Some(Fault::NoBase);
                return Ok(PreparedRevision { chain: 0, snapshot: None, fault, manifest, mark: None });
            }
            Err(error) => return Err(error),
        },
    };
    // Files of a job that is not there yet are marked with the one id that no store gives out.
    let mark = own.or_else(|| JobId::new(u64::MAX >> 1));
    let manifest = match mark {
        Some(mark) => base.with(mark, &new.delta),
        None => base,
    };
    let found = manifest.root_hash();
    let fault = (found != new.root_hash).then_some(Fault::RootHash { found });
    let due = chain > 0 && chain % snapshot::EVERY == 0;
    let snapshot = due.then(|| snapshot::encode(&manifest, mark));
    Ok(PreparedRevision { chain, snapshot, fault, manifest, mark })
}
