//! A command whose tests fail is run once more on the same tree. Needs root and bubblewrap.
#![cfg(feature = "sandbox")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, clippy::indexing_slicing)]

mod common;
#[path = "sandbox_support/mod.rs"]
mod support;

use std::time::{Duration, SystemTime};

use common::source;
use support::{can_run, sandbox};
use vdo_core::check::{CheckCommand, CheckReport, CommandSource, Exit, Runner, TestStatus};
use vdo_core::port::{CheckRequest, Checker};
use vdo_workspace::check::SandboxChecker;
use vdo_workspace::sandbox::Require;

fn command(run: &str, source: CommandSource, runner: Runner) -> CheckCommand {
    CheckCommand { run: run.to_owned(), source, runner }
}

async fn check(files: &[(&str, &str)], commands: &[CheckCommand], timeout: Duration) -> CheckReport {
    let deps = tempfile::tempdir().unwrap();
    let checker = SandboxChecker::new(sandbox(), Require::T2, deps.path());
    let tree = source(files);
    checker.check(CheckRequest::new(&tree, commands).with_timeout(timeout)).await.unwrap().report
}

const UNITTEST: &str = "python3 -m unittest discover -v";

/// A suite with a test that holds only from a certain moment on: it fails at first, when that moment has come.
fn shaky(also: &str) -> String {
    let ready = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64() + 3.0;
    format!(
        "import time, unittest\nclass T(unittest.TestCase):\n    def test_firm(self):\n        pass\n    def test_shaky(self):\n        \
         early = time.time() < {ready}\n        while time.time() < {ready}:\n            time.sleep(0.01)\n        \
         self.assertFalse(early)\n{also}"
    )
}

#[tokio::test]
async fn a_test_that_fails_and_then_passes_is_flaky_and_the_command_passes_marked() {
    if !can_run() {
        return;
    }
    let unittest = [command(UNITTEST, CommandSource::Detected, Runner::Unittest)];
    let report = check(&[("test_t.py", &shaky(""))], &unittest, Duration::from_secs(60)).await;
    let outcome = &report.outcomes[0];
    let tests: Vec<_> = outcome.tests.iter().map(|test| (test.name.as_str(), test.status)).collect();
    assert_eq!(tests, [("test_t.T.test_firm", TestStatus::Passed), ("test_t.T.test_shaky", TestStatus::Flaky)]);
    assert_eq!((outcome.exit, outcome.rerun), (Exit::Code(1), Some(Exit::Code(0))));
    assert!(report.passed() && outcome.is_flaky());

    let broken = "    def test_broken(self):\n        self.fail()\n";
    let report = check(&[("test_t.py", &shaky(broken))], &unittest, Duration::from_secs(60)).await;
    let outcome = &report.outcomes[0];
    let tests: Vec<_> = outcome.tests.iter().map(|test| (test.name.as_str(), test.status)).collect();
    assert_eq!(
        tests,
        [
            ("test_t.T.test_broken", TestStatus::Failed),
            ("test_t.T.test_firm", TestStatus::Passed),
            ("test_t.T.test_shaky", TestStatus::Flaky),
        ]
    );
    assert_eq!((outcome.exit, outcome.rerun), (Exit::Code(1), Some(Exit::Code(1))));
    assert!(!report.passed());
}

#[tokio::test]
async fn many_failures_a_time_out_and_other_commands_are_not_run_again() {
    if !can_run() {
        return;
    }
    let many: String = (0..21).map(|at| format!("    def test_{at}(self):\n        self.fail()\n")).collect();
    let suite = format!("import unittest\nclass T(unittest.TestCase):\n{many}");
    let unittest = command(UNITTEST, CommandSource::Detected, Runner::Unittest);
    let report = check(&[("test_t.py", &suite)], &[unittest], Duration::from_secs(60)).await;
    assert_eq!((report.outcomes[0].count(TestStatus::Failed), report.outcomes[0].rerun), (21, None));
    let hangs = command("echo 'FAIL: test_a (t.T)'; sleep 60", CommandSource::User, Runner::Unittest);
    let report = check(&[("a.txt", "")], &[hangs], Duration::from_millis(500)).await;
    assert_eq!((report.outcomes[0].exit, report.outcomes[0].rerun), (Exit::TimedOut, None));
    let other = command("echo 'FAIL: test_a (t.T)'; exit 1", CommandSource::User, Runner::Other);
    let report = check(&[("a.txt", "")], &[other], Duration::from_secs(5)).await;
    assert_eq!((report.outcomes[0].exit, report.outcomes[0].rerun), (Exit::Code(1), None));
}

#[tokio::test]
async fn a_failing_checker_of_the_language_ends_the_checks_and_a_passing_one_proves_nothing() {
    if !can_run() {
        return;
    }
    let compile = command(
        "python3 -c 'compile(open(\"a.py\").read(), \"a.py\", \"exec\")'",
        CommandSource::Language,
        Runner::Other,
    );
    let tests = command("true", CommandSource::User, Runner::Other);
    let commands = [compile.clone(), tests];
    let bad = check(&[("a.py", "def f(:\n")], &commands, Duration::from_secs(20)).await;
    assert_eq!((bad.outcomes.len(), bad.passed()), (1, false));
    let good = check(&[("a.py", "x = 1\n")], &commands, Duration::from_secs(20)).await;
    assert_eq!((good.outcomes.len(), good.passed()), (2, true));
    let alone = check(&[("a.py", "x = 1\n")], &[compile], Duration::from_secs(20)).await;
    assert_eq!((alone.outcomes.len(), alone.passed()), (1, false));
}

#[tokio::test]
async fn a_report_that_lies_in_the_tree_is_no_evidence() {
    if !can_run() {
        return;
    }
    let forged = "<testsuite><testcase classname='t' name='test_a'/></testsuite>";
    let pytest = command("echo 'no tests ran in 0.01s'", CommandSource::User, Runner::Pytest);
    let report = check(&[(".vdo-junit.xml", forged)], &[pytest], Duration::from_secs(20)).await;
    assert_eq!(report.outcomes[0].count(TestStatus::Passed), 0);
    assert!(!report.passed());
}
