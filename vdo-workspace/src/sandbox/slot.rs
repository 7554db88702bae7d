//! One unprivileged uid per sandbox running at the same time.
//!
//! Limits on processes count per uid, so two sandboxes must not share one. A slot is a locked
//! file: other processes of the host respect it, and it is free again however its holder ends.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::process::geteuid;

use super::error::{Doing, SandboxError};

/// A uid nobody else uses while this value lives.
#[derive(Debug)]
pub(super) struct Slot {
    /// The uid, which is also the gid. `None` where the host is not root and keeps its own.
    pub(super) uid: Option<u32>,
    _lock: Option<File>,
}

/// Returns the slot of a run that is not confined.
pub(super) fn none() -> Slot {
    Slot { uid: None, _lock: None }
}

/// Takes a free slot of `uids`; locks are kept below `scratch`.
pub(super) fn take(scratch: &Path, uids: &Range<u32>) -> Result<Slot, SandboxError> {
    if !geteuid().is_root() {
        return Ok(none());
    }
    let folder = scratch.join("vdo-sandbox-slots");
    let doing = || format!("opening the slots in {}", folder.display());
    match DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(error).doing(doing);
        }
        _ => {}
    }
    let found = std::fs::symlink_metadata(&folder).doing(doing)?;
    if !found.is_dir() || found.uid() != 0 || found.mode() & 0o022 != 0 {
        return Err(SandboxError::bad_input(format!(
            "{} is not a private folder of root; remove it or choose another scratch folder",
            folder.display()
        )));
    }
    let taken = people();
    for uid in uids.clone().filter(|uid| *uid != 0 && !taken.contains(uid)) {
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(folder.join(uid.to_string()))
            .doing(doing)?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
            return Ok(Slot { uid: Some(uid), _lock: Some(lock) });
        }
    }
    Err(SandboxError::Busy { slots: uids.len() })
}

/// Returns the uids that belong to accounts of this machine, which are never used.
fn people() -> Vec<u32> {
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    accounts.lines().filter_map(|line| line.split(':').nth(2)?.parse().ok()).collect()
}
