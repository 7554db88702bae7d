//! What of each grammar is told: what defines something, what is a name, and how its comments speak of what.

use vdo_core::syntax::SymbolKind;
use vdo_core::syntax::SymbolKind::Type;

/// What of a language's trees is told.
pub(in crate::syntax) struct Rows {
    /// The nodes that define something.
    pub(in crate::syntax) definitions: &'static [Definition],
    /// What may stand between a signature and the body.
    pub(super) signature_end: &'static [char],
    /// The nodes that are names, of locals too.
    pub(super) names: &'static [&'static str],
    /// The nodes that are names of types and members, which no local is called by.
    pub(super) members: &'static [&'static str],
    /// Where locals get their names.
    pub(super) locals: &'static [Local],
    /// The nodes that are comments.
    pub(super) comments: &'static [&'static str],
    /// Which comments are documentation.
    pub(super) docs: Docs,
    /// What may stand between a comment and what it is about.
    pub(super) carriers: &'static [&'static str],
    /// Code in values that runs later: what it loads is not told.
    pub(super) later: &'static [&'static str],
    /// Nodes in which there are no names.
    pub(super) silent: &'static [&'static str],
}

/// A kind of node that defines something.
pub(in crate::syntax) struct Definition {
    /// The node's kind in the grammar.
    pub(in crate::syntax) node: &'static str,
    /// What it defines.
    pub(super) kind: SymbolKind,
    /// Where its name is.
    pub(super) name: Name,
    /// The kinds of the nodes above it, nearest first; empty: any.
    pub(in crate::syntax) below: &'static [&'static str],
    /// What it does to what is inside.
    pub(super) inside: Inside,
}

/// Where the name of a definition is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    /// In these fields; a node in one of them may have a field of the same name again (`a as b`).
    Field(&'static str),
    /// In these fields, if it is a node of this kind.
    Kind(&'static str, &'static str),
    /// In this field, if there is a body; without one the definition is an import (`mod a;`).
    Body(&'static str),
    /// In this field, if there is a body; without one nothing is defined.
    OnlyBody(&'static str),
    /// Inside these fields, as deep as declarators go.
    Declarator(&'static str),
    /// The same, if a function is declared.
    Method(&'static str),
    /// In this field, if there is a value.
    Valued(&'static str),
    /// In all nodes of this kind that are children or their children: in their field `name`, else their first child.
    Each(&'static str),
    /// The last argument that is a string, if the function's name in this field is one of these.
    Call(&'static str, &'static [&'static str]),
    /// In this field, which may be a pattern of names; nothing is defined by what another text is loaded into.
    Pattern(&'static str),
    /// The last child.
    Last,
    /// From the first child to the last: `a.b.*`.
    Span,
}

/// What a definition does to what is inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inside {
    /// It qualifies names: a type.
    Qualified,
    /// It does not qualify names: a namespace.
    Plain,
    /// It is its own affair: a function.
    Closed,
}

/// Where a local gets its name.
pub(super) struct Local {
    /// The node's kind in the grammar.
    pub(super) node: &'static str,
    /// The field with its pattern; empty: all of the node.
    pub(super) field: &'static str,
    /// Which names of the pattern are bound.
    pub(super) binds: Binds,
}

/// Which names of a pattern are bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Binds {
    /// Those that begin with no upper-case letter: others are types and constants.
    Lower,
    /// All, types too.
    All,
    /// The one that declarators lead to.
    Declarator,
}

/// Which comments are documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Docs {
    /// Those that begin with one of the first marks; with one of the second, they are about what they are in.
    Marked(&'static [&'static str], &'static [&'static str]),
    /// All that stand directly above a definition.
    Above,
    /// None: strings at the beginning of a body are.
    Strings,
}

/// The field of a definition at which its signature ends, in every grammar.
pub(in crate::syntax) const BODY: &str = "body";

/// Nothing is told.
pub(in crate::syntax) static NONE: Rows = Rows {
    definitions: &[],
    signature_end: &[],
    names: &[],
    members: &[],
    locals: &[],
    comments: &[],
    docs: Docs::Strings,
    carriers: &[],
    later: &[],
    silent: &[],
};

/// Returns a row: a node, what it defines and where its name is.
pub(super) const fn at(node: &'static str, kind: SymbolKind, name: Name, below: &'static [&'static str]) -> Definition {
    let inside = if matches!(kind, Type) { Inside::Qualified } else { Inside::Closed };
    Definition { node, kind, name, below, inside }
}

/// Returns a row whose name is in a field.
pub(super) const fn row(
    node: &'static str,
    kind: SymbolKind,
    name: &'static str,
    below: &'static [&'static str],
) -> Definition {
    at(node, kind, Name::Field(name), below)
}

/// Returns a row whose name must be a plain one.
pub(super) const fn named(
    node: &'static str,
    kind: SymbolKind,
    name: &'static str,
    below: &'static [&'static str],
) -> Definition {
    at(node, kind, Name::Kind(name, "identifier"), below)
}

/// Returns a row that does not qualify what is inside.
pub(super) const fn plain(row: Definition) -> Definition {
    Definition { inside: Inside::Plain, ..row }
}

/// Returns where locals get their names.
pub(super) const fn local(node: &'static str, field: &'static str) -> Local {
    Local { node, field, binds: Binds::Lower }
}

/// Returns where parameters that are types get their names.
pub(super) const fn generic(node: &'static str, field: &'static str) -> Local {
    Local { node, field, binds: Binds::All }
}

/// Returns where locals get their names by declarators.
pub(super) const fn declared(node: &'static str, field: &'static str) -> Local {
    Local { node, field, binds: Binds::Declarator }
}

#[cfg(test)]
impl Rows {
    /// Returns the names that a grammar does not have.
    pub(in crate::syntax) fn unknown(&self, grammar: &tree_sitter::Language) -> Vec<String> {
        let definitions = self.definitions.iter().flat_map(|row| row.below.iter().chain([&row.node]));
        let lists = [self.names, self.members, self.comments, self.carriers, self.later, self.silent].concat();
        let kinds = definitions.chain(&lists).copied().chain(self.locals.iter().map(|local| local.node));
        let mut unknown: Vec<String> =
            kinds.filter(|kind| grammar.id_for_node_kind(kind, true) == 0).map(str::to_owned).collect();
        let names = self.definitions.iter().filter_map(|row| match row.name {
            Name::Field(name) | Name::Kind(name, _) | Name::Body(name) | Name::OnlyBody(name) => Some(name),
            Name::Declarator(name) | Name::Method(name) | Name::Call(name, _) | Name::Pattern(name) => Some(name),
            Name::Valued(name) => Some(name),
            Name::Last | Name::Span | Name::Each(_) => None,
        });
        let body = Some(BODY).filter(|_| !self.definitions.is_empty());
        let fields = names.chain(self.locals.iter().map(|local| local.field).filter(|field| !field.is_empty()));
        let fields = fields.chain(body).filter(|field| grammar.field_id_for_name(field).is_none());
        unknown.extend(fields.map(str::to_owned));
        unknown
    }
}
