//! One bounded parse.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::ControlFlow;

use tree_sitter::{ParseOptions, Parser, Tree};

use super::MAX_TEXT_BYTES;
use super::languages::Language;

/// How often the parser may report progress; ordinary code gives one report for every hundred bytes or more.
const MAX_REPORTS: u32 = 100_000;
/// How many bytes are given to a parser at a time.
const CHUNK: usize = 4096;
/// How many bytes are given to a parser for each of the text, and for any text: what has no end (a string, a comment) is looked
/// through again and again, without a report.
const MAX_GIVEN: (usize, usize) = (8, 1 << 20);
/// One character in so many may be a control character or a replacement for one that could not be read.
///
/// Recovery on a megabyte of such texts takes seconds between two reports, and they are no code.
const GARBAGE_SHARE: usize = 100;

/// How deep blocks may be told by their indentation: the grammars' scanners keep it in a buffer of a fixed size and check its end late.
const MAX_INDENTATION: usize = 240;

/// Returns the tree of `text`, or `None` if a bound is reached.
pub(super) fn parse(language: &Language, text: &str) -> Option<Tree> {
    if is_unfit(language, text) {
        return None;
    }
    PARSERS.with_borrow_mut(|parsers| {
        let parser = match parsers.entry(language.parser_key()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(parser(language)?),
        };
        run(parser, text, None)
    })
}

thread_local! {
    /// A parser keeps the memory it took; nothing else of one text is left for the next.
    static PARSERS: RefCell<HashMap<usize, Parser>> = RefCell::default();
}

/// Tells whether a text is over a bound before it is parsed.
pub(super) fn is_unfit(language: &Language, text: &str) -> bool {
    text.len() > MAX_TEXT_BYTES || is_garbage(text) || language.block_marks.is_some_and(|marks| is_deep(text, marks))
}

/// Returns a parser of a language.
pub(super) fn parser(language: &Language) -> Option<Parser> {
    let mut parser = Parser::new();
    parser.set_language(&language.grammar()).ok()?;
    Some(parser)
}

/// Returns the tree of `text`, with what it has in common with `old`; `None` if a bound is reached.
pub(super) fn run(parser: &mut Parser, text: &str, old: Option<&Tree>) -> Option<Tree> {
    let mut reports = 0_u32;
    let over = Cell::new(false);
    let mut progress = |_: &tree_sitter::ParseState| {
        reports = reports.saturating_add(1);
        if reports > MAX_REPORTS || over.get() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let options = ParseOptions::new().progress_callback(&mut progress);
    let bytes = text.as_bytes();
    let mut left = bytes.len().saturating_mul(MAX_GIVEN.0).saturating_add(MAX_GIVEN.1);
    let mut give = |at: usize, _| {
        let chunk = bytes.get(at..bytes.len().min(at.saturating_add(CHUNK))).unwrap_or_default();
        match left.checked_sub(chunk.len()) {
            Some(rest) => left = rest,
            None => over.set(true),
        }
        if over.get() { &[] } else { chunk }
    };
    let tree = parser.parse_with_options(&mut give, old, Some(options)).filter(|_| !over.get());
    if tree.is_none() {
        // What was left off must not be gone on with.
        parser.reset();
    }
    tree
}

/// Tells whether a longer text has so many unreadable characters that it is no code.
fn is_garbage(text: &str) -> bool {
    // What begins no character that is odd need not be decoded.
    let plain = |byte: u8| (byte >= b' ' || byte.is_ascii_whitespace()) && !matches!(byte, 0x7f | 0xc2 | 0xef);
    if text.bytes().all(plain) {
        return false;
    }
    let odd = |c: &char| *c == char::REPLACEMENT_CHARACTER || (c.is_control() && !c.is_whitespace());
    text.len() > 4096 && text.chars().filter(odd).count() > text.len() / GARBAGE_SHARE
}

/// Tells whether blocks may be nested too deep: each needs a column of its own, and one that begins within a line a mark.
fn is_deep(text: &str, marks: &[char]) -> bool {
    text.lines().filter(|line| line.len() > MAX_INDENTATION).any(|line| {
        let indentation = line.bytes().take_while(u8::is_ascii_whitespace).count();
        let begins = |(at, mark): &(usize, &str)| {
            line.get(at + mark.len()..).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
        };
        indentation + line.match_indices(marks).filter(begins).count() > MAX_INDENTATION
    })
}

/// Returns `text` on one line, without runs of blanks, cut to `limit` characters.
pub(super) fn one_line(text: &str, limit: usize) -> String {
    let mut line = String::new();
    for (count, c) in
        text.split_whitespace().flat_map(|word| std::iter::once(' ').chain(word.chars())).skip(1).enumerate()
    {
        if count == limit {
            line.push('…');
            break;
        }
        line.push(c);
    }
    line
}

/// Returns `number`, counted from 0, as a line counted from 1.
pub(super) fn line_number(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX).saturating_add(1)
}
