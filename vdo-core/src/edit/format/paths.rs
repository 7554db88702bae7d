//! Paths as models write them.

use super::Known;
use crate::path::{PathError, RepoPath};

/// Takes away what models put around a path: `**`, backticks, quotes, `#`, a trailing colon, "File:".
pub(super) fn clean(line: &str) -> &str {
    let mut text = line.trim().trim_start_matches(['#', '*', '>', ' ']);
    text = text.strip_prefix("- ").unwrap_or(text);
    for word in ["File:", "file:", "Filename:", "filename:", "Path:", "path:", "File ", "<file>", "filepath:"] {
        text = text.strip_prefix(word).unwrap_or(text);
    }
    let quotes = ['*', '`', '"', '\'', ' '];
    text.trim_matches(quotes).trim_end_matches(':').trim_matches(quotes).trim_start_matches("./")
}

/// Reads a path that stands where one must stand.
pub(super) fn path(text: &str) -> Result<RepoPath, PathError> {
    let text = text.trim();
    text.strip_prefix("./").unwrap_or(text).parse()
}

/// Returns the path that a line consists of, if it is one rather than a sentence.
pub(super) fn alone(line: &str, known: Known<'_>) -> Option<RepoPath> {
    let name = clean(line);
    if name.is_empty() || name.len() > crate::path::MAX_PATH_BYTES {
        return None;
    }
    let spaced = name.contains(char::is_whitespace);
    // A sentence is told from a path with blanks by its end, before anything dearer is done.
    let end = name.rsplit('.').next().unwrap_or_default();
    if spaced && (end.len() == name.len() || end.is_empty() || end.len() > 12 || end.contains(char::is_whitespace)) {
        return None;
    }
    let path: RepoPath = name.parse().ok()?;
    if known.has(&path) {
        return Some(path);
    }
    let named =
        ["Makefile", "Dockerfile", "LICENSE", "README", "Procfile", "Gemfile", "Rakefile", "Justfile", "go.mod"];
    let has_extension = path.extension().is_some_and(|end| {
        !end.is_empty() && end.len() <= 12 && end.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
    });
    let is_hidden = path.file_name().starts_with('.') && path.file_name().len() > 2;
    let shaped = has_extension || is_hidden || named.contains(&path.file_name()) || name.contains('/');
    (!spaced && shaped && !name.ends_with('.') && !name.contains("://")).then_some(path)
}

/// Returns the one known file that a sentence names between backticks.
pub(super) fn mentioned(line: &str, known: Known<'_>) -> Option<RepoPath> {
    if !line.contains('`') {
        return None;
    }
    let mut found: Vec<RepoPath> = line
        .split('`')
        .skip(1)
        .step_by(2)
        .filter_map(|name| name.trim().parse::<RepoPath>().ok())
        .filter(|path| known.has(path))
        .collect();
    found.dedup();
    (found.len() == 1).then(|| found.pop()).flatten()
}

/// Returns `path`, or what lies behind `path/to/` in it: the place holder of many prompts, where there is no such folder.
pub(super) fn without_placeholder(path: RepoPath, known: Known<'_>) -> RepoPath {
    if known.has(&path) {
        return path;
    }
    let behind = path.as_str().strip_prefix("path/to/").and_then(|rest| rest.parse::<RepoPath>().ok());
    behind.filter(|behind| known.has(behind)).unwrap_or(path)
}

/// Reads a path as git quotes it: `"a\303\274.txt"`.
pub(super) fn unquoted(text: &str) -> String {
    let Some(inner) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else { return text.to_owned() };
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner.bytes().peekable();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next() {
            Some(b'n') => bytes.push(b'\n'),
            Some(b't') => bytes.push(b'\t'),
            Some(digit @ b'0'..=b'3') => {
                let mut value = u32::from(digit - b'0');
                for _ in 0..2 {
                    if let Some(digit) = rest.next_if(|byte| (b'0'..=b'7').contains(byte)) {
                        value = value * 8 + u32::from(digit - b'0');
                    }
                }
                bytes.push(u8::try_from(value).unwrap_or(b'?'));
            }
            Some(other) => bytes.push(other),
            None => bytes.push(b'\\'),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
