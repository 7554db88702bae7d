//! CSS.

use tree_sitter::Node;
use vdo_core::structure::{ClaimKind, MemberKind};

use super::shorthand;
use crate::syntax::structure::keys::{normal, within};
use crate::syntax::structure::nodes::child;
use crate::syntax::structure::out::{Draft, Place};
use crate::syntax::structure::reader::{At, Child, Frame, Reader};

/// Reads the trees of style sheets.
pub(super) struct Css;

impl Reader for Css {
    fn lists(&self) -> &'static [&'static str] {
        &["block", "keyframe_block_list"]
    }

    fn marks(&self) -> &'static [u8] {
        b"{"
    }

    fn comments(&self) -> &'static [&'static str] {
        &["comment", "js_comment"]
    }

    fn list<'n>(&self, at: &At<'_, 'n>) -> Option<Frame<'n>> {
        Some(Frame::brackets(at.node, Place::Entries, "block", ""))
    }

    fn member(&self, at: &Child<'_, '_>) -> Option<Draft> {
        let node = at.node;
        Some(match node.kind() {
            "declaration" => declaration(at),
            "rule_set" | "keyframe_block" => rule(at, true),
            "media_statement" | "supports_statement" | "keyframes_statement" | "scope_statement" => rule(at, true),
            // Of some there may be several that say different things.
            "at_rule" => rule(at, false),
            _ => Draft::fixed(MemberKind::Other, normal(at.of(node))),
        })
    }
}

/// Returns what stands before a rule's block.
fn prelude(at: &Child<'_, '_>) -> String {
    let end = child(at.node, &["block", "keyframe_block_list"]).map_or(at.node.end_byte(), |block| block.start_byte());
    normal(at.text.get(at.node.start_byte()..end).unwrap_or_default())
}

fn rule(at: &Child<'_, '_>, free: bool) -> Draft {
    let key = prelude(at);
    let draft = Draft::free(MemberKind::Rule, key.clone()).free_if(free);
    if free { draft.claim(ClaimKind::Selector, within(at.scope, &key)) } else { draft }
}

/// A shorthand claims all that it sets, so that it clashes with what sets a part of it and two parts do not clash.
fn declaration(at: &Child<'_, '_>) -> Draft {
    let property = first_word(at.node, at.text);
    let set = shorthand::sets(&property).into_iter().map(|set| within(at.scope, &set));
    let set: Vec<_> = set.collect();
    Draft::free(MemberKind::Pair, property).claims(ClaimKind::Key, set)
}

fn first_word(node: Node<'_>, text: &str) -> String {
    let name = child(node, &["property_name"]).unwrap_or(node);
    let text = text.get(name.byte_range()).unwrap_or_default();
    normal(text.split(':').next().unwrap_or(text))
}
