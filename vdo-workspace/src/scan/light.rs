//! What a text defines, by a glance at the beginnings of its lines.
//!
//! For trees that are too large to be parsed before anybody waits for an answer. Linear; knows no language: a word after
//! one that defines (`def`, `fn`, `class`, …), and a name before a bracket on a line that begins at the margin and does not end
//! a statement, as C defines functions.

/// Words after which a name is defined.
const DEFINING: [&str; 22] = [
    "class",
    "const",
    "def",
    "defmodule",
    "enum",
    "fn",
    "fun",
    "func",
    "function",
    "impl",
    "interface",
    "macro",
    "mod",
    "module",
    "namespace",
    "object",
    "protocol",
    "struct",
    "trait",
    "type",
    "typedef",
    "union",
];
/// A line is looked at so far.
const MAX_LINE: usize = 300;
/// How many names are told of a text.
const MAX_NAMES: usize = 2_000;

/// Returns the names that a text seems to define.
pub(super) fn definitions(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for line in text.lines() {
        let line = line.get(..line.floor_char_boundary(MAX_LINE)).unwrap_or(line);
        names.extend(definition(line));
        if names.len() == MAX_NAMES {
            break;
        }
    }
    names
}

fn definition(line: &str) -> Option<&str> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    // What stands in brackets is no definition; those of `pub(crate)` are none of a function.
    let head = match line.split_once('(') {
        Some((before, rest)) if before.trim() == "pub" => rest.split_once(')').map_or(rest, |(_, rest)| rest),
        _ => line,
    };
    let head = head.split('(').next().unwrap_or(head);
    let mut words = head.split(|c: char| !is_name(c)).filter(|word| !word.is_empty()).take(6);
    if words.by_ref().any(|word| DEFINING.binary_search(&word).is_ok()) {
        return words.next();
    }
    let is_at_margin = line.starts_with(|c: char| c.is_alphabetic() || c == '_');
    if !is_at_margin || line.trim_end().ends_with(';') {
        return None;
    }
    let before = line.split('(').next().filter(|before| before.len() < line.len() && before.contains([' ', '*']))?;
    before.rsplit(|c: char| !is_name(c)).next().filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_by_the_words_before_them_and_functions_of_c_by_their_place() {
        assert!(DEFINING.is_sorted());
        let text = "pub(crate) fn merge_base(a: &A) {\n\
            static int __init flush_cache(struct page *page)\n\
            \treturn flush(page);\n\
            struct ring {\n\
            extern int declared(void);\n\
            call(thing)\n\
              def inner(self):\n";
        assert_eq!(definitions(text), ["merge_base", "flush_cache", "ring", "inner"]);
    }
}
