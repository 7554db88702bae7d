//! A tree in the store, as the other ports read it.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::content::{BlobHash, Bytes};
use crate::contents::Contents;
use crate::port::{SourceError, Store, TreeSource};
use crate::tree::FileTree;

/// A tree whose contents are at hand or in a store.
#[derive(Clone)]
pub struct StoreSource {
    tree: FileTree,
    near: Contents,
    store: Arc<dyn Store>,
}

impl StoreSource {
    /// Returns a source that looks into `near` first.
    #[must_use]
    pub fn new(tree: FileTree, near: Contents, store: Arc<dyn Store>) -> Self {
        Self { tree, near, store }
    }
}

impl fmt::Debug for StoreSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreSource").field("files", &self.tree.len()).finish_non_exhaustive()
    }
}

#[async_trait]
impl TreeSource for StoreSource {
    fn tree(&self) -> &FileTree {
        &self.tree
    }

    async fn read(&self, hashes: &[BlobHash]) -> Result<Vec<Bytes>, SourceError> {
        let far: Vec<BlobHash> = hashes.iter().copied().filter(|hash| !self.near.has(*hash)).collect();
        let fetched = if far.is_empty() { Ok(Vec::new()) } else { self.store.blobs(&far).await };
        let fetched = fetched.map_err(|error| SourceError {
            what: format!("{} contents from the store", far.len()),
            source: Box::new(error),
        })?;
        let mut fetched = fetched.into_iter();
        let mut contents = Vec::with_capacity(hashes.len());
        for hash in hashes {
            let bytes = self.near.get(*hash).or_else(|| fetched.next().map(|blob| blob.bytes().clone()));
            contents.extend(bytes);
        }
        Ok(contents)
    }
}
