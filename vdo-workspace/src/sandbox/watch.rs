//! One started process: its output, its end, and the certainty that nothing of it is left.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::{Child, ChildStderr, ChildStdout, ExitStatus};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::bwrap::READY;
use super::child;
use super::output::Capture;

/// What a wait ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// The launch marker was read.
    Ready,
    /// The process ended.
    Ended,
    /// The deadline passed.
    TimedOut,
    /// The caller dropped the run.
    Cancelled,
}

/// A started process and everything read from it.
#[derive(Debug)]
pub(super) struct Watch {
    child: Child,
    handle: OwnedFd,
    /// The first process inside the sandbox; when it is dead, all of them are.
    inner: Option<OwnedFd>,
    uid: Option<u32>,
    cancel: OwnedFd,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    marker: Vec<u8>,
    is_ready: bool,
    pub(super) out: Capture,
    pub(super) err: Capture,
}

impl Watch {
    pub(super) fn new(mut child: Child, cancel: OwnedFd, uid: Option<u32>, keep: usize) -> io::Result<Self> {
        let handle = open(child.id())?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        for fd in stdout.iter().map(AsFd::as_fd).chain(stderr.iter().map(AsFd::as_fd)) {
            rustix::io::ioctl_fionbio(fd, true)?;
        }
        Ok(Self {
            child,
            handle,
            inner: None,
            uid,
            cancel,
            stdout,
            stderr,
            marker: Vec::new(),
            is_ready: false,
            out: Capture::new(keep),
            err: Capture::new(keep),
        })
    }

    /// Names the first process inside.
    pub(super) fn set_inner(&mut self, pid: u32) -> io::Result<()> {
        self.inner = Some(open(pid)?);
        Ok(())
    }

    /// Lets the command begin.
    pub(super) fn go(&mut self) -> io::Result<()> {
        match self.child.stdin.take() {
            Some(mut stdin) => io::Write::write_all(&mut stdin, b"go\n"),
            None => Ok(()),
        }
    }

    /// Reads output until something happens.
    pub(super) fn wait(&mut self, deadline: Instant) -> io::Result<Event> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Event::TimedOut);
            }
            let woken = self.sleep(left)?;
            let was_ready = self.is_ready;
            self.read()?;
            if !was_ready && self.is_ready {
                return Ok(Event::Ready);
            }
            if woken.cancelled {
                return Ok(Event::Cancelled);
            }
            if woken.ended {
                return Ok(Event::Ended);
            }
        }
    }

    fn sleep(&self, left: Duration) -> io::Result<Woken> {
        let mut fds = vec![PollFd::new(&self.cancel, PollFlags::IN), PollFd::new(&self.handle, PollFlags::IN)];
        fds.extend(self.stdout.iter().map(|fd| PollFd::from_borrowed_fd(fd.as_fd(), PollFlags::IN)));
        fds.extend(self.stderr.iter().map(|fd| PollFd::from_borrowed_fd(fd.as_fd(), PollFlags::IN)));
        wait_for(&mut fds, left)?;
        let mut woken = fds.iter().map(|fd| !fd.revents().is_empty());
        let (cancelled, ended) = (woken.next() == Some(true), woken.next() == Some(true));
        Ok(Woken { cancelled, ended })
    }

    /// Takes what there is, up to a bound, so that a flood cannot hold off the deadline.
    fn read(&mut self) -> io::Result<()> {
        let mut block = [0_u8; 64 * 1024];
        for _ in 0..16 {
            let (count, is_over) = take(&mut self.stdout, &mut block)?;
            let mut bytes = block.get(..count).unwrap_or_default();
            if !self.is_ready {
                self.marker.extend_from_slice(bytes);
                let Some(rest) = self.marker.strip_prefix(READY) else { if count == 0 { break } else { continue } };
                self.is_ready = true;
                self.out.push(rest);
                bytes = &[];
            }
            self.out.push(bytes);
            if is_over {
                break;
            }
        }
        for _ in 0..16 {
            let (count, is_over) = take(&mut self.stderr, &mut block)?;
            self.err.push(block.get(..count).unwrap_or_default());
            if is_over {
                break;
            }
        }
        Ok(())
    }

    /// Kills whatever is left and returns how the process ended.
    ///
    /// When this returns, nothing that was started is alive, where the tier can know that.
    pub(super) fn finish(&mut self) -> io::Result<ExitStatus> {
        if let Some(inner) = &self.inner {
            let _ = pidfd_send_signal(inner, Signal::KILL);
        }
        let _ = pidfd_send_signal(&self.handle, Signal::KILL);
        if let Some(pid) = Pid::from_raw(self.child.id().cast_signed()) {
            // Not reaped yet, so neither the process id nor the group id can be another's.
            let _ = rustix::process::kill_process_group(pid, Signal::KILL);
        }
        match (&self.inner, self.uid) {
            (Some(inner), _) => {
                wait_for(&mut [PollFd::new(inner, PollFlags::IN)], Duration::from_secs(10))?;
            }
            (None, Some(uid)) => child::kill_uid(uid)?,
            (None, None) => {}
        }
        let status = self.child.wait()?;
        for _ in 0..64 {
            let before = (self.stdout.is_some(), self.stderr.is_some());
            self.read()?;
            if before == (false, false) {
                break;
            }
        }
        Ok(status)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Reached on every path, early errors included.
        let _ = self.finish();
    }
}

struct Woken {
    cancelled: bool,
    ended: bool,
}

fn open(pid: u32) -> io::Result<OwnedFd> {
    let pid = Pid::from_raw(pid.cast_signed()).ok_or(io::ErrorKind::NotFound)?;
    Ok(pidfd_open(pid, PidfdFlags::empty())?)
}

fn wait_for(fds: &mut [PollFd<'_>], left: Duration) -> io::Result<()> {
    let timeout =
        Timespec { tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX), tv_nsec: left.subsec_nanos().into() };
    match poll(fds, Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Reads once; at the end of the stream the stream is dropped. Returns the count and "no more now".
fn take(stream: &mut Option<impl Read>, block: &mut [u8]) -> io::Result<(usize, bool)> {
    let Some(open) = stream else {
        return Ok((0, true));
    };
    match open.read(block) {
        Ok(0) => {
            *stream = None;
            Ok((0, true))
        }
        Ok(count) => Ok((count, false)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok((0, true)),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok((0, false)),
        Err(error) => Err(error),
    }
}

/// Reads the process id that the launcher wrote on `status`.
pub(super) fn inner_pid(status: BorrowedFd<'_>, left: Duration) -> io::Result<u32> {
    // A launcher that is not bubblewrap may hold the pipe and say nothing: never block on it.
    rustix::io::ioctl_fionbio(status, true)?;
    wait_for(&mut [PollFd::from_borrowed_fd(status, PollFlags::IN)], left)?;
    let mut block = [0_u8; 4096];
    let count = rustix::io::read(status, &mut block)?;
    let text = block.get(..count).unwrap_or_default();
    let mut documents = serde_json::Deserializer::from_slice(text).into_iter::<serde_json::Value>();
    documents
        .find_map(|document| document.ok()?.get("child-pid")?.as_u64())
        .and_then(|pid| u32::try_from(pid).ok())
        .ok_or_else(|| io::Error::other("the launcher did not name its child"))
}
