//! HTML, also with the tags of a template language in it.

use tree_sitter::Node;
use vdo_core::structure::MemberKind;

use crate::syntax::structure::elements::{self, Element};
use crate::syntax::structure::keys::normal;
use crate::syntax::structure::nodes::{child, named};
use crate::syntax::structure::out::{Draft, Place, Shape};
use crate::syntax::structure::reader::{At, Child, Frame, Reader};

/// Reads HTML's trees.
pub(super) struct Html;

impl Reader for Html {
    fn lists(&self) -> &'static [&'static str] {
        &["element"]
    }

    fn marks(&self) -> &'static [u8] {
        b"<"
    }

    fn comments(&self) -> &'static [&'static str] {
        &["comment"]
    }

    fn list<'n>(&self, at: &At<'_, 'n>) -> Option<Frame<'n>> {
        let node = at.node;
        let start = child(node, &["start_tag"])?;
        let end = child(node, &["end_tag"]);
        let is_child = |child: &Node<'_>| !matches!(child.kind(), "start_tag" | "end_tag");
        let children: Vec<_> = named(node).into_iter().filter(is_child).collect();
        if children.is_empty() && end.is_none() {
            return None;
        }
        let tag = tag(at.text, start);
        let prose = |child: &Node<'_>| match child.kind() {
            "text" => !is_control(at.of(*child)),
            kind => kind == "entity",
        };
        let loose = elements::is_loose(tag) && !children.iter().any(prose);
        let inside = start.end_byte()..end.map_or(node.end_byte(), |end| end.start_byte());
        let shape = Shape { suffix: "in".to_owned(), inside, ..Shape::default() };
        // Ids are the whole page's.
        Some(
            Frame {
                place: Place::Children,
                shape,
                registry: loose,
                open: false,
                name: Some(String::new()),
                children: None,
                spans: Vec::new(),
            }
            .of(children),
        )
    }

    fn member(&self, at: &Child<'_, '_>) -> Option<Draft> {
        Some(match at.node.kind() {
            "element" | "script_element" | "style_element" => element(at),
            "text" => Draft { lines: true, ..Draft::fixed(MemberKind::Other, normal(at.of(at.node))) },
            _ => Draft::fixed(MemberKind::Other, normal(at.of(at.node))),
        })
    }
}

/// Tells whether a text is nothing but tags of a template language.
fn is_control(text: &str) -> bool {
    text.lines().map(str::trim).all(|line| {
        line.is_empty()
            || (line.starts_with("{%") && line.ends_with("%}"))
            || (line.starts_with("{#") && line.ends_with("#}"))
    })
}

fn element(at: &Child<'_, '_>) -> Draft {
    let node = at.node;
    let Some(start) = child(node, &["start_tag", "self_closing_tag"]) else { return Draft::default() };
    let attribute = |name: &str| attribute(at.text, start, name).map(str::to_owned);
    let end = child(node, &["end_tag"]).map_or(node.end_byte(), |end| end.start_byte());
    let draft = elements::draft(&Element {
        tag: tag(at.text, start),
        attribute: &attribute,
        inner: at.text.get(start.end_byte()..end).unwrap_or_default(),
        loose: at.registry || at.place == Place::Top,
        scope: "",
    });
    match attribute("src").filter(|_| node.kind() == "script_element") {
        Some(src) => Draft { key: normal(&format!("script {src}")), ..draft },
        None => draft,
    }
}

fn tag<'t>(text: &'t str, start: Node<'_>) -> &'t str {
    child(start, &["tag_name"]).and_then(|name| text.get(name.byte_range())).unwrap_or_default()
}

fn attribute<'t>(text: &'t str, start: Node<'_>, name: &str) -> Option<&'t str> {
    let of = |node: Node<'_>| text.get(node.byte_range());
    let is = |node: &Node<'_>| {
        let key = child(*node, &["attribute_name"]).and_then(of);
        node.kind() == "attribute" && key.is_some_and(|key| key.eq_ignore_ascii_case(name))
    };
    let found = named(start).into_iter().find(is)?;
    let value = child(found, &["quoted_attribute_value", "attribute_value"]).and_then(of).unwrap_or_default();
    Some(value.trim_matches(['"', '\'']))
}
