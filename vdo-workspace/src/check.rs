//! Runs a project's check commands in the sandbox: the `Checker` port.
//!
//! Every request lays its tree out anew, so that nothing a command left behind reaches the next request.
//! What a project needs installed is prepared once per contents of the files that decide it, and only read afterwards.
//! Invariant: a report is stamped with the tier its commands really ran in.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;
use vdo_core::check::{
    CheckCommand, CheckReport, CommandOutcome, CommandSource, Exit, Harvested, Runner, Setup, TestResult, TestStatus,
};
use vdo_core::content::{Bytes, Mode};
use vdo_core::path::RepoPath;
use vdo_core::port::{CheckError, CheckRequest, Checked, Checker, SourceError, TreeSource};

use crate::detect::{JSON_REPORT, JUNIT_REPORT};
use crate::folder::{MaterialiseError, materialise};
use crate::results;
use crate::sandbox::{
    Deps, IndexSettings, Invocation, Limits, Net, Require, RunReport, Sandbox, SandboxError, Tier, Toolchains,
};

/// The largest results file that is read.
const MAX_JUNIT: u64 = 16 * 1024 * 1024;
/// The most failed tests for which a command is run again.
const MAX_FAILED_AGAIN: usize = 20;

/// A checker that confines what it runs.
#[derive(Debug)]
pub struct SandboxChecker {
    sandbox: Sandbox,
    require: Require,
    toolchains: Toolchains,
    index: IndexSettings,
    /// Prepared dependencies by key.
    deps: PathBuf,
    limits: Limits,
    /// Where trees are laid out; none is the system's folder for temporary files.
    trees: Option<PathBuf>,
    preparing: Mutex<()>,
}

impl SandboxChecker {
    /// Returns a checker that runs commands in exactly the tier required, and keeps prepared dependencies in `deps`.
    pub fn new(sandbox: Sandbox, require: Require, deps: impl Into<PathBuf>) -> Self {
        Self {
            sandbox,
            require,
            toolchains: Toolchains::default(),
            index: IndexSettings::default(),
            deps: deps.into(),
            limits: Limits::default(),
            trees: None,
            preparing: Mutex::new(()),
        }
    }

    /// Sets the toolchains from outside `/usr`. Default: none.
    #[must_use]
    pub fn with_toolchains(mut self, toolchains: Toolchains) -> Self {
        self.toolchains = toolchains;
        self
    }

    /// Sets the package index settings that preparing uses. Default: none.
    #[must_use]
    pub fn with_index(mut self, index: IndexSettings) -> Self {
        self.index = index;
        self
    }

    /// Sets the limits; the time of a command comes with the request.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the folder that trees are laid out in, each in a folder of its own that is removed afterwards. Default: the system's
    /// for temporary files. One in memory spares the file system thousands of files a minute; in T0 what commands write lies
    /// there too, and must fit. A check fails with an I/O error if the folder is not there.
    #[must_use]
    pub fn with_trees(mut self, folder: impl Into<PathBuf>) -> Self {
        self.trees = Some(folder.into());
        self
    }

    /// Finds out whether the required tier holds here.
    ///
    /// # Errors
    /// [`SandboxError::Unavailable`] says what is missing.
    pub async fn probe(&self) -> Result<(), SandboxError> {
        self.sandbox.probe(self.require.tier()).await.map(|_| ())
    }

    /// Unconfined commands work on the tree laid out for them; it is thrown away like a copy would be.
    fn in_place(&self) -> bool {
        self.require.tier() == Tier::T0
    }

    /// Makes a folder that is removed when the value goes.
    fn folder(&self, prefix: &str) -> std::io::Result<tempfile::TempDir> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(prefix);
        match &self.trees {
            Some(trees) => builder.tempdir_in(trees),
            None => builder.tempdir(),
        }
    }

    fn invocation(&self, command: &str, work: &Path, time: Duration) -> Invocation {
        let invocation = Invocation::new(["/bin/sh", "-c", command]);
        let invocation = if self.in_place() { invocation.in_place() } else { invocation };
        invocation
            .with_work(work)
            .with_limits(self.limits.clone().with_time(time))
            .with_toolchains(self.toolchains.clone())
            .with_tier(self.require.clone())
            .with_env("CI", "1")
            .with_env("PYTHONDONTWRITEBYTECODE", "1")
    }

    /// Runs one command on the tree that was laid out; returns what it left behind, too.
    async fn run_once(
        &self,
        command: &CheckCommand,
        request: &CheckRequest<'_>,
        work: &Path,
        deps: Option<&PathBuf>,
        time: Duration,
    ) -> Result<(CommandOutcome, Vec<Harvested>), CheckError> {
        let mut invocation = self.invocation(&command.run, work, time);
        if let Some(dir) = deps {
            invocation = invocation.with_deps(Deps::Read { dir: dir.clone() });
        }
        // A report that lies in the tree is nobody's evidence.
        for name in [JUNIT_REPORT, JSON_REPORT] {
            match fs::remove_file(work.join(name)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        let report = report_file(command);
        let harvest = match (report.is_some() || !request.harvest.is_empty()) && !self.in_place() {
            true => Some(self.folder("vdo-harvest-")?),
            false => None,
        };
        if let Some(harvest) = &harvest {
            invocation = invocation.with_harvest(harvest.path());
        }
        let ran = self.sandbox.run(invocation).await.map_err(refused)?;
        let left = harvest.as_ref().map_or(work, tempfile::TempDir::path);
        let report = report.and_then(|name| read(&left.join(name)));
        let files = request.harvest.iter().filter_map(|path| harvested(left, path)).collect();
        Ok((outcome(command, &ran, report.as_deref()), files))
    }

    /// Installs what the project needs, unless it lies there already. The inner error is the outcome of a setup that failed.
    async fn prepare(
        &self,
        setup: &[Setup],
        source: &dyn TreeSource,
        work: &Path,
        time: Duration,
    ) -> Result<Result<Option<PathBuf>, CommandOutcome>, CheckError> {
        if setup.is_empty() {
            return Ok(Ok(None));
        }
        if self.require.tier() < Tier::T2 {
            return Err(CheckError::Unavailable {
                reason: format!(
                    "the project needs dependencies, which are installed in T2 only, and {} was asked for",
                    self.require.tier()
                ),
                advice: "use tier T2".to_owned(),
            });
        }
        let command = setup.iter().map(|setup| format!("( {} )", setup.run)).collect::<Vec<_>>().join(" && ");
        let dir = self.deps.join(key(setup, source, &self.toolchains).await?);
        // One preparation at a time in this process; another process makes the folder appear whole or not at all.
        let _turn = self.preparing.lock().await;
        if dir.is_dir() {
            return Ok(Ok(Some(dir)));
        }
        let invocation = self
            .invocation(&command, work, time)
            .with_net(Net::Prepare { allow: self.index.hosts() })
            .with_index(self.index.clone())
            .with_deps(Deps::Write { dir: dir.clone() });
        match self.sandbox.run(invocation).await {
            Ok(report) if report.exit.is_success() => Ok(Ok(Some(dir))),
            // Another process was faster.
            _ if dir.is_dir() => Ok(Ok(Some(dir))),
            Ok(report) => {
                let command = CheckCommand { run: command, source: CommandSource::Detected, runner: Runner::Other };
                Ok(Err(outcome(&command, &report, None)))
            }
            Err(error) => Err(refused(error)),
        }
    }
}

#[async_trait]
impl Checker for SandboxChecker {
    fn tier(&self) -> Option<Tier> {
        Some(self.require.tier())
    }

    async fn check(&self, request: CheckRequest<'_>) -> Result<Checked, CheckError> {
        if !self.in_place() {
            self.probe().await.map_err(refused)?;
        }
        let work = self.folder("vdo-check-")?;
        fs::set_permissions(work.path(), fs::Permissions::from_mode(0o755))?;
        materialise(request.source, work.path()).await.map_err(unlaid)?;
        let mut report = CheckReport {
            tier: self.require.tier(),
            tree_hash: request.source.tree().root_hash(),
            outcomes: Vec::new(),
            setup_failed: None,
        };
        let mut files = Vec::new();
        let deps = match self.prepare(request.setup, request.source, work.path(), request.timeout).await? {
            Ok(deps) => deps,
            Err(failed) => {
                report.setup_failed = Some(failed);
                return Ok(Checked { report, files });
            }
        };
        for command in request.commands {
            let first = self.run_once(command, &request, work.path(), deps.as_ref(), request.timeout).await?;
            let (mut outcome, mut left) = first;
            if let Some(time) = time_for_another(&outcome, request.timeout) {
                let (again, left_again) = self.run_once(command, &request, work.path(), deps.as_ref(), time).await?;
                outcome = joined(outcome, &again);
                left = left_again;
            }
            files.extend(left);
            let stops = command.source == CommandSource::Language && !outcome.passed();
            report.outcomes.push(outcome);
            if stops {
                // What does not compile needs no tests to be known to be broken.
                break;
            }
        }
        Ok(Checked { report, files })
    }
}

/// Names what preparing makes: the commands, the contents of the files that decide it, and the tools it is made with.
async fn key(setup: &[Setup], source: &dyn TreeSource, tools: &Toolchains) -> Result<String, SourceError> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(format!("1\n{tools:?}\n").as_bytes());
    for one in setup {
        hasher.update(one.run.as_bytes());
        hasher.update(b"\0");
        for path in &one.inputs {
            hasher.update(path.as_str().as_bytes());
            hasher.update(b"\0");
            if let Some(entry) = source.tree().get(path) {
                hasher.update(entry.blob.as_bytes());
            }
        }
    }
    Ok(hasher.finalize().to_hex().chars().take(32).collect())
}

/// Returns the file in which a command leaves its results, if it was told to.
fn report_file(command: &CheckCommand) -> Option<&'static str> {
    match command.runner {
        Runner::Pytest => Some(JUNIT_REPORT),
        Runner::Jest | Runner::Vitest if command.run.contains(JSON_REPORT) => Some(JSON_REPORT),
        _ => None,
    }
}

/// Returns the time for a second run, if the first one is worth it: few tests failed, all of them named, and half of the
/// time is left. A command that was ended from outside is not run again.
fn time_for_another(outcome: &CommandOutcome, limit: Duration) -> Option<Duration> {
    let left = limit.checked_sub(Duration::from_millis(outcome.duration_ms))?;
    let failed = outcome.count(TestStatus::Failed);
    let ended = matches!(outcome.exit, Exit::Code(1..=125));
    (ended && (1..=MAX_FAILED_AGAIN).contains(&failed) && left >= limit / 2).then_some(left)
}

/// Joins the outcomes of two runs of one command.
fn joined(first: CommandOutcome, again: &CommandOutcome) -> CommandOutcome {
    let tests = results::reconcile(&first.tests, &again.tests, again.exit.is_success());
    let mut joined = CommandOutcome { rerun: Some(again.exit), tests, ..first };
    joined.duration_ms = joined.duration_ms.saturating_add(again.duration_ms);
    if joined.is_flaky() {
        joined.output.push_str("\n[run again on the same tree, the command passed]\n");
    }
    joined
}

fn outcome(command: &CheckCommand, report: &RunReport, written: Option<&[u8]>) -> CommandOutcome {
    let (out, err) = (&report.stdout.text, &report.stderr.text);
    let gap = if out.is_empty() || out.ends_with('\n') || err.is_empty() { "" } else { "\n" };
    let mut output = format!("{out}{gap}{err}");
    for limit in &report.limits_hit {
        output.push_str(&format!("\n[the sandbox's limit on {limit:?} was reached]"));
    }
    let mut tests = results::parse(command.runner, &output, written);
    let is_redirected = command.run.contains(['>', '|']);
    if report.exit.is_success() && !is_redirected && !results::ended(command.runner, &output, written.is_some()) {
        tests.push(TestResult { name: results::CUT_SHORT.to_owned(), status: TestStatus::Failed });
    }
    let duration_ms = u64::try_from(report.duration.as_millis()).unwrap_or(u64::MAX);
    CommandOutcome { command: command.clone(), exit: report.exit, rerun: None, output, tests, duration_ms }
}

/// Reads a file that a harvest made: a regular one, no larger than a results file may be.
fn read(file: &Path) -> Option<Vec<u8>> {
    let about = fs::symlink_metadata(file).ok()?;
    (about.is_file() && about.len() <= MAX_JUNIT).then(|| fs::read(file).ok())?
}

fn harvested(folder: &Path, path: &RepoPath) -> Option<Harvested> {
    let file = folder.join(path.as_str());
    let about = fs::symlink_metadata(&file).ok().filter(fs::Metadata::is_file)?;
    let mode = if about.permissions().mode() & 0o100 != 0 { Mode::Executable } else { Mode::File };
    let bytes: Bytes = Arc::from(fs::read(&file).ok()?);
    Some(Harvested { path: path.clone(), bytes, mode })
}

fn unlaid(error: MaterialiseError) -> CheckError {
    CheckError::Source(SourceError { what: "the tree".to_owned(), source: Box::new(error) })
}

fn refused(error: SandboxError) -> CheckError {
    match error {
        SandboxError::Unavailable { reason, advice, .. } => {
            // The sandbox advises those who call it directly; whoever runs jobs configures it.
            let advice = advice.replace("--tier T1", "tier = \"T1\" under [sandbox], or --set sandbox.tier=T1");
            CheckError::Unavailable { reason, advice }
        }
        other if other.is_retryable() => CheckError::Launch(other.to_string()),
        other => CheckError::Io(std::io::Error::other(other)),
    }
}
