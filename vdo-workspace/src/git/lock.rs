//! The lock of a branch: git and libgit2 keep one as a file, and one that was killed leaves it there.
//!
//! Never takes the lock of a process that may be at work: only deliveries move these branches, one at a time, and a lock
//! that is older than any of them takes is a dead one's.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use git2::{Error, ErrorCode, Repository};
use rustix::fs::{CWD, FlockOperation, Mode, OFlags};

use crate::beside;

/// A lock is held for the time of one small write; after this it is a dead one's.
const DEAD: Duration = Duration::from_secs(5);
/// How often and how long is waited for a lock that is younger.
const TRIES: u32 = 20;
const WAIT: Duration = Duration::from_millis(50);

/// Moves a reference while no other delivery to the repository does, and takes away what a killed one left.
pub(super) fn with<T>(repo: &Repository, name: &str, mut act: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let held = rustix::fs::openat(CWD, repo.commondir(), flags, Mode::empty())
        .and_then(|folder| rustix::fs::flock(&folder, FlockOperation::LockExclusive).map(|()| folder));
    // On a file system without such locks git's own has to do.
    let is_alone = held.is_ok();
    let lock: PathBuf = repo.commondir().join(format!("{name}.lock"));
    for _ in 0..TRIES {
        match act() {
            Err(error) if error.code() == ErrorCode::Locked => {
                if is_alone && age(repo.commondir(), &lock).is_some_and(|age| age > DEAD) {
                    let _ = fs::remove_file(&lock);
                } else {
                    std::thread::sleep(WAIT);
                }
            }
            done => return done,
        }
    }
    act()
}

/// Returns how old a file is, by the clock of its own file system.
fn age(folder: &Path, file: &Path) -> Option<Duration> {
    let modified = fs::metadata(file).and_then(|data| data.modified()).ok()?;
    let clock = folder.join(beside::temporary());
    let now: Option<SystemTime> =
        File::create_new(&clock).and_then(|file| file.metadata()).and_then(|data| data.modified()).ok();
    let _ = fs::remove_file(&clock);
    now?.duration_since(modified).ok()
}
