//! Commands that are killed while they write outside of the store: what is there is the old or the new, byte for byte, and the
//! same command again does it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod support;

use std::time::{Duration, Instant};

use support::{Place, Running, story, tree};

/// Numbers that look random and are the same in every run.
struct Lots(u64);

impl Lots {
    fn next(&mut self, below: u64) -> u64 {
        // The constants of Knuth's MMIX.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

/// Runs a command to its end once and returns how long that took.
fn measured(place: &Place, args: &[&str]) -> u64 {
    let begun = Instant::now();
    place.args(args).exits(0);
    u64::try_from(begun.elapsed().as_micros()).unwrap()
}

/// Kills a command after a random part of the time it takes.
fn kill(place: &Place, args: &[&str], lots: &mut Lots, takes: u64) {
    let running = Running::start(place.vdo(args));
    std::thread::sleep(Duration::from_micros(lots.next(takes)));
    running.signal("KILL");
    running.finish();
}

/// A finished job on a project with many files.
fn place() -> Place {
    let place = Place::new();
    for number in 0..300 {
        place.write(&format!("calc/data/{number}.txt"), &format!("line {number}\n").repeat(200));
    }
    place.project("calc");
    place.scripted(&story::notes());
    assert_eq!(place.job("calc", "Notes"), "2");
    place.run("run 2").exits(0);
    place
}

#[test]
fn a_deployment_that_is_killed_is_old_or_new_and_the_same_command_finishes_it() {
    let place = place();
    measured(&place, &["deploy", "1", "--to", "dir:out"]);
    let old = tree(&place.path("out"));
    let takes = measured(&place, &["deploy", "2", "--to", "dir:out"]);
    let new = tree(&place.path("out"));
    assert_ne!(old, new);
    let mut lots = Lots(11);
    for round in 0..20 {
        let (from, to) = if round % 2 == 0 { ("1", &old) } else { ("2", &new) };
        let target = ["deploy", from, "--to", "dir:out"];
        kill(&place, &target, &mut lots, takes);
        let found = tree(&place.path("out"));
        assert!(found == old || found == new, "round {round}: neither the old nor the new");
        place.args(&target).exits(0);
        assert!(tree(&place.path("out")) == *to, "round {round}");
        let beside: Vec<String> = std::fs::read_dir(place.path(""))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.contains("vdo-stage") || name.contains("vdo-aside"))
            .collect();
        assert_eq!(beside, Vec::<String>::new(), "round {round}");
    }
}

#[test]
fn a_patch_that_is_killed_on_its_way_into_a_file_is_old_or_new() {
    let place = place();
    let patch = ["diff", "1", "--patch", "-o", "out.patch"];
    let takes = measured(&place, &patch);
    let new = std::fs::read(place.path("out.patch")).unwrap();
    assert!(new.len() > 100_000, "{}", new.len());
    let mut lots = Lots(13);
    for round in 0..20 {
        place.write("out.patch", "old");
        kill(&place, &patch, &mut lots, takes);
        let found = std::fs::read(place.path("out.patch")).unwrap();
        assert!(found == b"old" || found == new, "round {round}: {} bytes", found.len());
        place.args(&patch).exits(0);
        assert_eq!(std::fs::read(place.path("out.patch")).unwrap(), new, "round {round}");
        let left = std::fs::read_dir(place.path("")).unwrap().map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = left.filter(|name| name.to_str().unwrap().starts_with(".vdo-")).collect();
        assert_eq!(left.len(), 0, "round {round}: {left:?}");
    }
}

#[test]
fn an_export_that_is_killed_is_old_or_new_and_leaves_nothing_that_the_next_does_not_remove() {
    let place = place();
    let old = place.run("export 1 project.vdo --json").exits(0).json()["seal"].clone();
    place.args(&["new", "Of another project"]).exits(0);
    let takes = measured(&place, &["backup", "whole.vdo"]);
    let new = place.run("import --check whole.vdo --json").exits(0).json()["seal"].clone();
    assert_ne!(old, new);
    let mut lots = Lots(23);
    for round in 0..15 {
        let file = place.path("out.vdo");
        if round % 3 == 0 {
            std::fs::copy(place.path("project.vdo"), &file).unwrap();
        }
        kill(&place, &["backup", "out.vdo"], &mut lots, takes);
        let seal = place.run("import --check out.vdo --json").exits(0).json()["seal"].clone();
        assert!(seal == old || seal == new, "round {round}: {seal}");
    }
    place.run("backup out.vdo").exits(0);
    let left = std::fs::read_dir(place.path("out.vdo").parent().unwrap()).unwrap().flatten();
    let left: Vec<_> = left.filter(|entry| entry.file_name().to_string_lossy().starts_with(".vdo-export-")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn an_import_that_is_killed_has_taken_all_or_nothing() {
    let place = place();
    place.run("backup whole.vdo").exits(0);
    let import =
        |store: &str| ["--store".to_owned(), format!("sqlite:{store}"), "import".to_owned(), "whole.vdo".to_owned()];
    let first = import("fresh-0.db");
    let takes = measured(&place, &first.each_ref().map(String::as_str));
    let mut lots = Lots(29);
    for round in 1..=10 {
        let store = format!("fresh-{round}.db");
        let args = import(&store);
        kill(&place, &args.each_ref().map(String::as_str), &mut lots, takes);
        let jobs = place.args(&["--store", &format!("sqlite:{store}"), "jobs", "--all", "--json"]).exits(0).json();
        let count = jobs.as_array().unwrap().len();
        assert!(count == 0 || count == 2, "round {round}: {jobs}");
    }
}
