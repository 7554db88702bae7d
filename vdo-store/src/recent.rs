//! The manifests of the revisions written last, so that the next revision of a chain need not read its base.
//!
//! Never used to answer a reader: what was removed meanwhile, by whatever process, is gone for readers at once.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use vdo_core::id::{JobId, RevisionId};
use vdo_core::tree::Manifest;

/// Manifests kept.
const MOST: usize = 4;
/// Files of all manifests kept.
const MOST_FILES: usize = 100_000;

/// Some manifests, the newest last.
#[derive(Debug, Default)]
pub(crate) struct Written(Mutex<VecDeque<(RevisionId, Manifest, u64)>>);

impl Written {
    /// Returns a manifest and how many bases it stands on.
    pub(crate) fn get(&self, id: RevisionId) -> Option<(Manifest, u64)> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(other, _, _)| *other == id).map(|(_, manifest, chain)| (manifest.clone(), *chain))
    }

    /// Keeps the manifest of a revision of `job`; files of `mark` are the job's own.
    pub(crate) fn keep(&self, id: RevisionId, job: JobId, mark: Option<JobId>, mut manifest: Manifest, chain: u64) {
        for file in manifest.0.values_mut().filter(|file| Some(file.job) == mark) {
            file.job = job;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back((id, manifest, chain));
        while kept.len() > MOST || kept.iter().map(|(_, manifest, _)| manifest.0.len()).sum::<usize>() > MOST_FILES {
            kept.pop_front();
        }
    }
}
