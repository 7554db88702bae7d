//! `vdo apply`: the edits of a reply made in a folder, or refused with the folder as it was.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod support;

use support::Place;

const APP: &str = "def hello():\n    return 1\n\n\ndef bye():\n    return 2\n";

fn place(reply: &str) -> Place {
    let place = Place::new();
    place.write("p/app.py", APP);
    place.write("p/util.py", "x = 1\r\ny = 2\r\n");
    place.write("reply", reply);
    place
}

fn read(place: &Place, path: &str) -> String {
    std::fs::read_to_string(place.path(path)).unwrap()
}

const PATCH: &str = "*** Begin Patch\n*** Update File: app.py\n@@ def bye():\n-    return 2\n+    return 3\n*** Update File: util.py\n@@\n-y = 2\n+y = 3\n*** Add File: new/n.py\n+z = 1\n*** End Patch\n";

#[test]
fn every_file_is_changed_and_named_and_nothing_else_is_written() {
    let place = place(PATCH);
    assert_eq!(place.run("apply --root p reply").exits(0).stdout, "app.py\nnew/n.py\nutil.py\n");
    assert_eq!(read(&place, "p/app.py"), APP.replace("return 2", "return 3"));
    assert_eq!(read(&place, "p/util.py"), "x = 1\r\ny = 3\r\n");
    assert_eq!(read(&place, "p/new/n.py"), "z = 1\n");
    let mut names: Vec<String> = std::fs::read_dir(place.path("p"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["app.py", "new", "util.py"]);
    assert!(!place.path("home/data").exists(), "no store is made");
    // Once more: what is there already is said to be there.
    place.run("apply --root p --format v4a reply").exits(1).says(&["nothing was changed", "applied already"]);
}

#[test]
fn one_edit_that_does_not_land_leaves_every_file_as_it_was() {
    let place = place(&PATCH.replace("-y = 2", "-y = 9"));
    place.run("apply --root p reply").exits(1).says(&["nothing was changed", "util.py", "block 2", "y = 2"]);
    assert_eq!(
        (read(&place, "p/app.py"), read(&place, "p/util.py")),
        (APP.to_owned(), "x = 1\r\ny = 2\r\n".to_owned())
    );
    assert!(!place.path("p/new").exists());
}

#[test]
fn a_dry_run_prints_the_patch_that_git_takes_and_writes_nothing() {
    let place = place(PATCH);
    let patch = place.run("apply --root p --dry-run reply").exits(0).stdout;
    assert_eq!(read(&place, "p/app.py"), APP);
    place.write("patch", &patch);
    place.git("p", &["init", "-q"]);
    place.git("p", &["apply", "--check", "../patch"]);
    assert!(patch.contains("-    return 2\n+    return 3\n"), "{patch}");
}

#[test]
fn json_says_which_format_it_was_and_how_each_block_was_found() {
    let reply = "app.py\n```python\n<<<<<<< SEARCH\nreturn 2\n=======\nreturn 3\n>>>>>>> REPLACE\n```\n";
    let place = place(reply);
    let done: serde_json::Value =
        serde_json::from_str(&place.run("--json apply --root p reply").exits(0).stdout).unwrap();
    let wanted = serde_json::json!({"format": "search-replace", "files": ["app.py"], "blocks": [{"path": "app.py", "block": 1, "rung": "indent"}]});
    assert_eq!(done, wanted);
    assert_eq!(read(&place, "p/app.py"), APP.replace("return 2", "return 3"));
}

#[test]
fn nothing_is_written_outside_the_folder_through_a_link_or_over_what_is_no_file() {
    let write = |path: &str| format!("{}\n", serde_json::json!({"command": "create", "path": path, "file_text": "x"}));
    for path in
        ["../out.py", "/tmp/vdo-out.py", "link/out.py", "link", "dir", ".git/config", "APP.py", "Dir/x.py", "app.py/x"]
    {
        let place = place(&write(path));
        place.write("p/dir/f", "");
        place.write("elsewhere/keep", "");
        std::os::unix::fs::symlink(place.path("elsewhere"), place.path("p/link")).unwrap();
        place.run("apply --root p reply").exits(1).says(&["nothing was changed"]);
        assert_eq!(std::fs::read_dir(place.path("elsewhere")).unwrap().count(), 1, "{path}");
        assert!(
            !place.path("out.py").exists() && place.path("p/link").is_symlink() && place.path("p/dir").is_dir(),
            "{path}"
        );
    }
}

#[test]
fn permissions_stay_and_a_cut_reply_is_taken_only_if_it_is_said_to_be_whole() {
    use std::os::unix::fs::PermissionsExt as _;
    let cut = PATCH.strip_suffix("*** End Patch\n").unwrap();
    let place = place(cut);
    std::fs::set_permissions(place.path("p/app.py"), std::fs::Permissions::from_mode(0o751)).unwrap();
    place.run("apply --root p reply").exits(1).says(&["*** End Patch"]);
    assert_eq!(read(&place, "p/app.py"), APP);
    place.run("apply --root p --complete reply").exits(0);
    let mode = std::fs::metadata(place.path("p/app.py")).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode, read(&place, "p/app.py")), (0o751, APP.replace("return 2", "return 3")));
}

#[test]
fn bad_arguments_and_replies_are_told_apart() {
    let place = place("no edits here");
    place.run("apply --root p reply").exits(1).says(&["has no edits"]);
    place.run("apply --root p --format ed reply").exits(2).says(&["is no edit format"]);
    place.run("apply --root nowhere reply").exits(1).says(&["nowhere"]);
    place.run("apply --root p nothing").exits(2).says(&["nothing"]);
    std::fs::write(place.path("reply"), [0xff, 0xfe]).unwrap();
    place.run("apply --root p reply").exits(2).says(&["not UTF-8"]);
}
