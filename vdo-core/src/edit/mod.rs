//! Edits: what a model asks to be changed, and laying it over a tree.
//!
//! One model for every format. A reply is read by [`format`](mod@format), each hunk is looked up by a ladder of ever looser
//! comparisons, and [`apply()`] lays the result over a tree. Pure: contents come from [`crate::contents::Contents`].
//! Invariant: an edit lands at exactly one place or is refused, and a set of edits lands whole or not at all, unless the
//! caller asks for the good part.

pub mod apply;
pub mod format;
pub mod tools;

mod error;
mod file;
mod fuzzy;
mod hint;
mod ladder;
mod lines;
mod literal;
mod place;
mod rewrite;
mod similar;

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::path::RepoPath;

pub use apply::{Applied, Existing, Partial, apply, apply_good};
pub use error::EditError;
pub use format::{Format, Formats, Known, ReadReply, Sequence, Whole, read, read_any, read_some};

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

/// What a hunk's text to find is made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Whole lines, as in blocks and patches. Line ends are not compared.
    #[default]
    Lines,
    /// Any text, which may begin and end within a line, as in `str_replace` calls.
    Text,
}

/// Where a hunk goes that has nothing to find.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spot {
    /// Nowhere: such a hunk is refused, unless the file is new or empty.
    #[default]
    None,
    /// Behind the last line; behind the last anchor if there are anchors.
    End,
    /// Behind the line with this number, from 1; 0 is the beginning.
    AfterLine(usize),
}

/// One replacement.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hunk {
    /// The text to find.
    pub find: String,
    /// What stands there afterwards.
    pub replace: String,
    /// What the two texts are made of.
    pub unit: Unit,
    /// Whether every occurrence is meant rather than the only one.
    pub all: bool,
    /// How many occurrences there are, as the author of the edit says.
    pub count: Option<usize>,
    /// Lines above the place, outermost first, as `@@` lines of a patch name them.
    pub anchors: Vec<String>,
    /// The number of its first line, from 1, as the author of the edit says. Decides between places, never alone.
    pub line: Option<usize>,
    /// Whether the place is the end of the file.
    pub at_end: bool,
    /// Where it goes if there is nothing to find.
    pub spot: Spot,
    /// Whether hunks of this format stand in the order of the file.
    pub ordered: bool,
    /// Which lines of `find` (first) stand unchanged in `replace` (second), if the format says so; else they are compared.
    pub kept: Option<Vec<(usize, usize)>>,
    /// Whether the file ends in a line end afterwards, if the format says so and the place is the end; else as it was.
    pub final_newline: Option<bool>,
    /// Which block of the reply it is, from 1.
    pub block: usize,
    /// Where the block stands in the reply, in bytes.
    pub span: Range<usize>,
}

impl Hunk {
    /// Returns a hunk that replaces whole lines.
    #[must_use]
    pub fn lines(find: impl Into<String>, replace: impl Into<String>) -> Self {
        Self { find: find.into(), replace: replace.into(), ..Self::default() }
    }

    /// Returns a hunk that replaces any text.
    #[must_use]
    pub fn text(find: impl Into<String>, replace: impl Into<String>) -> Self {
        Self { unit: Unit::Text, ..Self::lines(find, replace) }
    }
}

/// How exactly a text was found. Later rungs are tried only when earlier ones find nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// Byte for byte, but for line ends.
    #[default]
    Exact,
    /// But for blanks at the ends of lines, and blank lines around the block.
    TrailingBlanks,
    /// But for one indentation that all lines share; what is new is indented alike.
    Indent,
    /// But for the indentation of each line; what is new is indented as the lines around it.
    Trimmed,
    /// But for the width of blanks within lines.
    InnerBlanks,
    /// But for typographic quotes, dashes, blanks and composed characters.
    Punctuation,
    /// With line numbers taken away that the quote has and the file has not, or escapes resolved that the quote has too many.
    Literal,
    /// The first and the last line fit, and what lies between is the same but for slips.
    Edges,
    /// The lines are the same but for slips, and no other place comes near.
    Similar,
}

impl Rung {
    /// Returns the name in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::TrailingBlanks => "trailing blanks",
            Self::Indent => "indent",
            Self::Trimmed => "trimmed",
            Self::InnerBlanks => "inner blanks",
            Self::Punctuation => "punctuation",
            Self::Literal => "literal",
            Self::Edges => "edges",
            Self::Similar => "similar",
        }
    }
}

#[cfg(test)]
mod tests;
