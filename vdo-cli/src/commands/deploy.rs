//! `vdo deploy`: hands a job's whole codebase over.

use serde::Serialize;
use vdo_workspace::deploy::DirDeployer;

use crate::app::App;
use crate::args;
use crate::fail::Fail;

#[derive(Debug, Serialize)]
struct DeliveryView {
    how: String,
    place: String,
    files: u64,
}

/// Hands a job over.
pub(crate) async fn deploy(app: &App, args: &args::Deploy) -> Result<(), Fail> {
    let deployer = match args.to.split_once(':') {
        // Absolute, because the place is recorded and has to mean the same from another folder.
        Some(("dir", path)) if !path.is_empty() => DirDeployer::new(std::path::absolute(path)?),
        Some((kind @ ("git" | "github" | "docker" | "fly"), _)) => {
            return Err(Fail::usage(format!("{kind}: targets are not part of this version; use dir:PATH")));
        }
        _ => return Err(Fail::usage(format!("--to {}: expected dir:PATH", args.to))),
    };
    super::trees::has_result(app, args.id).await?;
    let delivery = app.engine()?.deploy(args.id, &deployer).await?;
    if app.out.json {
        return app.out.value(&DeliveryView { how: delivery.how, place: delivery.place, files: delivery.files });
    }
    app.out.line(delivery.place)?;
    app.out.say(format!("{} files of job {}", delivery.files, args.id));
    Ok(())
}
