//! The pain points: a model misbehaves, and what VDO does is told: it refuses, has it mended, stops, or flags it.
//!
//! Every case is a whole job through the real pipeline (import, scan, syntax, sandbox at T2, store, git); only the model is
//! scripted. `pain/README.md` lists the cases.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test"
)]

mod support;

#[path = "pain/broken.rs"]
mod broken;
#[path = "pain/evidence.rs"]
mod evidence;
#[path = "pain/hallucinated.rs"]
mod hallucinated;
#[path = "pain/harness.rs"]
mod harness;
#[path = "pain/hostile.rs"]
mod hostile;
#[path = "pain/integrate.rs"]
mod integrate;
