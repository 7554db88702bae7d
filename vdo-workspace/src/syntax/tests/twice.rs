//! What both sides bring at two places of one list is never there twice without a word.

use std::collections::BTreeMap;

use vdo_core::merge::text::{Texts, lines_only, merge};
use vdo_core::path::RepoPath;
use vdo_core::structure::{Claim, Member, Structure};
use vdo_core::syntax::Syntax;

use super::render::structure;
use super::samples::SAMPLES;
use crate::syntax::TreeSitterSyntax;

fn counts(structure: &Structure) -> BTreeMap<&Claim, usize> {
    let mut counts = BTreeMap::new();
    for claim in structure.members.iter().flat_map(|member| &member.claims) {
        *counts.entry(claim).or_default() += 1;
    }
    counts
}

/// Returns the lines of a member, if it has them for itself.
fn rows(text: &str, member: &Member) -> Option<std::ops::Range<usize>> {
    let before = &text[..member.span.start];
    let line = before.rsplit('\n').next()?;
    let behind = text[member.span.end..].split('\n').next()?;
    let alone = line.trim().is_empty() && behind.trim().trim_start_matches([',', ';']).trim().is_empty();
    let start = before.matches('\n').count();
    alone.then(|| start..start + text[member.span.clone()].matches('\n').count() + 1)
}

/// Returns the lines of a member with other words wherever its claims do not say them.
fn otherwise(lines: &str, claims: &[Claim]) -> String {
    let mut other = String::new();
    let mut rest = lines;
    while let Some(start) = rest.find(|c: char| c.is_alphanumeric()) {
        let (before, from) = rest.split_at(start);
        let (word, after) = from.split_at(from.find(|c: char| !c.is_alphanumeric()).unwrap_or(from.len()));
        let kept = claims.iter().any(|claim| claim.text.to_lowercase().contains(&word.to_lowercase()));
        other.extend([before, word, if kept || before.ends_with(['<', '/', '@']) { "" } else { "z" }]);
        rest = after;
    }
    other + rest
}

/// Returns how the merge of these has something twice that neither side has twice; `None` if it does not merge by lines.
fn twice(path: &RepoPath, base: &str, ours: &str, theirs: &str) -> Option<Vec<Claim>> {
    lines_only(base.as_bytes(), ours.as_bytes(), theirs.as_bytes()).into_clean()?;
    let texts = Texts { path, base: base.as_bytes(), ours: ours.as_bytes(), theirs: theirs.as_bytes() };
    let Some(merged) = merge(texts, &TreeSitterSyntax).into_clean() else { return Some(Vec::new()) };
    let told = |text: &str| TreeSitterSyntax.structure(path, text).unwrap_or_default();
    let (result, ours, theirs) = (told(std::str::from_utf8(&merged).unwrap()), told(ours), told(theirs));
    let (ours, theirs) = (counts(&ours), counts(&theirs));
    let of = |side: &BTreeMap<&Claim, usize>, claim: &Claim| side.get(claim).copied().unwrap_or_default();
    let doubled = counts(&result).into_iter();
    let doubled = doubled.filter(|(claim, count)| *count > of(&ours, claim).max(of(&theirs, claim)).max(1));
    Some(doubled.map(|(claim, _)| claim.clone()).collect())
}

#[test]
fn what_both_sides_bring_at_two_places_of_a_list_is_never_there_twice() {
    let (mut checked, mut faults) = ((0, 0), Vec::new());
    for (_, path, text) in SAMPLES {
        let path: RepoPath = path.parse().unwrap();
        let whole = structure(path.as_str(), text);
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        for (number, member) in whole.members.iter().enumerate().filter(|(_, member)| !member.claims.is_empty()) {
            let Some(own) = rows(text, member) else { continue };
            let siblings = whole.members.iter().enumerate().filter(|(at, it)| *at != number && it.list == member.list);
            let places = siblings.filter_map(|(_, sibling)| Some(rows(text, sibling)?.start));
            let apart = places.filter(|at| at.abs_diff(own.start) > 2 && at.abs_diff(own.end) > 2 && !own.contains(at));
            let without = [&lines[..own.start], &lines[own.end..]].concat();
            let copy = lines[own.clone()].concat();
            for place in apart.step_by(3) {
                let at = if place < own.start { place } else { place - own.len() };
                for copy in [&copy, &otherwise(&copy, &member.claims)] {
                    let theirs = [&without[..at], &[copy.as_str()], &without[at..]].concat().concat();
                    let same = TreeSitterSyntax.structure(&path, &theirs).is_some_and(|theirs| {
                        member.claims.iter().all(|claim| counts(&theirs).get(claim) == counts(&whole).get(claim))
                    });
                    let found = if same { twice(&path, &without.concat(), text, &theirs) } else { None };
                    checked = (checked.0 + usize::from(found.is_some()), checked.1 + usize::from(same));
                    faults.extend(found.into_iter().flatten().map(|claim| format!("{path}: {claim:?} of\n{copy}")));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{} of {checked:?}:\n{}", faults.len(), faults.join("\n"));
    assert!(checked.0 > 400, "{checked:?}");
}
