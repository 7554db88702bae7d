//! What a text is made of, as far as a merge has to know: lists of members, and what must not be there twice.
//!
//! Plain values made by a [`Syntax`](crate::syntax::Syntax). A merge trusts only what is said here: what is not
//! said to be [`Order::Free`] keeps its place or is a conflict.

use std::ops::Range;

/// The structure of one text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Structure {
    /// The lists, each after the list its owner is in. The first is the text's own, with no owner.
    pub lists: Vec<List>,
    /// The members of all lists, in the order of the text; one that holds others comes before them.
    pub members: Vec<Member>,
    /// How many places there are where the grammar does not fit.
    pub errors: u32,
}

/// A run of siblings: statements of a module, methods of a class, entries of a dictionary, names of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// The member it is in; none for the text's own list.
    pub owner: Option<usize>,
    /// Names the same list in another version of the text: kinds and keys from the outside in, `class Service/body`.
    pub scope: String,
    /// The bytes between the brackets (or tags, or keys) around it. Where a language has no closing bracket, it ends with its
    /// last member.
    pub inside: Range<usize>,
    /// What stands between two members; empty if only line ends do.
    pub separator: &'static str,
    /// Whether the last member may have a separator after it too.
    pub trailing: bool,
}

/// One sibling of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The list it is in.
    pub list: usize,
    /// Its bytes: with decorators, attributes and the comments that lie directly above it, without the separator.
    pub span: Range<usize>,
    /// What it is.
    pub kind: MemberKind,
    /// What tells it from its siblings and finds it again in another version; empty if nothing does.
    pub key: String,
    /// Whether its place among its siblings means something.
    pub order: Order,
    /// What it takes for itself.
    pub claims: Vec<Claim>,
}

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MemberKind {
    /// A comment that belongs to no member.
    Comment,
    /// An import of a module or of names from it; its names may be a list of their own.
    Import,
    /// A function, method, class, type or module with a name.
    Definition,
    /// A constant, variable, assignment or setting with a name.
    Value,
    /// A field of a structure, a variant of an enumeration.
    Field,
    /// A key with a value: dictionaries, objects, mappings, tables, keyword arguments, style declarations, environment lines.
    Pair,
    /// An item of a list or set: a string, a name, a bullet, a row.
    Item,
    /// An element of a page.
    Element,
    /// A rule with a selector, a target with its recipe, a section with a heading.
    Rule,
    /// A call that enters something into a registry: `app.register_blueprint(x)`.
    Call,
    /// Anything else: a statement, an argument by position, prose.
    Other,
}

/// Whether a member's place among its siblings means something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// It may change places with any other free sibling that has another key and clashes with none of its claims.
    Free,
    /// It may not.
    Fixed,
}

/// Something that one member takes for itself, so that two of them in one text are a fault: a name in a scope, a route, a number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Claim {
    /// Of what kind.
    pub kind: ClaimKind,
    /// What, with its scope if it is not the whole text: `Service.run`, `GET /users`, `Kind 3`.
    pub text: String,
}

/// What kind of thing is claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClaimKind {
    /// A name that is defined.
    Name,
    /// A name that is imported.
    Import,
    /// A key of a mapping.
    Key,
    /// A method and a path of a router in which the first that fits wins: `GET /users/:id`.
    OrderedRoute,
    /// A method and a path of a router that takes the best fit, or a prefix.
    Route,
    /// A number that must be unique: an enum's value, a field's number, a port.
    Number,
    /// An id of an element, an anchor, a label.
    Label,
    /// A selector of a style sheet with its conditions.
    Selector,
}

impl ClaimKind {
    /// Returns the words people use for it: `name`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Import => "import",
            Self::Key => "key",
            Self::OrderedRoute | Self::Route => "route",
            Self::Number => "number",
            Self::Label => "label",
            Self::Selector => "selector",
        }
    }
}
