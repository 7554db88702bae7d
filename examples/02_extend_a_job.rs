//! Imports a folder, lets a job extend it and a second job extend the first, and shows where every file comes from.
//!
//! A job stores only what it changed; it sees the files of all its ancestors. The answers are scripted, the folder,
//! the store and the sandbox are real.
//!
//! Run it with `cargo run -p vdo-examples --bin 02_extend_a_job`. It needs bubblewrap and python3.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use vdo_core::engine::{Engine, Import};
use vdo_core::id::{JobId, RevisionRef};
use vdo_core::job::{JobSpec, JobStatus};
use vdo_core::port::TreeSource;
use vdo_core::route::Routes;
use vdo_core::testing::scripted::{Answers, ScriptedProvider};
use vdo_providers::clock::TokioClock;
use vdo_store::{Options, SqlStore};
use vdo_workspace::check::SandboxChecker;
use vdo_workspace::import::{ImportLimits, import_folder};
use vdo_workspace::sandbox::{Require, Sandbox, SandboxConfig};
use vdo_workspace::scan::WorkspaceScanner;
use vdo_workspace::syntax::TreeSitterSyntax;

/// The project that is there before VDO is.
const PROJECT: &[(&str, &str)] = &[
    ("shop.py", "PRICES = {\"tea\": 3}\n\n\ndef price(name):\n    return PRICES[name]\n"),
    ("check.py", "import shop\n\nassert shop.price(\"tea\") == 3\n"),
    ("README.md", "A shop.\n"),
];

const ANSWERS: &str = r#"{"answers": [
  {"when": {"phase": "plan", "contains": ["Sell coffee"]}, "reply": {"text":
    "{\"summary\": \"A new price.\", \"tasks\": [{\"id\": \"t1\", \"title\": \"Coffee\", \"modify\": [\"shop.py\", \"check.py\"]}]}"}},
  {"when": {"phase": "build", "contains": ["A new price."]}, "reply": {"text":
    "shop.py\n<<<<<<< SEARCH\nPRICES = {\"tea\": 3}\n=======\nPRICES = {\"tea\": 3, \"coffee\": 4}\n>>>>>>> REPLACE\n\ncheck.py\n<<<<<<< SEARCH\nassert shop.price(\"tea\") == 3\n=======\nassert shop.price(\"tea\") == 3\nassert shop.price(\"coffee\") == 4\n>>>>>>> REPLACE\n"}},
  {"when": {"phase": "plan", "contains": ["Print bills"]}, "reply": {"text":
    "{\"summary\": \"Bills in a file of their own.\", \"tasks\": [{\"id\": \"t1\", \"title\": \"Bills\", \"create\": [\"bill.py\"], \"modify\": [\"check.py\"]}]}"}},
  {"when": {"phase": "build", "contains": ["Bills in a file"]}, "reply": {"text":
    "bill.py\n```python\nimport shop\n\n\ndef bill(names):\n    return sum(shop.price(name) for name in names)\n```\n\ncheck.py\n<<<<<<< SEARCH\nimport shop\n=======\nimport bill\nimport shop\n\nassert bill.bill([\"tea\", \"coffee\"]) == 7\n>>>>>>> REPLACE\n"}},
  {"when": {"phase": "critique"}, "reply": {"text": "{\"findings\": []}"}, "repeat": true}
]}"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let engine = engine(folder.path()).await?;
    let project = folder.path().join("shop");
    std::fs::create_dir(&project)?;
    for (name, text) in PROJECT {
        std::fs::write(project.join(name), text)?;
    }

    let import = import(&engine, &project).await?;
    assert_eq!(self::import(&engine, &project).await?, import, "an unchanged folder is imported once");
    let coffee = work(&engine, "Sell coffee", import).await?;
    let bills = work(&engine, "Print bills", coffee).await?;

    assert_eq!(
        provenance(&engine, coffee).await?,
        ["README.md inherited from #1", "check.py modified", "shop.py modified"]
    );
    assert_eq!(
        provenance(&engine, bills).await?,
        ["README.md inherited from #1", "bill.py created", "check.py modified", "shop.py inherited from #2"]
    );
    let line: Vec<JobId> =
        engine.lineage(RevisionRef::head(bills)).await?.iter().map(|(ancestor, _)| ancestor.id).collect();
    assert_eq!(line, [import, coffee, bills]);
    assert!(read(&engine, bills, "shop.py").await?.contains("coffee"), "the second job sees what the first wrote");
    Ok(())
}

async fn engine(folder: &Path) -> Result<Engine, Box<dyn Error>> {
    let store = SqlStore::open(&folder.join("vdo.db").display().to_string(), Options::default()).await?;
    let checker = SandboxChecker::new(Sandbox::new(SandboxConfig::default()), Require::T2, folder.join("deps"));
    let syntax = Arc::new(TreeSitterSyntax);
    let scanner = WorkspaceScanner::new(syntax.clone());
    Ok(Engine::builder(Arc::new(store), Arc::new(TokioClock), Arc::new(scanner), Arc::new(checker))
        .syntax(syntax)
        .provider(Arc::new(ScriptedProvider::new("demo", Answers::parse(ANSWERS)?)))
        .routes(Routes::all("demo:scripted".parse()?))
        .build())
}

/// Takes the folder in as a job that is complete from the start.
async fn import(engine: &Engine, project: &Path) -> Result<JobId, Box<dyn Error>> {
    let imported = import_folder(project, &ImportLimits::default())?;
    Ok(engine.import(Import { spec: imported.spec(), tree: imported.tree, blobs: imported.blobs }).await?)
}

/// Makes a job that extends `parent` and runs it to its end.
async fn work(engine: &Engine, title: &str, parent: JobId) -> Result<JobId, Box<dyn Error>> {
    let spec = JobSpec::new(title, "").with_parent(RevisionRef::head(parent)).with_check("python3 check.py");
    let id = engine.create(spec).await?;
    let job = engine.run(id).await?;
    assert_eq!((job.status, job.reason), (JobStatus::Completed, None), "{title}");
    println!("job {id}: {title}, extends {parent}");
    Ok(id)
}

/// Says of every file what the job did to it, or which job it comes from.
async fn provenance(engine: &Engine, job: JobId) -> Result<Vec<String>, Box<dyn Error>> {
    let mut lines = Vec::new();
    for file in engine.files(RevisionRef::head(job)).await? {
        let from = file.from_job.map(|job| format!(" from {job}")).unwrap_or_default();
        lines.push(format!("{} {}{from}", file.filename, file.source));
    }
    println!("files of job {job}:\n  {}", lines.join("\n  "));
    Ok(lines)
}

/// Returns the text of a file as a job sees it.
async fn read(engine: &Engine, job: JobId, path: &str) -> Result<String, Box<dyn Error>> {
    let revision = engine.store().resolve(RevisionRef::head(job)).await?;
    let source = engine.source(revision.id).await?;
    let entry = source.tree().get(&path.parse()?).ok_or_else(|| format!("{path} is not there"))?;
    let contents = source.read(&[entry.blob]).await?;
    Ok(String::from_utf8(contents.concat())?)
}
