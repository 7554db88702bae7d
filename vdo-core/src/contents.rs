//! Contents at hand, by hash: what pure code reads instead of a disk.

use std::collections::BTreeMap;

use crate::content::{Blob, BlobHash, Bytes};

/// A set of contents.
#[derive(Debug, Clone, Default)]
pub struct Contents(BTreeMap<BlobHash, Bytes>);

impl Contents {
    /// Returns the content with this hash, if it is at hand.
    #[must_use]
    pub fn get(&self, hash: BlobHash) -> Option<Bytes> {
        self.0.get(&hash).cloned()
    }

    /// Returns the content with this hash as text, if it is at hand and UTF-8.
    #[must_use]
    pub fn text(&self, hash: BlobHash) -> Option<&str> {
        self.0.get(&hash).and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    /// Returns whether the content is at hand.
    #[must_use]
    pub fn has(&self, hash: BlobHash) -> bool {
        self.0.contains_key(&hash)
    }

    /// Adds a content.
    pub fn add(&mut self, blob: &Blob) {
        self.0.insert(blob.hash(), blob.bytes().clone());
    }
}
