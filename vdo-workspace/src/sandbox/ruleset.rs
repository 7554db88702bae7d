//! The landlock rules of the reduced tier.
//!
//! Invariant: the rules of the kernel's own version are required in full, or there are no rules.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, Scope,
};

/// Read and run.
const READ: [&str; 16] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/ssl/certs",
    "/proc/cpuinfo",
    "/proc/filesystems",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/version",
];

/// Read and write, without making anything.
const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/// Returns the landlock version of this kernel that the rules are written for, if it is enough.
///
/// Version 4 confines TCP, version 6 signals and abstract sockets. Where every run has a uid of
/// its own the latter can be done without.
pub(super) fn version(own_uid: bool) -> Option<ABI> {
    let enough = if own_uid { vec![ABI::V6, ABI::V5, ABI::V4] } else { vec![ABI::V6] };
    enough.into_iter().find(|abi| base(*abi).and_then(|rules| rules.create()).is_ok())
}

/// Makes a ruleset that lets `writable` be written and `readable` be read besides the system's.
pub(super) fn rules(abi: ABI, writable: &[PathBuf], readable: &[PathBuf]) -> io::Result<OwnedFd> {
    let mut rules = base(abi).and_then(|rules| rules.create()).map_err(io::Error::other)?;
    let read = AccessFs::from_read(abi);
    let system = READ.iter().map(Path::new).chain(readable.iter().map(PathBuf::as_path));
    for path in system.filter(|path| path.exists()) {
        rules = allow(rules, path, read, abi)?;
    }
    for path in DEVICES.iter().map(Path::new).filter(|path| path.exists()) {
        rules = allow(rules, path, AccessFs::ReadFile | AccessFs::WriteFile, abi)?;
    }
    for path in writable {
        let devices = AccessFs::MakeChar | AccessFs::MakeBlock;
        rules = allow(rules, path, AccessFs::from_all(abi) & !devices, abi)?;
    }
    Option::<OwnedFd>::from(rules).ok_or_else(|| io::ErrorKind::Unsupported.into())
}

fn base(abi: ABI) -> Result<Ruleset, landlock::RulesetError> {
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::from_all(abi))?;
    if abi >= ABI::V6 {
        rules = rules.scope(Scope::from_all(abi))?;
    }
    Ok(rules)
}

fn allow(
    rules: landlock::RulesetCreated,
    path: &Path,
    access: landlock::BitFlags<AccessFs>,
    abi: ABI,
) -> io::Result<landlock::RulesetCreated> {
    let fd = PathFd::new(path).map_err(io::Error::other)?;
    // A rule on a file must not name rights that only folders have.
    let access = if path.is_dir() { access } else { access & AccessFs::from_file(abi) };
    rules.add_rule(PathBeneath::new(fd, access)).map_err(io::Error::other)
}
