//! What merges left to decide, shown to people, and their decisions.

use crate::conflict::{ConflictRow, Decision, How, Side, marker_line};
use crate::content::{Blob, Entry, Mode};
use crate::contents::Contents;
use crate::diff::is_binary;
use crate::edit::apply::MAX_FILE_BYTES;
use crate::engine::rebase::decided_reason;
use crate::engine::{Engine, EngineError};
use crate::event::EventKind;
use crate::id::JobId;
use crate::job::{Job, JobStatus};
use crate::merge::markers::Labels;
use crate::merge::text::{TextConflict, TextHunk, TextMerge, Texts, merge};
use crate::path::RepoPath;
use crate::port::changes::{Changes, Guard};
use crate::run::{check_text, merged_mode, side_labels};

/// The longest version of a file that is shown with markers, in bytes.
const MAX_SHOWN: usize = 1024 * 1024;

/// A conflict as people are shown it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConflictView {
    /// The conflict.
    pub row: ConflictRow,
    /// What our side is called: `#2`, or `#2 + #3` from the third parent on.
    pub ours: String,
    /// What their side is called.
    pub theirs: String,
    /// The file with marker lines around what does not merge; none for anything but text on both sides.
    pub marked: Option<String>,
    /// What does not merge, part by part; empty for anything but text on both sides.
    pub hunks: Vec<HunkView>,
}

/// A part of a text that does not merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HunkView {
    /// The line of the merged text at which it stands, from 1.
    pub line: usize,
    /// What was there before.
    pub base: String,
    /// What our side made of it.
    pub ours: String,
    /// What their side made of it.
    pub theirs: String,
    /// Why they do not merge.
    pub reason: String,
}

impl HunkView {
    fn all(merged: &TextMerge) -> Vec<Self> {
        let lines = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count();
        let read = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (mut line, mut views) = (1, Vec::new());
        for hunk in &merged.hunks {
            match hunk {
                TextHunk::Merged(text) => line += lines(text),
                TextHunk::Conflict(TextConflict { base, ours, theirs, reason }) => {
                    let (base, theirs, reason) = (read(base), read(theirs), reason.clone());
                    views.push(Self { line, base, ours: read(ours), theirs, reason });
                    line += lines(ours);
                }
            }
        }
        views
    }
}

/// What a person decides about a conflict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// A side as it is; if the file is not there on that side, it is removed.
    Take(Side),
    /// The file is removed. Only where one of the sides, or what was before, does not have it.
    Delete,
    /// This content.
    File(Vec<u8>),
}

/// Why a decision is not taken. Nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveRefusal {
    /// The merge of the job left nothing to decide there.
    #[error("{path} is not in conflict in job {job}{}", open_text(.open))]
    NoConflict {
        /// The job.
        job: JobId,
        /// The path.
        path: RepoPath,
        /// The paths that are.
        open: Vec<RepoPath>,
    },
    /// It is decided already.
    #[error("{path} is decided already: {how} by {author}")]
    Decided {
        /// The path.
        path: RepoPath,
        /// How.
        how: &'static str,
        /// By whom.
        author: String,
    },
    /// Nobody removed the file.
    #[error("{path} is there on both sides; take one of them, or give the file")]
    NotDeleted {
        /// The path.
        path: RepoPath,
    },
    /// The content cannot be the result.
    #[error("{path}: {reason}")]
    Content {
        /// The path.
        path: RepoPath,
        /// Why not.
        reason: String,
    },
}

fn open_text(open: &[RepoPath]) -> String {
    let names: Vec<&str> = open.iter().take(10).map(RepoPath::as_str).collect();
    if names.is_empty() { "; nothing is".to_owned() } else { format!("; open are {}", names.join(", ")) }
}

impl Engine {
    /// Returns what the merge of a job left to decide, open and decided, in the order it was found.
    ///
    /// # Errors
    /// [`crate::port::StoreError::NotFound`] if there is no such job.
    pub async fn conflicts(&self, id: JobId) -> Result<Vec<ConflictView>, EngineError> {
        let job = self.parts.store.job(id).await?;
        let mut views = Vec::new();
        for row in self.parts.store.conflicts(id).await? {
            views.push(self.view(&job, row).await?);
        }
        Ok(views)
    }

    async fn view(&self, job: &Job, row: ConflictRow) -> Result<ConflictView, EngineError> {
        let parents: Vec<JobId> = job.parents.iter().map(|link| link.job).collect();
        let [mut ours, base, mut theirs] = side_labels(&parents, row.round);
        if row.is_rebase() {
            let names: Vec<String> = parents.iter().map(ToString::to_string).collect();
            (ours, theirs) = (names.join(" + "), job.id.to_string());
        }
        let contents = self.terms(&row).await?;
        let read = |entry: Option<Entry>| {
            entry.filter(|entry| entry.mode.is_file()).and_then(|entry| contents.get(entry.blob))
        };
        let before = if row.base.is_some() { read(row.base) } else { Some(Vec::new().into()) };
        let merged = match (before, read(row.ours), read(row.theirs)) {
            (Some(one), Some(two), Some(three))
                if [&one, &two, &three].iter().all(|side| side.len() <= MAX_SHOWN && !is_binary(side)) =>
            {
                let texts = Texts { path: &row.path, base: &one, ours: &two, theirs: &three };
                Some(merge(texts, self.parts.syntax.as_ref()))
            }
            _ => None,
        };
        let labels = Labels { ours: &ours, base: &base, theirs: &theirs };
        let write = |merged: &TextMerge| String::from_utf8(merged.with_markers(labels, merged.marker_size())).ok();
        let marked = merged.as_ref().and_then(write);
        let hunks = merged.as_ref().map(HunkView::all).unwrap_or_default();
        Ok(ConflictView { row, ours, theirs, marked, hunks })
    }

    async fn terms(&self, row: &ConflictRow) -> Result<Contents, EngineError> {
        let entries = [row.base, row.ours, row.theirs].into_iter().flatten();
        let hashes: Vec<_> = entries.filter(|entry| entry.mode.is_file()).map(|entry| entry.blob).collect();
        let mut contents = Contents::default();
        for blob in self.parts.store.blobs(&hashes).await? {
            contents.add(&blob);
        }
        Ok(contents)
    }

    /// Decides a conflict. With the last one the job is queued again, and its next run goes on with the decisions.
    ///
    /// A decision can be changed while all conflicts are decided and the job waits all the same, because they do not fit together.
    ///
    /// # Errors
    /// [`EngineError::NotDecidable`] if the job does not wait for a decision, [`EngineError::Resolve`] for what cannot be decided
    /// or not so, [`crate::port::StoreError::Conflict`] if somebody else decided something meanwhile; nothing changed then.
    pub async fn resolve(
        &self,
        id: JobId,
        path: &RepoPath,
        resolution: Resolution,
        author: &str,
    ) -> Result<Job, EngineError> {
        let store = &self.parts.store;
        let job = store.job(id).await?;
        let rows = store.conflicts(id).await?;
        let open: Vec<&ConflictRow> = rows.iter().filter(|row| row.is_open()).collect();
        let found = open.iter().copied().find(|row| row.path == *path);
        let row = match (found, rows.iter().rfind(|row| row.path == *path)) {
            (Some(row), _) => row,
            (None, Some(row)) if open.is_empty() && job.status == JobStatus::NeedsDecision && job.head.is_none() => row,
            (None, Some(ConflictRow { decision: Some(known), .. })) => {
                let (path, author) = (path.clone(), known.author.clone());
                return Err(ResolveRefusal::Decided { path, how: known.how.as_str(), author }.into());
            }
            (None, _) => {
                let open = open.iter().map(|row| row.path.clone()).collect();
                return Err(ResolveRefusal::NoConflict { job: id, path: path.clone(), open }.into());
            }
        };
        if job.status != JobStatus::NeedsDecision {
            return Err(EngineError::NotDecidable { job: id, status: job.status, decision: "resolved" });
        }
        let (entry, how, blob) = self.decide(row, resolution).await?;
        let at = self.parts.clock.now();
        let mut changes = Changes::new(Guard::Version { job: id, version: job.version }, at);
        changes.blobs.extend(blob);
        let author = author.to_owned();
        changes.events.push(EventKind::Resolved { path: path.clone(), how, author: author.clone() });
        changes.conflicts.push(ConflictRow { decision: Some(Decision { entry, how, author, at }), ..row.clone() });
        if open.iter().all(|other| other.ordinal == row.ordinal) {
            let (status, reason) = match row.is_rebase() {
                false => (JobStatus::Queued, Some("every conflict is decided".to_owned())),
                true => (JobStatus::NeedsDecision, Some(decided_reason(id))),
            };
            changes = changes.with_status(status, reason.clone()).with_event(EventKind::Status { status, reason });
        }
        self.commit(changes).await?;
        Ok(store.job(id).await?)
    }

    async fn decide(
        &self,
        row: &ConflictRow,
        resolution: Resolution,
    ) -> Result<(Option<Entry>, How, Option<Blob>), EngineError> {
        let refuse = |reason: String| ResolveRefusal::Content { path: row.path.clone(), reason };
        match resolution {
            Resolution::Take(side) => {
                let how = match side {
                    Side::Base => How::Base,
                    Side::Ours => How::Ours,
                    Side::Theirs => How::Theirs,
                };
                Ok((row.side(side), how, None))
            }
            Resolution::Delete if [row.base, row.ours, row.theirs].iter().all(Option::is_some) => {
                Err(ResolveRefusal::NotDeleted { path: row.path.clone() }.into())
            }
            Resolution::Delete => Ok((None, How::Delete, None)),
            Resolution::File(bytes) if bytes.len() > MAX_FILE_BYTES => {
                let text = format!("it has {} bytes; at most {MAX_FILE_BYTES} are taken", bytes.len());
                Err(refuse(text).into())
            }
            Resolution::File(bytes) => {
                let contents = self.terms(row).await?;
                let read = |entry: Option<Entry>| entry.and_then(|entry| contents.get(entry.blob)).unwrap_or_default();
                let (base, ours, theirs) = (read(row.base), read(row.ours), read(row.theirs));
                let texts = Texts { path: &row.path, base: &base, ours: &ours, theirs: &theirs };
                match std::str::from_utf8(&bytes) {
                    Ok(text) => check_text(texts, text, self.parts.syntax.as_ref()).map_err(refuse)?,
                    Err(_) => {
                        let text = String::from_utf8_lossy(&bytes);
                        if let Some((number, _)) = marker_line(&text, &[]) {
                            return Err(refuse(format!("line {number} is still a conflict marker")).into());
                        }
                    }
                }
                let mode = match (row.ours, row.theirs) {
                    (Some(ours), Some(theirs)) => merged_mode(row.base, ours, theirs).unwrap_or(ours.mode),
                    (one, other) => one.or(other).map_or(Mode::File, |entry| entry.mode),
                };
                let mode = if mode.is_file() { mode } else { Mode::File };
                let blob = Blob::new(bytes);
                Ok((Some(Entry { blob: blob.hash(), mode }), How::File, Some(blob)))
            }
        }
    }
}
