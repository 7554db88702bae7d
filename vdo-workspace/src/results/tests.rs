use vdo_core::check::{Runner, TestStatus};

use super::{MAX_NAME, MAX_TESTS, NO_TESTS, parse};

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
fn jest_and_vitest_marks_are_read() {
    let jest = "\u{1b}[1mFAIL\u{1b}[22m src/a.test.js\n  sums\n    \u{1b}[32m✓\u{1b}[39m adds (3 ms)\n    ✕ breaks (1 ms)\n    ○ skipped later\n";
    expect(rows(Runner::Node, jest, None), &[("adds", 'p'), ("breaks", 'f'), ("skipped later", 's')]);
    let several = "PASS src/a.test.js\nFAIL src/b.test.js (5.2 s)\n  ● x\n\nTests: 1 failed, 3 passed, 4 total\n";
    expect(rows(Runner::Node, several, None), &[("src/a.test.js", 'p'), ("src/b.test.js", 'f')]);
    let vitest = " ✓ src/a.test.ts (3 tests) 5ms\n × src/b.test.ts > suite > breaks 2ms\n";
    assert_eq!(rows(Runner::Node, vitest, None).len(), 2);
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
    for runner in [Runner::Pytest, Runner::Unittest, Runner::Cargo, Runner::Node, Runner::Go, Runner::Other] {
        for text in
            ["", "\u{1b}", "\u{1b}[", " ... ", "ok", "not ok", "test ", "(", "✔ ", "▶ ", "{}", "::", " (", "FAIL: "]
        {
            let _ = parse(runner, text, None);
        }
    }
}
