//! Sections of settings: `.ini`, `.cfg`, `.properties`.

use vdo_core::structure::{ClaimKind, MemberKind};

use super::{Line, Teller, file_name, has_extension, lines};
use crate::syntax::structure::keys::{normal, within};
use crate::syntax::structure::out::{Draft, ListId, MemberId, Out, Shape};
use crate::syntax::structure::registry::{self, Named};

/// Tells whether a file holds settings, by its name.
pub(super) fn fits(path: &str) -> bool {
    has_extension(path, &["ini", "cfg", "properties"])
        || matches!(file_name(path), ".editorconfig" | ".flake8" | ".pylintrc" | ".coveragerc" | ".npmrc")
}

/// Reads the lines: settings before the first section, then sections with their settings.
pub(super) fn read(out: &mut Out<'_>, list: ListId) {
    let text = out.text;
    let all: Vec<_> = lines(text, 0..text.len()).collect();
    let is_head = |line: &Line<'_>| line.text.trim_end().starts_with('[') && line.text.trim_end().ends_with(']');
    let first = all.iter().position(is_head).unwrap_or(all.len());
    // Comments directly above a head belong to the section.
    let head_start = |at: usize| {
        let comments = all.get(..at).unwrap_or_default().iter().rev().take_while(|line| is_comment(line));
        at - comments.count()
    };
    let (top, rest) = all.split_at(head_start(first));
    settings(out, list, top);
    let mut heads: Vec<usize> =
        rest.iter().enumerate().filter(|(_, line)| is_head(line)).map(|(at, _)| at + top.len()).collect();
    heads.push(all.len());
    for pair in heads.windows(2) {
        let [head, next] = pair else { continue };
        let end = if *next == all.len() { *next } else { head_start(*next) };
        let Some(line) = all.get(*head) else { continue };
        let body = all.get(head + 1..end).unwrap_or_default();
        let used = body.iter().rposition(|line| !line.text.trim().is_empty()).map_or(0, |last| last + 1);
        let body = body.get(..used).unwrap_or_default();
        let last = body.last().map_or(line.span.end, |line| line.span.end);
        let start = all.get(head_start(*head)).map_or(line.span.start, |line| line.span.start);
        let key = normal(line.text.trim().trim_matches(['[', ']']));
        let draft = Draft::free(MemberKind::Rule, key.clone()).claim(ClaimKind::Name, format!("[{key}]"));
        let section = out.member(list, start..last, &draft);
        let shape = Shape { suffix: "settings".to_owned(), inside: line.span.end..last, ..Shape::default() };
        let inner = out.list(section, None, shape);
        settings(out, inner, body);
    }
}

fn is_comment(line: &Line<'_>) -> bool {
    line.text.trim_start().starts_with(['#', ';'])
}

/// Tells of settings; an indented line goes on with the one above.
fn settings(out: &mut Out<'_>, list: ListId, lines: &[Line<'_>]) {
    let scope = out.name(list).to_owned();
    let mut teller = Teller::new(list);
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        at += 1;
        if line.text.trim().is_empty() {
            teller.blank(out);
        } else if is_comment(line) {
            teller.comment(line);
        } else {
            let goes_on = |line: &&Line<'_>| line.text.starts_with([' ', '\t']) && !line.text.trim().is_empty();
            let more = lines.get(at..).unwrap_or_default().iter().take_while(goes_on).count();
            at += more;
            let end = lines.get(at - 1).map_or(line.span.end, |line| line.span.end);
            let draft = match line.text.split_once(['=', ':']) {
                Some((key, _)) => {
                    let key = normal(key);
                    Draft::free(MemberKind::Pair, key.clone()).claim(ClaimKind::Key, within(&scope, &key))
                }
                None => Draft::fixed(MemberKind::Other, normal(line.text)),
            };
            let member = teller.member(out, line.span.start..end, &draft);
            if more > 0 {
                values(out, member, &draft.key, line, lines.get(at - more..at).unwrap_or_default());
            }
        }
    }
    teller.blank(out);
}

/// Tells of the lines of one setting's value: `install_requires`, one below the other.
fn values(out: &mut Out<'_>, member: MemberId, key: &str, head: &Line<'_>, lines: &[Line<'_>]) {
    let end = lines.last().map_or(head.span.end, |line| line.span.end);
    let free = registry::array(key) == Named::Registry;
    let shape = Shape { suffix: "values".to_owned(), inside: head.span.end..end, ..Shape::default() };
    let list = out.list(member, None, shape);
    let scope = out.name(list).to_owned();
    let mut teller = Teller::new(list);
    for line in lines {
        if is_comment(line) {
            teller.comment(line);
            continue;
        }
        let key = registry::item_key(&scope, line.text.trim());
        let mut draft = Draft::free(MemberKind::Item, key.clone()).free_if(free);
        if free {
            draft = draft.claim(ClaimKind::Key, within(&scope, &key));
        }
        teller.member(out, line.span.start + (line.text.len() - line.text.trim_start().len())..line.span.end, &draft);
    }
    teller.blank(out);
}
