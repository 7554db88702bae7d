//! Processes that die exactly before or after each of their commits. The `vdo` command has to be built with the
//! feature `failpoints`, which gives it `VDO_CRASH`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test"
)]

mod support;

use std::collections::BTreeMap;

use serde_json::Value;
use support::server::{Asked, Does, Server};
use support::{Place, Running, finish, story};

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

// ---- real kills, from outside

/// Numbers that look random and are the same in every run.
struct Lots(u64);

impl Lots {
    fn next(&mut self, below: u64) -> u64 {
        // The constants of Knuth's MMIX.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

/// Counts what the server was asked, by the tags of the requests.
fn counts(tags: &[String]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for tag in tags {
        *counts.entry(tag.clone()).or_default() += 1;
    }
    counts
}

/// Returns the calls that the journal has: how many are answered, and how many may have been billed.
#[track_caller]
fn answered_and_billed(place: &Place, id: &str) -> (usize, usize) {
    let journal = place.args(&["log", id, "--journal", "--json"]).exits(0).json();
    let calls: Vec<&Value> =
        journal.as_array().unwrap().iter().flat_map(|step| step["calls"].as_array().unwrap()).collect();
    let of = |state: &str| calls.iter().filter(|call| call["state"] == state).count();
    assert_eq!(of("answered") + of("possibly_billed"), calls.len(), "{journal}");
    (of("answered"), of("possibly_billed"))
}

#[test]
fn processes_that_are_killed_at_random_moments_repeat_no_completed_call() {
    const KILLS: usize = 30;
    let server = Server::start(Asked::reference);
    let undisturbed = Place::new();
    prepare(&undisturbed, &server);
    let begun = std::time::Instant::now();
    undisturbed.run("run 2").exits(0);
    let whole = u64::try_from(begun.elapsed().as_micros()).unwrap();
    let wanted = undisturbed.run("show 2 --json").exits(0).json()["revision"]["root_hash"].clone();
    let (mut lots, mut kills, mut billed_in_all) = (Lots(7), 0, 0);
    while kills < KILLS {
        let server = Server::start(Asked::reference);
        let place = Place::new();
        prepare(&place, &server);
        let mut deaths = 0;
        // Short lives at first: a job that is never killed early is over too soon.
        while kills < KILLS {
            let running = Running::start(place.vdo(["run", "2"]));
            std::thread::sleep(std::time::Duration::from_micros(lots.next(whole / 2)));
            running.signal("KILL");
            if running.finish().code == Some(0) {
                break;
            }
            (deaths, kills) = (deaths + 1, kills + 1);
        }
        place.run("run 2").exits(0);
        let show = place.run("show 2 --json").exits(0).json();
        assert_eq!(show["revision"]["root_hash"], wanted, "after {deaths} kills");
        assert_eq!(show["revision"]["number"], 1, "the result is written once");
        let (answered, billed) = answered_and_billed(&place, "2");
        assert_eq!(answered, story::CALLS);
        assert!(billed <= deaths, "{billed} calls are possibly billed after {deaths} kills");
        // The server's own count is the witness: whatever it was asked twice is said to be possibly billed.
        let counts = counts(&server.tags());
        let repeated: usize = counts.values().map(|count| count - 1).sum();
        assert_eq!(counts.len(), story::CALLS, "{counts:?}");
        assert!(
            repeated <= billed,
            "{repeated} calls were repeated, {billed} are said to be possibly billed: {counts:?}"
        );
        assert_eq!(show["cost_nanousd"], answered as u64 * CALL);
        let bill = server.answered().len() as u64 * CALL;
        assert!(
            (answered as u64 * CALL..=(answered + billed) as u64 * CALL).contains(&bill),
            "the server bills {bill}"
        );
        let events = place.run("log 2 --json").exits(0).json_lines();
        let seqs: Vec<u64> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
        assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
        place.git("calc", &["fsck", "--strict"]);
        billed_in_all += billed;
    }
    println!("{kills} kills, {billed_in_all} calls possibly billed");
}

// ---- merges

/// What two children of one job do, and what a model makes of it if they are at odds.
#[derive(Debug, Clone, Copy)]
enum Merge {
    Clean,
    AtOdds,
}

impl Merge {
    fn text(self, side: &str) -> String {
        let add = match (self, side) {
            (Self::Clean, _) => "a + b",
            (Self::AtOdds, "Ours") => "b + a",
            (Self::AtOdds, "Theirs") => "sum((a, b))",
            (Self::AtOdds, _) => "sum((b, a))",
        };
        format!("def add(a, b):\n    return {add}\n")
    }

    fn answer(self, asked: &Asked) -> Does {
        let side = if asked.body.to_string().contains("## The job\\nOurs") { "Ours" } else { "Theirs" };
        let own = format!("{}.py", side.to_lowercase());
        Does::Say(match asked.field("phase").as_deref() {
            Some("plan") => story::plan(&[serde_json::json!({
                "id": "t1", "title": "T", "description": "D", "create": [own], "modify": ["calc.py"], "delete": [],
                "depends_on": [],
            })]),
            Some("build") => {
                story::whole(
                    "calc.py",
                    &format!("{}\n\ndef {}():\n    return 1\n", self.text(side), side.to_lowercase()),
                ) + "\n"
                    + &story::whole(&own, &format!("\"\"\"{side}.\"\"\"\n"))
            }
            Some("merge") => story::whole(
                "calc.py",
                &format!("{}\n\ndef ours():\n    return 1\n\n\ndef theirs():\n    return 1\n", self.text("both")),
            ),
            _ => "{\"findings\": []}".to_owned(),
        })
    }

    /// How many calls the merge itself takes.
    fn calls(self) -> usize {
        match self {
            Self::Clean => 0,
            Self::AtOdds => 1,
        }
    }
}

/// Copies everything of a place to another folder, or back.
fn copy(from: &std::path::Path, to: &std::path::Path) {
    let _ = std::fs::remove_dir_all(to);
    assert!(std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

fn every_commit_of_a_merge(merge: Merge, side: &str) {
    let server = Server::start(move |asked| merge.answer(asked));
    let place = Place::new();
    place.project("calc");
    place.served(&server.base_url);
    for (id, title, parent) in [("2", "Ours", ["--repo", "calc"]), ("3", "Theirs", ["--extends", "1"])] {
        assert_eq!(place.args(&["new", title, parent[0], parent[1]]).exits(0).line(), id);
        place.run(&format!("run {id}")).exits(0);
    }
    assert_eq!(place.args(&["new", "Both", "--merge", "2", "3"]).exits(0).line(), "4");
    let kept = tempfile::tempdir().unwrap();
    for folder in ["home", "calc"] {
        copy(&place.path(folder), &kept.path().join(folder));
    }
    let mut wanted = None;
    let (mut at, mut commits) = ("never".to_owned(), 0);
    for number in 1.. {
        let asked = server.asked().len();
        let mut crashed = false;
        if wanted.is_some() {
            at = format!("{side}:{number}", number = number - 1);
            let mut command = place.vdo(["run", "4"]);
            command.env("VDO_CRASH", &at);
            let ran = finish(command);
            crashed = ran.code != Some(0);
            assert!(!crashed || ran.code.is_none(), "{at}: {}", ran.stderr);
        }
        place.run("run 4").exits(0);
        let show = place.run("show 4 --json").exits(0).json();
        let hash = show["revision"]["root_hash"].clone();
        assert_eq!(show["status"], "completed", "{at}");
        assert_eq!(&hash, wanted.get_or_insert_with(|| hash.clone()), "{at}: the tree is that of an undisturbed run");
        assert_eq!(show["revision"]["number"], 1, "{at}");
        let (answered, billed) = answered_and_billed(&place, "4");
        assert_eq!(answered, merge.calls(), "{at}");
        assert!(billed <= usize::from(crashed), "{at}");
        let asked = server.asked().len() - asked;
        assert!((answered..=answered + billed).contains(&asked), "{at}: asked {asked} times");
        assert_eq!(show["conflicts"]["open"], 0, "{at}");
        assert_eq!(show["conflicts"]["resolved"], merge.calls(), "{at}");
        let events = place.run("log 4 --json").exits(0).json_lines();
        let merged = events.iter().filter(|event| event.to_string().contains("\"merged\"")).count();
        assert_eq!(merged, 1, "{at}: {events:?}");
        place.git("calc", &["fsck", "--strict"]);
        let tips = ["2-ours", "3-theirs"].map(|job| place.git("calc", &["rev-parse", &format!("vdo/job-{job}")]));
        let parents = place.git("calc", &["log", "-1", "--format=%P", "vdo/job-4-both"]);
        assert_eq!(parents.trim(), tips.map(|tip| tip.trim().to_owned()).join(" "), "{at}");
        if number > 1 && !crashed {
            break;
        }
        commits = number - 1;
        for folder in ["home", "calc"] {
            copy(&kept.path().join(folder), &place.path(folder));
        }
    }
    assert!(commits >= 4 + merge.calls(), "only {commits} commits");
}

#[test]
fn a_clean_merge_whose_process_dies_before_any_commit_comes_out_the_same() {
    every_commit_of_a_merge(Merge::Clean, "before");
}

#[test]
fn a_clean_merge_whose_process_dies_after_any_commit_comes_out_the_same() {
    every_commit_of_a_merge(Merge::Clean, "after");
}

#[test]
fn a_merge_at_odds_whose_process_dies_before_any_commit_comes_out_the_same() {
    every_commit_of_a_merge(Merge::AtOdds, "before");
}

#[test]
fn a_merge_at_odds_whose_process_dies_after_any_commit_comes_out_the_same() {
    every_commit_of_a_merge(Merge::AtOdds, "after");
}
