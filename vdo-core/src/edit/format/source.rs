//! A reply as lines with their places in it.

use std::ops::Range;

/// The lines of a text and how far they were read.
#[derive(Debug)]
pub(super) struct Source<'a> {
    text: &'a str,
    /// Where the next line begins.
    at: usize,
    /// The number of the line read last, from 1.
    line: usize,
}

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, line: 0 }
    }

    /// Reads a line, without its line end.
    pub(super) fn next(&mut self) -> Option<&'a str> {
        let line = self.peek()?;
        let rest = self.rest();
        let end = memchr::memchr(b'\n', rest.as_bytes()).map_or(rest.len(), |end| end + 1);
        self.at += end;
        self.line += 1;
        Some(line)
    }

    /// Returns the next line without reading it.
    pub(super) fn peek(&self) -> Option<&'a str> {
        let rest = self.rest();
        if rest.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
        let line = rest.get(..end)?;
        Some(line.strip_suffix('\r').unwrap_or(line))
    }

    /// Returns the lines that were not read yet.
    pub(super) fn ahead(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.rest().split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line))
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Returns where the next line begins.
    pub(super) fn byte(&self) -> usize {
        self.at
    }

    /// Returns the number of the line read last.
    pub(super) fn line(&self) -> usize {
        self.line
    }

    pub(super) fn since(&self, start: usize) -> Range<usize> {
        start..self.at
    }
}
