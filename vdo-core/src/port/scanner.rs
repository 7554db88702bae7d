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
    /// What kind of file it is.
    #[serde(default)]
    pub class: FileClass,
    /// The language, in lower case, if known.
    pub language: Option<String>,
    /// What it defines.
    pub symbols: Vec<Symbol>,
}

impl FileFacts {
    /// Returns what a path and a content tell by themselves: a source in no known language.
    #[must_use]
    pub fn new(path: RepoPath, blob: BlobHash, bytes: u64) -> Self {
        Self { path, blob, bytes, class: FileClass::Source, language: None, symbols: Vec::new() }
    }

    /// Sets what the file defines.
    #[must_use]
    pub fn with_symbols(mut self, symbols: Vec<Symbol>) -> Self {
        self.symbols = symbols;
        self
    }
}

/// A file that fits what a scan was made for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fit {
    /// The path.
    pub path: RepoPath,
    /// How well it fits; only the order and the distances mean anything.
    pub score: f64,
}

/// What a scan is made for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Interest {
    /// What is to be done; the first line is its title. Empty: nothing is ranked.
    pub query: String,
    /// What was done before in this lineage, newest first: what was said of it, and the files it touched.
    pub past: Vec<(String, Vec<String>)>,
    /// The repository the lineage was imported from, and the commit, if it was one: what led to that commit counts as done before.
    pub origin: Option<(String, String)>,
}

impl Interest {
    /// Returns an interest in what fits a query.
    #[must_use]
    pub fn new(query: impl Into<String>) -> Self {
        Self { query: query.into(), ..Self::default() }
    }

    /// Adds what was done before, newest first.
    #[must_use]
    pub fn with_past(mut self, past: Vec<(String, Vec<String>)>) -> Self {
        self.past = past;
        self
    }

    /// Sets the repository and the commit that the lineage was imported from.
    #[must_use]
    pub fn with_origin(mut self, repository: String, commit: String) -> Self {
        self.origin = Some((repository, commit));
        self
    }
}

/// What a scan found out about a tree.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Scanned {
    /// The text files that matter, in path order; binaries and generated files are left out.
    pub files: Vec<FileFacts>,
    /// Files with rules for agents (`AGENTS.md` and the like), in path order; always sent whole.
    pub rules: Vec<RepoPath>,
    /// The check commands that the project's files imply, in order.
    pub checks: Vec<CheckCommand>,
    /// What has to be installed first.
    pub setup: Vec<Setup>,
    /// The sources that fit the interest, best first, bounded; none if nothing was asked for.
    #[serde(default)]
    pub ranked: Vec<Fit>,
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
    /// Scans `source`, and ranks its files for `interest`.
    ///
    /// # Errors
    /// [`ScanError::Source`] if the contents could not be read.
    async fn scan(&self, source: &dyn TreeSource, interest: &Interest) -> Result<Scanned, ScanError>;
}
