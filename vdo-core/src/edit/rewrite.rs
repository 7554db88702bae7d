//! Putting the new lines in: what a hunk keeps stays byte for byte, what it adds is indented and ended as its surroundings are.

use std::ops::Range;

use super::ladder::Match;
use super::lines::{Lines, indent, is_blank};
use super::place::{Found, Place};
use super::{Hunk, Rung, Unit};
use crate::diff;

/// Bytes of a file that are replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) range: Range<usize>,
    pub(super) text: String,
    /// Where the hunk begins, to order what goes to the same place.
    first: usize,
    pub(super) block: usize,
}

/// Returns which lines of a hunk's text to find stand in its replacement too, in pairs.
pub(super) fn kept(hunk: &Hunk) -> Vec<(usize, usize)> {
    if let Some(kept) = &hunk.kept {
        return kept.clone();
    }
    let (find, replace) = (Lines::of(&hunk.find), Lines::of(&hunk.replace));
    let find: Vec<&[u8]> = find.iter().map(str::as_bytes).collect();
    let replace: Vec<&[u8]> = replace.iter().map(str::as_bytes).collect();
    let mut kept = Vec::new();
    let (mut one, mut other) = (0_u32, 0_u32);
    let mut same = |one: Range<u32>, other: Range<u32>| kept.extend(one.zip(other).map(|(a, b)| (index(a), index(b))));
    for hunk in diff::line_hunks(&find, &replace) {
        same(one..hunk.before.start, other..hunk.after.start);
        (one, other) = (hunk.before.end, hunk.after.end);
    }
    let (a, b) = (u32::try_from(find.len()).unwrap_or(u32::MAX), u32::try_from(replace.len()).unwrap_or(u32::MAX));
    same(one..a, other..b);
    kept
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Returns of each line to find whether it stays.
pub(super) fn stays(hunk: &Hunk) -> Vec<bool> {
    let mut stays = vec![false; Lines::of(&hunk.find).len()];
    for (find, _) in kept(hunk) {
        if let Some(line) = stays.get_mut(find) {
            *line = true;
        }
    }
    stays
}

/// Returns the changes that a hunk brings, or `None` if it cannot be told where a new line goes or how it is to be indented.
pub(super) fn changes(lines: &Lines<'_>, found: &Found<'_>) -> Option<Vec<Change>> {
    let mut all = Vec::new();
    for place in &found.places {
        match place {
            Place::Bytes(range) => all.push(text_change(lines, &found.hunk, range.clone())),
            Place::Gap(at) => {
                let new = Lines::of(&found.hunk.replace).iter().map(str::to_owned).collect();
                all.extend(run(lines, &found.hunk, *at..*at, new, *at));
            }
            Place::Lines(place) => line_changes(lines, &found.hunk, place, &mut all)?,
        }
    }
    Some(all)
}

fn text_change(lines: &Lines<'_>, hunk: &Hunk, range: Range<usize>) -> Change {
    let first = lines.at_byte(range.start);
    Change { range, text: in_line_ends(&hunk.replace, lines), first, block: hunk.block }
}

/// Returns a text with the file's line ends, unless it has lone CRs.
fn in_line_ends(text: &str, lines: &Lines<'_>) -> String {
    let plain = text.replace("\r\n", "\n");
    match lines.usual_end() {
        _ if lines.len() < 2 && lines.end_of(0).is_empty() => text.to_owned(),
        "\n" => plain,
        end => plain.replace('\n', end),
    }
}

fn line_changes(lines: &Lines<'_>, hunk: &Hunk, place: &Match, all: &mut Vec<Change>) -> Option<()> {
    let find = Lines::of(&hunk.find);
    let replace = Lines::of(&hunk.replace);
    let indents = Indents::of(lines, &find, place);
    let end_of_find = place.skipped + place.count;
    if is_parting(lines, hunk, place) {
        all.extend(run(lines, hunk, place.first..place.end() - 1, Vec::new(), place.first));
        return Some(());
    }
    let new_lines = without_edges(&find, &replace, place);
    // A blank line that is to go and is not there: only where the file ends is it clear that nothing stands in its place.
    let stays = stays(hunk);
    let goes = |range: Range<usize>| range.filter(|line| stays.get(*line) == Some(&false)).count();
    if goes(0..place.skipped) > new_lines.start && place.first > 0
        || goes(end_of_find..find.len()) > replace.len() - new_lines.end && place.end() < lines.len()
    {
        return None;
    }
    let (mut at, mut new) = (0, 0);
    // A block says what its lines are afterwards, blanks at their ends included; a line that lacks some is a quote cut short.
    let is_kept = |pair: &(usize, usize)| {
        let have = lines.get(place.first + pair.0.saturating_sub(place.skipped));
        let says = replace.get(pair.1);
        hunk.kept.is_some() || place.rung != Rung::TrailingBlanks || says.len() <= have.len()
    };
    let pairs = kept(hunk).into_iter().filter(is_kept).chain([(find.len(), replace.len())]);
    for (find_at, new_at) in pairs {
        // Lines of the quote that are not in the file go with nothing.
        let clamp = |line: usize| line.clamp(place.skipped, end_of_find);
        let gone = clamp(at)..clamp(find_at);
        let range = place.first + gone.start - place.skipped..place.first + gone.end - place.skipped;
        let mut text = Vec::new();
        for line in (new..new_at).filter(|line| new_lines.contains(line)) {
            text.push(indents.reindented(replace.get(line), clamp(at))?);
        }
        // Blank lines at the edge of the quote that the file has not: what stands beside them, or in their place, has no place.
        let edge = |line: usize| line < place.skipped || line > end_of_find;
        let beside = place.skipped > 0 && at == place.skipped || end_of_find < find.len() && find_at == end_of_find;
        let dropped = edge(at) || edge(find_at) || beside;
        if dropped && text.iter().filter(|line| !is_blank(line)).count() > gone.len() {
            return None;
        }
        if !(range.is_empty() && text.is_empty()) {
            all.extend(run(lines, hunk, range, text, place.first));
        }
        (at, new) = (find_at + 1, new_at + 1);
    }
    Some(())
}

/// Returns which lines of a replacement are meant, where the quote has blank lines at its edges that the file has not: as many
/// blank lines fewer at its own edges.
fn without_edges(find: &Lines<'_>, replace: &Lines<'_>, place: &Match) -> Range<usize> {
    let behind = find.len() - place.skipped - place.count;
    let head = (0..replace.len()).take_while(|at| is_blank(replace.get(*at))).count().min(place.skipped);
    let tail = (head..replace.len()).rev().take_while(|at| is_blank(replace.get(*at))).count().min(behind);
    head..replace.len() - tail
}

/// Tells whether a block takes lines out together with the blank line that parts what is before them from what is behind.
/// That one stays: without it two paragraphs would become one.
fn is_parting(lines: &Lines<'_>, hunk: &Hunk, place: &Match) -> bool {
    let is_text = |at: Option<usize>| at.is_some_and(|at| at < lines.len() && !is_blank(lines.get(at)));
    hunk.replace.is_empty()
        && hunk.kept.is_none()
        && hunk.unit == Unit::Lines
        && place.count > 1
        && is_blank(lines.get(place.end() - 1))
        && is_text(place.end().checked_sub(2))
        && is_text(place.first.checked_sub(1))
        && is_text(Some(place.end()))
}

/// Returns the change that puts lines in the place of others, with the end of the file as it was.
fn run(lines: &Lines<'_>, hunk: &Hunk, range: Range<usize>, new: Vec<String>, first: usize) -> Option<Change> {
    let usual = lines.usual_end();
    let (mut start, mut end) = (lines.start_of(range.start), lines.start_of(range.end));
    let mut text: String = new.iter().flat_map(|line| [line.as_str(), usual]).collect();
    let is_last = range.end >= lines.len();
    let was_open = lines.len() > 0 && lines.end_of(lines.len() - 1).is_empty();
    if is_last {
        let ends = hunk.final_newline.unwrap_or(!was_open || lines.len() == 0);
        if !ends && !text.is_empty() {
            text.truncate(text.len() - usual.len());
        }
        if range.is_empty() && was_open && !text.is_empty() {
            text.insert_str(0, usual);
        }
        if text.is_empty() && was_open && range.start > 0 && !range.is_empty() {
            // The line before becomes the last one, and has no line end as the last one had none.
            start -= lines.end_of(range.start - 1).len();
        }
        end = lines.text().len();
    }
    (start != end || !text.is_empty()).then_some(Change { range: start..end, text, first, block: hunk.block })
}

/// How the indentation of a quote maps to that of the file.
struct Indents<'a> {
    /// Of every quoted line that is in the file and visible: its number, its indentation, the file's.
    pairs: Vec<(usize, &'a str, &'a str)>,
    exact: bool,
}

impl<'a> Indents<'a> {
    fn of(lines: &Lines<'a>, find: &Lines<'a>, place: &Match) -> Self {
        let quoted = place.skipped..place.skipped + place.count;
        let pairs = quoted
            .zip(place.first..)
            .filter(|(quote, at)| !is_blank(find.get(*quote)) && !is_blank(lines.get(*at)))
            .map(|(quote, at)| (quote, indent(find.get(quote)), indent(lines.get(at))))
            .collect();
        Self { pairs, exact: place.rung <= Rung::TrailingBlanks }
    }

    /// Returns a new line with the file's indentation; `near` is the quoted line it follows.
    fn reindented(&self, line: &str, near: usize) -> Option<String> {
        if self.exact || is_blank(line) || self.pairs.iter().all(|(_, want, have)| want == have) {
            return Some(line.to_owned());
        }
        let own = indent(line);
        let body = line.strip_prefix(own).unwrap_or(line);
        Some(format!("{}{body}", self.mapped(own, near)?))
    }

    fn mapped(&self, own: &str, near: usize) -> Option<String> {
        // An indentation that is quoted is mapped as it is there.
        let mut same = self.pairs.iter().filter(|(_, want, _)| *want == own);
        if let Some((_, _, have)) = same.next() {
            return if same.all(|(_, _, other)| other == have) {
                Some((*have).to_owned())
            } else {
                // Mapped in two ways: only the line right before it tells.
                let before = self.pairs.iter().rev().find(|(quote, _, _)| *quote < near)?;
                (before.1 == own).then(|| before.2.to_owned())
            };
        }
        // A deeper one is the deepest quoted one that it begins with, and the rest.
        let inner =
            self.pairs.iter().filter(|(_, want, _)| own.starts_with(want)).max_by_key(|(_, want, _)| want.len());
        if let Some((_, want, have)) = inner {
            let rest = own.get(want.len()..)?;
            return Some(format!("{have}{}", self.translated(rest, own, have)));
        }
        // A shallower one is the shallowest quoted one less what it lacks.
        let (_, want, have) = self.pairs.iter().min_by_key(|(_, want, _)| want.len())?;
        let less = want.strip_prefix(own).unwrap_or(want);
        let less = self.translated(less, want, have);
        Some(have.strip_suffix(less.as_str()).unwrap_or_default().to_owned())
    }

    /// Writes blanks of the quote as the file writes them: tabs for spaces or spaces for tabs.
    fn translated(&self, blanks: &str, own: &str, have: &str) -> String {
        let width = self.width();
        if own.contains(' ') && !own.contains('\t') && have.contains('\t') && !have.contains(' ') {
            "\t".repeat(blanks.len().div_ceil(width))
        } else if own.contains('\t') && !own.contains(' ') && have.contains(' ') && !have.contains('\t') {
            " ".repeat(blanks.len() * width)
        } else {
            blanks.to_owned()
        }
    }

    /// Returns how many spaces stand for a tab, by two quoted lines of different depth; 4 if that is not told.
    fn width(&self) -> usize {
        let pairs = || self.pairs.iter().flat_map(|one| self.pairs.iter().map(move |other| (one, other)));
        pairs()
            .filter_map(|((_, want, have), (_, want2, have2))| {
                let (quote, file) = (want.len().checked_sub(want2.len())?, have.len().checked_sub(have2.len())?);
                let (more, less) = (quote.max(file), quote.min(file));
                (less > 0 && more > less && more % less == 0).then(|| more / less)
            })
            .min()
            .unwrap_or(4)
    }
}

/// Sorts changes by place and returns the blocks of the first two that overlap, if any do.
pub(super) fn sort(changes: &mut [Change]) -> Option<(usize, usize)> {
    changes.sort_by_key(|change| (change.range.start, change.range.end, change.first, change.block));
    changes.windows(2).find_map(|pair| match pair {
        [one, other] if other.range.start < one.range.end => Some((one.block, other.block)),
        _ => None,
    })
}

/// Makes changes that are sorted and do not overlap.
pub(super) fn made(text: &str, changes: &[Change]) -> String {
    let mut result = String::with_capacity(text.len() + changes.iter().map(|change| change.text.len()).sum::<usize>());
    let mut at = 0;
    for change in changes {
        result.push_str(text.get(at..change.range.start).unwrap_or_default());
        result.push_str(&change.text);
        at = change.range.end;
    }
    result.push_str(text.get(at..).unwrap_or_default());
    result
}
