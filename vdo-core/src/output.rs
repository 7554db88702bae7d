//! What commands print, made short enough to be useful: no colours, no repetitions, the end kept, and the places in the
//! code that it points at.
//!
//! Pure and linear. The text is data from outside: nothing of it is trusted to be well formed.

use std::fmt::Write as _;

use crate::context::bounded;
use crate::path::RepoPath;
use crate::tree::FileTree;

/// The most places that are looked for.
const MAX_PLACES: usize = 60;
/// The most bytes of an output that are looked at, unless more is asked for.
const MAX_READ: usize = 512 * 1024;
/// The longest line that is searched for a place.
const MAX_LINE: usize = 2000;

/// Returns text without terminal control sequences; of a line that was overwritten the last version is kept.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => match chars.next() {
                // A control sequence ends with a letter or the like, a command string with a bell or an escape.
                Some('[') => while chars.next().is_some_and(|c| !('\u{40}'..='\u{7e}').contains(&c)) {},
                Some(']') => {
                    while chars.next().is_some_and(|c| c != '\u{7}' && c != '\u{1b}') {}
                    chars.next_if_eq(&'\\');
                }
                _ => {}
            },
            '\r' if chars.peek() != Some(&'\n') => {
                let keep = out.rfind('\n').map_or(0, |at| at + 1);
                out.truncate(keep);
            }
            '\r' => {}
            '\n' | '\t' => out.push(c),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// Returns the useful part of what a command printed, in at most about `limit` bytes: plain, repeated lines folded, the end kept.
#[must_use]
pub fn shortest(text: &str, limit: usize) -> String {
    // What would be cut anyway need not be looked at.
    let text = plain(&bounded(text, limit.saturating_mul(16).max(MAX_READ)));
    let mut folded = String::new();
    let mut last: Option<&str> = None;
    let mut repeats = 0u32;
    for line in text.lines().map(str::trim_end) {
        if last == Some(line) {
            repeats += 1;
            continue;
        }
        end_fold(&mut folded, repeats, last);
        (repeats, last) = (0, Some(line));
        folded.push_str(line);
        folded.push('\n');
    }
    end_fold(&mut folded, repeats, last);
    bounded(folded.trim_end_matches('\n'), limit)
}

fn end_fold(text: &mut String, repeats: u32, last: Option<&str>) {
    match (repeats, last) {
        (0, _) | (_, Some("") | None) => {}
        (1, Some(line)) => {
            let _ = writeln!(text, "{line}");
        }
        (more, Some(_)) => {
            let _ = writeln!(text, "… the same line {more} more times");
        }
    }
}

/// Finds the places of `tree` that an output points at: `file:line` in any directory, and Python's `File "file", line n`.
#[must_use]
pub fn places(text: &str, tree: &FileTree) -> Vec<(RepoPath, u32)> {
    let text = plain(text);
    let mut found: Vec<(RepoPath, u32)> = Vec::new();
    // What is at the end of an output is nearest to what went wrong.
    for line in text.lines().rev().filter(|line| line.len() <= MAX_LINE) {
        for (path, number) in line_places(line) {
            if let Some(path) = known(path, tree)
                && !found.contains(&(path.clone(), number))
            {
                found.push((path, number));
            }
        }
        if found.len() >= MAX_PLACES {
            break;
        }
    }
    found
}

fn line_places(line: &str) -> Vec<(&str, u32)> {
    let mut found = Vec::new();
    if let Some((_, rest)) = line.split_once("File \"")
        && let Some((path, rest)) = rest.split_once('"')
        && let Some(number) = rest.strip_prefix(", line ").and_then(leading_number)
    {
        found.push((path, number));
    }
    let is_part =
        |c: char| !c.is_whitespace() && !matches!(c, '"' | '\'' | '(' | ')' | '[' | ']' | '<' | '>' | ',' | '`' | '|');
    for word in line.split(|c| !is_part(c)) {
        let mut parts = word.split(':');
        if let (Some(path), Some(number)) = (parts.next(), parts.next())
            && path.contains('.')
            && let Some(number) = leading_number(number)
        {
            found.push((path, number));
        }
    }
    found
}

fn leading_number(text: &str) -> Option<u32> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end)?.parse().ok().filter(|number| *number > 0)
}

/// Finds the file of the tree that a path from an output means, wherever the tree lay when the command ran.
fn known(path: &str, tree: &FileTree) -> Option<RepoPath> {
    let path = path.trim_start_matches("./").trim_start_matches('/');
    let mut rest = Some(path);
    while let Some(candidate) = rest {
        if let Ok(path) = candidate.parse::<RepoPath>()
            && tree.get(&path).is_some_and(|entry| entry.mode.is_file())
        {
            return Some(path);
        }
        rest = candidate.split_once('/').map(|(_, rest)| rest);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{BlobHash, Entry};

    #[test]
    fn colours_overwritten_lines_and_titles_are_gone() {
        assert_eq!(
            plain("\u{1b}[1;31mFAILED\u{1b}[0m a\r\nb\u{1b}]0;title\u{7}c\n 1%\r 2%\r 3%\n"),
            "FAILED a\nbc\n 3%\n"
        );
        for odd in ["\u{1b}", "\u{1b}[", "\u{1b}[31", "\u{1b}]", "\r", "\r\r\n"] {
            assert!(!plain(odd).contains(|c: char| c.is_control() && c != '\n'));
        }
    }

    #[test]
    fn repeated_lines_are_folded_and_the_end_is_kept() {
        let text = format!("start\n{}end", "warn\n".repeat(1000));
        assert_eq!(shortest(&text, 200), "start\nwarn\n… the same line 999 more times\nend");
        let long: String = (0..10_000).map(|number| format!("line {number}\n")).collect();
        let short = shortest(&long, 400);
        assert!(short.len() < 500 && short.ends_with("line 9999"), "{short}");
    }

    #[test]
    fn places_are_found_in_the_ways_that_tools_write_them() {
        let names = ["calc.py", "tests/test_calc.py", "src/lib.rs", "web/app.test.js", "pkg/sum_test.go"];
        let tree: FileTree = names.iter().map(|path| (path.parse().unwrap(), Entry::file(BlobHash::of(b"")))).collect();
        let text = "  File \"/job/tests/test_calc.py\", line 9, in test_add\n  --> src/lib.rs:12:5\n\
                    at Object.<anonymous> (/job/web/app.test.js:3:7)\n    sum_test.go:7: got 3\n./pkg/sum_test.go:8: x\n\
                    calc.py:2: TypeError\n12:30:59 other.py:1\ncalc.py:0";
        let found: Vec<String> = places(text, &tree).iter().map(|(path, line)| format!("{path}:{line}")).collect();
        assert_eq!(
            found,
            ["calc.py:2", "pkg/sum_test.go:8", "web/app.test.js:3", "src/lib.rs:12", "tests/test_calc.py:9"]
        );
    }
}
