//! The events of `go test -json`, one JSON object on a line.

use std::collections::BTreeSet;

use serde::Deserialize;
use vdo_core::check::TestStatus;

use super::Tests;

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
}
