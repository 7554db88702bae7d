//! The escape battery: what gets out of each tier, judged from the host's side where possible.
//!
//! Every attempt is first made bare, as root. One that fails bare proves nothing and is listed as
//! not applicable; the others must all fail at T2, and exactly the golden list succeeds at T1.
#![cfg(all(feature = "sandbox", target_arch = "x86_64"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

#[path = "sandbox_support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::io::Read;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use support::{assert_all_dead, can_run, end_holders, holders, sandbox};
use vdo_workspace::sandbox::{Invocation, Limits, Net, Require};

const SCRIPT: &str = include_str!("sandbox_support/battery.py");
const PYTHON: &str = "/usr/bin/python3";

/// What T1 is known not to stop; see the tier's documentation.
const GOLDEN_T1: &[&str] = &["see_host_process", "fill_tmp", "fill_work_folder"];

/// The host as an attacker would like to reach it, with witnesses.
struct Bait {
    dir: tempfile::TempDir,
    token: String,
    victim: Child,
    facts: serde_json::Value,
    reached: Vec<(&'static str, Arc<AtomicUsize>)>,
    _leak: std::fs::File,
}

impl Bait {
    fn new(token: &str, bare: bool) -> Self {
        let dir = tempfile::tempdir_in("/tmp").unwrap();
        let open = || PermissionsExt::from_mode(0o777);
        let path = dir.path().to_str().unwrap().to_owned();
        std::fs::create_dir_all(dir.path().join("work/.git/hooks")).unwrap();
        for folder in ["", "work", "work/.git", "work/.git/hooks"] {
            std::fs::set_permissions(dir.path().join(folder), open()).unwrap();
        }
        std::fs::write(dir.path().join("secret"), "hunter2").unwrap();
        std::fs::write(dir.path().join("work/battery.py"), SCRIPT).unwrap();
        let leak = std::fs::File::open(dir.path().join("secret")).unwrap();
        rustix::io::fcntl_setfd(&leak, rustix::io::FdFlags::empty()).unwrap();
        let victim = Command::new("/bin/sleep").arg("600").env("VDO_BATTERY_SECRET", "hunter2").spawn().unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let path_socket = UnixListener::bind(dir.path().join("socket")).unwrap();
        std::fs::set_permissions(dir.path().join("socket"), open()).unwrap();
        let name = SocketAddr::from_abstract_name(token).unwrap();
        let abstract_socket = UnixListener::bind_addr(&name).unwrap();
        let (tcp_port, udp_port) = (tcp.local_addr().unwrap().port(), udp.local_addr().unwrap().port());
        let reached = vec![
            ("host_loopback_tcp", count(move || tcp.accept().map(|(s, _)| s))),
            ("host_path_socket", count(move || path_socket.accept().map(|(s, _)| s))),
            ("host_abstract_socket", count(move || abstract_socket.accept().map(|(s, _)| s))),
        ];
        std::thread::spawn(move || {
            let mut byte = [0; 1];
            while let Ok((_, from)) = udp.recv_from(&mut byte) {
                let _ = udp.send_to(b"y", from);
            }
        });
        let ipc_key = 0x7600_0000 + std::process::id() % 0xff_ffff;
        let make = format!("import ctypes; exit(ctypes.CDLL(None).shmget({ipc_key}, 4096, 0o1666) < 0)");
        assert!(Command::new(PYTHON).args(["-c", &make]).status().unwrap().success());
        let limits = Limits::default();
        let facts = serde_json::json!({
            "secret": "hunter2", "dir": path, "work": format!("{path}/work"), "token": token,
            "home": "/root", "victim": victim.id(), "host": std::process::id(),
            "fd": leak.as_raw_fd(), "tcp": tcp_port, "udp": udp_port, "ipc_key": ipc_key,
            "cgroup": if Path::new("/sys/fs/cgroup/pids").exists() {
                format!("/sys/fs/cgroup/pids/{token}")
            } else {
                format!("/sys/fs/cgroup/{token}")
            },
            "disk": [1, 0], "bare": bare, "processes": limits.processes, "memory": limits.memory,
            "file": limits.file, "disk_cap": limits.disk,
        });
        Self { dir, token: token.into(), victim, facts, reached, _leak: leak }
    }

    fn arguments(&self, names: &[String]) -> Vec<String> {
        let mut arguments = vec![PYTHON.into(), "battery.py".into(), self.facts.to_string()];
        arguments.extend_from_slice(names);
        arguments
    }

    /// Returns the attempts that got out: those that say so, and those whose effect is seen here.
    fn escaped(mut self, said: &str) -> BTreeSet<String> {
        let mut out: BTreeSet<String> =
            said.lines().filter_map(|line| line.strip_prefix("ESCAPED ")).map(str::to_owned).collect();
        let at = |path: &str| self.dir.path().join(path).exists();
        let seen = [
            ("write_host_tmp", at("written")),
            ("write_source_folder", at("work/written")),
            ("write_source_git_hook", at("work/.git/hooks/pre-commit")),
            ("leave_in_dev_shm", std::fs::remove_file(format!("/dev/shm/{}", self.token)).is_ok()),
            ("kill_host_process", self.victim.try_wait().unwrap().is_some()),
            ("daemon_outlives_job", !holders(&format!("{}-daemon", self.token)).is_empty()),
        ];
        out.extend(seen.into_iter().filter(|(_, seen)| *seen).map(|(name, _)| name.to_owned()));
        let reached = self.reached.iter().filter(|(_, count)| count.load(Ordering::SeqCst) > 0);
        out.extend(reached.map(|(name, _)| (*name).to_owned()));
        out
    }
}

impl Drop for Bait {
    fn drop(&mut self) {
        let _ = self.victim.kill();
        let _ = self.victim.wait();
        let key = self.facts.get("ipc_key").map(ToString::to_string).unwrap_or_default();
        let _ = Command::new("ipcrm").args(["-M", &key]).stderr(Stdio::null()).status();
    }
}

/// Counts the connections that carry a byte.
fn count<S: Read>(accept: impl Fn() -> std::io::Result<S> + Send + 'static) -> Arc<AtomicUsize> {
    let hits = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&hits);
    std::thread::spawn(move || {
        while let Ok(mut stream) = accept() {
            if stream.read(&mut [0; 1]).is_ok_and(|count| count == 1) {
                counter.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    hits
}

/// Runs the whole battery unconfined and returns every attempt, and those that succeed.
fn bare() -> (Vec<String>, BTreeSet<String>) {
    let bait = Bait::new(&format!("vdo-bare-{}", std::process::id()), true);
    let (work, shm) = (bait.dir.path().join("work"), format!("/dev/shm/{}", bait.token));
    let run = |names: &[String]| {
        let arguments = bait.arguments(names);
        let (program, rest) = arguments.split_first().unwrap();
        let output = Command::new(program)
            .args(rest)
            .current_dir(&work)
            .env("TMPDIR", bait.dir.path())
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let names: Vec<String> = run(&[]).lines().map(str::to_owned).collect();
    let said = run(&names);
    assert_eq!(said.lines().count(), names.len(), "{said}");
    for line in said.lines().filter(|line| line.starts_with("held")) {
        eprintln!("not applicable here: {line}");
    }
    let _ = std::fs::remove_file(shm);
    let daemon = format!("{}-daemon", bait.token);
    let escaped = bait.escaped(&said);
    end_holders(&daemon);
    assert_all_dead(&daemon);
    (names, escaped)
}

async fn confined(names: &[String], label: &str, require: Require, net: Net) -> BTreeSet<String> {
    let bait = Bait::new(&format!("vdo-{label}-{}", std::process::id()), false);
    let run =
        Invocation::new(bait.arguments(names)).with_work(bait.dir.path().join("work")).with_tier(require).with_net(net);
    let report = sandbox().run(run).await.unwrap();
    eprintln!("{label} [{}]:\n{}{}", report.tier, report.stdout.text, report.stderr.text);
    assert_eq!(report.stdout.text.lines().count(), names.len(), "{report:?}");
    bait.escaped(&report.stdout.text)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_gets_out_of_t2_and_only_the_golden_list_out_of_t1() {
    if !can_run() {
        return;
    }
    let (names, possible) = bare();
    eprintln!("{} attempts, {} succeed bare", names.len(), possible.len());
    assert!(possible.len() >= 40, "only {} attempts are possible: {possible:?}", possible.len());
    let none = BTreeSet::new();
    assert_eq!(confined(&names, "t2", Require::T2, Net::None).await, none);
    let prepare = Net::Prepare { allow: vec!["allowed.example".parse().unwrap()] };
    assert_eq!(confined(&names, "prepare", Require::T2, prepare).await, none);
    let golden = GOLDEN_T1.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(confined(&names, "t1", Require::T1, Net::None).await, golden);
}
