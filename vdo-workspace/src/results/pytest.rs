//! pytest's own output, for runs that left no report.

use vdo_core::check::TestStatus;

use super::{NO_TESTS, Tests};

const WORDS: [(&str, TestStatus); 6] = [
    ("PASSED", TestStatus::Passed),
    ("FAILED", TestStatus::Failed),
    ("ERROR", TestStatus::Failed),
    ("SKIPPED", TestStatus::Skipped),
    ("XFAIL", TestStatus::Skipped),
    ("XPASS", TestStatus::Passed),
];

/// Reads `path::test STATUS` lines (with `-v`) and the short summary's `STATUS path::test - why`.
pub(super) fn parse(output: &str, tests: &mut Tests) {
    for line in output.lines() {
        let Some((name, status)) = verbose(line).or_else(|| summary(line)) else { continue };
        match tests.0.iter_mut().find(|test| test.name == name) {
            Some(test) if status == TestStatus::Failed => test.status = status,
            Some(_) => {}
            None => tests.add(name, status),
        }
    }
    if tests.0.is_empty() && output.lines().rev().take(5).any(says_none) {
        tests.add(NO_TESTS, TestStatus::Skipped);
    }
}

/// Reads the last line: `no tests ran in 0.01s`, `3 skipped, 1 deselected in 0.02s`.
fn says_none(line: &str) -> bool {
    let line = line.trim_matches(['=', ' ']);
    let Some((counts, _)) = line.rsplit_once(" in ") else { return line.starts_with("no tests ran") };
    let idle = ["skipped", "deselected", "warning", "warnings"];
    counts == "no tests ran"
        || counts.split(", ").all(|part| match part.split_once(' ') {
            Some((count, what)) => count.parse::<u64>().is_ok() && idle.contains(&what),
            None => false,
        })
}

fn verbose(line: &str) -> Option<(&str, TestStatus)> {
    let (name, rest) = line.split_once("::")?;
    let (test, status) = WORDS.iter().find_map(|(word, status)| {
        let at = rest.find(&format!(" {word}"))?;
        let after = rest.get(at + 1 + word.len()..)?;
        (after.is_empty() || after.starts_with([' ', '\t'])).then_some((at, *status))
    })?;
    let plausible = !name.is_empty() && !name.contains(' ');
    plausible.then_some((line.get(..name.len() + 2 + test)?.trim_end(), status))
}

fn summary(line: &str) -> Option<(&str, TestStatus)> {
    let (word, rest) = line.split_once(' ')?;
    let status = match word {
        "FAILED" | "ERROR" => TestStatus::Failed,
        _ => return None,
    };
    let name = rest.split_once(" - ").map_or(rest, |(name, _)| name).trim();
    (name.contains(".py")).then_some((name, status))
}
