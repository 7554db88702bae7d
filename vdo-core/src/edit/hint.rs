//! What comes closest to a quote that is not in the file, for whoever has to mend it.

use std::fmt::Write as _;

use super::ladder::fit;
use super::lines::{Lines, is_blank};
use super::similar;

/// The most lines shown.
const MAX_LINES: usize = 12;
/// The most bytes of a hint.
const MAX_BYTES: usize = 1_100;
/// The least likeness worth showing.
const LEAST: f64 = 0.35;

/// Shows the lines of the file that are most like the quoted ones, with their numbers, and the first quoted lines that differ.
pub(super) fn closest(lines: &Lines<'_>, find: &str) -> String {
    let want = Lines::of(find);
    let want: Vec<&str> = want.iter().collect();
    if want.iter().all(|line| is_blank(line)) {
        return "It has no visible character; quote the lines beside the place too.".to_owned();
    }
    // A long quote is told by its beginning.
    let head = want.get(..want.len().min(200)).unwrap_or_default();
    let best =
        similar::resembling(lines, head, LEAST).first().map(|score| score.first).or_else(|| by_one_line(lines, &want));
    let Some(first) = best else {
        return "No line of the file resembles it; read the file again and quote it exactly.".to_owned();
    };
    let differs = |at: usize| want.get(at).is_some_and(|want| fit(lines.get(first + at), want).is_none());
    let from = (0..want.len()).find(|at| differs(*at)).unwrap_or(0);
    let mut text = String::from("The closest lines of the file are:\n");
    for at in from.saturating_sub(2)..(from + MAX_LINES).min(want.len().max(1)) {
        let number = first + at;
        if number >= lines.len() || text.len() > MAX_BYTES {
            break;
        }
        let mark = if differs(at) { '!' } else { ' ' };
        let _ = writeln!(text, "{mark}{:>5} | {}", number + 1, clip(lines.get(number), 120));
        if differs(at) && text.len() < MAX_BYTES {
            let _ = writeln!(text, "  quoted: {}", clip(want.get(at).copied().unwrap_or_default(), 120));
        }
    }
    text.push_str("Quote the file's lines exactly, without the numbers.");
    text
}

/// Returns where the quote would begin if its longest line stood where the file's most similar line does.
fn by_one_line(lines: &Lines<'_>, want: &[&str]) -> Option<usize> {
    let (offset, longest) = want.iter().enumerate().max_by_key(|(at, line)| (line.trim().len(), usize::MAX - at))?;
    let best = similar::resembling(lines, &[longest], LEAST);
    best.first().map(|score| score.first.saturating_sub(offset))
}

fn clip(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit { text.to_owned() } else { text.chars().take(limit).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_lines_are_shown_with_what_differs() {
        let lines = Lines::of("def a():\n    return compute(1)\n\ndef b():\n    return compute(2)\n");
        assert_eq!(
            closest(&lines, "def b():\n    return computed(3)\n"),
            "The closest lines of the file are:\n     4 | def b():\n!    5 |     return compute(2)\n  quoted:     return computed(3)\n\
             Quote the file's lines exactly, without the numbers."
        );
        assert!(closest(&lines, "zzz qqq\n").starts_with("No line of the file resembles it"));
    }

    #[test]
    fn a_hint_is_short_whatever_is_quoted() {
        let text = "x".repeat(5000) + "\n";
        assert!(closest(&Lines::of(&text.repeat(50)), &"xy".repeat(3000).repeat(3)).len() < 1_500);
    }
}
