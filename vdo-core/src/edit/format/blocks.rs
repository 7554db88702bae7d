//! Blocks with lines to find and lines to put there, and whole files between fences.
//!
//! Read in all dialects: markers of 3 to 9 characters, `SEARCH`/`ORIGINAL`, `-------`/`+++++++` markers, line numbers and
//! escapes within, the path above the block, above its fence, in the fence's words or inside the fence. A line that could be
//! either a marker or content is a fault, never a guess.

use super::source::Source;
use super::{Known, ReadReply, Sequence, Whole, paths};
use crate::edit::{Edit, EditError, FileOp, Hunk};
use crate::path::RepoPath;

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Blocks, files and commands.
    Blocks,
    /// Files only.
    Files,
}

/// Tells whether a line opens a block.
pub(super) fn is_search(line: &str) -> bool {
    search(line).is_some()
}

/// Reads an opening marker: its length, and what stands behind its word.
fn search(line: &str) -> Option<(usize, &str)> {
    let line = line.trim_end();
    for (mark, words) in [('<', ["SEARCH", "ORIGINAL"]), ('-', ["SEARCH", "SEARCH"])] {
        let rest = line.trim_start_matches(mark);
        let count = line.len() - rest.len();
        if !(3..=9).contains(&count) {
            continue;
        }
        let rest = rest.strip_prefix(' ').unwrap_or(rest);
        if let Some(behind) = words.iter().find_map(|word| rest.strip_prefix(word)) {
            let behind = behind.strip_prefix('>').unwrap_or(behind);
            if behind.is_empty() || behind.starts_with(' ') {
                return Some((count, behind.trim()));
            }
        }
    }
    None
}

/// Reads a line between the parts: its length.
fn divider(line: &str) -> Option<usize> {
    let line = line.trim_end();
    let count = line.len();
    ((3..=9).contains(&count) && line.bytes().all(|byte| byte == b'=')).then_some(count)
}

/// Tells whether a line closes a block.
fn is_end(line: &str) -> bool {
    let line = line.trim_end();
    [('>', ["REPLACE", "UPDATED"]), ('+', ["REPLACE", "REPLACE"])].iter().any(|(mark, words)| {
        let rest = line.trim_start_matches(*mark);
        let count = line.len() - rest.len();
        let rest = rest.strip_prefix(' ').unwrap_or(rest);
        let rest = rest.strip_suffix('>').unwrap_or(rest);
        (3..=9).contains(&count) && words.contains(&rest)
    })
}

/// Takes the backslash away that keeps a line from being read as a marker.
fn unescaped(line: &str) -> &str {
    match line.strip_prefix('\\') {
        Some(rest)
            if ["<<<", "===", ">>>", "---", "+++", ":start_line:", ":end_line:"]
                .iter()
                .any(|mark| rest.starts_with(mark)) =>
        {
            rest
        }
        _ => line,
    }
}

/// Returns the fence that opens on this line: its marks, and the words behind them.
fn fence(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    let first = line.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let marks = line.len() - line.trim_start_matches(first).len();
    let words = line.get(marks..)?.trim();
    (marks >= 3 && !words.contains('`')).then_some((line.get(..marks)?, words))
}

pub(super) fn read(text: &str, mode: Mode, known: Known<'_>, whole: Whole) -> ReadReply {
    let mut reader = Reader {
        source: Source::new(text),
        mode,
        known,
        whole,
        block: 0,
        above: None,
        path: None,
        open: None,
        reply: ReadReply::default(),
    };
    reader.run();
    reader.reply.sequence = Sequence::AtOnce;
    reader.reply
}

struct Reader<'a, 'k> {
    source: Source<'a>,
    mode: Mode,
    known: Known<'k>,
    whole: Whole,
    block: usize,
    /// The last visible line outside blocks and fences.
    above: Option<&'a str>,
    /// The file of the blocks that follow.
    path: Option<RepoPath>,
    /// The marks of a fence around blocks that is open.
    open: Option<&'a str>,
    reply: ReadReply,
}

impl<'a> Reader<'a, '_> {
    fn run(&mut self) {
        let blocks = self.mode == Mode::Blocks;
        loop {
            let start = self.source.byte();
            let Some(line) = self.source.next() else { break };
            if let Some((marks, behind)) = search(line).filter(|_| blocks) {
                self.block(start, marks, behind);
            } else if let Some((marks, words)) = fence(line) {
                match self.open {
                    Some(open) if words.is_empty() && marks.len() >= open.len() => self.open = None,
                    _ => self.fenced(marks, words),
                }
            } else if let Some(path) = line.strip_prefix("DELETE ").filter(|_| blocks) {
                self.command(path, |path| Some(Edit { path, op: FileOp::Delete }));
            } else if let Some((from, to)) =
                line.strip_prefix("RENAME ").filter(|_| blocks).and_then(|rest| rest.split_once(" TO "))
            {
                let to = paths::path(paths::clean(to)).ok();
                self.command(from, |path| to.map(|to| Edit { path, op: FileOp::Move(to) }));
            } else if !line.trim().is_empty() {
                self.name(line);
            }
        }
    }

    /// Takes a line outside blocks as the name of the file, if it is one.
    fn name(&mut self, line: &'a str) {
        self.above = Some(line);
        let found = paths::alone(line, self.known).or_else(|| paths::mentioned(line, self.known));
        if let Some(path) = found {
            self.path = Some(path);
        }
    }

    fn fault(&mut self, reason: impl Into<String>, line: usize) {
        self.reply.faults.push(EditError::Block { block: self.block, line, reason: reason.into() });
    }

    fn command(&mut self, path: &str, make: impl FnOnce(RepoPath) -> Option<Edit>) {
        self.block += 1;
        let line = self.source.line();
        match paths::path(paths::clean(path)) {
            Ok(path) => match make(path) {
                Some(edit) => self.reply.edits.push(edit),
                None => self.fault("the new path is not one inside the project", line),
            },
            Err(error) => self.fault(error.to_string(), line),
        }
    }

    /// Returns the file a block is for; a line above it that leads outside the project is a fault of its own.
    fn named(&mut self, behind: &str, line: usize) -> Option<RepoPath> {
        if let Some(path) = (!behind.is_empty()).then(|| paths::alone(behind, self.known)).flatten() {
            self.path = Some(path);
        }
        if let Some(above) = self.above.take()
            && let Err(error) = paths::path(paths::clean(above))
            && paths::alone(above, self.known).is_none()
            && looks_like_a_path(paths::clean(above))
        {
            self.path = None;
            self.fault(error.to_string(), line);
            return None;
        }
        if self.path.is_none() {
            self.fault("there is no path on the line above it", line);
        }
        self.path.clone()
    }

    fn block(&mut self, start: usize, marks: usize, behind: &str) {
        self.block += 1;
        let line = self.source.line();
        let path = self.named(behind, line);
        let hint = self.line_hint();
        let mut body: Vec<&str> = Vec::new();
        let mut dividers: Vec<(usize, usize)> = Vec::new();
        let ended = loop {
            let Some(next) = self.source.peek() else { break false };
            if is_search(next) {
                // The next block begins before this one ended.
                break false;
            }
            self.source.next();
            if is_end(next) {
                break true;
            }
            if let Some(length) = divider(next) {
                dividers.push((body.len(), length));
            }
            body.push(unescaped(next));
        };
        let same: Vec<&(usize, usize)> = dividers.iter().filter(|(_, length)| *length == marks).collect();
        let at = match (dividers.as_slice(), same.as_slice()) {
            ([(at, _)], _) | (_, [(at, _)]) => *at,
            ([], _) => return self.fault("it has no ======= line", line),
            _ => {
                let reason = "it has several ======= lines; write those that belong to the file as \\=======";
                return self.fault(reason, line);
            }
        };
        if !ended {
            return self.fault("it has no >>>>>>> REPLACE line; the reply may have been cut off", line);
        }
        let (find, replace) = (text(body.get(..at)), text(body.get(at + 1..)));
        if let Some(path) = path {
            let (block, span) = (self.block, self.source.since(start));
            let hunk = Hunk { line: hint, block, span, ..Hunk::lines(find, replace) };
            self.reply.edits.push(Edit { path, op: FileOp::Replace(vec![hunk]) });
        }
    }

    /// Reads `:start_line:`, `:end_line:` and the rule below them.
    fn line_hint(&mut self) -> Option<usize> {
        let mut hint = None;
        while let Some(line) = self.source.peek() {
            let line = line.trim();
            if let Some(number) = line.strip_prefix(":start_line:") {
                hint = number.trim().parse().ok();
            } else if line.strip_prefix(":end_line:").is_none() {
                let is_rule = hint.is_some() && line.len() >= 3 && line.bytes().all(|byte| byte == b'-');
                if is_rule {
                    self.source.next();
                }
                break;
            }
            self.source.next();
        }
        hint
    }

    /// Reads a fenced block: blocks in it, a path for the blocks behind it, or a whole file.
    fn fenced(&mut self, marks: &'a str, words: &str) {
        let closes = |line: &str| {
            let line = line.trim();
            line.len() >= marks.len() && line.chars().all(|c| marks.starts_with(c))
        };
        if self.mode == Mode::Blocks && self.source.ahead().take_while(|line| !closes(line)).any(is_search) {
            self.open = Some(marks);
            if let Some(path) = words.split_whitespace().rev().find_map(|word| self.in_words(word)) {
                self.path = Some(path);
                self.above = None;
            }
            return;
        }
        let above = self.above.take();
        let line = self.source.line();
        let path = above
            .and_then(|above| paths::alone(above, self.known))
            .or_else(|| words.split_whitespace().rev().find_map(|word| self.in_words(word)))
            .or_else(|| above.filter(|_| self.mode == Mode::Files).and_then(|above| self.told(above, words)));
        let nests = is_prose(path.as_ref()) || matches!(words, "markdown" | "md");
        let (body, closed) = self.body(marks, nests);
        let Some(path) = path else {
            // A fence with nothing in it but a path names the file of what follows.
            if let [only] = body.as_slice()
                && let Some(path) = paths::alone(only, self.known)
            {
                self.path = Some(path);
            }
            return;
        };
        self.block += 1;
        let path = paths::without_placeholder(path, self.known);
        self.path = Some(path.clone());
        if closed || self.whole == Whole::Yes {
            self.reply.edits.push(Edit { path, op: FileOp::Write(text(Some(&body))) });
        } else {
            self.fault("its fence is not closed; the reply may have been cut off", line);
        }
    }

    /// Reads up to the line that closes a fence; with `nests`, fences within are read over.
    fn body(&mut self, marks: &str, nests: bool) -> (Vec<&'a str>, bool) {
        let mut body = Vec::new();
        let mut inner: Option<usize> = None;
        while let Some(line) = self.source.next() {
            let mark = fence(line).filter(|(own, _)| own.chars().next() == marks.chars().next());
            match (mark, inner) {
                (Some((own, "")), None) if own.len() >= marks.len() => return (body, true),
                (Some((own, "")), Some(length)) if own.len() >= length => inner = None,
                (Some((own, words)), None) if nests && !words.is_empty() => inner = Some(own.len()),
                _ => {}
            }
            body.push(line);
        }
        (body, false)
    }

    fn in_words(&self, word: &str) -> Option<RepoPath> {
        let word = ["path=", "file=", "filename=", "title=", "name="]
            .iter()
            .find_map(|key| word.strip_prefix(key))
            .unwrap_or(word);
        // Some write the language and the path with a colon between them.
        let word = word.trim_matches(['"', '\'']);
        let behind = word.split_once(':').map(|(_, path)| path).filter(|path| !path.is_empty());
        let path = paths::alone(behind.unwrap_or(word), self.known)?;
        (path.as_str().contains(['.', '/'])).then_some(path)
    }

    /// Returns the known file whose content a sentence announces.
    fn told(&self, above: &str, words: &str) -> Option<RepoPath> {
        let path = paths::mentioned(above, self.known)?;
        let lower = above.to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
        let announces =
            has(&["here", "version", "file", "content", "updated", "modified", "create", "full", "rewrit", "complete"]);
        let runs = has(&["run ", "execut", "command", "output", "usage", "example", "install", "invoke", "prints"]);
        let is_shell = matches!(words, "sh" | "bash" | "shell" | "console" | "text" | "diff" | "output" | "zsh");
        let fits = !is_shell || matches!(path.extension(), Some("sh" | "bash" | "zsh" | "txt" | "diff"));
        (announces && !runs && fits).then_some(path)
    }
}

/// Tells whether a line that is no path inside the project was meant as a path.
fn looks_like_a_path(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::is_whitespace) && text.contains(['/', '\\']) && !text.contains("://")
}

/// Tells whether fences are part of such files.
fn is_prose(path: Option<&RepoPath>) -> bool {
    path.and_then(RepoPath::extension).is_some_and(|end| matches!(end, "md" | "markdown" | "mdx" | "rst" | "txt"))
}

fn text(lines: Option<&[&str]>) -> String {
    let lines = lines.unwrap_or_default();
    let mut text = String::with_capacity(lines.iter().map(|line| line.len() + 1).sum());
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    text
}
