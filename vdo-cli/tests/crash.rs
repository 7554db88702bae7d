//! Processes that die in the middle of a job: what was answered is not asked again, and the result is the same.
//! The witness is the provider: a server that counts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use support::server::{Does, Server};
use support::{Place, Running, finish, story};

/// The cost of one call at the configured prices: 1000 tokens in at 1 USD per million, 100 out at 2.
const CALL: u64 = 1_200_000;

/// Returns a place with the reference job, not yet run, and its provider on a server.
fn place_on(server: &Server) -> Place {
    let place = Place::new();
    place.project("calc");
    place.served(&server.base_url);
    assert_eq!(place.job("calc", story::TITLE), "2");
    place
}

/// Returns the hash of the result's tree.
fn result(place: &Place) -> String {
    place.run("show 2 --json").exits(0).json()["revision"]["root_hash"].as_str().unwrap().to_owned()
}

/// Returns the hash of the result of a run that nothing disturbs, and insists on its calls.
fn undisturbed() -> String {
    let server = Server::start(support::server::Asked::reference);
    let place = place_on(&server);
    place.run("run 2").exits(0);
    assert_eq!(server.asked().len(), story::CALLS);
    result(&place)
}

/// Counts the requests by what they asked for.
fn counts(server: &Server) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for tag in server.tags() {
        *counts.entry(tag).or_insert(0) += 1;
    }
    counts
}

/// Returns the calls that the journal has, by state.
fn rows(place: &Place) -> BTreeMap<String, Vec<Value>> {
    let mut rows: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for step in place.run("log 2 --journal --json").exits(0).json().as_array().unwrap() {
        for call in step["calls"].as_array().unwrap() {
            let state = call["state"].as_str().unwrap().to_owned();
            assert_eq!(call["possibly_billed"], state == "possibly_billed", "{call}");
            rows.entry(state).or_default().push(call.clone());
        }
    }
    rows
}

/// Insists on what has to hold after every crash and the run that followed it.
#[track_caller]
fn assert_accounted_for(place: &Place, server: &Server, wanted: &str, crashes: usize) {
    assert_eq!(result(place), wanted, "the result is the one of an undisturbed run");
    let (rows, counts) = (rows(place), counts(server));
    let of = |state: &str| rows.get(state).map_or(0, Vec::len);
    assert_eq!(of("answered"), story::CALLS);
    assert_eq!(of("answered") + of("possibly_billed"), rows.values().map(Vec::len).sum::<usize>(), "{rows:?}");
    assert!(of("possibly_billed") <= crashes, "{rows:?}");
    assert_eq!(counts.len(), story::CALLS, "{counts:?}");
    let repeated: usize = counts.values().map(|count| count - 1).sum();
    assert!(
        repeated <= of("possibly_billed"),
        "a call was repeated that is not said to be possibly billed: {counts:?}"
    );
    let show = place.run("show 2 --json").exits(0).json();
    assert_eq!(show["cost_nanousd"], CALL * story::CALLS as u64);
    let billed = server.answered().len() as u64 * CALL;
    let known = show["cost_nanousd"].as_u64().unwrap();
    assert!(billed >= known && billed <= known + of("possibly_billed") as u64 * CALL, "billed {billed}, known {known}");
    assert_eq!(show["status"], "completed");
    let events = place.run("log 2 --json").exits(0).json_lines();
    let seqs: Vec<u64> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
    assert_eq!(place.git("calc", &["branch", "--list", "vdo/*"]).lines().count(), 1);
    place.git("calc", &["fsck", "--strict"]);
}

#[test]
fn a_process_killed_during_any_call_repeats_that_call_only_and_says_it_may_have_been_billed() {
    let wanted = undisturbed();
    for at in 1..=story::CALLS {
        let server = Server::start(move |asked| if asked.number == at { Does::Hold } else { asked.reference() });
        let place = place_on(&server);
        let running = Running::start(place.vdo(["run", "2"]));
        server.wait_for(at);
        running.signal("KILL");
        assert_eq!(running.finish().code, None);
        place.run("run 2").exits(0).says(&["resume"]);
        assert_accounted_for(&place, &server, &wanted, 1);
        let tags = server.tags();
        assert_eq!(tags.len(), story::CALLS + 1);
        assert_eq!(tags[at - 1], tags[at], "only the call in flight is repeated");
        let billed = &rows(&place)["possibly_billed"];
        assert_eq!((billed.len(), &billed[0]["number"]), (1, &Value::from(1)));
        assert!(billed[0]["step"].to_string().contains(server.asked()[at].field("phase").unwrap().as_str()));
    }
}

#[test]
fn a_process_killed_right_after_any_answer_was_sent_repeats_at_most_that_call() {
    let wanted = undisturbed();
    for at in 1..=story::CALLS {
        let server = Server::start(support::server::Asked::reference);
        let place = place_on(&server);
        let running = Running::start(place.vdo(["run", "2"]));
        support::until("the answer is sent", || server.answered().len() >= at);
        running.signal("KILL");
        running.finish();
        place.run("run 2").exits(0);
        assert_accounted_for(&place, &server, &wanted, 1);
    }
}

#[test]
fn a_job_killed_at_every_call_one_after_the_other_still_ends_as_if_nothing_had_happened() {
    let wanted = undisturbed();
    // Every other request is held until the process that sent it is dead.
    let server = Server::start(|asked| if asked.number % 2 == 1 { Does::Hold } else { asked.reference() });
    let place = place_on(&server);
    let mut deaths = 0;
    for at in 1..=story::CALLS {
        let running = Running::start(place.vdo(["run", "2"]));
        server.wait_for(2 * at - 1);
        running.signal("KILL");
        running.finish();
        deaths += 1;
    }
    place.run("run 2").exits(0);
    assert_accounted_for(&place, &server, &wanted, deaths);
    assert_eq!(rows(&place)["possibly_billed"].len(), deaths);
}

#[test]
fn a_process_killed_during_a_check_repeats_no_call_and_leaves_no_process_behind() {
    let server = Server::start(support::server::Asked::reference);
    let place = Place::new();
    place.project("calc");
    place.served(&server.base_url);
    let marker = format!("{}.{}", 86_400, std::process::id());
    let check = format!("sleep {marker}");
    place.args(&["new", story::TITLE, "--repo", "calc", "--check", &check]).exits(0);
    let running = Running::start(place.vdo(["run", "2"]));
    support::until("the check runs", || count_processes(&marker) > 0);
    running.signal("KILL");
    running.finish();
    support::until("the check is gone", || count_processes(&marker) == 0);
    let asked = server.asked().len();
    assert_eq!(asked, 3, "a plan and two builds");
    // The check is repeated, with less patience; its failure leads to a repair, and to the same failure.
    place.args(&["run", "2", "--set", "limits.check_seconds=1"]).exits(1);
    assert_eq!(server.tags().iter().filter(|tag| tag.contains("phase=build") || tag.contains("phase=plan")).count(), 3);
}

/// Counts the processes whose command line has this word.
fn count_processes(word: &str) -> usize {
    let folders = std::fs::read_dir("/proc").unwrap();
    let lines = folders.filter_map(|entry| std::fs::read(entry.ok()?.path().join("cmdline")).ok());
    // The command itself, and not the shell that was told to run it or the test that looks.
    lines.filter(|line| line.split(|byte| *byte == 0).nth(1) == Some(word.as_bytes())).count()
}

#[test]
fn a_second_run_of_the_same_job_is_told_that_it_is_busy_and_pays_nothing() {
    let server = Server::start(|asked| if asked.number == 2 { Does::Hold } else { asked.reference() });
    let place = place_on(&server);
    let first = Running::start(place.vdo(["run", "2"]));
    server.wait_for(2);
    let second = place.run("run 2").exits(1).prints_nothing();
    assert!(second.stderr.contains("job #2 is being run by"), "{}", second.stderr);
    assert_eq!(server.asked().len(), 2);
    first.signal("INT");
    assert_eq!(first.finish().code, Some(130));
    place.run("run 2").exits(0);
    assert_accounted_for(&place, &server, &undisturbed(), 1);
}

#[test]
fn two_processes_run_different_jobs_in_one_store_at_the_same_time() {
    let waiting = Arc::new(AtomicUsize::new(0));
    let seen = waiting.clone();
    // Neither job gets its first answer before both have asked.
    let server = Server::start(move |asked| {
        seen.fetch_add(1, Ordering::SeqCst);
        support::until("both jobs have asked", || seen.load(Ordering::SeqCst) >= 2);
        asked.reference()
    });
    let place = place_on(&server);
    assert_eq!(place.job("calc", story::TITLE), "3");
    let one = Running::start(place.vdo(["run", "2"]));
    let two = Running::start(place.vdo(["run", "3"]));
    one.finish().exits(0);
    two.finish().exits(0);
    assert_eq!(server.asked().len(), 2 * story::CALLS);
    let hash = |id: &str| place.args(&["show", id, "--json"]).exits(0).json()["revision"]["root_hash"].clone();
    assert_eq!(hash("2"), hash("3"));
    assert_eq!(place.git("calc", &["branch", "--list", "vdo/*"]).lines().count(), 2);
}

#[test]
fn an_interrupt_during_a_call_keeps_the_state_and_the_next_run_goes_on() {
    let wanted = undisturbed();
    for (signal, at) in [("INT", 1), ("TERM", 3), ("INT", 5)] {
        let server = Server::start(move |asked| if asked.number == at { Does::Hold } else { asked.reference() });
        let place = place_on(&server);
        let running = Running::start(place.vdo(["run", "2"]));
        server.wait_for(at);
        running.signal(signal);
        running.finish().exits(130).prints_nothing().says(&["interrupted", "vdo run 2"]);
        let status = place.run("show 2 --json").exits(0).json()["status"].clone();
        assert!(status == "running" || status == "queued", "{status}");
        place.run("run 2").exits(0);
        assert_accounted_for(&place, &server, &wanted, 1);
        assert_eq!(server.asked().len(), story::CALLS + 1);
    }
}

#[test]
fn an_interrupt_during_a_check_ends_the_check_and_the_next_run_goes_on() {
    let server = Server::start(support::server::Asked::reference);
    let place = Place::new();
    place.project("calc");
    place.served(&server.base_url);
    let marker = format!("{}.{}", 86_401, std::process::id());
    place.args(&["new", story::TITLE, "--repo", "calc", "--check", &format!("sleep {marker}")]).exits(0);
    let running = Running::start(place.vdo(["run", "2"]));
    support::until("the check runs", || count_processes(&marker) > 0);
    running.signal("INT");
    running.finish().exits(130);
    support::until("the check is gone", || count_processes(&marker) == 0);
    assert_eq!(server.asked().len(), 3);
    place.args(&["run", "2", "--set", "limits.check_seconds=1", "--set", "limits.repairs=0"]).exits(1);
    assert_eq!(server.asked().len(), 3, "no call is repeated");
}

#[test]
fn cancelling_a_running_job_stops_it_at_its_next_step() {
    let gate = Arc::new(AtomicUsize::new(0));
    let open = gate.clone();
    let server = Server::start(move |asked| {
        if asked.number == 2 {
            support::until("the job is cancelled", || open.load(Ordering::SeqCst) == 1);
        }
        asked.reference()
    });
    let place = place_on(&server);
    let running = Running::start(place.vdo(["run", "2"]));
    server.wait_for(2);
    place.run("cancel 2").exits(0);
    gate.store(1, Ordering::SeqCst);
    running.finish().exits(1).says(&["cancelled"]);
    assert_eq!(place.run("show 2 --json").exits(0).json()["status"], "cancelled");
    assert_eq!(server.asked().len(), 2);
    finish(place.vdo(["run", "2"])).exits(1).says(&["cancelled"]);
}
