//! What JavaScript test runners print: a report as JSON, TAP, or lines with marks.

use vdo_core::check::TestStatus;

use super::{NO_TESTS, Tests, jest, marks};

/// Reads a report of jest, vitest or mocha if one is printed, TAP if the output is TAP, else lines with marks.
pub(super) fn parse(output: &str, tests: &mut Tests) {
    if jest::printed(output, tests) {
        return;
    }
    if output.lines().any(|line| line.starts_with("TAP version ") || line.trim_start().starts_with("# Subtest: ")) {
        tap(output, tests);
    } else {
        marks::parse(output, tests);
    }
    if tests.0.is_empty() && output.lines().any(says_none) {
        tests.add(NO_TESTS, TestStatus::Skipped);
    }
}

/// Tells whether a line is how a runner says that there was nothing to run.
fn says_none(line: &str) -> bool {
    let line = line.trim();
    line == "1..0"
        || matches!(line, "# tests 0" | "ℹ tests 0")
        || line.starts_with("No tests found, exiting")
        || line.starts_with("No test files found")
        || line.starts_with("Error: No test files found")
        || line.strip_prefix("0 passing").is_some_and(|rest| rest.is_empty() || rest.starts_with(" ("))
        || (line.starts_with("Tests  ") && line.contains("no tests"))
}

pub(super) fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// A test that has been announced and not yet ended.
struct Open {
    indent: usize,
    name: String,
    children: usize,
    failed_children: usize,
}

fn tap(output: &str, tests: &mut Tests) {
    let mut open: Vec<Open> = Vec::new();
    for line in output.lines() {
        let at = indent(line);
        let text = line.trim_start();
        if let Some(name) = text.strip_prefix("# Subtest: ") {
            open.retain(|above| above.indent < at);
            open.push(Open { indent: at, name: unescape(name), children: 0, failed_children: 0 });
            continue;
        }
        let Some((name, status, is_todo)) = tap_result(text) else { continue };
        let (children, failed_children) = match open.last() {
            Some(last) if last.indent == at => (last.children, last.failed_children),
            _ => (0, 0),
        };
        open.retain(|above| above.indent < at);
        let counts = status == TestStatus::Failed && !is_todo;
        if let Some(above) = open.last_mut() {
            above.children += 1;
            above.failed_children += usize::from(counts || failed_children > 0);
        }
        // A suite is told of only if it failed by itself.
        if children == 0 || (counts && failed_children == 0) {
            let above = open.iter().map(|above| above.name.as_str());
            let full: Vec<&str> = above.chain([name.as_str()]).collect();
            tests.add(&full.join(" > "), if is_todo { TestStatus::Skipped } else { status });
        }
    }
}

fn tap_result(text: &str) -> Option<(String, TestStatus, bool)> {
    let (failed, rest) = match text.strip_prefix("not ok") {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix("ok")?),
    };
    let rest = rest.strip_prefix(' ').or_else(|| rest.is_empty().then_some(""))?;
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
    let rest = rest.strip_prefix("- ").unwrap_or(rest);
    // An escaped # belongs to the name; " # " starts a directive.
    let (name, directive) = rest.split_once(" # ").filter(|(name, _)| !name.ends_with('\\')).unwrap_or((rest, ""));
    let directive = directive.to_ascii_uppercase();
    let status = if directive.starts_with("SKIP") {
        TestStatus::Skipped
    } else if failed {
        TestStatus::Failed
    } else {
        TestStatus::Passed
    };
    Some((unescape(name.trim()), status, directive.starts_with("TODO")))
}

fn unescape(name: &str) -> String {
    name.replace("\\#", "#").replace("\\\\", "\\")
}
