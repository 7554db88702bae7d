//! What counts as green: base against new, and nothing without a test that ran.

use super::*;

#[test]
fn what_a_job_broke_is_told_from_what_was_red_before_it() {
    let mut hand = Hand::built(brief(), "+a +b -c -d");
    hand.tests("test/-/1/1", "-a +b -c +d -new");
    hand.say("repair/-/1/1", &edit("app.py", "bye = 2", "bye = 3"));
    for text in [
        "1 passed before this job and fail now: a\\n",
        "1 are new and fail: new\\n",
        "1 failed before this job already: c\\n",
        "1 failed before this job and pass now: d\\n",
    ] {
        assert!(hand.last_asked().contains(text), "{text}: {}", hand.last_asked());
    }
    hand.tests("test/-/2/1", "+a +b +c +d +new");
    let opening = hand.would_ask("critique/-/1/1").messages;
    let said = format!("{opening:?}");
    for text in ["make check (exit code 0, 5 tests passed)", "2 failed before this job and pass now: c, d"] {
        assert!(said.contains(text), "{text}: {said}");
    }
    let told: Vec<(Phase, String)> = hand
        .events
        .iter()
        .filter_map(|event| match event {
            EventKind::Checked { phase, comparison, .. } => {
                Some((*phase, comparison.as_ref().map_or(String::new(), |comparison| comparison.summary())))
            }
            _ => None,
        })
        .collect();
    assert_eq!(
        told,
        [
            (Phase::Base, String::new()),
            (Phase::Test, "1 broke, 1 new and failing, 1 red before, 1 mended".to_owned()),
            (Phase::Test, "2 mended, 1 new".to_owned())
        ]
    );
}

#[test]
fn a_job_that_leaves_only_what_was_red_before_waits_for_a_person_and_asks_for_no_repair() {
    let mut hand = Hand::built(brief(), "+a -old.one -old.two");
    hand.tests("test/-/1/1", "+a -old.one -old.two +new");
    assert_eq!(hand.ready(), ["critique/-/1/1"]);
    hand.say("critique/-/1/1", r#"{"findings": []}"#);
    assert!(hand.last_asked().contains("what fails failed before this job already"));
    hand.tests("sandbox/-/1/1", "+a -old.one -old.two +new");
    assert_eq!(
        hand.decision(),
        "2 checks fail that failed before this job already: old.one, old.two. Nothing that passed before it fails now. \
         Mend them in a job of their own, or accept the result with vdo approve 1"
    );
    assert_eq!(hand.finished().stamps, [Stamp::Unverified]);
}

#[test]
fn tests_that_came_before_the_code_are_the_jobs_business_and_a_repair_that_nobody_makes_leaves_the_decision() {
    let mut hand = Hand::built(brief(), "-a -b");
    hand.tests("test/-/1/1", "-a -b");
    assert_eq!(hand.ready(), ["repair/-/1/1"]);
    assert!(hand.would_ask("repair/-/1/1").is_optional);
    let nobody = Failure::new(FailureKind::BadRequest, "nothing left to say");
    hand.give("repair/-/1/1", Answer::Declined(nobody));
    hand.say("critique/-/1/1", r#"{"findings": []}"#);
    hand.tests("sandbox/-/1/1", "-a -b");
    assert!(hand.decision().starts_with("2 checks fail that failed before this job already: a, b."));

    // One that gets nowhere ends the same way, and what the job mended is worth going on.
    let mut hand = Hand::built(brief(), "+x -a -b");
    hand.tests("test/-/1/1", "+x -a +b");
    hand.say("repair/-/1/1", &edit("app.py", "bye = 2", "bye = 3"));
    hand.tests("test/-/2/1", "+x -a +b");
    hand.say("critique/-/1/1", r#"{"findings": []}"#);
    hand.tests("sandbox/-/1/1", "+x -a +b");
    assert!(hand.decision().starts_with("1 check fails that failed before this job already: a."));
    assert_eq!(hand.text("app.py"), "hello = 1\nbye = 2\n", "of equals the earlier tree is kept");
}

#[test]
fn a_run_that_executed_no_test_is_never_green() {
    for tests in ["~none", "~a ~b"] {
        let mut hand = Hand::built(brief(), "");
        hand.tests("test/-/1/1", tests);
        assert_eq!(hand.ready(), ["critique/-/1/1"], "there is nothing to repair");
        hand.say("critique/-/1/1", r#"{"findings": []}"#);
        assert!(hand.last_asked().contains("no test was executed"));
        hand.tests("sandbox/-/1/1", tests);
        assert!(hand.decision().starts_with("no test was executed by make check, so nothing shows"));
        assert_eq!(hand.finished().stamps, [Stamp::Unverified]);
    }
}

#[test]
fn a_test_that_passed_before_and_is_gone_is_brought_back_or_answered() {
    let mut hand = Hand::built(brief(), "+a +b +c");
    hand.tests("test/-/1/1", "+a ~c");
    assert_eq!(hand.ready(), ["repair/-/1/1"], "green, and yet not");
    let asked = format!("{:?}", hand.would_ask("repair/-/1/1").messages);
    for text in ["f1 [major] : c passed before this job and is not run any more", "f2 [major] : b passed before"] {
        assert!(asked.contains(text), "{text}: {asked}");
    }
    hand.say("repair/-/1/1", &(edit("app.py", "bye = 2", "bye = 3") + "ANSWER f1: it is called d now\n"));
    assert_eq!(hand.standings(), ["f1 open", "f2 open", "f1 answered", "f2 mended"]);
    // f2 is not mended at all.
    hand.tests("test/-/2/1", "+a +d");
    assert_eq!(hand.standings().last().unwrap(), "f2 open");
    hand.say("repair/-/2/1", &edit("app.py", "bye = 3", "bye = 4"));
    hand.tests("test/-/3/1", "+a +b +d");
    assert_eq!(hand.ready(), ["critique/-/1/1"]);
    hand.say("critique/-/1/1", r#"{"findings": []}"#);
    assert!(hand.last_asked().contains("Answer: it is called d now"), "{}", hand.last_asked());
    assert_eq!(hand.standings().last().unwrap(), "f1 accepted");
}

#[test]
fn a_test_whose_file_the_plan_deletes_may_go() {
    let mut hand = Hand::start(brief(), &[("app.py", "bye = 0\n"), ("tests/test_old.py", "old\n")]);
    hand.is_base_told = true;
    let task = json!([{"id": "t1", "title": "x", "modify": ["app.py"], "delete": ["tests/test_old.py"]}]);
    hand.say("plan/-/1/1", &plan(task));
    hand.say("build/t1/1/1", &(edit("app.py", "bye = 0", "bye = 1") + "DELETE tests/test_old.py\n"));
    hand.tests("base/-/1/1", "+tests.test_old.T.test_x +tests.test_app.T.test_y");
    hand.tests("test/-/1/1", "+tests.test_app.T.test_y");
    assert_eq!(hand.ready(), ["critique/-/1/1"]);
}

#[test]
fn the_first_test_waits_for_the_report_on_what_was_there_before_and_either_may_come_first() {
    let states: Vec<String> = [["base/-/1/1", "test/-/1/1"], ["test/-/1/1", "base/-/1/1"]]
        .iter()
        .map(|order| {
            let mut hand = Hand::start(brief(), APP);
            hand.is_base_told = true;
            hand.say("plan/-/1/1", &plan(json!([{"id": "t1", "title": "x", "modify": ["app.py"]}])));
            hand.say("build/t1/1/1", &edit("app.py", "bye = 0", "bye = 2"));
            assert_eq!(hand.ready(), ["test/-/1/1", "base/-/1/1"]);
            for key in order {
                hand.tests(key, if key.starts_with("base") { "+a" } else { "-a" });
            }
            assert_eq!(hand.ready(), ["repair/-/1/1"]);
            serde_json::to_string(&hand.run).unwrap()
        })
        .collect();
    assert_eq!(states[0], states[1]);
}

#[test]
fn commands_that_come_with_what_was_built_are_compared_with_a_report_of_their_own() {
    let mut brief = brief();
    brief.checks.clear();
    let mut hand = Hand::start(brief, APP);
    hand.is_base_told = true;
    let task =
        json!({"summary": "s", "checks": ["make lint"], "tasks": [{"id": "t1", "title": "x", "create": ["t.py"]}]});
    hand.say("plan/-/1/1", &task.to_string());
    hand.run
        .answer("build/t1/1/1".parse().unwrap(), Answer::Reply(reply(vec![Block::text("t.py\n```\nt\n```\n")])))
        .unwrap();
    hand.advance();
    let command = CheckCommand { run: "pytest".to_owned(), source: CommandSource::Detected, runner: Runner::Pytest };
    let scanned = Scanned { checks: vec![command], ..hand.run.scanned.clone() };
    hand.run.answer(rescan(), Answer::Scanned(scanned)).unwrap();
    hand.advance();
    assert_eq!(hand.ready(), ["base/-/1/1"], "the report under way is taken in first");
    hand.check("base/-/1/1", 0, "");
    assert_eq!(hand.ready(), ["test/-/1/1", "base/-/2/1"]);
    hand.tests("test/-/1/1", "+new");
    hand.tests("base/-/2/1", "");
    assert_eq!(hand.ready(), ["critique/-/1/1"]);
}
