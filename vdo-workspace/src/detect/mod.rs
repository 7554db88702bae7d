//! The check commands and the setup that a project's files imply. Pure: over a tree and a few contents.
//!
//! What the commands assume of the place they run in:
//! - `/bin/sh` in the project's root, on a copy of the tree that is thrown away;
//! - a setup may use the package registries and leaves its result below [`DEPS`]/`<ecosystem>`, and nowhere else;
//!   while checks run that folder is there again, read-only, and there is no network;
//! - `python3` (with `pip` for a setup), `cargo`, `go`, `node` and `npm` are found on the path where they are used;
//! - pytest's report is written to [`JUNIT_REPORT`] in the root, that of jest and vitest to [`JSON_REPORT`]; whoever runs the command harvests it
//!   and hands it to [`crate::results::parse`].
//!
//! A project without dependencies has no setup, save that pytest itself is installed where `python3` cannot import it.
//! Nothing from the project's files gets into a command line but paths and requirements, in quotes.

mod go;
mod node;
mod pyproject;
mod python;
mod rust;

use std::collections::BTreeMap;

use vdo_core::check::{CheckCommand, CommandSource, Runner, Setup};
use vdo_core::content::Bytes;
use vdo_core::path::RepoPath;
use vdo_core::tree::FileTree;

/// Where setups leave what they install.
pub const DEPS: &str = "/deps";
/// The file in the root that pytest writes its JUnit report to.
pub const JUNIT_REPORT: &str = ".vdo-junit.xml";
/// The file in the root that jest and vitest write their report to.
pub const JSON_REPORT: &str = ".vdo-tests.json";

/// How many contents are wanted at most.
const MAX_WANTED: usize = 400;
/// How many projects of one ecosystem are taken.
const MAX_PROJECTS: usize = 8;

/// What was detected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Detected {
    /// The commands, in order.
    pub checks: Vec<CheckCommand>,
    /// What has to be installed first.
    pub setup: Vec<Setup>,
}

/// The contents that [`detect`] looks at, by path.
pub type Contents = BTreeMap<RepoPath, Bytes>;

/// Returns the files whose contents [`detect`] wants to see: build files and Python tests, at most 400.
#[must_use]
pub fn wanted(tree: &FileTree) -> Vec<RepoPath> {
    let project = Project { tree, contents: &Contents::new() };
    let (tests, builds): (Vec<_>, Vec<_>) = project
        .paths()
        .filter(|path| is_build_file(path) || python::is_test(path))
        .partition(|path| python::is_test(path));
    builds.into_iter().chain(tests).take(MAX_WANTED).cloned().collect()
}

/// Returns the commands and the setup that the project's files imply. Contents that are missing count as empty.
#[must_use]
pub fn detect(tree: &FileTree, contents: &Contents) -> Detected {
    let project = Project { tree, contents };
    let mut detected = Detected::default();
    python::detect(&project, &mut detected);
    rust::detect(&project, &mut detected);
    node::detect(&project, &mut detected);
    go::detect(&project, &mut detected);
    detected
}

fn is_build_file(path: &RepoPath) -> bool {
    let depth = path.ancestors().count();
    match path.file_name() {
        "pyproject.toml" | "setup.cfg" | "setup.py" | "tox.ini" | "pytest.ini" => depth == 0,
        "package.json" | "go.mod" | "Cargo.toml" | "Cargo.lock" => depth <= 2,
        name => depth <= 1 && name.ends_with(".txt") && path.as_str().contains("requirements"),
    }
}

/// A tree with the contents at hand.
#[derive(Debug, Clone, Copy)]
struct Project<'a> {
    tree: &'a FileTree,
    contents: &'a Contents,
}

impl<'a> Project<'a> {
    /// Returns the paths of files that are the project's own.
    fn paths(&self) -> impl Iterator<Item = &'a RepoPath> + use<'a> {
        let files = self.tree.0.iter().filter(|(_, entry)| entry.mode.is_file());
        files.map(|(path, _)| path).filter(|path| !path.ancestors().any(is_foreign))
    }

    fn has(&self, path: &str) -> bool {
        self.tree.0.get(path).is_some_and(|entry| entry.mode.is_file())
    }

    fn text(&self, path: &str) -> &'a str {
        self.contents.get(path).and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or_default()
    }

    fn path(&self, path: &str) -> Option<RepoPath> {
        self.tree.0.get_key_value(path).map(|(path, _)| path.clone())
    }

    /// Returns the folders with a file of this name: the root if it has one, else those at most two levels down.
    fn roots_of(&self, file: &str) -> Vec<&'a str> {
        if self.has(file) {
            return vec![""];
        }
        let found = self.paths().filter(|path| path.file_name() == file && path.ancestors().count() <= 2);
        let mut roots: Vec<&str> = found.filter_map(|path| path.ancestors().next()).collect();
        // A folder inside another one belongs to it.
        let all = roots.clone();
        roots
            .retain(|root| !all.iter().any(|other| root.strip_prefix(other).is_some_and(|rest| rest.starts_with('/'))));
        roots.truncate(MAX_PROJECTS);
        roots
    }
}

/// Tells whether a folder holds other people's code.
fn is_foreign(folder: &str) -> bool {
    let name = folder.rsplit('/').next().unwrap_or(folder);
    matches!(name, "node_modules" | "vendor" | "third_party" | "site-packages" | ".venv" | "venv" | ".tox" | "target")
}

/// Returns `name` in `root`.
fn below(root: &str, name: &str) -> String {
    if root.is_empty() { name.to_owned() } else { format!("{root}/{name}") }
}

/// Returns the start of a command line that goes to `root`.
fn enter(root: &str) -> String {
    if root.is_empty() { String::new() } else { format!("cd {} && ", quote(root)) }
}

/// Returns the folder below [`DEPS`] for a project in `root`.
fn deps(ecosystem: &str, root: &str) -> String {
    let name: String = root.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    if name.is_empty() { format!("{DEPS}/{ecosystem}") } else { format!("{DEPS}/{ecosystem}-{name}") }
}

/// Returns `text` as one word of a shell command.
fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    if text.starts_with('-') {
        // A path that looks like an option.
        return quote(&format!("./{text}"));
    }
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn command(run: String, runner: Runner) -> CheckCommand {
    CheckCommand { run, source: CommandSource::Detected, runner }
}

#[cfg(test)]
mod tests;
