//! The second look at a text that did not merge by lines.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::merge::lines::{self, Change, Lines, Segment};
use crate::merge::members::{Merger, pick};
use crate::merge::region::{Pieces, Three, common_lists};
use crate::merge::rules::{self, Indentation};
use crate::merge::text::{TextHunk, TextMerge};
use crate::merge::validate;
use crate::merge::version::Version;
use crate::path::RepoPath;
use crate::structure::Structure;
use crate::syntax::{Structures, Syntax};

/// Texts above this are merged by lines and narrow rules only, in bytes.
const MAX_BYTES: usize = 256 << 10;
/// How many conflicts of one text are looked at.
const MAX_CONFLICTS: usize = 200;

/// Returns the merge with the conflicts that structure and the narrow rules can answer.
pub(super) fn resolved(
    path: &RepoPath,
    sides: Three<&str>,
    lines: &Lines<'_>,
    segments: &[Segment],
    syntax: &dyn Syntax,
) -> TextMerge {
    let by_lines = || TextMerge::by_lines(lines, segments);
    let shape = sides.map(Shape::of);
    let (Some(end), Some(closed)) = (
        pick(shape.base.line_end, shape.ours.line_end, shape.theirs.line_end),
        pick(shape.base.closed, shape.ours.closed, shape.theirs.closed),
    ) else {
        return by_lines();
    };
    let odd = shape.any(|shape| shape.line_end == "\r\n" || !shape.closed);
    let merge = if odd {
        let plain = sides.map(plain);
        let texts = plain.as_ref().map(String::as_str);
        let lines = Lines::new(texts.base.as_bytes(), texts.ours.as_bytes(), texts.theirs.as_bytes());
        let segments = lines::segments(&lines);
        attempt(path, texts, &lines, segments, syntax)
    } else {
        attempt(path, sides, lines, segments.to_vec(), syntax)
    };
    match merge {
        Ok(merge) if end == "\r\n" || !closed => dressed(merge, end, closed),
        Ok(merge) => merge,
        Err(reason) => with_reason(by_lines(), &reason),
    }
}

/// Looks at every conflict; an answer to all of them that cannot stand is an error with its reason.
fn attempt(
    path: &RepoPath,
    texts: Three<&str>,
    lines: &Lines<'_>,
    segments: Vec<Segment>,
    syntax: &dyn Syntax,
) -> Result<TextMerge, String> {
    let language = syntax.language(path).filter(|_| syntax.has_structure(path));
    let pieces = Pieces::new(segments);
    let answers = narrow(path, language, texts, &pieces);
    let conflicts = pieces.0.iter().filter(|piece| piece.change == Change::Conflict).count();
    let large = texts.any(|text| text.len() > MAX_BYTES);
    // Structure takes a hundred times as long as lines: only where something is left to answer or to check.
    let all = answers.len() == conflicts;
    let mut structures = syntax.structures(path);
    let known = if large || language.is_none() {
        Three::new(None, None, None)
    } else if all {
        Three::new(None, structures.of(texts.ours), structures.of(texts.theirs))
    } else {
        texts.map(|text| structures.of(text))
    };
    let versions = texts.zip(known).map(|(text, structure)| Version::new(text, structure.unwrap_or_default()));
    let work = Work { path, versions: versions.as_ref(), language, answers };
    let merge = work.merge(lines, &pieces);
    if let [TextHunk::Merged(result)] = merge.hunks.as_slice()
        && !large
        && let Some(reason) = work.fault(result, structures.as_mut())
    {
        return Err(reason);
    }
    Ok(merge)
}

/// Returns the answers that need no structure, by the number of the piece.
fn narrow(path: &RepoPath, language: Option<&str>, texts: Three<&str>, pieces: &Pieces) -> BTreeMap<usize, String> {
    let indentation = match language {
        Some("python" | "yaml" | "makefile" | "markdown" | "text") | None => Indentation::Means,
        Some(_) => Indentation::MeansNothing,
    };
    let prose = is_prose(path, language);
    let versions = texts.map(|text| Version::new(text, Structure::default()));
    let conflicts = pieces.0.iter().enumerate().filter(|(_, piece)| piece.change == Change::Conflict);
    conflicts
        .filter_map(|(at, _)| {
            let lines = pieces.lines(&(at..at + 1));
            let texts = versions.as_ref().zip(lines).map(|(version, lines)| version.slice_lines(lines));
            let answer =
                rules::blanks(texts, indentation).or_else(|| if prose { None } else { rules::neighbours(texts) });
            Some((at, answer?))
        })
        .collect()
}

fn is_prose(path: &RepoPath, language: Option<&str>) -> bool {
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    let known = matches!(extension.as_str(), "txt" | "rst" | "md" | "adoc" | "tex" | "");
    matches!(language, Some("markdown" | "text")) || (known && language.is_none())
}

fn with_reason(mut merge: TextMerge, reason: &str) -> TextMerge {
    for hunk in &mut merge.hunks {
        if let TextHunk::Conflict(conflict) = hunk {
            reason.clone_into(&mut conflict.reason);
        }
    }
    merge
}

/// How a text ends its lines.
struct Shape {
    line_end: &'static str,
    closed: bool,
}

impl Shape {
    fn of(text: &str) -> Self {
        let windows = text.matches("\r\n").count() * 2 > text.matches('\n').count();
        Self { line_end: if windows { "\r\n" } else { "\n" }, closed: text.is_empty() || text.ends_with('\n') }
    }
}

/// Returns the text with plain line ends, also behind the last line.
fn plain(text: &str) -> String {
    let mut text = text.replace("\r\n", "\n");
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// Gives a plain merge the line ends it is to have.
fn dressed(mut merge: TextMerge, end: &str, closed: bool) -> TextMerge {
    let count = merge.hunks.len();
    let dress = |bytes: &mut Vec<u8>, last: bool| {
        if last && !closed && bytes.ends_with(b"\n") {
            bytes.pop();
        }
        if end == "\r\n" {
            *bytes = String::from_utf8_lossy(bytes).replace('\n', "\r\n").into_bytes();
        }
    };
    for (number, hunk) in merge.hunks.iter_mut().enumerate() {
        let last = number + 1 == count;
        match hunk {
            TextHunk::Merged(bytes) => dress(bytes, last),
            TextHunk::Conflict(conflict) => {
                for bytes in [&mut conflict.base, &mut conflict.ours, &mut conflict.theirs] {
                    dress(bytes, last);
                }
            }
        }
    }
    merge
}

/// A part of the result: pieces as they are, or what they were resolved to.
enum Part {
    Piece(Segment),
    Resolved(String),
    Refused(Segment, String),
}

struct Work<'w, 'a> {
    path: &'w RepoPath,
    versions: Three<&'w Version<'a>>,
    language: Option<&'static str>,
    /// What the narrow rules answered.
    answers: BTreeMap<usize, String>,
}

impl<'w, 'a: 'w> Work<'w, 'a> {
    fn merge(&self, lines: &Lines<'_>, pieces: &Pieces) -> TextMerge {
        let mut parts: Vec<Part> = Vec::new();
        // How many pieces each part stands for, so that a region that grows upwards can take parts back.
        let mut sizes: Vec<usize> = Vec::new();
        let mut at = 0;
        let mut looked = 0;
        while let Some(piece) = pieces.0.get(at) {
            if piece.change != Change::Conflict || looked >= MAX_CONFLICTS {
                parts.push(Part::Piece(piece.clone()));
                sizes.push(1);
                at += 1;
                continue;
            }
            looked += 1;
            match self.conflict(pieces, at) {
                Ok((region, text)) => {
                    let mut back = at - region.start.min(at);
                    let mut fits = true;
                    while back > 0 {
                        let Some(size) = sizes.pop() else { break };
                        let part = parts.pop();
                        if size > back || !matches!(part, Some(Part::Piece(_))) {
                            // The region reaches into one that is decided already.
                            parts.extend(part);
                            sizes.push(size);
                            fits = false;
                            break;
                        }
                        back -= size;
                    }
                    if fits {
                        parts.push(Part::Resolved(text));
                        sizes.push(region.len());
                        at = region.end;
                    } else {
                        // Pieces taken back are put in again.
                        let taken: usize = sizes.iter().sum();
                        for piece in pieces.0.get(taken..at).unwrap_or_default() {
                            parts.push(Part::Piece(piece.clone()));
                            sizes.push(1);
                        }
                        parts.push(Part::Refused(piece.clone(), "two conflicts lie in one member".to_owned()));
                        sizes.push(1);
                        at += 1;
                    }
                }
                Err(reason) => {
                    parts.push(Part::Refused(piece.clone(), reason));
                    sizes.push(1);
                    at += 1;
                }
            }
        }
        assemble(lines, parts)
    }

    /// Answers one conflict: the pieces that the answer stands for, and the text; or why there is none.
    fn conflict(&self, pieces: &Pieces, at: usize) -> Result<(Range<usize>, String), String> {
        let region = at..at + 1;
        let lines = pieces.lines(&region);
        let texts = self.versions.zip(lines.clone()).map(|(version, lines)| version.slice_lines(lines));
        if let Some(text) = self.answers.get(&at) {
            return Ok((region, text.clone()));
        }
        let prose = is_prose(self.path, self.language);
        let mut reason = None;
        for lists in common_lists(self.versions, &lines) {
            let Some(wide) = pieces.widened(&region, self.versions, lists) else { continue };
            let merger = Merger { versions: self.versions, line_end: "\n" };
            match merger.region(lists, &pieces.lines(&wide), 0) {
                Ok(text) => return Ok((wide, text)),
                Err(refusal) => reason = reason.or(Some(refusal)),
            }
        }
        if !prose && let Some(text) = rules::words(texts) {
            return Ok((region, text));
        }
        Err(reason.unwrap_or_else(|| "both sides changed the same lines".to_owned()))
    }

    fn fault(&self, result: &[u8], structures: &mut dyn Structures) -> Option<String> {
        let structure = structures.of(std::str::from_utf8(result).ok()?)?;
        validate::fault(&structure, &self.versions.ours.structure, &self.versions.theirs.structure)
    }
}

fn assemble(lines: &Lines<'_>, parts: Vec<Part>) -> TextMerge {
    let mut merge = TextMerge::default();
    for part in parts {
        match part {
            Part::Resolved(text) => merge.push(text.as_bytes()),
            Part::Piece(piece) => match piece.change {
                Change::None | Change::Ours | Change::Alike => merge.push_lines(&lines.ours, &piece.ours),
                Change::Theirs => merge.push_lines(&lines.theirs, &piece.theirs),
                Change::Conflict => merge.conflict(lines, &piece, "there are too many conflicts to look at".to_owned()),
            },
            Part::Refused(piece, reason) => merge.conflict(lines, &piece, reason),
        }
    }
    merge
}
