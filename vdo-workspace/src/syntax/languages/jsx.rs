//! Elements in scripts.

use tree_sitter::Node;
use vdo_core::structure::MemberKind;

use crate::syntax::structure::elements::{self, Element};
use crate::syntax::structure::keys::{normal, unquoted};
use crate::syntax::structure::nodes::named;
use crate::syntax::structure::out::{Draft, Place, Shape};
use crate::syntax::structure::reader::{At, Child, Frame};

/// Returns an element's children as a list.
pub(super) fn list<'n>(at: &At<'_, 'n>) -> Option<Frame<'n>> {
    let node = at.node;
    let (open, close) = (node.child_by_field_name("open_tag")?, node.child_by_field_name("close_tag")?);
    let is_child = |child: &Node<'_>| match child.kind() {
        "jsx_opening_element" | "jsx_closing_element" => false,
        "jsx_text" => !at.of(*child).trim().is_empty(),
        _ => true,
    };
    let children: Vec<_> = named(node).into_iter().filter(is_child).collect();
    let tag = open.child_by_field_name("name").map(|name| at.of(name)).unwrap_or_default();
    let prose = children.iter().any(|child| matches!(child.kind(), "jsx_text" | "html_character_reference"));
    let inside = open.end_byte()..close.start_byte();
    let shape = Shape { suffix: format!("in {}", normal(tag)), inside, ..Shape::default() };
    let registry = elements::is_loose(tag) && !prose;
    let frame =
        Frame { place: Place::Children, shape, registry, open: false, name: None, children: None, spans: Vec::new() };
    Some(frame.of(children))
}

/// Returns a child of an element.
pub(super) fn member(at: &Child<'_, '_>) -> Option<Draft> {
    let node = at.node;
    let open = match node.kind() {
        "jsx_element" => node.child_by_field_name("open_tag")?,
        "jsx_self_closing_element" => node,
        "jsx_text" => return Some(Draft { lines: true, ..Draft::default() }),
        _ => return Some(Draft::fixed(MemberKind::Other, normal(at.of(node)))),
    };
    let attributes = named(open);
    let attribute = |name: &str| {
        let found = attributes.iter().find(|attribute| {
            attribute.kind() == "jsx_attribute" && attribute.named_child(0).is_some_and(|key| at.of(key) == name)
        })?;
        Some(found.named_child(1).map_or_else(String::new, |value| unquoted(at.of(value)).to_owned()))
    };
    let end = node.child_by_field_name("close_tag").map_or(open.end_byte(), |close| close.start_byte());
    Some(elements::draft(&Element {
        tag: open.child_by_field_name("name").map(|name| at.of(name)).unwrap_or_default(),
        attribute: &attribute,
        inner: at.text.get(open.end_byte()..end).unwrap_or_default(),
        loose: at.registry,
        scope: at.scope,
    }))
}
