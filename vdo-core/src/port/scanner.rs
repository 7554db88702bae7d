//! Looking at code, as a port.

use std::fmt;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::check::{CheckCommand, Setup};
use crate::content::BlobHash;
use crate::path::RepoPath;
use crate::port::{SourceError, TreeSource};
use crate::summary::Summary;
use crate::syntax::Symbol;

/// What a scan found out about one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileFacts {
    /// The path.
    pub path: RepoPath,
    /// The content's hash.
    pub blob: BlobHash,
    /// The size in bytes.
    pub bytes: u64,
    /// The language, in lower case, if known.
    pub language: Option<String>,
    /// What it defines.
    pub symbols: Vec<Symbol>,
}

/// What a scan found out about a tree.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Scanned {
    /// The text files that matter, in path order; binaries and generated files are left out.
    pub files: Vec<FileFacts>,
    /// Files with rules for agents (`AGENTS.md` and the like), in path order; always sent whole.
    pub rules: Vec<RepoPath>,
    /// The check commands that the project's files imply, in order.
    pub checks: Vec<CheckCommand>,
    /// What has to be installed first.
    pub setup: Vec<Setup>,
    /// What the codebase is, at a glance.
    #[serde(default)]
    pub summary: Box<Summary>,
}

/// A scan failed as a whole. Unreadable single files never fail one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScanError {
    /// The tree could not be read.
    #[error("the tree could not be scanned")]
    Source(#[from] SourceError),
}

/// Looks at a tree. Called once at the start of a run, from many runs at once; same tree, same answer.
#[async_trait]
pub trait Scanner: fmt::Debug + Send + Sync {
    /// Scans `source`.
    ///
    /// # Errors
    /// [`ScanError::Source`] if the contents could not be read.
    async fn scan(&self, source: &dyn TreeSource) -> Result<Scanned, ScanError>;
}
