//! Why an edit is refused, in words that let its author mend it.

use serde::{Deserialize, Serialize};

use crate::path::RepoPath;

/// Why an edit was refused. The text goes back to the model, so it says what to do; it has at most about 1.5 KB.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum EditError {
    /// The reply has no edits in it.
    #[error("the reply has no edits in a form that is known: {expected}")]
    NoEdits {
        /// What was looked for.
        expected: String,
    },
    /// A block cannot be read.
    #[error("block {block} (line {line} of the reply): {reason}")]
    Block {
        /// The block, counted from 1 in the reply.
        block: usize,
        /// The line of the reply it begins on, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The file is not there.
    #[error("{path}: there is no such file; to create it, give its whole content")]
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
    #[error("{path}: block {block} has nothing to find; quote the lines to replace, or those beside the place")]
    EmptyFind {
        /// The path.
        path: RepoPath,
        /// The block, counted from 1 in the reply.
        block: usize,
    },
    /// The text was not found.
    #[error("{path}: the text to find (block {block}) is not in the file. {hint}")]
    NotFound {
        /// The path.
        path: RepoPath,
        /// The block, counted from 1 in the reply.
        block: usize,
        /// The closest lines with their numbers, and what differs.
        hint: String,
    },
    /// The text is not there, but what is to replace it is.
    #[error("{path}: block {block} is applied already: what it puts there stands at line {line}; leave it out")]
    AlreadyApplied {
        /// The path.
        path: RepoPath,
        /// The block, counted from 1 in the reply.
        block: usize,
        /// Where the replacement stands, from 1.
        line: usize,
    },
    /// The text was found more than once.
    #[error("{path}: the text to find (block {block}) stands {} times, at lines {}; quote more lines around the right place", lines.len(), list(lines))]
    Ambiguous {
        /// The path.
        path: RepoPath,
        /// The block, counted from 1 in the reply.
        block: usize,
        /// The first lines of the places.
        lines: Vec<usize>,
    },
    /// The text stands another number of times than was said.
    #[error("{path}: the text to find (block {block}) stands {found} times, not {expected} times")]
    Count {
        /// The path.
        path: RepoPath,
        /// The block, counted from 1 in the reply.
        block: usize,
        /// How often it was said to stand there.
        expected: usize,
        /// How often it does.
        found: usize,
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
    /// A line stands for code that was left out.
    #[error("{path}: {} code out ({line:?}); write out every line that belongs there", leaving(*block))]
    Elided {
        /// The path.
        path: RepoPath,
        /// The block, counted from 1 in the reply; 0 for a file that is given whole.
        block: usize,
        /// The line.
        line: String,
    },
    /// Finding and replacing say the same.
    #[error("{path}: block {block} changes nothing")]
    NoChange {
        /// The path.
        path: RepoPath,
        /// The block, counted from 1 in the reply.
        block: usize,
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

impl EditError {
    /// Returns the file that the edit was for, if it is known.
    #[must_use]
    pub fn path(&self) -> Option<&RepoPath> {
        match self {
            Self::NoEdits { .. } | Self::Block { .. } | Self::Place(_) => None,
            Self::Missing { path }
            | Self::Exists { path }
            | Self::NotText { path, .. }
            | Self::EmptyFind { path, .. }
            | Self::NotFound { path, .. }
            | Self::AlreadyApplied { path, .. }
            | Self::Ambiguous { path, .. }
            | Self::Count { path, .. }
            | Self::Overlap { path, .. }
            | Self::Elided { path, .. }
            | Self::NoChange { path, .. }
            | Self::TooLarge { path, .. } => Some(path),
        }
    }

    /// Returns the block of the reply that it is about, from 1, if it is known.
    #[must_use]
    pub fn block(&self) -> Option<usize> {
        match self {
            Self::Block { block, .. }
            | Self::EmptyFind { block, .. }
            | Self::NotFound { block, .. }
            | Self::AlreadyApplied { block, .. }
            | Self::Ambiguous { block, .. }
            | Self::Count { block, .. }
            | Self::Elided { block, .. }
            | Self::NoChange { block, .. } => Some(*block),
            Self::Overlap { other, .. } => Some(*other),
            Self::NoEdits { .. }
            | Self::Missing { .. }
            | Self::Exists { .. }
            | Self::Place(_)
            | Self::NotText { .. }
            | Self::TooLarge { .. } => None,
        }
    }
}

fn leaving(block: usize) -> String {
    if block == 0 { "the whole file leaves".to_owned() } else { format!("block {block} leaves") }
}

fn list(lines: &[usize]) -> String {
    let mut text: Vec<String> = lines.iter().take(8).map(usize::to_string).collect();
    if lines.len() > 8 {
        text.push("…".to_owned());
    }
    text.join(", ")
}
