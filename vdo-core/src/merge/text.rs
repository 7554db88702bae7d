//! Three-way merge of texts.
//!
//! Pure. What does not merge is a hunk with its three terms and the reason, never an error and never a guess.

use crate::merge::lines::{Change, Lines, Rows, Segment, segments};
use crate::merge::region::Three;
use crate::merge::{clean, structured};
use crate::path::RepoPath;
use crate::syntax::Syntax;

/// Three versions of one text.
#[derive(Debug, Clone, Copy)]
pub struct Texts<'a> {
    /// Where it lies: tells the language.
    pub path: &'a RepoPath,
    /// What both sides grew out of.
    pub base: &'a [u8],
    /// What one side made of it.
    pub ours: &'a [u8],
    /// What the other side made of it.
    pub theirs: &'a [u8],
}

/// A merged text: what came together and what did not, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextMerge {
    /// The parts; one without a conflict is one merged part at most.
    pub hunks: Vec<TextHunk>,
}

/// A part of a merged text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextHunk {
    /// Lines that came together.
    Merged(Vec<u8>),
    /// Lines that did not.
    Conflict(TextConflict),
}

/// Lines that two sides made different things of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextConflict {
    /// What was there before.
    pub base: Vec<u8>,
    /// What one side made of it.
    pub ours: Vec<u8>,
    /// What the other side made of it.
    pub theirs: Vec<u8>,
    /// Why they do not merge, in a few words.
    pub reason: String,
}

/// Merges three versions of a text: by lines as git does, and where lines alone do not do, with the structure that `syntax` tells.
///
/// A text that merges by lines keeps exactly those bytes, unless the sides brought together what neither had alone: one name, key or
/// route twice. What is alike is then folded, anything else is a conflict.
#[must_use]
pub fn merge(texts: Texts<'_>, syntax: &dyn Syntax) -> TextMerge {
    let split = Lines::new(texts.base, texts.ours, texts.theirs);
    let segments = segments(&split);
    let clean = !segments.iter().any(|segment| segment.change == Change::Conflict);
    let sides = Three::new(texts.base, texts.ours, texts.theirs).map(|bytes| std::str::from_utf8(bytes).ok());
    match sides.all() {
        Some(sides) if clean => clean::checked(texts.path, sides, &split, segments, syntax),
        Some(sides) => structured::resolved(texts.path, sides, &split, &segments, syntax),
        None => TextMerge::by_lines(&split, &segments),
    }
}

/// Merges three versions of a text line by line, as git does.
#[must_use]
pub fn lines_only(base: &[u8], ours: &[u8], theirs: &[u8]) -> TextMerge {
    let lines = Lines::new(base, ours, theirs);
    TextMerge::by_lines(&lines, &segments(&lines))
}

impl TextMerge {
    /// Returns a text that is one merged part.
    #[must_use]
    pub fn of(text: Vec<u8>) -> Self {
        let mut merge = Self::default();
        merge.push(&text);
        merge
    }

    pub(super) fn by_lines(lines: &Lines<'_>, segments: &[Segment]) -> Self {
        let mut merge = Self::default();
        for segment in segments {
            match segment.change {
                Change::None | Change::Ours | Change::Alike => merge.push_lines(&lines.ours, &segment.ours),
                Change::Theirs => merge.push_lines(&lines.theirs, &segment.theirs),
                Change::Conflict => merge.conflict(lines, segment, "both sides changed the same lines".to_owned()),
            }
        }
        merge
    }

    pub(super) fn push_lines(&mut self, rows: &Rows<'_>, lines: &std::ops::Range<usize>) {
        self.push(rows.bytes(lines));
    }

    pub(super) fn conflict(&mut self, lines: &Lines<'_>, segment: &Segment, reason: String) {
        self.hunks.push(TextHunk::Conflict(TextConflict {
            base: lines.base.bytes(&segment.base).to_vec(),
            ours: lines.ours.bytes(&segment.ours).to_vec(),
            theirs: lines.theirs.bytes(&segment.theirs).to_vec(),
            reason,
        }));
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        match self.hunks.last_mut() {
            _ if bytes.is_empty() => {}
            Some(TextHunk::Merged(merged)) => merged.extend_from_slice(bytes),
            _ => self.hunks.push(TextHunk::Merged(bytes.to_vec())),
        }
    }

    /// Returns what did not merge, in order.
    pub fn conflicts(&self) -> impl Iterator<Item = &TextConflict> {
        self.hunks.iter().filter_map(|hunk| match hunk {
            TextHunk::Conflict(conflict) => Some(conflict),
            TextHunk::Merged(_) => None,
        })
    }

    /// Returns the whole text, or `None` if something did not merge.
    #[must_use]
    pub fn into_clean(self) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        for hunk in self.hunks {
            match hunk {
                TextHunk::Merged(bytes) if text.is_empty() => text = bytes,
                TextHunk::Merged(bytes) => text.extend_from_slice(&bytes),
                TextHunk::Conflict(_) => return None,
            }
        }
        Some(text)
    }
}

#[cfg(test)]
mod tests;
