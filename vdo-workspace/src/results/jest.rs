//! The report that jest and vitest write with `--json` and `--reporter=json`, and mocha's.

use std::collections::BTreeSet;

use serde::Deserialize;
use vdo_core::check::TestStatus;

use super::{NO_TESTS, Tests};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    test_results: Vec<File>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    #[serde(default)]
    name: String,
    #[serde(default)]
    status: String,
    assertion_results: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    #[serde(default)]
    ancestor_titles: Vec<String>,
    title: String,
    status: String,
}

#[derive(Deserialize)]
struct Mocha {
    tests: Vec<MochaTest>,
    pending: Vec<MochaTest>,
    failures: Vec<MochaTest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MochaTest {
    full_title: String,
}

/// Returns the results of a report; `None` if it is none. A report without any test says so.
pub(super) fn parse(bytes: &[u8]) -> Option<Tests> {
    let report: Report = serde_json::from_slice(bytes).ok()?;
    let mut tests = Tests::default();
    for file in report.test_results {
        // A file that could not be run has failed, and no test in it is named.
        if file.assertion_results.is_empty() && file.status == "failed" {
            tests.add(in_project(&file.name), TestStatus::Failed);
        }
        for case in file.assertion_results {
            let status = match case.status.as_str() {
                "passed" => TestStatus::Passed,
                "failed" => TestStatus::Failed,
                _ => TestStatus::Skipped,
            };
            let above = case.ancestor_titles.iter().map(String::as_str).filter(|title| !title.is_empty());
            let name: Vec<&str> =
                std::iter::once(in_project(&file.name)).chain(above).chain([case.title.as_str()]).collect();
            tests.add(&name.join(" > "), status);
        }
    }
    if tests.0.is_empty() {
        tests.add(NO_TESTS, TestStatus::Skipped);
    }
    Some(tests)
}

/// Returns a file's name without the folder that a sandbox happens to use.
fn in_project(name: &str) -> &str {
    name.strip_prefix("/job/").unwrap_or(name)
}

/// Reads a report that stands in the output; returns whether there was one.
pub(super) fn printed(output: &str, tests: &mut Tests) -> bool {
    let line = output.lines().find(|line| {
        line.starts_with('{') && (line.contains("\"testResults\":") || line.contains("\"numTotalTests\":"))
    });
    if let Some(found) = line.and_then(|line| parse(line.as_bytes())) {
        *tests = found;
        return true;
    }
    let (Some(from), true) = (output.find("{\n  \"stats\": {"), output.contains("\"fullTitle\":")) else {
        return false;
    };
    let text = output.get(from..).unwrap_or_default();
    let Some(Ok(report)) = serde_json::Deserializer::from_str(text).into_iter::<Mocha>().next() else { return false };
    let names = |list: &[MochaTest]| list.iter().map(|test| test.full_title.clone()).collect::<BTreeSet<_>>();
    let (pending, failed) = (names(&report.pending), names(&report.failures));
    for test in &report.tests {
        let status = match &test.full_title {
            title if failed.contains(title) => TestStatus::Failed,
            title if pending.contains(title) => TestStatus::Skipped,
            _ => TestStatus::Passed,
        };
        tests.add(&test.full_title, status);
    }
    // A hook that failed is no test of the list.
    for title in failed.iter().filter(|title| !report.tests.iter().any(|test| test.full_title == **title)) {
        tests.add(title, TestStatus::Failed);
    }
    if tests.0.is_empty() {
        tests.add(NO_TESTS, TestStatus::Skipped);
    }
    true
}
