//! Processes that die exactly before or after each of their commits. The `vdo` command has to be built with the
//! feature `failpoints`, which gives it `VDO_CRASH`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod support;

use std::collections::BTreeMap;

use serde_json::Value;
use support::server::{Asked, Server};
use support::{Place, finish, story};

const CALL: u64 = 1_200_000;

/// Makes the reference job in `place`, without running it.
fn prepare(place: &Place, server: &Server) {
    place.project("calc");
    place.served(&server.base_url);
    assert_eq!(place.job("calc", story::TITLE), "2");
}

/// Runs the job in a process that dies at a commit; returns whether it died.
fn crash(place: &Place, at: &str) -> bool {
    let mut command = place.vdo(["run", "2"]);
    command.env("VDO_CRASH", at);
    match finish(command) {
        ran if ran.code == Some(0) => false,
        ran => {
            assert_eq!(ran.code, None, "{at}: {}", ran.stderr);
            true
        }
    }
}

#[track_caller]
fn assert_accounted_for(place: &Place, server: &Server, wanted: &Value, crashes: usize, at: &str) {
    let show = place.run("show 2 --json").exits(0).json();
    assert_eq!(&show["revision"]["root_hash"], wanted, "{at}");
    assert_eq!(
        (&show["status"], &show["branch"]),
        (&Value::from("completed"), &Value::from("vdo/job-2-add-multiplication"))
    );
    assert_eq!(show["revision"]["number"], 1, "{at}: the result is written once");
    let journal = place.run("log 2 --journal --json").exits(0).json();
    let calls: Vec<&Value> =
        journal.as_array().unwrap().iter().flat_map(|step| step["calls"].as_array().unwrap()).collect();
    let billed = calls.iter().filter(|call| call["possibly_billed"] == true).count();
    let answered = calls.iter().filter(|call| call["state"] == "answered").count();
    assert_eq!((answered, answered + billed), (story::CALLS, calls.len()), "{at}: {journal}");
    assert!(billed <= crashes, "{at}: at most one call is in flight at a crash");
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for tag in server.tags() {
        *counts.entry(tag).or_default() += 1;
    }
    assert_eq!(counts.len(), story::CALLS, "{at}");
    let repeated: usize = counts.values().map(|count| count - 1).sum();
    assert!(repeated <= billed, "{at}: {counts:?}");
    // What the server bills is what the ledger knows, and perhaps the rows that say so.
    assert_eq!(show["cost_nanousd"], answered as u64 * CALL, "{at}");
    let extra = server.answered().len() - answered;
    assert_eq!(extra, repeated, "{at}");
    // Evidence and events are written once each.
    let events = place.run("log 2 --json").exits(0).json_lines();
    let count = |kind: &str| events.iter().filter(|event| event.to_string().contains(&format!("\"{kind}\""))).count();
    assert_eq!((count("planned"), count("loaded")), (1, 1), "{at}");
    let is_suite = |check: &&Value| check["command"].as_str().unwrap().contains("unittest");
    let suites = show["checks"].as_array().unwrap().iter().filter(is_suite).count();
    assert_eq!(suites, 3, "{at}: two tests and the last check");
    place.git("calc", &["fsck", "--strict"]);
}

fn every_commit(side: &str) {
    let server = Server::start(Asked::reference);
    let undisturbed = Place::new();
    prepare(&undisturbed, &server);
    undisturbed.run("run 2").exits(0);
    let wanted = undisturbed.run("show 2 --json").exits(0).json()["revision"]["root_hash"].clone();
    let mut commits = 0;
    for number in 1.. {
        let at = format!("{side}:{number}");
        let server = Server::start(Asked::reference);
        let place = Place::new();
        prepare(&place, &server);
        if !crash(&place, &at) {
            break;
        }
        commits = number;
        place.run("run 2").exits(0);
        assert_accounted_for(&place, &server, &wanted, 1, &at);
    }
    assert!(commits >= 2 * story::CALLS, "only {commits} commits");
}

#[test]
fn a_process_that_dies_before_any_of_its_commits_repeats_no_completed_call() {
    every_commit("before");
}

#[test]
fn a_process_that_dies_after_any_of_its_commits_repeats_no_completed_call() {
    every_commit("after");
}

#[test]
fn a_job_whose_every_process_dies_after_its_second_commit_still_ends() {
    let server = Server::start(Asked::reference);
    let place = Place::new();
    prepare(&place, &server);
    let mut crashes = 0;
    while crash(&place, "after:2") {
        crashes += 1;
        assert!(crashes < 30, "it never ends");
    }
    let undisturbed = Place::new();
    prepare(&undisturbed, &server);
    let asked = server.asked().len();
    let counts: std::collections::BTreeSet<String> = server.tags().into_iter().collect();
    assert_eq!((asked, counts.len()), (story::CALLS, story::CALLS), "every answer was kept before the next crash");
    undisturbed.run("run 2").exits(0);
    let hash = |place: &Place| place.run("show 2 --json").exits(0).json()["revision"]["root_hash"].clone();
    assert_eq!(hash(&place), hash(&undisturbed));
}
