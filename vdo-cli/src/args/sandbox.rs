//! The arguments of `vdo sandbox`.

use std::path::PathBuf;

use clap::Args;
use vdo_core::check::Tier;

#[derive(Debug, Args)]
pub(crate) struct Sandbox {
    /// The confinement required.
    #[arg(long, default_value = "T2")]
    pub(crate) tier: Tier,
    /// Why nothing confines the command; required with --tier T0.
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// The folder to work on; it is copied in, and the copy is discarded.
    #[arg(long, value_name = "DIR")]
    pub(crate) work: Option<PathBuf>,
    /// Brings regular files of the working copy back into this folder.
    #[arg(long, value_name = "OUT")]
    pub(crate) harvest: Option<PathBuf>,
    /// What the command reaches: nothing, or (prepare) the package registries in use.
    #[arg(long, default_value = "none", value_parser = ["none", "prepare"])]
    pub(crate) net: String,
    /// Seconds it may take.
    #[arg(long, value_name = "S", default_value_t = 600)]
    pub(crate) timeout: u64,
    /// Bytes of memory.
    #[arg(long, value_name = "B")]
    pub(crate) memory: Option<u64>,
    /// Bytes of the working copy.
    #[arg(long, value_name = "B")]
    pub(crate) disk: Option<u64>,
    /// Writes a report in JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// The command and its arguments.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) command: Vec<std::ffi::OsString>,
}
