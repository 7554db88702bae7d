//! What a codebase is, at a glance: a skeleton that is read off its files, without a model.
//!
//! Plain data, made by a scanner from a tree alone: the same tree gives the same summary, so callers may keep it under
//! the tree's hash together with [`VERSION`]. Every list is bounded and says how much it leaves out.

mod render;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::path::RepoPath;

/// The version of what summaries consist of; kept ones of another version are made again.
pub const VERSION: u32 = 1;

/// A bounded list: its most important items, and how many there are besides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Listed<T> {
    /// The items, most important first.
    pub items: Vec<T>,
    /// How many were left out.
    #[serde(default)]
    pub more: u64,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { items: Vec::new(), more: 0 }
    }
}

impl<T> Listed<T> {
    /// Returns the first `limit` items, and the number of the others.
    #[must_use]
    pub fn first(mut items: Vec<T>, limit: usize) -> Self {
        let more = u64::try_from(items.len().saturating_sub(limit)).unwrap_or(u64::MAX);
        items.truncate(limit);
        Self { items, more }
    }

    /// Returns whether there is nothing to list.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty() && self.more == 0
    }
}

/// What a codebase is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Summary {
    /// The version of its form; 0 if nothing was looked at.
    pub version: u32,
    /// What the project says of itself, in a line.
    pub about: String,
    /// How many files the tree has, of any kind.
    pub files: u64,
    /// How many lines the files that were read have.
    pub lines: u64,
    /// The languages, the one with the most lines first; data and prose come last.
    pub languages: Listed<LanguageShare>,
    /// The parts of the project, the largest first.
    pub modules: Listed<Module>,
    /// Where running or using it begins.
    pub entry_points: Listed<EntryPoint>,
    /// What it answers to over HTTP.
    pub routes: Listed<Route>,
    /// What can be run by name.
    pub commands: Listed<NamedCommand>,
    /// How it is tested.
    pub tests: Tests,
    /// The files that say how it is built and put together.
    pub build_files: Listed<RepoPath>,
    /// What it depends on directly.
    pub dependencies: Listed<Dependency>,
    /// What its files show of how work is done here.
    pub conventions: Listed<Convention>,
}

/// How much of a codebase is in a language.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LanguageShare {
    /// The language, in lower case.
    pub name: String,
    /// Its files.
    pub files: u64,
    /// Their lines.
    pub lines: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Its share of all lines of code, in tenths of a percent; 0 for data and prose.
    pub permille: u32,
}

/// A part of a project: a package of a workspace, or a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Module {
    /// Its folder; `.` is the root.
    pub path: String,
    /// The name it is imported or published by, where it has one.
    pub name: Option<String>,
    /// What it says of itself, in a line.
    pub about: String,
    /// How many files of code it has.
    pub files: u64,
    /// Their lines.
    pub lines: u64,
    /// The folders of the modules that it uses, the one it uses most first.
    pub depends_on: Vec<String>,
}

/// What begins at an entry point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A program that answers over the network.
    Server,
    /// A program.
    Binary,
    /// What others import.
    Library,
    /// A page for a browser.
    WebPage,
    /// A script that is run by an interpreter.
    Script,
    /// An image of a container.
    Container,
}

impl EntryKind {
    /// Returns its name for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Binary => "binary",
            Self::Library => "library",
            Self::WebPage => "web page",
            Self::Script => "script",
            Self::Container => "container",
        }
    }
}

/// Where running or using a project begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EntryPoint {
    /// The file.
    pub path: RepoPath,
    /// What begins there.
    pub kind: EntryKind,
    /// The name it goes by, where it has one.
    pub name: Option<String>,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Route {
    /// The method, in upper case; `ANY` if every one, `PAGE` for a page that is found by its file.
    pub method: String,
    /// The pattern as written, below the prefixes that its file names.
    pub pattern: String,
    /// The file.
    pub path: RepoPath,
    /// The line, from 1.
    pub line: u32,
}

/// Something that can be run by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NamedCommand {
    /// What a person types: `npm run build`, `make test`.
    pub name: String,
    /// What that does, as far as it is written down in a line.
    pub run: String,
    /// The file that names it.
    pub path: RepoPath,
}

/// How a project is tested.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Tests {
    /// How many files hold tests.
    pub files: u64,
    /// The folders they lie in and how many are in each, the fullest first.
    pub places: Listed<(String, u64)>,
    /// What their names have in common: `test_*.py`.
    pub naming: Vec<String>,
    /// The commands that run them, as they were detected.
    pub commands: Vec<String>,
    /// The commands that are usual for such a project, where none was detected.
    pub usual: Vec<String>,
}

/// Something a project depends on directly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Dependency {
    /// Its name.
    pub name: String,
    /// The manifest that names it first.
    pub path: RepoPath,
    /// Whether only work on the project needs it.
    pub dev: bool,
}

/// Something that is done the same way everywhere in the project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Convention {
    /// What it is about: `formatter`, `licence`, `indentation`.
    pub what: String,
    /// How it is done.
    pub how: String,
    /// The file that says so; none if it was counted.
    pub path: Option<RepoPath>,
}
