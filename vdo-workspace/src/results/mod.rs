//! Per-test results, read from what a test runner printed or reported. Pure.
//!
//! The text is not trusted: work is bounded by its size, no entity is expanded, and what does not look like a
//! result is passed over. Invariant: a result is only ever told of a test the runner named.

mod cargo;
mod go;
mod jest;
mod junit;
mod marks;
mod node;
mod pytest;
mod unittest;

use std::collections::{BTreeMap, BTreeSet};

use vdo_core::check::{Runner, TestResult, TestStatus};

/// How many results are told of one run.
pub const MAX_TESTS: usize = 20_000;
/// How many files that could not be run are told of.
const MAX_BROKEN: usize = 1000;
/// The longest name, in characters.
pub const MAX_NAME: usize = 300;
/// How many bytes of an output or report are read.
pub const MAX_BYTES: usize = 32 << 20;

/// The name of the one skipped result that stands for "the runner said that it ran no test".
///
/// With it, a command of that runner does not pass for having exited with 0; see
/// [`vdo_core::check::CommandOutcome::passed`].
pub const NO_TESTS: &str = "(no tests were run)";

/// Returns the results of the tests that ran; empty if the output does not tell.
///
/// `report` is the report that the runner wrote, where one was asked for: JUnit, or the JSON of jest and vitest. It is
/// preferred to the output. A run that says that it ran nothing gives one skipped result named [`NO_TESTS`].
#[must_use]
pub fn parse(runner: Runner, output: &str, report: Option<&[u8]>) -> Vec<TestResult> {
    let report = report.filter(|bytes| bytes.len() <= MAX_BYTES);
    let is_json = |bytes: &[u8]| bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    if let Some(tests) = report.and_then(|bytes| if is_json(bytes) { jest::parse(bytes) } else { junit::parse(bytes) })
        && !tests.0.is_empty()
    {
        return tests.0;
    }
    let output = plain(output);
    let mut tests = Tests::default();
    match runner {
        Runner::Pytest => pytest::parse(&output, &mut tests),
        Runner::Unittest => unittest::parse(&output, &mut tests),
        Runner::Cargo | Runner::Nextest => cargo::parse(&output, &mut tests),
        Runner::Node | Runner::Jest | Runner::Vitest | Runner::Mocha => node::parse(&output, &mut tests),
        Runner::Go => go::parse(&output, &mut tests),
        Runner::Other => {}
    }
    tests.0
}

/// The name of the failed result that stands for "the runner ended with success before it was at its end".
pub const CUT_SHORT: &str = "(the run was cut short)";

/// Returns whether a runner came to its end: pytest and unittest say so in their last lines, or left a report.
///
/// Code under test can end the whole process with success. Of the other runners, which start their tests as
/// processes of their own or tell of them by what was printed, nothing is known.
#[must_use]
pub fn ended(runner: Runner, output: &str, has_report: bool) -> bool {
    let output = plain(output);
    match runner {
        Runner::Unittest => output.lines().any(|line| line.starts_with("Ran ") && line.contains(" test")),
        Runner::Pytest => {
            let says = |line: &str| {
                let line = line.trim_matches(['=', ' ']);
                line.contains(" in ") && line.ends_with(['s', ')']) && line.contains(|c: char| c.is_ascii_digit())
            };
            has_report || output.lines().any(says)
        }
        _ => true,
    }
}

/// Lays the results of a second run of the same command over the first one's. `passed` says how the second one ended.
///
/// A test that ended both ways is flaky. One that failed and is not named again counts as passed only if the second run
/// passed and names no test at all, as runners do that name failures alone.
#[must_use]
pub fn reconcile(first: &[TestResult], second: &[TestResult], passed: bool) -> Vec<TestResult> {
    let again: BTreeMap<&str, TestStatus> = second.iter().map(|test| (test.name.as_str(), test.status)).collect();
    let is_silent = passed && second.is_empty();
    let mut tests: Vec<TestResult> = first.to_vec();
    for test in &mut tests {
        test.status = match (test.status, again.get(test.name.as_str())) {
            (TestStatus::Failed, Some(TestStatus::Passed | TestStatus::Flaky)) => TestStatus::Flaky,
            (TestStatus::Passed, Some(TestStatus::Failed)) => TestStatus::Flaky,
            (TestStatus::Failed, None) if is_silent => TestStatus::Flaky,
            (status, _) => status,
        };
    }
    let known: BTreeSet<&str> = first.iter().map(|test| test.name.as_str()).collect();
    let new = second.iter().filter(|test| test.status == TestStatus::Failed && !known.contains(test.name.as_str()));
    let new: Vec<TestResult> = new.cloned().collect();
    tests.extend(new);
    tests.truncate(MAX_TESTS);
    tests
}

/// Results under way, bounded.
#[derive(Debug, Default)]
struct Tests(Vec<TestResult>);

impl Tests {
    fn add(&mut self, name: &str, status: TestStatus) {
        if self.0.len() < MAX_TESTS && !name.is_empty() {
            self.0.push(TestResult { name: name.chars().take(MAX_NAME).collect(), status });
        }
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|test| test.name == name)
    }
}

/// Returns the start of `output` that is read, without terminal escapes and carriage returns.
fn plain(output: &str) -> String {
    let mut end = output.len().min(MAX_BYTES);
    while !output.is_char_boundary(end) {
        end -= 1;
    }
    let mut plain = String::with_capacity(end);
    let mut chars = output.get(..end).unwrap_or_default().chars();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => {
                if chars.next() == Some('[') {
                    // A control sequence ends with a character from @ to ~.
                    let _ = chars.find(|c| ('@'..='~').contains(c));
                }
            }
            '\r' => {}
            c => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests;
