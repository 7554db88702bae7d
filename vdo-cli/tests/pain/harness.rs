//! A job and what its model says, and what came of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{Place, Ran, finish, tree};

pub(crate) use crate::support::story::{plan, plan_to_create, plan_to_modify, replace, whole};

/// What the host has in its environment and nobody else may learn.
pub(crate) const SECRET: &str = "s3cr3t-of-the-host-4711";

/// The calculator with a product, as the good answers make it.
pub(crate) const MUL: &str = "def add(a, b):\n    return a + b\n\n\ndef mul(a, b):\n    return a * b\n";
/// Returns the edit that adds a product.
pub(crate) fn add_mul() -> String {
    replace("calc.py", "    return a + b\n", "    return a + b\n\n\ndef mul(a, b):\n    return a * b\n")
}

/// Returns a task.
pub(crate) fn task(id: &str, create: &[&str], modify: &[&str], delete: &[&str], on: &[&str]) -> Value {
    json!({"id": id, "title": "Multiply", "description": "Add mul.", "create": create, "modify": modify, "delete": delete, "depends_on": on})
}

/// A job whose model is scripted.
pub(crate) struct Pain {
    place: Place,
    answers: Vec<Value>,
    title: String,
    check: Vec<String>,
    sets: Vec<String>,
}

/// What came of it.
pub(crate) struct Seen {
    pub(crate) place: Place,
    pub(crate) ran: Ran,
    pub(crate) show: Value,
    events: Vec<Value>,
    given: BTreeMap<String, Vec<u8>>,
}

/// Returns a job on the small project.
pub(crate) fn job() -> Pain {
    let place = Place::new();
    place.project("calc");
    Pain { place, answers: Vec::new(), title: "Add multiplication".to_owned(), check: Vec::new(), sets: Vec::new() }
}

/// Returns a job on the small project whose plan is good: to change `calc.py`.
pub(crate) fn planned() -> Pain {
    job().plan(&plan_to_modify("calc.py"))
}

impl Pain {
    pub(crate) fn titled(mut self, title: &str) -> Self {
        self.title = title.to_owned();
        self
    }

    /// Adds a file to the project.
    pub(crate) fn with(self, path: &str, text: &str) -> Self {
        self.place.write(&format!("calc/{path}"), text);
        self
    }

    /// Adds a link to the project.
    pub(crate) fn with_link(self, path: &str, to: &str) -> Self {
        std::os::unix::fs::symlink(to, self.place.path(&format!("calc/{path}"))).unwrap();
        self
    }

    /// Takes the tests out of the project, so that nothing shows whether a result works.
    pub(crate) fn without_tests(self) -> Self {
        self.place.git("calc", &["rm", "-rq", "tests"]);
        self
    }

    pub(crate) fn check(mut self, command: &str) -> Self {
        self.check.push(command.to_owned());
        self
    }

    pub(crate) fn set(mut self, key: &str) -> Self {
        self.sets.push(key.to_owned());
        self
    }

    fn answer(mut self, phase: &str, reply: Value, more: Value) -> Self {
        let mut answer = json!({"when": {"phase": phase}, "reply": reply, "usage": {"input": 10, "output": 10}});
        for (key, value) in more.as_object().into_iter().flatten() {
            answer[key] = value.clone();
        }
        self.answers.push(answer);
        self
    }

    pub(crate) fn plan(self, text: &str) -> Self {
        self.answer("plan", json!({"text": text}), json!({}))
    }

    pub(crate) fn build(self, text: &str) -> Self {
        self.answer("build", json!({"text": text}), json!({}))
    }

    /// A build reply to one task.
    pub(crate) fn builds(mut self, task: &str, text: &str) -> Self {
        self = self.build(text);
        if let Some(answer) = self.answers.last_mut() {
            answer["when"]["task"] = task.into();
        }
        self
    }

    /// A review that is given where the request has this text.
    pub(crate) fn critique_if(mut self, contains: &str, text: &str) -> Self {
        self = self.critique(text);
        if let Some(answer) = self.answers.last_mut() {
            answer["when"]["contains"] = json!([contains]);
        }
        self
    }

    /// A build reply that the provider says was cut off.
    pub(crate) fn build_cut(self, text: &str) -> Self {
        self.answer("build", json!({"text": text}), json!({"stop": "length"}))
    }

    /// A build reply that is given again and again.
    pub(crate) fn always_builds(self, text: &str) -> Self {
        self.answer("build", json!({"text": text}), json!({"repeat": true}))
    }

    pub(crate) fn tools(self, calls: Value) -> Self {
        self.answer("build", json!({"tool_calls": calls}), json!({}))
    }

    pub(crate) fn always_calls(self, calls: Value) -> Self {
        self.answer("build", json!({"tool_calls": calls}), json!({"repeat": true}))
    }

    pub(crate) fn repair(self, text: &str) -> Self {
        self.answer("repair", json!({"text": text}), json!({}))
    }

    pub(crate) fn repair_tools(self, calls: Value) -> Self {
        self.answer("repair", json!({"tool_calls": calls}), json!({}))
    }

    pub(crate) fn always_repairs(self, text: &str) -> Self {
        self.answer("repair", json!({"text": text}), json!({"repeat": true}))
    }

    pub(crate) fn critique(self, text: &str) -> Self {
        self.answer("critique", json!({"text": text}), json!({}))
    }

    /// Runs the job, with a critic that is content where nothing else was said.
    pub(crate) fn run(self) -> Seen {
        let this = self.answer("critique", json!({"text": "{\"findings\": []}"}), json!({"repeat": true}));
        let place = this.place;
        place.git("calc", &["add", "-A"]);
        place.git("calc", &["commit", "-q", "--allow-empty", "-m", "the project"]);
        let given = tree(&place.path("calc"));
        place.scripted(&json!({"answers": this.answers}));
        let mut args = vec!["new".to_owned(), this.title.clone(), "--repo".to_owned(), place.text("calc")];
        for check in &this.check {
            args.extend(["--check".to_owned(), check.clone()]);
        }
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        assert_eq!(place.args(&args).exits(0).line(), "2");
        let sets = this.sets.iter().flat_map(|set| ["--set", set.as_str()]);
        let run: Vec<&str> = ["run", "2"].into_iter().chain(sets).collect();
        let mut command = place.vdo(run);
        command.env("PAIN_SECRET", SECRET);
        let ran = finish(command);
        let [show, events, _] = place.everything("2");
        let events = events.as_array().unwrap().clone();
        assert_eq!(tree(&place.path("calc")), given, "the user's folder is never touched");
        Seen { place, ran, show, events, given }
    }
}

impl Seen {
    fn told(&self) -> String {
        format!("{:?}\n{}\n{:#}", self.ran, self.show["reason"], json!(self.events))
    }

    /// Insists that it completed, and that these files, and no others, came out changed; an empty text is one that is gone.
    #[track_caller]
    pub(crate) fn completes(self, files: &[(&str, &str)]) -> Self {
        assert_eq!((&self.show["status"], self.ran.code), (&json!("completed"), Some(0)), "{}", self.told());
        self.changed(files)
    }

    /// Insists that a person has to decide, for this reason; nothing is delivered as done.
    #[track_caller]
    pub(crate) fn waits(self, reason: &str) -> Self {
        assert_eq!((&self.show["status"], self.ran.code), (&json!("needs_decision"), Some(3)), "{}", self.told());
        assert!(
            self.show["reason"].as_str().unwrap_or_default().contains(reason),
            "{reason:?}: {}",
            self.show["reason"]
        );
        self
    }

    /// Insists that it failed for this reason and that nothing was delivered.
    #[track_caller]
    pub(crate) fn fails(self, reason: &str) -> Self {
        assert_eq!((&self.show["status"], self.ran.code), (&json!("failed"), Some(1)), "{}", self.told());
        assert!(
            self.show["reason"].as_str().unwrap_or_default().contains(reason),
            "{reason:?}: {}",
            self.show["reason"]
        );
        assert_eq!((&self.show["revision"], &self.show["branch"]), (&Value::Null, &Value::Null));
        assert_eq!(self.place.git("calc", &["branch", "--format=%(refname:short)"]), "main\n");
        self
    }

    /// Insists on what differs from the project in the result.
    #[track_caller]
    pub(crate) fn changed(self, files: &[(&str, &str)]) -> Self {
        let rows = self.show["files"].as_array().unwrap();
        let mut changed: Vec<&str> = rows
            .iter()
            .filter(|row| row["source"] != "inherited")
            .map(|row| row["filename"].as_str().unwrap())
            .collect();
        changed.sort_unstable();
        let mut wanted: Vec<&str> = files.iter().map(|(path, _)| *path).collect();
        wanted.sort_unstable();
        assert_eq!(changed, wanted, "{}", self.told());
        for (path, text) in files.iter().filter(|(_, text)| !text.is_empty()) {
            assert_eq!(self.place.args(&["cat", "2", path]).exits(0).stdout, *text, "{path}");
        }
        for path in self.given.keys().filter(|path| !files.iter().any(|(changed, _)| changed == path)) {
            assert!(rows.iter().any(|row| row["filename"] == path.as_str()), "{path} is lost");
        }
        self
    }

    fn of(&self, kind: &str, field: &str) -> Vec<String> {
        let found = self.events.iter().filter(|event| event["kind"] == kind);
        found
            .flat_map(|event| event[field].as_array().cloned().unwrap_or_default())
            .filter_map(|one| one.as_str().map(str::to_owned))
            .collect()
    }

    /// Insists that replies were refused, each text in one of the faults.
    #[track_caller]
    pub(crate) fn refused(self, texts: &[&str]) -> Self {
        let faults = self.of("refused", "faults");
        for text in texts {
            assert!(
                faults.iter().any(|fault| fault.contains(text)),
                "{text:?} was not refused: {faults:#?}\n{}",
                self.told()
            );
        }
        self
    }

    /// Insists that the first try was stopped in one way or another: one of the texts stands in a fault, a finding or a failed check.
    #[track_caller]
    pub(crate) fn refused_or_failed_or_guarded(self, texts: &[&str]) -> Self {
        let mut said = self.of("refused", "faults");
        said.extend(self.of("guarded", "findings"));
        said.extend(
            self.events
                .iter()
                .filter(|event| event["kind"] == "checked" && event["passed"] == false)
                .map(ToString::to_string),
        );
        assert!(
            said.iter().any(|one| texts.iter().any(|text| one.contains(text))),
            "{texts:?}: {said:#?}\n{}",
            self.told()
        );
        self
    }

    /// Insists that no reply was refused.
    #[track_caller]
    pub(crate) fn refused_nothing(self) -> Self {
        assert_eq!(self.of("refused", "faults"), Vec::<String>::new());
        self
    }

    /// Insists that the guard found these, by their rules, and nothing else.
    #[track_caller]
    pub(crate) fn guarded(self, rules: &[&str]) -> Self {
        let findings = self.of("guarded", "findings");
        let found: std::collections::BTreeSet<&str> =
            findings.iter().filter_map(|line| line.strip_suffix(')')?.rsplit_once('(').map(|(_, rule)| rule)).collect();
        assert_eq!(found.into_iter().collect::<Vec<_>>(), rules, "{findings:#?}\n{}", self.told());
        self
    }

    /// Insists that something is told in the notes.
    #[track_caller]
    pub(crate) fn notes(self, text: &str) -> Self {
        let notes: Vec<&Value> = self.events.iter().filter(|event| event["kind"] == "note").collect();
        assert!(
            notes.iter().any(|note| note["text"].as_str().unwrap_or_default().contains(text)),
            "{text:?}: {notes:#?}"
        );
        self
    }

    /// Insists on how often the model was asked.
    #[track_caller]
    pub(crate) fn calls(self, calls: u64) -> Self {
        assert_eq!(self.show["calls"], calls, "{}", self.told());
        self
    }

    /// Insists that a text is nowhere in what is kept of the job: shown, events, journal.
    #[track_caller]
    pub(crate) fn never_says(self, text: &str) -> Self {
        let all = json!(self.place.everything("2")).to_string();
        assert!(!all.contains(text), "{text:?} got out");
        self
    }

    /// Returns the outcomes of one of the test phase's reports, from 0.
    pub(crate) fn checks(&self, at: usize) -> Vec<Value> {
        let mut tested = self.events.iter().filter(|event| event["kind"] == "checked" && event["phase"] == "test");
        let report = tested.nth(at).unwrap();
        report["report"]["outcomes"].as_array().unwrap().clone()
    }

    /// Returns what the sandbox's commands printed.
    pub(crate) fn outputs(&self) -> String {
        self.events.iter().filter(|event| event["kind"] == "checked").map(|event| event["report"].to_string()).collect()
    }
}
