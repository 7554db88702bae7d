//! Records a job's calls, plays the job back from the recording without any model, and carries it out once more while a
//! third of the calls fail on purpose.
//!
//! The model is scripted here; a recording of a real one is made in the same way, and then tests run on it offline: each
//! request has to be the one that was recorded, to the letter.
//!
//! Run it with `cargo run -p vdo-examples --bin 07_record_and_replay`.

use std::error::Error;
use std::sync::Arc;

use vdo_core::engine::Engine;
use vdo_core::id::RevisionRef;
use vdo_core::job::{JobSpec, JobStatus};
use vdo_core::port::Provider;
use vdo_core::route::Routes;
use vdo_core::testing::MemoryStore;
use vdo_core::testing::scripted::{Answers, ScriptedProvider};
use vdo_providers::clock::TokioClock;
use vdo_providers::rehearse::{Fault, Rehearsal, Rehearsed};
use vdo_providers::replay::{Recorder, Replay};
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

/// Carries out the job with a provider and returns what it made.
async fn run(provider: Arc<dyn Provider>) -> Result<Vec<String>, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let sandbox = Sandbox::new(SandboxConfig::default());
    let checker = SandboxChecker::new(sandbox, Require::T2, folder.path().join("deps"));
    let scanner = WorkspaceScanner::new(Arc::new(TreeSitterSyntax));
    let engine =
        Engine::builder(Arc::new(MemoryStore::new()), Arc::new(TokioClock), Arc::new(scanner), Arc::new(checker))
            .routes(Routes::all(format!("{}:scripted", provider.name()).parse()?))
            .provider(provider)
            .build();
    let spec = JobSpec::new("Greet somebody", "Write greet.sh, which greets its first argument.")
        .with_check("test \"$(sh greet.sh world)\" = 'hello, world'");
    let id = engine.create(spec).await?;
    let job = engine.run(id).await?;
    assert_eq!((job.status, job.reason), (JobStatus::Completed, None));
    Ok(engine.files(RevisionRef::head(id)).await?.into_iter().map(|file| file.filename.to_string()).collect())
}

fn scripted() -> Result<Arc<dyn Provider>, Box<dyn Error>> {
    Ok(Arc::new(ScriptedProvider::new("demo", Answers::parse(ANSWERS)?)))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let cassette = folder.path().join("calls.jsonl");

    let recorder = Recorder::open(scripted()?, &cassette, ["my-own-key".into()])?;
    let made = run(Arc::new(recorder)).await?;
    let lines = std::fs::read_to_string(&cassette)?.lines().count();
    println!("recorded: {made:?}, {} calls", lines - 1);

    // Nothing but the recording answers, and each answer is given once.
    let replayed = run(Arc::new(Replay::open(&cassette)?.strict())).await?;
    println!("played back: {replayed:?}");
    assert_eq!(made, replayed);

    let mix = [(Fault::Overloaded, 2), (Fault::Unreachable, 1)].into();
    let rehearsal = Rehearsal { share: 0.34, seed: 2, mix, ..Rehearsal::default() };
    let rehearsed = run(Arc::new(Rehearsed::new(scripted()?, rehearsal)?)).await?;
    println!("with a third of the calls failing: {rehearsed:?}");
    assert_eq!(made, rehearsed);
    Ok(())
}
