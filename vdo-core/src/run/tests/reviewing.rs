//! Findings: each is mended or answered, and what a critic does not let hold is not dropped.

use super::*;

const FINDING: &str = r#"{"findings": [{"file": "base.html", "line": 1, "severity": "major", "claim": "no link", "suggestion": "add one"}]}"#;

fn reviewed() -> Hand {
    let mut hand = Hand::built(brief(), "+a");
    hand.tests("test/-/1/1", "+a");
    hand.say("critique/-/1/1", FINDING);
    hand
}

#[test]
fn a_finding_is_answered_with_a_reason_and_the_critic_lets_it_hold() {
    let mut hand = reviewed();
    let asked = format!("{:?}", hand.would_ask("repair/-/1/1").messages);
    for text in ["f1 [major] base.html:1: no link", "Suggestion: add one", "Mend each, or answer it"] {
        assert!(asked.contains(text), "{text}: {asked}");
    }
    hand.say("repair/-/1/1", "ANSWER f1: the page is made by another job\n");
    assert_eq!(hand.ready(), ["critique/-/2/1"], "nothing changed, so nothing is tested again");
    hand.say("critique/-/2/1", r#"{"findings": []}"#);
    assert!(hand.last_asked().contains("f1 [major] base.html:1: no link\\n  Answer: the page is made by another job"));
    assert_eq!(hand.standings(), ["f1 open", "f1 answered", "f1 accepted"]);
    hand.tests("sandbox/-/1/1", "+a");
    assert_eq!(hand.finished().end, End::Completed);
}

#[test]
fn an_answer_that_does_not_hold_is_asked_for_again_and_in_the_end_a_person_decides() {
    let mut hand = reviewed();
    hand.say("repair/-/1/1", "ANSWER f1: it is fine\n");
    hand.say("critique/-/2/1", r#"{"findings": [], "keep": ["f1"]}"#);
    let asked = format!("{:?}", hand.would_ask("repair/-/2/1").messages);
    assert!(asked.contains("It was answered (it is fine), and the reviewer did not let that hold."), "{asked}");
    hand.say("repair/-/2/1", "ANSWER f1: it really is\n");
    hand.say(
        "critique/-/3/1",
        r#"{"findings": [{"id": "f1", "file": "base.html", "severity": "major", "claim": "still no link"}]}"#,
    );
    assert_eq!(hand.standings(), ["f1 open", "f1 answered", "f1 kept", "f1 answered", "f1 kept"]);
    assert_eq!(hand.decision(), "findings still stand after 3 reviews: f1 [major] base.html:1: no link");
}

#[test]
fn tools_answer_findings_too_and_only_those_that_are_asked() {
    let mut brief = brief();
    brief.repair = Style::Tools;
    let mut hand = Hand::built(brief, "+a");
    hand.tests("test/-/1/1", "+a");
    hand.say("critique/-/1/1", FINDING);
    let tools: Vec<String> = hand.would_ask("repair/-/1/1").tools.into_iter().map(|tool| tool.name).collect();
    assert_eq!(tools.last().map(String::as_str), Some("answer"));
    hand.call("repair/-/1/1", &[("answer", json!({"finding": "f7", "reason": "x"})), ("done", json!({}))]);
    let said = format!("{:?}", hand.would_ask("repair/-/1/2").messages);
    assert!(said.contains("there is no finding") && said.contains("there are: f1"), "{said}");
    hand.call("repair/-/1/2", &[("answer", json!({"finding": "f1", "reason": "no page"})), ("done", json!({}))]);
    assert_eq!(hand.ready(), ["critique/-/2/1"]);
    assert_eq!(hand.standings(), ["f1 open", "f1 answered"]);
}

#[test]
fn a_finding_about_a_file_that_nobody_has_is_refused_once_and_then_left_out() {
    let mut hand = Hand::built(brief(), "+a");
    hand.tests("test/-/1/1", "+a");
    let made_up = r#"{"findings": [{"file": "ghost.py", "severity": "blocker", "claim": "boo"}, {"file": "b/app.py:2", "severity": "major", "claim": "wrong"}]}"#;
    hand.say("critique/-/1/1", made_up);
    let why = "finding 1 (boo) names ghost.py, which is neither in the change nor in the codebase";
    assert_eq!(hand.refusals().pop().unwrap(), [why]);
    assert_eq!(hand.ready(), ["critique/-/2/1"]);
    hand.say("critique/-/2/1", made_up);
    assert!(hand.last_asked().contains("names ghost.py"));
    assert_eq!(hand.standings(), ["f1 open"]);
    assert!(format!("{:?}", hand.would_ask("repair/-/1/1").messages).contains("f1 [major] app.py: wrong"));
}

#[test]
fn findings_that_outlast_the_repairs_are_left_to_a_person_with_the_list() {
    let mut brief = brief();
    brief.limits = Limits::default().with_repairs(1);
    let mut hand = Hand::built(brief, "+a");
    hand.tests("test/-/1/1", "+a");
    hand.say("critique/-/1/1", FINDING);
    hand.say("repair/-/1/1", &edit("base.html", "<nav></nav>", "<nav>x</nav>"));
    hand.tests("test/-/2/1", "+a");
    hand.say("critique/-/2/1", FINDING);
    assert_eq!(hand.standings(), ["f1 open", "f1 mended", "f1 open"]);
    assert_eq!(hand.decision(), "findings still stand after 1 repairs: f1 [major] base.html:1: no link");
}
