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

#[path = "failpoints/matrix.rs"]
mod matrix;
#[path = "../../vdo-store/tests/common/postgres.rs"]
mod postgres;
mod support;

use std::collections::BTreeMap;

use matrix::{By, CALL, every_commit, prepare};
use support::server::{Asked, Does, Server};
use support::{Lots, Place, Running, finish, story};

/// Commits on an SQLite store of a place's own.
fn on_sqlite(by: By, side: &str) {
    every_commit(by, side, &|| None);
}

/// Commits on fresh databases of one PostgreSQL server.
fn on_postgres(by: By, side: &str) {
    let server = postgres::Postgres::start();
    every_commit(by, side, &|| Some(server.database()));
}

#[test]
fn a_process_that_dies_before_any_of_its_commits_repeats_no_completed_call() {
    on_sqlite(By::Run, "before");
}

#[test]
fn a_process_that_dies_after_any_of_its_commits_repeats_no_completed_call() {
    on_sqlite(By::Run, "after");
}

#[test]
fn a_process_that_dies_before_any_of_its_commits_on_postgres_repeats_no_completed_call() {
    on_postgres(By::Run, "before");
}

#[test]
fn a_process_that_dies_after_any_of_its_commits_on_postgres_repeats_no_completed_call() {
    on_postgres(By::Run, "after");
}

#[test]
fn a_worker_that_dies_before_any_of_its_commits_repeats_no_completed_call() {
    on_sqlite(By::Worker, "before");
}

#[test]
fn a_worker_that_dies_after_any_of_its_commits_repeats_no_completed_call() {
    on_sqlite(By::Worker, "after");
}

#[test]
fn a_worker_that_dies_before_any_of_its_commits_on_postgres_repeats_no_completed_call() {
    on_postgres(By::Worker, "before");
}

#[test]
fn a_worker_that_dies_after_any_of_its_commits_on_postgres_repeats_no_completed_call() {
    on_postgres(By::Worker, "after");
}

#[test]
fn a_job_whose_every_process_dies_after_its_second_commit_still_ends() {
    let server = Server::start(Asked::reference);
    let place = Place::new();
    prepare(&place, &server);
    let mut crashes = 0;
    while By::Run.dies(&place, "after:2") {
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
    let calls = place.journaled(id);
    let of = |state: &str| calls.iter().filter(|call| call["state"] == state).count();
    assert_eq!(of("answered") + of("possibly_billed"), calls.len(), "{calls:?}");
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
        place.gapless("2");
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
