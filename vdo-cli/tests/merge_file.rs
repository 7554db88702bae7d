//! `vdo merge-file`: by hand, as git's merge driver, and with input that cannot be merged.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod support;

use support::Place;

const BASE: &str = "from flask import Flask\n\n\ndef create_app():\n    app = Flask(__name__)\n    app.register_blueprint(home)\n    return app\n";

fn with(line: &str) -> String {
    BASE.replace("(home)\n", &format!("(home)\n    {line}\n"))
}

fn place() -> Place {
    let place = Place::new();
    place.write("base.py", BASE);
    place.write("ours.py", &with("app.register_blueprint(risk)"));
    place.write("theirs.py", &with("app.register_blueprint(sig)"));
    place
}

#[test]
fn additions_at_one_place_come_together_on_standard_output_or_in_a_file() {
    let place = place();
    let merged = with("app.register_blueprint(risk)\n    app.register_blueprint(sig)");
    assert_eq!(place.run("merge-file base.py ours.py theirs.py").exits(0).stdout, merged);
    place.run("merge-file -o out.py base.py ours.py theirs.py").exits(0).prints_nothing();
    assert_eq!(std::fs::read_to_string(place.path("out.py")).unwrap(), merged);
    assert!(!place.path("home/data").exists(), "no store is made");
}

#[test]
fn a_conflict_is_marked_with_its_terms_and_labels_and_tells_its_reason() {
    let place = place();
    place.write("theirs.py", &BASE.replace("(home)", "(away)"));
    place.write("ours.py", &BASE.replace("(home)", "(start)"));
    let ran = place.run("merge-file -L mine -L old -L yours base.py ours.py theirs.py").exits(1);
    assert_eq!(
        ran.stdout,
        "from flask import Flask\n\n\ndef create_app():\n    app = Flask(__name__)\n<<<<<<< mine\n    app.register_blueprint(start)\n||||||| old\n    app.register_blueprint(home)\n=======\n    app.register_blueprint(away)\n>>>>>>> yours\n    return app\n"
    );
    assert!(ran.stderr.contains("conflict 1 of 1: "), "{}", ran.stderr);
    let ran = place.run("merge-file --marker-size 12 base.py ours.py theirs.py").exits(1);
    assert!(
        ran.stdout.contains("\n<<<<<<<<<<<< ours.py\n") && ran.stdout.contains("\n============\n"),
        "{}",
        ran.stdout
    );
}

#[test]
fn what_cannot_be_merged_ends_with_129_and_the_output_is_untouched() {
    let place = place();
    place.write("out.py", "as it was");
    std::fs::write(place.path("binary"), b"a\0b").unwrap();
    std::fs::write(place.path("other"), b"a\0c").unwrap();
    std::fs::File::create(place.path("huge")).unwrap().set_len(101 << 20).unwrap();
    for (words, says) in [
        ("merge-file -o out.py base.py missing.py theirs.py", "missing.py: No such file"),
        ("merge-file -o out.py base.py home theirs.py", "home is a folder"),
        ("merge-file -o out.py base.py binary other", "binary is binary, and both sides changed it"),
        ("merge-file -o out.py base.py huge theirs.py", "huge has 105906176 bytes; at most"),
        ("merge-file -o out.py --path ../x.py base.py ours.py theirs.py", "--path ../x.py"),
        ("merge-file -o out.py base.py ours.py", "THEIRS"),
        ("merge-file -o out.py --marker-size 0 base.py ours.py theirs.py", "1 to 200 signs"),
        ("merge-file -o no/such/folder/out.py base.py ours.py theirs.py", "No such file"),
    ] {
        place.run(words).exits(129).prints_nothing().says(&[says]);
        assert_eq!(std::fs::read_to_string(place.path("out.py")).unwrap(), "as it was", "{words}");
    }
    // A side that changed nothing needs no merge, whatever the file is.
    std::fs::copy(place.path("binary"), place.path("same")).unwrap();
    place.run("merge-file -o out.py binary same other").exits(0);
    assert_eq!(std::fs::read(place.path("out.py")).unwrap(), b"a\0c");
}

#[test]
fn bytes_that_are_no_text_and_a_million_lines_are_merged_by_lines() {
    let place = Place::new();
    let lines = |first: &[u8], last: &[u8]| {
        let mut text = first.to_vec();
        text.extend((0..1_000_000).flat_map(|line| format!("{line}\n").into_bytes()));
        text.extend_from_slice(last);
        text
    };
    for (name, first, last) in
        [("base", &b"\xff\n"[..], &b"z\n"[..]), ("ours", b"\xfe\n", b"z\n"), ("theirs", b"\xff\n", b"y\n")]
    {
        std::fs::write(place.path(name), lines(first, last)).unwrap();
    }
    place.run("merge-file -o out base ours theirs").exits(0);
    assert!(std::fs::read(place.path("out")).unwrap() == lines(b"\xfe\n", b"y\n"));
}

#[test]
fn git_merges_with_it_as_a_driver_what_it_refuses_itself() {
    let place = place();
    let put = |side: &str| std::fs::copy(place.path(side), place.path("repo/app.py")).unwrap();
    std::fs::create_dir(place.path("repo")).unwrap();
    let git = |args: &[&str]| place.git("repo", args);
    git(&["init", "-q", "-b", "main"]);
    put("base.py");
    place.write("repo/.gitattributes", "* merge=vdo\n");
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "base"]);
    git(&["checkout", "-q", "-b", "theirs"]);
    put("theirs.py");
    git(&["commit", "-q", "-a", "-m", "theirs"]);
    git(&["checkout", "-q", "main"]);
    put("ours.py");
    git(&["commit", "-q", "-a", "-m", "ours"]);
    // The line of the documentation, with the command where the test has it.
    let driver = format!("{} merge-file --path %P --marker-size %L -o %A %O %A %B", env!("CARGO_BIN_EXE_vdo"));
    git(&["config", "merge.vdo.driver", &driver]);
    git(&["merge", "-q", "--no-edit", "theirs"]);
    let merged = std::fs::read_to_string(place.path("repo/app.py")).unwrap();
    assert_eq!(merged, with("app.register_blueprint(risk)\n    app.register_blueprint(sig)"));
    assert_eq!(git(&["status", "--porcelain"]), "");
}
