//! The events of `go test -json`, one JSON object on a line, and what `go test` prints without it.

use std::collections::BTreeSet;

use serde::Deserialize;
use vdo_core::check::TestStatus;

use super::{NO_TESTS, Tests};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Line {
    action: String,
    #[serde(default)]
    package: String,
    test: Option<String>,
    import_path: Option<String>,
}

/// Reads the verdicts. A package that failed without a failing test, as one that does not compile, counts as a failed test.
pub(super) fn parse(output: &str, tests: &mut Tests) {
    if output.lines().any(|line| line.starts_with("{\"") && line.contains("\"Action\":")) {
        events(output, tests);
    } else {
        plain(output, tests);
    }
}

fn events(output: &str, tests: &mut Tests) {
    let mut failed: BTreeSet<String> = BTreeSet::new();
    for line in output.lines().filter(|line| line.starts_with('{')) {
        let Ok(Line { action, package, test, import_path }) = serde_json::from_str::<Line>(line) else { continue };
        let status = match action.as_str() {
            "pass" => TestStatus::Passed,
            "fail" | "build-fail" => TestStatus::Failed,
            "skip" => TestStatus::Skipped,
            _ => continue,
        };
        match test {
            Some(test) => {
                if status == TestStatus::Failed {
                    failed.insert(package.clone());
                }
                tests.add(&format!("{package}::{test}"), status);
            }
            None if status == TestStatus::Failed => {
                let package = if package.is_empty() { import_path.unwrap_or_default() } else { package };
                if failed.insert(package.clone()) {
                    tests.add(&package, status);
                }
            }
            None => {}
        }
    }
    if tests.0.is_empty() {
        tests.add(NO_TESTS, TestStatus::Skipped);
    }
}

/// Reads `--- FAIL: TestX (0.00s)`, and `ok package 0.1s` for packages whose tests are not named.
fn plain(output: &str, tests: &mut Tests) {
    let mut packages: Vec<(String, TestStatus)> = Vec::new();
    let mut none = false;
    // The tests named since the last package ended belong to the next one that does.
    let mut named: Vec<(String, TestStatus)> = Vec::new();
    for line in output.lines() {
        if let Some((name, status)) = verdict(line.trim_start()) {
            if named.len() < super::MAX_TESTS {
                named.push((name.to_owned(), status));
            }
            continue;
        }
        let mut words = line.split('\t').map(str::trim);
        let (word, package) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (package, note) = package.split_once(' ').unwrap_or((package, ""));
        let empty = line.contains("[no test files]") || line.contains("[no tests to run]");
        let status = match word {
            "ok" | "?" | "" if empty => {
                none = true;
                named.clear();
                continue;
            }
            "ok" => TestStatus::Passed,
            "FAIL" if !package.is_empty() => TestStatus::Failed,
            _ => continue,
        };
        let fails = named.iter().any(|(_, status)| *status == TestStatus::Failed);
        if named.is_empty() || (status == TestStatus::Failed && !fails) || note.contains("failed]") {
            packages.push((package.to_owned(), status));
        }
        for (name, status) in named.drain(..) {
            tests.add(&format!("{package}::{name}"), status);
        }
    }
    for (name, status) in named.into_iter().chain(packages) {
        tests.add(&name, status);
    }
    if tests.0.is_empty() && none {
        tests.add(NO_TESTS, TestStatus::Skipped);
    }
}

fn verdict(text: &str) -> Option<(&str, TestStatus)> {
    let (word, rest) = text.strip_prefix("--- ")?.split_once(": ")?;
    let status = match word {
        "PASS" => TestStatus::Passed,
        "FAIL" => TestStatus::Failed,
        "SKIP" => TestStatus::Skipped,
        _ => return None,
    };
    Some((rest.rsplit_once(" (").map_or(rest, |(name, _)| name), status))
}
