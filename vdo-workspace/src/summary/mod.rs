//! The architecture of a codebase, read off its files without a model.
pub mod signs;
