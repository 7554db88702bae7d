//! Loading, scanning and planning.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::ground::Reader;
use super::merging::Merging;
use super::state::{Ask, Effects, Run, Stage};
use super::{Answer, Style};
use crate::check::{CheckCommand, CommandSource, Runner};
use crate::content::BlobHash;
use crate::context::{self, pack::Pack};
use crate::edit::Format;
use crate::event::EventKind;
use crate::failure::{Failure, FailureKind};
use crate::id::{Phase, StepKey};
use crate::message::{Block, Message, OutputSchema, Reply, Role};
use crate::plan;
use crate::port::Outcome;
use crate::prompt::{self, Prompt};
use crate::reply;
use crate::task::{Plan, PlanDraft};

/// A conversation that asks for one JSON object, again if it does not fit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Talk {
    /// Which try this is, from 1.
    pub(super) attempt: u32,
    /// The first message, without its last line; none until the contents for it are at hand.
    pub(super) opening: Option<String>,
    /// What was said since.
    pub(super) messages: Vec<Message>,
}

impl Talk {
    pub(super) fn at(attempt: u32) -> Self {
        Self { attempt, ..Self::default() }
    }

    pub(super) fn key(&self, phase: Phase) -> StepKey {
        StepKey::first(phase).with_attempt(self.attempt)
    }

    pub(super) fn ready(&self, phase: Phase) -> Vec<StepKey> {
        if self.opening.is_some() { vec![self.key(phase)] } else { Vec::new() }
    }

    /// Adds a reply that could not be used and what was wrong with it; the next try follows.
    pub(super) fn refuse(&mut self, reply: &Reply, faults: &[String]) {
        self.messages.push(spoken(reply));
        let list: String = faults.iter().map(|fault| format!("- {fault}\n")).collect();
        self.messages.push(Message::user(format!("That cannot be used:\n{list}Answer again, whole and mended.\n")));
        self.attempt += 1;
    }
}

/// Returns a reply as a message of the conversation. An empty reply still says something, as APIs want it.
pub(super) fn spoken(reply: &Reply) -> Message {
    let blocks = if reply.blocks.is_empty() { vec![Block::text("(no text)")] } else { reply.blocks.clone() };
    Message { role: Role::Assistant, blocks }
}

impl Run {
    pub(super) fn take_loaded(&mut self, effects: &mut Effects) -> bool {
        let key = StepKey::first(Phase::Load);
        let Some(Answer::Loaded(loaded)) = self.inbox.remove(&key) else { return false };
        effects.applied.push(key);
        let files = u64::try_from(loaded.tree.len()).unwrap_or(u64::MAX);
        effects.events.push(EventKind::Loaded { parents: loaded.parents.clone(), files });
        self.parents = loaded.parents;
        self.base = loaded.tree.clone();
        self.given = loaded.tree.clone();
        self.tree = loaded.tree;
        self.stage = Stage::Scan;
        if self.is_merge() {
            self.phase_begins(Phase::Merge, effects);
            self.stage = Stage::Merge(Box::new(Merging::at(1, 0)));
        }
        true
    }

    pub(super) fn take_scanned(&mut self, effects: &mut Effects) -> bool {
        let key = StepKey::first(Phase::Scan);
        let Some(Answer::Scanned(scanned)) = self.inbox.remove(&key) else { return false };
        effects.applied.push(key);
        self.given_setup.clone_from(&scanned.setup);
        self.scanned = scanned;
        if self.is_plain_merge() {
            self.commands = self.choose_commands(None, effects);
            self.begin_test(effects);
            return true;
        }
        self.phase_begins(Phase::Plan, effects);
        self.stage = Stage::Plan(Talk::at(1));
        true
    }

    fn query(&self) -> String {
        format!("{}\n{}", self.brief.assignment.title, self.brief.assignment.description)
    }

    fn selection(&self) -> Pack {
        context::select(&self.query(), &self.scanned, &BTreeSet::new(), self.brief.limits.context_tokens)
    }

    pub(super) fn plan_wants(&self) -> BTreeSet<BlobHash> {
        let mut wanted = context::needed(&self.selection(), &self.tree);
        wanted.extend(self.rules_want(None));
        wanted
    }

    pub(super) fn ask(&self, prompt: &Prompt, opening: &str, messages: &[Message], key: &StepKey) -> Ask {
        let mut conversation = vec![Message::user(opening)];
        conversation.extend_from_slice(messages);
        // Every message of ours keeps the tag it was sent with, so that a request begins with the bytes of the one before.
        let mut sent = key.clone();
        for message in conversation.iter_mut().rev().filter(|message| message.role == Role::User) {
            let tag = prompt::tag(self.brief.assignment.job, &sent);
            match message.blocks.last_mut() {
                Some(Block::Text { text }) => text.push_str(&tag),
                _ => message.blocks.push(Block::text(tag)),
            }
            // Builders and repairers go on in turns; whoever is asked for one object is asked in attempts.
            let count =
                if matches!(sent.phase, Phase::Build | Phase::Repair) { &mut sent.turn } else { &mut sent.attempt };
            *count = count.saturating_sub(1).max(1);
        }
        Ask {
            system: prompt.text.clone(),
            messages: conversation,
            tools: Vec::new(),
            output: None,
            max_output: self.brief.limits.max_output,
            prompt: prompt.label(),
            prompt_hash: prompt.hash(),
            edit_format: None,
            prefer: None,
            is_optional: false,
        }
    }

    pub(super) fn plan_ask(&self, talk: &Talk) -> Ask {
        let opening = talk.opening.as_deref().unwrap_or_default();
        let mut ask = self.ask(&self.brief.prompts.plan, opening, &talk.messages, &talk.key(Phase::Plan));
        static SCHEMA: LazyLock<OutputSchema> =
            LazyLock::new(|| OutputSchema { name: "plan".to_owned(), schema: crate::schema::of::<PlanDraft>() });
        ask.output = Some(&SCHEMA);
        ask
    }

    pub(super) fn step_plan(&mut self, effects: &mut Effects) -> bool {
        let Stage::Plan(talk) = &self.stage else { return false };
        if talk.opening.is_none() {
            // What changes least comes first.
            let rules = self.rules_text(None);
            self.tell_cut_rules(&rules, effects);
            let mut opening = rules.text;
            opening.push_str(&self.summary_text(Reader::Planner));
            opening.push_str(&context::render(&self.selection(), &self.tree, &self.scanned, &self.contents));
            opening.push_str(&self.brief.assignment.render());
            if let Stage::Plan(talk) = &mut self.stage {
                talk.opening = Some(opening);
            }
            return true;
        }
        let key = talk.key(Phase::Plan);
        let Some(Answer::Reply(reply)) = self.inbox.remove(&key) else { return false };
        effects.applied.push(key.clone());
        match self.judge_plan(&reply) {
            Ok(plan) => {
                effects.outcomes.push((key, Outcome::Accepted));
                self.begin_building(plan, effects);
            }
            Err(faults) => {
                effects.outcomes.push((key.clone(), Outcome::Refused));
                effects.events.push(EventKind::Refused { step: key, faults: faults.clone() });
                let limit = self.brief.limits.plans;
                let Stage::Plan(talk) = &mut self.stage else { return false };
                talk.refuse(&reply, &faults);
                if talk.attempt > limit {
                    let message = format!("no plan fits after {limit} attempts; the last: {}", faults.join("; "));
                    self.fail(Failure::new(FailureKind::UnusableReply, message));
                }
            }
        }
        true
    }

    fn judge_plan(&self, reply: &Reply) -> Result<Plan, Vec<String>> {
        let draft: PlanDraft = reply::json(reply).map_err(|fault| vec![fault])?;
        plan::validate(&draft, &self.tree).map_err(|faults| faults.iter().map(ToString::to_string).collect())
    }

    fn begin_building(&mut self, plan: Plan, effects: &mut Effects) {
        let tasks = plan.tasks.iter().map(|task| (task.id.clone(), task.title.clone())).collect();
        effects.events.push(EventKind::Planned { summary: plan.summary.clone(), tasks });
        self.commands = self.choose_commands(Some(&plan), effects);
        self.plan = Some(plan);
        self.plan_base();
        self.phase_begins(Phase::Build, effects);
        self.stage = Stage::Build { done: BTreeSet::new(), wave: Vec::new() };
        self.next_wave();
    }

    /// Chooses the check commands: the user's, else those the project implies, else the plan's that can fail.
    fn choose_commands(&self, plan: Option<&Plan>, effects: &mut Effects) -> Vec<CheckCommand> {
        let named = |run: &String, source| CheckCommand { run: run.clone(), source, runner: runner_of(run) };
        if !self.brief.checks.is_empty() {
            return self.brief.checks.iter().map(|run| named(run, CommandSource::User)).collect();
        }
        if !self.scanned.checks.is_empty() {
            return self.scanned.checks.clone();
        }
        let planned = plan.iter().flat_map(|plan| &plan.checks);
        let (empty, real): (Vec<&String>, Vec<&String>) = planned.partition(|run| plan::cannot_fail(run));
        for run in empty {
            let text = format!("the plan's check {run:?} cannot fail and shows nothing; it is not used");
            effects.events.push(EventKind::Note { text, tier: None });
        }
        real.into_iter().take(5).map(|run| named(run, CommandSource::Plan)).collect()
    }

    /// Returns the format that edits are asked for in `phase`.
    pub(super) fn format(&self, phase: Phase) -> Format {
        if phase == Phase::Repair { self.brief.repair_format } else { self.brief.build_format }
    }

    /// Returns how a model is asked in `phase`.
    pub(super) fn style(&self, phase: Phase) -> Style {
        if phase == Phase::Repair { self.brief.repair } else { self.brief.build }
    }
}

/// Guesses how a command's output is read.
pub(crate) fn runner_of(command: &str) -> Runner {
    let words: Vec<&str> = command.split(|c: char| c.is_whitespace() || matches!(c, '/' | ';' | '(' | ')')).collect();
    let has = |word: &str| words.contains(&word);
    if has("pytest") || has("py.test") {
        Runner::Pytest
    } else if has("unittest") || (has("manage.py") && has("test")) {
        Runner::Unittest
    } else if has("cargo") && has("nextest") {
        Runner::Nextest
    } else if has("cargo") && has("test") {
        Runner::Cargo
    } else if has("jest") {
        Runner::Jest
    } else if has("vitest") {
        Runner::Vitest
    } else if has("mocha") {
        Runner::Mocha
    } else if ["npm", "npx", "yarn", "pnpm"].into_iter().any(has) && ["test", "t", "tst"].into_iter().any(has)
        || has("node") && words.iter().any(|word| word.starts_with("--test"))
    {
        Runner::Node
    } else if has("go") && has("test") {
        Runner::Go
    } else {
        Runner::Other
    }
}
