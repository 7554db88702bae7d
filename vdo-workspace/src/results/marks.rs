//! Lines with marks, as `node --test`, jest, vitest and mocha print them for people.

use vdo_core::check::TestStatus;

use super::Tests;
use super::node::indent;

/// Who printed the lines, as far as it matters for what they mean.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Voice {
    /// `node --test`: suites open with `▶`.
    Node,
    /// jest: suites are bare lines below `PASS file` or `FAIL file`.
    Jest,
    /// vitest: names are whole, `file > suite > test`.
    Vitest,
    /// mocha: suites are bare lines; failures are numbered, pending tests have a dash.
    Mocha,
}

fn voice(output: &str) -> Voice {
    let mut jest = false;
    for line in output.lines() {
        let text = line.trim();
        if text.starts_with("RUN  v") || text.starts_with("Test Files  ") {
            return Voice::Vitest;
        }
        if is_mocha_end(text) {
            return Voice::Mocha;
        }
        jest |= jest_file(line).is_some();
    }
    if jest { Voice::Jest } else { Voice::Node }
}

/// Reads mocha's `3 passing (5ms)`.
fn is_mocha_end(text: &str) -> bool {
    let Some((count, rest)) = text.split_once(' ') else { return false };
    !count.is_empty()
        && count.bytes().all(|byte| byte.is_ascii_digit())
        && (rest == "passing" || rest.starts_with("passing ("))
}

/// What has been read so far.
#[derive(Default)]
struct Reading {
    /// Names of the suites around a line, with their indentation.
    suites: Vec<(usize, String)>,
    /// What is known of whole files only.
    files: Vec<(String, TestStatus)>,
    /// Failures that stand below the last file, where no test has a mark.
    bullets: Vec<String>,
    /// Files that could not be run at all.
    broken: Vec<String>,
}

impl Reading {
    /// Enters a suite, or something that looks like one.
    fn enter(&mut self, at: usize, name: &str) {
        self.leave(at);
        if self.suites.len() < 32 {
            self.suites.push((at, name.to_owned()));
        }
    }

    fn leave(&mut self, at: usize) {
        self.suites.retain(|(indent, _)| *indent < at);
    }

    fn full(&self, name: &str) -> String {
        let above = self.suites.iter().map(|(_, name)| name.as_str());
        above.chain([name]).collect::<Vec<_>>().join(" > ")
    }
}

/// Reads every line with a mark as the verdict on a test.
pub(super) fn parse(output: &str, tests: &mut Tests) {
    let voice = voice(output);
    let mut reading = Reading::default();
    for line in output.lines() {
        let text = line.trim_start();
        if text.starts_with("✖ failing tests:")
            || text.starts_with("Summary of all failing tests")
            || (voice == Voice::Mocha && is_mocha_end(text))
        {
            break;
        }
        match voice {
            Voice::Vitest => vitest(line, &mut reading, tests),
            Voice::Jest => jest(line, &mut reading, tests),
            Voice::Mocha => mocha(line, &mut reading, tests),
            Voice::Node => node(line, &mut reading, tests),
        }
    }
    if tests.0.is_empty() {
        let named = !reading.bullets.is_empty();
        for name in &reading.bullets {
            tests.add(name, TestStatus::Failed);
        }
        for (name, status) in reading.files.iter().filter(|(_, status)| !(named && *status == TestStatus::Failed)) {
            tests.add(name, *status);
        }
    }
    for file in reading.broken.iter().take(super::MAX_BROKEN).filter(|file| !tests.has(file)).collect::<Vec<_>>() {
        tests.add(file, TestStatus::Failed);
    }
}

fn node(line: &str, reading: &mut Reading, tests: &mut Tests) {
    let (at, text) = (indent(line), line.trim_start());
    if let Some(name) = text.strip_prefix("▶ ") {
        reading.enter(at, bare(name).0);
        return;
    }
    let Some((name, status)) = mark(text) else { return };
    let (name, directive) = bare(name);
    let status = match directive {
        Directive::Todo => TestStatus::Skipped,
        Directive::None => status,
    };
    let closes = reading.suites.last().is_some_and(|(indent, suite)| *indent == at && suite == name);
    reading.leave(at);
    if !closes {
        tests.add(&reading.full(name), status);
    }
}

fn jest(line: &str, reading: &mut Reading, tests: &mut Tests) {
    let (at, text) = (indent(line), line.trim());
    if let Some(file) = jest_file(line) {
        reading.files.push(file);
        reading.suites.clear();
    } else if text == "● Test suite failed to run" {
        // No test of this file can tell how it ended.
        let file = reading.files.last().map(|(file, _)| file.clone());
        reading.broken.extend(file);
    } else if let Some(name) = text.strip_prefix("● ").filter(|_| at == 2 && !text.starts_with("● Console")) {
        if reading.bullets.len() < super::MAX_TESTS {
            reading.bullets.push(name.replace(" › ", " > "));
        }
    } else if let Some((name, status)) = mark(text) {
        let name = bare(name).0;
        let name = if status == TestStatus::Skipped {
            name.strip_prefix("skipped ").or_else(|| name.strip_prefix("todo ")).unwrap_or(name)
        } else {
            name
        };
        reading.leave(at);
        tests.add(&reading.full(name), status);
    } else if (2..40).contains(&at) && !text.starts_with('●') {
        reading.enter(at, text);
    }
}

fn mocha(line: &str, reading: &mut Reading, tests: &mut Tests) {
    let (at, text) = (indent(line), line.trim());
    if at < 2 || text.is_empty() {
        return;
    }
    let numbered = text.split_once(") ").filter(|(number, _)| number.bytes().all(|byte| byte.is_ascii_digit()));
    let verdict = match (mark(text), numbered, text.strip_prefix("- ")) {
        (Some(verdict), _, _) => verdict,
        (None, Some((number, name)), _) if !number.is_empty() => (name, TestStatus::Failed),
        (None, _, Some(name)) => (name, TestStatus::Skipped),
        _ => {
            reading.enter(at, text);
            return;
        }
    };
    reading.leave(at);
    tests.add(&reading.full(bare(verdict.0).0), verdict.1);
}

fn vitest(line: &str, reading: &mut Reading, tests: &mut Tests) {
    let text = line.trim();
    if let Some(rest) = text.strip_prefix("FAIL ") {
        let name = rest.trim();
        let name = name.split_once(" [ ").map_or(name, |(name, _)| name);
        let name = name.strip_prefix('|').and_then(|name| name.split_once("| ")).map_or(name, |(_, name)| name);
        if !name.is_empty() && !tests.has(name) {
            tests.add(name, TestStatus::Failed);
        }
        return;
    }
    let Some((name, status)) = mark(text) else { return };
    let name = untimed(name);
    match name.rsplit_once(" (") {
        // A file, of which only the number of tests is told.
        Some((file, count)) if count.contains(" test") && !file.contains(" > ") => {
            reading.files.push((file.trim_end().to_owned(), status));
        }
        _ if !tests.has(name) => tests.add(name, status),
        _ => {}
    }
}

/// Returns a name without the duration behind it: `adds 12ms`.
fn untimed(name: &str) -> &str {
    match name.trim_end().rsplit_once(' ') {
        Some((bare, time)) if is_time(time) => bare.trim_end(),
        _ => name.trim_end(),
    }
}

fn is_time(text: &str) -> bool {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
    digits.len() < text.len() && !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit() || c == '.')
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
    let (whole, directive) = match name.rsplit_once(") # ") {
        Some((_, said)) => {
            let directive =
                if said.to_ascii_uppercase().starts_with("TODO") { Directive::Todo } else { Directive::None };
            (name.strip_suffix(said).and_then(|name| name.strip_suffix(" # ")).unwrap_or(name), directive)
        }
        None => (name, Directive::None),
    };
    let timed = whole.strip_suffix(')').and_then(|open| open.rsplit_once(" ("));
    match timed {
        Some((bare, time)) if is_time(time) => (bare.trim_end(), directive),
        _ => (whole.trim_end(), directive),
    }
}
