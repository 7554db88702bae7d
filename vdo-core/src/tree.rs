//! The files a job sees: deltas laid over the files of its ancestors.
//!
//! Pure: contents are hashes here. Invariant: a [`FileTree`] never has a file where another entry needs
//! a folder, and no two of its paths differ only in case (both are checked where a tree is made from
//! outside, by [`FileTree::faults`], and kept by every function of this module that changes one).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::content::{BlobHash, Entry};
use crate::file::{Change, DeltaEntry, FileRow};
use crate::id::{JobId, StepKey};
use crate::path::RepoPath;

/// Paths and what lies at them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct FileTree(pub BTreeMap<RepoPath, Entry>);

/// What a revision changed against its base.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Delta(pub BTreeMap<RepoPath, DeltaEntry>);

/// A file of a manifest and the job that last wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ManifestEntry {
    /// The file.
    pub entry: Entry,
    /// The job whose delta put it there.
    pub job: JobId,
}

/// A whole tree with the origin of every file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Manifest(pub BTreeMap<RepoPath, ManifestEntry>);

/// Why a path does not fit into a tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum TreeFault {
    /// A file lies where a folder is needed.
    #[error("{path} needs a folder where the file {file} is")]
    FileAsFolder {
        /// The path that does not fit.
        path: RepoPath,
        /// The file in its way.
        file: String,
    },
    /// Files lie below a path that is to be a file.
    #[error("{path} is a folder with files in it, such as {below}")]
    FolderAsFile {
        /// The path that does not fit.
        path: RepoPath,
        /// A file below it.
        below: RepoPath,
    },
    /// Another path differs only in case.
    #[error("{path} differs from {other} only in case; many file systems cannot hold both")]
    CaseClash {
        /// The path that does not fit.
        path: RepoPath,
        /// The path that is there.
        other: RepoPath,
    },
    /// A component of the path is a symbolic link or a submodule.
    #[error("{path} leads through {link}, which is a link or a submodule and is never followed")]
    ThroughLink {
        /// The path that does not fit.
        path: RepoPath,
        /// The link on the way.
        link: String,
    },
}

impl FileTree {
    /// Returns what lies at `path`.
    #[must_use]
    pub fn get(&self, path: &RepoPath) -> Option<Entry> {
        self.0.get(path).copied()
    }

    /// Returns how many files there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there is no file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the hash that names this tree: BLAKE3 over `path NUL mode NUL blob LF` for every file, in
    /// the byte order of the paths. Equal trees have equal hashes, whatever their history.
    #[must_use]
    pub fn root_hash(&self) -> BlobHash {
        root_hash(&self.0, |entry| *entry)
    }

    /// Returns why a file cannot lie at `path`, if it cannot.
    #[must_use]
    pub fn fault_at(&self, path: &RepoPath) -> Option<TreeFault> {
        for folder in path.ancestors() {
            if let Some(entry) = self.0.get(folder) {
                let (path, file) = (path.clone(), folder.to_owned());
                return Some(if entry.mode.is_file() {
                    TreeFault::FileAsFolder { path, file }
                } else {
                    TreeFault::ThroughLink { path, link: file }
                });
            }
        }
        let prefix = format!("{path}/");
        if let Some((below, _)) = self.0.range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded)).next()
            && below.as_str().starts_with(&prefix)
        {
            return Some(TreeFault::FolderAsFile { path: path.clone(), below: below.clone() });
        }
        None
    }

    /// Returns every path that does not fit beside the others.
    #[must_use]
    pub fn faults(&self) -> Vec<TreeFault> {
        let mut folded: BTreeMap<String, &RepoPath> = BTreeMap::new();
        let mut faults = Vec::new();
        for path in self.0.keys() {
            if let Some(other) = folded.insert(path.folded(), path) {
                faults.push(TreeFault::CaseClash { path: path.clone(), other: other.clone() });
            }
            if let Some(fault @ (TreeFault::FileAsFolder { .. } | TreeFault::ThroughLink { .. })) = self.fault_at(path)
            {
                faults.push(fault);
            }
        }
        faults
    }

    /// Returns the path that differs from `path` only in case, if there is one.
    #[must_use]
    pub fn case_twin(&self, path: &RepoPath) -> Option<&RepoPath> {
        let folded = path.folded();
        self.0.keys().find(|other| *other != path && other.folded() == folded)
    }

    /// Returns this tree with `delta` laid over it.
    #[must_use]
    pub fn with(mut self, delta: &Delta) -> Self {
        for (path, entry) in &delta.0 {
            match entry.change.entry() {
                Some(entry) => self.0.insert(path.clone(), entry),
                None => self.0.remove(path),
            };
        }
        self
    }

    /// Returns what turns `base` into this tree. A deleted file whose content appears unchanged at one new path is a
    /// rename. `steps` names the step that wrote a path last, where one did.
    #[must_use]
    pub fn delta_from(&self, base: &Self, steps: &BTreeMap<RepoPath, StepKey>) -> Delta {
        let step = |path: &RepoPath| steps.get(path).cloned();
        let mut gone: BTreeMap<BlobHash, Vec<&RepoPath>> = BTreeMap::new();
        let mut delta = Delta::default();
        for (path, entry) in &base.0 {
            if !self.0.contains_key(path) {
                gone.entry(entry.blob).or_default().push(path);
                delta.0.insert(path.clone(), DeltaEntry { change: Change::Deleted, step: step(path), origin: None });
            }
        }
        for (path, entry) in &self.0 {
            let change = match base.0.get(path) {
                Some(old) if old == entry => continue,
                Some(_) => Change::Modified { entry: *entry },
                None => match gone.get_mut(&entry.blob).and_then(Vec::pop) {
                    Some(from) => Change::Renamed { entry: *entry, from: from.clone() },
                    None => Change::Created { entry: *entry },
                },
            };
            delta.0.insert(path.clone(), DeltaEntry { change, step: step(path), origin: None });
        }
        delta
    }

    /// Returns the hashes of all contents, each once.
    #[must_use]
    pub fn blobs(&self) -> BTreeSet<BlobHash> {
        self.0.values().map(|entry| entry.blob).collect()
    }
}

impl Delta {
    /// Marks what a merge took over unchanged from one of the further parents, rather than having a step do it, with the job
    /// it came from. `self` is against the first parent.
    #[must_use]
    pub fn with_origins(mut self, others: &[(JobId, Manifest)]) -> Self {
        for (path, entry) in self.0.iter_mut().filter(|(_, entry)| entry.step.is_none()) {
            let there = |(job, manifest): &(JobId, Manifest)| match (manifest.0.get(path), entry.change.entry()) {
                (Some(file), Some(now)) if file.entry == now => Some(file.job),
                (None, None) => Some(*job),
                _ => None,
            };
            entry.origin = others.iter().find_map(there);
        }
        self
    }
}

fn root_hash<F>(files: &BTreeMap<RepoPath, F>, entry: impl Fn(&F) -> Entry) -> BlobHash {
    // One piece: a hasher is fastest with much at once.
    let mut text = Vec::with_capacity(files.len() * 96);
    for (path, file) in files {
        let entry = entry(file);
        text.extend_from_slice(path.as_str().as_bytes());
        text.push(b'\0');
        text.extend_from_slice(entry.mode.as_str().as_bytes());
        text.push(b'\0');
        text.extend_from_slice(entry.blob.as_bytes());
        text.push(b'\n');
    }
    BlobHash::of(&text)
}

impl FromIterator<(RepoPath, Entry)> for FileTree {
    fn from_iter<I: IntoIterator<Item = (RepoPath, Entry)>>(files: I) -> Self {
        Self(files.into_iter().collect())
    }
}

impl Manifest {
    /// Returns the hash that names the tree; see [`FileTree::root_hash`].
    #[must_use]
    pub fn root_hash(&self) -> BlobHash {
        root_hash(&self.0, |file| file.entry)
    }

    /// Returns the tree without the origins.
    #[must_use]
    pub fn tree(&self) -> FileTree {
        self.0.iter().map(|(path, file)| (path.clone(), file.entry)).collect()
    }

    /// Returns this manifest with a delta of `job` laid over it.
    #[must_use]
    pub fn with(mut self, job: JobId, delta: &Delta) -> Self {
        for (path, entry) in &delta.0 {
            match entry.change.entry() {
                Some(file) => {
                    let job = entry.origin.unwrap_or(job);
                    self.0.insert(path.clone(), ManifestEntry { entry: file, job })
                }
                None => self.0.remove(path),
            };
        }
        self
    }

    /// Returns where each file of `job`'s revision comes from, deleted files included, in path order.
    /// `self` is the revision's manifest, `delta` what it changed against its first parent.
    #[must_use]
    pub fn file_rows(&self, delta: &Delta) -> Vec<FileRow> {
        let mut rows: BTreeMap<&RepoPath, FileRow> = BTreeMap::new();
        for (path, file) in &self.0 {
            let row = FileRow { filename: path.clone(), source: "inherited".to_owned(), from_job: Some(file.job) };
            rows.insert(path, row);
        }
        let sources: BTreeSet<&RepoPath> = delta
            .0
            .values()
            .filter_map(|entry| match &entry.change {
                Change::Renamed { from, .. } => Some(from),
                Change::Created { .. } | Change::Modified { .. } | Change::Deleted => None,
            })
            .collect();
        for (path, entry) in &delta.0 {
            let moved_away = entry.change == Change::Deleted && sources.contains(path);
            if moved_away || entry.origin.is_some() {
                continue;
            }
            let source = entry.change.as_str().to_owned();
            rows.insert(path, FileRow { filename: path.clone(), source, from_job: None });
        }
        rows.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> FileTree {
        files.iter().map(|(path, text)| (path.parse().unwrap(), Entry::file(BlobHash::of(text.as_bytes())))).collect()
    }

    #[test]
    fn laying_the_delta_over_the_base_gives_the_tree() {
        let base = tree(&[("a", "1"), ("b", "2"), ("c", "3")]);
        let new = tree(&[("a", "1"), ("b", "changed"), ("d/c", "3"), ("e", "new")]);
        let delta = new.delta_from(&base, &BTreeMap::new());
        let names: Vec<_> = delta.0.iter().map(|(path, entry)| (path.as_str(), entry.change.as_str())).collect();
        assert_eq!(names, [("b", "modified"), ("c", "deleted"), ("d/c", "renamed"), ("e", "created")]);
        assert_eq!(base.with(&delta), new);
    }

    #[test]
    fn file_rows_name_the_source_of_every_file_and_show_a_rename_once() {
        let (one, two) = (JobId::new(1).unwrap(), JobId::new(2).unwrap());
        let base = tree(&[("a", "1"), ("b", "2"), ("c", "3"), ("x", "9")]);
        let manifest = Manifest::default().with(one, &base.delta_from(&FileTree::default(), &BTreeMap::new()));
        let delta = tree(&[("a", "1"), ("b", "other"), ("d", "3")]).delta_from(&base, &BTreeMap::new());
        let rows = manifest.with(two, &delta).file_rows(&delta);
        let rows: Vec<_> = rows.iter().map(|row| (row.filename.as_str(), row.source.as_str(), row.from_job)).collect();
        assert_eq!(
            rows,
            [("a", "inherited", Some(one)), ("b", "modified", None), ("d", "renamed", None), ("x", "deleted", None)]
        );
    }

    #[test]
    fn paths_that_cannot_live_together_are_faults() {
        let mut files = tree(&[("a/b", ""), ("Read.me", ""), ("read.ME", "")]);
        files.0.insert(
            "link".parse().unwrap(),
            Entry { blob: BlobHash::of(b"/etc"), mode: crate::content::Mode::Symlink },
        );
        assert_eq!(files.faults().len(), 1);
        let kinds: Vec<_> = ["a", "a/b/c", "link/x", "a/c"].map(|path| files.fault_at(&path.parse().unwrap())).into();
        assert!(matches!(
            kinds[..],
            [
                Some(TreeFault::FolderAsFile { .. }),
                Some(TreeFault::FileAsFolder { .. }),
                Some(TreeFault::ThroughLink { .. }),
                None
            ]
        ));
    }

    #[test]
    fn the_root_hash_depends_on_paths_modes_and_contents_only() {
        let one = tree(&[("a", "1"), ("b", "2")]);
        assert_eq!(one.root_hash(), tree(&[("b", "2"), ("a", "1")]).root_hash());
        assert_ne!(one.root_hash(), tree(&[("a", "2"), ("b", "1")]).root_hash());
        assert_ne!(one.root_hash(), tree(&[("a", "1")]).root_hash());
    }
}
