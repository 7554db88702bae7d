//! What the end-to-end tests share: a place of its own for each test, the `vdo` command in it, a small project,
//! scripted answers, and a server that speaks just enough of the OpenAI protocol to be asked, to count and to misbehave.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "not every test uses everything"
)]

pub(crate) mod server;
pub(crate) mod site;
pub(crate) mod story;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Variables that would lead a test outside of its place, or change what is printed.
const CLEARED: &[&str] = &["NO_COLOR", "VDO_STORE", "VDO_CONFIG", "VDO_LOG", "VDO_CRASH", "GIT_DIR", "GIT_WORK_TREE"];

/// A folder of its own for one test: home, store, project and configuration.
#[derive(Debug)]
pub(crate) struct Place {
    folder: tempfile::TempDir,
    /// The address of its store, if that is not a file in its data folder.
    store: Option<String>,
}

/// What a command that ended said.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Insists on an exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Insists that all of these are said on standard error.
    #[track_caller]
    pub(crate) fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(
                self.stderr.contains(text),
                "{text:?} is not said; stdout:\n{}\nstderr:\n{}",
                self.stdout,
                self.stderr
            );
        }
        self
    }

    /// Insists that there is no data.
    #[track_caller]
    pub(crate) fn prints_nothing(self) -> Self {
        assert_eq!(self.stdout, "", "stderr:\n{}", self.stderr);
        self
    }

    /// Reads standard output as one JSON value.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {:?}\n{}", self.stdout, self.stderr))
    }

    /// Reads standard output as lines of JSON.
    #[track_caller]
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        self.stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}")))
            .collect()
    }

    /// Returns standard output without its line break.
    pub(crate) fn line(&self) -> String {
        self.stdout.trim_end_matches('\n').to_owned()
    }
}

impl Place {
    pub(crate) fn new() -> Self {
        Self::within(tempfile::Builder::new().prefix("vdo-e2e-").tempdir().unwrap())
    }

    /// Makes a place whose commands work on this store.
    pub(crate) fn on(store: Option<String>) -> Self {
        Self { store, ..Self::new() }
    }

    fn within(folder: tempfile::TempDir) -> Self {
        let place = Self { folder, store: None };
        std::fs::create_dir_all(place.path("home")).unwrap();
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        // Canonical, so that what is printed can be compared.
        std::fs::canonicalize(self.folder.path()).unwrap().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.path(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
        file
    }

    /// Puts `command` into this place: its home, its folders, nothing of the caller's VDO.
    pub(crate) fn settle<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        for name in CLEARED {
            command.env_remove(name);
        }
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("VDO_")) {
                command.env_remove(name);
            }
        }
        // The toolchains of the machine are found through these, wherever home is.
        if let Some(home) = std::env::var_os("HOME").map(PathBuf::from) {
            for (name, folder) in [("RUSTUP_HOME", ".rustup"), ("CARGO_HOME", ".cargo")] {
                if std::env::var_os(name).is_none() && home.join(folder).exists() {
                    command.env(name, home.join(folder));
                }
            }
        }
        command
            .env("HOME", self.path("home"))
            .env("XDG_DATA_HOME", self.path("home/data"))
            .env("XDG_CONFIG_HOME", self.path("home/config"))
            .env("XDG_CACHE_HOME", self.path("home/cache"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .current_dir(self.path(""))
            .stdin(Stdio::null())
    }

    /// Returns the `vdo` command in this place, with its store.
    pub(crate) fn vdo<S: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vdo"));
        self.settle(&mut command).args(args);
        if let Some(store) = &self.store {
            command.env("VDO_STORE", store);
        }
        command
    }

    /// Runs `vdo` with words separated by blanks.
    pub(crate) fn run(&self, words: &str) -> Ran {
        finish(self.vdo(words.split_whitespace()))
    }

    /// Runs `vdo` with arguments as they are.
    pub(crate) fn args(&self, args: &[&str]) -> Ran {
        finish(self.vdo(args))
    }

    /// Returns the store's address.
    pub(crate) fn store(&self) -> String {
        self.store.clone().unwrap_or_else(|| format!("sqlite:{}", self.text("home/data/vdo/vdo.db")))
    }

    /// Makes the small project in `name`, a git repository with one commit.
    pub(crate) fn project(&self, name: &str) -> PathBuf {
        for (file, text) in story::FILES {
            self.write(&format!("{name}/{file}"), text);
        }
        self.git(name, &["init", "-q", "-b", "main"]);
        self.git(name, &["add", "-A"]);
        self.git(name, &["commit", "-q", "-m", "A small calculator"]);
        self.path(name)
    }

    /// Runs git in a folder of this place and returns what it printed.
    #[track_caller]
    pub(crate) fn git(&self, folder: &str, args: &[&str]) -> String {
        let mut command = Command::new("git");
        self.settle(&mut command)
            .env("GIT_AUTHOR_DATE", "2026-01-02T03:04:05Z")
            .env("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z")
            .args(["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"])
            .args(args)
            .current_dir(self.path(folder));
        finish(command).exits(0).stdout
    }

    /// Configures one provider that plays `answers`, for every phase.
    pub(crate) fn scripted(&self, answers: &Value) {
        self.write("answers.json", &answers.to_string());
        self.write(
            "vdo.toml",
            "[providers.demo]\nkind = \"scripted\"\nanswers = \"answers.json\"\n[routes]\ndefault = [\"demo:scripted\"]\n\
             [prices.\"demo:scripted\"]\ninput = \"1.00\"\noutput = \"2.00\"\n",
        );
    }

    /// Configures one provider on a server, for every phase.
    pub(crate) fn served(&self, base_url: &str) {
        self.write(
            "vdo.toml",
            &format!(
                "[providers.mock]\nkind = \"openai-chat\"\nbase_url = \"{base_url}\"\ntimeout = 30\n\
                 [routes]\ndefault = [\"mock:model-1\"]\n[prices.\"mock:model-1\"]\ninput = \"1.00\"\noutput = \"2.00\"\n"
            ),
        );
    }

    /// Makes a job that extends the small project; returns its id.
    #[track_caller]
    pub(crate) fn job(&self, repo: &str, title: &str) -> String {
        self.args(&["new", title, "--repo", &self.text(repo)]).exits(0).line()
    }

    /// Returns the calls of a job as the journal has them.
    #[track_caller]
    pub(crate) fn journaled(&self, id: &str) -> Vec<Value> {
        let journal = self.args(&["log", id, "--journal", "--json"]).exits(0).json();
        journal.as_array().unwrap().iter().flat_map(|step| step["calls"].as_array().unwrap().clone()).collect()
    }

    /// Insists that the store is whole, as `vdo doctor` sees it.
    #[track_caller]
    pub(crate) fn is_whole(&self, when: &str) {
        let ran = self.run("doctor --json");
        let findings = ran.json();
        let store: Vec<&Value> =
            findings.as_array().unwrap().iter().filter(|finding| finding["what"] == "store").collect();
        assert_eq!((store.len(), &store[0]["ok"]), (1, &Value::from(true)), "{when}: {store:?}");
    }

    /// Insists that the numbers of a job's events have no gap, and returns the events.
    #[track_caller]
    pub(crate) fn gapless(&self, id: &str) -> Vec<Value> {
        let events = self.args(&["log", id, "--json"]).exits(0).json_lines();
        let numbers: Vec<u64> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
        assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "the events of job {id}");
        events
    }

    /// Returns everything the store says of a job: as it is shown, its events and its journal.
    #[track_caller]
    pub(crate) fn everything(&self, id: &str) -> [Value; 3] {
        let show = self.args(&["show", id, "--json"]).exits(0).json();
        let events = self.args(&["log", id, "--json"]).exits(0).json_lines();
        let journal = self.args(&["log", id, "--journal", "--json"]).exits(0).json();
        [show, Value::from(events), journal]
    }
}

/// Runs a command to its end; at most two minutes.
#[track_caller]
pub(crate) fn finish(mut command: Command) -> Ran {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    Running::of(child).finish()
}

/// A command under way. Killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) child: Child,
    readers: Vec<std::thread::JoinHandle<Vec<u8>>>,
    said: std::sync::Arc<std::sync::Mutex<Vec<u8>>>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        Self::of(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    fn of(mut child: Child) -> Self {
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let said = std::sync::Arc::default();
        Self { child, readers: vec![drain(stdout, &said), drain(stderr, &std::sync::Arc::default())], said }
    }

    /// Sends a signal to the process, and to it alone.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    /// Returns what it has said on standard output so far.
    pub(crate) fn said(&self) -> String {
        String::from_utf8_lossy(&self.said.lock().unwrap()).into_owned()
    }

    /// Waits for the end; at most two minutes.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Ran {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if begun.elapsed() > Duration::from_secs(120) {
                let _ = self.child.kill();
                panic!("the command did not end within two minutes");
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let mut texts =
            self.readers.drain(..).map(|reader| String::from_utf8_lossy(&reader.join().unwrap()).into_owned());
        Ran { code: status.code(), stdout: texts.next().unwrap(), stderr: texts.next().unwrap() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn drain(
    mut from: impl std::io::Read + Send + 'static,
    said: &std::sync::Arc<std::sync::Mutex<Vec<u8>>>,
) -> std::thread::JoinHandle<Vec<u8>> {
    let said = said.clone();
    std::thread::spawn(move || {
        let mut piece = [0; 4096];
        while let Ok(length @ 1..) = from.read(&mut piece) {
            said.lock().unwrap().extend_from_slice(&piece[..length]);
        }
        said.lock().unwrap().clone()
    })
}

/// Numbers that look random and are the same in every run.
#[derive(Debug)]
pub(crate) struct Lots(pub(crate) u64);

impl Lots {
    /// Returns the next number, below `below`.
    pub(crate) fn next(&mut self, below: u64) -> u64 {
        // The constants of Knuth's MMIX.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

/// Runs a command with a text on its standard input.
#[track_caller]
pub(crate) fn finish_with(mut command: Command, input: &[u8]) -> Ran {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    let ran = Running::of(child).finish();
    writer.join().unwrap();
    ran
}

/// Waits for something to become true; at most 60 s.
#[track_caller]
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}: not within 60 s");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Returns the files below a folder with their contents, links as their targets; what git and deploying keep there is left out.
pub(crate) fn tree(folder: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    let mut found = std::collections::BTreeMap::new();
    let mut left = vec![folder.to_path_buf()];
    while let Some(next) = left.pop() {
        let Ok(entries) = std::fs::read_dir(&next) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            if matches!(name.as_str(), ".git" | ".vdo-deploy.json") {
                continue;
            }
            let kind = path.symlink_metadata().unwrap();
            if kind.is_symlink() {
                found.insert(name, std::fs::read_link(&path).unwrap().display().to_string().into_bytes());
            } else if kind.is_dir() {
                left.push(path);
            } else {
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// Replaces what differs from run to run: times, hashes, durations, versions of the machine's tools and folders.
pub(crate) fn redacted(value: &Value) -> Value {
    const VARYING: &[&str] = &[
        "created_at",
        "updated_at",
        "created",
        "at",
        "started",
        "ended",
        "duration_ms",
        "root_hash",
        "tree_hash",
        "request_hash",
        "prompt_hash",
        "owner",
        "output",
        "took_ms",
    ];
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| {
                let varies = VARYING.contains(&key.as_str()) && !value.is_null();
                // The output of a command, not the tokens of a reply.
                let varies = varies && (key != "output" || value.is_string());
                (key.clone(), if varies { Value::from(format!("[{key}]")) } else { redacted(value) })
            })
            .collect(),
        Value::Array(items) => items.iter().map(redacted).collect(),
        other => other.clone(),
    }
}
