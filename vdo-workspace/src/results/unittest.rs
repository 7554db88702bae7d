//! The output of Python's unittest with `-v`, which tests may write into.

use vdo_core::check::TestStatus;

use super::{NO_TESTS, Tests};

/// Reads `test (module.Class.test) ... ok`, also with a docstring or the test's own output in between.
pub(super) fn parse(output: &str, tests: &mut Tests) {
    // A test that was named and whose verdict has not come yet.
    let mut pending: Option<String> = None;
    let mut ended = false;
    for line in output.lines() {
        if line.starts_with("======") {
            ended = true;
        }
        if ended {
            failure_heading(line, tests);
            continue;
        }
        let (head, verdict) = match line.rsplit_once(" ... ") {
            Some((head, verdict)) => (Some(head), verdict),
            None => (line.strip_suffix(" ..."), line),
        };
        if let Some(name) = test_name(head.unwrap_or(line)) {
            if let Some(unended) = pending.take()
                && unended != name
            {
                tests.add(&unended, TestStatus::Passed);
            }
            pending = Some(name);
        }
        if let (Some(status), Some(name)) = (status_of(verdict), &pending) {
            record(tests, name, status);
            pending = None;
        }
    }
    if tests.0.is_empty() && ran_none(output) {
        tests.add(NO_TESTS, TestStatus::Skipped);
    }
}

/// Tells whether the runner says that no test ran, or that it skipped all of them.
fn ran_none(output: &str) -> bool {
    let count =
        output.lines().rev().find_map(|line| line.strip_prefix("Ran ")?.split(' ').next()?.parse::<usize>().ok());
    let skipped = output.lines().rev().find_map(|line| {
        let (_, rest) = line.strip_prefix("OK (")?.split_once("skipped=")?;
        rest.split([',', ')']).next()?.parse::<usize>().ok()
    });
    count.is_some_and(|count| count == 0 || skipped == Some(count))
}

fn record(tests: &mut Tests, name: &str, status: TestStatus) {
    match tests.0.iter_mut().find(|test| test.name == name) {
        Some(test) if status == TestStatus::Failed => test.status = status,
        Some(_) => {}
        None => tests.add(name, status),
    }
}

/// Reads `FAIL: test (module.Class.test)`: failures that had no verdict of their own, such as `setUpClass`.
fn failure_heading(line: &str, tests: &mut Tests) {
    let heading = line.strip_prefix("FAIL: ").or_else(|| line.strip_prefix("ERROR: "));
    if let Some(name) = heading.and_then(test_name) {
        record(tests, &name, TestStatus::Failed);
    }
}

/// Returns `module.Class.test` from `test (module.Class.test)` or, before Python 3.11, `test (module.Class)`.
fn test_name(text: &str) -> Option<String> {
    let (test, rest) = text.trim_start().split_once(" (")?;
    let (place, _) = rest.split_once(')')?;
    let is_name = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '<' | '>' | '-'))
    };
    if !is_name(test) || !is_name(place) || test.contains('.') && !place.contains("_FailedTest") {
        return None;
    }
    let place =
        place.trim_start_matches("unittest.loader._FailedTest.").trim_start_matches("unittest.loader._FailedTest");
    if place.is_empty() || place == test || place.ends_with(&format!(".{test}")) {
        return Some(if place.is_empty() { test } else { place }.to_owned());
    }
    Some(format!("{place}.{test}"))
}

fn status_of(verdict: &str) -> Option<TestStatus> {
    match verdict.trim_end() {
        "ok" | "expected failure" => Some(TestStatus::Passed),
        "FAIL" | "ERROR" | "unexpected success" => Some(TestStatus::Failed),
        other if other == "skipped" || other.starts_with("skipped '") || other.starts_with("skipped \"") => {
            Some(TestStatus::Skipped)
        }
        _ => None,
    }
}
