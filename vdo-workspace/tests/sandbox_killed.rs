//! Processes that are killed while they install dependencies: the cached folder is whole or not there, and what they left of it is
//! removed by the next. Needs root and bubblewrap.
#![cfg(feature = "sandbox")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, clippy::print_stdout)]

#[path = "sandbox_support/mod.rs"]
mod support;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::{can_run, sandbox, shell};
use vdo_workspace::sandbox::{Deps, Exit, Net};

const PLACE: &str = "VDO_TEST_PLACE";
const FILES: usize = 400;

/// Installs many files into a cached folder, as `prepare` does.
async fn install(dir: &Path) {
    let script = format!("for i in $(seq {FILES}); do echo \"file $i\" > /deps/f$i; done; echo all > /deps/mark");
    let run = shell(&script).with_net(Net::Prepare { allow: Vec::new() }).with_deps(Deps::Write { dir: dir.into() });
    let report = sandbox().run(run).await.unwrap();
    assert_eq!(report.exit, Exit::Code(0), "{report:?}");
}

#[tokio::test]
#[ignore = "is started by the other, and killed"]
async fn a_child_that_is_killed() {
    let Ok(place) = std::env::var(PLACE) else { return };
    println!("begun");
    for number in 0.. {
        install(&Path::new(&place).join(format!("deps{number}"))).await;
    }
}

#[track_caller]
fn assert_whole(dir: &Path) {
    assert_eq!(std::fs::read_to_string(dir.join("mark")).unwrap(), "all\n", "{dir:?}");
    for number in 1..=FILES {
        assert_eq!(std::fs::read_to_string(dir.join(format!("f{number}"))).unwrap(), format!("file {number}\n"));
    }
}

fn names(dir: &Path) -> Vec<String> {
    std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn dependencies_whose_installation_is_killed_are_whole_or_not_there_and_nothing_is_left_of_them() {
    if !can_run() {
        return;
    }
    let begun = Instant::now();
    install(&tempfile::tempdir().unwrap().path().join("deps")).await;
    let takes = u64::try_from(begun.elapsed().as_micros()).unwrap();
    let mut seed = 1_u64;
    for round in 0..15 {
        let place = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_child_that_is_killed", "--ignored", "--nocapture"])
            .env(PLACE, place.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("begun")));
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        std::thread::sleep(Duration::from_micros((seed >> 33) % (2 * takes)));
        child.kill().unwrap();
        child.wait().unwrap();
        let found: Vec<String> = names(place.path()).into_iter().filter(|name| !name.starts_with('.')).collect();
        found.iter().for_each(|name| assert_whole(&place.path().join(name)));
        install(&place.path().join("again")).await;
        assert_whole(&place.path().join("again"));
        let left: Vec<String> = names(place.path()).into_iter().filter(|name| name.starts_with('.')).collect();
        assert_eq!(left, Vec::<String>::new(), "round {round}");
    }
}
