//! Finds the toolchains a checkout needs and says how a sandbox sees them.
//!
//! Resolving runs the tools of the host, as the host, once and before entry; the sandbox then gets
//! their real folders, read-only, and never a home folder.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The variables of the host, as far as the caller hands them over.
#[derive(Clone, Default)]
pub struct Environment {
    vars: BTreeMap<String, String>,
}

impl fmt::Debug for Environment {
    /// Names only: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.vars.keys()).finish()
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(vars: I) -> Self {
        let vars = vars.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self { vars: vars.collect() }
    }
}

impl Environment {
    pub(super) fn var(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub(super) fn vars(&self) -> impl Iterator<Item = (&str, &str)> {
        self.vars.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(super) fn home(&self) -> Option<&Path> {
        self.var("HOME").map(Path::new)
    }

    /// Finds an executable on `PATH`.
    fn which(&self, name: &str) -> Option<PathBuf> {
        let path = self.var("PATH")?;
        std::env::split_paths(path)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(name))
            .find(|path| path.is_file())
    }

    /// Runs a tool of the host and returns what it prints, or nothing if it fails or dawdles.
    async fn ask(&self, program: &Path, arguments: &[&str]) -> Option<String> {
        let mut command = tokio::process::Command::new(program);
        command.args(arguments).env_clear().envs(&self.vars).current_dir("/");
        command.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(Duration::from_secs(30), command.output());
        let output = output.await.ok()?.ok()?;
        let text = output.status.success().then(|| String::from_utf8(output.stdout).ok())??;
        Some(text.trim().to_owned())
    }
}

/// A language whose toolchain can be resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Language {
    /// Python 3, from the system, pyenv or a virtual environment.
    Python,
    /// Rust, from the system or rustup.
    Rust,
    /// Node, from the system or nvm.
    Node,
    /// Go.
    Go,
}

impl Language {
    /// Every language, in a fixed order.
    pub const ALL: [Self; 4] = [Self::Python, Self::Rust, Self::Node, Self::Go];

    /// Returns the command that shows whether the toolchain starts.
    pub fn smoke(self) -> &'static [&'static str] {
        match self {
            Self::Python => &["python3", "-c", "pass"],
            Self::Rust => &["cargo", "--version"],
            Self::Node => &["node", "--version"],
            Self::Go => &["go", "version"],
        }
    }
}

/// A folder of the host seen read-only in the sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bind {
    /// Its real path on the host.
    pub source: PathBuf,
    /// Its path in the sandbox.
    pub target: PathBuf,
}

/// How one language's toolchain is seen in a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Toolchain {
    /// The language.
    pub language: Language,
    /// The real program on the host.
    pub program: PathBuf,
    /// Folders bound read-only; none where everything is below `/usr`.
    pub binds: Vec<Bind>,
    /// Folders put first on `PATH`.
    pub path: Vec<PathBuf>,
    /// Variables set.
    pub env: BTreeMap<String, String>,
}

/// The toolchains found on a host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Toolchains {
    /// What was found, at most one of each language.
    pub found: Vec<Toolchain>,
}

impl Toolchains {
    /// Resolves every [`Language`] from the `PATH`, `HOME` and tool variables of `environment`.
    ///
    /// What is not installed, does not answer, or would need a home folder bound is left out.
    pub async fn resolve(environment: &Environment) -> Self {
        let mut found = Vec::new();
        found.extend(python(environment).await);
        found.extend(rust(environment).await);
        found.extend(node(environment).await);
        found.extend(go(environment).await);
        found.retain(|tool: &Toolchain| tool.binds.iter().all(|bind| is_bindable(bind, environment)));
        Self { found }
    }

    /// Returns the toolchain of `language`, if it was found.
    pub fn of(&self, language: Language) -> Option<&Toolchain> {
        self.found.iter().find(|tool| tool.language == language)
    }
}

/// Whether one language's toolchain starts in the full sandbox. Made by [`Sandbox::doctor`].
///
/// [`Sandbox::doctor`]: super::Sandbox::doctor
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ToolchainCheck {
    /// The language.
    pub language: Language,
    /// The real program on the host, if one was found.
    pub program: Option<PathBuf>,
    /// Whether its smoke command exited with 0 in the sandbox.
    pub starts: bool,
    /// What it printed, or why it did not start.
    pub detail: String,
}

async fn python(environment: &Environment) -> Option<Toolchain> {
    let found = environment.which("python3")?;
    // Shims and wrappers hide the real program; only the interpreter itself knows its folders.
    let script = "import sys,os;print(os.path.realpath(sys.executable));print(sys.base_prefix);print(sys.prefix)";
    let answer = environment.ask(&found, &["-c", script]).await?;
    let mut lines = answer.lines().map(PathBuf::from);
    let (program, base, prefix) = (lines.next()?, lines.next()?, lines.next()?);
    // Bound at its own place: console scripts, `pyvenv.cfg` and the library path name it.
    let mut binds = in_place(&base);
    if prefix != base {
        binds.extend(in_place(&prefix));
    }
    let path = if binds.is_empty() { Vec::new() } else { vec![prefix.join("bin"), base.join("bin")] };
    let env = [("PYTHONDONTWRITEBYTECODE", "1")];
    Some(tool(Language::Python, program, binds, path, &env))
}

async fn rust(environment: &Environment) -> Option<Toolchain> {
    let rustc = environment.which("rustc")?;
    // Asked in a home without toolchains, rustup would make its folder there.
    let proxy = rustc.canonicalize().is_ok_and(|real| real.file_stem().is_some_and(|name| name == "rustup"));
    let home = environment.var("RUSTUP_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(environment.home()?.join(".rustup")));
    if proxy && !home.is_some_and(|home| home.is_dir()) {
        return None;
    }
    let sysroot = PathBuf::from(environment.ask(&rustc, &["--print", "sysroot"]).await?);
    let program = sysroot.join("bin/cargo");
    if !program.is_file() {
        return None;
    }
    let mut binds = Vec::new();
    let mut path = Vec::new();
    let mut env = vec![("CARGO_HOME", "/opt/vdo/cargo"), ("CARGO_TERM_COLOR", "never")];
    if !is_system(&sysroot) {
        // The toolchain itself, without the rustup proxies in front of it.
        binds.push(Bind { source: sysroot, target: "/opt/vdo/rust".into() });
        path.push("/opt/vdo/rust/bin".into());
    }
    let cargo = environment.var("CARGO_HOME").map(PathBuf::from);
    let cargo = cargo.or_else(|| Some(environment.home()?.join(".cargo")));
    match cargo.map(|cargo| cargo.join("registry")).filter(|registry| registry.is_dir()) {
        Some(registry) => {
            binds.push(Bind { source: registry, target: "/opt/vdo/cargo/registry".into() });
        }
        None => env.retain(|(name, _)| *name != "CARGO_HOME"),
    }
    Some(tool(Language::Rust, program, binds, path, &env))
}

async fn node(environment: &Environment) -> Option<Toolchain> {
    let found = environment.which("node")?;
    let program = PathBuf::from(environment.ask(&found, &["-p", "process.execPath"]).await?);
    let program = program.canonicalize().ok()?;
    let prefix = program.parent()?.parent()?.to_path_buf();
    let mut binds = Vec::new();
    let mut path = Vec::new();
    if !is_system(&prefix) {
        binds.push(Bind { source: prefix, target: "/opt/vdo/node".into() });
        path.push("/opt/vdo/node/bin".into());
    }
    let env = [("npm_config_update_notifier", "false"), ("npm_config_fund", "false")];
    Some(tool(Language::Node, program, binds, path, &env))
}

async fn go(environment: &Environment) -> Option<Toolchain> {
    let found = environment.which("go")?;
    let root = PathBuf::from(environment.ask(&found, &["env", "GOROOT"]).await?);
    let program = root.join("bin/go");
    let mut binds = Vec::new();
    let mut path = Vec::new();
    let mut env = vec![("GOTOOLCHAIN", "local"), ("GOFLAGS", "-buildvcs=false")];
    if !is_system(&root) {
        binds.push(Bind { source: root, target: "/opt/vdo/go".into() });
        path.push("/opt/vdo/go/bin".into());
        env.push(("GOROOT", "/opt/vdo/go"));
    }
    Some(tool(Language::Go, program, binds, path, &env))
}

fn tool(language: Language, program: PathBuf, binds: Vec<Bind>, path: Vec<PathBuf>, env: &[(&str, &str)]) -> Toolchain {
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Toolchain { language, program, binds, path, env: env.collect() }
}

fn in_place(folder: &Path) -> Vec<Bind> {
    if is_system(folder) {
        return Vec::new();
    }
    vec![Bind { source: folder.to_path_buf(), target: folder.to_path_buf() }]
}

/// Returns whether every sandbox sees this folder anyway.
fn is_system(folder: &Path) -> bool {
    folder.starts_with("/usr")
}

/// Refuses to bind a home folder, anything above one, or over a place the sandbox needs.
fn is_bindable(bind: &Bind, environment: &Environment) -> bool {
    let own = ["/job", "/tmp", "/home/vdo", "/dev", "/proc", "/deps", "/etc"];
    let holds_home = environment.home().is_some_and(|home| {
        let real = home.canonicalize();
        let source = bind.source.canonicalize().unwrap_or_else(|_| bind.source.clone());
        home.starts_with(&source) || real.is_ok_and(|real| real.starts_with(&source))
    });
    let too_wide = bind.source.components().count() < 3;
    let covers = own.iter().any(|place| bind.target.starts_with(place) || Path::new(place).starts_with(&bind.target));
    bind.source.is_absolute() && !holds_home && !too_wide && !covers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_folder_and_what_lies_above_it_is_never_bound() {
        let environment: Environment = [("HOME", "/home/ann")].into_iter().collect();
        let bind = |path: &str| Bind { source: path.into(), target: path.into() };
        for refused in ["/", "/home", "/home/ann", "/opt", "/tmp/venv", "relative/path/x"] {
            assert!(!is_bindable(&bind(refused), &environment), "{refused}");
        }
        assert!(is_bindable(&bind("/home/ann/.pyenv/versions/3.11.7"), &environment));
    }

    #[test]
    fn debug_output_names_variables_without_their_values() {
        let environment: Environment = [("TOKEN", "hunter2")].into_iter().collect();
        assert_eq!(format!("{environment:?}"), r#"{"TOKEN"}"#);
    }
}
