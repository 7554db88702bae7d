//! What a run reports, and that nothing of it is left afterwards. Needs root and bubblewrap.
#![cfg(feature = "sandbox")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

#[path = "sandbox_support/mod.rs"]
mod support;

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use support::{assert_all_dead, can_run, holders, sandbox, shell};
use vdo_workspace::sandbox::{
    Exit, Invocation, LimitHit, Limits, RefusedWhy, Require, Sandbox, SandboxConfig, SandboxError, Tier,
};

#[tokio::test]
async fn every_tier_holds_here_and_stamps_its_reports() {
    if !can_run() {
        return;
    }
    let sandbox = sandbox();
    let t0 = Require::T0 { reason: "a test".into() };
    for (require, tier) in [(Require::T2, Tier::T2), (Require::T1, Tier::T1), (t0, Tier::T0)] {
        assert_eq!(sandbox.probe(tier).await.unwrap().tier, tier);
        let run = shell("echo out; echo err >&2; exit 3").with_tier(require);
        let report = sandbox.run(run).await.unwrap();
        assert_eq!((report.tier, report.exit), (tier, Exit::Code(3)));
        assert_eq!((report.stdout.text.as_str(), report.stderr.text.as_str()), ("out\n", "err\n"));
    }
}

#[tokio::test]
async fn a_missing_command_is_an_outcome_and_not_a_launch_failure() {
    if !can_run() {
        return;
    }
    let report = sandbox().run(Invocation::new(["no-such-command"])).await.unwrap();
    assert_eq!(report.exit, Exit::Code(127));
    assert!(report.exit.is_not_runnable());
    let report = sandbox().run(shell("kill -SEGV $$")).await.unwrap();
    assert_eq!(report.exit.signal(), Some(11));
}

#[tokio::test]
async fn the_work_folder_is_a_copy_and_a_harvest_brings_regular_files_back() {
    if !can_run() {
        return;
    }
    let (work, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::create_dir_all(work.path().join("src")).unwrap();
    std::fs::write(work.path().join("src/a"), "before").unwrap();
    let script = "echo after > src/a; mkdir -p .git/hooks; echo x > .git/hooks/pre-commit; \
                  ln -s /etc/shadow link; mkfifo pipe; pwd";
    let run = shell(script).with_work(work.path()).with_harvest(out.path());
    let report = sandbox().run(run).await.unwrap();
    assert_eq!((report.exit, report.stdout.text.as_str()), (Exit::Code(0), "/job\n"));
    assert_eq!(std::fs::read_to_string(work.path().join("src/a")).unwrap(), "before");
    assert_eq!(std::fs::read_to_string(out.path().join("src/a")).unwrap(), "after\n");
    let mut refused = report.harvest.unwrap().refused;
    refused.sort_by(|a, b| a.path.cmp(&b.path));
    let refused: Vec<_> = refused.iter().map(|one| (one.path.to_str().unwrap(), one.why)).collect();
    let expected = [(".git", RefusedWhy::Git), ("link", RefusedWhy::Symlink), ("pipe", RefusedWhy::Special)];
    assert_eq!(refused, expected);
    assert!(!out.path().join(".git").exists());
}

#[tokio::test]
async fn a_timeout_kills_daemons_too() {
    if !can_run() {
        return;
    }
    for (require, marker) in [(Require::T2, "vdo-mark-t2-time"), (Require::T1, "vdo-mark-t1-time")] {
        let script = format!("(setsid sh -c 'sleep 300; : {marker}' &) ; sh -c 'sleep 300; : {marker}'");
        let limits = Limits::default().with_time(Duration::from_millis(400));
        let run = shell(&script).with_limits(limits).with_tier(require);
        let report = sandbox().run(run).await.unwrap();
        assert_eq!((report.exit, report.limits_hit), (Exit::TimedOut, vec![LimitHit::Time]));
        assert_all_dead(marker);
    }
}

#[tokio::test]
async fn a_daemon_does_not_outlive_a_run_that_ends_well() {
    if !can_run() {
        return;
    }
    for (require, marker) in [(Require::T2, "vdo-mark-t2-end"), (Require::T1, "vdo-mark-t1-end")] {
        let script = format!("(setsid sh -c 'sleep 300; : {marker}' >/dev/null 2>&1 &) ; exit 0");
        let report = sandbox().run(shell(&script).with_tier(require)).await.unwrap();
        assert_eq!(report.exit, Exit::Code(0));
        assert_all_dead(marker);
    }
}

#[tokio::test]
async fn dropping_the_future_kills_everything() {
    if !can_run() {
        return;
    }
    let marker = "vdo-mark-drop";
    let sandbox = sandbox();
    let run = sandbox.run(shell(&format!("(setsid sh -c 'sleep 300; : {marker}' &); sleep 300")));
    let began = async {
        while holders(marker).len() < 3 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        report = run => panic!("ended: {report:?}"),
        () = began => {}
    }
    assert_all_dead(marker);
}

#[tokio::test]
async fn a_gigabyte_of_output_is_counted_and_not_kept() {
    if !can_run() {
        return;
    }
    let report = sandbox().run(shell("head -c 1073741824 /dev/zero; echo end")).await.unwrap();
    assert_eq!((report.stdout.total, report.stdout.truncated), ((1 << 30) + 4, true));
    assert!(report.stdout.text.ends_with("end\n") && report.stdout.text.len() < 300 * 1024);
}

/// Prints the time of 200 runs at each tier; the claim is only that each of them launches.
#[tokio::test]
async fn hundreds_of_starts_in_a_row_and_two_at_a_time_all_launch() {
    if !can_run() {
        return;
    }
    let sandbox = sandbox();
    for _ in 0..50 {
        let (one, two) = tokio::join!(sandbox.run(shell("id -u")), sandbox.run(shell("id -u")));
        assert_eq!((one.unwrap().exit, two.unwrap().exit), (Exit::Code(0), Exit::Code(0)));
    }
    let t0 = Require::T0 { reason: "a measurement".into() };
    for require in [Require::T2, Require::T1, t0] {
        let mut took = Vec::new();
        for _ in 0..200 {
            let run = Invocation::new(["/bin/true"]).with_tier(require.clone());
            let start = Instant::now();
            let report = sandbox.run(run).await.unwrap();
            took.push(start.elapsed());
            assert!(report.exit.is_success());
        }
        took.sort();
        let (min, middle) = (took.first().unwrap(), took.get(100).unwrap());
        eprintln!("{}: min {min:?} p50 {middle:?}", require.tier());
    }
}

#[tokio::test]
async fn what_cannot_be_confined_is_refused_and_nothing_of_it_runs() {
    if !can_run() {
        return;
    }
    let userns = "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2; exit 1\n";
    let liar = "#!/bin/sh\nwhile [ \"$1\" != -- ]; do shift; done; shift; exec \"$@\"\n";
    let broken = "#!/bin/sh\nexit 0\n";
    let cases = [
        (None, "apt-get install bubblewrap"),
        (Some(userns), "user namespaces"),
        (Some(broken), "--tier T1"),
        (Some(liar), "--tier T1"),
    ];
    for (script, advised) in cases {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777)).unwrap();
        if let Some(script) = script {
            let path = folder.path().join("bwrap");
            std::fs::write(&path, script).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        }
        let config = SandboxConfig::default().with_launcher_folders([folder.path().to_path_buf()]);
        let witness = folder.path().join("witness");
        let run = Invocation::new(["touch", witness.to_str().unwrap()]);
        match Sandbox::new(config).run(run).await.unwrap_err() {
            SandboxError::Unavailable { tier: Tier::T2, advice, .. } => {
                assert!(advice.contains(advised), "{advice}");
            }
            other => panic!("{script:?}: {other:?}"),
        }
        assert!(!witness.exists(), "{script:?}");
    }
    let blank = Require::T0 { reason: " ".into() };
    let refused = sandbox().run(shell("true").with_tier(blank)).await;
    assert!(matches!(refused, Err(SandboxError::BadInput { .. })));
}

/// Not a claim of its own: the host that the next test kills. Runs only when asked to.
#[tokio::test]
async fn host_to_be_killed() {
    if std::env::var_os("VDO_TEST_HOST_TO_BE_KILLED").is_some() {
        let script = "(setsid sh -c 'sleep 300; : vdo-mark-host' &); sleep 300";
        sandbox().run(shell(script)).await.unwrap();
    }
}

#[test]
fn killing_the_host_kills_the_sandbox() {
    if !can_run() {
        return;
    }
    let mut host = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "host_to_be_killed"])
        .env("VDO_TEST_HOST_TO_BE_KILLED", "1")
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while holders("vdo-mark-host").len() < 3 {
        assert!(Instant::now() < deadline, "the sandbox did not start");
        std::thread::yield_now();
    }
    host.kill().unwrap();
    host.wait().unwrap();
    assert_all_dead("vdo-mark-host");
}

#[tokio::test]
async fn a_hostile_tree_cannot_swamp_a_harvest() {
    if !can_run() {
        return;
    }
    let out = tempfile::tempdir().unwrap();
    let script = "import os\n\
                  for i in range(10000): os.symlink('/etc/passwd', f'l{i}')\n\
                  for i in range(300): os.mkdir('d'); os.chdir('d')\n\
                  os.chdir('/job')\n\
                  for i in range(20): open(f'f{i}', 'w').write('x')\n\
                  open('sparse', 'w').truncate(400 << 20)\n\
                  os.link('f0', 'hard')\n";
    let limits = Limits::default().with_harvest_files(10).with_harvest_bytes(1 << 20);
    let run = Invocation::new(["/usr/bin/python3", "-c", script]).with_limits(limits).with_harvest(out.path());
    let report = sandbox().run(run).await.unwrap();
    let harvest = report.harvest.unwrap();
    assert_eq!((report.exit, harvest.files), (Exit::Code(0), 10), "{}", report.stderr.text);
    assert_eq!((harvest.refused.len(), harvest.refused_total), (1000, 10_000 + 12 + 1));
    assert_eq!(harvest.bytes, 10);
}

#[tokio::test]
async fn shared_memory_counts_where_there_is_a_cgroup() {
    if !can_run() {
        return;
    }
    let script = "import mmap; m = mmap.mmap(-1, 512 << 20); m.write(b'x' * (512 << 20)); print('got it')";
    let limits = Limits::default().with_memory(128 << 20).with_disk(64 << 20);
    let run = Invocation::new(["/usr/bin/python3", "-c", script]).with_limits(limits);
    let report = sandbox().run(run).await.unwrap();
    if !report.cgroup {
        eprintln!("skipped: no writable cgroup here");
        return;
    }
    assert!(!report.stdout.text.contains("got it"), "{report:?}");
}

#[tokio::test]
async fn a_run_beyond_the_pool_of_uids_is_told_to_retry() {
    if !can_run() {
        return;
    }
    let sandbox = Sandbox::new(SandboxConfig::default().with_uids(20200..20201));
    sandbox.probe(Tier::T2).await.unwrap();
    let (one, two) = tokio::join!(sandbox.run(shell("sleep 1")), sandbox.run(shell("sleep 1")));
    let busy = [one, two].into_iter().filter_map(Result::err).collect::<Vec<_>>();
    assert!(matches!(busy.as_slice(), [SandboxError::Busy { slots: 1 }]), "{busy:?}");
    assert!(busy.iter().all(SandboxError::is_retryable));
}
