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

/// What a file system says of a regular file; if it did not change, nor did the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Stamp {
    pub(crate) size: u64,
    inode: u64,
    /// Seconds and nanoseconds: of the content, then of the inode.
    times: [i64; 4],
    mode: u32,
}

impl Stamp {
    fn of(data: &std::fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        let times = [data.mtime(), data.mtime_nsec(), data.ctime(), data.ctime_nsec()];
        Self { size: data.len(), inode: data.ino(), times, mode: data.mode() }
    }

    /// Returns when the file changed last, in nanoseconds.
    pub(crate) fn changed(&self) -> i128 {
        let [content, content_rest, inode, inode_rest] = self.times.map(i128::from);
        (content * 1_000_000_000 + content_rest).max(inode * 1_000_000_000 + inode_rest)
    }

    /// Tells whether the owner may execute the file.
    pub(crate) fn is_executable(&self) -> bool {
        self.mode & 0o100 != 0
    }
}

/// A regular file that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stated {
    /// The path from the folder, with `/` between components.
    pub(crate) name: String,
    pub(crate) stamp: Stamp,
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

/// Returns the regular files below `root` with what the file system says of them, on several threads, in path order.
///
/// Links and special files are passed over; what else [`walk`] leaves out is left out here.
pub(crate) fn files(root: &Path, threads: usize) -> Result<(Vec<Stated>, Vec<Unwalked>), WalkError> {
    if !root.is_dir() {
        return Err(WalkError::NotAFolder(root.to_owned()));
    }
    let base = root.join(".");
    let options = WalkOptions { close_repositories: true, ..WalkOptions::default() };
    let repositories = Arc::new(Mutex::new(Vec::new()));
    let found = Mutex::new((Vec::new(), Vec::new()));
    let mut builder = builder(&base, &options, Arc::clone(&repositories));
    builder.threads(threads).build_parallel().run(|| {
        let mut own = Own { found: Vec::new(), missed: Vec::new(), all: &found };
        let base = &base;
        Box::new(move |entry| {
            match entry {
                Ok(entry) => match stated(base, &entry) {
                    Ok(Some(file)) => own.found.push(file),
                    Ok(None) => {}
                    Err(missed) => own.missed.push(missed),
                },
                Err(error) => {
                    own.missed.push(Unwalked { name: error_name(base, &error), reason: Obstacle::Unreadable });
                }
            }
            ignore::WalkState::Continue
        })
    });
    let (mut found, mut missed) = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    let repositories = std::mem::take(&mut *repositories.lock().unwrap_or_else(PoisonError::into_inner));
    missed.extend(repositories.into_iter().map(|name| Unwalked { name, reason: Obstacle::Repository }));
    found.sort_unstable_by(|one: &Stated, two| one.name.cmp(&two.name));
    missed.sort_unstable_by(|one, two| one.name.cmp(&two.name));
    missed.dedup();
    Ok((found, missed))
}

/// What one thread of a walk found; handed over when the thread ends.
struct Own<'a> {
    found: Vec<Stated>,
    missed: Vec<Unwalked>,
    all: &'a Mutex<(Vec<Stated>, Vec<Unwalked>)>,
}

impl Drop for Own<'_> {
    fn drop(&mut self) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.0.append(&mut self.found);
        all.1.append(&mut self.missed);
    }
}

fn stated(base: &Path, entry: &ignore::DirEntry) -> Result<Option<Stated>, Unwalked> {
    if !entry.file_type().is_some_and(|kind| kind.is_file()) {
        return Ok(None);
    }
    let Ok(relative) = entry.path().strip_prefix(base) else { return Ok(None) };
    let missed = |reason| Unwalked { name: relative.to_string_lossy().into_owned(), reason };
    let name = relative.to_str().ok_or_else(|| missed(Obstacle::Name))?;
    // A file that is gone since is no file.
    let Ok(data) = entry.metadata() else { return Ok(None) };
    Ok(Some(Stated { name: name.to_owned(), stamp: Stamp::of(&data) }))
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
