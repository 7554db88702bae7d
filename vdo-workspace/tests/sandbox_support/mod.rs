//! What the sandbox tests share.
#![allow(dead_code, unreachable_pub)]

use std::path::Path;
use std::time::{Duration, Instant};

use vdo_workspace::sandbox::{Invocation, Sandbox, SandboxConfig};

/// Returns whether this machine can run these tests; root without bubblewrap is a failure.
pub fn can_run() -> bool {
    let is_root = std::fs::metadata("/proc/self")
        .is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    if !is_root {
        eprintln!("skipped: these tests need root");
        return false;
    }
    let found = ["/usr/bin/bwrap", "/usr/local/bin/bwrap"]
        .iter()
        .any(|at| Path::new(at).exists());
    assert!(found, "bubblewrap is missing: apt-get install bubblewrap");
    true
}

/// Returns a sandbox as a host gets it by default.
pub fn sandbox() -> Sandbox {
    Sandbox::new(SandboxConfig::default())
}

/// Returns a run of a shell script.
pub fn shell(script: &str) -> Invocation {
    Invocation::new(["/bin/sh", "-c", script])
}

/// Fails unless within one second no process names `marker` in its arguments.
pub fn assert_all_dead(marker: &str) {
    let deadline = Instant::now() + Duration::from_secs(1);
    while !holders(marker).is_empty() {
        assert!(
            Instant::now() < deadline,
            "alive after a second: {:?}",
            holders(marker)
        );
        std::thread::yield_now();
    }
}

/// Returns the command lines of other processes that name `marker`.
pub fn holders(marker: &str) -> Vec<String> {
    let own = std::process::id().to_string();
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter(|entry| entry.file_name().to_str() != Some(own.as_str()))
        .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).into_owned())
        .filter(|line| line.contains(marker))
        .collect()
}
