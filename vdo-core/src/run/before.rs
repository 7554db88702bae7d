//! The checks on the tree that the work starts from, so that what a job broke is told from what was broken before it.
//!
//! The step is ready beside the building and costs no waiting; the first test is judged once both reports are there.
//! Invariant: whatever is left red is either this job's doing or was red with the same name before it, never "probably".

use serde::{Deserialize, Serialize};

use super::Answer;
use super::state::{CheckWork, Effects, Run, Stage};
use crate::check::{CheckCommand, CheckReport, CommandSource, Setup, TestStatus};
use crate::compare::{Comparison, Listed, compare};
use crate::event::EventKind;
use crate::id::{JobId, Phase, StepKey};
use crate::path::RepoPath;
use crate::tree::FileTree;

/// The checks of what the work starts from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Before {
    /// Which set of commands this is, from 1: what was built may imply others.
    attempt: u32,
    commands: Vec<CheckCommand>,
    setup: Vec<Setup>,
    /// What ran; none until it did.
    report: Option<CheckReport>,
    /// The job it was taken from.
    from: Option<JobId>,
    /// Whether that was told.
    told: bool,
}

impl Before {
    fn key(&self) -> StepKey {
        StepKey::first(Phase::Base).with_attempt(self.attempt)
    }
}

impl Run {
    /// Has the chosen commands run on what the work starts from, unless nothing is there or nothing is changed.
    pub(super) fn plan_base(&mut self) {
        if self.commands.is_empty() || self.given.is_empty() || self.is_plain_merge() {
            return;
        }
        // A language's own checker is about the files that were changed.
        let mut commands = self.commands.clone();
        commands.retain(|command| command.source != CommandSource::Language);
        if commands.is_empty() {
            return;
        }
        let attempt = match &self.before {
            Some(before) if before.commands == commands => return,
            Some(before) => before.attempt + 1,
            None => 1,
        };
        let setup = self.given_setup.clone();
        self.before = Some(Before { attempt, commands, setup, report: None, from: None, told: false });
    }

    /// Returns whether the checks of what the work starts from are still under way.
    pub(super) fn is_base_open(&self) -> bool {
        self.before.as_ref().is_some_and(|before| before.report.is_none())
    }

    /// Returns the step, if it can be done now and was not.
    pub(super) fn base_step(&self) -> Option<StepKey> {
        let is_time = matches!(self.stage, Stage::Build { .. } | Stage::Rescan | Stage::Test);
        self.before.as_ref().filter(|before| is_time && before.report.is_none()).map(Before::key)
    }

    pub(super) fn base_work(&self) -> Option<CheckWork> {
        let before = self.before.as_ref()?;
        Some(CheckWork {
            tree: self.given.clone(),
            setup: before.setup.clone(),
            commands: before.commands.clone(),
            seconds: self.brief.limits.check_seconds,
        })
    }

    /// Takes the report in.
    pub(super) fn take_base(&mut self, effects: &mut Effects) -> bool {
        let Some(before) = &mut self.before else { return false };
        let key = before.key();
        let (report, from) = match self.inbox.remove(&key) {
            Some(Answer::Checked(report)) => (report, None),
            Some(Answer::Recalled(report, job)) => (report, Some(job)),
            _ => return false,
        };
        effects.applied.push(key);
        (before.report, before.from) = (Some(report), from);
        true
    }

    /// Tells of it, once. It is told with the first test, as it came at some time beside the building.
    pub(super) fn tell_base(&mut self, effects: &mut Effects) {
        let Some(before) = self.before.as_mut().filter(|before| !before.told) else { return };
        let Some(report) = before.report.clone() else { return };
        before.told = true;
        let (phase, attempt, passed, from) = (Phase::Base, before.attempt, report.passed(), before.from);
        effects.events.push(EventKind::Checked { phase, attempt, passed, report, comparison: None, from });
    }

    /// Compares a report with that on what the work started from, if there is one for the same commands.
    pub(super) fn compared(&self, report: &CheckReport) -> Option<Comparison> {
        Some(compare(self.before.as_ref()?.report.as_ref()?, report))
    }

    /// Returns whether all that the last report shows red was red before the job, with the same names.
    pub(super) fn is_only_red_before(&self) -> bool {
        self.comparison.as_ref().is_some_and(Comparison::is_only_red_before)
    }

    /// Returns whether what was red before looks like what the job is about: the job, its plan or its work name it, or
    /// nothing in those commands was green before, as where tests come before the code.
    pub(super) fn is_its_own_business(&self) -> bool {
        let (Some(comparison), Some(before)) = (&self.comparison, &self.before) else { return true };
        if !comparison.mended.is_empty() {
            return true;
        }
        let mut about = format!("{}\n{}", self.brief.assignment.title, self.brief.assignment.description);
        for task in self.plan.iter().flat_map(|plan| &plan.tasks) {
            about.push_str(&format!("\n{}\n{}", task.title, task.description));
            task.paths().for_each(|path| about.push_str(&format!("\n{path}")));
        }
        let passed_any = |command: &str| {
            let outcomes = before.report.iter().flat_map(|report| &report.outcomes);
            let mut tests =
                outcomes.filter(|outcome| outcome.command.run == command).flat_map(|outcome| &outcome.tests);
            tests.any(|test| matches!(test.status, TestStatus::Passed | TestStatus::Flaky))
        };
        comparison.red_before.tests.iter().any(|red| match &red.test {
            None => true,
            Some(test) => {
                let last = test.rsplit(['.', ':', '/', ' ', '>']).next().unwrap_or(test);
                let file = file_of(test, &self.tree);
                !passed_any(&red.command)
                    || (last.len() > 3 && about.contains(last))
                    || file.is_some_and(|file| about.contains(file.as_str()) || self.steps.contains_key(file))
            }
        })
    }

    /// Says what is red and was red before the job.
    pub(super) fn red_before_text(&self) -> Option<String> {
        let red = &self.comparison.as_ref().filter(|comparison| comparison.is_only_red_before())?.red_before;
        let (verb, that) = if red.count == 1 { ("check fails", "it") } else { ("checks fail", "they") };
        let job = self.brief.assignment.job.number();
        Some(format!(
            "{} {verb} that failed before this job already: {}. Nothing that passed before it fails now. \
             Mend {them} in a job of {them2} own, or accept the result with vdo approve {job}",
            red.count,
            red.named(20),
            them = if that == "it" { "it" } else { "them" },
            them2 = if that == "it" { "its" } else { "their" },
        ))
    }

    /// Returns the tests that passed before the job and are not run any more though no plan deletes their files and the job
    /// does not name them.
    pub(super) fn vanished(&self) -> Listed {
        let Some(comparison) = &self.comparison else { return Listed::default() };
        let deleted: Vec<&RepoPath> =
            self.plan.iter().flat_map(|plan| &plan.tasks).flat_map(|task| &task.delete).collect();
        let mut left = comparison.vanished.clone();
        let asked = format!("{}\n{}", self.brief.assignment.title, self.brief.assignment.description);
        // The job itself speaks of it: that it goes is what was asked for, or the guard and the critic say otherwise.
        let is_named = |test: &str| {
            let last = test.rsplit(['.', ':', '/', ' ', '>']).next().unwrap_or(test);
            last.len() > 3 && asked.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == last)
        };
        let excused =
            |test: &str| is_named(test) || file_of(test, &self.given).is_some_and(|file| deleted.contains(&file));
        let before = left.tests.len();
        left.tests.retain(|test| !test.test.as_deref().is_some_and(excused));
        let gone = before - left.tests.len();
        left.count = left.count.saturating_sub(u64::try_from(gone).unwrap_or(u64::MAX));
        // Where names are cut, what the plan deletes may be all there is.
        if left.tests.is_empty() {
            left.count = 0;
        }
        left
    }
}

/// Finds the file that a test is in, by the path or the module that its name begins with.
pub(super) fn file_of<'t>(test: &str, tree: &'t FileTree) -> Option<&'t RepoPath> {
    let begins = |path: &&RepoPath| {
        let path = path.as_str();
        let stem = path.rsplit_once('.').map_or(path, |(stem, _)| stem);
        let dotted = stem.replace('/', ".");
        let follows = |name: &str| {
            let rest = test.strip_prefix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', ':', '/', ' ', '>']))
        };
        path.contains('.') && (follows(path) || follows(&dotted) || follows(stem))
    };
    tree.0.keys().filter(begins).max_by_key(|path| path.as_str().len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{BlobHash, Entry};

    #[test]
    fn the_file_of_a_test_is_found_by_its_path_or_module() {
        let paths = ["tests/test_a.py", "tests/__init__.py", "src/lib.rs", "web/a.test.js"];
        let tree: FileTree = paths.iter().map(|path| (path.parse().unwrap(), Entry::file(BlobHash::of(b"")))).collect();
        for (test, file) in [
            ("tests.test_a.ATest.test_x", Some("tests/test_a.py")),
            ("tests/test_a.py::test_x[1]", Some("tests/test_a.py")),
            ("tests.test_ab.X", None),
            ("web/a.test.js > adds", Some("web/a.test.js")),
            ("tests::works", None),
        ] {
            assert_eq!(file_of(test, &tree).map(RepoPath::as_str), file, "{test}");
        }
    }
}
