//! Finding lines that were quoted with slips.
//!
//! Both rungs are narrow on purpose. Lines that stay may differ: the file's own stay. A line that is to be replaced may
//! differ by one slip of the pen only, so that nothing is overwritten that its author never saw.

use super::Rung;
use super::ladder::{Match, fit, search as exact};
use super::lines::{Lines, is_blank};
use super::similar;

/// The least likeness of a place.
const LEAST: f64 = 0.9;
/// The least likeness of each of its lines: below it is another line.
const LEAST_LINE: f64 = 0.7;
/// One in so many lines may differ.
const MOST_OTHERS: usize = 5;
/// How far it has to be ahead of the next.
const AHEAD: f64 = 0.1;
/// Longer quotes are not looked for by likeness.
const MAX_LINES: usize = 2_000;

/// Finds the one place that a quote can mean though it fits nowhere. `stays` says of each quoted line whether it is kept.
pub(super) fn search(lines: &Lines<'_>, want: &[&str], stays: &[bool]) -> Option<Match> {
    if want.len() > MAX_LINES || lines.len() < want.len() || want.len() != stays.len() {
        return None;
    }
    let (first, rung) = edges(lines, want, stays).or_else(|| alike(lines, want, stays))?;
    Some(Match { first, count: want.len(), skipped: 0, rung })
}

fn edges(lines: &Lines<'_>, want: &[&str], stays: &[bool]) -> Option<(usize, Rung)> {
    let [head, inner @ .., tail] = want else { return None };
    if inner.is_empty() {
        return None;
    }
    let found: Vec<usize> = exact(lines, &[head])
        .iter()
        .map(|place| place.first)
        .filter(|first| fit(lines.get(first + want.len() - 1), tail).is_some())
        .filter(|first| first + want.len() <= lines.len())
        .collect();
    let [first] = found.as_slice() else { return None };
    let inside = similar::region(lines, inner, first + 1, LEAST)?;
    (inside >= LEAST && are_slips(lines, want, stays, *first)).then_some((*first, Rung::Edges))
}

fn alike(lines: &Lines<'_>, want: &[&str], stays: &[bool]) -> Option<(usize, Rung)> {
    let scores = similar::places(lines, want, LEAST - AHEAD);
    let best = scores.first().filter(|best| best.value >= LEAST)?;
    let next = scores.get(1).map_or(0.0, |next| next.value);
    let clear = best.value - next >= AHEAD;
    (clear && are_slips(lines, want, stays, best.first)).then_some((best.first, Rung::Similar))
}

/// Tells whether what differs can be told from something else that was meant: two visible lines fit, at most one line that
/// goes has a slip, and every change has a line beside it that fits.
fn are_slips(lines: &Lines<'_>, want: &[&str], stays: &[bool], first: usize) -> bool {
    let fits: Vec<bool> = (first..).zip(want).map(|(at, want)| fit(lines.get(at), want).is_some()).collect();
    let visible = fits.iter().zip(want).filter(|(fits, want)| **fits && !is_blank(want)).count();
    let mut slips = 0;
    for (at, ((fits, want), stays)) in fits.iter().zip(want).zip(stays).enumerate() {
        if !*fits && similar::line(lines.get(first + at), want) < LEAST_LINE {
            return false;
        }
        if *fits || *stays {
            continue;
        }
        slips += 1;
        if !is_slip(lines.get(first + at), want) {
            return false;
        }
    }
    let unsure = |at: usize| fits.get(at) == Some(&false);
    // Where lines only come in, the lines on both sides stay; one of them has to fit.
    let loose = (1..want.len()).any(|at| unsure(at - 1) && unsure(at));
    let others = fits.iter().filter(|fits| !**fits).count();
    visible >= 2 && slips <= 1 && others <= 1.max(fits.len() / MOST_OTHERS) && !loose
}

/// Tells whether two lines differ in one word by one letter too many or too few, and in nothing else but blanks.
fn is_slip(have: &str, want: &str) -> bool {
    let (have, want) = (words(have), words(want));
    if have.len() != want.len() {
        return false;
    }
    let mut differing = have.iter().zip(&want).filter(|(have, want)| have != want);
    let Some((have, want)) = differing.next() else { return true };
    let is_word = |word: &str| word.len() >= 4 && word.chars().all(|c| c.is_alphabetic() || c == '_');
    let (have, want): (Vec<char>, Vec<char>) = match is_word(have) && is_word(want) {
        true => (have.chars().collect(), want.chars().collect()),
        false => return false,
    };
    differing.next().is_none() && have.len().abs_diff(want.len()) == 1 && similar::distance(&have, &want) == 1
}

/// Splits a line into words and single other characters.
fn words(line: &str) -> Vec<&str> {
    let is_letter = |c: char| c.is_alphanumeric() || c == '_';
    let mut words = Vec::new();
    let mut rest = line.trim();
    while let Some(c) = rest.chars().next() {
        let end = if is_letter(c) { rest.find(|c| !is_letter(c)).unwrap_or(rest.len()) } else { c.len_utf8() };
        let (word, behind) = rest.split_at(end);
        words.push(word);
        rest = behind.trim_start();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, want: &str, stays: &[bool]) -> Option<(usize, Rung)> {
        let want: Vec<&str> = want.lines().collect();
        search(&Lines::of(text), &want, stays).map(|place| (place.first, place.rung))
    }

    const TEXT: &str =
        "function getData() {\n    const results = fetchData();\n    return results.filter(Boolean);\n}\n";

    #[test]
    fn one_slip_is_forgiven_where_the_lines_around_it_fit() {
        let want = "function getData() {\n    const result = fetchData();\n    return results.filter(Boolean);\n}";
        assert_eq!(found(TEXT, want, &[true, false, false, true]), Some((0, Rung::Edges)));
        let want = "    const result = fetchData();\n    return results.filter(Boolean);\n}";
        assert_eq!(found(TEXT, want, &[false, false, true]), Some((1, Rung::Similar)));
    }

    #[test]
    fn another_name_number_or_sign_is_no_slip() {
        for (have, want) in [
            ("let total = count + 1;", "let total = count - 1;"),
            ("let total = count + 1;", "let total = count + 2;"),
            ("handler_a(x)", "handler_b(x)"),
            ("run(x)", "run(x, y)"),
            ("if is_open:", "if not is_open:"),
        ] {
            assert!(!is_slip(have, want), "{have} {want}");
        }
        assert!(is_slip("return results ;", "return result;"));
    }

    #[test]
    fn two_places_alike_are_none() {
        let text = format!("{TEXT}{TEXT}");
        let want = "function getData() {\n    const result = fetchData();\n    return results.filter(Boolean);\n}";
        assert_eq!(found(&text, want, &[true, false, false, true]), None);
    }
}
