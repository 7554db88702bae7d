//! Jobs after their run: corrected, rolled back, carried over, hidden, detached, purged, redacted.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod support;

use serde_json::{Value, json};
use support::{Place, story};

const SUB: &str = "def sub(a, b):\n    return a - b\n";

/// A finished child, 2, of the import 1, and a finished child of that, 3.
fn chain() -> Place {
    let place = Place::new();
    place.project("calc");
    let answers = |title: &str, edit: String| -> Vec<Value> {
        let mut answers = vec![
            story::say("plan", None, &story::plan_to_modify("calc.py")),
            story::say("build", None, &edit),
            story::say("critique", None, "{\"findings\": []}"),
        ];
        for answer in &mut answers {
            answer["when"]["contains"] = json!([format!("## The job\n{title}")]);
        }
        answers
    };
    let add = |body: &str| format!("    return a + b\n\n\n{body}");
    let mut all = answers("First", story::replace("calc.py", "    return a + b\n", &add(SUB)));
    all.extend(answers(
        "Second",
        story::replace("calc.py", "def add(a, b):\n", "\"\"\"Sums.\"\"\"\n\n\ndef add(a, b):\n"),
    ));
    place.scripted(&json!({ "answers": all }));
    for (id, title, parent) in [("2", "First", ["--repo", "calc"]), ("3", "Second", ["--extends", "2"])] {
        assert_eq!(place.args(&["new", title, parent[0], parent[1]]).exits(0).line(), id);
        place.run(&format!("run {id}")).exits(0);
    }
    place
}

fn text(place: &Place, folder: &str) -> String {
    std::fs::read_to_string(place.path(&format!("{folder}/calc.py"))).unwrap()
}

#[test]
fn a_correction_is_checked_delivered_rolled_back_and_carried_over() {
    let place = chain();
    place.run("deploy 2 --to dir:fix").exits(0);
    place.run("correct 2 --from fix").exits(0).prints_nothing().says(&["nothing changed"]);
    place.write("fix/calc.py", &text(&place, "fix").replace("return a - b", "return a - b  # exact"));
    place.args(&["correct", "2", "--from", "fix", "-m", "says so"]).exits(0).prints_nothing().says(&[
        "correction revision 2, 1 files differ: says so",
        "passed in T2",
        "branch vdo/job-2-first",
        "#2 completed, revision 2",
    ]);
    assert!(place.git("calc", &["show", "vdo/job-2-first:calc.py"]).contains("# exact"));
    assert!(!place.run("cat 3 calc.py").exits(0).stdout.contains("# exact"));
    let rebased = place.run("rebase 3 --json").exits(0).json();
    assert_eq!(
        rebased,
        json!({"job": 3, "status": "completed", "reason": null, "revision": 2, "cause": "rebase", "changed": true, "conflicts": []})
    );
    let merged = place.run("cat 3 calc.py").exits(0).stdout;
    assert!(merged.contains("# exact") && merged.contains("\"\"\"Sums.\"\"\""), "{merged}");
    place.run("rebase 3").exits(0).says(&["#3 is up to date"]);
    place.run("rollback 2").exits(0).says(&["rollback", "#2 completed, revision 3"]);
    place.run("rebase 2 --descendants").exits(0).says(&["#2 is up to date", "#3 completed, revision 3"]);
    assert!(!place.run("cat 3 calc.py").exits(0).stdout.contains("# exact"));
    assert_eq!(place.run("cat 3@2 calc.py").exits(0).stdout, merged);

    // The same line on both sides.
    place.run("deploy 3 --to dir:child").exits(0);
    place.write("child/calc.py", &text(&place, "child").replace("return a - b", "return a - b  # child"));
    place.run("correct 3 --from child").exits(0);
    place.run("rollback 2@2").exits(0);
    place.run("rebase 1 --descendants").exits(3).says(&["#2 is up to date", "calc.py is in conflict with the parent"]);
    place.run("approve 3").exits(3).says(&["waits for decisions on calc.py"]);
    let conflicts = place.run("conflicts 3").exits(0).stdout;
    assert!(conflicts.contains("<<<<<<< #2") && conflicts.contains(">>>>>>> #3"), "{conflicts}");
    place.run("resolve 3 calc.py --take theirs").exits(0).says(&["the last one"]);
    place.run("rebase 3").exits(0).says(&["#3 completed"]);
    assert!(place.run("cat 3 calc.py").exits(0).stdout.contains("# child"));

    place.write("child/calc.py", "def add(a, b:\n");
    place.run("correct 3 --from child").exits(3).says(&["the checks fail on the new revision"]);
    place.run("rollback 3").exits(0).says(&["#3 completed"]);

    for (words, code, says) in [
        ("rollback 2 --to 9", 6, "job #2 has no revision 9; its newest is 4"),
        ("rollback 2 --to 4", 2, "revision 4 is what job #2 has now"),
        ("rollback 1", 2, "one revision only"),
        ("rollback 9", 6, "job #9"),
        ("correct 2 --from nowhere", 2, "nowhere is not a folder"),
        ("correct 9 --from fix", 6, "job #9"),
        ("rebase 1", 2, "builds on no other job"),
        ("rebase 3 --onto 1", 2, "job #3 does not build on job #1"),
        ("rebase 3 --onto 2@9", 6, "2@9"),
        ("rebase 3 --abort", 2, "no rebase of job #3 is under way"),
    ] {
        place.run(words).exits(code).prints_nothing().says(&[says]);
    }
}

#[test]
fn jobs_are_hidden_detached_and_purged_only_as_far_as_nothing_builds_on_them() {
    let place = chain();
    place.run("archive 2").exits(0).says(&["job #2 is archived"]);
    assert!(!place.run("jobs").exits(0).stdout.contains("First"));
    assert!(place.run("jobs --all").exits(0).stdout.contains("First"));
    assert!(place.run("jobs --status archived").exits(0).stdout.contains("First"));
    place.run("new More --extends 2").exits(2).says(&["it is archived"]);
    place.run("new More --merge 2 3").exits(2).says(&["#2"]);
    place.run("archive 2").exits(2).says(&["is archived and cannot be archived"]);
    assert_eq!(place.run("archive 2 --undo --json").exits(0).json()["status"], "completed");
    place.run("archive 2 --undo").exits(2).says(&["not archived"]);

    let before = place.run("jobs --json").exits(0).stdout;
    place.run("purge 2").exits(2).prints_nothing().says(&["job #2 has children: #3"]);
    let listed = place.run("purge 2 --subtree").exits(3).says(&["nothing was changed", "branch vdo/job-3-second"]);
    assert!(listed.stdout.contains("2 jobs, 2 revisions"), "{}", listed.stdout);
    assert_eq!(place.run("jobs --json").exits(0).stdout, before);

    let files = place.run("cat 3 calc.py").exits(0).stdout;
    place.run("detach 2").exits(0).says(&["#3 stand on their own"]);
    place.run("purge 2 --yes").exits(0).says(&["purged #2", "stays as it is: branch vdo/job-2-first"]);
    assert_eq!(place.run("cat 3 calc.py").exits(0).stdout, files);
    place.run("purge 1 --yes").exits(0);
    assert_eq!(place.run("cat 3 calc.py").exits(0).stdout, files);
    let blame = place.run("blame 3 tests/test_calc.py --json").exits(0).json();
    assert_eq!((&blame[0]["job"], &blame[0]["author"]), (&json!(1), &json!("detached from #1")));
    assert_eq!(place.run("show 3 --json").exits(0).json()["root_id"], 3);
    place.run("lineage 3").exits(0);
    place.run("files 3").exits(0);
    place.run("show 2").exits(6);
    place.run("deploy 3 --to dir:out").exits(0);
    assert!(place.git("calc", &["branch", "--list", "vdo/*"]).contains("vdo/job-2-first"));
    let purged = place.run("purge 3 --yes --json").exits(0).json();
    assert_eq!((&purged["jobs"], &purged["done"]), (&json!([3]), &json!(true)));
}

#[test]
fn a_leaked_text_is_taken_out_of_the_store_and_what_is_beyond_is_named() {
    let place = chain();
    let secret = "tok-0123456789abcdefghij";
    place.run("deploy 2 --to dir:leak").exits(0);
    place.write("leak/token.txt", &format!("{secret}\n"));
    place.run("correct 2 --from leak").exits(0);
    place.run("rebase 3").exits(0);
    place.write("secret", &format!("{secret}\n"));
    let report = place.run("redact --text secret --json").exits(0).json();
    assert_eq!(report["searched"][0], json!({"place": "contents", "hits": 1}));
    assert_eq!(report["revisions"].as_array().unwrap().len(), 2);
    assert_eq!(report["erased"], true);
    let beyond = report["beyond"].to_string();
    assert!(beyond.contains("vdo/job-2-first") && beyond.contains("backups") && beyond.contains("dir "), "{beyond}");
    for id in ["2", "3"] {
        assert_eq!(place.run(&format!("cat {id} token.txt")).exits(0).stdout, "This content was redacted.\n");
    }
    for file in ["vdo.db", "vdo.db-wal"] {
        let bytes = std::fs::read(place.path(&format!("home/data/vdo/{file}"))).unwrap_or_default();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{file}");
    }
    place.run("redact 2 calc.py").exits(0);
    assert_eq!(place.run("cat 2 calc.py").exits(0).stdout, "This content was redacted.\n");
    place.run("redact").exits(2);
    place.run("redact 2").exits(2);
    place.run("redact 2 no.py").exits(6);
    place.run("redact --blob xyz").exits(2);
}
