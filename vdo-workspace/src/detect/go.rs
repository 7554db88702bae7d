//! Go: `go test -json ./...`, with the modules downloaded before.

use vdo_core::check::{Runner, Setup};

use super::{Detected, Project, below, command, deps, enter};

pub(super) fn detect(project: &Project<'_>, detected: &mut Detected) {
    for root in project.roots_of("go.mod") {
        let module = below(root, "go.mod");
        let vendored = project.tree.0.contains_key(below(root, "vendor/modules.txt").as_str());
        let requires = project.text(&module).lines().any(|line| line.trim_start().starts_with("require"));
        if vendored || !requires {
            detected.checks.push(command(format!("{}go test -json ./...", enter(root)), Runner::Go));
            continue;
        }
        let cache = format!("{}/mod", deps("go", root));
        let inputs = [module, below(root, "go.sum")].iter().filter_map(|path| project.path(path)).collect();
        // Modules are kept writable so that whoever owns the folder can remove it.
        let run = format!("{}GOMODCACHE={cache} GOFLAGS=-modcacherw go mod download", enter(root));
        detected.setup.push(Setup { run, inputs });
        let run = format!("{}GOMODCACHE={cache} GOPROXY=off go test -json ./...", enter(root));
        detected.checks.push(command(run, Runner::Go));
    }
}
