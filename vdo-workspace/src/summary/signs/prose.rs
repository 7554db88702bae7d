//! What a file says of itself in its first comment, doc string or paragraph.

use super::Family;
use super::calls::head;

/// How much of a file is looked at.
const MAX_HEAD: usize = 6000;
/// The longest sentence that is kept, in characters.
const MAX_SENTENCE: usize = 200;

/// Returns a sentence, or nothing.
pub(super) fn about(family: Family, text: &str) -> String {
    let text = head(text, MAX_HEAD);
    let paragraph = match family {
        Family::Python => doc_string(text),
        Family::Rust => marked(text, &["//!"]),
        Family::Go => go(text),
        Family::Script | Family::Jvm | Family::CSharp | Family::Php | Family::C => block(text),
        Family::Prose => prose(text),
        Family::Ruby | Family::Other => String::new(),
    };
    let low = paragraph.to_lowercase();
    let is_legal = ["copyright", "license", "licence", "spdx", "eslint", "@ts-", "generated", "all rights"];
    if is_legal.iter().any(|word| low.contains(word)) && family != Family::Prose {
        return String::new();
    }
    sentence(&paragraph)
}

/// Returns the first sentence of a paragraph, on one line.
pub(crate) fn sentence(paragraph: &str) -> String {
    let line: Vec<&str> = paragraph.split_whitespace().collect();
    let line = line.join(" ");
    let stops = line.match_indices(". ").map(|(at, _)| at);
    // An abbreviation ends no sentence.
    let end = stops.into_iter().find(|at| {
        let before = line.get(..*at).unwrap_or_default();
        let last = before.rsplit(' ').next().unwrap_or_default();
        last.len() > 2 && !matches!(last, "e.g" | "i.e" | "etc" | "vs" | "Inc") && *at > 15
    });
    let line = end.and_then(|at| line.get(..at)).unwrap_or(&line);
    let cut: String = line.chars().take(MAX_SENTENCE).collect();
    let cut = cut.trim().trim_end_matches(['.', ':']).trim();
    if cut.chars().filter(|c| c.is_alphabetic()).count() < 4 { String::new() } else { cut.to_owned() }
}

fn doc_string(text: &str) -> String {
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        if !rest.starts_with('#') {
            break;
        }
        rest = rest.split_once('\n').map_or("", |(_, after)| after);
    }
    let rest = rest.trim_start_matches(['r', 'R', 'u', 'U']);
    let mark = ["\"\"\"", "'''"].into_iter().find(|mark| rest.starts_with(mark));
    let Some(inner) = mark.and_then(|mark| rest.get(3..)?.split(mark).next()) else { return String::new() };
    first_paragraph(inner.lines())
}

fn first_paragraph<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let lines = lines.map(str::trim).skip_while(|line| line.is_empty() || is_rule(line));
    let lines: Vec<&str> = lines.take_while(|line| !line.is_empty() && !is_rule(line)).take(6).collect();
    lines.join(" ")
}

/// Tells whether a line is a rule, as under a title.
fn is_rule(line: &str) -> bool {
    line.len() >= 3 && line.chars().all(|c| matches!(c, '=' | '-' | '~' | '*' | '#' | '^' | '+' | '_'))
}

fn marked(text: &str, marks: &[&str]) -> String {
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        match marks.iter().find_map(|mark| line.strip_prefix(mark)) {
            Some(rest) if rest.trim_start().starts_with('#') && found.is_empty() => {}
            Some(rest) => found.push(rest),
            None if found.is_empty() && (line.is_empty() || line.starts_with("//") || line.starts_with("#!")) => {}
            None => break,
        }
    }
    let plain = |line: &&str| !line.trim().starts_with("[![") && !line.trim().starts_with('<');
    first_paragraph(found.into_iter().filter(plain))
}

/// Returns the comment above the package clause.
fn go(text: &str) -> String {
    let mut comment: Vec<&str> = Vec::new();
    for line in text.lines() {
        if line.starts_with("package ") {
            break;
        }
        match line.strip_prefix("//") {
            Some(rest) if !rest.starts_with("go:") && !rest.starts_with(" +build") => comment.push(rest),
            _ => comment.clear(),
        }
    }
    let paragraph = first_paragraph(comment.into_iter());
    // "Package x does" says no more than "does".
    match paragraph.strip_prefix("Package ").and_then(|rest| rest.split_once(' ')) {
        Some((_, rest)) => rest.to_owned(),
        None => paragraph,
    }
}

/// Returns the text of the first block comment, if nothing but blanks and marks stand before it.
fn block(text: &str) -> String {
    let rest = text.trim_start().trim_start_matches("<?php").trim_start();
    let Some(inner) = rest.strip_prefix("/*").and_then(|rest| rest.split("*/").next()) else {
        return String::new();
    };
    let lines = inner.lines().map(|line| line.trim().trim_start_matches('*').trim());
    let paragraph = first_paragraph(lines.take_while(|line| !line.starts_with('@')));
    // Many name the file first.
    match paragraph.split_once(" - ").or_else(|| paragraph.split_once(": ")) {
        Some((name, rest)) if name.contains('.') && !name.contains(' ') => rest.to_owned(),
        _ => paragraph,
    }
}

/// Returns the first paragraph that says what something is, else the first that is text: no title, badge, picture or list.
fn prose(text: &str) -> String {
    let paragraphs = paragraphs(text);
    let defines = |paragraph: &&String| {
        let start: String = paragraph.chars().take(120).collect();
        [" is a ", " is an ", " is the ", " are a ", " is often "].iter().any(|words| start.contains(words))
            && !["This ", "It ", "If ", "There ", "Here "].iter().any(|word| start.starts_with(word))
    };
    let best = paragraphs.iter().find(defines).or(paragraphs.first());
    best.cloned().unwrap_or_default()
}

/// Returns the paragraphs of text near the start.
fn paragraphs(text: &str) -> Vec<String> {
    let text = text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---")).map_or(text, |(_, rest)| rest);
    let (mut paragraphs, mut paragraph): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let (mut is_fenced, mut in_comment) = (false, false);
    let mut lines = text.lines().chain([""]).peekable();
    while let Some(line) = lines.next() {
        let bare = line.trim();
        if bare.starts_with("```") {
            is_fenced = !is_fenced;
            continue;
        }
        in_comment |= bare.starts_with("<!--");
        let was_comment = in_comment;
        in_comment &= !bare.contains("-->");
        let is_title = lines.peek().is_some_and(|next| is_rule(next.trim())) || bare.starts_with('#') || is_rule(bare);
        if bare.is_empty() || is_title || is_fenced || was_comment {
            if !paragraph.is_empty() {
                paragraphs.push(std::mem::take(&mut paragraph).join(" "));
            }
            if paragraphs.len() >= 10 {
                break;
            }
            continue;
        }
        let is_other = bare.starts_with(['<', '|', '*', '-', '!', '=', '.', ':', '>', '[', '+', '{'])
            && !(bare.starts_with("**")
                || bare.starts_with("[") && !bare.starts_with("[![") && bare.contains("](")
                || bare.starts_with("<p")
                || bare.starts_with("<b"));
        let indented = line.starts_with("    ") || line.starts_with('\t');
        let is_code = ["import ", "export ", "const "].iter().any(|start| bare.starts_with(start));
        if (!is_other && !indented && !is_code || !paragraph.is_empty()) && paragraph.len() < 6 {
            paragraph.extend(Some(without_marks(bare)).filter(|text| !text.trim().is_empty()));
        }
    }
    paragraphs
}

/// Returns a line without links, emphasis and tags.
fn without_marks(line: &str) -> String {
    let mut out = String::new();
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' | '`' | '[' => {}
            ']' if chars.peek() == Some(&'(') => {
                chars.by_ref().find(|c| *c == ')');
            }
            ']' => {}
            '<' if chars.peek().is_some_and(|c| c.is_alphabetic() || *c == '/') => {
                chars.by_ref().find(|c| *c == '>');
            }
            c => out.push(c),
        }
    }
    out
}
