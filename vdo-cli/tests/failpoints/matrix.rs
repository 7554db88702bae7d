//! The reference job by processes that die at each of their commits, one commit a trial, on any store. Every trial has a place, a
//! store and a provider of its own, so several are under way at once.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::Value;

use crate::support::server::{Asked, Server};
use crate::support::{Place, finish, story};

/// What a call of the reference job costs.
pub(crate) const CALL: u64 = 1_200_000;

/// How many trials are under way at once: a worker's lease is waited for, a run is not.
const LANES: u64 = 3;

/// Who runs the job.
#[derive(Debug, Clone, Copy)]
pub(crate) enum By {
    /// `vdo run`.
    Run,
    /// `vdo worker`.
    Worker,
}

impl By {
    fn words(self) -> &'static [&'static str] {
        match self {
            Self::Run => &["run", "2"],
            Self::Worker => &["worker", "--until-idle", "--lease", "2"],
        }
    }

    /// Runs the job in a process that dies at a commit; returns whether it died.
    pub(crate) fn dies(self, place: &Place, at: &str) -> bool {
        let mut command = place.vdo(self.words());
        command.env("VDO_CRASH", at);
        let ran = finish(command);
        assert!(matches!(ran.code, None | Some(0)), "{at}: {}", ran.stderr);
        ran.code.is_none()
    }

    fn ends(self, place: &Place) {
        place.args(self.words()).exits(0);
    }
}

/// Makes the reference job in `place`, without running it.
pub(crate) fn prepare(place: &Place, server: &Server) {
    place.project("calc");
    place.served(&server.base_url);
    assert_eq!(place.job("calc", story::TITLE), "2");
}

/// Insists that after one crash everything is as if there had been none, but for a call that says it may have been billed.
#[track_caller]
fn assert_accounted_for(place: &Place, server: &Server, wanted: &Value, at: &str) {
    let show = place.run("show 2 --json").exits(0).json();
    assert_eq!(&show["revision"]["root_hash"], wanted, "{at}");
    assert_eq!(
        (&show["status"], &show["branch"]),
        (&Value::from("completed"), &Value::from("vdo/job-2-add-multiplication")),
        "{at}"
    );
    assert_eq!(show["revision"]["number"], 1, "{at}: the result is written once");
    let calls = place.journaled("2");
    let billed = calls.iter().filter(|call| call["possibly_billed"] == true).count();
    let answered = calls.iter().filter(|call| call["state"] == "answered").count();
    assert_eq!((answered, answered + billed), (story::CALLS, calls.len()), "{at}: {calls:?}");
    assert!(billed <= 1, "{at}: at most one call is in flight at a crash");
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
    let events = place.gapless("2");
    let count = |kind: &str| events.iter().filter(|event| event.to_string().contains(&format!("\"{kind}\""))).count();
    assert_eq!((count("planned"), count("loaded")), (1, 1), "{at}");
    let is_suite = |check: &&Value| check["command"].as_str().unwrap().contains("unittest");
    let suites = show["checks"].as_array().unwrap().iter().filter(is_suite).count();
    assert_eq!(suites, 3, "{at}: two tests and the last check");
    place.git("calc", &["fsck", "--strict"]);
    // The last, as it asks the provider, too.
    place.is_whole(at);
}

/// Lets a process die at each commit of the job in turn, each time on a new store, and another end the job.
pub(crate) fn every_commit(by: By, side: &str, store: &(dyn Fn() -> Option<String> + Sync)) {
    let undisturbed = Server::start(Asked::reference);
    let place = Place::on(store());
    prepare(&place, &undisturbed);
    by.ends(&place);
    let wanted = &place.run("show 2 --json").exits(0).json()["revision"]["root_hash"];
    let survived = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for lane in 1..=LANES {
            let survived = &survived;
            scope.spawn(move || {
                for number in (lane..).step_by(LANES as usize) {
                    let at = format!("{side}:{number}");
                    let server = Server::start(Asked::reference);
                    let place = Place::on(store());
                    prepare(&place, &server);
                    if !by.dies(&place, &at) {
                        survived.lock().unwrap().push(number);
                        break;
                    }
                    by.ends(&place);
                    assert_accounted_for(&place, &server, wanted, &at);
                }
            });
        }
    });
    // Every commit below the first that no process reached was died at.
    let commits = survived.lock().unwrap().iter().min().unwrap() - 1;
    println!("{commits} commits by {by:?}, {side}");
    assert!(commits >= 2 * story::CALLS as u64, "only {commits} commits");
}
