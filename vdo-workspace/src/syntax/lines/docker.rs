//! Dockerfiles: one instruction after the other.

use vdo_core::structure::{ClaimKind, MemberKind};

use super::{Teller, file_name, has_extension, lines};
use crate::syntax::structure::keys::normal;
use crate::syntax::structure::out::{Draft, ListId, Out};

/// Tells whether a file is one, by its name.
pub(super) fn fits(path: &str) -> bool {
    let name = file_name(path);
    let known = |word: &str| {
        name.eq_ignore_ascii_case(word) || name.get(..word.len() + 1).is_some_and(|start| start == format!("{word}."))
    };
    ["Dockerfile", "Containerfile"].iter().any(|word| known(word)) || has_extension(path, &["dockerfile"])
}

/// Reads the instructions. Those that say something of the image and do nothing may change places.
pub(super) fn read(out: &mut Out<'_>, list: ListId) {
    let text = out.text;
    let mut teller = Teller::new(list);
    let mut stage = String::new();
    let mut stages = 0;
    let mut lines = lines(text, 0..text.len());
    while let Some(line) = lines.next() {
        let trimmed = line.text.trim();
        if trimmed.is_empty() {
            teller.blank(out);
            continue;
        }
        if trimmed.starts_with('#') {
            teller.comment(&line);
            continue;
        }
        let mut span = line.span.clone();
        let mut last = line.text.trim_end();
        while last.ends_with('\\') || (last.trim_start().starts_with('#') && span.end > line.span.end) {
            let Some(next) = lines.next() else { break };
            span.end = next.span.end;
            last = next.text.trim_end();
        }
        if let Some(end) = heredoc(trimmed) {
            for next in lines.by_ref() {
                span.end = next.span.end;
                if next.text.trim() == end {
                    break;
                }
            }
        }
        let whole = text.get(span.clone()).unwrap_or_default();
        let (word, rest) = whole.trim().split_once(char::is_whitespace).unwrap_or((whole.trim(), ""));
        let word = word.to_ascii_uppercase();
        if word == "FROM" {
            stages += 1;
            let name = rest.split_whitespace().last().unwrap_or_default();
            stage = if stages > 1 { format!("{name} ") } else { String::new() };
        }
        let draft = instruction(&stage, &word, rest);
        teller.member(out, span, &draft);
    }
    teller.blank(out);
}

/// Returns the word that ends the text an instruction begins.
fn heredoc(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("<<")?;
    let word = rest.trim_start_matches('-').trim_matches(['"', '\'']);
    let end = word.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(word.len());
    word.get(..end).filter(|word| !word.is_empty())
}

fn instruction(stage: &str, word: &str, rest: &str) -> Draft {
    let fixed = || Draft::fixed(MemberKind::Other, normal(&format!("{stage}{word} {rest}")));
    // What uses another's value has to come after it.
    if rest.contains('$') {
        return fixed();
    }
    let names: Vec<&str> = match word {
        "ENV" | "LABEL" if rest.contains('=') => {
            rest.split_whitespace().filter_map(|pair| Some(pair.split_once('=')?.0)).collect()
        }
        "ENV" | "LABEL" => rest.split_whitespace().take(1).collect(),
        "ARG" => vec![rest.split('=').next().unwrap_or(rest).trim()],
        "EXPOSE" | "VOLUME" => vec![rest.trim()],
        _ => return fixed(),
    };
    if names.iter().all(|name| name.is_empty()) {
        return fixed();
    }
    let claims = names.iter().map(|name| format!("{stage}{word} {name}"));
    let kind = if word == "EXPOSE" { ClaimKind::Number } else { ClaimKind::Key };
    Draft::free(MemberKind::Pair, normal(&format!("{stage}{word} {}", names.join(" ")))).claims(kind, claims)
}
