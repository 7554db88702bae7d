//! Files that run where no sandbox is, and files that belong to tools.

use super::{Report, View};
use crate::findings::{Finding, Severity};
use crate::path::RepoPath;

/// Returns what kind of file it is whose writing has to be planned by name: `a CI file` or `a git hook`; none for all others.
#[must_use]
pub fn refusal(path: &RepoPath) -> Option<&'static str> {
    if is_ci(path) {
        Some("a CI file")
    } else if is_hook(path) {
        Some("a git hook")
    } else {
        None
    }
}

fn is_ci(path: &RepoPath) -> bool {
    let text = path.folded();
    const FOLDERS: &[&str] = &[
        ".github/workflows/",
        ".github/actions/",
        ".circleci/",
        ".buildkite/",
        ".woodpecker/",
        ".gitlab/ci/",
        ".teamcity/",
        ".forgejo/workflows/",
        ".gitea/workflows/",
    ];
    const FILES: &[&str] = &[
        ".gitlab-ci.yml",
        ".gitlab-ci.yaml",
        ".travis.yml",
        "azure-pipelines.yml",
        "azure-pipelines.yaml",
        "jenkinsfile",
        "bitbucket-pipelines.yml",
        ".drone.yml",
        ".woodpecker.yml",
        "appveyor.yml",
        ".appveyor.yml",
        ".cirrus.yml",
        "cloudbuild.yaml",
        "buildspec.yml",
    ];
    FOLDERS.iter().any(|folder| text.starts_with(folder)) || FILES.contains(&text.as_str())
}

fn is_hook(path: &RepoPath) -> bool {
    let text = path.folded();
    const FOLDERS: &[&str] = &[".husky/", ".githooks/", ".git-hooks/", "githooks/", ".hooks/"];
    const FILES: &[&str] =
        &["lefthook.yml", "lefthook.yaml", ".lefthook.yml", ".huskyrc", ".huskyrc.json", ".gitconfig"];
    FOLDERS.iter().any(|folder| text.starts_with(folder)) || FILES.contains(&text.as_str())
}

fn is_environment(path: &RepoPath) -> bool {
    let name = path.file_name().to_lowercase();
    let sample = ["example", "sample", "template", "dist", "defaults", "test", "ci"];
    (name == ".env" || name.starts_with(".env.")) && !sample.iter().any(|word| name.ends_with(word))
}

/// A lock file, and the names of the manifests it is made from.
const LOCKS: &[(&str, &[&str])] = &[
    ("package-lock.json", &["package.json"]),
    ("npm-shrinkwrap.json", &["package.json"]),
    ("yarn.lock", &["package.json"]),
    ("pnpm-lock.yaml", &["package.json", "pnpm-workspace.yaml"]),
    ("bun.lock", &["package.json"]),
    ("cargo.lock", &["cargo.toml"]),
    ("poetry.lock", &["pyproject.toml"]),
    ("uv.lock", &["pyproject.toml"]),
    ("pdm.lock", &["pyproject.toml"]),
    ("pipfile.lock", &["pipfile"]),
    ("go.sum", &["go.mod"]),
    ("composer.lock", &["composer.json"]),
    ("gemfile.lock", &["gemfile"]),
];

pub(super) fn look(view: &View<'_>, findings: &mut Vec<Finding>) {
    for file in &view.files {
        let path = file.path;
        let report = |by, severity| Report { by, severity, file: path, line: None };
        let named = view.job.names(path.as_str()) || view.job.names(path.file_name());
        if is_ci(path) {
            let words = [
                "ci",
                "workflow",
                "pipeline",
                "github action",
                "actions",
                "travis",
                "circleci",
                "gitlab",
                "jenkins",
                "drone",
            ];
            if !named && !says_word(view, &words) {
                findings.push(report("ci-file", Severity::Blocker).says(
                    format!(
                        "{path} runs outside of the sandbox with the project's secrets, and the job does not ask for it"
                    ),
                    "put it back as it was",
                ));
            }
        } else if is_hook(path) {
            if !named && !view.job.mentions(&["hook", "husky", "lefthook"]) {
                findings.push(report("git-hook", Severity::Blocker).says(
                    format!(
                        "{path} runs on the machines of those who use the repository, and the job does not ask for it"
                    ),
                    "put it back as it was",
                ));
            }
        } else if is_environment(path) && file.is && !named && !view.job.mentions(&["dotenv", ".env"]) {
            findings.push(report("environment-file", Severity::Blocker).says(
                format!("{path} holds the settings and secrets of one machine, and the job does not ask for it"),
                "leave it out; name the settings in an example file or the documentation",
            ));
        }
        for (line, text) in hooks_path(file.path, &file.added()) {
            if !view.job.mentions(&["hook"]) {
                let report = Report { by: "git-hook", severity: Severity::Blocker, file: path, line: Some(line) };
                findings.push(report.says(
                    format!("git is told to run hooks from another folder: {}", super::short(text)),
                    "take the line out",
                ));
            }
        }
        lock(view, path, named, findings);
        look_alike(view, path, file.is, findings);
        hidden(path, &file.added(), findings);
    }
}

/// Letters that look like others, in Cyrillic and Greek.
#[rustfmt::skip]
const TWINS: &[(char, char)] = &[
    ('а', 'a'), ('е', 'e'), ('о', 'o'), ('р', 'p'), ('с', 'c'), ('х', 'x'), ('у', 'y'), ('і', 'i'), ('ѕ', 's'), ('ј', 'j'), ('ԁ', 'd'),
    ('һ', 'h'), ('ԛ', 'q'), ('ԝ', 'w'), ('ո', 'n'), ('ս', 'u'), ('ɡ', 'g'), ('ɩ', 'i'), ('ο', 'o'), ('ν', 'v'), ('α', 'a'), ('ι', 'i'),
    ('κ', 'k'), ('ρ', 'p'), ('τ', 't'), ('υ', 'u'), ('А', 'A'), ('В', 'B'), ('Е', 'E'), ('К', 'K'), ('М', 'M'), ('Н', 'H'), ('О', 'O'),
    ('Р', 'P'), ('С', 'C'), ('Т', 'T'), ('Х', 'X'),
];

/// A new path that looks like one that is there.
fn look_alike(view: &View<'_>, path: &RepoPath, is: bool, findings: &mut Vec<Finding>) {
    if !is || path.as_str().is_ascii() || view.change.before.get(path).is_some() {
        return;
    }
    let plain: String = path
        .as_str()
        .chars()
        .filter(|c| !is_invisible(*c))
        .map(|c| TWINS.iter().find(|(twin, _)| *twin == c).map_or(c, |(_, plain)| *plain))
        .collect();
    if plain != path.as_str() && view.change.after.0.contains_key(plain.as_str()) {
        findings.push(Report { by: "look-alike", severity: Severity::Blocker, file: path, line: None }.says(
            format!("the name reads like {plain}, and is another file"),
            "remove it; change the file that is meant",
        ));
    }
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Characters that turn the direction of a text, so that it reads otherwise than it runs.
fn hidden(path: &RepoPath, added: &[(u32, &str)], findings: &mut Vec<Finding>) {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let Some((line, _)) = added.iter().find(|(_, text)| text.contains(turns)) else { return };
    findings.push(Report { by: "hidden-text", severity: Severity::Blocker, file: path, line: Some(*line) }.says(
        "the line has characters that turn its direction: it reads otherwise than it runs".to_owned(),
        "take them out",
    ));
}

/// Returns the lines that set `core.hooksPath`, in what is no documentation.
fn hooks_path<'a>(path: &RepoPath, added: &[(u32, &'a str)]) -> Vec<(u32, &'a str)> {
    if matches!(path.extension(), Some("md" | "rst" | "txt")) {
        return Vec::new();
    }
    added.iter().copied().filter(|(_, line)| line.to_lowercase().contains("core.hookspath")).collect()
}

/// Returns whether one of the words stands in the job as a word of its own.
fn says_word(view: &View<'_>, words: &[&str]) -> bool {
    words.iter().any(|word| if word.len() < 3 { view.job.has_word(word) } else { view.job.mentions(&[word]) })
}

fn lock(view: &View<'_>, path: &RepoPath, named: bool, findings: &mut Vec<Finding>) {
    let name = path.file_name().to_lowercase();
    let Some((_, manifests)) = LOCKS.iter().find(|(lock, _)| *lock == name) else { return };
    let folder = path.ancestors().next().unwrap_or_default();
    let with_manifest = view.files.iter().any(|other| {
        let below = folder.is_empty() || other.path.as_str().starts_with(folder);
        below && manifests.contains(&other.path.file_name().to_lowercase().as_str())
    });
    let asked = view.job.mentions(&["lock", "bump", "upgrad", "updat", "dependenc", "audit", "vulnerab", "security"]);
    if with_manifest || named || asked {
        return;
    }
    let report = Report { by: "lock-file", severity: Severity::Major, file: path, line: None };
    findings.push(report.says(
        format!("{path} is made by a tool from {}, which did not change", manifests.join(" or ")),
        "put it back as it was; change the manifest if a dependency is needed",
    ));
}
