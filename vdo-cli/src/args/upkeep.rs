//! The arguments of what looks after a store: collecting, exporting, importing.

use std::path::PathBuf;

use clap::Args;
use vdo_core::id::JobId;

#[derive(Debug, Args)]
pub(crate) struct Gc {
    /// How many hours a content has to be unused until it goes.
    #[arg(long, value_name = "HOURS", default_value_t = 24)]
    pub(crate) grace: u32,
    /// Answers in the journals of jobs that have been over for as many days go, too.
    #[arg(long, value_name = "DAYS")]
    pub(crate) journals: Option<u32>,
    /// Gives freed room back to the disk; others wait meanwhile.
    #[arg(long)]
    pub(crate) compact: bool,
    /// Only says what would go.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// A job of the project.
    pub(crate) id: JobId,
    /// The file; one that is there is replaced once the new one is whole.
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// The file; one that is there is replaced once the new one is whole.
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The file.
    pub(crate) file: PathBuf,
    /// Only looks through it and says what it is.
    #[arg(long)]
    pub(crate) check: bool,
}
