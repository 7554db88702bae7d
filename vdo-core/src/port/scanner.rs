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

/// What kind of file a file is. Only sources are ranked with sources; the others have lists of their own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileClass {
    /// Code that people of the project write: programs, markup, styles, schemas.
    #[default]
    Source,
    /// Tests, and what tests read.
    Test,
    /// Text for people, and examples.
    Doc,
    /// Settings, manifests and other text.
    Config,
    /// Other people's code, and what a build made.
    Vendored,
    /// Written by a program: generated, minified, lock files.
    Generated,
    /// No text.
    Binary,
}

/// A file that a scan tells nothing of but its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftOut {
    /// The path, or as much of it as can be shown.
    pub path: String,
    /// Why.
    pub reason: LeftOutReason,
}

/// Why a file was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeftOutReason {
    /// It is no text.
    Binary,
    /// A program wrote it, or nobody would read it: generated, minified, locked.
    Generated,
    /// Other people's code, or what a build made.
    Vendored,
    /// It is larger than what is read.
    TooLarge,
    /// It, or its folder, could not be read.
    Unreadable,
    /// Its name is no path of a tree: not UTF-8, or refused.
    Name,
    /// It is a git repository of its own.
    Repository,
}

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
    pub summary: Summary,
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
