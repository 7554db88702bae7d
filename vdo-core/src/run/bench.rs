//! The workbench of one task or repair: a conversation with a model and the tree it works on.
//!
//! A bench sees only the tree it started from and its own edits. A reply is taken in whole: its edits land
//! together or, where they were asked for as text, not at all.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::circles::Circles;
use super::planning::spoken;
use super::state::{CheckWork, Effects, Run, Work};
use super::{Answer, Style, answers, look};
use crate::check::{CheckCommand, CommandSource, Runner};
use crate::content::BlobHash;
use crate::contents::Contents;
use crate::edit::{Edit, FileOp, tools};
use crate::event::EventKind;
use crate::failure::FailureKind;
use crate::id::{Phase, StepKey};
use crate::message::{Block, Message, Reply, Role, ToolCall};
use crate::path::RepoPath;
use crate::port::Outcome;
use crate::syntax::Syntax;
use crate::task::{Plan, Task};
use crate::tree::FileTree;

/// The most tool calls taken from one reply.
const MAX_CALLS: usize = 50;

/// One task or repair under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Bench {
    /// The key of the exchange that is due.
    pub(super) key: StepKey,
    /// The first message, without its last line; none until the contents for it are at hand.
    pub(super) opening: Option<String>,
    pub(super) messages: Vec<Message>,
    /// The tree it started from.
    pub(super) base: FileTree,
    /// The tree with its edits.
    pub(super) tree: FileTree,
    /// The paths it may touch.
    pub(super) allowed: BTreeSet<RepoPath>,
    /// Paths that belong to tasks beside it.
    pub(super) foreign: BTreeSet<RepoPath>,
    /// What it must have made before it is done.
    must_create: Vec<RepoPath>,
    /// Files that its opening shows.
    pub(super) shown: BTreeSet<RepoPath>,
    /// The reply whose commands are being run, and the results so far.
    pending: Option<Pending>,
    /// What keeps it from going round in circles.
    pub(super) circles: Circles,
    /// The findings it has to mend or answer.
    pub(super) asked: BTreeSet<String>,
    /// The answers it gave, by finding.
    pub(super) answers: BTreeMap<String, String>,
    pub(super) refusals: u32,
    /// The blocks that landed, so that none lands twice.
    #[serde(default)]
    pub(super) landed: BTreeSet<String>,
    /// How often edits of a file were refused.
    #[serde(default)]
    pub(super) misses: BTreeMap<RepoPath, u32>,
    /// The turns in which a line was told not to be valid.
    #[serde(default)]
    pub(super) doubts: BTreeMap<String, BTreeSet<u32>>,
    /// Set once it is done.
    pub(super) done: bool,
    /// Set once it is given up, and why.
    pub(super) failed: Option<String>,
    /// What kind of an end that is, if it is not that no reply could be used.
    pub(super) failed_kind: Option<FailureKind>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Pending {
    reply: Reply,
    results: Vec<Block>,
    /// Commands by the number of their tool call, from 1.
    runs: BTreeMap<u32, (String, String)>,
    finished: bool,
}

impl Bench {
    pub(super) fn new(key: StepKey, tree: &FileTree) -> Self {
        Self {
            key,
            opening: None,
            messages: Vec::new(),
            base: tree.clone(),
            tree: tree.clone(),
            allowed: BTreeSet::new(),
            foreign: BTreeSet::new(),
            must_create: Vec::new(),
            shown: BTreeSet::new(),
            pending: None,
            circles: Circles::default(),
            asked: BTreeSet::new(),
            answers: BTreeMap::new(),
            refusals: 0,
            landed: BTreeSet::new(),
            misses: BTreeMap::new(),
            doubts: BTreeMap::new(),
            done: false,
            failed: None,
            failed_kind: None,
        }
    }

    pub(super) fn for_task(task: &Task, foreign: BTreeSet<RepoPath>, tree: &FileTree) -> Self {
        let mut bench = Self::new(StepKey::first(Phase::Build).with_task(task.id.clone()), tree);
        bench.allowed = task.paths().cloned().collect();
        bench.foreign = foreign;
        bench.must_create = task.create.clone();
        bench.shown = task.modify.iter().cloned().collect();
        bench
    }

    pub(super) fn is_over(&self) -> bool {
        self.done || self.failed.is_some()
    }

    /// Returns whether `key` is one of this bench's steps.
    pub(super) fn owns(&self, key: &StepKey) -> bool {
        key.phase == self.key.phase && key.task == self.key.task && key.attempt == self.key.attempt
    }

    pub(super) fn ready(&self) -> Vec<StepKey> {
        match &self.pending {
            _ if self.is_over() || self.opening.is_none() => Vec::new(),
            Some(pending) => pending.runs.keys().map(|tool| self.key.clone().with_tool(*tool)).collect(),
            None => vec![self.key.clone()],
        }
    }

    pub(super) fn work(&self, key: &StepKey, run: &Run) -> Option<Work> {
        if key.tool > 0 {
            let (_, command) = self.pending.as_ref()?.runs.get(&key.tool)?;
            let command = CheckCommand { run: command.clone(), source: CommandSource::Plan, runner: Runner::Other };
            return Some(Work::Check(Box::new(CheckWork {
                tree: self.tree.clone(),
                setup: run.scanned.setup.clone(),
                commands: vec![command],
                seconds: run.brief.limits.check_seconds,
            })));
        }
        let style = run.style(self.key.phase);
        let prompts = &run.brief.prompts;
        let prompt = match (self.key.phase, style) {
            (Phase::Repair, Style::Text) => &prompts.repair,
            (Phase::Repair, Style::Tools) => &prompts.repair_tools,
            (_, Style::Text) => &prompts.build,
            (_, Style::Tools) => &prompts.build_tools,
        };
        let format = run.format(self.key.phase);
        let opening = self.opening.as_deref().unwrap_or_default();
        let mut ask = match style {
            Style::Text => run.ask(&prompt.with(&format.instructions()), opening, &self.messages, &self.key),
            Style::Tools => run.ask(prompt, opening, &self.messages, &self.key),
        };
        if style == Style::Tools {
            ask.tools = tools::specs(format);
            if !self.asked.is_empty() {
                ask.tools.push(answers::spec());
            }
        }
        ask.edit_format = Some(style.label(format));
        if self.key.phase == Phase::Repair {
            ask.prefer = run.escalated_to();
            ask.is_optional = self.asked.is_empty() && run.may_do_without_repair();
        }
        Some(Work::Ask(Box::new(ask)))
    }

    /// Returns the paths whose rules apply to it: those of its task, or all that the change touched and the repair is shown.
    pub(super) fn ruled(&self, run: &Run) -> BTreeSet<RepoPath> {
        let mut paths: BTreeSet<RepoPath> = self.allowed.union(&self.shown).cloned().collect();
        if self.key.phase == Phase::Repair {
            paths.extend(run.touched());
        }
        paths
    }

    /// Returns the contents it needs for its next move.
    pub(super) fn wanted(&self, run: &Run) -> BTreeSet<BlobHash> {
        let blob = |path: &RepoPath| self.tree.get(path).map(|entry| entry.blob);
        if self.opening.is_none() {
            let mut wanted: BTreeSet<BlobHash> = self.shown.iter().filter_map(blob).collect();
            wanted.extend(run.rules_want(Some(&self.ruled(run))));
            return wanted;
        }
        let Some(Answer::Reply(reply)) = run.inbox.get(&self.key) else { return BTreeSet::new() };
        let mut wanted = BTreeSet::new();
        let mut edits = Vec::new();
        for call in reply.tool_calls().take(MAX_CALLS) {
            match tools::parse(call) {
                Ok(tools::Tool::Read(input)) => wanted.extend(input.path.parse().ok().and_then(|path| blob(&path))),
                Ok(tools::Tool::Search(_)) => wanted.extend(searchable(run, &self.tree)),
                Ok(tools::Tool::Edit(edit)) => edits.push(*edit),
                Ok(tools::Tool::Patch(more)) => edits.extend(more),
                _ => {}
            }
        }
        if reply.tool_calls().next().is_none() {
            edits = self.read(reply).edits;
        }
        // Whole files are compared with what they replace, for faults that were there before.
        wanted.extend(edits.iter().filter_map(|edit| blob(&edit.path)));
        wanted
    }

    /// Takes in what came for it; returns whether anything changed.
    pub(super) fn step(
        &mut self,
        inbox: &mut BTreeMap<StepKey, Answer>,
        contents: &mut Contents,
        run: &Rules<'_>,
        effects: &mut Effects,
    ) -> bool {
        if self.is_over() {
            return false;
        }
        if let Some(pending) = &mut self.pending {
            let Some(tool) =
                pending.runs.keys().copied().find(|tool| inbox.contains_key(&self.key.clone().with_tool(*tool)))
            else {
                return false;
            };
            let key = self.key.clone().with_tool(tool);
            if let (Some(Answer::Checked(report)), Some((id, _))) = (inbox.remove(&key), pending.runs.remove(&tool)) {
                pending.results.push(look::command_result(id, &report));
                effects.applied.push(key);
            }
            if pending.runs.is_empty()
                && let Some(pending) = self.pending.take()
            {
                self.close_turn(pending, run, effects);
            }
            return true;
        }
        let Some(Answer::Reply(reply)) = inbox.remove(&self.key) else { return false };
        effects.applied.push(self.key.clone());
        if reply.tool_calls().next().is_some() {
            self.take_calls(reply, contents, run, effects);
            return true;
        }
        let reply = self.hear_answers(reply);
        self.take_text(&reply, contents, run, effects);
        true
    }

    /// Takes in a reply with tool calls.
    fn take_calls(&mut self, reply: Reply, contents: &mut Contents, run: &Rules<'_>, effects: &mut Effects) {
        let mut pending = Pending { results: Vec::new(), runs: BTreeMap::new(), finished: false, reply };
        let calls: Vec<ToolCall> = pending.reply.tool_calls().cloned().collect();
        for (at, call) in calls.iter().enumerate() {
            let result = if at >= MAX_CALLS {
                Err(format!("at most {MAX_CALLS} calls are taken from one reply"))
            } else {
                self.take_call(call, contents, run, &mut pending, effects)
            };
            let (content, is_error) = match result {
                Ok(None) => {
                    let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
                    pending.runs.insert(number, (call.id.clone(), look::run_command(call)));
                    continue;
                }
                Ok(Some(content)) => (content, false),
                Err(content) => (content, true),
            };
            pending.results.push(Block::ToolResult { id: call.id.clone(), content, is_error });
        }
        effects.outcomes.push((self.key.clone(), Outcome::Accepted));
        if pending.runs.is_empty() { self.close_turn(pending, run, effects) } else { self.pending = Some(pending) }
    }

    /// Carries out one call; `None` if it is a command to be run.
    fn take_call(
        &mut self,
        call: &ToolCall,
        contents: &mut Contents,
        run: &Rules<'_>,
        pending: &mut Pending,
        effects: &mut Effects,
    ) -> Result<Option<String>, String> {
        if let Some(why) = self.circles.repeats_call(call) {
            self.give_up(FailureKind::Stalled, &why);
        }
        if call.name == answers::NAME {
            return self.answer(call).map(Some);
        }
        match tools::parse(call)? {
            tools::Tool::Read(input) => look::read(&input, &self.tree, contents).map(Some),
            tools::Tool::Search(input) => look::search(&input, &self.tree, contents).map(Some),
            tools::Tool::List(input) => Ok(Some(look::list(&input, &self.tree))),
            tools::Tool::Run(_) => Ok(None),
            tools::Tool::Done(_) => match self.lacks() {
                Ok(()) => {
                    pending.finished = true;
                    Ok(Some("noted".to_owned()))
                }
                Err(faults) => Err(faults.join("; ")),
            },
            // Edits of one path build on each other within a turn, as the model sees them one by one.
            tools::Tool::Edit(edit) => self.take_edits(std::slice::from_ref(&edit), contents, run, effects).map(Some),
            tools::Tool::Patch(edits) => self.take_edits(&edits, contents, run, effects).map(Some),
        }
    }

    /// Ends a turn with tool calls: the results go back, or the bench is done.
    fn close_turn(&mut self, pending: Pending, run: &Rules<'_>, effects: &mut Effects) {
        let failed = pending.results.iter().any(|block| matches!(block, Block::ToolResult { is_error: true, .. }));
        if pending.finished && !failed {
            self.finish(effects);
            return;
        }
        let order: Vec<&String> = pending.reply.tool_calls().map(|call| &call.id).collect();
        let mut results = pending.results;
        results.sort_by_key(|block| match block {
            Block::ToolResult { id, .. } => order.iter().position(|other| *other == id),
            Block::Text { .. } | Block::ToolCall(_) | Block::Reasoning(_) => None,
        });
        self.messages.push(spoken(&pending.reply));
        self.messages.push(Message { role: Role::User, blocks: results });
        if self.circles.end_turn() >= run.looks {
            let why = format!("nothing was changed in {} exchanges, and the model was only looking", run.looks);
            self.give_up(FailureKind::Stalled, &why);
        }
        self.next_turn(run);
    }

    pub(super) fn next_turn(&mut self, run: &Rules<'_>) {
        self.key.turn += 1;
        if self.key.turn > run.turns && self.failed.is_none() {
            self.give_up(FailureKind::LimitReached, &format!("the task is not done after {} exchanges", run.turns));
        }
    }

    /// Says what is not there yet.
    pub(super) fn lacks(&self) -> Result<(), Vec<String>> {
        let missing = self.must_create.iter().filter(|path| self.tree.get(path).is_none());
        let faults: Vec<String> = missing.map(|path| format!("{path} was to be created and is not there")).collect();
        if faults.is_empty() && self.tree == self.base && !self.is_answered() {
            return Err(vec!["nothing was changed yet".to_owned()]);
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    pub(super) fn finish(&mut self, effects: &mut Effects) {
        self.done = true;
        for (path, before, after) in crate::diff::changed_paths(&self.base, &self.tree) {
            let operation = match (before, after) {
                (None, _) => "created",
                (_, None) => "deleted",
                _ => "modified",
            };
            effects.events.push(EventKind::Edited {
                task: self.key.task.clone(),
                path,
                operation: operation.to_owned(),
            });
        }
        if let Some(task) = &self.key.task {
            effects.events.push(EventKind::TaskDone { task: task.clone() });
        }
    }
}

/// What a bench has to keep to.
pub(super) struct Rules<'a> {
    pub(super) style: Style,
    pub(super) turns: u32,
    pub(super) refusals: u32,
    /// Exchanges in a row that may change nothing.
    pub(super) looks: u32,
    pub(super) syntax: &'a dyn Syntax,
    /// Whether commands will show what the result is worth.
    pub(super) is_judged: bool,
    /// The files that were there before the job.
    pub(super) given: &'a FileTree,
    pub(super) plan: Option<&'a Plan>,
}

pub(super) fn touched(edit: &Edit) -> impl Iterator<Item = &RepoPath> {
    let to = match &edit.op {
        FileOp::Move(to) => Some(to),
        FileOp::Create(_) | FileOp::Write(_) | FileOp::Replace(_) | FileOp::Delete => None,
    };
    std::iter::once(&edit.path).chain(to)
}

fn searchable(run: &Run, tree: &FileTree) -> Vec<BlobHash> {
    let known: BTreeSet<BlobHash> = tree.blobs();
    run.scanned
        .files
        .iter()
        .filter(|file| file.bytes <= 1_000_000 && known.contains(&file.blob))
        .map(|file| file.blob)
        .collect()
}
