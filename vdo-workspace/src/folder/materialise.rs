//! Laying a tree out in a clean folder.
//!
//! Never writes through a link and never outside the folder. Links come last, so that nothing written
//! before could go through one. Invariant: on success every entry of the tree is in the folder, or
//! among the refused links.

use std::io;
use std::path::{Path, PathBuf};

use vdo_core::content::{Bytes, Entry, Mode};
use vdo_core::path::RepoPath;
use vdo_core::port::{SourceError, TreeSource};
use vdo_core::tree::TreeFault;

use super::confined::Confined;
use crate::blocking::{self, Size};

/// How many contents are held in memory at once.
const BATCH: usize = 256;

/// A link that was not made, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedLink {
    /// Where it was to be.
    pub path: RepoPath,
    /// Why it is not there.
    pub reason: &'static str,
}

/// What was laid out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Materialised {
    /// How many files, links and submodule folders were made.
    pub files: u64,
    /// The links that were not made.
    pub refused: Vec<RefusedLink>,
}

/// A tree was not laid out. The folder may hold a part of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MaterialiseError {
    /// The folder is not empty.
    #[error("{0} is not empty")]
    NotEmpty(PathBuf),
    /// Two paths of the tree cannot be in one folder.
    #[error("the tree does not fit into a folder")]
    Tree(#[source] TreeFault),
    /// The tree could not be read.
    #[error("the tree could not be read")]
    Source(#[from] SourceError),
    /// Writing failed.
    #[error("cannot write {path}")]
    Write {
        /// What was to be written.
        path: PathBuf,
        /// Why it could not be.
        #[source]
        source: io::Error,
    },
}

/// Returns why a link at `path` to `target` would not stay inside the tree; `None` if it does.
///
/// Only targets that go up first and then down are taken: after a `name/..` the file system may be
/// elsewhere than the text says, because `name` may be a link itself.
#[must_use]
pub fn link_fault(path: &RepoPath, target: &[u8]) -> Option<&'static str> {
    let Ok(target) = std::str::from_utf8(target) else {
        return Some("its target is not UTF-8");
    };
    if target.is_empty() || target.len() > 4000 || target.contains('\0') {
        return Some("its target is empty, too long or has a NUL");
    }
    if target.starts_with('/') {
        return Some("its target is absolute");
    }
    let mut room = path.ancestors().count();
    let mut below = false;
    for part in target.split('/').filter(|part| !matches!(*part, "" | ".")) {
        match part {
            ".." if below => return Some("its target goes up after going down"),
            ".." => match room.checked_sub(1) {
                Some(left) => room = left,
                None => return Some("its target lies outside"),
            },
            part if part.eq_ignore_ascii_case(".git") => return Some("its target lies in a .git folder"),
            _ => below = true,
        }
    }
    None
}

/// Lays the tree of `source` out in `dir`, which is made if it is not there and must be empty if it is.
///
/// Files get the modes 644 and 755 less the process's umask; a submodule becomes an empty folder.
/// The files system is not asked to write anything through to the disk.
///
/// # Errors
/// [`MaterialiseError`]; the folder may then hold a part of the tree.
pub async fn materialise(source: &dyn TreeSource, dir: &Path) -> Result<Materialised, MaterialiseError> {
    let tree = source.tree();
    for path in tree.0.keys() {
        if let Some(fault) = tree.fault_at(path) {
            return Err(MaterialiseError::Tree(fault));
        }
    }
    let mut folder = Some(prepare(dir)?);
    let mut done = Materialised::default();
    let (files, links): (Vec<_>, Vec<_>) = tree.0.iter().partition(|(_, entry)| entry.mode != Mode::Symlink);
    for batch in files.chunks(BATCH).chain(links.chunks(BATCH)) {
        let hashes: Vec<_> = batch.iter().map(|(_, entry)| entry.blob).collect();
        let contents = source.read(&hashes).await?;
        let work: Vec<(RepoPath, Entry, Bytes)> =
            batch.iter().zip(contents).map(|((path, entry), bytes)| ((*path).clone(), **entry, bytes)).collect();
        let root = dir.to_owned();
        let mut held = match folder.take() {
            Some(held) => held,
            None => Confined::open(dir).map_err(|source| MaterialiseError::Write { path: dir.to_owned(), source })?,
        };
        let size = Size::of(work.iter().map(|(_, _, bytes)| bytes.len()));
        let written = blocking::run_sized(size, move || {
            let written = write_batch(&mut held, &root, &work)?;
            Ok::<_, MaterialiseError>((held, written))
        });
        let (held, written) =
            written.await.map_err(|source| MaterialiseError::Write { path: dir.to_owned(), source })??;
        folder = Some(held);
        done.files += written.files;
        done.refused.extend(written.refused);
    }
    Ok(done)
}

fn prepare(dir: &Path) -> Result<Confined, MaterialiseError> {
    let fail = |source| MaterialiseError::Write { path: dir.to_owned(), source };
    match std::fs::create_dir(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(fail(error)),
        Ok(()) | Err(_) => {}
    }
    let folder = Confined::open(dir).map_err(fail)?;
    if folder.list("").map_err(fail)?.is_empty() { Ok(folder) } else { Err(MaterialiseError::NotEmpty(dir.to_owned())) }
}

fn write_batch(
    folder: &mut Confined,
    root: &Path,
    work: &[(RepoPath, Entry, Bytes)],
) -> Result<Materialised, MaterialiseError> {
    let mut done = Materialised::default();
    for (path, entry, bytes) in work {
        let written = match entry.mode {
            Mode::File | Mode::Executable => folder.write_new(path.as_str(), bytes, entry.mode == Mode::Executable),
            Mode::Submodule => folder.folder_new(path.as_str()),
            Mode::Symlink => match link_fault(path, bytes) {
                Some(reason) => {
                    done.refused.push(RefusedLink { path: path.clone(), reason });
                    continue;
                }
                None => folder.link_new(path.as_str(), bytes),
            },
        };
        written.map_err(|source| MaterialiseError::Write { path: root.join(path.as_str()), source })?;
        done.files += 1;
    }
    Ok(done)
}
