//! TOML.

use tree_sitter::Node;
use vdo_core::structure::{ClaimKind, MemberKind};

use crate::syntax::structure::keys::{normal, unquoted, within};
use crate::syntax::structure::nodes::{child, named};
use crate::syntax::structure::out::{Draft, Place};
use crate::syntax::structure::reader::{At, Child, Frame, Reader};
use crate::syntax::structure::registry;

/// Reads TOML's trees.
pub(super) struct Toml;

/// Tables whose arrays are sets.
const SETS: &[&str] = &["features", "optional-dependencies", "dependency-groups", "extras"];

impl Reader for Toml {
    fn lists(&self) -> &'static [&'static str] {
        &["table", "table_array_element", "inline_table", "array"]
    }

    fn comments(&self) -> &'static [&'static str] {
        &["comment"]
    }

    /// The grammar counts comments above a table's head to the table before; here they are the next one's.
    fn root<'n>(&self, root: Node<'n>) -> Vec<Node<'n>> {
        let mut children = Vec::new();
        for node in named(root) {
            children.push(node);
            if is_table(node) {
                let inner = named(node);
                children.extend(inner.into_iter().skip_while(|inner| inner.start_byte() < content_end(node)));
            }
        }
        children
    }

    fn list<'n>(&self, at: &At<'_, 'n>) -> Option<Frame<'n>> {
        let node = at.node;
        Some(match node.kind() {
            "inline_table" => Frame::brackets(node, Place::Entries, "table", ",").not_trailing(),
            "array" => {
                let told = |node: Node<'_>| !distinguished(at.text, node).is_empty();
                let set = at.is_value() && at.owner.inner == Place::Set;
                Frame::brackets(node, Place::Elements, "array", ",").registry(set || at.is_registry(told))
            }
            _ => {
                let head = head(node)?;
                let start = node.child(head.1).map_or(node.end_byte(), |close| close.end_byte());
                let (start, end) = (start, content_end(node));
                let children =
                    named(node).into_iter().filter(|inner| inner.start_byte() >= start && inner.end_byte() <= end);
                let mut frame = Frame::open(node, start, Place::Entries, "pairs").of(children.collect());
                frame.shape.inside.end = end.max(start);
                frame
            }
        })
    }

    fn member(&self, at: &Child<'_, '_>) -> Option<Draft> {
        let node = at.node;
        Some(match node.kind() {
            "table" | "table_array_element" => table(at),
            "pair" => {
                let key =
                    child(node, &["bare_key", "dotted_key", "quoted_key"]).map(|key| normal(unquoted(at.of(key))))?;
                // A pair behind a table's head would be the table's.
                let last = at.place != Place::Top || !at.has_tables();
                let mut draft = Draft::free(MemberKind::Pair, key.clone()).free_if(last);
                draft.value = named(node).last().map(Node::id);
                if SETS.iter().any(|set| at.scope.ends_with(set)) {
                    draft.inner = Place::Set;
                }
                draft.claim(ClaimKind::Key, within(at.scope, &key))
            }
            _ => element(at),
        })
    }
}

impl Child<'_, '_> {
    fn has_tables(&self) -> bool {
        self.text.lines().any(|line| line.starts_with('['))
    }
}

fn is_table(node: Node<'_>) -> bool {
    matches!(node.kind(), "table" | "table_array_element")
}

/// Returns a table's key and the number of the child that closes its head.
fn head<'n>(node: Node<'n>) -> Option<(Node<'n>, u32)> {
    let key = child(node, &["bare_key", "dotted_key", "quoted_key"])?;
    let mut cursor = node.walk();
    let close = node.children(&mut cursor).position(|child| matches!(child.kind(), "]" | "]]"))?;
    Some((key, u32::try_from(close).ok()?))
}

/// Returns where a table's last pair ends, or its head.
fn content_end(node: Node<'_>) -> usize {
    let mut cursor = node.walk();
    let all = node.children(&mut cursor);
    all.filter(|child| matches!(child.kind(), "pair" | "]" | "]]" | "ERROR"))
        .last()
        .map_or(node.end_byte(), |last| last.end_byte())
}

fn table(at: &Child<'_, '_>) -> Draft {
    let node = at.node;
    let name = head(node).map(|(key, _)| normal(at.of(key))).unwrap_or_default();
    let span = Some(node.start_byte()..content_end(node));
    if node.kind() == "table" {
        let draft = Draft::free(MemberKind::Rule, name.clone()).claim(ClaimKind::Name, format!("[{name}]"));
        return Draft { span, ..draft };
    }
    let told = distinguished(at.text, node);
    let draft = Draft::fixed(MemberKind::Rule, normal(&format!("[[{name}]] {told}")));
    let draft = Draft { free: !told.is_empty(), span, ..draft };
    if told.is_empty() { draft } else { draft.claim(ClaimKind::Name, format!("[[{name}]] {told}")) }
}

fn element(at: &Child<'_, '_>) -> Draft {
    let key = match at.node.kind() {
        "inline_table" => distinguished(at.text, at.node),
        "array" => String::new(),
        _ => registry::item_key(at.scope, unquoted(at.of(at.node))),
    };
    let draft = Draft::free(MemberKind::Item, key.clone()).free_if(at.registry);
    if draft.free { draft.claim(ClaimKind::Key, within(at.scope, &key)) } else { draft }
}

/// Returns what tells a table from others of its array: `name risk`.
fn distinguished(text: &str, node: Node<'_>) -> String {
    let of = |node: Node<'_>| unquoted(text.get(node.byte_range()).unwrap_or_default());
    let pairs: Vec<_> = named(node).into_iter().filter(|node| node.kind() == "pair").collect();
    for want in registry::DISTINGUISHING {
        for pair in &pairs {
            let parts = named(*pair);
            if let [key, value, ..] = parts.as_slice()
                && of(*key) == *want
                && value.kind() == "string"
            {
                return format!("{want} {}", of(*value));
            }
        }
    }
    String::new()
}
