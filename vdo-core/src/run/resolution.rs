//! The three versions of a file in conflict, and reading and checking what somebody made of them.

use crate::conflict::{ConflictRow, marker_line};
use crate::content::{Blob, Bytes, Entry, Mode};
use crate::contents::Contents;
use crate::context;
use crate::diff::is_binary;
use crate::edit::format::read_some;
use crate::edit::{FileOp, Format, Known, Whole, apply};
use crate::id::JobId;
use crate::merge::markers::Labels;
use crate::merge::text::{Texts, merge};
use crate::message::{Reply, Stop};
use crate::path::RepoPath;
use crate::reply::MAX_REPLY_BYTES;
use crate::syntax::Syntax;
use crate::tree::FileTree;

/// The largest file that a model is asked about, the longest of its three versions in bytes.
const MAX_ASKED_BYTES: usize = 60_000;

/// Returns the names that marker lines have for our side, for what was there before and for theirs: `#2 + #3`, `base`, `#4`.
#[must_use]
pub fn side_labels(parents: &[JobId], round: u32) -> [String; 3] {
    let round = usize::try_from(round).unwrap_or(usize::MAX);
    let ours: Vec<String> = parents.iter().take(round).map(ToString::to_string).collect();
    let theirs = parents.get(round).map_or_else(|| "theirs".to_owned(), ToString::to_string);
    [ours.join(" + "), "base".to_owned(), theirs]
}

/// Three versions of a text that a model can be asked about.
pub(super) struct Terms {
    pub(super) base: String,
    pub(super) ours: String,
    pub(super) theirs: String,
    pub(super) mode: Mode,
}

impl Terms {
    /// Returns the versions, if there are two sides, all are texts of a size to ask about, and the mode is clear.
    pub(super) fn of(row: &ConflictRow, contents: &Contents) -> Option<Self> {
        let (ours, theirs) = (row.ours?, row.theirs?);
        let mode = merged_mode(row.base, ours, theirs)?;
        let read = |entry: Entry| {
            let bytes: Bytes = contents.get(entry.blob).filter(|_| entry.mode.is_file())?;
            let text = std::str::from_utf8(&bytes).ok().filter(|_| !is_binary(&bytes))?;
            (text.len() <= MAX_ASKED_BYTES).then(|| text.to_owned())
        };
        let base = match row.base {
            Some(base) => read(base)?,
            None => String::new(),
        };
        Some(Self { base, ours: read(ours)?, theirs: read(theirs)?, mode })
    }

    pub(super) fn texts<'a>(&'a self, path: &'a RepoPath) -> Texts<'a> {
        let (base, ours, theirs) = (self.base.as_bytes(), self.ours.as_bytes(), self.theirs.as_bytes());
        Texts { path, base, ours, theirs }
    }

    /// Returns the text merged as far as it goes, and whether there is a marker in it.
    pub(super) fn shown(
        &self,
        path: &RepoPath,
        [ours, base, theirs]: &[String; 3],
        syntax: &dyn Syntax,
    ) -> (String, bool) {
        let merged = merge(self.texts(path), syntax);
        let has_markers = merged.conflicts().next().is_some();
        let text = merged.with_markers(Labels { ours, base, theirs }, merged.marker_size());
        (String::from_utf8_lossy(&text).into_owned(), has_markers)
    }

    /// Gives a text the line ends and the end that both sides have.
    pub(super) fn in_their_form(&self, text: String) -> String {
        let sides = [&self.ours, &self.theirs];
        let is_crlf =
            |side: &&String| side.contains("\r\n") && side.matches('\n').count() == side.matches("\r\n").count();
        let mut text = if sides.iter().all(is_crlf) { text.replace("\r\n", "\n").replace('\n', "\r\n") } else { text };
        if sides.iter().all(|side| !side.ends_with('\n')) {
            text.truncate(text.trim_end_matches(['\r', '\n']).len());
        }
        text
    }
}

/// Returns the mode of a file that two sides have, if it is clear.
#[must_use]
pub fn merged_mode(base: Option<Entry>, ours: Entry, theirs: Entry) -> Option<Mode> {
    match base {
        _ if ours.mode == theirs.mode => Some(ours.mode),
        Some(base) if base.mode == ours.mode => Some(theirs.mode),
        Some(base) if base.mode == theirs.mode => Some(ours.mode),
        Some(_) | None => None,
    }
}

/// Checks a text that somebody put together of two sides: no marker is left in it, and it has no more syntax faults than the
/// worse side.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn check_text(texts: Texts<'_>, result: &str, syntax: &dyn Syntax) -> Result<(), String> {
    let read = |side: &'_ [u8]| String::from_utf8_lossy(side).into_owned();
    let (base, ours, theirs) = (read(texts.base), read(texts.ours), read(texts.theirs));
    if let Some((number, line)) = marker_line(result, &[&base, &ours, &theirs]) {
        return Err(format!("line {number} is still a conflict marker: {}", context::bounded(line, 80)));
    }
    let now = syntax.faults(texts.path, result);
    let before = [syntax.faults(texts.path, &ours), syntax.faults(texts.path, &theirs)];
    if now.len() > before.iter().map(Vec::len).max().unwrap_or(0) {
        let known = |text: &str| before.iter().flatten().any(|old| old.text == text);
        if let Some(first) = now.iter().find(|fault| !known(&fault.text)).or(now.first()) {
            return Err(format!("line {}: the result is not valid: {}: {}", first.line, first.message, first.text));
        }
    }
    Ok(())
}

/// Reads the file that a reply gives: whole, or as edits of what was shown.
pub(super) fn whole_file(reply: &Reply, path: &RepoPath, shown: &str) -> Result<String, Vec<String>> {
    let text = reply.text();
    if text.len() > MAX_REPLY_BYTES {
        return Err(vec![format!("the reply has {} bytes; at most {MAX_REPLY_BYTES} are read", text.len())]);
    }
    if reply.stop == Stop::Length {
        return Err(vec!["the reply was cut off at the token limit".to_owned()]);
    }
    let fenced = || text.find("```").and_then(|at| text.get(at..)).map(|rest| format!("{path}\n{rest}"));
    let is_asked = |known: &RepoPath| known == path;
    let blocks = |text: &str| read_some(text, Format::SearchReplace, Known(&is_asked), Whole::Yes).whole();
    let edits = match blocks(&text) {
        Ok(edits) if !edits.is_empty() => Ok(edits),
        first => match fenced().map(|text| blocks(&text)) {
            Some(Ok(edits)) => Ok(edits),
            _ => first,
        },
    };
    let edits = edits.map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    if edits.is_empty() {
        return Err(vec![format!("the reply does not give {path} between ``` fences")]);
    }
    if let Some(other) = edits.iter().find(|edit| edit.path != *path) {
        return Err(vec![format!("only {path} is asked for, not {}", other.path)]);
    }
    let only = edits.iter().rev().find_map(|edit| match &edit.op {
        FileOp::Create(text) | FileOp::Write(text) => Some(text.clone()),
        FileOp::Replace(_) | FileOp::Delete | FileOp::Move(_) => None,
    });
    if let Some(text) = only {
        return Ok(text);
    }
    let blob = Blob::new(shown.as_bytes());
    let tree = FileTree::from_iter([(path.clone(), Entry::file(blob.hash()))]);
    let mut contents = Contents::default();
    contents.add(&blob);
    let applied = apply::apply(&edits, &tree, &contents)
        .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    let made = applied.tree.get(path).and_then(|entry| applied.blobs.iter().find(|blob| blob.hash() == entry.blob));
    let text = made.and_then(|blob| std::str::from_utf8(blob.bytes()).ok());
    text.map(str::to_owned).ok_or_else(|| vec![format!("the reply does not give {path}")])
}
