//! JavaScript: `npm test`, where `package.json` has a test script that is one.

use serde_json::Value;
use vdo_core::check::{Runner, Setup};

use super::{Detected, Project, below, command, deps, enter};

pub(super) fn detect(project: &Project<'_>, detected: &mut Detected) {
    for root in project.roots_of("package.json") {
        let manifest = below(root, "package.json");
        let Ok(package) = serde_json::from_str::<Value>(project.text(&manifest)) else { continue };
        let script = package.pointer("/scripts/test").and_then(Value::as_str).unwrap_or_default();
        if script.trim().is_empty() || script.contains("no test specified") {
            continue;
        }
        let kinds = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];
        let needs = kinds.iter().filter_map(|kind| package.get(kind)?.as_object()).any(|found| !found.is_empty());
        let kept = project.tree.0.keys().any(|path| path.as_str().starts_with(&below(root, "node_modules/")));
        if !needs || kept {
            detected.checks.push(command(format!("{}npm test", enter(root)), Runner::Node));
            continue;
        }
        let lock =
            ["package-lock.json", "npm-shrinkwrap.json"].into_iter().find(|name| project.has(&below(root, name)));
        let files: Vec<&str> = ["package.json"]
            .into_iter()
            .chain(lock)
            .chain(Some(".npmrc").filter(|name| project.has(&below(root, name))))
            .collect();
        let inputs = files.iter().filter_map(|name| project.path(&below(root, name))).collect();
        let place = deps("node", root);
        let install = if lock.is_some() { "npm ci" } else { "npm install" };
        let run = format!(
            "{}mkdir -p {place} && cp {} {place}/ && cd {place} && {install} --no-audit --no-fund",
            enter(root),
            files.join(" ")
        );
        detected.setup.push(Setup { run, inputs });
        let run = format!(
            "{}if [ ! -e node_modules ]; then ln -s {place}/node_modules node_modules; fi && npm test",
            enter(root)
        );
        detected.checks.push(command(run, Runner::Node));
    }
}
