//! Reading a folder in which a person changed the files of a job.
//!
//! Blocks while it reads. Invariant: a file of the job counts as deleted only if nothing lies at its path any more; what an
//! import leaves out, by ignore files for example, stays as the job has it.

use std::path::Path;

use vdo_core::content::{Blob, Mode};
use vdo_core::path::RepoPath;
use vdo_core::tree::FileTree;

use crate::deploy::RECORD_NAME;
use crate::import::{ImportError, ImportLimits, SkipReason, Skipped};
use crate::repository;

/// A folder was not read, or not in full.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CorrectionError {
    /// The folder cannot be taken in.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// A file of the job cannot be taken in as it is now.
    #[error("{path} is a file of the job and cannot be taken: {reason}")]
    Skipped {
        /// The file.
        path: String,
        /// Why not.
        reason: SkipReason,
    },
}

/// What a person made of a job's files.
#[derive(Debug, Clone)]
pub struct Correction {
    /// The whole tree.
    pub tree: FileTree,
    /// The contents of the folder, each once.
    pub blobs: Vec<Blob>,
    /// What was not taken and is not of the job either.
    pub skipped: Vec<Skipped>,
}

/// Reads `folder`, in which the files of a job, `before`, were changed.
///
/// # Errors
/// [`CorrectionError::Skipped`] if a file of the job is there but cannot be taken, such as one that grew too large.
pub fn read(folder: &Path, before: &FileTree, limits: &ImportLimits) -> Result<Correction, CorrectionError> {
    let mut imported = repository::import(folder, limits)?;
    let is_of_job = |path: &str| before.0.keys().any(|known| known.as_str() == path);
    if let Some(lost) = imported.skipped.iter().find(|skipped| is_of_job(&skipped.path)) {
        return Err(CorrectionError::Skipped { path: lost.path.clone(), reason: lost.reason.clone() });
    }
    let mut tree = imported.tree;
    if let Ok(record) = RECORD_NAME.parse::<RepoPath>()
        && !before.0.contains_key(&record)
    {
        tree.0.remove(&record);
    }
    for (path, entry) in &before.0 {
        if tree.0.contains_key(path) || tree.fault_at(path).is_some() {
            continue;
        }
        let there = folder.join(path.as_str()).symlink_metadata();
        let stays = match entry.mode {
            // A submodule is an empty folder, or none, wherever its repository is not at hand.
            Mode::Submodule => there.map_or(true, |data| data.is_dir()),
            Mode::File | Mode::Executable | Mode::Symlink => there.is_ok_and(|data| !data.is_dir()),
        };
        if stays {
            tree.0.insert(path.clone(), *entry);
        }
    }
    imported.skipped.retain(|skipped| skipped.path != RECORD_NAME);
    Ok(Correction { tree, blobs: imported.blobs, skipped: imported.skipped })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imported(folder: &Path) -> FileTree {
        repository::import(folder, &ImportLimits::default()).unwrap().tree
    }

    #[test]
    fn what_is_ignored_stays_what_is_gone_is_deleted_and_the_record_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        for name in ["a", "gone", "built"] {
            write(name, name);
        }
        let before = imported(folder.path());
        write(".gitignore", "built\n");
        write("a", "changed");
        write(RECORD_NAME, "{}");
        std::fs::remove_file(folder.path().join("gone")).unwrap();
        let read = read(folder.path(), &before, &ImportLimits::default()).unwrap();
        let names: Vec<&str> = read.tree.0.keys().map(vdo_core::path::RepoPath::as_str).collect();
        assert_eq!(names, [".gitignore", "a", "built"]);
        assert_ne!(read.tree.get(&"a".parse().unwrap()), before.get(&"a".parse().unwrap()));
    }

    #[test]
    fn a_file_of_the_job_that_grew_too_large_is_refused_and_a_new_one_is_told() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), "small").unwrap();
        std::fs::write(folder.path().join("c"), "small").unwrap();
        let before = imported(folder.path());
        let limits = ImportLimits::default().with_file_bytes(10);
        std::fs::write(folder.path().join("b"), "much too large").unwrap();
        let new = read(folder.path(), &before, &limits).unwrap();
        assert_eq!((new.tree, new.skipped.len()), (before.clone(), 1));
        std::fs::write(folder.path().join("a"), "much too large").unwrap();
        let refused = read(folder.path(), &before, &limits).unwrap_err();
        assert_eq!(refused.to_string(), "a is a file of the job and cannot be taken: it is larger than 10 bytes");
    }
}
