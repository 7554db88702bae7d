//! Bringing several parents together, one after the other, in their order.
//!
//! What does not merge is decided before the next parent comes: by a person's word from an earlier try, by a model where
//! the policy lets one, else not at all, and the run ends with a question. A model's answer counts only if it passes
//! [`check_text`] and [`check_resolution`]; it goes back once with the reason. Invariant: no path of a round is left in conflict in the tree that
//! the next round, or the scan, starts from.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::planning::Talk;
use super::resolution::{Terms, check_text, side_labels, whole_file};
use super::state::{Effects, End, MergeBrief, MergeWork, Run, Stage, Work};
use super::{Answer, Ask};
use crate::conflict::{ConflictRow, Decision, How};
use crate::content::{Blob, BlobHash, Entry, Mode};
use crate::context;
use crate::event::EventKind;
use crate::failure::{Failure, FailureKind};
use crate::id::{Phase, StepKey, TaskId};
use crate::job::MergePolicy;
use crate::merge::resolution::check_resolution;
use crate::message::Reply;
use crate::port::Outcome;
use crate::syntax::Syntax;
use crate::time::Timestamp;
use crate::tree::FileTree;

/// How often a model is asked about one conflict.
const MAX_ASKED: u32 = 2;
/// The most conflicts of a round that models are asked about; a merge with more needs a person.
const MAX_ASKED_PATHS: usize = 100;
/// How many paths a reason names.
const MAX_NAMED: usize = 10;

/// The merge of one further parent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Merging {
    /// Its ordinal among the parents.
    round: u32,
    /// The conflicts of earlier rounds.
    before: u32,
    /// The tree, once it is merged as far as it goes.
    merged: Option<FileTree>,
    clashes: Vec<Clash>,
}

/// A path in conflict, on its way to a decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Clash {
    row: ConflictRow,
    talk: Talk,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    /// Nobody looked at it yet.
    Fresh,
    /// A model is asked.
    Asked,
    /// It is decided what lies there.
    Decided(How, Option<Entry>),
    /// It needs a person.
    Left,
}

impl Clash {
    fn task(&self) -> Option<TaskId> {
        format!("c{}", self.row.ordinal).parse().ok()
    }

    fn key(&self) -> StepKey {
        StepKey { task: self.task(), ..self.talk.key(Phase::Merge) }
    }

    fn is_settled(&self) -> bool {
        matches!(self.state, State::Decided(..) | State::Left)
    }

    fn terms(&self) -> impl Iterator<Item = Entry> {
        [self.row.base, self.row.ours, self.row.theirs].into_iter().flatten()
    }
}

impl Merging {
    pub(super) fn at(round: u32, before: u32) -> Self {
        Self { round, before, merged: None, clashes: Vec::new() }
    }

    fn key(&self) -> StepKey {
        StepKey::first(Phase::Merge).with_attempt(self.round)
    }

    pub(super) fn ready(&self) -> Vec<StepKey> {
        match self.merged {
            None => vec![self.key()],
            Some(_) => self.clashes.iter().filter(|clash| clash.state == State::Asked).map(Clash::key).collect(),
        }
    }

    pub(super) fn work(&self, key: &StepKey, run: &Run) -> Option<Work> {
        if self.merged.is_none() {
            return Some(Work::Merge(Box::new(MergeWork { round: self.round, ours: run.tree.clone() })));
        }
        let clash = self.clashes.iter().find(|clash| clash.key() == *key)?;
        let opening = clash.talk.opening.as_deref().unwrap_or_default();
        let ask: Ask = run.ask(&run.brief.prompts.merge, opening, &clash.talk.messages, key);
        Some(Work::Ask(Box::new(Ask { edit_format: Some("whole"), ..ask })))
    }

    /// Returns the contents it needs for its next move.
    pub(super) fn wanted(&self, brief: &MergeBrief) -> BTreeSet<BlobHash> {
        if !brief.may_ask() || self.merged.is_none() {
            return BTreeSet::new();
        }
        let open = self.clashes.iter().filter(|clash| !clash.is_settled() && brief.decision(&clash.row).is_none());
        open.flat_map(Clash::terms).filter(|entry| entry.mode.is_file()).map(|entry| entry.blob).collect()
    }
}

impl MergeBrief {
    fn may_ask(&self) -> bool {
        self.policy == MergePolicy::Verified && self.can_ask
    }

    /// Returns what a person decided about a conflict.
    fn decision(&self, row: &ConflictRow) -> Option<(How, Option<Entry>)> {
        let (path, how, entry) = self.decisions.get(&row.ordinal)?;
        (*path == row.path).then_some((*how, *entry))
    }
}

impl Run {
    /// Returns whether there are several parents.
    pub(super) fn is_merge(&self) -> bool {
        self.parents.len() > 1
    }

    /// Returns whether nothing is asked for but that the parents come together.
    pub(super) fn is_plain_merge(&self) -> bool {
        self.is_merge() && self.brief.assignment.description.trim().is_empty()
    }

    pub(super) fn step_merge(&mut self, syntax: &dyn Syntax, effects: &mut Effects) -> bool {
        let Stage::Merge(merging) = &mut self.stage else { return false };
        let mut merging = std::mem::replace(merging, Box::new(Merging::at(0, 0)));
        let changed = if merging.merged.is_none() {
            self.take_merged(&mut merging, effects)
        } else {
            self.look_at_fresh(&mut merging, syntax) | self.take_answers(&mut merging, syntax, effects)
        };
        let over = merging.merged.is_some() && merging.clashes.iter().all(Clash::is_settled);
        if over {
            self.close_round(*merging);
            return true;
        }
        if matches!(self.stage, Stage::Merge(_)) {
            self.stage = Stage::Merge(merging);
        }
        changed
    }

    /// Takes in how far the parent could be merged.
    fn take_merged(&mut self, merging: &mut Merging, effects: &mut Effects) -> bool {
        let key = merging.key();
        let Some(Answer::Merged(merged)) = self.inbox.remove(&key) else { return false };
        effects.applied.push(key);
        self.supply(&merged.blobs);
        effects.blobs.extend(merged.blobs);
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let parent = usize::try_from(merging.round).ok().and_then(|at| self.parents.get(at)).copied();
        effects.events.extend(parent.map(|parent| EventKind::Merged {
            parent,
            files: count(merged.tree.len()),
            conflicts: count(merged.conflicts.len()),
        }));
        for (ordinal, conflict) in (merging.before + 1..).zip(merged.conflicts) {
            let (path, reason) = (conflict.path.clone(), conflict.reason.clone());
            effects.events.push(EventKind::Conflict { path, reason });
            let row = ConflictRow {
                ordinal,
                round: merging.round,
                path: conflict.path,
                base: conflict.base,
                ours: conflict.ours,
                theirs: conflict.theirs,
                base_path: conflict.places.base,
                ours_path: conflict.places.ours,
                theirs_path: conflict.places.theirs,
                kind: conflict.kind,
                reason: conflict.reason,
                decision: None,
                created: Timestamp(0),
            };
            effects.conflicts.push((row.clone(), None));
            merging.clashes.push(Clash { row, talk: Talk::at(1), state: State::Fresh });
        }
        merging.merged = Some(merged.tree);
        if self.brief.merge.policy == MergePolicy::Fail && !merging.clashes.is_empty() {
            let message = format!("the policy is to fail: {}", conflicts_text(&merging.clashes));
            self.fail(Failure::new(FailureKind::Conflict, message));
        }
        true
    }

    /// Says of each new conflict who decides it.
    fn look_at_fresh(&self, merging: &mut Merging, syntax: &dyn Syntax) -> bool {
        let brief = &self.brief.merge;
        let mut changed = false;
        let mut asked = merging.clashes.iter().filter(|clash| clash.state == State::Asked).count();
        for clash in merging.clashes.iter_mut().filter(|clash| clash.state == State::Fresh) {
            changed = true;
            clash.state = match brief.decision(&clash.row) {
                Some((how, entry)) => State::Decided(how, entry),
                None if !brief.may_ask() || asked >= MAX_ASKED_PATHS => State::Left,
                None => match Terms::of(&clash.row, &self.contents) {
                    Some(terms) => {
                        asked += 1;
                        clash.talk.opening = Some(self.merge_opening(&clash.row, &terms, syntax));
                        State::Asked
                    }
                    None => State::Left,
                },
            };
        }
        changed
    }

    fn take_answers(&mut self, merging: &mut Merging, syntax: &dyn Syntax, effects: &mut Effects) -> bool {
        let mut changed = false;
        for clash in merging.clashes.iter_mut().filter(|clash| clash.state == State::Asked) {
            let key = clash.key();
            let Some(Answer::Reply(reply)) = self.inbox.remove(&key) else { continue };
            changed = true;
            effects.applied.push(key.clone());
            match self.read_answer(&clash.row, &reply, syntax) {
                Ok((blob, mode)) => {
                    let outcome = if clash.talk.attempt == 1 { Outcome::Accepted } else { Outcome::Repaired };
                    effects.outcomes.push((key.clone(), outcome));
                    let entry = Some(Entry { blob: blob.hash(), mode });
                    let decision = Decision { entry, how: How::Model, author: String::new(), at: Timestamp(0) };
                    clash.row.decision = Some(decision);
                    clash.state = State::Decided(How::Model, entry);
                    effects.conflicts.push((clash.row.clone(), Some(key)));
                    self.contents.add(&blob);
                    effects.blobs.push(blob);
                }
                Err(faults) => {
                    effects.outcomes.push((key.clone(), Outcome::Refused));
                    effects.events.push(EventKind::Refused { step: key, faults: faults.clone() });
                    clash.talk.refuse(&reply, &faults);
                    if clash.talk.attempt > MAX_ASKED {
                        clash.state = State::Left;
                    }
                }
            }
        }
        changed
    }

    fn read_answer(&self, row: &ConflictRow, reply: &Reply, syntax: &dyn Syntax) -> Result<(Blob, Mode), Vec<String>> {
        let gone = || vec!["the versions are not at hand".to_owned()];
        let terms = Terms::of(row, &self.contents).ok_or_else(gone)?;
        let (shown, _) = terms.shown(&row.path, &self.labels(row), syntax);
        let text = whole_file(reply, &row.path, &shown)?;
        let text = terms.in_their_form(text);
        check_text(terms.texts(&row.path), &text, syntax).map_err(|fault| vec![fault])?;
        check_resolution(terms.texts(&row.path), text.as_bytes(), syntax).map_err(|fault| vec![fault.to_string()])?;
        Ok((Blob::new(text.into_bytes()), terms.mode))
    }

    /// Ends a round whose conflicts are all decided or left.
    fn close_round(&mut self, merging: Merging) {
        if matches!(self.stage, Stage::Ended(_)) {
            return;
        }
        let left: Vec<Clash> = merging.clashes.iter().filter(|clash| clash.state == State::Left).cloned().collect();
        let job = self.brief.assignment.job.number();
        if !left.is_empty() {
            let list = conflicts_text(&left);
            let reason = format!("{list}. See vdo conflicts {job}, decide with vdo resolve {job} PATH --take …");
            self.stage = Stage::Ended(End::NeedsDecision(reason));
            return;
        }
        let mut tree = merging.merged.unwrap_or_default();
        for place in merging.clashes.iter().flat_map(|clash| clash.row.places()) {
            tree.0.remove(place);
        }
        for Clash { row, state, .. } in &merging.clashes {
            if let State::Decided(how, Some(entry)) = *state {
                tree.0.insert(row.place(how).clone(), entry);
            }
        }
        if let Some(fault) = tree.faults().first() {
            let reason = format!(
                "the decisions do not fit together: {fault}. Decide again with vdo resolve {job} PATH --take …"
            );
            self.stage = Stage::Ended(End::NeedsDecision(reason));
            return;
        }
        let found = u32::try_from(merging.clashes.len()).unwrap_or(u32::MAX);
        self.tree = tree;
        let next = merging.round + 1;
        let is_last = usize::try_from(next).map_or(true, |next| next >= self.parents.len());
        self.stage = if is_last {
            self.given = self.tree.clone();
            Stage::Scan
        } else {
            Stage::Merge(Box::new(Merging::at(next, merging.before + found)))
        };
    }

    /// Returns the names of our side, of what was there before, and of theirs.
    fn labels(&self, row: &ConflictRow) -> [String; 3] {
        side_labels(&self.parents.iter().map(|parent| parent.job).collect::<Vec<_>>(), row.round)
    }

    fn merge_opening(&self, row: &ConflictRow, terms: &Terms, syntax: &dyn Syntax) -> String {
        let labels = self.labels(row);
        let mut text = self.brief.assignment.render();
        let [ours, _, theirs] = &labels;
        let _ =
            write!(text, "## The conflict\n{}: {}\nOur side is {ours}, their side {theirs}.\n\n", row.path, row.reason);
        let (shown, has_markers) = terms.shown(&row.path, &labels, syntax);
        if has_markers {
            text.push_str("## The file, merged as far as it goes\n");
            context::file(&mut text, &row.path, &shown);
        } else {
            let sides = [("before", &terms.base), ("on our side", &terms.ours), ("on their side", &terms.theirs)];
            for (when, body) in sides {
                let _ = writeln!(text, "## The file {when}");
                context::file(&mut text, &row.path, body);
            }
        }
        text
    }
}

fn conflicts_text(clashes: &[Clash]) -> String {
    let named = clashes.iter().take(MAX_NAMED).map(|clash| format!("{} ({})", clash.row.path, clash.row.reason));
    let mut list = named.collect::<Vec<_>>().join(", ");
    if clashes.len() > MAX_NAMED {
        let _ = write!(list, " and {} more", clashes.len() - MAX_NAMED);
    }
    let are = if clashes.len() == 1 { "path is" } else { "paths are" };
    format!("{} {are} in conflict: {list}", clashes.len())
}
