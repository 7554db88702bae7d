//! What a change did to the checks: the report on the tree before it and the one on the tree after it, test by test.
//!
//! Pure. Tests are told apart by command and name. A command whose failure no test explains, and one that tells of no
//! tests, stands for itself. Counts are exact; of the names a bounded number is kept.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::check::{CheckReport, CommandOutcome, TestStatus, Verdict};

/// The most tests that one list names.
const MAX_LISTED: usize = 100;
/// The most bytes of a name.
const MAX_NAME: usize = 300;

/// A test of a command, or the command itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct TestRef {
    /// The command line.
    pub command: String,
    /// The runner's name of the test; none for the command itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<String>,
}

impl std::fmt::Display for TestRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.test {
            Some(test) => f.write_str(test),
            None => write!(f, "the command `{}`", self.command),
        }
    }
}

/// Some tests: how many, and the names of the first of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Listed {
    /// How many there are.
    pub count: u64,
    /// The first of them, by command and name.
    pub tests: Vec<TestRef>,
}

impl Listed {
    fn add(&mut self, key: Key<'_>) {
        self.count += 1;
        if self.tests.len() < MAX_LISTED {
            let cut = |text: &str| text.chars().take(MAX_NAME).collect::<String>();
            self.tests.push(TestRef { command: cut(key.0), test: key.1.map(cut) });
        }
    }

    /// Returns whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Names at most `most` of them on one line, and says how many more there are.
    #[must_use]
    pub fn named(&self, most: usize) -> String {
        let names: Vec<String> = self.tests.iter().take(most).map(ToString::to_string).collect();
        let left = self.count.saturating_sub(u64::try_from(names.len()).unwrap_or(u64::MAX));
        let more = if left > 0 { format!(" and {left} more") } else { String::new() };
        format!("{}{more}", names.join(", "))
    }
}

/// What became of every test.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Comparison {
    /// Passed before, fail now.
    pub broke: Listed,
    /// Failed before, pass now.
    pub mended: Listed,
    /// Failed before and still fail.
    pub red_before: Listed,
    /// Were not there before, and pass.
    pub new_passed: Listed,
    /// Were not there before, and fail.
    pub new_failed: Listed,
    /// Passed before and are not run any more, by a command that ran to its end.
    pub vanished: Listed,
    /// Failed, and passed when they were run again.
    pub flaky: Listed,
}

impl Comparison {
    /// Returns whether tests fail now, and all of them failed before already. A command that only says that it failed may fail in
    /// another way now.
    #[must_use]
    pub fn is_only_red_before(&self) -> bool {
        let names_tests = self.red_before.tests.iter().all(|red| red.test.is_some());
        !self.red_before.is_empty() && names_tests && self.broke.is_empty() && self.new_failed.is_empty()
    }

    /// Says it in a few words for one line; empty if nothing is worth a word.
    #[must_use]
    pub fn summary(&self) -> String {
        let parts = [
            (&self.broke, "broke"),
            (&self.new_failed, "new and failing"),
            (&self.red_before, "red before"),
            (&self.vanished, "vanished"),
            (&self.mended, "mended"),
            (&self.new_passed, "new"),
            (&self.flaky, "flaky"),
        ];
        let said =
            parts.iter().filter(|(list, _)| !list.is_empty()).map(|(list, what)| format!("{} {what}", list.count));
        said.collect::<Vec<_>>().join(", ")
    }
}

type Key<'r> = (&'r str, Option<&'r str>);

/// How a test or command stands. Of several results under one name the worst counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Skipped,
    Passed,
    Flaky,
    Failed,
}

fn state_of(status: TestStatus) -> State {
    match status {
        TestStatus::Passed => State::Passed,
        TestStatus::Failed => State::Failed,
        TestStatus::Flaky => State::Flaky,
        TestStatus::Skipped => State::Skipped,
    }
}

fn states(report: &CheckReport) -> BTreeMap<Key<'_>, State> {
    let mut states: BTreeMap<Key<'_>, State> = BTreeMap::new();
    for outcome in report.setup_failed.iter().chain(&report.outcomes) {
        let command = outcome.command.run.as_str();
        for test in &outcome.tests {
            let known = states.entry((command, Some(&test.name))).or_insert(State::Skipped);
            *known = (*known).max(state_of(test.status));
        }
        if outcome.is_unexplained() {
            states.insert((command, None), State::Failed);
        } else if outcome.tests.is_empty() {
            let state = if outcome.verdict() == Verdict::Passed { State::Passed } else { State::Skipped };
            states.insert((command, None), state);
        }
    }
    states
}

/// Returns whether the tests that a command does not tell of are really gone: it ran, to its end, and tells of tests at all.
fn is_whole(report: &CheckReport, command: &str) -> bool {
    let ran = |outcome: &CommandOutcome| {
        outcome.command.run == command && !outcome.is_unexplained() && !outcome.tests.is_empty()
    };
    report.setup_failed.is_none() && report.outcomes.iter().any(ran)
}

/// Compares the report on a tree with the one on the tree it was made from.
#[must_use]
pub fn compare(before: &CheckReport, now: &CheckReport) -> Comparison {
    let (old, new) = (states(before), states(now));
    let passed_whole = |command: &str| {
        before.outcomes.iter().any(|outcome| outcome.command.run == command && !outcome.is_unexplained())
    };
    let mut comparison = Comparison::default();
    // Commands come first, so that they are among those that are named.
    let (commands, tests): (Vec<_>, Vec<_>) = new.iter().partition(|(key, _)| key.1.is_none());
    for (key, state) in commands.into_iter().chain(tests) {
        // One that needs a second try works; that it needs it is told.
        let steady = |state: State| if state == State::Flaky { State::Passed } else { state };
        if *state == State::Flaky {
            comparison.flaky.add(*key);
        }
        match (old.get(key).copied().map(steady), steady(*state)) {
            (Some(State::Passed), State::Failed) => comparison.broke.add(*key),
            (Some(State::Failed), State::Failed) => comparison.red_before.add(*key),
            // The command fails in a way it did not fail before.
            (None | Some(State::Skipped), State::Failed) if key.1.is_none() && passed_whole(key.0) => {
                comparison.broke.add(*key);
            }
            (None | Some(State::Skipped), State::Failed) => comparison.new_failed.add(*key),
            (Some(State::Failed), State::Passed) => comparison.mended.add(*key),
            (None | Some(State::Skipped), State::Passed) => comparison.new_passed.add(*key),
            (Some(State::Passed), State::Skipped) if key.1.is_some() => comparison.vanished.add(*key),
            (Some(State::Passed), State::Passed) | (_, State::Skipped | State::Flaky) | (Some(State::Flaky), _) => {}
        }
    }
    for (key, state) in &old {
        if matches!(state, State::Passed | State::Flaky)
            && key.1.is_some()
            && !new.contains_key(key)
            && is_whole(now, key.0)
        {
            comparison.vanished.add(*key);
        }
    }
    comparison
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{CheckCommand, CommandSource, Exit, Runner, TestResult, Tier};
    use crate::content::BlobHash;

    fn outcome(run: &str, code: i32, tests: &[(&str, TestStatus)]) -> CommandOutcome {
        let runner = if run == "make" { Runner::Other } else { Runner::Pytest };
        CommandOutcome {
            command: CheckCommand { run: run.to_owned(), source: CommandSource::User, runner },
            exit: Exit::Code(code),
            rerun: None,
            output: String::new(),
            tests: tests
                .iter()
                .map(|(name, status)| TestResult { name: (*name).to_owned(), status: *status })
                .collect(),
            duration_ms: 1,
        }
    }

    fn report(outcomes: Vec<CommandOutcome>) -> CheckReport {
        CheckReport { tier: Tier::T2, tree_hash: BlobHash::of(b""), outcomes, setup_failed: None }
    }

    fn names(list: &Listed) -> Vec<String> {
        assert_eq!(list.count, list.tests.len() as u64);
        list.tests.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_test_is_in_the_list_it_belongs_to() {
        use TestStatus::{Failed, Flaky, Passed, Skipped};
        let before = [
            ("a", Passed),
            ("b", Passed),
            ("c", Failed),
            ("d", Failed),
            ("gone", Passed),
            ("off", Passed),
            ("shy", Passed),
            ("dark", Failed),
        ];
        let now = [
            ("a", Passed),
            ("b", Failed),
            ("c", Failed),
            ("d", Passed),
            ("e", Passed),
            ("f", Failed),
            ("off", Skipped),
            ("shy", Flaky),
        ];
        let got = compare(&report(vec![outcome("pytest", 1, &before)]), &report(vec![outcome("pytest", 1, &now)]));
        assert_eq!(names(&got.broke), ["b"]);
        assert_eq!(names(&got.red_before), ["c"]);
        assert_eq!(names(&got.mended), ["d"]);
        assert_eq!(names(&got.new_passed), ["e"]);
        assert_eq!(names(&got.new_failed), ["f"]);
        assert_eq!(names(&got.vanished), ["off", "gone"]);
        assert_eq!(names(&got.flaky), ["shy"]);
        assert_eq!(got.summary(), "1 broke, 1 new and failing, 1 red before, 2 vanished, 1 mended, 1 new, 1 flaky");
        assert!(!got.is_only_red_before());
    }

    #[test]
    fn a_command_that_fails_without_a_failing_test_stands_for_itself_and_hides_no_test() {
        let good = report(vec![outcome("pytest", 0, &[("a", TestStatus::Passed)]), outcome("make", 0, &[])]);
        let broken = report(vec![outcome("pytest", 2, &[]), outcome("make", 2, &[])]);
        let got = compare(&good, &broken);
        assert_eq!(names(&got.broke), ["the command `make`", "the command `pytest`"]);
        assert!(got.vanished.is_empty(), "what did not run is not gone");
        let got = compare(&broken, &broken);
        assert_eq!((names(&got.red_before).len(), got.is_only_red_before()), (2, false), "it may fail in another way");
        assert_eq!(names(&compare(&broken, &good).mended), ["the command `make`"]);
    }

    #[test]
    fn long_lists_are_counted_and_cut() {
        let tests: Vec<String> = (0..500).map(|number| format!("t{number:03}")).collect();
        let passed: Vec<(&str, TestStatus)> = tests.iter().map(|name| (name.as_str(), TestStatus::Passed)).collect();
        let got = compare(&report(vec![]), &report(vec![outcome("pytest", 0, &passed)]));
        assert_eq!((got.new_passed.count, got.new_passed.tests.len()), (500, MAX_LISTED));
        assert_eq!(got.new_passed.named(2), "t000, t001 and 498 more");
    }
}
