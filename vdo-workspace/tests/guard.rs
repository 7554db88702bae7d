//! The guard over changes: what is found, what is not, and what it says of real commits.
#![cfg(feature = "syntax")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::{Command, Stdio};

use vdo_core::content::{Blob, BlobHash, Entry};
use vdo_core::contents::Contents;
use vdo_core::findings::{Finding, Severity};
use vdo_core::guard::{self, Change};
use vdo_core::id::JobId;
use vdo_core::path::RepoPath;
use vdo_core::prompt::Assignment;
use vdo_core::tree::FileTree;
use vdo_workspace::syntax::TreeSitterSyntax;

fn assignment(title: &str, description: &str) -> Assignment {
    Assignment {
        job: JobId::new(2).unwrap(),
        title: title.to_owned(),
        description: description.to_owned(),
        ancestors: Vec::new(),
        merges: Vec::new(),
    }
}

fn tree(files: &[(&str, &str)], contents: &mut Contents) -> FileTree {
    let mut tree = FileTree::default();
    for (path, text) in files {
        let blob = Blob::new(text.as_bytes().to_vec());
        contents.add(&blob);
        tree.0.insert(path.parse().unwrap(), Entry::file(blob.hash()));
    }
    tree
}

/// Inspects a change of these files; the rest stays.
fn inspect(job: &str, before: &[(&str, &str)], after: &[(&str, &str)], repaired: &[&str]) -> Vec<Finding> {
    let mut contents = Contents::default();
    let (before, after) = (tree(before, &mut contents), tree(after, &mut contents));
    let repaired: BTreeSet<RepoPath> = repaired.iter().map(|path| path.parse().unwrap()).collect();
    guard::inspect(&Change {
        before: &before,
        after: &after,
        contents: &contents,
        syntax: &TreeSitterSyntax,
        plan: None,
        assignment: &assignment(job, ""),
        repaired: &repaired,
    })
}

fn rules(findings: &[Finding]) -> Vec<(&str, Severity)> {
    findings.iter().map(|finding| (finding.by.as_deref().unwrap_or("?"), finding.severity)).collect()
}

use Severity::{Blocker, Major, Minor};

const CALC: (&str, &str) = ("calc.py", "def add(a, b):\n    return a + b\n");
const TEST: &str = "import unittest\n\nimport calc\n\n\nclass CalcTest(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(calc.add(2, 3), 5)\n\n    def test_neg(self):\n        self.assertEqual(calc.add(-2, -3), -5)\n";

/// Inspects a change of the calculator's tests, together with one of its code.
#[track_caller]
fn of_test(after: &str, wanted: &[(&str, Severity)]) {
    let code = ("calc.py", "def add(a, b):\n    return b + a\n");
    let found = inspect("Speed up adding", &[CALC, ("test_calc.py", TEST)], &[code, ("test_calc.py", after)], &[]);
    assert_eq!(rules(&found), wanted, "{after}\n{found:#?}");
}

#[test]
fn tests_that_go_are_skipped_or_show_nothing_are_blockers() {
    of_test(TEST, &[]);
    let neg = "    def test_neg(self):\n        self.assertEqual(calc.add(-2, -3), -5)\n";
    assert!(TEST.contains(neg));
    for (by, instead) in [
        ("test-deleted", ""),
        ("test-deleted", "    def check_neg(self):\n        self.assertEqual(calc.add(-2, -3), -5)\n"),
        (
            "test-skipped",
            "    @unittest.skip('later')\n    def test_neg(self):\n        self.assertEqual(calc.add(-2, -3), -5)\n",
        ),
        (
            "test-skipped",
            "    @unittest.expectedFailure\n    def test_neg(self):\n        self.assertEqual(calc.add(-2, -3), -5)\n",
        ),
        (
            "test-skipped",
            "    @pytest.mark.xfail\n    def test_neg(self):\n        self.assertEqual(calc.add(-2, -3), -5)\n",
        ),
        ("test-skipped", "    def test_neg(self):\n        return\n        self.assertEqual(calc.add(-2, -3), -5)\n"),
        (
            "test-skipped",
            "    def test_neg(self):\n        self.skipTest('x')\n        self.assertEqual(calc.add(-2, -3), -5)\n",
        ),
        (
            "test-skipped",
            "    def test_neg(self):\n        if False:\n            self.assertEqual(calc.add(-2, -3), -5)\n",
        ),
        ("test-weakened", "    def test_neg(self):\n        assert True\n"),
        ("test-weakened", "    def test_neg(self):\n        self.assertTrue(True)\n"),
        ("test-weakened", "    def test_neg(self):\n        self.assertEqual(1, 1)\n"),
        ("test-weakened", "    def test_neg(self):\n        assert calc.add(-2, -3) == -5 or True\n"),
        ("test-weakened", "    def test_neg(self):\n        pass\n"),
        (
            "test-weakened",
            "    def test_neg(self):\n        calc.add(-2, -3)\n        # self.assertEqual(calc.add(-2, -3), -5)\n",
        ),
        (
            "test-weakened",
            "    def test_neg(self):\n        try:\n            self.assertEqual(calc.add(-2, -3), -5)\n        except AssertionError:\n            pass\n",
        ),
    ] {
        of_test(&TEST.replace(neg, instead), &[(by, Blocker)]);
    }
    let gone = inspect("Speed up adding", &[CALC, ("test_calc.py", TEST)], &[CALC], &[]);
    assert_eq!(rules(&gone), [("test-deleted", Blocker)]);
    // Asked for, or only written in another place or in another way.
    for (job, after) in [
        ("Remove the negative tests", vec![CALC, ("test_calc.py", &TEST.replace(neg, ""))]),
        ("Move tests", vec![CALC, ("tests/test_calc.py", TEST)]),
        ("Tidy", vec![CALC, ("tests/test_calc.py", TEST)]),
    ] {
        assert_eq!(rules(&inspect(job, &[CALC, ("test_calc.py", TEST)], &after, &[])), [], "{job}");
    }
}

#[test]
fn an_expectation_that_is_changed_instead_of_the_code_is_found() {
    let changed = TEST.replace("calc.add(-2, -3), -5", "calc.add(-2, -3), 5");
    let before = [CALC, ("test_calc.py", TEST)];
    let found = inspect("Speed up adding", &before, &[CALC, ("test_calc.py", &changed)], &[]);
    assert_eq!(rules(&found), [("test-changed", Major)]);
    let code = ("calc.py", "def add(a, b):\n    return abs(a + b)\n");
    let found = inspect("Speed up adding", &before, &[code, ("test_calc.py", &changed)], &["test_calc.py"]);
    assert_eq!(rules(&found), [("test-changed", Major)]);
    // With the code, and not because it failed: behaviour that changes.
    assert_eq!(rules(&inspect("Add absolutely", &before, &[code, ("test_calc.py", &changed)], &[])), []);
}

#[test]
fn the_same_is_known_of_other_languages() {
    let js = "const { add } = require('./calc');\ntest('adds', () => {\n  expect(add(1, 2)).toBe(3);\n});\ntest('negates', () => {\n  expect(add(-1, -2)).toBe(-3);\n});\n";
    let rust = "pub fn add(a: i32, b: i32) -> i32 { a + b }\n#[cfg(test)]\nmod tests {\n    use super::*;\n    #[test]\n    fn adds() {\n        assert_eq!(add(1, 2), 3);\n    }\n    #[test]\n    fn negates() {\n        assert_eq!(add(-1, -2), -3);\n    }\n}\n";
    let go = "package calc\n\nimport \"testing\"\n\nfunc TestAdd(t *testing.T) {\n\tif Add(1, 2) != 3 {\n\t\tt.Fatal(\"no\")\n\t}\n}\n\nfunc TestNeg(t *testing.T) {\n\tif Add(-1, -2) != -3 {\n\t\tt.Fatal(\"no\")\n\t}\n}\n";
    for (path, text, from, to, by) in [
        ("calc.test.js", js, "test('negates', () => {", "test.skip('negates', () => {", "test-skipped"),
        ("calc.test.js", js, "test('negates'", "xit('negates'", "test-skipped"),
        ("calc.test.js", js, "expect(add(-1, -2)).toBe(-3)", "expect(true).toBe(true)", "test-weakened"),
        ("calc.test.js", js, "test('negates', () => {\n  expect(add(-1, -2)).toBe(-3);\n});\n", "", "test-deleted"),
        ("calc.test.js", js, "test('adds'", "test.only('adds'", "test-focused"),
        (
            "src/lib.rs",
            rust,
            "    #[test]\n    fn negates",
            "    #[test]\n    #[ignore]\n    fn negates",
            "test-skipped",
        ),
        ("src/lib.rs", rust, "assert_eq!(add(-1, -2), -3)", "assert!(true)", "test-weakened"),
        (
            "src/lib.rs",
            rust,
            "    #[test]\n    fn negates() {\n        assert_eq!(add(-1, -2), -3);\n    }\n",
            "",
            "test-deleted",
        ),
        (
            "calc_test.go",
            go,
            "func TestNeg(t *testing.T) {\n",
            "func TestNeg(t *testing.T) {\n\tt.Skip(\"x\")\n",
            "test-skipped",
        ),
        ("calc_test.go", go, "package calc\n", "//go:build ignore\n\npackage calc\n", "test-skipped"),
    ] {
        let after = text.replacen(from, to, 1);
        assert_ne!(after, text, "{from}");
        let found = inspect(
            "Speed up",
            &[(path, text), ("package.json", "{}")],
            &[(path, &after), ("package.json", "{}")],
            &[],
        );
        assert_eq!(rules(&found), [(by, Blocker)], "{path} {to} {found:#?}");
    }
}

#[test]
fn runners_that_are_told_to_run_less_are_blockers() {
    for (path, before, after) in [
        ("package.json", r#"{"scripts":{"test":"jest"}}"#, r#"{"scripts":{"test":"true"}}"#),
        ("package.json", r#"{"scripts":{"test":"jest"}}"#, r#"{"scripts":{"test":"echo ok && exit 0"}}"#),
        ("package.json", r#"{"scripts":{"test":"jest"}}"#, r#"{"scripts":{"test":"jest || true"}}"#),
        ("package.json", r#"{"scripts":{"test":"jest"}}"#, r#"{"scripts":{"test":"jest --passWithNoTests"}}"#),
        ("package.json", r#"{"scripts":{"test":"jest"}}"#, r#"{"scripts":{"test":"node -e 0"}}"#),
        ("package.json", r#"{"scripts":{"test":"jest"}}"#, r#"{"scripts":{}}"#),
        ("conftest.py", "", "collect_ignore = ['test_calc.py']\n"),
        ("pytest.ini", "[pytest]\n", "[pytest]\naddopts = --ignore=tests/test_calc.py\n"),
        (
            "pyproject.toml",
            "[tool.pytest.ini_options]\n",
            "[tool.pytest.ini_options]\naddopts = \"--deselect test_a\"\n",
        ),
        ("Makefile", "test:\n\tpytest\n", "test:\n\t@true\n"),
        ("Makefile", "check: lint\n\tpytest\n", "check:\n"),
    ] {
        let found = inspect("Add a page", &[(path, before)], &[(path, after)], &[]);
        assert_eq!(rules(&found), [("test-config", Blocker)], "{path} {after} {found:#?}");
    }
    for (path, before, after) in [
        ("package.json", r#"{"scripts":{"test":"jest"}}"#, r#"{"scripts":{"test":"jest --coverage"}}"#),
        (
            "package.json",
            r#"{"scripts":{"test":"echo \"Error: no test specified\" && exit 1"}}"#,
            r#"{"scripts":{"test":"node --test"}}"#,
        ),
        ("Makefile", "test:\n\tpytest\n", "test:\n\tpytest -q\n"),
    ] {
        assert_eq!(rules(&inspect("Add a page", &[(path, before)], &[(path, after)], &[])), [], "{after}");
    }
}

#[test]
fn what_was_there_and_is_lost_in_a_rewrite_is_found() {
    let app = "from flask import Flask\n\napp = Flask(__name__)\n\n\n@app.route(\"/\")\ndef index():\n    return \"home\"\n\n\n@app.route(\"/risk\")\ndef risk():\n    return \"risk\"\n\n\ndef helper(x):\n    return x\n";
    let less = "from flask import Flask\n\napp = Flask(__name__)\n\n\n@app.route(\"/\")\ndef index():\n    return \"home\"\n\n\n@app.route(\"/sig\")\ndef sig():\n    return \"sig\"\n";
    let reqs = ("requirements.txt", "flask\n");
    let found = inspect("Add the SIG page", &[("app.py", app), reqs], &[("app.py", less), reqs], &[]);
    assert_eq!(rules(&found), [("definition-lost", Major), ("route-lost", Major)], "{found:#?}");
    assert!(found[0].claim.starts_with("risk, helper was defined here"), "{found:?}");
    let asked = inspect("Remove risk and helper", &[("app.py", app), reqs], &[("app.py", less), reqs], &[]);
    assert_eq!(asked.iter().filter(|finding| finding.must_be_fixed()).count(), 0, "{asked:#?}");
    let nav = "<nav>\n<a href=\"/\">Home</a>\n<a href=\"/risk\">Risk</a>\n<a href=\"{{ url_for('sig.index') }}\">SIG</a>\n</nav>\n";
    let dropped = nav.replace("<a href=\"/risk\">Risk</a>\n", "<a href=\"/new\">New</a>\n");
    let found = inspect("Add the new page", &[("templates/base.html", nav)], &[("templates/base.html", &dropped)], &[]);
    assert_eq!(rules(&found), [("link-lost", Major)]);
    let added = nav.replace("</nav>", "<a href=\"/new\">New</a>\n</nav>");
    assert_eq!(rules(&inspect("Add", &[("templates/base.html", nav)], &[("templates/base.html", &added)], &[])), []);
}

#[test]
fn what_is_there_twice_is_found() {
    let twice = "def add(a, b):\n    return a + b\n\n\ndef add(a, b):\n    return a - b\n";
    assert_eq!(rules(&inspect("Add", &[CALC], &[("calc.py", twice)], &[])), [("defined-twice", Major)]);
    let body = "    a = 1\n    b = 2\n    c = 3\n    d = 4\n    e = 5\n    return a + b + c + d + e\n";
    let (one, other) = (format!("def long():\n{body}"), format!("def other():\n{body}"));
    let found =
        inspect("Add", &[("one.py", &one), ("x.py", "")], &[("one.py", &one), ("two.py", &other), ("x.py", "")], &[]);
    assert_eq!(rules(&found), [("copied", Minor)]);
    let overloads = "from typing import overload\n\n\nclass A:\n    @property\n    def x(self):\n        return 1\n\n    @x.setter\n    def x(self, v):\n        pass\n\n\n@overload\ndef f(a: int) -> int: ...\n@overload\ndef f(a: str) -> str: ...\ndef f(a):\n    return a\n";
    assert_eq!(rules(&inspect("Add", &[CALC], &[CALC, ("o.py", overloads)], &[])), []);
}

#[test]
fn imports_of_what_is_nowhere_are_found() {
    let reqs = ("requirements.txt", "Flask==3.0\nPyYAML\npython-dateutil\n");
    let package = ("package.json", r#"{"dependencies":{"express":"4"},"devDependencies":{"@types/lodash":"4"}}"#);
    let go = ("go.mod", "module ex.org/calc\n\ngo 1.22\n\nrequire github.com/gin-gonic/gin v1.9.0\n");
    let base = [reqs, package, go, ("app/__init__.py", ""), ("app/models.py", "X = 1\n"), ("src/a.js", "")];
    for (path, text) in [
        ("app/a.py", "import fastjsonx\n"),
        ("app/a.py", "from app.missing import X\n"),
        ("app/a.py", "from .missing import X\n"),
        ("app/a.py", "from ..app.nowhere import X\n"),
        ("src/b.js", "const x = require('./missing');\n"),
        ("src/b.js", "import x from 'left-padder';\n"),
        ("src/b.ts", "import { x } from '../gone';\n"),
        ("b.go", "package calc\n\nimport (\n\t\"fmt\"\n\t\"github.com/nobody/nothing\"\n)\n"),
    ] {
        let after: Vec<_> = base.iter().copied().chain([(path, text)]).collect();
        assert_eq!(rules(&inspect("Add", &base, &after, &[])), [("unknown-import", Major)], "{path} {text}");
    }
    for (path, text) in [
        (
            "app/a.py",
            "import os, sys\nimport yaml\nimport flask\nfrom jinja2 import Template\nfrom app.models import X\nfrom . import models\nfrom .models import X\nfrom dateutil.parser import parse\n",
        ),
        ("app/a.py", "try:\n    import ujson as json\nexcept ImportError:\n    import json\n"),
        ("app/a.py", "\"\"\"Usage:\n\nimport nowhere\n\"\"\"\n"),
        (
            "src/b.js",
            "import fs from 'node:fs';\nimport path from 'path';\nimport express from 'express';\nimport _ from 'lodash';\nimport a from './a.js';\nimport b from './a';\n",
        ),
        (
            "b.go",
            "package calc\n\nimport (\n\t\"net/http\"\n\t\"github.com/gin-gonic/gin/binding\"\n\t\"ex.org/calc/inner\"\n)\n",
        ),
    ] {
        let after: Vec<_> = base.iter().copied().chain([(path, text)]).collect();
        let found = inspect("Add", &base, &after, &[]);
        assert_eq!(rules(&found), [], "{path} {text} {found:#?}");
    }
}

#[test]
fn files_that_run_elsewhere_secrets_and_leftovers_are_found() {
    for (path, text, by, severity) in [
        (".github/workflows/ci.yml", "on: push\n", "ci-file", Blocker),
        (".gitlab-ci.yml", "a: b\n", "ci-file", Blocker),
        (".husky/pre-commit", "npm test\n", "git-hook", Blocker),
        ("setup.sh", "git config core.hooksPath evil\n", "git-hook", Blocker),
        (".env", "A=1\n", "environment-file", Blocker),
        ("package-lock.json", "{}\n", "lock-file", Major),
        ("Cargo.lock", "\n", "lock-file", Major),
        ("app.py", "KEY = \"AKIAQ3EGJ7Z2LM4NPR5S\"\n", "secret", Blocker),
        ("app.py", "TOKEN = \"ghp_a8Fk29dLq0ZxC7vB6nM5sD4fG3hJ2kL1pO9i\"\n", "secret", Blocker),
        ("app.py", "API_SECRET = \"9f8e7d6c5b4a39281706f5e4d3c2b1a0\"\n", "secret", Blocker),
        ("key.pem", "-----BEGIN RSA PRIVATE KEY-----\nabc\n", "secret", Blocker),
        ("app.py", "def f():\n    pass\n<<<<<<< HEAD\nx = 1\n=======\ny = 2\n>>>>>>> other\n", "merge-marker", Blocker),
        ("app.py", "def f():\n    # ... existing code ...\n    return 1\n", "placeholder", Blocker),
        ("app.js", "// ... rest of the code unchanged ...\n", "placeholder", Blocker),
    ] {
        let found = inspect("Add a page", &[CALC], &[CALC, (path, text)], &[]);
        assert_eq!(rules(&found), [(by, severity)], "{path} {found:#?}");
    }
    for (job, path, text) in [
        ("Add a CI workflow", ".github/workflows/ci.yml", "on: push\n"),
        ("Update dependencies", "package-lock.json", "{}\n"),
        ("Add", ".env.example", "KEY=\n"),
        (
            "Add",
            "app.py",
            "KEY = \"AKIAIOSFODNN7EXAMPLE\"\nPASSWORD = os.environ[\"PASSWORD\"]\nSECRET_KEY = \"dev\"\n",
        ),
        ("Add", "README.rst", "Title\n=======\n"),
        ("Add", "a.py", "x = [1, ...]\n# and so on ...\n"),
    ] {
        assert_eq!(rules(&inspect(job, &[CALC], &[CALC, (path, text)], &[])), [], "{path}");
    }
}

/// Counts findings over commits that people made: `VDO_GUARD_REPOS=a.git:b.git VDO_GUARD_COMMITS=50`.
#[test]
#[ignore = "a measurement; needs repositories"]
fn measure_commits() {
    let repos = std::env::var("VDO_GUARD_REPOS").expect("VDO_GUARD_REPOS names bare repositories, separated by colons");
    let limit: usize = std::env::var("VDO_GUARD_COMMITS").ok().and_then(|text| text.parse().ok()).unwrap_or(40);
    let (mut commits, mut flagged) = (0, 0);
    let mut per_rule: BTreeMap<(String, Severity), usize> = BTreeMap::new();
    for repo in repos.split(':') {
        let log = git(repo, &["rev-list", "--no-merges", "--max-count=4000", "HEAD"]);
        let all: Vec<&str> = log.lines().collect();
        for commit in all.iter().step_by((all.len() / limit).max(1)).take(limit) {
            let found = of_commit(repo, commit);
            commits += 1;
            let hard: BTreeSet<(String, Severity)> = found
                .iter()
                .filter(|finding| finding.must_be_fixed())
                .map(|finding| (finding.by.clone().unwrap(), finding.severity))
                .collect();
            flagged += usize::from(!hard.is_empty());
            for rule in hard {
                *per_rule.entry(rule).or_default() += 1;
            }
            for finding in found.iter().filter(|finding| finding.must_be_fixed()) {
                println!("{repo} {} {finding}", &commit[..9]);
            }
        }
    }
    println!("{commits} commits, {flagged} with a major finding or a blocker");
    for ((rule, severity), count) in per_rule {
        println!("{rule:<18} {severity:?} {count}");
    }
}

fn git(repo: &str, args: &[&str]) -> String {
    let output = Command::new("git").args(["-C", repo]).args(args).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn of_commit(repo: &str, commit: &str) -> Vec<Finding> {
    let mut contents = Contents::default();
    let list = |commit: &str| -> BTreeMap<RepoPath, String> {
        let text = git(repo, &["ls-tree", "-r", "-z", commit]);
        let rows = text.split('\0').filter_map(|row| row.split_once('\t'));
        rows.filter(|(about, _)| about.starts_with("100"))
            .filter_map(|(about, path)| Some((path.parse().ok()?, about.split(' ').nth(2)?.to_owned())))
            .collect()
    };
    let (old, new) = (list(&format!("{commit}^")), list(commit));
    let mark = |files: &BTreeMap<RepoPath, String>| -> FileTree {
        files.iter().map(|(path, sha)| (path.clone(), Entry::file(BlobHash::of(sha.as_bytes())))).collect()
    };
    let (mut before, mut after) = (mark(&old), mark(&new));
    let wanted = guard::needs(&before, &after);
    let mut real: BTreeMap<String, BlobHash> = BTreeMap::new();
    for (files, tree) in [(&old, &mut before), (&new, &mut after)] {
        for (path, sha) in files {
            let entry = tree.0.get_mut(path).unwrap();
            if !wanted.contains(&entry.blob) {
                continue;
            }
            let hash = *real.entry(sha.clone()).or_insert_with(|| {
                let mut child = Command::new("git")
                    .args(["-C", repo, "cat-file", "blob", sha])
                    .stdin(Stdio::null())
                    .stdout(Stdio::piped())
                    .spawn()
                    .unwrap();
                let mut bytes = Vec::new();
                std::io::Read::read_to_end(child.stdout.as_mut().unwrap(), &mut bytes).unwrap();
                child.wait().unwrap();
                let blob = Blob::new(bytes);
                contents.add(&blob);
                blob.hash()
            });
            entry.blob = hash;
        }
    }
    std::io::stdout().flush().unwrap();
    let message = git(repo, &["log", "-1", "--format=%B", commit]);
    let (title, body) = message.split_once('\n').unwrap_or((&message, ""));
    guard::inspect(&Change {
        before: &before,
        after: &after,
        contents: &contents,
        syntax: &TreeSitterSyntax,
        plan: None,
        assignment: &assignment(title, body),
        repaired: &BTreeSet::new(),
    })
}
