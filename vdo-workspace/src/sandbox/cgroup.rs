//! Caps on a whole run where the host's cgroups can be written. Best effort by design.
//!
//! Works with version 1 (`memory`, `pids`) and version 2. Whether a run had one is in its report;
//! without one, limits hold per process only.

use std::fs::{File, OpenOptions};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use super::limits::Limits;

/// The cgroups of one run, removed on drop.
#[derive(Debug, Default)]
pub(super) struct Cgroup {
    folders: Vec<PathBuf>,
}

impl Cgroup {
    /// Makes cgroups called `name` below `root`, or none at all.
    pub(super) fn new(root: &Path, name: &str, limits: &Limits) -> Option<Self> {
        let memory = limits.memory.saturating_add(limits.disk).to_string();
        let processes = limits.processes.saturating_add(4).to_string();
        let mut made = Self::default();
        let is_unified = root.join("cgroup.controllers").is_file();
        if is_unified {
            std::fs::write(root.join("cgroup.subtree_control"), "+memory +pids").ok()?;
            let folder = made.add(root.join(name))?;
            std::fs::write(folder.join("memory.max"), &memory).ok()?;
            std::fs::write(folder.join("pids.max"), &processes).ok()?;
        } else {
            let folder = made.add(root.join("memory").join(name))?;
            std::fs::write(folder.join("memory.limit_in_bytes"), &memory).ok()?;
            let folder = made.add(root.join("pids").join(name))?;
            std::fs::write(folder.join("pids.max"), &processes).ok()?;
        }
        Some(made)
    }

    /// Opens the files by which a process enters.
    pub(super) fn doors(&self) -> std::io::Result<Vec<OwnedFd>> {
        let open = |folder: &PathBuf| OpenOptions::new().write(true).open(folder.join("cgroup.procs"));
        self.folders.iter().map(|folder| open(folder).map(|file: File| file.into())).collect()
    }

    /// Returns whether the kernel killed something for want of memory.
    pub(super) fn ran_out_of_memory(&self) -> bool {
        self.counts("memory.oom_control", "oom_kill ") || self.counts("memory.events", "oom_kill ")
    }

    /// Returns whether a process could not be made.
    pub(super) fn ran_out_of_processes(&self) -> bool {
        self.counts("pids.events", "max ")
    }

    fn counts(&self, file: &str, key: &str) -> bool {
        self.folders.iter().any(|folder| {
            let text = std::fs::read_to_string(folder.join(file)).unwrap_or_default();
            text.lines().filter_map(|line| line.strip_prefix(key)).any(|count| count.trim() != "0")
        })
    }

    fn add(&mut self, folder: PathBuf) -> Option<PathBuf> {
        // Left over if an earlier host was killed; the slot's lock says nobody uses it now.
        let _ = std::fs::remove_dir(&folder);
        std::fs::create_dir(&folder).ok()?;
        self.folders.push(folder.clone());
        Some(folder)
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        for folder in &self.folders {
            // The last process may still be on its way out.
            for _ in 0..50 {
                match std::fs::remove_dir(folder) {
                    Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {
                        std::thread::sleep(std::time::Duration::from_millis(2));
                    }
                    _ => break,
                }
            }
        }
    }
}
