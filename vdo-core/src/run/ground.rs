//! What every request of a run stands on: the project's rules and its summary, and what became of the plan's files.

use std::collections::BTreeSet;

use super::state::{Effects, Run};
use crate::content::BlobHash;
use crate::diff;
use crate::event::{Drift, EventKind};
use crate::path::RepoPath;
use crate::rules;

/// How many tokens of the summary a planner and a builder are shown.
const PLANNER_TOKENS: usize = 1200;
const BUILDER_TOKENS: usize = 500;

/// Who is shown the summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    Planner,
    Builder,
}

impl Run {
    /// Returns the contents of the rules that [`Self::rules_text`] shows.
    pub(super) fn rules_want(&self, touched: Option<&BTreeSet<RepoPath>>) -> BTreeSet<BlobHash> {
        let chosen = rules::chosen(&self.scanned.rules, touched).into_iter();
        chosen.filter_map(|path| self.given.get(path)).map(|entry| entry.blob).collect()
    }

    /// Writes the rules as they were before the job: all of them, or those that apply to what is touched.
    pub(super) fn rules_text(&self, touched: Option<&BTreeSet<RepoPath>>) -> rules::Sent {
        rules::write(&rules::chosen(&self.scanned.rules, touched), &self.given, &self.contents)
    }

    /// Tells of rules that were not sent whole.
    pub(super) fn tell_cut_rules(&self, sent: &rules::Sent, effects: &mut Effects) {
        for (path, bytes) in &sent.cut {
            let text = format!("{path} has {bytes} bytes; its first {} are sent as rules", rules::MAX_FILE);
            effects.events.push(EventKind::Note { text, tier: None });
        }
        if let Some(first) = sent.left_out.first() {
            let count = sent.left_out.len();
            let text =
                format!("{count} files with rules have no room with the others and are only named, {first} first");
            effects.events.push(EventKind::Note { text, tier: None });
        }
    }

    /// Writes the summary for a reader.
    pub(super) fn summary_text(&self, reader: Reader) -> String {
        let tokens = match reader {
            Reader::Planner => PLANNER_TOKENS,
            Reader::Builder => BUILDER_TOKENS,
        };
        let text = self.scanned.summary.render(tokens);
        if text.is_empty() { text } else { format!("## The project at a glance\n{text}\n") }
    }

    /// Returns the paths that the change so far touches.
    pub(super) fn touched(&self) -> BTreeSet<RepoPath> {
        diff::changed_paths(&self.given, &self.tree).into_iter().map(|(path, _, _)| path).collect()
    }

    /// Compares the plan's files with those that were really touched, and tells what changed about that.
    pub(super) fn tell_drift(&mut self, effects: &mut Effects) {
        let Some(plan) = &self.plan else { return };
        let planned: BTreeSet<RepoPath> = plan.tasks.iter().flat_map(crate::task::Task::paths).cloned().collect();
        let drift = Drift::between(&planned, &self.touched());
        let was_none = self.drift.as_ref().is_none_or(Drift::is_none);
        if self.drift.as_ref() != Some(&drift) && !(was_none && drift.is_none()) {
            effects.events.push(EventKind::Drift { drift: drift.clone() });
        }
        self.drift = Some(drift);
    }
}
