//! Building in waves: tasks whose paths are disjoint work side by side, then their trees are joined in task order.

use std::collections::{BTreeMap, BTreeSet};

use super::Answer;
use super::bench::{Bench, Rules};
use super::ground::Reader;
use super::rescan;
use super::state::{Effects, End, Run, Stage};
use crate::check::CommandSource;
use crate::content::BlobHash;
use crate::context;
use crate::diff;
use crate::failure::Failure;
use crate::id::Phase;
use crate::job::MergePolicy;
use crate::merge;
use crate::path::RepoPath;
use crate::prompt;
use crate::syntax::Syntax;
use crate::task::Task;

impl Run {
    /// Puts the tasks that can start onto benches: their dependencies are done and their paths are nobody else's.
    pub(super) fn next_wave(&mut self) {
        let Stage::Build { done, .. } = &self.stage else { return };
        let Some(plan) = &self.plan else { return };
        let mut chosen: Vec<&Task> = Vec::new();
        for task in plan.tasks.iter().filter(|task| !done.contains(&task.id)) {
            let free = task.paths().all(|path| !chosen.iter().any(|other| other.paths().any(|taken| taken == path)));
            if free && task.depends_on.iter().all(|on| done.contains(on)) {
                chosen.push(task);
            }
        }
        let benches = chosen
            .iter()
            .map(|task| {
                let others = chosen.iter().filter(|other| other.id != task.id);
                let foreign: BTreeSet<RepoPath> = others.flat_map(|other| other.paths()).cloned().collect();
                Bench::for_task(task, foreign, &self.tree)
            })
            .collect();
        if let Stage::Build { wave, .. } = &mut self.stage {
            *wave = benches;
        }
    }

    pub(super) fn step_build(&mut self, syntax: &dyn Syntax, effects: &mut Effects) -> bool {
        let Stage::Build { wave, done } = &mut self.stage else { return false };
        let mut benches = std::mem::take(wave);
        let finished = done.clone();
        let mut changed = false;
        for bench in &mut benches {
            if bench.opening.is_none() {
                bench.opening = Some(self.task_opening(bench));
                changed = true;
            }
            if self.step_bench(bench, syntax, effects) {
                changed = true;
                effects.events.extend(bench.is_over().then(|| self.attempt(bench)));
            }
        }
        let over = benches.iter().all(Bench::is_over);
        let failure = benches.iter().find_map(|bench| Some((bench.key.task.clone(), bench.failure()?)));
        if let Stage::Build { wave, .. } = &mut self.stage {
            *wave = benches;
        }
        if !over || !self.missing().is_empty() {
            return changed;
        }
        if let Some((task, why)) = failure {
            let task = task.map_or_else(String::new, |task| format!("task {task}: "));
            self.fail(Failure::new(why.kind, format!("{task}{}", why.message)));
            return true;
        }
        self.join(finished, syntax, effects);
        true
    }

    /// Lets a bench take in what came for it.
    pub(super) fn step_bench(&mut self, bench: &mut Bench, syntax: &dyn Syntax, effects: &mut Effects) -> bool {
        let limits = &self.brief.limits;
        let style = self.style(bench.key.phase);
        let (given, plan) = (&self.given, self.plan.as_ref());
        let (turns, refusals, looks) = (limits.turns, limits.refusals, limits.looks);
        let is_judged = !self.commands.is_empty();
        let rules = Rules { is_judged, style, turns, refusals, looks, syntax, given, plan };
        bench.step(&mut self.inbox, &mut self.contents, &rules, effects)
    }

    fn task_opening(&self, bench: &Bench) -> String {
        // What changes least comes first: rules and summary are the same for all tasks, then come the job, the code, the task.
        let mut text = self.rules_text(Some(&bench.ruled(self))).text;
        text.push_str(&self.summary_text(Reader::Builder));
        text.push_str(&self.brief.assignment.render());
        text.push_str(&self.plan.as_ref().map(prompt::plan_text).unwrap_or_default());
        self.show_files(&mut text, bench);
        let tasks = self.plan.iter().flat_map(|plan| &plan.tasks);
        let task = tasks.into_iter().find(|task| Some(&task.id) == bench.key.task.as_ref());
        text.push_str(&task.map(prompt::task_text).unwrap_or_default());
        text
    }

    pub(super) fn show_files(&self, text: &mut String, bench: &Bench) {
        if !bench.shown.is_empty() {
            text.push_str("## The files as they are\n");
        }
        for path in &bench.shown {
            match bench.tree.get(path).map(|entry| self.contents.text(entry.blob)) {
                Some(Some(body)) => context::file(text, path, body),
                Some(None) => text.push_str(&format!("{path}: not UTF-8 text\n\n")),
                None => text.push_str(&format!("{path}: not there\n\n")),
            }
        }
    }

    /// Returns the contents that joining the wave needs, once all its benches are over.
    pub(super) fn join_wants(&self) -> BTreeSet<BlobHash> {
        let Stage::Build { wave, .. } = &self.stage else { return BTreeSet::new() };
        if wave.len() < 2 || !wave.iter().all(|bench| bench.done) {
            return BTreeSet::new();
        }
        let mut wanted = BTreeSet::new();
        // Joins one after the other; what a join makes itself is at hand.
        let mut joined = self.tree.clone();
        for bench in wave {
            wanted.extend(merge::needed(&bench.base, &joined, &bench.tree));
            for (path, _, after) in diff::changed_paths(&bench.base, &bench.tree) {
                match after {
                    Some(entry) => joined.0.insert(path, entry),
                    None => joined.0.remove(&path),
                };
            }
        }
        wanted
    }

    fn join(&mut self, mut finished: BTreeSet<crate::id::TaskId>, syntax: &dyn Syntax, effects: &mut Effects) {
        let Stage::Build { wave, .. } = &mut self.stage else { return };
        for bench in std::mem::take(wave) {
            let merged = merge::trees(&bench.base, &self.tree, &bench.tree, &self.contents, syntax);
            if let Some(conflict) = merged.conflicts.first() {
                let reason =
                    format!("two tasks changed {} in ways that do not merge: {}", conflict.path, conflict.reason);
                self.stage = Stage::Ended(End::NeedsDecision(reason));
                return;
            }
            self.supply(&merged.blobs);
            effects.blobs.extend(merged.blobs);
            for (path, _, _) in diff::changed_paths(&bench.base, &bench.tree) {
                self.steps.insert(path, bench.key.clone());
            }
            self.tree = merged.tree;
            finished.extend(bench.key.task);
        }
        let all = self.plan.as_ref().map_or(0, |plan| plan.tasks.len());
        let complete = finished.len() >= all;
        self.stage = Stage::Build { done: finished, wave: Vec::new() };
        if complete {
            self.tell_drift(effects);
        }
        if !complete {
            self.next_wave();
        } else if self.commands.is_empty() || self.has_new_paths() || self.has_new_needs() {
            // What the new files imply: tests where there were none, something to install.
            self.stage = Stage::Rescan;
        } else {
            self.begin_test(effects);
        }
    }

    /// Tells whether a file changed that says what the project needs installed or how it is tested.
    fn has_new_needs(&self) -> bool {
        const NAMES: [&str; 8] =
            ["Cargo.toml", "package.json", "pyproject.toml", "setup.py", "setup.cfg", "Pipfile", "go.mod", "tox.ini"];
        diff::changed_paths(&self.given, &self.tree).iter().any(|(path, _, _)| {
            let name = path.file_name();
            NAMES.contains(&name) || (name.starts_with("requirements") && path.extension() == Some("txt"))
        })
    }

    /// Tells whether files came or went.
    fn has_new_paths(&self) -> bool {
        self.tree.len() != self.given.len() || self.tree.0.keys().any(|path| !self.given.0.contains_key(path))
    }

    pub(super) fn take_rescanned(&mut self, effects: &mut Effects) -> bool {
        let key = rescan();
        let named = self.commands.iter().any(|command| command.source == CommandSource::User);
        let Some(Answer::Scanned(scanned)) = self.inbox.get(&key) else { return false };
        let is_other = !named && !scanned.checks.is_empty() && self.commands != scanned.checks;
        if is_other && self.is_base_open() {
            // Other commands are compared with a report of their own, after the one under way.
            return false;
        }
        let Some(Answer::Scanned(scanned)) = self.inbox.remove(&key) else { return false };
        effects.applied.push(key);
        if is_other {
            self.commands.clone_from(&scanned.checks);
        }
        self.scanned = scanned;
        self.plan_base();
        self.begin_test(effects);
        true
    }

    pub(super) fn begin_test(&mut self, effects: &mut Effects) {
        if self.is_plain_merge() && (self.commands.is_empty() || self.brief.merge.policy == MergePolicy::Clean) {
            self.begin_deliver(effects);
        } else if self.commands.is_empty() {
            self.begin_critique(effects);
        } else {
            self.phase_begins(Phase::Test, effects);
            self.prechecks = None;
            self.stage = Stage::Test;
        }
    }

    /// Returns the paths that changed since the parents, with what lay there.
    pub(super) fn changed(&self) -> Vec<(RepoPath, Option<crate::content::Entry>, Option<crate::content::Entry>)> {
        diff::changed_paths(&self.base, &self.tree)
    }

    /// Returns the contents of everything that changed, before and after.
    pub(super) fn change_wants(&self) -> BTreeSet<BlobHash> {
        self.changed()
            .iter()
            .flat_map(|(_, before, after)| [*before, *after])
            .flatten()
            .map(|entry| entry.blob)
            .collect()
    }

    /// Writes the whole change as a patch.
    pub(super) fn patch(&self) -> String {
        let mut text = String::new();
        let mut sides: BTreeMap<BlobHash, crate::content::Bytes> = BTreeMap::new();
        for hash in self.change_wants() {
            if let Some(bytes) = self.contents.get(hash) {
                sides.insert(hash, bytes);
            }
        }
        for (path, before, after) in self.changed() {
            let side = |entry: Option<crate::content::Entry>| {
                entry.and_then(|entry| sides.get(&entry.blob).map(|bytes| (entry, bytes.as_ref())))
            };
            text.push_str(&diff::file_patch(&path, side(before), side(after)));
        }
        text
    }
}
