//! The working-tree side of VDO: reading folders and repositories, looking at code, reading test results
//! and handing finished trees over.
//!
//! Nothing here reads the environment, the home folder or the clock, and nothing prints: callers pass
//! values in. Folders are read and written through handles that no link leads out of.
//! Without features: [`folder`], [`detect`], [`results`], [`summary`], [`beside`] and [`deploy`].

pub mod beside;
mod blocking;
#[cfg(feature = "sandbox")]
pub mod check;
#[cfg(all(feature = "git", feature = "scan"))]
pub mod correction;
pub mod deploy;
pub mod detect;
pub mod folder;
#[cfg(feature = "scan")]
mod gather;
#[cfg(feature = "git")]
pub mod git;
#[cfg(feature = "scan")]
pub mod import;
#[cfg(all(feature = "git", feature = "scan"))]
pub mod repository;
pub mod results;
#[cfg(feature = "sandbox")]
pub mod sandbox;
#[cfg(feature = "scan")]
pub mod scan;
pub mod summary;
#[cfg(feature = "syntax")]
pub mod syntax;
#[cfg(feature = "scan")]
pub mod walk;
