//! Taking a folder in as it is.
//!
//! Everything that is not taken is listed with its reason; nothing is left out in silence but what ignore
//! files name. Invariant: the tree has no [`vdo_core::tree::TreeFault`], and every content it names is among the blobs.

use std::fmt;
use std::path::{Path, PathBuf};

use vdo_core::content::Blob;
use vdo_core::job::{JobKind, JobSpec};
use vdo_core::path::PathFault;
use vdo_core::tree::{FileTree, TreeFault};

use crate::folder::MemorySource;
use crate::gather::Gathering;
use crate::walk::{self, WalkError, WalkOptions};

/// The job parameter that names the commit an import was made from; the git deployer reads it.
pub use vdo_core::job::HEAD_PARAMETER;

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
