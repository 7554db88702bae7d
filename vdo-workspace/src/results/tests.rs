use vdo_core::check::{Runner, TestResult, TestStatus};

use super::{MAX_NAME, MAX_TESTS, NO_TESTS, parse, reconcile};

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../tests/fixtures/", $name))
    };
}

fn rows(runner: Runner, output: &str, junit: Option<&str>) -> Vec<(String, char)> {
    let tests = parse(runner, output, junit.map(str::as_bytes));
    let letter = |status| match status {
        TestStatus::Passed => 'p',
        TestStatus::Failed => 'f',
        TestStatus::Skipped => 's',
        TestStatus::Flaky => 'x',
    };
    tests.into_iter().map(|test| (test.name, letter(test.status))).collect()
}

fn expect(actual: Vec<(String, char)>, wanted: &[(&str, char)]) {
    let actual: Vec<_> = actual.iter().map(|(name, status)| (name.as_str(), *status)).collect();
    assert_eq!(actual, wanted);
}

#[test]
fn a_pytest_report_names_every_test() {
    expect(
        rows(Runner::Pytest, "", Some(fixture!("junit.xml"))),
        &[
            ("test_p::test_ok", 'p'),
            ("test_p::test_bad", 'f'),
            ("test_p::test_skip", 's'),
            ("test_p::test_x", 's'),
            ("test_p::test_param[a<b>&\"]", 'p'),
            ("test_p::test_param[\\xfc]", 'p'),
            ("test_p::test_param[1]", 'f'),
            ("test_p.TestK::test_in", 'p'),
            ("test_p::test_fix", 'f'),
        ],
    );
    expect(rows(Runner::Pytest, "", Some(fixture!("junit-broken.xml"))), &[("test_q", 'f')]);
}

#[test]
fn pytest_output_serves_where_the_report_is_missing() {
    expect(
        rows(Runner::Pytest, fixture!("pytest-q.txt"), None),
        &[("test_p.py::test_bad", 'f'), ("test_p.py::test_param[1]", 'f'), ("test_p.py::test_fix", 'f')],
    );
    let verbose = rows(Runner::Pytest, fixture!("pytest-v.txt"), Some("<torn"));
    assert_eq!(verbose.len(), 9, "{verbose:?}");
    assert_eq!(verbose.iter().filter(|(_, status)| *status == 'f').count(), 3);
    expect(rows(Runner::Pytest, "\nno tests ran in 0.01s\n", None), &[(NO_TESTS, 's')]);
}

#[test]
fn unittest_output_is_read_through_what_tests_print() {
    expect(
        rows(Runner::Unittest, fixture!("unittest.txt"), None),
        &[
            ("test_a.TestA.test_bad", 'f'),
            ("test_a.TestA.test_doc", 'p'),
            ("test_a.TestA.test_err", 'f'),
            ("test_a.TestA.test_ok", 'p'),
            ("test_a.TestA.test_skip", 's'),
            ("test_a.TestA.test_sub", 'f'),
            ("test_a.TestA.test_upass", 'f'),
            ("test_a.TestA.test_xfail", 'p'),
            ("test_broken", 'f'),
            ("test_a.TestB.setUpClass", 'f'),
        ],
    );
    expect(
        rows(Runner::Unittest, "test_old (tests.test_m.TestM) ... ok\n\n---\nRan 1 test in 0.000s\n\nOK\n", None),
        &[("tests.test_m.TestM.test_old", 'p')],
    );
    expect(rows(Runner::Unittest, "\n----\nRan 0 tests in 0.000s\n\nOK\n", None), &[(NO_TESTS, 's')]);
}

#[test]
fn cargo_and_nextest_output_is_read() {
    expect(
        rows(Runner::Cargo, fixture!("cargo.txt"), None),
        &[
            ("tests::later", 's'),
            ("tests::breaks", 'f'),
            ("tests::panics", 'p'),
            ("tests::works", 'p'),
            ("outer", 'p'),
            ("src/lib.rs - add (line 2)", 'p'),
        ],
    );
    expect(
        rows(Runner::Cargo, fixture!("nextest.txt"), None),
        &[
            ("demo tests::panics", 'p'),
            ("demo tests::works", 'p'),
            ("demo tests::breaks", 'f'),
            ("demo::it outer", 'p'),
        ],
    );
}

const NODE: [(&str, char); 7] = [
    ("plain", 'p'),
    ("fails # odd", 'f'),
    ("skipped", 's'),
    ("todo one", 's'),
    ("suite > inner", 'p'),
    ("suite > inner bad", 'f'),
    ("parent > child", 'p'),
];

#[test]
fn node_output_is_read_in_both_of_its_forms() {
    let file = [("/project/nd/b.test.js", 'f')];
    let wanted: Vec<_> = NODE.into_iter().chain(file).collect();
    expect(rows(Runner::Node, fixture!("node-tap.txt"), None), &wanted);
    expect(rows(Runner::Node, fixture!("node-spec.txt"), None), &wanted);
}

// The next two are written from the documented formats; neither runner was at hand.
#[test]
fn go_events_are_read_and_a_package_that_does_not_build_fails() {
    let output = r#"{"Time":"2026-01-01T00:00:00Z","Action":"start","Package":"ex/a"}
{"Action":"run","Package":"ex/a","Test":"TestOne"}
{"Action":"output","Package":"ex/a","Test":"TestOne","Output":"=== RUN   TestOne\n"}
{"Action":"pass","Package":"ex/a","Test":"TestOne","Elapsed":0}
{"Action":"fail","Package":"ex/a","Test":"TestTwo/sub","Elapsed":0}
{"Action":"skip","Package":"ex/a","Test":"TestThree","Elapsed":0}
{"Action":"fail","Package":"ex/a","Elapsed":0.1}
# ex/b
{"ImportPath":"ex/b [ex/b.test]","Action":"build-fail"}
{"Action":"fail","Package":"ex/c","Elapsed":0}
{"Action":"skip","Package":"ex/none","Elapsed":0}
{not json
"#;
    expect(
        rows(Runner::Go, output, None),
        &[
            ("ex/a::TestOne", 'p'),
            ("ex/a::TestTwo/sub", 'f'),
            ("ex/a::TestThree", 's'),
            ("ex/b [ex/b.test]", 'f'),
            ("ex/c", 'f'),
        ],
    );
}

#[test]
fn jest_output_and_report_are_read() {
    let broken = ("./c.test.js", 'f');
    expect(
        rows(Runner::Jest, fixture!("jest-verbose.txt"), None),
        &[
            ("sums > adds", 'p'),
            ("sums > breaks (badly)", 'f'),
            ("sums > later", 's'),
            ("sums > some day", 's'),
            ("sums > inner > deep › name", 'p'),
            ("alone", 'p'),
            broken,
        ],
    );
    expect(
        rows(Runner::Jest, fixture!("jest.txt"), None),
        &[("sums > breaks (badly)", 'f'), ("./b.test.js", 'p'), broken],
    );
    let report = [
        ("sum.test.js > sums > adds", 'p'),
        ("sum.test.js > sums > breaks (badly)", 'f'),
        ("sum.test.js > sums > later", 's'),
        ("sum.test.js > sums > some day", 's'),
        ("sum.test.js > sums > inner > deep › name", 'p'),
        ("b.test.js > alone", 'p'),
        ("c.test.js", 'f'),
    ];
    expect(rows(Runner::Jest, "noise", Some(fixture!("jest.json"))), &report);
    let printed = format!("> x@1.0.0 test\n\n{}\n", fixture!("jest.json"));
    expect(rows(Runner::Node, &printed, None), &report);
}

#[test]
fn vitest_output_and_report_are_read() {
    expect(
        rows(Runner::Vitest, fixture!("vitest-verbose.txt"), None),
        &[
            ("sum.test.js > sums > adds", 'p'),
            ("sum.test.js > sums > breaks (badly)", 'f'),
            ("sum.test.js > sums > inner > deep", 'p'),
            ("b.test.js > alone", 'p'),
            ("c.test.js", 'f'),
        ],
    );
    expect(
        rows(Runner::Vitest, fixture!("vitest.txt"), None),
        &[("c.test.js", 'f'), ("sum.test.js > sums > breaks (badly)", 'f')],
    );
    expect(
        rows(Runner::Vitest, "", Some(fixture!("vitest.json"))),
        &[
            ("b.test.js > alone", 'p'),
            ("c.test.js", 'f'),
            ("sum.test.js > sums > adds", 'p'),
            ("sum.test.js > sums > breaks (badly)", 'f'),
            ("sum.test.js > sums > later", 's'),
            ("sum.test.js > sums > some day", 's'),
            ("sum.test.js > sums > inner > deep", 'p'),
        ],
    );
    let green = " RUN  v2.1.0 /job\n\n ✓ src/a.test.ts (3 tests) 5ms\n ✓ src/b.test.ts > slow 320ms\n";
    expect(rows(Runner::Vitest, green, None), &[("src/b.test.ts > slow", 'p')]);
}

#[test]
fn mocha_output_and_report_are_read() {
    expect(
        rows(Runner::Mocha, fixture!("mocha.txt"), None),
        &[
            ("sums > adds", 'p'),
            ("sums > breaks (badly)", 'f'),
            ("sums > later", 's'),
            ("sums > pending", 's'),
            ("sums > inner > deep", 'p'),
        ],
    );
    expect(
        rows(Runner::Mocha, fixture!("mocha-json.txt"), None),
        &[
            ("sums adds", 'p'),
            ("sums breaks (badly)", 'f'),
            ("sums later", 's'),
            ("sums pending", 's'),
            ("sums inner deep", 'p'),
        ],
    );
}

#[test]
fn a_nextest_retry_that_passed_is_flaky() {
    expect(
        rows(Runner::Nextest, fixture!("nextest-retry.txt"), None),
        &[("demo tests::works", 'p'), ("demo tests::shaky", 'x')],
    );
}

#[test]
fn go_output_without_json_is_read() {
    let plain = "--- FAIL: TestTwo (0.00s)\n    --- FAIL: TestTwo/sub (0.00s)\n    a_test.go:9: no\n--- SKIP: TestThree (0.00s)\nFAIL\nFAIL\tex/a\t0.004s\nok  \tex/b\t0.002s\n?   \tex/c\t[no test files]\nFAIL\tex/d [build failed]\nFAIL\n";
    expect(
        rows(Runner::Go, plain, None),
        &[("ex/a::TestTwo", 'f'), ("ex/a::TestTwo/sub", 'f'), ("ex/a::TestThree", 's'), ("ex/b", 'p'), ("ex/d", 'f')],
    );
    let verbose = "=== RUN   TestOne\n--- PASS: TestOne (0.00s)\nPASS\nok  \tex/a\t0.002s\n";
    expect(rows(Runner::Go, verbose, None), &[("ex/a::TestOne", 'p')]);
}

/// What each runner says when there was nothing to run: recorded, save for Go's, which are as documented.
#[test]
fn a_runner_that_ran_no_test_says_so_for_every_runner() {
    let cargo = "running 0 tests\n\ntest result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 5 filtered out; finished in 0.00s\n";
    let node = "TAP version 13\n1..0\n# tests 0\n# suites 0\n# pass 0\n";
    for (runner, output) in [
        (Runner::Pytest, "\nno tests ran in 0.01s\n"),
        (Runner::Pytest, "ss   [100%]\n2 skipped in 0.00s\n"),
        (Runner::Pytest, "\n2 deselected in 0.00s\n"),
        (Runner::Pytest, "==== 1 skipped, 3 deselected, 1 warning in 0.10s ====\n"),
        (Runner::Unittest, "\n----\nRan 0 tests in 0.000s\n\nNO TESTS RAN\n"),
        (Runner::Unittest, "s\n----\nRan 1 test in 0.000s\n\nOK (skipped=1)\n"),
        (Runner::Cargo, cargo),
        (
            Runner::Cargo,
            "\nrunning 0 tests\n\nrunning 0 tests\n     Running unittests src/lib.rs (a)\n   Doc-tests demo\n",
        ),
        (
            Runner::Nextest,
            " Nextest run ID 1 with nextest profile: default\n    Starting 0 tests across 1 binary\n     Summary [   0.000s] 0 tests run: 0 passed, 3 skipped\n",
        ),
        (Runner::Node, node),
        (Runner::Node, "ℹ tests 0\nℹ suites 0\nℹ pass 0\n"),
        (Runner::Node, "\n> x@1.0.0 test\n> jest --passWithNoTests\n\nNo tests found, exiting with code 0\n"),
        (Runner::Jest, "No tests found, exiting with code 0\n"),
        (Runner::Vitest, "\n RUN  v1.6.1 /job\n\ninclude: **/*.test.js\nNo test files found, exiting with code 0\n"),
        (Runner::Mocha, "\n\n  0 passing (1ms)\n\n"),
        (Runner::Go, "?   \tex/c\t[no test files]\n"),
        (Runner::Go, "ok  \tex/c\t0.002s [no tests to run]\n"),
        (
            Runner::Go,
            "{\"Action\":\"start\",\"Package\":\"ex/c\"}\n{\"Action\":\"skip\",\"Package\":\"ex/c\",\"Elapsed\":0}\n",
        ),
    ] {
        assert_eq!(rows(runner, output, None), [(NO_TESTS.to_owned(), 's')], "{runner:?} {output:?}");
    }
    for (runner, output) in [
        // One program of several has tests, or is no test harness at all and says nothing.
        (Runner::Cargo, "running 0 tests\n\nrunning 2 tests\n..\n     Running a (a)\n     Running b (b)\n"),
        (Runner::Cargo, "running 0 tests\n\nall good\n     Running a (a)\n     Running b (b)\n"),
        (Runner::Pytest, "...\n3 passed, 1 skipped in 0.02s\n"),
        (Runner::Unittest, "..\n----\nRan 2 tests in 0.000s\n\nOK (skipped=1)\n"),
        (Runner::Mocha, "\n  ․․․\n\n  3 passing (1ms)\n"),
        (Runner::Jest, ""),
    ] {
        assert_eq!(rows(runner, output, None), [], "{runner:?} {output:?}");
    }
}

#[test]
fn a_second_run_tells_the_flaky_from_the_broken() {
    let tests = |rows: &[(&str, TestStatus)]| -> Vec<TestResult> {
        rows.iter().map(|(name, status)| TestResult { name: (*name).to_owned(), status: *status }).collect()
    };
    use TestStatus::{Failed, Flaky, Passed, Skipped};
    let first = tests(&[("a", Passed), ("b", Failed), ("c", Failed), ("d", Skipped), ("e", Passed)]);
    let second = tests(&[("a", Passed), ("b", Passed), ("c", Failed), ("d", Skipped), ("e", Failed), ("f", Failed)]);
    assert_eq!(
        reconcile(&first, &second, false),
        tests(&[("a", Passed), ("b", Flaky), ("c", Failed), ("d", Skipped), ("e", Flaky), ("f", Failed)])
    );
    let failed = tests(&[("b", Failed)]);
    // pytest -q names failures alone: silence and success mean that it passed.
    assert_eq!(reconcile(&failed, &[], true), tests(&[("b", Flaky)]));
    // Neither a failure, nor other tests, nor a run of no test show that it passed.
    assert_eq!(reconcile(&failed, &[], false), failed);
    assert_eq!(reconcile(&failed, &tests(&[("a", Passed)]), true), failed);
    assert_eq!(reconcile(&failed, &tests(&[(NO_TESTS, Skipped)]), true), failed);
    assert_eq!(reconcile(&failed, &tests(&[("b", Skipped)]), true), failed);
}

#[test]
fn hostile_reports_cost_little_and_expand_nothing() {
    let bomb = "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;\"><!ENTITY f SYSTEM \"file:///etc/passwd\">]>\
                <testsuite><testcase name=\"&b;&f;\"><failure>&f;</failure></testcase></testsuite>";
    expect(rows(Runner::Pytest, "", Some(bomb)), &[("&b;&f;", 'f')]);
    for torn in ["", "<", "<testcase name='x'", "<a><b></a>", "<testsuite><testcase name='x'/>", "\0\u{1}", "</a>"] {
        assert_eq!(parse(Runner::Pytest, "", Some(torn.as_bytes())), [], "{torn:?}");
    }
    assert_eq!(parse(Runner::Pytest, "", Some(&[0xff, 0xfe, 0, 1])), []);
    let deep = "<a>".repeat(200_000);
    assert_eq!(parse(Runner::Pytest, "", Some(deep.as_bytes())), []);
    let many = format!("<t>{}</t>", "<testcase name='x'/>".repeat(MAX_TESTS + 10));
    assert_eq!(parse(Runner::Pytest, "", Some(many.as_bytes())).len(), MAX_TESTS);
    let long = format!("test {} ... ok", "é".repeat(10_000));
    assert_eq!(parse(Runner::Cargo, &long, None).first().unwrap().name.chars().count(), MAX_NAME);
    for runner in [
        Runner::Pytest,
        Runner::Unittest,
        Runner::Cargo,
        Runner::Nextest,
        Runner::Node,
        Runner::Mocha,
        Runner::Go,
        Runner::Other,
    ] {
        for text in [
            "",
            "\u{1b}",
            "\u{1b}[",
            " ... ",
            "ok",
            "not ok",
            "test ",
            "(",
            "✔ ",
            "▶ ",
            "{}",
            "::",
            " (",
            "FAIL: ",
            "  1 passing",
            "  TRY 1 FAIL [",
            "--- PASS: ",
            "{\n  \"stats\": {\"fullTitle\":",
        ] {
            let _ = parse(runner, text, None);
        }
    }
}
