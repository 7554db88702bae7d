//! Real toolchains in the sandbox, and the two phases of a real install. Needs root, bubblewrap
//! and, for the install, the package index that this machine is configured for.
#![cfg(feature = "sandbox")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

#[path = "sandbox_support/mod.rs"]
mod support;

use std::io::{Read, Write};
use std::net::TcpListener;

use support::{can_run, sandbox, shell};
use vdo_workspace::sandbox::{
    AllowedHost, Deps, Environment, Exit, IndexSettings, Invocation, Language, Limits, Net, Toolchains,
};

fn environment() -> Environment {
    std::env::vars().collect()
}

#[tokio::test]
async fn every_toolchain_found_on_the_host_starts_in_the_full_sandbox() {
    if !can_run() {
        return;
    }
    let tools = Toolchains::resolve(&environment()).await;
    for check in sandbox().doctor(&tools).await.unwrap() {
        eprintln!("{check:?}");
        assert_eq!(check.starts, check.program.is_some(), "{check:?}");
    }
    assert!(tools.of(Language::Rust).is_some());
    let run = shell("ls -A ~ /root /home; env").with_toolchains(tools);
    let said = sandbox().run(run).await.unwrap().stdout.text;
    assert!(!said.contains(".ssh") && !said.contains(".npmrc") && !said.contains(".config"), "{said}");
}

#[tokio::test]
async fn a_crate_is_built_and_run_without_network() {
    if !can_run() {
        return;
    }
    let work = tempfile::tempdir().unwrap();
    let manifest = "[package]\nname = \"tiny\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";
    std::fs::write(work.path().join("Cargo.toml"), manifest).unwrap();
    std::fs::create_dir(work.path().join("src")).unwrap();
    let main = "fn main() { println!(\"built\"); }\n";
    std::fs::write(work.path().join("src/main.rs"), main).unwrap();
    let tools = Toolchains::resolve(&environment()).await;
    let run = Invocation::new(["cargo", "run", "-q"]).with_work(work.path()).with_toolchains(tools);
    let report = sandbox().run(run).await.unwrap();
    assert_eq!((report.exit, report.stdout.text.as_str()), (Exit::Code(0), "built\n"), "{report:?}");
}

#[tokio::test]
async fn node_has_room_for_webassembly_under_the_default_limits() {
    if !can_run() {
        return;
    }
    let tools = Toolchains::resolve(&environment()).await;
    if tools.of(Language::Node).is_none() {
        eprintln!("skipped: no node here");
        return;
    }
    let script = "new WebAssembly.Memory({initial: 1, maximum: 65536}); \
                  require('http').createServer().listen(0, '127.0.0.1', function () { this.close() });\
                  console.log('fine')";
    let run = Invocation::new(["node", "-e", script]).with_toolchains(tools);
    let report = sandbox().run(run).await.unwrap();
    assert_eq!((report.exit, report.stdout.text.as_str()), (Exit::Code(0), "fine\n"), "{report:?}");
}

#[tokio::test]
async fn prepare_reaches_a_listed_loopback_port_and_nothing_else() {
    if !can_run() {
        return;
    }
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    std::thread::spawn(move || {
        while let Ok((mut client, _)) = server.accept() {
            let mut head = [0; 1024];
            let _ = client.read(&mut head);
            let _ = client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
        }
    });
    let script = format!(
        "import urllib.request as u\n\
         print(u.urlopen('http://127.0.0.1:{port}/').read())\n\
         for other in ('http://127.0.0.1:1/', 'http://example.com/'):\n\
         \x20 try: u.urlopen(other); print('reached')\n\
         \x20 except Exception as e: print(e)\n"
    );
    let allow: Vec<AllowedHost> = vec![format!("127.0.0.1:{port}").parse().unwrap()];
    let run = Invocation::new(["/usr/bin/python3", "-c", &script]);
    let report = sandbox().run(run.clone().with_net(Net::Prepare { allow: allow.clone() })).await.unwrap();
    let refused = "HTTP Error 403: Host Not On The Allow List";
    assert_eq!(report.stdout.text, format!("b'hello'\n{refused}\n{refused}\n"), "{report:?}");
    assert_eq!(report.net_refused, ["127.0.0.1:1", "example.com:80"]);
    let report = sandbox().run(run.clone()).await.unwrap();
    assert_ne!(report.exit, Exit::Code(0), "reached without a network: {report:?}");
    let limits = Limits::default().with_net_bytes(3);
    let run = run.with_net(Net::Prepare { allow }).with_limits(limits);
    let report = sandbox().run(run).await.unwrap();
    assert_eq!(report.limits_hit, [vdo_workspace::sandbox::LimitHit::Network]);
}

#[tokio::test]
async fn what_prepare_installs_the_test_phase_uses_and_cannot_change() {
    if !can_run() {
        return;
    }
    let tools = Toolchains::resolve(&environment()).await;
    let index = IndexSettings::from_environment(&environment());
    // The host's own resolver may send the public index to a mirror, so its port is named.
    let mut allow = index.hosts();
    allow.extend(["pypi.org:443", "files.pythonhosted.org:443"].map(|host| host.parse().unwrap()));
    let cache = tempfile::tempdir().unwrap();
    let dir = cache.path().join("deps");
    let install = "python3 -m pip install -q --target /deps/python six && echo kept > /deps/mark";
    let run = shell(install)
        .with_toolchains(tools.clone())
        .with_index(index)
        .with_net(Net::Prepare { allow })
        .with_deps(Deps::Write { dir: dir.clone() });
    let report = sandbox().run(run).await.unwrap();
    assert_eq!(report.exit, Exit::Code(0), "is the package index reachable? {report:?}");
    assert!(dir.join("python/six.py").is_file());

    let test = "python3 -c 'import six; print(six.__name__)'; echo x > /deps/mark || cat /deps/mark";
    let run = shell(test).with_toolchains(tools).with_env("PYTHONPATH", "/deps/python").with_deps(Deps::Read { dir });
    let report = sandbox().run(run).await.unwrap();
    assert_eq!(report.stdout.text, "six\nkept\n", "{report:?}");
}
