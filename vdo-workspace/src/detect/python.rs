//! Python: pytest where it is configured or used, else unittest's discovery.

use std::collections::BTreeSet;

use vdo_core::check::{Runner, Setup};
use vdo_core::path::RepoPath;

use super::{Detected, JUNIT_REPORT, MAX_PROJECTS, Project, below, command, deps, pyproject, quote};

/// Tells whether a path is that of a Python test, by its name.
pub(super) fn is_test(path: &RepoPath) -> bool {
    let name = path.file_name();
    let Some(stem) = name.strip_suffix(".py") else { return false };
    stem.starts_with("test") || stem.ends_with("_test") || stem == "conftest"
}

pub(super) fn detect(project: &Project<'_>, detected: &mut Detected) {
    let tests: Vec<&RepoPath> = project.paths().filter(|path| is_test(path)).collect();
    let requirements = Requirements::of(project);
    let pytest = configures_pytest(project) || tests.iter().any(|path| uses_pytest(project, path));
    let pytest = pytest || (requirements.name_pytest && !tests.is_empty());
    if tests.is_empty() && !pytest {
        return;
    }
    let installed = requirements.setup(pytest);
    let environment = environment(project, installed.is_some());
    detected.setup.extend(installed);
    if pytest {
        let run = format!("{environment}python3 -m pytest -q --junit-xml={JUNIT_REPORT}");
        detected.checks.push(command(run, Runner::Pytest));
        return;
    }
    if project.has("manage.py") && tests.iter().any(|path| project.text(path.as_str()).contains("django")) {
        detected.checks.push(command(format!("{environment}python3 manage.py test -v 2"), Runner::Unittest));
        return;
    }
    for (start, pattern) in starts(project, &tests) {
        let mut run = format!("{environment}python3 -m unittest discover -v");
        if !start.is_empty() {
            run = format!("{run} -s {}", quote(&start));
        }
        if let Some(pattern) = pattern {
            run = format!("{run} -p '{pattern}'");
        }
        detected.checks.push(command(run, Runner::Unittest));
    }
}

/// Returns the start of a command line that makes a `src` layout and what was installed importable.
fn environment(project: &Project<'_>, installed: bool) -> String {
    let in_src = project.paths().any(|path| path.as_str().starts_with("src/") && path.extension() == Some("py"));
    let src = (in_src && !project.has("src/__init__.py")).then_some("src".to_owned());
    let places: Vec<String> = src.into_iter().chain(installed.then(|| deps("python", ""))).collect();
    if places.is_empty() { String::new() } else { format!("PYTHONPATH={} ", places.join(":")) }
}

fn configures_pytest(project: &Project<'_>) -> bool {
    project.has("pytest.ini")
        || project.text("pyproject.toml").contains("[tool.pytest")
        || project.text("setup.cfg").contains("[tool:pytest]")
        || project.text("tox.ini").contains("[pytest]")
        || project.paths().any(|path| path.file_name() == "conftest.py")
}

/// Tells whether a test needs pytest: it imports it, or has tests that unittest would not find.
fn uses_pytest(project: &Project<'_>, path: &RepoPath) -> bool {
    let text = project.text(path.as_str());
    let mut bare = false;
    let mut unittest = false;
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().take(2).collect();
        match words.as_slice() {
            ["import" | "from", module] if module.trim_end_matches(',').split('.').next() == Some("pytest") => {
                return true;
            }
            ["import" | "from", module]
                if module.split('.').next().is_some_and(|m| m == "unittest" || m == "django") =>
            {
                unittest = true;
            }
            _ => {}
        }
        bare |= line.starts_with("def test") || line.starts_with("async def test");
    }
    bare && !(unittest && text.contains("load_tests"))
}

/// Returns where unittest has to start to find every test, with the pattern if it is not its own `test*.py`.
///
/// unittest enters packages only, so each test is found from the folder above its topmost package.
fn starts(project: &Project<'_>, tests: &[&RepoPath]) -> Vec<(String, Option<&'static str>)> {
    let mut starts = BTreeSet::new();
    for path in tests.iter().filter(|path| path.file_name() != "conftest.py") {
        let folders = path.ancestors();
        let start =
            folders.take_while(|folder| !folder.is_empty()).find(|folder| !project.has(&below(folder, "__init__.py")));
        let pattern = (!path.file_name().starts_with("test")).then_some("*_test.py");
        starts.insert((start.unwrap_or_default().to_owned(), pattern));
    }
    starts.into_iter().take(MAX_PROJECTS).collect()
}

/// What has to be installed.
#[derive(Debug, Default)]
struct Requirements {
    files: Vec<RepoPath>,
    names: Vec<String>,
    inputs: Vec<RepoPath>,
    /// Whether the project itself has to be installed to learn what it needs.
    whole: bool,
    name_pytest: bool,
}

impl Requirements {
    fn of(project: &Project<'_>) -> Self {
        let mut found = Self::default();
        let mut all: Vec<&RepoPath> = project.paths().filter(|path| is_requirements(path)).collect();
        all.retain(|path| !project.text(path.as_str()).is_empty());
        for path in &all {
            let text = project.text(path.as_str());
            if is_installed(path) && lines(text).next().is_some() {
                found.files.push((*path).clone());
            }
            found.name_pytest |= lines(text).any(is_pytest);
        }
        if !found.files.is_empty() {
            found.inputs.extend(all.into_iter().cloned());
        }
        found.names = pyproject::requirements(project.text("pyproject.toml"));
        if !found.names.is_empty() {
            found.inputs.extend(project.path("pyproject.toml"));
        }
        let more = pyproject::setup_cfg(project.text("setup.cfg"));
        if !more.is_empty() {
            found.inputs.extend(project.path("setup.cfg"));
            found.names.extend(more);
        }
        if project.text("setup.py").contains("install_requires") && found.files.is_empty() && found.names.is_empty() {
            found.whole = true;
            found.inputs.extend(project.path("setup.py"));
        }
        found.name_pytest |= found.names.iter().any(|name| is_pytest(name));
        found
    }

    fn setup(self, pytest: bool) -> Option<Setup> {
        let place = deps("python", "");
        let install = format!("python3 -m pip install --quiet --disable-pip-version-check --target {place}");
        let files = self.files.iter().map(|path| format!("-r {}", quote(path.as_str())));
        let mut words: Vec<String> = files.chain(self.names.iter().map(|name| quote(name))).collect();
        if self.whole {
            words.push(".".to_owned());
        }
        if words.is_empty() && pytest {
            let run = format!("python3 -c 'import pytest' 2>/dev/null || {install} pytest");
            return Some(Setup { run, inputs: Vec::new() });
        }
        if words.is_empty() {
            return None;
        }
        if pytest && !self.name_pytest {
            words.push("pytest".to_owned());
        }
        Some(Setup { run: format!("{install} {}", words.join(" ")), inputs: self.inputs })
    }
}

/// Tells whether a file lists requirements, to be installed or to be included by one that is.
fn is_requirements(path: &RepoPath) -> bool {
    let folder = path.ancestors().next().unwrap_or_default();
    let name = path.file_name();
    path.extension() == Some("txt")
        && ((folder.is_empty() && name.contains("requirements"))
            || folder == "requirements"
            || name == "requirements.txt")
        && path.ancestors().count() <= 1
}

/// Tells whether a file is installed: the project's own requirements and those of its tests.
fn is_installed(path: &RepoPath) -> bool {
    let stem = path.file_name().trim_end_matches(".txt");
    let kinds = ["base", "dev", "develop", "development", "test", "tests", "testing"];
    match path.ancestors().next() {
        Some("requirements") => kinds.contains(&stem) || stem == "requirements",
        Some("test" | "tests") => stem == "requirements",
        Some(_) => false,
        None => {
            let kind = stem.replace("requirements", "");
            let kind = kind.trim_matches(['-', '_', '.']);
            kind.is_empty() || kinds.contains(&kind)
        }
    }
}

/// Returns the lines of a requirements file that ask for something.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn is_pytest(requirement: &str) -> bool {
    let end =
        requirement.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))).unwrap_or(requirement.len());
    requirement.get(..end).is_some_and(|name| name.eq_ignore_ascii_case("pytest"))
}
