//! What a run says of its work: what it broke and what was red before, its attempts, its findings; and going back to them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod support;

use serde_json::{Value, json};
use support::{Place, story};

const NONE: &str = "{\"findings\": []}";

/// A test that fails whatever the job does.
const RED: &str = "import unittest\n\nimport calc\n\n\nclass OldTest(unittest.TestCase):\n    def test_rounding(self):\n        \
                   self.assertEqual(calc.add(1, 1), 3)\n";

fn statuses(place: &Place, id: &str) -> (Value, String) {
    let show = place.args(&["show", id, "--json"]).exits(0).json();
    (show["status"].clone(), show["reason"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn what_was_red_before_is_named_and_the_job_is_not_called_completed() {
    let place = Place::new();
    place.project("calc");
    place.write("calc/tests/test_old.py", RED);
    place.git("calc", &["add", "-A"]);
    place.git("calc", &["commit", "-q", "-m", "red"]);
    place.scripted(&json!({"answers": [
        story::say("plan", None, &story::plan_to_create("notes.txt")),
        story::say("build", None, &story::whole("notes.txt", "noted\n")),
        story::say("critique", None, NONE),
    ]}));
    place.job("calc", "Take notes");
    let red = "1 check fails that failed before this job already: tests.test_old.OldTest.test_rounding";
    place.run("run 2").exits(3).says(&["base ", "; 1 red before this job", red]);
    let show = place.run("show 2 --json").exits(0).json();
    assert_eq!((&show["status"], &show["stamps"]), (&json!("needs_decision"), &json!(["unverified", "self_reviewed"])));
    assert_eq!(show["comparison"]["red_before"]["tests"][0]["test"], "tests.test_old.OldTest.test_rounding");
    assert!(place.run("show 2").exits(0).stdout.contains("was red: tests.test_old.OldTest.test_rounding"));
    place.run("approve 2").exits(0);
    assert_eq!(
        place.run("show 2 --json").exits(0).json()["stamps"].to_string(),
        r#"["unverified","self_reviewed","approved"]"#
    );

    // The next job finds the report on what it starts from in the store.
    place.scripted(&json!({"answers": [
        story::say("plan", None, &story::plan_to_create("more.txt")),
        story::say("build", None, &story::whole("more.txt", "more\n")),
        story::say("critique", None, NONE),
    ]}));
    place.run("new More --extends 2").exits(0);
    place.run("run 3").exits(3).says(&["(as job #2 recorded it)", red]);
}

#[test]
fn a_run_of_no_test_is_no_evidence() {
    let place = Place::new();
    place.write("empty/readme.txt", "nothing here\n");
    place.scripted(&story::notes());
    place.args(&["new", "Take notes", "--repo", "empty", "--check", "python3 -m unittest discover -v"]).exits(0);
    place.run("run 2").exits(3).says(&["NO TEST RAN", "no test was executed by python3 -m unittest discover -v"]);
    assert_eq!(place.run("show 2 --json").exits(0).json()["stamps"], json!(["unverified", "self_reviewed"]));
}

#[test]
fn a_test_that_vanishes_is_a_finding_until_it_is_back() {
    let place = Place::new();
    place.project("calc");
    let renamed = story::FILES[2].1.replace("test_add", "check_add");
    let test = "tests/test_calc.py";
    let wipe = story::replace(test, "    def test_add(self):\n", "    def check_add(self):\n");
    let other = story::whole(
        "tests/test_more.py",
        "import unittest\n\nimport calc\n\n\nclass MoreTest(unittest.TestCase):\n    def test_more(self):\n        self.assertEqual(calc.add(1, 1), 2)\n",
    );
    let plan = story::plan(&[
        json!({"id": "t1", "title": "T", "description": "D", "create": ["tests/test_more.py"], "modify": [test], "delete": [], "depends_on": []}),
    ]);
    place.scripted(&json!({"answers": [
        story::say("plan", None, &plan),
        story::say("build", None, &format!("{wipe}{other}")),
        {"when": {"phase": "repair", "contains": ["f1 [major] tests/test_calc.py: tests.test_calc.CalcTest.test_add passed before this job and is not run any more"]},
         "reply": {"text": story::replace(test, "    def check_add(self):\n", "    def test_add(self):\n")}},
        story::say("critique", None, NONE),
    ]}));
    assert!(renamed.contains("check_add"));
    place.job("calc", "More tests");
    place.run("run 2").exits(0).says(&[
        "1 vanished",
        "finding    f1 [major] tests/test_calc.py",
        "finding    f1 mended",
    ]);
    let show = place.run("show 2 --json").exits(0).json();
    assert_eq!((&show["findings"][0]["id"], &show["findings"][0]["standing"]["is"]), (&json!("f1"), &json!("mended")));
}

/// The reference job, with a repair that makes it worse before the one that mends it.
fn after_two_repairs() -> Place {
    let place = Place::new();
    place.project("calc");
    let (wrong, worse, right) = (
        "def mul(a, b):\n    return a + b\n",
        "def add(a, b):\n    return None\n\n\ndef mul(a, b):\n    return None\n",
        "def mul(a, b):\n    return a * b\n",
    );
    let whole = "def add(a, b):\n    return a + b\n\n\ndef mul(a, b):\n    return a + b\n";
    let mut answers = story::answers();
    answers["answers"][3] = story::say("repair", None, &story::replace("calc.py", whole, worse));
    answers["answers"].as_array_mut().unwrap().push(json!({
        "when": {"phase": "repair", "attempt": 2, "contains": ["made it worse"]},
        "reply": {"text": story::replace("calc.py", wrong, right)},
        "usage": {"input": 1000, "output": 100},
    }));
    answers["answers"][3]["when"]["attempt"] = json!(1);
    place.scripted(&answers);
    place.job("calc", story::TITLE);
    place.run("run 2").exits(0).says(&["best       back to the files before the repairs, on which 1 checks fail"]);
    place
}

#[test]
fn every_attempt_is_listed_shown_and_gone_back_to() {
    let place = after_two_repairs();
    let listed = place.run("log 2 --attempts").exits(0).stdout;
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(
        lines,
        [
            "build/t1/1/1       done      1 files, +4 -0, demo:scripted".replace("1 files", "1 file"),
            "build/t2/1/1       done      1 file, +8 -0, demo:scripted".to_owned(),
            "repair/-/1/1       done      1 file, +2 -2, demo:scripted".to_owned(),
            "repair/-/2/1       done      1 file, +1 -1, demo:scripted".to_owned(),
        ]
    );
    let json = place.run("log 2 --attempts --json").exits(0).json();
    assert_eq!(
        (&json[2]["step"], &json[2]["outcome"], &json[2]["files"]),
        (&json!("repair/-/1/1"), &json!("done"), &json!(["calc.py"]))
    );
    let diff = place.run("diff 2 --attempt repair/-/1/1").exits(0).stdout;
    assert!(diff.contains("-    return a + b\n+    return None\n"), "{diff}");
    assert_eq!(place.run("diff 2 --attempt repair/-/1").exits(0).stdout, diff);
    assert!(place.run("diff 2 --attempt t2 --stat").exits(0).stdout.contains("tests/test_mul.py"));
    place.run("diff 2 --attempt repair/-/9").exits(6).says(&["has no attempt", "repair/-/2/1"]);

    let branch = "vdo/job-2-add-multiplication";
    let refs = |place: &Place| place.git("calc", &["for-each-ref", "--format=%(refname) %(objectname)"]);
    let (before, good) = (refs(&place), place.run("cat 2 calc.py").exits(0).stdout);
    // A purge of something else takes nothing from attempts.
    place.write("other/x.txt", "x\n");
    place.args(&["new", "Other", "--repo", "other"]).exits(0);
    place.run("purge 4 --yes").exits(0);
    place.run("purge 3 --yes").exits(0);

    place
        .run("rollback 2 --attempt repair/-/1")
        .exits(3)
        .says(&["the files as repair/-/1/1 left them", "FAILED in T2"]);
    assert!(place.run("cat 2 calc.py").exits(0).stdout.contains("return None"));
    assert_eq!(refs(&place), before, "what fails is not delivered");
    place.run("rollback 2@1").exits(0);
    assert_eq!(place.run("cat 2 calc.py").exits(0).stdout, good);
    place.run("rollback 2 --attempt repair/-/2").exits(2).says(&["is what job #2 has now"]);
    place.run("rollback 2 --attempt t9").exits(6);
    assert_eq!(place.git("calc", &["rev-parse", "main"]), place.git("calc", &["rev-parse", "HEAD"]));
    let moved = refs(&place);
    let others = |refs: &str| refs.lines().filter(|line| !line.contains(branch)).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(others(&moved), others(&before), "only the job's own branch moves");
}

#[test]
fn a_task_is_taken_back_unless_later_changes_build_on_it_and_that_is_undone_like_any_revision() {
    let place = after_two_repairs();
    let branch = "vdo/job-2-add-multiplication";
    place
        .run("rollback 2 --task t1")
        .exits(3)
        .prints_nothing()
        .says(&["task t1 of job #2", "later changes build on it in calc.py"]);
    assert_eq!(place.run("show 2 --json").exits(0).json()["revision"]["number"], 1, "nothing changed");
    place.run("rollback 2 --task t2").exits(0).says(&[
        "revision 2, 1 files differ: without what task t2 did",
        "passed in T2",
        "#2 completed, revision 2",
    ]);
    place.run("cat 2 tests/test_mul.py").exits(6);
    assert!(place.run("cat 2 calc.py").exits(0).stdout.contains("a * b"), "what came later stays");
    assert_eq!(
        place.git("calc", &["ls-tree", "-r", "--name-only", branch]),
        "calc.py\ntests/__init__.py\ntests/test_calc.py\n"
    );
    place.run("rollback 2@1").exits(0);
    assert!(place.run("cat 2 tests/test_mul.py").exits(0).stdout.contains("test_mul"));
    assert!(place.git("calc", &["ls-tree", "-r", "--name-only", branch]).contains("tests/test_mul.py"));
    place.run("rollback 2 --task t7").exits(6).says(&["has no attempt"]);
    place.run("rollback 2 --task t1 --to 1").exits(2);
}

#[test]
fn a_failed_job_keeps_its_best_attempt_to_be_looked_at() {
    let place = Place::new();
    place.project("calc");
    let mut answers = story::answers();
    let tries = [("a + b", "a - b"), ("a + b", "a - b - 0")];
    answers["answers"][3] = story::say(
        "repair",
        None,
        &story::replace("calc.py", "def mul(a, b):\n    return a + b\n", "def mul(a, b):\n    return a - b\n"),
    );
    place.scripted(&answers);
    assert_eq!(tries.len(), 2);
    place.job("calc", story::TITLE);
    place.run("run 2").exits(1).says(&["the last repair changed nothing about the failure"]);
    let (status, reason) = statuses(&place, "2");
    assert_eq!(status, "failed");
    assert!(reason.contains("1 are new and fail: tests.test_mul.MulTest.test_mul"), "{reason}");
    assert!(place.run("log 2 --attempts").exits(0).stdout.contains("repair/-/1/1"));
    assert!(place.run("diff 2 --attempt repair/-/1").exits(0).stdout.contains("+    return a - b"));
    place.run("rollback 2 --attempt repair/-/1").exits(6).says(&["has no result yet"]);
}

#[test]
fn repairs_stop_at_their_cost_and_go_on_once_more_is_allowed() {
    let place = Place::new();
    place.project("calc");
    let mut answers = story::answers();
    let bad = |attempt: u32, from: &str, to: &str| {
        let mut say = story::say(
            "repair",
            None,
            &story::replace(
                "calc.py",
                &format!("def mul(a, b):\n    return {from}\n"),
                &format!("def mul(a, b):\n    return {to}\n"),
            ),
        );
        say["when"]["attempt"] = json!(attempt);
        say
    };
    // The first breaks a test more, so that a second repair is due.
    answers["answers"][3] = bad(1, "a + b", "a +");
    answers["answers"][3]["reply"]["text"] = json!(story::replace(
        "calc.py",
        "    return a + b\n\n\ndef mul(a, b):\n",
        "    return a - b\n\n\ndef mul(a, b):\n"
    ));
    answers["answers"].as_array_mut().unwrap().push(bad(2, "a + b", "a * b"));
    place.scripted(&answers);
    place.job("calc", story::TITLE);
    place
        .args(&["run", "2", "--set", "limits.repair_cost=0.001"])
        .exits(1)
        .says(&["the repairs of job #2 cost $0.0012; $0.001 are allowed"]);
    place.run("run 2").exits(0).says(&["resume"]);
}
