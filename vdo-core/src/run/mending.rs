//! Mending what checks or findings showed, for as long as that gets somewhere.
//!
//! A repair starts from the best tree so far: the one on which the fewest checks fail. One that made things worse is told so
//! and its tree is given up; one that changed nothing about the failure leads once to somebody else, then to the end.
//! Invariant: the end is typed, and the best tree is what is left.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Answer;
use super::bench::Bench;
use super::state::{Effects, Run, Stage};
use super::{before::file_of, excerpt};
use crate::check::{CheckReport, TestStatus, Verdict};
use crate::compare::Comparison;
use crate::context::bounded;
use crate::event::EventKind;
use crate::failure::{Failure, FailureKind};
use crate::findings::Standing;
use crate::id::{Phase, StepKey};
use crate::output;
use crate::path::RepoPath;
use crate::prompt;
use crate::syntax::Syntax;
use crate::tree::FileTree;

/// The most files a repair is shown.
const MAX_SHOWN: usize = 20;
/// The most bytes of the failure that the reason of an end has.
const MAX_SUMMARY: usize = 1200;

/// How much fails: whether the setup does, commands that no failing test explains, and tests that fail or vanished.
type Rank = (bool, u64, u64);

/// The tree that fails least so far. Of equals the earlier one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Best {
    tree: FileTree,
    steps: BTreeMap<RepoPath, StepKey>,
    report: CheckReport,
    comparison: Option<Comparison>,
    rank: Rank,
    /// The attempt it came of.
    attempt: Option<StepKey>,
}

fn rank(report: &CheckReport, comparison: Option<&Comparison>) -> Rank {
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let unexplained = report.outcomes.iter().filter(|outcome| outcome.is_unexplained()).count();
    let tests = report.outcomes.iter().flat_map(|outcome| &outcome.tests);
    let failed = tests.filter(|test| test.status == TestStatus::Failed).count();
    let vanished = comparison.map_or(0, |comparison| comparison.vanished.count);
    (report.setup_failed.is_some(), count(unexplained), count(failed).saturating_add(vanished))
}

/// Tells one failure from another: by the tests that failed, and by the output only where no test explains a failure.
fn fingerprint(report: &CheckReport) -> String {
    let mut print = String::new();
    let failed = report.setup_failed.iter().chain(&report.outcomes).filter(|one| one.verdict() == Verdict::Failed);
    for outcome in failed {
        print.push_str(&format!("{} -> {}\n", outcome.command.run, outcome.exit.code()));
        if outcome.is_unexplained() {
            let words: String = outcome.output.chars().filter(|c| !c.is_ascii_digit()).collect();
            print.push_str(&crate::content::BlobHash::of(words.as_bytes()).short());
        }
        let tests = outcome.tests.iter().filter(|test| test.status == TestStatus::Failed);
        let names: BTreeSet<&str> = tests.map(|test| test.name.as_str()).collect();
        names.iter().for_each(|name| print.push_str(&format!("{name}\n")));
    }
    print
}

impl Run {
    /// Takes up that the checks fail: a repair follows, or the end.
    pub(super) fn mend_failure(&mut self, effects: &mut Effects) {
        let Some(report) = self.report.clone() else { return };
        let (now, print) = (rank(&report, self.comparison.as_ref()), fingerprint(&report));
        self.tried.insert(self.tree.root_hash());
        let is_stuck = self.last_failure.as_ref() == Some(&print);
        self.last_failure = Some(print);
        let mut note = String::new();
        match &self.best {
            Some(best) if now > best.rank => {
                let failing = |rank: Rank| rank.1.saturating_add(rank.2).max(1);
                note = format!(
                    "## The last repair made it worse\n{} checks failed after it instead of {}. What it changed was taken back; \
                     the files are as they were before it.\n\n",
                    failing(now),
                    failing(best.rank)
                );
                let worse = prompt::failures_text(&report);
                note.push_str(&bounded(&worse, MAX_SUMMARY));
                note.push('\n');
                self.restore(effects);
            }
            Some(best) if now == best.rank => {}
            Some(_) | None => self.keep_as_best(now, effects),
        }
        if is_stuck {
            return self.no_progress("the last repair changed nothing about the failure", effects);
        }
        self.mend_again(&note, effects);
    }

    fn keep_as_best(&mut self, rank: Rank, effects: &mut Effects) {
        let Some(report) = self.report.clone() else { return };
        let attempt = self.last_attempt.clone();
        let failing = rank.1.saturating_add(rank.2).max(1);
        let (step, root, restored) = (attempt.clone(), self.tree.root_hash(), false);
        effects.events.push(EventKind::Best { step, root, failing, restored });
        let (tree, steps, comparison) = (self.tree.clone(), self.steps.clone(), self.comparison.clone());
        self.best = Some(Best { tree, steps, report, comparison, rank, attempt });
    }

    /// Goes back to the best tree, and to what is known of it.
    fn restore(&mut self, effects: &mut Effects) {
        let Some(best) = &self.best else { return };
        if best.tree != self.tree {
            let (step, root) = (best.attempt.clone(), best.tree.root_hash());
            let failing = best.rank.1.saturating_add(best.rank.2).max(1);
            effects.events.push(EventKind::Best { step, root, failing, restored: true });
        }
        self.tree.clone_from(&best.tree);
        self.steps.clone_from(&best.steps);
        self.report = Some(best.report.clone());
        self.comparison.clone_from(&best.comparison);
        self.last_attempt.clone_from(&best.attempt);
    }

    /// Asks somebody else, once; then it is the end.
    fn no_progress(&mut self, why: &str, effects: &mut Effects) {
        if self.repairs < self.brief.limits.repairs && self.escalate(why, effects) {
            self.restore(effects);
            let note = format!("## Earlier repairs got nowhere\n{why}. Look at it afresh.\n\n");
            return self.mend_again(&note, effects);
        }
        let whom = self.escalated_to().map_or(String::new(), |to| format!(", nor did asking {to}"));
        self.give_up(FailureKind::ChecksFailed, &format!("{why}{whom}"), effects);
    }

    /// Turns to the next candidate for repairs, if that was not done before and there is one.
    fn escalate(&mut self, why: &str, effects: &mut Effects) -> bool {
        let (Some(from), Some(to)) = (self.brief.repairers.first(), self.brief.repairers.get(1)) else { return false };
        if self.rung > 0 {
            return false;
        }
        self.rung = 1;
        let (from, to, why) = (from.clone(), to.clone(), why.to_owned());
        effects.events.push(EventKind::Escalated { from, to, why });
        true
    }

    /// Returns who is to be asked for repairs first, if that is not the first candidate any more.
    pub(super) fn escalated_to(&self) -> Option<String> {
        (self.rung > 0).then(|| self.brief.repairers.get(self.rung).cloned()).flatten()
    }

    /// Returns whether the run can go on without the repair under way: all that is red was red before the job, or nothing is red
    /// and no test was executed.
    pub(super) fn may_do_without_repair(&self) -> bool {
        match self.report.as_ref().map(CheckReport::verdict) {
            Some(Verdict::Failed) => self.is_only_red_before(),
            Some(Verdict::Unverified) => true,
            Some(Verdict::Passed) | None => false,
        }
    }

    fn mend_again(&mut self, note: &str, effects: &mut Effects) {
        let Some(report) = self.report.clone() else { return };
        if self.repairs >= self.brief.limits.repairs {
            let why = format!("not mended after {} repairs", self.repairs);
            return self.give_up(FailureKind::ChecksFailed, &why, effects);
        }
        let mut why = note.to_owned();
        why.push_str(&self.comparison.as_ref().map(prompt::comparison_text).unwrap_or_default());
        why.push_str(&prompt::failures_text(&report));
        let printed: String = report
            .setup_failed
            .iter()
            .chain(&report.outcomes)
            .filter(|outcome| outcome.verdict() == Verdict::Failed)
            .map(|outcome| format!("{}\n", bounded(&outcome.output, 200_000)))
            .collect();
        self.places = output::places(&printed, &self.tree);
        let failed = report.outcomes.iter().flat_map(|outcome| &outcome.tests);
        let failed = failed.filter(|test| test.status == TestStatus::Failed);
        let files: Vec<RepoPath> = failed.filter_map(|test| file_of(&test.name, &self.tree).cloned()).take(5).collect();
        self.begin_repair(why, files, BTreeSet::new(), effects);
    }

    /// Has the open findings mended or answered, with what `more` there is to know. A person decides if that may not be tried again.
    pub(super) fn mend_findings(&mut self, more: &str, effects: &mut Effects) {
        let open: Vec<_> = self.findings.iter().filter(|tracked| tracked.standing.is_open()).collect();
        if self.repairs >= self.brief.limits.repairs {
            let list: Vec<String> = open.iter().map(|tracked| bounded(&tracked.to_string(), 300)).collect();
            let reason = format!("findings still stand after {} repairs: {}", self.repairs, list.join("; "));
            return self.leave_to_a_person(reason, effects);
        }
        let why = format!("{}{more}", prompt::findings_text(&open));
        let asked = open.iter().map(|tracked| tracked.id.clone()).collect();
        let path = |text: &str| text.parse::<RepoPath>().ok();
        let named: Vec<_> = open.iter().filter_map(|one| Some((path(&one.finding.file)?, one.finding.line))).collect();
        let files = named.iter().map(|(path, _)| path.clone()).collect();
        self.places = named.into_iter().filter_map(|(path, line)| Some((path, line?))).collect();
        (self.last_failure, self.best) = (None, None);
        self.tried.clear();
        self.begin_repair(why, files, asked, effects);
    }

    /// Puts a repair onto a bench.
    fn begin_repair(&mut self, why: String, files: Vec<RepoPath>, asked: BTreeSet<String>, effects: &mut Effects) {
        self.repairs += 1;
        self.phase_begins(Phase::Repair, effects);
        let mut bench = Bench::new(StepKey::first(Phase::Repair).with_attempt(self.repairs), &self.tree);
        let mut shown: Vec<RepoPath> = self.changed().into_iter().map(|(path, _, _)| path).collect();
        shown.extend(files);
        shown.extend(self.places.iter().map(|(path, _)| path.clone()));
        let named = self.tree.0.keys().filter(|path| path.as_str().contains('.') && why.contains(path.as_str()));
        shown.extend(named.cloned());
        shown.retain(|path| self.tree.get(path).is_some_and(|entry| entry.mode.is_file()));
        let mut seen = BTreeSet::new();
        bench.shown = shown.into_iter().filter(|path| seen.insert(path.clone())).take(MAX_SHOWN).collect();
        bench.asked = asked;
        self.why = why;
        self.stage = Stage::Repair(Box::new(bench));
    }

    pub(super) fn step_repair(&mut self, syntax: &dyn Syntax, effects: &mut Effects) -> bool {
        let Stage::Repair(bench) = &mut self.stage else { return false };
        let placeholder = Bench::new(bench.key.clone(), &FileTree::default());
        let mut bench = std::mem::replace(bench, Box::new(placeholder));
        if matches!(self.inbox.get(&bench.key), Some(Answer::Declined(_))) {
            self.inbox.remove(&bench.key);
            effects.applied.push(bench.key.clone());
            bench.give_up(FailureKind::Configuration, "nobody could be asked for it");
            effects.events.push(self.attempt(&bench));
            self.give_up(FailureKind::ChecksFailed, "nobody could be asked for a repair", effects);
            return true;
        }
        let mut changed = false;
        if bench.opening.is_none() {
            bench.opening = Some(self.repair_opening(&bench, syntax));
            changed = true;
        }
        changed |= self.step_bench(&mut bench, syntax, effects);
        if !bench.is_over() {
            self.stage = Stage::Repair(bench);
            return changed;
        }
        effects.events.push(self.attempt(&bench));
        match bench.failure() {
            Some(failure) => self.repair_failed(&bench, &failure, effects),
            None => self.take_repair(*bench, effects),
        }
        true
    }

    /// A repair that no model could carry out.
    fn repair_failed(&mut self, bench: &Bench, failure: &Failure, effects: &mut Effects) {
        let why = format!("repair {}: {}", self.repairs, failure.message);
        if self.repairs < self.brief.limits.repairs && self.escalate(&why, effects) {
            return if bench.asked.is_empty() { self.mend_again("", effects) } else { self.mend_findings("", effects) };
        }
        self.give_up(failure.kind, &why, effects);
    }

    /// Takes in what a repair did: to files, and to findings.
    fn take_repair(&mut self, bench: Bench, effects: &mut Effects) {
        for tracked in self.findings.iter_mut().filter(|tracked| bench.asked.contains(&tracked.id)) {
            tracked.standing = match bench.answers.get(&tracked.id) {
                Some(reason) => Standing::Answered { reason: reason.clone() },
                None => Standing::Mended,
            };
            effects.events.push(EventKind::Found { found: tracked.clone() });
        }
        let is_same = bench.tree == bench.base;
        if is_same && bench.is_answered() {
            return self.begin_critique(effects);
        }
        for (path, _, _) in crate::diff::changed_paths(&bench.base, &bench.tree) {
            self.steps.insert(path, bench.key.clone());
        }
        self.last_attempt = Some(bench.key.clone().with_turn(1));
        self.tree = bench.tree;
        if bench.asked.is_empty() && self.tried.contains(&self.tree.root_hash()) {
            self.restore(effects);
            return self.no_progress("the last repair led back to files that were tested before", effects);
        }
        self.begin_test(effects);
    }

    /// Ends the repairs. What is left is the best tree; if all that is red there was red before the job, the run goes on with it.
    fn give_up(&mut self, kind: FailureKind, why: &str, effects: &mut Effects) {
        self.restore(effects);
        if self.may_do_without_repair() && self.findings.iter().all(|tracked| !tracked.standing.is_open()) {
            return self.after_test(effects);
        }
        let mut message = why.to_owned();
        if let Some(report) = self.report.as_ref().filter(|report| report.verdict() == Verdict::Failed) {
            let broken = self.comparison.as_ref().map(prompt::comparison_text).unwrap_or_default();
            let failures = prompt::failures_text(report);
            message = format!("{why}:\n{}", bounded(&format!("{broken}{failures}"), MAX_SUMMARY));
        }
        if let Some(attempt) = self.best.as_ref().and_then(|best| best.attempt.as_ref()) {
            let job = self.brief.assignment.job.number();
            message.push_str(&format!("\nThe best attempt is kept: vdo diff {job} --attempt {attempt}"));
        }
        self.fail(Failure::new(kind, message));
    }

    fn repair_opening(&self, bench: &Bench, syntax: &dyn Syntax) -> String {
        let mut text = self.rules_text(Some(&bench.ruled(self))).text;
        text.push_str(&self.brief.assignment.render());
        if let Some(plan) = &self.plan {
            text.push_str(&prompt::plan_text(plan));
        }
        let changed: BTreeSet<RepoPath> = self.steps.keys().cloned().collect();
        excerpt::show(&mut text, bench, &self.places, &changed, (&self.given, &self.contents), syntax);
        text.push_str(&self.why);
        text
    }
}
