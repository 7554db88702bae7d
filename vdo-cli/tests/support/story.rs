//! The small project that most tests extend, and the reference job on it: a plan, two builds, a failing check with its
//! repair, and a review. Told once, as scripted answers; the server tells the same.

use serde_json::{Value, json};

/// A calculator with a test.
pub(crate) const FILES: &[(&str, &str)] = &[
    ("calc.py", "def add(a, b):\n    return a + b\n"),
    ("tests/__init__.py", ""),
    (
        "tests/test_calc.py",
        "import unittest\n\nimport calc\n\n\nclass CalcTest(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(calc.add(2, 3), 5)\n",
    ),
];

/// The job's title.
pub(crate) const TITLE: &str = "Add multiplication";
/// How many calls the reference job takes.
pub(crate) const CALLS: usize = 5;

/// Returns the answer that a phase (and task) gets in the reference job.
pub(crate) fn answer(phase: &str, task: Option<&str>) -> String {
    match (phase, task) {
        ("plan", _) => plan(&[
            json!({"id": "t1", "title": "Multiply", "description": "Add mul.", "create": [], "modify": ["calc.py"], "delete": [], "depends_on": []}),
            json!({"id": "t2", "title": "Test it", "description": "Test mul.", "create": ["tests/test_mul.py"], "modify": [], "delete": [], "depends_on": ["t1"]}),
        ]),
        ("build", Some("t1")) => {
            replace("calc.py", "    return a + b\n", "    return a + b\n\n\ndef mul(a, b):\n    return a + b\n")
        }
        ("build", _) => whole(
            "tests/test_mul.py",
            "import unittest\n\nimport calc\n\n\nclass MulTest(unittest.TestCase):\n    def test_mul(self):\n        self.assertEqual(calc.mul(2, 3), 6)\n",
        ),
        ("repair", _) => replace("calc.py", "def mul(a, b):\n    return a + b\n", "def mul(a, b):\n    return a * b\n"),
        _ => "{\"findings\": []}".to_owned(),
    }
}

/// Returns the reference job as an answers file.
pub(crate) fn answers() -> Value {
    json!({"answers": [
        say("plan", None, &answer("plan", None)),
        say("build", Some("t1"), &answer("build", Some("t1"))),
        say("build", Some("t2"), &answer("build", Some("t2"))),
        say("repair", None, &answer("repair", None)),
        say("critique", None, &answer("critique", None)),
    ]})
}

/// Returns one answer of text, with a usage of 1000 and 100 tokens.
pub(crate) fn say(phase: &str, task: Option<&str>, text: &str) -> Value {
    let mut when = json!({"phase": phase});
    if let Some(task) = task {
        when["task"] = task.into();
    }
    json!({"when": when, "reply": {"text": text}, "usage": {"input": 1000, "output": 100}})
}

/// Returns a plan as a model writes it.
pub(crate) fn plan(tasks: &[Value]) -> String {
    json!({"summary": "A plan.", "tasks": tasks, "checks": []}).to_string()
}

/// Returns a plan of one task that creates one file.
pub(crate) fn plan_to_create(path: &str) -> String {
    plan(&[
        json!({"id": "t1", "title": "T", "description": "D", "create": [path], "modify": [], "delete": [], "depends_on": []}),
    ])
}

/// Returns a plan of one task that changes one file.
pub(crate) fn plan_to_modify(path: &str) -> String {
    plan(&[
        json!({"id": "t1", "title": "T", "description": "D", "create": [], "modify": [path], "delete": [], "depends_on": []}),
    ])
}

/// Returns an edit of a part of a file.
pub(crate) fn replace(path: &str, old: &str, new: &str) -> String {
    format!("{path}\n<<<<<<< SEARCH\n{old}=======\n{new}>>>>>>> REPLACE\n")
}

/// Returns a new file.
pub(crate) fn whole(path: &str, text: &str) -> String {
    format!("{path}\n```\n{text}```\n")
}

/// Returns answers for a job that creates `notes.txt` and is not found fault with.
pub(crate) fn notes() -> Value {
    json!({"answers": [
        say("plan", None, &plan_to_create("notes.txt")),
        say("build", None, &whole("notes.txt", "noted\n")),
        say("critique", None, "{\"findings\": []}"),
    ]})
}
