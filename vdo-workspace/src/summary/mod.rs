//! The architecture of a codebase, read off its files without a model.
//!
//! Two steps, both pure: [`signs()`] says what one file shows and can be kept under its content's hash, [`summarise`] joins
//! what all files show with what the manifests say. Nothing is parsed again, and every list is bounded.
//! Invariant: the same tree gives the same summary.

mod class;
mod conventions;
mod entries;
mod manifests;
mod modules;
pub mod signs;
mod testing;
mod uses;

use std::collections::BTreeMap;

use vdo_core::check::CheckCommand;
use vdo_core::path::RepoPath;
use vdo_core::summary::{LanguageShare, Listed, Route, Summary, VERSION};
use vdo_core::tree::FileTree;

use crate::detect::Contents;
use manifests::Ground;
pub(crate) use signs::sentence;
pub use signs::{SIGNS_VERSION, Signs, signs};

/// How many items a list of the summary has.
const MAX_MODULES: usize = 40;
const MAX_ENTRIES: usize = 60;
const MAX_ROUTES: usize = 200;
const MAX_COMMANDS: usize = 80;
const MAX_BUILD_FILES: usize = 40;
const MAX_DEPENDENCIES: usize = 150;

/// A file and what it shows.
#[derive(Debug, Clone, Copy)]
pub struct FileSigns<'a> {
    /// The path.
    pub path: &'a RepoPath,
    /// The language, in lower case, if known.
    pub language: Option<&'a str>,
    /// The size in bytes.
    pub bytes: u64,
    /// What it shows.
    pub signs: &'a Signs,
}

impl FileSigns<'_> {
    fn is_code(&self) -> bool {
        self.language.is_some_and(class::is_code)
    }
}

/// Returns the files whose contents [`summarise`] wants to see: manifests and the like, at most 400.
#[must_use]
pub fn wanted(tree: &FileTree) -> Vec<RepoPath> {
    manifests::wanted(tree)
}

/// Returns the summary of a tree.
///
/// `files` are those that were read, in path order; `contents` has what [`wanted`] names, and what is missing counts as
/// empty; `checks` are the detected commands.
#[must_use]
pub fn summarise(tree: &FileTree, files: &[FileSigns<'_>], contents: &Contents, checks: &[CheckCommand]) -> Summary {
    let ground = Ground { tree, contents };
    let found = manifests::read(&ground);
    let plain = tree.0.values().filter(|entry| entry.mode.is_file()).count();
    let modules = modules::modules(files, &found);
    let lines = files.iter().map(|file| u64::from(file.signs.lines)).sum();
    let tests = testing::tests(files, &found, checks);
    let conventions = conventions::conventions(&ground, files, &found);
    Summary {
        version: VERSION,
        about: about(files, &found),
        files: u64::try_from(plain).unwrap_or(u64::MAX),
        lines,
        languages: languages(files),
        modules: Listed::first(modules, MAX_MODULES),
        entry_points: Listed::first(entries::entries(&ground, files, &found), MAX_ENTRIES),
        routes: Listed::first(routes(files), MAX_ROUTES),
        commands: Listed::first(commands(&found), MAX_COMMANDS),
        tests,
        build_files: Listed::first(found.build_files, MAX_BUILD_FILES),
        dependencies: Listed::first(found.dependencies, MAX_DEPENDENCIES),
        conventions,
    }
}

/// Returns what the project says of itself: in the manifest in its root, else in its README.
fn about(files: &[FileSigns<'_>], found: &manifests::Found) -> String {
    let main = languages(files).items.into_iter().next().unwrap_or_default().name;
    let speaks = |ecosystem: &str| match ecosystem {
        "cargo" => main == "rust",
        "python" => main == "python",
        "npm" => matches!(main.as_str(), "javascript" | "typescript" | "css" | "html" | "vue" | "svelte"),
        "go" => main == "go",
        "gem" => main == "ruby",
        "composer" => main == "php",
        "dotnet" => main == "csharp",
        _ => true,
    };
    let root = found.packages.iter().filter(|package| package.folder.is_empty() && speaks(package.ecosystem));
    let by_manifest = root.clone().map(|package| package.about.as_str()).find(|about| !about.is_empty());
    // A package of Python says it in its doc string.
    let main_file = |file: &&FileSigns<'_>| {
        let names = || root.clone().filter_map(|package| package.name.as_deref());
        let folder = file.path.as_str().strip_suffix("/__init__.py");
        let folder = folder.map(|folder| folder.strip_prefix("src/").unwrap_or(folder));
        // A name that is made up in code is not known; a package in the root is meant then.
        let is_unnamed = root.clone().any(|package| package.ecosystem == "python" && package.name.is_none());
        let is_top = |folder: &str| is_unnamed && !folder.contains('/') && !class::is_test(file.path);
        folder.is_some_and(|folder| is_top(folder) || names().any(|name| name.eq_ignore_ascii_case(folder)))
    };
    let by_package =
        files.iter().find(main_file).map(|file| file.signs.about.as_str()).filter(|about| !about.is_empty());
    let readme = files.iter().filter(|file| {
        let name = file.path.as_str().to_ascii_lowercase();
        name.starts_with("readme") || name.starts_with("docs/readme") || name.starts_with(".github/readme")
    });
    let readme = readme.filter(|file| !file.signs.about.is_empty());
    let by_readme = readme.min_by_key(|file| file.path.as_str().len()).map(|file| file.signs.about.as_str());
    by_manifest.or(by_package).or(by_readme).unwrap_or_default().to_owned()
}

fn languages(files: &[FileSigns<'_>]) -> Listed<LanguageShare> {
    let mut by_name: BTreeMap<&str, LanguageShare> = BTreeMap::new();
    for file in files {
        let Some(name) = file.language else { continue };
        let share = by_name.entry(name).or_default();
        share.files += 1;
        share.lines += u64::from(file.signs.lines);
        share.bytes = share.bytes.saturating_add(file.bytes);
    }
    let code: u64 = by_name.iter().filter(|(name, _)| class::is_code(name)).map(|(_, share)| share.lines).sum();
    let mut shares: Vec<LanguageShare> = by_name
        .into_iter()
        .map(|(name, share)| {
            let permille = if class::is_code(name) { share.lines * 1000 / code.max(1) } else { 0 };
            LanguageShare { name: name.to_owned(), permille: u32::try_from(permille).unwrap_or(1000), ..share }
        })
        .collect();
    shares.sort_by(|one, other| {
        let key = |share: &LanguageShare| (!class::is_code(&share.name), std::cmp::Reverse(share.lines));
        key(one).cmp(&key(other)).then_with(|| one.name.cmp(&other.name))
    });
    Listed::first(shares, 30)
}

/// Returns the routes of the project's own code, in path order.
fn routes(files: &[FileSigns<'_>]) -> Vec<Route> {
    let own = files.iter().filter(|file| !class::is_test(file.path) && !class::is_aside(file.path.as_str()));
    let mut routes = Vec::new();
    for file in own {
        routes.extend(file.signs.routes.iter().map(|route| Route {
            method: route.method.clone(),
            pattern: route.pattern.clone(),
            path: file.path.clone(),
            line: route.line,
        }));
        routes.extend(entries::page(file.path));
    }
    routes
}

/// Returns the commands: those of the root first, and those that are run most before the others.
fn commands(found: &manifests::Found) -> Vec<vdo_core::summary::NamedCommand> {
    const FIRST: [&str; 14] = [
        "dev",
        "start",
        "build",
        "test",
        "check",
        "lint",
        "format",
        "fmt",
        "typecheck",
        "run",
        "serve",
        "all",
        "install",
        "ci",
    ];
    let rank = |name: &str| {
        let last = name.rsplit(' ').next().unwrap_or(name);
        FIRST.iter().position(|first| *first == last).unwrap_or(FIRST.len())
    };
    let mut commands = found.commands.clone();
    commands.sort_by_key(|command| (command.path.ancestors().count(), rank(&command.name)));
    let mut seen = std::collections::BTreeSet::new();
    commands.retain(|command| seen.insert(command.name.clone()));
    commands
}
