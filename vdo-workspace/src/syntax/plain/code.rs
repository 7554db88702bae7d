//! The code of lines, without comments and strings.

use super::words::{Shape, Words};

/// Words that are no names in most languages.
const KEYWORDS: &[&str] = &[
    "and",
    "as",
    "await",
    "break",
    "case",
    "catch",
    "continue",
    "do",
    "else",
    "elseif",
    "elsif",
    "end",
    "extends",
    "false",
    "finally",
    "fn",
    "for",
    "foreach",
    "from",
    "function",
    "guard",
    "if",
    "implements",
    "in",
    "is",
    "let",
    "local",
    "match",
    "my",
    "new",
    "nil",
    "not",
    "null",
    "of",
    "or",
    "return",
    "self",
    "super",
    "switch",
    "then",
    "this",
    "throw",
    "true",
    "try",
    "until",
    "var",
    "void",
    "when",
    "where",
    "while",
    "with",
    "yield",
];

/// Reads one line after another.
pub(super) struct Code {
    words: &'static Words,
    /// What ends the comment or the text that goes on over lines.
    until: Option<&'static str>,
}

/// Strings that go on over lines.
const LONG: &[&str] = &["\"\"\"", "'''"];

impl Code {
    pub(super) fn new(words: &'static Words) -> Self {
        Self { words, until: None }
    }

    /// Tells whether the next line begins inside a comment or a text.
    pub(super) fn is_inside(&self) -> bool {
        self.until.is_some()
    }

    /// Reads a line and tells its names; returns whether there is code in it.
    pub(super) fn line<'t>(&mut self, line: &'t str, mut name: impl FnMut(&'t str)) -> bool {
        let mut rest = line;
        let mut has_code = false;
        loop {
            if let Some(until) = self.until {
                let Some((_, after)) = rest.split_once(until) else { return has_code };
                self.until = None;
                rest = after;
            }
            rest = rest.trim_start();
            let Some(first) = rest.chars().next() else { return has_code };
            if let Some((open, close)) = self.words.block.filter(|(open, _)| rest.starts_with(open)) {
                self.until = Some(close);
                rest = rest.get(open.len()..).unwrap_or_default();
            } else if self.words.comments.iter().any(|mark| rest.starts_with(mark))
                && !rest.starts_with("#include")
                && !rest.starts_with("#define")
            {
                return has_code;
            } else if let Some(long) = LONG.iter().find(|long| rest.starts_with(**long)) {
                self.until = Some(long);
                rest = rest.get(long.len()..).unwrap_or_default();
            } else if matches!(first, '"' | '\'' | '`') {
                has_code = true;
                rest = behind_string(rest, first);
            } else if first.is_alphabetic() || first == '_' {
                has_code = true;
                // A prime may be a part of a name.
                let prime = self.words.has(Shape::Typed);
                let is_part = |c: char| c.is_alphanumeric() || c == '_' || (prime && c == '\'');
                let (word, after) = rest.split_at(rest.find(|c| !is_part(c)).unwrap_or(rest.len()));
                if !self.is_word(word) {
                    name(word);
                }
                rest = after;
            } else {
                has_code = true;
                rest = rest.get(first.len_utf8()..).unwrap_or_default();
                if first.is_numeric() {
                    rest = rest.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
                }
            }
        }
    }

    fn is_word(&self, word: &str) -> bool {
        let words = self.words;
        let lists = [words.functions, words.types, words.values, words.imports, words.modifiers, KEYWORDS];
        let folded = words.has(Shape::Folded);
        lists.iter().any(|list| list.iter().any(|known| *known == word || (folded && known.eq_ignore_ascii_case(word))))
    }
}

/// Returns what stands behind a string; one that does not end is no string.
fn behind_string(text: &str, quote: char) -> &str {
    let body = text.get(1..).unwrap_or_default();
    let mut escaped = false;
    for (at, c) in body.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return body.get(at + 1..).unwrap_or_default(),
            _ => {}
        }
    }
    // Only the rest of this line is lost: a quote that stands alone is found once.
    ""
}
