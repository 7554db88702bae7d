//! What a text defines.

use std::ops::{ControlFlow, Range};

use tree_sitter::{Node, QueryCursor, QueryCursorOptions, StreamingIterator, Tree};
use vdo_core::syntax::{Symbol, SymbolKind};

use super::languages::Language;
use super::parse::{line_number, one_line};
use super::{MAX_SYMBOLS, MAX_TEXT_BYTES};

/// How often a query may report progress.
const MAX_REPORTS: u32 = 400_000;
/// The longest signature and the longest name, in characters.
const MAX_SIGNATURE: usize = 200;

/// A definition as the query found it.
struct Found {
    range: Range<usize>,
    row: usize,
    kind: SymbolKind,
    name: String,
    signature: String,
}

/// Returns the symbols in the order of the text; `None` if a bound is reached.
pub(super) fn outline(language: &Language, tree: &Tree, text: &str) -> Option<Vec<Symbol>> {
    let mut found = find(language, tree, text)?;
    found.sort_by(|one, two| {
        (one.range.start, std::cmp::Reverse(one.range.end), &one.name).cmp(&(
            two.range.start,
            std::cmp::Reverse(two.range.end),
            &two.name,
        ))
    });
    found.dedup_by(|one, two| one.range == two.range && one.name == two.name);
    let mut symbols = Vec::new();
    let mut around: Vec<(Range<usize>, SymbolKind, String)> = Vec::new();
    for Found { range, row, kind, name, signature } in found {
        while around.last().is_some_and(|(outer, _, _)| outer.end <= range.start) {
            around.pop();
        }
        let local = around.iter().any(|(_, kind, _)| *kind == SymbolKind::Function);
        let full = match around.last() {
            Some((_, SymbolKind::Type, outer)) if kind != SymbolKind::Import => format!("{outer}.{name}"),
            _ => name,
        };
        if matches!(kind, SymbolKind::Function | SymbolKind::Type) {
            around.push((range, kind, full.chars().take(MAX_SIGNATURE).collect()));
        }
        if !local && symbols.len() < MAX_SYMBOLS {
            let name = full.chars().take(MAX_SIGNATURE).collect();
            symbols.push(Symbol { name, kind, line: line_number(row), signature });
        }
    }
    Some(symbols)
}

fn find(language: &Language, tree: &Tree, text: &str) -> Option<Vec<Found>> {
    let query = language.query()?;
    let names = query.capture_names();
    let mut reports = 0_u32;
    let mut progress = |_: &tree_sitter::QueryCursorState| {
        reports = reports.saturating_add(1);
        if reports > MAX_REPORTS { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let mut cursor = QueryCursor::new();
    cursor.set_match_limit(4096);
    let options = QueryCursorOptions::new().progress_callback(&mut progress);
    let mut matches = cursor.matches_with_options(query, tree.root_node(), text.as_bytes(), options);
    let mut found = Vec::new();
    while let Some(matched) = matches.next() {
        let (mut whole, mut name) = (None, None);
        for capture in matched.captures() {
            let index = usize::try_from(capture.index).unwrap_or(usize::MAX);
            match names.get(index).copied() {
                Some("function") => whole = Some((capture.node, SymbolKind::Function)),
                Some("type") => whole = Some((capture.node, SymbolKind::Type)),
                Some("value") => whole = Some((capture.node, SymbolKind::Value)),
                Some("import") => whole = Some((capture.node, SymbolKind::Import)),
                Some("name") => name = text.get(capture.node.byte_range()),
                _ => {}
            }
        }
        let (Some((node, kind)), Some(name)) = (whole, name) else { continue };
        found.push(Found {
            range: node.byte_range(),
            row: node.start_position().row,
            kind,
            name: one_line(name, MAX_SIGNATURE),
            signature: signature(language, node, text),
        });
        if found.len() > MAX_TEXT_BYTES / 8 {
            return None;
        }
    }
    drop(matches);
    (reports <= MAX_REPORTS).then_some(found)
}

fn signature(language: &Language, node: Node<'_>, text: &str) -> String {
    let end = node.child_by_field_name(language.body).map_or(node.end_byte(), |body| body.start_byte());
    // A comment may stand between the signature and the body.
    let end = node
        .child_by_field_name("parameters")
        .map_or(end, |parameters| end.min(closing(text, parameters.end_byte(), end, language)));
    let head = text.get(node.start_byte()..end).unwrap_or_default();
    one_line(head.trim_end().trim_end_matches(language.signature_end), MAX_SIGNATURE)
}

/// Returns where the line that ends a signature ends.
fn closing(text: &str, from: usize, end: usize, language: &Language) -> usize {
    let rest = text.get(from..end).unwrap_or_default();
    rest.find('\n').filter(|at| rest.get(..*at).is_some_and(|line| line.contains(language.signature_end))).map_or(
        end,
        |at| {
            let line = rest.get(..at).unwrap_or_default();
            from + line.rfind(language.signature_end).unwrap_or(at)
        },
    )
}
