//! JavaScript: `npm test`, where `package.json` has a test script that is one.

use serde_json::Value;
use vdo_core::check::{Runner, Setup};

use super::{Detected, JSON_REPORT, Project, below, command, deps, enter};

pub(super) fn detect(project: &Project<'_>, detected: &mut Detected) {
    for root in project.roots_of("package.json") {
        let manifest = below(root, "package.json");
        let Ok(package) = serde_json::from_str::<Value>(project.text(&manifest)) else { continue };
        let script = package.pointer("/scripts/test").and_then(Value::as_str).unwrap_or_default();
        if script.trim().is_empty() || script.contains("no test specified") {
            continue;
        }
        let (runner, test) = runner(script, root);
        let kinds = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];
        let needs = kinds.iter().filter_map(|kind| package.get(kind)?.as_object()).any(|found| !found.is_empty());
        let kept = project.tree.0.keys().any(|path| path.as_str().starts_with(&below(root, "node_modules/")));
        if !needs || kept {
            detected.checks.push(command(format!("{}{test}", enter(root)), runner));
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
            "{}if [ ! -e node_modules ]; then ln -s {place}/node_modules node_modules; fi && {test}",
            enter(root)
        );
        detected.checks.push(command(run, runner));
    }
}

/// Returns who runs the tests of a script, and the command line, which asks for a report where the script is one command.
fn runner(script: &str, root: &str) -> (Runner, String) {
    let plain = || "npm test".to_owned();
    let is_one = !script.contains(['&', '|', ';', '>', '<', '$', '`', '(', '\n']);
    let mut words = script
        .split_whitespace()
        .filter(|word| !matches!(*word, "npx" | "cross-env" | "node") && !word.contains('='))
        .skip_while(|word| word.starts_with('-'));
    let first = words.next().unwrap_or_default();
    let shaped =
        is_one && !["--json", "--reporter", "--outputFile", "--watch"].iter().any(|flag| script.contains(flag));
    let up = "../".repeat(root.split('/').filter(|part| !part.is_empty()).count());
    let report = format!("{up}{JSON_REPORT}");
    match first.rsplit('/').next().unwrap_or(first) {
        "jest" | "jest.js" if shaped => (Runner::Jest, format!("npm test -- --json --outputFile={report}")),
        "vitest" if shaped => {
            let report = format!("--reporter=default --reporter=json --outputFile.json={report}");
            (Runner::Vitest, format!("npm test -- {report}"))
        }
        _ => {
            let runs = |name| script.split(|c: char| c.is_whitespace() || "&|;/".contains(c)).any(|word| word == name);
            let known = [("jest", Runner::Jest), ("vitest", Runner::Vitest), ("mocha", Runner::Mocha)];
            let found = known.into_iter().find(|(name, _)| runs(*name));
            (found.map_or(Runner::Node, |(_, runner)| runner), plain())
        }
    }
}
