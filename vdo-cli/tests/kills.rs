//! Eight workers that are killed at random moments and replaced, over a few dozen jobs. The witness is the provider: every call that it
//! was asked for stands in the journal, settled or possibly billed, and what it bills is what the ledger knows and those rows cover.
//!
//! `VDO_KILLS` sets how many are killed (20), `VDO_SEED` whom and when (7).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test"
)]

#[path = "../../vdo-store/tests/common/postgres.rs"]
mod postgres;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::server::{Asked, Does, Server};
use support::site::{CALLS, Site, notes};
use support::{Lots, Running};

/// What a call costs, in billionths of a dollar.
const CALL: u64 = 1_200_000;
const WORKERS: usize = 8;
/// How often workers die under a job before it is put aside.
const POISON: usize = 3;
/// How many jobs of the second project are paid by a budget for half of them.
const POOR: usize = 8;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

#[test]
fn workers_on_postgres_that_are_killed_at_random_lose_nothing_and_pay_nothing_twice() {
    let server = postgres::Postgres::start();
    storm(Some(server.database()));
}

#[test]
fn workers_on_sqlite_that_are_killed_at_random_lose_nothing_and_pay_nothing_twice() {
    storm(None);
}

/// Answers after a while, so that many a worker dies while it waits.
fn slowly(asked: &Asked) -> Does {
    std::thread::sleep(Duration::from_millis(200 + 137 * asked.number as u64 % 500));
    notes(asked)
}

/// Returns the job that a worker has under way, by what it said.
fn under_way(said: &str) -> Option<u64> {
    let mut job = None;
    for line in said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        match line["worker"].as_str() {
            Some("began") => job = line["job"].as_u64(),
            Some("finished" | "not_now" | "lost" | "broke") => job = None,
            _ => {}
        }
    }
    job
}

/// Insists that no budget is passed, by what is spent and reserved; returns them.
#[track_caller]
fn assert_kept(site: &Site) -> Value {
    let budgets = site.run("budget --json").exits(0).json();
    for account in budgets.as_array().unwrap() {
        let sum = |name: &str| account["sums"][name].as_u64().unwrap();
        let limit = account["budget"]["limit"].as_u64().unwrap();
        assert!(sum("spent") + sum("reserved") <= limit, "{account}");
    }
    budgets
}

/// What became of the workers.
#[derive(Debug, Default)]
struct Casualties {
    /// How many died under a job.
    deaths: BTreeMap<u64, usize>,
    /// How often a worker was too slow to keep a job, and lost it.
    lost: BTreeMap<u64, usize>,
    /// Jobs that were made because there were no more to die under.
    made: Vec<String>,
}

impl Casualties {
    /// Takes in what a worker said in its whole life.
    fn bury(&mut self, said: &str, was_killed: bool) {
        for line in said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            if line["worker"] == "lost" {
                *self.lost.entry(line["job"].as_u64().unwrap()).or_default() += 1;
            }
        }
        if let Some(job) = under_way(said).filter(|_| was_killed) {
            *self.deaths.entry(job).or_default() += 1;
        }
    }

    fn of(&self, job: u64) -> usize {
        [&self.deaths, &self.lost].iter().filter_map(|counts| counts.get(&job)).sum()
    }

    fn total(&self) -> usize {
        self.deaths.values().chain(self.lost.values()).sum()
    }
}

/// Returns how many jobs nobody has ended.
fn open(site: &Site) -> usize {
    let jobs = site.run("jobs --json --limit 1000").exits(0).json();
    let is_open = |job: &&Value| matches!(job["status"].as_str(), Some("queued" | "running"));
    jobs.as_array().unwrap().iter().filter(is_open).count()
}

/// Kills workers, each at once replaced, then lets the others end what is left.
fn kill(site: &Site, lots: &mut Lots, kills: usize) -> Casualties {
    let start = || site.worker("--concurrency 1 --lease 2");
    let mut workers: Vec<Running> = (0..WORKERS).map(|_| start()).collect();
    let mut casualties = Casualties::default();
    for _ in 0..kills {
        std::thread::sleep(Duration::from_millis(lots.next(400)));
        let mut waited = Instant::now();
        let victim = loop {
            // No job is to be put aside for what is done to its workers here.
            let may_die =
                |worker: &Running| under_way(&worker.said()).is_some_and(|job| casualties.of(job) + 1 < POISON);
            let busy: Vec<usize> =
                workers.iter().enumerate().filter(|(_, worker)| may_die(worker)).map(|(at, _)| at).collect();
            if let Some(at) = busy.get(lots.next(busy.len().max(1) as u64) as usize) {
                break *at;
            }
            if waited.elapsed() > Duration::from_secs(3) {
                casualties.made.push(site.job(""));
                waited = Instant::now();
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let killed = std::mem::replace(&mut workers[victim], start());
        killed.signal("KILL");
        let ran = killed.finish();
        assert_eq!(ran.code, None, "{}", ran.stderr);
        casualties.bury(&ran.stdout, true);
    }
    let begun = Instant::now();
    while open(site) > 0 {
        assert!(begun.elapsed() < Duration::from_secs(300), "the jobs do not end");
        std::thread::sleep(Duration::from_millis(100));
    }
    for worker in workers {
        worker.signal("TERM");
        casualties.bury(&worker.finish().exits(0).stdout, false);
    }
    casualties
}

fn storm(store: Option<String>) {
    let (kills, seed) = (usize::try_from(number("VDO_KILLS", 20)).unwrap(), number("VDO_SEED", 7));
    let (mut lots, server) = (Lots(seed), Server::start(slowly));
    let site = &Site::new(store, &server, "");
    site.place.project("poor");
    // The first shows what a call reserves, and has a result whatever dies later.
    let mut poor = vec![site.place.job("poor", "Notes")];
    site.run(&format!("run {}", poor[0])).exits(0);
    let most = site.place.journaled(&poor[0]).iter().map(|call| call["reserved"].as_u64().unwrap()).max().unwrap();
    let limit = (POOR / 2 * CALLS) as u64 * CALL + most;
    let root = site.show(&poor[0])["root_id"].as_u64().unwrap();
    site.run(&format!("budget set project:{root} {}.{:09}/ever", limit / 1_000_000_000, limit % 1_000_000_000))
        .exits(0);
    // All possibly billed calls keep what they reserved, which is far more than they cost.
    site.run("budget set total 20/ever").exits(0);
    poor.extend((1..POOR).map(|_| site.place.job("poor", "Notes")));
    let mut jobs: Vec<String> = (0..(kills / 2).max(16)).map(|_| site.job("")).collect();
    let (begun, over, looks) = (Instant::now(), AtomicBool::new(false), AtomicUsize::new(0));
    let casualties = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                assert_kept(site);
                looks.fetch_add(1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        // Whatever happens, the watcher ends.
        let casualties = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| kill(site, &mut lots, kills)));
        over.store(true, Ordering::SeqCst);
        watcher.join().unwrap();
        casualties.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    jobs.extend(casualties.made.iter().cloned());
    println!(
        "seed {seed}: {kills} kills, {} of them under a job, {} jobs lost by live workers, {} jobs, over after {:.1?}, budgets looked \
         at {} times",
        casualties.deaths.values().sum::<usize>(),
        casualties.lost.values().sum::<usize>(),
        jobs.len() + poor.len(),
        begun.elapsed(),
        looks.into_inner(),
    );
    let stopped = assert_ended(site, &jobs, &poor, &casualties);
    println!("{stopped} of {POOR} jobs of the poor project were stopped by its budget");
    assert_kept(site);
    // With more money, and by a person, everything ends.
    site.run(&format!("budget set project:{root} 10/ever")).exits(0);
    jobs.extend(poor);
    for job in jobs.iter().filter(|job| site.status(job) != "completed") {
        site.run(&format!("run {job}")).exits(0);
    }
    assert_balanced(site, &server, &jobs, casualties.total());
    site.place.is_whole("after the storm");
}

/// Insists on how the jobs ended: completed; for want of money; or put aside, if three workers died. Returns how many lack money.
#[track_caller]
fn assert_ended(site: &Site, jobs: &[String], poor: &[String], casualties: &Casualties) -> usize {
    let mut stopped = 0;
    for job in jobs.iter().chain(poor) {
        let show = site.show(job);
        match show["status"].as_str().unwrap() {
            "completed" => {}
            "budget_stopped" if poor.contains(job) => stopped += 1,
            "needs_decision" => {
                assert!(show["reason"].as_str().unwrap().contains("workers died"), "{show}");
                assert!(casualties.of(job.parse().unwrap()) >= POISON, "{casualties:?}: {show}");
                println!("job {job} was put aside");
            }
            _ => panic!("{show}"),
        }
    }
    assert!(stopped > 0, "the budget stopped nothing");
    stopped
}

/// Returns the job and the step that a request is for.
fn asked_for(asked: &Asked) -> (String, String) {
    let field = |name: &str| asked.field(name).unwrap_or_else(|| "-".to_owned());
    (field("job"), ["phase", "task", "attempt", "turn"].map(field).join("/"))
}

/// Insists that every call the server knows stands in the journal, and that ledger, journal and budgets agree to the nano-dollar.
#[track_caller]
fn assert_balanced(site: &Site, server: &Server, jobs: &[String], casualties: usize) {
    let asked = server.asked();
    let answered: BTreeSet<usize> = server.answered().into_iter().collect();
    let (mut left, mut bills) = (BTreeMap::new(), BTreeMap::new());
    for asked in &asked {
        *left.entry(asked_for(asked)).or_insert(0usize) += 1;
        *bills.entry(asked_for(asked)).or_insert(0usize) += usize::from(answered.contains(&asked.number));
    }
    let (mut ledger, mut reserved, mut unsettled, mut unsent) = (0, 0, 0, 0);
    for job in jobs {
        let show = site.show(job);
        assert_eq!((&show["status"], &show["revision"]["number"]), (&"completed".into(), &1.into()), "{show}");
        site.place.gapless(job);
        let mut steps: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for call in site.place.journaled(job) {
            steps.entry(call["step"].as_str().unwrap().to_owned()).or_default().push(call);
        }
        assert_eq!(steps.len(), CALLS, "{steps:?}");
        let (mut cost, mut kept) = (0, 0);
        for (step, calls) in steps {
            let key = (job.clone(), step);
            // The last was answered, and nothing was asked again after it; all before it say that they may be billed.
            let (last, before) = calls.split_last().unwrap();
            assert_eq!((&last["state"], &last["cost"]), (&"answered".into(), &CALL.into()), "{key:?}: {calls:?}");
            for call in before {
                assert_eq!(call["state"], "possibly_billed", "{key:?}: {calls:?}");
                assert!(
                    call["reserved"].as_u64().unwrap() >= CALL,
                    "{call}: what is kept covers what it may have cost"
                );
                kept += call["reserved"].as_u64().unwrap();
            }
            let (sent, bill) = (left.remove(&key).unwrap_or_default(), bills.remove(&key).unwrap_or_default());
            assert!((1..=calls.len()).contains(&sent), "{key:?} was asked {sent} times: {calls:?}");
            assert!((1..=calls.len()).contains(&bill), "{key:?} is billed {bill} times: {calls:?}");
            (cost, unsettled, unsent) = (cost + CALL, unsettled + before.len(), unsent + calls.len() - sent);
        }
        assert_eq!((&show["cost_nanousd"], &show["reserved_nanousd"]), (&cost.into(), &kept.into()), "{show}");
        (ledger, reserved) = (ledger + cost, reserved + kept);
    }
    assert_eq!(left, BTreeMap::new(), "calls that no journal knows");
    let bill = answered.len() as u64 * CALL;
    println!(
        "asked {} times; bill {bill}, ledger {ledger}, {unsettled} calls possibly billed, {unsent} of them never sent; {} answers were \
         paid and lost",
        asked.len(),
        (bill - ledger) / CALL,
    );
    assert!((ledger..=ledger + unsettled as u64 * CALL).contains(&bill));
    assert!(unsettled <= casualties, "{unsettled} calls possibly billed, {casualties} workers died or were too slow");
    let sums = &assert_kept(site)[0];
    assert_eq!(sums["budget"]["scope"], "total");
    assert_eq!((&sums["sums"]["spent"], &sums["sums"]["reserved"]), (&ledger.into(), &reserved.into()));
}
