//! `vdo new`: makes a job.

use std::io::Read as _;
use std::path::Path;

use vdo_core::engine::{Engine, Import};
use vdo_core::id::{JobId, RevisionRef};
use vdo_core::job::{JobSpec, MAX_DESCRIPTION_BYTES};
use vdo_workspace::import::ImportLimits;

use crate::app::App;
use crate::args;
use crate::fail::{Fail, chain};

/// Makes a job and prints its id.
pub(crate) async fn new(app: &App, args: &args::New) -> Result<(), Fail> {
    let description = match args.description.as_deref() {
        Some("-") => read_description()?,
        Some(text) => text.to_owned(),
        None => String::new(),
    };
    let mut spec = JobSpec::new(args.title.clone(), description);
    spec.budget = args.budget;
    spec.checks = args.checks.clone();
    spec.idempotency_key = args.idempotency_key.clone();
    spec.priority = args.priority;
    if args.merge.len() == 1 {
        return Err(Fail::usage("--merge takes two jobs or more; to build on one, give --extends ID"));
    }
    spec.parents = args.merge.clone();
    spec.merge = args.policy.unwrap_or_default();
    spec.validate().map_err(|error| Fail::usage(error.to_string()))?;
    let engine = app.engine()?;
    if let Some(parent) = args.extends {
        spec = spec.with_parent(parent);
    } else if let Some(folder) = &args.repo {
        let import = import(app, &engine, folder).await?;
        spec = spec.with_parent(RevisionRef::head(import));
    }
    let id = engine.create(spec).await?;
    app.out.line(id.number().to_string())?;
    if !args.run {
        app.wake(id, args.priority).await;
    }
    if args.run {
        super::run::run(app, &args::Run { id }).await?;
    }
    Ok(())
}

fn read_description() -> Result<String, Fail> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_DESCRIPTION_BYTES).unwrap_or(u64::MAX) + 1;
    std::io::stdin().lock().take(limit).read_to_end(&mut bytes)?;
    String::from_utf8(bytes).map_err(|_| Fail::usage("the description is not UTF-8"))
}

/// Imports a folder or repository as it is now, or finds the import there is of it.
pub(crate) async fn import(app: &App, engine: &Engine, folder: &Path) -> Result<JobId, Fail> {
    let folder = folder.to_path_buf();
    let place =
        std::fs::canonicalize(&folder).map_err(|error| Fail::usage(format!("{}: {error}", folder.display())))?;
    let read =
        tokio::task::spawn_blocking(move || vdo_workspace::repository::import(&folder, &ImportLimits::default()));
    let imported =
        read.await.map_err(|error| Fail::failed(error.to_string()))?.map_err(|error| Fail::usage(chain(&error)))?;
    for skipped in imported.skipped.iter().filter(|skipped| skipped.tracked).take(20) {
        let path = crate::story::plain(&skipped.path.to_string(), 200);
        app.out.say(format!("left out, though git tracks it: {path}: {}", skipped.reason));
    }
    let mut spec = imported.spec();
    spec.repo = Some(place.display().to_string());
    let import = Import { spec, tree: imported.tree, blobs: imported.blobs };
    Ok(engine.import(import).await?)
}
