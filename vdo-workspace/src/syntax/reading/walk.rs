//! One walk over a tree that never goes back: work grows with the number of nodes.
//!
//! Queries would be shorter, but on deeply nested or broken texts their cost grows with the square.

use std::ops::Range;

use tree_sitter::{Node, Tree, TreeCursor};
use vdo_core::syntax::{Reading, Symbol, SymbolKind};

use super::docs::{Prose, summary};
use super::names::{self, MAX_NAMES, declarator, loads};
use super::references::References;
use super::rows::{BODY, Binds, Definition, Docs, Inside, Name, Rows};
use super::table::{BINDS, CARRIES, COMMENT, Compiled, DEFINES, LATER, LEAF, MEMBER, NAME};
use super::{MAX_NODES, MAX_SIGNATURE};
use crate::syntax::MAX_SYMBOLS;
use crate::syntax::languages::Language;
use crate::syntax::parse::{line_number, one_line};

/// Returns the symbols in the order of the text. What a function defines is its own affair.
pub(in crate::syntax) fn outline(language: &Language, tree: &Tree, text: &str) -> Vec<Symbol> {
    let mut walk = Walk::new(language, tree, text);
    walk.run(tree, None);
    walk.symbols
}

/// Returns the symbols, the names that are used, and what comments say.
pub(in crate::syntax) fn read(language: &Language, tree: &Tree, text: &str) -> Reading {
    let mut walk = Walk::new(language, tree, text);
    let mut references = References::default();
    walk.run(tree, Some(&mut references));
    walk.comment_ends(Use::Waits);
    Reading { references: references.finish(&walk.symbols), symbols: walk.symbols, docs: walk.prose.finish() }
}

/// Returns how many nodes a reading looks at.
#[cfg(test)]
pub(in crate::syntax) fn nodes(language: &Language, tree: &Tree, text: &str) -> usize {
    let mut walk = Walk::new(language, tree, text);
    walk.run(tree, Some(&mut References::default()));
    walk.nodes
}

struct Walk<'t> {
    text: &'t str,
    rows: &'static Rows,
    table: &'t Compiled,
    symbols: Vec<Symbol>,
    /// The types that are open, with where they end.
    around: Vec<(usize, String)>,
    /// The kinds of the nodes above.
    above: Vec<u16>,
    /// Where the function that is open ends, the value, and the code that runs later.
    closed: usize,
    value: usize,
    later: usize,
    /// Where the pattern of a local is, and what it binds.
    bound: (Range<usize>, Binds),
    comment: Option<Comment>,
    /// Where the comments end that the text begins with, as far as that is known.
    preamble: Option<usize>,
    prose: Prose,
    /// How many nodes were looked at.
    nodes: usize,
}

/// A comment, or several directly below one another.
struct Comment {
    span: Range<usize>,
    /// The last line, from 0, of the comment and what stands between it and what it is about.
    row: usize,
    /// Whether it is about what it is in.
    inner: bool,
    /// Whether nothing but comments stands before it.
    first: bool,
}

/// What becomes of a comment that ends.
#[derive(PartialEq, Eq)]
enum Use {
    /// It is about a definition.
    Definition,
    /// Nothing has come that it could be about.
    Waits,
}

impl<'t> Walk<'t> {
    fn new(language: &'t Language, tree: &Tree, text: &'t str) -> Self {
        Self {
            text,
            rows: language.rows,
            table: language.table.of(&tree.language(), language.rows),
            symbols: Vec::new(),
            around: Vec::new(),
            above: Vec::new(),
            closed: 0,
            value: 0,
            later: 0,
            bound: (0..0, Binds::Lower),
            comment: None,
            preamble: Some(0),
            prose: Prose::default(),
            nodes: 0,
        }
    }

    /// Goes over the tree: all of it if names are counted, else as far as there may be definitions.
    fn run(&mut self, tree: &Tree, mut references: Option<&mut References<'t>>) {
        let mut cursor = tree.walk();
        if self.rows.docs == Docs::Strings
            && let Some(docs) = docstring(tree.root_node(), self.text)
        {
            self.prose.take(docs);
        }
        while self.nodes < MAX_NODES {
            self.nodes += 1;
            let node = cursor.node();
            let kind = self.table.kind(node.kind_id());
            let mut enters = kind & LEAF == 0;
            if kind & !LEAF != 0 {
                enters &= self.node(node, kind, references.as_deref_mut());
            }
            enters = enters && cursor.goto_first_child();
            if enters {
                self.above.push(node.kind_id());
            }
            if !(enters || advance(&mut cursor, &mut self.above)) {
                break;
            }
        }
    }

    /// Looks at a node that is something; returns whether it is entered.
    fn node(&mut self, node: Node<'_>, kind: u8, references: Option<&mut References<'t>>) -> bool {
        let start = node.start_byte();
        if kind & COMMENT != 0 {
            self.comment(node);
            return false;
        }
        let whole = references.is_some();
        if let Some(references) = references {
            if kind & BINDS != 0 && !(self.table.loads && loads(node, self.text)) {
                self.bind(node, references);
            }
            if kind & (NAME | MEMBER) != 0 {
                self.name(node, kind, references);
            }
        }
        if kind & CARRIES != 0
            && !self.is_hidden(start)
            && let Some(comment) = self.comment.as_mut().filter(|comment| node.start_position().row <= comment.row + 1)
        {
            comment.row = comment.row.max(node.end_position().row);
        }
        if kind & LATER != 0 {
            self.later = self.later.max(node.end_byte());
        }
        if kind & DEFINES != 0 && start >= self.closed && self.symbols.len() < MAX_SYMBOLS {
            self.definition(node);
        }
        // Functions hold nothing that is told of, and values only what they load.
        whole || !self.is_hidden(start)
    }

    /// Tells whether what begins here is not looked at for what is defined.
    fn is_hidden(&self, start: usize) -> bool {
        start < self.closed || (start < self.value && !self.table.loads)
    }

    fn definition(&mut self, node: Node<'_>) {
        let (id, table) = (node.kind_id(), self.table);
        let above = self.above.iter().rev();
        let fits =
            |below: &[u16]| below.iter().zip(above.clone()).filter(|(want, is)| want == is).count() == below.len();
        let mut rows = table.definitions.iter().filter(|(kind, below, _)| *kind == id && fits(below));
        let Some((_, _, definition)) = rows.next() else { return };
        let loads = matches!(definition.name, Name::Call(..));
        let limit = if loads { self.later } else { self.value };
        if node.start_byte() < limit {
            return;
        }
        let mut names = names::names(definition, node, self.text);
        // What a grammar makes up where something is missing is no name.
        names.retain(|name| !name.is_empty());
        if !names.is_empty() {
            self.define(definition, node, names);
        }
    }

    fn define(&mut self, definition: &Definition, node: Node<'_>, names: Vec<Range<usize>>) {
        let start = node.start_byte();
        while self.around.last().is_some_and(|(end, _)| *end <= start) {
            self.around.pop();
        }
        let body = node.child_by_field_name(BODY);
        let kind = kind_of(definition, node, body);
        let signature = self.signature(node, body);
        // A comment above imports is about the text.
        let of_text = kind == SymbolKind::Import && self.rows.docs == Docs::Above;
        let doc = if of_text { String::new() } else { self.doc(node, body) };
        let end = line_number(last_row(node));
        let line = line_number(node.start_position().row);
        for (number, name) in names.into_iter().enumerate() {
            let name = self.qualified(kind, definition, node, name);
            if definition.inside == Inside::Qualified && kind == SymbolKind::Type && number == 0 {
                self.around.push((node.end_byte(), name.clone()));
            }
            let (signature, doc) = (signature.clone(), doc.clone());
            self.symbols.push(Symbol { name, kind, line, signature, end, doc });
        }
        match kind {
            SymbolKind::Type => {}
            SymbolKind::Value => self.value = node.end_byte(),
            SymbolKind::Function | SymbolKind::Import => self.closed = node.end_byte(),
        }
    }
}

/// What the walk does with names and comments.
impl<'t> Walk<'t> {
    /// Takes in what a node calls locals, parameters and members.
    fn bind(&mut self, node: Node<'_>, references: &mut References<'t>) {
        let id = node.kind_id();
        let table = self.table;
        for (_, field, local) in table.locals.iter().filter(|(kind, ..)| *kind == id) {
            let Some(field) = field else {
                self.bound = (node.byte_range(), local.binds);
                continue;
            };
            if local.binds == Binds::Declarator {
                let mut cursor = node.walk();
                for found in node.children_by_field_id(*field, &mut cursor).take(MAX_NAMES) {
                    if let Some(name) = declarator(found).name.and_then(|name| self.text.get(name.byte_range())) {
                        references.own(name);
                    }
                }
            } else if let Some(pattern) = node.child_by_field_id(field.get()) {
                // A name alone is bound whatever it looks like.
                let alone = self.table.kind(pattern.kind_id()) & NAME != 0;
                self.bound = (pattern.byte_range(), if alone { Binds::All } else { local.binds });
            }
        }
    }

    fn name(&mut self, node: Node<'_>, kind: u8, references: &mut References<'t>) {
        let range = node.byte_range();
        let name = self.text.get(range.clone()).unwrap_or_default();
        let (bound, binds) = &self.bound;
        let lower = || kind & NAME != 0 && !name.starts_with(char::is_uppercase);
        if bound.contains(&range.start) && (*binds == Binds::All || lower()) {
            references.own(name);
        } else {
            references.used(name);
        }
    }

    fn comment(&mut self, node: Node<'_>) {
        let (span, row) = (node.byte_range(), node.start_position().row);
        let before = self.text.get(..span.start).unwrap_or_default();
        let first = self.preamble.is_some_and(|end| {
            let gap = before.get(end..).unwrap_or_default().trim();
            gap.is_empty() || gap.eq_ignore_ascii_case("<?php") || gap == "\u{feff}"
        });
        self.preamble = first.then_some(span.end);
        let text = self.text.get(span.clone()).unwrap_or_default();
        let (is_doc, inner) = match self.rows.docs {
            Docs::Above => (true, false),
            Docs::Strings => (false, false),
            Docs::Marked(marks, inner) => {
                let inner = inner.iter().any(|mark| text.starts_with(mark));
                (inner || is_marked(text, marks), inner)
            }
        };
        // Inside a function or a value a comment is about nothing that is told.
        if self.is_hidden(span.start) {
            if is_doc && self.rows.docs != Docs::Above {
                self.prose.take(text);
            }
            return;
        }
        // What stands behind code is about that.
        let alone =
            before.trim_end_matches([' ', '\t']).bytes().next_back().is_none_or(|byte| byte == b'\n' || byte == b'\r');
        let last = last_row(node);
        let below = |comment: &&mut Comment| row <= comment.row + 1 && (!is_doc || comment.inner == inner);
        match self.comment.as_mut().filter(below) {
            Some(comment) if alone => {
                comment.row = last;
                if is_doc {
                    comment.span.end = span.end;
                }
            }
            _ if alone && is_doc => {
                self.comment_ends(Use::Waits);
                self.comment = Some(Comment { span, row: last, inner, first });
            }
            _ => {}
        }
    }

    fn comment_ends(&mut self, what: Use) {
        let Some(comment) = self.comment.take() else { return };
        if what == Use::Definition || comment.first || self.rows.docs != Docs::Above {
            self.prose.take(self.text.get(comment.span).unwrap_or_default());
        }
    }

    /// Returns what the comment above a definition, or the string its body begins with, says first.
    fn doc(&mut self, node: Node<'_>, body: Option<Node<'_>>) -> String {
        let row = node.start_position().row;
        if let Some(comment) = self.comment.as_ref().filter(|comment| !comment.inner && row <= comment.row + 1) {
            let doc = summary(self.text.get(comment.span.clone()).unwrap_or_default());
            self.comment_ends(Use::Definition);
            return doc;
        }
        match body.filter(|_| self.rows.docs == Docs::Strings).and_then(|body| docstring(body, self.text)) {
            Some(docs) => {
                self.prose.take(docs);
                summary(docs)
            }
            None => String::new(),
        }
    }

    fn qualified(&self, kind: SymbolKind, definition: &Definition, node: Node<'_>, name: Range<usize>) -> String {
        let name = one_line(self.text.get(name).unwrap_or_default(), MAX_SIGNATURE);
        if kind == SymbolKind::Import {
            return match definition.name {
                Name::Each(_) => {
                    names::prefix(node, self.text).map_or(name.clone(), |prefix| format!("{prefix}\\{name}"))
                }
                _ => name,
            };
        }
        let name = name.trim_start_matches('$').replace("::", ".");
        match self.around.last() {
            Some((_, outer)) => format!("{outer}.{name}").chars().take(MAX_SIGNATURE).collect(),
            None => name,
        }
    }

    /// Returns what stands before the body, without a comment that ends it.
    fn signature(&self, node: Node<'_>, body: Option<Node<'_>>) -> String {
        // The body of a function that is a value ends its signature, too.
        let value = || node.child_by_field_name("value")?.child_by_field_name(BODY);
        let mut end = body.or_else(value).map_or(node.end_byte(), |body| body.start_byte());
        let mut cursor = node.walk();
        for child in node.children(&mut cursor).take(MAX_NAMES) {
            if self.table.kind(child.kind_id()) & COMMENT != 0 {
                end = end.min(child.start_byte());
            }
        }
        let head = self.text.get(node.start_byte()..end).unwrap_or_default();
        // Go's types have no body of their own.
        let head = if node.kind() == "type_spec" { head.split('{').next().unwrap_or(head) } else { head };
        one_line(head.trim_end().trim_end_matches(self.rows.signature_end), MAX_SIGNATURE)
    }
}

/// Moves on to the next node that is not below this one; returns whether there is one.
fn advance(cursor: &mut TreeCursor<'_>, above: &mut Vec<u16>) -> bool {
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

/// Returns what a definition defines after all.
fn kind_of(definition: &Definition, node: Node<'_>, body: Option<Node<'_>>) -> SymbolKind {
    match definition.name {
        Name::Body(_) if body.is_none() => SymbolKind::Import,
        Name::Declarator(field) if definition.kind == SymbolKind::Value => {
            match node.child_by_field_name(field).map(declarator) {
                Some(declared) if declared.function => SymbolKind::Function,
                _ => SymbolKind::Value,
            }
        }
        _ => definition.kind,
    }
}

/// Returns the last row with something of a node in it.
fn last_row(node: Node<'_>) -> usize {
    let (start, end) = (node.start_position(), node.end_position());
    if end.column == 0 && end.row > start.row { end.row - 1 } else { end.row }
}

/// Tells whether a comment is documentation; a row of signs (`/////`, `/***`) is not.
fn is_marked(text: &str, marks: &[&str]) -> bool {
    marks.iter().any(|mark| {
        let last = mark.chars().next_back();
        text.strip_prefix(mark)
            .is_some_and(|rest| last.is_none_or(|last| !rest.starts_with(last)) && !rest.starts_with('/'))
    })
}

/// Returns the string that a body begins with.
fn docstring<'t>(body: Node<'_>, text: &'t str) -> Option<&'t str> {
    let mut cursor = body.walk();
    let mut statements = body.named_children(&mut cursor).filter(|node| !node.is_extra());
    let statement = statements.next().filter(|node| node.kind() == "expression_statement")?;
    let string = statement.named_child(0).filter(|node| node.kind() == "string")?;
    let mut cursor = string.walk();
    let mut parts = string.named_children(&mut cursor).filter(|part| part.kind() == "string_content");
    let first = parts.next()?;
    text.get(first.start_byte()..parts.last().unwrap_or(first).end_byte())
}
