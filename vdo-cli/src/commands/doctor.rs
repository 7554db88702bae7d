//! `vdo doctor`: what works here, what is missing, and what to do about it.

use serde::Serialize;
use vdo_workspace::sandbox::{Require, Sandbox, SandboxConfig, Toolchains};

use crate::app::{App, environment};
use crate::fail::{Fail, chain};
use crate::story;

#[derive(Debug, Serialize)]
struct Finding {
    what: String,
    ok: bool,
    detail: String,
}

/// Looks through the store: where it lies if all is well, else what is wrong, one by one.
async fn store(app: &App) -> Vec<Result<String, String>> {
    let url = match app.config.store_url() {
        Ok(url) => url,
        Err(fail) => return vec![Err(fail.to_string())],
    };
    let store = match vdo_store::SqlStore::open(&url, vdo_store::Options::default()).await {
        Ok(store) => store,
        Err(error) => return vec![Err(chain(&error))],
    };
    match store.check_integrity().await {
        Ok(faults) if faults.is_empty() => vec![Ok(store.place().to_owned())],
        Ok(faults) => faults.into_iter().map(Err).collect(),
        Err(error) => vec![Err(chain(&error))],
    }
}

/// Looks at everything and tells; exits with 1 if something that every run needs does not work.
pub(crate) async fn doctor(app: &App) -> Result<(), Fail> {
    let mut findings = Vec::new();
    let mut add = |what: &str, result: Result<String, String>| {
        let ok = result.is_ok();
        let (Ok(detail) | Err(detail)) = result;
        findings.push(Finding { what: what.to_owned(), ok, detail });
    };
    for result in store(app).await {
        add("store", result);
    }
    let sandbox = Sandbox::new(SandboxConfig::default());
    for require in [Require::T2, Require::T1] {
        let tier = require.tier();
        let result = sandbox.probe(tier).await;
        add(&format!("sandbox {tier}"), result.map(|_| "works".to_owned()).map_err(|error| chain(&error)));
    }
    match sandbox.doctor(&Toolchains::resolve(&environment()).await).await {
        Ok(checks) => {
            for check in checks {
                let what = format!("{} in T2", format!("{:?}", check.language).to_lowercase());
                let place = check.program.as_ref().map_or(String::new(), |program| format!("{}: ", program.display()));
                let detail = format!("{place}{}", check.detail);
                add(&what, if check.starts { Ok(detail) } else { Err(detail) });
            }
        }
        Err(error) => add("toolchains", Err(chain(&error))),
    }
    match app.config.routes() {
        Ok(routes) if routes.default.is_empty() && routes.phases.is_empty() => {
            add(
                "routes",
                Err("none are configured; put [routes] default = [\"provider:model\"] into vdo.toml".to_owned()),
            );
        }
        Ok(_) => add("routes", Ok("configured".to_owned())),
        Err(fail) => add("routes", Err(fail.to_string())),
    }
    for (name, config) in &app.config.providers {
        let result = match crate::providers::provider(name, config, &app.config, &[]) {
            Ok(provider) => match provider.probe().await {
                Ok(health) => Ok(format!("answers, {} models", health.models.len())),
                Err(error) => Err(error.to_failure().message),
            },
            Err(fail) => Err(fail.to_string()),
        };
        add(&format!("provider {name}"), result);
    }
    let vital = findings.iter().filter(|finding| ["store", "sandbox T2"].contains(&finding.what.as_str()));
    let broken = vital.filter(|finding| !finding.ok).count();
    if app.out.json {
        app.out.value(&findings)?;
    } else {
        for finding in &findings {
            let mark = if finding.ok { "ok     " } else { "MISSING" };
            app.out.line(format!("{mark} {:<18} {}", finding.what, story::plain(&finding.detail, 600)))?;
        }
    }
    if broken > 0 { Err(Fail::Code(1)) } else { Ok(()) }
}
