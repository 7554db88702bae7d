//! JavaScript: `package.json` and the paths of `tsconfig.json`.

use serde_json::Value;
use vdo_core::path::RepoPath;
use vdo_core::summary::EntryKind;

use super::{Alias, Found, Ground, MAX_ITEMS, Package, resolved};

pub(super) fn manifest(ground: &Ground<'_>, path: &RepoPath, at: &str, text: &str, found: &mut Found) {
    let Ok(package) = serde_json::from_str::<Value>(text) else { return };
    let word = |key: &str| package.get(key).and_then(Value::as_str);
    let mut own = Package { folder: at.to_owned(), ecosystem: "npm", ..Package::default() };
    own.name = word("name").map(str::to_owned);
    own.about = word("description").map(crate::summary::sentence).unwrap_or_default();
    for (key, dev) in [("dependencies", false), ("peerDependencies", false), ("devDependencies", true)] {
        let named = package.get(key).and_then(Value::as_object);
        for (name, version) in named.into_iter().flatten().take(MAX_ITEMS) {
            own.needs.push(name.clone());
            let is_local = version.as_str().is_some_and(|version| {
                ["workspace:", "file:", "link:", "portal:"].iter().any(|start| version.starts_with(start))
            });
            if !is_local {
                found.depend(name, dev, path);
            }
        }
    }
    let manager = manager(ground, word("packageManager"));
    let scripts = package.get("scripts").and_then(Value::as_object);
    for (name, run) in scripts.into_iter().flatten().take(MAX_ITEMS) {
        let Some(run) = run.as_str().filter(|run| !run.contains("no test specified")) else { continue };
        let is_own = matches!(name.as_str(), "test" | "start") || manager != "npm";
        let verb = if is_own { manager.to_owned() } else { format!("{manager} run") };
        let place = if at.is_empty() { String::new() } else { format!("cd {at} && ") };
        found.command(format!("{place}{verb} {name}"), run, path);
    }
    entries(ground, &package, at, own.name.as_deref(), found);
    if let Some(node) = package.pointer("/engines/node").and_then(Value::as_str).filter(|_| at.is_empty()) {
        found.convention("Node", node, path);
    }
    if let Some(kind) = word("type").filter(|_| at.is_empty()) {
        found.convention("JavaScript modules", if kind == "module" { "ES modules" } else { "CommonJS" }, path);
    }
    if let Some(manager) = word("packageManager") {
        found.convention("package manager", manager, path);
    }
    found.packages.push(own);
}

/// Returns who installs packages here.
fn manager(ground: &Ground<'_>, named: Option<&str>) -> &'static str {
    let named = named.and_then(|named| named.split('@').next());
    let by_name = ["npm", "pnpm", "yarn", "bun"].into_iter().find(|manager| named == Some(*manager));
    let locks = [("pnpm-lock.yaml", "pnpm"), ("yarn.lock", "yarn"), ("bun.lockb", "bun"), ("bun.lock", "bun")];
    let by_lock = locks.into_iter().find(|(lock, _)| ground.has(lock)).map(|(_, manager)| manager);
    by_name.or(by_lock).unwrap_or("npm")
}

fn entries(ground: &Ground<'_>, package: &Value, at: &str, name: Option<&str>, found: &mut Found) {
    let here = |relative: &str| resolved(at, relative);
    match package.get("bin") {
        Some(Value::String(place)) => ground.enter(found, &here(place), EntryKind::Binary, name),
        Some(Value::Object(bins)) => {
            for (called, place) in bins.iter().take(20) {
                let place = place.as_str().unwrap_or_default();
                ground.enter(found, &here(place), EntryKind::Binary, Some(called));
            }
        }
        _ => {}
    }
    let main = package.pointer("/exports/./import").or_else(|| package.get("module")).or_else(|| package.get("main"));
    let main = main.and_then(Value::as_str).map(here).filter(|place| ground.has(place));
    // What is built from sources is not there; the usual place of the sources is.
    let usual = [
        "src/index.ts",
        "src/index.tsx",
        "src/index.js",
        "src/node/index.ts",
        "src/main.ts",
        "src/main.tsx",
        "index.js",
        "index.ts",
    ];
    let built = ["main", "module", "exports"].iter().any(|key| package.get(*key).is_some());
    let usual = usual.into_iter().map(here).find(|place| ground.has(place)).filter(|_| built);
    if let Some(place) = main.or(usual) {
        ground.enter(found, &place, EntryKind::Library, name);
    }
}

/// Reads what stands for which folder in imports.
pub(super) fn paths(at: &str, text: &str, found: &mut Found) {
    let Ok(config) = serde_json::from_str::<Value>(&without_comments(text)) else { return };
    let base = config.pointer("/compilerOptions/baseUrl").and_then(Value::as_str).unwrap_or(".");
    let paths = config.pointer("/compilerOptions/paths").and_then(Value::as_object);
    for (prefix, targets) in paths.into_iter().flatten().take(MAX_ITEMS) {
        let Some(target) = targets.get(0).and_then(Value::as_str) else { continue };
        let target = resolved(at, &format!("{base}/{}", target.trim_end_matches('*')));
        let prefix = prefix.trim_end_matches('*').to_owned();
        if !prefix.is_empty() {
            found.aliases.push(Alias { folder: at.to_owned(), prefix, target });
        }
    }
}

/// Returns JSON without comments and without commas before brackets.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut in_text = false;
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                in_text = !in_text;
                out.push(c);
            }
            '\\' if in_text => {
                out.push(c);
                out.extend(chars.next());
            }
            '/' if !in_text && chars.peek() == Some(&'/') => {
                chars.by_ref().find(|c| *c == '\n');
            }
            '/' if !in_text && chars.peek() == Some(&'*') => {
                let mut last = ' ';
                chars.by_ref().skip(1).find(|c| std::mem::replace(&mut last, *c) == '*' && *c == '/');
            }
            '}' | ']' if !in_text => {
                let kept = out.trim_end().trim_end_matches(',').len();
                out.truncate(kept);
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}
