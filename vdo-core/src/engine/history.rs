//! What revisions grew out of, read from the store, and what a merge may bring together.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::{Engine, EngineError};
use crate::id::{JobId, RevisionId, RevisionRef};
use crate::job::{Job, JobSpec, Revision};
use crate::lineage::Lineage;
use crate::port::StoreError;
use crate::tree::Manifest;

/// Some revisions and all they grew out of.
#[derive(Debug, Clone)]
pub struct History {
    /// How they grew out of each other.
    pub lineage: Lineage,
    /// The revisions.
    pub revisions: BTreeMap<RevisionId, Revision>,
    /// Their jobs.
    pub jobs: BTreeMap<JobId, Job>,
}

impl History {
    /// Returns every job once, with the newest of its revisions that is part of this, parents before children.
    #[must_use]
    pub fn line(&self) -> Vec<(Job, Revision)> {
        let mut seen = BTreeSet::new();
        let mut line = Vec::new();
        for id in self.lineage.order().iter().rev() {
            let Some(revision) = self.revisions.get(id) else { continue };
            if let Some(job) = self.jobs.get(&revision.job).filter(|job| seen.insert(job.id)) {
                line.push((job.clone(), revision.clone()));
            }
        }
        line.reverse();
        line
    }
}

/// How many files a revision touched, against the first parent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct FileCounts {
    /// New ones.
    pub created: usize,
    /// Changed ones.
    pub modified: usize,
    /// Moved ones.
    pub renamed: usize,
    /// Removed ones.
    pub deleted: usize,
}

/// Why jobs cannot be merged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MergeRefusal {
    /// One of them is part of another already.
    #[error("{ancestor} is already contained in {within}; merging them changes nothing")]
    Contained {
        /// The one that adds nothing.
        ancestor: RevisionRef,
        /// The one that has it.
        within: RevisionRef,
    },
    /// They have nothing in common.
    #[error("{one} and {other} are unrelated: the one goes back to {one_root}, the other to {other_root}")]
    Unrelated {
        /// The one.
        one: RevisionRef,
        /// The other.
        other: RevisionRef,
        /// Where the one goes back to.
        one_root: JobId,
        /// Where the other goes back to.
        other_root: JobId,
    },
}

/// A job that is to be merged, as far as it is settled what it will be.
enum Stand {
    /// It has this revision.
    At(RevisionId),
    /// It has no result yet.
    Unborn(JobId),
}

impl Engine {
    /// Returns some revisions with all they grew out of.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if a revision is not there.
    pub async fn history(&self, of: &[RevisionId]) -> Result<History, EngineError> {
        let store = &self.parts.store;
        let (mut revisions, mut jobs) = (BTreeMap::new(), BTreeMap::new());
        let mut parents: BTreeMap<RevisionId, Vec<RevisionId>> = BTreeMap::new();
        let mut open: Vec<RevisionId> = of.to_vec();
        while let Some(id) = open.pop() {
            if parents.contains_key(&id) {
                continue;
            }
            let revision = store.revision(id).await?;
            if let std::collections::btree_map::Entry::Vacant(place) = jobs.entry(revision.job) {
                place.insert(store.job(revision.job).await?);
            }
            let links = jobs.get(&revision.job).map(|job| job.parents.as_slice()).unwrap_or_default();
            let mut of_this: Vec<RevisionId> = links.iter().filter_map(|link| link.revision).collect();
            if let Some(base) = revision.base {
                let owner = store.revision(base).await?.job;
                match links.iter().position(|link| link.job == owner) {
                    at if owner == revision.job || (at.is_some() && !revision.also.is_empty()) => {
                        of_this = std::iter::once(base).chain(revision.also.iter().copied()).collect();
                    }
                    Some(at) => {
                        if let Some(parent) = of_this.get_mut(at) {
                            *parent = base;
                        }
                    }
                    None => {}
                }
            }
            open.extend(&of_this);
            parents.insert(id, of_this);
            revisions.insert(id, revision);
        }
        let lineage = Lineage::new(parents).map_err(|fault| EngineError::Internal(fault.to_string()))?;
        Ok(History { lineage, revisions, jobs })
    }

    /// Returns everything a revision grew out of, parents before children, each job once; the revision itself is the last.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if a job or revision is not there.
    pub async fn ancestry(&self, reference: RevisionRef) -> Result<Vec<(Job, Revision)>, EngineError> {
        let revision = self.parts.store.resolve(reference).await?;
        Ok(self.history(&[revision.id]).await?.line())
    }

    /// Returns everything a job grew out of or waits for, parents before children, each job once, with the revision it has in
    /// this; the job itself is the last. A job without a result has none.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such job or revision.
    pub async fn line(&self, reference: RevisionRef) -> Result<Vec<(Job, Option<Revision>)>, EngineError> {
        let (born, unborn) = self.frontier(reference).await?;
        let line = self.history(&born).await?.line();
        let mut line: Vec<(Job, Option<Revision>)> = line.into_iter().map(|(job, at)| (job, Some(at))).collect();
        for id in unborn {
            line.push((self.parts.store.job(id).await?, None));
        }
        // A job is made after its parents.
        line.sort_by_key(|(job, _)| job.id);
        Ok(line)
    }

    /// Counts the files that a revision touched. What a merge took over from one of its parents does not count.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if a revision is not there.
    pub async fn file_counts(&self, revision: &Revision) -> Result<FileCounts, EngineError> {
        let reference = RevisionRef { job: revision.job, number: Some(revision.number) };
        let is_plain = match revision.base {
            Some(base) => {
                let is_first = self.parts.store.revision(base).await?.job != revision.job;
                is_first && self.parts.store.job(revision.job).await?.parents.len() == 1
            }
            None => true,
        };
        let rows = if is_plain {
            Manifest::default().file_rows(&self.parts.store.delta(revision.id).await?)
        } else {
            self.files(reference).await?
        };
        let count = |source: &str| rows.iter().filter(|row| row.source == source).count();
        Ok(FileCounts {
            created: count("created"),
            modified: count("modified"),
            renamed: count("renamed"),
            deleted: count("deleted"),
        })
    }

    /// Checks that the parents of a new job bring something together that belongs together.
    pub(super) async fn check_merge(&self, spec: &JobSpec) -> Result<(), EngineError> {
        if spec.parents.len() < 2 {
            return Ok(());
        }
        let mut jobs = Vec::new();
        for parent in &spec.parents {
            let job = self.parts.store.job(parent.job).await.map_err(|error| match error {
                StoreError::NotFound(_) => {
                    StoreError::Parent { parent: *parent, reason: "there is no such job".to_owned() }
                }
                other => other,
            })?;
            jobs.push((*parent, job));
        }
        let first = jobs.first().map(|(parent, job)| (*parent, job.root));
        for (other, job) in &jobs {
            if let Some((one, one_root)) = first.filter(|(_, root)| *root != job.root) {
                return Err(MergeRefusal::Unrelated { one, other: *other, one_root, other_root: job.root }.into());
            }
        }
        for (within, _) in &jobs {
            let (born, unborn) = self.contents_of(*within).await?;
            for (ancestor, _) in jobs.iter().filter(|(other, _)| other.job != within.job) {
                let is_in = match self.stand(*ancestor).await? {
                    Stand::At(id) => born.contains(&id),
                    Stand::Unborn(id) => unborn.contains(&id),
                };
                if is_in {
                    return Err(MergeRefusal::Contained { ancestor: *ancestor, within: *within }.into());
                }
            }
        }
        Ok(())
    }

    async fn stand(&self, reference: RevisionRef) -> Result<Stand, EngineError> {
        match self.parts.store.resolve(reference).await {
            Ok(revision) => Ok(Stand::At(revision.id)),
            Err(StoreError::NotFound(_)) if reference.number.is_none() => Ok(Stand::Unborn(reference.job)),
            Err(StoreError::NotFound(_)) => {
                let reason = "it has no such revision".to_owned();
                Err(StoreError::Parent { parent: reference, reason }.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the revisions that a job has in it or will have, and the jobs without a result that it waits for.
    async fn contents_of(
        &self,
        reference: RevisionRef,
    ) -> Result<(BTreeSet<RevisionId>, BTreeSet<JobId>), EngineError> {
        let (born, unborn) = self.frontier(reference).await?;
        let history = self.history(&born).await?;
        Ok((history.revisions.into_keys().collect(), unborn))
    }

    /// Returns the newest revisions that a job has in it or will have, and the jobs without a result that it waits for.
    async fn frontier(&self, reference: RevisionRef) -> Result<(Vec<RevisionId>, BTreeSet<JobId>), EngineError> {
        let (mut born, mut unborn) = (Vec::new(), BTreeSet::new());
        let mut open = vec![reference];
        while let Some(next) = open.pop() {
            match self.stand(next).await? {
                Stand::At(id) => born.push(id),
                Stand::Unborn(id) => {
                    if unborn.insert(id) {
                        let links = self.parts.store.job(id).await?.parents;
                        open.extend(links.iter().map(|link| RevisionRef { job: link.job, number: link.number }));
                    }
                }
            }
        }
        Ok((born, unborn))
    }
}
