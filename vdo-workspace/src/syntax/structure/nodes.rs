//! Nodes of trees: what their kinds are, what is in them.

use std::ops::Range;
use std::sync::OnceLock;

use tree_sitter::{Node, Tree};

use super::reader::Reader;
use super::walk::MAX_NODES;

/// Returns the bytes between two tokens of `node`, if both are there.
pub(in crate::syntax) fn between(node: Node<'_>, open: &str, close: &str) -> Option<Range<usize>> {
    let start = child(node, &[open])?.end_byte();
    let mut cursor = node.walk();
    let close = node.children(&mut cursor).filter(|token| token.kind() == close).last()?;
    (start <= close.start_byte()).then(|| start..close.start_byte())
}

/// Returns the bytes between the brackets of `node`: all of it if it has none.
pub(in crate::syntax) fn between_brackets(node: Node<'_>) -> Range<usize> {
    let is_bracket = |end: &Node<'_>| !end.is_named() && !end.is_missing();
    let first = node.child(0).filter(is_bracket);
    let last = node.child_count().checked_sub(1).and_then(|last| node.child(last)).filter(is_bracket);
    let start = first.map_or(node.start_byte(), |bracket| bracket.end_byte());
    let end = last.filter(|last| Some(*last) != first).map_or(node.end_byte(), |bracket| bracket.start_byte());
    start..end.max(start)
}

/// Returns the children that have names.
pub(in crate::syntax) fn named<'n>(node: Node<'n>) -> Vec<Node<'n>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).collect()
}

/// Returns the first child of one of these kinds.
pub(in crate::syntax) fn child<'n>(node: Node<'n>, kinds: &[&str]) -> Option<Node<'n>> {
    let mut cursor = node.walk();
    node.children(&mut cursor).find(|child| kinds.contains(&child.kind()))
}

/// May be a list.
pub(super) const LIST: u8 = 1;
/// Is a comment.
pub(super) const COMMENT: u8 = 2;
/// Has nothing in it.
pub(super) const LEAF: u8 = 8;
/// Belongs to the next sibling.
pub(super) const PREFIX: u8 = 4;

/// What the kinds of a grammar's nodes are to a [`Reader`], by their numbers.
pub(in crate::syntax) struct Kinds(OnceLock<Box<[u8]>>);

impl Kinds {
    /// Returns an empty table, filled when it is first asked.
    pub(in crate::syntax) const fn new() -> Self {
        Self(OnceLock::new())
    }

    pub(super) fn of(&self, grammar: &tree_sitter::Language, reader: &dyn Reader) -> &[u8] {
        self.0.get_or_init(|| {
            let count = u16::try_from(grammar.node_kind_count()).unwrap_or(u16::MAX);
            (0..count)
                .map(|id| {
                    // A word of the language may be called like a kind: the type `object`.
                    if !grammar.node_kind_is_named(id) {
                        return LEAF;
                    }
                    let kind = grammar.node_kind_for_id(id).unwrap_or_default();
                    let bit = |kinds: &[&str], bit| if kinds.contains(&kind) { bit } else { 0 };
                    bit(reader.lists(), LIST) | bit(reader.comments(), COMMENT) | bit(reader.prefixes(), PREFIX)
                })
                .collect()
        })
    }
}

/// Returns how many nodes there are where the grammar does not fit.
pub(super) fn errors(tree: &Tree) -> u32 {
    let mut count = 0;
    let mut cursor = tree.walk();
    'next: for _ in 0..MAX_NODES {
        let node = cursor.node();
        let stop = node.is_error() || node.is_missing();
        count += u32::from(stop);
        if !stop && node.has_error() && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                break 'next;
            }
        }
    }
    count
}
