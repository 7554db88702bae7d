//! Texts for people: Markdown, reStructuredText and plain change logs. Sections with headings, bullets, rows of tables, labels.
//!
//! Read by lines because these texts are long and change in most merges: a grammar for Markdown takes a hundred times as long
//! and knows nothing of underlined headings in other formats.

use std::ops::Range;

use vdo_core::structure::{ClaimKind, MemberKind};

use super::{Line, file_name, has_extension, lines};
use crate::syntax::structure::keys::{normal, within};
use crate::syntax::structure::out::{Draft, ListId, MemberId, Out, Shape};

/// How deep sections or bullets may lie in one another.
const MAX_DEPTH: usize = 12;
/// Signs that underline a heading outside Markdown.
const UNDERLINES: &[u8] = b"=-~^\"'`+*#:._";

/// Tells whether a file is Markdown, by its name.
pub(super) fn is_markdown(path: &str) -> bool {
    has_extension(path, &["md", "markdown"])
}

/// Tells whether a file is another text for people, by its name.
pub(super) fn is_text(path: &str) -> bool {
    let bare = ["CHANGES", "CHANGELOG", "HISTORY", "History", "NEWS", "README", "AUTHORS", "CONTRIBUTORS", "TODO"];
    has_extension(path, &["rst", "txt", "adoc"]) || bare.contains(&file_name(path))
}

/// Reads Markdown.
pub(super) fn read_markdown(out: &mut Out<'_>, list: ListId) {
    read(out, list, Marks::Markdown);
}

/// Reads any other text.
pub(super) fn read_text(out: &mut Out<'_>, list: ListId) {
    read(out, list, Marks::Text);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marks {
    Markdown,
    Text,
}

/// What a run of lines is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    /// A heading of this level.
    Heading(usize),
    /// A bullet, this far indented.
    Bullet(usize),
    /// A numbered item, a head of a table, a listing, a paragraph.
    Fixed,
    /// A row of a table.
    Row,
    /// `[label]: address`.
    Label,
}

/// Some lines that belong together, by number.
#[derive(Debug, Clone)]
struct Run {
    block: Block,
    lines: Range<usize>,
}

fn read(out: &mut Out<'_>, list: ListId, marks: Marks) {
    let text = out.text;
    let all: Vec<Line<'_>> = lines(text, 0..text.len()).collect();
    let runs = runs(&all, marks);
    section(out, list, &all, &runs, 0);
}

/// Tells of the runs of one section: its own blocks, then the sections in it.
fn section(out: &mut Out<'_>, list: ListId, all: &[Line<'_>], runs: &[Run], depth: usize) {
    let mut at = 0;
    while let Some(run) = runs.get(at) {
        let rest = runs.get(at + 1..).unwrap_or_default();
        if let Block::Heading(level) = run.block {
            let inner =
                rest.iter().take_while(|run| !matches!(run.block, Block::Heading(other) if other <= level)).count();
            let inside = rest.get(..inner).unwrap_or_default();
            let last = inside.last().unwrap_or(run).lines.end;
            let key = title(all, run);
            let scope = out.name(list).to_owned();
            let draft = Draft::free(MemberKind::Rule, key.clone()).claim(ClaimKind::Label, within(&scope, &key));
            let member = out.member(list, span(all, run.lines.start..last), &draft);
            let head_end = span(all, run.lines.clone()).end;
            if depth < MAX_DEPTH && !inside.is_empty() {
                let shape = Shape {
                    suffix: "body".to_owned(),
                    inside: head_end..span(all, run.lines.start..last).end,
                    ..Shape::default()
                };
                let body = out.list(member, None, shape);
                section(out, body, all, inside, depth + 1);
            }
            at += 1 + inner;
        } else {
            block(out, list, all, run, depth);
            at += 1;
        }
    }
}

fn block(out: &mut Out<'_>, list: ListId, all: &[Line<'_>], run: &Run, depth: usize) {
    let first = all.get(run.lines.start).map_or("", |line| line.text);
    let draft = match run.block {
        Block::Bullet(_) => Draft::free(MemberKind::Item, normal(bullet_text(first))),
        Block::Row => Draft::free(
            MemberKind::Item,
            normal(first.trim().trim_start_matches('|').split('|').next().unwrap_or_default()),
        ),
        Block::Label => {
            let key = normal(first.trim().trim_start_matches(".. ").split(':').next().unwrap_or_default());
            Draft::free(MemberKind::Pair, key.clone()).claim(ClaimKind::Label, key)
        }
        Block::Fixed | Block::Heading(_) => Draft::fixed(MemberKind::Other, ""),
    };
    let indent = first.len() - first.trim_start().len();
    let whole = span(all, run.lines.clone());
    let start = if matches!(run.block, Block::Bullet(_)) { whole.start + indent } else { whole.start };
    let member = out.member(list, start..whole.end, &draft);
    if let Block::Bullet(indent) = run.block
        && depth < MAX_DEPTH
    {
        nested(out, member, all, run, indent, depth);
    }
}

/// Tells of the bullets below a bullet.
fn nested(out: &mut Out<'_>, member: MemberId, all: &[Line<'_>], run: &Run, indent: usize, depth: usize) {
    let body = run.lines.start + 1..run.lines.end;
    let is_nested = |line: &Line<'_>| bullet(line.text).is_some_and(|other| other > indent);
    let Some(first) = all.get(body.clone()).unwrap_or_default().iter().position(is_nested) else { return };
    let inner = body.start + first..body.end;
    let before = all.get(inner.start - 1).map_or(0, |line| line.span.end);
    let shape = Shape { suffix: "items".to_owned(), inside: before..span(all, inner.clone()).end, ..Shape::default() };
    let list = out.list(member, None, shape);
    let mut at = inner.start;
    while at < inner.end {
        let Some(line) = all.get(at) else { break };
        if line.text.trim().is_empty() {
            at += 1;
            continue;
        }
        let run = match bullet(line.text) {
            Some(indent) => Run { block: Block::Bullet(indent), lines: at..item_end(all, at, indent, inner.end) },
            None => Run { block: Block::Fixed, lines: at..at + 1 },
        };
        block(out, list, all, &run, depth + 1);
        at = run.lines.end;
    }
}

/// Cuts a text into runs of lines.
fn runs(all: &[Line<'_>], marks: Marks) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut levels: Vec<(u8, bool)> = Vec::new();
    let mut at = 0;
    while let Some(line) = all.get(at) {
        if line.text.trim().is_empty() {
            at += 1;
            continue;
        }
        let run = run(all, at, marks, &mut levels, runs.last());
        at = run.lines.end.max(at + 1);
        runs.push(run);
    }
    runs
}

fn run(all: &[Line<'_>], at: usize, marks: Marks, levels: &mut Vec<(u8, bool)>, before: Option<&Run>) -> Run {
    let text = |at: usize| all.get(at).map_or("", |line| line.text);
    let line = text(at);
    let trimmed = line.trim();
    let fixed = |end: usize| Run { block: Block::Fixed, lines: at..end };
    if marks == Marks::Markdown && (trimmed.starts_with("```") || trimmed.starts_with("~~~")) {
        let fence = trimmed.get(..3).unwrap_or_default();
        let end = (at + 1..all.len()).find(|next| text(*next).trim().starts_with(fence));
        return fixed(end.map_or(all.len(), |end| end + 1));
    }
    if let Some((level, size)) = heading(all, at, marks, levels) {
        return Run { block: Block::Heading(level), lines: at..at + size };
    }
    if let Some(indent) = bullet(line) {
        return Run { block: Block::Bullet(indent), lines: at..item_end(all, at, indent, all.len()) };
    }
    if let Some(indent) = numbered(line) {
        return fixed(item_end(all, at, indent, all.len()));
    }
    if trimmed.starts_with('|') {
        // The head and the line below it say what the columns are.
        let is_rule = |text: &str| text.contains("--") && text.chars().all(|c| "|-: \t".contains(c));
        let head = is_rule(trimmed) || is_rule(text(at + 1).trim());
        let in_table = before.is_some_and(|run| run.lines.end == at && text(run.lines.start).trim().starts_with('|'));
        let block = if head || !in_table { Block::Fixed } else { Block::Row };
        return Run { block, lines: at..at + 1 };
    }
    let is_label = (trimmed.starts_with('[') && trimmed.contains("]: "))
        || (trimmed.starts_with(".. _") && trimmed.contains(": "));
    if is_label {
        return Run { block: Block::Label, lines: at..at + 1 };
    }
    // A paragraph, a listing, a directive: up to a blank line, a heading or a bullet.
    let mut end = at + 1;
    while end < all.len() && !text(end).trim().is_empty() {
        let ends = item(text(end)).is_some() || text(end).trim().starts_with('|');
        if ends || heading(all, end, marks, &mut levels.clone()).is_some() {
            break;
        }
        end += 1;
    }
    fixed(end)
}

/// Returns the level of the heading that begins at a line, and how many lines it has.
fn heading(all: &[Line<'_>], at: usize, marks: Marks, levels: &mut Vec<(u8, bool)>) -> Option<(usize, usize)> {
    let text = |at: usize| all.get(at).map_or("", |line| line.text.trim_end());
    let line = text(at);
    if marks == Marks::Markdown {
        let signs = line.bytes().take_while(|byte| *byte == b'#').count();
        if (1..=6).contains(&signs) && line.get(signs..).is_some_and(|rest| rest.starts_with([' ', '\t'])) {
            return Some((signs, 1));
        }
        let title = !line.is_empty()
            && !line.starts_with([' ', '\t', '>', '|'])
            && bullet(line).is_none()
            && underline(line).is_none();
        return match underline(text(at + 1)) {
            Some(b'=') if title => Some((1, 2)),
            Some(b'-') if title => Some((2, 2)),
            _ => None,
        };
    }
    let fits = |title: &str, below: &str| {
        let blank = title.trim().is_empty() || title.starts_with([' ', '\t']);
        !blank && underline(title).is_none() && below.chars().count() + 2 >= title.chars().count().min(12)
    };
    let (style, size) = match (underline(line), underline(text(at + 1)), underline(text(at + 2))) {
        (Some(over), _, Some(under))
            if over == under && !text(at + 1).trim().is_empty() && line.len() == text(at + 2).len() =>
        {
            ((under, true), 3)
        }
        (None, Some(under), _) if fits(line, text(at + 1)) => ((under, false), 2),
        _ => return None,
    };
    let level = levels.iter().position(|known| *known == style).unwrap_or_else(|| {
        levels.push(style);
        levels.len() - 1
    });
    Some((level + 1, size))
}

/// Returns the sign of a line that consists of nothing else.
fn underline(line: &str) -> Option<u8> {
    let sign = line.bytes().next().filter(|sign| UNDERLINES.contains(sign))?;
    (line.len() >= 2 && line.bytes().all(|byte| byte == sign)).then_some(sign)
}

/// Returns how far a bullet is indented, if the line is one.
fn bullet(line: &str) -> Option<usize> {
    let body = line.trim_start();
    let rest = body.strip_prefix(['-', '*', '+'])?;
    let is = rest.starts_with([' ', '\t']) && !rest.trim().is_empty();
    is.then_some(line.len() - body.len())
}

/// Returns how far a numbered item is indented, if the line is one.
fn numbered(line: &str) -> Option<usize> {
    let body = line.trim_start();
    let rest = body.trim_start_matches(|c: char| c.is_ascii_digit());
    let is =
        rest.len() < body.len() && rest.starts_with(['.', ')']) && rest.get(1..).is_some_and(|it| it.starts_with(' '));
    is.then_some(line.len() - body.len())
}

/// Returns how far an item is indented, bullet or numbered.
fn item(line: &str) -> Option<usize> {
    bullet(line).or_else(|| numbered(line))
}

/// Returns what a bullet says, without its mark and whether it is done.
fn bullet_text(line: &str) -> &str {
    let text = line.trim_start().trim_start_matches(['-', '*', '+']).trim();
    ["[ ] ", "[x] ", "[X] "].iter().find_map(|mark| text.strip_prefix(mark)).unwrap_or(text)
}

/// Returns the line behind a bullet: what is indented further goes on with it, also behind a blank line.
fn item_end(all: &[Line<'_>], at: usize, indent: usize, limit: usize) -> usize {
    let mut end = at + 1;
    let mut next = end;
    let mut blank = false;
    while next < limit {
        let text = all.get(next).map_or("", |line| line.text);
        if text.trim().is_empty() {
            blank = true;
        } else if text.len() - text.trim_start().len() > indent {
            end = next + 1;
        } else if blank
            || item(text).is_some()
            || text.starts_with(['#', '|', '`', '.', '=', '-'])
            || underlined(all, next)
        {
            break;
        } else {
            // A line that is not indented goes on with the bullet above it.
            end = next + 1;
        }
        next += 1;
    }
    end
}

fn underlined(all: &[Line<'_>], at: usize) -> bool {
    all.get(at + 1).is_some_and(|line| underline(line.text.trim_end()).is_some())
}

fn title(all: &[Line<'_>], run: &Run) -> String {
    let lines = all.get(run.lines.clone()).unwrap_or_default();
    let words = lines.iter().map(|line| line.text.trim()).find(|text| underline(text).is_none());
    normal(words.unwrap_or_default().trim_start_matches('#').trim())
}

/// Returns the bytes of some lines.
fn span(all: &[Line<'_>], lines: Range<usize>) -> Range<usize> {
    let start = all.get(lines.start).map_or(0, |line| line.span.start);
    let end = all.get(lines.end.saturating_sub(1)).map_or(start, |line| line.span.end);
    start..end.max(start)
}
