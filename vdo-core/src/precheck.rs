//! Which of the languages' own checkers look at a change before its tests run.
//!
//! They are quick and name a file and a line where a test run shows a page. They look at what changed only, and at no file
//! that had faults before. Invariant: they can fail a tree and prove nothing; see [`CommandSource::Language`].

use std::collections::BTreeSet;

use crate::check::{CheckCommand, CommandSource, Runner};
use crate::contents::Contents;
use crate::path::RepoPath;
use crate::tree::FileTree;

/// The most files that are named in a command.
const MAX_FILES: usize = 200;

/// What the choice is made by.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The files that were written.
    pub changed: &'a BTreeSet<RepoPath>,
    /// The tree that is checked.
    pub tree: &'a FileTree,
    /// The contents of what changed, and of the files that [`manifests`] names.
    pub contents: &'a Contents,
    /// Changed files that did not fit their grammar before.
    pub faulty: &'a BTreeSet<RepoPath>,
    /// The commands that were chosen: a checker is used only where its language's tools are used anyway.
    pub commands: &'a [CheckCommand],
}

/// Returns the files whose contents say how a language is written here.
pub fn manifests(tree: &FileTree) -> impl Iterator<Item = &RepoPath> {
    tree.0.keys().filter(|path| matches!(path.as_str(), "package.json"))
}

/// Returns the checkers to run before the commands, in order.
#[must_use]
pub fn checks_for(facts: &Facts<'_>) -> Vec<CheckCommand> {
    let mut checks = Vec::new();
    let uses = |runners: &[Runner]| facts.commands.iter().any(|command| runners.contains(&command.runner));
    if uses(&[Runner::Pytest, Runner::Unittest]) {
        checks.extend(python(facts));
    }
    if uses(&[Runner::Node, Runner::Jest, Runner::Vitest, Runner::Mocha]) {
        checks.extend(node(facts));
        checks.extend(typescript(facts));
    }
    if uses(&[Runner::Go]) {
        checks.extend(go(facts));
    }
    checks.into_iter().map(|run| CheckCommand { run, source: CommandSource::Language, runner: Runner::Other }).collect()
}

/// Returns the changed files with one of these endings that are there and had no faults.
fn files<'f>(facts: &Facts<'f>, endings: &[&str]) -> Vec<&'f RepoPath> {
    let fits = |path: &&RepoPath| path.extension().is_some_and(|ending| endings.contains(&ending));
    let is_there = |path: &&RepoPath| facts.tree.get(path).is_some_and(|entry| entry.mode.is_file());
    facts
        .changed
        .iter()
        .filter(fits)
        .filter(is_there)
        .filter(|path| !facts.faulty.contains(*path))
        .take(MAX_FILES)
        .collect()
}

fn words(paths: &[&RepoPath]) -> String {
    paths.iter().map(|path| quoted(path.as_str())).collect::<Vec<_>>().join(" ")
}

/// Returns a path as one word of a shell command, and never as an option.
fn quoted(path: &str) -> String {
    let path = if path.starts_with('-') { format!("./{path}") } else { path.to_owned() };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    if path.chars().all(plain) { path } else { format!("'{}'", path.replace('\'', "'\\''")) }
}

/// Compiles in memory, so that nothing is left behind.
fn python(facts: &Facts<'_>) -> Option<String> {
    let paths = files(facts, &["py"]);
    let script =
        "import sys; [compile(open(name, \"rb\").read(), name, \"exec\", dont_inherit=True) for name in sys.argv[1:]]";
    (!paths.is_empty()).then(|| format!("python3 -W ignore -c '{script}' {}", words(&paths)))
}

/// `node --check`, for files that node itself can read: no JSX, no types, and modules only where they are known as such.
fn node(facts: &Facts<'_>) -> Option<String> {
    let manifest =
        facts.tree.0.get("package.json").and_then(|entry| facts.contents.text(entry.blob)).unwrap_or_default();
    let squeezed: String = manifest.chars().filter(|c| !c.is_whitespace()).collect();
    let is_module = squeezed.contains("\"type\":\"module\"");
    let nested = facts.tree.0.keys().filter(|path| path.file_name() == "package.json").count() > 1;
    let text =
        |path: &RepoPath| facts.tree.get(path).and_then(|entry| facts.contents.text(entry.blob)).unwrap_or_default();
    let readable = |path: &&RepoPath| {
        let text = text(path);
        let has_modules = text
            .lines()
            .any(|line| ["import ", "import{", "export ", "export{"].iter().any(|start| line.starts_with(start)));
        let has_markup = text.contains("/>") || text.contains("</") || text.contains("@flow");
        match path.extension() {
            Some("mjs") => !has_markup,
            Some("cjs") => !has_markup && !has_modules,
            _ if text.is_empty() || has_markup || nested => false,
            _ if is_module => !text.contains("require("),
            _ => !has_modules,
        }
    };
    let paths: Vec<&RepoPath> = files(facts, &["js", "mjs", "cjs"]).into_iter().filter(readable).collect();
    let script = format!("for file in {}; do node --check \"$file\" || exit 1; done", words(&paths));
    (!paths.is_empty()).then_some(script)
}

/// `tsc --noEmit`, where the project has both settings and the compiler.
fn typescript(facts: &Facts<'_>) -> Option<String> {
    let manifest = facts.tree.0.get("package.json").and_then(|entry| facts.contents.text(entry.blob))?;
    let has = facts.tree.0.contains_key("tsconfig.json") && manifest.contains("\"typescript\"");
    let place = "node_modules/.bin/tsc";
    let link = "if [ ! -e node_modules ] && [ -e /deps/node/node_modules ]; then ln -s /deps/node/node_modules node_modules; fi";
    let paths = files(facts, &["ts", "tsx", "mts", "cts"]);
    let only = of_changed(&format!("{place} --noEmit --pretty false -p ."), &paths, "(");
    (has && !paths.is_empty()).then(|| format!("{link}; if [ -x {place} ]; then {only}; fi"))
}

/// `go vet`, which compiles what it looks at.
fn go(facts: &Facts<'_>) -> Option<String> {
    let command = facts.commands.iter().find(|command| command.runner == Runner::Go)?;
    // With the modules where the tests have them.
    let (before, _) = command.run.split_once("go test")?;
    let paths = files(facts, &["go"]);
    // A module below the root names its files in its own way.
    let is_at_root = !before.starts_with("cd ");
    (is_at_root && !paths.is_empty()).then(|| of_changed(&format!("{before}go vet ./..."), &paths, ":"))
}

/// Has a checker of a whole project fail only for what it says of these files: others may have been like that before.
fn of_changed(command: &str, paths: &[&RepoPath], end: &str) -> String {
    format!(
        "said=$({command} 2>&1) || {{ echo \"$said\"; for file in {}; do case \"$said\" in *\"$file{end}\"*) exit 1;; esac; done; }}; true",
        words(paths)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{Blob, Entry};

    fn chosen(runner: Runner, run: &str, files: &[(&str, &str)], faulty: &[&str]) -> Vec<String> {
        let mut contents = Contents::default();
        let mut tree = FileTree::default();
        for (path, text) in files {
            let blob = Blob::new(text.as_bytes().to_vec());
            contents.add(&blob);
            tree.0.insert(path.parse().unwrap(), Entry::file(blob.hash()));
        }
        let changed: BTreeSet<RepoPath> =
            tree.0.keys().filter(|path| path.as_str() != "package.json").cloned().collect();
        let faulty = faulty.iter().map(|path| path.parse().unwrap()).collect();
        let commands = [CheckCommand { run: run.to_owned(), source: CommandSource::Detected, runner }];
        let facts = Facts { changed: &changed, tree: &tree, contents: &contents, faulty: &faulty, commands: &commands };
        checks_for(&facts).into_iter().map(|check| check.run).collect()
    }

    #[test]
    fn only_changed_files_without_earlier_faults_are_checked_where_their_tools_are_used() {
        let files = [("a.py", "x = 1\n"), ("old.py", "print 1\n"), ("b c.py", "y = 1\n"), ("n.md", "")];
        let python = chosen(Runner::Unittest, "python3 -m unittest", &files, &["old.py"]);
        assert_eq!(python.len(), 1);
        assert!(python.first().unwrap().ends_with(" a.py 'b c.py'"), "{python:?}");
        assert_eq!(chosen(Runner::Other, "make", &files, &[]), Vec::<String>::new());
        assert_eq!(chosen(Runner::Cargo, "cargo test", &[("a.rs", "")], &[]), Vec::<String>::new());
    }

    #[test]
    fn scripts_that_node_cannot_read_by_itself_are_left_to_their_tools() {
        let node = |package: &str, name: &str, text: &str| {
            chosen(Runner::Node, "npm test", &[("package.json", package), (name, text)], &[])
        };
        assert_eq!(
            node("{}", "a.js", "const x = 1;\n"),
            ["for file in a.js; do node --check \"$file\" || exit 1; done"]
        );
        assert_eq!(node("{}", "a.js", "import x from 'x';\n"), Vec::<String>::new());
        assert_eq!(node("{\"type\": \"module\"}", "a.js", "import x from 'x';\n").len(), 1);
        assert_eq!(node("{}", "a.mjs", "import x from 'x';\n").len(), 1);
        assert_eq!(node("{}", "a.js", "const x = <b></b>;\n"), Vec::<String>::new());
        assert_eq!(node("{}", "a.ts", "const x: number = 1;\n"), Vec::<String>::new());
    }

    #[test]
    fn go_is_vetted_with_the_modules_of_its_tests() {
        let run = "GOMODCACHE=/deps/go/mod GOPROXY=off go test -json ./...";
        let vet = chosen(Runner::Go, run, &[("a.go", "package a\n")], &[]);
        let start =
            "said=$(GOMODCACHE=/deps/go/mod GOPROXY=off go vet ./... 2>&1) || { echo \"$said\"; for file in a.go; do";
        assert!(vet.first().unwrap().starts_with(start), "{vet:?}");
    }
}
