//! Runs one staged command from start to end, on a thread of its own.
//!
//! The thread lives as long as the command: the kernel kills a sandbox whose starting thread ends.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::error::{Doing, SandboxError};
use super::invocation::{Deps, Invocation, Net};
use super::report::{Captured, Copied, Exit, LimitHit, RefusedWhy, RunReport};
use super::stage::{Places, Stage};
use super::tree::{self, Policy};
use super::watch::{Event, Watch, inner_pid};
use super::{Require, SandboxConfig, child, net};

/// How long a launcher may take to set up.
const LAUNCH: Duration = Duration::from_secs(30);
/// How long it may take to name its child, which it does before the child runs.
const NAMED: Duration = Duration::from_secs(2);

/// What the run and its caller tell each other.
#[derive(Debug)]
pub(super) struct Ties {
    /// Becomes readable when the caller gives up.
    pub(super) cancel: OwnedFd,
    /// Takes the listener of the proxy, if one is wanted.
    pub(super) door: oneshot::Sender<std::net::TcpListener>,
}

/// The folders of a run that the host has a use for.
struct Folders {
    job: OwnedFd,
    deps: OwnedFd,
}

/// Runs `run` to its end; blocks.
pub(super) fn run(config: &SandboxConfig, run: &Invocation, ties: Ties) -> Result<RunReport, SandboxError> {
    let Stage { slot, _base, cgroup, command, plan, places, status } = Stage::new(config, run)?;
    let owner = slot.uid.map(|uid| (uid, uid));
    let mut folders = open_folders(&places, None)?;
    if let Some(folders) = &folders {
        copy_in(run, folders, owner)?;
    }
    let child = child::spawn(command, plan);
    let child = child.map_err(|error| SandboxError::launch(error.to_string()))?;
    let watch = Watch::new(child, ties.cancel, slot.uid, run.limits.output);
    let mut watch = watch.doing(|| "watching the sandbox".into())?;
    launched(&mut watch)?;
    if let Some(status) = &status {
        let inner = inner_pid(status.as_fd(), NAMED).map_err(|error| SandboxError::launch(error.to_string()))?;
        watch.set_inner(inner).doing(|| "watching the sandbox".into())?;
        let entered = entered_pid(inner);
        if folders.is_none() {
            folders = open_folders(&places, Some(entered))?;
            if let Some(folders) = &folders {
                copy_in(run, folders, owner)?;
            }
        }
        if matches!(run.net, Net::Prepare { .. }) {
            let listener = open_door(entered).doing(|| "opening the proxy in the sandbox".into())?;
            let _ = ties.door.send(listener);
        }
    }
    let start = Instant::now();
    watch.go().map_err(|error| SandboxError::launch(error.to_string()))?;
    let event = watch.wait(start + run.limits.time).doing(|| "reading output".into())?;
    let ended = watch.finish().doing(|| "ending the sandbox".into())?;
    let exit = match event {
        Event::TimedOut => Exit::TimedOut,
        Event::Cancelled => return Err(SandboxError::launch("the run was cancelled")),
        Event::Ready | Event::Ended => exit_of(ended),
    };
    let duration = start.elapsed();
    let (stdout, stderr) = outputs(watch, run);
    let harvest = folders.as_ref().map_or(Ok(None), |folders| bring_back(run, folders, exit))?;
    let mut limits_hit = limits_hit(exit, [&stdout, &stderr], harvest.as_ref());
    if matches!(&places, Places::Tmpfs(tmpfs) if tmpfs.is_full()) {
        limits_hit.push(LimitHit::Disk);
    }
    if let Some(cgroup) = &cgroup {
        limits_hit.extend(cgroup.ran_out_of_memory().then_some(LimitHit::Memory));
        limits_hit.extend(cgroup.ran_out_of_processes().then_some(LimitHit::Processes));
    }
    let reason = match &run.tier {
        Require::T0 { reason } => Some(reason.clone()),
        Require::T1 | Require::T2 => None,
    };
    Ok(RunReport {
        tier: run.tier.tier(),
        reason,
        exit,
        stdout,
        stderr,
        duration,
        limits_hit,
        harvest,
        net_refused: Vec::new(),
        cgroup: cgroup.is_some(),
    })
}

/// Waits for the launch marker.
fn launched(watch: &mut Watch) -> Result<(), SandboxError> {
    match watch.wait(Instant::now() + LAUNCH).doing(|| "starting the sandbox".into())? {
        Event::Ready => Ok(()),
        Event::Cancelled => Err(SandboxError::launch("the run was cancelled")),
        Event::TimedOut => Err(SandboxError::launch("the launcher did not finish in time")),
        Event::Ended => {
            let status = watch.finish().doing(|| "ending the sandbox".into())?;
            let said = std::mem::replace(&mut watch.err, super::output::Capture::new(0)).finish();
            let said = said.text.trim().to_owned();
            let what = if said.is_empty() { status.to_string() } else { said };
            Err(SandboxError::launch(what))
        }
    }
}

/// Returns the entry shell, which has been executed inside and so can be looked into from outside.
fn entered_pid(inner: u32) -> u32 {
    let children = std::fs::read_to_string(format!("/proc/{inner}/task/{inner}/children"));
    children.ok().and_then(|text| text.split_whitespace().next()?.parse().ok()).unwrap_or(inner)
}

fn open_folders(places: &Places, entered: Option<u32>) -> Result<Option<Folders>, SandboxError> {
    let open = |name: &str| match (places.open(name), entered) {
        (Some(found), _) => found.map(Some),
        (None, Some(pid)) => {
            let inside = format!("/proc/{pid}/root/{name}");
            tree::open_folder(Path::new(&inside)).map(Some).or_else(|error| {
                // Without writable dependencies there is no such folder; the job's serves as well.
                if name == "deps" { Ok(None) } else { Err(error) }
            })
        }
        (None, None) => Ok(None),
    };
    let doing = || "opening the work folder".to_owned();
    let (job, deps) = (open("job").doing(doing)?, open("deps").doing(doing)?);
    let Some(job) = job else { return Ok(None) };
    let deps = match deps {
        Some(deps) => deps,
        None => job.try_clone().doing(doing)?,
    };
    Ok(Some(Folders { job, deps }))
}

fn copy_in(run: &Invocation, folders: &Folders, owner: Option<(u32, u32)>) -> Result<(), SandboxError> {
    let Some(work) = &run.work else { return Ok(()) };
    let doing = || format!("copying {} into the sandbox", work.display());
    let from = tree::open_folder(work).doing(doing)?;
    let policy = Policy { links: true, refuse_git: false, files: u64::MAX, bytes: run.limits.disk, owner };
    let copied = tree::copy(from.as_fd(), folders.job.as_fd(), policy).doing(doing)?;
    for refused in &copied.refused {
        let path = refused.path.display();
        let reason = match refused.why {
            RefusedWhy::Limit => format!("{path} does not fit the disk limit"),
            RefusedWhy::Depth => format!("{path} is nested too deeply"),
            // A part left out in silence would turn up as a failure of the command's own.
            RefusedWhy::Unreadable => format!("{path} cannot be read, or is a mount point"),
            RefusedWhy::Special | RefusedWhy::Symlink | RefusedWhy::Git => continue,
        };
        return Err(SandboxError::bad_input(reason));
    }
    Ok(())
}

fn open_door(pid: u32) -> std::io::Result<std::net::TcpListener> {
    let net = File::open(format!("/proc/{pid}/ns/net"))?;
    let user = if rustix::process::geteuid().is_root() { None } else { Some(child::owner_of(net.as_fd())?) };
    child::listen_inside(net.as_fd(), user.as_ref().map(AsFd::as_fd), net::PORT).map(Into::into)
}

fn exit_of(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => Exit::Code(-1),
    }
}

fn outputs(mut watch: Watch, run: &Invocation) -> (Captured, Captured) {
    let empty = || super::output::Capture::new(run.limits.output);
    let out = std::mem::replace(&mut watch.out, empty());
    let err = std::mem::replace(&mut watch.err, empty());
    (out.finish(), err.finish())
}

/// Harvests the work folder and keeps the dependencies of a run that succeeded.
fn bring_back(run: &Invocation, folders: &Folders, exit: Exit) -> Result<Option<Copied>, SandboxError> {
    if let (Some(Deps::Write { dir }), true) = (&run.deps, exit.is_success()) {
        keep_deps(run, folders, dir)?;
    }
    let Some(out) = &run.harvest else {
        return Ok(None);
    };
    let doing = || format!("harvesting into {}", out.display());
    std::fs::create_dir_all(out).doing(doing)?;
    let to = tree::open_folder(out).doing(doing)?;
    let policy = Policy {
        links: false,
        refuse_git: true,
        files: run.limits.harvest_files,
        bytes: run.limits.harvest_bytes,
        owner: None,
    };
    tree::copy(folders.job.as_fd(), to.as_fd(), policy).doing(doing).map(Some)
}

/// Writes the dependencies beside `dir` and renames them, so that `dir` is never half there.
fn keep_deps(run: &Invocation, folders: &Folders, dir: &Path) -> Result<(), SandboxError> {
    let doing = || format!("keeping dependencies in {}", dir.display());
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).doing(doing)?;
    crate::beside::sweep(parent);
    let partial = tempfile::Builder::new()
        .prefix(&format!(".vdo-{}-", std::process::id()))
        .suffix(".tmp")
        .tempdir_in(parent)
        .doing(doing)?;
    let to = tree::open_folder(partial.path()).doing(doing)?;
    // Links are kept as text: only sandboxes ever follow them.
    let policy =
        Policy { links: true, refuse_git: false, files: run.limits.inodes, bytes: run.limits.disk, owner: None };
    tree::copy(folders.deps.as_fd(), to.as_fd(), policy).doing(doing)?;
    let mode = rustix::fs::Mode::from_raw_mode(0o755);
    rustix::fs::fchmod(&to, mode).doing(doing)?;
    std::fs::rename(partial.keep(), dir).doing(doing)
}

fn limits_hit(exit: Exit, outputs: [&Captured; 2], harvest: Option<&Copied>) -> Vec<LimitHit> {
    let mut hit = Vec::new();
    hit.extend((exit == Exit::TimedOut).then_some(LimitHit::Time));
    hit.extend((exit.signal() == Some(libc::SIGXCPU)).then_some(LimitHit::Cpu));
    hit.extend((exit.signal() == Some(libc::SIGXFSZ)).then_some(LimitHit::FileSize));
    hit.extend(outputs.iter().any(|output| output.truncated).then_some(LimitHit::Output));
    let left_out = |copied: &Copied| copied.refused.iter().any(|one| one.why == RefusedWhy::Limit);
    hit.extend(harvest.is_some_and(left_out).then_some(LimitHit::Harvest));
    hit
}
