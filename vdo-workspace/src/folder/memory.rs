//! A tree whose contents are all in memory.

use std::collections::HashMap;

use async_trait::async_trait;
use vdo_core::content::{Blob, BlobHash, Bytes, Entry, Mode};
use vdo_core::path::RepoPath;
use vdo_core::port::{SourceError, TreeSource};
use vdo_core::tree::FileTree;

/// A tree and its contents, in memory.
///
/// ```
/// use vdo_core::content::Mode;
/// use vdo_core::port::TreeSource;
/// use vdo_workspace::folder::MemorySource;
/// let source = MemorySource::default().with_file("app.py".parse().unwrap(), Mode::File, "print(1)\n");
/// assert_eq!(source.tree().len(), 1);
/// ```
#[derive(Debug, Clone, Default)]
pub struct MemorySource {
    tree: FileTree,
    contents: HashMap<BlobHash, Bytes>,
}

impl MemorySource {
    /// Returns the source of `tree` with these contents. One that is missing is an error when it is read.
    #[must_use]
    pub fn new(tree: FileTree, blobs: impl IntoIterator<Item = Blob>) -> Self {
        let contents = blobs.into_iter().map(|blob| (blob.hash(), Bytes::clone(blob.bytes()))).collect();
        Self { tree, contents }
    }

    /// Adds a file, or replaces the one at `path`.
    #[must_use]
    pub fn with_file(mut self, path: RepoPath, mode: Mode, bytes: impl AsRef<[u8]>) -> Self {
        let blob = Blob::new(bytes.as_ref());
        self.tree.0.insert(path, Entry { blob: blob.hash(), mode });
        self.contents.insert(blob.hash(), Bytes::clone(blob.bytes()));
        self
    }
}

#[async_trait]
impl TreeSource for MemorySource {
    fn tree(&self) -> &FileTree {
        &self.tree
    }

    async fn read(&self, hashes: &[BlobHash]) -> Result<Vec<Bytes>, SourceError> {
        let missing = |hash: &BlobHash| SourceError {
            what: format!("content {}", hash.short()),
            source: "it is not in memory".into(),
        };
        hashes.iter().map(|hash| self.contents.get(hash).cloned().ok_or_else(|| missing(hash))).collect()
    }
}
