//! The requirements that a Python project names outside of requirements files.

use toml::Value;

/// Groups of requirements that tests need.
const GROUPS: [&str; 5] = ["test", "tests", "testing", "dev", "develop"];

/// Returns what `pyproject.toml` requires to run and to test, in pip's notation.
pub(super) fn requirements(text: &str) -> Vec<String> {
    let Ok(table) = text.parse::<toml::Table>() else { return Vec::new() };
    let root = Value::Table(table);
    let mut found: Vec<String> = strings(at(&root, &["project", "dependencies"]));
    for group in GROUPS {
        found.extend(strings(at(&root, &["project", "optional-dependencies", group])));
        found.extend(strings(at(&root, &["dependency-groups", group])));
        found.extend(poetry(at(&root, &["tool", "poetry", "group", group, "dependencies"])));
    }
    found.extend(poetry(at(&root, &["tool", "poetry", "dependencies"])));
    found.extend(poetry(at(&root, &["tool", "poetry", "dev-dependencies"])));
    found.retain(|requirement| is_plain(requirement));
    let mut kept: Vec<String> = Vec::new();
    for requirement in found {
        if !kept.contains(&requirement) {
            kept.push(requirement);
        }
    }
    kept
}

/// Returns what `setup.cfg` requires to run.
pub(super) fn setup_cfg(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        let starts = line.starts_with(|c: char| !c.is_whitespace());
        if starts {
            inside = line.split('=').next().is_some_and(|key| key.trim() == "install_requires");
        }
        let value = if starts { line.split_once('=').map_or("", |(_, value)| value) } else { line };
        let value = value.split('#').next().unwrap_or_default().trim();
        if inside && is_plain(value) {
            found.push(value.to_owned());
        }
    }
    found
}

fn at<'a>(root: &'a Value, keys: &[&str]) -> Option<&'a Value> {
    keys.iter().try_fold(root, |value, key| value.get(key))
}

fn strings(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).map(|text| text.trim().to_owned()).collect()
}

/// Turns Poetry's table of names and versions into pip's notation; what it cannot say is installed in any version.
fn poetry(value: Option<&Value>) -> Vec<String> {
    let entries = value.and_then(Value::as_table).into_iter().flatten();
    let named = entries.filter(|(name, _)| !name.eq_ignore_ascii_case("python"));
    named
        .filter_map(|(name, value)| {
            let version = match value {
                Value::String(version) => version.as_str(),
                Value::Table(table) if table.contains_key("path") || table.contains_key("git") => return None,
                Value::Table(table) => table.get("version").and_then(Value::as_str).unwrap_or("*"),
                _ => "*",
            };
            Some(match version.trim() {
                "*" | "" => name.clone(),
                version if version.starts_with(['>', '<', '=', '!']) => format!("{name}{version}"),
                version => match version.strip_prefix(['^', '~']) {
                    Some(least) => format!("{name}>={least}"),
                    None => format!("{name}=={version}"),
                },
            })
        })
        .collect()
}

/// Tells whether a text is a requirement by name, and not an option, an address or a path.
fn is_plain(text: &str) -> bool {
    text.len() <= 200
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !text.contains("://")
        && !text.contains('@')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || " ._-[],<>=!~;'\"()*+".contains(c))
}
