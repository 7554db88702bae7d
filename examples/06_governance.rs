//! Builds a governance platform of five modules twice: by five jobs in a chain, and with three of the jobs in parallel and a merge.
//!
//! This is the story that VDO was asked for: five jobs, one integrated application, nothing assembled by hand. Each module is a Flask
//! blueprint that builds on the risk engine; each job registers it in `app.py` and links it in `templates/base.html`, at the very place
//! where the others do. The answers are scripted; Flask, the tests, the sandbox and the merge are real.
//!
//! Run it with `cargo run -p vdo-examples --bin 06_governance`. It needs bubblewrap, python3 with pip, and a package index to install Flask from.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use vdo_core::engine::Engine;
use vdo_core::id::{JobId, RevisionRef};
use vdo_core::job::{JobSpec, JobStatus};
use vdo_core::port::TreeSource;
use vdo_core::route::Routes;
use vdo_core::testing::scripted::{Answers, ScriptedProvider};
use vdo_providers::clock::TokioClock;
use vdo_store::{Options, SqlStore};
use vdo_workspace::check::SandboxChecker;
use vdo_workspace::sandbox::{Environment, IndexSettings, Require, Sandbox, SandboxConfig, Toolchains};
use vdo_workspace::scan::WorkspaceScanner;
use vdo_workspace::syntax::TreeSitterSyntax;

/// A module: its name, its word in the navigation, and what it computes from the assessments of the risk engine.
struct Module {
    name: &'static str,
    word: &'static str,
    function: &'static str,
    test: &'static str,
}

const RISK: Module = Module {
    name: "risk",
    word: "Risk",
    function: "ASSESSMENTS = {\"cloud\": (4, 3), \"email\": (2, 2)}\n\n\ndef score(name):\n    likelihood, impact = ASSESSMENTS[name]\n    return likelihood * impact\n",
    test: "self.assertEqual(risk.score(\"cloud\"), 12)",
};

const MODULES: [Module; 4] = [
    Module {
        name: "sig",
        word: "SIG",
        function: "from modules import risk\n\n\ndef questionnaire():\n    return [name for name in risk.ASSESSMENTS if risk.score(name) > 5]\n",
        test: "self.assertEqual(sig.questionnaire(), [\"cloud\"])",
    },
    Module {
        name: "precedent",
        word: "Precedents",
        function: "from modules import risk\n\n\ndef similar(value):\n    return [name for name in risk.ASSESSMENTS if abs(risk.score(name) - value) < 3]\n",
        test: "self.assertEqual(precedent.similar(5), [\"email\"])",
    },
    Module {
        name: "scenario",
        word: "Scenarios",
        function: "from modules import risk\n\n\ndef worst():\n    return max(risk.ASSESSMENTS, key=risk.score)\n",
        test: "self.assertEqual(scenario.worst(), \"cloud\")",
    },
    Module {
        name: "retrospective",
        word: "Retrospectives",
        function: "from modules import scenario, sig\n\n\ndef review():\n    return {\"worst\": scenario.worst(), \"asked\": sig.questionnaire()}\n",
        test: "self.assertEqual(retrospective.review(), {\"worst\": \"cloud\", \"asked\": [\"cloud\"]})",
    },
];

const PLATFORM: &str = "AI Governance Platform: risk engine";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;

    // One after the other.
    let chain = engine(folder.path(), "chain", &["risk", "sig", "precedent", "scenario"]).await?;
    let mut last = work(&chain, PLATFORM, &[], 1).await?;
    for (number, module) in MODULES.iter().enumerate() {
        last = work(&chain, &title(module), &[last], number + 2).await?;
    }

    // Three at once, brought together, and the fifth on top.
    let parallel = engine(folder.path(), "parallel", &["risk", "risk", "risk", "scenario"]).await?;
    let platform = work(&parallel, PLATFORM, &[], 1).await?;
    let [sig, precedent, scenario, retrospective] = &MODULES;
    let mut children = Vec::new();
    for module in [sig, precedent, scenario] {
        children.push(work(&parallel, &title(module), &[platform], 2).await?);
    }
    let merged = work(&parallel, "Bring the modules together", &children, 4).await?;
    assert_eq!(parallel.store().calls(merged).await?.len(), 0, "a clean merge asks no model");
    let whole = work(&parallel, &title(retrospective), &[merged], 5).await?;

    // Both ways end in the same application.
    for path in ["app.py", "templates/base.html", "modules/retrospective.py"] {
        assert_eq!(read(&chain, last, path).await?, read(&parallel, whole, path).await?, "{path}");
    }
    let files = chain.files(RevisionRef::head(last)).await?.len();
    assert_eq!(files, parallel.files(RevisionRef::head(whole)).await?.len());
    println!("one application of {files} files:\n{}", read(&parallel, whole, "app.py").await?);
    Ok(())
}

fn title(module: &Module) -> String {
    format!("Add {}", module.word)
}

/// Runs a job on these parents to its end and insists on the number of tests that passed.
async fn work(engine: &Engine, title: &str, parents: &[JobId], tests: usize) -> Result<JobId, Box<dyn Error>> {
    let spec =
        parents.iter().fold(JobSpec::new(title, ""), |spec, parent| spec.with_parent(RevisionRef::head(*parent)));
    let id = engine.create(spec).await?;
    let job = engine.run(id).await?;
    assert_eq!((job.status, job.reason), (JobStatus::Completed, None), "{title}");
    let checks = engine.store().checks(id).await?;
    let (_, _, report) = checks.last().ok_or("a job is completed only with a check")?;
    let passed: usize = report.outcomes.iter().map(|outcome| outcome.tests.len()).sum();
    assert_eq!((report.passed(), passed), (true, tests), "{title}");
    let parents: Vec<String> = parents.iter().map(ToString::to_string).collect();
    println!("job {id}: {title}, on [{}]: {passed} tests passed", parents.join(" "));
    Ok(id)
}

async fn engine(folder: &Path, name: &str, after: &[&str]) -> Result<Engine, Box<dyn Error>> {
    let environment: Environment = std::env::vars().collect();
    let store = SqlStore::open(&folder.join(format!("{name}.db")).display().to_string(), Options::default()).await?;
    let checker = SandboxChecker::new(Sandbox::new(SandboxConfig::default()), Require::T2, folder.join("deps"))
        .with_toolchains(Toolchains::resolve(&environment).await)
        .with_index(IndexSettings::from_environment(&environment));
    let syntax = Arc::new(TreeSitterSyntax);
    let scanner = WorkspaceScanner::new(syntax.clone());
    let answers = Answers::parse(&answers(after).to_string())?;
    Ok(Engine::builder(Arc::new(store), Arc::new(TokioClock), Arc::new(scanner), Arc::new(checker))
        .syntax(syntax)
        .provider(Arc::new(ScriptedProvider::new("demo", answers)))
        .routes(Routes::all("demo:scripted".parse()?))
        .build())
}

/// Returns the text of a file as a job sees it.
async fn read(engine: &Engine, job: JobId, path: &str) -> Result<String, Box<dyn Error>> {
    let revision = engine.store().resolve(RevisionRef::head(job)).await?;
    let source = engine.source(revision.id).await?;
    let entry = source.tree().get(&path.parse()?).ok_or_else(|| format!("{path} is not there"))?;
    Ok(String::from_utf8(source.read(&[entry.blob]).await?.concat())?)
}

/// What the model says. `after` names, for each module, the one whose lines in `app.py` and `base.html` it writes its own below.
fn answers(after: &[&str]) -> Value {
    let mut answers = shell();
    for (module, after) in MODULES.iter().zip(after) {
        answers.extend(addition(module, after));
    }
    answers.push(json!({"when": {"phase": "critique"}, "reply": {"text": "{\"findings\": []}"}, "repeat": true}));
    json!({ "answers": answers })
}

fn says(title: &str, phase: &str, task: &str, text: &str) -> Value {
    let mut when = json!({"phase": phase, "contains": [format!("## The job\n{title}")]});
    if let Some(when) = when.as_object_mut().filter(|_| !task.is_empty()) {
        when.insert("task".to_owned(), task.into());
    }
    json!({"when": when, "reply": {"text": text}})
}

fn file(path: &str, text: &str) -> String {
    format!("{path}\n```\n{text}```\n")
}

/// The files of a module: its code with a blueprint, its page, its test.
fn files(module: &Module) -> [(String, String); 3] {
    let Module { name, word, function, test } = module;
    let (imports, body) = match function.split_once("\n\n\n") {
        Some((imports, body)) if imports.starts_with("from") => (format!("\n{imports}\n"), body),
        _ => (String::new(), *function),
    };
    let code = format!(
        "from flask import Blueprint, render_template\n{imports}\n{name}_bp = Blueprint(\"{name}\", __name__)\n\n\n{body}\n\n@{name}_bp.route(\"/{name}\")\ndef page():\n    return render_template(\"{name}.html\")\n"
    );
    let page = format!("{{% extends \"base.html\" %}}\n{{% block content %}}<h1>{word}</h1>{{% endblock %}}\n");
    let check = format!(
        "import unittest\n\nfrom app import create_app\nfrom modules import {name}\n\n\nclass {word}Test(unittest.TestCase):\n    def test_{name}(self):\n        {test}\n        self.assertEqual(create_app().test_client().get(\"/{name}\").status_code, 200)\n"
    );
    [
        (format!("modules/{name}.py"), code),
        (format!("templates/{name}.html"), page),
        (format!("tests/test_{name}.py"), check),
    ]
}

/// The first job: the shell of the platform and the risk engine.
fn shell() -> Vec<Value> {
    let app = "from flask import Flask\n\nfrom modules.risk import risk_bp\n\n\ndef create_app():\n    app = Flask(__name__)\n    app.register_blueprint(risk_bp)\n    return app\n";
    let base = "<!doctype html>\n<nav>\n  <ul>\n    <li><a href=\"/risk\">Risk</a></li>\n  </ul>\n</nav>\n{% block content %}{% endblock %}\n";
    let mut all: Vec<(String, String)> = [
        ("requirements.txt", "flask==3.1.3\n"),
        ("app.py", app),
        ("templates/base.html", base),
        ("modules/__init__.py", "\"\"\"The modules.\"\"\"\n"),
        ("tests/__init__.py", "\"\"\"The tests.\"\"\"\n"),
    ]
    .map(|(path, text)| (path.to_owned(), text.to_owned()))
    .into();
    all.extend(files(&RISK));
    let create: Vec<&String> = all.iter().map(|(path, _)| path).collect();
    let plan = json!({"summary": "The platform.", "tasks": [{"id": "t1", "title": "Shell and risk engine", "create": create}]});
    let whole: String = all.iter().map(|(path, text)| file(path, text)).collect();
    vec![says(PLATFORM, "plan", "", &plan.to_string()), says(PLATFORM, "build", "", &whole)]
}

/// A job that adds a module: its files, and one line at each of three places that other jobs change too.
fn addition(module: &Module, after: &str) -> Vec<Value> {
    let Module { name, word, .. } = module;
    let title = title(module);
    let made = files(module);
    let create: Vec<&String> = made.iter().map(|(path, _)| path).collect();
    let plan = json!({"summary": format!("{word} as a blueprint."), "tasks": [
        {"id": "t1", "title": "The module", "create": create},
        {"id": "t2", "title": "Its place", "modify": ["app.py", "templates/base.html"], "depends_on": ["t1"]},
    ]});
    let whole: String = made.iter().map(|(path, text)| file(path, text)).collect();
    let known = MODULES.iter().find(|module| module.name == after).unwrap_or(&RISK);
    let below = |path: &str, line: String, new: String| {
        format!("{path}\n<<<<<<< SEARCH\n{line}=======\n{line}{new}>>>>>>> REPLACE\n")
    };
    let import = |name: &str| format!("from modules.{name} import {name}_bp\n");
    let register = |name: &str| format!("    app.register_blueprint({name}_bp)\n");
    let link = |name: &str, word: &str| format!("    <li><a href=\"/{name}\">{word}</a></li>\n");
    let edits = [
        below("app.py", import(after), import(name)),
        below("app.py", register(after), register(name)),
        below("templates/base.html", link(after, known.word), link(name, word)),
    ];
    vec![
        says(&title, "plan", "", &plan.to_string()),
        says(&title, "build", "t1", &whole),
        says(&title, "build", "t2", &edits.concat()),
    ]
}
