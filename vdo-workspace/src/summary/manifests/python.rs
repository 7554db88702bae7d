//! Python: `pyproject.toml`, `setup.cfg`, `setup.py`, lists of requirements and `tox.ini`.

use toml::{Table, Value};
use vdo_core::path::RepoPath;
use vdo_core::summary::EntryKind;

use super::{Found, Ground, MAX_ITEMS, Package, below};

/// Returns the name that a requirement begins with.
fn name(requirement: &str) -> &str {
    let text = requirement.trim().trim_start_matches(['"', '\'']);
    let end = text.find(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

pub(super) fn pyproject(ground: &Ground<'_>, path: &RepoPath, at: &str, text: &str, found: &mut Found) {
    let Ok(table) = text.parse::<Table>() else { return };
    let get = |keys: &[&str]| {
        let mut value = table.get(*keys.first()?)?;
        for key in keys.get(1..)? {
            value = value.get(*key)?;
        }
        Some(value)
    };
    let mut own = Package { folder: at.to_owned(), ecosystem: "python", ..Package::default() };
    let word = |key: &str| get(&["project", key]).or_else(|| get(&["tool", "poetry", key])).and_then(Value::as_str);
    own.name = word("name").map(str::to_owned);
    own.about = word("description").map(crate::summary::sentence).unwrap_or_default();
    let list = |value: Option<&Value>| {
        let items = value.and_then(Value::as_array).into_iter().flatten().take(MAX_ITEMS);
        items.filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
    };
    let mut needs: Vec<(String, bool)> = Vec::new();
    needs.extend(list(get(&["project", "dependencies"])).into_iter().map(|one| (one, false)));
    let poetry = get(&["tool", "poetry", "dependencies"]).and_then(Value::as_table);
    needs.extend(
        poetry.into_iter().flat_map(Table::keys).filter(|key| *key != "python").map(|key| (key.clone(), false)),
    );
    let optional = get(&["project", "optional-dependencies"]).or_else(|| get(&["dependency-groups"]));
    for group in [optional, get(&["dependency-groups"])].into_iter().flatten().filter_map(Value::as_table) {
        needs.extend(group.values().take(40).flat_map(|items| list(Some(items))).map(|one| (one, true)));
    }
    for (need, dev) in needs {
        own.needs.push(name(&need).to_owned());
        found.depend(name(&need), dev, path);
    }
    let scripts = [&["project", "scripts"][..], &["tool", "poetry", "scripts"][..]];
    for (called, run) in scripts.into_iter().filter_map(get).filter_map(Value::as_table).flatten().take(MAX_ITEMS) {
        let run = run.as_str().unwrap_or_default();
        found.command(called.clone(), run, path);
        script(ground, at, called, run, found);
    }
    for (tool, verb) in [("poe", "poe"), ("taskipy", "task"), ("pdm", "pdm run")] {
        let tasks = get(&["tool", tool, if tool == "pdm" { "scripts" } else { "tasks" }]).and_then(Value::as_table);
        for (called, run) in tasks.into_iter().flatten().take(MAX_ITEMS) {
            let run = run.as_str().or_else(|| run.get("cmd")?.as_str()).unwrap_or_default();
            found.command(format!("{verb} {called}"), run, path);
        }
    }
    if let Some(version) = word("requires-python").or_else(|| poetry?.get("python")?.as_str()) {
        found.convention("Python", version, path);
    }
    let tools = [
        ("ruff", "formatter or linter", "ruff"),
        ("black", "formatter", "black"),
        ("isort", "order of imports", "isort"),
        ("mypy", "type checker", "mypy"),
        ("pyright", "type checker", "pyright"),
        ("pylint", "linter", "pylint"),
    ];
    for (tool, what, how) in tools.into_iter().filter(|(tool, _, _)| get(&["tool", tool]).is_some()) {
        let length = get(&["tool", tool, "line-length"]).and_then(Value::as_integer);
        let length = length.map_or(String::new(), |length| format!(", lines of {length}"));
        found.convention(what, &format!("{how}{length}"), path);
    }
    if own.name.is_some() || get(&["build-system"]).is_some() {
        found.packages.push(own);
    }
}

/// Adds the file that a console script starts in.
fn script(ground: &Ground<'_>, at: &str, called: &str, run: &str, found: &mut Found) {
    let module = run.split(':').next().unwrap_or_default().trim().replace('.', "/");
    if module.is_empty() {
        return;
    }
    for root in ["", "src/", "lib/"] {
        for end in [".py", "/__init__.py", "/__main__.py"] {
            let place = below(at, &format!("{root}{module}{end}"));
            if ground.has(&place) {
                return ground.enter(found, &place, EntryKind::Binary, Some(called));
            }
        }
    }
}

/// Returns the items of an ini file: section, key and value; a value goes on in indented lines.
fn ini(text: &str) -> Vec<(String, String, String)> {
    let (mut items, mut section): (Vec<(String, String, String)>, String) = (Vec::new(), String::new());
    for line in text.lines().take(5000) {
        let bare = line.trim();
        if bare.starts_with(['#', ';']) || bare.is_empty() {
            continue;
        }
        if let Some(inner) = bare.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = inner.to_owned();
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, _, value)) = items.last_mut() {
                value.push('\n');
                value.push_str(bare);
            }
        } else if let Some((key, value)) = bare.split_once('=') {
            items.push((section.clone(), key.trim().to_owned(), value.trim().to_owned()));
        }
    }
    items
}

pub(super) fn setup_cfg(path: &RepoPath, at: &str, text: &str, found: &mut Found) {
    let mut own = Package { folder: at.to_owned(), ecosystem: "python", ..Package::default() };
    for (section, key, value) in ini(text) {
        match (section.as_str(), key.as_str()) {
            ("metadata", "name") => own.name = Some(value),
            ("metadata", "description" | "summary") => own.about = crate::summary::sentence(&value),
            ("options", "install_requires") => {
                for need in value.lines() {
                    found.depend(name(need), false, path);
                }
            }
            ("options", "python_requires") => found.convention("Python", &value, path),
            ("options.entry_points", "console_scripts") => {
                for (called, run) in value.lines().filter_map(|line| line.split_once('=')) {
                    found.command(called.trim().to_owned(), run, path);
                }
            }
            ("flake8", "max-line-length") => found.convention("linter", &format!("flake8, lines of {value}"), path),
            _ => {}
        }
    }
    if own.name.is_some() {
        found.packages.push(own);
    }
}

pub(super) fn setup_py(path: &RepoPath, at: &str, text: &str, found: &mut Found) {
    if found.packages.iter().any(|known| known.folder == at && known.ecosystem == "python") {
        return;
    }
    let mut own = Package { folder: at.to_owned(), ecosystem: "python", ..Package::default() };
    let word = |key: &str| {
        let at = text.find(&format!("{key}="))?;
        let rest = text.get(at + key.len() + 1..)?.trim_start();
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        rest.get(1..)?.split(quote).next().map(str::to_owned)
    };
    own.name = word("name");
    own.about = word("description").map(|text| crate::summary::sentence(&text)).unwrap_or_default();
    if let Some(version) = word("python_requires") {
        found.convention("Python", &version, path);
    }
    // Lists of literals, as most are.
    for (key, dev) in [("install_requires=[", false), ("tests_require=[", true)] {
        let inner = text.split_once(key).and_then(|(_, rest)| rest.split(']').next()).unwrap_or_default();
        for need in inner.split(',').map(str::trim).filter(|need| need.starts_with(['"', '\''])).take(MAX_ITEMS) {
            found.depend(name(need), dev, path);
        }
    }
    let scripts = text.split_once("console_scripts").and_then(|(_, rest)| rest.split(']').next()).unwrap_or_default();
    for line in scripts.split(['"', '\'']).take(MAX_ITEMS) {
        if let Some((called, run)) = line.split_once('=').filter(|(_, run)| run.contains(':')) {
            found.command(called.trim().to_owned(), run, path);
        }
    }
    if own.name.is_some() || text.contains("setup(") {
        found.packages.push(own);
    }
}

pub(super) fn requirements(path: &RepoPath, text: &str, found: &mut Found) {
    let dev = ["dev", "test", "doc", "lint", "ci", "typing", "style", "pkgutils"]
        .iter()
        .any(|part| path.as_str().contains(part));
    for line in text.lines().take(2000).map(str::trim).filter(|line| !line.starts_with(['#', '-'])) {
        // Names alone; a link to an archive has none.
        if !line.contains("://") || line.contains(" @ ") {
            found.depend(name(line), dev, path);
        }
    }
}

pub(super) fn tox(path: &RepoPath, text: &str, found: &mut Found) {
    for (section, key, value) in ini(text) {
        let environment = section.strip_prefix("testenv").map(|rest| rest.trim_start_matches(':'));
        let Some(environment) = environment.filter(|_| key == "commands") else { continue };
        let run = value.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        if environment.len() < 40 && !environment.contains(['{', '}', ',']) {
            let name = if environment.is_empty() { "tox".to_owned() } else { format!("tox -e {environment}") };
            found.command(name, run, path);
        }
    }
}
