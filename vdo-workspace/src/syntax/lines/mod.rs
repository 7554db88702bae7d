//! Texts that are read line by line: sets of lines, sections and small blocks.
//!
//! No grammar: what a line is follows from how it begins. A line that says nothing keeps its place.

mod docker;
mod env;
mod gomod;
mod ignore;
mod ini;
mod lock;
mod make;
mod prose;
mod proto;
mod requirements;

use std::ops::Range;

use vdo_core::path::RepoPath;
use vdo_core::structure::{MemberKind, Structure};

use super::structure::out::{Draft, ListId, MemberId, Out};

/// A kind of text that is read line by line.
pub(super) struct Lines {
    /// The name, in lower case.
    pub(super) name: &'static str,
    fits: fn(&str) -> bool,
    read: fn(&mut Out<'_>, ListId),
}

static LINES: &[Lines] = &[
    Lines { name: "requirements", fits: requirements::fits, read: requirements::read },
    Lines { name: "env", fits: env::fits, read: env::read },
    Lines { name: "ignore", fits: ignore::fits, read: ignore::read },
    Lines { name: "dockerfile", fits: docker::fits, read: docker::read },
    Lines { name: "makefile", fits: make::fits, read: make::read },
    Lines { name: "go.mod", fits: gomod::fits, read: gomod::read },
    Lines { name: "protobuf", fits: proto::fits, read: proto::read },
    Lines { name: "yarn.lock", fits: lock::is_yarn, read: lock::read_yarn },
    Lines { name: "go.sum", fits: lock::is_sums, read: lock::read_sums },
    Lines { name: "markdown", fits: prose::is_markdown, read: prose::read_markdown },
    Lines { name: "text", fits: prose::is_text, read: prose::read_text },
    Lines { name: "ini", fits: ini::fits, read: ini::read },
];

impl Lines {
    /// Returns how `path` is read, by its name.
    pub(super) fn of(path: &RepoPath) -> Option<&'static Self> {
        LINES.iter().find(|lines| (lines.fits)(path.as_str()))
    }

    /// Returns the structure of `text`.
    pub(super) fn structure(&self, text: &str) -> Option<Structure> {
        let (mut out, root) = Out::new(text);
        (self.read)(&mut out, root);
        out.finish()
    }
}

/// Returns the last part of a path.
fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Tells whether a path ends with one of these extensions.
fn has_extension(path: &str, extensions: &[&str]) -> bool {
    file_name(path)
        .rsplit_once('.')
        .is_some_and(|(_, extension)| extensions.iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

/// A line, without its end.
#[derive(Debug, Clone)]
struct Line<'t> {
    /// Where it is.
    span: Range<usize>,
    /// What it says, with its indentation.
    text: &'t str,
}

/// Returns the lines of a part of a text. A mark of byte order is no part of the first.
fn lines(text: &str, range: Range<usize>) -> impl Iterator<Item = Line<'_>> + Clone {
    let mut at = range.start;
    let part = text.get(range).unwrap_or_default();
    part.split_inclusive('\n').map(move |line| {
        let start = at;
        at += line.len();
        let body = line.trim_end_matches(['\n', '\r']);
        let body_start = start + if start == 0 { body.len() - body.trim_start_matches('\u{feff}').len() } else { 0 };
        Line { span: body_start..start + body.len(), text: body.trim_start_matches('\u{feff}') }
    })
}

/// Tells members line by line, joined with the comments directly above them.
struct Teller {
    list: ListId,
    above: Option<Range<usize>>,
    first: bool,
    /// Where the last member ends.
    end: usize,
}

impl Teller {
    fn new(list: ListId) -> Self {
        Self { list, above: None, first: true, end: 0 }
    }

    /// Takes in a line of comment.
    fn comment(&mut self, line: &Line<'_>) {
        match &mut self.above {
            Some(run) => run.end = line.span.end,
            None => self.above = Some(line.span.clone()),
        }
    }

    /// Takes in a blank line: comments above it belong to nothing.
    fn blank(&mut self, out: &mut Out<'_>) {
        let Some(run) = self.above.take() else { return };
        self.end = run.end;
        // What the text begins with is about the whole of it.
        let free = !(self.first && run.start <= 3);
        self.first = false;
        out.member(self.list, run, &Draft { free, ..Draft::fixed(MemberKind::Comment, "") });
    }

    /// Tells of a member.
    fn member(&mut self, out: &mut Out<'_>, span: Range<usize>, draft: &Draft) -> MemberId {
        let start = self.above.take().map_or(span.start, |run| run.start);
        self.first = false;
        self.end = span.end;
        out.member(self.list, start..span.end, draft)
    }
}

/// Reads lines that are one member each: blank lines and comments as everywhere, a `\` at the end goes on with the next line.
fn flat(
    out: &mut Out<'_>,
    list: ListId,
    range: Range<usize>,
    comment: &[&str],
    mut read: impl FnMut(&str, &str) -> Draft,
) -> usize {
    let text = out.text;
    let scope = out.name(list).to_owned();
    let mut teller = Teller::new(list);
    let mut lines = lines(text, range);
    while let Some(line) = lines.next() {
        let trimmed = line.text.trim();
        if trimmed.is_empty() {
            teller.blank(out);
        } else if comment.iter().any(|mark| trimmed.starts_with(mark)) {
            teller.comment(&line);
        } else {
            let mut span = line.span.clone();
            let mut last = trimmed;
            while last.ends_with('\\') {
                let Some(next) = lines.next() else { break };
                span.end = next.span.end;
                last = next.text.trim_end();
            }
            let draft = read(text.get(span.clone()).unwrap_or_default(), &scope);
            teller.member(out, span, &draft);
        }
    }
    teller.blank(out);
    teller.end
}
