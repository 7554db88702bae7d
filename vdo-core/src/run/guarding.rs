//! What the guard finds in a change: it has to be mended before a critic sees it, or a person decides.
//!
//! Invariant: a change with a blocker of the guard is never delivered as completed.

use std::collections::BTreeSet;

use super::state::{Effects, Run};
use crate::content::BlobHash;
use crate::context::{self, bounded};
use crate::event::EventKind;
use crate::findings::{Finder, Finding, Severity, Standing};
use crate::guard::{self, Change};
use crate::id::Phase;
use crate::path::RepoPath;
use crate::syntax::Syntax;

/// The most bytes of a file as it was that a repair is shown.
const MAX_ORIGINAL: usize = 8_000;
/// The most files as they were that a repair is shown.
const MAX_ORIGINALS: usize = 5;

impl Run {
    /// Returns the contents that the guard and the critic look at.
    pub(super) fn critique_wants(&self) -> BTreeSet<BlobHash> {
        let mut wanted = self.change_wants();
        wanted.extend(guard::needs(&self.given, &self.tree));
        wanted
    }

    /// Has the guard look at the change. Returns what stands for the critic to judge; none if the run goes elsewhere.
    pub(super) fn guard(&mut self, syntax: &dyn Syntax, effects: &mut Effects) -> Option<Vec<Finding>> {
        let findings = self.inspected(syntax);
        let known = |finding: &Finding| self.guarded.iter().any(|asked| is_same(asked, finding));
        let (standing, fresh): (Vec<Finding>, Vec<Finding>) =
            findings.into_iter().partition(|finding| known(finding) || !finding.must_be_fixed());
        if !fresh.is_empty() {
            tell(&fresh, effects);
            let originals = self.originals(&fresh);
            self.guarded.extend(fresh.iter().cloned());
            self.raise(fresh, Finder::Machine, effects);
            self.has_vanished(effects);
            self.mend_findings(&originals, effects);
            return None;
        }
        let blockers: Vec<&Finding> = standing.iter().filter(|finding| finding.severity == Severity::Blocker).collect();
        if !blockers.is_empty() {
            let list: Vec<String> = blockers.iter().map(ToString::to_string).collect();
            tell(&standing, effects);
            self.leave_to_a_person(format!("findings still stand after a repair: {}", list.join("; ")), effects);
            return None;
        }
        if self.has_vanished(effects) {
            self.mend_findings("", effects);
            return None;
        }
        if standing.iter().any(Finding::must_be_fixed) {
            tell(&standing, effects);
        }
        // What a repair left as it is was answered by that; the critic judges it.
        for tracked in self.findings.iter_mut().filter(|tracked| tracked.standing == Standing::Mended) {
            if standing.iter().any(|finding| is_same(finding, &tracked.finding)) {
                tracked.standing = Standing::Answered { reason: "a repair left it as it is".to_owned() };
                effects.events.push(EventKind::Found { found: tracked.clone() });
            }
        }
        Some(standing)
    }

    /// Takes up the tests that passed before and are not run any more; returns whether some still have to be mended or answered.
    fn has_vanished(&mut self, effects: &mut Effects) -> bool {
        let vanished = self.vanished_findings();
        self.raise(vanished.clone(), Finder::Machine, effects);
        let is_open = |finding: &Finding| {
            self.findings.iter().any(|known| known.standing.is_open() && is_same(&known.finding, finding))
        };
        vanished.iter().any(is_open)
    }

    fn inspected(&self, syntax: &dyn Syntax) -> Vec<Finding> {
        let repaired: BTreeSet<RepoPath> =
            self.steps.iter().filter(|(_, key)| key.phase == Phase::Repair).map(|(path, _)| path.clone()).collect();
        guard::inspect(&Change {
            before: &self.given,
            after: &self.tree,
            contents: &self.contents,
            syntax,
            plan: self.plan.as_ref(),
            assignment: &self.brief.assignment,
            repaired: &repaired,
        })
    }

    /// Writes the files that findings are about as they were, so that what was lost can be brought back.
    fn originals(&self, findings: &[Finding]) -> String {
        let mut text = String::new();
        let files: BTreeSet<&str> = findings.iter().map(|finding| finding.file.as_str()).collect();
        for file in files.into_iter().take(MAX_ORIGINALS) {
            let Some((path, entry)) = self.given.0.get_key_value(file) else { continue };
            let Some(body) = self.contents.text(entry.blob) else { continue };
            if self.tree.get(path) == Some(*entry) {
                continue;
            }
            if text.is_empty() {
                text.push_str("## As it was before this job\n");
            }
            context::file(&mut text, path, &bounded(body, MAX_ORIGINAL));
        }
        text
    }
}

fn is_same(one: &Finding, other: &Finding) -> bool {
    one.by == other.by && one.file == other.file && one.claim == other.claim
}

fn tell(findings: &[Finding], effects: &mut Effects) {
    let findings = findings.iter().map(|finding| bounded(&finding.to_string(), 500)).collect();
    effects.events.push(EventKind::Guarded { findings });
}
