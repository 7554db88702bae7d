//! Putting one folder in the place of another, and picking up after a delivery that was killed.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{self, CWD, FlockOperation, Mode, OFlags, RenameFlags};
use vdo_core::port::DeployError;

use super::record::Record;
use super::{target, write};

/// Held while a delivery to a folder is under way; ends with the process.
#[derive(Debug)]
pub(super) struct Lock {
    _parent: OwnedFd,
}

/// A target and the names beside it that belong to its deliveries.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The target as the caller named it.
    pub(super) shown: PathBuf,
    /// The target.
    pub(super) target: PathBuf,
    /// Where the new tree is built; after the swap, what was there before.
    pub(super) stage: PathBuf,
    /// Where the target is for a moment on file systems that cannot exchange two folders.
    aside: PathBuf,
    parent: PathBuf,
}

impl Place {
    /// Finds the folder above `dir`, and makes it if need be.
    pub(super) fn new(dir: &Path) -> Result<Self, DeployError> {
        let Some(name) = dir.file_name() else {
            return Err(target(dir, "name a folder, such as out or /srv/app"));
        };
        let parent = match dir.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        std::fs::create_dir_all(&parent).map_err(|error| write(&parent, error))?;
        let parent = parent.canonicalize().map_err(|error| write(&parent, error))?;
        let beside = |suffix: &str| {
            let mut text = OsString::from(".");
            text.push(name);
            text.push(suffix);
            parent.join(text)
        };
        Ok(Self {
            shown: dir.to_owned(),
            target: parent.join(name),
            stage: beside(".vdo-stage"),
            aside: beside(".vdo-aside"),
            parent,
        })
    }

    /// Waits until no other delivery to a folder beside this one is under way.
    pub(super) fn lock(&self) -> Result<Lock, DeployError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fail = |error: rustix::io::Errno| write(&self.shown, error.into());
        let parent = fs::open(&self.parent, flags, Mode::empty()).map_err(fail)?;
        fs::flock(&parent, FlockOperation::LockExclusive).map_err(fail)?;
        Ok(Lock { _parent: parent })
    }

    /// Puts the target back if a delivery was killed while it was aside.
    pub(super) fn recover(&self) -> Result<(), DeployError> {
        if self.aside.symlink_metadata().is_err() {
            return Ok(());
        }
        if self.target.symlink_metadata().is_ok() {
            return self.remove(&self.aside);
        }
        std::fs::rename(&self.aside, &self.target).map_err(|error| write(&self.shown, error))
    }

    /// Removes what lies where the new tree is built.
    pub(super) fn clear_stage(&self) -> Result<(), DeployError> {
        self.remove(&self.stage)
    }

    /// Removes an old tree, or a new one that was not finished. One that somebody added to is refused.
    fn remove(&self, dir: &Path) -> Result<(), DeployError> {
        let fail = |error| write(&self.shown, error);
        if dir.symlink_metadata().is_err() {
            return Ok(());
        }
        if let Some(record) = Record::read(dir).map_err(fail)? {
            let differences = record.differences(dir).map_err(fail)?;
            // A removal that was cut short leaves deletions.
            if differences.iter().any(|difference| !difference.ends_with(" was deleted")) {
                let left = dir.display();
                return Err(target(
                    &self.shown,
                    &format!("{left} is left of an earlier delivery and was changed; move it away"),
                ));
            }
        }
        std::fs::remove_dir_all(dir).map_err(fail)
    }

    /// Puts the staged folder in the target's place; if there was a target, it is then where the stage was.
    pub(super) fn swap(&self) -> io::Result<()> {
        if self.target.symlink_metadata().is_err() {
            return match fs::renameat_with(CWD, &self.stage, CWD, &self.target, RenameFlags::NOREPLACE) {
                Err(error) if cannot(error) => std::fs::rename(&self.stage, &self.target),
                renamed => Ok(renamed?),
            };
        }
        match fs::renameat_with(CWD, &self.stage, CWD, &self.target, RenameFlags::EXCHANGE) {
            Err(error) if cannot(error) => {
                std::fs::rename(&self.target, &self.aside)?;
                std::fs::rename(&self.stage, &self.target)?;
                std::fs::rename(&self.aside, &self.stage)
            }
            exchanged => Ok(exchanged?),
        }
    }
}

/// Tells whether the file system does not know the way of renaming that was asked for.
fn cannot(error: rustix::io::Errno) -> bool {
    use rustix::io::Errno;
    [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP].contains(&error)
}
