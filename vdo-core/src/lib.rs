//! The pure heart of VDO.
//!
//! Everything that decides is here: what a job's files are, how edits land, what a model is asked, when a
//! result counts. Nothing here performs I/O, reads a clock or the environment, or prints; the
//! [`port`]s say what the world has to offer, and the engine drives a run through them.
//!
//! Invariant: modules are stacked in floors, and a module imports only lower ones (a test checks):
//! values, algebra, ports, judgement, run, engine.

pub mod budget;
pub mod candidate;
pub mod check;
pub mod compare;
pub mod conflict;
pub mod content;
pub mod contents;
pub mod context;
pub mod diff;
pub mod edit;
pub mod engine;
pub mod event;
pub mod failure;
pub mod file;
pub mod findings;
pub mod guard;
pub mod health;
pub mod id;
pub mod job;
pub mod lineage;
pub mod merge;
pub mod message;
pub mod models;
pub mod money;
pub mod output;
pub mod pace;
pub mod patch;
pub mod path;
pub mod plan;
pub mod port;
pub mod precheck;
pub mod prompt;
pub mod provenance;
pub mod rename;
pub mod reply;
pub mod retry;
pub mod route;
pub mod rules;
pub mod run;
pub mod schedule;
pub mod schema;
pub mod spend;
pub mod structure;
pub mod summary;
pub mod syntax;
pub mod task;
pub mod testing;
pub mod time;
pub mod tree;
pub mod tries;
pub mod usage;
