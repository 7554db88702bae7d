//! Runs a command unconfined, in the folder it is given: tier T0 without the copy.
//!
//! Never used unless T0 was named, with a reason. No environment of the host reaches the command, its output is bounded, and
//! when the run is over or dropped, its process group is ended. A process that left the group survives: T0 promises no more.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

use super::error::{Doing as _, SandboxError};
use super::output::Capture;
use super::report::{Captured, Exit, LimitHit, RunReport};
use super::{Invocation, Require, env};

/// Ends a process group when it is dropped.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // The group may be gone already, which is what is wanted.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Runs `run` in its work folder itself.
pub(super) async fn run(run: &Invocation, reason: &str, work: &Path) -> Result<RunReport, SandboxError> {
    let Some((program, arguments)) = run.command.split_first() else {
        return Err(SandboxError::bad_input("there is no command"));
    };
    let mut command = std::process::Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(env::outside(run, work, Path::new("/tmp")))
        .current_dir(work)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let start = Instant::now();
    let child = Command::from(command).kill_on_drop(true).spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(not_run(run, reason, 127, &error)),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            return Ok(not_run(run, reason, 126, &error));
        }
        Err(error) => return Err(SandboxError::launch(error.to_string())),
    };
    let group = Group(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)));
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let limit = run.limits.output;
    let mut outputs = std::pin::pin!(async { tokio::join!(capture(out, limit), capture(err, limit)) });
    let mut early = None;
    let waited = tokio::time::timeout(run.limits.time, async {
        tokio::select! {
            done = &mut outputs => {
                early = Some(done);
                child.wait().await
            }
            status = child.wait() => status,
        }
    })
    .await;
    let exit = match waited {
        Err(_) => Exit::TimedOut,
        Ok(status) => exit_of(status.doing(|| "waiting for the command".into())?),
    };
    let duration = start.elapsed();
    // Whatever the command left running holds the pipes; it ends here.
    drop(group);
    let (stdout, stderr) = match early {
        Some(done) => done,
        None => outputs.await,
    };
    let mut limits_hit = Vec::new();
    limits_hit.extend((exit == Exit::TimedOut).then_some(LimitHit::Time));
    limits_hit.extend((stdout.truncated || stderr.truncated).then_some(LimitHit::Output));
    Ok(RunReport { exit, stdout, stderr, duration, limits_hit, ..empty(run, reason) })
}

async fn capture(stream: Option<impl AsyncRead + Unpin>, limit: usize) -> Captured {
    let mut capture = Capture::new(limit);
    let Some(mut stream) = stream else { return capture.finish() };
    // Not in the future itself: many runs wait at once, and most commands say little.
    let mut buffer = vec![0; 8 * 1024];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        capture.push(buffer.get(..count).unwrap_or_default());
    }
    capture.finish()
}

fn exit_of(status: std::process::ExitStatus) -> Exit {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => Exit::Code(-1),
    }
}

fn not_run(run: &Invocation, reason: &str, code: i32, error: &std::io::Error) -> RunReport {
    let text = format!(
        "{}: {error}\n",
        run.command.first().map_or_else(String::new, |program| program.to_string_lossy().into())
    );
    let stderr = Captured { total: text.len() as u64, text, truncated: false };
    RunReport { exit: Exit::Code(code), stderr, ..empty(run, reason) }
}

fn empty(run: &Invocation, reason: &str) -> RunReport {
    RunReport {
        tier: Require::tier(&run.tier),
        reason: Some(reason.to_owned()),
        exit: Exit::Code(0),
        stdout: Captured::default(),
        stderr: Captured::default(),
        duration: std::time::Duration::ZERO,
        limits_hit: Vec::new(),
        harvest: None,
        net_refused: Vec::new(),
        cgroup: false,
    }
}
