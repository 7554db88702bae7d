//! What a Go module requires.

use vdo_core::structure::{ClaimKind, MemberKind};

use super::{Line, Teller, file_name, lines};
use crate::syntax::structure::keys::normal;
use crate::syntax::structure::out::{Draft, ListId, Out, Shape};

/// Tells whether a file is one, by its name.
pub(super) fn fits(path: &str) -> bool {
    matches!(file_name(path), "go.mod" | "go.work")
}

/// Reads the directives, alone or in brackets.
pub(super) fn read(out: &mut Out<'_>, list: ListId) {
    let text = out.text;
    let mut teller = Teller::new(list);
    let mut lines = lines(text, 0..text.len());
    while let Some(line) = lines.next() {
        let trimmed = line.text.trim();
        if trimmed.is_empty() {
            teller.blank(out);
        } else if trimmed.starts_with("//") {
            teller.comment(&line);
        } else if let Some(word) = code(trimmed).strip_suffix('(').map(str::trim) {
            let mut inner = Vec::new();
            let mut end = line.span.clone();
            let mut close = end.end;
            for next in lines.by_ref() {
                end = next.span.clone();
                close = end.end;
                if code(next.text.trim()) == ")" {
                    close = end.start;
                    break;
                }
                inner.push(next);
            }
            let indirect = !inner.is_empty()
                && inner.iter().all(|line| line.text.contains("// indirect") || line.text.trim().is_empty());
            let key = if indirect { format!("{word} indirect") } else { word.to_owned() };
            let member = teller.member(out, line.span.start..end.end, &Draft::fixed(MemberKind::Rule, key));
            let shape = Shape { suffix: "lines".to_owned(), inside: line.span.end..close, ..Shape::default() };
            let list = out.list(member, None, shape);
            block(out, list, word, &inner);
        } else {
            let (word, rest) = code(trimmed).split_once(' ').unwrap_or((trimmed, ""));
            let draft = match word {
                "require" | "replace" | "exclude" | "retract" | "use" | "tool" => entry(word, rest),
                _ => Draft::fixed(MemberKind::Value, word),
            };
            teller.member(out, line.span.clone(), &draft);
        }
    }
    teller.blank(out);
}

/// Returns a line without the comment at its end.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or(line).trim_end()
}

fn block(out: &mut Out<'_>, list: ListId, word: &str, lines: &[Line<'_>]) {
    let mut teller = Teller::new(list);
    for line in lines {
        let trimmed = line.text.trim();
        if trimmed.is_empty() {
            teller.blank(out);
        } else if trimmed.starts_with("//") {
            teller.comment(line);
        } else {
            let start = line.span.start + (line.text.len() - line.text.trim_start().len());
            teller.member(out, start..line.span.end, &entry(word, code(trimmed)));
        }
    }
    teller.blank(out);
}

fn entry(word: &str, rest: &str) -> Draft {
    let left = rest.split("=>").next().unwrap_or(rest).trim();
    // One module is required in one version; several of its versions may be left out.
    let key = if word == "require" { left.split_whitespace().next().unwrap_or(left) } else { left };
    let key = normal(key);
    Draft::free(MemberKind::Pair, key.clone()).claim(ClaimKind::Key, format!("{word} {key}"))
}
