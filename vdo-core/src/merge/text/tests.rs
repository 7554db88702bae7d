//! The algebra of text merges, without any structure.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{TextMerge, Texts, lines_only, merge};
use crate::syntax::NoSyntax;

fn merged(base: &str, ours: &str, theirs: &str) -> TextMerge {
    let path = "a.code".parse().unwrap();
    merge(Texts { path: &path, base: base.as_bytes(), ours: ours.as_bytes(), theirs: theirs.as_bytes() }, &NoSyntax)
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec("(alpha|beta|gamma|delta| x = 1|)", 0..10)
        .prop_map(|lines| lines.iter().map(|line| format!("{line}\n")).collect())
}

/// A text and what a side makes of it: lines dropped, replaced, put in.
fn edited(base: String) -> impl Strategy<Value = String> {
    let count = base.lines().count();
    prop::collection::vec((0..4_u8, "(one|two|three|four)"), count + 1).prop_map(move |edits| {
        let mut text = String::new();
        for (line, (what, word)) in base.lines().map(Some).chain([None]).zip(&edits) {
            match (what, line) {
                (0, _) => {
                    text.push_str(&format!("{word}\n{}", line.map(|line| format!("{line}\n")).unwrap_or_default()))
                }
                (1, Some(_)) => text.push_str(&format!("{word}\n")),
                (_, Some(line)) => text.push_str(&format!("{line}\n")),
                (_, None) => {}
            }
        }
        text
    })
}

fn counts(text: &str) -> BTreeMap<&str, i64> {
    let mut counts = BTreeMap::new();
    for line in text.lines() {
        *counts.entry(line).or_default() += 1;
    }
    counts
}

proptest! {
    #[test]
    fn a_side_that_did_nothing_yields_to_the_other(base in text(), other in text()) {
        prop_assert_eq!(merged(&base, &base, &other).into_clean(), Some(other.clone().into_bytes()));
        prop_assert_eq!(merged(&base, &other, &base).into_clean(), Some(other.clone().into_bytes()));
        prop_assert_eq!(merged(&base, &other, &other).into_clean(), Some(other.into_bytes()));
    }

    #[test]
    fn whether_a_text_merges_does_not_depend_on_who_is_ours((base, ours, theirs) in text().prop_flat_map(|base| (Just(base.clone()), edited(base.clone()), edited(base)))) {
        let (one, other) = (merged(&base, &ours, &theirs), merged(&base, &theirs, &ours));
        prop_assert_eq!(one.conflicts().count(), other.conflicts().count());
        if let (Some(one), Some(other)) = (one.into_clean(), other.into_clean()) {
            // What only differs in blanks is taken from one of the sides.
            let bag = |text: &[u8]| {
                let text = String::from_utf8(text.to_vec()).unwrap();
                let mut lines: Vec<String> = text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
                lines.sort();
                lines
            };
            prop_assert_eq!(bag(&one), bag(&other));
        }
    }

    /// For each line: as often as in the base, and what each side added or removed, but what both did alike at one place once.
    #[test]
    fn every_line_is_there_as_often_as_the_changes_of_both_sides_say((base, ours, theirs) in text().prop_flat_map(|base| (Just(base.clone()), edited(base.clone()), edited(base)))) {
        let merge = lines_only(base.as_bytes(), ours.as_bytes(), theirs.as_bytes());
        if let Some(result) = merge.into_clean() {
            let result = String::from_utf8(result).unwrap();
            let (base, ours, theirs, result) = (counts(&base), counts(&ours), counts(&theirs), counts(&result));
            let of = |side: &BTreeMap<&str, i64>, line: &str| side.get(line).copied().unwrap_or(0);
            for line in base.keys().chain(ours.keys()).chain(theirs.keys()).chain(result.keys()) {
                let (b, o, t, r) = (of(&base, line), of(&ours, line), of(&theirs, line), of(&result, line));
                let (by_ours, by_theirs) = (o - b, t - b);
                // Nothing that one side alone did is lost, nothing is there that nobody made.
                let alike = if by_ours.signum() == by_theirs.signum() { by_ours.abs().min(by_theirs.abs()) * by_ours.signum() } else { 0 };
                let (most, least) = (b + by_ours + by_theirs, b + by_ours + by_theirs - alike);
                prop_assert!(r >= most.min(least) && r <= most.max(least), "{line:?}: {b} {o} {t} {r}");
            }
        }
    }
}
