//! `vdo export`, `vdo import` and `vdo backup`: projects and whole stores in one file that can be looked through.

use vdo_core::port::Clock as _;
use vdo_store::{Exported, Options, SqlStore};

use crate::app::App;
use crate::args;
use crate::fail::Fail;

async fn store(app: &App) -> Result<SqlStore, Fail> {
    Ok(SqlStore::open(&app.config.store_url()?, Options::default()).await?)
}

/// Writes a project to a file.
pub(crate) async fn export(app: &App, args: &args::Export) -> Result<(), Fail> {
    let exported = store(app).await?.export(Some(args.id), &args.file, app.clock.now()).await?;
    tell(app, &exported)
}

/// Writes the whole store to a file.
pub(crate) async fn backup(app: &App, args: &args::Backup) -> Result<(), Fail> {
    let exported = store(app).await?.export(None, &args.file, app.clock.now()).await?;
    tell(app, &exported)
}

fn tell(app: &App, exported: &Exported) -> Result<(), Fail> {
    if app.out.json {
        return app.out.value(exported);
    }
    app.out.line(format!("{} jobs, seal {}", exported.jobs.len(), exported.seal))?;
    if !exported.unfinished.is_empty() {
        let names: Vec<String> = exported.unfinished.iter().map(ToString::to_string).collect();
        app.out.say(format!(
            "not over, and begin anew where they are imported (their journals stay here): {}",
            names.join(" ")
        ));
    }
    Ok(())
}

/// Takes a file's jobs in, or only looks through it.
pub(crate) async fn import(app: &App, args: &args::Import) -> Result<(), Fail> {
    if args.check {
        return tell(app, &SqlStore::inspect(&args.file).await?);
    }
    let imported = store(app).await?.import(&args.file, app.clock.now()).await?;
    if app.out.json {
        return app.out.value(&imported);
    }
    for (old, new) in &imported.jobs {
        app.out.line(format!("{} -> {}", old.number(), new.number()))?;
    }
    if !imported.without_key.is_empty() {
        let names: Vec<String> = imported.without_key.iter().map(ToString::to_string).collect();
        app.out.say(format!("other jobs have the idempotency keys of these, which have none now: {}", names.join(" ")));
    }
    Ok(())
}
