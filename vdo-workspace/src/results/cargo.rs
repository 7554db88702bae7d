//! The output of `cargo test` and of `cargo nextest run`.

use vdo_core::check::TestStatus;

use super::Tests;

/// Reads `test name ... ok` and nextest's `PASS [   0.005s] (1/4) binary name`.
pub(super) fn parse(output: &str, tests: &mut Tests) {
    let is_nextest = output.lines().any(|line| line.trim_start().starts_with("Nextest run ID "));
    for line in output.lines() {
        if is_nextest {
            if line.trim_start().starts_with("Summary [") {
                return;
            }
            if let Some((name, status)) = nextest(line)
                && !tests.has(name)
            {
                tests.add(name, status);
            }
        } else if let Some((name, status)) = libtest(line) {
            tests.add(name, status);
        }
    }
}

fn libtest(line: &str) -> Option<(&str, TestStatus)> {
    let (name, verdict) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    let word = verdict.split([',', ' ']).next()?;
    let status = match word {
        "ok" | "bench:" => TestStatus::Passed,
        "FAILED" => TestStatus::Failed,
        "ignored" => TestStatus::Skipped,
        _ => return None,
    };
    let name = name.split(" - should panic").next()?;
    Some((name, status))
}

fn nextest(line: &str) -> Option<(&str, TestStatus)> {
    let (word, rest) = line.strip_prefix("    ")?.trim_start().split_once(" [")?;
    let status = match word {
        "PASS" | "LEAK" | "FLAKY" => TestStatus::Passed,
        "FAIL" | "TIMEOUT" | "ABORT" => TestStatus::Failed,
        signal if signal.starts_with("SIG") => TestStatus::Failed,
        "SKIP" => TestStatus::Skipped,
        _ => return None,
    };
    let (_, rest) = rest.split_once(']')?;
    let rest = rest.trim_start();
    let name = match rest.strip_prefix('(').and_then(|rest| rest.split_once(") ")) {
        Some((_, name)) => name,
        None => rest,
    };
    Some((name.trim(), status))
}
