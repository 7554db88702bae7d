//! The same sandbox on a host that is not root: no uid of its own, no staging, no cgroup.
#![cfg(feature = "sandbox")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

#[path = "sandbox_support/mod.rs"]
mod support;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use support::{assert_all_dead, can_run, sandbox, shell};
use vdo_workspace::sandbox::{Deps, Exit, Invocation, Limits, Net, Require};

const UID: u32 = 20999;
const ASKED: &str = "VDO_TEST_UNPRIVILEGED";

/// Runs the tests below once more, as an ordinary uid.
#[test]
fn the_claims_of_this_file_hold_for_an_ordinary_uid() {
    if std::env::var_os(ASKED).is_some() || !can_run() {
        return;
    }
    // The build folder may be closed to others, so the test program is copied out of it.
    let dir = tempfile::tempdir_in("/tmp").unwrap();
    std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let program = dir.path().join("tests");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let output = Command::new(program)
        .args(["ordinary::", "--nocapture", "--test-threads", "1"])
        .env(ASKED, "1")
        .env("TMPDIR", "/tmp")
        .current_dir("/tmp")
        // Changing the uid from root drops the supplementary groups as well.
        .uid(UID)
        .gid(UID)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("3 passed"), "{said}\n{complaints}");
}

mod ordinary {
    use super::*;

    fn is_asked() -> bool {
        std::env::var_os(ASKED).is_some()
    }

    #[tokio::test]
    async fn work_is_copied_in_and_harvested_at_both_tiers() {
        if !is_asked() {
            return;
        }
        for require in [Require::T2, Require::T1] {
            let (work, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            std::fs::write(work.path().join("a"), "before").unwrap();
            let run = shell("cat a; echo after > a; ln -s a b")
                .with_work(work.path())
                .with_harvest(out.path())
                .with_tier(require);
            let report = sandbox().run(run).await.unwrap();
            assert_eq!((report.exit, report.stdout.text.as_str()), (Exit::Code(0), "before"), "{report:?}");
            assert_eq!(std::fs::read_to_string(out.path().join("a")).unwrap(), "after\n");
            assert_eq!(report.harvest.unwrap().refused_total, 1);
        }
    }

    #[tokio::test]
    async fn a_timeout_leaves_nothing_at_both_tiers() {
        if !is_asked() {
            return;
        }
        for (require, marker) in [(Require::T2, "vdo-mark-u2"), (Require::T1, "vdo-mark-u1")] {
            let script = format!("(setsid sh -c 'sleep 300; : {marker}' &) ; sh -c 'sleep 300; : {marker}'");
            let limits = Limits::default().with_time(Duration::from_millis(400));
            let run = shell(&script).with_limits(limits).with_tier(require);
            assert_eq!(sandbox().run(run).await.unwrap().exit, Exit::TimedOut);
            assert_all_dead(marker);
        }
    }

    #[tokio::test]
    async fn prepare_reaches_its_proxy_and_keeps_dependencies() {
        if !is_asked() {
            return;
        }
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        std::thread::spawn(move || {
            while let Ok((mut client, _)) = server.accept() {
                let _ = client.read(&mut [0; 1024]);
                let _ = client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
            }
        });
        let script = format!(
            "import urllib.request as u\n\
             open('/deps/got', 'wb').write(u.urlopen('http://127.0.0.1:{port}/').read())"
        );
        let cache = tempfile::tempdir().unwrap();
        let dir = cache.path().join("deps");
        let run = Invocation::new(["/usr/bin/python3", "-c", &script])
            .with_net(Net::Prepare { allow: vec![format!("127.0.0.1:{port}").parse().unwrap()] })
            .with_deps(Deps::Write { dir: dir.clone() });
        let report = sandbox().run(run).await.unwrap();
        assert_eq!(report.exit, Exit::Code(0), "{report:?}");
        assert_eq!(std::fs::read_to_string(dir.join("got")).unwrap(), "hello");
    }
}
