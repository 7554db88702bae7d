//! What the sandbox tests share.
#![allow(dead_code, unreachable_pub)]

use std::path::Path;
use std::time::{Duration, Instant};

use vdo_workspace::sandbox::{Invocation, Sandbox, SandboxConfig};

/// Returns whether this machine can run these tests; root without bubblewrap is a failure.
pub fn can_run() -> bool {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    if !is_root {
        eprintln!("skipped: these tests need root");
        return false;
    }
    let found = ["/usr/bin/bwrap", "/usr/local/bin/bwrap"].iter().any(|at| Path::new(at).exists());
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
        assert!(Instant::now() < deadline, "alive after a second: {:?}", holders(marker));
        std::thread::yield_now();
    }
}

/// Returns the command lines of other processes that name `marker`.
pub fn holders(marker: &str) -> Vec<String> {
    found(marker).into_iter().map(|(_, line)| line).collect()
}

/// Kills the processes that name `marker`, one by one.
pub fn end_holders(marker: &str) {
    for (pid, _) in found(marker) {
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
}

fn found(marker: &str) -> Vec<(i32, String)> {
    let own = std::process::id().cast_signed();
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid != own)
        .filter_map(|pid: i32| Some((pid, std::fs::read(format!("/proc/{pid}/cmdline")).ok()?)))
        .map(|(pid, line)| (pid, String::from_utf8_lossy(&line).into_owned()))
        .filter(|(_, line)| line.contains(marker))
        .collect()
}
