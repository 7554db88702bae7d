//! Check commands and their outcomes: the evidence a job is judged by.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::content::{BlobHash, Bytes, Mode};
use crate::path::RepoPath;

/// Where a command came from. Earlier ones are trusted more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CommandSource {
    /// Somebody named it.
    User,
    /// The project's files imply it.
    Detected,
    /// The plan named it.
    Plan,
    /// The language's own checker, run before the others on what changed. It can fail a tree, and proves nothing by itself.
    Language,
}

/// How a command's output is read for per-test results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Runner {
    /// pytest; a JUnit report is asked for with `--junit-xml`.
    Pytest,
    /// Python's unittest, run with `-v`.
    Unittest,
    /// `cargo test`.
    Cargo,
    /// `cargo nextest run`.
    Nextest,
    /// `node --test`, or whatever `npm test` leads to.
    Node,
    /// jest; a report is asked for with `--json` where the command is VDO's own.
    Jest,
    /// vitest; a report is asked for with `--reporter=json` where the command is VDO's own.
    Vitest,
    /// mocha.
    Mocha,
    /// `go test`, with or without `-json`.
    Go,
    /// Any other command: its exit code is all that is known.
    Other,
}

/// A shell command that must exit with 0.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct CheckCommand {
    /// The command line, given to `/bin/sh -c` in the project's root.
    pub run: String,
    /// Where it came from.
    pub source: CommandSource,
    /// How its output is read.
    pub runner: Runner,
}

/// What has to be installed before a project's checks can run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Setup {
    /// The command line, run in the project's root with the package registries in reach.
    pub run: String,
    /// The files that decide its result; their contents are the cache key.
    pub inputs: Vec<RepoPath>,
}

/// How far a command was confined. Stronger tiers compare greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Tier {
    /// Not at all.
    T0,
    /// Landlock, seccomp, limits and an own user.
    T1,
    /// As T1, and namespaces with a private file system and no network.
    T2,
}

impl std::fmt::Display for Tier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::T0 => "T0",
            Self::T1 => "T1",
            Self::T2 => "T2",
        })
    }
}

/// A text is no tier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no sandbox tier: expected T2, T1 or T0")]
pub struct ParseTierError(String);

impl std::str::FromStr for Tier {
    type Err = ParseTierError;

    fn from_str(text: &str) -> Result<Self, ParseTierError> {
        match text {
            "T0" | "t0" => Ok(Self::T0),
            "T1" | "t1" => Ok(Self::T1),
            "T2" | "t2" => Ok(Self::T2),
            other => Err(ParseTierError(other.chars().take(40).collect())),
        }
    }
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// It exited with this code. As in a shell, 127 is "no such command" and 126 "not executable"; at [`Tier::T2`] 128 + n
    /// means that signal n ended it.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
    /// It was still running when its time was up.
    TimedOut,
}

impl Exit {
    /// Returns whether the command succeeded.
    #[must_use]
    pub fn is_success(self) -> bool {
        matches!(self, Self::Code(0))
    }

    /// Returns whether the command could not be found or executed.
    #[must_use]
    pub fn is_not_runnable(self) -> bool {
        matches!(self, Self::Code(126 | 127))
    }

    /// Returns the signal that ended the command, reading 128 + n as a shell does.
    #[must_use]
    pub fn signal(self) -> Option<i32> {
        match self {
            Self::Signal(signal) => Some(signal),
            Self::Code(code @ 129..=192) => Some(code - 128),
            Self::Code(_) | Self::TimedOut => None,
        }
    }

    /// Returns the code a shell would show: 128 + the signal, 124 for a time-out.
    #[must_use]
    pub fn code(self) -> i32 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => 128 + signal,
            Self::TimedOut => 124,
        }
    }
}

/// How one test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TestStatus {
    /// It passed.
    Passed,
    /// It failed or raised an error.
    Failed,
    /// It failed and then, run once more on the same tree, passed; or the other way round.
    Flaky,
    /// It was not run.
    Skipped,
}

/// One test and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TestResult {
    /// The runner's name of the test.
    pub name: String,
    /// How it ended.
    pub status: TestStatus,
}

/// One command and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommandOutcome {
    /// The command.
    pub command: CheckCommand,
    /// How it ended, the first time.
    pub exit: Exit,
    /// How it ended when it was run once more on the same tree, because few of its tests failed; none if it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rerun: Option<Exit>,
    /// Standard output and error, bounded: the start and the end are kept.
    pub output: String,
    /// The tests that ran, where the runner's output tells; empty otherwise.
    pub tests: Vec<TestResult>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

/// What commands show of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It works, as far as they tell.
    Passed,
    /// It does not.
    Failed,
    /// Nothing: test runners ran and executed no test.
    Unverified,
}

impl CommandOutcome {
    /// Returns how many tests were executed; none if that is not known: no test runner, or one that
    /// names no test. A runner that says it ran none has a skipped result that says so.
    #[must_use]
    pub fn executed(&self) -> Option<usize> {
        let executed = self.tests.len() - self.count(TestStatus::Skipped);
        (self.command.runner != Runner::Other && !self.tests.is_empty()).then_some(executed)
    }

    /// Returns what it shows. A test runner that executed no test shows nothing, whether it calls that a failure or not.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        // pytest and unittest exit with 5 if they find no test.
        let found_none = matches!(self.command.runner, Runner::Pytest | Runner::Unittest) && self.exit == Exit::Code(5);
        let failed = self.count(TestStatus::Failed) > 0;
        // One of Python's that names a failed test and exits with 0: its exit was taken from it.
        let is_masked = matches!(self.command.runner, Runner::Pytest | Runner::Unittest) && failed;
        let recovered = self.rerun.is_some_and(Exit::is_success) && !failed;
        let succeeded = self.exit.is_success() && !is_masked || recovered;
        match self.executed() {
            Some(0) | None if found_none => Verdict::Unverified,
            Some(0) if succeeded => Verdict::Unverified,
            _ if succeeded => Verdict::Passed,
            _ => Verdict::Failed,
        }
    }

    /// Returns whether the command passed, the first time or when it was run once more; a test runner that ran no test did not.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.verdict() == Verdict::Passed
    }

    /// Returns how many tests ended like this.
    #[must_use]
    pub fn count(&self, status: TestStatus) -> usize {
        self.tests.iter().filter(|test| test.status == status).count()
    }

    /// Returns whether it passed only when it was run once more.
    #[must_use]
    pub fn is_flaky(&self) -> bool {
        self.passed() && !self.exit.is_success()
    }

    /// Returns whether it failed and no failing test explains why.
    #[must_use]
    pub fn is_unexplained(&self) -> bool {
        self.verdict() == Verdict::Failed && !self.tests.iter().any(|test| test.status == TestStatus::Failed)
    }
}

/// The outcome of checking one tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckReport {
    /// How far the commands were confined.
    pub tier: Tier,
    /// The root hash of the tree that was checked.
    pub tree_hash: BlobHash,
    /// The commands, in order. Those after a failed setup are absent.
    pub outcomes: Vec<CommandOutcome>,
    /// Set when the setup failed: its outcome.
    pub setup_failed: Option<CommandOutcome>,
}

impl CheckReport {
    /// Returns what it shows. With a test runner among the commands, at least one test has to have been executed.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if self.setup_failed.is_some() || self.outcomes.iter().any(|outcome| outcome.verdict() == Verdict::Failed) {
            return Verdict::Failed;
        }
        let executed = self.outcomes.iter().any(|outcome| outcome.executed().is_some_and(|tests| tests > 0));
        let has_empty = self.outcomes.iter().any(|outcome| outcome.verdict() == Verdict::Unverified);
        // A language's own checker is no evidence by itself.
        let is_evidence = |outcome: &CommandOutcome| outcome.command.source != CommandSource::Language;
        let has_evidence = self.outcomes.iter().any(is_evidence);
        if !has_evidence || (has_empty && !executed) { Verdict::Unverified } else { Verdict::Passed }
    }

    /// Returns whether commands ran, all of them passed, and if they run tests, some test was executed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.verdict() == Verdict::Passed
    }
}

/// A regular file that a command left behind and the caller asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Harvested {
    /// Where it lay.
    pub path: RepoPath,
    /// Its bytes.
    pub bytes: Bytes,
    /// Its kind: file or executable.
    pub mode: Mode,
}
