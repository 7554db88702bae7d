//! Rust: `Cargo.toml`.

use toml::{Table, Value};
use vdo_core::path::RepoPath;
use vdo_core::summary::EntryKind;

use super::{Found, Ground, MAX_ITEMS, Package, below, resolved};

pub(super) fn manifest(ground: &Ground<'_>, path: &RepoPath, at: &str, text: &str, found: &mut Found) {
    let Ok(table) = text.parse::<Table>() else { return };
    let workspace = table.get("workspace").and_then(Value::as_table);
    let shared = workspace.and_then(|workspace| workspace.get("package")).and_then(Value::as_table);
    let package = table.get("package").and_then(Value::as_table);
    for about in [shared, package].into_iter().flatten() {
        for (key, what) in [("edition", "Rust edition"), ("rust-version", "oldest Rust")] {
            let known = found.conventions.iter().any(|known| known.what == what);
            if let Some(value) = about.get(key).and_then(Value::as_str).filter(|_| !known) {
                found.convention(what, value, path);
            }
        }
    }
    let Some(package) = package else {
        if let Some(workspace) = workspace {
            let shared = workspace.get("dependencies").and_then(Value::as_table);
            shared.into_iter().flatten().take(MAX_ITEMS).filter(|(_, spec)| is_fetched(spec)).for_each(|(name, _)| {
                found.depend(name, false, path);
            });
        }
        return;
    };
    let word = |key: &str| package.get(key).and_then(Value::as_str);
    let mut own = Package { folder: at.to_owned(), ecosystem: "cargo", ..Package::default() };
    own.name = word("name").map(str::to_owned);
    own.about = word("description").map(crate::summary::sentence).unwrap_or_default();
    let mut tables: Vec<(&Table, bool)> = Vec::new();
    let kinds = [("dependencies", false), ("dev-dependencies", true), ("build-dependencies", true)];
    let targets = table.get("target").and_then(Value::as_table);
    let targets = targets.into_iter().flat_map(Table::values).filter_map(Value::as_table);
    for place in std::iter::once(&table).chain(targets) {
        tables.extend(kinds.iter().filter_map(|(key, dev)| Some((place.get(*key)?.as_table()?, *dev))));
    }
    for (dependencies, dev) in tables {
        for (name, spec) in dependencies.iter().take(MAX_ITEMS) {
            own.needs.push(spec.get("package").and_then(Value::as_str).unwrap_or(name).to_owned());
            if let Some(folder) = spec.get("path").and_then(Value::as_str) {
                own.folders.push(resolved(at, folder));
            }
            if is_fetched(spec) {
                found.depend(name, dev, path);
            }
        }
    }
    targets_of(ground, &table, at, own.name.as_deref(), found);
    found.packages.push(own);
}

fn is_fetched(spec: &Value) -> bool {
    spec.as_table().is_none_or(|spec| !spec.contains_key("path"))
}

/// Finds programs and the library.
fn targets_of(ground: &Ground<'_>, table: &Table, at: &str, name: Option<&str>, found: &mut Found) {
    let lib = table.get("lib").and_then(|lib| lib.get("path")).and_then(Value::as_str);
    ground.enter(found, &below(at, lib.unwrap_or("src/lib.rs")), EntryKind::Library, name);
    let bins = table.get("bin").and_then(Value::as_array);
    let mut named = false;
    for bin in bins.into_iter().flatten().take(MAX_ITEMS) {
        let called = bin.get("name").and_then(Value::as_str);
        let usual = called.map(|called| format!("src/bin/{called}.rs"));
        let place = bin.get("path").and_then(Value::as_str).map(str::to_owned).or(usual).unwrap_or_default();
        let place = if ground.has(&below(at, &place)) { place } else { "src/main.rs".to_owned() };
        named |= place == "src/main.rs";
        ground.enter(found, &below(at, &place), EntryKind::Binary, called);
    }
    if !named {
        ground.enter(found, &below(at, "src/main.rs"), EntryKind::Binary, name);
    }
}

/// Reads the aliases of `.cargo/config.toml`.
pub(super) fn aliases(path: &RepoPath, text: &str, found: &mut Found) {
    let Ok(table) = text.parse::<Table>() else { return };
    let aliases = table.get("alias").and_then(Value::as_table);
    for (name, run) in aliases.into_iter().flatten().take(MAX_ITEMS) {
        let words = run.as_array().map(|words| words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "));
        let run = run.as_str().map(str::to_owned).or(words).unwrap_or_default();
        found.command(format!("cargo {name}"), &format!("cargo {run}"), path);
    }
}
