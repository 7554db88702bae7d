//! Environment files: `KEY=value`.

use vdo_core::structure::{ClaimKind, MemberKind};

use super::{Teller, file_name, lines};
use crate::syntax::structure::keys::normal;
use crate::syntax::structure::out::{Draft, ListId, Out};

/// How many lines one quoted value may have.
const MAX_VALUE_LINES: usize = 200;

/// Tells whether a file is an environment file, by its name.
pub(super) fn fits(path: &str) -> bool {
    let name = file_name(path);
    name == ".env" || name.starts_with(".env.") || name.ends_with(".env") || matches!(name, ".envrc" | ".flaskenv")
}

/// Reads the lines.
pub(super) fn read(out: &mut Out<'_>, list: ListId) {
    let text = out.text;
    let mut teller = Teller::new(list);
    let mut lines = lines(text, 0..text.len()).peekable();
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
        let assigned = trimmed.strip_prefix("export ").unwrap_or(trimmed).split_once('=');
        let Some((key, value)) = assigned else {
            teller.member(out, span, &Draft::fixed(MemberKind::Other, normal(trimmed)));
            continue;
        };
        if let Some(quote) = value.trim().chars().next().filter(|c| matches!(c, '"' | '\''))
            && !value.trim().get(1..).is_some_and(|rest| rest.contains(quote))
        {
            let mut rest = lines.clone().take(MAX_VALUE_LINES);
            if let Some(more) = rest.position(|line| line.text.contains(quote)) {
                for line in lines.by_ref().take(more + 1) {
                    span.end = line.span.end;
                }
            }
        }
        let key = normal(key);
        // A value that uses another has to come after it.
        let plain = !value.contains("${") && !value.contains("$(");
        let draft = Draft::free(MemberKind::Pair, key.clone()).free_if(plain).claim(ClaimKind::Key, key);
        teller.member(out, span, &draft);
    }
    teller.blank(out);
}
