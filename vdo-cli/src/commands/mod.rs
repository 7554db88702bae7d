//! The commands: each converts its arguments, calls the library and prints what came back.

pub(crate) mod apply;
pub(crate) mod budget;
pub(crate) mod conflicts;
pub(crate) mod context;
pub(crate) mod demo;
pub(crate) mod deploy;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod jobs;
pub(crate) mod lineage;
pub(crate) mod log;
pub(crate) mod merge_file;
pub(crate) mod models;
pub(crate) mod new;
pub(crate) mod providers;
pub(crate) mod reconcile;
pub(crate) mod removal;
pub(crate) mod revise;
pub(crate) mod run;
pub(crate) mod sandbox;
pub(crate) mod scan;
pub(crate) mod schema;
pub(crate) mod spend;
pub(crate) mod stats;
pub(crate) mod trees;
pub(crate) mod worker;
