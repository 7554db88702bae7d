//! One walk over a tree: lists and their members, from the outside in.
//!
//! The language says which nodes are lists and what a child of one is ([`Reader`]). Everything else is done here, once:
//! comments and attributes are joined to what they stand above, lists inside a member are found wherever they are in it,
//! and the work is bounded by nodes and depth.

use std::ops::Range;

use tree_sitter::{Node, Tree};
use vdo_core::structure::{MemberKind, Structure};

use super::keys::normal;
use super::memo::{Memo, Teller, Tellings};
use super::nodes::{COMMENT, Kinds, LEAF, LIST, PREFIX, errors, named};
use super::out::{Draft, ListId, MemberId, Out, Place};
use super::reader::{At, Child, Frame, Mode, Reader};

/// How many nodes are looked at.
pub(super) const MAX_NODES: usize = 2_000_000;
/// How long a node is, in bytes, in which signs of lists are looked for.
const MAX_SHORT: usize = 160;
/// How deep lists are told.
const MAX_DEPTH: usize = 64;

/// Returns the structure of a parsed text, or `None` if a bound is reached.
pub(in crate::syntax) fn structure(
    reader: &'static dyn Reader,
    kinds: &Kinds,
    tree: &Tree,
    text: &str,
) -> Option<Structure> {
    Walk::new(reader, kinds, tree, text, None).run(tree).0.finish()
}

/// Returns the structure of a parsed text, and what may be told again of others that have nodes in common with it.
pub(in crate::syntax) fn remembered(
    reader: &'static dyn Reader,
    kinds: &Kinds,
    tree: &Tree,
    text: &str,
) -> Option<(Structure, Memo)> {
    let mut walk = Walk::new(reader, kinds, tree, text, None);
    walk.told = Some(Tellings::default());
    let (out, told) = walk.run(tree);
    Memo::new(out, told?, text, reader.mode(text))
}

/// Returns the structure of a parsed text; what it has in common with one that is remembered is told again.
///
/// The tree must be made from the remembered one, which must still be there: nodes are found again by where they lie in memory.
pub(in crate::syntax) fn again(
    reader: &'static dyn Reader,
    kinds: &Kinds,
    tree: &Tree,
    text: &str,
    memo: &Memo,
) -> Option<Structure> {
    let memo = Some(memo).filter(|memo| memo.mode == reader.mode(text) && memo.mode != Mode::Around);
    Walk::new(reader, kinds, tree, text, memo).run(tree).0.finish()
}

struct Walk<'t> {
    reader: &'static dyn Reader,
    kinds: &'t [u8],
    marks: &'static [u8],
    out: Out<'t>,
    nodes: usize,
    root: ListId,
    /// What is to be remembered.
    told: Option<Tellings>,
    memo: Option<&'t Memo>,
}

/// Comments and attributes that wait for what they stand above.
#[derive(Default)]
struct Above<'n> {
    comments: Option<Range<usize>>,
    prefixes: Vec<Node<'n>>,
}

impl<'t> Walk<'t> {
    fn new(reader: &'static dyn Reader, kinds: &'t Kinds, tree: &Tree, text: &'t str, memo: Option<&'t Memo>) -> Self {
        let (out, root) = Out::new(text);
        Self {
            reader,
            kinds: kinds.of(&tree.language(), reader),
            marks: reader.marks(),
            out,
            nodes: 0,
            root,
            told: None,
            memo,
        }
    }

    fn run(mut self, tree: &Tree) -> (Out<'t>, Option<Tellings>) {
        let top = tree.root_node();
        let children = self.reader.root(top);
        let children = if children.is_empty() { named(top) } else { children };
        self.members(self.root, (Place::Top, false), (&children, &[]), 0);
        self.out.errors(errors(tree));
        (self.out, self.told)
    }

    fn bits(&self, node: Node<'_>) -> u8 {
        self.kinds.get(usize::from(node.kind_id())).copied().unwrap_or_default()
    }

    fn is_spent(&mut self) -> bool {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            self.out.give_up();
        }
        self.out.is_over()
    }

    /// Tells of the members of a list; returns where the last one ends.
    fn members(
        &mut self,
        list: ListId,
        (place, registry): (Place, bool),
        (children, spans): (&[Node<'_>], &[Range<usize>]),
        depth: usize,
    ) -> usize {
        let mut above = Above::default();
        let (mut end, mut first) = (0, true);
        let (scope, inside) = (self.out.name(list).to_owned(), self.out.inside(list));
        for (at, &node) in children.iter().enumerate() {
            if self.is_spent() {
                break;
            }
            let span = spans.get(at).cloned().unwrap_or_else(|| node.byte_range());
            // Errors can put a child outside the brackets; a semicolon can be a statement of its own.
            if node.start_byte() >= inside.end || span.start < inside.start.max(end) {
                continue;
            }
            let bits = self.bits(node);
            if bits & COMMENT != 0 {
                self.comment(list, node, &mut above, end, first);
                continue;
            }
            self.settle(list, above.prefixes.first().map_or(node.start_byte(), Node::start_byte), &mut above, first);
            if bits & PREFIX != 0 {
                above.prefixes.push(node);
                continue;
            }
            let text = self.out.text;
            let child =
                Child { text, node, prefixes: &above.prefixes, place, registry, scope: &scope, span: span.clone() };
            let is_error = node.is_error() || node.is_missing();
            let draft = if is_error { Some(Draft::default()) } else { self.reader.member(&child) };
            let Some(draft) = draft else { continue };
            let own = draft.span.clone().unwrap_or(span);
            let own_end = self.with_semicolon(list, own.end.min(inside.end), inside.end);
            let start = above.prefixes.first().map_or(own.start, |prefix| prefix.start_byte().min(own.start));
            let start = above.comments.take().map_or(start, |comments| comments.start.min(start));
            above.prefixes.clear();
            first = false;
            end = own_end.max(end);
            if draft.lines {
                self.lines(list, own.start..own_end, &draft);
            } else if text.get(start..own_end).is_some_and(|own| !own.trim().is_empty()) {
                let member = self.out.member(list, start..own_end, &draft);
                self.known(Teller { list, member, draft: &draft, node, place, depth });
            }
        }
        end.max(self.leftover(list, above, first))
    }

    /// Tells of comments and attributes with nothing below them; returns where they end.
    fn leftover(&mut self, list: ListId, mut above: Above<'_>, first: bool) -> usize {
        let rest = above.comments.take();
        if let (Some(prefix), Some(last)) = (above.prefixes.first(), above.prefixes.last()) {
            let start = rest.map_or(prefix.start_byte(), |comments| comments.start.min(prefix.start_byte()));
            self.out.member(list, start..last.end_byte(), &Draft::default());
            return last.end_byte();
        }
        let Some(comments) = rest else { return 0 };
        let end = comments.end;
        self.alone(list, comments, first);
        end
    }

    /// Returns `end`, behind a semicolon that ends the member where nothing is said to stand between members.
    fn with_semicolon(&self, list: ListId, end: usize, limit: usize) -> usize {
        let ends = self.out.separator(list).is_empty() && end < limit;
        end + usize::from(ends && self.out.text.get(end..).is_some_and(|rest| rest.starts_with(';')))
    }

    /// Tells of each line of a text.
    fn lines(&mut self, list: ListId, span: Range<usize>, draft: &Draft) {
        let mut at = span.start;
        for line in self.out.text.get(span).unwrap_or_default().split_inclusive('\n') {
            let start = at + (line.len() - line.trim_start().len());
            at += line.len();
            if !line.trim().is_empty() {
                self.out.member(list, start..at, &Draft { key: normal(line), ..draft.clone() });
            }
        }
    }

    /// Takes in a comment: joined to the comments above, or the first of its own run; one behind code is left out.
    fn comment<'n>(&mut self, list: ListId, node: Node<'n>, above: &mut Above<'n>, end: usize, first: bool) {
        let text = self.out.text;
        let span = node.start_byte()..node.start_byte() + text.get(node.byte_range()).map_or(0, |t| t.trim_end().len());
        if !above.prefixes.is_empty() {
            return;
        }
        let line = text.get(..span.start).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
        if end > line || !is_blank(text, line..span.start) {
            return;
        }
        self.settle(list, span.start, above, first);
        match &mut above.comments {
            Some(run) => run.end = span.end,
            None => above.comments = Some(span),
        }
    }

    /// Tells of the comments waiting if they do not stand directly above `start`.
    fn settle(&mut self, list: ListId, start: usize, above: &mut Above<'_>, first: bool) {
        let Some(run) = above.comments.clone() else { return };
        let between = self.out.text.get(run.end..start).unwrap_or_default();
        let directly = between.bytes().filter(|byte| *byte == b'\n').count() <= 1 && between.trim().is_empty();
        let header = first && is_header(self.out.text, &run);
        if !directly || header {
            above.comments = None;
            self.alone(list, run, first);
        }
    }

    /// Tells of comments that belong to nothing.
    fn alone(&mut self, list: ListId, run: Range<usize>, first: bool) {
        let free = !(first && is_header(self.out.text, &run));
        self.out.member(list, run, &Draft { free, ..Draft::fixed(MemberKind::Comment, "") });
    }

    /// Finds the lists in a member, or tells again what was told of it in another version.
    fn known(&mut self, teller: Teller<'_, '_>) {
        let Teller { member, draft, node, place, depth, .. } = teller;
        if let Some(memo) = self.memo
            && memo.tell(&mut self.out, &teller)
        {
            return;
        }
        let before = self.told.is_some().then(|| self.out.mark());
        self.inside(member, draft, node, place, depth);
        if let (Some(told), Some(before)) = (&mut self.told, before) {
            told.keep(&self.out, &teller, before);
        }
    }

    /// Finds the lists in a member.
    fn inside(&mut self, member: MemberId, draft: &Draft, node: Node<'_>, place: Place, depth: usize) {
        if depth >= MAX_DEPTH {
            return;
        }
        let mut cursor = node.walk();
        let mut around: Vec<Node<'_>> = Vec::new();
        let text = self.out.text;
        loop {
            let here = cursor.node();
            if self.is_spent() {
                return;
            }
            let mut closed = false;
            if self.bits(here) & LIST != 0 {
                let at = At { text, node: here, above: around.last().copied(), owner: draft, place };
                if let Some(frame) = self.reader.list(&at) {
                    closed = true;
                    let start = node.start_byte();
                    self.out
                        .name_member(member, || normal(text.get(start..frame.shape.inside.start).unwrap_or_default()));
                    self.list(member, draft, here, frame, depth);
                }
            }
            if !closed && self.may_hold(here) && cursor.goto_first_child() {
                around.push(here);
                continue;
            }
            while !cursor.goto_next_sibling() {
                if around.pop().is_none() || !cursor.goto_parent() {
                    return;
                }
            }
        }
    }

    /// Tells whether there may be lists below a node: short expressions are most of a text and hold none.
    fn may_hold(&self, node: Node<'_>) -> bool {
        let range = node.byte_range();
        if self.bits(node) & LEAF != 0 {
            return false;
        }
        if self.marks.is_empty() || range.len() > MAX_SHORT {
            return true;
        }
        let bytes = self.out.text.as_bytes().get(range).unwrap_or_default();
        bytes.iter().any(|byte| self.marks.contains(byte))
    }

    fn list(&mut self, member: MemberId, owner: &Draft, node: Node<'_>, frame: Frame<'_>, depth: usize) {
        let name = frame.name.as_deref().or(owner.name.as_deref());
        let list = self.out.list(member, name, frame.shape);
        let children = frame.children.unwrap_or_else(|| named(node));
        let end = self.members(list, (frame.place, frame.registry), (&children, &frame.spans), depth + 1);
        if frame.open && end > 0 {
            self.out.end_with(list, end);
        }
    }
}

fn is_blank(text: &str, range: Range<usize>) -> bool {
    text.get(range).is_some_and(|before| before.chars().all(|c| c.is_whitespace() || c == '\u{feff}'))
}

/// Tells whether comments at the top of a text are about the whole of it.
fn is_header(text: &str, run: &Range<usize>) -> bool {
    if !is_blank(text, 0..run.start) {
        return false;
    }
    let comment = text.get(run.clone()).unwrap_or_default();
    let lower = super::keys::head(comment, 2000).to_ascii_lowercase();
    comment.starts_with("#!")
        || ["coding:", "coding=", "copyright", "licen", "spdx", "eslint", "@ts-", "-*-", "generated", "go:build"]
            .iter()
            .any(|word| lower.contains(word))
}
