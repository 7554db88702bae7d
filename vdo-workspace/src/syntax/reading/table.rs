//! What the kinds of a grammar's nodes are to the walk, by their numbers.

use std::num::NonZeroU16;
use std::sync::OnceLock;

use super::rows::{Definition, Local, Name, Rows};

/// Has nothing in it that is looked for.
pub(super) const LEAF: u8 = 1;
/// May define something.
pub(super) const DEFINES: u8 = 2;
/// Is a name that may be a local's.
pub(super) const NAME: u8 = 4;
/// Is the name of a member or a type.
pub(super) const MEMBER: u8 = 8;
/// Is a comment.
pub(super) const COMMENT: u8 = 16;
/// Has the name of a local in it.
pub(super) const BINDS: u8 = 32;
/// May stand between a comment and what it is about.
pub(super) const CARRIES: u8 = 64;
/// Holds code that does not run when the text is loaded.
pub(super) const LATER: u8 = 128;

/// The rows of a language, compiled when they are first asked for.
pub(in crate::syntax) struct Table(OnceLock<Compiled>);

pub(super) struct Compiled {
    /// What each kind of node is.
    pub(super) kinds: Box<[u8]>,
    /// The definitions by the number of their node.
    pub(super) definitions: Vec<(u16, Vec<u16>, &'static Definition)>,
    /// Whether values may load other texts.
    pub(super) loads: bool,
    /// The locals by the number of their node, with the number of the field.
    pub(super) locals: Vec<(u16, Option<NonZeroU16>, &'static Local)>,
}

impl Table {
    /// Returns an empty table.
    pub(in crate::syntax) const fn new() -> Self {
        Self(OnceLock::new())
    }

    pub(super) fn of(&self, grammar: &tree_sitter::Language, rows: &'static Rows) -> &Compiled {
        self.0.get_or_init(|| Compiled::new(grammar, rows))
    }
}

impl Compiled {
    fn new(grammar: &tree_sitter::Language, rows: &'static Rows) -> Self {
        let id = |kind: &str| grammar.id_for_node_kind(kind, true);
        let count = u16::try_from(grammar.node_kind_count()).unwrap_or(u16::MAX);
        let kinds = (0..count).map(|id| {
            // A word of the language may be called like a kind: the type `object`.
            if !grammar.node_kind_is_named(id) {
                return LEAF;
            }
            bits(rows, grammar.node_kind_for_id(id).unwrap_or_default())
        });
        let definitions = rows.definitions.iter();
        let locals = rows.locals.iter();
        Self {
            kinds: kinds.collect(),
            definitions: definitions
                .map(|row| (id(row.node), row.below.iter().map(|kind| id(kind)).collect(), row))
                .collect(),
            loads: rows.definitions.iter().any(|row| matches!(row.name, Name::Call(..))),
            locals: locals.map(|row| (id(row.node), grammar.field_id_for_name(row.field), row)).collect(),
        }
    }

    /// Returns what a kind of node is.
    pub(super) fn kind(&self, id: u16) -> u8 {
        self.kinds.get(usize::from(id)).copied().unwrap_or_default()
    }
}

fn bits(rows: &Rows, kind: &str) -> u8 {
    let bit = |kinds: &[&str], bit: u8| if kinds.contains(&kind) { bit } else { 0 };
    let defines = if rows.definitions.iter().any(|row| row.node == kind) { DEFINES } else { 0 };
    let binds = if rows.locals.iter().any(|row| row.node == kind) { BINDS } else { 0 };
    defines
        | binds
        | bit(rows.names, NAME | LEAF)
        | bit(rows.members, MEMBER | LEAF)
        | bit(rows.comments, COMMENT | LEAF)
        | bit(rows.carriers, CARRIES)
        | bit(rows.later, LATER)
        | bit(rows.silent, LEAF)
}
