//! Where files and lines of a job come from, and what differs between two jobs, read from the store.

use std::collections::{BTreeMap, BTreeSet};

use crate::content::{BlobHash, Bytes, Entry};
use crate::contents::Contents;
use crate::engine::{Engine, EngineError};
use crate::file::{Change, FileRow};
use crate::id::{JobId, RevisionId, RevisionRef, StepKey};
use crate::job::Revision;
use crate::patch::{self, FileChange};
use crate::path::RepoPath;
use crate::port::{CallRow, CallState, StoreError};
use crate::provenance::{self, Ask, Blame, LineOrigin, Origin};
use crate::tree::{Delta, FileTree, Manifest};

/// A file with the origin of each of its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blamed {
    /// The content.
    pub content: Bytes,
    /// The origins, one for each of [`provenance::units`].
    pub lines: Vec<BlamedLine>,
}

/// Where a line comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlamedLine {
    /// The job that introduced it.
    pub job: JobId,
    /// With which of its revisions; 0 if that is not known any more, because a job was detached from it.
    pub revision: u32,
    /// Where the file was then.
    pub path: RepoPath,
    /// The step that wrote the file then, if a run did.
    pub step: Option<StepKey>,
    /// The model that was asked in that step, as `provider:model`.
    pub model: Option<String>,
    /// Who made the revision.
    pub author: String,
}

impl Engine {
    /// Returns where each file of a job comes from, deleted files included.
    ///
    /// What a merge job has from any of its parents is inherited from the job that wrote it; what none of them has, is its own.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the job is not there or has no result yet.
    pub async fn files(&self, reference: RevisionRef) -> Result<Vec<FileRow>, EngineError> {
        let revision = self.parts.store.resolve(reference).await?;
        let manifest = self.manifest(&revision).await?;
        self.files_of(&revision, &manifest).await
    }

    /// Returns where each file of a revision comes from. `manifest` is [`Engine::manifest`]'s.
    pub(super) async fn files_of(&self, revision: &Revision, manifest: &Manifest) -> Result<Vec<FileRow>, EngineError> {
        let store = &self.parts.store;
        let base = self.outside(revision).await?;
        let delta = if base == revision.base {
            store.delta(revision.id).await?
        } else {
            let old = self.tree_or_nothing(base).await?;
            manifest.tree().delta_from(&old, &BTreeMap::new())
        };
        let mut rows = manifest.file_rows(&delta);
        let mut others = Vec::new();
        for parent in self.pins(revision).await?.iter().skip(1) {
            others.push(store.manifest(parent.id).await?);
        }
        if !others.is_empty() {
            rows.retain_mut(|row| from_parents(row, manifest, &others));
        }
        Ok(rows)
    }

    /// Returns a revision's manifest with the job that wrote each file, also where it came in through a merge.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such revision.
    pub async fn manifest(&self, revision: &Revision) -> Result<Manifest, EngineError> {
        let store = &self.parts.store;
        let mut manifest = store.manifest(revision.id).await?;
        // The trees that the merge jobs among the origins brought together; none for other jobs.
        let mut merged: BTreeMap<JobId, Vec<Manifest>> = BTreeMap::new();
        let mut open: BTreeSet<RepoPath> = manifest.0.keys().cloned().collect();
        while !open.is_empty() {
            let jobs: BTreeSet<JobId> = open.iter().filter_map(|path| Some(manifest.0.get(path)?.job)).collect();
            for id in jobs.into_iter().filter(|id| !merged.contains_key(id)).collect::<Vec<_>>() {
                let mut parents = Vec::new();
                let links = match store.job(id).await {
                    Ok(job) => job.parents,
                    // Its files live on in a job that was detached from it.
                    Err(StoreError::NotFound(_)) => Vec::new(),
                    Err(error) => return Err(error.into()),
                };
                for link in links.iter().filter(|_| links.len() > 1).filter_map(|link| link.revision) {
                    parents.push(store.manifest(link).await?);
                }
                merged.insert(id, parents);
            }
            open.retain(|path| {
                let Some(file) = manifest.0.get_mut(path) else { return false };
                let parents = merged.get(&file.job).into_iter().flatten();
                let mut same =
                    parents.filter_map(|parent| parent.0.get(path)).filter(|other| other.entry == file.entry);
                let Some(other) = same.next() else { return false };
                let moved = other.job != file.job;
                file.job = other.job;
                moved
            });
        }
        Ok(manifest)
    }

    /// Returns the files in which `after` differs from `before`, or from its first parent if that is none.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if a job is not there or has no result yet.
    pub async fn changes(
        &self,
        before: Option<RevisionRef>,
        after: RevisionRef,
    ) -> Result<Vec<FileChange>, EngineError> {
        let store = &self.parts.store;
        let after = store.resolve(after).await?;
        let before = match before {
            Some(reference) => Some(store.resolve(reference).await?.id),
            None => self.outside(&after).await?,
        };
        let (before, after) = (self.tree_or_nothing(before).await?, store.manifest(after.id).await?.tree());
        let contents = self.contents(patch::needed(&before, &after)).await?;
        Ok(patch::changes(&before, &after, &contents))
    }

    /// Returns contents by their hashes.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] and [`StoreError::Corrupt`] name the first that cannot be had.
    pub async fn contents(&self, hashes: impl IntoIterator<Item = BlobHash>) -> Result<Contents, EngineError> {
        let hashes: Vec<BlobHash> = hashes.into_iter().collect();
        let mut contents = Contents::default();
        for blob in self.parts.store.blobs(&hashes).await? {
            contents.add(&blob);
        }
        Ok(contents)
    }

    /// Returns a file with the job, task and model that each line comes from.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the job or the file is not there.
    pub async fn blame(&self, reference: RevisionRef, path: &RepoPath) -> Result<Blamed, EngineError> {
        let store = &self.parts.store;
        let revision = store.resolve(reference).await?;
        let file = store.manifest(revision.id).await?.0.get(path).copied();
        let file = file.ok_or_else(|| StoreError::NotFound(format!("file {path} in job {reference}")))?;
        let history = self.history(&[revision.id]).await?;
        let mut blame = Blame::new(history.lineage, revision.id, path.clone(), file.entry.blob);
        while let Some(ask) = blame.ask() {
            match ask {
                Ask::Origin { revision, path, blob, parent } => {
                    let base = history.revisions.get(&revision).and_then(|revision| revision.base);
                    let origin = self.origin(revision, base, &path, blob, parent).await?;
                    blame.tell_origin(origin);
                }
                Ask::Contents { old, new } => blame.tell_contents(&self.contents([old, new]).await?),
                Ask::Content(blob) => blame.tell_contents(&self.contents([blob]).await?),
            }
        }
        let mut writers = Writers::default();
        let mut lines = Vec::new();
        for origin in blame.finish() {
            let Some(revision) = history.revisions.get(&origin.revision) else { continue };
            lines.push(self.blamed(revision, origin, &mut writers).await?);
        }
        let content = self.contents([file.entry.blob]).await?.get(file.entry.blob).unwrap_or_default();
        Ok(Blamed { content, lines })
    }

    /// Tells where a file was in a parent.
    async fn origin(
        &self,
        revision: RevisionId,
        base: Option<RevisionId>,
        path: &RepoPath,
        blob: BlobHash,
        parent: RevisionId,
    ) -> Result<Option<Origin>, EngineError> {
        let store = &self.parts.store;
        if base == Some(parent) {
            // Mostly the delta alone tells.
            let delta = store.delta(revision).await?;
            match delta.0.get(path).map(|entry| &entry.change) {
                None => return Ok(Some(Origin { path: path.clone(), blob })),
                Some(Change::Renamed { from, entry }) => {
                    return Ok(Some(Origin { path: from.clone(), blob: entry.blob }));
                }
                Some(Change::Created { .. }) if !deletes(&delta) => return Ok(None),
                Some(Change::Created { .. } | Change::Modified { .. } | Change::Deleted) => {}
            }
        }
        let before = store.manifest(parent).await?.tree();
        if let Some(Entry { blob, .. }) = before.get(path) {
            return Ok(Some(Origin { path: path.clone(), blob }));
        }
        let after = store.manifest(revision).await?.tree();
        let contents = self.contents(provenance::needed(&before, &after, path)).await?;
        Ok(provenance::origin(&before, &after, path, &contents))
    }

    async fn blamed(
        &self,
        revision: &Revision,
        origin: LineOrigin,
        writers: &mut Writers,
    ) -> Result<BlamedLine, EngineError> {
        let store = &self.parts.store;
        let (id, job) = (revision.id, revision.job);
        if let std::collections::btree_map::Entry::Vacant(place) = writers.deltas.entry(id) {
            place.insert(store.delta(id).await?);
        }
        if let std::collections::btree_map::Entry::Vacant(place) = writers.calls.entry(job) {
            place.insert(store.calls(job).await?);
        }
        let entry = writers.deltas.get(&id).and_then(|delta| delta.0.get(&origin.path));
        if let (None, Some(first)) = (revision.base, entry.and_then(|entry| entry.origin)) {
            // A copy that the job was given when it was detached.
            let (step, model, author) = (None, None, format!("detached from {first}"));
            return Ok(BlamedLine { job: first, revision: 0, path: origin.path, step, model, author });
        }
        let step = entry.and_then(|entry| entry.step.clone());
        let model = step.as_ref().and_then(|step| model_of(writers.calls.get(&job)?, step));
        let author = revision.author.clone();
        Ok(BlamedLine { job, revision: revision.number, path: origin.path, step, model, author })
    }

    /// Returns the newest revision below this one that is of another job.
    async fn outside(&self, revision: &Revision) -> Result<Option<RevisionId>, EngineError> {
        let mut base = revision.base;
        while let Some(id) = base {
            let earlier = self.parts.store.revision(id).await?;
            if earlier.job != revision.job {
                break;
            }
            base = earlier.base;
        }
        Ok(base)
    }

    pub(super) async fn tree_or_nothing(&self, revision: Option<RevisionId>) -> Result<FileTree, EngineError> {
        match revision {
            Some(id) => Ok(self.parts.store.manifest(id).await?.tree()),
            None => Ok(FileTree::default()),
        }
    }
}

/// What was read to tell who wrote a line.
#[derive(Default)]
struct Writers {
    deltas: BTreeMap<RevisionId, Delta>,
    calls: BTreeMap<JobId, Vec<CallRow>>,
}

fn deletes(delta: &Delta) -> bool {
    delta.0.values().any(|entry| entry.change == Change::Deleted)
}

/// Returns the model that answered in a step; the tool calls of an answer are that step's.
fn model_of(calls: &[CallRow], step: &StepKey) -> Option<String> {
    let asked = step.clone().with_tool(0);
    let answered = calls.iter().filter(|call| call.step == asked && call.state == CallState::Answered);
    answered.max_by_key(|call| call.number).map(|call| format!("{}:{}", call.provider, call.model))
}

/// Corrects the row of a merge job by what its other parents have; tells whether the row stays.
fn from_parents(row: &mut FileRow, manifest: &Manifest, others: &[Manifest]) -> bool {
    let path = &row.filename;
    match row.source.as_str() {
        "inherited" => true,
        // A parent that does not have it deleted it already.
        "deleted" => others.iter().all(|other| other.0.contains_key(path)),
        _ => {
            let Some(file) = manifest.0.get(path) else { return true };
            let theirs = || others.iter().filter_map(|other| other.0.get(path));
            if theirs().any(|other| other.entry == file.entry) {
                row.source = "inherited".to_owned();
                row.from_job = Some(file.job);
            } else if theirs().next().is_some() {
                row.source = "modified".to_owned();
            }
            true
        }
    }
}
