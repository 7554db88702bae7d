//! Rust: `cargo test`, with the dependencies fetched before.

use vdo_core::check::{Runner, Setup};

use super::{Detected, Project, below, command, deps, enter};

pub(super) fn detect(project: &Project<'_>, detected: &mut Detected) {
    for root in project.roots_of("Cargo.toml") {
        let lock = below(root, "Cargo.lock");
        let locked = project.has(&lock);
        let needs = if locked {
            project.text(&lock).lines().any(|line| line.starts_with("source = "))
        } else {
            manifests(project, root).iter().any(|path| has_dependencies(project.text(path)))
        };
        if !needs {
            detected.checks.push(command(format!("{}cargo test --no-fail-fast", enter(root)), Runner::Cargo));
            continue;
        }
        let home = deps("cargo", root);
        let flag = if locked { " --locked" } else { "" };
        let mut inputs: Vec<_> = manifests(project, root).iter().filter_map(|path| project.path(path)).collect();
        inputs.extend(project.path(&lock));
        let run = format!("{}CARGO_HOME={home} cargo fetch{flag}", enter(root));
        detected.setup.push(Setup { run, inputs });
        let run = format!("{}CARGO_HOME={home} cargo test --no-fail-fast --offline{flag}", enter(root));
        detected.checks.push(command(run, Runner::Cargo));
    }
}

/// Returns the manifests of a workspace, its own first, as paths.
fn manifests(project: &Project<'_>, root: &str) -> Vec<String> {
    let own = below(root, "Cargo.toml");
    let prefix = if root.is_empty() { String::new() } else { format!("{root}/") };
    let members = project.paths().filter(|path| path.file_name() == "Cargo.toml" && path.as_str().starts_with(&prefix));
    let members = members.map(|path| path.as_str().to_owned()).filter(|path| *path != own);
    std::iter::once(own.clone()).chain(members).take(200).collect()
}

/// Tells whether a manifest names a crate that has to be fetched.
fn has_dependencies(text: &str) -> bool {
    let Ok(table) = text.parse::<toml::Table>() else { return false };
    let mut tables: Vec<&toml::Table> = vec![&table];
    let target = table.get("target").and_then(toml::Value::as_table);
    tables.extend(target.into_iter().flat_map(|target| target.values()).filter_map(toml::Value::as_table));
    tables.extend(table.get("workspace").and_then(toml::Value::as_table));
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    tables.iter().any(|table| {
        kinds.iter().filter_map(|kind| table.get(*kind)?.as_table()).flat_map(|found| found.values()).any(is_fetched)
    })
}

fn is_fetched(dependency: &toml::Value) -> bool {
    match dependency.as_table() {
        Some(table) => !table.contains_key("path") && !table.contains_key("workspace"),
        None => true,
    }
}
