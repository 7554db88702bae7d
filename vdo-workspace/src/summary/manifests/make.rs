//! Files that name commands: make, just, rake, Docker, compose, Procfile, CMake.

use vdo_core::path::RepoPath;
use vdo_core::summary::{EntryKind, EntryPoint};

use super::{Found, MAX_ITEMS};

fn there(verb: &str, at: &str) -> String {
    if at.is_empty() { verb.to_owned() } else { format!("{verb} -C {at}") }
}

pub(super) fn make(path: &RepoPath, at: &str, text: &str, found: &mut Found) {
    let mut lines = text.lines().take(20_000).peekable();
    let (mut is_defining, mut count) = (false, 0);
    let mut seen: Vec<&str> = Vec::new();
    while let Some(line) = lines.next() {
        is_defining = (is_defining || line.starts_with("define ")) && !line.starts_with("endef");
        let Some((targets, rest)) = line.split_once(':') else { continue };
        let is_rule = !is_defining
            && !rest.starts_with('=')
            && !rest.starts_with(":=")
            && !line.starts_with(['\t', ' ', '#', '.']);
        let plain = |name: &&str| {
            name.len() < 40
                && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
                && name.chars().any(char::is_alphabetic)
        };
        if !is_rule || targets.contains(['=', '$', '%', '/']) {
            continue;
        }
        let told = rest.split_once("##").map(|(_, told)| told.trim());
        let recipe =
            lines.peek().and_then(|next| next.strip_prefix('\t')).map(|run| run.trim_start_matches(['@', '-', '+']));
        for name in targets.split_whitespace().filter(plain).take(MAX_ITEMS) {
            if count < MAX_ITEMS && !seen.contains(&name) {
                let needs = rest.split("##").next().unwrap_or_default().trim();
                found.command(format!("{} {name}", there("make", at)), told.or(recipe).unwrap_or(needs), path);
                seen.push(name);
                count += 1;
            }
        }
    }
    let of = |name: &str| seen.contains(&name);
    if let Some(name) = ["test", "check", "tests"].into_iter().find(|name| of(name)) {
        found.usually(&format!("{} {name}", there("make", at)));
    }
}

pub(super) fn just(path: &RepoPath, at: &str, text: &str, found: &mut Found) {
    let place = if at.is_empty() { String::new() } else { format!("cd {at} && ") };
    let (mut told, mut lines) = ("", text.lines().take(20_000).peekable());
    while let Some(line) = lines.next() {
        if let Some(comment) = line.strip_prefix('#') {
            told = comment.trim();
            continue;
        }
        let is_rule = !line.starts_with([' ', '\t', '[', '@']) && line.contains(':') && !line.contains(":=");
        let name = line.split([':', ' ']).next().unwrap_or_default();
        if is_rule && !name.is_empty() && !matches!(name, "set" | "alias" | "import" | "export" | "mod") {
            let recipe = lines.peek().map_or("", |next| next.trim().trim_start_matches('@'));
            found.command(format!("{place}just {name}"), if told.is_empty() { recipe } else { told }, path);
        }
        told = "";
    }
}

pub(super) fn rake(path: &RepoPath, text: &str, found: &mut Found) {
    let mut told = String::new();
    for line in text.lines().take(5000) {
        let bare = line.trim();
        if let Some(rest) = bare.strip_prefix("desc ") {
            told = rest.trim_matches(['\'', '"']).to_owned();
        }
        let Some(rest) = bare.strip_prefix("task ").or_else(|| bare.strip_prefix("task(")) else { continue };
        let rest = rest.trim_start_matches([':', '\'', '"']);
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let name = rest.get(..end).unwrap_or_default();
        if !name.is_empty() {
            let needs = rest.split_once("=>").map_or(String::new(), |(_, needs)| needs.trim().to_owned());
            let run = std::mem::take(&mut told);
            let name = if name == "default" { "rake".to_owned() } else { format!("rake {name}") };
            found.command(name, if run.is_empty() { &needs } else { &run }, path);
        }
    }
}

pub(super) fn docker(path: &RepoPath, text: &str, found: &mut Found) {
    let lines = text.lines().take(2000).filter_map(|line| line.trim().strip_prefix("FROM "));
    let mut stages: Vec<&str> = Vec::new();
    let mut base = None;
    for mut words in lines.map(str::split_whitespace) {
        let from = words.find(|word| !word.starts_with("--"));
        // A stage that goes on from another one has its base.
        base = from.filter(|from| !stages.contains(from)).or(base);
        stages.extend(words.nth(1));
    }
    let name = base.map(|base| format!("from {}", super::cut(base, 60)));
    found.entries.push(EntryPoint { path: path.clone(), kind: EntryKind::Container, name });
}

pub(super) fn compose(path: &RepoPath, text: &str, found: &mut Found) {
    let mut in_services = false;
    let mut depth = None;
    let mut services: Vec<&str> = Vec::new();
    for line in text.lines().take(5000).filter(|line| !line.trim_start().starts_with('#')) {
        let indent = line.len() - line.trim_start().len();
        if indent == 0 && !line.trim().is_empty() {
            in_services = line.starts_with("services:");
            continue;
        }
        if in_services && !line.trim().is_empty() && *depth.get_or_insert(indent) == indent {
            services.extend(line.trim().strip_suffix(':'));
        }
    }
    services.truncate(12);
    let name = (!services.is_empty()).then(|| super::cut(&services.join(", "), 120));
    found.entries.push(EntryPoint { path: path.clone(), kind: EntryKind::Container, name });
}

pub(super) fn procfile(path: &RepoPath, text: &str, found: &mut Found) {
    for (name, run) in text.lines().take(100).filter_map(|line| line.split_once(':')) {
        if !name.starts_with('#') {
            found.command(format!("{} (Procfile)", name.trim()), run, path);
        }
    }
}

pub(super) fn cmake(path: &RepoPath, at: &str, text: &str, found: &mut Found) {
    if at.is_empty() && (text.contains("enable_testing(") || text.contains("include(CTest)")) {
        found.usually("ctest --test-dir build");
    }
    if !at.is_empty() {
        return;
    }
    for line in text.lines().take(20_000).map(str::trim) {
        let lower = line.to_ascii_lowercase();
        if let Some(rest) =
            lower.strip_prefix("set(cmake_cxx_standard ").or_else(|| lower.strip_prefix("set(cmake_c_standard "))
        {
            let what = if lower.contains("cxx") { "C++ standard" } else { "C standard" };
            found.convention(what, rest.split([')', ' ']).next().unwrap_or_default(), path);
        }
    }
}
