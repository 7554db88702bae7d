//! What was told of one version of a text, told again where another has the same node.
//!
//! A parser that goes on from an older tree takes over the nodes that no edit touched, as they lie in memory. What is in such a
//! member was told already: it is written again, moved to where the node is now.
//!
//! Invariant: what is told again is what a walk would tell. All that a walk depends on besides the node is compared: the member and its
//! list, the names around it, what it may see of the whole text ([`Mode`]), and that its scopes are free and were not numbered.

use std::collections::HashMap;
use std::ops::Range;

use tree_sitter::Node;
use vdo_core::structure::{MemberKind, Structure};

use super::out::{Draft, ListId, Mark, MemberId, Out, Place, Told};
use super::reader::Mode;

/// A member that is about to be told, with what its lists depend on.
pub(super) struct Teller<'a, 'n> {
    pub(super) list: ListId,
    pub(super) member: MemberId,
    pub(super) draft: &'a Draft,
    pub(super) node: Node<'n>,
    pub(super) place: Place,
    pub(super) depth: usize,
}

/// What is being remembered: members by the place of their nodes' first children, which no other node has.
#[derive(Debug, Default)]
pub(super) struct Tellings(HashMap<usize, Telling>);

/// What was told of one member.
#[derive(Debug)]
struct Telling {
    member: usize,
    members: Range<usize>,
    lists: Range<usize>,
    node: Range<usize>,
    kind: u16,
    unkeyed: bool,
    place: Place,
    depth: usize,
    name: Option<String>,
    inner: Place,
    value: Option<usize>,
}

/// What was told of one version.
#[derive(Debug)]
pub(in crate::syntax) struct Memo {
    text: String,
    structure: Structure,
    names: Vec<String>,
    tellings: Tellings,
    pub(super) mode: Mode,
}

impl Tellings {
    /// Remembers what was told of a member since `before`.
    pub(super) fn keep(&mut self, out: &Out<'_>, teller: &Teller<'_, '_>, before: Mark) {
        let (after, Teller { draft, node, .. }) = (out.mark(), teller);
        // What is numbered depends on all that was told before.
        let Some(first) = node.child(0).filter(|_| after.numbered == before.numbered) else { return };
        let telling = Telling {
            member: teller.member.0,
            members: before.members..after.members,
            lists: before.lists..after.lists,
            node: node.byte_range(),
            kind: node.kind_id(),
            unkeyed: draft.key.is_empty(),
            place: teller.place,
            depth: teller.depth,
            name: draft.name.clone(),
            inner: draft.inner,
            value: draft.value,
        };
        self.0.insert(first.id(), telling);
    }
}

impl Memo {
    /// Returns the structure of a text, and it as what is remembered.
    pub(super) fn new(out: Out<'_>, tellings: Tellings, text: &str, mode: Mode) -> Option<(Structure, Self)> {
        let (structure, names) = out.finish_named()?;
        Some((structure.clone(), Self { text: text.to_owned(), structure, names, tellings, mode }))
    }

    /// Returns the text that is remembered.
    pub(in crate::syntax) fn text(&self) -> &str {
        &self.text
    }

    /// Tells what is in a member if that is known; returns whether it is.
    pub(super) fn tell(&self, out: &mut Out<'_>, teller: &Teller<'_, '_>) -> bool {
        let known = || {
            let telling = self.tellings.0.get(&teller.node.child(0)?.id())?;
            self.is_same(out, teller, telling)?.then_some(telling)
        };
        let Some(telling) = known() else { return false };
        let told = || {
            Some(Told {
                member: telling.member,
                first_list: telling.lists.start,
                lists: self.structure.lists.get(telling.lists.clone())?,
                names: self.names.get(telling.lists.clone())?,
                members: self.structure.members.get(telling.members.clone())?,
            })
        };
        let (now, was) = (teller.node.start_byte(), telling.node.start);
        let Some(told) = told() else { return false };
        let Some(key) = self.structure.members.get(telling.member).map(|member| &member.key) else { return false };
        if !out.again(teller.member, &told, now.wrapping_sub(was).cast_signed()) {
            return false;
        }
        out.name_member(teller.member, || key.clone());
        true
    }

    fn is_same(&self, out: &Out<'_>, teller: &Teller<'_, '_>, was: &Telling) -> Option<bool> {
        let Teller { draft, node, .. } = teller;
        let written = out.written();
        let (member, old) = (written.members.get(teller.member.0)?, self.structure.members.get(was.member)?);
        let (list, old_list) = (written.lists.get(teller.list.0)?, self.structure.lists.get(old.list)?);
        let range = node.byte_range();
        let kind: MemberKind = draft.kind.0;
        Some(
            was.kind == node.kind_id()
                && was.place == teller.place
                && was.depth == teller.depth
                && was.name == draft.name
                && was.inner == draft.inner
                && was.value == draft.value
                && was.unkeyed == draft.key.is_empty()
                && (was.unkeyed || old.key == draft.key)
                && old.kind == kind
                && member.span.end.checked_sub(range.start)? == old.span.end.checked_sub(was.node.start)?
                && out.name(teller.list) == self.names.get(old.list)?
                && list.scope == old_list.scope
                && out.text.get(range)? == self.text.get(was.node.clone())?,
        )
    }
}
