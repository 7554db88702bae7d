//! One version of a text with its lines and its structure.

use std::ops::Range;

use crate::structure::{List, Member, Structure};

/// A text, where its lines begin, and what it is made of.
#[derive(Debug)]
pub(super) struct Version<'a> {
    pub(super) text: &'a str,
    /// Where each line begins, and the end of the text.
    starts: Vec<usize>,
    pub(super) structure: Structure,
    /// The members by their lists, and in order.
    members: Vec<usize>,
}

impl<'a> Version<'a> {
    pub(super) fn new(text: &'a str, structure: Structure) -> Self {
        let mut starts: Vec<usize> = vec![0];
        starts.extend(memchr::memchr_iter(b'\n', text.as_bytes()).map(|newline| newline + 1));
        if starts.last() != Some(&text.len()) {
            starts.push(text.len());
        }
        let mut members: Vec<usize> = (0..structure.members.len()).collect();
        let list_of = |member: usize| structure.members.get(member).map_or(0, |member| member.list);
        members.sort_by_key(|member| list_of(*member));
        Self { text, starts, structure, members }
    }

    /// Returns how many lines there are.
    pub(super) fn lines(&self) -> usize {
        self.starts.len() - 1
    }

    /// Returns the line that has the byte at `offset`.
    pub(super) fn line_of(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset).saturating_sub(1).min(self.lines())
    }

    /// Returns where a line begins.
    pub(super) fn start_of(&self, line: usize) -> usize {
        self.starts.get(line).copied().unwrap_or(self.text.len())
    }

    /// Returns the text of some bytes; nothing if they are not there.
    pub(super) fn slice(&self, range: Range<usize>) -> &'a str {
        self.text.get(range).unwrap_or_default()
    }

    /// Returns the text of some lines.
    pub(super) fn slice_lines(&self, lines: Range<usize>) -> &'a str {
        self.slice(self.start_of(lines.start)..self.start_of(lines.end))
    }

    pub(super) fn is_blank(&self, line: usize) -> bool {
        self.slice_lines(line..line + 1).trim().is_empty()
    }

    pub(super) fn list(&self, list: usize) -> Option<&List> {
        self.structure.lists.get(list)
    }

    pub(super) fn member(&self, member: usize) -> Option<&Member> {
        self.structure.members.get(member)
    }

    /// Returns the members of a list.
    pub(super) fn members_of(&self, list: usize) -> &[usize] {
        let list_of = |member: &usize| self.member(*member).map_or(0, |member| member.list);
        let start = self.members.partition_point(|member| list_of(member) < list);
        let rest = self.members.get(start..).unwrap_or_default();
        rest.get(..rest.partition_point(|member| list_of(member) == list)).unwrap_or_default()
    }

    /// Returns the lists that a member owns.
    pub(super) fn lists_of(&self, member: usize) -> impl Iterator<Item = (usize, &List)> {
        self.structure.lists.iter().enumerate().filter(move |(_, list)| list.owner == Some(member))
    }

    /// Returns the lines of some bytes: from the line of the first to behind the line of the last.
    pub(super) fn rows(&self, span: &Range<usize>) -> Range<usize> {
        self.line_of(span.start)..self.line_of(span.end.saturating_sub(1).max(span.start)) + 1
    }

    /// Returns the lines that lie wholly in a list, and the line up to which only blank lines follow.
    pub(super) fn inner(&self, list: &List) -> Inner {
        if list.owner.is_none() {
            return Inner { rows: 0..self.lines(), reach: self.lines() };
        }
        let open = self.line_of(list.inside.start);
        let before = self.slice(self.start_of(open)..list.inside.start);
        let first = if before.trim().is_empty() { open } else { open + 1 };
        let close = self.line_of(list.inside.end);
        let after = self.slice(list.inside.end..self.start_of(close + 1)).trim();
        let last = if self.slice(self.start_of(close)..list.inside.end).trim().is_empty() {
            // The closing bracket has a line of its own.
            close
        } else if after.is_empty() || after.starts_with('#') || after.starts_with("//") {
            // There is no closing bracket: the list ends with its last member.
            close + 1
        } else {
            close
        };
        let last = last.max(first);
        let mut reach = last;
        while reach < self.lines() && self.is_blank(reach) {
            reach += 1;
        }
        Inner { rows: first..last, reach }
    }
}

/// The lines of a list.
#[derive(Debug, Clone)]
pub(super) struct Inner {
    /// Lines that have nothing but members of it.
    pub(super) rows: Range<usize>,
    /// Where blank lines behind them end.
    pub(super) reach: usize,
}

impl Inner {
    /// Tells whether these lines belong to the list.
    pub(super) fn admits(&self, lines: &Range<usize>) -> bool {
        self.rows.start <= lines.start && lines.end <= self.reach
    }
}
