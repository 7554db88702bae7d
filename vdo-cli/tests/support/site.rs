//! A place where workers run: the small project, a provider that counts, and jobs that take three calls each.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::Value;

use super::server::{Asked, Does, Server};
use super::{Place, Ran, Running, finish, story, until};

/// A place whose commands work on one store.
pub(crate) struct Site {
    pub(crate) place: Place,
}

impl Site {
    /// Makes a place with the small project and its provider on a server; more configuration follows.
    pub(crate) fn new(store: Option<String>, server: &Server, more: &str) -> Self {
        let place = Place::on(store);
        place.project("calc");
        place.served(&server.base_url);
        let config = std::fs::read_to_string(place.path("vdo.toml")).unwrap();
        // What is said of the provider belongs into the table that is there.
        let config = match more.strip_prefix("[providers.mock]\n") {
            Some(lines) => config.replace("[providers.mock]\n", &format!("[providers.mock]\n{lines}")),
            None => format!("{config}{more}"),
        };
        place.write("vdo.toml", &config);
        Self { place }
    }

    pub(crate) fn vdo(&self, words: &str) -> Command {
        self.place.vdo(words.split_whitespace())
    }

    pub(crate) fn run(&self, words: &str) -> Ran {
        finish(self.vdo(words))
    }

    /// Starts a worker; every other word is an option of it.
    pub(crate) fn worker(&self, options: &str) -> Running {
        Running::start(self.vdo(&format!("worker --json {options}")))
    }

    /// Makes a job that extends the project; returns its number.
    #[track_caller]
    pub(crate) fn job(&self, options: &str) -> String {
        self.run(&format!("new Notes --repo {} {options}", self.place.text("calc"))).exits(0).line()
    }

    pub(crate) fn show(&self, job: &str) -> Value {
        self.run(&format!("show {job} --json")).exits(0).json()
    }

    pub(crate) fn status(&self, job: &str) -> String {
        self.show(job)["status"].as_str().unwrap().to_owned()
    }

    pub(crate) fn events(&self, job: &str) -> Vec<Value> {
        self.run(&format!("log {job} --json")).exits(0).json_lines()
    }

    /// Returns the calls of a job by state.
    pub(crate) fn calls(&self, job: &str) -> BTreeMap<String, usize> {
        let mut states = BTreeMap::new();
        for call in self.place.journaled(job) {
            *states.entry(call["state"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        states
    }

    #[track_caller]
    pub(crate) fn ends_as(&self, job: &str, status: &str) {
        until(&format!("job {job} is {status}"), || self.status(job) == status);
    }
}

/// Answers for a job that creates one file, named after the job so that jobs can build on each other.
pub(crate) fn notes(asked: &Asked) -> Does {
    let file = format!("notes-{}.txt", asked.field("job").unwrap_or_default());
    Does::Say(match asked.field("phase").as_deref() {
        Some("plan") => story::plan_to_create(&file),
        Some("build") => story::whole(&file, "noted\n"),
        _ => "{\"findings\": []}".to_owned(),
    })
}

/// How many calls such a job takes.
pub(crate) const CALLS: usize = 3;

/// A gate that requests wait at.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub(crate) fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    pub(crate) fn pass(&self) {
        let guard = self.0.0.lock().unwrap();
        drop(self.0.1.wait_timeout_while(guard, Duration::from_secs(100), |open| !*open).unwrap());
    }
}

/// Counts the requests by what they asked for.
pub(crate) fn counts(server: &Server) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for tag in server.tags() {
        *counts.entry(tag).or_insert(0) += 1;
    }
    counts
}

pub(crate) fn told(ran: &Ran, what: &str) -> Vec<Value> {
    ran.json_lines().into_iter().filter(|line| line["worker"] == what).collect()
}
