//! Calls: those that enter something into a registry, alone or one on what the other returned.

use std::ops::Range;

use tree_sitter::Node;
use vdo_core::structure::{ClaimKind, MemberKind};

use super::keys::{head, last_segment, normal, within};
use super::nodes::named;
use super::out::{Draft, Place, Shape};
use super::reader::{At, Child, Frame};
use super::registry::{self, Call};
use super::routes;

/// How many links of a chain are looked at.
const MAX_LINKS: usize = 500;

/// How a grammar calls the nodes of a chain.
pub(in crate::syntax) struct Links {
    /// A call.
    pub(in crate::syntax) call: &'static str,
    /// What is called, if it is a method of something.
    pub(in crate::syntax) member: &'static str,
    /// The field of that something.
    pub(in crate::syntax) object: &'static str,
}

/// Returns a call's arguments as a list.
pub(in crate::syntax) fn arguments<'n>(at: &At<'_, 'n>, function: &str) -> Frame<'n> {
    let callee = at.above.and_then(|above| {
        above
            .child_by_field_name(function)
            .or_else(|| above.child_by_field_name("constructor"))
            .or_else(|| above.child_by_field_name("name"))
    });
    let callee = callee.map(|callee| normal(tail(at.of(callee)))).unwrap_or_default();
    let name = match at.owner.key.as_str() {
        "" => format!("{callee}()"),
        key => format!("{key} {callee}()"),
    };
    Frame::brackets(at.node, Place::Args, format!("args {callee}"), ",").named(name)
}

/// Returns a callee without the calls it is made on.
fn tail(callee: &str) -> &str {
    let short = callee.rsplit([')', '\n']).next().unwrap_or(callee);
    head(short, 200)
}

/// Returns a chain of calls as a list of its links, if at least one of them is listed.
pub(in crate::syntax) fn list<'n>(at: &At<'_, 'n>, links: &Links) -> Option<Frame<'n>> {
    let mut children: Vec<Node<'n>> = Vec::new();
    let mut spans: Vec<Range<usize>> = Vec::new();
    let mut node = at.node;
    while children.len() < MAX_LINKS && node.kind() == links.call {
        let (Some(callee), Some(arguments)) =
            (node.child_by_field_name("function"), node.child_by_field_name("arguments"))
        else {
            break;
        };
        let Some(object) = callee.child_by_field_name(links.object).filter(|_| callee.kind() == links.member) else {
            break;
        };
        // A chain is made on a call; what is called on a name is an ordinary call.
        if object.kind() != links.call {
            break;
        }
        let gap = at.text.get(object.end_byte()..arguments.start_byte())?;
        let dot = object.end_byte() + gap.find('.')?;
        children.push(arguments);
        spans.push(dot..node.end_byte());
        node = object;
    }
    children.reverse();
    spans.reverse();
    let start = node.end_byte();
    let listed = |(arguments, span): (&Node<'_>, &Range<usize>)| link(at.text, *arguments, span).is_some();
    if !children.iter().zip(&spans).any(listed) {
        return None;
    }
    let shape = Shape { suffix: "chain".to_owned(), inside: start..at.node.end_byte(), ..Shape::default() };
    Some(Frame {
        place: Place::Chain,
        shape,
        registry: false,
        open: false,
        name: None,
        children: Some(children),
        spans,
    })
}

/// Returns a link's key if it is listed.
fn link(text: &str, arguments: Node<'_>, span: &Range<usize>) -> Option<(String, Call<'static>)> {
    let method = text.get(span.start + 1..arguments.start_byte())?.trim();
    let arguments = named(arguments);
    let first = arguments.first().and_then(|first| text.get(first.byte_range())).unwrap_or_default();
    let key = registry::call(&Call { receiver: "", method, first, arguments: arguments.len() })?;
    Some((key, Call::default()))
}

/// Returns a link of a chain; it may change places only on a line of its own.
pub(in crate::syntax) fn member(at: &Child<'_, '_>, kind: ClaimKind) -> Draft {
    let method = at.text.get(at.span.start + 1..at.node.start_byte()).unwrap_or_default().trim();
    let Some((key, _)) = link(at.text, at.node, &at.span) else {
        return Draft::fixed(MemberKind::Call, normal(method));
    };
    let before = at.text.get(..at.span.start).unwrap_or_default();
    let own_line = before.rsplit('\n').next().is_some_and(|line| line.trim().is_empty());
    let first = named(at.node).first().map(|first| at.of(*first)).unwrap_or_default().to_owned();
    let call = Call { receiver: "", method, first: &first, arguments: 2 };
    let draft = Draft::free(MemberKind::Call, key.clone()).free_if(own_line);
    match routes::of_call(&call, kind) {
        Some((kind, route)) => draft.claim(kind, within(at.scope, &route)),
        None => draft.claim(ClaimKind::Name, within(at.scope, &key)),
    }
}

/// Returns a call that stands as a statement.
pub(in crate::syntax) fn call(
    at: &Child<'_, '_>,
    node: Node<'_>,
    function: &str,
    kind: ClaimKind,
    listed: &dyn Fn(&Call<'_>) -> bool,
) -> Draft {
    let (Some(callee), Some(arguments)) = (node.child_by_field_name(function), node.child_by_field_name("arguments"))
    else {
        return Draft::default();
    };
    let callee = at.of(callee);
    let method = last_segment(callee);
    let receiver = callee.strip_suffix(method).unwrap_or_default().trim_end_matches(['.', ':', '?']);
    method_call(at, (receiver, method), arguments, kind, listed)
}

/// Returns a call of a method of something.
pub(in crate::syntax) fn method_call(
    at: &Child<'_, '_>,
    (receiver, method): (&str, &str),
    arguments: Node<'_>,
    kind: ClaimKind,
    listed: &dyn Fn(&Call<'_>) -> bool,
) -> Draft {
    let arguments = named(arguments);
    let first = arguments.first().map(|first| head(at.of(*first), 1000)).unwrap_or_default();
    let call = Call { receiver, method, first, arguments: arguments.len() };
    let Some(key) = registry::call(&call).filter(|_| listed(&call)) else {
        let dot = if receiver.is_empty() { "" } else { "." };
        let callee = format!("{}{dot}{method}", head(receiver, 200));
        return Draft::fixed(MemberKind::Other, normal(callee.split('(').next().unwrap_or(&callee)));
    };
    let draft = Draft::free(MemberKind::Call, key.clone());
    match routes::of_call(&call, kind) {
        Some((kind, route)) => draft.claim(kind, within(at.scope, &route)),
        None => draft.claim(ClaimKind::Name, within(at.scope, &key)),
    }
}
