//! Texts with scripts in them: components of Vue and Svelte.

use vdo_core::path::RepoPath;

use super::languages::Language;

/// Returns the language of a component, by the ending of its name.
pub(super) fn language(path: &RepoPath) -> Option<&'static str> {
    let extension = path.file_name().rsplit_once('.').filter(|(stem, _)| !stem.is_empty())?.1;
    ["vue", "svelte"].into_iter().find(|known| extension.eq_ignore_ascii_case(known))
}

/// Returns the scripts of a component where they stand, with blanks for all else, and their language.
pub(super) fn scripts(text: &str) -> (String, Option<&'static Language>) {
    let mut kept = String::with_capacity(text.len());
    let mut typed = false;
    let mut rest = text;
    while let Some((before, tag)) = split(rest, "<script") {
        let Some((attributes, body)) = tag.split_once('>') else { break };
        let (script, after) = split(body, "</script").unwrap_or((body, ""));
        typed |= ["\"ts\"", "'ts'", "\"tsx\"", "=ts", "\"typescript\""].iter().any(|mark| attributes.contains(mark));
        blank(&mut kept, before);
        blank(&mut kept, "<script");
        blank(&mut kept, attributes);
        kept.push(' ');
        kept.push_str(script);
        blank(&mut kept, if after.is_empty() { "" } else { "</script" });
        rest = after;
    }
    blank(&mut kept, rest);
    (kept, Language::named(if typed { "typescript" } else { "javascript" }))
}

/// Splits a text before and behind a tag, in whatever case it is written.
fn split<'t>(text: &'t str, tag: &str) -> Option<(&'t str, &'t str)> {
    let at = text.match_indices('<').map(|(at, _)| at).find(|at| {
        text.as_bytes().get(*at..at + tag.len()).is_some_and(|found| found.eq_ignore_ascii_case(tag.as_bytes()))
    })?;
    Some((text.get(..at)?, text.get(at + tag.len()..)?))
}

/// Keeps the lines and the bytes of a text, and nothing that it says.
fn blank(kept: &mut String, text: &str) {
    kept.extend(text.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
}
