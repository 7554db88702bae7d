//! Edits of the files in a folder.
//!
//! Only the files that the edits name are read. Nothing is written before every edit is known to land, and a write that
//! fails takes back those before it.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use vdo_core::content::{Blob, Entry, Mode};
use vdo_core::contents::Contents;
use vdo_core::diff;
use vdo_core::edit::apply::MAX_FILE_BYTES;
use vdo_core::edit::{Applied, EditError, Existing, FileOp, Format, Known, Whole, apply_good, read};
use vdo_core::path::RepoPath;
use vdo_core::tree::FileTree;

use super::confined::{Confined, Kind};
use super::undo;

/// Why edits were not made. The folder is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EditFailure {
    /// The edits do not land, each for its own reason.
    #[error("{}", list(.0))]
    Refused(Vec<EditError>),
    /// They land and change nothing.
    #[error("the edits change nothing")]
    NoChange,
    /// A file of the folder could not be read or written.
    #[error("{path}: the folder's files could not be used")]
    Io {
        /// The path.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

fn list(faults: &[EditError]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Edits that land in a folder, not made yet.
#[derive(Debug)]
pub struct FolderEdit {
    folder: Confined,
    before: FileTree,
    contents: Contents,
    applied: Applied,
    format: Format,
}

impl FolderEdit {
    /// Reads the edits of a reply and finds out what they make of the files in `root`. Blocking.
    ///
    /// # Errors
    /// [`EditFailure`] if one does not land.
    pub fn plan(root: &Path, reply: &str, format: Option<Format>, whole: Whole) -> Result<Self, EditFailure> {
        let unusable = |source| EditFailure::Io { path: root.display().to_string(), source };
        let folder = std::cell::RefCell::new(Confined::open(root).map_err(unusable)?);
        let has = |path: &RepoPath| matches!(folder.borrow_mut().kind(path.as_str()), Ok(Kind::File | Kind::Link));
        let format = format.unwrap_or_else(|| Format::detect(reply));
        let reply = read(reply, format, Known(&has), whole);
        if !reply.faults.is_empty() {
            return Err(EditFailure::Refused(reply.faults));
        }
        let mut named: BTreeSet<&RepoPath> = reply.edits.iter().map(|edit| &edit.path).collect();
        named.extend(reply.edits.iter().filter_map(|edit| match &edit.op {
            FileOp::Move(to) => Some(to),
            FileOp::Create(_) | FileOp::Write(_) | FileOp::Replace(_) | FileOp::Delete => None,
        }));
        let mut seen = Seen { folder: folder.into_inner(), tree: FileTree::default(), contents: Contents::default() };
        for path in named {
            seen.look(path).map_err(|source| EditFailure::Io { path: path.to_string(), source })?;
        }
        // Whoever wrote the reply saw the folder as it is.
        let done = apply_good(&reply.edits, &seen.tree, &seen.contents, reply.sequence, Existing::Replace);
        if !done.faults.is_empty() {
            return Err(EditFailure::Refused(done.faults));
        }
        if done.applied.tree == seen.tree {
            return Err(EditFailure::NoChange);
        }
        let Seen { folder, tree: before, contents } = seen;
        Ok(Self { folder, before, contents, applied: done.applied, format })
    }

    /// Takes back the edits that a process was killed in the middle of; returns the files that are as they were again. To be called
    /// before [`FolderEdit::plan`] by whoever is going to [write](FolderEdit::write). Blocking.
    ///
    /// # Errors
    /// [`EditFailure::Io`] if that process is still at work, or a file cannot be put back.
    pub fn recover(root: &Path) -> Result<Vec<RepoPath>, EditFailure> {
        undo::recover(root).map_err(|source| EditFailure::Io { path: root.display().to_string(), source })
    }

    /// Returns the format the reply was read in.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// Returns what the edits make of the files.
    #[must_use]
    pub fn applied(&self) -> &Applied {
        &self.applied
    }

    /// Returns the change as a patch.
    #[must_use]
    pub fn patch(&self) -> String {
        let mut contents = self.contents.clone();
        self.applied.blobs.iter().for_each(|blob| contents.add(blob));
        let bytes = |entry: Option<Entry>| entry.and_then(|entry| Some((entry, contents.get(entry.blob)?)));
        let mut text = String::new();
        for (path, before, after) in diff::changed_paths(&self.before, &self.applied.tree) {
            let (before, after) = (bytes(before), bytes(after));
            let old = before.as_ref().map(|(entry, bytes)| (*entry, bytes.as_ref()));
            let new = after.as_ref().map(|(entry, bytes)| (*entry, bytes.as_ref()));
            text.push_str(&diff::file_patch(&path, old, new));
        }
        text
    }

    /// Makes the change: every file, or none. Returns the paths that changed. Blocking.
    ///
    /// # Errors
    /// [`EditFailure::Io`] if a file could not be written; those written before it are as they were. Also if another process is at it,
    /// or was killed in the middle and nobody called [`FolderEdit::recover`] since.
    pub fn write(mut self) -> Result<Vec<RepoPath>, EditFailure> {
        let changed: Vec<_> = diff::changed_paths(&self.before, &self.applied.tree);
        self.applied.blobs.iter().for_each(|blob| self.contents.add(blob));
        // Files come before files go, so that a crash leaves one too many rather than one too few.
        let folders: BTreeSet<&str> = changed.iter().filter_map(|(path, ..)| path.ancestors().next()).collect();
        folders.into_iter().chain([""]).for_each(|folder| self.folder.sweep(folder));
        let (goes, comes): (Vec<_>, Vec<_>) = changed.iter().partition(|(_, _, after)| after.is_none());
        // One file changes in one move; several are taken back if this process is killed between them.
        let is_several = changed.len() > 1;
        let recorded = |source| EditFailure::Io { path: "the record of what is changed".to_owned(), source };
        if is_several {
            undo::begin(&mut self.folder, &changed, &self.contents).map_err(recorded)?;
        }
        let mut made = Vec::new();
        for (path, before, after) in comes.into_iter().chain(goes) {
            if let Err(source) = self.put(path, *after) {
                for (path, before) in made.into_iter().rev() {
                    // What was written a moment ago can be written back.
                    let _ = self.put(path, before);
                }
                if is_several {
                    let _ = undo::end(&mut self.folder);
                }
                return Err(EditFailure::Io { path: path.to_string(), source });
            }
            made.push((path, *before));
        }
        if is_several {
            undo::end(&mut self.folder).map_err(recorded)?;
        }
        Ok(changed.into_iter().map(|(path, _, _)| path).collect())
    }

    fn put(&mut self, path: &RepoPath, entry: Option<Entry>) -> io::Result<()> {
        let Some(entry) = entry else { return self.folder.remove(path.as_str()) };
        let bytes = self.contents.get(entry.blob).ok_or(io::ErrorKind::NotFound)?;
        self.folder.replace(path.as_str(), &bytes, entry.mode == Mode::Executable)
    }
}

/// What was looked at of a folder.
struct Seen {
    folder: Confined,
    tree: FileTree,
    contents: Contents,
}

impl Seen {
    /// Takes what lies at a path into the tree, what lies on the way to it, and names that differ only in case.
    fn look(&mut self, path: &RepoPath) -> io::Result<()> {
        let mut above = String::new();
        for part in path.as_str().split('/') {
            let folder = above.clone();
            if !above.is_empty() {
                above.push('/');
            }
            above.push_str(part);
            match self.folder.kind(&above) {
                Ok(Kind::Folder) if above != path.as_str() => continue,
                Ok(kind) => return self.take(&above, kind),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return self.twins(&folder, part, path);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Notes names in a folder that file systems may take for `part`, as what they would clash with.
    fn twins(&mut self, folder: &str, part: &str, path: &RepoPath) -> io::Result<()> {
        for (name, kind) in self.folder.list(folder)? {
            let Ok(name) = String::from_utf8(name) else { continue };
            if name == part || name.to_lowercase() != part.to_lowercase() {
                continue;
            }
            let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
            let at = format!("{prefix}{name}");
            let behind = path.as_str().get(prefix.len() + part.len()..).unwrap_or_default();
            match kind {
                // A folder of that name would take the whole path in.
                Kind::Folder => self.note(&format!("{at}{behind}"), Mode::File),
                _ => self.note(&at, Mode::File),
            }
        }
        Ok(())
    }

    fn take(&mut self, path: &str, kind: Kind) -> io::Result<()> {
        match kind {
            Kind::File => {
                let limit = u64::try_from(MAX_FILE_BYTES).unwrap_or(u64::MAX);
                let Some((bytes, mode)) = self.folder.read(path, limit)? else {
                    return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {limit} bytes")));
                };
                let blob = Blob::new(bytes);
                self.contents.add(&blob);
                if let Ok(path) = path.parse() {
                    self.tree.0.insert(path, Entry { blob: blob.hash(), mode });
                }
            }
            Kind::Link => self.note(path, Mode::Symlink),
            // A file cannot lie where something else does; what that is does not matter.
            Kind::Folder | Kind::Special => self.note(&format!("{path}/(what is in it)"), Mode::File),
        }
        Ok(())
    }

    /// Notes that something is there that is not to be changed.
    fn note(&mut self, path: &str, mode: Mode) {
        if let Ok(path) = path.parse() {
            self.tree.0.insert(path, Entry { blob: Blob::new(Vec::new()).hash(), mode });
        }
    }
}
