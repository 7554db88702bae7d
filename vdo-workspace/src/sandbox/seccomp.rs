//! The system calls a sandboxed process is refused. Pure: compiles filters, loads none.
//!
//! A deny list on top of namespaces or landlock, so that ordinary programs keep working: it takes
//! away kernel surface that no build or test needs. Filters stack; the strictest verdict wins.

use std::collections::BTreeMap;
use std::io;

use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    sock_filter,
};

/// Which sandbox the filters are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Profile {
    /// Namespaces stand behind the filter: sockets stay usable on the private loopback.
    Namespaced,
    /// Nothing stands between the process and the host's sockets and IPC: refuse those as well.
    Shared {
        /// Whether leaving the process group must be refused, as nothing else can find a daemon.
        keep_process_group: bool,
    },
}

type Rules = BTreeMap<c_long, Vec<SeccompRule>>;

/// Types into a terminal, and into the console: 64 bits wide on one libc, 32 on another.
const TIOCSTI: u64 = 0x5412;
const TIOCLINUX: u64 = 0x541C;

/// The obsolete way to ask for raw packets.
const SOCK_PACKET: libc::c_int = 10;

/// Namespace flags of `clone`; `clone3` hides them in memory and is refused whole.
const NAMESPACES: [libc::c_int; 8] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
    0x80, // CLONE_NEWTIME
];

/// Refused with EPERM, whatever the arguments.
const REFUSED: &[c_long] = &[
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_bpf,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_kexec_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_syslog,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_vhangup,
    libc::SYS_nfsservctl,
    libc::SYS_lookup_dcookie,
];

#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[c_long] = &[libc::SYS_kexec_file_load, libc::SYS_iopl, libc::SYS_ioperm, libc::SYS_modify_ldt];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[c_long] = &[];

/// Refused with ENOSYS: programs probe for these and fall back when the kernel is "too old".
const ABSENT: &[c_long] = &[
    libc::SYS_clone3,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_memfd_secret,
];

/// System V IPC and POSIX queues: shared with the whole host unless there is an IPC namespace.
const SHARED_IPC: &[c_long] =
    &[libc::SYS_shmget, libc::SYS_shmat, libc::SYS_semget, libc::SYS_msgget, libc::SYS_mq_open];

/// Compiles the filters of `profile`, to be loaded in order.
///
/// # Errors
/// If this processor is not supported.
pub(super) fn filters(profile: Profile) -> io::Result<Vec<BpfProgram>> {
    let mut refused = every(REFUSED);
    refused.extend(every(REFUSED_HERE));
    let namespaces = NAMESPACES.iter().map(|flag| {
        let flag = *flag as u64;
        rule(&[(0, SeccompCmpOp::MaskedEq(flag), flag)])
    });
    refused.insert(libc::SYS_clone, namespaces.collect::<io::Result<_>>()?);
    let terminal = [TIOCSTI, TIOCLINUX].map(|request| rule(&[(1, SeccompCmpOp::Eq, request)]));
    refused.insert(libc::SYS_ioctl, terminal.into_iter().collect::<io::Result<_>>()?);
    refused.insert(libc::SYS_socket, sockets(profile)?);
    if let Profile::Shared { keep_process_group } = profile {
        refused.extend(every(SHARED_IPC));
        if keep_process_group {
            refused.extend(every(&[libc::SYS_setsid, libc::SYS_setpgid]));
        }
    }
    let mut programs = vec![compile(refused, libc::EPERM)?, compile(every(ABSENT), libc::ENOSYS)?];
    if cfg!(target_arch = "x86_64") {
        programs.push(refuse_x32());
    }
    Ok(programs)
}

/// Returns the bytes of `program` as the kernel reads them.
pub(super) fn bytes(program: &BpfProgram) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(program.len() * 8);
    for step in program {
        bytes.extend(step.code.to_ne_bytes());
        bytes.extend([step.jt, step.jf]);
        bytes.extend(step.k.to_ne_bytes());
    }
    bytes
}

fn every(calls: &[c_long]) -> Rules {
    calls.iter().map(|call| (*call, Vec::new())).collect()
}

fn sockets(profile: Profile) -> io::Result<Vec<SeccompRule>> {
    if matches!(profile, Profile::Shared { .. }) {
        // An empty list refuses every call; `socketpair` is another call and stays usable.
        return Ok(Vec::new());
    }
    let is = |family: libc::c_int| (0, SeccompCmpOp::Eq, family as u64);
    let is_not = |family: libc::c_int| (0, SeccompCmpOp::Ne, family as u64);
    let kind = |kind: libc::c_int| (1, SeccompCmpOp::MaskedEq(0xf), kind as u64);
    [
        rule(&[is_not(libc::AF_UNIX), is_not(libc::AF_INET), is_not(libc::AF_INET6), is_not(libc::AF_NETLINK)]),
        // Route netlink stays: it answers "which interfaces are there" of the own namespace.
        rule(&[is(libc::AF_NETLINK), (2, SeccompCmpOp::Ne, libc::NETLINK_ROUTE as u64)]),
        rule(&[is_not(libc::AF_NETLINK), kind(libc::SOCK_RAW)]),
        rule(&[is_not(libc::AF_NETLINK), kind(SOCK_PACKET)]),
    ]
    .into_iter()
    .collect()
}

fn rule(conditions: &[(u8, SeccompCmpOp, u64)]) -> io::Result<SeccompRule> {
    let conditions = conditions
        .iter()
        .map(|(index, op, value)| SeccompCondition::new(*index, SeccompCmpArgLen::Dword, op.clone(), *value))
        .collect::<Result<Vec<_>, _>>()
        .map_err(io::Error::other)?;
    SeccompRule::new(conditions).map_err(io::Error::other)
}

fn compile(rules: Rules, errno: libc::c_int) -> io::Result<BpfProgram> {
    let arch = std::env::consts::ARCH.try_into().map_err(io::Error::other)?;
    let refusal = SeccompAction::Errno(errno.unsigned_abs());
    SeccompFilter::new(rules, SeccompAction::Allow, refusal, arch).and_then(TryInto::try_into).map_err(io::Error::other)
}

/// Refuses the x32 calls, which share the architecture of x86-64 but not its numbers.
fn refuse_x32() -> BpfProgram {
    let step = |code: u32, jt, jf, k| sock_filter { code: code as u16, jt, jf, k };
    vec![
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        step(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 0, 1, 0x4000_0000),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ]
}
