//! How alike two lines are, and where in a file lines stand that are most like quoted ones.

use memchr::memmem;

use super::ladder::{folded, words};
use super::lines::{Lines, is_blank};

/// Lines longer than this, in characters, are compared as wholes only.
const MAX_CHARS: usize = 400;
/// Every start is tried if there are at most this many comparisons to make.
const MAX_TRIED: usize = 1_000;
/// Else the starts that this many of the longest words of the quote point at.
const PROBES: usize = 4;
/// At most this many places are looked at for one word.
const MAX_HITS: usize = 400;
/// At most this many, where it is only to show something.
const MAX_SHOWN: usize = 40;

/// A place and how alike it is, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Score {
    pub(super) first: usize,
    pub(super) value: f64,
}

/// Returns how alike two lines are, from 0 to 1: 1 minus the edits between them over the longer one's length.
/// Blanks around them do not count.
pub(super) fn line(one: &str, other: &str) -> f64 {
    line_if(one, other, 0.0).unwrap_or(0.0)
}

/// Returns how alike two lines are if that is at least `least`; what is less is not worked out.
fn line_if(one: &str, other: &str, least: f64) -> Option<f64> {
    let (one, other) = (one.trim(), other.trim());
    if one == other {
        return Some(1.0);
    }
    let plain = |line: &str| -> Vec<char> {
        if line.is_ascii() { line.chars().collect() } else { folded(line).chars().collect() }
    };
    let (one, other) = (plain(one), plain(other));
    let longer = one.len().max(other.len());
    if longer == 0 {
        return Some(1.0);
    }
    let head = one.iter().zip(&other).take_while(|(one, other)| one == other).count();
    let shorter = one.len().min(other.len());
    let tail =
        one.iter().rev().zip(other.iter().rev()).take_while(|(one, other)| one == other).count().min(shorter - head);
    let (one, other) =
        (one.get(head..one.len() - tail).unwrap_or_default(), other.get(head..other.len() - tail).unwrap_or_default());
    let bound = 1.0 - ratio(fewest_edits(one, other), longer);
    if bound < least {
        return None;
    }
    let edits = if longer > MAX_CHARS { one.len().max(other.len()) } else { distance(one, other) };
    Some(1.0 - ratio(edits, longer)).filter(|value| *value >= least)
}

/// Returns a number of edits that two texts are at least apart: what one has more of each character than the other.
fn fewest_edits(one: &[char], other: &[char]) -> usize {
    let mut counts = [0_i32; 128];
    let mut count = |text: &[char], by: i32| {
        for c in text {
            let slot = usize::try_from(u32::from(*c) % 128).unwrap_or(0);
            if let Some(count) = counts.get_mut(slot) {
                *count += by;
            }
        }
    };
    count(one, 1);
    count(other, -1);
    let sum = |sign: i32| counts.iter().map(|count| (count * sign).max(0)).sum::<i32>();
    usize::try_from(sum(1).max(sum(-1))).unwrap_or(0)
}

fn ratio(part: usize, whole: usize) -> f64 {
    let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    number(part) / number(whole.max(1))
}

/// Returns the least number of insertions, deletions and replacements between two texts (Levenshtein).
pub(super) fn distance(one: &[char], other: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, c) in one.iter().enumerate() {
        let mut diagonal = at;
        let mut left = at + 1;
        for (cell, d) in row.iter_mut().skip(1).zip(other) {
            let above = *cell;
            left = (left + 1).min(above + 1).min(diagonal + usize::from(c != d));
            diagonal = above;
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = at + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// Returns how alike the lines from `first` are to the quote, weighted by length; `None` as soon as it is below `least`.
pub(super) fn region(lines: &Lines<'_>, want: &[&str], first: usize, least: f64) -> Option<f64> {
    let weight = |line: &str| line.trim().len() + 1;
    let total: usize = (first..).zip(want).map(|(at, want)| weight(want).max(weight(lines.get(at)))).sum();
    let mut lost = 0.0;
    for (at, want) in (first..).zip(want) {
        let have = lines.get(at);
        let share = ratio(weight(want).max(weight(have)), total);
        // What the lengths alone rule out is not compared.
        let (a, b) = (have.trim().len(), want.trim().len());
        let bound = if have.is_ascii() && want.is_ascii() { ratio(a.min(b), a.max(b)) } else { 1.0 };
        if 1.0 - lost - share * (1.0 - bound) < least {
            return None;
        }
        // How alike this line has to be for the whole to be alike enough.
        let needed = if share > 0.0 { 1.0 - (1.0 - lost - least) / share } else { 0.0 };
        lost += share * (1.0 - line_if(have, want, needed.max(0.0))?);
    }
    Some(1.0 - lost)
}

/// Returns the places that are at least `least` alike, the best first; of equals the first.
pub(super) fn places(lines: &Lines<'_>, want: &[&str], least: f64) -> Vec<Score> {
    let last = lines.len().saturating_sub(want.len());
    let small = lines.len().saturating_mul(want.len()) <= MAX_TRIED;
    let starts = if small { (0..=last).collect() } else { starts(lines, want, MAX_HITS) };
    scored(lines, want, least, starts)
}

/// Returns the places that share one of the longest words with the quote and are at least `least` alike, the best first.
pub(super) fn resembling(lines: &Lines<'_>, want: &[&str], least: f64) -> Vec<Score> {
    scored(lines, want, least, starts(lines, want, MAX_SHOWN))
}

fn scored(lines: &Lines<'_>, want: &[&str], least: f64, starts: Vec<usize>) -> Vec<Score> {
    if want.iter().all(|line| is_blank(line)) {
        return Vec::new();
    }
    let mut scores: Vec<Score> = starts
        .into_iter()
        .filter_map(|first| region(lines, want, first, least).map(|value| Score { first, value }))
        .collect();
    scores.sort_by(|one, other| other.value.total_cmp(&one.value).then(one.first.cmp(&other.first)));
    scores
}

/// Returns the lines at which something like the quote could begin, in order: where one of its longest words stands.
fn starts(lines: &Lines<'_>, want: &[&str], hits: usize) -> Vec<usize> {
    let last = lines.len().saturating_sub(want.len());
    let mut probes: Vec<(usize, &str)> =
        want.iter().enumerate().flat_map(|(at, line)| words(line).map(move |word| (at, word))).collect();
    probes.sort_by_key(|(at, word)| (usize::MAX - word.len(), *at));
    probes.dedup_by_key(|(_, word)| *word);
    let mut starts: Vec<usize> = probes
        .iter()
        .take(PROBES)
        .flat_map(|(at, word)| {
            memmem::find_iter(lines.text().as_bytes(), word)
                .take(hits)
                .filter_map(|byte| lines.at_byte(byte).checked_sub(*at))
                .filter(|first| *first <= last)
        })
        .collect();
    starts.sort_unstable();
    starts.dedup();
    starts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_as_alike_as_the_edits_between_them_are_few() {
        let near = |one: f64, other: f64| (one - other).abs() < 1e-9;
        assert!(near(line("  abc", "abc"), 1.0));
        assert!(near(line("abcd", "abed"), 0.75));
        assert!(near(line("", "abcd"), 0.0));
        assert!(near(line("kitten", "sitting"), 1.0 - 3.0 / 7.0));
    }

    #[test]
    fn the_best_place_comes_first() {
        let lines = Lines::of("let a = one();\nlet b = two();\nlet a = once();\n");
        let first: Vec<usize> = places(&lines, &["let a = ones();"], 0.5).iter().map(|score| score.first).collect();
        assert_eq!(first, [0, 2, 1]);
    }
}
