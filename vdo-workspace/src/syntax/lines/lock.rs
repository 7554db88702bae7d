//! Files that tools write: blocks of locked packages, sums of modules.

use vdo_core::structure::{ClaimKind, MemberKind};

use super::{Line, file_name, lines};
use crate::syntax::structure::keys::normal;
use crate::syntax::structure::out::{Draft, ListId, Out};

/// Tells whether a file is a lock of yarn, by its name.
pub(super) fn is_yarn(path: &str) -> bool {
    file_name(path) == "yarn.lock"
}

/// Tells whether a file holds the sums of Go modules, by its name.
pub(super) fn is_sums(path: &str) -> bool {
    matches!(file_name(path), "go.sum" | "go.work.sum")
}

/// Reads blocks: a line that begins at the margin and the indented ones below it.
pub(super) fn read_yarn(out: &mut Out<'_>, list: ListId) {
    let text = out.text;
    let all: Vec<Line<'_>> = lines(text, 0..text.len()).collect();
    let mut at = 0;
    while let Some(head) = all.get(at) {
        let rest = all.get(at + 1..).unwrap_or_default();
        let inner = rest.iter().take_while(|line| line.text.starts_with([' ', '\t'])).count();
        let end = all.get(at + inner).map_or(head.span.end, |line| line.span.end);
        at += 1 + inner;
        if head.text.trim().is_empty() {
            continue;
        }
        let draft = if head.text.starts_with('#') || !head.text.trim_end().ends_with(':') {
            Draft::fixed(MemberKind::Other, "")
        } else {
            let key = normal(head.text.trim_end().trim_end_matches(':'));
            Draft::free(MemberKind::Rule, key.clone()).claim(ClaimKind::Key, key)
        };
        out.member(list, head.span.start..end, &draft);
    }
}

/// Reads lines of a module, a version and a sum.
pub(super) fn read_sums(out: &mut Out<'_>, list: ListId) {
    let text = out.text;
    for line in lines(text, 0..text.len()).filter(|line| !line.text.trim().is_empty()) {
        let words: Vec<&str> = line.text.split_whitespace().take(2).collect();
        let key = normal(&words.join(" "));
        let draft = Draft::free(MemberKind::Item, key.clone()).claim(ClaimKind::Key, key);
        out.member(list, line.span.clone(), &draft);
    }
}
