//! Repairs: from the best tree, for as long as they get somewhere, by somebody else once, with a typed end.

use super::*;

fn changed(hand: &mut Hand, key: &str, from: u32, to: u32) {
    hand.say(key, &edit("app.py", &format!("bye = {from}"), &format!("bye = {to}")));
}

#[test]
fn a_repair_that_makes_it_worse_is_told_so_and_the_next_one_starts_from_the_best_tree() {
    let mut hand = Hand::built(brief(), "+a +b +c");
    hand.tests("test/-/1/1", "-a -b +c");
    changed(&mut hand, "repair/-/1/1", 2, 3);
    hand.tests("test/-/2/1", "-a +b +c");
    changed(&mut hand, "repair/-/2/1", 3, 4);
    hand.tests("test/-/3/1", "-a -b -c");
    assert_eq!(hand.text("app.py"), "hello = 1\nbye = 3\n", "the best tree");
    let asked = format!("{:?}", hand.would_ask("repair/-/3/1").messages);
    for text in ["made it worse", "3 checks failed after it instead of 1", "bye = 3", "fail now: a\\n"] {
        assert!(asked.contains(text), "{text}: {asked}");
    }
    changed(&mut hand, "repair/-/3/1", 3, 5);
    hand.tests("test/-/4/1", "+a +b +c");
    assert_eq!(hand.ready(), ["critique/-/1/1"]);
    let kept: Vec<String> = hand
        .events
        .iter()
        .filter_map(|event| match event {
            EventKind::Best { step, failing, restored, .. } => {
                Some(format!("{} {failing} {restored}", step.as_ref().map_or("-".to_owned(), ToString::to_string)))
            }
            _ => None,
        })
        .collect();
    assert_eq!(kept, ["- 2 false", "repair/-/1/1 1 false", "repair/-/1/1 1 true"]);
}

#[test]
fn repairs_that_get_nowhere_are_given_to_somebody_else_once_and_then_it_is_the_end() {
    let mut brief = brief();
    brief.repairers = ["a:small", "b:large", "c:huge"].map(str::to_owned).to_vec();
    let mut hand = Hand::built(brief, "+a +b");
    hand.tests("test/-/1/1", "-a +b");
    assert_eq!(hand.would_ask("repair/-/1/1").prefer, None);
    changed(&mut hand, "repair/-/1/1", 2, 3);
    hand.tests("test/-/2/1", "-a +b");
    assert_eq!(hand.would_ask("repair/-/2/1").prefer.as_deref(), Some("b:large"));
    let escalated = EventKind::Escalated {
        from: "a:small".to_owned(),
        to: "b:large".to_owned(),
        why: "the last repair changed nothing about the failure".to_owned(),
    };
    assert!(hand.events.contains(&escalated));
    changed(&mut hand, "repair/-/2/1", 2, 4);
    hand.tests("test/-/3/1", "-a +b");
    let failure = hand.failed();
    assert_eq!(failure.kind, FailureKind::ChecksFailed);
    assert!(
        failure.message.starts_with("the last repair changed nothing about the failure, nor did asking b:large:\n")
    );
    assert_eq!(hand.text("app.py"), "hello = 1\nbye = 2\n", "the best tree is what is left");
}

#[test]
fn a_repair_that_leads_back_to_a_tree_that_failed_is_not_tested_again() {
    let mut hand = Hand::built(brief(), "+a +b");
    hand.tests("test/-/1/1", "-a -b");
    changed(&mut hand, "repair/-/1/1", 2, 3);
    hand.tests("test/-/2/1", "-a +b");
    changed(&mut hand, "repair/-/2/1", 3, 2);
    let failure = hand.failed();
    assert!(failure.message.contains("led back to files that were tested before"), "{failure}");
    assert!(failure.message.ends_with("The best attempt is kept: vdo diff 1 --attempt repair/-/1/1"), "{failure}");
}

#[test]
fn a_command_that_breaks_down_is_worse_than_tests_that_fail_and_timings_are_no_difference() {
    let mut hand = Hand::built(brief(), "+a +b +c");
    hand.tests("test/-/1/1", "-a -b -c");
    changed(&mut hand, "repair/-/1/1", 2, 3);
    hand.check("test/-/2/1", 2, "SyntaxError in 12 ms");
    assert_eq!(hand.text("app.py"), "hello = 1\nbye = 2\n");
    changed(&mut hand, "repair/-/2/1", 2, 4);
    hand.check("test/-/3/1", 2, "SyntaxError in 9 ms");
    assert!(hand.failed().message.contains("changed nothing about the failure"));
}

#[test]
fn the_caps_on_repairs_end_the_run() {
    let mut brief = brief();
    brief.limits = Limits::default().with_repairs(1);
    let mut hand = Hand::built(brief, "+a +b");
    hand.tests("test/-/1/1", "-a -b");
    changed(&mut hand, "repair/-/1/1", 2, 3);
    hand.tests("test/-/2/1", "-a +b");
    let failure = hand.failed();
    assert_eq!(failure.kind, FailureKind::ChecksFailed);
    assert!(failure.message.starts_with("not mended after 1 repairs:\n"), "{failure}");
}

#[test]
fn of_large_files_a_repair_is_shown_what_the_failure_points_at() {
    let long: String = (1..=2000).map(|number| format!("value_{number} = {number}\n")).collect();
    let mut hand = Hand::built_on(brief(), &[("app.py", "bye = 0\n"), ("long.py", &long)], "+a");
    let output =
        "\u{1b}[31mFAIL\u{1b}[0m\n  File \"/job/long.py\", line 1500, in x\nwarning\nwarning\nwarning\nwarning\n";
    hand.check("test/-/1/1", 1, output);
    let asked = format!("{:?}", hand.would_ask("repair/-/1/1").messages);
    for text in ["Lines 1475 to 1525 of 2000:", "value_1500 = 1500", "FAIL\\n", "… the same line 3 more times"] {
        assert!(asked.contains(text), "{text}: {asked}");
    }
    for text in ["value_100 = 100\\n", "[31m"] {
        assert!(!asked.contains(text), "{text}");
    }
}

#[test]
fn every_task_and_repair_is_kept_as_an_attempt_with_its_tree() {
    let mut hand = Hand::built(brief(), "+a");
    hand.tests("test/-/1/1", "-a");
    for turn in 1..=4 {
        hand.say(&format!("repair/-/1/{turn}"), &format!("Nothing comes to mind, {turn}."));
    }
    assert_eq!(hand.failed().kind, FailureKind::UnusableReply);
    let attempts: Vec<(String, u32, bool, usize, usize)> = hand
        .events
        .iter()
        .filter_map(|event| match event {
            EventKind::Attempt { attempt } => Some((
                attempt.step.to_string(),
                attempt.turns,
                attempt.failure.is_some(),
                attempt.changed.len(),
                attempt.against_parent.len(),
            )),
            _ => None,
        })
        .collect();
    assert_eq!(attempts, [("build/t1/1/1".to_owned(), 1, false, 1, 1), ("repair/-/1/1".to_owned(), 4, true, 0, 1)]);
}
