//! Unified diffs: as git writes them, and as models do, who count badly, leave the numbers out and forget blanks.

use super::source::Source;
use super::v4a::signed;
use super::{Known, ReadReply, Sequence, paths};
use crate::edit::{Edit, EditError, FileOp, Hunk, Spot};
use crate::path::RepoPath;

const NULL: &str = "/dev/null";

pub(super) fn read(text: &str, known: Known<'_>) -> ReadReply {
    let mut reader = Reader {
        source: Source::new(text),
        known,
        fenced: false,
        block: 0,
        file: None,
        hunk: None,
        reply: ReadReply::default(),
    };
    reader.run();
    reader.reply.sequence = Sequence::AtOnce;
    reader.reply
}

/// Tells whether a hunk's heading has nothing but line numbers: `-1,3 +1,4`.
pub(super) fn is_range(text: &str) -> bool {
    let mut parts = text.trim().trim_end_matches('@').split_whitespace();
    let is_part = |part: Option<&str>, sign| {
        part.and_then(|part| part.strip_prefix(sign))
            .is_some_and(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit() || c == ','))
    };
    is_part(parts.next(), '-') && is_part(parts.next(), '+')
}

/// A file whose header was read.
#[derive(Debug, Default)]
struct File {
    old: Option<String>,
    new: Option<String>,
    rename: Option<(String, String)>,
    is_new: bool,
    is_deleted: bool,
    hunks: Vec<Hunk>,
    line: usize,
}

/// A hunk under way.
#[derive(Debug, Default)]
struct Open {
    lines: Vec<(char, String)>,
    /// The line it begins at, and how many old and new lines it says that it has.
    range: Option<(usize, usize, usize)>,
    open_ended: Option<char>,
    start: usize,
}

impl Open {
    /// Tells whether the lines that were announced are all there.
    fn is_full(&self) -> bool {
        let count = |sign: char| self.lines.iter().filter(|(own, _)| *own == ' ' || *own == sign).count();
        self.range.is_some_and(|(_, old, new)| count('-') >= old && count('+') >= new)
    }
}

struct Reader<'a, 'k> {
    source: Source<'a>,
    known: Known<'k>,
    fenced: bool,
    block: usize,
    file: Option<File>,
    hunk: Option<Open>,
    reply: ReadReply,
}

impl<'a> Reader<'a, '_> {
    fn run(&mut self) {
        loop {
            let start = self.source.byte();
            let Some(line) = self.source.next() else { break };
            if line.trim_start().starts_with("```") && !line.starts_with(['+', '-', ' ']) {
                self.close_file();
                self.fenced = !self.fenced;
            } else if self.is_header(line) {
                self.header(line);
            } else if let Some(rest) = line.strip_prefix("@@").filter(|_| self.file.is_some()) {
                self.close_hunk(start);
                self.hunk = Some(Open { range: range(rest), start, ..Open::default() });
            } else if self.hunk.is_some() {
                self.body(line, start);
            } else {
                self.attribute(line);
            }
        }
        self.close_file();
    }

    /// Tells whether a line begins the header of a file: within a hunk, a removed line may look like one.
    fn is_header(&self, line: &str) -> bool {
        if line.starts_with("diff --git ") {
            return true;
        }
        let mut ahead = self.source.ahead();
        let next = ahead.next().unwrap_or_default();
        if !(line.starts_with("--- ") && next.starts_with("+++ ")) {
            return false;
        }
        let behind = ahead.next().unwrap_or_default();
        self.hunk.is_none()
            || behind.starts_with("@@")
            || (behind.is_empty() && self.hunk.as_ref().is_some_and(Open::is_full))
    }

    fn header(&mut self, line: &str) {
        if line.starts_with("diff --git ") {
            self.close_file();
            self.file = Some(File { line: self.source.line(), ..File::default() });
            if let Some((old, new)) = line.strip_prefix("diff --git ").and_then(git_paths) {
                self.file = self.file.take().map(|file| File { old: Some(old), new: Some(new), ..file });
            }
            return;
        }
        // The header of `diff --git` goes on here.
        let goes_on = self.hunk.is_none() && self.file.as_ref().is_some_and(|file| file.hunks.is_empty());
        if !goes_on {
            self.close_file();
        }
        let mut file = self.file.take().unwrap_or_default();
        file.line = self.source.line();
        let name = |line: &str| {
            paths::unquoted(line.get(4..).unwrap_or_default().split('\t').next().unwrap_or_default().trim())
        };
        file.old = Some(name(line));
        file.new = self.source.next().map(name);
        self.file = Some(file);
    }

    fn attribute(&mut self, line: &str) {
        let Some(file) = &mut self.file else { return };
        if let Some(from) = line.strip_prefix("rename from ") {
            file.rename.get_or_insert_default().0 = paths::unquoted(from.trim());
        } else if let Some(to) = line.strip_prefix("rename to ") {
            file.rename.get_or_insert_default().1 = paths::unquoted(to.trim());
        } else if line.starts_with("new file mode ") {
            file.is_new = true;
        } else if line.starts_with("deleted file mode ") {
            file.is_deleted = true;
        } else if line.starts_with("GIT binary patch")
            || (line.starts_with("Binary files ") && line.ends_with(" differ"))
        {
            self.block += 1;
            self.fault("a binary file cannot be changed by a patch");
        }
    }

    fn fault(&mut self, reason: impl Into<String>) {
        let line = self.source.line();
        self.reply.faults.push(EditError::Block { block: self.block, line, reason: reason.into() });
    }

    fn body(&mut self, line: &str, start: usize) {
        let fenced = self.fenced;
        let Some(hunk) = &mut self.hunk else { return };
        let mut chars = line.chars();
        match chars.next() {
            Some(sign @ (' ' | '+' | '-')) => hunk.lines.push((sign, chars.as_str().to_owned())),
            Some('\\') => hunk.open_ended = hunk.lines.last().map(|(sign, _)| *sign).or(hunk.open_ended),
            None if !hunk.is_full() || hunk.range.is_none() => hunk.lines.push((' ', String::new())),
            // Context that lost its blank; outside a fence it may be talk.
            Some(_) if fenced && !hunk.is_full() => hunk.lines.push((' ', line.to_owned())),
            _ => self.close_hunk(start),
        }
    }

    fn close_hunk(&mut self, end: usize) {
        let Some(mut open) = self.hunk.take() else { return };
        // Blank lines at the end that nobody announced belong to what follows.
        while open.lines.last().is_some_and(|(sign, text)| *sign == ' ' && text.is_empty()) && open.lines.len() > 1 {
            let more = open.lines.pop();
            if !open.is_full() && open.range.is_some() {
                open.lines.extend(more);
                break;
            }
        }
        let hunk = signed(&open.lines);
        if hunk.find == hunk.replace && open.open_ended.is_none() {
            return;
        }
        let line = open.range.map(|(line, _, _)| line).filter(|line| *line > 0);
        let spot = match (hunk.find.is_empty(), open.range) {
            (false, _) => Spot::None,
            (true, Some((line, 0, _))) => Spot::AfterLine(line),
            (true, Some(_)) => Spot::None,
            (true, None) => Spot::End,
        };
        let has_new = |sign: char| open.lines.iter().any(|(own, _)| *own == sign);
        let final_newline = match open.open_ended {
            Some('+') => Some(false),
            Some('-') if has_new('+') => Some(true),
            _ => None,
        };
        self.block += 1;
        let (block, at_end) = (self.block, open.open_ended.is_some());
        let hunk = Hunk { line, spot, final_newline, at_end, block, span: open.start..end, ..hunk };
        if let Some(file) = &mut self.file {
            file.hunks.push(hunk);
        }
    }

    fn close_file(&mut self) {
        self.close_hunk(self.source.byte());
        let Some(file) = self.file.take() else { return };
        if let Err(reason) = self.make(file) {
            self.block += 1;
            self.fault(reason);
        }
    }

    fn make(&mut self, mut file: File) -> Result<(), String> {
        let (old, new) = match (file.rename.take(), file.old.take(), file.new.take()) {
            (Some((from, to)), ..) => (from, to),
            (None, Some(old), Some(new)) => self.without_prefixes(old, new),
            _ => return Err("the header has no paths".to_owned()),
        };
        let parse = |text: &str| paths::path(text).map_err(|error| error.to_string());
        let hunks = file.hunks;
        if new == NULL || file.is_deleted {
            let path = parse(&old)?;
            // What goes has to be what is there.
            if !hunks.is_empty() {
                self.push(&path, FileOp::Replace(hunks));
            }
            self.push(&path, FileOp::Delete);
            return Ok(());
        }
        let path = parse(&new)?;
        if old == NULL || file.is_new {
            let mut text: String = hunks.iter().map(|hunk| hunk.replace.as_str()).collect();
            if hunks.last().is_some_and(|hunk| hunk.final_newline == Some(false)) {
                text.pop();
            }
            self.push(&path, FileOp::Create(text));
            return Ok(());
        }
        let from = parse(&old)?;
        if from == path && hunks.is_empty() {
            return Ok(());
        }
        if !hunks.is_empty() {
            self.push(&from, FileOp::Replace(hunks));
        }
        if from != path {
            self.push(&from, FileOp::Move(path));
        }
        Ok(())
    }

    fn push(&mut self, path: &RepoPath, op: FileOp) {
        self.reply.edits.push(Edit { path: path.clone(), op });
    }

    /// Takes `a/` and `b/` away, unless files of these names are known.
    fn without_prefixes(&self, old: String, new: String) -> (String, String) {
        let is = |name: &str, prefix: &str| name == NULL || name.starts_with(prefix);
        let prefixed = is(&old, "a/") && is(&new, "b/") && !(old == NULL && new == NULL);
        let literal = |name: &str| paths::path(name).is_ok_and(|path| self.known.has(&path));
        if !prefixed || (literal(&old) && old.strip_prefix("a/").is_some_and(|bare| !literal(bare))) {
            return (old, new);
        }
        let bare = |name: String, prefix: &str| name.strip_prefix(prefix).map_or(name.clone(), str::to_owned);
        (bare(old, "a/"), bare(new, "b/"))
    }
}

/// Reads `-1,3 +1,4 @@`: the first old line, and how many old and new lines there are.
fn range(text: &str) -> Option<(usize, usize, usize)> {
    let mut parts = text.split_whitespace();
    let mut side = |sign: char| {
        let part = parts.next()?.strip_prefix(sign)?;
        let (line, count) = part.split_once(',').unwrap_or((part, "1"));
        Some((line.parse::<usize>().ok()?, count.trim_end_matches('@').parse::<usize>().ok()?))
    };
    let (line, old) = side('-')?;
    let (_, new) = side('+')?;
    Some((line, old, new))
}

/// Reads `a/old b/new` where both are the same but for their prefixes.
fn git_paths(text: &str) -> Option<(String, String)> {
    let (old, new) = text.split_once(" b/")?;
    Some((old.to_owned(), format!("b/{new}")))
}
