//! Texts that no grammar reads: what they define is known line by line, from the words that lines begin with.
//!
//! One pass over the lines; what a line defines ends before the next one that is indented no deeper. Never fails, and tells
//! little rather than something wrong.

mod code;
mod line;
mod words;

use vdo_core::syntax::{Reading, Symbol, SymbolKind};

use super::MAX_SYMBOLS;
use super::parse::{line_number, one_line};
use super::reading::{MAX_SIGNATURE, Prose, References, summary};

use code::Code;
pub(super) use words::Words;

/// Returns what a text defines, uses and says of itself.
pub(super) fn read(words: &'static Words, text: &str) -> Reading {
    let mut reader = Lines::new(words);
    let mut code = Code::new(words);
    let mut at = 0;
    for (row, line) in text.split_inclusive('\n').enumerate() {
        reader.line(text, row, at, line.trim_end_matches(['\n', '\r']), &mut code);
        at += line.len();
    }
    reader.finish(text)
}

/// A definition that may go on.
struct Open {
    indentation: usize,
    symbol: usize,
    kind: SymbolKind,
}

/// A run of comments.
struct Comment {
    start: usize,
    end: usize,
    row: usize,
}

struct Lines<'t> {
    words: &'static Words,
    symbols: Vec<Symbol>,
    references: References<'t>,
    open: Vec<Open>,
    comment: Option<Comment>,
    prose: Prose,
    /// Whether there was code.
    begun: bool,
    /// The last row with code in it.
    row: usize,
}

impl<'t> Lines<'t> {
    fn new(words: &'static Words) -> Self {
        let (references, prose) = (References::default(), Prose::default());
        Self { words, symbols: Vec::new(), references, open: Vec::new(), comment: None, prose, begun: false, row: 0 }
    }

    fn line(&mut self, text: &'t str, row: usize, start: usize, line: &'t str, code: &mut Code) {
        let inside = code.is_inside();
        let trimmed = line.trim();
        let references = &mut self.references;
        let has_code = code.line(line, |name| references.used(name));
        if !has_code {
            if !trimmed.is_empty() || inside {
                self.comment_line(text, row, start..start + line.len());
            }
            return;
        }
        let indentation = line.len() - line.trim_start().len();
        self.close(indentation, trimmed, row);
        // Annotations stand between a comment and what it is about.
        if trimmed.starts_with(['@', '[']) && !trimmed.contains(' ') {
            if let Some(comment) = self.comment.as_mut().filter(|comment| comment.row + 1 >= row) {
                comment.row = row;
            }
            return;
        }
        let nested = self.open.iter().any(|open| open.kind == SymbolKind::Function);
        if !inside && !nested && self.symbols.len() < MAX_SYMBOLS {
            self.define(text, row, indentation, trimmed);
        }
        if !std::mem::replace(&mut self.begun, true) {
            self.comment_ends(text);
        }
    }

    fn define(&mut self, text: &str, row: usize, indentation: usize, line: &'t str) {
        let Some(found) = line::definition(self.words, line) else { return };
        if found.kind == SymbolKind::Value && indentation > 0 {
            self.references.own(found.name);
            return;
        }
        let own = found.name.replace("::", ".");
        let name = match self.open.last().and_then(|open| self.symbols.get(open.symbol)) {
            Some(outer) if found.kind != SymbolKind::Import => format!("{}.{own}", outer.name),
            _ if found.kind == SymbolKind::Import => found.name.to_owned(),
            _ => own,
        };
        let name: String = name.chars().take(MAX_SIGNATURE).collect();
        let head = line.trim_end_matches(['{', ' ', ';', ':', '=']).trim_end();
        let head = head.strip_suffix(" do").unwrap_or(head).trim_end();
        let doc = match &self.comment {
            Some(comment) if comment.row + 1 >= row && found.kind != SymbolKind::Import => {
                let doc = summary(text.get(comment.start..comment.end).unwrap_or_default());
                self.comment_ends(text);
                doc
            }
            _ => String::new(),
        };
        let (line, signature) = (line_number(row), one_line(head, MAX_SIGNATURE));
        if matches!(found.kind, SymbolKind::Type | SymbolKind::Function) {
            self.open.push(Open { indentation, symbol: self.symbols.len(), kind: found.kind });
        }
        self.symbols.push(Symbol { name, kind: found.kind, line, signature, end: line, doc });
    }

    /// Ends what is indented as deep as this line or deeper.
    fn close(&mut self, indentation: usize, line: &str, row: usize) {
        let closes = line.starts_with(['}', ')', ']']) || line == "end" || line.starts_with("end ") || line == "end;";
        // A bracket on a line of its own opens what the line before defines.
        let opens = line.starts_with('{');
        while let Some(open) = self.open.last().filter(|open| open.indentation >= indentation) {
            if opens && open.indentation == indentation {
                break;
            }
            let last = if closes && open.indentation == indentation { row } else { self.row };
            if let Some(symbol) = self.symbols.get_mut(open.symbol) {
                symbol.end = line_number(last).max(symbol.line);
            }
            self.open.pop();
        }
        self.row = row;
    }

    fn comment_line(&mut self, text: &str, row: usize, span: std::ops::Range<usize>) {
        match self.comment.as_mut().filter(|comment| comment.row + 1 >= row) {
            Some(comment) => (comment.end, comment.row) = (span.end, row),
            None => {
                if !self.begun {
                    self.comment_ends(text);
                }
                self.comment = Some(Comment { start: span.start, end: span.end, row });
            }
        }
    }

    fn comment_ends(&mut self, text: &str) {
        if let Some(comment) = self.comment.take() {
            self.prose.take(text.get(comment.start..comment.end).unwrap_or_default());
        }
    }

    fn finish(mut self, text: &str) -> Reading {
        let row = self.row;
        self.close(0, "", row);
        if !self.begun {
            self.comment_ends(text);
        }
        Reading { references: self.references.finish(&self.symbols), symbols: self.symbols, docs: self.prose.finish() }
    }
}
