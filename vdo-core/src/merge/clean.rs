//! The second look at a text that merged by lines: did the sides bring together what neither had alone?

use crate::merge::claims;
use crate::merge::lines::{Change, Lines, Segment};
use crate::merge::region::Three;
use crate::merge::text::{TextHunk, TextMerge};
use crate::merge::validate;
use crate::merge::version::Version;
use crate::path::RepoPath;
use crate::structure::{Claim, Order, Structure};
use crate::syntax::Syntax;

/// Returns the merge as it is, with alike members folded, or with a conflict where something is there twice.
pub(super) fn checked(
    path: &RepoPath,
    sides: Three<&str>,
    lines: &Lines<'_>,
    segments: Vec<Segment>,
    syntax: &dyn Syntax,
) -> TextMerge {
    let merge = TextMerge::by_lines(lines, &segments);
    if !syntax.has_structure(path) || !validate::share_words(lines, &segments) {
        return merge;
    }
    let [TextHunk::Merged(bytes)] = merge.hunks.as_slice() else { return merge };
    let Ok(text) = std::str::from_utf8(bytes) else { return merge };
    let mut structures = syntax.structures(path);
    let Some(result) = structures.of(text) else { return merge };
    if !twice(&result) && result.errors == 0 {
        return merge;
    }
    let (Some(ours), Some(theirs)) = (structures.of(sides.ours), structures.of(sides.theirs)) else { return merge };
    if result.errors > ours.errors.max(theirs.errors) {
        return misfit(lines, segments);
    }
    let doubled = validate::doubled(&result, &ours, &theirs);
    if doubled.is_empty() {
        return merge;
    }
    if let Some(folded) = folded(text, &result, &doubled)
        && let Some(structure) = structures.of(&folded)
        && validate::fault(&structure, &ours, &theirs).is_none()
    {
        return TextMerge { hunks: vec![TextHunk::Merged(folded.into_bytes())] };
    }
    contested(lines, segments, &Version::new(sides.theirs, theirs), &doubled)
}

/// Returns the merge with all of their side's changes in conflict: together the sides are no text of this language.
fn misfit(lines: &Lines<'_>, segments: Vec<Segment>) -> TextMerge {
    let mut merge = TextMerge::default();
    for segment in segments {
        if segment.change == Change::Theirs {
            merge.conflict(lines, &segment, "together the changes do not fit the grammar".to_owned());
        } else {
            merge.push_lines(&lines.ours, &segment.ours);
        }
    }
    merge
}

/// Tells whether anything is claimed twice at all.
fn twice(result: &Structure) -> bool {
    let mut seen = std::collections::HashSet::new();
    result.members.iter().flat_map(|member| &member.claims).any(|claim| !seen.insert(claim))
}

/// Returns the text without the later ones of members that are alike; `None` if they are not.
fn folded(text: &str, result: &Structure, doubled: &[Claim]) -> Option<String> {
    let version = Version::new(text, result.clone());
    let mut gone: Vec<std::ops::Range<usize>> = Vec::new();
    for claim in doubled {
        let mut members = result.members.iter().filter(|member| member.claims.contains(claim));
        let first = members.next()?;
        let words = |span: std::ops::Range<usize>| version.slice(span).split_whitespace().collect::<Vec<_>>();
        for member in members {
            let list = version.list(member.list)?;
            let rows = version.rows(&member.span);
            let (start, end) = (version.start_of(rows.start), version.start_of(rows.end));
            let rest = version.slice(member.span.end..end).trim().trim_start_matches([',', ';']).trim();
            // Of a list with separators the last one would need more than a cut.
            let last = version.members_of(member.list).last().and_then(|id| version.member(*id)) == Some(member);
            let cut = list.separator.is_empty() || list.trailing || !last;
            if member.list != first.list
                || member.order == Order::Fixed
                || first.order == Order::Fixed
                || words(member.span.clone()) != words(first.span.clone())
                || !version.slice(start..member.span.start).trim().is_empty()
                || !rest.is_empty()
                || !cut
            {
                return None;
            }
            // The blank lines above go with it.
            let mut row = rows.start;
            while row > 0 && version.is_blank(row - 1) {
                row -= 1;
            }
            let start =
                if rows.end < version.lines() && !version.is_blank(rows.end) { start } else { version.start_of(row) };
            gone.push(start..end);
        }
    }
    gone.sort_by_key(|range| range.start);
    gone.dedup();
    let mut kept = String::new();
    let mut at = 0;
    for range in gone {
        kept.push_str(text.get(at..range.start)?);
        at = range.end;
    }
    kept.push_str(text.get(at..)?);
    Some(kept)
}

/// Returns the merge with a conflict wherever their side brought one of these claims.
fn contested(lines: &Lines<'_>, segments: Vec<Segment>, theirs: &Version<'_>, doubled: &[Claim]) -> TextMerge {
    let reasons: Vec<(std::ops::Range<usize>, String)> = theirs
        .structure
        .members
        .iter()
        .filter_map(|member| {
            let claim = member.claims.iter().find(|claim| doubled.contains(claim))?;
            Some((theirs.rows(&member.span), claims::reason(claim, claim)))
        })
        .collect();
    let by = |segment: &Segment| {
        let touches =
            |rows: &std::ops::Range<usize>| rows.start < segment.theirs.end && segment.theirs.start < rows.end;
        reasons.iter().find(|(rows, _)| touches(rows)).map(|(_, reason)| reason.clone())
    };
    let found = segments.iter().any(|segment| segment.change == Change::Theirs && by(segment).is_some());
    let all = || reasons.first().map(|(_, reason)| reason.clone());
    let mut merge = TextMerge::default();
    for segment in segments {
        let reason = match segment.change {
            Change::Theirs if found => by(&segment),
            Change::Theirs => all(),
            _ => None,
        };
        match (reason, segment.change) {
            (Some(reason), _) => merge.conflict(lines, &segment, reason),
            (None, Change::Theirs) => merge.push_lines(&lines.theirs, &segment.theirs),
            (None, _) => merge.push_lines(&lines.ours, &segment.ours),
        }
    }
    merge
}
