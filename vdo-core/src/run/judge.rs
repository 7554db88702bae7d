//! Judging what was built: checks, the last check on the whole tree, and the result.

use super::Answer;
use super::state::{CheckWork, Effects, End, Finished, Run, Stage};
use crate::check::{CheckReport, Tier, Verdict};
use crate::event::EventKind;
use crate::findings::{Finding, Severity};
use crate::id::{Phase, StepKey};
use crate::job::{MergePolicy, Stamp};
use crate::port::changes::CheckWrite;

/// The most tests that vanished that become findings of their own; the rest is told with the last of them.
const MAX_VANISHED: usize = 10;

impl Run {
    pub(super) fn check_work(&self) -> CheckWork {
        CheckWork {
            tree: self.tree.clone(),
            setup: self.scanned.setup.clone(),
            commands: self.prechecks.iter().flatten().chain(&self.commands).cloned().collect(),
            seconds: self.brief.limits.check_seconds,
        }
    }

    /// Takes a report in; returns whether it came.
    fn take_report(&mut self, key: StepKey, effects: &mut Effects) -> bool {
        let Some(Answer::Checked(report)) = self.inbox.remove(&key) else { return false };
        let (phase, attempt, passed) = (key.phase, key.attempt, report.passed());
        self.tell_base(effects);
        effects.applied.push(key);
        effects.checks.push(CheckWrite { phase, attempt, report: report.clone() });
        self.comparison = self.compared(&report);
        let comparison = self.comparison.clone().map(Box::new);
        effects.events.push(EventKind::Checked {
            phase,
            attempt,
            passed,
            report: report.clone(),
            comparison,
            from: None,
        });
        self.report = Some(report);
        true
    }

    /// Returns whether the last report asks for a repair: something fails that is, or looks like, this job's business.
    fn needs_mending(&self) -> bool {
        match self.report.as_ref().map(CheckReport::verdict) {
            Some(Verdict::Failed) => !self.is_only_red_before() || self.is_its_own_business(),
            // Tests that this job wrote, and none is found.
            Some(Verdict::Unverified) => {
                let is_new = |path: &crate::path::RepoPath| path.as_str().to_lowercase().contains("test");
                !self.is_merge() && self.steps.keys().any(is_new)
            }
            Some(Verdict::Passed) | None => false,
        }
    }

    pub(super) fn take_test(&mut self, effects: &mut Effects) -> bool {
        // Without the report on what was there before, nothing can be judged.
        if self.is_base_open() {
            return false;
        }
        let key = StepKey::first(Phase::Test).with_attempt(self.tests);
        if !self.take_report(key, effects) {
            return false;
        }
        self.tests += 1;
        if self.needs_mending() {
            self.mend_failure(effects);
        } else {
            self.last_failure = None;
            self.after_test(effects);
        }
        true
    }

    /// Goes on with a tree on which nothing fails, or nothing that did not fail before.
    pub(super) fn after_test(&mut self, effects: &mut Effects) {
        if self.findings.iter().any(|tracked| tracked.standing.is_open()) {
            self.mend_findings("", effects);
        } else if self.is_plain_merge() && self.repairs == 0 {
            // What two reviewed jobs did and nobody touched since needs no further review.
            self.begin_sandbox(effects);
        } else {
            self.begin_critique(effects);
        }
    }

    /// Returns a finding for each test that passed before and is not run any more.
    pub(super) fn vanished_findings(&self) -> Vec<Finding> {
        let vanished = self.vanished();
        let shown: Vec<_> = vanished.tests.iter().take(MAX_VANISHED).collect();
        let more = vanished.count.saturating_sub(u64::try_from(shown.len()).unwrap_or(u64::MAX));
        let mut findings = Vec::new();
        for (at, test) in shown.iter().enumerate() {
            let name = test.test.as_deref().unwrap_or_default();
            let file = super::before::file_of(name, &self.tree).or_else(|| super::before::file_of(name, &self.given));
            let rest = if more > 0 && at + 1 == shown.len() { format!(" (and {more} more)") } else { String::new() };
            findings.push(Finding {
                id: None,
                file: file.map_or_else(String::new, ToString::to_string),
                line: None,
                by: None,
                severity: Severity::Major,
                claim: format!("{name}{rest} passed before this job and is not run any more (by {})", test.command),
                suggestion: "Bring the test back, or answer why it has to go or what it is called now.".to_owned(),
            });
        }
        findings
    }

    pub(super) fn take_sandbox(&mut self, effects: &mut Effects) -> bool {
        let key = StepKey::first(Phase::Sandbox).with_attempt(self.sandboxes);
        if !self.take_report(key, effects) {
            return false;
        }
        self.sandboxes += 1;
        let is_left = self.may_do_without_repair() && self.tried.contains(&self.tree.root_hash());
        if self.needs_mending() && !is_left {
            self.mend_failure(effects)
        } else {
            self.begin_deliver(effects)
        }
        true
    }

    pub(super) fn begin_sandbox(&mut self, effects: &mut Effects) {
        if self.commands.is_empty() {
            return self.begin_deliver(effects);
        }
        self.phase_begins(Phase::Sandbox, effects);
        self.stage = Stage::Sandbox;
    }

    pub(super) fn begin_deliver(&mut self, effects: &mut Effects) {
        let policy = self.is_merge().then_some(self.brief.merge.policy);
        let end = if policy == Some(MergePolicy::Clean) && self.is_plain_merge() {
            End::Completed
        } else if policy == Some(MergePolicy::Ask) {
            let reason = "the merge waits to be accepted: look at it with vdo diff, accept it with vdo approve";
            End::NeedsDecision(reason.to_owned())
        } else if let Some(reason) = self.lacking() {
            End::NeedsDecision(reason)
        } else {
            End::Completed
        };
        self.finish(end, effects);
    }

    /// Says what the result lacks to be called completed.
    fn lacking(&self) -> Option<String> {
        let job = self.brief.assignment.job.number();
        let Some(report) = self.report.as_ref().filter(|_| !self.commands.is_empty()) else {
            let reason =
                "no command shows whether the result works; name one with --check, or accept it with vdo approve";
            return Some(reason.to_owned());
        };
        match report.verdict() {
            Verdict::Passed => None,
            Verdict::Unverified => {
                let commands: Vec<&str> = report.outcomes.iter().map(|outcome| outcome.command.run.as_str()).collect();
                let commands = crate::context::bounded(&commands.join(" && "), 300);
                Some(format!(
                    "no test was executed by {commands}, so nothing shows whether the result works; \
                     add tests, name another command with --check, or accept it with vdo approve {job}"
                ))
            }
            Verdict::Failed => {
                let fails = || {
                    format!("checks fail; look at them with vdo log {job}, or accept the result with vdo approve {job}")
                };
                Some(self.red_before_text().unwrap_or_else(fails))
            }
        }
    }

    /// Keeps the result for a person to decide on.
    pub(super) fn leave_to_a_person(&mut self, reason: String, effects: &mut Effects) {
        self.finish(End::NeedsDecision(reason), effects);
    }

    fn finish(&mut self, end: End, effects: &mut Effects) {
        self.tell_drift(effects);
        self.phase_begins(Phase::Deliver, effects);
        self.stage = Stage::Deliver { end };
    }

    pub(super) fn finished(&self) -> Finished {
        let stamps = self.report.as_ref().map_or_else(|| vec![Stamp::Unverified], stamps_of);
        let end = match &self.stage {
            Stage::Deliver { end } => end.clone(),
            _ => End::Completed,
        };
        let is_held = self.is_merge() && self.brief.merge.policy == MergePolicy::Ask;
        let delta = self.tree.delta_from(&self.base, &self.steps);
        Finished { tree: self.tree.clone(), delta, stamps, end, is_held }
    }
}

fn stamps_of(report: &CheckReport) -> Vec<Stamp> {
    let mut stamps = Vec::new();
    if report.verdict() != Verdict::Passed {
        stamps.push(Stamp::Unverified);
    }
    if report.tier < Tier::T2 {
        stamps.push(Stamp::LowerTier);
    }
    stamps
}
