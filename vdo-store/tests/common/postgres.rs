//! A PostgreSQL server of a test's own: made in a temporary folder from the machine's binaries, on 127.0.0.1 and a free port,
//! gone with the test.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "not every test file uses all of it; helpers of tests are tests"
)]

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The user that the server runs as where the test runs as root: PostgreSQL refuses root.
const USER: &str = "postgres";

/// A running server.
pub(crate) struct Postgres {
    child: Child,
    folder: TempDir,
    port: u16,
    databases: AtomicU32,
}

fn binaries() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").map(|all| {
        let mut all: Vec<PathBuf> = all.flatten().map(|entry| entry.path().join("bin")).collect();
        all.retain(|bin| bin.join("initdb").exists());
        all.sort();
        all
    });
    let newest = versions.unwrap_or_default().pop();
    newest.expect("PostgreSQL is not installed: sudo apt-get install -y postgresql")
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

/// A program of PostgreSQL, as the user it may run as.
fn command(program: &str) -> Command {
    let path = binaries().join(program);
    if !is_root() {
        return Command::new(path);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", USER, "--regid", USER, "--clear-groups", "--"]).arg(path);
    command
}

impl Postgres {
    /// Makes a server and waits until it answers. Nothing is flushed to the disk: what is tested is the store's order, not the
    /// machine's.
    pub(crate) fn start() -> Self {
        Self::with(&["fsync=off"])
    }

    /// As [`Postgres::start`] with other settings, and the disk flushed.
    pub(crate) fn with(settings: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("vdo-pg").tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        let data = folder.path().join("data");
        let made = command("initdb")
            .args(["-A", "trust", "-U", USER, "-E", "UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(&data)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            if let Some(child) = serve(&data, folder.path(), port, settings) {
                return Self { child, folder, port, databases: AtomicU32::new(0) };
            }
        }
        panic!("no port is free: {}", std::fs::read_to_string(folder.path().join("log")).unwrap_or_default());
    }

    /// Makes an empty database and returns its address.
    pub(crate) fn database(&self) -> String {
        let name = format!("vdo{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name} TEMPLATE template0"));
        self.address(&name)
    }

    /// Returns the address of a database.
    pub(crate) fn address(&self, database: &str) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{database}", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Runs a statement, or several, in a database and returns the rows, columns by `|`.
    pub(crate) fn sql(&self, database: &str, sql: &str) -> String {
        let output = Command::new("psql")
            .args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", USER])
            .args(["-p", &self.port.to_string(), "-d", database, "-c", sql])
            .output()
            .unwrap();
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// Ends the server as a crash does, and starts it again on the same port.
    pub(crate) fn crash_and_restart(&mut self) {
        self.signal("KILL");
        let _ = self.child.wait();
        // The children of the server see that it is gone and leave; its lock goes with it.
        let data = self.folder.path().join("data");
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(child) = serve(&data, self.folder.path(), self.port, &[]) {
                self.child = child;
                return;
            }
            assert!(Instant::now() < deadline, "the server does not come back");
        }
    }

    fn signal(&self, signal: &str) {
        let _ = Command::new("kill").args([&format!("-{signal}"), &self.child.id().to_string()]).status();
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // At once, without waiting for clients.
        self.signal("QUIT");
        let _ = self.child.wait();
    }
}

fn serve(data: &Path, folder: &Path, port: u16, settings: &[&str]) -> Option<Child> {
    let log = std::fs::File::create(folder.join("log")).unwrap();
    let mut server = command("postgres");
    server.arg("-D").arg(data).args(["-p", &port.to_string(), "-h", "127.0.0.1", "-k"]).arg(folder);
    server.args(["-c", "max_connections=300", "-c", "shared_buffers=64MB"]);
    for setting in settings {
        server.args(["-c", setting]);
    }
    server.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).process_group(0);
    let mut child = server.spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if child.try_wait().unwrap().is_some() {
            return None;
        }
        let ready = Command::new(binaries().join("pg_isready"))
            .args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()])
            .status()
            .unwrap();
        if ready.success() {
            return Some(child);
        }
        assert!(Instant::now() < deadline, "the server does not start");
        std::thread::sleep(Duration::from_millis(20));
    }
}
