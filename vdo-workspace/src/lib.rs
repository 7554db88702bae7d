//! The working-tree side of VDO: what touches a checkout, and what runs the commands of one.
//!
//! Each module stands behind a feature of its own and none changes the meaning of another.

#[cfg(feature = "sandbox")]
pub mod sandbox;
