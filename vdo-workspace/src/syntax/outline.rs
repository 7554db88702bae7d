//! What a text defines.
//!
//! One walk over the tree that never goes back: work grows with the number of nodes. Queries would be
//! shorter, but on deeply nested or broken texts their cost grows with the square.

use std::ops::Range;

use tree_sitter::{Node, Tree, TreeCursor};
use vdo_core::syntax::{Symbol, SymbolKind};

use super::MAX_SYMBOLS;
use super::languages::{BODY, Definition, Language};
use super::parse::{line_number, one_line};

/// How many nodes are looked at.
const MAX_NODES: usize = 2_000_000;
/// How many names one definition may give.
const MAX_NAMES: usize = 100;
/// The longest signature and the longest name, in characters.
const MAX_SIGNATURE: usize = 200;

/// Returns the symbols in the order of the text. What a function defines is its own affair.
pub(super) fn outline(language: &Language, tree: &Tree, text: &str) -> Vec<Symbol> {
    let mut symbols: Vec<Symbol> = Vec::new();
    let mut around: Vec<(Range<usize>, String)> = Vec::new();
    let mut above: Vec<&str> = Vec::new();
    let mut cursor = tree.walk();
    for _ in 0..MAX_NODES {
        let node = cursor.node();
        let definition = language.definitions.iter().find(|definition| definition.fits(node.kind(), &above));
        while around.last().is_some_and(|(outer, _)| outer.end <= node.start_byte()) {
            around.pop();
        }
        if let Some(definition) = definition {
            define(language, definition, node, text, &mut around, &mut symbols);
        }
        // Functions, values and imports hold nothing that is told of; only types and plain nodes are entered.
        let closed = definition.is_some_and(|definition| definition.kind != SymbolKind::Type);
        let entered = !closed && cursor.goto_first_child();
        if entered {
            above.push(node.kind());
        }
        if symbols.len() >= MAX_SYMBOLS || !(entered || advance(&mut cursor, &mut above)) {
            break;
        }
    }
    symbols
}

impl Definition {
    fn fits(&self, kind: &str, above: &[&str]) -> bool {
        self.node == kind
            && self.below.iter().zip(above.iter().rev()).filter(|(want, is)| want == is).count() == self.below.len()
    }
}

/// Moves on to the next node that is not below this one; returns whether there is one.
fn advance(cursor: &mut TreeCursor<'_>, above: &mut Vec<&str>) -> bool {
    loop {
        if cursor.goto_next_sibling() {
            return true;
        }
        if !cursor.goto_parent() {
            return false;
        }
        above.pop();
    }
}

fn define(
    language: &Language,
    definition: &Definition,
    node: Node<'_>,
    text: &str,
    around: &mut Vec<(Range<usize>, String)>,
    symbols: &mut Vec<Symbol>,
) {
    let signature = signature(language, node, text);
    for name in names(definition, node) {
        let name = one_line(text.get(name.byte_range()).unwrap_or_default(), MAX_SIGNATURE);
        let name = match around.last() {
            Some((_, outer)) if definition.kind != SymbolKind::Import => format!("{outer}.{name}"),
            _ => name,
        };
        let name: String = name.chars().take(MAX_SIGNATURE).collect();
        if definition.kind == SymbolKind::Type {
            around.push((node.byte_range(), name.clone()));
        }
        let line = line_number(node.start_position().row);
        symbols.push(Symbol { name, kind: definition.kind, line, signature: signature.clone() });
    }
}

fn names<'tree>(definition: &Definition, node: Node<'tree>) -> Vec<Node<'tree>> {
    let mut cursor = node.walk();
    let found = node.children_by_field_name(definition.name, &mut cursor).take(MAX_NAMES);
    found
        .map(|name| name.child_by_field_name(definition.name).unwrap_or(name))
        .filter(|name| definition.name_node.is_empty() || name.kind() == definition.name_node)
        .collect()
}

/// Returns what stands before the body, without a comment that ends it.
fn signature(language: &Language, node: Node<'_>, text: &str) -> String {
    let mut end = node.child_by_field_name(BODY).map_or(node.end_byte(), |body| body.start_byte());
    let mut cursor = node.walk();
    for child in node.children(&mut cursor).take(MAX_NAMES) {
        if child.kind() == "comment" {
            end = end.min(child.start_byte());
        }
    }
    let head = text.get(node.start_byte()..end).unwrap_or_default();
    one_line(head.trim_end().trim_end_matches(language.signature_end), MAX_SIGNATURE)
}
