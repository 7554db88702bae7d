//! Where structure is asked for help: a conflict, widened until its edges are those of members of one list.

use std::ops::Range;

use crate::merge::lines::{Change, Segment};
use crate::merge::version::Version;
use crate::structure::List;

/// How many lines a conflict may be widened by.
const MAX_WIDENING: usize = 400;

/// Something for each of the three versions: base, ours, theirs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Three<T> {
    pub(super) base: T,
    pub(super) ours: T,
    pub(super) theirs: T,
}

impl<T> Three<T> {
    pub(super) fn new(base: T, ours: T, theirs: T) -> Self {
        Self { base, ours, theirs }
    }

    pub(super) fn as_ref(&self) -> Three<&T> {
        Three::new(&self.base, &self.ours, &self.theirs)
    }

    pub(super) fn map<U>(self, mut f: impl FnMut(T) -> U) -> Three<U> {
        Three::new(f(self.base), f(self.ours), f(self.theirs))
    }

    pub(super) fn zip<U>(self, other: Three<U>) -> Three<(T, U)> {
        Three::new((self.base, other.base), (self.ours, other.ours), (self.theirs, other.theirs))
    }

    pub(super) fn any(self, f: impl FnMut(T) -> bool) -> bool {
        [self.base, self.ours, self.theirs].into_iter().any(f)
    }
}

impl<T> Three<Option<T>> {
    /// Returns all three, if they are there.
    pub(super) fn all(self) -> Option<Three<T>> {
        Some(Three::new(self.base?, self.ours?, self.theirs?))
    }
}

/// Some pieces of the merge, by number.
pub(super) type Region = Range<usize>;

/// The merge cut as finely as it may be: unchanged lines one by one, changed ones together.
#[derive(Debug)]
pub(super) struct Pieces(pub(super) Vec<Segment>);

impl Pieces {
    pub(super) fn new(segments: Vec<Segment>) -> Self {
        let mut pieces = Vec::new();
        for segment in segments {
            if segment.change == Change::None {
                for (at, base) in segment.base.clone().enumerate() {
                    let (ours, theirs) = (segment.ours.start + at, segment.theirs.start + at);
                    pieces.push(Segment {
                        change: Change::None,
                        base: base..base + 1,
                        ours: ours..ours + 1,
                        theirs: theirs..theirs + 1,
                    });
                }
            } else {
                pieces.push(segment);
            }
        }
        Self(pieces)
    }

    /// Returns the lines of a region in each version.
    pub(super) fn lines(&self, region: &Region) -> Three<Range<usize>> {
        let (Some(first), Some(last)) = (self.0.get(region.start), self.0.get(region.end.saturating_sub(1))) else {
            return Three::default();
        };
        Three::new(
            first.base.start..last.base.end,
            first.ours.start..last.ours.end,
            first.theirs.start..last.theirs.end,
        )
    }

    /// Widens a region until no member of the lists (one for each version) lies partly in it.
    ///
    /// Returns `None` if that is not to be had: lines that no member covers, or too many of them.
    pub(super) fn widened(
        &self,
        region: &Region,
        versions: Three<&Version<'_>>,
        lists: Three<usize>,
    ) -> Option<Region> {
        let mut wide = region.clone();
        loop {
            let lines = self.lines(&wide);
            let wanted =
                versions.zip(lists).zip(lines.clone()).map(|((version, list), lines)| wanted(version, list, &lines));
            let up = wanted.as_ref().zip(lines.as_ref()).any(|(wanted, lines)| wanted.start < lines.start);
            let down = wanted.as_ref().zip(lines.as_ref()).any(|(wanted, lines)| wanted.end > lines.end);
            if !up && !down {
                return Some(wide);
            }
            if up {
                wide.start = wide.start.checked_sub(1)?;
            }
            if down {
                wide.end += 1;
                self.0.get(wide.end - 1)?;
            }
            let grown = self.lines(&wide);
            let before = self.lines(region);
            if grown.zip(before).any(|(grown, before)| grown.len() > before.len() + MAX_WIDENING) {
                return None;
            }
        }
    }
}

/// Returns the lines that a region must reach to cut no member of the list.
fn wanted(version: &Version<'_>, list: usize, lines: &Range<usize>) -> Range<usize> {
    let members = version.members_of(list);
    let first = members.partition_point(|member| {
        version.member(*member).is_some_and(|member| version.rows(&member.span).end <= lines.start)
    });
    let mut wanted = lines.clone();
    for member in members.iter().skip(first) {
        let Some(member) = version.member(*member) else { break };
        let rows = version.rows(&member.span);
        if rows.start >= lines.end {
            break;
        }
        // A region without lines lies in a member only if it is strictly inside.
        if !lines.is_empty() || rows.start < lines.start {
            wanted = wanted.start.min(rows.start)..wanted.end.max(rows.end);
        }
    }
    wanted
}

/// Returns the lists that all three versions have around these lines, the innermost first.
pub(super) fn common_lists(versions: Three<&Version<'_>>, lines: &Three<Range<usize>>) -> Vec<Three<usize>> {
    let around = versions.zip(lines.as_ref()).map(|(version, lines)| {
        let trimmed = trimmed(version, lines);
        // Most lists lie elsewhere, which their bytes tell at once: they begin below the lines, or end above the last of them.
        let (below, last) = (version.start_of(trimmed.start + 1), version.start_of(trimmed.end.saturating_sub(1)));
        let near = |list: &List| list.inside.start <= below && (trimmed.is_empty() || last <= list.inside.end);
        let admitted = |list: &List| list.owner.is_none() || (near(list) && version.inner(list).admits(&trimmed));
        let lists = version.structure.lists.iter().enumerate().filter(|(_, list)| admitted(list));
        let mut around: Vec<(usize, usize, &str)> =
            lists.map(|(number, list)| (list.inside.len(), number, list.scope.as_str())).collect();
        around.sort_unstable();
        around
    });
    let find =
        |side: &[(usize, usize, &str)], scope: &str| side.iter().find(|(.., other)| *other == scope).map(|it| it.1);
    around
        .ours
        .iter()
        .filter_map(|(_, ours, scope)| {
            Some(Three::new(find(&around.base, scope)?, *ours, find(&around.theirs, scope)?))
        })
        .collect()
}

/// Returns the lines without blank ones at the ends, unless all are.
fn trimmed(version: &Version<'_>, lines: &Range<usize>) -> Range<usize> {
    let mut trimmed = lines.clone();
    while !trimmed.is_empty() && version.is_blank(trimmed.start) {
        trimmed.start += 1;
    }
    while !trimmed.is_empty() && version.is_blank(trimmed.end - 1) {
        trimmed.end -= 1;
    }
    if trimmed.is_empty() { lines.start..lines.start } else { trimmed }
}
