//! A PostgreSQL server of one test: in a temporary folder, on a free port of this machine, gone when it is dropped.
//!
//! Needs the server's binaries (Debian's `postgresql`), and shares nothing with a server that runs already. The server refuses to
//! run as root: started by root, it runs as the user `postgres`, or as nobody where there is none.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a helper of tests")]

use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A running server.
#[derive(Debug)]
pub(crate) struct Postgres {
    folder: TempDir,
    binaries: PathBuf,
    port: u16,
    server: Child,
    databases: AtomicU32,
}

impl Postgres {
    /// Starts a server and waits until it answers.
    pub(crate) fn start() -> Self {
        let binaries = binaries();
        let folder = tempfile::Builder::new().prefix("vdo-pg-").tempdir().unwrap();
        if let Some((uid, gid)) = unprivileged() {
            chown(folder.path(), Some(uid), Some(gid)).unwrap();
        }
        let data = folder.path().join("data");
        let mut init = command(&binaries.join("initdb"), folder.path());
        init.args(["--username=vdo", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync", "-D"]).arg(&data);
        let output = init.output().unwrap();
        assert!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
        // Somebody else may take the port between the look and the start.
        for _ in 0..5 {
            let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut server = command(&binaries.join("postgres"), folder.path());
            server.arg("-D").arg(&data).args(["-p", &port.to_string(), "-k"]).arg(folder.path());
            server.args(["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200"]);
            let mut server = server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            if answers(&binaries, port, &mut server) {
                return Self { folder, binaries, port, server, databases: AtomicU32::new(0) };
            }
        }
        panic!("the server does not start");
    }

    /// Makes an empty database; returns its address.
    pub(crate) fn database(&self) -> String {
        let name = format!("vdo{}", self.databases.fetch_add(1, Ordering::SeqCst));
        let mut create = Command::new(self.binaries.join("createdb"));
        create.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "vdo", &name]);
        let output = create.output().unwrap();
        assert!(output.status.success(), "createdb: {}", String::from_utf8_lossy(&output.stderr));
        format!("postgres://vdo@127.0.0.1:{}/{name}", self.port)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // A fast shutdown, which takes its children and its shared memory along.
        let _ = Command::new("kill").args(["-INT", &self.server.id().to_string()]).status();
        let _ = self.server.wait();
    }
}

/// Waits until a server answers; false if it ended instead.
fn answers(binaries: &Path, port: u16, server: &mut Child) -> bool {
    let begun = Instant::now();
    loop {
        let mut ready = Command::new(binaries.join("pg_isready"));
        ready.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string(), "-U", "vdo"]);
        if ready.status().unwrap().success() {
            return true;
        }
        if server.try_wait().unwrap().is_some() {
            return false;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "the server does not answer within a minute");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Returns the folder with the newest server's binaries.
fn binaries() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").map(|entries| entries.flatten().collect::<Vec<_>>());
    let mut versions: Vec<PathBuf> =
        versions.unwrap_or_default().iter().map(|entry| entry.path().join("bin")).collect();
    versions.retain(|bin| bin.join("initdb").exists());
    versions.sort();
    versions.pop().expect("PostgreSQL is missing; install it with: sudo apt-get install -y postgresql")
}

/// Returns a command that does not run as root.
fn command(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env("LC_ALL", "C").stdin(Stdio::null());
    if let Some((uid, gid)) = unprivileged() {
        command.uid(uid).gid(gid);
    }
    command
}

/// Returns the user to become, if this is root.
fn unprivileged() -> Option<(u32, u32)> {
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let fields = users.lines().find_map(|line| line.strip_prefix("postgres:")).unwrap_or("x:65534:65534");
    let mut fields = fields.split(':').skip(1).map(|field| field.parse().unwrap());
    Some((fields.next().unwrap(), fields.next().unwrap()))
}
