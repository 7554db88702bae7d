//! Conversations that go round in circles end, and those that do not go on.

use super::*;

fn with_tools(limits: Limits) -> Hand {
    let mut brief = brief();
    brief.build = Style::Tools;
    brief.limits = limits;
    let mut hand = Hand::start(brief, APP);
    hand.say("plan/-/1/1", &plan(json!([{"id": "t1", "title": "x", "modify": ["app.py"]}])));
    hand
}

fn read(path: &str) -> (&'static str, Value) {
    ("read", json!({"path": path}))
}

#[test]
fn calls_that_alternate_are_a_circle_too() {
    let mut hand = with_tools(Limits::default());
    for turn in 1..=7 {
        assert_eq!(hand.run.end(), None, "{turn}");
        let path = if turn % 2 == 1 { "app.py" } else { "base.html" };
        hand.call(&format!("build/t1/1/{turn}"), &[read(path)]);
    }
    assert_eq!(hand.failed().kind, FailureKind::Stalled);
    assert!(hand.failed().message.contains("called read with the same arguments 4 times"));
}

#[test]
fn edits_that_take_each_other_back_are_a_circle() {
    let mut hand = with_tools(Limits::default());
    let change = |from: &str, to: &str| ("edit", json!({"path": "app.py", "find": from, "replace": to}));
    for turn in 1..=20 {
        if hand.run.end().is_some() {
            break;
        }
        let call = if turn % 2 == 1 { change("bye = 0", "bye = 1") } else { change("bye = 1", "bye = 0") };
        hand.call(&format!("build/t1/1/{turn}"), &[call]);
    }
    assert_eq!(hand.failed().kind, FailureKind::Stalled);
}

#[test]
fn an_edit_that_fails_again_and_again_ends_the_task() {
    let mut hand = with_tools(Limits::default());
    for turn in 1..=4 {
        hand.call(&format!("build/t1/1/{turn}"), &[("edit", json!({"path": "app.py", "find": "no", "replace": "x"}))]);
    }
    assert_eq!(hand.failed().kind, FailureKind::Stalled);
}

#[test]
fn the_same_command_after_every_edit_is_no_circle() {
    let mut hand = with_tools(Limits::default());
    for turn in 1..=8 {
        let edit = json!({"path": "app.py", "find": format!("bye = {}", turn - 1), "replace": format!("bye = {turn}")});
        hand.call(&format!("build/t1/1/{turn}"), &[("edit", edit), ("run", json!({"command": "pytest"}))]);
        hand.check(&format!("build/t1/1/{turn}+2"), 1, "no");
    }
    assert_eq!(hand.run.end(), None);
}

#[test]
fn looking_without_ever_changing_anything_ends_the_task() {
    let mut hand = with_tools(Limits::default().with_looks(3));
    for turn in 1..=3 {
        hand.call(&format!("build/t1/1/{turn}"), &[("search", json!({"text": format!("word {turn}")}))]);
    }
    let failure = hand.failed();
    assert_eq!(failure.kind, FailureKind::Stalled);
    assert!(failure.message.contains("nothing was changed in 3 exchanges"), "{failure}");
}

#[test]
fn too_many_exchanges_are_a_limit() {
    let mut hand = with_tools(Limits::default().with_turns(2));
    for turn in 1..=2 {
        hand.call(&format!("build/t1/1/{turn}"), &[("search", json!({"text": format!("word {turn}")}))]);
    }
    assert_eq!(hand.failed().kind, FailureKind::LimitReached);
}

#[test]
fn what_a_command_prints_comes_back_bounded_with_its_end() {
    let mut hand = with_tools(Limits::default());
    hand.call("build/t1/1/1", &[("run", json!({"command": "make"}))]);
    let output: String = (0..100_000).map(|number| format!("line {number}\n")).collect();
    hand.check("build/t1/1/1+1", 1, &output);
    let said = format!("{:?}", hand.would_ask("build/t1/1/2").messages);
    assert!(said.len() < 40_000 && said.contains("line 99999") && said.contains("bytes left out"), "{}", said.len());
}
