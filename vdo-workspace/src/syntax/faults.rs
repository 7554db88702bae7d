//! Where a grammar does not fit.

use tree_sitter::{Node, Tree, TreeCursor};
use vdo_core::syntax::SyntaxFault;

use super::MAX_FAULTS;
use super::parse::{line_number, one_line};

/// How many nodes are looked at.
const MAX_NODES: usize = 2_000_000;

/// Returns the faults in the order of the text, one for each line and message.
pub(super) fn faults(tree: &Tree, text: &str) -> Vec<SyntaxFault> {
    let mut faults: Vec<SyntaxFault> = Vec::new();
    if !tree.root_node().has_error() {
        return faults;
    }
    let mut cursor = tree.walk();
    for _ in 0..MAX_NODES {
        let node = cursor.node();
        let stop = node.is_error() || node.is_missing();
        if stop && faults.len() < MAX_FAULTS {
            let fault = fault(node, text);
            if !faults.iter().any(|seen| seen.line == fault.line && seen.message == fault.message) {
                faults.push(fault);
            }
        }
        // What lies inside an error is part of it.
        let inside = !stop && node.has_error() && cursor.goto_first_child();
        if faults.len() >= MAX_FAULTS || !(inside || advance(&mut cursor)) {
            break;
        }
    }
    faults
}

/// Moves on to the next node that is not below this one; returns whether there is one.
fn advance(cursor: &mut TreeCursor<'_>) -> bool {
    loop {
        if cursor.goto_next_sibling() {
            return true;
        }
        if !cursor.goto_parent() {
            return false;
        }
    }
}

fn fault(node: Node<'_>, text: &str) -> SyntaxFault {
    let message = if node.is_missing() {
        format!("`{}` is missing", node.kind())
    } else {
        let near = one_line(text.get(node.byte_range()).unwrap_or_default(), 40);
        if near.is_empty() { "syntax error".to_owned() } else { format!("syntax error at `{near}`") }
    };
    let at = node.start_byte();
    let start = text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
    let line = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    SyntaxFault { line: line_number(node.start_position().row), message, text: one_line_kept(line) }
}

/// Returns a line with its indentation, cut to 200 characters.
fn one_line_kept(line: &str) -> String {
    line.trim_end().chars().take(200).collect()
}
