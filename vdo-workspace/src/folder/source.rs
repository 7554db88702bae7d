//! A folder on disk as a tree source.
//!
//! Invariant: what is read has the hash the tree gives it; a file that changed since the folder was
//! opened is an error, never other bytes.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use vdo_core::content::{BlobHash, Bytes, Entry, Mode};
use vdo_core::path::RepoPath;
use vdo_core::port::{SourceError, TreeSource};
use vdo_core::tree::FileTree;

use super::confined::{Confined, Kind};
use crate::blocking;

/// A folder: its tree, and where each content lies.
///
/// Holds no contents. Every file counts but those in `.git` folders; for ignore rules see the `import` module.
#[derive(Debug, Clone)]
pub struct FolderSource {
    root: PathBuf,
    tree: FileTree,
    names: HashMap<BlobHash, String>,
}

impl FolderSource {
    /// Reads and hashes every file below `root`. Blocks; meant for folders that VDO itself laid out.
    ///
    /// # Errors
    /// [`SourceError`] names the first file that cannot be read or has a name no tree can hold.
    pub fn open(root: &Path) -> Result<Self, SourceError> {
        let fail = |what: &str, source| SourceError { what: format!("{}: {what}", root.display()), source };
        let mut folder = Confined::open(root).map_err(|error| fail("the folder", error.into()))?;
        let mut source = Self { root: root.to_owned(), tree: FileTree::default(), names: HashMap::new() };
        let mut folders = vec![String::new()];
        while let Some(above) = folders.pop() {
            for (name, kind) in folder.list(&above).map_err(|error| fail(&above, error.into()))? {
                let Ok(name) = String::from_utf8(name) else {
                    return Err(fail(&above, "a name in it is not UTF-8".into()));
                };
                if name == ".git" {
                    continue;
                }
                let name = if above.is_empty() { name } else { format!("{above}/{name}") };
                if kind == Kind::Folder {
                    folders.push(name);
                    continue;
                }
                let path: RepoPath = name.parse().map_err(|error| fail(&name, Box::new(error)))?;
                let (bytes, mode) = read(&mut folder, &name, kind).map_err(|error| fail(&name, error.into()))?;
                let blob = BlobHash::of(&bytes);
                source.tree.0.insert(path, Entry { blob, mode });
                source.names.insert(blob, name);
            }
        }
        Ok(source)
    }

    /// Returns the source of files below `root` whose hashes are known.
    #[cfg(feature = "scan")]
    pub(crate) fn known(root: &Path, tree: FileTree) -> Self {
        let names = tree.0.iter().map(|(path, entry)| (entry.blob, path.as_str().to_owned())).collect();
        Self { root: root.to_owned(), tree, names }
    }

    /// Returns the folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }
}

fn read(folder: &mut Confined, name: &str, kind: Kind) -> io::Result<(Vec<u8>, Mode)> {
    match kind {
        Kind::Link => Ok((folder.read_link(name)?, Mode::Symlink)),
        Kind::File => folder.read(name, u64::MAX)?.ok_or_else(|| io::ErrorKind::FileTooLarge.into()),
        Kind::Folder | Kind::Special => Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file or link")),
    }
}

#[async_trait]
impl TreeSource for FolderSource {
    fn tree(&self) -> &FileTree {
        &self.tree
    }

    async fn read(&self, hashes: &[BlobHash]) -> Result<Vec<Bytes>, SourceError> {
        let fail = |what: String, source| SourceError { what, source };
        let mut wanted = Vec::with_capacity(hashes.len());
        for hash in hashes {
            let Some(name) = self.names.get(hash) else {
                return Err(fail(format!("content {}", hash.short()), "no file has it".into()));
            };
            wanted.push((*hash, name.clone()));
        }
        let root = self.root.clone();
        let place = root.display().to_string();
        blocking::run(move || read_all(&root, wanted)).await.map_err(|error| fail(place, error.into()))?
    }
}

fn read_all(root: &Path, wanted: Vec<(BlobHash, String)>) -> Result<Vec<Bytes>, SourceError> {
    let fail = |what: String, error: io::Error| SourceError { what, source: error.into() };
    let mut folder = Confined::open(root).map_err(|error| fail(root.display().to_string(), error))?;
    let mut contents = Vec::with_capacity(wanted.len());
    for (hash, name) in wanted {
        let found = folder.kind(&name).and_then(|kind| read(&mut folder, &name, kind));
        let (bytes, _) = found.map_err(|error| fail(name.clone(), error))?;
        if BlobHash::of(&bytes) != hash {
            return Err(fail(name, io::Error::other("it changed since the folder was opened")));
        }
        contents.push(bytes.into());
    }
    Ok(contents)
}
