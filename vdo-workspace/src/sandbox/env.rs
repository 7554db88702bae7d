//! The variables a command sees. Pure; nothing is inherited from the host.

use std::collections::BTreeMap;
use std::path::Path;

use super::invocation::{Invocation, Net};
use super::net::PORT;
use super::toolchain::Bind;

const PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

/// Returns the variables of a run inside its own mount namespace.
pub(super) fn inside(run: &Invocation) -> Vec<(String, String)> {
    let mut env = fixed("/home/vdo", "/tmp");
    let mut path: Vec<String> = Vec::new();
    for tool in &run.toolchains.found {
        path.extend(tool.path.iter().map(|folder| folder.to_string_lossy().into_owned()));
        env.extend(tool.env.clone());
    }
    path.push(PATH.into());
    set(&mut env, "PATH", path.join(":"));
    if run.deps.is_some() {
        set(&mut env, "CARGO_HOME", "/deps/cargo");
    }
    match run.net {
        Net::None => {
            set(&mut env, "CARGO_NET_OFFLINE", "true");
            set(&mut env, "PIP_NO_INDEX", "1");
            set(&mut env, "npm_config_offline", "true");
        }
        Net::Prepare { .. } => {
            env.extend(run.index.variables());
            let proxy = format!("http://127.0.0.1:{PORT}");
            for name in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"] {
                set(&mut env, name, proxy.clone());
            }
        }
    }
    env.extend(run.env.clone());
    env.into_iter().collect()
}

/// Returns the variables of a run that shares the host's mounts.
pub(super) fn outside(run: &Invocation, home: &Path, tmp: &Path) -> Vec<(String, String)> {
    let mut env = fixed(&home.to_string_lossy(), &tmp.to_string_lossy());
    let mut path: Vec<String> = Vec::new();
    for tool in &run.toolchains.found {
        let real = |text: &str| unbound(text, &tool.binds);
        path.extend(tool.path.iter().map(|folder| real(&folder.to_string_lossy())));
        // A cargo home of the host is not writable here, so cargo keeps to its default.
        let own = tool.env.iter().filter(|(name, _)| *name != "CARGO_HOME");
        env.extend(own.map(|(name, value)| (name.clone(), real(value))));
    }
    path.push(PATH.into());
    set(&mut env, "PATH", path.join(":"));
    env.extend(run.env.clone());
    env.into_iter().collect()
}

fn fixed(home: &str, tmp: &str) -> BTreeMap<String, String> {
    let pairs = [
        ("HOME", home),
        ("TMPDIR", tmp),
        ("USER", "vdo"),
        ("LOGNAME", "vdo"),
        ("SHELL", "/bin/sh"),
        ("LANG", "C.UTF-8"),
        ("TERM", "dumb"),
        ("CI", "true"),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn set(env: &mut BTreeMap<String, String>, name: &str, value: impl Into<String>) {
    env.insert(name.to_owned(), value.into());
}

/// Turns a path of the sandbox back into the path on the host that is bound there.
fn unbound(text: &str, binds: &[Bind]) -> String {
    let path = Path::new(text);
    binds
        .iter()
        .find_map(|bind| path.strip_prefix(&bind.target).ok().map(|rest| bind.source.join(rest)))
        .map_or_else(|| text.to_owned(), |real| real.to_string_lossy().into_owned())
}
