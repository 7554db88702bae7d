//! What a language says of its trees: which nodes are lists, and what a child of one is.
//!
//! [`Reader`] is asked by [`walk`](super::walk), with what it needs to know of a node at hand.

use std::ops::Range;

use tree_sitter::Node;

use super::keys::normal;
use super::nodes::{between_brackets, named};
use super::out::{Draft, Place, Shape};
use super::registry::{self, Named};

/// How a language's trees are read.
pub(in crate::syntax) trait Reader: Sync {
    /// The kinds of nodes that may be lists.
    fn lists(&self) -> &'static [&'static str];

    /// The kinds of nodes that are comments.
    fn comments(&self) -> &'static [&'static str];

    /// The kinds of nodes that belong to the next sibling, whatever stands between.
    fn prefixes(&self) -> &'static [&'static str] {
        &[]
    }

    /// Signs of which every list but the members themselves has at least one; none if that cannot be said.
    fn marks(&self) -> &'static [u8] {
        &[]
    }

    /// Returns what of the whole text its members depend on; what is told of parts of one text holds in another if this is the same.
    fn mode(&self, _: &str) -> Mode {
        Mode::Same(false)
    }

    /// Returns the text's own list if it is not made of the root's children.
    fn root<'n>(&self, _: Node<'n>) -> Vec<Node<'n>> {
        Vec::new()
    }

    /// Returns the list that a node is, if it is one.
    fn list<'n>(&self, at: &At<'_, 'n>) -> Option<Frame<'n>>;

    /// Returns what a child of a list is; `None` if it is no member.
    fn member(&self, child: &Child<'_, '_>) -> Option<Draft>;
}

/// What of a whole text its members depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::syntax) enum Mode {
    /// This, and nothing else around them.
    Same(bool),
    /// What is around them: nothing that is told of one text holds in another.
    Around,
}

/// A node that may be a list, and where it was met.
pub(in crate::syntax) struct At<'a, 'n> {
    /// The text.
    pub(in crate::syntax) text: &'a str,
    /// The node.
    pub(in crate::syntax) node: Node<'n>,
    /// The node above it, if that is still in the member.
    pub(in crate::syntax) above: Option<Node<'n>>,
    /// The member it is in.
    pub(in crate::syntax) owner: &'a Draft,
    /// What the member's own list is.
    pub(in crate::syntax) place: Place,
}

/// A child of a list.
pub(in crate::syntax) struct Child<'a, 'n> {
    /// The text.
    pub(in crate::syntax) text: &'a str,
    /// The child.
    pub(in crate::syntax) node: Node<'n>,
    /// The attributes before it.
    pub(in crate::syntax) prefixes: &'a [Node<'n>],
    /// What its list is.
    pub(in crate::syntax) place: Place,
    /// Whether its list is a registry, whose members may change places.
    pub(in crate::syntax) registry: bool,
    /// What claims are qualified with.
    pub(in crate::syntax) scope: &'a str,
    /// Its bytes as a member.
    pub(in crate::syntax) span: Range<usize>,
}

/// A list that was found.
pub(in crate::syntax) struct Frame<'n> {
    /// What it is a list of.
    pub(in crate::syntax) place: Place,
    /// How it stands in the text.
    pub(in crate::syntax) shape: Shape,
    /// Whether its members may change places where only the language knows.
    pub(in crate::syntax) registry: bool,
    /// Whether it ends with its last member.
    pub(in crate::syntax) open: bool,
    /// What claims inside are qualified with, if that is not the owner's key.
    pub(in crate::syntax) name: Option<String>,
    /// Its children, if they are not the node's.
    pub(in crate::syntax) children: Option<Vec<Node<'n>>>,
    /// Where its children are as members, if not where they are as nodes; as many as there are children.
    pub(in crate::syntax) spans: Vec<Range<usize>>,
}

impl<'a> At<'a, '_> {
    /// Returns the text of a node.
    pub(in crate::syntax) fn of(&self, node: Node<'_>) -> &'a str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    /// Tells whether the node is the value that the owner's key names.
    pub(in crate::syntax) fn is_value(&self) -> bool {
        self.owner.value == Some(self.node.id())
    }

    /// Tells whether the members of an array may change places: by its name, or because `told` tells each of them apart.
    pub(in crate::syntax) fn is_registry(&self, told: impl Fn(Node<'_>) -> bool) -> bool {
        self.registry(self.is_value(), told)
    }

    /// Tells the same of an array that is the value's only content.
    pub(in crate::syntax) fn is_registry_below(&self, told: impl Fn(Node<'_>) -> bool) -> bool {
        let is_value = self.is_value() || self.above.is_some_and(|above| self.owner.value == Some(above.id()));
        self.registry(is_value, told)
    }

    fn registry(&self, is_value: bool, told: impl Fn(Node<'_>) -> bool) -> bool {
        match if is_value { registry::array(&self.owner.key) } else { Named::Unknown } {
            Named::Registry => true,
            Named::Ordered => false,
            Named::Unknown => {
                let members = named(self.node);
                let mut members = members.iter().filter(|node| !node.is_extra()).peekable();
                members.peek().is_some() && members.all(|node| told(*node))
            }
        }
    }
}

impl<'a> Child<'a, '_> {
    /// Returns the text of a node.
    pub(in crate::syntax) fn of(&self, node: Node<'_>) -> &'a str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    /// Returns the text of a field on one line; empty if there is none.
    pub(in crate::syntax) fn key(&self, field: &str) -> String {
        self.node.child_by_field_name(field).map(|node| normal(self.of(node))).unwrap_or_default()
    }
}

impl<'n> Frame<'n> {
    /// Returns a list between the brackets of `node`, with `separator` between its members.
    pub(in crate::syntax) fn brackets(
        node: Node<'n>,
        place: Place,
        suffix: impl Into<String>,
        separator: &'static str,
    ) -> Self {
        let shape = Shape { suffix: suffix.into(), inside: between_brackets(node), separator, trailing: true };
        Self { place, shape, registry: false, open: false, name: None, children: None, spans: Vec::new() }
    }

    /// Returns a list without brackets, from `start` to the end of its last member.
    pub(in crate::syntax) fn open(node: Node<'n>, start: usize, place: Place, suffix: impl Into<String>) -> Self {
        let shape = Shape { suffix: suffix.into(), inside: start..node.end_byte(), separator: "", trailing: false };
        Self { place, shape, registry: false, open: true, name: None, children: None, spans: Vec::new() }
    }

    /// Sets whether its members may change places.
    #[must_use]
    pub(in crate::syntax) fn registry(mut self, registry: bool) -> Self {
        self.registry = registry;
        self
    }

    /// Sets what claims inside are qualified with.
    #[must_use]
    pub(in crate::syntax) fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets its children.
    #[must_use]
    pub(in crate::syntax) fn of(mut self, children: Vec<Node<'n>>) -> Self {
        self.children = Some(children);
        self
    }

    /// Says that the last member has no separator after it.
    #[must_use]
    pub(in crate::syntax) fn not_trailing(mut self) -> Self {
        self.shape.trailing = false;
        self
    }
}
