//! Taking a folder in as it is.
//!
//! Everything that is not taken is listed with its reason; nothing is left out in silence but what ignore
//! files name. Invariant: the tree has no [`vdo_core::tree::TreeFault`], and every content it names is among the blobs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use vdo_core::content::{Blob, BlobHash, Entry, Mode};
use vdo_core::job::{JobKind, JobSpec};
use vdo_core::path::{PathFault, RepoPath};
use vdo_core::tree::{FileTree, TreeFault};

use crate::folder::MemorySource;
use crate::folder::confined::{Confined, Kind};
use crate::walk::{self, Obstacle, WalkError, WalkOptions, WalkedKind};

/// The job parameter that names the commit an import was made from; the git deployer reads it.
pub const HEAD_PARAMETER: &str = "git.head";
/// The job parameter that names the branch an import was made from.
pub const BRANCH_PARAMETER: &str = "git.branch";

/// What an import takes at most.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportLimits {
    /// Larger files are left out. Default: 32 MiB.
    pub file_bytes: u64,
    /// More files are an error. Default: 200,000.
    pub files: usize,
    /// More bytes in all are an error. Default: 2 GiB.
    pub total_bytes: u64,
}

impl Default for ImportLimits {
    fn default() -> Self {
        Self { file_bytes: 32 << 20, files: 200_000, total_bytes: 2 << 30 }
    }
}

impl ImportLimits {
    /// Sets the size above which a file is left out.
    #[must_use]
    pub fn with_file_bytes(mut self, bytes: u64) -> Self {
        self.file_bytes = bytes;
        self
    }

    /// Sets the number of files that is an error if exceeded.
    #[must_use]
    pub fn with_files(mut self, files: usize) -> Self {
        self.files = files;
        self
    }

    /// Sets the number of bytes that is an error if exceeded.
    #[must_use]
    pub fn with_total_bytes(mut self, bytes: u64) -> Self {
        self.total_bytes = bytes;
        self
    }
}

/// Why a file was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SkipReason {
    /// It is larger than the limit.
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// It, or its folder, could not be read.
    Unreadable,
    /// It is a pipe, socket or device.
    Special,
    /// Its name is not UTF-8.
    Name,
    /// Its path is refused.
    Path(PathFault),
    /// Another path is in its way.
    Tree(TreeFault),
    /// It is a git repository inside another and not one of its submodules.
    Repository,
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { limit } => write!(f, "it is larger than {limit} bytes"),
            Self::Unreadable => f.write_str("it cannot be read"),
            Self::Special => f.write_str("it is a pipe, socket or device"),
            Self::Name => f.write_str("its name is not UTF-8"),
            Self::Path(fault) => fault.fmt(f),
            Self::Tree(fault) => fault.fmt(f),
            Self::Repository => f.write_str("it is a repository of its own"),
        }
    }
}

/// A file that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Its path, or as much of it as can be shown.
    pub path: String,
    /// Why.
    pub reason: SkipReason,
    /// Whether git tracks it: a branch made from the import will not have it.
    pub tracked: bool,
}

/// The state of the repository an import was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitOrigin {
    /// The commit that was checked out; none in an empty repository.
    pub head: Option<String>,
    /// The branch that was checked out; none if HEAD is detached.
    pub branch: Option<String>,
    /// Whether the import differs from the commit's tree.
    pub dirty: bool,
}

/// A folder or repository, taken in.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The tree.
    pub tree: FileTree,
    /// Its contents, each once.
    pub blobs: Vec<Blob>,
    /// What was not taken, in path order.
    pub skipped: Vec<Skipped>,
    /// The repository's state, if it is one.
    pub origin: Option<GitOrigin>,
    /// A title for the import's job.
    pub title: String,
    /// Where it was taken from.
    pub root: PathBuf,
}

impl Imported {
    /// Returns what the import's job asks for: its kind, title, folder and, for a repository, the commit and branch.
    #[must_use]
    pub fn spec(&self) -> JobSpec {
        let mut spec = JobSpec::new(self.title.clone(), "");
        spec.kind = JobKind::Import;
        spec.repo = Some(self.root.display().to_string());
        if let Some(origin) = &self.origin {
            let head = origin.head.iter().map(|head| (HEAD_PARAMETER.to_owned(), head.clone()));
            let branch = origin.branch.iter().map(|branch| (BRANCH_PARAMETER.to_owned(), branch.clone()));
            spec.parameters.extend(head.chain(branch));
        }
        spec
    }

    /// Returns the tree with its contents as a source.
    #[must_use]
    pub fn into_source(self) -> MemorySource {
        MemorySource::new(self.tree, self.blobs)
    }
}

/// Nothing was taken in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// There is no folder of this name.
    #[error("{0} is not a folder")]
    NotAFolder(PathBuf),
    /// The folder is no git repository.
    #[error("{0} is not a git repository")]
    NotARepository(PathBuf),
    /// Nothing in the folder can be taken.
    #[error("{0} has no files to import")]
    Empty(PathBuf),
    /// There are more files than are taken.
    #[error("{root} has more than {limit} files; leave some out with a .vdoignore file")]
    TooManyFiles {
        /// The folder.
        root: PathBuf,
        /// How many are taken.
        limit: usize,
    },
    /// There are more bytes than are taken.
    #[error("{root} has more than {limit} bytes; leave files out with a .vdoignore file")]
    TooManyBytes {
        /// The folder.
        root: PathBuf,
        /// How many are taken.
        limit: u64,
    },
    /// The folder itself could not be read.
    #[error("{root} cannot be read")]
    Read {
        /// The folder.
        root: PathBuf,
        /// Why it could not be.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl From<WalkError> for ImportError {
    fn from(error: WalkError) -> Self {
        match error {
            WalkError::NotAFolder(root) => Self::NotAFolder(root),
            WalkError::TooManyFiles { root, limit } => Self::TooManyFiles { root, limit },
        }
    }
}

/// Takes the folder `root` in, less what its ignore files leave out. A repository's `.git` is not looked at.
///
/// Blocks while it reads.
///
/// # Errors
/// [`ImportError`]; single files that cannot be taken are listed as skipped.
pub fn import_folder(root: &Path, limits: &ImportLimits) -> Result<Imported, ImportError> {
    let options = WalkOptions { max_files: limits.files, ..WalkOptions::default() };
    let (found, missed) = walk::walk(root, &options)?;
    let mut gathering = Gathering::open(root, limits)?;
    gathering.missed(missed);
    for walked in found {
        gathering.take(&walked.name, Some(walked.kind))?;
    }
    gathering.finish(None)
}

/// An import under way. Paths are given in byte order.
#[derive(Debug)]
pub(crate) struct Gathering<'a> {
    root: &'a Path,
    limits: &'a ImportLimits,
    folder: Confined,
    tree: FileTree,
    folded: BTreeMap<String, RepoPath>,
    blobs: BTreeMap<BlobHash, Blob>,
    skipped: Vec<Skipped>,
    bytes: u64,
    /// What git tracks, for marking what was skipped.
    pub(crate) tracked: BTreeSet<String>,
}

impl<'a> Gathering<'a> {
    pub(crate) fn open(root: &'a Path, limits: &'a ImportLimits) -> Result<Self, ImportError> {
        let folder =
            Confined::open(root).map_err(|error| ImportError::Read { root: root.to_owned(), source: error.into() })?;
        Ok(Self {
            root,
            limits,
            folder,
            tree: FileTree::default(),
            folded: BTreeMap::new(),
            blobs: BTreeMap::new(),
            skipped: Vec::new(),
            bytes: 0,
            tracked: BTreeSet::new(),
        })
    }

    /// Lists what a walk could not take.
    pub(crate) fn missed(&mut self, missed: Vec<walk::Unwalked>) {
        for walk::Unwalked { name, reason } in missed {
            let reason = match reason {
                Obstacle::Name => SkipReason::Name,
                Obstacle::Unreadable => SkipReason::Unreadable,
                Obstacle::Repository => SkipReason::Repository,
            };
            self.skip(&name, reason);
        }
    }

    pub(crate) fn skip(&mut self, name: &str, reason: SkipReason) {
        let tracked = self.tracked.contains(name);
        self.skipped.push(Skipped { path: name.to_owned(), reason, tracked });
    }

    /// Takes what lies at `name` on disk; `kind` is what a walk saw there. Nothing there is no fault.
    pub(crate) fn take(&mut self, name: &str, kind: Option<WalkedKind>) -> Result<(), ImportError> {
        if kind == Some(WalkedKind::Special) {
            self.skip(name, SkipReason::Special);
            return Ok(());
        }
        match self.read(name) {
            Ok(Some((bytes, mode))) => self.add(name, mode, bytes),
            Ok(None) => Ok(()),
            Err(reason) => {
                self.skip(name, reason);
                Ok(())
            }
        }
    }

    fn read(&mut self, name: &str) -> Result<Option<(Vec<u8>, Mode)>, SkipReason> {
        let limit = self.limits.file_bytes;
        let unreadable = |_: io::Error| SkipReason::Unreadable;
        match self.folder.kind(name) {
            Ok(Kind::Link) => {
                self.folder.read_link(name).map(|target| Some((target, Mode::Symlink))).map_err(unreadable)
            }
            Ok(Kind::File { .. }) => match self.folder.read(name, limit).map_err(unreadable)? {
                Some(read) => Ok(Some(read)),
                None => Err(SkipReason::TooLarge { limit }),
            },
            Ok(Kind::Folder) => Ok(None),
            Ok(Kind::Special) => Err(SkipReason::Special),
            Err(error) if is_gone(&error) => Ok(None),
            Err(_) => Err(SkipReason::Unreadable),
        }
    }

    /// Adds a file with these bytes, unless its path does not fit.
    pub(crate) fn add(&mut self, name: &str, mode: Mode, bytes: Vec<u8>) -> Result<(), ImportError> {
        let path: RepoPath = match name.parse() {
            Ok(path) => path,
            Err(error) => {
                self.skip(name, SkipReason::Path(error.fault));
                return Ok(());
            }
        };
        let twin = self
            .folded
            .get(&path.folded())
            .map(|other| TreeFault::CaseClash { path: path.clone(), other: other.clone() });
        if let Some(fault) = twin.or_else(|| self.tree.fault_at(&path)) {
            self.skip(name, SkipReason::Tree(fault));
            return Ok(());
        }
        if self.tree.len() >= self.limits.files {
            return Err(ImportError::TooManyFiles { root: self.root.to_owned(), limit: self.limits.files });
        }
        let blob = Blob::new(bytes);
        self.bytes = self.bytes.saturating_add(u64::try_from(blob.bytes().len()).unwrap_or(u64::MAX));
        if self.bytes > self.limits.total_bytes {
            return Err(ImportError::TooManyBytes { root: self.root.to_owned(), limit: self.limits.total_bytes });
        }
        self.folded.insert(path.folded(), path.clone());
        self.tree.0.insert(path, Entry { blob: blob.hash(), mode });
        self.blobs.entry(blob.hash()).or_insert(blob);
        Ok(())
    }

    /// Adds a file with a copy of these bytes, unless they are too many or its path does not fit.
    #[cfg(feature = "git")]
    pub(crate) fn add_bounded(&mut self, name: &str, mode: Mode, bytes: &[u8]) -> Result<(), ImportError> {
        let limit = self.limits.file_bytes;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit {
            self.skip(name, SkipReason::TooLarge { limit });
            return Ok(());
        }
        self.add(name, mode, bytes.to_vec())
    }

    /// Returns how many files are taken.
    #[cfg(feature = "git")]
    pub(crate) fn max_files(&self) -> usize {
        self.limits.files
    }

    /// Returns the tree so far.
    #[cfg(feature = "git")]
    pub(crate) fn tree(&self) -> &FileTree {
        &self.tree
    }

    /// Returns a content taken so far.
    #[cfg(feature = "git")]
    pub(crate) fn blob(&self, hash: BlobHash) -> Option<&Blob> {
        self.blobs.get(&hash)
    }

    pub(crate) fn finish(mut self, origin: Option<GitOrigin>) -> Result<Imported, ImportError> {
        if self.tree.is_empty() {
            return Err(ImportError::Empty(self.root.to_owned()));
        }
        self.skipped.sort_by(|one, two| one.path.cmp(&two.path));
        self.skipped.dedup_by(|one, two| one.path == two.path);
        Ok(Imported {
            tree: self.tree,
            blobs: self.blobs.into_values().collect(),
            skipped: self.skipped,
            origin,
            title: title(self.root),
            root: self.root.to_owned(),
        })
    }
}

/// Tells whether nothing lies at a path, or a link or file lies where a folder would have to be.
fn is_gone(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    error.kind() == io::ErrorKind::NotFound
        || code == Some(rustix::io::Errno::NOTDIR.raw_os_error())
        || code == Some(rustix::io::Errno::LOOP.raw_os_error())
}

fn title(root: &Path) -> String {
    let name = root.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = name.strip_suffix(".git").unwrap_or(&name);
    let name: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
    let name = name.trim();
    if name.is_empty() { "Import".to_owned() } else { format!("Import {name}") }
}
