//! Finding quoted lines in a file: a ladder of ever looser comparisons.
//!
//! A file is searched for the longest word of the quote and compared line by line around it, so that a quote that is
//! not there costs little more than one pass over the file.

use memchr::memmem;

use super::Rung;
use super::lines::{Lines, indent, is_blank};

/// Quoted lines and where they stand in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Match {
    /// The first line, from 0.
    pub(super) first: usize,
    /// How many lines.
    pub(super) count: usize,
    /// How many blank lines of the quote's beginning are not in the file.
    pub(super) skipped: usize,
    /// How well it fits.
    pub(super) rung: Rung,
}

impl Match {
    pub(super) fn end(&self) -> usize {
        self.first + self.count
    }
}

/// Returns every place where `want` stands at the tightest rung at which there is one; at most [`Rung::Punctuation`].
pub(super) fn search(lines: &Lines<'_>, want: &[&str]) -> Vec<Match> {
    let mut found = tightest(lines, want, 0);
    let head = want.iter().take_while(|line| is_blank(line)).count();
    let tail = want.len() - want.iter().rev().take_while(|line| is_blank(line)).count();
    // Blank lines around a quote may be missing in the file: those behind it, those before it, or both.
    for (from, to) in [(0, tail), (head, want.len()), (head, tail)] {
        if !found.is_empty() || from >= to || to - from == want.len() {
            continue;
        }
        found = tightest(lines, want.get(from..to).unwrap_or_default(), from);
        for place in &mut found {
            place.rung = place.rung.max(Rung::TrailingBlanks);
        }
    }
    found
}

fn tightest(lines: &Lines<'_>, want: &[&str], skipped: usize) -> Vec<Match> {
    let mut best: Vec<Match> = Vec::new();
    starts(lines, want, |first| {
        let limit = best.first().map_or(Rung::Punctuation, |place| place.rung);
        let Some(rung) = rung_at(lines, want, first).filter(|rung| *rung <= limit) else { return };
        if rung < limit {
            best.clear();
        }
        best.push(Match { first, count: want.len(), skipped, rung });
    });
    best
}

/// Calls `visit` with every line at which `want` could begin, in order.
fn starts(lines: &Lines<'_>, want: &[&str], mut visit: impl FnMut(usize)) {
    let Some(last) = lines.len().checked_sub(want.len()) else { return };
    let Some((offset, word)) = probe(want) else {
        (0..=last).for_each(visit);
        return;
    };
    let mut seen = None;
    for byte in memmem::find_iter(lines.text().as_bytes(), word) {
        let line = lines.at_byte(byte);
        if let Some(first) = line.checked_sub(offset).filter(|first| *first <= last && seen != Some(*first)) {
            seen = Some(first);
            visit(first);
        }
    }
}

/// Returns the longest run of characters of a quote that no rung changes, and its line.
fn probe<'a>(want: &[&'a str]) -> Option<(usize, &'a str)> {
    want.iter().enumerate().flat_map(|(at, line)| words(line).map(move |word| (at, word))).max_by_key(|(at, word)| {
        // Of equals the first: `max_by_key` takes the last.
        (word.len(), usize::MAX - at)
    })
}

/// Returns the runs of characters that stand in a file as they are quoted, whatever the rung.
pub(super) fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}

/// Returns how well the lines from `first` fit; `None` if they do not.
fn rung_at(lines: &Lines<'_>, want: &[&str], first: usize) -> Option<Rung> {
    let mut rung = Rung::Exact;
    for (at, want) in (first..).zip(want) {
        rung = rung.max(fit(lines.get(at), want)?);
    }
    if rung == Rung::Trimmed && is_one_shift((first..).map(|at| lines.get(at)).zip(want.iter().copied())) {
        rung = Rung::Indent;
    }
    Some(rung)
}

/// Returns how well one line fits; indentation of any kind is [`Rung::Trimmed`] here.
pub(super) fn fit(have: &str, want: &str) -> Option<Rung> {
    if have == want {
        return Some(Rung::Exact);
    }
    if have.trim_end() == want.trim_end() {
        return Some(Rung::TrailingBlanks);
    }
    if have.trim() == want.trim() {
        return Some(Rung::Trimmed);
    }
    if squeezed(have).eq(squeezed(want)) {
        return Some(Rung::InnerBlanks);
    }
    if have.is_ascii() && want.is_ascii() {
        return None;
    }
    squeezed(&folded(have)).eq(squeezed(&folded(want))).then_some(Rung::Punctuation)
}

/// Returns the characters of a line without the blanks that part no two words: those that do are one blank.
fn squeezed(line: &str) -> impl Iterator<Item = char> + '_ {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut rest = line.trim().chars().peekable();
    let mut before = None;
    std::iter::from_fn(move || {
        let c = rest.next()?;
        if !c.is_whitespace() {
            before = Some(c);
            return Some(c);
        }
        while rest.next_if(|c| c.is_whitespace()).is_some() {}
        let next = rest.peek().copied();
        // Two signs side by side can be another sign.
        let is_sign = |c: char| "+-=&|<>*/:?!".contains(c);
        let both = |of: &dyn Fn(char) -> bool| before.is_some_and(of) && next.is_some_and(of);
        if both(&is_word) || both(&is_sign) {
            return Some(' ');
        }
        before = rest.next();
        before
    })
}

/// Tells whether all lines differ by one and the same indentation, added or taken away.
fn is_one_shift<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> bool {
    let mut shift: Option<(&str, &str)> = None;
    for (have, want) in pairs.filter(|(have, _)| !is_blank(have)) {
        let (have, want) = (indent(have), indent(want));
        let own = match (have.strip_suffix(want), want.strip_suffix(have)) {
            (Some(more), _) => (more, ""),
            (None, Some(less)) => ("", less),
            (None, None) => return false,
        };
        if *shift.get_or_insert(own) != own {
            return false;
        }
    }
    true
}

/// Returns a line with typographic quotes, dashes and blanks as plain ones, composed, and without invisible characters.
pub(super) fn folded(line: &str) -> String {
    use unicode_normalization::UnicodeNormalization as _;
    let mut text = String::with_capacity(line.len());
    for c in line.nfc() {
        match c {
            '\u{2018}'..='\u{201b}' | '\u{2032}' => text.push('\''),
            '\u{201c}'..='\u{201f}' | '\u{2033}' => text.push('"'),
            '\u{2010}'..='\u{2015}' | '\u{2212}' => text.push('-'),
            '\u{2026}' => text.push_str("..."),
            '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' => {}
            c if c.is_whitespace() => text.push(' '),
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str, want: &str) -> Vec<(usize, usize, Rung)> {
        let want: Vec<&str> = want.lines().collect();
        search(&Lines::of(text), &want).iter().map(|place| (place.first, place.count, place.rung)).collect()
    }

    #[test]
    fn the_tightest_rung_that_finds_anything_is_told() {
        for (text, want, wanted) in [
            ("a\nb\na\n", "a", vec![(0, 1, Rung::Exact), (2, 1, Rung::Exact)]),
            ("  b\nb\n", "b", vec![(1, 1, Rung::Exact)]),
            ("a \nb\t\n", "a\nb", vec![(0, 2, Rung::TrailingBlanks)]),
            ("x\n  a\n    b\n", "a\n  b", vec![(1, 2, Rung::Indent)]),
            ("x\na\n  b\n", "\ta\n\t  b", vec![(1, 2, Rung::Indent)]),
            ("x\n  a\n     b\n", "a\n  b", vec![(1, 2, Rung::Trimmed)]),
            ("f(a,   b)\n", "f(a, b)", vec![(0, 1, Rung::InnerBlanks)]),
            ("say \u{201c}hi\u{201d} \u{2014} now\n", "say \"hi\" - now", vec![(0, 1, Rung::Punctuation)]),
            ("a\nb\n", "\na\n\n", vec![(0, 1, Rung::TrailingBlanks)]),
            ("f (a,b) {\n", "f(a, b){", vec![(0, 1, Rung::InnerBlanks)]),
            ("x = a - -b\n", "x=a--b", vec![]),
            ("ab\n", "a b", vec![]),
            ("a\n", "a\na", vec![]),
        ] {
            assert_eq!(places(text, want), wanted, "{text:?} {want:?}");
        }
    }
}
