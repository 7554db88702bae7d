//! Jobs that build on jobs: parallel children, their merge, what is left to decide, and where everything comes from.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod support;

use serde_json::{Value, json};
use support::{Place, redacted, story};

/// Answers for jobs that each add a function to `calc.py`, told apart by their titles.
fn adding(jobs: &[(&str, &str)]) -> Value {
    let answers: Vec<Value> = jobs
        .iter()
        .flat_map(|(title, function)| {
            let edit = story::replace("calc.py", "    return a + b\n", &format!("    return a + b\n\n\n{function}"));
            let mut answers = vec![
                story::say("plan", None, &story::plan_to_modify("calc.py")),
                story::say("build", None, &edit),
                story::say("critique", None, "{\"findings\": []}"),
            ];
            for answer in &mut answers {
                answer["when"]["contains"] = json!([format!("## The job\n{title}")]);
            }
            answers
        })
        .collect();
    json!({ "answers": answers })
}

const SUB: &str = "def sub(a, b):\n    return a - b\n";
const MUL: &str = "def mul(a, b):\n    return a * b\n";

/// Two finished children, 2 and 3, of the import 1.
fn with_children(ours: &str, theirs: &str) -> Place {
    let place = Place::new();
    place.project("calc");
    place.scripted(&adding(&[("Ours", ours), ("Theirs", theirs)]));
    for (id, title) in [("2", "Ours"), ("3", "Theirs")] {
        let parent = if id == "2" { ["--repo", "calc"] } else { ["--extends", "1"] };
        assert_eq!(place.args(&["new", title, parent[0], parent[1]]).exits(0).line(), id);
        place.run(&format!("run {id}")).exits(0);
    }
    place
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(&redacted(value)).unwrap()
}

#[test]
fn parallel_children_are_merged_without_a_call_and_git_has_the_graph() {
    let place = with_children(SUB, MUL);
    assert_eq!(place.args(&["new", "Both", "--merge", "2", "#3"]).exits(0).line(), "4");
    place.run("run 4").exits(0).prints_nothing().says(&[
        "merges #2@1, #3@1",
        "#3@1 comes together cleanly",
        "passed in T2",
        "branch vdo/job-4-both",
        "#4 completed",
    ]);
    let merged = "def add(a, b):\n    return a + b\n\n\ndef sub(a, b):\n    return a - b\n\n\ndef mul(a, b):\n    return a * b\n";
    assert_eq!(place.run("cat 4 calc.py").exits(0).stdout, merged);
    insta::assert_snapshot!("merge_files", place.run("files 4").exits(0).stdout);
    insta::assert_snapshot!("merge_show", place.run("show 4").exits(0).stdout);
    insta::assert_snapshot!("merge_show_json", pretty(&place.run("show 4 --json").exits(0).json()));
    insta::assert_snapshot!("merge_log", place.run("log 4").exits(0).stdout);
    insta::assert_snapshot!("lineage", place.run("lineage 4").exits(0).stdout);
    insta::assert_snapshot!("lineage_json", pretty(&place.run("lineage 4 --json").exits(0).json()));
    assert!(place.run("jobs").exits(0).stdout.contains("Both  merges #2 #3"));
    assert_eq!(place.run("show 4 --json").exits(0).json()["calls"], 0);

    let tips = ["2-ours", "3-theirs"].map(|job| place.git("calc", &["rev-parse", &format!("vdo/job-{job}")]));
    let commit = place.git("calc", &["log", "-1", "--format=%P%n%B", "vdo/job-4-both"]);
    let mut lines = commit.lines();
    assert_eq!(lines.next().unwrap(), tips.map(|tip| tip.trim().to_owned()).join(" "));
    for trailer in ["VDO-Job: 4", "VDO-Parent: 2", "VDO-Parent: 3"] {
        assert!(commit.lines().any(|line| line == trailer), "{commit}");
    }
    place.run("deploy 4 --to dir:out").exits(0);
    let committed = place.git("calc", &["ls-tree", "-r", "--format=%(objectname) %(path)", "vdo/job-4-both"]);
    for line in committed.lines() {
        let (hash, path) = line.split_once(' ').unwrap();
        let file = place.text(&format!("out/{path}"));
        assert_eq!(place.git("calc", &["hash-object", &file]).trim(), hash, "{path}");
    }
    assert_eq!(committed.lines().count(), support::tree(&place.path("out")).len());

    // From any job, and from an old revision, something can grow on.
    for (parent, id) in [("1", "5"), ("2@1", "6"), ("4", "7")] {
        assert_eq!(place.args(&["new", "More", "--extends", parent]).exits(0).line(), id);
    }
    assert_eq!(place.args(&["new", "Again", "--merge", "4", "6"]).exits(0).line(), "8");
    place.run("run 8").exits(3).says(&["job #8 waits for job #6, which has no result yet"]);
    let lineage = place.run("lineage 8 --json").exits(0).json();
    let ids: Vec<u64> = lineage["chain"].as_array().unwrap().iter().map(|job| job["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, [1, 2, 3, 4, 6, 8]);
    assert_eq!((&lineage["status"], &lineage["total_files"]), (&json!("queued"), &json!(0)));
}

#[test]
fn what_does_not_merge_is_shown_and_decided_by_a_person() {
    let place = with_children(SUB, "def sub(a, b):\n    return b - a\n");
    assert_eq!(place.args(&["new", "Both", "--merge", "2", "3", "--policy", "clean"]).exits(0).line(), "4");
    place.run("conflicts 4").exits(0).prints_nothing();
    place.run("run 4").exits(3).says(&["1 path is in conflict: calc.py", "vdo conflicts 4"]);
    insta::assert_snapshot!("conflicts", place.run("conflicts 4").exits(0).stdout);
    insta::assert_snapshot!("conflicts_json", pretty(&place.run("conflicts 4 --json").exits(0).json()));
    let shown = place.run("show 4 --json").exits(0).json();
    assert_eq!(shown["conflicts"], json!({"open": 1, "resolved": 0, "paths": ["calc.py"]}));
    place.run("approve 4").exits(2).prints_nothing();

    let before = place.run("log 4 --json").exits(0).stdout;
    let marked = place.run("conflicts 4 --json").exits(0).json()[0]["marked"].as_str().unwrap().to_owned();
    place.write("marked.py", &marked);
    place.write("broken.py", "def add(a, b:\n");
    for (words, code, says) in [
        ("resolve 4 no.py --take ours", 6, "no.py is not in conflict in job #4; open are calc.py"),
        ("resolve 4 ../calc.py --take ours", 2, "../calc.py"),
        ("resolve 4 calc.py --take marked.py", 2, "is still a conflict marker"),
        ("resolve 4 calc.py --take broken.py", 2, "the result is not valid"),
        ("resolve 4 calc.py --take nowhere.py", 2, "expected ours, theirs, base, delete or a file"),
        ("resolve 4 calc.py --take delete", 2, "is there on both sides"),
        ("resolve 9 calc.py --take ours", 6, "9"),
        ("resolve 2 calc.py --take ours", 6, "is not in conflict in job #2"),
    ] {
        place.run(words).exits(code).prints_nothing().says(&[says]);
    }
    assert_eq!(place.run("log 4 --json").exits(0).stdout, before);

    place.run("resolve 4 calc.py --take theirs").exits(0).prints_nothing().says(&["vdo run 4 goes on"]);
    place.run("resolve 4 calc.py --take ours").exits(2).says(&["decided already: theirs by a person"]);
    place.run("run 4").exits(0);
    assert!(place.run("cat 4 calc.py").exits(0).stdout.ends_with("return b - a\n"));
    assert_eq!(place.run("show 4 --json").exits(0).json()["stamps"], json!(["unverified"]));
    insta::assert_snapshot!("conflicts_decided", place.run("conflicts 4").exits(0).stdout);
}

#[test]
fn merges_that_make_no_sense_are_refused_and_nothing_is_made() {
    let place = with_children(SUB, MUL);
    place.project("other");
    assert_eq!(place.args(&["new", "Elsewhere", "--repo", "other"]).exits(0).line(), "5");
    let before = place.run("jobs --json").exits(0).stdout;
    for (words, says) in [
        ("new M --merge 2", "--merge takes two jobs or more"),
        ("new M --merge 2 2", "named as a parent twice"),
        ("new M --merge 2 1", "#1 is already contained in #2"),
        ("new M --merge 2 4", "#2 and #4 are unrelated"),
        ("new M --merge 2 99", "there is no such job"),
        ("new M --merge 2 3@7", "it has no such revision"),
        ("new M --merge 2 3 --extends 1", "--extends"),
        ("new M --merge 2 3 --repo calc", "--repo"),
        ("new M --merge 2 3 --policy maybe", "expected fail, clean, verified or ask"),
        ("new M --policy ask", "--merge"),
        ("new M --merge", "--merge"),
    ] {
        place.run(words).exits(2).prints_nothing().says(&[says]);
    }
    assert_eq!(place.run("jobs --json").exits(0).stdout, before);
}
