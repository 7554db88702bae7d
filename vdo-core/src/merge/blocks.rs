//! Members as runs of lines: what a region of one version consists of, and how merged members are written again.

use std::ops::Range;

use crate::merge::version::Version;
use crate::structure::{List, Member, MemberKind, Order};

/// What finds a member again in another version.
pub(super) type Ident = (MemberKind, String);

/// One member with its text.
#[derive(Debug, Clone)]
pub(super) struct Block<'a> {
    pub(super) ident: Ident,
    /// The member; none for a comment that no member follows.
    pub(super) member: Option<usize>,
    pub(super) order: Order,
    /// How many blank lines lie above it.
    pub(super) lead: usize,
    /// Its lines with their line ends, or its bytes in a list that has several members on a line.
    pub(super) text: std::borrow::Cow<'a, str>,
    /// Where in the text a separator stands or would stand.
    pub(super) separator_at: usize,
    /// Whether one stands there.
    pub(super) separated: bool,
}

/// The members of a region and the blank lines below them.
#[derive(Debug, Clone, Default)]
pub(super) struct Tiles<'a> {
    pub(super) blocks: Vec<Block<'a>>,
    pub(super) tail: usize,
}

pub(super) fn ident_of(version: &Version<'_>, member: &Member) -> Ident {
    if member.key.is_empty() {
        let text = version.slice(member.span.clone());
        return (member.kind, text.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    (member.kind, member.key.clone())
}

/// Cuts lines into the members of a list; `None` if something else stands there or two members share a line.
pub(super) fn tile<'a>(version: &Version<'a>, number: usize, lines: &Range<usize>) -> Option<Tiles<'a>> {
    let list = version.list(number)?;
    let mut tiles = Tiles::default();
    // The first line that is in no block yet, and where comments begin that belong to the next member.
    let mut at = lines.start;
    let mut comment: Option<(usize, usize)> = None;
    for id in version.members_of(number) {
        let member = version.member(*id)?;
        let rows = version.rows(&member.span);
        if rows.end <= lines.start {
            continue;
        }
        if rows.start >= lines.end {
            break;
        }
        if rows.start < at || rows.end > lines.end {
            return None;
        }
        if (at..rows.start).any(|line| !version.is_blank(line)) {
            return None;
        }
        let tail = line_tail(version, list, member, &rows)?;
        let lead = rows.start - at;
        at = rows.end;
        if member.kind == MemberKind::Comment && member.order == Order::Free {
            comment = comment.or(Some((lead, rows.start)));
            continue;
        }
        let (lead, start) = comment.take().unwrap_or((lead, rows.start));
        let text = version.slice_lines(start..rows.end);
        tiles.blocks.push(Block {
            ident: ident_of(version, member),
            member: Some(*id),
            order: member.order,
            lead,
            text: text.into(),
            separator_at: member.span.end - version.start_of(start),
            separated: tail,
        });
    }
    if let Some((lead, start)) = comment {
        let text = version.slice_lines(start..at);
        let ident = (MemberKind::Comment, text.trim().to_owned());
        let separator_at = text.trim_end().len();
        tiles.blocks.push(Block {
            ident,
            member: None,
            // A comment at the end belongs to what follows, which is not seen here.
            order: Order::Fixed,
            lead,
            text: text.into(),
            separator_at,
            separated: false,
        });
    }
    if (at..lines.end).any(|line| !version.is_blank(line)) {
        return None;
    }
    tiles.tail = lines.end.saturating_sub(at);
    Some(tiles)
}

/// Returns whether a separator follows the member on its line; `None` if the member has not its lines for itself.
fn line_tail(version: &Version<'_>, list: &List, member: &Member, rows: &Range<usize>) -> Option<bool> {
    if !version.slice(version.start_of(rows.start)..member.span.start).trim().is_empty() {
        return None;
    }
    let rest = version.slice(member.span.end..version.start_of(rows.end)).trim();
    let (separated, rest) = match rest.strip_prefix(list.separator) {
        Some(rest) if !list.separator.is_empty() => (true, rest.trim_start()),
        _ => (false, rest),
    };
    // Rust, JavaScript and their like end statements with a sign that some grammars leave outside.
    let rest = rest.strip_prefix(';').map_or(rest, str::trim_start);
    let comment = ["#", "//", "/*", "<!--", "--"].iter().any(|sign| rest.starts_with(sign));
    (rest.is_empty() || comment).then_some(separated)
}

/// Cuts a list that has its members on one line into them; `None` if something else stands there.
pub(super) fn inline<'a>(version: &Version<'a>, number: usize) -> Option<Inline<'a>> {
    let list = version.list(number)?;
    let mut blocks: Vec<Block<'a>> = Vec::new();
    let mut at = list.inside.start;
    let mut gap: Option<&'a str> = None;
    let mut lead = "";
    for id in version.members_of(number) {
        let member = version.member(*id)?;
        if member.span.start < at || member.span.end > list.inside.end {
            return None;
        }
        let between = version.slice(at..member.span.start);
        let expected = if blocks.is_empty() { "" } else { list.separator.trim() };
        if between.trim() != expected || between.contains('\n') || member.kind == MemberKind::Comment {
            return None;
        }
        if blocks.is_empty() {
            lead = between;
        } else {
            gap = gap.or(Some(between));
        }
        at = member.span.end;
        let text = version.slice(member.span.clone());
        blocks.push(Block {
            ident: ident_of(version, member),
            member: Some(*id),
            order: member.order,
            lead: 0,
            text: text.into(),
            separator_at: text.len(),
            separated: false,
        });
    }
    let tail = version.slice(at..list.inside.end);
    let rest = tail.trim();
    let ends = rest.is_empty() || (list.trailing && rest == list.separator.trim());
    (ends && !tail.contains('\n')).then_some(Inline { blocks, lead, gap, tail })
}

/// A list on one line.
#[derive(Debug)]
pub(super) struct Inline<'a> {
    pub(super) blocks: Vec<Block<'a>>,
    pub(super) lead: &'a str,
    /// What stands between the first two members.
    pub(super) gap: Option<&'a str>,
    pub(super) tail: &'a str,
}

/// How the last member of a region is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LastSeparator {
    With,
    Without,
}

/// Writes members one below the other, each but the last with a separator.
pub(super) fn write_lines(
    blocks: &[Block<'_>],
    tail: usize,
    separator: &str,
    last: LastSeparator,
    end: &str,
) -> String {
    let mut text = String::new();
    let count = blocks.len();
    for (number, block) in blocks.iter().enumerate() {
        for _ in 0..block.lead {
            text.push_str(end);
        }
        let wanted = number + 1 < count || last == LastSeparator::With;
        let (head, rest) = block.text.split_at_checked(block.separator_at).unwrap_or((&block.text, ""));
        text.push_str(head);
        let rest = if separator.is_empty() || wanted == block.separated {
            rest.to_owned()
        } else if wanted {
            format!("{separator}{rest}")
        } else {
            rest.replacen(separator, "", 1)
        };
        text.push_str(&rest);
        if !text.ends_with('\n') {
            text.push_str(end);
        }
    }
    for _ in 0..tail {
        text.push_str(end);
    }
    text
}
