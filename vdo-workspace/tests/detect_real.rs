//! Detected commands, run for real: unittest must find every test, and its output must name them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::process::Command;

use common::source;
use vdo_core::port::TreeSource;
use vdo_workspace::folder::materialise;
use vdo_workspace::{detect, results};

const TEST: &str = "import unittest\nimport app\nclass T(unittest.TestCase):\n    def test_it(self):\n        self.assertEqual(app.X, 1)\n";

#[tokio::test]
async fn unittest_finds_the_tests_of_every_layout() {
    for (files, count) in [
        (vec![("app.py", "X = 1"), ("test_app.py", TEST)], 1),
        (vec![("app.py", "X = 1"), ("tests/test_app.py", TEST), ("tests/unit/test_b.py", TEST)], 2),
        (vec![("app.py", "X = 1"), ("tests/__init__.py", ""), ("tests/test_app.py", TEST)], 1),
        (vec![("src/app/__init__.py", "X = 1"), ("tests/test_app.py", TEST)], 1),
        (
            vec![
                ("src/app/__init__.py", "X = 1"),
                ("src/app/tests/__init__.py", ""),
                ("src/app/tests/test_a.py", TEST),
            ],
            1,
        ),
        (vec![("app.py", "X = 1"), ("my tests/a_test.py", TEST)], 1),
        (vec![("app/__init__.py", "X = 1"), ("app/test/__init__.py", ""), ("app/test/test_a.py", TEST)], 1),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("p");
        let tree = source(&files);
        materialise(&tree, &root).await.unwrap();
        let wanted = detect::wanted(tree.tree());
        let mut contents = detect::Contents::new();
        for path in wanted {
            let hash = tree.tree().get(&path).unwrap().blob;
            contents.insert(path, tree.read(&[hash]).await.unwrap().remove(0));
        }
        let detected = detect::detect(tree.tree(), &contents);
        assert_eq!(detected.setup, []);
        let mut names = std::collections::BTreeSet::new();
        for check in &detected.checks {
            let output = Command::new("/bin/sh").args(["-c", &check.run]).current_dir(&root).output().unwrap();
            let text = String::from_utf8(output.stderr).unwrap();
            assert!(output.status.success(), "{}: {text}", check.run);
            for test in results::parse(check.runner, &text, None) {
                names.insert(format!("{} {}", check.run, test.name));
            }
        }
        assert_eq!(names.len(), count, "{files:?} {:?} {names:?}", detected.checks);
    }
}
