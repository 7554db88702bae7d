//! The bubblewrap command line of the full tier. Pure, except [`find`].
//!
//! Invariant: nothing of the host is bound but `/usr`, a few public files of `/etc`, the
//! toolchains, and what the run was given; every writable place is size-limited.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::limits::Limits;

/// Public files and folders of `/etc` that programs need; skipped where they do not exist.
const ETC: [&str; 9] = [
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/ssl/openssl.cnf",
    "/etc/ssl/certs",
    "/etc/ca-certificates",
];

/// The uid and gid seen inside, the same in every slot.
const INSIDE: &str = "1000";

/// Waits for the host's word before the command begins, and tells the host that it could.
///
/// The first line of stdout is the launch marker: nothing untrusted has run when it is written.
pub(super) const ENTRY: &str = "echo R; read -r _ || exit 125; exec \"$@\" </dev/null";
/// What [`ENTRY`] writes.
pub(super) const READY: &[u8] = b"R\n";

/// A folder or file to bind, and where it appears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BindAt {
    pub(super) source: PathBuf,
    pub(super) target: PathBuf,
}

/// Where the writable places come from.
#[derive(Debug)]
pub(super) enum Writable<'a> {
    /// Folders below this one.
    Staged(&'a Path),
    /// Bubblewrap makes one tmpfs each.
    Own,
}

/// Everything the command line depends on.
#[derive(Debug)]
pub(super) struct Layout<'a> {
    pub(super) writable: Writable<'a>,
    /// Whether `/deps` is one of the writable places.
    pub(super) writable_deps: bool,
    /// Read-only binds.
    pub(super) binds: &'a [BindAt],
    pub(super) env: &'a [(String, String)],
    pub(super) limits: &'a Limits,
    /// Descriptors of the compiled filters.
    pub(super) filters: &'a [i32],
    /// Descriptors whose content becomes a read-only file.
    pub(super) files: &'a [(i32, &'static str)],
    /// Descriptor on which bubblewrap names its child.
    pub(super) status: i32,
}

/// Finds bubblewrap in `folders`.
pub(super) fn find(folders: &[PathBuf]) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    folders
        .iter()
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join("bwrap"))
        .find(|path| path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0))
}

/// Returns the options, to be handed over NUL-terminated so that no value shows in a process list.
pub(super) fn options(layout: &Layout<'_>) -> Vec<OsString> {
    let mut line = Line::default();
    line.words("--unshare-all --unshare-user --disable-userns --die-with-parent --new-session");
    line.words("--cap-drop ALL --hostname vdo --clearenv");
    line.add(["--uid", INSIDE, "--gid", INSIDE]);
    line.words("--ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/sbin /sbin");
    line.words("--symlink usr/lib /lib --symlink usr/lib64 /lib64");
    for path in ETC {
        line.add(["--ro-bind-try", path, path]);
    }
    for (fd, path) in layout.files {
        line.add(["--ro-bind-data", &fd.to_string(), path]);
    }
    line.words("--proc /proc --dev /dev");
    let places = [("job", "/job"), ("tmp", "/tmp"), ("home", "/home/vdo"), ("shm", "/dev/shm")];
    let deps = layout.writable_deps.then_some(("deps", "/deps"));
    for (name, target) in places.into_iter().chain(deps) {
        match layout.writable {
            Writable::Staged(base) => {
                line.add(["--bind".into(), base.join(name).into_os_string(), target.into()]);
            }
            Writable::Own => {
                line.add(["--size", &layout.limits.disk.to_string(), "--tmpfs", target]);
            }
        }
    }
    for bind in layout.binds {
        let (source, target) = (bind.source.as_os_str(), bind.target.as_os_str());
        line.add([OsString::from("--ro-bind"), source.into(), target.into()]);
    }
    line.words("--remount-ro /dev --remount-ro /");
    for (name, value) in layout.env {
        line.add(["--setenv", name, value]);
    }
    for fd in layout.filters {
        line.add(["--add-seccomp-fd", &fd.to_string()]);
    }
    line.add(["--json-status-fd", &layout.status.to_string(), "--chdir", "/job"]);
    line.0
}

/// Returns `options` as bubblewrap's `--args` reads them; a NUL inside one cannot be expressed.
pub(super) fn encode(options: &[OsString]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for option in options {
        if option.as_bytes().contains(&0) {
            return None;
        }
        bytes.extend_from_slice(option.as_bytes());
        bytes.push(0);
    }
    Some(bytes)
}

/// Says what to do about bubblewrap failing with `message`.
pub(super) fn advice(message: &str) -> &'static str {
    let namespaces = ["namespace", "uid map", "gid map", "user.max_user_namespaces", "userns"];
    if namespaces.iter().any(|word| message.contains(word)) {
        "allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1, \
         kernel.apparmor_restrict_unprivileged_userns=0, user.max_user_namespaces > 0; in a \
         container also its seccomp profile), or name the reduced tier: --tier T1"
    } else {
        "reinstall it with `apt-get install --reinstall bubblewrap` (0.8 or newer is needed), or \
         name the reduced tier: --tier T1"
    }
}

/// The advice where there is no bubblewrap at all.
pub(super) const INSTALL: &str = "install it with `apt-get install bubblewrap`, or name the reduced tier: --tier T1";

#[derive(Default)]
struct Line(Vec<OsString>);

impl Line {
    fn words(&mut self, words: &str) {
        self.add(words.split(' '));
    }

    fn add<T: Into<OsString>>(&mut self, words: impl IntoIterator<Item = T>) {
        self.0.extend(words.into_iter().map(Into::into));
    }
}
