//! Real input: the source distribution of a Python library from the package index, with its own tests. They pass in
//! the sandbox as they are; a job adds a feature with tests, once with scripted answers and once with a server that
//! other people wrote, over HTTP; they pass again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod support;

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use support::{Place, Running, story};
use vdo_core::check::TestStatus;
use vdo_core::port::{CheckRequest, Checker as _, Interest, Scanner as _};
use vdo_workspace::check::SandboxChecker;
use vdo_workspace::sandbox::{Environment, IndexSettings, Require, Sandbox, SandboxConfig, Toolchains};
use vdo_workspace::scan::WorkspaceScanner;
use vdo_workspace::syntax::TreeSitterSyntax;

const NAME: &str = "itsdangerous-2.2.0";
const PINNED: &str =
    "itsdangerous==2.2.0 --hash=sha256:e0050c0b7da1eea53ffaf149c0cfbb5c6e2e2b69c4bef22c81fa6eb73e5f6173\n";
/// The key that the independent server insists on.
const KEY: &str = "sk-peer-key-0123456789";
const TITLE: &str = "Tell the age of a signature";

/// Returns the unpacked source distribution, fetched once and checked against its hash.
fn library() -> PathBuf {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("library");
    let ready = cache.join(NAME);
    if ready.is_dir() {
        return ready;
    }
    std::fs::create_dir_all(&cache).unwrap();
    let work = tempfile::Builder::new().prefix("fetch-").tempdir_in(&cache).unwrap();
    let list = work.path().join("list.txt");
    std::fs::write(&list, PINNED).unwrap();
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--require-hashes", "--dest"]);
    let pip = pip.arg(work.path()).arg("--requirement").arg(&list).output().expect("python3 has to be installed");
    assert!(pip.status.success(), "the library cannot be fetched: {}", String::from_utf8_lossy(&pip.stderr));
    let mut tar = Command::new("tar");
    tar.arg("-xzf").arg(work.path().join(format!("{NAME}.tar.gz"))).arg("-C").arg(work.path());
    assert!(tar.status().unwrap().success());
    // Another test may have been faster; both have the same files.
    let _ = std::fs::rename(work.path().join(NAME), &ready);
    assert!(ready.is_dir());
    ready
}

/// What the model says at one step.
enum Says {
    Text(String),
    Tools(Vec<(&'static str, Value)>),
}

/// The job, told once: phase, task, attempt and turn, and what is said then.
fn job() -> Vec<(&'static str, Option<&'static str>, u32, u32, Says)> {
    let (code, tests, changes) = ("src/itsdangerous/timed.py", "tests/test_itsdangerous/test_timed.py", "CHANGES.rst");
    let task = |id: &str, modify: &[&str], on: &[&str]| json!({"id": id, "title": format!("Part {id}"), "description": "As the job says.", "create": [], "modify": modify, "delete": [], "depends_on": on});
    let plan = story::plan(&[task("t1", &[code, changes], &[]), task("t2", &[tests], &["t1"])]);
    let anchor = "    def validate(self, signed_value: str | bytes, max_age: int | None = None) -> bool:\n";
    let method = "    def age(self, signed_value: str | bytes) -> int:\n        \"\"\"Returns how many seconds ago the value was signed. Raises\n        :exc:`.BadTimeSignature` as :meth:`unsign` does.\n        \"\"\"\n";
    let wrong = "        _, signed = self.unsign(signed_value, return_timestamp=True)\n        return int((datetime.now() - signed).total_seconds())\n\n";
    let right = "        _, signed = self.unsign(signed_value, return_timestamp=True)\n        return self.get_timestamp() - int(signed.timestamp())\n\n";
    let news = "Version 2.2.0\n-------------\n\nReleased 2024-04-16\n";
    let test = "    def test_age(self, signer, freeze):\n        signed = signer.sign(\"value\")\n        assert signer.age(signed) == 0\n        freeze.tick(timedelta(seconds=90))\n        assert signer.age(signed) == 90\n\n    def test_age_needs_a_good_signature(self, signer):\n        with pytest.raises(BadTimeSignature):\n            signer.age(signer.sign(\"value\") + b\"x\")\n\n";
    let before = "    def test_timestamp_missing(self, signer):\n";
    vec![
        ("plan", None, 1, 1, Says::Text(plan)),
        ("build", Some("t1"), 1, 1, Says::Tools(vec![("read", json!({"path": code}))])),
        (
            "build",
            Some("t1"),
            1,
            2,
            Says::Tools(vec![
                ("edit", json!({"path": code, "find": anchor, "replace": format!("{method}{wrong}{anchor}")})),
                (
                    "edit",
                    json!({"path": changes, "find": news, "replace": format!("Unreleased\n----------\n\n-   Add ``TimestampSigner.age``.\n\n\n{news}")}),
                ),
                ("done", json!({"summary": "TimestampSigner.age"})),
            ]),
        ),
        (
            "build",
            Some("t2"),
            1,
            1,
            Says::Tools(vec![
                ("edit", json!({"path": tests, "find": before, "replace": format!("{test}{before}")})),
                ("done", json!({"summary": "its tests"})),
            ]),
        ),
        (
            "repair",
            None,
            1,
            1,
            Says::Tools(vec![
                ("edit", json!({"path": code, "find": wrong, "replace": right})),
                ("done", json!({"summary": "the clock that signs also measures"})),
            ]),
        ),
        ("critique", None, 1, 1, Says::Text("{\"findings\": []}".to_owned())),
    ]
}

fn as_answers() -> Value {
    let answers: Vec<Value> = job()
        .into_iter()
        .map(|(phase, task, attempt, turn, says)| {
            let mut when = json!({"phase": phase, "attempt": attempt, "turn": turn});
            if let Some(task) = task {
                when["task"] = task.into();
            }
            let reply = match says {
                Says::Text(text) => json!({"text": text}),
                Says::Tools(calls) => {
                    json!({"tool_calls": calls.iter().map(|(name, input)| json!({"name": name, "input": input})).collect::<Vec<_>>()})
                }
            };
            json!({"when": when, "reply": reply, "usage": {"input": 1000, "output": 100}})
        })
        .collect();
    json!({"answers": answers})
}

fn as_fixtures() -> Value {
    let fixtures: Vec<Value> = job()
        .into_iter()
        .map(|(phase, task, attempt, turn, says)| {
            let task = task.map_or(String::new(), |task| format!(" task={task}"));
            let tag = format!("phase={phase}{task} attempt={attempt} turn={turn}]");
            let usage = json!({"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100});
            let response = match says {
                Says::Text(text) => json!({"content": text, "usage": usage}),
                Says::Tools(calls) => {
                    json!({"toolCalls": calls.iter().map(|(name, input)| json!({"name": name, "arguments": input})).collect::<Vec<_>>(), "usage": usage})
                }
            };
            json!({"match": {"userMessage": tag}, "response": response})
        })
        .collect();
    json!({"fixtures": fixtures})
}

/// Returns a place with the library as a repository of its own.
fn place() -> Place {
    let place = Place::new();
    let mut copy = Command::new("cp");
    assert!(copy.arg("-r").arg(library()).arg(place.path("library")).status().unwrap().success());
    place.git("library", &["init", "-q", "-b", "main"]);
    place.git("library", &["add", "-A"]);
    place.git("library", &["commit", "-q", "-m", "As it was published"]);
    place
}

/// Runs the job and insists on everything it leaves behind.
fn run_the_job(place: &Place, calls: u64) {
    let id = place.args(&["new", TITLE, "-d", "Add TimestampSigner.age.", "--repo", "library"]).exits(0).line();
    assert_eq!(id, "2");
    let mut command = place.vdo(["run", "2"]);
    command.env("PEER_KEY", KEY);
    support::finish(command).exits(0).says(&["FAILED in T2", "1 failed", "passed in T2"]);
    let show = place.run("show 2 --json").exits(0).json();
    let checks: Vec<_> = show["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| {
            assert_eq!(check["tier"], "T2");
            (
                check["phase"].as_str().unwrap(),
                check["exit_code"].as_i64().unwrap(),
                check["tests_passed"].as_u64().unwrap(),
                check["tests_failed"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(checks, [("test", 1, 298, 1), ("test", 0, 299, 0), ("sandbox", 0, 299, 0)]);
    assert_eq!(show["cost_nanousd"], calls * 1_200_000);
    assert_eq!((&show["usage"]["input"], &show["usage"]["output"]), (&json!(calls * 1000), &json!(calls * 100)));
    let rows = place.run("files 2 --json").exits(0).json();
    let modified: Vec<&str> = rows
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["source"] != "inherited")
        .map(|row| row["filename"].as_str().unwrap())
        .collect();
    assert_eq!(modified, ["CHANGES.rst", "src/itsdangerous/timed.py", "tests/test_itsdangerous/test_timed.py"]);
    assert!(rows.as_array().unwrap().iter().all(|row| row["source"] == "modified" || row["from_job"] == 1));
    let branch = show["branch"].as_str().unwrap();
    let changed = place.git("library", &["diff", "--name-only", "main", branch]);
    assert_eq!(changed.lines().collect::<Vec<_>>(), modified);
    assert_eq!(
        place.git("library", &["rev-parse", &format!("{branch}~1")]),
        place.git("library", &["rev-parse", "main"])
    );
    assert_eq!(place.git("library", &["status", "--porcelain"]), "");
    let source = place.git("library", &["show", &format!("{branch}:src/itsdangerous/timed.py")]);
    assert!(
        source.contains("return self.get_timestamp() - int(signed.timestamp())") && !source.contains("datetime.now()")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_of_a_published_library_passes_in_the_sandbox_as_it_is() {
    let folder = library();
    let imported = vdo_workspace::repository::import(&folder, &vdo_workspace::import::ImportLimits::default()).unwrap();
    let source = imported.into_source();
    let scanned = WorkspaceScanner::new(Arc::new(TreeSitterSyntax)).scan(&source, &Interest::default()).await.unwrap();
    let environment: Environment = std::env::vars().collect();
    let deps = tempfile::tempdir().unwrap();
    let checker = SandboxChecker::new(Sandbox::new(SandboxConfig::default()), Require::T2, deps.path().join("deps"))
        .with_toolchains(Toolchains::resolve(&environment).await)
        .with_index(IndexSettings::from_environment(&environment));
    let request =
        CheckRequest::new(&source, &scanned.checks).with_setup(&scanned.setup).with_timeout(Duration::from_secs(300));
    let report = checker.check(request.clone()).await.unwrap().report;
    assert!(report.passed(), "{report:?}");
    assert_eq!(report.outcomes.len(), 1);
    let of = |status| report.outcomes[0].tests.iter().filter(|test| test.status == status).count();
    assert_eq!((of(TestStatus::Passed), of(TestStatus::Failed)), (297, 0));
    assert!(report.outcomes[0].tests.iter().any(|test| test.name.contains("test_max_age")));
    // What was prepared is used again.
    let again = checker.check(request).await.unwrap().report;
    assert!(again.passed() && std::fs::read_dir(deps.path().join("deps")).unwrap().count() == 1);
}

#[test]
fn a_job_adds_a_feature_to_a_published_library_and_its_suite_passes_after_a_repair() {
    let place = place();
    place.scripted(&as_answers());
    run_the_job(&place, 6);
}

/// A server that other people wrote: `@copilotkit/aimock`, installed as `vdo-providers` pins it.
fn peer(place: &Place) -> (Running, String) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vdo-providers/tests/peer/install.sh");
    let folder = std::env::var_os("VDO_PEER_DIR")
        .map_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("peer-of-the-cli"), PathBuf::from);
    let installed = Command::new("sh").arg(&source).arg(&folder).stdin(Stdio::null()).output().unwrap();
    assert!(installed.status.success(), "the peer cannot be installed: {}", String::from_utf8_lossy(&installed.stderr));
    let fixtures = place.write("fixtures.json", &as_fixtures().to_string());
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new("node");
    command.arg(folder.join("node_modules/@copilotkit/aimock/dist/cli.js"));
    command.args(["--host", "127.0.0.1", "--port", &port.to_string(), "--strict", "--validate-on-load"]);
    command.args(["--log-level", "silent", "--fixtures"]).arg(fixtures).env("AIMOCK_API_KEYS", KEY);
    command.stdin(Stdio::null());
    let mut running = Running::start(command);
    support::until("the peer answers", || {
        assert!(running.child.try_wait().unwrap().is_none(), "the peer ended");
        TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    (running, format!("http://127.0.0.1:{port}/v1"))
}

#[test]
fn the_same_job_runs_against_an_independent_server_over_http() {
    let place = place();
    let (_peer, base_url) = peer(&place);
    place.served(&base_url);
    let toml = std::fs::read_to_string(place.path("vdo.toml")).unwrap();
    let more = "timeout = 30\nkey_env = \"PEER_KEY\"\ntools = true\njson_schema = true\nprofile = \"openai\"";
    place.write("vdo.toml", &toml.replace("timeout = 30", more));
    run_the_job(&place, 6);
    // A wrong key is exit 4, and is told to nobody.
    place.job("library", "Never");
    let mut command = place.vdo(["run", "3", "-vv"]);
    command.env("PEER_KEY", "sk-not-this-one");
    let refused = support::finish(command).exits(4);
    assert!(!refused.stderr.contains("sk-not-this-one"), "{}", refused.stderr);
    for (name, bytes) in support::tree(&place.path("home/data")) {
        let found = bytes.windows(15).any(|window| window == b"sk-not-this-one" || window == &KEY.as_bytes()[..15]);
        assert!(!found, "{name} holds a key");
    }
}
