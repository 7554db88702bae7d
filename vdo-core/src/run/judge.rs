//! Judging what was built: checks, repairs, reviews, the last check on the whole tree, and the result.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::Value;

use super::Answer;
use super::bench::Bench;
use super::planning::Talk;
use super::state::{Ask, CheckWork, Effects, End, Finished, Run, Stage};
use crate::check::{CheckReport, TestStatus, Tier};
use crate::context::bounded;
use crate::event::EventKind;
use crate::failure::{Failure, FailureKind};
use crate::findings::{Critique, Finding};
use crate::id::{Phase, StepKey};
use crate::job::{MergePolicy, Stamp};
use crate::message::OutputSchema;
use crate::path::RepoPath;
use crate::port::Outcome;
use crate::port::changes::CheckWrite;
use crate::prompt;
use crate::reply;
use crate::syntax::Syntax;

/// The most bytes of a patch that a critic is shown.
const MAX_PATCH: usize = 120_000;
/// The most files a repair is shown.
const MAX_SHOWN: usize = 20;

impl Run {
    pub(super) fn check_work(&self) -> CheckWork {
        CheckWork {
            tree: self.tree.clone(),
            setup: self.scanned.setup.clone(),
            commands: self.prechecks.iter().flatten().chain(&self.commands).cloned().collect(),
            seconds: self.brief.limits.check_seconds,
        }
    }

    fn take_report(&mut self, key: StepKey, effects: &mut Effects) -> Option<CheckReport> {
        let Some(Answer::Checked(report)) = self.inbox.remove(&key) else { return None };
        let (phase, attempt) = (key.phase, key.attempt);
        effects.applied.push(key);
        effects.checks.push(CheckWrite { phase, attempt, report: report.clone() });
        effects.events.push(EventKind::Checked { phase, attempt, passed: report.passed(), report: report.clone() });
        Some(report)
    }

    pub(super) fn take_test(&mut self, effects: &mut Effects) -> bool {
        let key = StepKey::first(Phase::Test).with_attempt(self.tests);
        let Some(report) = self.take_report(key, effects) else { return false };
        self.tests += 1;
        let passed = report.passed();
        let failures = prompt::failures_text(&report);
        let print = fingerprint(&report);
        self.report = Some(report);
        if passed {
            self.last_failure = None;
            // What two reviewed jobs did and nobody touched since needs no further review.
            if self.is_plain_merge() && self.repairs == 0 {
                self.begin_sandbox(effects);
            } else {
                self.begin_critique(effects);
            }
        } else {
            self.begin_repair(&failures, Some(print), effects);
        }
        true
    }

    pub(super) fn take_sandbox(&mut self, effects: &mut Effects) -> bool {
        let key = StepKey::first(Phase::Sandbox).with_attempt(self.sandboxes);
        let Some(report) = self.take_report(key, effects) else { return false };
        self.sandboxes += 1;
        let passed = report.passed();
        let failures = prompt::failures_text(&report);
        let print = fingerprint(&report);
        self.report = Some(report);
        if passed {
            self.begin_deliver(effects)
        } else {
            self.begin_repair(&failures, Some(print), effects)
        }
        true
    }

    /// Puts a repair onto a bench, or gives up: repairs are used up, or the last one changed nothing about the failure.
    pub(super) fn begin_repair(&mut self, why: &str, print: Option<String>, effects: &mut Effects) {
        let kind = if print.is_some() { FailureKind::ChecksFailed } else { FailureKind::FindingsOpen };
        let summary = || bounded(why, 1200);
        if print.is_some() && print == self.last_failure {
            return self.fail(Failure::new(
                kind,
                format!("the last repair changed nothing about the failure:\n{}", summary()),
            ));
        }
        if self.repairs >= self.brief.limits.repairs {
            let message = format!("not mended after {} repairs:\n{}", self.repairs, summary());
            return self.fail(Failure::new(kind, message));
        }
        self.last_failure = print;
        self.repairs += 1;
        self.phase_begins(Phase::Repair, effects);
        let mut bench = Bench::new(StepKey::first(Phase::Repair).with_attempt(self.repairs), &self.tree);
        let mut shown: Vec<RepoPath> = self.changed().into_iter().map(|(path, _, _)| path).collect();
        let named = self.tree.0.keys().filter(|path| path.as_str().contains('.') && why.contains(path.as_str()));
        shown.extend(named.cloned());
        shown.retain(|path| self.tree.get(path).is_some_and(|entry| entry.mode.is_file()));
        let mut seen = BTreeSet::new();
        bench.shown = shown.into_iter().filter(|path| seen.insert(path.clone())).take(MAX_SHOWN).collect();
        self.why = why.to_owned();
        self.stage = Stage::Repair(Box::new(bench));
    }

    pub(super) fn step_repair(&mut self, syntax: &dyn Syntax, effects: &mut Effects) -> bool {
        let Stage::Repair(bench) = &mut self.stage else { return false };
        let placeholder = Bench::new(bench.key.clone(), &crate::tree::FileTree::default());
        let mut bench = std::mem::replace(bench, Box::new(placeholder));
        let mut changed = false;
        if bench.opening.is_none() {
            bench.opening = Some(self.repair_opening(&bench));
            changed = true;
        }
        changed |= self.step_bench(&mut bench, syntax, effects);
        if let Some(why) = bench.failed {
            self.fail(Failure::new(FailureKind::UnusableReply, format!("repair {}: {why}", self.repairs)));
            return true;
        }
        if !bench.done {
            self.stage = Stage::Repair(bench);
            return changed;
        }
        for (path, _, _) in crate::diff::changed_paths(&bench.base, &bench.tree) {
            self.steps.insert(path, bench.key.clone());
        }
        self.tree = bench.tree;
        self.begin_test(effects);
        true
    }

    fn repair_opening(&self, bench: &Bench) -> String {
        let mut text = self.brief.assignment.render();
        if let Some(plan) = &self.plan {
            text.push_str(&prompt::plan_text(plan));
        }
        self.show_files(&mut text, bench);
        text.push_str(&self.why);
        text
    }

    pub(super) fn begin_critique(&mut self, effects: &mut Effects) {
        self.phase_begins(Phase::Critique, effects);
        self.stage = Stage::Critique(Talk::at(self.critiques));
    }

    pub(super) fn critique_ask(&self, talk: &Talk) -> Ask {
        let opening = talk.opening.as_deref().unwrap_or_default();
        let mut ask = self.ask(&self.brief.prompts.critique, opening, &talk.messages, &talk.key(Phase::Critique));
        static SCHEMA: LazyLock<Value> = LazyLock::new(crate::schema::of::<Critique>);
        ask.output = Some(OutputSchema { name: "critique".to_owned(), schema: SCHEMA.clone() });
        ask
    }

    pub(super) fn step_critique(&mut self, syntax: &dyn Syntax, effects: &mut Effects) -> bool {
        let Stage::Critique(talk) = &self.stage else { return false };
        if talk.opening.is_none() {
            let standing = match self.guard(syntax, effects) {
                Some(standing) => standing,
                None => return true,
            };
            let patch = bounded(&self.patch(), MAX_PATCH).replace("```", "'''");
            let mut opening = self.brief.assignment.render();
            opening.push_str(&prompt::evidence_text(self.report.as_ref()));
            if !self.open.is_empty() {
                opening.push_str(
                    &prompt::findings_text(&self.open).replace("A reviewer found", "Found earlier and since mended"),
                );
            }
            opening.push_str(&prompt::standing_text(&standing));
            opening.push_str(&format!("## The change\n```diff\n{patch}```\n\n"));
            if let Stage::Critique(talk) = &mut self.stage {
                talk.opening = Some(opening);
            }
            return true;
        }
        let key = talk.key(Phase::Critique);
        let Some(Answer::Reply(reply)) = self.inbox.remove(&key) else { return false };
        effects.applied.push(key.clone());
        self.critiques += 1;
        let limit = self.brief.limits.critiques;
        match reply::json::<Critique>(&reply) {
            Ok(critique) => {
                effects.outcomes.push((key.clone(), Outcome::Accepted));
                self.judge_findings(key.attempt, critique.findings, effects);
            }
            Err(fault) => {
                effects.outcomes.push((key.clone(), Outcome::Refused));
                effects.events.push(EventKind::Refused { step: key, faults: vec![fault.clone()] });
                if self.critiques > limit {
                    let message = format!("no review could be read after {limit} attempts; the last: {fault}");
                    self.fail(Failure::new(FailureKind::UnusableReply, message));
                } else if let Stage::Critique(talk) = &mut self.stage {
                    talk.refuse(&reply, &[fault]);
                }
            }
        }
        true
    }

    fn judge_findings(&mut self, attempt: u32, findings: Vec<Finding>, effects: &mut Effects) {
        let lines = findings.iter().map(|finding| bounded(&finding.to_string(), 500)).collect();
        effects.events.push(EventKind::Critiqued { attempt, findings: lines });
        let open = findings.into_iter().filter(Finding::must_be_fixed).take(20);
        let open: Vec<Finding> = open.map(|finding| Finding { by: None, ..finding }).collect();
        if open.is_empty() {
            self.begin_sandbox(effects);
            return;
        }
        if self.critiques > self.brief.limits.critiques {
            let list: Vec<String> = open.iter().map(ToString::to_string).collect();
            let text = format!("findings still stand after {attempt} reviews: {}", list.join("; "));
            self.finish(End::NeedsDecision(text), effects);
            return;
        }
        let text = prompt::findings_text(&open);
        self.open.extend(open);
        self.last_failure = None;
        self.begin_repair(&text, None, effects);
    }

    fn begin_sandbox(&mut self, effects: &mut Effects) {
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
        } else if self.commands.is_empty() {
            let reason =
                "no command shows whether the result works; name one with --check, or accept it with vdo approve";
            End::NeedsDecision(reason.to_owned())
        } else {
            End::Completed
        };
        self.finish(end, effects);
    }

    pub(super) fn finish(&mut self, end: End, effects: &mut Effects) {
        self.phase_begins(Phase::Deliver, effects);
        self.stage = Stage::Deliver { end };
    }

    pub(super) fn finished(&self) -> Finished {
        let mut stamps = Vec::new();
        match &self.report {
            None => stamps.push(Stamp::Unverified),
            Some(report) if report.tier < Tier::T2 => stamps.push(Stamp::LowerTier),
            Some(_) => {}
        }
        let end = match &self.stage {
            Stage::Deliver { end } => end.clone(),
            _ => End::Completed,
        };
        let is_held = self.is_merge() && self.brief.merge.policy == MergePolicy::Ask;
        let delta = self.tree.delta_from(&self.base, &self.steps);
        Finished { tree: self.tree.clone(), delta, stamps, end, is_held }
    }
}

/// Tells one failure from another: the commands and tests that failed, and how; not their timings.
fn fingerprint(report: &CheckReport) -> String {
    let mut print = String::new();
    for outcome in report.setup_failed.iter().chain(&report.outcomes).filter(|outcome| !outcome.passed()) {
        print.push_str(&format!("{} -> {}\n", outcome.command.run, outcome.exit.code()));
        let failed: Vec<&str> = outcome
            .tests
            .iter()
            .filter(|test| test.status == TestStatus::Failed)
            .map(|test| test.name.as_str())
            .collect();
        if failed.is_empty() {
            let words: String = outcome.output.chars().filter(|c| !c.is_ascii_digit()).collect();
            print.push_str(&crate::content::BlobHash::of(words.as_bytes()).short());
        }
        print.push_str(&failed.join("\n"));
    }
    print
}
