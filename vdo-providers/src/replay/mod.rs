//! Calls of any provider, recorded to a file and played back from it.
//!
//! A cassette is a text file: a line that says what it is, then one line of JSON per call, with the request, what came of it,
//! and how long it took. Keys are taken out before a line is written. Played back, a request has to be the one that was
//! recorded, to the letter; calls may come in any order and many at once.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use vdo_core::testing::scripted::{Answers, ScriptedProvider};
//! use vdo_providers::replay::{Recorder, Replay};
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("calls.jsonl");
//! let provider = Arc::new(ScriptedProvider::new("demo", Answers::default()));
//! let recorder = Recorder::open(provider, &path, ["sk-my-own-key".into()])?;
//! // … calls through the recorder …
//! # drop(recorder);
//! let replay = Replay::open(&path)?;
//! # let _ = replay;
//! # Ok(())
//! # }
//! ```

mod cassette;
mod compare;
mod failed;
mod player;
mod recorder;
mod shapes;

pub use cassette::CassetteError;
pub use player::Replay;
pub use recorder::Recorder;

#[cfg(test)]
mod tests;
