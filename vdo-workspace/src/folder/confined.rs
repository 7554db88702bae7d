//! A handle on a folder that no link leads out of.
//!
//! Every component of a path is opened relative to the one before it and refused if it is a symbolic
//! link. Never opens anything but folders and regular files.
//! Invariant: while a handle lives it stands for one folder, whatever becomes of the folder's name.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{self, AtFlags, FileType, Mode as Bits, OFlags};
use rustix::io::Errno;
use vdo_core::content::Mode;

use crate::beside;

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const READ: OFlags =
    OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);
const CREATE: OFlags =
    OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::EXCL).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// What lies at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A regular file.
    File,
    /// A symbolic link.
    Link,
    /// A folder.
    Folder,
    /// A pipe, socket or device.
    Special,
}

/// The folder, and the folder below it that was used last.
#[derive(Debug)]
pub(crate) struct Confined {
    root: OwnedFd,
    last: Option<(String, OwnedFd)>,
}

impl Confined {
    /// Opens `dir`. A link at `dir` itself is followed: its name came from the caller.
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        let root = fs::open(dir, FOLDER.difference(OFlags::NOFOLLOW), Bits::empty())?;
        Ok(Self { root, last: None })
    }

    /// Returns what lies at `path`.
    pub(crate) fn kind(&mut self, path: &str) -> io::Result<Kind> {
        let (folder, name) = self.parent(path, false)?;
        kind_at(folder, name)
    }

    /// Returns the bytes of the regular file at `path` and whether it may be executed; `None` if it is larger than `limit`.
    pub(crate) fn read(&mut self, path: &str, limit: u64) -> io::Result<Option<(Vec<u8>, Mode)>> {
        let (folder, name) = self.parent(path, false)?;
        let file = File::from(fs::openat(folder, name, READ, Bits::empty())?);
        let stat = fs::fstat(&file)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        if size > limit {
            return Ok(None);
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0).saturating_add(1));
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit {
            return Ok(None);
        }
        let mode = if stat.st_mode & 0o100 == 0 { Mode::File } else { Mode::Executable };
        Ok(Some((bytes, mode)))
    }

    /// Returns the target of the link at `path`.
    pub(crate) fn read_link(&mut self, path: &str) -> io::Result<Vec<u8>> {
        let (folder, name) = self.parent(path, false)?;
        Ok(fs::readlinkat(folder, name, Vec::new())?.into_bytes())
    }

    /// Writes a file that must not be there yet, with the folders above it.
    pub(crate) fn write_new(&mut self, path: &str, bytes: &[u8], executable: bool) -> io::Result<()> {
        let bits = Bits::from_raw_mode(if executable { 0o755 } else { 0o644 });
        let (folder, name) = self.parent(path, true)?;
        let mut file = File::from(fs::openat(folder, name, CREATE, bits)?);
        file.write_all(bytes)
    }

    /// Makes a link that must not be there yet, with the folders above it.
    pub(crate) fn link_new(&mut self, path: &str, target: &[u8]) -> io::Result<()> {
        let (folder, name) = self.parent(path, true)?;
        Ok(fs::symlinkat(target, folder, name)?)
    }

    /// Makes a folder that must not be there yet, with the folders above it.
    pub(crate) fn folder_new(&mut self, path: &str) -> io::Result<()> {
        let (folder, name) = self.parent(path, true)?;
        Ok(fs::mkdirat(folder, name, Bits::from_raw_mode(0o755))?)
    }

    /// Puts a file in the place of whatever file is there, in one move: it is written beside it first. Its permissions stay.
    pub(crate) fn replace(&mut self, path: &str, bytes: &[u8], executable: bool) -> io::Result<()> {
        let (folder, name) = self.parent(path, true)?;
        let bits = match fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile => {
                Bits::from_raw_mode(stat.st_mode & 0o7777)
            }
            Ok(_) => return Err(io::Error::new(io::ErrorKind::AlreadyExists, "something other than a file is there")),
            Err(Errno::NOENT) => Bits::from_raw_mode(if executable { 0o755 } else { 0o644 }),
            Err(error) => return Err(error.into()),
        };
        let (beside, mut file) = Self::beside(folder)?;
        let written = file
            .write_all(bytes)
            .and_then(|()| fs::fchmod(&file, bits).map_err(Into::into))
            .and_then(|()| fs::renameat(folder, beside.as_str(), folder, name).map_err(Into::into));
        if written.is_err() {
            let _ = fs::unlinkat(folder, beside.as_str(), AtFlags::empty());
        }
        written
    }

    /// Makes a file of a name that nobody has, in a folder.
    fn beside(folder: BorrowedFd<'_>) -> io::Result<(String, File)> {
        for _ in 0..1000 {
            let name = beside::temporary();
            match fs::openat(folder, name.as_str(), CREATE, Bits::from_raw_mode(0o600)) {
                Ok(file) => return Ok((name, File::from(file))),
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Removes what dead processes left in the folder at `path`, if there is one.
    pub(crate) fn sweep(&mut self, path: &str) {
        let Ok(folder) = self.descend(path, false) else { return };
        for (name, kind) in self.list(path).unwrap_or_default() {
            if kind == Kind::File && str::from_utf8(&name).is_ok_and(beside::is_stale) {
                let _ = fs::unlinkat(&folder, name.as_slice(), AtFlags::empty());
            }
        }
    }

    /// Removes the file at `path`.
    pub(crate) fn remove(&mut self, path: &str) -> io::Result<()> {
        let (folder, name) = self.parent(path, false)?;
        Ok(fs::unlinkat(folder, name, AtFlags::empty())?)
    }

    /// Returns the names in the folder at `path` (the root for an empty text) in byte order, each with its kind.
    pub(crate) fn list(&self, path: &str) -> io::Result<Vec<(Vec<u8>, Kind)>> {
        let folder = self.descend(path, false)?;
        let mut names = Vec::new();
        for entry in fs::Dir::read_from(&folder)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            match kind_at(folder.as_fd(), name) {
                Ok(kind) => names.push((name.to_vec(), kind)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        names.sort_by(|one, two| one.0.cmp(&two.0));
        Ok(names)
    }

    /// Returns a handle on the folder that holds `path`, and the last component.
    fn parent<'a, 'p>(&'a mut self, path: &'p str, create: bool) -> io::Result<(BorrowedFd<'a>, &'p str)> {
        let Some((above, name)) = path.rsplit_once('/') else {
            return Ok((self.root.as_fd(), path));
        };
        if self.last.as_ref().is_none_or(|(folder, _)| folder != above) {
            let opened = self.descend(above, create)?;
            self.last = Some((above.to_owned(), opened));
        }
        match &self.last {
            Some((_, folder)) => Ok((folder.as_fd(), name)),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn descend(&self, path: &str, create: bool) -> io::Result<OwnedFd> {
        let mut folder = fs::openat(&self.root, ".", FOLDER, Bits::empty())?;
        for part in path.split('/').filter(|part| !part.is_empty()) {
            folder = match fs::openat(&folder, part, FOLDER, Bits::empty()) {
                Err(Errno::NOENT) if create => {
                    match fs::mkdirat(&folder, part, Bits::from_raw_mode(0o755)) {
                        Ok(()) | Err(Errno::EXIST) => {}
                        Err(error) => return Err(error.into()),
                    }
                    fs::openat(&folder, part, FOLDER, Bits::empty())?
                }
                opened => opened?,
            };
        }
        Ok(folder)
    }
}

fn kind_at(folder: BorrowedFd<'_>, name: impl rustix::path::Arg) -> io::Result<Kind> {
    let stat = fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Kind::File,
        FileType::Symlink => Kind::Link,
        FileType::Directory => Kind::Folder,
        _ => Kind::Special,
    })
}
