//! Runs driven by hand: every answer is chosen by the test.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::check::{CheckCommand, CommandOutcome, CommandSource, Exit, Runner, TestResult, TestStatus, Tier};
use crate::content::Entry;
use crate::edit::Format;
use crate::event::EventKind;
use crate::failure::FailureKind;
use crate::id::JobId;
use crate::job::Stamp;
use crate::message::{About, Block, Stop, ToolCall};
use crate::port::FileFacts;
use crate::prompt::{Assignment, Prompts};
use crate::syntax::NoSyntax;
use crate::usage::Usage;

fn brief() -> Brief {
    Brief {
        assignment: Assignment {
            job: JobId::new(1).unwrap(),
            title: "Add goodbye".to_owned(),
            description: "A second route.".to_owned(),
            ancestors: Vec::new(),
            merges: Vec::new(),
        },
        merge: MergeBrief::default(),
        checks: vec!["make check".to_owned()],
        build: Style::Text,
        repair: Style::Text,
        build_format: Format::SearchReplace,
        repair_format: Format::SearchReplace,
        repairers: Vec::new(),
        limits: Limits::default(),
        prompts: Prompts::default(),
    }
}

/// A driver that has a store of contents and counts what it is asked.
struct Hand {
    run: Run,
    files: Contents,
    events: Vec<EventKind>,
    asked: Vec<String>,
    /// Whether the test answers for what was there before.
    is_base_told: bool,
}

impl Hand {
    fn start(brief: Brief, files: &[(&str, &str)]) -> Self {
        Self::start_scanned(brief, files, Scanned::default())
    }

    /// Starts with what a scan found besides the files.
    fn start_scanned(brief: Brief, files: &[(&str, &str)], scanned: Scanned) -> Self {
        let mut contents = Contents::default();
        let mut facts = Vec::new();
        let tree: FileTree = files
            .iter()
            .map(|(path, text)| {
                let blob = Blob::new(text.as_bytes());
                contents.add(&blob);
                let path: crate::path::RepoPath = path.parse().unwrap();
                let bytes = text.len() as u64;
                facts.push(FileFacts::new(path.clone(), blob.hash(), bytes));
                (path, Entry::file(blob.hash()))
            })
            .collect();
        let mut hand =
            Self { run: Run::new(brief), files: contents, events: Vec::new(), asked: Vec::new(), is_base_told: false };
        hand.give("load/-/1/1", Answer::Loaded(Loaded { parents: Vec::new(), tree }));
        hand.give("scan/-/1/1", Answer::Scanned(Scanned { files: facts, ..scanned }));
        hand
    }

    fn give(&mut self, key: &str, answer: Answer) {
        self.run.answer(key.parse().unwrap(), answer).unwrap();
        self.settle();
    }

    fn settle(&mut self) {
        self.advance();
        // What was there before passes all checks, where a test says nothing else.
        if !self.is_base_told && self.ready().contains(&"base/-/1/1".to_owned()) {
            self.check("base/-/1/1", 0, "");
        }
        // What was built shows nothing new to a scan of these tests.
        if self.ready() == ["scan/-/2/1"] {
            self.run.answer(rescan(), Answer::Scanned(self.run.scanned.clone())).unwrap();
            self.advance();
        }
    }

    fn advance(&mut self) {
        loop {
            let missing: Vec<Blob> =
                self.run.missing().iter().map(|hash| Blob::new(self.files.get(*hash).unwrap())).collect();
            self.run.supply(&missing);
            let effects = self.run.advance(&NoSyntax);
            effects.blobs.iter().for_each(|blob| self.files.add(blob));
            self.events.extend(effects.events);
            if self.run.missing().is_empty() {
                return;
            }
        }
    }

    fn ready(&self) -> Vec<String> {
        self.run.ready().iter().map(ToString::to_string).collect()
    }

    fn say(&mut self, key: &str, text: &str) {
        if let Work::Ask(ask) = self.run.work(&key.parse().unwrap()).unwrap() {
            self.asked.push(format!("{:?}", ask.messages));
        }
        self.give(key, Answer::Reply(reply(vec![Block::text(text)])));
    }

    fn call(&mut self, key: &str, calls: &[(&str, Value)]) {
        let block = |(at, (name, input)): (usize, &(&str, Value))| {
            Block::ToolCall(ToolCall { id: format!("c{at}"), name: (*name).to_owned(), input: input.clone() })
        };
        self.give(key, Answer::Reply(reply(calls.iter().enumerate().map(block).collect())));
    }

    fn check(&mut self, key: &str, code: i32, output: &str) {
        let Work::Check(work) = self.run.work(&key.parse().unwrap()).unwrap() else { panic!("{key} is no check") };
        let command = work.commands.first().cloned().unwrap_or(CheckCommand {
            run: String::new(),
            source: CommandSource::User,
            runner: Runner::Other,
        });
        let outcome = CommandOutcome {
            command,
            exit: Exit::Code(code),
            rerun: None,
            output: output.to_owned(),
            tests: vec![],
            duration_ms: 1,
        };
        let tree_hash = work.tree.root_hash();
        self.give(
            key,
            Answer::Checked(CheckReport { tier: Tier::T2, tree_hash, outcomes: vec![outcome], setup_failed: None }),
        );
    }

    fn refusals(&self) -> Vec<Vec<String>> {
        let refused = self.events.iter().filter_map(|event| match event {
            EventKind::Refused { faults, .. } => Some(faults.clone()),
            _ => None,
        });
        refused.collect()
    }

    fn text(&self, path: &str) -> String {
        let entry = self.run.tree().get(&path.parse().unwrap()).unwrap();
        self.files.text(entry.blob).unwrap().to_owned()
    }
}

fn reply(blocks: Vec<Block>) -> Reply {
    let (usage, model, about) = (Usage::default(), "m".to_owned(), About::default());
    Reply { blocks, stop: Stop::End, usage, model, request_id: None, about }
}

fn plan(tasks: Value) -> String {
    json!({"summary": "s", "tasks": tasks}).to_string()
}

const APP: &[(&str, &str)] = &[("app.py", "hello = 1\nbye = 0\n"), ("base.html", "<nav></nav>\n")];

fn edit(path: &str, find: &str, replace: &str) -> String {
    format!("{path}\n<<<<<<< SEARCH\n{find}\n=======\n{replace}\n>>>>>>> REPLACE\n")
}

#[test]
fn a_run_is_planned_refused_built_repaired_reviewed_mended_and_delivered() {
    let mut hand = Hand::start(brief(), APP);
    assert_eq!(hand.ready(), ["plan/-/1/1"]);
    hand.say("plan/-/1/1", &plan(json!([{"id": "t1", "title": "x", "modify": ["views.py"]}])));
    assert_eq!(hand.ready(), ["plan/-/2/1"]);
    hand.say("plan/-/2/1", &plan(json!([{"id": "t1", "title": "x", "modify": ["app.py"]}])));
    assert!(hand.asked[1].contains("views.py does not exist"), "{}", hand.asked[1]);
    assert_eq!(hand.ready(), ["build/t1/1/1"]);
    hand.say("build/t1/1/1", &edit("app.py", "nowhere", "bye = 1"));
    assert_eq!(hand.ready(), ["build/t1/1/2"]);
    hand.say("build/t1/1/2", &edit("app.py", "bye = 0", "bye = 2"));
    assert_eq!(hand.ready(), ["test/-/1/1"]);
    hand.check("test/-/1/1", 1, "bye is 2");
    assert_eq!(hand.ready(), ["repair/-/1/1"]);
    hand.say("repair/-/1/1", &edit("app.py", "bye = 2", "bye = 1"));
    assert!(hand.asked.last().unwrap().contains("bye is 2"));
    hand.check("test/-/2/1", 0, "");
    let finding = json!({"findings": [{"file": "base.html", "severity": "major", "claim": "no link"}]});
    hand.say("critique/-/1/1", &finding.to_string());
    hand.say("repair/-/2/1", &edit("base.html", "<nav></nav>", "<nav>bye</nav>"));
    hand.check("test/-/3/1", 0, "");
    hand.say("critique/-/2/1", r#"{"findings": []}"#);
    hand.check("sandbox/-/1/1", 0, "");
    let Work::Deliver(finished) = hand.run.work(&"deliver/-/1/1".parse().unwrap()).unwrap() else { panic!() };
    let written: BTreeMap<String, String> = finished
        .delta
        .0
        .iter()
        .map(|(path, entry)| (path.to_string(), entry.step.clone().unwrap().to_string()))
        .collect();
    assert_eq!(
        written,
        BTreeMap::from(
            [("app.py", "repair/-/1/1"), ("base.html", "repair/-/2/1")].map(|(a, b)| (a.to_owned(), b.to_owned()))
        )
    );
    assert_eq!(finished.stamps, []);
    hand.give("deliver/-/1/1", Answer::Delivered);
    assert_eq!(hand.run.end(), Some(&End::Completed));
    assert_eq!(
        (hand.text("app.py").as_str(), hand.text("base.html").as_str()),
        ("hello = 1\nbye = 1\n", "<nav>bye</nav>\n")
    );
}

#[test]
fn disjoint_tasks_are_ready_together_and_the_order_of_their_answers_does_not_matter() {
    let tasks = json!([
        {"id": "a", "title": "", "modify": ["app.py"]},
        {"id": "b", "title": "", "create": ["b.py"]},
        {"id": "c", "title": "", "modify": ["app.py"], "depends_on": ["a", "b"]},
    ]);
    let states: Vec<String> = [["a", "b"], ["b", "a"]]
        .iter()
        .map(|order| {
            let mut hand = Hand::start(brief(), APP);
            hand.say("plan/-/1/1", &plan(tasks.clone()));
            assert_eq!(hand.ready(), ["build/a/1/1", "build/b/1/1"]);
            for task in order {
                let text = if *task == "a" {
                    edit("app.py", "hello = 1", "hello = 2")
                } else {
                    "b.py\n```\nx\n```\n".to_owned()
                };
                hand.say(&format!("build/{task}/1/1"), &text);
            }
            assert_eq!(hand.ready(), ["build/c/1/1"]);
            serde_json::to_string(&hand.run).unwrap()
        })
        .collect();
    assert_eq!(states[0], states[1]);
}

#[test]
fn a_state_that_was_stored_goes_on_where_it_was() {
    let mut hand = Hand::start(brief(), APP);
    hand.say("plan/-/1/1", &plan(json!([{"id": "t1", "title": "x", "modify": ["app.py"]}])));
    let stored = serde_json::to_string(&hand.run).unwrap();
    hand.run = serde_json::from_str(&stored).unwrap();
    hand.run.check_version().unwrap();
    hand.settle();
    hand.say("build/t1/1/1", &edit("app.py", "bye = 0", "bye = 1"));
    assert_eq!(hand.ready(), ["test/-/1/1"]);
    let newer = stored.replacen("\"version\":4", "\"version\":99", 1);
    let newer: Run = serde_json::from_str(&newer).unwrap();
    assert_eq!(newer.check_version(), Err(RunError::Version { found: 99 }));
}

#[test]
fn tools_look_edit_and_run_on_the_tasks_own_tree() {
    let mut brief = brief();
    brief.build = Style::Tools;
    let mut hand = Hand::start(brief, APP);
    hand.say("plan/-/1/1", &plan(json!([{"id": "t1", "title": "x", "modify": ["app.py"]}])));
    hand.call(
        "build/t1/1/1",
        &[
            ("read", json!({"path": "app.py"})),
            ("search", json!({"text": "nav"})),
            ("edit", json!({"path": "app.py", "find": "bye = 0", "replace": "bye = 1"})),
            ("run", json!({"command": "python app.py"})),
        ],
    );
    assert_eq!(hand.ready(), ["build/t1/1/1+4"]);
    hand.check("build/t1/1/1+4", 3, "it ran");
    let Work::Ask(ask) = hand.run.work(&"build/t1/1/2".parse().unwrap()).unwrap() else { panic!() };
    let said = format!("{:?}", ask.messages);
    for text in ["    2 | bye = 0", "base.html:1: <nav></nav>", "exit code 3\\nit ran"] {
        assert!(said.contains(text), "{text}: {said}");
    }
    hand.call("build/t1/1/2", &[("done", json!({}))]);
    assert_eq!(hand.ready(), ["test/-/1/1"]);
}

#[test]
fn a_path_outside_the_plan_amends_it_and_one_of_a_neighbour_is_refused() {
    let mut hand = Hand::start(brief(), APP);
    hand.say(
        "plan/-/1/1",
        &plan(
            json!([{"id": "a", "title": "", "modify": ["app.py"]}, {"id": "b", "title": "", "modify": ["base.html"]}]),
        ),
    );
    hand.say("build/a/1/1", &(edit("app.py", "bye = 0", "bye = 1") + &edit("base.html", "<nav></nav>", "")));
    assert_eq!(hand.ready(), ["build/a/1/2", "build/b/1/1"]);
    hand.say("build/a/1/2", &(edit("app.py", "bye = 0", "bye = 1") + "extra.py\n```\nx\n```\n"));
    assert!(
        hand.events
            .iter()
            .any(|event| matches!(event, EventKind::PlanAmended { path, .. } if path.as_str() == "extra.py"))
    );
}

#[test]
fn a_repair_that_changes_nothing_about_the_failure_ends_the_run() {
    let mut hand = Hand::start(brief(), APP);
    hand.say("plan/-/1/1", &plan(json!([{"id": "t1", "title": "x", "modify": ["app.py"]}])));
    hand.say("build/t1/1/1", &edit("app.py", "bye = 0", "bye = 2"));
    hand.check("test/-/1/1", 1, "took 12 ms: wrong");
    hand.say("repair/-/1/1", &edit("app.py", "bye = 2", "bye = 3"));
    hand.check("test/-/2/1", 1, "took 7 ms: wrong");
    let Some(End::Failed(failure)) = hand.run.end() else { panic!("{:?}", hand.run.end()) };
    assert_eq!((failure.kind, failure.phase), (FailureKind::ChecksFailed, Some(Phase::Test)));
}

#[test]
fn replies_that_cannot_be_used_end_the_run_after_the_allowed_number() {
    let mut hand = Hand::start(brief(), APP);
    for attempt in 1..=3 {
        hand.say(&format!("plan/-/{attempt}/1"), "I cannot do that.");
    }
    assert!(matches!(hand.run.end(), Some(End::Failed(failure)) if failure.kind == FailureKind::UnusableReply));
    let mut hand = Hand::start(brief(), APP);
    hand.say("plan/-/1/1", &plan(json!([{"id": "t1", "title": "x", "modify": ["app.py"]}])));
    for turn in 1..=4 {
        hand.say(&format!("build/t1/1/{turn}"), "No edits here.");
    }
    assert!(matches!(hand.run.end(), Some(End::Failed(failure)) if failure.kind == FailureKind::UnusableReply));
}

#[test]
fn a_tool_loop_ends_the_run() {
    let mut brief = brief();
    brief.build = Style::Tools;
    let mut hand = Hand::start(brief, APP);
    hand.say("plan/-/1/1", &plan(json!([{"id": "t1", "title": "x", "modify": ["app.py"]}])));
    for turn in 1..=4 {
        hand.call(&format!("build/t1/1/{turn}"), &[("read", json!({"path": "app.py"}))]);
    }
    assert!(matches!(hand.run.end(), Some(End::Failed(failure)) if failure.message.contains("same arguments")));
}

#[test]
fn without_a_command_that_can_fail_the_result_is_unverified_and_a_person_decides() {
    let mut brief = brief();
    brief.checks.clear();
    let mut hand = Hand::start(brief, APP);
    let plan = json!({"summary": "s", "tasks": [{"id": "t1", "title": "x", "modify": ["app.py"]}], "checks": ["echo fine", "true"]});
    hand.say("plan/-/1/1", &plan.to_string());
    hand.say("build/t1/1/1", &edit("app.py", "bye = 0", "bye = 1"));
    hand.say("critique/-/1/1", r#"{"findings": []}"#);
    let Work::Deliver(finished) = hand.run.work(&"deliver/-/1/1".parse().unwrap()).unwrap() else { panic!() };
    assert_eq!(finished.stamps, [Stamp::Unverified]);
    hand.give("deliver/-/1/1", Answer::Delivered);
    assert!(matches!(hand.run.end(), Some(End::NeedsDecision(_))));
}

#[test]
fn answers_that_nobody_waits_for_are_refused_and_change_nothing() {
    let mut hand = Hand::start(brief(), APP);
    let before = serde_json::to_string(&hand.run).unwrap();
    let key: StepKey = "build/t1/1/1".parse().unwrap();
    assert_eq!(hand.run.answer(key.clone(), Answer::Delivered), Err(RunError::NotReady(key)));
    let key: StepKey = "plan/-/1/1".parse().unwrap();
    assert_eq!(hand.run.answer(key.clone(), Answer::Delivered), Err(RunError::WrongAnswer(key)));
    assert_eq!(serde_json::to_string(&hand.run).unwrap(), before);
}

#[test]
fn a_file_that_was_there_before_goes_only_if_the_plan_says_so() {
    let mut hand = Hand::start(brief(), &[("app.py", "bye = 0\n"), ("old.py", "old\n"), ("spare.py", "spare\n")]);
    let task = json!([{"id": "t1", "title": "x", "modify": ["app.py"], "create": ["new.py"], "delete": ["old.py"]}]);
    hand.say("plan/-/1/1", &plan(task));
    let rest = format!("{}new.py\n```\nn\n```\nDELETE old.py\n", edit("app.py", "bye = 0", "bye = 1"));
    hand.say("build/t1/1/1", &format!("{rest}DELETE spare.py\n"));
    let why = "spare.py is not this job's to drop: spare.py was there before, and the plan does not list it under \"delete\"; leave it, or edit it";
    assert_eq!(hand.refusals().pop().unwrap(), [why]);
    hand.say("build/t1/1/2", &format!("{rest}RENAME spare.py TO moved.py\n"));
    let names = |run: &Run| run.tree().0.keys().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&hand.run), ["app.py", "moved.py", "new.py"]);
    // A repair may take back what the job made, and nothing else: under its new name the file is still the old one.
    hand.check("test/-/1/1", 1, "no");
    hand.say("repair/-/1/1", "DELETE moved.py\n");
    assert!(hand.refusals().pop().unwrap()[0].contains("spare.py was there before"));
    hand.say("repair/-/1/2", "DELETE new.py\n");
    assert_eq!(names(&hand.run), ["app.py", "moved.py"]);
}

#[test]
fn a_file_given_whole_with_most_of_it_gone_is_noted() {
    let long: String = (0..40).map(|number| format!("line {number}\n")).collect();
    let mut hand = Hand::start(brief(), &[("app.py", &long)]);
    hand.say("plan/-/1/1", &plan(json!([{"id": "t1", "title": "x", "modify": ["app.py"]}])));
    hand.say("build/t1/1/1", "app.py\n```\nline 0\nnew\n```\n");
    let notes: Vec<String> = hand
        .events
        .iter()
        .filter_map(|event| match event {
            EventKind::Note { text, .. } => Some(text.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(notes, ["app.py was given whole, and 39 of its 40 lines are gone or changed"]);
}

mod circles;
mod ground;
mod judging;
mod landing;
mod mending;
mod reviewing;

/// A report on a tree, of a test runner: the tests that ran and how they ended.
fn tested(work: &CheckWork, tests: &[(&str, TestStatus)]) -> CheckReport {
    let failed = tests.iter().any(|(_, status)| *status == TestStatus::Failed);
    let outcome = |command: &CheckCommand| CommandOutcome {
        command: CheckCommand { runner: Runner::Pytest, ..command.clone() },
        exit: Exit::Code(i32::from(failed)),
        rerun: None,
        output: format!("{} tests", tests.len()),
        tests: tests.iter().map(|(name, status)| TestResult { name: (*name).to_owned(), status: *status }).collect(),
        duration_ms: 1,
    };
    let outcomes = work.commands.iter().map(outcome).collect();
    CheckReport { tier: Tier::T2, tree_hash: work.tree.root_hash(), outcomes, setup_failed: None }
}

impl Hand {
    /// Answers a check with tests: `+name` passed, `-name` failed, `~name` was skipped.
    fn tests(&mut self, key: &str, tests: &str) {
        let Work::Check(work) = self.run.work(&key.parse().unwrap()).unwrap() else { panic!("{key} is no check") };
        let status = |mark| match mark {
            '+' => TestStatus::Passed,
            '-' => TestStatus::Failed,
            _ => TestStatus::Skipped,
        };
        let tests: Vec<(&str, TestStatus)> =
            tests.split_whitespace().map(|test| (&test[1..], status(test.chars().next().unwrap()))).collect();
        self.give(key, Answer::Checked(tested(&work, &tests)));
    }

    /// A run that has built `app.py` with `bye = 2`, and was told how the tests were before.
    fn built(brief: Brief, before: &str) -> Self {
        Self::built_on(brief, APP, before)
    }

    fn built_on(brief: Brief, files: &[(&str, &str)], before: &str) -> Self {
        let mut hand = Self::start(brief, files);
        hand.is_base_told = true;
        hand.say("plan/-/1/1", &plan(json!([{"id": "t1", "title": "x", "modify": ["app.py"]}])));
        assert_eq!(hand.ready(), ["build/t1/1/1", "base/-/1/1"], "ready beside the building");
        hand.say("build/t1/1/1", &edit("app.py", "bye = 0", "bye = 2"));
        hand.tests("base/-/1/1", before);
        hand
    }

    fn last_asked(&self) -> &str {
        self.asked.last().unwrap()
    }

    /// What the run would ask at a step.
    fn would_ask(&self, key: &str) -> Ask {
        let Work::Ask(ask) = self.run.work(&key.parse().unwrap()).unwrap() else { panic!("{key} asks nobody") };
        *ask
    }

    fn finished(&self) -> Finished {
        let Work::Deliver(finished) = self.run.work(&"deliver/-/1/1".parse().unwrap()).unwrap() else { panic!() };
        *finished
    }

    fn decision(&self) -> String {
        let End::NeedsDecision(reason) = self.finished().end else { panic!("{:?}", self.finished().end) };
        reason
    }

    fn failed(&self) -> Failure {
        let Some(End::Failed(failure)) = self.run.end() else { panic!("{:?}", self.run.end()) };
        failure.clone()
    }

    fn standings(&self) -> Vec<String> {
        let found = self.events.iter().filter_map(|event| match event {
            EventKind::Found { found } => Some(format!("{} {}", found.id, found.standing.as_str())),
            _ => None,
        });
        found.collect()
    }
}
