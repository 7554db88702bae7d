//! The output of `cargo test` and of `cargo nextest run`.

use vdo_core::check::TestStatus;

use super::{NO_TESTS, Tests};

/// Reads `test name ... ok` and nextest's `PASS [   0.005s] (1/4) binary name`.
pub(super) fn parse(output: &str, tests: &mut Tests) {
    if output.lines().any(|line| line.trim_start().starts_with("Nextest run ID ")) {
        parse_nextest(output, tests);
        return;
    }
    let mut counts = Counts::default();
    for line in output.lines() {
        counts.read(line);
        if let Some((name, status)) = libtest(line) {
            tests.add(name, status);
        }
    }
    if tests.0.is_empty() && counts.ran_none() {
        tests.add(NO_TESTS, TestStatus::Skipped);
    }
}

/// What cargo and its test programs say of themselves.
#[derive(Default)]
struct Counts {
    programs: usize,
    empty: usize,
    some: bool,
}

impl Counts {
    fn read(&mut self, line: &str) {
        let text = line.trim_start();
        if text.starts_with("Running ") || text.starts_with("Doc-tests ") {
            self.programs += 1;
        } else if matches!(text, "running 0 tests") {
            self.empty += 1;
        } else if text.strip_prefix("running ").is_some_and(|rest| rest.ends_with(" tests") || rest == "1 test") {
            self.some = true;
        }
    }

    /// Every program that ran had no test to run. One that says nothing has its own way of testing.
    fn ran_none(&self) -> bool {
        !self.some && self.empty > 0 && self.empty >= self.programs
    }
}

fn parse_nextest(output: &str, tests: &mut Tests) {
    let mut none = false;
    // Programs are announced anew where cargo is called more than once.
    let mut ended = false;
    for line in output.lines() {
        let text = line.trim_start();
        if text.starts_with("Nextest run ID ") {
            ended = false;
        } else if text.starts_with("Summary [") {
            none |= text.contains("] 0 tests run: ") || text.contains("] 0/");
            ended = true;
        } else if !ended && let Some((name, status)) = nextest(line) {
            match tests.0.iter_mut().find(|test| test.name == name) {
                // A retry decides; nextest itself says what it makes of it.
                Some(test) => test.status = retried(test.status, status),
                None => tests.add(name, status),
            }
        }
    }
    if none && !tests.0.iter().any(|test| test.status != TestStatus::Skipped) {
        tests.0.clear();
        tests.add(NO_TESTS, TestStatus::Skipped);
    }
}

fn retried(before: TestStatus, now: TestStatus) -> TestStatus {
    match (before, now) {
        (TestStatus::Failed | TestStatus::Flaky, TestStatus::Passed) => TestStatus::Flaky,
        (_, now) => now,
    }
}

fn libtest(line: &str) -> Option<(&str, TestStatus)> {
    let (name, verdict) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    let word = verdict.split([',', ' ']).next()?;
    let status = match word {
        "ok" | "bench:" => TestStatus::Passed,
        "FAILED" => TestStatus::Failed,
        "ignored" => TestStatus::Skipped,
        _ => return None,
    };
    let name = name.split(" - should panic").next()?;
    Some((name, status))
}

fn nextest(line: &str) -> Option<(&str, TestStatus)> {
    let (word, rest) = line.strip_prefix("  ")?.trim_start().split_once(" [")?;
    let (retry, word) = match word.strip_prefix("TRY ").and_then(|rest| rest.split_once(' ')) {
        Some((number, word)) => (number.parse::<u32>().is_ok(), word),
        None => (false, word),
    };
    if !retry && !line.starts_with("    ") {
        return None;
    }
    let status = match word {
        "PASS" | "LEAK" => TestStatus::Passed,
        "FLAKY" => TestStatus::Flaky,
        "FAIL" | "TIMEOUT" | "ABORT" | "TMT" | "LKFAIL" | "FLFAIL" => TestStatus::Failed,
        word if word.starts_with("FLAKY ") => TestStatus::Flaky,
        signal if signal.starts_with("SIG") => TestStatus::Failed,
        "SKIP" => TestStatus::Skipped,
        _ => return None,
    };
    let (_, rest) = rest.split_once(']')?;
    let rest = rest.trim_start();
    let name = match rest.strip_prefix('(').and_then(|rest| rest.split_once(") ")) {
        Some((_, name)) => name,
        None => rest,
    };
    Some((name.trim(), status))
}
