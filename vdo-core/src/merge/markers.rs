//! Conflicts in the form people edit: marker lines in, marker lines out.

use crate::diff::lines;
use crate::merge::text::{TextConflict, TextHunk, TextMerge};

/// The number of signs in a marker line, as git has it.
pub const MARKER_SIZE: usize = 7;

/// Names at the marker lines of a conflict.
#[derive(Debug, Clone, Copy)]
pub struct Labels<'a> {
    /// Of our side.
    pub ours: &'a str,
    /// Of what was there before.
    pub base: &'a str,
    /// Of their side.
    pub theirs: &'a str,
}

/// Why marker lines cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MarkerError {
    /// A marker line stands where another kind was to come.
    #[error(
        "line {line}: `{found}` does not belong here; a conflict is <<<<<<<, |||||||, =======, >>>>>>> in this order"
    )]
    Misplaced {
        /// The line, from 1.
        line: usize,
        /// The marker found.
        found: String,
    },
    /// The text ends within a conflict.
    #[error("the conflict that begins at line {line} has no end")]
    Open {
        /// The line of its first marker, from 1.
        line: usize,
    },
}

impl TextMerge {
    /// Returns the smallest size from [`MARKER_SIZE`] on at which no line of the text looks like a marker.
    #[must_use]
    pub fn marker_size(&self) -> usize {
        let longest = |text: &[u8]| {
            let run = |line: &&[u8]| {
                let sign = line.first().copied().filter(|byte| b"<|=>".contains(byte));
                sign.map_or(0, |sign| line.iter().take_while(|byte| **byte == sign).count())
            };
            lines(text).iter().map(run).max().unwrap_or(0)
        };
        let of = |hunk: &TextHunk| match hunk {
            TextHunk::Merged(text) => longest(text),
            TextHunk::Conflict(it) => longest(&it.base).max(longest(&it.ours)).max(longest(&it.theirs)),
        };
        let longest = self.hunks.iter().map(of).max().unwrap_or(0);
        if longest < MARKER_SIZE { MARKER_SIZE } else { longest + 1 }
    }

    /// Returns the whole text with every conflict between marker lines of `size` signs, as `git merge-file --diff3` writes them.
    ///
    /// A term without a line end at its end gets one.
    #[must_use]
    pub fn with_markers(&self, labels: Labels<'_>, size: usize) -> Vec<u8> {
        let mut text = Vec::new();
        for hunk in &self.hunks {
            match hunk {
                TextHunk::Merged(bytes) => text.extend_from_slice(bytes),
                TextHunk::Conflict(conflict) => {
                    let windows =
                        [&conflict.ours, &conflict.theirs, &conflict.base].iter().any(|it| it.ends_with(b"\r\n"));
                    let end: &[u8] = if windows { b"\r\n" } else { b"\n" };
                    if !text.is_empty() && !text.ends_with(b"\n") {
                        text.extend_from_slice(end);
                    }
                    let terms = [
                        (b'<', labels.ours, Some(&conflict.ours)),
                        (b'|', labels.base, Some(&conflict.base)),
                        (b'=', "", Some(&conflict.theirs)),
                        (b'>', labels.theirs, None),
                    ];
                    for (sign, label, lines) in terms {
                        text.extend(std::iter::repeat_n(sign, size));
                        if !label.is_empty() {
                            text.push(b' ');
                            text.extend(label.bytes().map(|byte| if byte == b'\n' { b' ' } else { byte }));
                        }
                        text.extend_from_slice(end);
                        let lines = lines.map_or(&[][..], Vec::as_slice);
                        text.extend_from_slice(lines);
                        if !lines.is_empty() && !lines.ends_with(b"\n") {
                            text.extend_from_slice(end);
                        }
                    }
                }
            }
        }
        text
    }

    /// Reads a text with marker lines of `size` signs; one without any is a single merged part. The part with `|||||||` may be missing.
    ///
    /// # Errors
    /// [`MarkerError`] names the line at which the markers make no sense.
    pub fn from_markers(text: &[u8], size: usize) -> Result<Self, MarkerError> {
        let mut merge = Self::default();
        let mut open: Option<(usize, Term, TextConflict)> = None;
        for (number, line) in lines(text).into_iter().enumerate() {
            let number = number + 1;
            let sign = marker(line, size);
            let misplaced =
                || MarkerError::Misplaced { line: number, found: String::from_utf8_lossy(line).trim().to_owned() };
            open = match (sign, open) {
                (None, None) => {
                    merge.push(line);
                    None
                }
                (None, Some((start, term, mut conflict))) => {
                    match term {
                        Term::Ours => conflict.ours.extend_from_slice(line),
                        Term::Base => conflict.base.extend_from_slice(line),
                        Term::Theirs => conflict.theirs.extend_from_slice(line),
                    }
                    Some((start, term, conflict))
                }
                (Some(b'<'), None) => Some((number, Term::Ours, TextConflict::default())),
                // Outside a conflict a line of equal signs is a heading of some text formats.
                (Some(b'='), None) => {
                    merge.push(line);
                    None
                }
                (Some(b'|'), Some((start, Term::Ours, conflict))) => Some((start, Term::Base, conflict)),
                (Some(b'='), Some((start, Term::Ours | Term::Base, conflict))) => Some((start, Term::Theirs, conflict)),
                (Some(b'>'), Some((_, Term::Theirs, mut conflict))) => {
                    "marked in the text".clone_into(&mut conflict.reason);
                    merge.hunks.push(TextHunk::Conflict(conflict));
                    None
                }
                _ => return Err(misplaced()),
            };
        }
        match open {
            Some((line, ..)) => Err(MarkerError::Open { line }),
            None => Ok(merge),
        }
    }
}

enum Term {
    Ours,
    Base,
    Theirs,
}

/// Returns the sign of a marker line.
fn marker(line: &[u8], size: usize) -> Option<u8> {
    let sign = line.first().copied().filter(|byte| b"<|=>".contains(byte))?;
    let rest = line.strip_prefix(vec![sign; size].as_slice())?;
    let ends = matches!(rest, [] | [b'\n', ..] | [b'\r', ..] | [b' ', ..]);
    // The middle one has no label.
    (ends && (sign != b'=' || rest.trim_ascii().is_empty())).then_some(sign)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::merge::text::lines_only;

    const LABELS: Labels<'static> = Labels { ours: "ours", base: "base", theirs: "theirs" };

    #[test]
    fn a_conflict_is_written_with_its_three_terms_and_read_back() {
        let merge = lines_only(b"a\nb\nc\n", b"a\nB\nc\n", b"a\nbb\nc\n");
        let text = merge.with_markers(LABELS, 7);
        assert_eq!(
            String::from_utf8_lossy(&text),
            "a\n<<<<<<< ours\nB\n||||||| base\nb\n=======\nbb\n>>>>>>> theirs\nc\n"
        );
        let mut read = TextMerge::from_markers(&text, 7).unwrap();
        for hunk in &mut read.hunks {
            if let TextHunk::Conflict(conflict) = hunk {
                "both sides changed the same lines".clone_into(&mut conflict.reason);
            }
        }
        assert_eq!(read, merge);
    }

    #[test]
    fn markers_out_of_order_are_named_with_their_line() {
        assert_eq!(
            TextMerge::from_markers(b"a\n>>>>>>> x\n", 7),
            Err(MarkerError::Misplaced { line: 2, found: ">>>>>>> x".to_owned() })
        );
        assert_eq!(TextMerge::from_markers(b"a\n<<<<<<< x\nb\n", 7), Err(MarkerError::Open { line: 2 }));
        assert!(TextMerge::from_markers(b"Title\n=======\n", 7).is_ok());
    }

    #[test]
    fn a_text_that_has_marker_lines_gets_longer_ones() {
        let merge = lines_only(b"=======\nb\n", b"=======\nB\n", b"=======\nbb\n");
        assert_eq!(merge.marker_size(), 8);
        assert_eq!(TextMerge::from_markers(&merge.with_markers(LABELS, 8), 8).unwrap().conflicts().count(), 1);
    }

    proptest! {
        #[test]
        fn markers_out_and_in_are_the_same_merge(base in "([ab<=|>]{0,9}\n){0,6}", ours in "([ab<=|>]{0,9}\n){0,6}", theirs in "([ab<=|>]{0,9}\n){0,6}") {
            let merge = lines_only(base.as_bytes(), ours.as_bytes(), theirs.as_bytes());
            let size = merge.marker_size();
            let read = TextMerge::from_markers(&merge.with_markers(LABELS, size), size).unwrap();
            let bare = |merge: &TextMerge| merge.hunks.iter().map(|hunk| match hunk {
                TextHunk::Merged(text) => vec![text.clone()],
                TextHunk::Conflict(it) => vec![it.base.clone(), it.ours.clone(), it.theirs.clone()],
            }).collect::<Vec<_>>();
            prop_assert_eq!(bare(&read), bare(&merge));
        }
    }
}
