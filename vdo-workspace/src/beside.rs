//! Files that are written beside their place and put there by one rename.
//!
//! Whoever is killed leaves what was there or what was to be there, and perhaps a temporary name that says whose it was:
//! the next writer in that folder removes what dead processes left. Never flushed to the disk: this is for processes that die, not for
//! machines. Invariant: no name but a temporary one ever shows half a file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// What temporary names begin and end with; between them are the process and a number.
const BEGIN: &str = ".vdo-";
const END: &str = ".tmp";

/// Returns a name that this process has not used yet.
pub(crate) fn temporary() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{BEGIN}{}-{}{END}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Tells whether a name is a temporary one of a process that is no more.
pub(crate) fn is_stale(name: &str) -> bool {
    let inner = name.strip_prefix(BEGIN).and_then(|name| name.strip_suffix(END));
    inner.and_then(|inner| inner.split('-').next()?.parse::<u32>().ok()).is_some_and(is_dead)
}

/// Tells whether there is no such process. Without /proc nobody is known to be dead.
pub(crate) fn is_dead(process: u32) -> bool {
    Path::new("/proc/self").exists() && !Path::new(&format!("/proc/{process}")).exists()
}

/// Removes what dead processes left in a folder. What cannot be removed stays.
pub(crate) fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(is_stale) {
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let path = entry.path();
            let _ = if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        }
    }
}

/// A file that is being written, and is at its place once it is finished. Dropped before that, it never was.
///
/// A file that is there keeps its permissions; a link to a file leads to what is replaced; a pipe or a device is written
/// to as it is.
///
/// ```
/// use std::io::Write as _;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("out.patch");
/// let mut file = vdo_workspace::beside::NewFile::create(&path)?;
/// file.write_all(b"all of it")?;
/// assert!(!path.exists());
/// file.finish()?;
/// assert_eq!(std::fs::read(&path)?, b"all of it");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct NewFile {
    file: BufWriter<File>,
    /// Where it is written, and where it goes; none if it is written in its place.
    places: Option<(PathBuf, PathBuf)>,
}

impl NewFile {
    /// Begins the file that is to be at `path`.
    ///
    /// # Errors
    /// As the file system has it: the folder is missing or cannot be written.
    pub fn create(path: &Path) -> io::Result<Self> {
        let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let old = match fs::metadata(&target) {
            Ok(meta) if meta.is_file() => Some(meta.permissions()),
            Ok(_) => {
                let file = OpenOptions::new().write(true).open(&target)?;
                return Ok(Self { file: BufWriter::new(file), places: None });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        sweep(folder);
        let beside = folder.join(temporary());
        let file = File::create_new(&beside)?;
        let new = Self { file: BufWriter::new(file), places: Some((beside, target)) };
        if let Some(permissions) = old {
            new.file.get_ref().set_permissions(permissions)?;
        }
        Ok(new)
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// As the file system has it; what was there before is there still.
    pub fn finish(mut self) -> io::Result<()> {
        self.file.flush()?;
        if let Some((beside, target)) = &self.places {
            fs::rename(beside, target)?;
        }
        self.places = None;
        Ok(())
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if let Some((beside, _)) = &self.places {
            let _ = fs::remove_file(beside);
        }
    }
}

/// Writes a file whole or not at all; see [`NewFile`].
///
/// # Errors
/// As [`NewFile::create`] and [`NewFile::finish`].
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = NewFile::create(path)?;
    file.write_all(bytes)?;
    file.finish()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_that_is_dropped_before_its_end_never_was_and_one_that_is_there_keeps_its_permissions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let mut begun = NewFile::create(&path).unwrap();
        begun.write_all(b"half").unwrap();
        drop(begun);
        assert_eq!(names(folder.path()), Vec::<String>::new());
        write(&path, b"old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        std::os::unix::fs::symlink("out", folder.path().join("link")).unwrap();
        write(&folder.path().join("link"), b"new").unwrap();
        assert_eq!(
            (fs::read(&path).unwrap(), names(folder.path())),
            (b"new".to_vec(), vec!["link".into(), "out".into()])
        );
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(write(&folder.path().join("none/out"), b"x").is_err());
    }

    #[test]
    fn what_dead_processes_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        // A number that no process has: above what the kernel gives out.
        let (dead, own) = (u32::MAX, std::process::id());
        let stay = [format!(".vdo-{own}-7.tmp"), ".vdo-x-1.tmp".into(), format!(".vdo-{dead}-1"), "a.tmp".into()];
        for name in stay.iter().chain([&format!(".vdo-{dead}-1.tmp")]) {
            fs::write(folder.path().join(name), "").unwrap();
        }
        fs::create_dir_all(folder.path().join(format!(".vdo-{dead}-folder.tmp/below"))).unwrap();
        write(&folder.path().join("out"), b"x").unwrap();
        let mut expected = Vec::from(stay);
        expected.push("out".into());
        expected.sort();
        assert_eq!(names(folder.path()), expected);
    }
}
