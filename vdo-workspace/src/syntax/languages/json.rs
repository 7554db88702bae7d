//! JSON.

use tree_sitter::Node;
use vdo_core::structure::{ClaimKind, MemberKind};

use crate::syntax::structure::keys::{normal, unquoted, within};
use crate::syntax::structure::nodes::named;
use crate::syntax::structure::out::{Draft, Place};
use crate::syntax::structure::reader::{At, Child, Frame, Reader};
use crate::syntax::structure::registry;

/// Reads JSON's trees.
pub(super) struct Json;

impl Reader for Json {
    fn lists(&self) -> &'static [&'static str] {
        &["object", "array"]
    }

    fn marks(&self) -> &'static [u8] {
        b"[{"
    }

    fn comments(&self) -> &'static [&'static str] {
        &["comment"]
    }

    fn list<'n>(&self, at: &At<'_, 'n>) -> Option<Frame<'n>> {
        let (place, suffix) =
            if at.node.kind() == "object" { (Place::Entries, "object") } else { (Place::Elements, "array") };
        let frame = Frame::brackets(at.node, place, suffix, ",")
            .not_trailing()
            .registry(at.is_registry(|node| !distinguished(at.text, node).is_empty()));
        Some(if at.place == Place::Top { frame.named("") } else { frame })
    }

    fn member(&self, at: &Child<'_, '_>) -> Option<Draft> {
        let text = at.of(at.node);
        Some(match at.place {
            Place::Entries => {
                let key = normal(unquoted(&at.key("key")));
                let mut draft = Draft::free(MemberKind::Pair, key.clone());
                draft.value = at.node.child_by_field_name("value").map(|value| value.id());
                // The last resort of conditional exports has to come last.
                draft.free_if(key != "default").claim(ClaimKind::Key, within(at.scope, &key))
            }
            Place::Elements => {
                let key = match at.node.kind() {
                    "object" => distinguished(at.text, at.node),
                    "array" => String::new(),
                    _ => normal(unquoted(text)),
                };
                let draft = Draft::free(MemberKind::Item, key.clone()).free_if(at.registry);
                if draft.free { draft.claim(ClaimKind::Key, within(at.scope, &key)) } else { draft }
            }
            _ => Draft::default(),
        })
    }
}

/// Returns what tells an object from others: `name risk`.
fn distinguished(text: &str, node: Node<'_>) -> String {
    let of = |node: Node<'_>| unquoted(text.get(node.byte_range()).unwrap_or_default());
    let pairs = named(node);
    for want in registry::DISTINGUISHING {
        for pair in &pairs {
            let (Some(key), Some(value)) = (pair.child_by_field_name("key"), pair.child_by_field_name("value")) else {
                continue;
            };
            if of(key) == *want && matches!(value.kind(), "string" | "number") {
                return format!("{want} {}", of(value));
            }
        }
    }
    String::new()
}
