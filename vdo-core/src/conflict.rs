//! What a merge left to decide, as it is kept, and how it was decided.
//!
//! Plain data. A conflict never goes away: once it is decided, the decision stands beside its terms.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::content::Entry;
use crate::path::RepoPath;
use crate::time::Timestamp;

/// A path on which the parents of a merge job could not be brought together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConflictRow {
    /// Counted from 1 within the job, in the order they were found.
    pub ordinal: u32,
    /// Which parent was being merged in, by its ordinal, from 1: our side is everything merged before it.
    pub round: u32,
    /// The path.
    pub path: RepoPath,
    /// What was there before both sides; none if nothing.
    pub base: Option<Entry>,
    /// What our side made of it; none if it is not there.
    pub ours: Option<Entry>,
    /// What their side made of it; none if it is not there.
    pub theirs: Option<Entry>,
    /// Where the file was before, if elsewhere.
    pub base_path: Option<RepoPath>,
    /// Where our side has it, if elsewhere.
    pub ours_path: Option<RepoPath>,
    /// Where their side has it, if elsewhere.
    pub theirs_path: Option<RepoPath>,
    /// Why the sides do not merge, in a few words.
    pub reason: String,
    /// How it was decided; none while it is open.
    pub decision: Option<Decision>,
    /// When it was found, as the store's writer had it.
    pub created: Timestamp,
}

impl ConflictRow {
    /// Returns whether nobody has decided it yet.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.decision.is_none()
    }

    /// Returns what lies at the path if a side is taken as it is.
    #[must_use]
    pub fn side(&self, side: Side) -> Option<Entry> {
        match side {
            Side::Base => self.base,
            Side::Ours => self.ours,
            Side::Theirs => self.theirs,
        }
    }
}

/// One of the three terms of a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// What was there before.
    Base,
    /// What the parents merged so far have.
    Ours,
    /// What the parent that is merged in has.
    Theirs,
}

/// How a conflict was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Decision {
    /// What lies at the path now; none: the file is gone.
    pub entry: Option<Entry>,
    /// In which way.
    pub how: How,
    /// Who decided: a route, a person, a command.
    pub author: String,
    /// When.
    pub at: Timestamp,
}

/// In which way a conflict was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// What was there before stays.
    Base,
    /// Our side was taken.
    Ours,
    /// Their side was taken.
    Theirs,
    /// The file is removed.
    Delete,
    /// Somebody gave the file.
    File,
    /// A model wrote the file.
    Model,
}

impl How {
    /// Every way.
    pub const ALL: [Self; 6] = [Self::Base, Self::Ours, Self::Theirs, Self::Delete, Self::File, Self::Model];

    /// Returns the name used in JSON and in stores.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Ours => "ours",
            Self::Theirs => "theirs",
            Self::Delete => "delete",
            Self::File => "file",
            Self::Model => "model",
        }
    }
}

/// Returns the first line of `text` that is a conflict marker and stands in none of `sides`, with its number from 1.
///
/// Only the three kinds that nothing else uses count: a row of seven `<`, `|` or `>`, alone or before a blank.
#[must_use]
pub fn marker_line<'t>(text: &'t str, sides: &[&str]) -> Option<(usize, &'t str)> {
    let is_marker = |line: &str| {
        ["<<<<<<<", "|||||||", ">>>>>>>"].iter().any(|mark| {
            line.strip_prefix(mark).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r']))
        })
    };
    let known = |line: &str| sides.iter().any(|side| side.lines().any(|other| other == line));
    let found = text.lines().zip(1..).find(|(line, _)| is_marker(line) && !known(line));
    found.map(|(line, number)| (number, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_found_unless_a_side_has_them_too() {
        assert_eq!(marker_line("a\n<<<<<<< #2\nb\n", &[]), Some((2, "<<<<<<< #2")));
        assert_eq!(marker_line("a\n>>>>>>>\n", &[]), Some((2, ">>>>>>>")));
        assert_eq!(marker_line("Title\n=======\n<<<<<<<<\n <<<<<<< x\n", &[]), None);
        assert_eq!(marker_line("||||||| doc\n", &["||||||| doc\n"]), None);
    }
}
