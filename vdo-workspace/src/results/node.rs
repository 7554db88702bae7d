//! What JavaScript test runners print: TAP, and the marks of `node --test`, jest, vitest and mocha.

use vdo_core::check::TestStatus;

use super::Tests;

/// Reads TAP if the output is TAP, else lines with marks.
pub(super) fn parse(output: &str, tests: &mut Tests) {
    if output.lines().any(|line| line.starts_with("TAP version ") || line.trim_start().starts_with("# Subtest: ")) {
        tap(output, tests);
    } else {
        marks(output, tests);
    }
}

fn indent(line: &str) -> usize {
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

/// A mark at the start of a line.
fn mark(text: &str) -> Option<(&str, TestStatus)> {
    const MARKS: [(&str, TestStatus); 11] = [
        ("✔ ", TestStatus::Passed),
        ("✓ ", TestStatus::Passed),
        ("√ ", TestStatus::Passed),
        ("✖ ", TestStatus::Failed),
        ("✕ ", TestStatus::Failed),
        ("× ", TestStatus::Failed),
        ("✗ ", TestStatus::Failed),
        ("﹣ ", TestStatus::Skipped),
        ("○ ", TestStatus::Skipped),
        ("↓ ", TestStatus::Skipped),
        ("✎ ", TestStatus::Skipped),
    ];
    MARKS.iter().find_map(|(mark, status)| Some((text.strip_prefix(mark)?, *status)))
}

fn marks(output: &str, tests: &mut Tests) {
    // Names of the suites around a line, with their indentation, and whether a test was seen in them.
    let mut suites: Vec<(usize, String)> = Vec::new();
    let mut files: Vec<(String, TestStatus)> = Vec::new();
    for line in output.lines() {
        let at = indent(line);
        let text = line.trim_start();
        if text.starts_with("✖ failing tests:") || text.starts_with("Summary of all failing tests") {
            break;
        }
        if let Some(file) = jest_file(line) {
            files.push(file);
            suites.clear();
            continue;
        }
        if let Some(name) = text.strip_prefix("▶ ") {
            suites.retain(|(indent, _)| *indent < at);
            suites.push((at, bare(name).0.to_owned()));
            continue;
        }
        let Some((name, status)) = mark(text) else { continue };
        let (name, directive) = bare(name);
        let status = match directive {
            Directive::Todo => TestStatus::Skipped,
            Directive::None => status,
        };
        let closes = suites.last().is_some_and(|(indent, suite)| *indent == at && suite == name);
        suites.retain(|(indent, _)| *indent < at);
        if closes {
            continue;
        }
        let above = suites.iter().map(|(_, name)| name.as_str());
        let full: Vec<&str> = above.chain([name]).collect();
        tests.add(&full.join(" > "), status);
    }
    if tests.0.is_empty() {
        for (name, status) in files {
            tests.add(&name, status);
        }
    }
}

/// Reads jest's `PASS path` and `FAIL path`: all it says of a file when it runs several.
fn jest_file(line: &str) -> Option<(String, TestStatus)> {
    let line = line.trim();
    let (path, status) = match line.strip_prefix("PASS ") {
        Some(path) => (path, TestStatus::Passed),
        None => (line.strip_prefix("FAIL ")?, TestStatus::Failed),
    };
    let path = path.split(" (").next()?.trim();
    (path.contains('.') && !path.contains(' ')).then(|| (path.to_owned(), status))
}

enum Directive {
    None,
    Todo,
}

/// Returns a name without its duration and directive.
fn bare(name: &str) -> (&str, Directive) {
    let (name, directive) = match name.rsplit_once(") # ") {
        Some((name, said)) if said.to_ascii_uppercase().starts_with("TODO") => (name, Directive::Todo),
        Some((name, _)) => (name, Directive::None),
        None => (name.strip_suffix(')').unwrap_or(name), Directive::None),
    };
    let is_time = |text: &str| {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
        digits.len() < text.len() && !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit() || c == '.')
    };
    match name.rsplit_once(" (") {
        Some((bare, time)) if is_time(time) => (bare.trim_end(), directive),
        _ => (name.trim_end(), directive),
    }
}
