//! Edits: what a model asks to be changed, and laying it over a tree.
//!
//! One model for every format. Pure: contents come from [`crate::contents::Contents`]. Invariant: an edit lands at exactly
//! one place or is refused, and a set of edits lands whole or not at all.

pub mod apply;
pub mod matching;
pub mod search_replace;
pub mod tools;

use serde::{Deserialize, Serialize};

use crate::path::RepoPath;

pub use apply::{Applied, apply};

/// What is to be done to one path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// The path.
    pub path: RepoPath,
    /// What is to be done.
    pub op: FileOp,
}

/// What is to be done to a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileOp {
    /// The file does not exist and will have this content.
    Create(String),
    /// The file will have this content, whether it exists or not.
    Write(String),
    /// Places in the file are replaced; all are looked up in the file as it was.
    Replace(Vec<Hunk>),
    /// The file is removed.
    Delete,
    /// The file moves to another path.
    Move(RepoPath),
}

/// One replacement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hunk {
    /// The text to find; whole lines match best.
    pub find: String,
    /// What stands there afterwards.
    pub replace: String,
    /// Whether every occurrence is meant rather than the only one.
    pub all: bool,
}

/// How exactly a text was found. Later rungs are tried only when earlier ones find nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// Byte for byte.
    Exact,
    /// But for line ends and blanks at the ends of lines.
    TrailingBlanks,
    /// But for one indentation that all lines share; the replacement is indented alike.
    Indent,
}

/// Why an edit was refused. The text goes back to the model, so it says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum EditError {
    /// A block has no readable path above it.
    #[error("block {block}: {reason}")]
    Block {
        /// The block, counted from 1 in the reply.
        block: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The path is not one inside the project.
    #[error("{0}")]
    Path(String),
    /// The file is not there.
    #[error("{path}: there is no such file; to create it, give it whole with an empty SEARCH part")]
    Missing {
        /// The path.
        path: RepoPath,
    },
    /// The file is there already.
    #[error("{path}: the file exists already; edit it instead of creating it")]
    Exists {
        /// The path.
        path: RepoPath,
    },
    /// The path does not fit into the tree.
    #[error("{0}")]
    Place(String),
    /// The file is a link, a submodule or not UTF-8 text.
    #[error("{path}: {reason}")]
    NotText {
        /// The path.
        path: RepoPath,
        /// What it is.
        reason: String,
    },
    /// The text to find is empty though the file has content.
    #[error("{path}: the text to find is empty; quote the lines to replace")]
    EmptyFind {
        /// The path.
        path: RepoPath,
    },
    /// The text was not found.
    #[error("{path}: the text to find (block {block}) is not in the file. {hint}")]
    NotFound {
        /// The path.
        path: RepoPath,
        /// The block, counted from 1 within the file.
        block: usize,
        /// The closest lines with their numbers, or that the change is made already.
        hint: String,
    },
    /// The text was found more than once.
    #[error("{path}: the text to find (block {block}) stands {} times, at lines {}; quote more lines around the right place", lines.len(), list(lines))]
    Ambiguous {
        /// The path.
        path: RepoPath,
        /// The block, counted from 1 within the file.
        block: usize,
        /// The first lines of the places.
        lines: Vec<usize>,
    },
    /// Two replacements overlap.
    #[error("{path}: blocks {one} and {other} change the same lines; join them into one block")]
    Overlap {
        /// The path.
        path: RepoPath,
        /// The first.
        one: usize,
        /// The second.
        other: usize,
    },
    /// The result would be too large.
    #[error("{path}: the result would have {bytes} bytes, more than the {limit} that are taken")]
    TooLarge {
        /// The path.
        path: RepoPath,
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
}

fn list(lines: &[usize]) -> String {
    let mut text: Vec<String> = lines.iter().take(8).map(usize::to_string).collect();
    if lines.len() > 8 {
        text.push("…".to_owned());
    }
    text.join(", ")
}
