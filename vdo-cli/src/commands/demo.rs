//! `vdo demo`: the main job, and two that grow out of it side by side and are merged, offline. The model's answers are scripted; the store, the sandbox, the tests, git, the
//! deployment and the application that answers at the end are real.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use vdo_core::check::Tier;
use vdo_core::engine::{Engine, Observer};
use vdo_core::event::EventKind;
use vdo_core::file::FileRow;
use vdo_core::id::{JobId, RevisionRef};
use vdo_core::job::{Job, JobSpec, JobStatus};
use vdo_core::testing::scripted::{Answers, ScriptedProvider};
use vdo_workspace::deploy::DirDeployer;

use crate::app::{App, checker, demo_routes};
use crate::args;
use crate::fail::Fail;
use crate::story;

/// The application that the jobs extend.
const FILES: &[(&str, &str)] = &[
    ("AGENTS.md", include_str!("../../demo/app/AGENTS.md")),
    ("README.md", include_str!("../../demo/app/README.md")),
    ("app.py", include_str!("../../demo/app/app.py")),
    ("catalog.py", include_str!("../../demo/app/catalog.py")),
    ("templates/base.html", include_str!("../../demo/app/templates/base.html")),
    ("tests/__init__.py", include_str!("../../demo/app/tests/__init__.py")),
    ("tests/test_app.py", include_str!("../../demo/app/tests/test_app.py")),
    ("tests/test_catalog.py", include_str!("../../demo/app/tests/test_catalog.py")),
];
const ANSWERS: &str = include_str!("../../demo/answers.json");

/// Runs the demo and tells what happens.
pub(crate) async fn demo(app: &App, args: &args::Demo) -> Result<(), Fail> {
    let begun = Instant::now();
    let place = workplace(args.dir.as_deref())?;
    let repo = place.join("bookshelf");
    found(&repo)?;
    let say = |text: String| app.out.line(text);
    say("VDO demo: a job is planned, built, tested, repaired, reviewed, sandboxed and delivered on real code."
        .to_owned())?;
    say("The model's answers are scripted; everything else is real. Nothing leaves this machine.\n".to_owned())?;
    let (checker, tier) = best_checker(app).await?;
    let told = Told::default();
    let store_file = place.join("vdo.db");
    let engine = engine(app, &store_file, checker, told.observer(app.out)).await?;

    let import = super::new::import(app, &engine, &repo).await?;
    say(format!(
        "job {import}  imports {} ({} files, a git repository with its own tests)",
        repo.display(),
        FILES.len()
    ))?;
    let search = work(app, &engine, JobSpec::new(
        "Add a search page",
        "Readers want to find books by title or author. Add a page with a form, link it in the navigation, and test it.",
    ), import).await?;
    let target = place.join("deployed");
    engine.deploy(RevisionRef::head(search.id), &DirDeployer::new(&target)).await?;
    say(story::entry("deploy", &format!("{} — started, and asked over HTTP:", target.display())))?;
    let answer = ask_deployed(&target, "/search?q=herbert")?;
    say(story::entry("http", &format!("GET /search?q=herbert -> {answer}")))?;

    say(String::new())?;
    let json = work(
        app,
        &engine,
        JobSpec::new(
            "Serve the books as JSON",
            "Programs want the books too. Serve all of them, or those that match a query, at /api/books.",
        ),
        search.id,
    )
    .await?;
    say(String::new())?;
    let authors = work(
        app,
        &engine,
        JobSpec::new(
            "List the authors",
            "Readers want to know who is on the shelf. List every author once, at /authors, and link the page.",
        ),
        search.id,
    )
    .await?;

    say(String::new())?;
    let merged = merge(app, &engine, &json, &authors, &repo).await?;
    let target = place.join("deployed-2");
    engine.deploy(RevisionRef::head(merged.id), &DirDeployer::new(&target)).await?;
    for path in ["/api/books?q=dune", "/authors"] {
        let answer = ask_deployed(&target, path)?;
        say(story::entry("http", &format!("GET {path} -> {answer}")))?;
    }
    let rows = engine.files(RevisionRef::head(merged.id)).await?;
    for source in ["modified", "inherited"] {
        say(story::entry(source, &names(&rows, source)))?;
    }

    let usage = import_usage(&[&search, &json, &authors, &merged]);
    let cost = vdo_core::money::NanoUsd(search.cost.0 + json.cost.0 + authors.cost.0 + merged.cost.0);
    say(story::entry("spent", &format!("{} for all jobs, at made-up prices", story::spent(&usage, cost))))?;
    say(story::entry("sandbox", &tier_text(tier)))?;
    say(story::entry("took", &format!("{:.1} s", begun.elapsed().as_secs_f64())))?;
    say(story::entry("look", &format!("git -C {} log --graph --oneline --all", repo.display())))?;
    let store = format!("vdo --store sqlite:{}", store_file.display());
    for (command, job) in [("log", &search), ("lineage", &merged)] {
        say(story::entry("", &format!("{store} {command} {}", job.id.number())))?;
    }
    Ok(())
}

/// Returns the names of the files with this source; those of other jobs with the job.
fn names(rows: &[FileRow], source: &str) -> String {
    let name = |row: &FileRow| match row.from_job {
        Some(job) => format!("{}({job})", row.filename),
        None => row.filename.to_string(),
    };
    rows.iter().filter(|row| row.source == source).map(name).collect::<Vec<_>>().join(" ")
}

/// Makes a job that merges two others, runs it, and insists that it is completed.
async fn merge(app: &App, engine: &Engine, one: &Job, other: &Job, repo: &Path) -> Result<Job, Fail> {
    if let (Some(ours), Some(theirs)) = (&one.branch, &other.branch) {
        let paths = git_refuses(repo, ours, theirs);
        if !paths.is_empty() {
            app.out
                .line(story::entry("git", &format!("would leave both branches in conflict in {}", paths.join(", "))))?;
        }
    }
    let mut spec = JobSpec::new("Bring both together", "");
    spec.parents = [one, other].map(|job| RevisionRef::head(job.id)).to_vec();
    let id = engine.create(spec).await?;
    app.out.line(format!("job {id}  Bring both together (merges {} and {})", one.id, other.id))?;
    finish(app, engine, id).await
}

/// Returns the paths that git, if it is there, would leave in conflict if it merged two branches.
fn git_refuses(repo: &Path, ours: &str, theirs: &str) -> Vec<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(repo)
        .args(["merge-tree", "--write-tree", "--name-only", "--no-messages", ours, theirs])
        .stdin(Stdio::null())
        .output();
    match output {
        Ok(output) if output.status.code() == Some(1) => {
            String::from_utf8_lossy(&output.stdout).lines().skip(1).map(str::to_owned).collect()
        }
        Ok(_) | Err(_) => Vec::new(),
    }
}

fn tier_text(tier: Tier) -> String {
    match tier {
        Tier::T2 => "T2: own namespaces, file system, user and limits; no network".to_owned(),
        lower => format!("{lower} only; install bubblewrap for T2 (sudo apt-get install -y bubblewrap)"),
    }
}

fn import_usage(jobs: &[&Job]) -> vdo_core::usage::Usage {
    jobs.iter().fold(vdo_core::usage::Usage::default(), |sum, job| sum.plus(&job.usage))
}

/// Makes a job that extends another, runs it, and insists that it is completed.
async fn work(app: &App, engine: &Engine, spec: JobSpec, parent: JobId) -> Result<Job, Fail> {
    let title = spec.title.clone();
    let id = engine.create(spec.with_parent(RevisionRef::head(parent))).await?;
    app.out.line(format!("job {id}  {title} (extends {parent})"))?;
    finish(app, engine, id).await
}

/// Runs a job and insists that it is completed.
async fn finish(app: &App, engine: &Engine, id: JobId) -> Result<Job, Fail> {
    let job = super::run::drive(engine, id).await?;
    if job.status != JobStatus::Completed {
        super::run::verdict(engine, &job).await?;
        return Err(Fail::failed(format!("job {id} is {}", job.status)));
    }
    app.out.line(story::entry("completed", &story::spent(&job.usage, job.cost)))?;
    Ok(job)
}

async fn engine(
    app: &App,
    store: &Path,
    checker: vdo_workspace::check::SandboxChecker,
    observer: Observer,
) -> Result<Engine, Fail> {
    let answers: Answers = serde_json::from_str(ANSWERS)
        .map_err(|error| Fail::failed(format!("the demo's answers are damaged: {error}")))?;
    let (routes, prices) = demo_routes()?;
    let builder = app.bare(&format!("sqlite:{}", store.display())).await?;
    Ok(builder
        .checker(Arc::new(checker))
        .provider(Arc::new(ScriptedProvider::new("author", answers.clone())))
        .provider(Arc::new(ScriptedProvider::new("critic", answers)))
        .routes(routes)
        .prices(prices)
        .observer(observer)
        .build())
}

/// Returns the best confinement there is here, saying so if it is not the one that is required elsewhere.
async fn best_checker(app: &App) -> Result<(vdo_workspace::check::SandboxChecker, Tier), Fail> {
    let mut refusal = String::new();
    for tier in [Tier::T2, Tier::T1] {
        let checker = checker(tier, None).await?;
        match checker.probe().await {
            Ok(()) => {
                if tier != Tier::T2 {
                    app.out.line(format!("The sandbox runs at {tier} only: {}\n", story::plain(&refusal, 300)))?;
                }
                return Ok((checker, tier));
            }
            Err(error) => refusal = crate::fail::chain(&error),
        }
    }
    Err(Fail::failed(format!("no sandbox works here: {refusal}")))
}

/// What has been told, so that a story stays short.
#[derive(Default, Clone)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    fn observer(&self, out: crate::out::Out) -> Observer {
        let told = self.clone();
        Arc::new(move |event| {
            let Some(line) = told.line(&event.kind) else { return };
            let _ = out.line(line);
        })
    }

    fn line(&self, event: &EventKind) -> Option<String> {
        match event {
            // Files are told per task, on one line.
            EventKind::Edited { path, .. } => {
                self.0.lock().unwrap_or_else(PoisonError::into_inner).push(path.to_string());
                None
            }
            EventKind::TaskDone { task } => Some(story::entry(&format!("build {task}"), &self.take())),
            EventKind::Phase { .. } => {
                let paths = self.take();
                (!paths.is_empty()).then(|| story::entry("repair", &paths))
            }
            // The line of the job, or of what is asked over HTTP, says it already.
            EventKind::Status { status: JobStatus::Completed, .. } | EventKind::Loaded { .. } => None,
            EventKind::Delivered { how, .. } if how == "dir" => None,
            other => story::line(other),
        }
    }

    fn take(&self) -> String {
        let paths = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if paths.is_empty() { String::new() } else { format!("edited {}", paths.join(" ")) }
    }
}

/// Returns the folder to work in: the one named, which must be new or empty, or a new one.
fn workplace(named: Option<&Path>) -> Result<PathBuf, Fail> {
    let folder = match named {
        Some(folder) => folder.to_path_buf(),
        None => {
            let base = std::env::temp_dir();
            (1u32..10_000)
                .map(|number| base.join(format!("vdo-demo-{number}")))
                .find(|folder| !folder.exists())
                .ok_or_else(|| Fail::failed(format!("{} is full of old demos; remove some", base.display())))?
        }
    };
    std::fs::create_dir_all(&folder)?;
    if std::fs::read_dir(&folder)?.next().is_some() {
        return Err(Fail::usage(format!("{} is not empty; name a new folder with --dir", folder.display())));
    }
    Ok(std::fs::canonicalize(folder)?)
}

/// Writes the application into a new git repository and commits it.
fn found(repo: &Path) -> Result<(), Fail> {
    for (name, text) in FILES {
        let file = repo.join(name);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(file, text)?;
    }
    vdo_workspace::git::found(repo, "A small bookshelf").map_err(|error| Fail::failed(crate::fail::chain(&error)))
}

/// A deployed application that ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the application in a folder and asks it once; returns the status and the part of the answer that matters.
fn ask_deployed(folder: &Path, path: &str) -> Result<String, Fail> {
    let child = Command::new("python3")
        .args(["app.py", "0"])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| {
            Fail::failed(format!("python3 cannot be started, which the demo's application needs: {error}"))
        })?;
    let mut running = Running(child);
    let mut line = String::new();
    if let Some(output) = running.0.stdout.take() {
        BufReader::new(output).read_line(&mut line)?;
    }
    let port: u16 = line.trim().parse().map_err(|_| Fail::failed("the deployed application did not start"))?;
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(100_000).read_to_string(&mut answer)?;
    let status: String = answer.lines().next().unwrap_or_default().split(' ').skip(1).collect::<Vec<_>>().join(" ");
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let part = body.split_once("<ul>").and_then(|(_, rest)| rest.split_once("</ul>")).map_or(body, |(list, _)| list);
    if !status.starts_with("200") {
        return Err(Fail::failed(format!("the deployed application answered {status}")));
    }
    Ok(format!("{status}: {}", story::plain(part, 120)))
}
