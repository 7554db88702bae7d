//! Bad input: every kind ends with the exit code of the contract, a message that names what, where and what to do, and
//! nothing half-written.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test"
)]

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::server::{Does, Server, completion};
use support::{Place, Ran, Running, finish, story, tree};

/// Returns a place with the small project and a job on it that gets these answers.
fn place_with(answers: &Value) -> Place {
    let place = Place::new();
    place.project("calc");
    place.scripted(answers);
    assert_eq!(place.job("calc", "T"), "2");
    place
}

/// Insists that the job failed without a result and without a branch, and that the project is as it was.
#[track_caller]
fn assert_no_result(place: &Place) -> Value {
    let show = place.run("show 2 --json").exits(0).json();
    assert_eq!(
        (&show["revision"], &show["files"], &show["branch"]),
        (&Value::Null, &json!([]), &Value::Null),
        "{show}"
    );
    assert_eq!(place.git("calc", &["branch", "--format=%(refname:short)"]), "main\n");
    assert_eq!(place.git("calc", &["status", "--porcelain"]), "");
    show
}

#[test]
fn what_cannot_be_imported_is_refused_and_makes_no_job() {
    let place = Place::new();
    place.write("file.txt", "x");
    std::fs::create_dir(place.path("empty")).unwrap();
    std::fs::create_dir(place.path("locked")).unwrap();
    place.write("broken/.git/HEAD", "nonsense");
    place.write("broken/a.txt", "a");
    for (repo, text) in
        [("nowhere", "nowhere"), ("file.txt", "not a folder"), ("empty", "no files to import"), ("", "")]
    {
        let ran = place.args(&["new", "T", "--repo", repo]).exits(2).prints_nothing();
        ran.says(&[text]);
    }
    place.args(&["new", "T", "--repo", "empty", "--extends", "1"]).exits(2).prints_nothing();
    assert_eq!(place.run("jobs --json").exits(0).json(), json!([]));
    // An empty repository is one without files too.
    std::fs::create_dir(place.path("unborn")).unwrap();
    place.git("unborn", &["init", "-q"]);
    place.args(&["new", "T", "--repo", "unborn"]).exits(2).says(&["no files to import"]);
    assert_eq!(place.run("jobs --json").exits(0).json(), json!([]));
}

#[test]
fn titles_that_cannot_be_one_are_refused_and_make_no_job() {
    let place = Place::new();
    place.project("calc");
    for title in ["", "   ", "\n"] {
        place.args(&["new", title, "--repo", "calc"]).exits(2).prints_nothing().says(&["title"]);
    }
    // One argument cannot have a megabyte; whoever calls the library can try.
    assert!(vdo_core::job::JobSpec::new("x".repeat(1 << 20), "").validate().is_err());
    let long = "x".repeat(100_000);
    let ran = place.args(&["new", &long]).exits(2).prints_nothing();
    assert!(ran.stderr.contains("title") && ran.stderr.len() < 1000, "the message does not repeat the title");
    place.args(&["new", "two\nlines \u{1b}[31m red"]).exits(2).prints_nothing().says(&["title"]);
    assert_eq!(place.run("jobs --json").exits(0).json(), json!([]));
    let tall = "\u{00e9}".repeat(150);
    place.args(&["new", &tall]).exits(0);
    place.args(&["new", &format!("{tall}x")]).exits(2);
}

#[test]
fn a_configuration_without_a_way_to_a_provider_is_refused_before_anything_is_begun() {
    let place = Place::new();
    place.project("calc");
    place.job("calc", "T");
    let before = place.everything("2");
    for (toml, texts) in [
        ("", vec!["no route", "[routes]"]),
        ("[routes]\nplan = [\"x:y\"]\n", vec!["[providers.x]"]),
        ("[providers.x]\nkind = \"scripted\"\nanswers = \"a.json\"\n", vec!["no route"]),
        ("[routes]\ndefault = [\"x:y\"]\n", vec!["x:y", "[providers.x]"]),
        (
            "[providers.x]\nkind = \"magic\"\n[routes]\ndefault = [\"x:y\"]\n",
            vec!["[providers.x]", "\"magic\"", "openai-chat"],
        ),
        ("[providers.x]\n[routes]\ndefault = [\"x:y\"]\n", vec!["[providers.x]", "kind"]),
        ("[providers.x]\nkind = \"scripted\"\n[routes]\ndefault = [\"x:y\"]\n", vec!["answers"]),
        (
            "[providers.x]\nkind = \"scripted\"\nanswers = \"none.json\"\n[routes]\ndefault = [\"x:y\"]\n",
            vec!["none.json"],
        ),
        ("[providers.x]\nkind = \"openai-chat\"\n[routes]\ndefault = [\"x:y\"]\n", vec!["base_url"]),
        (
            "[providers.x]\nkind = \"openai-chat\"\nbase_url = \"no url\"\nkey_env = \"PATH\"\n[routes]\ndefault = [\"x:y\"]\n",
            vec!["[providers.x]"],
        ),
        (
            "[providers.x]\nkind = \"openai-chat\"\nbase_url = \"https://example.org/v1\"\n[routes]\ndefault = [\"x:y\"]\n",
            vec!["key_env"],
        ),
        ("[routes]\ndefault = [\"nocolon\"]\n", vec!["nocolon"]),
        (
            "[prices.\"x:y\"]\ninput = \"much\"\noutput = \"1\"\n[providers.x]\nkind = \"scripted\"\nanswers = \"ok.json\"\n[routes]\ndefault = [\"x:y\"]\n",
            vec!["x:y"],
        ),
    ] {
        place.write("ok.json", "{\"answers\": []}");
        place.write("vdo.toml", toml);
        let ran = place.run("run 2").exits(2).prints_nothing();
        ran.says(&texts);
    }
    place.write("bad.json", "{\"answers\": [{\"when\": {\"phase\": \"plann\"}, \"reply\": {\"text\": \"\"}}]}");
    place.write(
        "vdo.toml",
        "[providers.x]\nkind = \"scripted\"\nanswers = \"bad.json\"\n[routes]\ndefault = [\"x:y\"]\n",
    );
    place.run("run 2").exits(2).says(&["bad.json", "plann"]);
    let key = "[providers.x]\nkind = \"openai-chat\"\nbase_url = \"https://example.org/v1\"\nkey_env = \"SOME_KEY_OF_MINE\"\n[routes]\ndefault = [\"x:y\"]\n";
    for toml in [
        key.to_owned(),
        key.replace("example.org", "127.0.0.1.example.org"),
        key.replace("example.org", "localhost.example.org"),
    ] {
        place.write("vdo.toml", &toml);
        place.run("run 2").exits(4).prints_nothing().says(&["SOME_KEY_OF_MINE", "not set"]);
    }
    assert_eq!(place.everything("2"), before);
}

/// Runs a job whose provider is a server of this kind.
fn served(does: impl Fn(usize) -> Does + Send + Sync + 'static) -> (Place, Server, Ran, Duration) {
    let server = Server::start(move |asked| does(asked.number));
    let place = Place::new();
    place.project("calc");
    place.served(&server.base_url);
    assert_eq!(place.job("calc", "T"), "2");
    let begun = Instant::now();
    let ran = place.run("run 2");
    (place, server, ran, begun.elapsed())
}

#[test]
fn a_provider_that_cannot_be_reached_is_exit_5_and_the_job_goes_on_when_it_can() {
    let place = Place::new();
    place.project("calc");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    place.served(&format!("http://127.0.0.1:{port}/v1"));
    place.job("calc", story::TITLE);
    place.run("run 2").exits(5).prints_nothing().says(&["failed", "mock:model-1", &format!("127.0.0.1:{port}")]);
    let show = assert_no_result(&place);
    assert_eq!((&show["status"], &show["cost_nanousd"]), (&json!("failed"), &json!(0)));
    place.served("https://no-such-host.invalid/v1");
    let toml = std::fs::read_to_string(place.path("vdo.toml")).unwrap();
    place.write("vdo.toml", &toml.replace("timeout = 30", "key_env = \"PATH\""));
    place.run("run 2").exits(5);
    let server = Server::start(support::server::Asked::reference);
    place.served(&server.base_url);
    place.run("run 2").exits(0);
}

#[test]
fn a_refused_key_is_exit_4_and_is_not_tried_again() {
    for status in [401, 403] {
        let (place, server, ran, _) = served(move |_| {
            Does::Status(
                status,
                String::new(),
                json!({"error": {"message": "bad key", "type": "invalid_request_error", "code": "invalid_api_key"}})
                    .to_string(),
            )
        });
        ran.exits(4).prints_nothing().says(&["key"]);
        assert_eq!(server.asked().len(), 1);
        assert_no_result(&place);
    }
}

#[test]
fn a_provider_that_is_busy_or_broken_is_asked_again_and_then_exit_5() {
    let limited = |_: usize| {
        Does::Status(
            429,
            "retry-after: 0\r\n".to_owned(),
            json!({"error": {"message": "slow down", "type": "rate_limit_error", "code": "rate_limit_exceeded"}})
                .to_string(),
        )
    };
    let broken = |_: usize| {
        Does::Status(500, String::new(), json!({"error": {"message": "it broke", "type": "server_error"}}).to_string())
    };
    let page = |_: usize| Does::Status(502, String::new(), "<html><body>Bad gateway</body></html>".to_owned());
    for does in [limited as fn(usize) -> Does, broken, page] {
        let (place, server, ran, took) = served(does);
        ran.exits(5).prints_nothing().says(&["failed"]);
        assert_eq!(server.asked().len(), 3, "once, and twice again");
        assert!(took < Duration::from_secs(20), "{took:?}");
        assert_no_result(&place);
        let journal = place.run("log 2 --journal --json").exits(0).json();
        assert_eq!(journal[2]["calls"].as_array().unwrap().len(), 3, "each try is a row: {journal}");
    }
}

#[test]
fn one_failure_that_passes_is_no_failure() {
    let server = Server::start(|asked| match asked.number {
        1 => Does::Status(429, "retry-after: 0\r\n".to_owned(), "{}".to_owned()),
        3 => Does::Status(503, String::new(), "<html>".to_owned()),
        _ => asked.reference(),
    });
    let place = Place::new();
    place.project("calc");
    place.served(&server.base_url);
    place.job("calc", story::TITLE);
    place.run("run 2").exits(0);
    assert_eq!(server.asked().len(), story::CALLS + 2);
}

#[test]
fn a_body_that_is_cut_off_is_possibly_billed_and_exit_5() {
    let body = completion("never", "stop");
    let cut = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{}",
        body.len(),
        &body[..40]
    );
    let (place, _, ran, _) = served(move |_| Does::Bytes(cut.clone().into_bytes()));
    ran.exits(5).prints_nothing();
    assert_no_result(&place);
    let journal = place.run("log 2 --journal --json").exits(0).json();
    assert_eq!(journal[2]["calls"][0]["possibly_billed"], true, "{journal}");
    let (place, _, ran, _) = served(|_| Does::Bytes(Vec::new()));
    ran.exits(5).prints_nothing();
    assert_no_result(&place);
}

#[test]
fn an_answer_that_is_not_the_protocol_is_exit_1_and_shows_how_it_begins() {
    for (body, text) in [
        ("<html><head><title>Log in</title></head></html>", "html page"),
        ("not json at all", "not json"),
        ("{\"choices\": []}", "choice"),
        ("[1, 2, 3]", ""),
    ] {
        let (place, _, ran, _) = served(move |_| Does::Status(200, String::new(), body.to_owned()));
        let ran = ran.exits(1).prints_nothing();
        assert!(ran.stderr.to_lowercase().contains(text), "{text:?} is not in {}", ran.stderr);
        assert!(ran.stderr.len() < 4000);
        assert_no_result(&place);
    }
}

#[test]
fn replies_that_are_no_plan_are_refused_with_the_reason_and_nothing_is_built() {
    let place = place_with(&json!({"answers": [
        {"when": {"phase": "plan"}, "reply": {"text": "I would rather not."}, "repeat": true},
    ]}));
    let ran = place.run("run 2").exits(1).prints_nothing();
    ran.says(&["no plan fits after 3 attempts"]);
    let show = assert_no_result(&place);
    assert_eq!(show["calls"], 3);
    let again = place.run("run 2").exits(1);
    assert!(again.stderr.contains("no plan fits"), "{}", again.stderr);
    assert_eq!(place.run("show 2 --json").exits(0).json()["calls"], 3, "nothing is paid to fail again");
}

#[test]
fn plans_that_do_not_fit_the_tree_are_refused_before_anything_is_built() {
    let task = |id: &str, create: Value, modify: Value, on: Value| json!({"id": id, "title": "T", "description": "D", "create": create, "modify": modify, "delete": [], "depends_on": on});
    let one = |create: Value, modify: Value| story::plan(&[task("t1", create, modify, json!([]))]);
    let many: Vec<Value> =
        (0..10_000).map(|at| task(&format!("t{at}"), json!([format!("f{at}.txt")]), json!([]), json!([]))).collect();
    let cases = [
        (one(json!([]), json!(["missing.py"])), "missing.py does not exist"),
        (one(json!(["/etc/passwd"]), json!([])), "/etc/passwd"),
        (one(json!(["../outside.txt"]), json!([])), "../outside.txt"),
        (one(json!(["a/../../outside.txt"]), json!([])), "outside.txt"),
        (one(json!([".git/hooks/pre-commit"]), json!([])), ".git"),
        (one(json!([".GIT/config"]), json!([])), ".GIT"),
        (one(json!(["sub/.git/config"]), json!([])), ".git"),
        (one(json!(["link/evil.txt"]), json!([])), "link"),
        (one(json!(["calc.py"]), json!([])), "calc.py exists already"),
        (one(json!(["calc.py/below.txt"]), json!([])), "calc.py"),
        (one(json!(["a\u{0}b"]), json!([])), "t1"),
        (one(json!([""]), json!([])), "t1"),
        (one(json!([]), json!([])), "names no files"),
        (story::plan(&[]), "no tasks"),
        (
            story::plan(&[
                task("t1", json!(["a"]), json!([]), json!(["t2"])),
                task("t2", json!(["b"]), json!([]), json!(["t1"])),
            ]),
            "wait for each other",
        ),
        (story::plan(&[task("t1", json!(["a"]), json!([]), json!(["t9"]))]), "t9"),
        (
            story::plan(&[
                task("t1", json!(["a"]), json!([]), json!([])),
                task("t1", json!(["b"]), json!([]), json!([])),
            ]),
            "used twice",
        ),
        (story::plan(&many), "10000 tasks"),
    ];
    let place = Place::new();
    place.project("calc");
    std::os::unix::fs::symlink("/tmp", place.path("calc/link")).unwrap();
    place.git("calc", &["add", "-A"]);
    place.git("calc", &["commit", "-q", "-m", "a link out of the tree"]);
    let before = tree(&place.path("calc"));
    for (number, (plan, text)) in (2..).zip(cases) {
        place.scripted(&json!({"answers": [{"when": {"phase": "plan"}, "reply": {"text": plan}, "repeat": true}]}));
        assert_eq!(place.job("calc", "T"), number.to_string());
        let ran = place.run(&format!("run {number}")).exits(1).prints_nothing();
        assert!(ran.stderr.contains(text), "{text:?} is not in {}", ran.stderr);
        assert!(ran.stderr.len() < 8000, "{}", ran.stderr.len());
        let show = place.run(&format!("show {number} --json")).exits(0).json();
        assert_eq!((&show["calls"], &show["revision"]), (&json!(3), &Value::Null));
    }
    assert_eq!(tree(&place.path("calc")), before);
    assert_eq!(place.git("calc", &["branch", "--format=%(refname:short)"]), "main\n");
}

#[test]
fn a_reply_cut_off_by_the_limit_on_output_is_not_taken_for_a_whole_one() {
    let plan = story::answer("plan", None);
    let server = Server::start(move |asked| match asked.number {
        1 => Does::SayCut(plan[..plan.len() / 2].to_owned()),
        // Half an edit, which would be a file with half its content.
        3 => Does::SayCut("calc.py\n<<<<<<< SEARCH\n    return a + b\n=======\n    return".to_owned()),
        _ => asked.reference(),
    });
    let place = Place::new();
    place.project("calc");
    place.served(&server.base_url);
    place.job("calc", story::TITLE);
    place.run("run 2").exits(0).says(&["refused"]);
    assert_eq!(server.asked().len(), story::CALLS + 2);
    let whole = Server::start(|asked| match asked.field("phase").as_deref() {
        Some("build") => Does::SayCut(story::whole("tests/test_mul.py", "import unittest\n")),
        _ => asked.reference(),
    });
    place.served(&whole.base_url);
    place.job("calc", "Cut for ever");
    let ran = place.run("run 3").exits(1);
    assert!(ran.stderr.contains("cut") || ran.stderr.contains("limit"), "{}", ran.stderr);
}

#[test]
fn an_edit_that_matches_nowhere_or_twice_is_told_to_the_model_and_changes_nothing() {
    for (edit, text) in [
        (story::replace("calc.py", "def gone(a, b):\n", "x\n"), "calc.py"),
        (story::replace("twice.txt", "same\n", "other\n"), "twice.txt"),
    ] {
        let place = Place::new();
        place.project("calc");
        place.write("calc/twice.txt", "same\nbetween\nsame\n");
        place.git("calc", &["add", "-A"]);
        place.git("calc", &["commit", "-q", "-m", "twice"]);
        let plan = story::plan(&[
            json!({"id": "t1", "title": "T", "description": "D", "create": [], "modify": ["calc.py", "twice.txt"], "delete": [], "depends_on": []}),
        ]);
        place.scripted(&json!({"answers": [story::say("plan", None, &plan), {"when": {"phase": "build"}, "reply": {"text": edit}, "repeat": true}]}));
        place.job("calc", "T");
        let ran = place.run("run 2").exits(1).prints_nothing();
        ran.says(&["refused", text]);
        let show = assert_no_result(&place);
        assert_eq!(show["calls"], 5, "a plan, and four tries");
    }
}

/// Runs a job with this check, without repairs.
fn checked(check: &str, more: &[&str]) -> (Place, Ran, Duration) {
    let place = Place::new();
    place.project("calc");
    place.scripted(&story::notes());
    place.args(&["new", "T", "--repo", "calc", "--check", check]).exits(0);
    let begun = Instant::now();
    let ran = place.args(&[&["run", "2", "--set", "limits.repairs=0"], more].concat());
    (place, ran, begun.elapsed())
}

#[test]
fn a_check_that_is_not_found_fails_and_says_so() {
    let (place, ran, _) = checked("no-such-command --at-all", &[]);
    ran.exits(1).says(&["no-such-command", "not found"]);
    let show = assert_no_result(&place);
    assert_eq!((&show["checks"][0]["exit_code"], &show["checks"][0]["passed"]), (&json!(127), &json!(false)));
}

#[test]
fn a_check_that_hangs_is_ended_when_its_time_is_up() {
    let (place, ran, took) = checked("echo begun; sleep 1000", &["--set", "limits.check_seconds=1"]);
    ran.exits(1).says(&["limit on Time was reached"]);
    assert!(took < Duration::from_secs(30), "{took:?}");
    assert_no_result(&place);
}

#[test]
fn a_check_that_prints_a_gigabyte_is_read_in_bounded_space_and_soon_over() {
    let (place, ran, took) = checked("head -c 1000000000 /dev/zero | tr '\\0' 'y'; exit 1", &[]);
    let ran = ran.exits(1);
    assert!(ran.stderr.len() < 20_000, "{}", ran.stderr.len());
    assert!(took < Duration::from_secs(60), "{took:?}");
    assert_no_result(&place);
    let size: u64 = ["vdo.db", "vdo.db-wal"]
        .iter()
        .filter_map(|name| std::fs::metadata(place.path(&format!("home/data/vdo/{name}"))).ok())
        .map(|data| data.len())
        .sum();
    assert!(size < 8_000_000, "the store has {size} bytes");
}

#[test]
fn a_check_that_forks_without_end_harms_nobody() {
    let (place, ran, took) =
        checked("bomb() { bomb | bomb & }; bomb; sleep 5; exit 1", &["--set", "limits.check_seconds=10"]);
    ran.exits(1);
    assert!(took < Duration::from_secs(60), "{took:?}");
    assert_no_result(&place);
}

/// Runs `vdo` where bubblewrap is nothing that can be started. Needs bubblewrap, to hide itself.
fn without_bubblewrap(place: &Place, args: &[&str]) -> Ran {
    let mut command = std::process::Command::new("bwrap");
    place.settle(&mut command).args(["--dev-bind", "/", "/"]);
    for folder in ["/usr/bin", "/usr/local/bin", "/bin"] {
        let file = std::path::Path::new(folder).join("bwrap");
        // A link is hidden with what it leads to.
        if file.is_file() && std::fs::canonicalize(&file).unwrap() == file {
            command.args(["--ro-bind", "/dev/null"]).arg(file);
        }
    }
    command.arg("--").arg(env!("CARGO_BIN_EXE_vdo")).args(args);
    finish(command)
}

#[test]
fn without_a_sandbox_a_job_stops_with_what_to_install_or_to_set_and_goes_on_later() {
    let place = Place::new();
    place.project("calc");
    place.scripted(&story::answers());
    place.job("calc", story::TITLE);
    let ran = without_bubblewrap(&place, &["run", "2"]).exits(1).prints_nothing();
    ran.says(&["no sandbox", "apt-get install bubblewrap", "sandbox.tier=T1"]);
    let show = assert_no_result(&place);
    assert_eq!((&show["status"], &show["calls"]), (&json!("failed"), &json!(3)));
    let doctor = without_bubblewrap(&place, &["doctor"]);
    assert!(doctor.stdout.contains("apt-get install bubblewrap"), "{}", doctor.stdout);
    let sandbox = without_bubblewrap(&place, &["sandbox", "--", "true"]).exits(125);
    sandbox.says(&["apt-get install bubblewrap", "--tier T1"]);
    // With a sandbox the job goes on where it stopped.
    let done = place.run("run 2").exits(0);
    done.says(&["resume"]);
    assert_eq!(place.run("show 2 --json").exits(0).json()["calls"], story::CALLS);
}

#[test]
fn the_tier_below_is_used_only_when_it_is_named_and_is_stamped_on_the_result() {
    let place = Place::new();
    place.project("calc");
    place.scripted(&story::answers());
    place.job("calc", story::TITLE);
    let ran = without_bubblewrap(&place, &["run", "2", "--set", "sandbox.tier=T1"]);
    if ran.code != Some(0) && ran.stderr.contains("no sandbox") {
        println!("skipped: this kernel has no reduced tier: {}", ran.stderr);
        return;
    }
    ran.exits(0).says(&["in T1"]);
    let show = place.run("show 2 --json").exits(0).json();
    assert!(show["stamps"].as_array().unwrap().contains(&json!("lower_tier")), "{show}");
    assert!(show["checks"].as_array().unwrap().iter().all(|check| check["tier"] == "T1"));
}

#[test]
fn a_store_that_cannot_be_used_is_told_with_its_place_and_left_as_it_is() {
    let place = Place::new();
    for (store, text) in [
        ("sqlite:/proc/vdo.db", "/proc/vdo.db"),
        ("sqlite:", "sqlite:"),
        ("mysql://x", "mysql"),
        ("/just/a/path", "/just/a"),
    ] {
        let ran = place.args(&["--store", store, "new", "T"]);
        assert!(matches!(ran.code, Some(1 | 2)), "{store}: {ran:?}");
        assert!(ran.stderr.contains(text) && ran.stdout.is_empty(), "{store}: {}", ran.stderr);
    }
    let foreign = place.write("notes.txt", "this is no database\n".repeat(100).as_str());
    place.args(&["--store", &format!("sqlite:{}", foreign.display()), "jobs"]).exits(1).says(&["notes.txt"]);
    assert_eq!(std::fs::read_to_string(&foreign).unwrap(), "this is no database\n".repeat(100));
    std::fs::create_dir(place.path("folder.db")).unwrap();
    place.args(&["--store", "sqlite:folder.db", "jobs"]).exits(1).says(&["folder.db"]);
}

/// Mounts a small file system in `place`; false where that is not allowed.
fn mount(place: &Place, name: &str, options: &str) -> bool {
    std::fs::create_dir_all(place.path(name)).unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", options, "tmpfs"])
        .arg(place.path(name))
        .output();
    let done = mounted.is_ok_and(|output| output.status.success());
    if !done {
        println!("skipped: nothing can be mounted here");
    }
    done
}

/// Takes a mounted file system away again when it is dropped.
struct Mounted(std::path::PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_told_and_the_job_goes_on_once_there_is_room() {
    let place = Place::new();
    place.project("calc");
    if !mount(&place, "small", "size=2m") {
        return;
    }
    let _mounted = Mounted(place.path("small"));
    place.scripted(&story::answers());
    let store = format!("sqlite:{}", place.text("small/vdo.db"));
    let vdo = |words: &str| {
        let words: Vec<&str> = words.split_whitespace().collect();
        place.args(&[&["--store", store.as_str()], words.as_slice()].concat())
    };
    vdo("new Multiply --repo calc").exits(0);
    let filler = place.path("small/filler");
    let _ = std::fs::write(&filler, vec![0u8; 4 << 20]);
    let ran = vdo("run 2").exits(1).prints_nothing();
    assert!(ran.stderr.contains("full") || ran.stderr.contains("disk"), "{}", ran.stderr);
    let deploy = vdo("new Another --repo calc").exits(1).prints_nothing();
    assert!(deploy.stderr.contains("full") || deploy.stderr.contains("disk"), "{}", deploy.stderr);
    std::fs::remove_file(&filler).unwrap();
    vdo("run 2").exits(0);
    assert_eq!(vdo("jobs --json").exits(0).json().as_array().unwrap().len(), 2);
}

#[test]
fn deploying_to_a_full_disk_leaves_the_folder_as_it_was() {
    let place = Place::new();
    place.write("big/a.bin", &"0123456789abcdef".repeat(200_000));
    place.write("big/b.txt", "b\n");
    place.job("big", "T");
    if !mount(&place, "small", "size=1m") {
        return;
    }
    let _mounted = Mounted(place.path("small"));
    let ran = place.run("deploy 1 --to dir:small/out").exits(1).prints_nothing();
    ran.says(&["small/out"]);
    assert_eq!(std::fs::read_dir(place.path("small")).unwrap().count(), 0, "nothing is half-written");
}

#[test]
fn a_read_only_store_can_be_looked_at_or_says_that_it_is_read_only() {
    let place = Place::new();
    place.project("calc");
    if !mount(&place, "fixed", "size=8m") {
        return;
    }
    let _mounted = Mounted(place.path("fixed"));
    let store = format!("sqlite:{}", place.text("fixed/vdo.db"));
    place.args(&["--store", &store, "new", "T", "--repo", "calc"]).exits(0);
    let remounted =
        std::process::Command::new("mount").args(["-o", "remount,ro"]).arg(place.path("fixed")).status().unwrap();
    assert!(remounted.success());
    for words in [["new", "Another"].as_slice(), &["run", "2"], &["cancel", "2"]] {
        place.scripted(&story::answers());
        let ran = place.args(&[&["--store", store.as_str()], words].concat());
        assert_eq!(ran.code, Some(1), "{words:?}: {}", ran.stderr);
        assert!(
            ran.stderr.to_lowercase().contains("read") && ran.stderr.contains("vdo.db"),
            "{words:?}: {}",
            ran.stderr
        );
    }
    let look = place.args(&["--store", &store, "jobs", "--json"]);
    assert!(look.code == Some(0) || (look.code == Some(1) && look.stderr.contains("vdo.db")), "{look:?}");
}

#[test]
fn a_store_file_that_may_not_be_written_is_told_to_people_who_are_not_root() {
    let place = Place::new();
    place.args(&["--store", "sqlite:mine.db", "new", "T"]).exits(0);
    for entry in std::fs::read_dir(place.path("")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).unwrap();
        }
    }
    let before = std::fs::read(place.path("mine.db")).unwrap();
    let mut command = std::process::Command::new("setpriv");
    place.settle(&mut command).args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "--"]);
    command.arg(env!("CARGO_BIN_EXE_vdo")).args(["--store", "sqlite:mine.db", "new", "Another"]);
    std::fs::set_permissions(place.path(""), std::fs::Permissions::from_mode(0o755)).unwrap();
    let Ok(child) = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn() else {
        println!("skipped: there is no setpriv here");
        return;
    };
    drop(child);
    let ran = finish(command);
    if ran.stderr.contains("setpriv") || ran.stderr.contains("Permission denied") && !ran.stderr.contains("vdo: ") {
        println!("skipped: not root, or the program cannot be read by others: {}", ran.stderr);
        return;
    }
    ran.exits(1).prints_nothing().says(&["mine.db"]);
    assert_eq!(std::fs::read(place.path("mine.db")).unwrap(), before);
}

#[test]
fn a_branch_that_cannot_be_written_leaves_the_result_in_the_store_and_asks_for_a_decision() {
    let place = place_with(&story::answers());
    // The repository is gone when the job is done.
    std::fs::rename(place.path("calc/.git"), place.path("calc/.gone")).unwrap();
    let ran = place.run("run 2");
    assert!(matches!(ran.code, Some(0 | 3)), "{}", ran.stderr);
    assert_eq!(place.run("cat 2 calc.py").exits(0).stdout.lines().count(), 6);
    std::fs::rename(place.path("calc/.gone"), place.path("calc/.git")).unwrap();
}

#[test]
fn text_from_models_and_repositories_cannot_paint_on_the_terminal() {
    let evil = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{202e}";
    let plan = json!({"summary": evil, "tasks": [{"id": "t1", "title": evil, "description": evil, "create": ["n.txt"], "modify": [], "delete": [], "depends_on": []}], "checks": []}).to_string();
    let place = place_with(&json!({"answers": [
        story::say("plan", None, &plan),
        story::say("build", None, &story::whole("n.txt", "x\n")),
        story::say("critique", None, &json!({"findings": [{"file": evil, "severity": "minor", "claim": evil, "suggestion": evil}]}).to_string()),
    ]}));
    let run = place.run("run 2").exits(0);
    let all = [run.stderr, place.run("log 2").stdout, place.run("show 2").stdout, place.run("jobs").stdout].concat();
    assert!(!all.chars().any(|c| c.is_control() && c != '\n') && !all.contains('\u{202e}'), "{all:?}");
}

#[test]
fn a_terminal_that_closes_does_not_end_a_job_in_the_middle() {
    let server = Server::start(|asked| if asked.number == 1 { Does::Hold } else { asked.reference() });
    let place = Place::new();
    place.project("calc");
    place.served(&server.base_url);
    place.job("calc", story::TITLE);
    let running = Running::start(place.vdo(["run", "2"]));
    server.wait_for(1);
    running.signal("HUP");
    let ended = running.finish();
    assert!(ended.code.is_none() || ended.code == Some(130), "{ended:?}");
    place.run("run 2").exits(0);
    assert_eq!(server.asked().len(), story::CALLS + 1);
}
