//! Hallucinated plans: what is planned does not fit what is there.

use serde_json::json;

use crate::harness::*;

/// Plans badly once, well the second time.
#[track_caller]
fn mended(bad: &str, fault: &str) {
    job()
        .plan(bad)
        .plan(&plan_to_modify("calc.py"))
        .build(&add_mul())
        .run()
        .completes(&[("calc.py", MUL)])
        .refused(&[fault])
        .calls(4);
}

#[test]
fn a_plan_that_names_a_missing_file_is_refused_with_the_one_that_is_meant() {
    mended(&plan_to_modify("src/calc.py"), "src/calc.py does not exist; did you mean calc.py?");
}

#[test]
fn a_plan_that_creates_an_existing_file_is_refused() {
    mended(&plan_to_create("calc.py"), "calc.py exists already");
}

#[test]
fn a_plan_of_500_tasks_is_refused() {
    let tasks: Vec<_> = (0..500).map(|at| task(&format!("t{at}"), &[&format!("f{at}.py")], &[], &[], &[])).collect();
    mended(&plan(&tasks), "the plan has 500 tasks");
}

#[test]
fn a_plan_with_a_cycle_is_refused() {
    let tasks = [task("t1", &["a.py"], &[], &[], &["t2"]), task("t2", &["b.py"], &[], &[], &["t1"])];
    mended(&plan(&tasks), "the tasks t1, t2 wait for each other");
}

#[test]
fn a_plan_without_tasks_is_refused() {
    mended(&plan(&[]), "the plan has no tasks");
}

#[test]
fn a_task_without_files_is_refused() {
    mended(&plan(&[task("t1", &[], &[], &[], &[])]), "task t1 names no files");
}

#[test]
fn a_plan_with_absolute_paths_is_refused() {
    mended(&plan_to_create("/etc/cron.d/evil"), "/etc/cron.d/evil");
}

#[test]
fn a_plan_that_leaves_the_project_is_refused() {
    mended(&plan_to_create("../outside.py"), "../outside.py");
}

#[test]
fn a_plan_for_gits_own_folder_is_refused_in_every_spelling() {
    for path in [".git/hooks/pre-commit", ".GIT/config", ".gi\u{200c}t/config", "git~1/config"] {
        job()
            .plan(&plan_to_create(path))
            .plan(&plan_to_create(path))
            .plan(&plan_to_create(path))
            .run()
            .fails("no plan fits");
    }
}

#[test]
fn a_plan_with_a_look_alike_path_is_a_plan_for_another_file() {
    // The first letter is Cyrillic.
    mended(&plan_to_modify("\u{0441}alc.py"), "does not exist");
}

#[test]
fn a_plan_whose_path_differs_only_in_case_is_refused() {
    mended(&plan_to_create("Calc.py"), "differs from calc.py only in case");
}

#[test]
fn a_plan_that_names_a_file_twice_or_a_task_that_is_not_there_is_refused() {
    mended(&plan(&[task("t1", &[], &["calc.py", "calc.py"], &[], &[])]), "names calc.py more than once");
    mended(&plan(&[task("t1", &[], &["calc.py"], &[], &["t7"])]), "depends on \"t7\"");
}

#[test]
fn a_plan_in_prose_is_asked_for_again() {
    mended("First I would look at the calculator, and then I would add the product.", "no JSON object");
}

#[test]
fn a_plan_of_the_wrong_type_is_asked_for_again() {
    mended("{\"summary\": 3, \"tasks\": \"all of them\"}", "not the JSON object");
    mended("[1, 2, 3]", "no JSON object");
}

#[test]
fn an_empty_plan_reply_is_asked_for_again() {
    mended("", "no JSON object");
}

#[test]
fn a_plan_within_talk_is_a_plan() {
    let talk = format!("Sure! Here is the plan:\n\n```json\n{}\n```\nShall I go on?", plan_to_modify("calc.py"));
    job().plan(&talk).build(&add_mul()).run().completes(&[("calc.py", MUL)]).refused_nothing().calls(3);
}

#[test]
fn a_plan_that_is_cut_off_is_asked_for_again() {
    let whole = plan_to_modify("calc.py");
    mended(whole.get(..whole.len() / 2).unwrap(), "not the JSON object");
}

#[test]
fn a_plan_of_ten_megabytes_is_not_read() {
    mended(&"x".repeat(10_000_000), "the reply has 10000000 bytes");
}

#[test]
fn a_plan_that_deletes_a_file_without_a_reason_is_refused() {
    let task = json!({"id": "t1", "title": "", "description": "", "create": [], "modify": [], "delete": ["calc.py"], "depends_on": []});
    mended(&plan(&[task]), "deletes calc.py and does not say why");
}

#[test]
fn a_check_that_cannot_fail_is_not_used_and_the_result_waits_for_a_person() {
    let tasks = [task("t1", &["notes.txt"], &[], &[], &[])];
    let plan = json!({"summary": "S", "tasks": tasks, "checks": ["true", "echo ok", "exit 0"]}).to_string();
    let seen = bare().plan(&plan).build(&whole("notes.txt", "noted\n")).run();
    seen.waits("no command shows").notes("\"true\" cannot fail").changed(&[("notes.txt", "noted\n")]);
}

/// A project without tests.
fn bare() -> Pain {
    let job = job();
    job.without_tests()
}

#[test]
fn a_model_that_never_plans_fails_the_job_and_nothing_is_built() {
    let seen = job().plan("no").plan("no").plan("no").run();
    seen.fails("no plan fits after 3 attempts").calls(3);
}

#[test]
fn a_link_in_the_tree_is_no_way_out_of_it() {
    let through = plan_to_create("link/evil.py");
    let seen = job().with_link("link", "/tmp").plan(&through).plan(&plan_to_modify("calc.py")).build(&add_mul()).run();
    seen.completes(&[("calc.py", MUL)]).refused(&["leads through link"]);
    let edited =
        job().with_link("link", "/etc/hostname").plan(&plan_to_modify("link")).plan(&plan_to_modify("calc.py"));
    edited.build(&add_mul()).run().completes(&[("calc.py", MUL)]).refused(&["link is a link or a submodule"]);
}
