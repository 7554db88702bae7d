//! The tests in a text, found by lines: what each is called, what stands above it, and its body.

use crate::path::RepoPath;

/// A language whose tests can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tongue {
    Python,
    Script,
    Rust,
    Go,
    Java,
}

/// One test.
#[derive(Debug, Clone)]
pub(super) struct Case<'a> {
    /// Its name, with that of the class around it.
    pub(super) name: String,
    /// Its first line, from 1.
    pub(super) line: u32,
    /// Decorators and attributes, and its first line.
    pub(super) head: Vec<&'a str>,
    /// The lines below.
    pub(super) body: Vec<&'a str>,
}

impl Case<'_> {
    /// Returns the name without the class.
    pub(super) fn bare(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or(&self.name)
    }

    /// Returns the lines of the body that say something, without blanks around them.
    pub(super) fn lines(&self) -> impl Iterator<Item = &str> {
        self.head
            .last()
            .copied()
            .filter(|line| !line.trim_end().ends_with([':', '{']))
            .into_iter()
            .chain(self.body.iter().copied())
            .map(str::trim)
            .filter(|line| !line.is_empty())
    }
}

pub(super) fn tongue(path: &RepoPath) -> Option<Tongue> {
    match path.extension()? {
        "py" => Some(Tongue::Python),
        "js" | "jsx" | "mjs" | "cjs" | "ts" | "tsx" | "mts" | "cts" => Some(Tongue::Script),
        "rs" => Some(Tongue::Rust),
        "go" => Some(Tongue::Go),
        "java" | "kt" => Some(Tongue::Java),
        _ => None,
    }
}

/// Returns whether a path is that of tests, by its name or folder.
pub(super) fn is_test_path(path: &RepoPath) -> bool {
    let name = path.file_name();
    let stem = name.split('.').next().unwrap_or(name);
    let folder = |folder: &str| {
        matches!(folder.rsplit('/').next(), Some("test" | "tests" | "__tests__" | "spec" | "specs" | "testing"))
    };
    stem.starts_with("test_")
        || stem == "tests"
        || stem == "test"
        || stem.ends_with("_test")
        || stem == "conftest"
        || name.contains(".test.")
        || name.contains(".spec.")
        || path.ancestors().any(folder)
}

/// Returns the tests of a text.
pub(super) fn cases<'a>(path: &RepoPath, text: &'a str) -> Vec<Case<'a>> {
    let Some(tongue) = tongue(path) else { return Vec::new() };
    let finds = match tongue {
        Tongue::Python => is_test_path(path),
        Tongue::Script => is_test_path(path) || text.contains("describe("),
        Tongue::Go => path.file_name().ends_with("_test.go"),
        Tongue::Rust => text.contains("test"),
        Tongue::Java => text.contains("@Test"),
    };
    if !finds {
        return Vec::new();
    }
    let lines: Vec<&'a str> = text.lines().collect();
    let mut cases = Vec::new();
    let mut class: Option<(usize, &str)> = None;
    for (at, line) in lines.iter().enumerate() {
        let depth = indent(line);
        let text = line.trim_start();
        if tongue == Tongue::Python
            && let Some(name) = text.strip_prefix("class ")
        {
            class = Some((depth, word(name)));
            continue;
        }
        if class.is_some_and(|(around, _)| depth <= around && !text.is_empty() && !text.starts_with(['#', ')', '@'])) {
            class = None;
        }
        let head = above(&lines, at, tongue);
        let Some(name) = name(tongue, text, &head) else { continue };
        let name = match class {
            Some((_, class)) => format!("{class}.{name}"),
            None => name,
        };
        let line = u32::try_from(at + 1).unwrap_or(u32::MAX);
        cases.push(Case {
            name,
            line,
            head: head.into_iter().chain([*line_at(&lines, at)]).collect(),
            body: body(&lines, at, tongue),
        });
    }
    cases
}

fn line_at<'l, 'a>(lines: &'l [&'a str], at: usize) -> &'l &'a str {
    lines.get(at).unwrap_or(&"")
}

/// Returns the name of the test that a line begins.
fn name(tongue: Tongue, text: &str, head: &[&str]) -> Option<String> {
    match tongue {
        Tongue::Python => {
            let rest = text.strip_prefix("async ").unwrap_or(text).trim_start().strip_prefix("def ")?;
            rest.starts_with("test").then(|| word(rest).to_owned())
        }
        Tongue::Go => {
            let rest = text.strip_prefix("func ")?;
            let kind = ["Test", "Benchmark", "Fuzz", "Example"].iter().any(|kind| rest.starts_with(kind));
            kind.then(|| word(rest).to_owned())
        }
        Tongue::Rust => {
            let is_test = head.iter().any(|line| {
                let inner = line.trim().trim_start_matches("#[").split([']', '(']).next().unwrap_or_default();
                matches!(
                    inner.rsplit("::").next(),
                    Some("test" | "rstest" | "test_case" | "quickcheck" | "wasm_bindgen_test")
                )
            });
            let (_, rest) = text.split_once("fn ")?;
            is_test.then(|| word(rest).to_owned())
        }
        Tongue::Java => {
            let is_test = head
                .iter()
                .any(|line| line.trim().starts_with("@Test") || line.trim().starts_with("@ParameterizedTest"));
            let before = text.split('(').next()?;
            (is_test && text.contains('(')).then(|| before.rsplit(' ').next().unwrap_or(before).to_owned())
        }
        Tongue::Script => {
            let call = ["it", "test", "specify", "xit", "xtest", "fit", "bench"].iter().find_map(|start| {
                let rest = text.strip_prefix(start)?;
                rest.starts_with(['(', '.']).then_some(rest)
            })?;
            let (_, quoted) = call.split_once('(')?;
            let quoted = quoted.trim_start();
            let quote = quoted.chars().next().filter(|c| matches!(c, '\'' | '"' | '`'))?;
            let inner = quoted.get(1..)?;
            Some(inner.split(quote).next().unwrap_or(inner).to_owned())
        }
    }
}

fn word(text: &str) -> &str {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or(text)
}

pub(super) fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Returns the decorators or attributes right above a line.
fn above<'a>(lines: &[&'a str], at: usize, tongue: Tongue) -> Vec<&'a str> {
    let mark = match tongue {
        Tongue::Python | Tongue::Java => "@",
        Tongue::Rust => "#[",
        Tongue::Script | Tongue::Go => return Vec::new(),
    };
    let depth = indent(line_at(lines, at));
    let mut found = Vec::new();
    let mut pending = Vec::new();
    for line in lines.get(..at).unwrap_or_default().iter().rev().take(40) {
        let text = line.trim_start();
        if text.starts_with(mark) && indent(line) == depth {
            found.append(&mut pending);
            found.push(*line);
        } else if text.is_empty() || (indent(line) <= depth && !text.starts_with([')', ']']) && !text.starts_with("//"))
        {
            break;
        } else {
            // A decorator may go on over several lines.
            pending.push(*line);
        }
    }
    found.reverse();
    found
}

/// Returns the lines of the test that begins at a line.
fn body<'a>(lines: &[&'a str], at: usize, tongue: Tongue) -> Vec<&'a str> {
    let depth = indent(line_at(lines, at));
    let first = line_at(lines, at).trim_end();
    if tongue != Tongue::Python && first.ends_with([';', ')', '}']) && !first.ends_with("{}") {
        return Vec::new();
    }
    let rest = lines.get(at + 1..).unwrap_or_default();
    let end = rest.iter().position(|line| {
        let text = line.trim_start();
        let outside = !text.is_empty() && indent(line) <= depth;
        match tongue {
            // A signature over several lines ends with a bracket in the first column of the test.
            Tongue::Python => outside && !text.starts_with([')', '#', '"', '\'']),
            _ => outside && (text.starts_with('}') || text.starts_with(')')),
        }
    });
    rest.get(..end.unwrap_or(rest.len())).unwrap_or_default().to_vec()
}
