//! What a project's files show of how work is done there: tools that are set up, versions that are pinned, what most files do.

use std::collections::BTreeMap;

use vdo_core::path::RepoPath;
use vdo_core::summary::{Convention, Listed};

use super::FileSigns;
use super::class::{is_aside, is_test};
use super::manifests::{Found, Ground};

/// How many are told.
const MAX_CONVENTIONS: usize = 40;
/// How much of a kind must agree, in percent, to be told as one, and how many lines are too few to tell.
const CLEAR: u32 = 80;
const FEW: u32 = 200;

/// Files that say something by being there: name, what about, how.
const NAMED: &[(&str, &str, &str)] = &[
    ("AGENTS.md", "rules for agents", "AGENTS.md"),
    ("CLAUDE.md", "rules for agents", "CLAUDE.md"),
    ("CONTRIBUTING.md", "rules for contributors", "CONTRIBUTING.md"),
    (".github/CONTRIBUTING.md", "rules for contributors", "CONTRIBUTING.md"),
    ("CONTRIBUTING.rst", "rules for contributors", "CONTRIBUTING.rst"),
    (".pre-commit-config.yaml", "hooks before commits", "pre-commit"),
    ("lefthook.yml", "hooks before commits", "lefthook"),
    (".husky/pre-commit", "hooks before commits", "husky"),
    ("rustfmt.toml", "formatter", "rustfmt"),
    (".rustfmt.toml", "formatter", "rustfmt"),
    ("clippy.toml", "linter", "clippy"),
    ("deny.toml", "dependency policy", "cargo-deny"),
    (".prettierrc", "formatter", "prettier"),
    (".prettierrc.json", "formatter", "prettier"),
    (".prettierrc.js", "formatter", "prettier"),
    ("prettier.config.js", "formatter", "prettier"),
    (".oxfmtrc.json", "formatter", "oxfmt"),
    ("biome.json", "formatter and linter", "biome"),
    ("dprint.json", "formatter", "dprint"),
    ("eslint.config.js", "linter", "eslint"),
    ("eslint.config.mjs", "linter", "eslint"),
    ("eslint.config.ts", "linter", "eslint"),
    (".eslintrc.json", "linter", "eslint"),
    (".eslintrc.js", "linter", "eslint"),
    (".eslintrc.cjs", "linter", "eslint"),
    (".eslintrc.yml", "linter", "eslint"),
    (".eslintrc", "linter", "eslint"),
    ("ruff.toml", "formatter or linter", "ruff"),
    (".ruff.toml", "formatter or linter", "ruff"),
    (".flake8", "linter", "flake8"),
    (".pylintrc", "linter", "pylint"),
    ("mypy.ini", "type checker", "mypy"),
    ("pyrightconfig.json", "type checker", "pyright"),
    (".golangci.yml", "linter", "golangci-lint"),
    (".golangci.yaml", "linter", "golangci-lint"),
    (".rubocop.yml", "linter", "rubocop"),
    (".php-cs-fixer.php", "formatter", "php-cs-fixer"),
    (".php-cs-fixer.dist.php", "formatter", "php-cs-fixer"),
    ("pint.json", "formatter", "pint"),
    ("phpstan.neon", "static analysis", "phpstan"),
    ("phpstan.neon.dist", "static analysis", "phpstan"),
    ("phpstan/config.neon", "static analysis", "phpstan"),
    ("psalm.xml", "static analysis", "psalm"),
    (".clang-format", "formatter", "clang-format"),
    (".clang-tidy", "linter", "clang-tidy"),
    ("checkstyle.xml", "linter", "checkstyle"),
    ("config/checkstyle/checkstyle.xml", "linter", "checkstyle"),
    (".gitlab-ci.yml", "CI", "GitLab"),
    (".circleci/config.yml", "CI", "CircleCI"),
    (".travis.yml", "CI", "Travis"),
    ("azure-pipelines.yml", "CI", "Azure Pipelines"),
    ("Jenkinsfile", "CI", "Jenkins"),
    (".cirrus.yml", "CI", "Cirrus"),
    ("tsconfig.json", "types", "TypeScript"),
    ("renovate.json", "dependency updates", "Renovate"),
    (".github/dependabot.yml", "dependency updates", "Dependabot"),
    ("CHANGELOG.md", "change log", "CHANGELOG.md"),
    ("CHANGES.md", "change log", "CHANGES.md"),
    ("CHANGES.rst", "change log", "CHANGES.rst"),
];

pub(super) fn conventions(ground: &Ground<'_>, files: &[FileSigns<'_>], found: &Found) -> Listed<Convention> {
    let mut all: Vec<Convention> = Vec::new();
    let mut add = |what: &str, how: &str, path: Option<RepoPath>| {
        if !all
            .iter()
            .any(|known| known.what == what && (known.how == how || (path.is_none() && what == "indentation")))
        {
            all.push(Convention { what: what.to_owned(), how: how.chars().take(120).collect(), path });
        }
    };
    for (name, what, how) in NAMED {
        if let Some(path) = ground.path(name) {
            add(what, how, Some(path));
        }
    }
    for convention in &found.conventions {
        add(&convention.what, &convention.how, convention.path.clone());
    }
    for (name, what) in [
        (".nvmrc", "Node"),
        (".node-version", "Node"),
        (".python-version", "Python"),
        (".ruby-version", "Ruby"),
        ("rust-toolchain", "Rust toolchain"),
    ] {
        let version = ground.text(name).lines().next().unwrap_or_default().trim();
        if !version.is_empty() && version.len() < 40 {
            add(what, version, ground.path(name));
        }
    }
    let channel = ground.text("rust-toolchain.toml").lines().find_map(|line| line.trim().strip_prefix("channel"));
    if let Some(channel) = channel {
        add("Rust toolchain", channel.trim_matches(['=', ' ', '"', '\'']), ground.path("rust-toolchain.toml"));
    }
    if let Some((how, path)) = licence(ground) {
        add("licence", &how, Some(path));
    }
    let workflows: Vec<&str> = files
        .iter()
        .filter_map(|file| file.path.as_str().strip_prefix(".github/workflows/"))
        .filter(|name| name.ends_with(".yml") || name.ends_with(".yaml"))
        .collect();
    if !workflows.is_empty() {
        add("CI", &format!("GitHub Actions: {}", workflows.join(", ")), None);
    }
    if let Some(path) = ground.path(".editorconfig") {
        add("editor settings", &editor(ground.text(".editorconfig")), Some(path));
    }
    for (what, how) in counted(files) {
        add(&what, &how, None);
    }
    Listed::first(all, MAX_CONVENTIONS)
}

/// Returns what the general section of an `.editorconfig` says.
fn editor(text: &str) -> String {
    let general = text.split_once("[*]").map_or("", |(_, rest)| rest.split("\n[").next().unwrap_or_default());
    let mut said = Vec::new();
    for (key, value) in general.lines().filter_map(|line| line.split_once('=')) {
        if ["indent_style", "indent_size", "max_line_length", "end_of_line"].contains(&key.trim()) {
            said.push(format!("{} {}", key.trim().replace('_', " "), value.trim()));
        }
    }
    if said.is_empty() { ".editorconfig".to_owned() } else { said.join(", ") }
}

fn licence(ground: &Ground<'_>) -> Option<(String, RepoPath)> {
    const NAMES: [&str; 7] =
        ["LICENSE", "LICENSE.md", "LICENSE.txt", "LICENCE", "COPYING", "LICENSE-MIT", "LICENSE-APACHE"];
    const KNOWN: [(&str, &str); 12] = [
        ("Apache License", "Apache-2.0"),
        ("GNU AFFERO", "AGPL"),
        ("GNU LESSER", "LGPL"),
        ("GNU GENERAL PUBLIC", "GPL"),
        ("Mozilla Public License", "MPL-2.0"),
        ("Permission is hereby granted, free of charge", "MIT"),
        ("The MIT License", "MIT"),
        ("Redistributions in binary form", "BSD"),
        ("Redistribution and use in source and binary forms", "BSD"),
        ("BSD 3-Clause", "BSD-3-Clause"),
        ("ISC License", "ISC"),
        ("This is free and unencumbered", "Unlicense"),
    ];
    let path = NAMES.iter().find_map(|name| ground.path(name))?;
    let text: String = ground.text(path.as_str()).chars().take(4000).collect();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let known = KNOWN.iter().find(|(words, _)| text.contains(words)).map(|(_, name)| *name);
    Some((known.unwrap_or("see the file").to_owned(), path))
}

/// Returns what most files of a language do, where it is clear.
fn counted(files: &[FileSigns<'_>]) -> Vec<(String, String)> {
    let mut sums: BTreeMap<&str, ([u32; 3], [u32; 2], u64)> = BTreeMap::new();
    let own = files.iter().filter(|file| file.is_code() && !is_test(file.path) && !is_aside(file.path.as_str()));
    for file in own {
        let Some(language) = file.language else { continue };
        let (indents, quotes, lines) = sums.entry(language).or_default();
        for (sum, count) in indents.iter_mut().zip(file.signs.indents) {
            *sum = sum.saturating_add(count);
        }
        for (sum, count) in quotes.iter_mut().zip(file.signs.quotes) {
            *sum = sum.saturating_add(count);
        }
        *lines += u64::from(file.signs.lines);
    }
    let mut languages: Vec<_> = sums.into_iter().collect();
    languages.sort_by_key(|(name, (_, _, lines))| (std::cmp::Reverse(*lines), *name));
    let mut said = Vec::new();
    for (language, (indents, quotes, _)) in languages.into_iter().take(4) {
        let clear = |count: u32, sum: u32| sum >= FEW && u64::from(count) * 100 >= u64::from(sum) * u64::from(CLEAR);
        let [tabs, twos, fours] = indents;
        let sum = tabs.saturating_add(twos).saturating_add(fours);
        // Lines deeper than two spaces may have four; where two are common, two are meant.
        let spaces = if twos.saturating_mul(3) >= fours { "2 spaces" } else { "4 spaces" };
        let how = if clear(tabs, sum) {
            Some("tabs")
        } else if clear(twos.saturating_add(fours), sum) {
            Some(spaces)
        } else {
            None
        };
        if let Some(how) = how {
            said.push((format!("indentation of {language}"), how.to_owned()));
        }
        let [single, double] = quotes;
        let sum = single.saturating_add(double);
        for (count, how) in [(single, "single"), (double, "double")] {
            if clear(count, sum) {
                said.push((format!("quotes of {language}"), how.to_owned()));
            }
        }
    }
    said
}
