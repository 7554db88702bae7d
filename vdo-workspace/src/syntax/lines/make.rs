//! Makefiles: variables and rules.

use std::ops::Range;

use vdo_core::structure::{ClaimKind, MemberKind};

use super::{Line, Teller, file_name, has_extension, lines};
use crate::syntax::structure::keys::normal;
use crate::syntax::structure::out::{Draft, ListId, Out, Shape};

/// Tells whether a file is one, by its name.
pub(super) fn fits(path: &str) -> bool {
    matches!(file_name(path), "Makefile" | "makefile" | "GNUmakefile") || has_extension(path, &["mk"])
}

/// Reads the lines.
pub(super) fn read(out: &mut Out<'_>, list: ListId) {
    let text = out.text;
    let all: Vec<_> = lines(text, 0..text.len()).collect();
    let phonies = all.iter().filter(|line| line.text.starts_with(".PHONY")).count();
    let mut teller = Teller::new(list);
    let mut at = 0;
    while let Some(line) = all.get(at) {
        let trimmed = line.text.trim();
        if trimmed.is_empty() {
            teller.blank(out);
            at += 1;
        } else if trimmed.starts_with('#') {
            teller.comment(line);
            at += 1;
        } else {
            let rest = all.get(at..).unwrap_or_default();
            let count = extent(rest).clamp(1, rest.len());
            let lines = rest.get(..count).unwrap_or_default();
            statement(out, &mut teller, lines, phonies);
            at += count;
        }
    }
    teller.blank(out);
}

/// Returns how many lines the statement has that the lines begin with.
fn extent(lines: &[Line<'_>]) -> usize {
    let Some(first) = lines.first() else { return 0 };
    let word = first.text.split_whitespace().next().unwrap_or_default();
    let (open, close): (&[&str], &str) = match word {
        "define" => (&["define"], "endef"),
        "ifeq" | "ifneq" | "ifdef" | "ifndef" => (&["ifeq", "ifneq", "ifdef", "ifndef"], "endif"),
        _ => {
            let mut count = continued(lines);
            if !is_rule(first.text) {
                return count;
            }
            // Blank lines and comments may stand in a recipe, not behind it.
            let mut ahead = count;
            while let Some(line) = lines.get(ahead) {
                if line.text.starts_with('\t') {
                    ahead += continued(lines.get(ahead..).unwrap_or_default());
                    count = ahead;
                } else if line.text.trim().is_empty() {
                    ahead += 1;
                } else {
                    break;
                }
            }
            return count;
        }
    };
    let mut depth = 0_usize;
    for (at, line) in lines.iter().enumerate() {
        let word = line.text.split_whitespace().next().unwrap_or_default();
        depth += usize::from(open.contains(&word));
        if word == close {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return at + 1;
            }
        }
    }
    lines.len()
}

/// Returns how many lines are one, by a `\` at the end.
fn continued(lines: &[Line<'_>]) -> usize {
    let more = lines.iter().take_while(|line| line.text.ends_with('\\')).count();
    (more + 1).min(lines.len())
}

/// Returns a variable's name and how it is set.
fn variable(line: &str) -> Option<(&str, &str)> {
    let at = line.find('=')?;
    let before = line.get(..at)?;
    let name = before.trim_end_matches([':', '?', '+', '!']);
    let operator = line.get(name.len()..=at)?;
    let name = name.trim().trim_start_matches("export ").trim_start_matches("override ").trim();
    (!name.is_empty() && !name.contains([':', ' ', '\t'])).then_some((name, operator))
}

fn is_rule(line: &str) -> bool {
    variable(line).is_none() && line.contains(':')
}

fn statement(out: &mut Out<'_>, teller: &mut Teller, lines: &[Line<'_>], phonies: usize) {
    let (Some(first), Some(last)) = (lines.first(), lines.last()) else { return };
    let span = first.span.start..last.span.end;
    if let Some((name, operator)) = variable(first.text) {
        let name = normal(name);
        let draft = match operator {
            "+=" => Draft::fixed(MemberKind::Value, format!("{name} +=")),
            _ => Draft::free(MemberKind::Value, name.clone()).claim(ClaimKind::Name, name),
        };
        teller.member(out, span, &draft);
    } else if is_rule(first.text) && !first.text.starts_with(['\t', ' ']) {
        rule(out, teller, lines, span, phonies);
    } else {
        teller.member(out, span, &Draft::fixed(MemberKind::Other, normal(first.text)));
    }
}

fn rule(out: &mut Out<'_>, teller: &mut Teller, lines: &[Line<'_>], span: Range<usize>, phonies: usize) {
    let (Some(first), head_lines) = (lines.first(), continued(lines)) else { return };
    let head_end = lines.get(head_lines - 1).map_or(first.span.end, |line| line.span.end);
    let target = normal(first.text.split(':').next().unwrap_or_default());
    let colon = first.span.start + first.text.find(':').map_or(0, |colon| colon + 1);
    let prerequisites = || out_words(out.text, colon..head_end);
    if target == ".PHONY" {
        let words = prerequisites();
        let told = words.first().and_then(|word| out.text.get(word.clone())).unwrap_or_default();
        let key = if phonies > 1 { format!(".PHONY {told}") } else { target };
        let member = teller.member(out, span, &Draft::free(MemberKind::Rule, key));
        let shape = Shape { suffix: "targets".to_owned(), inside: colon..head_end, separator: " ", trailing: false };
        let list = out.list(member, None, shape);
        for word in words {
            let key = normal(out.text.get(word.clone()).unwrap_or_default());
            out.member(list, word, &Draft::free(MemberKind::Item, key));
        }
        return;
    }
    let special = target.starts_with('.') && !target.contains('/');
    let mut draft = Draft::free(MemberKind::Rule, target.clone()).free_if(!special);
    if lines.len() > head_lines {
        // A target may be named again to add prerequisites, but has one recipe.
        draft = draft.claim(ClaimKind::Name, target);
    } else {
        draft = Draft { key: normal(first.text), ..draft };
    }
    let member = teller.member(out, span.clone(), &draft);
    if lines.len() > head_lines {
        let shape = Shape { suffix: "recipe".to_owned(), inside: head_end..span.end, ..Shape::default() };
        let list = out.list(member, None, shape);
        let mut at = head_lines;
        while let Some(line) = lines.get(at) {
            let count = continued(lines.get(at..).unwrap_or_default());
            let end = lines.get(at + count - 1).map_or(line.span.end, |line| line.span.end);
            if !line.text.trim().is_empty() {
                let start = line.span.start + (line.text.len() - line.text.trim_start().len());
                out.member(list, start..end, &Draft::fixed(MemberKind::Other, normal(line.text)));
            }
            at += count;
        }
    }
}

/// Returns where the words of a part of a text are.
fn out_words(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
    let part = text.get(range.clone()).unwrap_or_default();
    let mut words = Vec::new();
    let mut at = range.start;
    for piece in part.split_inclusive(char::is_whitespace) {
        let word = piece.trim_end();
        if !word.is_empty() && word != "\\" {
            words.push(at..at + word.len());
        }
        at += piece.len();
    }
    words
}
