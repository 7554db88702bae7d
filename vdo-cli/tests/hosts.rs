//! Several hosts: network namespaces with a link each to a bridge, at which one PostgreSQL server and the provider listen. Two workers
//! with folders of their own; one is cut off while it runs a job, and comes back.
//!
//! Everything happens in a network and a mount namespace of the test's own, which are gone with its last process. Making them takes root.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test"
)]

#[path = "../../vdo-store/tests/common/postgres.rs"]
mod postgres;
mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use postgres::Postgres;
use serde_json::Value;
use support::server::Server;
use support::site::{CALLS, Gate, notes};
use support::{Place, Running, finish, until};

/// Says that the namespaces are made.
const INSIDE: &str = "VDO_TEST_HOSTS";
/// Where the server and the provider listen. These networks take no more than 127.0.0.1 for the host itself, and the rest of 127.0.0.0/8
/// goes over the bridge: so that the provider can be asked without TLS, as one on the own machine.
const HUB: &str = "127.7.7.1";
/// The lock that whoever writes takes (`vdo-store/src/open`).
const WRITE_LOCK: &str = "SELECT pg_advisory_xact_lock(8530797285480461925)";

#[test]
fn the_job_of_a_host_that_is_cut_off_moves_and_ends_once() {
    apart("the_job_of_a_host_that_is_cut_off_moves_and_ends_once", || cut_off(Amid::ACall, Duration::from_secs(6)));
}

#[test]
fn a_host_that_is_cut_off_amid_a_write_holds_nobody_up() {
    apart("a_host_that_is_cut_off_amid_a_write_holds_nobody_up", || cut_off(Amid::AWrite, Duration::from_secs(9)));
}

/// Runs a test once more, in namespaces of its own that end with it; says so where they cannot be made.
fn apart(test: &str, body: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        return body();
    }
    let unshare = || {
        let mut command = Command::new("unshare");
        command
            .args(["--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child=KILL", "--"])
            .stdin(Stdio::null());
        command
    };
    let may = unshare().args(["mount", "-t", "tmpfs", "tmpfs", "/run"]).output();
    if !may.is_ok_and(|tried| tried.status.success()) {
        eprintln!(
            "skipped: network namespaces can only be made by root, with unshare and ip (apt-get install iproute2)"
        );
        return;
    }
    let mut command = unshare();
    command.arg(std::env::current_exe().unwrap()).args(["--exact", test, "--nocapture"]).env(INSIDE, "1");
    let ran = finish(command);
    eprintln!("{}", ran.stderr);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
}

#[track_caller]
fn ip(words: &str) {
    let mut command = Command::new("ip");
    command.args(words.split_whitespace()).stdin(Stdio::null());
    finish(command).exits(0);
}

#[track_caller]
fn sh(line: &str) {
    let mut command = Command::new("sh");
    command.args(["-c", line]).stdin(Stdio::null());
    finish(command).exits(0);
}

/// Leaves 127.0.0.1 alone to a host's loopback.
fn own_loopback(host: &str) {
    ip(&format!("{host} link set lo up"));
    ip(&format!("{host} addr del 127.0.0.1/8 dev lo"));
    ip(&format!("{host} addr add 127.0.0.1/32 dev lo"));
}

/// Puts a command onto a host.
fn on(host: &str, command: &Command) -> Command {
    let mut moved = Command::new("ip");
    moved.args(["netns", "exec", host]).arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
    moved.current_dir(command.get_current_dir().unwrap_or(Path::new("/")));
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => moved.env(name, value),
            None => moved.env_remove(name),
        };
    }
    moved
}

/// Makes the bridge and the hosts.
fn network(hosts: &[(&str, &str)]) {
    // What `ip netns` keeps lies here, and is seen by nobody else.
    sh("mount -t tmpfs tmpfs /run");
    own_loopback("");
    sh("echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet");
    ip("link add hub type bridge");
    ip(&format!("addr add {HUB}/24 dev hub"));
    ip("link set hub up");
    for (host, address) in hosts {
        ip(&format!("netns add {host}"));
        ip(&format!("link add to-{host} type veth peer name eth0 netns {host}"));
        ip(&format!("link set to-{host} master hub up"));
        own_loopback(&format!("-n {host}"));
        sh(&format!("ip netns exec {host} sh -c 'echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet'"));
        ip(&format!("-n {host} addr add {address}/24 dev eth0"));
        ip(&format!("-n {host} link set eth0 up"));
    }
}

/// When a host is cut off.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Amid {
    /// While its worker waits for the provider.
    ACall,
    /// While, besides, the server has just given the write lock to its session.
    AWrite,
}

/// A place on a host, with the store on the server.
fn host(store: &str, server: &Server) -> Place {
    let place = Place::on(Some(store.to_owned()));
    place.served(&server.base_url);
    place
}

/// Waits until the provider was asked so often; a worker is to ask.
#[track_caller]
fn until_asked(server: &Server, number: usize, worker: &Running) {
    let begun = Instant::now();
    while server.asked().len() < number {
        assert!(begun.elapsed() < Duration::from_secs(30), "request {number} does not come: {}", worker.said());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Makes a job that takes no folder of any host.
#[track_caller]
fn job(place: &Place) -> String {
    place.args(&["new", "Notes", "--check", "cat notes-*.txt"]).exits(0).line()
}

/// Makes the server give the write lock to the session of a host that is cut off in that moment.
fn cut_off_with_the_lock(postgres: &Postgres, address: &str) {
    let mut holder = Command::new("psql");
    holder.args([
        "-X",
        "-q",
        "-h",
        "127.0.0.1",
        "-U",
        "postgres",
        "-p",
        &postgres.port().to_string(),
        "-d",
        "vdo0",
        "-c",
    ]);
    holder.arg(format!("BEGIN; {WRITE_LOCK}; SELECT pg_sleep(100)")).stdin(Stdio::null()).env("PGAPPNAME", "holder");
    let holder = Running::start(holder);
    let sessions = |granted: &str| {
        let sql = format!(
            "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND {granted} AND \
             client_addr = '{address}'"
        );
        postgres.sql("vdo0", &sql) != "0"
    };
    // The next sign of life has to wait.
    until("a write waits for the lock", || sessions("NOT granted"));
    ip("link set to-a down");
    postgres.sql("vdo0", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holder'");
    holder.finish();
    until("who is cut off holds the lock", || sessions("granted"));
}

fn cut_off(amid: Amid, bound: Duration) {
    let (first, second) = ("127.7.7.2", "127.7.7.3");
    network(&[("a", first), ("b", second)]);
    let folder = tempfile::tempdir().unwrap();
    let access = folder.path().join("pg_hba.conf");
    std::fs::write(&access, "host all all 127.0.0.1/32 trust\nhost all all 127.7.7.0/24 trust\n").unwrap();
    for path in [folder.path(), &access] {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let access = format!("hba_file={}", access.display());
    let postgres = Postgres::with(&["fsync=off", "listen_addresses=*", &access]);
    let store = postgres.database().replace("127.0.0.1", HUB);
    let (gate, held) = (Gate::default(), Gate::default());
    let passed = (gate.clone(), held.clone());
    let server = Server::at(HUB, move |asked| {
        match asked.number {
            2 => passed.0.pass(),
            // The second host waits, too, so that nothing is over before everything was seen.
            3 => passed.1.pass(),
            _ => {}
        }
        notes(asked)
    });
    let [hub, a, b] = [(); 3].map(|()| host(&store, &server));
    let one = job(&hub);
    let worker = |name: &str, place: &Place| Running::start(on(name, &place.vdo("worker --json --lease 2".split(' '))));
    let cut = worker("a", &a);
    until_asked(&server, 2, &cut);
    let other = worker("b", &b);
    until("the second worker has begun", || other.said().contains("started"));
    let begun = Instant::now();
    match amid {
        Amid::ACall => ip("link set to-a down"),
        Amid::AWrite => cut_off_with_the_lock(&postgres, first),
    }
    until_asked(&server, 3, &other);
    let took = begun.elapsed();
    eprintln!("cut off amid {amid:?}: taken over after {took:?}");
    assert!(took < bound, "taken over after {took:?}");
    held.open();
    until("it ends elsewhere", || hub.run(&format!("show {one} --json")).exits(0).json()["status"] == "completed");
    let before = hub.everything(&one);
    other.signal("TERM");
    other.finish().exits(0);

    // It comes back; what it waited for comes, too.
    ip("link set to-a up");
    gate.open();
    until("it notices", || cut.said().contains("\"lost\""));
    let two = job(&hub);
    until("it does other work", || cut.said().contains("\"completed\",\"worker\":\"finished\""));
    assert_eq!(hub.everything(&one), before, "none of its writes was accepted");
    cut.signal("TERM");
    let ran = cut.finish().exits(0);
    let lost = ran.json_lines().into_iter().filter(|line| line["worker"] == "lost").collect::<Vec<_>>();
    assert_eq!((lost.len(), lost[0]["job"].to_string()), (1, one.clone()), "{}", ran.stdout);

    let starts = |job: &str| {
        let events = hub.gapless(job);
        events.into_iter().filter(|event| event["kind"] == "started").map(|event| event["epoch"].clone()).collect()
    };
    let (one_starts, two_starts): (Vec<Value>, Vec<Value>) = (starts(&one), starts(&two));
    assert_eq!((one_starts, two_starts), (vec![1.into(), 2.into()], vec![1.into()]));
    let [show, events, _] = before;
    assert_eq!(show["revision"]["number"], 1);
    let ends = events.as_array().unwrap().iter().filter(|event| event["status"] == "completed").count();
    assert_eq!(ends, 1, "{events}");
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for tag in server.tags() {
        *counts.entry(tag).or_default() += 1;
    }
    let mut repeated: Vec<usize> = counts.into_values().collect();
    repeated.sort_unstable();
    assert_eq!(repeated, [vec![1; 2 * CALLS - 1], vec![2]].concat(), "only the call in flight was repeated");
    let states: Vec<Value> = hub.journaled(&one).into_iter().map(|call| call["state"].clone()).collect();
    let billed = states.iter().filter(|state| *state == "possibly_billed").count();
    assert_eq!((billed, states.len()), (1, CALLS + 1), "{states:?}");
    hub.is_whole("after the host came back");
}
