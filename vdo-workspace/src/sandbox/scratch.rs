//! The writable places of one run: work dir, `/tmp`, home, shared memory, dependencies.
//!
//! As root they are folders of one size-limited tmpfs that is mounted nowhere on the host: the
//! host holds it by descriptor and only the sandbox's own mount namespace ever sees it. Otherwise
//! bubblewrap makes them inside, or (below T2) they are an ordinary temporary folder.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Gid, Mode, OFlags, Uid, chownat, mkdirat, openat};
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_string, fsmount, fsopen};
use tempfile::TempDir;

use super::error::{Doing, SandboxError};
use super::limits::Limits;

/// The folders made in a scratch place, all owned by the sandboxed uid.
pub(super) const FOLDERS: [&str; 5] = ["job", "tmp", "home", "shm", "deps"];

/// A size-limited tmpfs that is mounted nowhere yet.
#[derive(Debug)]
pub(super) struct Tmpfs {
    /// The mount, to be moved into a sandbox.
    pub(super) mount: OwnedFd,
    /// Its root folder; stays readable after the sandbox and its mounts are gone.
    root: OwnedFd,
}

impl Tmpfs {
    /// Makes one with all [`FOLDERS`] in it. Needs `CAP_SYS_ADMIN`.
    pub(super) fn new(limits: &Limits, uid: u32) -> Result<Self, SandboxError> {
        let doing = || "making a tmpfs for the sandbox".to_owned();
        let context = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC).doing(doing)?;
        let options =
            [("size", limits.disk.to_string()), ("nr_inodes", limits.inodes.to_string()), ("mode", "0755".to_owned())];
        for (key, value) in options {
            fsconfig_set_string(context.as_fd(), key, value).doing(doing)?;
        }
        fsconfig_create(context.as_fd()).doing(doing)?;
        let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
        let mount = fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes).doing(doing)?;
        let root = folder(mount.as_fd(), ".").doing(doing)?;
        make_folders(root.as_fd(), Some(uid)).doing(doing)?;
        Ok(Self { mount, root })
    }

    /// Opens one of the [`FOLDERS`].
    pub(super) fn folder(&self, name: &str) -> io::Result<OwnedFd> {
        folder(self.root.as_fd(), name)
    }

    /// Returns whether no block or no inode is left.
    pub(super) fn is_full(&self) -> bool {
        rustix::fs::fstatvfs(&self.root).is_ok_and(|found| found.f_bavail == 0 || found.f_ffree == 0)
    }
}

/// An ordinary temporary folder with all [`FOLDERS`] in it, removed on drop.
#[derive(Debug)]
pub(super) struct Plain {
    dir: TempDir,
}

impl Plain {
    pub(super) fn new(scratch: &Path, owner: Option<u32>) -> Result<Self, SandboxError> {
        let doing = || format!("making a work folder in {}", scratch.display());
        let dir = base(scratch).doing(doing)?;
        let root = folder(CWD, dir.path()).doing(doing)?;
        make_folders(root.as_fd(), owner).doing(doing)?;
        Ok(Self { dir })
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

/// Makes a temporary folder that other uids may walk through but not list.
pub(super) fn base(scratch: &Path) -> io::Result<TempDir> {
    use std::os::unix::fs::PermissionsExt;
    tempfile::Builder::new()
        .prefix("vdo-sandbox-")
        .permissions(std::fs::Permissions::from_mode(0o711))
        .tempdir_in(scratch)
}

fn make_folders(root: BorrowedFd<'_>, owner: Option<u32>) -> io::Result<()> {
    for name in FOLDERS {
        mkdirat(root, name, Mode::from_raw_mode(0o755))?;
        if let Some(uid) = owner {
            let (owner, group) = (Uid::from_raw(uid), Gid::from_raw(uid));
            chownat(root, name, Some(owner), Some(group), rustix::fs::AtFlags::SYMLINK_NOFOLLOW)?;
        }
    }
    Ok(())
}

fn folder(at: BorrowedFd<'_>, name: impl rustix::path::Arg) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(openat(at, name, flags, Mode::empty())?)
}
