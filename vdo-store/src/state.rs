//! What the decisions on a batch are taken from: the rows as the transaction found them, moved on in memory.
//!
//! Pure. Invariant: what is carried into the next transaction is used there only if nobody else wrote in between, which the
//! database itself tells ([`State::version`]); otherwise it lives for one transaction.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use vdo_core::content::BlobHash;
use vdo_core::id::{JobId, RevisionId};
use vdo_core::job::{JobStatus, ParentLink};
use vdo_core::money::NanoUsd;
use vdo_core::port::Running;
use vdo_core::port::changes::Rating;
use vdo_core::time::Timestamp;
use vdo_core::tries::Retries;
use vdo_core::usage::Usage;

use crate::ledger::Book;

/// The most jobs and the most revisions that are carried on.
const MOST: usize = 2048;

/// A job's row, as far as writes depend on it.
#[derive(Debug, Clone)]
pub(crate) struct JobState {
    pub(crate) status: JobStatus,
    pub(crate) reason: Option<String>,
    pub(crate) updated: Timestamp,
    pub(crate) version: u64,
    pub(crate) owner: Option<String>,
    pub(crate) epoch: u64,
    pub(crate) until: Option<Timestamp>,
    pub(crate) next_seq: u64,
    pub(crate) cost: NanoUsd,
    pub(crate) reserved: NanoUsd,
    pub(crate) usage: Usage,
    pub(crate) cancel_requested: bool,
    pub(crate) stamps: i64,
    pub(crate) head: Option<RevisionId>,
    pub(crate) head_number: u32,
    pub(crate) budget: Option<NanoUsd>,
    pub(crate) depth: u32,
    pub(crate) root: JobId,
    pub(crate) parents: Vec<ParentLink>,
    pub(crate) retries: Retries,
    /// Set by this batch.
    pub(crate) branch: Option<String>,
    /// Set by this batch.
    pub(crate) rating: Option<Rating>,
    /// Whether this batch moved one of the columns of [`crate::sql::STATES`].
    pub(crate) moved: bool,
}

/// A revision's row, as far as writes depend on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RevisionState {
    pub(crate) job: JobId,
    pub(crate) number: u32,
}

/// Everything a batch depends on.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) jobs: HashMap<JobId, JobState>,
    pub(crate) revisions: HashMap<RevisionId, RevisionState>,
    pub(crate) numbered: HashMap<(JobId, u32), RevisionId>,
    pub(crate) keys: HashMap<String, JobId>,
    pub(crate) blobs: HashSet<BlobHash>,
    pub(crate) last_job: u64,
    pub(crate) last_revision: u64,
    /// Budgets and the health of providers.
    pub(crate) book: Book,
    /// What runs beside the jobs that are claimed, where that matters.
    pub(crate) live: BTreeMap<JobId, Running>,
    /// The jobs this batch touched.
    pub(crate) dirty: BTreeSet<JobId>,
    /// Changes whenever somebody else writes; `None` where the database has no such number.
    pub(crate) version: Option<i64>,
    /// Whether the last ids are those of the store.
    pub(crate) ids: bool,
    /// Whether anything is marked as garbage, if that is known.
    pub(crate) garbage: Option<bool>,
}

impl State {
    /// Returns what the next transaction finds, if this one was written and nobody writes in between.
    pub(crate) fn carried(mut self) -> Self {
        for id in std::mem::take(&mut self.dirty) {
            if let Some(job) = self.jobs.get_mut(&id) {
                (job.branch, job.rating, job.moved) = (None, None, false);
            }
        }
        self.keys.clear();
        self.blobs.clear();
        self.live.clear();
        self.book.close();
        if self.jobs.len() > MOST {
            self.jobs.retain(|_, job| job.owner.is_some());
            // More than that run at once: rather read them again than keep all.
            if self.jobs.len() > MOST {
                self.jobs.clear();
            }
        }
        if self.revisions.len() > MOST {
            self.revisions.clear();
            self.numbered.clear();
        }
        self
    }
}

/// What has to be read for a batch.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    pub(crate) jobs: BTreeSet<JobId>,
    pub(crate) revisions: BTreeSet<RevisionId>,
    pub(crate) numbered: BTreeMap<JobId, BTreeSet<u32>>,
    pub(crate) keys: BTreeSet<String>,
    pub(crate) blobs: BTreeSet<BlobHash>,
    /// Providers and models whose health counts.
    pub(crate) health: BTreeSet<(String, String)>,
    /// Providers whose keys have limits, and when their calls are sent.
    pub(crate) paced: BTreeMap<String, Timestamp>,
    /// When the calls were sent that count in budgets.
    pub(crate) charged: BTreeSet<Timestamp>,
    /// The jobs that are claimed; for each, whether what runs in its project counts.
    pub(crate) claims: BTreeMap<JobId, bool>,
    /// Whether new ids are given out.
    pub(crate) ids: bool,
    /// Whether contents are written.
    pub(crate) contents: bool,
}
