//! Deciding where hunks go: one place each, or the reason why not.
//!
//! What decides between several places is only what the edit itself says: anchors, the end of the file, a line number
//! that is clearly nearest to one of them, and the order of the hunks where the format has one.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memmem;

use super::ladder::{self, Match, fit};
use super::lines::{Lines, indent, is_blank};
use super::rewrite::stays;
use super::{Hunk, Rung, Spot, Unit, fuzzy, literal};

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// Whole lines.
    Lines(Match),
    /// Bytes, perhaps within lines.
    Bytes(Range<usize>),
    /// Before the line with this number, from 0.
    Gap(usize),
}

impl Place {
    pub(super) fn first(&self, lines: &Lines<'_>) -> usize {
        match self {
            Self::Lines(found) => found.first,
            Self::Bytes(range) => lines.at_byte(range.start),
            Self::Gap(at) => *at,
        }
    }

    fn end(&self, lines: &Lines<'_>) -> usize {
        match self {
            Self::Lines(found) => found.end(),
            Self::Bytes(range) => lines.at_byte(range.end.saturating_sub(1)) + 1,
            Self::Gap(at) => *at,
        }
    }
}

/// Why a hunk goes nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Miss {
    /// There is nothing to find.
    Empty,
    /// The quote has no visible character, and nothing says where it is.
    Blank,
    /// It is not there.
    Nothing,
    /// An anchor is not there.
    Anchor(String),
    /// The line it is to follow is not there.
    Beyond(usize),
    /// It would join the line before with what it puts there.
    Joins,
    /// It fits from this line on, from 1, but not so that it is clear where its new lines go.
    Unclear(usize),
    /// Several places fit; their first lines, from 1.
    Several(Vec<usize>),
    /// Another number of places fits than was said.
    Count { expected: usize, found: usize },
}

/// A hunk, as it was meant, and the places where it may go.
#[derive(Debug, Clone)]
pub(super) struct Found<'h> {
    pub(super) hunk: Cow<'h, Hunk>,
    pub(super) rung: Rung,
    pub(super) places: Vec<Place>,
}

/// Decides where each hunk goes. Each result has one place, or all of them where that was asked for.
pub(super) fn choose<'h>(lines: &Lines<'_>, hunks: &'h [Hunk]) -> Vec<Result<Found<'h>, Miss>> {
    let mut found: Vec<Result<Found<'h>, Miss>> = hunks.iter().map(|hunk| locate(lines, hunk)).collect();
    same_hunks(&mut found);
    while by_drift(lines, &mut found) || by_order(lines, &mut found) {}
    for one in &mut found {
        if let Ok(many) = one
            && !is_decided(many)
        {
            *one = Err(Miss::Several(many.places.iter().map(|place| place.first(lines) + 1).collect()));
        }
    }
    found
}

fn is_decided(found: &Found<'_>) -> bool {
    found.places.len() == 1 || found.hunk.all || found.hunk.count.is_some_and(|count| count == found.places.len())
}

/// Finds the places of one hunk, as far as it decides them by itself.
fn locate<'h>(lines: &Lines<'_>, hunk: &'h Hunk) -> Result<Found<'h>, Miss> {
    let anchors = Anchors::of(lines, &hunk.anchors)?;
    if hunk.find.is_empty() {
        let at = match hunk.spot {
            _ if !hunk.anchors.is_empty() => anchors.only().ok_or_else(|| anchors.several())? + 1,
            Spot::End => lines.len(),
            Spot::AfterLine(at) if at <= lines.len() => at,
            Spot::AfterLine(at) => return Err(Miss::Beyond(at)),
            Spot::None => return Err(Miss::Empty),
        };
        return Ok(Found { hunk: Cow::Borrowed(hunk), rung: Rung::Exact, places: vec![Place::Gap(at)] });
    }
    let mut found = candidates(lines, hunk).ok_or_else(|| match is_blank(&hunk.find) {
        true => Miss::Blank,
        false => Miss::Nothing,
    })?;
    let count = found.places.len();
    if let Some(expected) = hunk.count.filter(|expected| *expected != count) {
        return Err(Miss::Count { expected, found: count });
    }
    if joins_lines(lines, &found) {
        return Err(Miss::Joins);
    }
    if is_decided(&found) {
        return Ok(found);
    }
    if !hunk.anchors.is_empty() {
        anchors.narrow(lines, &mut found.places);
    }
    if hunk.at_end && found.places.len() > 1 {
        let is_last = |place: &Place| (place.end(lines)..lines.len()).all(|at| is_blank(lines.get(at)));
        if found.places.iter().any(is_last) {
            found.places.retain(is_last);
        }
    }
    if let Some(line) = found.hunk.line.filter(|_| found.places.len() > 1) {
        nearest(lines, &mut found.places, line.saturating_sub(1));
    }
    Ok(found)
}

/// Tells whether a text begins with the end of a line that has more to it, and its replacement does not.
fn joins_lines(lines: &Lines<'_>, found: &Found<'_>) -> bool {
    let is_end = |text: &str| text.starts_with(['\n', '\r']);
    is_end(&found.hunk.find)
        && !is_end(&found.hunk.replace)
        && found.places.iter().any(|place| match place {
            Place::Bytes(range) => lines.start_of(lines.at_byte(range.start)) != range.start,
            Place::Lines(_) | Place::Gap(_) => false,
        })
}

/// Returns where a hunk fits, at the tightest rung at which it does.
fn candidates<'h>(lines: &Lines<'_>, hunk: &'h Hunk) -> Option<Found<'h>> {
    let plain = |hunk: Cow<'h, Hunk>| {
        let (rung, places) =
            if hunk.unit == Unit::Text { by_text(lines, &hunk) } else { None }.or_else(|| by_lines(lines, &hunk))?;
        Some(Found { hunk, rung, places })
    };
    if is_blank(&hunk.find) && hunk.unit == Unit::Lines && hunk.anchors.is_empty() && hunk.line.is_none() {
        return None;
    }
    if let Some(found) = plain(Cow::Borrowed(hunk)) {
        return Some(found);
    }
    let meant = literal::variants(hunk).into_iter().filter(|meant| !is_blank(&meant.find));
    if let Some(found) = meant.filter_map(|meant| plain(Cow::Owned(meant))).find(|found| found.rung <= Rung::Trimmed) {
        return Some(Found { rung: Rung::Literal, ..found });
    }
    if hunk.all || hunk.count.is_some() {
        return None;
    }
    let want: Vec<&str> = Lines::of(&hunk.find).iter().collect();
    let found = fuzzy::search(lines, &want, &stays(hunk))?;
    Some(Found { hunk: Cow::Borrowed(hunk), rung: found.rung, places: vec![Place::Lines(found)] })
}

/// Returns where the text stands, byte for byte; in the file's line ends if it has one kind.
fn by_text(lines: &Lines<'_>, hunk: &Hunk) -> Option<(Rung, Vec<Place>)> {
    let at = |find: &str| -> Vec<Place> {
        memmem::find_iter(lines.text().as_bytes(), find).map(|start| Place::Bytes(start..start + find.len())).collect()
    };
    let mut places = at(&hunk.find);
    let end = lines.usual_end();
    if places.is_empty() && hunk.find.contains('\n') && (end != "\n" || hunk.find.contains('\r')) {
        places = at(&hunk.find.replace("\r\n", "\n").replace('\n', end));
    }
    (!places.is_empty()).then_some((Rung::Exact, places))
}

fn by_lines(lines: &Lines<'_>, hunk: &Hunk) -> Option<(Rung, Vec<Place>)> {
    let want = Lines::of(&hunk.find);
    let want: Vec<&str> = want.iter().collect();
    let mut found = ladder::search(lines, &want);
    let rung = found.first()?.rung;
    if hunk.all {
        let mut end = 0;
        found.retain(|place| {
            let apart = place.first >= end;
            end = if apart { place.end() } else { end };
            apart
        });
    }
    Some((rung, found.into_iter().map(Place::Lines).collect()))
}

/// Keeps the place a line number points at, if it is clearly nearer than every other.
fn nearest(lines: &Lines<'_>, places: &mut Vec<Place>, line: usize) {
    let away = |place: &Place| place.first(lines).abs_diff(line);
    let mut sorted: Vec<usize> = places.iter().map(away).collect();
    sorted.sort_unstable();
    if let [best, next, ..] = sorted.as_slice()
        && best * 2 < *next
    {
        let best = *best;
        places.retain(|place| away(place) == best);
    }
}

/// Gives hunks that say the same, and are as many as the places they fit, one place each.
fn same_hunks(found: &mut [Result<Found<'_>, Miss>]) {
    let undecided = |one: &Result<Found<'_>, Miss>| matches!(one, Ok(found) if !is_decided(found));
    for at in 0..found.len() {
        let Some(Ok(model)) = found.get(at).filter(|one| undecided(one)) else { continue };
        let (find, replace, ordered) = (model.hunk.find.clone(), model.hunk.replace.clone(), model.hunk.ordered);
        let places = model.places.clone();
        let group: Vec<usize> = (0..found.len())
            .filter(|other| {
                found.get(*other).is_some_and(|one| {
                    undecided(one)
                        && matches!(one, Ok(other) if other.hunk.find == find && other.places == places
                            && (ordered || other.hunk.replace == replace))
                })
            })
            .collect();
        if group.len() != places.len() {
            continue;
        }
        for (member, place) in group.into_iter().zip(places) {
            if let Some(Ok(one)) = found.get_mut(member) {
                one.places = vec![place];
            }
        }
    }
}

/// Corrects the line numbers of hunks by how far those of their neighbours are off, and decides by them.
fn by_drift(lines: &Lines<'_>, found: &mut [Result<Found<'_>, Miss>]) -> bool {
    let drifts: Vec<(usize, usize, usize)> = found
        .iter()
        .enumerate()
        .filter_map(|(at, one)| match one {
            Ok(one) if one.places.len() == 1 => Some((at, one.places.first()?.first(lines), one.hunk.line?)),
            _ => None,
        })
        .collect();
    let mut changed = false;
    for (at, one) in found.iter_mut().enumerate() {
        let Ok(one) = one else { continue };
        let (Some(line), false, true) = (one.hunk.line, is_decided(one), one.hunk.ordered) else { continue };
        let Some((_, first, said)) = drifts.iter().min_by_key(|(other, _, _)| other.abs_diff(at)) else { continue };
        let line = (line + first).saturating_sub(*said);
        let before = one.places.len();
        nearest(lines, &mut one.places, line);
        changed |= one.places.len() < before;
    }
    changed
}

/// Leaves hunks of an ordered format only the places between their neighbours.
fn by_order(lines: &Lines<'_>, found: &mut [Result<Found<'_>, Miss>]) -> bool {
    let fixed: Vec<Option<(usize, usize)>> = found
        .iter()
        .map(|one| match one {
            Ok(one) if one.places.len() == 1 => one.places.first().map(|place| (place.first(lines), place.end(lines))),
            _ => None,
        })
        .collect();
    let in_order = fixed.iter().flatten().is_sorted_by_key(|(first, _)| *first);
    let mut changed = false;
    for (at, one) in found.iter_mut().enumerate() {
        let Ok(one) = one else { continue };
        if !one.hunk.ordered || is_decided(one) || !in_order {
            continue;
        }
        let from = fixed.iter().take(at).flatten().next_back().map_or(0, |(_, end)| *end);
        let to = fixed.iter().skip(at + 1).flatten().next().map_or(usize::MAX, |(first, _)| *first);
        let inside: Vec<Place> =
            one.places.iter().filter(|place| place.first(lines) >= from && place.end(lines) <= to).cloned().collect();
        if !inside.is_empty() && inside.len() < one.places.len() {
            one.places = inside;
            changed = true;
        }
    }
    changed
}

/// The lines that a hunk's anchors can mean: the innermost, each behind those around it.
struct Anchors(Vec<usize>);

impl Anchors {
    fn of(lines: &Lines<'_>, anchors: &[String]) -> Result<Self, Miss> {
        let mut at: Vec<usize> = Vec::new();
        for (depth, anchor) in anchors.iter().enumerate() {
            let anchor_line = anchor.trim();
            let all = standing(lines, anchor_line);
            let earliest = at.first().copied();
            at = all
                .into_iter()
                .filter(|line| depth == 0 || earliest.is_some_and(|earliest| *line > earliest))
                .collect();
            if at.is_empty() {
                return Err(Miss::Anchor(anchor.clone()));
            }
        }
        Ok(Self(at))
    }

    fn only(&self) -> Option<usize> {
        match self.0.as_slice() {
            [only] => Some(*only),
            _ => None,
        }
    }

    fn several(&self) -> Miss {
        Miss::Several(self.0.iter().map(|line| line + 1).collect())
    }

    /// Keeps the places that an anchor means: the one right behind it, else the only one within its block, else the only one
    /// behind it.
    fn narrow(&self, lines: &Lines<'_>, places: &mut Vec<Place>) {
        let mut meant: Vec<Place> = Vec::new();
        for anchor in &self.0 {
            let behind: Vec<&Place> = places.iter().filter(|place| place.first(lines) >= *anchor).collect();
            let adjacent = behind.iter().find(|place| place.first(lines) <= anchor + 1);
            let within: Vec<&&Place> =
                behind.iter().filter(|place| is_within(lines, *anchor, place.first(lines))).collect();
            let one = match (adjacent, within.as_slice(), behind.as_slice()) {
                (Some(place), _, _) => Some((*place).clone()),
                (None, [place], _) => Some((**place).clone()),
                (None, [], [place]) => Some((*place).clone()),
                _ => None,
            };
            match one {
                Some(place) if !meant.contains(&place) => meant.push(place),
                Some(_) => {}
                // Several places are left behind this one.
                None if !behind.is_empty() => return,
                None => {}
            }
        }
        if let [_] = meant.as_slice() {
            *places = meant;
        }
    }
}

/// Returns the lines that read like an anchor; those that begin with it if none does.
fn standing(lines: &Lines<'_>, anchor: &str) -> Vec<usize> {
    let whole: Vec<usize> = ladder::search(lines, &[anchor]).iter().map(|place| place.first).collect();
    if !whole.is_empty() || anchor.len() < 3 {
        return whole;
    }
    (0..lines.len()).filter(|at| lines.get(*at).trim_start().starts_with(anchor)).collect()
}

/// Tells whether every line between an anchor and a place is indented more than the anchor.
fn is_within(lines: &Lines<'_>, anchor: usize, first: usize) -> bool {
    let outer = indent(lines.get(anchor)).len();
    first > anchor
        && (anchor + 1..=first).all(|at| {
            let line = lines.get(at);
            is_blank(line) || indent(line).len() > outer
        })
}

/// Returns where the replacement of a hunk stands already, if that is one place.
pub(super) fn applied_at(lines: &Lines<'_>, hunk: &Hunk) -> Option<usize> {
    let want = Lines::of(&hunk.replace);
    let want: Vec<&str> = want.iter().collect();
    let new =
        want.iter().filter(|line| !is_blank(line) && !hunk.find.contains(line.trim())).map(|line| line.trim().len());
    if new.max().unwrap_or(0) < 4 {
        return None;
    }
    match ladder::search(lines, &want).as_slice() {
        [place] if place.rung <= Rung::Trimmed => Some(place.first + 1),
        _ => None,
    }
}

/// Tells whether a text is one of a file's lines, but for blanks around it.
pub(super) fn has_line(lines: &Lines<'_>, line: &str) -> bool {
    lines.iter().any(|have| fit(have, line).is_some_and(|rung| rung <= Rung::Trimmed))
}
