//! Where running or using a project begins, and the pages that are found by their files.

use vdo_core::path::RepoPath;
use vdo_core::summary::{EntryKind, EntryPoint, Route};

use super::class::{is_aside, is_test};
use super::manifests::{Found, Ground};
use super::signs::Start;
use super::{FileSigns, class};

/// Returns the entry points: what manifests name first, then what starts by itself, the nearest to the root first.
pub(super) fn entries(ground: &Ground<'_>, files: &[FileSigns<'_>], found: &Found) -> Vec<EntryPoint> {
    let mut entries: Vec<EntryPoint> = Vec::new();
    let own = files.iter().filter(|file| !is_test(file.path) && !is_aside(file.path.as_str()));
    let mut scripts = Vec::new();
    for file in own {
        let name = file.path.file_name();
        if matches!(name, "setup.py" | "build.rs" | "gradlew" | "mvnw" | "conftest.py" | "noxfile.py") {
            continue;
        }
        let is_executable =
            || ground.tree.get(file.path).is_some_and(|entry| entry.mode == vdo_core::content::Mode::Executable);
        let kind = match (file.signs.start, file.language) {
            (Some(Start::Server), _) => EntryKind::Server,
            (Some(Start::Main), Some("python")) if name != "__main__.py" => EntryKind::Script,
            (Some(Start::Main), _) => EntryKind::Binary,
            (None, _) if matches!(name, "__main__.py") => EntryKind::Binary,
            (None, Some("html")) if name == "index.html" => EntryKind::WebPage,
            (None, _) if file.signs.shebang.is_some() && is_executable() => EntryKind::Script,
            _ => continue,
        };
        let entry = EntryPoint { path: file.path.clone(), kind, name: None };
        if kind == EntryKind::Script { scripts.push(entry) } else { entries.push(entry) }
    }
    let depth = |entry: &EntryPoint| entry.path.ancestors().count();
    entries.sort_by_key(|entry| (entry.kind, depth(entry)));
    scripts.sort_by_key(depth);
    let mut all = found.entries.clone();
    all.retain(|entry| !is_aside(entry.path.as_str()) && !is_test(&entry.path));
    all.sort_by_key(|entry| (entry.kind == EntryKind::Container, entry.kind == EntryKind::WebPage));
    let (mut all, late): (Vec<_>, Vec<_>) = all.into_iter().partition(|entry| entry.kind != EntryKind::Container);
    all.extend(entries);
    all.extend(late);
    all.extend(scripts);
    merged(all)
}

/// Joins what is said of one file: the name of one and the more telling kind.
fn merged(all: Vec<EntryPoint>) -> Vec<EntryPoint> {
    let mut out: Vec<EntryPoint> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for entry in all {
        let key = (entry.path.clone(), entry.kind == EntryKind::Container);
        match places.get(&key).and_then(|at: &usize| out.get_mut(*at)) {
            Some(known) if known.name.is_none() || entry.name.is_none() || known.name == entry.name => {
                known.kind = known.kind.min(entry.kind);
                known.name = known.name.take().or(entry.name);
            }
            Some(_) => out.push(entry),
            None => {
                places.insert(key, out.len());
                out.push(entry);
            }
        }
    }
    out
}

/// Returns the route of a page or handler that is found by its file: Next.js, SvelteKit, Nuxt.
pub(super) fn page(path: &RepoPath) -> Option<Route> {
    let whole = path.as_str();
    let (stem, extension) = path.file_name().rsplit_once('.')?;
    let is_script = matches!(extension, "js" | "jsx" | "ts" | "tsx" | "mdx" | "vue" | "svelte");
    let below = |root: &str| {
        let at = class::folder(whole);
        let found = at == root
            || at.starts_with(&format!("{root}/"))
            || at.ends_with(&format!("/{root}"))
            || at.contains(&format!("/{root}/"));
        let start = if at == root || at.starts_with(&format!("{root}/")) {
            root.len()
        } else {
            at.find(&format!("/{root}"))? + root.len() + 1
        };
        found.then(|| at.get(start..).unwrap_or_default().to_owned())
    };
    if !is_script {
        return None;
    }
    let (method, pattern) = match stem {
        "page" if extension != "vue" => ("PAGE", below("app")?),
        "route" if extension != "vue" => ("ANY", below("app")?),
        "+page" => ("PAGE", below("routes")?),
        "+server" => ("ANY", below("routes")?),
        stem if matches!(extension, "tsx" | "jsx" | "ts" | "js") && !stem.starts_with('_') => {
            let at = below("pages").filter(|_| class::folder(whole).ends_with("pages") || whole.contains("pages/"))?;
            // A folder of this name is one of Next.js only at the top of a project.
            let root = whole.split("pages/").next().unwrap_or_default();
            if !(root.is_empty() || root == "src/") {
                return None;
            }
            let name = if stem == "index" { String::new() } else { format!("/{stem}") };
            (if at.starts_with("/api") { "ANY" } else { "PAGE" }, format!("{at}{name}"))
        }
        _ => return None,
    };
    // Groups in parentheses are no part of the address.
    let parts = pattern.split('/').filter(|part| !part.is_empty() && !part.starts_with('('));
    let pattern = format!("/{}", parts.collect::<Vec<_>>().join("/"));
    Some(Route { method: method.to_owned(), pattern, path: path.clone(), line: 1 })
}
