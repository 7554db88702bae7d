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
    /// Which parent was being merged in, by its ordinal, from 1: our side is everything merged before it. 0: the job was being
    /// carried over; our side is the parent as it is now, theirs the job.
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
    /// Of what kind it is.
    pub kind: ConflictKind,
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

    /// Returns whether it came up when the job was carried over to another revision of a parent.
    #[must_use]
    pub fn is_rebase(&self) -> bool {
        self.round == 0
    }

    /// Returns where the file lies once it is decided in this way, if it is not removed.
    #[must_use]
    pub fn place(&self, how: How) -> &RepoPath {
        let place = match how {
            How::Base => &self.base_path,
            How::Ours => &self.ours_path,
            How::Theirs => &self.theirs_path,
            // Renamed to two places, none of them is the path: our side's is as good as theirs.
            How::File | How::Model if self.ours_path.is_some() && self.theirs_path.is_some() => &self.ours_path,
            How::File | How::Model | How::Delete => return &self.path,
        };
        place.as_ref().unwrap_or(&self.path)
    }

    /// Returns every path that the conflict is about.
    pub fn places(&self) -> impl Iterator<Item = &RepoPath> {
        let others = [&self.base_path, &self.ours_path, &self.theirs_path];
        std::iter::once(&self.path).chain(others.into_iter().flatten())
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

/// Why a path does not merge, for programs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConflictKind {
    /// Both sides changed the text.
    #[default]
    Content,
    /// Both sides added different files.
    Added,
    /// One side deleted what the other changed or renamed.
    Deleted,
    /// The sides renamed one file to two places, or two files to one.
    Renamed,
    /// The sides differ in the kind of file.
    Mode,
    /// Both sides changed a binary file, a link or a submodule.
    Binary,
    /// A content is too large to be merged, or is not at hand.
    Unread,
    /// Two paths cannot live in one folder: file and folder, or names that differ only in case.
    Clash,
    /// The common ancestors differ here in ways that matter.
    Ancestors,
}

impl ConflictKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Content,
        Self::Added,
        Self::Deleted,
        Self::Renamed,
        Self::Mode,
        Self::Binary,
        Self::Unread,
        Self::Clash,
        Self::Ancestors,
    ];

    /// Returns the name used in JSON and in stores.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Added => "added",
            Self::Deleted => "deleted",
            Self::Renamed => "renamed",
            Self::Mode => "mode",
            Self::Binary => "binary",
            Self::Unread => "unread",
            Self::Clash => "clash",
            Self::Ancestors => "ancestors",
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
