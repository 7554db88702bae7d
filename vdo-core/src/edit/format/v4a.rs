//! The patch envelope that OpenAI's models write: `*** Begin Patch`, files, `@@` anchors, and lines with a sign before them.

use super::source::Source;
use super::{ReadReply, Sequence, Whole, paths};
use crate::edit::{Edit, EditError, FileOp, Hunk, Spot};
use crate::path::RepoPath;

const VERBS: [&str; 3] = ["*** Add File:", "*** Update File:", "*** Delete File:"];

/// Tells whether a line belongs to the envelope and to nothing else.
pub(super) fn is_marker(line: &str) -> bool {
    let line = line.trim();
    line == "*** Begin Patch" || VERBS.iter().any(|verb| line.starts_with(verb))
}

pub(super) fn read(text: &str, whole: Whole) -> ReadReply {
    let mut reader = Reader { source: Source::new(text), whole, block: 0, reply: ReadReply::default() };
    reader.run();
    reader.reply.sequence = Sequence::AtOnce;
    reader.reply
}

/// Reads the hunks of one file without an envelope around them.
pub(super) fn hunks(text: &str, block: usize) -> Result<Vec<Hunk>, String> {
    let mut body = Body::new(block);
    let mut source = Source::new(text);
    loop {
        let start = source.byte();
        let Some(line) = source.next() else { break };
        body.line(line, start)?;
    }
    Ok(body.close(source.byte()))
}

struct Reader<'a> {
    source: Source<'a>,
    whole: Whole,
    block: usize,
    reply: ReadReply,
}

impl<'a> Reader<'a> {
    fn run(&mut self) {
        let mut opened = None;
        let mut closed = false;
        while let Some(line) = self.source.next() {
            let line = line.trim();
            if line == "*** Begin Patch" {
                opened = Some(self.source.line());
                closed = false;
            } else if line == "*** End Patch" {
                closed = true;
            } else if let Some((verb, name)) = VERBS.iter().find_map(|verb| Some((*verb, line.strip_prefix(verb)?))) {
                closed = false;
                self.file(verb, name);
            } else if line.starts_with("*** ") && (line.ends_with(':') || line.contains(" File:")) && !closed {
                self.block += 1;
                self.fault(format!("{line:?} is no operation; there are Add File, Update File and Delete File"));
            }
        }
        // Without an envelope around it a patch ends where the text ends.
        if let (Some(line), false, Whole::Unknown) = (opened, closed, self.whole) {
            let reason = "the patch has no *** End Patch line; the reply may have been cut off".to_owned();
            self.reply.faults.push(EditError::Block { block: self.block, line, reason });
        }
    }

    fn fault(&mut self, reason: impl Into<String>) {
        let line = self.source.line();
        self.reply.faults.push(EditError::Block { block: self.block, line, reason: reason.into() });
    }

    fn path(&mut self, name: &str) -> Option<RepoPath> {
        match paths::path(name) {
            Ok(path) => Some(path),
            Err(error) => {
                self.fault(error.to_string());
                None
            }
        }
    }

    fn file(&mut self, verb: &str, name: &str) {
        if verb != "*** Update File:" {
            self.block += 1;
        }
        let path = self.path(name);
        match verb {
            "*** Add File:" => self.add(path),
            "*** Delete File:" => {
                self.reply.edits.extend(path.map(|path| Edit { path, op: FileOp::Delete }));
            }
            _ => self.update(path),
        }
    }

    /// Tells whether a line belongs to the envelope rather than to a file's body.
    fn is_envelope(line: &str) -> bool {
        let line = line.trim();
        is_marker(line) || line == "*** End Patch" || (line.starts_with("*** ") && line.contains(" File:"))
    }

    fn add(&mut self, path: Option<RepoPath>) {
        let mut lines: Vec<&str> = Vec::new();
        while let Some(line) = self.source.peek().filter(|line| !Self::is_envelope(line)) {
            lines.push(line);
            self.source.next();
        }
        while lines.last().is_some_and(|line| line.trim().is_empty()) {
            lines.pop();
        }
        let signed = lines.iter().filter(|line| line.starts_with('+')).count();
        let blank = lines.iter().filter(|line| line.is_empty()).count();
        let text: String = match () {
            // A file whose lines have no sign at all is taken as it stands.
            () if signed == 0 => lines.iter().flat_map(|line| [*line, "\n"]).collect(),
            () if signed + blank == lines.len() => {
                lines.iter().flat_map(|line| [line.strip_prefix('+').unwrap_or(line), "\n"]).collect()
            }
            () => return self.fault("some lines of the new file have no + before them"),
        };
        self.reply.edits.extend(path.map(|path| Edit { path, op: FileOp::Create(text) }));
    }

    fn update(&mut self, path: Option<RepoPath>) {
        let mut target = None;
        let mut body = Body::new(self.block + 1);
        let first_line = self.source.line();
        while let Some(line) = self.source.peek().filter(|line| !Self::is_envelope(line)) {
            let start = self.source.byte();
            self.source.next();
            if let Some(to) = line.trim().strip_prefix("*** Move to:") {
                target = self.path(to);
            } else if let Err(reason) = body.line(line, start) {
                self.block += 1;
                self.fault(reason);
            }
        }
        let hunks = body.close(self.source.byte());
        self.block += hunks.len().max(1);
        let Some(path) = path else { return };
        if hunks.is_empty() && target.is_none() {
            let reason = format!("{path} is to be updated, and no line says how");
            self.reply.faults.push(EditError::Block { block: self.block, line: first_line, reason });
            return;
        }
        if !hunks.is_empty() {
            self.reply.edits.push(Edit { path: path.clone(), op: FileOp::Replace(hunks) });
        }
        self.reply.edits.extend(target.filter(|to| *to != path).map(|to| Edit { path, op: FileOp::Move(to) }));
    }
}

/// The hunks of one file under way.
struct Body {
    block: usize,
    hunks: Vec<Hunk>,
    anchors: Vec<String>,
    lines: Vec<(char, String)>,
    at_end: bool,
    start: usize,
}

impl Body {
    fn new(block: usize) -> Self {
        Self { block, hunks: Vec::new(), anchors: Vec::new(), lines: Vec::new(), at_end: false, start: 0 }
    }

    fn line(&mut self, line: &str, start: usize) -> Result<(), String> {
        if self.lines.is_empty() && self.anchors.is_empty() {
            self.start = start;
        }
        if line.trim() == "*** End of File" {
            self.at_end = true;
            self.flush(start);
        } else if let Some(anchor) = line.strip_prefix("@@") {
            if !self.lines.is_empty() {
                self.flush(start);
                self.start = start;
            }
            let anchor = anchor.trim();
            let anchor = anchor.strip_suffix("@@").unwrap_or(anchor).trim();
            // Line numbers are those of another format; they say nothing that can be relied on here.
            if !anchor.is_empty() && anchor != "..." && !super::unified::is_range(anchor) {
                self.anchors.push(anchor.to_owned());
            }
        } else {
            let mut chars = line.chars();
            let (sign, text) = match chars.next() {
                None => (' ', ""),
                Some(sign @ (' ' | '+' | '-')) => (sign, chars.as_str()),
                Some('\\') if line.starts_with("\\ No newline") => return Ok(()),
                Some('*') if line.starts_with("*** ") => return Err(format!("{line:?} is not understood here")),
                // Context that lost its blank.
                Some(_) => (' ', line),
            };
            self.lines.push((sign, text.to_owned()));
        }
        Ok(())
    }

    fn flush(&mut self, end: usize) {
        let lines = std::mem::take(&mut self.lines);
        let anchors = std::mem::take(&mut self.anchors);
        let at_end = std::mem::take(&mut self.at_end);
        let hunk = signed(&lines);
        if hunk.find == hunk.replace {
            return;
        }
        let block = self.block + self.hunks.len();
        let spot = if hunk.find.is_empty() { Spot::End } else { Spot::None };
        self.hunks.push(Hunk { anchors, at_end, spot, block, span: self.start..end, ..hunk });
    }

    fn close(mut self, end: usize) -> Vec<Hunk> {
        if !self.lines.is_empty() {
            self.flush(end);
        }
        self.hunks
    }
}

/// Makes a hunk of lines with signs: blank for those that stay, `-` and `+` for those that go and come.
pub(super) fn signed(lines: &[(char, String)]) -> Hunk {
    let mut hunk = Hunk { ordered: true, ..Hunk::default() };
    let mut kept = Vec::new();
    let (mut old, mut new) = (0, 0);
    for (sign, text) in lines {
        if *sign == ' ' {
            kept.push((old, new));
        }
        if *sign != '+' {
            hunk.find.push_str(text);
            hunk.find.push('\n');
            old += 1;
        }
        if *sign != '-' {
            hunk.replace.push_str(text);
            hunk.replace.push('\n');
            new += 1;
        }
    }
    hunk.kept = Some(kept);
    hunk
}
