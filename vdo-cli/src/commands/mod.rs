//! The commands: each converts its arguments, calls the library and prints what came back.

pub mod deploy;
pub mod demo;
pub mod doctor;
pub mod jobs;
pub mod log;
pub mod new;
pub mod run;
pub mod sandbox;
pub mod schema;
pub mod trees;
