//! The line merge: which lines each side changed, and where those changes meet.
//!
//! Gives the bytes that `git merge-file` gives where that is clean. Two changes are apart if at least one
//! unchanged line lies between them; two that meet and are not alike are a conflict.

use std::ops::Range;

use imara_diff::{Algorithm, Diff, InternedInput, Interner, Token};

use crate::diff::{common_prefix, common_suffix};

/// A text and where its lines are, each with its line end.
#[derive(Debug)]
pub(super) struct Rows<'a> {
    text: &'a [u8],
    /// Where each line begins, and the end of the text.
    starts: Vec<usize>,
}

impl<'a> Rows<'a> {
    fn new(text: &'a [u8]) -> Self {
        let mut starts = Vec::with_capacity(text.len() / 32 + 2);
        starts.push(0);
        starts.extend(memchr::memchr_iter(b'\n', text).map(|newline| newline + 1));
        if starts.last() != Some(&text.len()) {
            starts.push(text.len());
        }
        Self { text, starts }
    }

    /// Returns how many lines there are.
    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    fn start_of(&self, line: usize) -> usize {
        self.starts.get(line).copied().unwrap_or(self.text.len())
    }

    /// Returns the bytes of some lines.
    pub(super) fn bytes(&self, lines: &Range<usize>) -> &'a [u8] {
        self.text.get(self.start_of(lines.start)..self.start_of(lines.end)).unwrap_or_default()
    }

    /// Returns some lines, one by one.
    pub(super) fn lines(&self, lines: &Range<usize>) -> impl Iterator<Item = &'a [u8]> {
        let starts = self.starts.get(lines.start..=lines.end.min(self.len())).unwrap_or_default();
        starts.array_windows().map(|[start, end]| self.text.get(*start..*end).unwrap_or_default())
    }

    /// Returns how many lines two texts have in common at their beginnings and at their ends.
    fn common(&self, other: &Self) -> (usize, usize) {
        if self.text == other.text {
            return (self.len(), 0);
        }
        // Only what ends with a line end is a line in both.
        let prefix = common_prefix(self.text, other.text);
        let ended = |start: &&usize| **start == 0 || self.text.get(**start - 1) == Some(&b'\n');
        let head = self.starts.iter().take_while(|start| **start <= prefix).filter(ended).count().saturating_sub(1);
        let start = self.start_of(head);
        let (rest, others) = (self.text.get(start..).unwrap_or_default(), other.text.get(start..).unwrap_or_default());
        // The line in which the common end begins may begin otherwise.
        let suffix = self.text.len() - common_suffix(rest, others);
        let tail = self.starts.partition_point(|start| *start <= suffix);
        (head, self.len().saturating_sub(tail.max(head)))
    }
}

/// The lines of three versions.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    pub(super) base: Rows<'a>,
    pub(super) ours: Rows<'a>,
    pub(super) theirs: Rows<'a>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(base: &'a [u8], ours: &'a [u8], theirs: &'a [u8]) -> Self {
        Self { base: Rows::new(base), ours: Rows::new(ours), theirs: Rows::new(theirs) }
    }
}

/// Who changed the lines of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Nobody.
    None,
    /// Our side only.
    Ours,
    /// Their side only.
    Theirs,
    /// Both, alike.
    Alike,
    /// Both, each in its way.
    Conflict,
}

/// Lines that belong together in all three versions. The segments of a merge tile each version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) change: Change,
    pub(super) base: Range<usize>,
    pub(super) ours: Range<usize>,
    pub(super) theirs: Range<usize>,
}

/// Lines that one side replaced.
struct Hunk {
    before: Range<usize>,
    after: Range<usize>,
}

/// The lines of three versions as numbers: equal lines have equal ones.
struct Numbers<'a> {
    /// The base, and the side that is looked at.
    input: InternedInput<&'a [u8]>,
    ours: Vec<Token>,
    theirs: Vec<Token>,
}

impl<'a> Numbers<'a> {
    fn new(lines: &Lines<'a>) -> Self {
        let mut interner = Interner::new(lines.base.len() * 2);
        let before: Vec<Token> = lines.base.lines(&(0..lines.base.len())).map(|line| interner.intern(line)).collect();
        let mut side = |rows: &Rows<'a>| -> Vec<Token> {
            // Most lines are those of the base, and numbered already.
            let (head, tail) = lines.base.common(rows);
            let mut numbers = Vec::with_capacity(rows.len());
            numbers.extend_from_slice(before.get(..head).unwrap_or_default());
            numbers.extend(rows.lines(&(head..rows.len() - tail)).map(|line| interner.intern(line)));
            numbers.extend_from_slice(before.get(before.len() - tail..).unwrap_or_default());
            numbers
        };
        let (ours, theirs) = (side(&lines.ours), side(&lines.theirs));
        Self { input: InternedInput { before, after: Vec::new(), interner }, ours, theirs }
    }

    fn segments(&mut self, lines: &Lines<'_>, algorithm: Algorithm) -> Vec<Segment> {
        std::mem::swap(&mut self.input.after, &mut self.ours);
        let our_hunks = hunks(&self.input, algorithm);
        std::mem::swap(&mut self.input.after, &mut self.ours);
        std::mem::swap(&mut self.input.after, &mut self.theirs);
        let their_hunks = hunks(&self.input, algorithm);
        std::mem::swap(&mut self.input.after, &mut self.theirs);
        merged(lines, our_hunks, their_hunks)
    }
}

fn hunks(input: &InternedInput<&[u8]>, algorithm: Algorithm) -> Vec<Hunk> {
    if input.before == input.after {
        return Vec::new();
    }
    let mut diff = Diff::compute(algorithm, input);
    diff.postprocess_no_heuristic(input);
    let wide = |range: Range<u32>| range.start as usize..range.end as usize;
    diff.hunks().map(|hunk| Hunk { before: wide(hunk.before), after: wide(hunk.after) }).collect()
}

/// Cuts three versions into segments.
///
/// Where the shortest difference gives a conflict and the one that keeps rare lines together gives none, the latter is taken.
pub(super) fn segments(lines: &Lines<'_>) -> Vec<Segment> {
    let conflicts = |segments: &[Segment]| segments.iter().any(|segment| segment.change == Change::Conflict);
    let mut numbers = Numbers::new(lines);
    let shortest = numbers.segments(lines, Algorithm::Myers);
    if !conflicts(&shortest) {
        return shortest;
    }
    let rare = numbers.segments(lines, Algorithm::Histogram);
    if conflicts(&rare) { shortest } else { rare }
}

/// Brings the hunks of both sides together.
fn merged(lines: &Lines<'_>, our_hunks: Vec<Hunk>, their_hunks: Vec<Hunk>) -> Vec<Segment> {
    let (mut our_hunks, mut their_hunks) = (our_hunks.into_iter().peekable(), their_hunks.into_iter().peekable());
    let mut segments = Vec::new();
    // The first line of each version that is in no segment yet.
    let (mut base, mut ours, mut theirs) = (0, 0, 0);
    while let Some(start) = [our_hunks.peek(), their_hunks.peek()].into_iter().flatten().map(|h| h.before.start).min() {
        if start > base {
            let size = start - base;
            segments.push(Segment {
                change: Change::None,
                base: base..start,
                ours: ours..ours + size,
                theirs: theirs..theirs + size,
            });
            (ours, theirs) = (ours + size, theirs + size);
        }
        let mut end = start;
        let (mut grown, mut shrunk) = (Sides::default(), Sides::default());
        let (mut by_ours, mut by_theirs) = (false, false);
        loop {
            if let Some(hunk) = our_hunks.next_if(|hunk| hunk.before.start <= end) {
                end = end.max(hunk.before.end);
                grown.ours += hunk.after.len();
                shrunk.ours += hunk.before.len();
                by_ours = true;
            } else if let Some(hunk) = their_hunks.next_if(|hunk| hunk.before.start <= end) {
                end = end.max(hunk.before.end);
                grown.theirs += hunk.after.len();
                shrunk.theirs += hunk.before.len();
                by_theirs = true;
            } else {
                break;
            }
        }
        let size = end - start;
        let our_end = ours + size + grown.ours - shrunk.ours;
        let their_end = theirs + size + grown.theirs - shrunk.theirs;
        let alike = lines.ours.bytes(&(ours..our_end)) == lines.theirs.bytes(&(theirs..their_end));
        let change = match (by_ours, by_theirs) {
            (true, true) if alike => Change::Alike,
            (true, true) => Change::Conflict,
            (true, false) => Change::Ours,
            (false, _) => Change::Theirs,
        };
        segments.push(Segment { change, base: start..end, ours: ours..our_end, theirs: theirs..their_end });
        (base, ours, theirs) = (end, our_end, their_end);
    }
    if base < lines.base.len() {
        segments.push(Segment {
            change: Change::None,
            base: base..lines.base.len(),
            ours: ours..lines.ours.len(),
            theirs: theirs..lines.theirs.len(),
        });
    }
    segments
}

/// Numbers of lines on both sides.
#[derive(Default)]
struct Sides {
    ours: usize,
    theirs: usize,
}
