//! What a merged text must not have: faults, or things twice, that neither side had alone.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

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

/// Tells whether both sides brought a word that could be a name, a key or a label: only then is it worth while to look closer.
///
/// A word is brought where a change has it more often than the lines that it replaced: what names something a second time is new there.
pub(super) fn share_words(lines: &Lines<'_>, segments: &[Segment]) -> bool {
    let changed = |change: Change| segments.iter().filter(move |segment| segment.change == change);
    if changed(Change::Ours).next().is_none() || changed(Change::Theirs).next().is_none() {
        return false;
    }
    let mut ours: HashSet<&[u8]> = HashSet::new();
    for segment in changed(Change::Ours) {
        ours.extend(brought(&lines.base, &segment.base, &lines.ours, &segment.ours));
    }
    let mut theirs =
        changed(Change::Theirs).flat_map(|segment| brought(&lines.base, &segment.base, &lines.theirs, &segment.theirs));
    !ours.is_empty() && theirs.any(|word| ours.contains(word))
}

/// Returns the words that some lines have more often than those they replaced.
fn brought<'a>(
    base: &[&'a [u8]],
    before: &Range<usize>,
    side: &[&'a [u8]],
    after: &Range<usize>,
) -> impl Iterator<Item = &'a [u8]> {
    let mut counts: HashMap<&[u8], isize> = HashMap::new();
    for line in side.get(after.clone()).unwrap_or_default() {
        telling(line, |word| *counts.entry(word).or_default() += 1);
    }
    if !counts.is_empty() {
        for line in base.get(before.clone()).unwrap_or_default() {
            telling(line, |word| {
                counts.entry(word).and_modify(|count| *count -= 1);
            });
        }
    }
    counts.into_iter().filter(|(_, count)| *count > 0).map(|(word, _)| word)
}

/// Words that are in every other line and name nothing, sorted.
const COMMON: &[&[u8]] = &[
    b"False",
    b"None",
    b"Self",
    b"String",
    b"True",
    b"abstract",
    b"and",
    b"as",
    b"assert",
    b"async",
    b"await",
    b"break",
    b"case",
    b"class",
    b"const",
    b"continue",
    b"def",
    b"del",
    b"do",
    b"elif",
    b"else",
    b"enum",
    b"except",
    b"export",
    b"extends",
    b"false",
    b"finally",
    b"fn",
    b"for",
    b"from",
    b"func",
    b"function",
    b"href",
    b"if",
    b"impl",
    b"implements",
    b"import",
    b"in",
    b"interface",
    b"is",
    b"let",
    b"mod",
    b"mut",
    b"nil",
    b"not",
    b"null",
    b"or",
    b"package",
    b"pass",
    b"private",
    b"protected",
    b"pub",
    b"public",
    b"raise",
    b"return",
    b"self",
    b"static",
    b"struct",
    b"super",
    b"switch",
    b"this",
    b"throw",
    b"throws",
    b"trait",
    b"true",
    b"try",
    b"typeof",
    b"use",
    b"var",
    b"void",
    b"where",
    b"while",
    b"with",
    b"yield",
];

/// Tells the words of a line that could be what it defines: the first few, what stands in quotes, and that as a whole.
fn telling<'a>(line: &'a [u8], mut tell: impl FnMut(&'a [u8])) {
    let quote = line.iter().position(|byte| matches!(byte, b'"' | b'\'' | b'`')).unwrap_or(line.len());
    let (head, quoted) = line.split_at_checked(quote).unwrap_or((line, b""));
    words(head)
        .take(6)
        .chain(words(quoted).take(8))
        .filter(|word| COMMON.binary_search(word).is_err())
        .for_each(&mut tell);
    if let Some((mark, rest)) = quoted.split_first()
        && let Some(whole) = rest.split(|byte| byte == mark).next().filter(|whole| !whole.is_empty())
    {
        tell(whole);
    }
}

fn words(part: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
    part.split(move |byte| !is_word(byte)).filter(|word| !word.is_empty())
}
