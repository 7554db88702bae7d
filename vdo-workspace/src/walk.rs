//! What lies in a folder, less what its ignore files leave out.
//!
//! Reads names and kinds, never contents, and never follows a symbolic link below the folder.
//! Invariant: the same folder gives the same answer, in the byte order of the paths.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ignore::WalkBuilder;

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WalkedKind {
    /// A regular file.
    File,
    /// A symbolic link.
    Link,
    /// A pipe, socket or device.
    Special,
}

/// A file or link that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walked {
    /// The path from the folder, with `/` between components.
    pub name: String,
    /// What it is.
    pub kind: WalkedKind,
}

/// Something that could not be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unwalked {
    /// The path, or as much of it as can be shown.
    pub name: String,
    /// Why.
    pub reason: Obstacle,
}

/// Why something was not walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// Its name is not UTF-8.
    Name,
    /// It, or the folder it lies in, could not be read.
    Unreadable,
    /// It is a git repository of its own.
    Repository,
}

/// What to leave out.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct WalkOptions {
    /// Folders that are not entered, relative to the root: submodules.
    pub closed: BTreeSet<String>,
    /// Whether folders that hold a `.git` are reported rather than entered. Default: no.
    pub close_repositories: bool,
    /// The walk ends after this many files. Default: 0, no limit.
    pub max_files: usize,
}

/// A folder could not be walked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WalkError {
    /// There is no folder of this name.
    #[error("{0} is not a folder")]
    NotAFolder(PathBuf),
    /// There are more files than are taken.
    #[error("{root} has more than {limit} files; leave some out with a .vdoignore file")]
    TooManyFiles {
        /// The folder.
        root: PathBuf,
        /// How many are taken.
        limit: usize,
    },
}

/// Returns what lies below `root`.
///
/// Left out: what `.gitignore`, `.vdoignore` and `.git/info/exclude` files below `root` name, and `.git` itself.
/// Other hidden files are kept. Ignore files above `root` and the user's own do not count.
///
/// # Errors
/// [`WalkError`]; what cannot be read is reported beside the files.
pub fn walk(root: &Path, options: &WalkOptions) -> Result<(Vec<Walked>, Vec<Unwalked>), WalkError> {
    if !root.is_dir() {
        return Err(WalkError::NotAFolder(root.to_owned()));
    }
    // A link at the root itself was named by the caller and is followed; the walker would not.
    let base = root.join(".");
    let mut found = Vec::new();
    let mut missed = Vec::new();
    let repositories = Arc::new(Mutex::new(Vec::new()));
    for entry in builder(&base, options, Arc::clone(&repositories)).build() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                missed.push(Unwalked { name: error_name(&base, &error), reason: Obstacle::Unreadable });
                continue;
            }
        };
        let Ok(relative) = entry.path().strip_prefix(&base) else { continue };
        if relative.as_os_str().is_empty() {
            continue;
        }
        let Some(name) = relative.to_str() else {
            missed.push(Unwalked { name: relative.to_string_lossy().into_owned(), reason: Obstacle::Name });
            continue;
        };
        let name = name.to_owned();
        let Some(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            continue;
        }
        let kind = if kind.is_file() {
            WalkedKind::File
        } else if kind.is_symlink() {
            WalkedKind::Link
        } else {
            WalkedKind::Special
        };
        found.push(Walked { name, kind });
        if options.max_files > 0 && found.len() > options.max_files {
            return Err(WalkError::TooManyFiles { root: root.to_owned(), limit: options.max_files });
        }
    }
    let repositories = std::mem::take(&mut *repositories.lock().unwrap_or_else(PoisonError::into_inner));
    missed.extend(repositories.into_iter().map(|name| Unwalked { name, reason: Obstacle::Repository }));
    found.sort_by(|one, two| one.name.cmp(&two.name));
    missed.sort_by(|one, two| one.name.cmp(&two.name));
    missed.dedup();
    Ok((found, missed))
}

fn is_repository(folder: &Path) -> bool {
    folder.join(".git").symlink_metadata().is_ok()
}

/// Returns the walk; names of repositories that were not entered go to `repositories`.
fn builder(base: &Path, options: &WalkOptions, repositories: Arc<Mutex<Vec<String>>>) -> WalkBuilder {
    let mut builder = WalkBuilder::new(base);
    let (closed, close_repositories, root) = (options.closed.clone(), options.close_repositories, base.to_owned());
    builder
        .hidden(false)
        .ignore(false)
        .parents(false)
        .git_global(false)
        .git_ignore(true)
        .git_exclude(true)
        .require_git(false)
        .follow_links(false)
        .add_custom_ignore_filename(".vdoignore")
        .filter_entry(move |entry| {
            if entry.depth() == 0 {
                return true;
            }
            if entry.file_name().to_str().is_some_and(|name| name.eq_ignore_ascii_case(".git")) {
                return false;
            }
            let Some(name) = entry.path().strip_prefix(&root).ok().and_then(Path::to_str) else { return true };
            if closed.contains(name) {
                return false;
            }
            let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
            if close_repositories && is_folder && is_repository(entry.path()) {
                repositories.lock().unwrap_or_else(PoisonError::into_inner).push(name.to_owned());
                return false;
            }
            true
        });
    builder
}

fn error_name(base: &Path, error: &ignore::Error) -> String {
    match error {
        ignore::Error::WithPath { path, .. } => path.strip_prefix(base).unwrap_or(path).display().to_string(),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => error_name(base, err),
        ignore::Error::Partial(errors) => errors.first().map_or_else(String::new, |error| error_name(base, error)),
        other => other.to_string(),
    }
}
