//! Which lists and members a text is made of.
//!
//! [`out`] keeps what was found, [`walk`] goes over a grammar's tree once and asks the language ([`reader`]) what each node is,
//! [`nodes`] looks into nodes, [`memo`] remembers what was told of one version for others,
//! [`registry`] knows by name what may change places, [`keys`] makes keys. Languages without a grammar are read line by line
//! in [`lines`](super::lines) and use the same [`out`].

pub(super) mod chain;
pub(super) mod elements;
pub(super) mod keys;
pub(super) mod memo;
pub(super) mod nodes;
pub(super) mod out;
pub(super) mod reader;
pub(super) mod registry;
pub(super) mod routes;
pub(super) mod walk;
