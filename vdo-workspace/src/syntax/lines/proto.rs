//! Protocol buffers: messages, enumerations and services.

use std::ops::Range;

use vdo_core::structure::{ClaimKind, MemberKind};

use super::has_extension;
use crate::syntax::structure::keys::{last_segment, normal, quoted, within};
use crate::syntax::structure::out::{Draft, ListId, Out, Shape};

/// How deep blocks are read.
const MAX_DEPTH: usize = 32;

/// Tells whether a file is one, by its name.
pub(super) fn fits(path: &str) -> bool {
    has_extension(path, &["proto"])
}

/// Reads the declarations.
pub(super) fn read(out: &mut Out<'_>, list: ListId) {
    let text = out.text;
    let start = text.len() - text.trim_start_matches('\u{feff}').len();
    block(out, list, start..text.len(), &Around::default(), 0);
}

/// What a declaration is in.
#[derive(Default)]
struct Around {
    /// The block's first word.
    word: String,
    /// What numbers are unique in.
    numbers: String,
}

/// Something that stands in a block.
enum Part {
    Comment(Range<usize>),
    /// A statement, and what is between its braces if it has any.
    Statement(Range<usize>, Option<Range<usize>>),
}

fn block(out: &mut Out<'_>, list: ListId, inside: Range<usize>, around: &Around, depth: usize) {
    let text = out.text;
    let scope = out.name(list).to_owned();
    let mut above: Option<Range<usize>> = None;
    let mut at = inside.start;
    let mut behind = 0;
    let mut first = depth == 0;
    while let Some(part) = part(text, at, inside.end) {
        let start = match &part {
            Part::Comment(span) | Part::Statement(span, _) => span.start,
        };
        if let Some(run) = above.take_if(|run| lines_between(text, run.end, start) > 1) {
            out.member(list, run, &Draft { free: !first, ..Draft::fixed(MemberKind::Comment, "") });
            first = false;
        }
        match part {
            Part::Comment(span) => {
                at = span.end;
                let own_line = behind == 0 || lines_between(text, behind, span.start) > 0;
                match &mut above {
                    Some(run) => run.end = span.end,
                    None if own_line => above = Some(span),
                    None => {}
                }
            }
            Part::Statement(span, braces) => {
                at = span.end;
                behind = span.end;
                first = false;
                let head_end = braces.as_ref().map_or(span.end, |braces| braces.start.saturating_sub(1));
                let head = text.get(span.start..head_end).unwrap_or_default().trim_end_matches([';', ' ']);
                let start = above.take().map_or(span.start, |run| run.start);
                let draft = statement(head, &scope, around);
                let member = out.member(list, start..span.end, &draft);
                let Some(braces) = braces.filter(|_| depth < MAX_DEPTH) else { continue };
                let word = head.split_whitespace().next().unwrap_or_default().to_owned();
                let shape = Shape { suffix: "body".to_owned(), inside: braces.clone(), ..Shape::default() };
                let inner = out.list(member, None, shape);
                let numbers = if word == "oneof" { around.numbers.clone() } else { out.name(inner).to_owned() };
                block(out, inner, braces, &Around { word, numbers }, depth + 1);
            }
        }
    }
    if let Some(run) = above {
        out.member(list, run, &Draft { free: !first, ..Draft::fixed(MemberKind::Comment, "") });
    }
}

fn lines_between(text: &str, start: usize, end: usize) -> usize {
    text.get(start..end).map_or(0, |between| between.bytes().filter(|byte| *byte == b'\n').count())
}

/// Returns what comes next.
fn part(text: &str, from: usize, end: usize) -> Option<Part> {
    let rest = text.get(from..end)?;
    let start = from + (rest.len() - rest.trim_start().len());
    let rest = text.get(start..end).filter(|rest| !rest.is_empty())?;
    if let Some(length) = comment(rest) {
        return Some(Part::Comment(start..start + length));
    }
    let (mut depth, mut open, mut skip) = (0_usize, None, 0_usize);
    for (at, c) in rest.char_indices() {
        if at < skip {
            continue;
        }
        let here = rest.get(at..).unwrap_or_default();
        match c {
            '"' | '\'' => skip = at + string(here),
            '/' => skip = at + comment(here).unwrap_or(1),
            '{' => {
                depth += 1;
                open.get_or_insert(start + at + 1);
            }
            '}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    let braces = open.map(|open| open..start + at);
                    return Some(Part::Statement(start..start + at + 1, braces));
                }
            }
            ';' if depth == 0 => return Some(Part::Statement(start..start + at + 1, None)),
            _ => {}
        }
    }
    Some(Part::Statement(start..end, None))
}

/// Returns how long the comment is that a text begins with.
fn comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(
            text.find('\n').map_or(text.len(), |end| text.get(..end).map_or(end, |line| line.trim_end().len())),
        );
    }
    let inner = text.strip_prefix("/*")?;
    Some(inner.find("*/").map_or(text.len(), |end| end + 4))
}

/// Returns how long the string is that a text begins with.
fn string(text: &str) -> usize {
    let quote = text.chars().next().unwrap_or('"');
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\n' => return at,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn statement(head: &str, scope: &str, around: &Around) -> Draft {
    let words: Vec<&str> = head.split_whitespace().collect();
    let word = words.first().copied().unwrap_or_default();
    let second = words.get(1).copied().unwrap_or_default();
    match word {
        "import" => {
            let path = words.last().and_then(|path| quoted(path)).unwrap_or_default().to_owned();
            Draft::free(MemberKind::Import, path.clone()).claim(ClaimKind::Import, path)
        }
        "message" | "enum" | "service" | "rpc" if words.len() > 1 && !head.contains('=') => {
            let name = normal(second.split('(').next().unwrap_or(second));
            Draft::free(MemberKind::Definition, name.clone()).claim(ClaimKind::Name, within(scope, &name))
        }
        "oneof" | "extend" => Draft::fixed(MemberKind::Definition, normal(&format!("{word} {second}"))),
        "syntax" | "edition" | "package" | "option" | "reserved" | "extensions" => {
            Draft::fixed(MemberKind::Value, normal(head.split('=').next().unwrap_or(head)))
        }
        _ => field(head, scope, around),
    }
}

fn field(head: &str, scope: &str, around: &Around) -> Draft {
    let Some((left, right)) = head.split_once('=') else { return Draft::fixed(MemberKind::Other, normal(head)) };
    let name = normal(last_segment(left.split_whitespace().last().unwrap_or_default()));
    let number = right.split(['[', ';', '{']).next().unwrap_or_default().trim();
    let is_number = number.trim_start_matches('-').chars().all(|c| c.is_ascii_alphanumeric()) && !number.is_empty();
    if name.is_empty() || !is_number || around.word.is_empty() {
        return Draft::fixed(MemberKind::Other, normal(head));
    }
    Draft::free(MemberKind::Field, name.clone())
        .claim(ClaimKind::Name, within(scope, &name))
        .claim(ClaimKind::Number, format!("{} {number}", around.numbers))
}
