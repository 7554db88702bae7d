//! Runs one job from a description to a verified result: planned, built, checked in a sandbox, reviewed.
//!
//! The model's answers are scripted, so that it runs offline; the store and the sandbox are real. With a real model,
//! the provider is a `vdo_providers::openai_chat::OpenAiChat` and nothing else changes.
//!
//! Run it with `cargo run -p vdo-examples --bin 01_run_a_job`. It needs bubblewrap, as every sandboxed job does.

use std::error::Error;
use std::sync::Arc;

use vdo_core::engine::Engine;
use vdo_core::id::RevisionRef;
use vdo_core::job::{JobSpec, JobStatus};
use vdo_core::route::Routes;
use vdo_core::testing::scripted::{Answers, ScriptedProvider};
use vdo_providers::clock::TokioClock;
use vdo_store::{Options, SqlStore};
use vdo_workspace::check::SandboxChecker;
use vdo_workspace::sandbox::{Require, Sandbox, SandboxConfig};
use vdo_workspace::scan::WorkspaceScanner;
use vdo_workspace::syntax::TreeSitterSyntax;

const ANSWERS: &str = r#"{"answers": [
  {"when": {"phase": "plan"}, "reply": {"text":
    "{\"summary\": \"One script.\", \"tasks\": [{\"id\": \"t1\", \"title\": \"Greet\", \"create\": [\"greet.sh\"]}]}"}},
  {"when": {"phase": "build"}, "reply": {"text": "greet.sh\n```\necho \"hello, $1\"\n```\n"}},
  {"when": {"phase": "critique"}, "reply": {"text": "{\"findings\": []}"}}
]}"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let store = SqlStore::open(&folder.path().join("vdo.db").display().to_string(), Options::default()).await?;
    let sandbox = Sandbox::new(SandboxConfig::default());
    let checker = SandboxChecker::new(sandbox, Require::T2, folder.path().join("deps"));
    let scanner = WorkspaceScanner::new(Arc::new(TreeSitterSyntax));
    let engine = Engine::builder(Arc::new(store), Arc::new(TokioClock), Arc::new(scanner), Arc::new(checker))
        .provider(Arc::new(ScriptedProvider::new("demo", Answers::parse(ANSWERS)?)))
        .routes(Routes::all("demo:scripted".parse()?))
        .build();

    let spec = JobSpec::new("Greet somebody", "Write greet.sh, which greets its first argument.")
        .with_check("test \"$(sh greet.sh world)\" = 'hello, world'");
    let id = engine.create(spec).await?;
    let job = engine.run(id).await?;

    println!("job {id} is {} after {} tokens; {:?}", job.status, job.usage.total(), job.stamps);
    for file in engine.files(RevisionRef::head(id)).await? {
        println!("  {} {}", file.source, file.filename);
    }
    assert_eq!((job.status, job.reason), (JobStatus::Completed, None));
    Ok(())
}
