//! What a text defines, uses and says of itself, in one walk over its tree.
//!
//! [`rows`] is what of each grammar is a definition, a name, a local or a comment; [`table`] that by the numbers of its nodes;
//! [`walk`] goes over a tree once; [`names`] finds what is called how, [`docs`] reads comments, [`references`] counts names.

mod docs;
pub(super) mod first;
mod names;
mod references;
pub(super) mod rows;
pub(super) mod second;
mod table;
mod walk;

pub(super) use docs::{Prose, summary};
pub(super) use references::References;
pub(super) use table::Table;
#[cfg(test)]
pub(super) use walk::nodes;
pub(super) use walk::{outline, read};

/// How many nodes are looked at.
const MAX_NODES: usize = 2_000_000;
/// The longest signature and the longest name, in characters.
pub(super) const MAX_SIGNATURE: usize = 200;
