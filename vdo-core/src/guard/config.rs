//! The settings of test runners, and whether they still run what they ran.

use serde_json::Value;

use super::{Report, Touched, View, short};
use crate::findings::{Finding, Severity};
use crate::plan::cannot_fail;

pub(super) fn look(view: &View<'_>, findings: &mut Vec<Finding>) {
    if view.job.mentions(&["pytest config", "test config", "jest config", "test script", "tox"]) {
        return;
    }
    for file in &view.files {
        match file.path.file_name() {
            "package.json" => package(file, findings),
            "Makefile" | "makefile" | "GNUmakefile" | "justfile" => recipes(file, findings),
            "Cargo.toml" => narrowed(file, &["autotests = false", "test = false", "doctest = false"], findings),
            _ if is_settings(file) => narrowed(file, NARROWING, findings),
            _ => {}
        }
    }
}

/// What keeps a runner from tests it would find.
const NARROWING: &[&str] = &[
    "collect_ignore",
    "--ignore",
    "--deselect",
    "-k not",
    "-k \"not",
    "-k 'not",
    "not_run",
    "testpathignorepatterns",
    "pytest.exit(",
    "os._exit(0",
    "sys.exit(0",
    "passwithnotests",
    "--no-tests=pass",
    "allow_failure",
    "items.clear(",
    "items[:] =",
    "items[:]=",
    "del items",
    "pytest_ignore_collect",
    "--exitfirst=0",
    "exitstatus = 0",
    "exitstatus=0",
];

fn is_settings(file: &Touched<'_>) -> bool {
    let name = file.path.file_name();
    matches!(
        name,
        "conftest.py"
            | "pytest.ini"
            | ".pytest.ini"
            | "tox.ini"
            | "setup.cfg"
            | "pyproject.toml"
            | ".mocharc.json"
            | ".mocharc.yml"
            | "nextest.toml"
    ) || ["jest.config.", "vitest.config.", "vite.config.", ".mocharc."].iter().any(|start| name.starts_with(start))
}

fn narrowed(file: &Touched<'_>, words: &[&str], findings: &mut Vec<Finding>) {
    let count = |text: &str, word: &str| text.to_lowercase().matches(word).count();
    let before = file.before.unwrap_or_default();
    for (line, text) in file.added() {
        let is_comment = text.trim_start().starts_with(['#', ';']) || text.trim_start().starts_with("//");
        let lower = text.to_lowercase();
        let Some(word) = words.iter().find(|word| lower.contains(*word)) else { continue };
        if is_comment || count(before, word) >= count(file.after.unwrap_or_default(), word) {
            continue;
        }
        let report = Report { by: "test-config", severity: Severity::Blocker, file: file.path, line: Some(line) };
        findings.push(
            report.says(format!("tests are kept from running: {}", short(text)), "take it out, and mend what fails"),
        );
        return;
    }
    testpaths(file, findings);
}

/// `testpaths` that names other places than before.
fn testpaths(file: &Touched<'_>, findings: &mut Vec<Finding>) {
    let of = |text: Option<&str>| {
        let line = text?.lines().find(|line| line.trim_start().starts_with("testpaths"))?;
        line.split_once('=').map(|(_, value)| value.trim().to_owned())
    };
    let (was, is) = (of(file.before), of(file.after));
    let Some(is) = is.filter(|is| was.as_ref() != Some(is) && file.before.is_some()) else { return };
    let kept =
        was.as_deref().unwrap_or_default().split([' ', ',', '[', ']', '"', '\'']).filter(|part| !part.is_empty());
    let lost: Vec<&str> = kept.filter(|part| !is.contains(*part)).collect();
    if was.is_some() && lost.is_empty() {
        return;
    }
    let report = Report { by: "test-config", severity: Severity::Major, file: file.path, line: None };
    findings.push(
        report.says(format!("tests are looked for in other places now: {}", short(&is)), "put it back as it was"),
    );
}

/// The test script of a `package.json`, and jest's settings in it.
fn package(file: &Touched<'_>, findings: &mut Vec<Finding>) {
    let read = |text: Option<&str>| serde_json::from_str::<Value>(text?).ok();
    let (Some(before), Some(after)) = (read(file.before), read(file.after)) else { return };
    let script =
        |value: &Value| value.pointer("/scripts/test").and_then(Value::as_str).unwrap_or_default().trim().to_owned();
    let (was, is) = (script(&before), script(&after));
    let report = |severity| Report { by: "test-config", severity, file: file.path, line: None };
    if was.is_empty() || was.contains("no test specified") || was == is {
        let ignores = |value: &Value| value.pointer("/jest/testPathIgnorePatterns").cloned();
        if ignores(&after).is_some() && ignores(&before) != ignores(&after) {
            findings.push(
                report(Severity::Blocker).says("jest is told to pass tests over".to_owned(), "put it back as it was"),
            );
        }
        return;
    }
    const RUNNERS: &[&str] =
        &["jest", "vitest", "mocha", "node --test", "ava", "tap", "karma", "playwright", "cypress", "tsc", "test"];
    let runs = |text: &str| RUNNERS.iter().any(|runner| text.contains(runner));
    let masks = |text: &str| {
        ["|| true", "|| exit 0", "; true", "; exit 0", "passWithNoTests", "|| :", "|| echo"]
            .iter()
            .any(|mask| text.contains(mask))
    };
    if is.is_empty() || cannot_fail(&is) || (masks(&is) && !masks(&was)) || (runs(&was) && !runs(&is)) {
        findings.push(report(Severity::Blocker).says(
            format!("the test script {was:?} became {is:?}, which shows nothing"),
            "put the script back as it was",
        ));
    } else if is.len() < was.len() && was.starts_with(is.as_str()) {
        findings.push(
            report(Severity::Major)
                .says(format!("the test script {was:?} became {is:?}"), "put the script back as it was"),
        );
    }
}

/// A target for checks whose recipe does nothing any more.
fn recipes(file: &Touched<'_>, findings: &mut Vec<Finding>) {
    let (Some(before), Some(after)) = (file.before, file.after) else { return };
    for target in ["test", "tests", "check", "lint", "ci", "verify"] {
        let Some(was) = recipe(before, target) else { continue };
        let real = |lines: &[&str]| lines.iter().any(|line| !cannot_fail(line) && !line.starts_with('-'));
        if !real(&was) {
            continue;
        }
        let is = recipe(after, target);
        if is.as_ref().is_none_or(|lines| !real(lines)) {
            let report = Report { by: "test-config", severity: Severity::Blocker, file: file.path, line: None };
            findings.push(report.says(
                format!("the target {target:?} does nothing any more; it was: {}", short(&was.join("; "))),
                "put the recipe back as it was",
            ));
        }
    }
}

fn recipe<'a>(text: &'a str, target: &str) -> Option<Vec<&'a str>> {
    let mut lines = text.lines().skip_while(|line| {
        !line.strip_prefix(target).is_some_and(|rest| rest.trim_start().starts_with(':') && !rest.contains(":="))
    });
    let head = lines.next()?;
    // What it depends on may do the work.
    let needs = head
        .split_once(':')
        .map(|(_, needs)| needs.trim())
        .filter(|needs| !needs.is_empty() && !needs.starts_with('='));
    let own = lines.take_while(|line| line.starts_with(['\t', ' '])).map(|line| line.trim().trim_start_matches('@'));
    Some(needs.into_iter().chain(own.filter(|line| !line.is_empty())).collect())
}
