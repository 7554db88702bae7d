//! Files that do not integrate: work that loses, doubles or contradicts what is there.

use crate::harness::*;

const APP: &str = "\"\"\"The platform.\"\"\"\n\nimport calc\n\n\ndef index():\n    return \"home\"\n\n\ndef risk():\n    return calc.add(1, 2)\n\n\ndef precedents():\n    return [\"one\", \"two\"]\n\n\ndef scenarios():\n    return {\"best\": 1, \"worst\": 0}\n";
const BASE: &str =
    "<nav>\n  <a href=\"/\">Home</a>\n  <a href=\"/risk\">Risk</a>\n  <a href=\"/precedents\">Precedents</a>\n</nav>\n";

/// A job that is to change `app.py`.
fn on_app() -> Pain {
    job().with("app.py", APP).titled("Add the SIG page").plan(&plan_to_modify("app.py"))
}

fn app_with_sig() -> String {
    format!("{APP}\n\ndef sig():\n    return \"sig\"\n")
}

#[test]
fn a_file_rewritten_from_scratch_that_loses_code_is_mended() {
    let scratch = "\"\"\"The platform.\"\"\"\n\nimport calc\n\n\ndef index():\n    return \"home\"\n\n\ndef sig():\n    return \"sig\"\n";
    let seen = on_app().build(&whole("app.py", scratch)).repair(&whole("app.py", &app_with_sig())).run();
    seen.guarded(&["definition-lost"]).completes(&[("app.py", &app_with_sig())]).calls(4);
}

#[test]
fn a_function_that_is_dropped_by_the_way_is_mended() {
    let edit = replace("app.py", "def risk():\n    return calc.add(1, 2)\n", "# risk was here\n");
    let back = replace(
        "app.py",
        "# risk was here\n",
        "def risk():\n    return calc.add(1, 2)\n\n\ndef sig():\n    return \"sig\"\n",
    );
    let wanted = APP.replace("def precedents", "def sig():\n    return \"sig\"\n\n\ndef precedents");
    let seen = job().with("app.py", APP).titled("Speed up the page").plan(&plan_to_modify("app.py"));
    seen.build(&edit).repair(&back).run().guarded(&["definition-lost"]).completes(&[("app.py", &wanted)]);
}

#[test]
fn a_nav_link_of_the_parent_that_is_dropped_is_mended() {
    let dropped = "<nav>\n  <a href=\"/\">Home</a>\n  <a href=\"/risk\">Risk</a>\n  <a href=\"/sig\">SIG</a>\n</nav>\n";
    let wanted = BASE.replace("</nav>", "  <a href=\"/sig\">SIG</a>\n</nav>");
    let job =
        job().with("templates/base.html", BASE).titled("Add the SIG page").plan(&plan_to_modify("templates/base.html"));
    let seen = job.build(&whole("templates/base.html", dropped)).repair(&whole("templates/base.html", &wanted)).run();
    seen.guarded(&["link-lost"]).completes(&[("templates/base.html", &wanted)]);
}

#[test]
fn a_route_of_the_parent_that_is_dropped_is_mended() {
    let routes = |names: &[&str]| {
        let each =
            names.iter().map(|name| format!("\n\n@app.route(\"/{name}\")\ndef {name}():\n    return \"{name}\"\n"));
        format!("from flask import Flask\n\napp = Flask(__name__)\n{}", each.collect::<String>())
    };
    let (was, lost, wanted) = (routes(&["risk", "home"]), routes(&["home", "sig"]), routes(&["risk", "home", "sig"]));
    // Not tested by anything here: the module is not even imported.
    let job = job()
        .with("web.py", &was)
        .with("docs/requirements.in", "flask\n")
        .with("flask/__init__.py", "class Flask: ...\n");
    let job = job.titled("Add the SIG page").plan(&plan_to_modify("web.py"));
    let seen = job.build(&whole("web.py", &lost)).repair(&whole("web.py", &wanted)).run();
    seen.guarded(&["route-lost"]).completes(&[("web.py", &wanted)]);
}

#[test]
fn a_function_that_is_defined_twice_is_mended() {
    let twice = format!("{MUL}\n\ndef add(a, b):\n    return b + a\n");
    let seen = planned().build(&whole("calc.py", &twice)).repair(&whole("calc.py", MUL)).run();
    seen.guarded(&["defined-twice"]).completes(&[("calc.py", MUL)]);
}

#[test]
fn an_import_of_a_module_that_is_not_there_is_mended() {
    for (bad, good) in [
        ("from mathlib.products import product\n", ""),
        ("import left_padder\n", ""),
        ("from .products import product\n", "import math\n"),
    ] {
        let file = |import: &str| format!("{import}\n\ndef square(a):\n    return a * a\n");
        let job = job().titled("Add squares").plan(&plan_to_create("square.py"));
        let seen = job.build(&whole("square.py", &file(bad))).repair(&whole("square.py", &file(good))).run();
        seen.guarded(&["unknown-import"]).completes(&[("square.py", &file(good))]);
    }
}

#[test]
fn a_script_that_imports_what_is_not_there_is_mended() {
    let job = job().titled("Add a script").plan(&plan_to_create("web/main.js"));
    let bad = "import { add } from './missing.js';\nimport pad from 'left-padder';\n\nexport const x = add(1, pad);\n";
    let good = "export const x = 1;\n";
    let seen = job.build(&whole("web/main.js", bad)).repair(&whole("web/main.js", good)).run();
    seen.guarded(&["unknown-import"]).completes(&[("web/main.js", good)]);
}

#[test]
fn words_in_the_place_of_code_are_never_delivered() {
    let lazy = "# ... existing code ...\n\n\ndef mul(a, b):\n    return a * b\n";
    let job = planned().build(&whole("calc.py", lazy)).build(&whole("calc.py", MUL)).repair(&whole("calc.py", MUL));
    let seen = job.run();
    seen.refused_or_failed_or_guarded(&["existing code", "placeholder", "test_add"]).completes(&[("calc.py", MUL)]);
}

#[test]
fn merge_markers_are_refused_in_code_and_found_in_prose() {
    let marked = "def add(a, b):\n<<<<<<< HEAD\n    return a + b\n=======\n    return b + a\n>>>>>>> other\n";
    let seen =
        planned().build(&whole("calc.py", marked)).build(&whole("calc.py", MUL)).repair(&whole("calc.py", MUL)).run();
    seen.refused_or_failed_or_guarded(&["calc.py", "merge-marker"]).completes(&[("calc.py", MUL)]);
    let notes = "Notes\n<<<<<<< HEAD\none\n=======\ntwo\n>>>>>>> other\n";
    let job = job().titled("Add notes").plan(&plan_to_create("notes.txt")).build(&whole("notes.txt", notes));
    let seen = job.build(&whole("notes.txt", "Notes\none\n")).repair(&whole("notes.txt", "Notes\none\n")).run();
    seen.refused_or_failed_or_guarded(&["notes.txt", "merge-marker"]).completes(&[("notes.txt", "Notes\none\n")]);
}

#[test]
fn a_lock_file_that_is_edited_by_hand_is_mended() {
    let lock = "# This file is made by a tool.\n[[package]]\nname = \"a\"\nversion = \"1\"\n";
    let bad = lock.replace("\"1\"", "\"2\"");
    let plan = plan(&[task("t1", &[], &["calc.py", "poetry.lock"], &[], &[])]);
    let both = format!("{}\n{}", add_mul(), replace("poetry.lock", "version = \"1\"\n", "version = \"2\"\n"));
    let job = job().with("poetry.lock", lock).plan(&plan).build(&both);
    let seen = job.repair(&replace("poetry.lock", "version = \"2\"\n", "version = \"1\"\n")).run();
    seen.guarded(&["lock-file"]).completes(&[("calc.py", MUL)]);
    assert_ne!(bad, lock);
}

#[test]
fn a_task_that_touches_the_file_of_another_one_beside_it_is_refused() {
    let tasks = [task("t1", &["a.py"], &[], &[], &[]), task("t2", &["b.py"], &[], &[], &[])];
    let both = format!("{}\n{}", whole("a.py", "A = 1\n"), whole("b.py", "B = 3\n"));
    let seen = job()
        .plan(&plan(&tasks))
        .builds("t1", &both)
        .builds("t1", &whole("a.py", "A = 1\n"))
        .builds("t2", &whole("b.py", "B = 2\n"))
        .run();
    seen.refused(&["b.py belongs to another task"]).completes(&[("a.py", "A = 1\n"), ("b.py", "B = 2\n")]);
}

#[test]
fn an_edit_that_fits_nowhere_or_in_two_places_is_refused_and_a_good_one_taken() {
    for bad in [
        replace("calc.py", "    return a - b\n", "    return a * b\n"),
        replace("calc.py", "def sub(a, b):\n", "def mul(a, b):\n"),
    ] {
        planned().build(&bad).build(&add_mul()).run().refused(&["calc.py"]).completes(&[("calc.py", MUL)]);
    }
    let twice = "same\nbetween\nsame\n";
    let job = job().with("twice.txt", twice).titled("Change it").plan(&plan_to_modify("twice.txt"));
    let seen = job.build(&replace("twice.txt", "same\n", "other\n")).build(&replace(
        "twice.txt",
        "between\nsame\n",
        "between\nother\n",
    ));
    seen.run().refused(&["twice.txt"]).completes(&[("twice.txt", "same\nbetween\nother\n")]);
}

#[test]
fn a_file_that_is_not_the_jobs_to_drop_stays() {
    let gone = serde_json::json!([{"name": "delete", "input": {"path": "tests/test_calc.py"}}]);
    let seen = planned().tools(gone).build(&add_mul()).run();
    seen.completes(&[("calc.py", MUL)]);
}

#[test]
fn what_was_to_be_created_and_is_not_there_is_asked_for() {
    let tasks = [task("t1", &["square.py"], &["calc.py"], &[], &[])];
    let both = format!("{}\n{}", add_mul(), whole("square.py", "S = 4\n"));
    let seen = job().plan(&plan(&tasks)).build(&add_mul()).build(&both).run();
    seen.refused(&["square.py was to be created"]).completes(&[("calc.py", MUL), ("square.py", "S = 4\n")]);
}

#[test]
fn a_copy_of_a_function_is_told_to_the_critic_by_its_rule() {
    let body = "    a = 1\n    b = 2\n    c = 3\n    d = 4\n    e = 5\n    return a + b + c + d + e\n";
    let (one, two) = (format!("def long():\n{body}"), format!("def again():\n{body}"));
    let tasks = [task("t1", &["two.py"], &["one.py"], &[], &[])];
    let edit = format!(
        "{}\n{}",
        replace("one.py", "    a = 1\n", "    a = 1  # first\n"),
        whole("two.py", &two.replace("a = 1\n", "a = 1  # first\n"))
    );
    let mended = "from one import long as again\n";
    let critic = "{\"findings\": [{\"file\": \"two.py\", \"severity\": \"major\", \"claim\": \"again is a copy of long\", \"suggestion\": \"import it\"}]}";
    let seen = job()
        .with("one.py", &one)
        .plan(&plan(&tasks))
        .build(&edit)
        .critique_if("a copy of long", critic)
        .repair(&whole("two.py", mended))
        .run();
    seen.completes(&[("one.py", &one.replace("a = 1\n", "a = 1  # first\n")), ("two.py", mended)]);
}
