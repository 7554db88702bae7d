//! The four test cases of the specification of iterative development, with real Flask: installed from the package index
//! when a check prepares, run in the sandbox, and asked over HTTP after each deployment.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use support::{Place, story};

const FLASK: &str = "flask==3.1.3\n";

const APP: &str = "from flask import Flask\n\nfrom modules.home import home_bp\n\n\ndef create_app():\n    app = Flask(__name__)\n    app.register_blueprint(home_bp)\n    return app\n";
const BASE: &str = "<!doctype html>\n<title>{% block title %}Home{% endblock %}</title>\n<nav>\n  <ul>\n    <li><a href=\"/\">Home</a></li>\n  </ul>\n</nav>\n{% block content %}{% endblock %}\n";
const HOME: &str = "from flask import Blueprint, render_template\n\nhome_bp = Blueprint(\"home\", __name__)\n\n\n@home_bp.route(\"/\")\ndef index():\n    return render_template(\"home.html\")\n";
const TEST: &str = "import unittest\n\nfrom app import create_app\n\n\nclass HomeTest(unittest.TestCase):\n    def test_home(self):\n        answer = create_app().test_client().get(\"/\")\n        self.assertEqual(answer.status_code, 200)\n        self.assertIn(b\"Hello, World!\", answer.data)\n";

fn page(word: &str) -> String {
    format!("{{% extends \"base.html\" %}}\n{{% block content %}}<h1>{word}</h1>{{% endblock %}}\n")
}

/// One answer of text for the job with this title.
fn says(title: &str, phase: &str, task: Option<&str>, text: &str) -> Value {
    let mut answer = story::say(phase, task, text);
    answer["when"]["contains"] = json!([format!("## The job\n{title}")]);
    answer
}

/// What the model says in the job that makes the shell.
fn shell(title: &str) -> Vec<Value> {
    let files = [
        ("requirements.txt", FLASK.to_owned()),
        ("app.py", APP.to_owned()),
        ("modules/__init__.py", "\"\"\"The modules.\"\"\"\n".to_owned()),
        ("modules/home.py", HOME.to_owned()),
        ("templates/base.html", BASE.to_owned()),
        ("templates/home.html", page("Hello, World!")),
        ("tests/__init__.py", "\"\"\"The tests.\"\"\"\n".to_owned()),
        ("tests/test_home.py", TEST.to_owned()),
    ];
    let create: Vec<&str> = files.iter().map(|(path, _)| *path).collect();
    let task = json!({"id": "t1", "title": "The shell", "description": "A page.", "create": create, "modify": [], "delete": [], "depends_on": []});
    let whole: String = files.iter().map(|(path, text)| story::whole(path, text)).collect();
    vec![
        says(title, "plan", None, &story::plan(&[task])),
        says(title, "build", None, &whole),
        says(title, "critique", None, "{\"findings\": []}"),
    ]
}

/// What the model says in a job that adds a module: its files, a blueprint in `app.py`, a link in `base.html`.
///
/// `after` is the module whose lines it writes its own below.
fn module(title: &str, name: &str, after: &str) -> Vec<Value> {
    let upper = format!("{}{}", name[..1].to_uppercase(), &name[1..]);
    let code = format!(
        "from flask import Blueprint, render_template\n\n{name}_bp = Blueprint(\"{name}\", __name__)\n\n\n@{name}_bp.route(\"/{name}\")\ndef index():\n    return render_template(\"{name}.html\")\n"
    );
    let test = format!(
        "import unittest\n\nfrom app import create_app\n\n\nclass {upper}Test(unittest.TestCase):\n    def test_{name}(self):\n        answer = create_app().test_client().get(\"/{name}\")\n        self.assertEqual(answer.status_code, 200)\n        self.assertIn(b'<a href=\"/{name}\">', answer.data)\n"
    );
    let task = |id: &str, create: &[String], modify: &[&str], on: &[&str]| json!({"id": id, "title": id, "description": "As the job says.", "create": create, "modify": modify, "delete": [], "depends_on": on});
    let made = [format!("modules/{name}.py"), format!("templates/{name}.html"), format!("tests/test_{name}.py")];
    let plan =
        story::plan(&[task("t1", &made, &[], &[]), task("t2", &[], &["app.py", "templates/base.html"], &["t1"])]);
    let files = [code, page(&upper), test];
    let whole: String = made.iter().zip(&files).map(|(path, text)| story::whole(path, text)).collect();
    let below = |path: &str, line: String, new: String| story::replace(path, &line, &format!("{line}{new}"));
    let after_upper = format!("{}{}", after[..1].to_uppercase(), &after[1..]);
    let link = |name: &str, word: &str| {
        let path = if name == "home" { "" } else { name };
        format!("    <li><a href=\"/{path}\">{word}</a></li>\n")
    };
    let import = |name: &str| format!("from modules.{name} import {name}_bp\n");
    let register = |name: &str| format!("    app.register_blueprint({name}_bp)\n");
    let edits = [
        below("app.py", import(after), import(name)),
        below("app.py", register(after), register(name)),
        below("templates/base.html", link(after, &after_upper), link(name, &upper)),
    ];
    vec![
        says(title, "plan", None, &plan),
        says(title, "build", Some("t1"), &whole),
        says(title, "build", Some("t2"), &edits.concat()),
        says(title, "critique", None, "{\"findings\": []}"),
    ]
}

/// Returns a folder with Flask in it, installed once.
fn flask() -> PathBuf {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("flask-3.1.3");
    if cache.is_dir() {
        return cache;
    }
    let work = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--root-user-action=ignore",
        "--target",
    ]);
    let pip = pip.arg(work.path().join("site")).arg(FLASK.trim()).output().expect("python3 has to be installed");
    assert!(pip.status.success(), "Flask cannot be installed: {}", String::from_utf8_lossy(&pip.stderr));
    // Another test may have been faster; both have the same files.
    let _ = std::fs::rename(work.path().join("site"), &cache);
    cache
}

/// A deployed application; ends with this value.
struct Served {
    child: Child,
    port: u16,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Served {
    fn start(folder: &Path) -> Self {
        let script = "from werkzeug.serving import make_server\nfrom app import create_app\nserver = make_server('127.0.0.1', 0, create_app())\nprint(server.port, flush=True)\nserver.serve_forever()\n";
        let mut command = Command::new("python3");
        command.args(["-c", script]).current_dir(folder).env("PYTHONPATH", flask()).env("PYTHONDONTWRITEBYTECODE", "1");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { port: line.trim().parse().expect("the application starts"), child }
    }

    /// Asks for a page; returns the status and the body.
    fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }
}

/// Deploys a job and returns what its pages answer.
fn deployed(place: &Place, id: &str, paths: &[&str]) -> Vec<(u16, String)> {
    let to = format!("dir:out-{id}");
    place.args(&["deploy", id, "--to", &to]).exits(0);
    let served = Served::start(&place.path(&format!("out-{id}")));
    paths.iter().map(|path| served.get(path)).collect()
}

fn source_of(place: &Place, id: &str, path: &str) -> Value {
    let rows = place.args(&["files", id, "--json"]).exits(0).json();
    let row = rows.as_array().unwrap().iter().find(|row| row["filename"] == path).cloned();
    row.map(|row| json!([row["source"], row["from_job"]])).unwrap_or_default()
}

/// The shell, job 1, and the answers of the jobs that are to come.
fn place(jobs: &[(&str, &str, &str)]) -> Place {
    let place = Place::new();
    let mut answers = shell("Build Flask hello world");
    answers.extend(jobs.iter().flat_map(|(title, name, after)| module(title, name, after)));
    place.scripted(&json!({ "answers": answers }));
    assert_eq!(place.args(&["new", "Build Flask hello world", "-d", "A shell with one page."]).exits(0).line(), "1");
    place.run("run 1").exits(0).says(&["passed in T2"]);
    place
}

fn extend(place: &Place, title: &str, parent: &str, id: &str) {
    assert_eq!(place.args(&["new", title, "--extends", parent]).exits(0).line(), id);
    place.args(&["run", id]).exits(0).says(&["passed in T2"]);
}

#[test]
fn a_child_adds_a_route_and_a_grandchild_another_and_all_are_served() {
    let place = place(&[("Add /goodbye route", "goodbye", "home"), ("Add module 2", "status", "goodbye")]);
    // Basic extension.
    extend(&place, "Add /goodbye route", "1", "2");
    let answers = deployed(&place, "2", &["/", "/goodbye", "/status"]);
    assert_eq!(answers.iter().map(|answer| answer.0).collect::<Vec<_>>(), [200, 200, 404]);
    assert!(answers[0].1.contains("Hello, World!") && answers[1].1.contains("<h1>Goodbye</h1>"));
    // File modification.
    assert!(answers[0].1.contains("<a href=\"/goodbye\">Goodbye</a>"), "the page of the parent has the child's link");
    assert_eq!(source_of(&place, "2", "templates/base.html"), json!(["modified", null]));
    assert_eq!(source_of(&place, "2", "app.py"), json!(["modified", null]));
    assert_eq!(source_of(&place, "2", "modules/goodbye.py"), json!(["created", null]));
    assert_eq!(source_of(&place, "2", "modules/home.py"), json!(["inherited", 1]));
    // Three levels.
    extend(&place, "Add module 2", "2", "3");
    let answers = deployed(&place, "3", &["/", "/goodbye", "/status"]);
    assert_eq!(answers.iter().map(|answer| answer.0).collect::<Vec<_>>(), [200, 200, 200]);
    assert_eq!(source_of(&place, "3", "modules/goodbye.py"), json!(["inherited", 2]));
    let lineage = place.run("lineage 3 --json").exits(0).json();
    let chain: Vec<Value> = lineage["chain"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| json!([job["id"], job["files_created"], job["files_modified"]]))
        .collect();
    assert_eq!((&lineage["root_job_id"], &lineage["total_files"]), (&json!(1), &json!(14)));
    assert_eq!(json!(chain), json!([[1, 8, 0], [2, 3, 2], [3, 3, 2]]));
}

#[test]
fn parallel_children_that_git_cannot_merge_are_one_application_afterwards() {
    let place = place(&[("Add feature X", "xray", "home"), ("Add feature Y", "yearly", "home")]);
    extend(&place, "Add feature X", "1", "2");
    extend(&place, "Add feature Y", "1", "3");
    for path in ["app.py", "templates/base.html"] {
        for (id, name) in [("1", "base"), ("2", "ours"), ("3", "theirs")] {
            place.write(name, &place.args(&["cat", id, path]).exits(0).stdout);
        }
        let mut git = Command::new("git");
        git.args(["merge-file", "-p", "ours", "base", "theirs"]).current_dir(place.path("")).stdout(Stdio::null());
        assert!(!git.status().unwrap().success(), "git merges {path}");
    }
    assert_eq!(place.args(&["new", "Both", "--merge", "2", "3"]).exits(0).line(), "4");
    place.run("run 4").exits(0).says(&["passed in T2", "3 tests passed"]);
    let app = place.args(&["cat", "4", "app.py"]).exits(0).stdout;
    assert!(app.contains("    app.register_blueprint(home_bp)\n    app.register_blueprint(xray_bp)\n    app.register_blueprint(yearly_bp)\n"), "{app}");
    let page = place.args(&["cat", "4", "templates/base.html"]).exits(0).stdout;
    assert!(
        page.contains("    <li><a href=\"/xray\">Xray</a></li>\n    <li><a href=\"/yearly\">Yearly</a></li>\n"),
        "{page}"
    );
    assert_eq!(place.run("show 4 --json").exits(0).json()["calls"], 0);
    assert_eq!(source_of(&place, "4", "app.py"), json!(["modified", null]));
    assert_eq!(source_of(&place, "4", "modules/yearly.py"), json!(["inherited", 3]));
    let answers = deployed(&place, "4", &["/", "/xray", "/yearly"]);
    assert_eq!(answers.iter().map(|answer| answer.0).collect::<Vec<_>>(), [200, 200, 200]);
}
