//! What one run may use up. Plain data; enforced elsewhere.

use std::time::Duration;

use serde::{Deserialize, Serialize};

const MIB: u64 = 1024 * 1024;
const GIB: u64 = 1024 * MIB;

/// Limits on one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Limits {
    /// Wall time until everything in the sandbox is killed. Default: 10 minutes.
    pub time: Duration,
    /// CPU seconds of one process. Default: 1200.
    pub cpu_seconds: u64,
    /// Private writable memory of one process (`RLIMIT_DATA`). Default: 4 GiB.
    ///
    /// Where a writable cgroup exists this also caps the whole run (plus `disk` at [`Tier::T2`],
    /// since a work dir in memory counts there). Address space that is only reserved does not
    /// count: Node and Go reserve far more than they use.
    ///
    /// [`Tier::T2`]: super::Tier::T2
    pub memory: u64,
    /// Address space of one process, reservations included (`RLIMIT_AS`). Default: 64 GiB.
    pub address_space: u64,
    /// Processes and threads at once. Default: 256.
    pub processes: u64,
    /// Open files of one process. Default: 1024.
    pub open_files: u64,
    /// Bytes of the work dir, `/tmp`, `/dev/shm`, home and writable `/deps` together.
    /// Default: 2 GiB. Not enforced at [`Tier::T1`](super::Tier::T1).
    pub disk: u64,
    /// Files and folders in the same places. Default: 500,000.
    pub inodes: u64,
    /// Bytes of one file. Default: 512 MiB.
    pub file: u64,
    /// Bytes kept of each of stdout and stderr, half from the start, half from the end.
    /// Default: 256 KiB.
    pub output: usize,
    /// Files brought back by a harvest. Default: 10,000.
    pub harvest_files: u64,
    /// Bytes brought back by a harvest. Default: 512 MiB.
    pub harvest_bytes: u64,
    /// Bytes through the proxy of a `prepare` run, both ways. Default: 2 GiB.
    pub net_bytes: u64,
    /// Connections through the proxy at once. Default: 64.
    pub net_connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(600),
            cpu_seconds: 1200,
            memory: 4 * GIB,
            address_space: 64 * GIB,
            processes: 256,
            open_files: 1024,
            disk: 2 * GIB,
            inodes: 500_000,
            file: 512 * MIB,
            output: 256 * 1024,
            harvest_files: 10_000,
            harvest_bytes: 512 * MIB,
            net_bytes: 2 * GIB,
            net_connections: 64,
        }
    }
}

macro_rules! setters {
    ($($(#[$doc:meta])* $setter:ident $field:ident: $kind:ty;)*) => {
        impl Limits {
            $($(#[$doc])* #[must_use] pub fn $setter(mut self, $field: $kind) -> Self {
                self.$field = $field;
                self
            })*
        }
    };
}

setters! {
    /// Sets the wall time.
    with_time time: Duration;
    /// Sets the CPU seconds of one process.
    with_cpu_seconds cpu_seconds: u64;
    /// Sets the private memory of one process.
    with_memory memory: u64;
    /// Sets the address space of one process.
    with_address_space address_space: u64;
    /// Sets the number of processes.
    with_processes processes: u64;
    /// Sets the number of open files of one process.
    with_open_files open_files: u64;
    /// Sets the bytes of all writable places together.
    with_disk disk: u64;
    /// Sets the number of files in all writable places together.
    with_inodes inodes: u64;
    /// Sets the bytes of one file.
    with_file file: u64;
    /// Sets the bytes kept of each output stream.
    with_output output: usize;
    /// Sets the number of files a harvest brings back.
    with_harvest_files harvest_files: u64;
    /// Sets the bytes a harvest brings back.
    with_harvest_bytes harvest_bytes: u64;
    /// Sets the bytes through the proxy.
    with_net_bytes net_bytes: u64;
    /// Sets the connections through the proxy at once.
    with_net_connections net_connections: usize;
}
