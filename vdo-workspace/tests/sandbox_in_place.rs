//! Unconfined runs in the folder itself: bounded, ended, and never without being named.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::time::Duration;

use vdo_core::check::{CheckCommand, CommandSource, Runner};
use vdo_core::port::{CheckRequest, Checker as _};
use vdo_workspace::check::SandboxChecker;
use vdo_workspace::sandbox::{Exit, Invocation, LimitHit, Limits, Require, Sandbox, SandboxConfig, SandboxError};

fn here(script: &str, work: &std::path::Path) -> Invocation {
    Invocation::new(["/bin/sh", "-c", script])
        .with_work(work)
        .with_tier(Require::T0 { reason: "a test".to_owned() })
        .in_place()
}

fn sandbox() -> Sandbox {
    Sandbox::new(SandboxConfig::default())
}

#[tokio::test]
async fn a_command_works_on_the_folder_and_its_end_is_told() {
    let work = tempfile::tempdir().unwrap();
    let report = sandbox().run(here("echo out; echo err >&2; echo x > made; exit 3", work.path())).await.unwrap();
    assert_eq!(
        (report.exit, report.stdout.text.as_str(), report.stderr.text.as_str()),
        (Exit::Code(3), "out\n", "err\n")
    );
    assert_eq!(std::fs::read_to_string(work.path().join("made")).unwrap(), "x\n");
    let mut missing = here("", work.path());
    missing.command = vec!["/no/such/program".into()];
    assert_eq!(sandbox().run(missing).await.unwrap().exit, Exit::Code(127));
}

#[tokio::test]
async fn time_output_and_what_is_left_running_are_bounded() {
    let work = tempfile::tempdir().unwrap();
    let limits = Limits::default().with_time(Duration::from_millis(300)).with_output(1000);
    let report = sandbox().run(here("yes", work.path()).with_limits(limits)).await.unwrap();
    assert_eq!((report.exit, report.stdout.text.len() < 2000), (Exit::TimedOut, true));
    assert_eq!(report.limits_hit, [LimitHit::Time, LimitHit::Output]);
    // What the command leaves in the background holds the pipes; it is ended, and the run with it.
    let report = sandbox().run(here("sleep 1000 & echo done", work.path())).await.unwrap();
    assert_eq!((report.exit, report.stdout.text.as_str()), (Exit::Code(0), "done\n"));
}

#[tokio::test]
async fn only_a_named_tier_without_confinement_runs_in_place() {
    let work = tempfile::tempdir().unwrap();
    let confined = here("true", work.path()).with_tier(Require::T2);
    assert!(matches!(sandbox().run(confined).await, Err(SandboxError::BadInput { .. })));
    let silent = here("true", work.path()).with_tier(Require::T0 { reason: " ".to_owned() });
    assert!(matches!(sandbox().run(silent).await, Err(SandboxError::BadInput { .. })));
}

#[tokio::test]
async fn trees_lie_where_they_are_wanted_each_whole_and_alone_and_are_gone_afterwards() {
    let trees = tempfile::tempdir().unwrap();
    let require = Require::T0 { reason: "a test".to_owned() };
    let checker = SandboxChecker::new(sandbox(), require, "/nonexistent").with_trees(trees.path());
    let tree = common::source(&[("a.txt", "one")]);
    // What the first request leaves behind would change what the second prints.
    let run = "pwd -P; ls; cat a.txt; echo two > a.txt; echo x > b.txt".to_owned();
    let commands = [CheckCommand { run, source: CommandSource::User, runner: Runner::Other }];
    let mut places = Vec::new();
    for _ in 0..2 {
        let report = checker.check(CheckRequest::new(&tree, &commands)).await.unwrap().report;
        let (place, rest) = report.outcomes[0].output.split_once('\n').unwrap();
        assert_eq!(rest, "a.txt\none");
        assert_eq!(std::path::Path::new(place).parent().unwrap(), trees.path().canonicalize().unwrap());
        places.push(place.to_owned());
    }
    assert_ne!(places[0], places[1]);
    assert_eq!(std::fs::read_dir(trees.path()).unwrap().count(), 0);
}
