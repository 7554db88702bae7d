//! What came of one run.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

pub use vdo_core::check::Exit;

use super::tier::Tier;

/// One output stream: its start and its end, and how much there was.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Captured {
    /// The text kept, not always valid UTF-8 in the original; a gap is marked by one line.
    pub text: String,
    /// All bytes written, kept or not.
    pub total: u64,
    /// Whether bytes were left out.
    pub truncated: bool,
}

/// A limit that the run ran into, as far as it can be told from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LimitHit {
    /// Wall time.
    Time,
    /// CPU time of one process.
    Cpu,
    /// Memory of the whole run.
    Memory,
    /// Number of processes.
    Processes,
    /// Bytes or files of the writable places.
    Disk,
    /// Bytes of one file.
    FileSize,
    /// Bytes of output kept.
    Output,
    /// Files or bytes of the harvest.
    Harvest,
    /// Bytes or connections of the proxy.
    Network,
}

/// A path that was left behind, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// The path, relative to the tree copied.
    pub path: PathBuf,
    /// Why it was not copied.
    pub why: RefusedWhy,
}

/// Why a path was not copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RefusedWhy {
    /// A symbolic link.
    Symlink,
    /// A FIFO, socket or device.
    Special,
    /// A `.git` folder or file.
    Git,
    /// More files or bytes than allowed.
    Limit,
    /// Folders nested too deeply.
    Depth,
    /// It could not be read.
    Unreadable,
}

/// What a copy did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Copied {
    /// Regular files copied.
    pub files: u64,
    /// Bytes copied.
    pub bytes: u64,
    /// What was left behind, at most the first 1,000 paths.
    pub refused: Vec<Refused>,
    /// How many paths were left behind in all.
    pub refused_total: u64,
}

/// What one run came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RunReport {
    /// How it was confined.
    pub tier: Tier,
    /// Why it was not confined, if it was not.
    pub reason: Option<String>,
    /// How it ended.
    pub exit: Exit,
    /// What it wrote to stdout.
    pub stdout: Captured,
    /// What it wrote to stderr.
    pub stderr: Captured,
    /// From the moment the command began until everything in the sandbox was dead.
    pub duration: Duration,
    /// The limits it ran into.
    pub limits_hit: Vec<LimitHit>,
    /// What was brought back, if a harvest was asked for.
    pub harvest: Option<Copied>,
    /// `host:port` of what the proxy refused, in order, each once.
    pub net_refused: Vec<String>,
    /// Whether a cgroup capped the memory and processes of the whole run.
    pub cgroup: bool,
}
