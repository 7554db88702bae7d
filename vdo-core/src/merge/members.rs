//! The set merge: members of one list that two sides added, changed or removed, brought together by what they are called.
//!
//! Refuses wherever order may matter: what comes out has every change of both sides, or nothing does.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::merge::blocks::{self, Block, Ident, Inline, LastSeparator, Tiles};
use crate::merge::claims;
use crate::merge::rank::{self, Sequence};
use crate::merge::region::Three;
use crate::merge::rules;
use crate::merge::version::Version;
use crate::structure::{Claim, MemberKind, Order};

/// Why members do not merge, in a few words.
pub(super) type Refusal = String;

/// How deep members may lie in members.
const MAX_DEPTH: usize = 24;

/// Merges lists of members whose sides may both have changed.
pub(super) struct Merger<'v, 'a> {
    pub(super) versions: Three<&'v Version<'a>>,
    pub(super) line_end: &'static str,
}

/// What one side did at one place of the base's list: even places are the gaps before members, odd ones the members.
struct Touch {
    place: usize,
    order: Order,
    kind: MemberKind,
    /// Whether the member is gone.
    gone: bool,
}

impl Touch {
    fn at(place: usize, block: &Block<'_>) -> Self {
        Self { place, order: block.order, kind: block.ident.0, gone: false }
    }

    /// Tells whether the other side may have put in what is to stand in the place of what this one removed.
    fn replaces(&self, other: &Self) -> bool {
        let whole = |kind: MemberKind| matches!(kind, MemberKind::Definition | MemberKind::Value | MemberKind::Rule);
        self.gone && !other.gone && other.place.is_multiple_of(2) && whole(self.kind) && whole(other.kind)
    }
}

impl<'v, 'a: 'v> Merger<'v, 'a> {
    /// Merges the lines of a region, given the list that they are members of.
    pub(super) fn region(
        &self,
        lists: Three<usize>,
        lines: &Three<std::ops::Range<usize>>,
        depth: usize,
    ) -> Result<String, Refusal> {
        let tiles = self
            .versions
            .zip(lists)
            .zip(lines.as_ref())
            .map(|((version, list), lines)| blocks::tile(version, list, lines));
        let tiles = tiles.all().ok_or("the lines are not whole members of one list")?;
        let list = self.versions.ours.list(lists.ours).ok_or("no such list")?;
        let merged = self.sequence(tiles.as_ref().map(|tiles| tiles.blocks.as_slice()), depth)?;
        let tail =
            pick(tiles.base.tail, tiles.ours.tail, tiles.theirs.tail).unwrap_or(tiles.ours.tail.max(tiles.theirs.tail));
        let merged = spaced(merged, &tiles);
        let at_end = self.versions.zip(lists).zip(lines.as_ref()).map(|((version, number), lines)| {
            let last = version.members_of(number).last().and_then(|id| version.member(*id));
            last.is_none_or(|last| version.rows(&last.span).end <= lines.end)
        });
        let ends = tiles.as_ref().map(|tiles| tiles.blocks.last().is_some_and(|block| block.separated));
        let last = if !at_end.ours && !at_end.theirs {
            LastSeparator::With
        } else if !list.trailing {
            LastSeparator::Without
        } else {
            match pick(ends.base, ends.ours, ends.theirs).unwrap_or(true) {
                true => LastSeparator::With,
                false => LastSeparator::Without,
            }
        };
        Ok(blocks::write_lines(&merged, tail, list.separator, last, self.line_end))
    }

    /// Merges three sequences of members.
    fn sequence<'b>(&self, sides: Three<&'b [Block<'a>]>, depth: usize) -> Result<Vec<Block<'a>>, Refusal> {
        if depth > MAX_DEPTH {
            return Err("members lie too deep in one another".to_owned());
        }
        let index = Three::new(index(sides.base)?, index(sides.ours)?, index(sides.theirs)?);
        let (our_slots, their_slots) =
            (slots(sides.base, sides.ours, &index.base)?, slots(sides.base, sides.theirs, &index.base)?);
        let mut touches: Three<Vec<Touch>> = Three::new(Vec::new(), Vec::new(), Vec::new());
        let mut merged: Vec<Block<'a>> = Vec::new();
        for slot in 0..=sides.base.len() {
            let none: &[&Block<'a>] = &[];
            let ours = our_slots.get(&slot).map_or(none, Vec::as_slice);
            let theirs = their_slots.get(&slot).map_or(none, Vec::as_slice);
            touches.ours.extend(ours.iter().map(|block| Touch::at(2 * slot, block)));
            touches.theirs.extend(theirs.iter().map(|block| Touch::at(2 * slot, block)));
            merged.extend(self.gap(ours, theirs, &index, depth)?);
            let Some(base) = sides.base.get(slot) else { continue };
            let at = |index: &BTreeMap<Ident, usize>, side: &'b [Block<'a>]| {
                index.get(&base.ident).and_then(|at| side.get(*at))
            };
            let (ours, theirs) = (at(&index.ours, sides.ours), at(&index.theirs, sides.theirs));
            let changed = |side: Option<&Block<'a>>| side.is_none_or(|side| !same(side, base));
            if changed(ours) {
                touches.ours.push(Touch { gone: ours.is_none(), ..Touch::at(2 * slot + 1, base) });
            }
            if changed(theirs) {
                touches.theirs.push(Touch { gone: theirs.is_none(), ..Touch::at(2 * slot + 1, base) });
            }
            match (ours, theirs) {
                (Some(ours), Some(theirs)) if same(ours, theirs) || same(theirs, base) => merged.push(ours.clone()),
                (Some(ours), Some(theirs)) if same(ours, base) => merged.push(theirs.clone()),
                (Some(ours), Some(theirs)) => merged.push(self.member(Some(base), ours, theirs, depth)?),
                (None, None) => {
                    // What each put beside it may be what it is to be now.
                    let beside = |slots: &Slots<'_, 'a>| -> BTreeSet<Ident> {
                        let near = [slot, slot + 1].into_iter().filter_map(|slot| slots.get(&slot));
                        near.flatten().map(|block| block.ident.clone()).collect()
                    };
                    if beside(&our_slots) != beside(&their_slots) {
                        return Err(format!("both sides replaced {}", shown(base)));
                    }
                }
                (Some(kept), None) | (None, Some(kept)) if same(kept, base) => {}
                _ => return Err(format!("one side deleted {}, the other changed it", shown(base))),
            }
        }
        for (ours, theirs) in
            touches.ours.iter().flat_map(|ours| touches.theirs.iter().map(move |theirs| (ours, theirs)))
        {
            let near = ours.place.abs_diff(theirs.place) == 1;
            if near && (ours.order == Order::Fixed || theirs.order == Order::Fixed) {
                return Err("the sides changed neighbours whose order matters".to_owned());
            }
            if near && (ours.replaces(theirs) || theirs.replaces(ours)) {
                return Err("one side removed what the other put something beside".to_owned());
            }
        }
        self.clashes(&our_slots, &their_slots)?;
        Ok(merged)
    }

    /// Brings together what both sides put between the same two members.
    fn gap(
        &self,
        ours: &[&Block<'a>],
        theirs: &[&Block<'a>],
        index: &Three<BTreeMap<Ident, usize>>,
        depth: usize,
    ) -> Result<Vec<Block<'a>>, Refusal> {
        let mut merged: Vec<Block<'a>> = Vec::new();
        let mut twice: BTreeSet<&Ident> = BTreeSet::new();
        for block in ours {
            match theirs.iter().find(|other| other.ident == block.ident) {
                Some(other) if same(block, other) => merged.push((*block).clone()),
                Some(_) if block.ident.0 == MemberKind::Import => {
                    // Two statements that import from one place: both stay, unless they are the same in part.
                    merged.push((*block).clone());
                    continue;
                }
                Some(other) => merged.push(self.member(None, block, other, depth)?),
                None if index.theirs.contains_key(&block.ident) => {
                    return Err(format!("both sides added {} at different places", shown(block)));
                }
                None => {
                    merged.push((*block).clone());
                    continue;
                }
            }
            twice.insert(&block.ident);
        }
        let left: Vec<&&Block<'a>> = theirs.iter().filter(|block| !twice.contains(&block.ident)).collect();
        let right: Vec<&&Block<'a>> = ours.iter().filter(|block| !twice.contains(&block.ident)).collect();
        if !left.is_empty() && !right.is_empty() {
            if let Some(fixed) = left.iter().chain(&right).find(|block| block.order == Order::Fixed) {
                return Err(format!("both sides added lines at one place, and the order of {} matters", shown(fixed)));
            }
            let (ours, theirs) = (words(&right), words(&left));
            if ours.is_subset(&theirs) || theirs.is_subset(&ours) {
                return Err("what one side added at this place has all the words of what the other added".to_owned());
            }
        }
        if let Some(block) =
            left.iter().find(|block| index.ours.contains_key(&block.ident) && block.ident.0 != MemberKind::Import)
        {
            return Err(format!("both sides added {} at different places", shown(block)));
        }
        let headings = |blocks: &[&&'_ Block<'a>]| -> Vec<String> {
            blocks.iter().filter(|it| it.ident.0 == MemberKind::Rule).map(|it| it.ident.1.clone()).collect()
        };
        let (our_heads, their_heads) = (headings(&right), headings(&left));
        let added = left.iter().map(|block| (**block).clone());
        match rank::sequence(&our_heads, &their_heads) {
            Sequence::OursFirst => merged.extend(added),
            Sequence::TheirsFirst => merged = added.chain(merged).collect(),
            Sequence::Broken => {
                return Err("both sides added sections, and neither order of them is that of their dates or versions"
                    .to_owned());
            }
        }
        // Imports come first, whoever added them, and what has a part of the text to itself last: what follows it would be in it.
        merged.sort_by_key(|block| match block.ident.0 {
            MemberKind::Import => 0,
            MemberKind::Rule => 2,
            _ => 1,
        });
        Ok(merged)
    }

    /// Refuses members of the two sides that take the same thing for themselves.
    fn clashes(&self, ours: &Slots<'_, 'a>, theirs: &Slots<'_, 'a>) -> Result<(), Refusal> {
        let members = |version: &'v Version<'a>, slots: &Slots<'_, 'a>| -> Vec<(Block<'a>, &'v [Claim])> {
            let blocks = slots.values().flatten();
            blocks
                .filter_map(|block| Some(((*block).clone(), version.member(block.member?)?.claims.as_slice())))
                .collect()
        };
        let (ours, theirs) = (members(self.versions.ours, ours), members(self.versions.theirs, theirs));
        for (our, our_claims) in &ours {
            for (their, their_claims) in &theirs {
                let merged = our.ident == their.ident && (our.ident.0 != MemberKind::Import || same(our, their));
                let pairs = our_claims.iter().flat_map(|one| their_claims.iter().map(move |other| (one, other)));
                if !merged && let Some((one, other)) = pairs.into_iter().find(|(one, other)| claims::clash(one, other))
                {
                    return Err(claims::reason(one, other));
                }
            }
        }
        Ok(())
    }

    /// Merges a member that both sides changed, or both added: its lists, if all else is untouched on one side.
    fn member(
        &self,
        base: Option<&Block<'a>>,
        ours: &Block<'a>,
        theirs: &Block<'a>,
        depth: usize,
    ) -> Result<Block<'a>, Refusal> {
        let refused = || match base {
            Some(_) => format!("both sides changed {}", shown(ours)),
            None => format!("both sides added {}, and differ", shown(ours)),
        };
        let base = base.ok_or_else(refused)?;
        let ids = Three::new(base.member, ours.member, theirs.member).all().ok_or_else(refused)?;
        let blocks = Three::new(base, ours, theirs);
        let parts = self.versions.zip(ids).zip(blocks).map(|((version, id), block)| parts(version, id, block));
        let parts = parts.all().ok_or_else(refused)?;
        let count = parts.ours.lists.len();
        if count == 0 || parts.base.lists.len() != count || parts.theirs.lists.len() != count {
            return Err(refused());
        }
        let mut text = String::new();
        let mut span_end = None;
        for number in 0..=count {
            let shell = parts.as_ref().map(|parts| parts.shells.get(number).copied().unwrap_or_default());
            if number == count {
                span_end = parts.ours.separator_in_last.map(|at| text.len() + at);
            }
            text.push_str(pick(shell.base, shell.ours, shell.theirs).ok_or_else(refused)?);
            let Some(lists) = parts.as_ref().map(|parts| parts.lists.get(number).copied()).all() else { continue };
            text.push_str(&self.list(lists, depth + 1)?);
        }
        let separator_at = span_end.unwrap_or(text.trim_end().len());
        Ok(Block {
            lead: pick(base.lead, ours.lead, theirs.lead).unwrap_or(ours.lead),
            separated: ours.separated,
            separator_at,
            text: text.into(),
            ..ours.clone()
        })
    }

    /// Merges the whole of a list.
    fn list(&self, lists: Three<usize>, depth: usize) -> Result<Cow<'a, str>, Refusal> {
        let unknown = || "a list is on one side only".to_owned();
        let found = self.versions.zip(lists).map(|(version, list)| version.list(list)).all().ok_or_else(unknown)?;
        let suffix = |scope: &str| scope.rsplit('/').next().unwrap_or_default().to_owned();
        if suffix(&found.base.scope) != suffix(&found.ours.scope)
            || suffix(&found.base.scope) != suffix(&found.theirs.scope)
        {
            return Err(unknown());
        }
        let inside = self.versions.zip(found).map(|(version, list)| version.slice(list.inside.clone()));
        if let Some(same) = pick(inside.base, inside.ours, inside.theirs) {
            return Ok(same.into());
        }
        let rows = self.versions.zip(found).map(|(version, list)| version.inner(list).rows);
        let edges = self.versions.zip(found).zip(rows.as_ref()).map(|((version, list), rows)| {
            let (start, end) = (version.start_of(rows.start), version.start_of(rows.end));
            let head = version.slice(list.inside.start.min(start)..start.max(list.inside.start));
            // Without a closing bracket the last line's end lies outside.
            let (end, foot) =
                if end > list.inside.end { (list.inside.end, "") } else { (end, version.slice(end..list.inside.end)) };
            (start >= list.inside.start && start <= end).then_some((head, foot, end < version.start_of(rows.end)))
        });
        let tiled = self
            .versions
            .zip(lists)
            .zip(rows.as_ref())
            .map(|((version, list), rows)| blocks::tile(version, list, rows));
        if let (Some(edges), Some(_)) = (edges.all(), tiled.all()) {
            let refused = || "the sides laid a list out differently".to_owned();
            let head = pick(edges.base.0, edges.ours.0, edges.theirs.0).ok_or_else(refused)?;
            let foot = pick(edges.base.1, edges.ours.1, edges.theirs.1).ok_or_else(refused)?;
            let mut text = self.region(lists, &rows, depth)?;
            if edges.ours.2 {
                text.truncate(text.trim_end_matches(['\r', '\n']).len());
            }
            return Ok(format!("{head}{text}{foot}").into());
        }
        let inlines = self.versions.zip(lists).map(|(version, list)| blocks::inline(version, list));
        let inlines = inlines.all().ok_or("the members of a list share lines")?;
        self.inline(&inlines, found.ours.separator, depth).map(Cow::from)
    }

    fn inline(&self, lists: &Three<Inline<'a>>, separator: &str, depth: usize) -> Result<String, Refusal> {
        let merged = self.sequence(lists.as_ref().map(|list| list.blocks.as_slice()), depth)?;
        let gap = lists.ours.gap.or(lists.theirs.gap).or(lists.base.gap);
        let gap = gap.map_or_else(|| format!("{separator} "), str::to_owned);
        let refused = || "the sides laid a list out differently".to_owned();
        let edge = |part: fn(&Inline<'a>) -> &'a str| {
            let part = lists.as_ref().map(part);
            pick(part.base, part.ours, part.theirs).ok_or_else(refused)
        };
        let (lead, tail) = (edge(|list| list.lead)?, edge(|list| list.tail)?);
        let members: Vec<&str> = merged.iter().map(|block| block.text.as_ref()).collect();
        Ok(format!("{lead}{}{tail}", members.join(&gap)))
    }
}

/// Members inserted by one side, by the number of the base's member that they come before.
type Slots<'b, 'a> = BTreeMap<usize, Vec<&'b Block<'a>>>;

fn index(blocks: &[Block<'_>]) -> Result<BTreeMap<Ident, usize>, Refusal> {
    let mut index = BTreeMap::new();
    for (number, block) in blocks.iter().enumerate() {
        if index.insert(block.ident.clone(), number).is_some() {
            return Err(format!("{} is there twice", shown(block)));
        }
    }
    Ok(index)
}

/// Finds where a side inserted members; refuses a side that gave the base's members another order.
fn slots<'b, 'a>(
    base: &[Block<'a>],
    side: &'b [Block<'a>],
    index: &BTreeMap<Ident, usize>,
) -> Result<Slots<'b, 'a>, Refusal> {
    let mut slots: Slots<'b, 'a> = BTreeMap::new();
    let mut next = 0;
    for block in side {
        match index.get(&block.ident) {
            Some(at) if *at >= next => next = at + 1,
            Some(at) => {
                return Err(format!("one side moved {}", base.get(*at).map_or_else(|| shown(block), shown)));
            }
            None => slots.entry(next).or_default().push(block),
        }
    }
    Ok(slots)
}

/// Tells whether two members are the same, blanks at the ends and separators aside.
fn same(one: &Block<'_>, other: &Block<'_>) -> bool {
    let bare = |block: &Block<'_>| -> (String, String) {
        let (head, tail) = block.text.split_at_checked(block.separator_at).unwrap_or((&block.text, ""));
        (head.trim().to_owned(), tail.trim().trim_start_matches([',', ';']).trim().to_owned())
    };
    bare(one) == bare(other)
}

/// Returns the side that differs from the base, or either if they agree; `None` if both differ.
pub(super) fn pick<T: PartialEq>(base: T, ours: T, theirs: T) -> Option<T> {
    if ours == theirs || theirs == base {
        Some(ours)
    } else if ours == base {
        Some(theirs)
    } else {
        None
    }
}

/// Sees that members which both sides set apart by blank lines stay apart.
fn spaced<'a>(mut merged: Vec<Block<'a>>, tiles: &Three<Tiles<'a>>) -> Vec<Block<'a>> {
    let apart = |tiles: &Tiles<'_>| {
        let inner = tiles.blocks.iter().skip(1).map(|block| block.lead);
        inner.chain(tiles.blocks.first().map(|block| block.lead)).chain([tiles.tail]).max().unwrap_or(0)
    };
    let gap = apart(&tiles.ours).min(apart(&tiles.theirs));
    let mut previous: Option<MemberKind> = None;
    for block in &mut merged {
        let large = |kind: MemberKind| matches!(kind, MemberKind::Definition | MemberKind::Rule);
        if previous.is_some_and(|previous| large(previous) && large(block.ident.0)) && block.lead < gap {
            block.lead = gap;
        }
        previous = Some(block.ident.0);
    }
    merged
}

/// The text of a member around the lists that it owns.
struct Parts<'t> {
    shells: Vec<&'t str>,
    lists: Vec<usize>,
    /// Where a separator stands in the last of the shells.
    separator_in_last: Option<usize>,
}

fn parts<'t>(version: &Version<'_>, member: usize, block: &'t Block<'_>) -> Option<Parts<'t>> {
    let span = version.member(member)?.span.clone();
    // The block ends the same number of bytes behind the member's end as its separator's place says.
    let origin = span.end.checked_sub(block.separator_at)?;
    let mut parts = Parts { shells: Vec::new(), lists: Vec::new(), separator_in_last: None };
    let mut at = 0;
    for (number, list) in version.lists_of(member) {
        let (start, end) = (list.inside.start.checked_sub(origin)?, list.inside.end.checked_sub(origin)?);
        parts.shells.push(block.text.get(at..start)?);
        parts.lists.push(number);
        at = end;
    }
    parts.separator_in_last = block.separator_at.checked_sub(at);
    parts.shells.push(block.text.get(at..)?);
    Some(parts)
}

fn words<'b>(blocks: &[&&'b Block<'_>]) -> BTreeSet<&'b str> {
    blocks.iter().flat_map(|block| rules::names(&block.text)).collect()
}

fn shown(block: &Block<'_>) -> String {
    let key: String = block.ident.1.chars().take(60).collect();
    format!("`{key}`")
}
