//! Sets up everything one run needs before its process exists.

use std::ffi::{CString, OsString};
use std::fs::File;
use std::io::{Seek, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::{CWD, MemfdFlags, memfd_create};
use rustix::mount::{OpenTreeFlags, open_tree};
use rustix::process::Resource;
use tempfile::TempDir;

use super::bwrap::{self, BindAt, Layout, Writable};
use super::cgroup::Cgroup;
use super::child::{Plan, StagedMount, Staging};
use super::error::{Doing, SandboxError};
use super::index::BUNDLE;
use super::invocation::{Deps, Invocation, Net};
use super::limits::Limits;
use super::scratch::{self, FOLDERS, Plain, Tmpfs};
use super::seccomp::{self, Profile};
use super::slot::{self, Slot};
use super::tier::Tier;
use super::toolchain::Bind;
use super::{SandboxConfig, env, ruleset};

/// The writable places of a run, as the host reaches them.
#[derive(Debug)]
pub(super) enum Places {
    /// By descriptor, before and after.
    Tmpfs(Tmpfs),
    /// By path.
    Plain(Plain),
    /// Only through the sandbox, once it runs.
    Inside,
}

impl Places {
    /// Opens one of [`FOLDERS`], if it can be reached yet.
    pub(super) fn open(&self, name: &str) -> Option<std::io::Result<OwnedFd>> {
        match self {
            Self::Tmpfs(tmpfs) => Some(tmpfs.folder(name)),
            Self::Plain(plain) => Some(super::tree::open_folder(&plain.path(name))),
            Self::Inside => None,
        }
    }
}

/// A run that is ready to be spawned.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) command: Command,
    pub(super) plan: Plan,
    pub(super) places: Places,
    /// Where the launcher names its child. Only at T2.
    pub(super) status: Option<OwnedFd>,
    pub(super) cgroup: Option<Cgroup>,
    // Kept for its lock and its folder; dropped after everything else.
    pub(super) slot: Slot,
    pub(super) _base: Option<TempDir>,
}

impl Stage {
    pub(super) fn new(config: &SandboxConfig, run: &Invocation) -> Result<Self, SandboxError> {
        match run.tier.tier() {
            Tier::T2 => full(config, run),
            tier @ (Tier::T1 | Tier::T0) => reduced(config, run, tier),
        }
    }
}

fn full(config: &SandboxConfig, run: &Invocation) -> Result<Stage, SandboxError> {
    let launcher = bwrap::find(&config.launcher_folders).ok_or_else(|| SandboxError::Unavailable {
        tier: Tier::T2,
        reason: "bubblewrap (bwrap) was not found".into(),
        advice: bwrap::INSTALL.into(),
    })?;
    let slot = slot::take(&config.scratch, &config.uids)?;
    let mut plan = confined(run, &slot);
    let cgroup = enter_cgroup(config, run, &slot, &mut plan)?;
    let mut binds = real_binds(run)?;
    let (places, base) = match slot.uid {
        Some(uid) => {
            let base = scratch::base(&config.scratch).doing(|| "making a staging folder".into())?;
            let tmpfs = Tmpfs::new(&run.limits, uid)?;
            plan.staging = Some(stage_mounts(base.path(), &tmpfs, &mut binds)?);
            (Places::Tmpfs(tmpfs), Some(base))
        }
        None => (Places::Inside, None),
    };
    let mut hand_over = |bytes: &[u8]| -> Result<i32, SandboxError> {
        let fd = sealed(bytes).doing(|| "handing a file to the launcher".into())?;
        plan.keep.push(fd);
        Ok(plan.keep.last().map_or(-1, AsRawFd::as_raw_fd))
    };
    let filters = seccomp::filters(Profile::Namespaced).doing(|| "compiling filters".into())?;
    let filters: Vec<i32> =
        filters.iter().map(|filter| hand_over(&seccomp::bytes(filter))).collect::<Result<_, _>>()?;
    let files = [
        (hand_over(b"vdo:x:1000:1000::/home/vdo:/bin/sh\n")?, "/etc/passwd"),
        (hand_over(b"vdo:x:1000:\n")?, "/etc/group"),
        (hand_over(b"127.0.0.1 localhost vdo\n::1 localhost\n")?, "/etc/hosts"),
        (hand_over(b"passwd: files\ngroup: files\nhosts: files dns\n")?, "/etc/nsswitch.conf"),
    ];
    let pipe = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC);
    let (status, status_in) = pipe.doing(|| "making a pipe".into())?;
    let writable = base.as_ref().map(|base| base.path().join("w"));
    let options = bwrap::options(&Layout {
        writable: writable.as_deref().map_or(Writable::Own, Writable::Staged),
        writable_deps: matches!(run.deps, Some(Deps::Write { .. })),
        binds: &binds,
        env: &env::inside(run),
        limits: &run.limits,
        filters: &filters,
        files: &files,
        status: status_in.as_raw_fd(),
    });
    let options = bwrap::encode(&options).ok_or_else(|| SandboxError::bad_input("NUL in a value"))?;
    let options = hand_over(&options)?;
    plan.keep.push(status_in);
    plan.no_new_privileges = true;
    let mut command = Command::new(launcher);
    command.args(["--args", &options.to_string(), "--", "/bin/sh"]).current_dir("/");
    entry(&mut command, run);
    Ok(Stage { command, plan, places, status: Some(status), cgroup, slot, _base: base })
}

fn reduced(config: &SandboxConfig, run: &Invocation, tier: Tier) -> Result<Stage, SandboxError> {
    let confine = tier == Tier::T1;
    let slot = if confine { slot::take(&config.scratch, &config.uids)? } else { slot::none() };
    let plain = Plain::new(&config.scratch, slot.uid)?;
    let mut plan = Plan::default();
    let mut cgroup = None;
    if confine {
        plan = confined(run, &slot);
        cgroup = enter_cgroup(config, run, &slot, &mut plan)?;
        let abi = ruleset::version(slot.uid.is_some()).ok_or_else(|| SandboxError::Unavailable {
            tier,
            reason: "the kernel's landlock is off or too old".into(),
            advice: "use Linux 6.12 or newer (as root: 6.7) with `landlock` among the security \
                     modules (boot option lsm=), or install bubblewrap: apt-get install bubblewrap"
                .into(),
        })?;
        let writable = FOLDERS.map(|name| plain.path(name));
        let readable: Vec<PathBuf> = real_binds(run)?.into_iter().map(|bind| bind.source).collect();
        let rules = ruleset::rules(abi, &writable, &readable);
        plan.landlock = Some(rules.doing(|| "making landlock rules".into())?);
        let profile = Profile::Shared { keep_process_group: slot.uid.is_none() };
        plan.filters = seccomp::filters(profile).doing(|| "compiling filters".into())?;
        plan.no_new_privileges = true;
    }
    let mut command = Command::new("/bin/sh");
    command.current_dir(plain.path("job"));
    entry(&mut command, run);
    command.envs(env::outside(run, &plain.path("home"), &plain.path("tmp")));
    let places = Places::Plain(plain);
    Ok(Stage { command, plan, places, status: None, cgroup, slot, _base: None })
}

/// Makes `command` run [`bwrap::ENTRY`] with the invocation's command as its arguments.
fn entry(command: &mut Command, run: &Invocation) {
    command.args(["-c", bwrap::ENTRY, "vdo"]).args(&run.command).env_clear();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
}

fn confined(run: &Invocation, slot: &Slot) -> Plan {
    let Limits { memory, address_space, processes, open_files, file, cpu_seconds, .. } = run.limits;
    // The launcher, its child, the reaper and the entry shell count as well.
    let others = if slot.uid.is_some() { 4 } else { own_processes() + 4 };
    Plan {
        limits: vec![
            (Resource::Nproc, processes.saturating_add(others)),
            (Resource::Data, memory),
            (Resource::As, address_space),
            (Resource::Fsize, file),
            (Resource::Cpu, cpu_seconds),
            (Resource::Nofile, open_files),
            (Resource::Core, 0),
            (Resource::Memlock, 64 * 1024),
            (Resource::Msgqueue, 0),
        ],
        identity: slot.uid,
        ..Plan::default()
    }
}

/// Counts what this uid runs already: without a uid of its own a run shares that count.
fn own_processes() -> u64 {
    use std::os::unix::fs::MetadataExt;
    let me = rustix::process::getuid().as_raw();
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let mine = entries.filter(|entry| entry.metadata().is_ok_and(|found| found.uid() == me));
    mine.map(|entry| std::fs::read_dir(entry.path().join("task")).map_or(0, |tasks| tasks.count() as u64)).sum()
}

fn enter_cgroup(
    config: &SandboxConfig,
    run: &Invocation,
    slot: &Slot,
    plan: &mut Plan,
) -> Result<Option<Cgroup>, SandboxError> {
    let (Some(root), Some(uid)) = (&config.cgroups, slot.uid) else {
        return Ok(None);
    };
    let cgroup = Cgroup::new(root, &format!("vdo-sandbox-{uid}"), &run.limits);
    if let Some(cgroup) = &cgroup {
        plan.cgroups = cgroup.doors().doing(|| "opening a cgroup".into())?;
    }
    Ok(cgroup)
}

/// Returns what is bound besides the system, each with its real source.
fn real_binds(run: &Invocation) -> Result<Vec<BindAt>, SandboxError> {
    let tools = run.toolchains.found.iter().flat_map(|tool| &tool.binds).cloned();
    let deps = match &run.deps {
        Some(Deps::Read { dir }) => Some(Bind { source: dir.clone(), target: "/deps".into() }),
        Some(Deps::Write { .. }) | None => None,
    };
    let bundle = match (&run.net, &run.index.bundle) {
        (Net::Prepare { .. }, Some(path)) => Some(Bind { source: path.clone(), target: BUNDLE.into() }),
        _ => None,
    };
    let mut binds: Vec<BindAt> = Vec::new();
    for bind in tools.chain(deps).chain(bundle) {
        let source = bind.source.canonicalize();
        let source = source.doing(|| format!("resolving {}", bind.source.display()))?;
        if binds.iter().all(|bound| bound.target != bind.target) {
            binds.push(BindAt { source, target: bind.target });
        }
    }
    Ok(binds)
}

/// Clones the sources of `binds` while still root, and points `binds` at where they will be.
///
/// The launcher then need not be able to walk through the folders they lie in.
fn stage_mounts(base: &Path, tmpfs: &Tmpfs, binds: &mut [BindAt]) -> Result<Staging, SandboxError> {
    let name =
        |path: &Path| CString::new(path.as_os_str().as_bytes()).map_err(|_| SandboxError::bad_input("NUL in a path"));
    let writable = base.join("w");
    let mount = tmpfs.mount.try_clone().doing(|| "cloning a descriptor".into())?;
    let mut mounts = vec![StagedMount { mount, target: name(&writable)?, is_folder: true }];
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    for (index, bind) in binds.iter_mut().enumerate() {
        let doing = || format!("opening {}", bind.source.display());
        let mount = open_tree(CWD.as_fd(), &bind.source, flags).doing(doing)?;
        let is_folder = bind.source.is_dir();
        bind.source = base.join(format!("b{index}"));
        mounts.push(StagedMount { mount, target: name(&bind.source)?, is_folder });
    }
    Ok(Staging { base: name(base)?, mounts })
}

fn sealed(bytes: &[u8]) -> std::io::Result<OwnedFd> {
    let mut file = File::from(memfd_create("vdo", MemfdFlags::CLOEXEC)?);
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file.into())
}

/// Refuses what no tier could run, before anything is set up.
pub(super) fn check(run: &Invocation) -> Result<(), SandboxError> {
    let bad = |reason: &str| Err(SandboxError::bad_input(reason));
    let tier = run.tier.tier();
    if run.command.first().is_none_or(|program| program.is_empty()) {
        return bad("the command is empty");
    }
    let has_nul = |text: &OsString| text.as_bytes().contains(&0);
    if run.command.iter().any(has_nul) {
        return bad("NUL in the command");
    }
    let odd = |name: &str| name.is_empty() || name.contains(['=', '\0']);
    if run.env.iter().any(|(name, value)| odd(name) || value.contains('\0')) {
        return bad("a variable has an impossible name or value");
    }
    if let super::Require::T0 { reason } = &run.tier
        && reason.trim().is_empty()
    {
        return bad("running unconfined needs a reason");
    }
    if run.in_place && (tier != Tier::T0 || run.work.is_none() || run.harvest.is_some()) {
        return bad("a run in place needs tier T0 and a work folder, and leaves its files there");
    }
    if tier < Tier::T2 && run.net != Net::None {
        return bad("the prepare network needs tier T2");
    }
    if tier < Tier::T2 && run.deps.is_some() {
        return bad("prepared dependencies need tier T2");
    }
    if run.work.as_ref().is_some_and(|work| !work.is_dir()) {
        return bad("the work folder is not a folder");
    }
    let is_used = |dir: &PathBuf| std::fs::read_dir(dir).is_ok_and(|mut found| found.next().is_some());
    if run.harvest.as_ref().is_some_and(is_used) {
        return bad("the harvest folder is not empty");
    }
    match &run.deps {
        Some(Deps::Write { dir }) if dir.exists() => bad("the dependency folder exists already"),
        Some(Deps::Read { dir }) if !dir.is_dir() => bad("the dependency folder does not exist"),
        _ => Ok(()),
    }
}
