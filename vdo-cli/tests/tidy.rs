//! Checks the house itself: floors, walls, headers, and who may depend on whom.

#![allow(clippy::unwrap_used)]
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The modules of vdo-core from the ground up. A module imports only those before it.
const ORDER: &[(&str, &[&str])] = &[
    (
        "values",
        &[
            "id",
            "path",
            "content",
            "usage",
            "money",
            "time",
            "tries",
            "pace",
            "failure",
            "message",
            "candidate",
            "budget",
            "health",
            "check",
            "compare",
            "task",
            "job",
            "conflict",
            "findings",
            "event",
            "file",
            "structure",
            "syntax",
            "schema",
            "contents",
            "summary",
        ],
    ),
    ("algebra", &["tree", "lineage", "diff", "rename", "patch", "merge", "provenance", "edit"]),
    ("ports", &["port"]),
    (
        "judgement",
        &[
            "reply", "plan", "context", "rules", "output", "prompt", "guard", "precheck", "models", "route", "spend",
            "retry", "schedule",
        ],
    ),
    ("run", &["run"]),
    ("engine", &["engine"]),
    ("testing", &["testing"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path.file_name().unwrap() != "target" && !path.ends_with(".git") {
                files.extend(rust_files(&path));
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The text before the tests that stand in the file.
fn before_tests(text: &str) -> &str {
    text.split("\n#[cfg(test)]").next().unwrap()
}

#[test]
fn floors_of_the_core_import_downwards_only() {
    let order: Vec<&str> = ORDER.iter().flat_map(|(_, modules)| *modules).copied().collect();
    let rank: BTreeMap<&str, usize> = order.iter().enumerate().map(|(at, name)| (*name, at)).collect();
    let src = root().join("vdo-core/src");
    let mut wrong = Vec::new();
    for file in rust_files(&src) {
        let inner = file.strip_prefix(&src).unwrap();
        let module =
            inner.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned();
        let is_test = inner.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs");
        if module == "lib" || is_test {
            continue;
        }
        let Some(own) = rank.get(module.as_str()) else {
            wrong.push(format!("{module} has no place in the order of modules"));
            continue;
        };
        let text = std::fs::read_to_string(&file).unwrap();
        for line in before_tests(&text).lines().filter(|line| !line.trim_start().starts_with("//")) {
            for part in line.split("crate::").skip(1) {
                let names: Vec<&str> = match part.strip_prefix('{') {
                    Some(list) => list.split(',').collect(),
                    None => vec![part],
                };
                for name in names {
                    let name: String = name.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                    if rank.get(name.as_str()).is_some_and(|other| other > own) {
                        wrong.push(format!("{} imports {name}, which stands above it", inner.display()));
                    }
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn every_source_file_says_what_it_is_and_stays_below_the_wall() {
    let mut wrong = Vec::new();
    for file in rust_files(&root()) {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file.strip_prefix(root()).unwrap().display().to_string();
        if !text.starts_with("//!") && !name.ends_with("/tests.rs") {
            wrong.push(format!("{name} has no header"));
        }
        let is_test = name.contains("/tests/") || name.ends_with("/tests.rs");
        let lines = before_tests(&text).lines().count();
        if !is_test && lines > 500 {
            wrong.push(format!("{name} has {lines} lines before its tests"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn unsafe_code_is_allowed_in_one_place_only() {
    let mut allowed = Vec::new();
    for file in rust_files(&root()) {
        let text = std::fs::read_to_string(&file).unwrap();
        if text.contains(&format!("allow({}", "unsafe_code")) && !file.ends_with("tidy.rs") {
            allowed.push(file.strip_prefix(root()).unwrap().display().to_string());
        }
    }
    assert_eq!(allowed.len(), 1, "{allowed:?}");
    assert!(allowed[0].starts_with("vdo-workspace/src/sandbox/"), "{allowed:?}");
}

fn tree(package: &str) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--prefix",
            "none",
            "--format",
            "{p}",
            "-e",
            "normal",
            "--all-features",
            "-p",
            package,
        ])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn the_core_knows_no_runtime_network_database_git_parser_or_face() {
    let banned = ["tokio", "reqwest", "hyper", "sea-orm", "sqlx", "git2", "tree-sitter", "axum", "clap", "pyo3", "mio"];
    let found: Vec<String> = tree("vdo-core")
        .into_iter()
        .filter(|name| banned.contains(&name.as_str()) || name.starts_with("gix") || name.starts_with("sqlx-"))
        .collect();
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn siblings_do_not_depend_on_each_other() {
    for (package, allowed) in [("vdo-core", 1), ("vdo-providers", 2), ("vdo-store", 2), ("vdo-workspace", 2)] {
        let mut own: Vec<String> = tree(package).into_iter().filter(|name| name.starts_with("vdo-")).collect();
        own.sort();
        own.dedup();
        assert_eq!(own.len(), allowed, "{package} depends on {own:?}");
    }
}
