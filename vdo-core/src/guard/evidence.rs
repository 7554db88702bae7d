//! Tests that are gone, passed over, or show less than they did.

use std::collections::{BTreeMap, BTreeSet};

use super::cases::{self, Case, Tongue, cases};
use super::weakened::{is_assertion, is_hidden_assertion, is_skip, is_skipped, is_vacuous, swallows};
use super::{Report, Touched, View, short};
use crate::findings::{Finding, Severity};

/// A file with tests in it, on either side.
struct Tested<'a> {
    file: &'a Touched<'a>,
    tongue: Tongue,
    before: Vec<Case<'a>>,
    after: Vec<Case<'a>>,
}

/// What the tests of a change are as a whole.
struct Whole {
    /// Names of tests that are there now, with what surrounds them and without.
    names: BTreeSet<String>,
    tests_before: usize,
    tests_after: usize,
    asserts_before: usize,
    asserts_after: usize,
    /// Whether code changed beside the tests.
    has_code: bool,
}

pub(super) fn look(view: &View<'_>, findings: &mut Vec<Finding>) {
    let tested: Vec<Tested<'_>> = view
        .files
        .iter()
        .filter_map(|file| {
            let tongue = cases::tongue(file.path)?;
            let before = file.before.map(|text| cases(file.path, text)).unwrap_or_default();
            let after = file.after.map(|text| cases(file.path, text)).unwrap_or_default();
            (!before.is_empty() || !after.is_empty() || cases::is_test_path(file.path)).then_some(Tested {
                file,
                tongue,
                before,
                after,
            })
        })
        .collect();
    let whole = Whole::of(view, &tested);
    let from = findings.len();
    for one in &tested {
        deleted(view, one, &whole, findings);
        let mut pairs = paired(one);
        for (was, is) in &mut pairs {
            compared(view, one, was, is, &whole, findings);
        }
        let old: BTreeSet<u32> = pairs.iter().map(|(_, is)| is.line).collect();
        for case in one.after.iter().filter(|case| !old.contains(&case.line)) {
            empty(one, case, findings);
        }
        around(view, one, findings);
    }
    folded(findings, from);
}

impl Whole {
    fn of(view: &View<'_>, tested: &[Tested<'_>]) -> Self {
        let asserts =
            |cases: &[Case<'_>], tongue| cases.iter().map(|case| assertions(tongue, case).len()).sum::<usize>();
        let mut whole = Self {
            names: BTreeSet::new(),
            tests_before: 0,
            tests_after: 0,
            asserts_before: 0,
            asserts_after: 0,
            has_code: view.files.iter().any(|file| {
                cases::tongue(file.path).is_some() && !cases::is_test_path(file.path)
                    || !tested.iter().any(|one| one.file.path == file.path) && !is_prose(file)
            }),
        };
        for one in tested {
            whole.names.extend(one.after.iter().flat_map(|case| [case.name.clone(), case.bare().to_owned()]));
            whole.tests_before += one.before.len();
            whole.tests_after += one.after.len();
            whole.asserts_before += asserts(&one.before, one.tongue);
            whole.asserts_after += asserts(&one.after, one.tongue);
        }
        whole
    }
}

fn is_prose(file: &Touched<'_>) -> bool {
    matches!(file.path.extension(), Some("md" | "rst" | "txt" | "adoc"))
}

/// Returns the assertions of a test that can fail.
fn assertions<'c>(tongue: Tongue, case: &'c Case<'_>) -> Vec<&'c str> {
    case.lines().filter(|line| is_assertion(tongue, line) && !is_vacuous(tongue, line)).collect()
}

/// Returns the tests that are there on both sides; several of one name in their order.
fn paired<'t, 'a>(one: &'t Tested<'a>) -> Vec<(&'t Case<'a>, &'t Case<'a>)> {
    let mut now: BTreeMap<&str, Vec<&Case<'_>>> = BTreeMap::new();
    for case in one.after.iter().rev() {
        now.entry(case.name.as_str()).or_default().push(case);
    }
    one.before.iter().filter_map(|was| Some((was, now.get_mut(was.name.as_str())?.pop()?))).collect()
}

/// Returns whether two tests have half of their lines in common.
fn alike(one: &Case<'_>, other: &Case<'_>) -> bool {
    let lines: BTreeSet<&str> = one.lines().collect();
    let others: BTreeSet<&str> = other.lines().collect();
    let most = lines.len().max(others.len());
    most > 0 && lines.intersection(&others).count() * 2 >= most
}

fn asked_to_go(view: &View<'_>, one: &Tested<'_>, name: &str) -> bool {
    view.job.names(one.file.path.as_str())
        || view.job.names(one.file.path.file_name())
        || view.job.names(name)
        || view.job.removes() && (view.job.concerns(name) || view.job.mentions(&["test", "spec"]))
}

/// Tests that were there and are nowhere now.
fn deleted(view: &View<'_>, one: &Tested<'_>, whole: &Whole, findings: &mut Vec<Finding>) {
    let new: Vec<&Case<'_>> =
        one.after.iter().filter(|case| !one.before.iter().any(|was| was.name == case.name)).collect();
    let gone: Vec<&Case<'_>> = one
        .before
        .iter()
        .filter(|case| !whole.names.contains(&case.name) && !whole.names.contains(case.bare()))
        .filter(|case| !new.iter().any(|other| alike(case, other)) && !asked_to_go(view, one, case.bare()))
        .collect();
    if gone.is_empty() {
        return;
    }
    // As many tests and assertions as before: they were written anew.
    let fewer = whole.tests_after < whole.tests_before && whole.asserts_after < whole.asserts_before;
    let severity = if fewer { Severity::Blocker } else { Severity::Minor };
    let line = if one.file.is { None } else { Some(1) };
    let report = Report { by: "test-deleted", severity, file: one.file.path, line };
    let names: Vec<&str> = gone.iter().take(5).map(|case| case.name.as_str()).collect();
    let more = if gone.len() > 5 { format!(" and {} more", gone.len() - 5) } else { String::new() };
    let what = if one.file.is { "is gone" } else { "is gone with its file" };
    findings.push(report.says(
        format!("{}{more}: a test that was there {what}, and the job does not ask for that", names.join(", ")),
        "bring it back, and mend the code if it fails",
    ));
}

/// One test, as it was and as it is.
fn compared(
    view: &View<'_>,
    one: &Tested<'_>,
    was: &Case<'_>,
    is: &Case<'_>,
    whole: &Whole,
    findings: &mut Vec<Finding>,
) {
    let tongue = one.tongue;
    let report = |by, severity| Report { by, severity, file: one.file.path, line: Some(is.line) };
    if is_skipped(tongue, is)
        && !is_skipped(tongue, was)
        && !view.job.mentions(&["skip", "xfail", "ignor", "disabl", "flaky", "todo"])
    {
        findings.push(
            report("test-skipped", Severity::Blocker)
                .says(format!("{} is passed over now", is.name), "let it run, and mend the code if it fails"),
        );
        return;
    }
    let count = |case: &Case<'_>, is: fn(Tongue, &str) -> bool| case.lines().filter(|line| is(tongue, line)).count();
    let (before, after) = (assertions(tongue, was), assertions(tongue, is));
    let weakened = if count(is, is_vacuous) > count(was, is_vacuous) {
        Some("has an assertion that always holds")
    } else if swallows(tongue, is) > swallows(tongue, was) {
        Some("catches its own failure")
    } else if count(is, is_hidden_assertion) > count(was, is_hidden_assertion) && after.len() < before.len() {
        Some("has an assertion in a comment")
    } else if !before.is_empty() && after.is_empty() && whole.asserts_after < whole.asserts_before {
        Some("asserts nothing any more")
    } else {
        None
    };
    if let Some(how) = weakened {
        findings.push(
            report("test-weakened", Severity::Blocker)
                .says(format!("{} {how}", is.name), "put the assertion back as it was, and mend the code if it fails"),
        );
        return;
    }
    let asked = view.job.mentions(&["test", "spec", "assert", "expectation"]) || view.job.names(was.bare());
    let lost: Vec<&&str> = before.iter().filter(|line| !after.contains(line)).collect();
    if asked || lost.is_empty() {
        return;
    }
    let repaired = view.change.repaired.contains(one.file.path);
    let first = short(lost.first().copied().copied().unwrap_or_default());
    if (repaired || !whole.has_code) && expects_otherwise(is, &lost) {
        let why = if repaired { "after it failed" } else { "and no code was" };
        findings.push(report("test-changed", Severity::Major).says(
            format!("what {} expects was changed {why}: {first}", is.name),
            "put the expectation back as it was, and mend the code",
        ));
    } else if after.len() < before.len() && whole.asserts_after < whole.asserts_before {
        findings.push(
            report("test-weakened", Severity::Minor)
                .says(format!("{} asserts less than it did: {first}", is.name), "keep what it asserted"),
        );
    }
}

/// Returns whether something that was expected is expected no more, and not only written in another way: a text or number is
/// gone, or the opposite is asserted.
fn expects_otherwise(is: &Case<'_>, lost: &[&&str]) -> bool {
    let now: Vec<&str> = is.lines().collect();
    let gone = |literal: &str| !now.iter().any(|line| literals(line).contains(&literal));
    let negations = |line: &str| {
        ["!=", "not ", "Not", ".not.", "assert!(!"].iter().map(|word| line.matches(word).count()).sum::<usize>()
    };
    let was_negated: usize = lost.iter().map(|line| negations(line)).sum();
    let is_negated: usize = now.iter().filter(|line| !lost.contains(line)).map(|line| negations(line)).sum();
    lost.iter().any(|line| literals(line).into_iter().any(gone)) || is_negated > was_negated
}

/// Returns the quoted texts, numbers and truth values of a line.
fn literals(line: &str) -> Vec<&str> {
    let mut found: Vec<&str> = line.split(['"', '\'', '`']).skip(1).step_by(2).collect();
    let words = line.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '-')));
    found.extend(words.filter(|word| {
        let digits = word.trim_start_matches('-');
        digits.starts_with(|c: char| c.is_ascii_digit())
            || matches!(*word, "True" | "False" | "None" | "true" | "false" | "null" | "nil")
    }));
    found
}

/// Folds findings of one rule in one file into one, where there are many.
fn folded(findings: &mut Vec<Finding>, from: usize) {
    let mut kept: Vec<Finding> = Vec::new();
    for finding in findings.drain(from..) {
        let same = |other: &&mut Finding| other.by == finding.by && other.file == finding.file;
        match kept.iter_mut().filter(same).nth(2) {
            Some(last) if last.claim.ends_with("; and more like it") => {}
            Some(last) => last.claim.push_str("; and more like it"),
            None => kept.push(finding),
        }
    }
    // Whoever rewrites a whole suite does not do it to pass one test.
    for finding in &mut kept {
        if finding.by.as_deref() == Some("test-changed") && finding.claim.ends_with("; and more like it") {
            finding.severity = Severity::Minor;
        }
    }
    findings.append(&mut kept);
}

/// A new test that cannot fail.
fn empty(one: &Tested<'_>, case: &Case<'_>, findings: &mut Vec<Finding>) {
    let tongue = one.tongue;
    let vacuous = case.lines().any(|line| is_vacuous(tongue, line));
    let caught = swallows(tongue, case) > 0 && !one.before.iter().any(|was| alike(was, case));
    let hollow = vacuous && assertions(tongue, case).is_empty();
    if hollow || (caught && tongue == Tongue::Python) {
        let report = Report { by: "test-empty", severity: Severity::Major, file: one.file.path, line: Some(case.line) };
        findings.push(report.says(format!("{} cannot fail", case.name), "have it assert what the code is to do"));
    }
}

/// Marks outside of single tests: whole files and classes that are passed over, and tests that run alone.
fn around(view: &View<'_>, one: &Tested<'_>, findings: &mut Vec<Finding>) {
    let Some(after) = one.file.after else { return };
    let report = |by| Report { by, severity: Severity::Blocker, file: one.file.path, line: None };
    let only = |text: &str| {
        ["it.only(", "test.only(", "describe.only(", "fit(", "fdescribe("]
            .iter()
            .map(|word| text.matches(word).count())
            .sum::<usize>()
    };
    if one.tongue == Tongue::Script && only(after) > only(one.file.before.unwrap_or_default()) {
        findings.push(
            report("test-focused").says("one test keeps all others from running".to_owned(), "take the `only` out"),
        );
    }
    let Some(before) = one.file.before else { return };
    if one.before.is_empty() || view.job.mentions(&["skip", "xfail", "ignor", "disabl"]) {
        return;
    }
    let outside = |text: &str, cases: &[Case<'_>]| {
        let all = text.lines().filter(|line| is_skip(one.tongue, line)).count();
        let inside: usize = cases
            .iter()
            .map(|case| case.head.iter().chain(&case.body).filter(|line| is_skip(one.tongue, line)).count())
            .sum();
        all.saturating_sub(inside)
    };
    if outside(after, &one.after) > outside(before, &one.before) {
        findings.push(report("test-skipped").says(
            "tests of this file are passed over as a whole now".to_owned(),
            "let them run, and mend the code if they fail",
        ));
    }
}
