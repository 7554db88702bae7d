//! Copies one folder into another without trusting what is in it.
//!
//! Used in both directions: a checkout into a sandbox, and results out of one. Never follows a
//! symbolic link, never leaves the folder it was given, never opens anything but regular files.
//!
//! Invariant: every path is opened relative to its parent's descriptor, with `openat2` refusing
//! links and mount points, so a tree that changes meanwhile cannot redirect the copy.

use std::ffi::{CStr, OsStr};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, Dir, FileType, Gid, Mode, OFlags, ResolveFlags, Uid, chownat, mkdirat, openat, openat2, readlinkat,
    statat, symlinkat,
};

use super::report::{Copied, Refused, RefusedWhy};

/// Deeper folders than this are left behind: each level holds two descriptors.
const DEEPEST: usize = 96;
/// Paths named in [`Copied::refused`]; beyond it they are only counted.
const NAMED: u64 = 1000;

/// What a copy takes along.
#[derive(Debug, Clone, Copy)]
pub(super) struct Policy {
    /// Recreate symbolic links as they stand; otherwise they are refused.
    pub(super) links: bool,
    /// Refuse anything called `.git`.
    pub(super) refuse_git: bool,
    /// Most regular files copied.
    pub(super) files: u64,
    /// Most bytes copied.
    pub(super) bytes: u64,
    /// Who shall own the copy. `None` leaves it with the caller.
    pub(super) owner: Option<(u32, u32)>,
}

/// Opens a folder that the host itself has named; links on the way are followed.
pub(super) fn open_folder(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

/// Copies what is in `from` into `to`.
///
/// # Errors
/// Only if `to` cannot be written or `from` itself cannot be read; what is wrong with single
/// entries is listed in the result.
pub(super) fn copy(from: BorrowedFd<'_>, to: BorrowedFd<'_>, policy: Policy) -> io::Result<Copied> {
    let mut copy = Copy { policy, done: Copied::default() };
    copy.folder(from, to, Path::new(""), 0)?;
    Ok(copy.done)
}

struct Copy {
    policy: Policy,
    done: Copied,
}

impl Copy {
    fn folder(&mut self, from: BorrowedFd<'_>, to: BorrowedFd<'_>, at: &Path, depth: usize) -> io::Result<()> {
        for entry in Dir::read_from(from)? {
            let entry = entry?;
            let name = entry.file_name();
            if name.to_bytes() == b"." || name.to_bytes() == b".." {
                continue;
            }
            let path = at.join(OsStr::from_bytes(name.to_bytes()));
            self.entry(from, to, name, &path, depth)?;
        }
        Ok(())
    }

    fn entry(
        &mut self,
        from: BorrowedFd<'_>,
        to: BorrowedFd<'_>,
        name: &CStr,
        path: &Path,
        depth: usize,
    ) -> io::Result<()> {
        if self.policy.refuse_git && name.to_bytes().eq_ignore_ascii_case(b".git") {
            self.refuse(path, RefusedWhy::Git);
            return Ok(());
        }
        let Ok(stat) = statat(from, name, AtFlags::SYMLINK_NOFOLLOW) else {
            self.refuse(path, RefusedWhy::Unreadable);
            return Ok(());
        };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory if depth >= DEEPEST => self.refuse(path, RefusedWhy::Depth),
            FileType::Directory => {
                let Ok(inner) = open_inside(from, name, OFlags::DIRECTORY) else {
                    self.refuse(path, RefusedWhy::Unreadable);
                    return Ok(());
                };
                mkdirat(to, name, Mode::from_raw_mode(0o755))?;
                self.own(to, name)?;
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let target = openat(to, name, flags, Mode::empty())?;
                self.folder(inner.as_fd(), target.as_fd(), path, depth + 1)?;
            }
            FileType::RegularFile => self.file(from, to, name, path)?,
            FileType::Symlink if self.policy.links => match readlinkat(from, name, Vec::new()) {
                Ok(target) => {
                    symlinkat(&target, to, name)?;
                    self.own(to, name)?;
                }
                Err(_) => self.refuse(path, RefusedWhy::Unreadable),
            },
            FileType::Symlink => self.refuse(path, RefusedWhy::Symlink),
            _ => self.refuse(path, RefusedWhy::Special),
        }
        Ok(())
    }

    fn file(&mut self, from: BorrowedFd<'_>, to: BorrowedFd<'_>, name: &CStr, path: &Path) -> io::Result<()> {
        // NONBLOCK: should the file have become a FIFO since, opening it must not hang.
        let Ok(source) = open_inside(from, name, OFlags::NONBLOCK) else {
            self.refuse(path, RefusedWhy::Unreadable);
            return Ok(());
        };
        let stat = rustix::fs::fstat(&source)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            self.refuse(path, RefusedWhy::Special);
            return Ok(());
        }
        let room = self.policy.bytes.saturating_sub(self.done.bytes);
        if self.done.files >= self.policy.files || stat.st_size.unsigned_abs() > room {
            self.refuse(path, RefusedWhy::Limit);
            return Ok(());
        }
        // Only "executable or not" crosses over: no set-uid bit, no foreign write permission.
        let mode = if stat.st_mode & 0o111 == 0 { 0o644 } else { 0o755 };
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let target = openat(to, name, flags, Mode::from_raw_mode(mode))?;
        let copied = pour(source, target, stat.st_size.unsigned_abs())?;
        self.own(to, name)?;
        self.done.files += 1;
        self.done.bytes += copied;
        Ok(())
    }

    fn own(&self, folder: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
        if let Some((uid, gid)) = self.policy.owner {
            let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
            chownat(folder, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
        }
        Ok(())
    }

    fn refuse(&mut self, path: &Path, why: RefusedWhy) {
        self.done.refused_total += 1;
        if self.done.refused_total <= NAMED {
            self.done.refused.push(Refused { path: PathBuf::from(path), why });
        }
    }
}

fn open_inside(folder: BorrowedFd<'_>, name: &CStr, extra: OFlags) -> rustix::io::Result<OwnedFd> {
    let resolve =
        ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | extra;
    openat2(folder, name, flags, Mode::empty(), resolve)
}

/// Copies at most `size` bytes, leaving holes where whole blocks are zero.
fn pour(source: OwnedFd, target: OwnedFd, size: u64) -> io::Result<u64> {
    let mut source = std::fs::File::from(source).take(size);
    let mut target = std::fs::File::from(target);
    let mut block = vec![0_u8; 128 * 1024];
    let mut copied = 0;
    loop {
        let count = source.read(&mut block)?;
        let Some(bytes) = block.get(..count).filter(|bytes| !bytes.is_empty()) else {
            break;
        };
        copied += count as u64;
        if bytes.iter().all(|byte| *byte == 0) {
            target.set_len(copied)?;
            io::Seek::seek(&mut target, io::SeekFrom::Start(copied))?;
        } else {
            target.write_all(bytes)?;
        }
    }
    Ok(copied)
}

#[cfg(test)]
mod tests;
