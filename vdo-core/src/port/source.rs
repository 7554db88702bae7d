//! A tree whose contents can be read: a folder, or a revision in a store.

use std::fmt;

use async_trait::async_trait;

use crate::content::{BlobHash, Bytes};
use crate::tree::FileTree;

/// A content could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {what}")]
pub struct SourceError {
    /// What was to be read.
    pub what: String,
    /// Why it could not be.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// A tree and its contents. Scanners, checkers and deployers read one and know nothing of where it lies.
#[async_trait]
pub trait TreeSource: fmt::Debug + Send + Sync {
    /// Returns the tree.
    fn tree(&self) -> &FileTree;

    /// Returns the contents with these hashes, in the order asked for. Each belongs to the tree.
    ///
    /// # Errors
    /// [`SourceError`] names the first content that could not be read.
    async fn read(&self, hashes: &[BlobHash]) -> Result<Vec<Bytes>, SourceError>;
}
