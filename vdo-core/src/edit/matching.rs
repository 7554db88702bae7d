//! Finding a text in a file: a ladder of ever looser comparisons, each of which must find exactly one place.

use std::ops::Range;

use super::{Hunk, Rung};

/// A place in a file and what goes there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The bytes that are replaced.
    pub range: Range<usize>,
    /// What stands there afterwards.
    pub text: String,
    /// How it was found.
    pub rung: Rung,
}

/// Why no place was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Miss {
    /// Nothing matches; the hint shows what comes closest.
    Nothing(String),
    /// Several places match; their first lines, from 1.
    Several(Vec<usize>),
}

/// Finds where `hunk` applies in `text`: one place, or all of them if the hunk says so.
///
/// # Errors
/// [`Miss`] if no rung finds exactly one place.
pub fn find(text: &str, hunk: &Hunk) -> Result<Vec<Place>, Miss> {
    let exact: Vec<usize> = text.match_indices(&hunk.find).map(|(at, _)| at).collect();
    let place = |at: usize| Place { range: at..at + hunk.find.len(), text: hunk.replace.clone(), rung: Rung::Exact };
    match exact.as_slice() {
        [] => {}
        [at] => return Ok(vec![place(*at)]),
        several if hunk.all => return Ok(several.iter().copied().map(place).collect()),
        several => return Err(Miss::Several(several.iter().map(|at| line_of(text, *at)).collect())),
    }
    let lines = Lines::of(text);
    let wanted: Vec<&str> = hunk.find.lines().collect();
    if wanted.iter().all(|line| line.trim().is_empty()) {
        return Err(Miss::Nothing("It has no visible characters.".to_owned()));
    }
    for rung in [Rung::TrailingBlanks, Rung::Indent] {
        let found: Vec<(usize, String)> = (0..=lines.len().saturating_sub(wanted.len()))
            .filter_map(|at| lines.matches(at, &wanted, rung).map(|shift| (at, shift)))
            .collect();
        match found.as_slice() {
            [] => {}
            several if several.len() > 1 && !hunk.all => {
                return Err(Miss::Several(several.iter().map(|(at, _)| at + 1).collect()));
            }
            found => {
                let count = wanted.len();
                return Ok(found.iter().map(|(at, shift)| lines.place(*at, count, shift, hunk, rung)).collect());
            }
        }
    }
    Err(Miss::Nothing(hint(text, &lines, &wanted, hunk)))
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

/// The lines of a text with where each begins.
struct Lines<'a> {
    lines: Vec<(usize, &'a str)>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        let mut at = 0;
        let lines = text
            .split_inclusive('\n')
            .map(|line| {
                let start = at;
                at += line.len();
                (start, line)
            })
            .collect();
        Self { lines }
    }

    fn len(&self) -> usize {
        self.lines.len()
    }

    fn slice(&self, at: usize, count: usize) -> &[(usize, &'a str)] {
        self.lines.get(at..at + count).unwrap_or_default()
    }

    /// Returns the indentation to add if the lines from `at` match on `rung`; `-` and a text if it is to be taken away.
    fn matches(&self, at: usize, wanted: &[&str], rung: Rung) -> Option<String> {
        let here = self.slice(at, wanted.len());
        if here.len() != wanted.len() {
            return None;
        }
        let same = |shift: &dyn Fn(&str, &str) -> bool| {
            here.iter().zip(wanted).all(|((_, have), want)| {
                let (have, want) = (have.trim_end(), want.trim_end());
                (have.is_empty() && want.is_empty()) || shift(have, want)
            })
        };
        match rung {
            Rung::Exact => None,
            Rung::TrailingBlanks => same(&|have, want| have == want).then(String::new),
            Rung::Indent => {
                let (have, want) =
                    here.iter().map(|(_, have)| *have).zip(wanted).find(|(have, _)| !have.trim().is_empty())?;
                let (have, want) = (indent(have), indent(want));
                if let Some(more) = have.strip_suffix(want) {
                    same(&|have, want| have.strip_prefix(more) == Some(want)).then(|| more.to_owned())
                } else {
                    let less = want.strip_suffix(have)?;
                    same(&|have, want| want.strip_prefix(less) == Some(have)).then(|| format!("-{less}"))
                }
            }
        }
    }

    fn place(&self, at: usize, count: usize, shift: &str, hunk: &Hunk, rung: Rung) -> Place {
        let here = self.slice(at, count);
        let start = here.first().map_or(0, |(start, _)| *start);
        let end = here.last().map_or(start, |(start, line)| start + line.len());
        let last = here.last().map_or("", |(_, line)| *line);
        let ends = if here.iter().any(|(_, line)| line.ends_with("\r\n")) { "\r\n" } else { "\n" };
        let mut text: String = hunk.replace.lines().map(|line| shifted(line, shift) + ends).collect();
        // A file that does not end in a line end still does not.
        if !last.ends_with('\n') && text.ends_with(ends) {
            text.truncate(text.len() - ends.len());
        }
        Place { range: start..end, text, rung }
    }
}

fn shifted(line: &str, shift: &str) -> String {
    if line.trim().is_empty() {
        return line.to_owned();
    }
    match shift.strip_prefix('-') {
        Some(less) => line.strip_prefix(less).unwrap_or(line).to_owned(),
        None => format!("{shift}{line}"),
    }
}

fn indent(line: &str) -> &str {
    let body = line.trim_start_matches([' ', '\t']);
    line.strip_suffix(body).unwrap_or_default()
}

/// Says what comes closest: that the change is there already, or the lines most like the wanted ones.
fn hint(text: &str, lines: &Lines<'_>, wanted: &[&str], hunk: &Hunk) -> String {
    if hunk.replace.trim().len() > 8 && text.contains(hunk.replace.trim_end()) {
        return "The replacement is in the file already; perhaps this edit was made before.".to_owned();
    }
    let anchor = wanted.iter().rev().map(|line| line.trim()).max_by_key(|line| line.len()).unwrap_or_default();
    let offset = wanted.iter().position(|line| line.trim() == anchor).unwrap_or(0);
    let words = |line: &str| -> std::collections::BTreeSet<String> {
        line.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
    };
    let target = words(anchor);
    let best = lines
        .lines
        .iter()
        .take(20_000)
        .enumerate()
        .map(|(at, (_, line))| (words(line).intersection(&target).count(), at))
        .max_by_key(|(score, at)| (*score, usize::MAX - at));
    let Some((1.., at)) = best else {
        return "No line of the file resembles it; read the file again and quote it exactly.".to_owned();
    };
    let from = at.saturating_sub(offset);
    let shown: String = (from..(from + wanted.len() + 1).min(from + 12))
        .filter_map(|at| {
            lines.lines.get(at).map(|(_, line)| format!("{:>5} | {}\n", at + 1, clip(line.trim_end(), 160)))
        })
        .collect();
    format!("The closest lines are:\n{shown}Quote them exactly, without the numbers.")
}

fn clip(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit { text.to_owned() } else { text.chars().take(limit).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hunk(find: &str, replace: &str) -> Hunk {
        Hunk { find: find.to_owned(), replace: replace.to_owned(), all: false }
    }

    fn landed(text: &str, find: &str, replace: &str) -> Result<(String, Rung), Miss> {
        super::find(text, &hunk(find, replace)).map(|places| {
            let place = &places[0];
            let mut text = text.to_owned();
            text.replace_range(place.range.clone(), &place.text);
            (text, place.rung)
        })
    }

    #[test]
    fn each_rung_lands_at_the_one_place_it_finds() {
        assert_eq!(landed("a\nb\nc\n", "b\n", "B\n"), Ok(("a\nB\nc\n".to_owned(), Rung::Exact)));
        assert_eq!(
            landed("a\r\nb \r\nc\r\n", "a\nb\n", "x\ny\n"),
            Ok(("x\r\ny\r\nc\r\n".to_owned(), Rung::TrailingBlanks))
        );
        assert_eq!(
            landed(
                "class A:\n    def f(self):\n        pass\n",
                "def f(self):\n    pass\n",
                "def f(self):\n    return 1\n"
            ),
            Ok(("class A:\n    def f(self):\n        return 1\n".to_owned(), Rung::Indent))
        );
        assert_eq!(landed("x\n  y", "y\n", "z\n"), Ok(("x\n  z".to_owned(), Rung::Indent)));
    }

    #[test]
    fn several_places_are_refused_and_listed() {
        assert_eq!(landed("a\nb\na\n", "a\n", "x\n"), Err(Miss::Several(vec![1, 3])));
        assert_eq!(
            landed("  a \n    a\n", "a\nb", ""),
            Err(Miss::Nothing(
                "The closest lines are:\n    1 |   a\n    2 |     a\nQuote them exactly, without the numbers."
                    .to_owned()
            ))
        );
    }

    #[test]
    fn a_change_that_is_there_already_is_called_that() {
        let Err(Miss::Nothing(hint)) = landed("def goodbye(): pass\n", "def hello(): pass\n", "def goodbye(): pass\n")
        else {
            panic!("it landed");
        };
        assert!(hint.contains("already"), "{hint}");
    }
}
