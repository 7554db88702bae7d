//! `vdo scan`: what it prints of a folder.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod support;

use support::Place;

fn shop() -> Place {
    let place = Place::new();
    place.write("shop/app.py", "\"\"\"Sells tea.\"\"\"\n@app.route(\"/teas\")\ndef teas(): pass\n");
    place.write("shop/AGENTS.md", "Be brief.\n");
    place.write("shop/web/AGENTS.md", "Be briefer.\n");
    place.write("shop/Makefile", "test:\n\tpython -m unittest\n");
    place.write("shop/test_app.py", "import unittest\n");
    place.write("shop/node_modules/x/index.js", "a\n");
    place
}

#[test]
fn a_scan_of_a_folder_without_git_prints_the_same_data_each_time() {
    let place = shop();
    let first = place.run("scan shop").exits(0);
    let lines = [
        "### Routes",
        "- GET /teas (app.py:2)",
        "- `make test`: python -m unittest",
        "### Rules, sent whole with every request",
        "- web/AGENTS.md",
        "### Checks",
    ];
    for line in lines {
        assert!(first.stdout.lines().any(|printed| printed == line), "{line}: {}", first.stdout);
    }
    first.says(&["files told of in"]);
    assert_eq!(place.run("scan shop").exits(0).stdout, place.run("scan shop").exits(0).stdout);
}

#[test]
fn a_scan_as_json_has_the_form_of_its_schema() {
    let place = shop();
    let found = place.run("scan shop --json").exits(0).json();
    assert_eq!(found["rules"], serde_json::json!(["AGENTS.md", "web/AGENTS.md"]));
    assert_eq!(found["summary"]["routes"]["items"][0]["pattern"], "/teas");
    assert_eq!(found["classes"]["test"], 1);
    let schema = place.run("schema scan").exits(0).json();
    let named: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
    let printed: Vec<&String> = found.as_object().unwrap().keys().collect();
    assert_eq!(named, printed);
}

#[test]
fn an_empty_folder_is_nothing_and_one_that_is_not_there_a_usage_error() {
    let place = Place::new();
    std::fs::create_dir(place.path("empty")).unwrap();
    let found = place.run("scan empty --json").exits(0).json();
    assert_eq!((found["files"].as_u64(), found["summary"]["files"].as_u64()), (Some(0), Some(0)));
    place.run("scan nowhere").exits(2).prints_nothing().says(&["nowhere"]);
}
