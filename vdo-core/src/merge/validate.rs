//! What a merged text must not have: faults, or things twice, that neither side had alone.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;

use crate::merge::claims;
use crate::merge::lines::{Change, Lines, Rows, Segment};
use crate::merge::telling::telling;
use crate::structure::{Claim, Structure};

/// Returns the claims that a text has oftener than the worse of its inputs, and at least twice.
pub(super) fn doubled(result: &Structure, ours: &Structure, theirs: &Structure) -> Vec<Claim> {
    let mut counts: HashMap<&Claim, usize> = HashMap::new();
    for claim in result.members.iter().flat_map(|member| &member.claims) {
        *counts.entry(claim).or_default() += 1;
    }
    counts.retain(|_, count| *count > 1);
    let often = |side: &Structure, claim: &Claim| {
        side.members.iter().flat_map(|it| &it.claims).filter(|it| *it == claim).count()
    };
    let doubled = counts.into_iter().filter(|(claim, count)| *count > often(ours, claim).max(often(theirs, claim)));
    let doubled: BTreeSet<&Claim> = doubled.map(|(claim, _)| claim).collect();
    doubled.into_iter().cloned().collect()
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
    base: &Rows<'a>,
    before: &Range<usize>,
    side: &Rows<'a>,
    after: &Range<usize>,
) -> impl Iterator<Item = &'a [u8]> {
    let mut counts: HashMap<&[u8], isize> = HashMap::new();
    for line in side.lines(after) {
        telling(line, |word| *counts.entry(word).or_default() += 1);
    }
    if !counts.is_empty() {
        for line in base.lines(before) {
            telling(line, |word| {
                counts.entry(word).and_modify(|count| *count -= 1);
            });
        }
    }
    counts.into_iter().filter(|(_, count)| *count > 0).map(|(word, _)| word)
}
