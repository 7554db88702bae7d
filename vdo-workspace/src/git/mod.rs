//! Git repositories: opening them, and delivering to a branch.
//!
//! Never touches a checkout, an index, HEAD or a branch that VDO did not make, never fetches or pushes,
//! and never takes a name, filter or hook from git's settings. libgit2 itself checks that a
//! repository belongs to the user it runs as; a refusal is passed on, not switched off.

mod commit;
mod deliver;
mod facts;
mod found;
mod lineage;
mod lock;
mod message;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use git2::{Repository, RepositoryOpenFlags};
use vdo_core::content::Mode;

pub use deliver::{GitBranchDeployer, Identity};
pub use found::{FoundError, found};
pub use message::branch_name;

/// Has libgit2 read objects without hashing each anew, as git itself does: a third of the time that reading a history takes.
///
/// For the whole process, so it is the program's to say. Objects are hashed anew by default.
pub fn trust_objects() {
    git2::opts::strict_hash_verification(false);
}

/// Opens the repository at exactly `path`: a working tree, a `.git` folder or a bare repository.
pub(crate) fn open(path: &Path) -> Result<Repository, git2::Error> {
    Repository::open_ext(path, RepositoryOpenFlags::NO_SEARCH, std::iter::empty::<&OsStr>())
}

/// Returns the repository that `path` lies in, looking upwards; `None` if it lies in none.
///
/// The answer is a working tree, or the folder of a bare repository.
#[must_use]
pub fn discover(path: &Path) -> Option<PathBuf> {
    let repository = open(&Repository::discover_path(path, std::iter::empty::<&OsStr>()).ok()?).ok()?;
    Some(repository.workdir().unwrap_or_else(|| repository.path()).to_owned())
}

/// Returns what a tree's file mode stands for; `None` for modes git does not write.
pub(crate) fn mode_of(bits: i32) -> Option<Mode> {
    match bits {
        0o100_644 | 0o100_664 => Some(Mode::File),
        0o100_755 => Some(Mode::Executable),
        0o120_000 => Some(Mode::Symlink),
        0o160_000 => Some(Mode::Submodule),
        _ => None,
    }
}

/// Returns the file mode a tree has for `mode`.
pub(crate) fn bits_of(mode: Mode) -> i32 {
    match mode {
        Mode::File => 0o100_644,
        Mode::Executable => 0o100_755,
        Mode::Symlink => 0o120_000,
        Mode::Submodule => 0o160_000,
    }
}
