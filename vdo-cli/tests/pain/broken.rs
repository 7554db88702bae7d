//! Unverified, broken code: replies that are no edits, code that does not parse or run, words in the place of evidence.

use serde_json::json;

use crate::harness::*;

/// Builds badly once, well the second time.
#[track_caller]
fn mended(bad: &str) -> Seen {
    planned().build(bad).build(&add_mul()).run().completes(&[("calc.py", MUL)]).calls(4)
}

#[test]
fn a_syntax_error_is_refused_at_once() {
    let bad = replace("calc.py", "    return a + b\n", "    return a + b\n\n\ndef mul(a, b:\n    return a * b\n");
    mended(&bad).refused(&["the result is not valid"]);
}

#[test]
fn a_model_that_leaves_the_syntax_error_in_fails_the_job() {
    // A grammar may be wrong where a compiler is not: what a model says three times is left to the checks, which find it too.
    let bad = replace("calc.py", "    return a + b\n", "    return (a + b\n");
    let seen = planned().always_builds(&bad).always_repairs(&bad).run();
    seen.refused(&["the result is not valid"]).fails("no reply could be used after 4 attempts").calls(8);
}

#[test]
fn a_reply_in_prose_is_no_edit() {
    mended("I have added the product to calc.py. All tests passed!").refused(&["no edits"]);
}

#[test]
fn an_empty_reply_is_no_edit() {
    mended("").refused(&[""]);
}

#[test]
fn json_in_the_place_of_edits_is_no_edit() {
    mended("{\"files\": {\"calc.py\": \"def mul(a, b): return a * b\"}}").refused(&[""]);
}

#[test]
fn a_reply_that_is_cut_off_is_never_taken_for_a_whole_one() {
    let seen = planned().build_cut(&add_mul()).build(&add_mul()).run();
    seen.refused(&["cut off"]).completes(&[("calc.py", MUL)]);
    let half = "calc.py\n<<<<<<< SEARCH\n    return a + b\n=======\n    return";
    planned().build_cut(half).build(&add_mul()).run().refused(&["cut off"]).completes(&[("calc.py", MUL)]);
}

#[test]
fn an_edit_without_its_end_changes_nothing() {
    let open = "calc.py\n<<<<<<< SEARCH\n    return a + b\n=======\n    return a\n";
    let seen = planned().build(open).build(&add_mul()).repair(&whole("calc.py", MUL)).run();
    seen.completes(&[("calc.py", MUL)]);
}

#[test]
fn an_edit_that_changes_nothing_is_no_work() {
    let same = replace("calc.py", "    return a + b\n", "    return a + b\n");
    mended(&same).refused(&[""]);
}

#[test]
fn a_reply_of_ten_megabytes_is_not_read() {
    mended(&whole("calc.py", &"x = 1\n".repeat(1_700_000))).refused(&["bytes"]);
}

#[test]
fn words_are_no_evidence() {
    // The reply claims what the sandbox does not bear out.
    let broken = replace("calc.py", "    return a + b\n", "    return a - b\n");
    let claim = format!("All 37 tests passed, I ran them twice.\n\n{broken}");
    let seen = planned().build(&claim).repair(&whole("calc.py", MUL)).run();
    assert!(seen.outputs().contains("FAIL: test_add"), "{}", seen.outputs());
    seen.completes(&[("calc.py", MUL)]);
    let critic = "{\"findings\": []}";
    let again = format!("All tests passed.\n\n{}", replace("calc.py", "    return a - b\n", "    return b - a\n"));
    planned().build(&claim).repair(&again).critique(critic).set("limits.repairs=1").run().fails("test_add");
}

#[test]
fn a_repair_that_changes_nothing_about_the_failure_ends_the_job() {
    let broken = replace("calc.py", "    return a + b\n", "    return a - b\n");
    let other = replace("calc.py", "    return a - b\n", "    return a - b  # sic\n");
    planned().build(&broken).repair(&other).run().fails("changed nothing about the failure").calls(3);
}

#[test]
fn code_that_never_ends_is_ended_and_mended() {
    let forever = replace("calc.py", "    return a + b\n", "    while True:\n        pass\n");
    let seen = planned().build(&forever).repair(&whole("calc.py", MUL)).set("limits.check_seconds=2").run();
    seen.completes(&[("calc.py", MUL)]);
}

#[test]
fn a_suite_without_a_test_is_not_green() {
    let empty = "import unittest\n\n\nclass CalcTest(unittest.TestCase):\n    pass\n";
    let full = "import unittest\n\nimport calc\n\n\nclass CalcTest(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(calc.add(1, 2), 3)\n";
    let job = job().without_tests().titled("Test the calculator").plan(&plan_to_create("test_calc.py"));
    let seen = job.build(&whole("test_calc.py", empty)).repair(&whole("test_calc.py", full)).run();
    assert!(seen.outputs().contains("no tests were run"), "{}", seen.outputs());
    seen.completes(&[("test_calc.py", full)]);
}

#[test]
fn a_program_that_ends_the_runner_with_success_is_not_green() {
    let quits = "import os\n\nos._exit(0)\n\n\ndef add(a, b):\n    return a + b\n";
    let seen = planned().build(&whole("calc.py", quits)).repair(&whole("calc.py", MUL)).run();
    assert!(seen.outputs().contains("cut short"), "{}", seen.outputs());
    seen.completes(&[("calc.py", MUL)]);
}

#[test]
fn a_check_that_cannot_be_found_is_a_failure() {
    planned().check("no-such-command").build(&add_mul()).set("limits.repairs=0").run().fails("no-such-command");
}

#[test]
fn a_review_that_is_no_review_is_asked_for_again() {
    let seen = planned().build(&add_mul()).critique("Looks good to me!").critique("{\"findings\": \"none\"}").run();
    seen.refused(&["no JSON object"]).completes(&[("calc.py", MUL)]).calls(5);
}

#[test]
fn a_finding_of_the_critic_is_mended_or_stays_open() {
    let finding = "{\"findings\": [{\"file\": \"calc.py\", \"line\": 6, \"severity\": \"major\", \"claim\": \"mul adds\", \"suggestion\": \"multiply\"}]}";
    let adds = replace("calc.py", "    return a + b\n", "    return a + b\n\n\ndef mul(a, b):\n    return a + b\n");
    let seen = planned().build(&adds).critique(finding).repair(&whole("calc.py", MUL)).run();
    seen.completes(&[("calc.py", MUL)]).calls(5);
}

#[test]
fn done_without_having_done_anything_is_not_done() {
    let seen =
        planned().tools(json!([{"name": "done", "input": {"summary": "All tests passed."}}])).build(&add_mul()).run();
    seen.completes(&[("calc.py", MUL)]);
}

#[test]
fn a_whole_file_with_half_of_it_gone_is_told() {
    let long: String = (0..40).map(|at| format!("# line {at}\n")).collect();
    let text = format!("{long}X = 1\n");
    let job = job().with("long.py", &text).titled("Remove the comments").plan(&plan_to_modify("long.py"));
    job.build(&whole("long.py", "X = 2\n"))
        .run()
        .notes("of its 41 lines are gone or changed")
        .completes(&[("long.py", "X = 2\n")]);
}

#[test]
fn what_parses_and_does_not_compile_is_found_before_the_tests_run() {
    // No grammar minds a parameter that is there twice, and no test imports the module.
    let bad = "def square(a, a):\n    return a * a\n";
    let good = "def square(a):\n    return a * a\n";
    let job = job().titled("Add squares").plan(&plan_to_create("square.py"));
    let seen = job.build(&whole("square.py", bad)).repair(&whole("square.py", good)).run();
    let first = seen.checks(0);
    assert_eq!(first.len(), 1, "the tests were not run: {first:#?}");
    assert!(first[0]["output"].as_str().unwrap().contains("duplicate argument 'a'"), "{first:#?}");
    seen.completes(&[("square.py", good)]);
}
