//! The cases, for a store at any address.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::server::{Does, Server};
use crate::support::site::{CALLS, Gate, Site, counts, notes, told};
use crate::support::{Ran, Running, finish, until};

pub(crate) fn each_job_once(store: Option<String>) {
    let server = Server::start(notes);
    let site = Site::new(store, &server, "");
    let first: Vec<String> = (0..3).map(|_| site.job("")).collect();
    let workers: Vec<Running> = (0..3).map(|_| site.worker("--concurrency 2 --until-idle")).collect();
    // Some come while they work.
    let later: Vec<String> = (0..3).map(|_| site.job("")).collect();
    let ended: Vec<Ran> = workers.into_iter().map(|worker| worker.finish().exits(0)).collect();
    // A worker that found nothing to do may have left before they came.
    site.run("worker --until-idle").exits(0);
    for job in first.iter().chain(&later) {
        let show = site.show(job);
        assert_eq!((&show["status"], &show["revision"]["number"]), (&"completed".into(), &1.into()), "{show}");
        let events = site.events(job);
        let started = events.iter().filter(|event| event.to_string().contains("\"started\"")).count();
        assert_eq!(started, 1, "job {job} is begun once: {events:#?}");
    }
    assert_eq!(server.asked().len(), 6 * CALLS);
    assert!(counts(&server).values().all(|count| *count == 1), "{:?}", counts(&server));
    let finished: usize = ended.iter().map(|ran| told(ran, "finished").len()).sum();
    assert!(finished >= 3, "{finished}");
    site.place.git("calc", &["fsck", "--strict"]);
}

/// Kills a worker at its second call; another has to send it again within `bound`, which allows for a busy machine.
pub(crate) fn killed(store: Option<String>, lease: &str, bound: Duration) {
    let server = Server::start(|asked| if asked.number == 2 { Does::Hold } else { notes(asked) });
    let site = Site::new(store, &server, "");
    let job = site.job("");
    let first = site.worker(lease);
    server.wait_for(2);
    let second = site.worker(lease);
    first.signal("KILL");
    let killed = Instant::now();
    assert_eq!(first.finish().code, None);
    server.wait_for(3);
    let took = killed.elapsed();
    eprintln!("taken over after {took:?}");
    assert!(took < bound, "taken over after {took:?}");
    site.ends_as(&job, "completed");
    second.signal("TERM");
    second.finish().exits(0);
    let tags = server.tags();
    assert_eq!(tags.len(), CALLS + 1);
    assert_eq!(tags[1], tags[2], "only the call in flight is repeated");
    assert_eq!(site.calls(&job), BTreeMap::from([("answered".to_owned(), CALLS), ("possibly_billed".to_owned(), 1)]));
}

pub(crate) fn zombie(store: Option<String>) {
    let gate = Gate::default();
    let held = gate.clone();
    let server = Server::start(move |asked| {
        if asked.number == 2 {
            held.pass();
        }
        notes(asked)
    });
    let site = Site::new(store, &server, "");
    let job = site.job("");
    let zombie = site.worker("--lease 2 --until-idle");
    server.wait_for(2);
    zombie.signal("STOP");
    site.run("worker --lease 2 --until-idle").exits(0);
    let before = site.place.everything(&job);
    assert_eq!(before[0]["status"], "completed");
    // What it waited for comes now, and it wakes up.
    gate.open();
    zombie.signal("CONT");
    let ran = zombie.finish().exits(0);
    assert_eq!(told(&ran, "lost").len(), 1, "{}", ran.stdout);
    assert_eq!(
        site.place.everything(&job),
        before,
        "none of its writes was accepted: job, events, steps and calls are as they were"
    );
    assert_eq!(site.calls(&job), BTreeMap::from([("answered".to_owned(), CALLS), ("possibly_billed".to_owned(), 1)]));
    assert_eq!(before[0]["revision"]["number"], 1);
    // Two owners began it, one after the other; nothing of the first stands behind the second's beginning.
    let epochs = |key: &str| -> Vec<Value> {
        site.place
            .gapless(&job)
            .into_iter()
            .filter(|event| event["kind"] == "started")
            .map(|event| event[key].clone())
            .collect()
    };
    assert_eq!(epochs("epoch"), [Value::from(1), Value::from(2)]);
    assert_ne!(epochs("owner")[0], epochs("owner")[1]);
    assert_eq!(server.asked().len(), CALLS + 1, "it paid nothing more");
    site.place.is_whole("after the zombie");
}

pub(crate) fn poison(store: Option<String>) {
    let deadly = Arc::new(AtomicBool::new(true));
    let rule = deadly.clone();
    let server = Server::start(move |asked| if rule.load(Ordering::SeqCst) { Does::Hold } else { notes(asked) });
    let site = Site::new(store, &server, "");
    let job = site.job("");
    for death in 1..=3 {
        let worker = site.worker("--lease 2");
        server.wait_for(death);
        worker.signal("KILL");
        assert_eq!(worker.finish().code, None);
    }
    site.run("worker --lease 2 --until-idle").exits(0);
    assert_eq!(server.asked().len(), 3, "it is not run a fourth time");
    let show = site.show(&job);
    assert_eq!(show["status"], "needs_decision");
    assert!(show["reason"].as_str().unwrap().contains("3 workers died"), "{show}");
    assert_eq!(site.calls(&job), BTreeMap::from([("possibly_billed".to_owned(), 3)]));
    deadly.store(false, Ordering::SeqCst);
    site.run("worker --lease 2 --until-idle").exits(0);
    assert_eq!(site.status(&job), "needs_decision", "no worker takes it up by itself");
    site.run(&format!("run {job}")).exits(0);
    assert_eq!(site.status(&job), "completed");
}

pub(crate) fn drain(store: Option<String>) {
    let gate = Gate::default();
    let held = gate.clone();
    let server = Server::start(move |asked| {
        if asked.number == 2 {
            held.pass();
        }
        notes(asked)
    });
    let site = Site::new(store, &server, "");
    let (one, two) = (site.job(""), site.job(""));
    let worker = site.worker("--drain 100");
    server.wait_for(2);
    worker.signal("TERM");
    gate.open();
    let ran = worker.finish().exits(0);
    assert_eq!(told(&ran, "draining").len(), 1);
    assert_eq!((site.status(&one), site.status(&two)), ("completed".to_owned(), "queued".to_owned()));
    assert_eq!(server.asked().len(), CALLS);
}

pub(crate) fn given_back(store: Option<String>) {
    let server = Server::start(|asked| if asked.number == 2 { Does::Hold } else { notes(asked) });
    let site = Site::new(store, &server, "");
    let job = site.job("");
    let worker = site.worker("--drain 0 --lease 600");
    server.wait_for(2);
    worker.signal("TERM");
    let ran = worker.finish().exits(0);
    assert_eq!(told(&ran, "gave_back").len(), 1, "{}", ran.stdout);
    // Its lease would have lasted ten minutes.
    site.run("worker --until-idle").exits(0);
    assert_eq!(site.status(&job), "completed");
    let tags = server.tags();
    assert_eq!((tags.len(), &tags[1]), (CALLS + 1, &tags[2]));
    // A second signal ends at once, too.
    let other = Server::start(|_| Does::Hold);
    let site = Site::new(None, &other, "");
    site.job("");
    let worker = site.worker("--drain 600");
    other.wait_for(1);
    worker.signal("TERM");
    until("the first signal is seen", || worker.said().contains("draining"));
    worker.signal("TERM");
    assert_eq!(told(&worker.finish().exits(0), "gave_back").len(), 1);
}

/// Returns whether a process with this in its command line is there.
fn is_running(text: &str) -> bool {
    let Ok(entries) = std::fs::read_dir("/proc") else { return false };
    let lines = entries.flatten().filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.into_iter().any(|line| String::from_utf8_lossy(&line).replace('\0', " ").contains(text))
}

pub(crate) fn cancelled(store: Option<String>) {
    let server = Server::start(|asked| {
        let job = asked.field("job").unwrap_or_default();
        if job == "2" { Does::Hold } else { notes(asked) }
    });
    let site = Site::new(store, &server, "");
    // Nothing else on the machine sleeps for just that long.
    let nap = format!("sleep {}", 100_000 + std::process::id());
    let calling = site.job("");
    assert_eq!(calling, "2");
    let mut checking = site.vdo("new Nap");
    checking.args(["--repo", &site.place.text("calc"), "--check", &nap]);
    let checking = finish(checking).exits(0).line();
    let worker = site.worker("--concurrency 2");
    server.wait_for(1);
    until("the check runs", || is_running(&nap));
    for job in [&calling, &checking] {
        site.run(&format!("cancel {job}")).exits(0);
        let asked = Instant::now();
        site.ends_as(job, "cancelled");
        let took = asked.elapsed();
        eprintln!("cancelled after {took:?}");
        assert!(took < Duration::from_secs(5), "cancelled after {took:?}");
    }
    until("the sandbox is dead", || !is_running(&nap));
    worker.signal("TERM");
    worker.finish().exits(0);
}

pub(crate) fn priorities(store: Option<String>) {
    let server = Server::start(notes);
    let site = Site::new(store, &server, "");
    let jobs: Vec<String> =
        ["", "--priority -5", "--priority 5", ""].into_iter().map(|options| site.job(options)).collect();
    site.run("worker --until-idle").exits(0);
    let mut order: Vec<String> = Vec::new();
    for asked in server.asked() {
        let job = asked.field("job").unwrap();
        if order.last() != Some(&job) {
            order.push(job);
        }
    }
    assert_eq!(order, [&jobs[2], &jobs[0], &jobs[3], &jobs[1]].map(Clone::clone));
}

pub(crate) fn retried(store: Option<String>) {
    let is_down = Arc::new(AtomicBool::new(true));
    let rule = is_down.clone();
    let server = Server::start(move |asked| {
        if rule.load(Ordering::SeqCst) && asked.number > 1 {
            return Does::Status(401, String::new(), "{\"error\":{\"message\":\"no\"}}".to_owned());
        }
        notes(asked)
    });
    let site = Site::new(store, &server, "[retries]\nfatal = 2\nfirst_seconds = 3600\n");
    let job = site.job("");
    let worker = site.worker("");
    until("it is put off", || worker.said().contains("\"status\":\"queued\""));
    worker.signal("TERM");
    worker.finish().exits(0);
    let show = site.show(&job);
    assert_eq!(show["status"], "queued");
    assert!(show["reason"].as_str().unwrap().contains("fatal, 1 of 2"), "{show}");
    let not_before = show["retries"]["not_before"].as_i64().unwrap();
    let asked = server.asked().len();
    is_down.store(false, Ordering::SeqCst);
    // Another worker keeps away from it; a person need not.
    let worker = site.worker("");
    let other = site.job("");
    site.ends_as(&other, "completed");
    worker.signal("TERM");
    worker.finish().exits(0);
    assert_eq!(site.show(&job)["retries"]["not_before"], not_before);
    let own = || server.asked().iter().filter(|asked| asked.field("job").as_deref() == Some(&job)).count();
    assert_eq!(own(), asked, "nothing of it was asked before its time");
    site.run(&format!("run {job}")).exits(0);
    assert_eq!(own(), asked + CALLS - 1, "what was answered before is not asked again");

    // A shorter wait is waited for.
    let rounds = Arc::new(AtomicBool::new(false));
    let seen = rounds.clone();
    let server = Server::start(move |asked| {
        if asked.number == 1 {
            return Does::Status(401, String::new(), "{\"error\":{\"message\":\"no\"}}".to_owned());
        }
        seen.store(true, Ordering::SeqCst);
        notes(asked)
    });
    let site = Site::new(None, &server, "[retries]\nfatal = 1\nfirst_seconds = 1\n");
    let job = site.job("");
    site.run("worker --until-idle").exits(0);
    assert!(rounds.load(Ordering::SeqCst));
    assert_eq!(site.status(&job), "completed");
}

pub(crate) fn children(store: Option<String>) {
    let server = Server::start(notes);
    let site = Site::new(store, &server, "");
    let parent = site.job("");
    let mut waiting = BTreeSet::new();
    let mut last = parent.clone();
    for _ in 0..2 {
        last = site.run(&format!("new Child --extends {last}")).exits(0).line();
        waiting.insert(last.clone());
    }
    site.run("worker --concurrency 3 --until-idle").exits(0);
    for job in waiting.iter().chain([&parent]) {
        assert_eq!(site.status(job), "completed");
    }
    let files = site.run(&format!("files {last} --json")).exits(0).json();
    let count =
        files.as_array().unwrap().iter().filter(|file| file["filename"].as_str().unwrap().starts_with("notes-"));
    assert_eq!(count.count(), 3);
}

pub(crate) fn paced(store: Option<String>) {
    let now = Arc::new(Mutex::new((0u32, 0u32)));
    let seen = now.clone();
    let server = Server::start(move |asked| {
        {
            let mut seen = seen.lock().unwrap();
            seen.0 += 1;
            seen.1 = seen.1.max(seen.0);
        }
        // Long enough for others to come meanwhile, if anything let them.
        std::thread::sleep(Duration::from_millis(150));
        seen.lock().unwrap().0 -= 1;
        notes(asked)
    });
    let site = Site::new(store, &server, "[providers.mock]\nmax_concurrent = 1\n");
    let jobs: Vec<String> = (0..4).map(|_| site.job("")).collect();
    let workers: Vec<Running> = (0..2).map(|_| site.worker("--concurrency 2 --until-idle")).collect();
    for worker in workers {
        worker.finish().exits(0);
    }
    for job in &jobs {
        assert_eq!(site.status(job), "completed");
    }
    assert_eq!(server.asked().len(), 4 * CALLS);
    assert_eq!(now.lock().unwrap().1, 1, "never two calls at once");
}

pub(crate) fn place_of_the_dead(store: Option<String>) {
    let server = Server::start(|asked| if asked.number == 1 { Does::Hold } else { notes(asked) });
    let site = Site::new(store, &server, "[providers.mock]\nmax_concurrent = 1\n");
    let (one, two) = (site.job(""), site.job(""));
    let dead = site.worker("--lease 2");
    server.wait_for(1);
    dead.signal("KILL");
    assert_eq!(dead.finish().code, None);
    site.run("worker --lease 2 --concurrency 2 --until-idle").exits(0);
    assert_eq!((site.status(&one), site.status(&two)), ("completed".to_owned(), "completed".to_owned()));
    assert_eq!(server.asked().len(), 2 * CALLS + 1);
}
