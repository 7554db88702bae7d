//! Reading edits out of replies: five formats with the dialects that models write.
//!
//! Readers are total: whatever the text, they return what edits they found and what was wrong with the rest. Work is linear
//! in the text, however hostile it is.

mod blocks;
mod calls;
mod defaults;
mod paths;
mod source;
mod unified;
mod v4a;

use serde::{Deserialize, Serialize};

use super::{Edit, EditError};
use crate::path::RepoPath;

pub use defaults::Formats;

/// A form in which edits are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Blocks with lines to find and lines to put there; whole files between fences; `DELETE` and `RENAME` lines.
    SearchReplace,
    /// Unified diffs, with or without line numbers.
    UnifiedDiff,
    /// The patch envelope `*** Begin Patch`, as OpenAI's models are trained to write it.
    V4a,
    /// Whole files between fences.
    Whole,
    /// Tool calls as JSON: `str_replace`, `create`, `insert`, and OpenAI's patch operations.
    StrReplace,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 5] = [Self::SearchReplace, Self::UnifiedDiff, Self::V4a, Self::Whole, Self::StrReplace];

    /// Returns the name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SearchReplace => "search-replace",
            Self::UnifiedDiff => "unified-diff",
            Self::V4a => "v4a",
            Self::Whole => "whole",
            Self::StrReplace => "str-replace",
        }
    }

    /// Returns the format that a reply seems to be in; whole files if nothing else is recognised.
    #[must_use]
    pub fn detect(text: &str) -> Self {
        let start = text.trim_start();
        if start.starts_with(['{', '[']) && calls::looks_like_calls(start) {
            return Self::StrReplace;
        }
        let mut before = "";
        for line in text.lines() {
            if v4a::is_marker(line) {
                return Self::V4a;
            }
            if blocks::is_search(line) {
                return Self::SearchReplace;
            }
            if line.starts_with("diff --git ") || (line.starts_with("+++ ") && before.starts_with("--- ")) {
                return Self::UnifiedDiff;
            }
            before = line;
        }
        if calls::fenced(text).is_some() { Self::StrReplace } else { Self::Whole }
    }
}

/// A text names no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no edit format: expected search-replace, unified-diff, v4a, whole or str-replace")]
pub struct ParseFormatError(String);

impl std::str::FromStr for Format {
    type Err = ParseFormatError;

    fn from_str(text: &str) -> Result<Self, ParseFormatError> {
        let plain = text.replace('_', "-");
        match plain.as_str() {
            "udiff" | "diff" => return Ok(Self::UnifiedDiff),
            "apply-patch" => return Ok(Self::V4a),
            _ => {}
        }
        Self::ALL
            .into_iter()
            .find(|format| format.as_str() == plain)
            .ok_or_else(|| ParseFormatError(text.chars().take(40).collect()))
    }
}

/// Whether edits of one file see each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sequence {
    /// All are looked up in the file as it was.
    #[default]
    AtOnce,
    /// Each sees what those before it did, as tool calls do.
    InTurn,
}

/// Whether a reply is known to be whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Whole {
    /// Its author ended it; a mark that is missing at the very end was forgotten.
    Yes,
    /// It may have been cut off; a mark that is missing is a fault.
    #[default]
    Unknown,
}

/// The edits of a reply.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadReply {
    /// The edits, in the order of the reply.
    pub edits: Vec<Edit>,
    /// Whether they see each other.
    pub sequence: Sequence,
    /// What could not be read.
    pub faults: Vec<EditError>,
}

impl ReadReply {
    /// Returns the edits, if all could be read.
    ///
    /// # Errors
    /// What could not be read.
    pub fn whole(self) -> Result<Vec<Edit>, Vec<EditError>> {
        if self.faults.is_empty() { Ok(self.edits) } else { Err(self.faults) }
    }
}

/// What is known about the files that edits are for.
#[derive(Clone, Copy)]
pub struct Known<'a>(pub &'a dyn Fn(&RepoPath) -> bool);

impl Known<'_> {
    /// Knows no file.
    pub const NONE: Known<'static> = Known(&|_| false);

    fn has(&self, path: &RepoPath) -> bool {
        (self.0)(path)
    }
}

impl std::fmt::Debug for Known<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Known")
    }
}

/// Reads the edits of a reply. A reply without any is a fault.
#[must_use]
pub fn read(text: &str, format: Format, known: Known<'_>, whole: Whole) -> ReadReply {
    let mut reply = read_some(text, format, known, whole);
    if reply.edits.is_empty() && reply.faults.is_empty() {
        let expected = match format {
            Format::SearchReplace => "a path, and below it <<<<<<< SEARCH, =======, >>>>>>> REPLACE",
            Format::UnifiedDiff => "--- and +++ lines with paths, and @@ hunks below them",
            Format::V4a => "*** Begin Patch, *** Update File: and the like, *** End Patch",
            Format::Whole => "a path on a line of its own, and below it the file between ``` fences",
            Format::StrReplace => "JSON objects with a command and a path",
        };
        reply.faults.push(EditError::NoEdits { expected: expected.to_owned() });
    }
    reply
}

/// Reads the edits of a reply in whatever format it is, and says in which; blocks and files if none is recognised.
#[must_use]
pub fn read_any(text: &str, known: Known<'_>, whole: Whole) -> (Format, ReadReply) {
    let format = match Format::detect(text) {
        // Blocks and commands may stand beside whole files.
        Format::Whole => Format::SearchReplace,
        other => other,
    };
    (format, read_some(text, format, known, whole))
}

/// Reads the edits of a reply, which may have none.
#[must_use]
pub fn read_some(text: &str, format: Format, known: Known<'_>, whole: Whole) -> ReadReply {
    match format {
        Format::SearchReplace => blocks::read(text, blocks::Mode::Blocks, known, whole),
        Format::Whole => blocks::read(text, blocks::Mode::Files, known, whole),
        Format::UnifiedDiff => unified::read(text, known),
        Format::V4a => v4a::read(text, whole),
        Format::StrReplace => calls::read(text),
    }
}

#[cfg(test)]
mod tests;
