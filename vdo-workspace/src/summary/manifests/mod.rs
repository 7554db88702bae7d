//! What a project's manifests say: its packages, commands, dependencies, and where it starts.
//!
//! Formats with a parser at hand are parsed; of the others the plain lines are read. A broken manifest says nothing.

mod cargo;
mod make;
mod node;
mod others;
mod python;

use vdo_core::path::RepoPath;
use vdo_core::summary::{Convention, Dependency, EntryKind, EntryPoint, NamedCommand};
use vdo_core::tree::FileTree;

use super::class::{below, folder, is_aside_path};
use crate::detect::Contents;

/// How many manifests are read at most, and how much of each, in bytes.
const MAX_WANTED: usize = 400;
const MAX_TEXT: usize = 256 << 10;
/// How many items of one kind one manifest gives.
const MAX_ITEMS: usize = 200;
/// How long a name or command may be, in characters.
const MAX_NAME: usize = 120;
const MAX_RUN: usize = 300;

/// A package that a manifest describes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Package {
    /// Its folder; empty for the root.
    pub(super) folder: String,
    /// What kind of manifest it is from.
    pub(super) ecosystem: &'static str,
    pub(super) name: Option<String>,
    pub(super) about: String,
    /// The names of all it depends on.
    pub(super) needs: Vec<String>,
    /// Folders that it names as needed.
    pub(super) folders: Vec<String>,
}

/// A prefix of imports and the folder it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Alias {
    /// Where it holds; empty for everywhere.
    pub(super) folder: String,
    pub(super) prefix: String,
    pub(super) target: String,
}

/// All that manifests say.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) packages: Vec<Package>,
    pub(super) entries: Vec<EntryPoint>,
    pub(super) commands: Vec<NamedCommand>,
    pub(super) dependencies: Vec<Dependency>,
    pub(super) conventions: Vec<Convention>,
    pub(super) aliases: Vec<Alias>,
    pub(super) go_modules: Vec<Alias>,
    /// The commands that such a project is usually tested with.
    pub(super) usual: Vec<String>,
    /// The files that were read as manifests.
    pub(super) build_files: Vec<RepoPath>,
}

impl Found {
    fn command(&mut self, name: String, run: &str, path: &RepoPath) {
        self.commands.push(NamedCommand {
            name: cut(&name, MAX_NAME),
            run: cut(run.trim(), MAX_RUN),
            path: path.clone(),
        });
    }

    fn depend(&mut self, name: &str, dev: bool, path: &RepoPath) {
        let is_named = !name.is_empty() && !name.contains(char::is_whitespace);
        let known = |known: &Dependency| known.name == name && (!known.dev || dev);
        if is_named && self.dependencies.len() < 2000 && !self.dependencies.iter().any(known) {
            self.dependencies.push(Dependency { name: cut(name, MAX_NAME), path: path.clone(), dev });
        }
    }

    fn convention(&mut self, what: &str, how: &str, path: &RepoPath) {
        self.conventions.push(Convention {
            what: what.to_owned(),
            how: cut(how.trim(), MAX_NAME),
            path: Some(path.clone()),
        });
    }

    fn usually(&mut self, run: &str) {
        if !self.usual.iter().any(|known| known == run) {
            self.usual.push(run.to_owned());
        }
    }
}

/// The tree with the contents at hand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ground<'a> {
    pub(super) tree: &'a FileTree,
    pub(super) contents: &'a Contents,
}

impl<'a> Ground<'a> {
    pub(super) fn has(&self, path: &str) -> bool {
        self.tree.0.get(path).is_some_and(|entry| entry.mode.is_file())
    }

    pub(super) fn path(&self, path: &str) -> Option<RepoPath> {
        self.tree.0.get_key_value(path).filter(|(_, entry)| entry.mode.is_file()).map(|(path, _)| path.clone())
    }

    pub(super) fn text(&self, path: &str) -> &'a str {
        let bytes = self.contents.get(path).map(|bytes| bytes.get(..bytes.len().min(MAX_TEXT)).unwrap_or_default());
        let text = bytes.map(|bytes| match str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => str::from_utf8(bytes.get(..error.valid_up_to()).unwrap_or_default()).unwrap_or_default(),
        });
        let text = text.unwrap_or_default();
        text.strip_prefix('\u{feff}').unwrap_or(text)
    }

    /// Adds an entry point, if the file is there.
    fn enter(&self, found: &mut Found, path: &str, kind: EntryKind, name: Option<&str>) {
        let clean = path.trim_start_matches("./");
        if let Some(path) = self.path(clean) {
            found.entries.push(EntryPoint { path, kind, name: name.map(|name| cut(name, MAX_NAME)) });
        }
    }
}

fn cut(text: &str, limit: usize) -> String {
    text.chars().take(limit).collect()
}

/// Tells whether a file is a manifest or the like: what it is read for.
fn is_wanted(path: &RepoPath) -> bool {
    let (name, whole) = (path.file_name(), path.as_str());
    let by_name = matches!(
        name,
        "Cargo.toml"
            | "rust-toolchain"
            | "rust-toolchain.toml"
            | "package.json"
            | "tsconfig.json"
            | "jsconfig.json"
            | "pyproject.toml"
            | "setup.cfg"
            | "setup.py"
            | "tox.ini"
            | "Pipfile"
            | "go.mod"
            | "pom.xml"
            | "build.gradle"
            | "build.gradle.kts"
            | "composer.json"
            | "Gemfile"
            | "Rakefile"
            | "global.json"
            | "Makefile"
            | "makefile"
            | "GNUmakefile"
            | "justfile"
            | "Justfile"
            | ".justfile"
            | "Dockerfile"
            | "Containerfile"
            | "CMakeLists.txt"
            | "Procfile"
            | ".editorconfig"
            | ".nvmrc"
            | ".node-version"
            | ".python-version"
            | ".ruby-version"
            | ".tool-versions"
            | "rustfmt.toml"
            | ".rustfmt.toml"
            | ".prettierrc"
            | ".prettierrc.json"
            | "pnpm-workspace.yaml"
            | "LICENSE"
            | "LICENSE.md"
            | "LICENSE.txt"
            | "LICENCE"
            | "COPYING"
            | "LICENSE-MIT"
            | "LICENSE-APACHE"
            | "docker-compose.yml"
            | "docker-compose.yaml"
            | "compose.yml"
            | "compose.yaml"
            | "meson.build"
    );
    let by_end = [".csproj", ".fsproj", ".vbproj", ".gemspec", ".Dockerfile"].iter().any(|end| name.ends_with(end));
    let is_list = name.starts_with("requirements") && name.ends_with(".txt");
    by_name || by_end || is_list || whole == ".cargo/config.toml" || whole.starts_with("requirements/")
}

/// Returns the files whose contents [`super::summarise`] wants to see, the nearest to the root first, at most 400.
pub(super) fn wanted(tree: &FileTree) -> Vec<RepoPath> {
    let files = tree.0.iter().filter(|(_, entry)| entry.mode.is_file()).map(|(path, _)| path);
    let depth = |path: &RepoPath| path.ancestors().count();
    let is_own = |path: &&RepoPath| !is_aside_path(folder(path.as_str())) && depth(path) <= 5;
    let mut wanted: Vec<RepoPath> = files.filter(|path| is_wanted(path)).filter(is_own).cloned().collect();
    wanted.sort_by(|one, other| depth(one).cmp(&depth(other)).then_with(|| one.cmp(other)));
    wanted.truncate(MAX_WANTED);
    wanted
}

/// Reads all manifests, the nearest to the root first.
pub(super) fn read(ground: &Ground<'_>) -> Found {
    let mut found = Found::default();
    for path in wanted(ground.tree) {
        if super::class::is_test(&path) {
            continue;
        }
        let (text, at) = (ground.text(path.as_str()), folder(path.as_str()));
        match path.file_name() {
            "Cargo.toml" => cargo::manifest(ground, &path, at, text, &mut found),
            "config.toml" => cargo::aliases(&path, text, &mut found),
            "package.json" => node::manifest(ground, &path, at, text, &mut found),
            "tsconfig.json" | "jsconfig.json" => node::paths(at, text, &mut found),
            "pyproject.toml" => python::pyproject(ground, &path, at, text, &mut found),
            "setup.cfg" => python::setup_cfg(&path, at, text, &mut found),
            "setup.py" => python::setup_py(&path, at, text, &mut found),
            "tox.ini" => python::tox(&path, text, &mut found),
            "go.mod" => others::go(&path, at, text, &mut found),
            "pom.xml" => others::maven(ground, &path, at, text, &mut found),
            "build.gradle" | "build.gradle.kts" => others::gradle(ground, &path, at, text, &mut found),
            "composer.json" => others::composer(ground, &path, at, text, &mut found),
            "Gemfile" => others::gemfile(ground, &path, text, &mut found),
            "Rakefile" => make::rake(&path, text, &mut found),
            "Makefile" | "makefile" | "GNUmakefile" => make::make(&path, at, text, &mut found),
            "justfile" | "Justfile" | ".justfile" => make::just(&path, at, text, &mut found),
            "Dockerfile" | "Containerfile" => make::docker(&path, text, &mut found),
            "docker-compose.yml" | "docker-compose.yaml" | "compose.yml" | "compose.yaml" => {
                make::compose(&path, text, &mut found);
            }
            "Procfile" => make::procfile(&path, text, &mut found),
            "CMakeLists.txt" => make::cmake(&path, at, text, &mut found),
            name if name.ends_with("proj") => others::dotnet(ground, &path, at, text, &mut found),
            name if name.ends_with(".gemspec") => others::gemspec(&path, at, text, &mut found),
            name if name.ends_with(".txt") && path.as_str().contains("requirements") => {
                python::requirements(&path, text, &mut found);
            }
            _ => {}
        }
        if is_build_file(path.file_name()) {
            found.build_files.push(path);
        }
    }
    others::finish(ground, &mut found);
    found
}

fn is_build_file(name: &str) -> bool {
    let is_other = ["LICEN", "COPYING", "rustfmt", "."].iter().any(|start| name.starts_with(start));
    !is_other && name != "jsconfig.json" && name != "config.toml"
}

/// Returns a path relative to a manifest's folder as one of the tree.
fn resolved(at: &str, relative: &str) -> String {
    normal(&below(at, relative))
}

/// Returns a path without `.` and `..`.
pub(super) fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}
