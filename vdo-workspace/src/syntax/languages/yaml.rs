//! YAML.

use tree_sitter::Node;
use vdo_core::structure::{ClaimKind, MemberKind};

use crate::syntax::structure::keys::{last_segment, normal, unquoted, within};
use crate::syntax::structure::nodes::{child, named};
use crate::syntax::structure::out::{Draft, Place};
use crate::syntax::structure::reader::{At, Child, Frame, Mode, Reader};
use crate::syntax::structure::registry;

/// Reads YAML's trees.
pub(super) struct Yaml;

impl Reader for Yaml {
    fn lists(&self) -> &'static [&'static str] {
        &["block_mapping", "block_sequence", "flow_mapping", "flow_sequence"]
    }

    fn comments(&self) -> &'static [&'static str] {
        &["comment"]
    }

    /// The list of a pair begins behind its colon, which lies before the list's node.
    fn mode(&self, _: &str) -> Mode {
        Mode::Around
    }

    /// The pairs of a single document are the text's own list.
    fn root<'n>(&self, root: Node<'n>) -> Vec<Node<'n>> {
        let all = named(root);
        if all.iter().filter(|node| node.kind() == "document").count() != 1 {
            return all;
        }
        let mut children = Vec::new();
        let mut open = all;
        open.reverse();
        while let Some(node) = open.pop() {
            let opened = match node.kind() {
                "document" | "block_mapping" => true,
                "block_node" => child(node, &["block_mapping"]).is_some() && child(node, &["anchor", "tag"]).is_none(),
                _ => false,
            };
            if opened {
                open.extend(named(node).into_iter().rev());
            } else {
                children.push(node);
                children.extend(trailing(node, 0).1);
            }
        }
        children
    }

    fn list<'n>(&self, at: &At<'_, 'n>) -> Option<Frame<'n>> {
        let node = at.node;
        let told = |item: Node<'_>| !distinguished(at.text, value_of(item)).is_empty();
        // Without a key above them, items are steps of something.
        let registry = || at.owner.value.is_some() && at.is_registry_below(told);
        Some(match node.kind() {
            "block_mapping" => Frame::open(node, behind_colon(at), Place::Entries, "map").of(children(node)),
            "flow_mapping" => Frame::brackets(node, Place::Entries, "map", ","),
            "block_sequence" => {
                Frame::open(node, behind_colon(at), Place::Elements, "seq").registry(registry()).of(children(node))
            }
            "flow_sequence" => Frame::brackets(node, Place::Elements, "seq", ",").registry(registry()),
            _ => return None,
        })
    }

    fn member(&self, at: &Child<'_, '_>) -> Option<Draft> {
        let column = at.node.start_position().column;
        let content = || Some(at.node.start_byte()..trailing(at.node, column).0);
        Some(match at.node.kind() {
            "block_mapping_pair" => Draft { span: content(), ..pair(at) },
            "flow_pair" => pair(at),
            "block_sequence_item" => Draft { span: content(), ..item(at, value_of(at.node)) },
            "document" => Draft::fixed(MemberKind::Rule, document(at)),
            _ if at.place == Place::Elements => item(at, at.node),
            _ => Draft::fixed(MemberKind::Other, normal(at.of(at.node))),
        })
    }
}

/// Returns a block's children with the comments that stand between them.
///
/// The grammar counts a comment above a key to the innermost block before it; its column says where it belongs.
fn children(node: Node<'_>) -> Vec<Node<'_>> {
    let column = node.start_position().column;
    let mut children = Vec::new();
    for child in named(node) {
        if child.kind() != "comment" {
            children.push(child);
            children.extend(
                trailing(child, column).1.into_iter().filter(|comment| comment.start_position().column == column),
            );
        } else if child.start_position().column >= column {
            children.push(child);
        }
    }
    children
}

/// Returns where a node's content ends, and the comments behind it that stand no deeper than `column`.
fn trailing(node: Node<'_>, column: usize) -> (usize, Vec<Node<'_>>) {
    let mut comments = Vec::new();
    let mut here = node;
    loop {
        let mut last = None;
        let mut at = here.child_count();
        while let Some(before) = at.checked_sub(1) {
            at = before;
            let Some(child) = here.child(at) else { break };
            if child.kind() != "comment" || child.start_position().column > column {
                last = Some(child);
                break;
            }
            comments.push(child);
        }
        match last {
            Some(child) => here = child,
            None => break,
        }
    }
    comments.reverse();
    comments.sort_by_key(Node::start_byte);
    (here.end_byte(), comments)
}

/// Returns where the list of a pair begins: behind its colon.
fn behind_colon(at: &At<'_, '_>) -> usize {
    let start = at.node.start_byte();
    match at.above {
        Some(above) if above.start_byte() < start || at.owner.value.is_some() => {
            let before = at.text.get(..start).unwrap_or_default();
            before.len() - (before.len() - before.trim_end().len())
        }
        _ => start,
    }
}

/// Returns what a sequence's item holds.
fn value_of(item: Node<'_>) -> Node<'_> {
    if item.kind() != "block_sequence_item" {
        return item;
    }
    child(item, &["block_node", "flow_node"]).unwrap_or(item)
}

fn pair(at: &Child<'_, '_>) -> Draft {
    let key = normal(unquoted(&at.key("key")));
    let mut draft = Draft::free(MemberKind::Pair, key.clone()).free_if(key != "<<");
    draft.value = at.node.child_by_field_name("value").map(|value| value.id());
    draft.claim(ClaimKind::Key, within(at.scope, &key))
}

fn item(at: &Child<'_, '_>, value: Node<'_>) -> Draft {
    let told = distinguished(at.text, value);
    let list = last_segment(at.scope).split('#').next().unwrap_or_default();
    let key = if told.is_empty() {
        let text = unquoted(at.of(value));
        match list {
            "environment" => normal(text.split('=').next().unwrap_or(text)),
            _ if is_scalar(value) => registry::item_key(at.scope, text),
            _ if at.registry => normal(text.lines().next().and_then(|line| line.split(':').next()).unwrap_or(text)),
            _ => String::new(),
        }
    } else {
        told
    };
    let mut draft = Draft::free(MemberKind::Item, key.clone()).free_if(at.registry);
    // The value of an item is not called by a key, but it is the item's own.
    draft.name = Some(key.clone());
    if draft.free {
        draft = draft.claim(ClaimKind::Key, within(at.scope, &key));
    }
    match host_port(unquoted(at.of(value))).filter(|_| list == "ports") {
        Some(port) => draft.claim(ClaimKind::Number, format!("host port {port}")),
        None => draft,
    }
}

/// Returns the port of the host in a mapping of compose: `127.0.0.1:8080:80/tcp`.
fn host_port(text: &str) -> Option<&str> {
    let ports = text.split('/').next()?;
    let host = ports.rsplit(':').nth(1)?;
    (!host.is_empty() && host.chars().all(|c| c.is_ascii_digit() || c == '-')).then_some(host)
}

fn is_scalar(node: Node<'_>) -> bool {
    node.kind() == "flow_node" && child(node, &["flow_mapping", "flow_sequence", "alias"]).is_none()
}

/// Returns what tells a mapping from others: `name web`.
fn distinguished(text: &str, value: Node<'_>) -> String {
    let Some(map) = child(value, &["block_mapping", "flow_mapping"]) else { return String::new() };
    let of = |node: Node<'_>| unquoted(text.get(node.byte_range()).unwrap_or_default());
    let pairs = named(map);
    for want in registry::DISTINGUISHING {
        for pair in &pairs {
            let (Some(key), Some(value)) = (pair.child_by_field_name("key"), pair.child_by_field_name("value")) else {
                continue;
            };
            if of(key) == *want && is_scalar(value) {
                return format!("{want} {}", of(value));
            }
        }
    }
    String::new()
}

/// Returns a document's kind and name, as Kubernetes has them.
fn document(at: &Child<'_, '_>) -> String {
    let text = at.of(at.node);
    let value = |name: &str| text.lines().find_map(|line| line.trim_start().strip_prefix(name)).map(str::trim);
    normal(&[value("kind:"), value("name:")].into_iter().flatten().collect::<Vec<_>>().join(" "))
}
