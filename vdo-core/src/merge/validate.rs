//! What a merged text must not have: faults, or things twice, that neither side had alone.

use std::collections::{BTreeMap, BTreeSet};

use crate::merge::claims;
use crate::merge::lines::{Change, Lines, Segment};
use crate::structure::{Claim, Structure};

/// Returns the claims that a text has oftener than the worse of its inputs, and at least twice.
pub(super) fn doubled(result: &Structure, ours: &Structure, theirs: &Structure) -> Vec<Claim> {
    let mut counts: BTreeMap<&Claim, usize> = BTreeMap::new();
    for claim in result.members.iter().flat_map(|member| &member.claims) {
        *counts.entry(claim).or_default() += 1;
    }
    counts.retain(|_, count| *count > 1);
    let often = |side: &Structure, claim: &Claim| {
        side.members.iter().flat_map(|it| &it.claims).filter(|it| *it == claim).count()
    };
    counts
        .into_iter()
        .filter(|(claim, count)| *count > often(ours, claim).max(often(theirs, claim)))
        .map(|(claim, _)| claim.clone())
        .collect()
}

/// Returns why a merged text cannot stand, if so.
pub(super) fn fault(result: &Structure, ours: &Structure, theirs: &Structure) -> Option<String> {
    if result.errors > ours.errors.max(theirs.errors) {
        return Some("together the changes do not fit the grammar".to_owned());
    }
    doubled(result, ours, theirs).first().map(|claim| claims::reason(claim, claim))
}

/// Tells whether both sides' new lines have a word in common that could be a name, a key or a label: only then is it worth while to look closer.
pub(super) fn share_words(lines: &Lines<'_>, segments: &[Segment]) -> bool {
    let mut ours: BTreeSet<&[u8]> = BTreeSet::new();
    for segment in segments.iter().filter(|segment| segment.change == Change::Ours) {
        for line in lines.ours.get(segment.ours.clone()).unwrap_or_default() {
            ours.extend(telling(line));
        }
    }
    if ours.is_empty() {
        return false;
    }
    let theirs = segments.iter().filter(|segment| segment.change == Change::Theirs);
    let mut theirs = theirs.flat_map(|segment| lines.theirs.get(segment.theirs.clone()).unwrap_or_default());
    theirs.any(|line| telling(line).any(|word| ours.contains(word)))
}

/// Words that are in every other line and name nothing.
const COMMON: &[&str] = &[
    "abstract",
    "and",
    "as",
    "assert",
    "async",
    "await",
    "break",
    "case",
    "class",
    "const",
    "continue",
    "def",
    "del",
    "do",
    "elif",
    "else",
    "enum",
    "except",
    "export",
    "extends",
    "false",
    "False",
    "finally",
    "fn",
    "for",
    "from",
    "func",
    "function",
    "if",
    "impl",
    "implements",
    "import",
    "in",
    "interface",
    "is",
    "let",
    "mod",
    "mut",
    "nil",
    "None",
    "not",
    "null",
    "or",
    "package",
    "pass",
    "private",
    "protected",
    "pub",
    "public",
    "raise",
    "return",
    "self",
    "static",
    "struct",
    "super",
    "switch",
    "this",
    "throw",
    "throws",
    "trait",
    "true",
    "True",
    "try",
    "typeof",
    "use",
    "var",
    "void",
    "where",
    "while",
    "with",
    "yield",
    "href",
    "String",
    "Self",
];

/// Returns the words of a line that could be what it defines: the first few, and what stands in quotes.
fn telling(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
    let quotes = line.iter().position(|byte| matches!(byte, b'"' | b'\'' | b'`')).unwrap_or(line.len());
    let (head, quoted) = line.split_at_checked(quotes).unwrap_or((line, b""));
    let split = move |part: &'_ [u8]| -> Vec<std::ops::Range<usize>> {
        let mut words = Vec::new();
        let mut start = None;
        for (at, byte) in part.iter().enumerate() {
            match (start, is_word(byte)) {
                (None, true) => start = Some(at),
                (Some(from), false) => {
                    words.push(from..at);
                    start = None;
                }
                _ => {}
            }
        }
        words.extend(start.map(|from| from..part.len()));
        words
    };
    let first = split(head).into_iter().take(6).filter_map(move |range| head.get(range));
    let inside = split(quoted).into_iter().take(8).filter_map(move |range| quoted.get(range));
    let common = |word: &&[u8]| COMMON.iter().any(|common| common.as_bytes() == *word);
    first.chain(inside).filter(move |word| !common(word))
}
