//! An import under way: takes files one by one and keeps what fits.
//!
//! Never writes. Invariant: the tree has no fault at any time, and every content it names is among the blobs.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use vdo_core::content::{Blob, BlobHash, Entry, Mode};
use vdo_core::path::RepoPath;
use vdo_core::tree::{FileTree, TreeFault};

use crate::folder::confined::{Confined, Kind};
use crate::import::{GitOrigin, ImportError, ImportLimits, Imported, SkipReason, Skipped};
use crate::walk::{self, Obstacle, WalkedKind};

/// An import under way. Paths are given in byte order.
#[derive(Debug)]
pub(crate) struct Gathering<'a> {
    pub(crate) root: &'a Path,
    pub(crate) limits: &'a ImportLimits,
    folder: Confined,
    pub(crate) tree: FileTree,
    folded: BTreeMap<String, RepoPath>,
    pub(crate) blobs: BTreeMap<BlobHash, Blob>,
    skipped: Vec<Skipped>,
    bytes: u64,
    /// What git tracks, for marking what was skipped.
    pub(crate) tracked: BTreeSet<String>,
}

impl<'a> Gathering<'a> {
    pub(crate) fn open(root: &'a Path, limits: &'a ImportLimits) -> Result<Self, ImportError> {
        let folder =
            Confined::open(root).map_err(|error| ImportError::Read { root: root.to_owned(), source: error.into() })?;
        Ok(Self {
            root,
            limits,
            folder,
            tree: FileTree::default(),
            folded: BTreeMap::new(),
            blobs: BTreeMap::new(),
            skipped: Vec::new(),
            bytes: 0,
            tracked: BTreeSet::new(),
        })
    }

    /// Lists what a walk could not take.
    pub(crate) fn missed(&mut self, missed: Vec<walk::Unwalked>) {
        for walk::Unwalked { name, reason } in missed {
            let reason = match reason {
                Obstacle::Name => SkipReason::Name,
                Obstacle::Unreadable => SkipReason::Unreadable,
                Obstacle::Repository => SkipReason::Repository,
            };
            self.skip(&name, reason);
        }
    }

    pub(crate) fn skip(&mut self, name: &str, reason: SkipReason) {
        let tracked = self.tracked.contains(name);
        self.skipped.push(Skipped { path: name.to_owned(), reason, tracked });
    }

    /// Takes what lies at `name` on disk; `kind` is what a walk saw there. Nothing there is no fault.
    pub(crate) fn take(&mut self, name: &str, kind: Option<WalkedKind>) -> Result<(), ImportError> {
        if kind == Some(WalkedKind::Special) {
            self.skip(name, SkipReason::Special);
            return Ok(());
        }
        match self.read(name) {
            Ok(Some((bytes, mode))) => self.add(name, mode, bytes),
            Ok(None) => Ok(()),
            Err(reason) => {
                self.skip(name, reason);
                Ok(())
            }
        }
    }

    fn read(&mut self, name: &str) -> Result<Option<(Vec<u8>, Mode)>, SkipReason> {
        let limit = self.limits.file_bytes;
        let unreadable = |_: io::Error| SkipReason::Unreadable;
        match self.folder.kind(name) {
            Ok(Kind::Link) => {
                self.folder.read_link(name).map(|target| Some((target, Mode::Symlink))).map_err(unreadable)
            }
            Ok(Kind::File) => match self.folder.read(name, limit).map_err(unreadable)? {
                Some(read) => Ok(Some(read)),
                None => Err(SkipReason::TooLarge { limit }),
            },
            Ok(Kind::Folder) => Ok(None),
            Ok(Kind::Special) => Err(SkipReason::Special),
            Err(error) if is_gone(&error) => Ok(None),
            Err(_) => Err(SkipReason::Unreadable),
        }
    }

    /// Adds a file with these bytes, unless its path does not fit.
    pub(crate) fn add(&mut self, name: &str, mode: Mode, bytes: Vec<u8>) -> Result<(), ImportError> {
        let path: RepoPath = match name.parse() {
            Ok(path) => path,
            Err(error) => {
                self.skip(name, SkipReason::Path(error.fault));
                return Ok(());
            }
        };
        let twin = self
            .folded
            .get(&path.folded())
            .map(|other| TreeFault::CaseClash { path: path.clone(), other: other.clone() });
        if let Some(fault) = twin.or_else(|| self.tree.fault_at(&path)) {
            self.skip(name, SkipReason::Tree(fault));
            return Ok(());
        }
        if self.tree.len() >= self.limits.files {
            return Err(ImportError::TooManyFiles { root: self.root.to_owned(), limit: self.limits.files });
        }
        let blob = Blob::new(bytes);
        self.bytes = self.bytes.saturating_add(u64::try_from(blob.bytes().len()).unwrap_or(u64::MAX));
        if self.bytes > self.limits.total_bytes {
            return Err(ImportError::TooManyBytes { root: self.root.to_owned(), limit: self.limits.total_bytes });
        }
        self.folded.insert(path.folded(), path.clone());
        self.tree.0.insert(path, Entry { blob: blob.hash(), mode });
        self.blobs.entry(blob.hash()).or_insert(blob);
        Ok(())
    }

    /// Ends the import.
    pub(crate) fn finish(mut self, origin: Option<GitOrigin>) -> Result<Imported, ImportError> {
        if self.tree.is_empty() {
            return Err(ImportError::Empty(self.root.to_owned()));
        }
        self.skipped.sort_by(|one, two| one.path.cmp(&two.path));
        self.skipped.dedup_by(|one, two| one.path == two.path);
        Ok(Imported {
            tree: self.tree,
            blobs: self.blobs.into_values().collect(),
            skipped: self.skipped,
            origin,
            title: title(self.root),
            root: self.root.to_owned(),
        })
    }
}

/// Tells whether nothing lies at a path, or a link or file lies where a folder would have to be.
fn is_gone(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    error.kind() == io::ErrorKind::NotFound
        || code == Some(rustix::io::Errno::NOTDIR.raw_os_error())
        || code == Some(rustix::io::Errno::LOOP.raw_os_error())
}

fn title(root: &Path) -> String {
    let name = root.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = name.strip_suffix(".git").unwrap_or(&name);
    let name: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
    let name = name.trim();
    if name.is_empty() { "Import".to_owned() } else { format!("Import {name}") }
}
