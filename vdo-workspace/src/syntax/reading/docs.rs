//! What comments say: without their markers, and their first sentence.

use std::borrow::Cow;

/// The longest text of all comments that is told, in bytes.
const MAX_DOCS: usize = 8 * 1024;
/// The longest first sentence, in characters.
const MAX_SUMMARY: usize = 160;
/// The longest comment that a first sentence is looked for in, in bytes.
const MAX_LOOKED_AT: usize = 2_000;
/// What a licence says; nothing of a comment is told from such a line on.
const LICENCE: &[&str] =
    &["copyright", "spdx-license", "licensed under", "all rights reserved", "license text", "(c) "];
/// Lines that say nothing to a reader.
const SILENT: &[&str] = &[
    "!",
    "-*-",
    "vim:",
    "eslint",
    "@ts-",
    "jshint",
    "rubocop:",
    "frozen_string_literal",
    "shellcheck",
    "@flow",
    "pylint:",
    "noqa",
    "encoding:",
    "coding:",
    "nolint",
    "go:build",
    "clang-format",
    "<reference",
];

/// The text of all comments that are documentation, bounded.
#[derive(Debug, Default)]
pub(in crate::syntax) struct Prose {
    text: String,
    full: bool,
}

impl Prose {
    /// Takes in what a comment or a docstring says.
    pub(in crate::syntax) fn take(&mut self, comment: &str) {
        if self.full {
            return;
        }
        for line in lines(comment).filter(|line| !line.is_empty()) {
            let mut end = line.len().min(MAX_DOCS.saturating_sub(self.text.len() + 1));
            self.full = end < line.len();
            while !line.is_char_boundary(end) {
                end -= 1;
            }
            self.text.push_str(line.get(..end).unwrap_or_default());
            if self.full {
                return;
            }
            self.text.push('\n');
        }
    }

    /// Returns the text.
    pub(in crate::syntax) fn finish(mut self) -> String {
        self.text.truncate(self.text.trim_end().len());
        self.text
    }
}

/// Returns the lines of a comment or a docstring without markers, up to a licence.
fn lines(comment: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let says = |line: &&str| !SILENT.iter().any(|mark| line.starts_with(mark));
    comment.lines().map(bare).filter(says).take_while(|line| !is_licence(line)).map(untagged)
}

fn is_licence(line: &str) -> bool {
    line.len() >= 4 && {
        let line: String = line.chars().take(200).flat_map(char::to_lowercase).collect();
        LICENCE.iter().any(|mark| line.contains(mark))
    }
}

/// Returns a line without what makes it one of a comment.
fn bare(line: &str) -> &str {
    let line = line.trim();
    let line = line.strip_suffix("*/").unwrap_or(line).trim_end_matches('*').trim_end();
    let line = match line.strip_prefix("--") {
        Some(rest) => rest.trim_start_matches('-'),
        None => line.strip_prefix("//!").or_else(|| line.strip_prefix("/*!")).unwrap_or(line),
    };
    let line = line.strip_prefix("{-").unwrap_or(line);
    let line = line.strip_suffix("-}").unwrap_or(line);
    let line = line.trim_start_matches(['/', '*', '#']).trim();
    // Haskell says so of what is documentation.
    line.strip_prefix("| ").unwrap_or(line)
}

/// Returns a line without the tags of markup: `<summary>`.
fn untagged(line: &str) -> Cow<'_, str> {
    let line = line.strip_prefix("@brief").or_else(|| line.strip_prefix("\\brief")).unwrap_or(line).trim_start();
    if !(line.contains("</") || line.contains("/>") || line.starts_with('<')) {
        return Cow::Borrowed(line);
    }
    let mut kept = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, tag)) = rest.split_once('<') {
        let Some((tag, after)) = tag.split_once('>') else { break };
        kept.push_str(before);
        // `<see cref="Name"/>` says a name.
        if let Some((_, name)) = tag.split_once('"').filter(|_| tag.ends_with('/')) {
            kept.push_str(name.trim_end_matches(['/', '"', ' ']));
        }
        rest = after;
    }
    kept.push_str(rest);
    Cow::Owned(kept.trim().to_owned())
}

/// Returns the first sentence of a comment or a docstring, or its first line if the first paragraph has no end of a sentence.
pub(in crate::syntax) fn summary(comment: &str) -> String {
    let mut end = comment.len().min(MAX_LOOKED_AT);
    while !comment.is_char_boundary(end) {
        end -= 1;
    }
    let mut paragraph = String::new();
    let mut first = None;
    for line in lines(comment.get(..end).unwrap_or_default()) {
        let is_tag = line.starts_with(['@', '\\', ':']);
        match line.as_ref() {
            "" if paragraph.is_empty() => continue,
            "" => break,
            _ if is_tag => break,
            line if !paragraph.is_empty() => {
                paragraph.push(' ');
                paragraph.push_str(line);
            }
            line => {
                paragraph.push_str(line);
                first = Some(line.len());
            }
        }
    }
    let cut = sentence(&paragraph).or(first).unwrap_or_default();
    crate::syntax::parse::one_line(paragraph.get(..cut).unwrap_or_default(), MAX_SUMMARY)
}

/// Returns where the first sentence ends.
fn sentence(text: &str) -> Option<usize> {
    text.match_indices(['.', '!', '?', '。']).map(|(at, mark)| (at, at + mark.len())).find_map(|(at, end)| {
        let word = text.get(..at)?.rsplit([' ', '(']).next()?;
        let short = matches!(word, "e.g" | "i.e" | "etc" | "cf" | "vs" | "resp");
        let ends = text.get(end..)?.chars().next().is_none_or(char::is_whitespace);
        (!short && (ends || text.get(at..end) == Some("。"))).then_some(end)
    })
}
