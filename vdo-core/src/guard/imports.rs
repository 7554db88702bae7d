//! Imports of what is nowhere: neither in the tree, nor with the language, nor among the declared dependencies.

use std::collections::BTreeSet;

use serde_json::Value;

use super::builtins::{ALIASES, BRINGS, NODE, PYTHON};
use super::{Report, Touched, View};
use crate::findings::{Finding, Severity};
use crate::path::RepoPath;
use crate::tree::FileTree;

/// Returns the files that declare dependencies.
pub(super) fn manifests(tree: &FileTree) -> impl Iterator<Item = &RepoPath> {
    tree.0.iter().filter(|(path, entry)| entry.mode.is_file() && is_manifest(path)).map(|(path, _)| path).take(200)
}

fn is_manifest(path: &RepoPath) -> bool {
    let name = path.file_name();
    let python = (name.ends_with(".txt") || name.ends_with(".in"))
        && (name.contains("requirements") || path.as_str().contains("requirements/"));
    let foreign = path.ancestors().any(|folder| folder.ends_with("node_modules"));
    !foreign
        && (python
            || matches!(
                name,
                "pyproject.toml"
                    | "setup.py"
                    | "setup.cfg"
                    | "Pipfile"
                    | "tox.ini"
                    | "noxfile.py"
                    | "environment.yml"
                    | "package.json"
                    | "go.mod"
                    | "tsconfig.json"
                    | "jsconfig.json"
                    | "deno.json"
                    | "vite.config.js"
                    | "vite.config.ts"
                    | "webpack.config.js"
            ))
}

pub(super) fn look(view: &View<'_>, findings: &mut Vec<Finding>) {
    let declared = Declared::of(view);
    for file in &view.files {
        let unknown = match file.path.extension() {
            Some("py") => python(view, file, &declared),
            Some("js" | "jsx" | "mjs" | "cjs" | "ts" | "tsx" | "mts" | "cts") => script(view, file, &declared),
            Some("go") => go(file, &declared),
            _ => continue,
        };
        for (line, module) in unknown.into_iter().take(5) {
            let report = Report { by: "unknown-import", severity: Severity::Major, file: file.path, line: Some(line) };
            findings.push(report.says(
                format!("{module} is imported, and it is neither in the project nor among its declared dependencies"),
                "use what is there, write the module, or declare the dependency",
            ));
        }
    }
}

/// What the manifests say.
#[derive(Default)]
struct Declared {
    /// All text of Python's manifests, with `_` and `.` as `-`, in lower case.
    python: String,
    packages: BTreeSet<String>,
    /// Whether modules have names of the project's own making.
    aliased: bool,
    go: Vec<String>,
}

impl Declared {
    fn of(view: &View<'_>) -> Self {
        let mut declared = Self::default();
        for path in manifests(view.change.after) {
            let Some(text) = view.change.after.get(path).and_then(|entry| view.change.contents.text(entry.blob)) else {
                continue;
            };
            match path.file_name() {
                "package.json" => declared.package(text),
                "tsconfig.json" | "jsconfig.json" | "deno.json" => {
                    declared.aliased |=
                        text.contains("\"paths\"") || text.contains("baseUrl") || text.contains("\"imports\"")
                }
                "vite.config.js" | "vite.config.ts" | "webpack.config.js" => declared.aliased |= text.contains("alias"),
                "go.mod" => {
                    let words = text
                        .lines()
                        .filter(|line| !line.trim_start().starts_with("//"))
                        .flat_map(str::split_whitespace);
                    declared
                        .go
                        .extend(words.filter(|word| word.contains('.') || word.contains('/')).map(str::to_owned));
                    let module = text.lines().find_map(|line| line.strip_prefix("module "));
                    declared.go.extend(module.map(|name| name.trim().to_owned()));
                }
                _ => {
                    declared.python.push_str(&dashed(text));
                    declared.python.push('\n');
                }
            }
        }
        declared
    }

    fn package(&mut self, text: &str) {
        let Ok(value) = serde_json::from_str::<Value>(text) else { return };
        self.packages.extend(value.get("name").and_then(Value::as_str).map(str::to_owned));
        for kind in ["dependencies", "devDependencies", "peerDependencies", "optionalDependencies", "imports"] {
            self.packages
                .extend(value.get(kind).and_then(Value::as_object).into_iter().flat_map(|found| found.keys().cloned()));
        }
        self.aliased |= value.get("_moduleAliases").is_some() || value.pointer("/jest/moduleNameMapper").is_some();
    }

    /// Returns whether a Python module comes with a declared package.
    fn has_python(&self, module: &str) -> bool {
        let name = dashed(module);
        let says = |name: &str| {
            self.python.match_indices(name).any(|(at, _)| {
                let inner = |c: char| c.is_alphanumeric();
                let before = self.python.get(..at).and_then(|text| text.chars().next_back());
                !before.is_some_and(inner)
            })
        };
        let alias = ALIASES.iter().filter(|(import, _)| *import == module).any(|(_, package)| says(package));
        let brought = BRINGS.iter().any(|(package, modules)| modules.contains(&module) && says(package));
        says(&name)
            || alias
            || brought
            || says(&format!("python-{name}"))
            || says(&format!("py{name}"))
            || says(&format!("{name}-python"))
    }
}

fn dashed(text: &str) -> String {
    text.to_lowercase().replace(['_', '.'], "-")
}

/// Returns the modules that the new lines of a Python file import and that are nowhere.
fn python(view: &View<'_>, file: &Touched<'_>, declared: &Declared) -> Vec<(u32, String)> {
    let text = file.after.unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let mut unknown = Vec::new();
    for (line, written) in file.added() {
        let code = written.trim_start();
        let modules: Vec<&str> = if let Some(rest) = code.strip_prefix("import ") {
            rest.split(',').filter_map(|part| part.split_whitespace().next()).collect()
        } else if let Some((module, names)) = code.strip_prefix("from ").and_then(|rest| rest.split_once(" import")) {
            if !names.starts_with([' ', '(']) {
                continue;
            }
            vec![module.trim()]
        } else {
            continue;
        };
        let at = usize::try_from(line).unwrap_or(1).saturating_sub(1);
        if is_guarded(&lines, at) || in_text(&lines, at) {
            continue;
        }
        for module in modules.into_iter().filter(|module| is_module(module)) {
            if !is_known_python(view, file.path, module, declared) {
                unknown.push((line, module.to_owned()));
            }
        }
    }
    unknown
}

fn is_module(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.'))
}

/// Returns whether an import may fail: it stands in a `try`, or is read by type checkers only.
fn is_guarded(lines: &[&str], at: usize) -> bool {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let Some(mut own) = lines.get(at).map(|line| depth(line)) else { return true };
    for line in lines.get(..at).unwrap_or_default().iter().rev() {
        let text = line.trim();
        if text.is_empty() || depth(line) >= own {
            continue;
        }
        own = depth(line);
        if text.starts_with("try:")
            || text.starts_with("except")
            || text.starts_with("if ")
            || text.starts_with("else")
            || text.starts_with("elif")
            || text.contains("suppress(")
            || text.contains("raises(")
        {
            return true;
        }
    }
    false
}

/// Returns whether a line is inside of a text over several lines, as docstrings and templates are.
fn in_text(lines: &[&str], at: usize) -> bool {
    let above = lines.get(..at).unwrap_or_default();
    ["\"\"\"", "'''"].iter().any(|quote| above.iter().map(|line| line.matches(quote).count()).sum::<usize>() % 2 == 1)
}

fn is_known_python(view: &View<'_>, path: &RepoPath, module: &str, declared: &Declared) -> bool {
    let tree = view.change.after;
    if let Some(rest) = module.strip_prefix('.') {
        // One dot is the folder of the file, each further one the folder above.
        let up = rest.chars().take_while(|c| *c == '.').count();
        let name = rest.trim_start_matches('.');
        let folder = path.ancestors().chain([""]).nth(up).unwrap_or_default();
        return name.is_empty() || has_module(tree, folder, &name.replace('.', "/"));
    }
    let top = module.split('.').next().unwrap_or(module);
    if PYTHON.binary_search(&top).is_ok() || declared.has_python(top) || top.starts_with('_') {
        return true;
    }
    // Whoever imports it elsewhere has it from somewhere.
    if is_imported_already(view, top) {
        return true;
    }
    let roots: Vec<&str> = roots_with(tree, top);
    if roots.is_empty() {
        return false;
    }
    let place = module.replace('.', "/");
    let parts = module.split('.').count();
    // A package can make modules up as it goes, but a file two levels down has to be somewhere.
    parts == 1 || roots.iter().any(|root| has_module(tree, root, &place)) || parts == 2 && defines(view, &roots, module)
}

/// Returns whether a package's own text has the name that is imported from it like a module.
fn defines(view: &View<'_>, roots: &[&str], module: &str) -> bool {
    let Some((top, name)) = module.split_once('.') else { return false };
    roots.iter().any(|root| {
        let prefix = if root.is_empty() { String::new() } else { format!("{root}/") };
        // A single file is no package; what it has is not known to be no module.
        let init = format!("{prefix}{top}/__init__.py");
        let Some(entry) = view.change.after.0.get(init.as_str()) else {
            return !has_path(view.change.after, &format!("{prefix}{top}.py"));
        };
        view.change.contents.text(entry.blob).is_some_and(|text| text.contains(name))
    })
}

fn is_imported_already(view: &View<'_>, top: &str) -> bool {
    let (import, from) = (format!("import {top}"), format!("from {top}"));
    view.change.before.0.iter().filter(|(path, _)| path.extension() == Some("py")).any(|(_, entry)| {
        view.change.contents.text(entry.blob).is_some_and(|text| {
            text.lines().map(str::trim_start).any(|line| {
                [&import, &from].iter().any(|start| {
                    line.strip_prefix(start.as_str())
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', ' ', ',']))
                })
            })
        })
    })
}

fn has_path(tree: &FileTree, path: &str) -> bool {
    tree.0.contains_key(path)
}

/// Returns whether `place` is a module or a package below `root`.
fn has_module(tree: &FileTree, root: &str, place: &str) -> bool {
    let base = if root.is_empty() { place.to_owned() } else { format!("{root}/{place}") };
    ["py", "pyi", "pyx", "so", "pyd"].iter().any(|end| has_path(tree, &format!("{base}.{end}")))
        || has_folder(tree, &base)
}

fn has_folder(tree: &FileTree, folder: &str) -> bool {
    let prefix = format!("{folder}/");
    let range = (std::ops::Bound::Included(prefix.as_str()), std::ops::Bound::Unbounded);
    tree.0.range::<str, _>(range).next().is_some_and(|(path, _)| path.as_str().starts_with(&prefix))
}

/// Returns the folders in which a module or package of this name lies.
fn roots_with<'t>(tree: &'t FileTree, top: &str) -> Vec<&'t str> {
    let mut roots: BTreeSet<&str> = BTreeSet::new();
    for path in tree.0.keys() {
        let text = path.as_str();
        let file = path.file_name();
        if file.strip_suffix(".py").or_else(|| file.strip_suffix(".pyi")).or_else(|| file.strip_suffix(".pyx"))
            == Some(top)
        {
            roots.insert(path.ancestors().next().unwrap_or_default());
        }
        for folder in path.ancestors() {
            let (above, name) = folder.rsplit_once('/').unwrap_or(("", folder));
            if name == top && text.ends_with(".py") {
                roots.insert(above);
            }
        }
    }
    roots.into_iter().collect()
}

/// Returns the modules that the new lines of a script import and that are nowhere.
fn script(view: &View<'_>, file: &Touched<'_>, declared: &Declared) -> Vec<(u32, String)> {
    let mut unknown = Vec::new();
    for (line, text) in file.added() {
        let code = text.trim();
        if code.starts_with("//") || code.starts_with('*') || code.starts_with("/*") {
            continue;
        }
        for module in specifiers(code) {
            let module = module.split(['?', '!']).next().unwrap_or(module);
            let known = if module.starts_with('.') {
                module.ends_with('/') || is_file(view, file.path, module)
            } else {
                is_package(module, declared)
            };
            if !known {
                unknown.push((line, module.to_owned()));
            }
        }
    }
    unknown
}

/// Returns the quoted names after `from`, `import`, `import(` and `require(`.
fn specifiers(code: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for start in ["from ", "import ", "import(", "require("] {
        for (at, _) in code.match_indices(start) {
            let before = code.get(..at).and_then(|text| text.chars().next_back());
            if before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '\'' | '"' | '`')) {
                continue;
            }
            let is_statement = code.starts_with("import") || code.starts_with("export") || code.starts_with('}');
            if start == "from " && !is_statement {
                continue;
            }
            let rest = code.get(at + start.len()..).unwrap_or_default();
            let Some(quote) = rest.chars().next().filter(|c| matches!(c, '\'' | '"')) else { continue };
            let inner = rest.get(1..).unwrap_or_default();
            if let Some(end) = inner.find(quote) {
                found.extend(inner.get(..end).filter(|name| !name.is_empty() && !name.contains("${")));
            }
        }
    }
    found
}

fn is_package(module: &str, declared: &Declared) -> bool {
    if module.starts_with(['@', '~', '#', '$', '/'])
        && (module.starts_with("@/") || !module.starts_with('@') || declared.aliased)
        || module.contains(':')
    {
        return true;
    }
    let mut parts = module.split('/');
    let first = parts.next().unwrap_or(module);
    let name =
        if first.starts_with('@') { format!("{first}/{}", parts.next().unwrap_or_default()) } else { first.to_owned() };
    NODE.binary_search(&first).is_ok()
        || declared.aliased
        || declared.packages.contains(&name)
        || declared.packages.contains(&format!("@types/{name}"))
        || declared.packages.iter().any(|package| package.ends_with("/*"))
}

/// Returns whether a path from a script leads to a file.
fn is_file(view: &View<'_>, from: &RepoPath, module: &str) -> bool {
    let mut parts: Vec<&str> =
        from.ancestors().next().unwrap_or_default().split('/').filter(|part| !part.is_empty()).collect();
    for part in module.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.pop().is_none() {
                    return true;
                }
            }
            name => parts.push(name),
        }
    }
    let base = parts.join("/");
    // What a build makes is not in the tree.
    if parts.iter().any(|part| {
        matches!(*part, "dist" | "build" | "lib" | "out" | "generated" | "__generated__" | "pkg" | "node_modules")
    }) || base.is_empty()
    {
        return true;
    }
    let tree = view.change.after;
    const ENDS: &[&str] = &[
        "js",
        "mjs",
        "cjs",
        "ts",
        "tsx",
        "jsx",
        "mts",
        "cts",
        "d.ts",
        "json",
        "vue",
        "svelte",
        "node",
        "css",
        "scss",
        "native.js",
        "web.js",
    ];
    let stem = [".js", ".mjs", ".cjs", ".jsx"].iter().find_map(|end| base.strip_suffix(end)).unwrap_or(&base);
    has_path(tree, &base)
        || [base.as_str(), stem].iter().any(|base| {
            ENDS.iter()
                .any(|end| has_path(tree, &format!("{base}.{end}")) || has_path(tree, &format!("{base}/index.{end}")))
        })
        || has_path(tree, &format!("{base}/package.json"))
}

/// Returns the packages that the new lines of a Go file import and that no module brings.
fn go(file: &Touched<'_>, declared: &Declared) -> Vec<(u32, String)> {
    if declared.go.is_empty() {
        return Vec::new();
    }
    let mut inside = BTreeSet::new();
    let mut open = false;
    for (at, line) in file.after.unwrap_or_default().lines().enumerate() {
        let text = line.trim();
        if text.starts_with("import (") {
            open = true;
        } else if open && text.starts_with(')') {
            open = false;
        } else if open || text.starts_with("import ") {
            inside.extend(u32::try_from(at + 1).ok());
        }
    }
    let added = file.added().into_iter().filter(|(line, _)| inside.contains(line));
    let paths = added.filter_map(|(line, text)| Some((line, text.split('"').nth(1)?)));
    paths
        .filter(|(_, path)| path.split('/').next().is_some_and(|first| first.contains('.')))
        .filter(|(_, path)| {
            !declared.go.iter().any(|module| {
                path.strip_prefix(module.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
        })
        .map(|(line, path)| (line, path.to_owned()))
        .collect()
}
