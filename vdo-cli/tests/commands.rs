//! The command contract: what each command takes, prints and exits with.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod support;

use serde_json::{Value, json};
use support::{Place, finish, finish_with, redacted, story, tree};

/// Returns a place where the reference job was run on the small project; the import is 1, the job 2.
fn after_the_reference_job() -> Place {
    let place = Place::new();
    place.project("calc");
    place.scripted(&story::answers());
    assert_eq!(place.job("calc", story::TITLE), "2");
    let ran = place.run("run 2").exits(0).prints_nothing();
    ran.says(&[
        "plan ",
        "FAILED in T2",
        "passed in T2",
        "no findings",
        "branch vdo/job-2-add-multiplication",
        "#2 completed",
    ]);
    place
}

#[test]
fn a_job_is_made_run_and_looked_at_in_every_way() {
    let place = after_the_reference_job();
    let jobs = place.run("jobs").exits(0);
    assert_eq!(jobs.stderr, "");
    insta::assert_snapshot!("jobs", jobs.stdout);
    insta::assert_snapshot!("show", place.run("show #2").exits(0).stdout);
    insta::assert_snapshot!("files", place.run("files 2").exits(0).stdout);
    insta::assert_snapshot!("diff", place.run("diff 2").exits(0).stdout);
    insta::assert_snapshot!("diff_stat", place.run("diff 1 2 --stat").exits(0).stdout);
    let both = place.run("diff 1 2 --stat --patch").exits(0).stdout;
    let parts = ["diff 1 2 --stat", "diff 1 2"].map(|words| place.run(words).exits(0).stdout);
    assert_eq!(both, parts.join("\n"));
    place.run("diff 1 2 -o change.patch").exits(0).prints_nothing();
    assert_eq!(std::fs::read_to_string(place.path("change.patch")).unwrap(), parts[1]);
    place.run("diff 1 2 --patch --json").exits(2).prints_nothing();
    insta::assert_snapshot!("blame", place.run("blame 2 calc.py").exits(0).stdout);
    insta::assert_snapshot!("log", place.run("log 2").exits(0).stdout);
    insta::assert_snapshot!("journal", place.run("log 2 --journal").exits(0).stdout);
    let pretty = |value: &Value| serde_json::to_string_pretty(&redacted(value)).unwrap();
    insta::assert_snapshot!("jobs_json", pretty(&place.run("jobs --json").exits(0).json()));
    insta::assert_snapshot!("show_json", pretty(&place.run("show 2 --json").exits(0).json()));
    insta::assert_snapshot!("files_json", pretty(&place.run("files 2 --json").exits(0).json()));
    insta::assert_snapshot!("blame_json", pretty(&place.run("blame 2 calc.py --json").exits(0).json()));
    insta::assert_snapshot!("diff_json", pretty(&place.run("diff 2 --json").exits(0).json()));
    let events = place.run("log 2 --json").exits(0).json_lines();
    let seqs: Vec<u64> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>(), "events are numbered without gaps");
    let journal = place.run("log 2 --journal --json").exits(0).json();
    let steps: Vec<&str> = journal.as_array().unwrap().iter().map(|step| step["state"].as_str().unwrap()).collect();
    assert!(steps.iter().all(|state| *state == "applied"), "{journal}");
    let calls: Vec<&Value> =
        journal.as_array().unwrap().iter().flat_map(|step| step["calls"].as_array().unwrap()).collect();
    assert_eq!(calls.len(), story::CALLS);
    for call in calls {
        assert_eq!(call["state"], "answered");
        assert_eq!(call["possibly_billed"], false);
        assert_eq!((&call["provider"], &call["model"]), (&json!("demo"), &json!("scripted")));
        assert_eq!(call["cost"], 1_200_000);
        assert_eq!(call["request_hash"].as_str().unwrap().len(), 64);
    }
}

#[test]
fn ids_are_taken_with_and_without_their_sign_and_revision() {
    let place = after_the_reference_job();
    let plain = place.run("show 2").exits(0).stdout;
    assert_eq!(place.run("show #2").exits(0).stdout, plain);
    let files = place.run("files 2").exits(0).stdout;
    for id in ["#2", "2@1", "#2@1"] {
        assert_eq!(place.args(&["files", id]).exits(0).stdout, files, "{id}");
    }
    assert_eq!(
        place.run("cat 2@1 calc.py").exits(0).stdout,
        "def add(a, b):\n    return a + b\n\n\ndef mul(a, b):\n    return a * b\n"
    );
    assert_eq!(place.run("cat 1 calc.py").exits(0).stdout, "def add(a, b):\n    return a + b\n");
    for (words, what) in [
        ("show 9", "9"),
        ("files 9", "9"),
        ("files 2@7", "7"),
        ("cat 2 no.py", "no.py"),
        ("blame 2 no.py", "no.py"),
        ("blame 9 calc.py", "9"),
        ("run 9", "9"),
        ("log 9", "9"),
        ("log 9 --journal", "9"),
        ("diff 2 9", "9"),
        ("deploy 9 --to dir:out", "9"),
        ("approve 9", "9"),
        ("cancel 9", "9"),
    ] {
        place.run(words).exits(6).prints_nothing().says(&["vdo: ", what]);
    }
    for id in ["0", "-1", "x", "1@0", "1@", "@1", "", "99999999999999999999", "1.5"] {
        place.args(&["show", "--", id]).exits(2).prints_nothing();
        place.args(&["files", "--", id]).exits(2).prints_nothing();
    }
}

#[test]
fn a_diff_applied_by_git_gives_the_tree_of_the_child() {
    let place = Place::new();
    place.project("calc");
    place.write("calc/crlf.txt", "one\r\ntwo\r\nthree");
    place.write("calc/gone.txt", "bye\n");
    place.write("calc/with space.txt", "a\nb\n");
    place.git("calc", &["add", "-A"]);
    place.git("calc", &["commit", "-q", "-m", "more"]);
    let plan = story::plan(&[json!({"id": "t1", "title": "T", "description": "D",
        "create": ["new/päth.txt", "empty.txt"], "modify": ["crlf.txt", "with space.txt"], "delete": ["gone.txt"], "depends_on": []})]);
    let calls = json!([
        {"name": "write", "input": {"path": "new/päth.txt", "content": "no end of line"}},
        {"name": "write", "input": {"path": "empty.txt", "content": ""}},
        {"name": "edit", "input": {"path": "crlf.txt", "find": "two", "replace": "2"}},
        {"name": "edit", "input": {"path": "with space.txt", "find": "b\n", "replace": "c"}},
        {"name": "delete", "input": {"path": "gone.txt"}},
        {"name": "done", "input": {"summary": "done"}},
    ]);
    place.scripted(&json!({"answers": [
        story::say("plan", None, &plan),
        {"when": {"phase": "build"}, "reply": {"tool_calls": calls}},
        story::say("critique", None, "{\"findings\": []}"),
    ]}));
    place.job("calc", "All sorts of changes");
    place.run("run 2").exits(0);
    let patch = place.run("diff 2").exits(0).stdout;
    place.write("patch", &patch);
    let patch = place.text("patch");
    place.git("calc", &["apply", "--check", &patch]);
    place.git("calc", &["apply", &patch]);
    place.run("deploy 2 --to dir:out").exits(0);
    assert_eq!(tree(&place.path("calc")), tree(&place.path("out")));
    assert_eq!(place.run("diff 1 2").exits(0).stdout, std::fs::read_to_string(place.path("patch")).unwrap());
    let back = place.run("diff 2 1").exits(0).stdout;
    place.write("back", &back);
    place.git("calc", &["apply", &place.text("back")]);
    assert_eq!(place.git("calc", &["status", "--porcelain"]), "");
}

#[test]
fn the_branch_holds_the_result_and_the_checkout_is_left_alone() {
    let place = Place::new();
    place.project("calc");
    place.scripted(&story::answers());
    place.write("calc/scratch.txt", "mine\n");
    let (status, head) = (place.git("calc", &["status", "--porcelain"]), place.git("calc", &["rev-parse", "HEAD"]));
    place.job("calc", story::TITLE);
    place.run("run 2").exits(0);
    assert_eq!(place.git("calc", &["status", "--porcelain"]), status);
    assert_eq!(place.git("calc", &["rev-parse", "HEAD"]), head);
    let branch = "vdo/job-2-add-multiplication";
    assert_eq!(place.git("calc", &["show", &format!("{branch}:calc.py")]), place.run("cat 2 calc.py").exits(0).stdout);
    let trailers = place.git("calc", &["log", "-1", "--format=%B", branch]);
    assert!(trailers.contains("VDO-Job: ") && trailers.contains("VDO-Parent: "), "{trailers}");
    assert!(place.git("calc", &["merge-base", "--is-ancestor", "HEAD", branch]).is_empty());
    place.run("deploy 2 --to dir:out").exits(0);
    place.git("calc", &["worktree", "add", "-q", "../checkout", branch]);
    assert_eq!(tree(&place.path("checkout")), tree(&place.path("out")));
}

#[test]
fn a_branch_starts_at_the_commit_that_was_imported_even_if_the_repository_went_on() {
    let place = Place::new();
    place.project("calc");
    place.scripted(&story::answers());
    let imported = place.git("calc", &["rev-parse", "HEAD"]);
    place.job("calc", story::TITLE);
    place.write("calc/later.txt", "later\n");
    place.git("calc", &["add", "-A"]);
    place.git("calc", &["commit", "-q", "-m", "later"]);
    place.run("run 2").exits(0);
    assert_eq!(place.git("calc", &["rev-parse", "vdo/job-2-add-multiplication~1"]), imported);
}

#[test]
fn a_job_of_another_store_with_the_same_number_and_title_gets_a_branch_of_its_own() {
    let place = Place::new();
    place.project("calc");
    for (number, branch) in [(1, "vdo/job-2-add-multiplication"), (2, "vdo/job-2-add-multiplication-2")] {
        place.scripted(&story::answers());
        let store = format!("sqlite:{number}.db");
        place.args(&["--store", &store, "new", story::TITLE, "--repo", "calc"]).exits(0);
        place.args(&["--store", &store, "run", "2"]).exits(0).says(&[&format!("branch {branch}\n")]);
        assert!(place.git("calc", &["show", &format!("{branch}:calc.py")]).contains("a * b"));
    }
}

#[test]
fn importing_the_same_folder_twice_uses_the_import_again_and_a_change_makes_a_new_one() {
    let place = Place::new();
    place.project("calc");
    assert_eq!(place.job("calc", "One"), "2");
    assert_eq!(place.job("calc", "Two"), "3");
    // The same folder by another name.
    assert_eq!(place.args(&["new", "Three", "--repo", "./calc/../calc/"]).exits(0).line(), "4");
    let parent = |id: &str| place.args(&["show", id, "--json"]).exits(0).json()["extends_job_id"].clone();
    assert_eq!([parent("2"), parent("3"), parent("4")], [json!(1), json!(1), json!(1)]);
    place.write("calc/calc.py", "changed = 1\n");
    assert_eq!(place.job("calc", "Four"), "6");
    assert_eq!(parent("6"), json!(5));
    let plain = place.write("plain/a.txt", "a\n");
    assert_eq!(place.job("plain", "A folder that is no repository"), "8");
    assert_eq!(place.run("cat 7 a.txt").exits(0).stdout, std::fs::read_to_string(plain).unwrap());
}

#[test]
fn a_job_extends_another_and_inherits_its_files() {
    let place = after_the_reference_job();
    let id = place.args(&["new", "Write it down", "-d", "In notes.txt", "--extends", "#2"]).exits(0).line();
    assert_eq!(id, "3");
    place.scripted(&story::notes());
    place.run("run #3").exits(0).says(&["extends #2@1"]);
    let rows = place.run("files 3 --json").exits(0).json();
    let find = |name: &str| rows.as_array().unwrap().iter().find(|row| row["filename"] == name).unwrap().clone();
    assert_eq!(find("notes.txt"), json!({"filename": "notes.txt", "source": "created", "from_job": null}));
    assert_eq!(find("calc.py"), json!({"filename": "calc.py", "source": "inherited", "from_job": 2}));
    assert_eq!(
        find("tests/__init__.py"),
        json!({"filename": "tests/__init__.py", "source": "inherited", "from_job": 1})
    );
    let children = place.run("show 2 --json").exits(0).json()["child_jobs"].clone();
    assert_eq!(children, json!([{"id": 3, "title": "Write it down"}]));
}

#[test]
fn a_job_whose_parent_has_no_result_waits_for_a_decision() {
    let place = Place::new();
    place.project("calc");
    place.scripted(&story::answers());
    place.job("calc", "First");
    for words in ["files 2", "cat 2 calc.py", "blame 2 calc.py", "diff 2", "diff 1 2", "deploy 2 --to dir:out"] {
        place.run(words).exits(6).prints_nothing().says(&["job #2 has no result yet", "queued"]);
    }
    assert!(!place.path("out").exists());
    place.args(&["new", "Second", "--extends", "2"]).exits(0);
    place.run("run 3").exits(3).says(&["waits for job #2", "run that first"]);
    place.args(&["new", "Third", "--extends", "77"]).exits(2).prints_nothing().says(&["77"]);
}

#[test]
fn the_same_idempotency_key_is_the_same_job() {
    let place = Place::new();
    place.project("calc");
    let make = |title: &str, key: &str| {
        place.args(&["new", title, "--repo", "calc", "--idempotency-key", key]).exits(0).line()
    };
    assert_eq!([make("One", "k"), make("One", "k"), make("One", "other")], ["2", "2", "3"]);
    place.args(&["new", "One", "--idempotency-key", ""]).exits(2).prints_nothing();
    assert_eq!(place.run("jobs --json").exits(0).json().as_array().unwrap().len(), 3);
}

#[test]
fn a_budget_stops_a_job_before_the_call_it_does_not_cover_and_nothing_more_is_spent() {
    let place = Place::new();
    place.project("calc");
    place.scripted(&story::answers());
    place.args(&["new", "Cheap", "--repo", "calc", "--budget", "0.000001"]).exits(0);
    place.run("run 2").exits(3).says(&["budget"]);
    let show = place.run("show 2 --json").exits(0).json();
    assert_eq!(
        (&show["status"], &show["cost_nanousd"], &show["calls"]),
        (&json!("budget_stopped"), &json!(0), &json!(0))
    );
    place.args(&["new", "Enough", "--repo", "calc", "--budget", "5"]).exits(0);
    place.run("run 3").exits(0);
    // A budget where the price is not known cannot be kept, so nothing is sent.
    place.args(&["new", "Unknown price", "--repo", "calc", "--budget", "5"]).exits(0);
    let toml = std::fs::read_to_string(place.path("vdo.toml")).unwrap();
    place.write("vdo.toml", toml.split("[prices").next().unwrap());
    place.run("run 4").exits(3).says(&["price"]);
    for budget in ["-1", "x", "", "NaN", "1e400"] {
        place.args(&["new", "Bad", "--repo", "calc", &format!("--budget={budget}")]).exits(2).prints_nothing();
    }
}

#[test]
fn without_a_check_a_result_waits_until_a_person_accepts_it() {
    let place = Place::new();
    place.write("plain/readme.txt", "hello\n");
    place.scripted(&story::notes());
    place.job("plain", "Note it");
    place.run("run 2").exits(3).says(&["--check", "vdo approve"]);
    let show = place.run("show 2 --json").exits(0).json();
    assert_eq!((&show["status"], &show["stamps"]), (&json!("needs_decision"), &json!(["unverified", "self_reviewed"])));
    place.run("approve 2").exits(0);
    let show = place.run("show 2 --json").exits(0).json();
    assert_eq!(show["status"], "completed");
    assert!(show["stamps"].as_array().unwrap().contains(&json!("unverified")), "the stamp stays: {show}");
    place.run("approve 2").exits(2).says(&["completed"]);
    place.run("run 2").exits(0);
}

#[test]
fn a_named_check_is_what_counts() {
    let place = Place::new();
    place.write("plain/readme.txt", "hello\n");
    place.scripted(&story::notes());
    place
        .args(&[
            "new",
            "Note it",
            "--repo",
            "plain",
            "--check",
            "grep -q noted notes.txt",
            "--check",
            "test ! -e nothing",
        ])
        .exits(0);
    place.run("run 2").exits(0);
    let show = place.run("show 2 --json").exits(0).json();
    let commands: Vec<&str> =
        show["checks"].as_array().unwrap().iter().map(|check| check["command"].as_str().unwrap()).collect();
    assert_eq!(commands, ["grep -q noted notes.txt", "test ! -e nothing"].repeat(2));
}

#[test]
fn a_queued_job_is_cancelled_at_once_and_cannot_be_run() {
    let place = Place::new();
    place.project("calc");
    place.scripted(&story::answers());
    place.job("calc", "Not any more");
    place.run("cancel 2").exits(0).prints_nothing();
    assert_eq!(place.run("show 2 --json").exits(0).json()["status"], "cancelled");
    place.run("run 2").exits(1).says(&["cancelled"]);
    place.run("cancel 2").exits(2).says(&["cancelled"]);
    place.run("cancel 1").exits(2).says(&["completed"]);
    assert_eq!(place.run("jobs --status cancelled --json").exits(0).json().as_array().unwrap().len(), 1);
    place.run("jobs --status gone").exits(2).says(&["\"gone\" is no status", "needs_decision"]);
}

#[test]
fn deploying_replaces_only_what_was_deployed_and_refuses_a_folder_of_somebody_else() {
    let place = after_the_reference_job();
    let out = place.run("deploy 2 --to dir:out").exits(0);
    assert_eq!(out.line(), place.text("out"));
    assert!(out.stderr.contains("4 files"), "{}", out.stderr);
    let first = tree(&place.path("out"));
    let names = |tree: &std::collections::BTreeMap<String, Vec<u8>>| tree.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&first), ["calc.py", "tests/__init__.py", "tests/test_calc.py", "tests/test_mul.py"]);
    let json = place.run("deploy 2 --to dir:out --json").exits(0).json();
    assert_eq!(json, json!({"how": "dir", "place": place.text("out"), "files": 4}));
    assert_eq!(tree(&place.path("out")), first);
    place.run("deploy 1 --to dir:out").exits(0);
    assert_eq!(names(&tree(&place.path("out"))), ["calc.py", "tests/__init__.py", "tests/test_calc.py"]);
    place.write("mine/letter.txt", "dear\n");
    place.run("deploy 2 --to dir:mine").exits(1).prints_nothing().says(&["mine"]);
    assert_eq!(tree(&place.path("mine")).len(), 1);
    place.write("file", "x");
    place.run("deploy 2 --to dir:file").exits(1).prints_nothing().says(&["file"]);
    for (target, text) in
        [("git:x#y", "not part of this version"), ("dir:", "dir:PATH"), ("nowhere", "dir:PATH"), ("ftp:x", "dir:PATH")]
    {
        place.args(&["deploy", "2", "--to", target]).exits(2).prints_nothing().says(&[text]);
    }
}

#[test]
fn data_goes_to_standard_output_and_talk_to_standard_error() {
    let place = Place::new();
    place.project("calc");
    place.scripted(&story::answers());
    let new = place.args(&["new", story::TITLE, "--repo", "calc", "--run"]).exits(0);
    assert_eq!(new.stdout, "2\n");
    assert!(new.stderr.contains("#2 completed"), "{}", new.stderr);
    assert!(!new.stderr.contains('\u{1b}'), "no colours where nobody sees them");
    place.scripted(&story::answers());
    let quiet = place.args(&["new", "Again", "--repo", "calc", "--run", "--quiet"]).exits(0);
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("3\n", ""));
    place.scripted(&story::answers());
    place.job("calc", "In JSON");
    let json = place.run("run 4 --json").exits(0);
    assert_eq!(json.stderr, "");
    let told: Vec<Value> = json.json_lines();
    assert_eq!(told, place.run("log 4 --json --after 1").exits(0).json_lines());
}

#[test]
fn a_reader_that_goes_away_ends_a_command_quietly() {
    let place = after_the_reference_job();
    let mut shell = std::process::Command::new("/bin/sh");
    place.settle(&mut shell).args([
        "-c",
        "\"$1\" log 2 --json | head -c 1 >/dev/null; echo done",
        "sh",
        env!("CARGO_BIN_EXE_vdo"),
    ]);
    let ran = finish(shell).exits(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("done\n", ""));
}

#[test]
fn a_description_is_read_from_standard_input_and_every_word_of_it_is_kept() {
    let place = Place::new();
    let text = "Zeile 1\n\n\"quoted\" $HOME `x` \u{1f642}\r\n-- end";
    let ran = finish_with(place.vdo(["new", "T", "-d", "-"]), text.as_bytes()).exits(0);
    assert_eq!(ran.stdout, "1\n");
    assert_eq!(place.run("show 1 --json").exits(0).json()["description"], text);
    finish_with(place.vdo(["new", "T", "-d", "-"]), &[0xff, 0xfe]).exits(2).prints_nothing().says(&["UTF-8"]);
    finish_with(place.vdo(["new", "T", "-d", "-"]), &vec![b'x'; 300_000]).exits(2).prints_nothing().says(&["262144"]);
    assert_eq!(place.run("jobs --json").exits(0).json().as_array().unwrap().len(), 1);
}

#[test]
fn later_layers_of_the_configuration_win() {
    let place = Place::new();
    let store_of = |command: std::process::Command| {
        let ran = finish(command).exits(0);
        ran.line()
    };
    // Each layer names a store of its own; the number of jobs in it tells which one was used.
    let fill = |store: &str, jobs: usize| {
        for _ in 0..jobs {
            place.args(&["--store", store, "new", "T"]).exits(0);
        }
    };
    let named = |name: &str| format!("sqlite:{}", place.text(name));
    for (jobs, name) in ["user.db", "project.db", "named.db", "variable.db", "set.db", "flag.db"].iter().enumerate() {
        fill(&named(name), jobs + 1);
    }
    let jobs = |command: std::process::Command| -> usize {
        serde_json::from_str::<Value>(&store_of(command)).unwrap().as_array().unwrap().len()
    };
    let list = ["jobs", "--json"];
    assert_eq!(jobs(place.vdo(list)), 0, "the default is a file in the data folder");
    assert!(place.path("home/data/vdo/vdo.db").exists());
    place.write("home/config/vdo/config.toml", &format!("store = \"{}\"\n", named("user.db")));
    assert_eq!(jobs(place.vdo(list)), 1);
    place.write("vdo.toml", &format!("store = \"{}\"\n", named("project.db")));
    assert_eq!(jobs(place.vdo(list)), 2);
    let other = place.write("other.toml", &format!("store = \"{}\"\n", named("named.db")));
    let with_file = |args: &[&str]| {
        let mut command = place.vdo(list);
        command.arg("--config").arg(&other).args(args);
        command
    };
    assert_eq!(jobs(with_file(&[])), 3);
    let with_variable = |args: &[&str]| {
        let mut command = with_file(args);
        command.env("VDO_STORE", named("variable.db"));
        command
    };
    assert_eq!(jobs(with_variable(&[])), 4);
    let set = format!("store={}", named("set.db"));
    assert_eq!(jobs(with_variable(&["--set", &set])), 5);
    assert_eq!(jobs(with_variable(&["--set", &set, "--store", &named("flag.db")])), 6);
}

#[test]
fn nested_keys_are_set_by_variable_and_by_flag() {
    let place = Place::new();
    place.project("calc");
    place.write("answers.json", &story::answers().to_string());
    place.job("calc", story::TITLE);
    let mut command =
        place.vdo(["run", "2", "--set", "routes.default=[\"demo:scripted\"]", "--set", "limits.repairs=2"]);
    command
        .env("VDO_PROVIDERS__DEMO__KIND", "scripted")
        .env("VDO_PROVIDERS__DEMO__ANSWERS", place.path("answers.json"));
    finish(command).exits(0);
    place.job("calc", "Again");
    for (set, text) in [
        ("nonsense", "KEY=VALUE"),
        ("providers.x.colour=red", "colour"),
        ("limits.repairs=many", "repairs"),
        ("routes.default=[\"demo\"]", "provider:model"),
        ("routes.plann=[\"demo:x\"]", "plann"),
        ("sandbox.tier=T9", "T9"),
        ("sandbox.tier=T0", "reason"),
        ("sandbox.trees=nowhere", "nowhere is no folder"),
        ("budgets.x=1", "budgets"),
    ] {
        place.args(&["run", "3", "--set", set]).exits(2).prints_nothing().says(&[text]);
    }
    place.write("vdo.toml", "store = [");
    place.run("jobs").exits(2).prints_nothing().says(&["vdo.toml is no TOML"]);
    place.run("jobs --config none.toml").exits(2).prints_nothing().says(&["none.toml cannot be read"]);
}

#[test]
fn schemas_are_json_schemas_of_what_is_really_written() {
    let place = Place::new();
    for what in ["tools", "plan", "reply", "findings", "answers", "events", "journal", "scan"] {
        let schema = place.args(&["schema", what]).exits(0).json();
        assert!(schema.is_object() || schema.is_array(), "{what}");
        if what != "tools" {
            assert!(
                schema["$schema"].as_str().is_some_and(|text| text.contains("json-schema.org")),
                "{what}: {schema}"
            );
        }
    }
    place.run("schema nothing").exits(2).prints_nothing();
}

#[test]
fn completions_help_and_version_are_printed_for_every_shell() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = place.args(&["completions", shell]).exits(0);
        assert!(script.stdout.contains("vdo") && script.stderr.is_empty(), "{shell}");
    }
    assert!(place.run("--version").exits(0).stdout.starts_with("vdo "));
    let help = place.run("--help").exits(0).stdout;
    for command in [
        "demo",
        "new",
        "run",
        "approve",
        "cancel",
        "jobs",
        "show",
        "files",
        "cat",
        "log",
        "blame",
        "diff",
        "deploy",
        "schema",
        "sandbox",
        "doctor",
        "completions",
    ] {
        assert!(help.contains(&format!("  {command}")), "{command} is not in the help");
        assert!(place.run(&format!("{command} --help")).exits(0).stdout.contains("Usage:"), "{command}");
    }
    place.run("").exits(2);
    place.run("nonsense").exits(2).prints_nothing();
    assert!(!place.path("home/data").exists(), "looking at help makes no store");
}

#[test]
fn the_doctor_says_what_works_and_exits_with_one_if_something_needed_does_not() {
    let place = Place::new();
    let ran = place.run("doctor --json");
    let findings = ran.json();
    let of = |what: &str| findings.as_array().unwrap().iter().find(|finding| finding["what"] == what).cloned();
    assert_eq!(of("store").unwrap()["ok"], true);
    assert_eq!(of("sandbox T2").unwrap()["ok"], true);
    assert_eq!(of("python in T2").unwrap()["ok"], true);
    let text = place.run("doctor");
    assert!(text.stdout.contains("sandbox T2"), "{}", text.stdout);
    let bad = place.args(&["doctor", "--json", "--store", "sqlite:/proc/nowhere/vdo.db"]).exits(1);
    let store = bad.json().as_array().unwrap().iter().find(|finding| finding["what"] == "store").cloned().unwrap();
    assert_eq!(store["ok"], false);
}

#[test]
fn the_sandbox_command_exits_as_its_command_does() {
    let place = Place::new();
    place.write("work/a.txt", "a\n");
    let ran = place.run("sandbox --work work -- cat a.txt").exits(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("a\n", ""));
    place.run("sandbox -- no-such-command").exits(127);
    place.args(&["sandbox", "--", "sh", "-c", "exit 7"]).exits(7);
    place.args(&["sandbox", "--timeout", "1", "--", "sleep", "60"]).exits(124);
    place.args(&["sandbox", "--work", "nowhere", "--", "true"]).exits(2).says(&["nowhere"]);
    place.args(&["sandbox", "--tier", "T0", "--", "true"]).exits(2).says(&["reason"]);
    place.args(&["sandbox", "--work", "work", "--report", "r.json", "--", "sh", "-c", "echo b >a.txt"]).exits(0);
    assert_eq!(std::fs::read_to_string(place.path("work/a.txt")).unwrap(), "a\n", "the copy is discarded");
    let report: Value = serde_json::from_str(&std::fs::read_to_string(place.path("r.json")).unwrap()).unwrap();
    assert_eq!(report["tier"], "T2", "{report}");
}

#[test]
fn the_demo_runs_twice_in_an_empty_home_and_leaves_it_as_it_was() {
    let place = Place::new();
    std::fs::create_dir_all(place.path("tmp")).unwrap();
    let before = tree(&place.path("home"));
    for number in 1..=2 {
        let mut command = place.vdo(["demo"]);
        // As on a machine of somebody who just came: no toolchain knows this home.
        command.env("TMPDIR", place.path("tmp")).env_remove("RUSTUP_HOME").env_remove("CARGO_HOME");
        let ran = finish(command).exits(0);
        assert!(ran.stdout.lines().count() < 60, "{}", ran.stdout);
        for told in [
            "refused: task t1: views.py does not exist",
            "FAILED in T2",
            "[blocker]",
            "branch vdo/job-2-add-a-search-page",
            "GET /search?q=herbert -> 200 OK",
            "would leave both branches in conflict in app.py, templates/base.html",
            "#4@1 comes together cleanly",
            "completed  0 tokens in, 0 out, $0.00",
            "GET /authors -> 200 OK",
            "authors.py(#4)",
            &format!("vdo-demo-{number}"),
        ] {
            assert!(ran.stdout.contains(told), "{told:?} is not told:\n{}", ran.stdout);
        }
        let folder = place.path(&format!("tmp/vdo-demo-{number}"));
        let log = place.git(&format!("tmp/vdo-demo-{number}/bookshelf"), &["log", "--oneline", "--all"]);
        assert_eq!(log.lines().count(), 5, "{log}");
        let store = format!("sqlite:{}", folder.join("vdo.db").display());
        assert_eq!(place.args(&["--store", &store, "jobs", "--json"]).exits(0).json().as_array().unwrap().len(), 5);
    }
    assert_eq!(tree(&place.path("home")), before);
    place.write("full/file", "x");
    place.run("demo --dir full").exits(2).says(&["not empty"]);
    assert_eq!(tree(&place.path("full")).len(), 1);
}
