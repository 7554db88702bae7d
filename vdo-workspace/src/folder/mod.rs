//! Folders as trees: reading one, and laying a tree out in one.
//!
//! Never follows a symbolic link below the folder it was given.
//! Invariant: a content is handed out only if it has the hash that was asked for.

pub(crate) mod confined;
mod edits;
mod materialise;
mod memory;
mod source;
mod undo;

pub use edits::{EditFailure, FolderEdit};
pub use materialise::{MaterialiseError, Materialised, RefusedLink, link_fault, materialise};
pub use memory::MemorySource;
pub use source::FolderSource;
