//! What parallel jobs do to one file: what must come together, and what must not.

#![allow(clippy::unwrap_used)]
#![cfg(feature = "syntax")]

#[path = "scenarios/additive.rs"]
mod additive;
#[path = "scenarios/contested.rs"]
mod contested;

use std::collections::BTreeMap;

use vdo_core::merge::text::{Texts, lines_only, merge};
use vdo_workspace::syntax::TreeSitterSyntax;

/// The merged text, or the reasons why there is none.
fn merged(path: &str, base: &str, ours: &str, theirs: &str) -> Result<String, Vec<String>> {
    let path = path.parse().unwrap();
    let texts = Texts { path: &path, base: base.as_bytes(), ours: ours.as_bytes(), theirs: theirs.as_bytes() };
    let merge = merge(texts, &TreeSitterSyntax);
    let reasons: Vec<String> = merge.conflicts().map(|conflict| conflict.reason.clone()).collect();
    merge.into_clean().map(|text| String::from_utf8(text).unwrap()).ok_or(reasons)
}

fn bag(text: &str) -> BTreeMap<&str, usize> {
    let mut bag = BTreeMap::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        *bag.entry(line).or_default() += 1;
    }
    bag
}

fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "{}\n{} scenarios", faults.join("\n"), faults.len());
}

#[test]
fn additions_of_both_sides_at_one_place_all_land() {
    let mut faults = Vec::new();
    for (name, path, base, ours, theirs) in additive::ADDITIVE {
        let side = |insert: &str| base.replace("@@", insert);
        for (first, second) in [(ours, theirs), (theirs, ours)] {
            match merged(path, &side(""), &side(first), &side(second)) {
                Ok(text) if bag(&text) == bag(&side(&format!("{first}{second}"))) => {}
                other => faults.push(format!("{name}: {other:?}")),
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn additions_on_one_line_land_in_order() {
    let mut faults = Vec::new();
    for (name, path, base, ours, theirs, expected) in additive::INLINE {
        let result = merged(path, base, ours, theirs);
        if result.as_deref() != Ok(expected) {
            faults.push(format!("{name}: {result:?}"));
        }
    }
    assert_none(&faults);
}

#[test]
fn a_choice_is_never_made_at_one_place() {
    let mut faults = Vec::new();
    for (name, path, base, ours, theirs) in contested::AT_ONE_PLACE {
        for (first, second) in [(ours, theirs), (theirs, ours)] {
            if let Ok(text) = merged(path, base, first, second) {
                faults.push(format!("{name}: {text:?}"));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn a_text_that_merges_by_lines_but_has_something_twice_is_a_conflict_with_its_reason() {
    let mut faults = Vec::new();
    for (name, path, base, ours, theirs) in contested::APART {
        assert!(lines_only(base.as_bytes(), ours.as_bytes(), theirs.as_bytes()).into_clean().is_some(), "{name}");
        for (first, second) in [(ours, theirs), (theirs, ours)] {
            match merged(path, base, first, second) {
                Err(reasons) if reasons.iter().all(|reason| reason.starts_with("both sides added the ")) => {}
                other => faults.push(format!("{name}: {other:?}")),
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn what_both_sides_added_alike_at_two_places_is_kept_once() {
    let mut faults = Vec::new();
    for (name, path, base, ours, theirs, expected) in contested::FOLDED {
        let result = merged(path, base, ours, theirs);
        if result.as_deref() != Ok(expected) {
            faults.push(format!("{name}: {result:?}"));
        }
    }
    assert_none(&faults);
}
