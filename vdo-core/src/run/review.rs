//! The review of a change, and what becomes of its findings.
//!
//! A finding has an id that stays, f1, f2, … . It is mended or answered; the critic of the next round sees the answers and lets
//! them hold or not. Invariant: nothing that has to be mended is dropped silently.

use std::sync::LazyLock;

use super::Answer;
use super::planning::Talk;
use super::state::{Ask, Effects, Run, Stage};
use crate::context::bounded;
use crate::event::EventKind;
use crate::failure::{Failure, FailureKind};
use crate::findings::{Critique, Finder, Finding, Standing, Tracked};
use crate::id::Phase;
use crate::message::OutputSchema;
use crate::path::RepoPath;
use crate::port::Outcome;
use crate::prompt;
use crate::reply;
use crate::syntax::Syntax;

/// The most bytes of a patch that a critic is shown.
const MAX_PATCH: usize = 120_000;
/// The most findings of one review that have to be mended; the rest comes with the next.
const MAX_OPEN: usize = 20;
/// The most findings a job keeps.
const MAX_KEPT: usize = 200;
/// The most bytes of each text of a finding.
const MAX_TEXT: usize = 2000;

impl Run {
    pub(super) fn begin_critique(&mut self, effects: &mut Effects) {
        self.phase_begins(Phase::Critique, effects);
        self.stage = Stage::Critique(Talk::at(self.critiques));
    }

    pub(super) fn critique_ask(&self, talk: &Talk) -> Ask {
        let opening = talk.opening.as_deref().unwrap_or_default();
        let mut ask = self.ask(&self.brief.prompts.critique, opening, &talk.messages, &talk.key(Phase::Critique));
        static SCHEMA: LazyLock<OutputSchema> =
            LazyLock::new(|| OutputSchema { name: "critique".to_owned(), schema: crate::schema::of::<Critique>() });
        ask.output = Some(&SCHEMA);
        ask
    }

    pub(super) fn step_critique(&mut self, syntax: &dyn Syntax, effects: &mut Effects) -> bool {
        let Stage::Critique(talk) = &self.stage else { return false };
        if talk.opening.is_none() {
            let Some(standing) = self.guard(syntax, effects) else { return true };
            let patch = bounded(&self.patch(), MAX_PATCH).replace("```", "'''");
            let mut opening = self.rules_text(Some(&self.touched())).text;
            opening.push_str(&self.brief.assignment.render());
            opening.push_str(&prompt::evidence_text(self.report.as_ref(), self.comparison.as_ref()));
            opening.push_str(&prompt::settled_text(&self.findings));
            opening.push_str(&prompt::standing_text(&standing));
            opening.push_str(&format!("## The change\n```diff\n{patch}```\n\n"));
            if let Stage::Critique(talk) = &mut self.stage {
                talk.opening = Some(opening);
            }
            return true;
        }
        let (key, is_first) = (talk.key(Phase::Critique), talk.messages.is_empty());
        let Some(Answer::Reply(reply)) = self.inbox.remove(&key) else { return false };
        effects.applied.push(key.clone());
        self.critiques += 1;
        let limit = self.brief.limits.critiques;
        let is_last = self.critiques > limit;
        let read = reply::json::<Critique>(&reply).map_err(|fault| vec![fault]);
        let faults = match read {
            Ok(critique) => {
                let (usable, faults): (Vec<_>, Vec<_>) = self.usable(critique.findings);
                if faults.is_empty() || !is_first || is_last {
                    if !faults.is_empty() {
                        effects.events.push(EventKind::Refused { step: key.clone(), faults });
                    }
                    effects.outcomes.push((key.clone(), Outcome::Accepted));
                    self.judge_findings(key.attempt, usable, &critique.keep, effects);
                    return true;
                }
                faults
            }
            Err(faults) => faults,
        };
        effects.outcomes.push((key.clone(), Outcome::Refused));
        effects.events.push(EventKind::Refused { step: key, faults: faults.clone() });
        if is_last {
            let message = format!("no review could be read after {limit} attempts; the last: {}", faults.join("; "));
            self.fail(Failure::new(FailureKind::UnusableReply, message));
        } else if let Stage::Critique(talk) = &mut self.stage {
            talk.refuse(&reply, &faults);
        }
        true
    }

    /// Parts findings that can be acted on from those that name files which nobody has.
    fn usable(&self, findings: Vec<Finding>) -> (Vec<Finding>, Vec<String>) {
        let (mut usable, mut faults) = (Vec::new(), Vec::new());
        for (at, mut finding) in (1..).zip(findings) {
            let is_known = |path: &str| {
                let path = path.parse::<RepoPath>().ok();
                path.is_some_and(|path| self.tree.get(&path).is_some() || self.base.get(&path).is_some())
            };
            let named = finding.file.trim().to_owned();
            let bare = named.trim_start_matches("./");
            let without_line = bare.split_once(':').map_or(bare, |(path, _)| path);
            let cut = |path: &str| path.strip_prefix("a/").or_else(|| path.strip_prefix("b/")).map(str::to_owned);
            let in_patch = [cut(bare), cut(without_line)].into_iter().flatten();
            let is_about_all = named.is_empty() || finding.id.as_ref().is_some_and(|id| self.has_finding(id));
            let spelled = [bare.to_owned(), without_line.to_owned()].into_iter().chain(in_patch);
            match spelled.into_iter().find(|path| is_known(path)) {
                Some(path) => finding.file = path,
                // What need not be mended is only told.
                None if is_about_all || !finding.must_be_fixed() => {}
                None => {
                    let claim = bounded(&finding.claim, 200);
                    let named = bounded(&named, 200);
                    faults.push(format!(
                        "finding {at} ({claim}) names {named}, which is neither in the change nor in the codebase"
                    ));
                    continue;
                }
            }
            usable.push(finding);
        }
        (usable, faults)
    }

    fn has_finding(&self, id: &str) -> bool {
        self.findings.iter().any(|tracked| tracked.id == id)
    }

    fn judge_findings(&mut self, attempt: u32, findings: Vec<Finding>, keep: &[String], effects: &mut Effects) {
        // An answer holds unless the critic names its finding again.
        for tracked in &mut self.findings {
            let Standing::Answered { reason } = &tracked.standing else { continue };
            let is_named = |id: &String| id.trim().eq_ignore_ascii_case(&tracked.id);
            let again = findings.iter().filter_map(|finding| finding.id.as_ref()).any(is_named);
            let reason = reason.clone();
            tracked.standing = if again || keep.iter().any(is_named) {
                Standing::Kept { reason }
            } else {
                Standing::Accepted { reason }
            };
            effects.events.push(EventKind::Found { found: tracked.clone() });
        }
        let said = findings.iter().map(|finding| Finding { by: None, ..finding.clone() }).collect();
        self.raise(said, Finder::Critic, effects);
        let line = |finding: &Finding| {
            let is_it = |known: &&Tracked| known.finding.file == finding.file && known.finding.claim == finding.claim;
            let known = self.findings.iter().find(is_it).filter(|_| finding.must_be_fixed());
            bounded(&known.map_or_else(|| finding.to_string(), ToString::to_string), 500)
        };
        let lines = findings.iter().map(line).collect();
        effects.events.push(EventKind::Critiqued { attempt, findings: lines });
        let open: Vec<&Tracked> = self.findings.iter().filter(|tracked| tracked.standing.is_open()).collect();
        if open.is_empty() {
            self.begin_sandbox(effects);
        } else if self.critiques > self.brief.limits.critiques {
            let list: Vec<String> = open.iter().map(|tracked| bounded(&tracked.to_string(), 300)).collect();
            let reason = format!("findings still stand after {attempt} reviews: {}", list.join("; "));
            self.leave_to_a_person(reason, effects);
        } else {
            self.mend_findings("", effects);
        }
    }

    /// Takes findings up. One that came up before is the same again, whoever says so.
    pub(super) fn raise(&mut self, findings: Vec<Finding>, by: Finder, effects: &mut Effects) {
        for mut finding in findings.into_iter().filter(Finding::must_be_fixed).take(MAX_OPEN) {
            (finding.claim, finding.suggestion) =
                (bounded(&finding.claim, MAX_TEXT), bounded(&finding.suggestion, MAX_TEXT));
            let given = finding.id.take();
            let is_same = |known: &Tracked| {
                let same_id = given.as_ref().is_some_and(|id| id.trim().eq_ignore_ascii_case(&known.id));
                same_id || (known.finding.file == finding.file && known.finding.claim == finding.claim)
            };
            if let Some(known) = self.findings.iter_mut().find(|known| is_same(known)) {
                let is_settled = matches!(known.standing, Standing::Answered { .. } | Standing::Accepted { .. });
                // What the machine sees again was answered already; what a critic says again does not hold.
                if known.standing.is_open() || (by == Finder::Machine && is_settled) {
                    continue;
                }
                known.standing = match known.standing.reason() {
                    Some(reason) => Standing::Kept { reason: reason.to_owned() },
                    None => Standing::Open,
                };
                effects.events.push(EventKind::Found { found: known.clone() });
                continue;
            }
            if self.findings.len() >= MAX_KEPT {
                return;
            }
            let id = format!("f{}", self.findings.len() + 1);
            let tracked = Tracked { id, finding, by, standing: Standing::Open };
            effects.events.push(EventKind::Found { found: tracked.clone() });
            self.findings.push(tracked);
        }
    }
}
