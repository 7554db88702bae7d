//! The line merge: which lines each side changed, and where those changes meet.
//!
//! Gives the bytes that `git merge-file` gives where that is clean. Two changes are apart if at least one
//! unchanged line lies between them; two that meet and are not alike are a conflict.

use std::ops::Range;

use imara_diff::{Algorithm, Diff, InternedInput};

use crate::diff::lines;

/// The lines of three versions, each with its line end.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    pub(super) base: Vec<&'a [u8]>,
    pub(super) ours: Vec<&'a [u8]>,
    pub(super) theirs: Vec<&'a [u8]>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(base: &'a [u8], ours: &'a [u8], theirs: &'a [u8]) -> Self {
        Self { base: lines(base), ours: lines(ours), theirs: lines(theirs) }
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

fn hunks(before: &[&[u8]], after: &[&[u8]], algorithm: Algorithm) -> Vec<Hunk> {
    let mut input: InternedInput<&[u8]> = InternedInput::default();
    input.update_before(before.iter().copied());
    input.update_after(after.iter().copied());
    let mut diff = Diff::compute(algorithm, &input);
    diff.postprocess_no_heuristic(&input);
    let wide = |range: Range<u32>| range.start as usize..range.end as usize;
    diff.hunks().map(|hunk| Hunk { before: wide(hunk.before), after: wide(hunk.after) }).collect()
}

/// Cuts three versions into segments.
///
/// Where the shortest difference gives a conflict and the one that keeps rare lines together gives none, the latter is taken.
pub(super) fn segments(lines: &Lines<'_>) -> Vec<Segment> {
    let conflicts = |segments: &[Segment]| segments.iter().any(|segment| segment.change == Change::Conflict);
    let shortest = segments_by(lines, Algorithm::Myers);
    if !conflicts(&shortest) {
        return shortest;
    }
    let rare = segments_by(lines, Algorithm::Histogram);
    if conflicts(&rare) { shortest } else { rare }
}

fn segments_by(lines: &Lines<'_>, algorithm: Algorithm) -> Vec<Segment> {
    let (our_hunks, their_hunks) =
        (hunks(&lines.base, &lines.ours, algorithm), hunks(&lines.base, &lines.theirs, algorithm));
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
        let alike = lines.ours.get(ours..our_end) == lines.theirs.get(theirs..their_end);
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

/// Returns the bytes of some lines.
pub(super) fn bytes(lines: &[&[u8]], range: &Range<usize>) -> Vec<u8> {
    lines.get(range.clone()).unwrap_or_default().concat()
}
