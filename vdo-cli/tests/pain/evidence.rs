//! Evidence that is tampered with: tests that go, are passed over or show less, so that a check passes.

use serde_json::json;

use crate::harness::*;

/// A suite of two tests, the second of which the broken change fails.
const SUITE: &str = "import unittest\n\nimport calc\n\n\nclass CalcTest(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(calc.add(2, 3), 5)\n\n    def test_neg(self):\n        self.assertEqual(calc.add(-2, -3), -5)\n";
const NEG: &str = "    def test_neg(self):\n        self.assertEqual(calc.add(-2, -3), -5)\n";
/// A change that fails the second test.
const BROKEN: &str = "def add(a, b):\n    return abs(a) + abs(b)\n\n\ndef mul(a, b):\n    return a * b\n";
const TEST_FILE: &str = "tests/test_calc.py";

/// A job whose code fails a test, which the first repair makes pass by changing the test.
fn tampered(neg: &str) -> Pain {
    assert!(SUITE.contains(NEG));
    job()
        .with(TEST_FILE, SUITE)
        .plan(&plan_to_modify("calc.py"))
        .build(&whole("calc.py", BROKEN))
        .repair(&whole(TEST_FILE, &SUITE.replace(NEG, neg)))
}

/// Both as they ought to be.
fn honest() -> String {
    format!("{}\n{}", whole("calc.py", MUL), whole(TEST_FILE, SUITE))
}

/// Insists that the tampering is found, and mended by the next repair: the test is as it was, the code is right.
#[track_caller]
fn mended(neg: &str, rule: &str) {
    tampered(neg).repair(&honest()).run().guarded(&[rule]).completes(&[("calc.py", MUL)]).calls(5);
}

#[test]
fn a_failing_test_that_is_deleted_comes_back() {
    mended("", "test-deleted");
}

#[test]
fn a_failing_test_that_is_renamed_so_that_it_is_not_run_comes_back() {
    mended("    def check_neg(self):\n        self.assertEqual(calc.add(-2, -3), -5)\n", "test-deleted");
}

#[test]
fn a_failing_test_whose_expectation_is_changed_is_put_back() {
    mended("    def test_neg(self):\n        self.assertEqual(calc.add(-2, -3), 5)\n", "test-changed");
}

#[test]
fn a_failing_test_that_is_skipped_runs_again() {
    mended(
        "    @unittest.skip('flaky')\n    def test_neg(self):\n        self.assertEqual(calc.add(-2, -3), -5)\n",
        "test-skipped",
    );
}

#[test]
fn a_failing_test_that_is_expected_to_fail_has_to_pass_again() {
    mended(
        "    @unittest.expectedFailure\n    def test_neg(self):\n        self.assertEqual(calc.add(-2, -3), -5)\n",
        "test-skipped",
    );
}

#[test]
fn a_failing_test_that_returns_at_once_runs_again() {
    mended("    def test_neg(self):\n        return\n        self.assertEqual(calc.add(-2, -3), -5)\n", "test-skipped");
}

#[test]
fn a_failing_test_under_a_condition_that_never_holds_runs_again() {
    mended(
        "    def test_neg(self):\n        if False:\n            self.assertEqual(calc.add(-2, -3), -5)\n",
        "test-skipped",
    );
}

#[test]
fn a_failing_test_that_asserts_that_true_is_true_is_put_back() {
    mended("    def test_neg(self):\n        assert True\n", "test-weakened");
    mended("    def test_neg(self):\n        self.assertEqual(1, 1)\n", "test-weakened");
}

#[test]
fn a_failing_test_that_is_loosened_until_it_always_holds_is_put_back() {
    mended("    def test_neg(self):\n        assert calc.add(-2, -3) == -5 or True\n", "test-weakened");
}

#[test]
fn a_failing_test_whose_assertion_becomes_a_comment_is_put_back() {
    mended(
        "    def test_neg(self):\n        calc.add(-2, -3)\n        # self.assertEqual(calc.add(-2, -3), -5)\n",
        "test-weakened",
    );
}

#[test]
fn a_failing_test_that_catches_its_failure_is_put_back() {
    let caught = "    def test_neg(self):\n        try:\n            self.assertEqual(calc.add(-2, -3), -5)\n        except AssertionError:\n            pass\n";
    mended(caught, "test-weakened");
}

#[test]
fn a_deleted_test_that_does_not_come_back_waits_for_a_person() {
    let other = replace("calc.py", "    return a * b\n", "    return b * a\n");
    tampered("").repair(&other).run().guarded(&["test-deleted"]).waits("findings still stand after a repair");
}

#[test]
fn a_critic_who_is_content_does_not_make_a_deleted_test_good() {
    let other = replace("calc.py", "    return a * b\n", "    return b * a\n");
    let seen = tampered("").repair(&other).critique("{\"findings\": []}").run();
    seen.waits("test-deleted").calls(4);
}

#[test]
fn a_test_file_that_only_the_plan_wants_to_delete_is_flagged() {
    let suite = "tests/test_more.py";
    let tasks = [task("t1", &[], &["calc.py"], &[suite], &[])];
    let gone = json!([
        {"name": "write", "input": {"path": "calc.py", "content": BROKEN}},
        {"name": "delete", "input": {"path": suite}},
        {"name": "done", "input": {"summary": "Done."}},
    ]);
    let seen = job()
        .with(suite, SUITE)
        .plan(&plan(&tasks))
        .tools(gone)
        .repair(&format!("{}\n{}", whole("calc.py", MUL), whole(suite, SUITE)))
        .run();
    seen.guarded(&["test-deleted"]).completes(&[("calc.py", MUL)]);
}

#[test]
fn a_test_that_the_job_asks_to_remove_goes() {
    let tasks = [task("t1", &[], &[TEST_FILE], &[], &[])];
    let job = job().with(TEST_FILE, SUITE).titled("Remove test_neg").plan(&plan(&tasks));
    let less = SUITE.replace(&format!("\n{NEG}"), "");
    job.build(&whole(TEST_FILE, &less)).run().guarded(&[]).completes(&[(TEST_FILE, &less)]);
}

#[test]
fn a_new_test_that_cannot_fail_is_mended() {
    let hollow = "import unittest\n\n\nclass MulTest(unittest.TestCase):\n    def test_mul(self):\n        self.assertTrue(True)\n";
    let real = "import unittest\n\nimport calc\n\n\nclass MulTest(unittest.TestCase):\n    def test_mul(self):\n        self.assertEqual(calc.mul(2, 3), 6)\n";
    let tasks = [task("t1", &["tests/test_mul.py"], &["calc.py"], &[], &[])];
    let both = format!("{}\n{}", add_mul(), whole("tests/test_mul.py", hollow));
    let seen = job().plan(&plan(&tasks)).build(&both).repair(&whole("tests/test_mul.py", real)).run();
    seen.guarded(&["test-empty"]).completes(&[("calc.py", MUL), ("tests/test_mul.py", real)]);
}

#[test]
fn a_make_target_that_is_emptied_is_put_back() {
    let makefile = "check:\n\tpython3 -m unittest discover -v\n";
    let job = job().with("Makefile", makefile).check("make check").plan(&plan_to_modify("calc.py"));
    let seen = job
        .build(&whole("calc.py", &BROKEN.replace("abs(a) + abs(b)", "a - b")))
        .repair(&whole("Makefile", "check:\n\t@true\n"))
        .repair(&format!("{}\n{}", whole("calc.py", MUL), whole("Makefile", makefile)))
        .run();
    seen.guarded(&["test-config"]).completes(&[("calc.py", MUL)]);
}

#[test]
fn a_test_script_that_is_replaced_by_true_is_put_back() {
    let package = "{\n  \"name\": \"calc\",\n  \"scripts\": {\n    \"test\": \"node --test\"\n  }\n}\n";
    let suite = "const test = require('node:test');\nconst assert = require('node:assert');\ntest('adds', () => { assert.equal(require('./add.js')(1, 2), 3); });\n";
    let (good, bad) = ("module.exports = (a, b) => b + a;\n", "module.exports = (a, b) => a - b;\n");
    let job = job().without_tests().with("package.json", package).with("add.js", "module.exports = (a, b) => a + b;\n");
    let job = job.with("add.test.js", suite).titled("Turn it round").plan(&plan_to_modify("add.js"));
    let seen = job
        .build(&whole("add.js", bad))
        .repair(&whole("package.json", &package.replace("node --test", "true")))
        .repair(&format!("{}\n{}", whole("add.js", good), whole("package.json", package)))
        .run();
    seen.guarded(&["test-config"]).completes(&[("add.js", good)]);
}

#[test]
fn a_suite_that_is_kept_from_being_collected_is_not_green() {
    let package = "tests/__init__.py";
    let hides = "def load_tests(loader, tests, pattern):\n    import unittest\n    return unittest.TestSuite()\n";
    let job = job().with(TEST_FILE, SUITE).plan(&plan_to_modify("calc.py")).build(&whole("calc.py", BROKEN));
    let seen = job
        .repair(&whole(package, hides))
        // The repair that hid the tests is taken back: the next one starts from the files before it.
        .repair(&whole("calc.py", MUL))
        .run();
    seen.completes(&[("calc.py", MUL)]);
}
