//! `vdo worker` on the command line.

use clap::Args;

/// Runs the jobs of the store, as one of any number of processes.
#[derive(Debug, Args)]
pub(crate) struct Worker {
    /// How many jobs it runs at once.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) concurrency: u16,
    /// How many jobs of one project run at once, on all workers together. Default: any number.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) per_project: Option<u32>,
    /// How many seconds running jobs have to end in after SIGTERM or Ctrl-C; then their leases are given back, with what was
    /// answered kept. A second signal ends at once.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub(crate) drain: u64,
    /// After how many seconds without a sign of life another worker takes over. A sign is given every third of it.
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(2..=3600))]
    pub(crate) lease: u64,
    /// Ends when nothing is left to run.
    #[arg(long)]
    pub(crate) until_idle: bool,
}
