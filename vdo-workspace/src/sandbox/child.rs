//! What happens between fork and exec. The only file of the sandbox with `unsafe` in it.
//!
//! Everything a child needs is computed before the fork; after it there are only system calls:
//! no allocation, no lock, no panic.
//!
//! Invariant: whatever fails here makes the spawn fail, so no command runs half confined.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use rustix::mount::{MountFlags, MountPropagationFlags, MoveMountFlags, mount, mount_change, move_mount};
use rustix::process::{Pid, Resource, Rlimit};
use seccompiler::BpfProgram;

/// How a child confines itself before it becomes the command or the launcher.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Both soft and hard limits.
    pub(super) limits: Vec<(Resource, u64)>,
    /// The uid and gid to become; supplementary groups are dropped.
    pub(super) identity: Option<u32>,
    /// Mounts for a private mount namespace.
    pub(super) staging: Option<Staging>,
    /// Descriptors that stay open across exec; all others from 3 on are closed.
    pub(super) keep: Vec<OwnedFd>,
    /// `cgroup.procs` files to enter.
    pub(super) cgroups: Vec<OwnedFd>,
    /// A landlock ruleset to restrict the child with.
    pub(super) landlock: Option<OwnedFd>,
    /// Filters to load last, in order.
    pub(super) filters: Vec<BpfProgram>,
    /// Never gain privileges by exec. Implied by landlock and filters.
    pub(super) no_new_privileges: bool,
}

/// A tmpfs at `base`, and mounts moved below it.
#[derive(Debug)]
pub(super) struct Staging {
    pub(super) base: CString,
    pub(super) mounts: Vec<StagedMount>,
}

/// A detached mount and where it goes.
#[derive(Debug)]
pub(super) struct StagedMount {
    pub(super) mount: OwnedFd,
    pub(super) target: CString,
    pub(super) is_folder: bool,
}

/// Starts `command` confined by `plan`.
///
/// The calling thread must outlive the child: the kernel kills the child when it ends.
///
/// # Errors
/// As the first step that failed reported it; the command was then not executed.
pub(super) fn spawn(mut command: Command, plan: Plan) -> io::Result<Child> {
    let parent = rustix::process::getpid();
    let confine = move || plan.apply(parent);
    // SAFETY: `Plan::apply` makes system calls only; see the module header.
    unsafe { command.pre_exec(confine) };
    command.spawn()
}

impl Plan {
    fn apply(&self, parent: Pid) -> io::Result<()> {
        rustix::process::setsid()?;
        for cgroup in &self.cgroups {
            rustix::io::write(cgroup, b"0")?;
        }
        if let Some(staging) = &self.staging {
            staging.apply()?;
        }
        for (resource, limit) in &self.limits {
            let limit = Some(*limit);
            rustix::process::setrlimit(*resource, Rlimit { current: limit, maximum: limit })?;
        }
        if let Some(uid) = self.identity {
            become_uid(uid)?;
        }
        // After the change of uid, which clears it.
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
        if rustix::process::getppid() != Some(parent) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        close_on_exec()?;
        for fd in &self.keep {
            rustix::io::fcntl_setfd(fd, rustix::io::FdFlags::empty())?;
        }
        if self.no_new_privileges {
            rustix::thread::set_no_new_privs(true)?;
        }
        if let Some(ruleset) = &self.landlock {
            // SAFETY: takes a descriptor and a number; touches no memory of this process.
            check(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0) })?;
        }
        for filter in &self.filters {
            seccompiler::apply_filter(filter).map_err(|_| io::Error::last_os_error())?;
        }
        Ok(())
    }
}

impl Staging {
    fn apply(&self) -> io::Result<()> {
        // SAFETY: this process has one thread and shares no file table: it was just forked.
        unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNS) }?;
        mount_change(c"/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        mount(c"tmpfs", &*self.base, c"tmpfs", flags, Some(c"mode=0755,size=1m"))?;
        for staged in &self.mounts {
            if staged.is_folder {
                rustix::fs::mkdir(&*staged.target, rustix::fs::Mode::from_raw_mode(0o755))?;
            } else {
                let mode = rustix::fs::Mode::from_raw_mode(0o644);
                let kind = rustix::fs::FileType::RegularFile;
                rustix::fs::mknodat(rustix::fs::CWD, &*staged.target, kind, mode, 0)?;
            }
            let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
            move_mount(&staged.mount, c"", rustix::fs::CWD, &*staged.target, flags)?;
        }
        Ok(())
    }
}

/// Kills every process of `uid`, at once and whatever they are forking.
pub(super) fn kill_uid(uid: u32) -> io::Result<()> {
    let act = move || {
        become_uid(uid)?;
        // SAFETY: takes two numbers. -1 reaches exactly what this uid may signal.
        check(unsafe { libc::kill(-1, libc::SIGKILL) }.into())
            .or_else(|error| if error.raw_os_error() == Some(libc::ESRCH) { Ok(()) } else { Err(error) })
    };
    errand(act)
}

/// Makes a listener on the loopback of another network namespace.
///
/// `user` is the user namespace that owns it; needed where the caller is not root.
pub(super) fn listen_inside(net: BorrowedFd<'_>, user: Option<BorrowedFd<'_>>, port: u16) -> io::Result<OwnedFd> {
    use rustix::net::{
        AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
        SendFlags, SocketFlags, SocketType, bind, listen, recvmsg, sendmsg, socket_with, socketpair,
    };
    use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
    let flags = SocketFlags::CLOEXEC;
    let (here, there) = socketpair(AddressFamily::UNIX, SocketType::DGRAM, flags, None)?;
    let (net, user, there_raw) = (net.as_raw_fd(), user.map(|fd| fd.as_raw_fd()), there.as_raw_fd());
    errand(move || {
        if let Some(user) = user {
            move_into_link_name_space(borrow(user), Some(LinkNameSpaceType::User))?;
        }
        move_into_link_name_space(borrow(net), Some(LinkNameSpaceType::Network))?;
        let socket = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        let address = std::net::SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, port);
        bind(&socket, &address)?;
        listen(&socket, 128)?;
        let fds = [socket.as_fd()];
        let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmRights(&fds));
        let message = [io::IoSlice::new(b"x")];
        sendmsg(borrow(there_raw), &message, &mut control, SendFlags::empty())?;
        Ok(())
    })?;
    drop(there);
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0; 1];
    let mut into = [io::IoSliceMut::new(&mut byte)];
    recvmsg(&here, &mut into, &mut control, RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT)?;
    control
        .drain()
        .find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
            _ => None,
        })
        .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// Returns the user namespace that owns the namespace behind `fd`.
pub(super) fn owner_of(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    use std::os::fd::FromRawFd;
    const NS_GET_USERNS: libc::c_ulong = 0xb701;
    // SAFETY: this request takes no argument.
    let found = unsafe { libc::ioctl(fd.as_raw_fd(), NS_GET_USERNS as _) };
    check(found.into())?;
    // SAFETY: the kernel just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(found) })
}

/// Runs `act` in a forked child that never executes anything, and waits for it.
fn errand(act: impl Fn() -> io::Result<()> + Send + Sync + 'static) -> io::Result<()> {
    let mut command = Command::new("/proc/self/exe");
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let run = move || {
        act()?;
        // SAFETY: ends this process without running anything of the host's.
        unsafe { libc::_exit(0) }
    };
    // SAFETY: the errands of this file make system calls only.
    unsafe { command.pre_exec(run) };
    let status = command.spawn()?.wait()?;
    // Killing its own uid may reach the errand itself; both count as done.
    if status.success() || std::os::unix::process::ExitStatusExt::signal(&status) == Some(9) {
        Ok(())
    } else {
        Err(io::Error::other("a helper process failed"))
    }
}

fn become_uid(uid: u32) -> io::Result<()> {
    use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
    let (user, group) = (rustix::fs::Uid::from_raw(uid), rustix::fs::Gid::from_raw(uid));
    set_thread_groups(&[])?;
    set_thread_res_gid(group, group, group)?;
    set_thread_res_uid(user, user, user)?;
    Ok(())
}

/// Marks every descriptor from 3 on, so that exec closes it.
///
/// Marking instead of closing keeps the pipe on which the parent learns that exec failed.
fn close_on_exec() -> io::Result<()> {
    // SAFETY: takes three numbers.
    check(unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) })
}

fn borrow(fd: RawFd) -> BorrowedFd<'static> {
    // SAFETY: the child holds a copy of every descriptor its parent had open.
    unsafe { BorrowedFd::borrow_raw(fd) }
}

fn check(result: libc::c_long) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
