//! Judging a plan against the tree it is for, before anything else is paid.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::TaskId;
use crate::path::RepoPath;
use crate::task::{Plan, PlanDraft, Task, TaskDraft};
use crate::tree::FileTree;

/// The most tasks a plan may have.
pub const MAX_TASKS: usize = 100;
/// The most paths a task may name.
pub const MAX_PATHS: usize = 200;
/// The most faults that are told.
const MAX_FAULTS: usize = 20;

/// What a plan gets wrong. The texts go back to the model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanFault {
    /// There is no task.
    #[error("the plan has no tasks")]
    NoTasks,
    /// There are too many tasks.
    #[error("the plan has {0} tasks; at most {MAX_TASKS} are taken")]
    TooManyTasks(usize),
    /// A task's name cannot be one, or is used twice.
    #[error("task {id:?}: {reason}")]
    TaskId {
        /// The name.
        id: String,
        /// Why not.
        reason: String,
    },
    /// A task touches nothing.
    #[error("task {0} names no files; list the exact files it creates, modifies or deletes")]
    NoFiles(TaskId),
    /// A task names too many files.
    #[error("task {0} names {1} files; at most {MAX_PATHS} are taken")]
    TooManyFiles(TaskId, usize),
    /// A path is not one inside the project.
    #[error("task {0}: {1}")]
    Path(TaskId, String),
    /// A file to change or remove is not there.
    #[error("task {task}: {path} does not exist{}", similar.as_ref().map_or(String::new(), |path| format!("; did you mean {path}?")))]
    Missing {
        /// The task.
        task: TaskId,
        /// The file.
        path: RepoPath,
        /// A file with a similar name.
        similar: Option<RepoPath>,
    },
    /// A file to create is there already.
    #[error("task {task}: {path} exists already; put it under \"modify\" instead of creating it")]
    Exists {
        /// The task.
        task: TaskId,
        /// The file.
        path: RepoPath,
    },
    /// A file to create does not fit beside the others.
    #[error("task {task}: {reason}")]
    Place {
        /// The task.
        task: TaskId,
        /// Why not.
        reason: String,
    },
    /// A file is to be removed and nothing says why.
    #[error("task {task} deletes {path} and does not say why; give the reason in its description, or leave the file")]
    NoReason {
        /// The task.
        task: TaskId,
        /// The file.
        path: RepoPath,
    },
    /// A path is named twice in one task.
    #[error("task {task} names {path} more than once")]
    Twice {
        /// The task.
        task: TaskId,
        /// The file.
        path: RepoPath,
    },
    /// A dependency is not in the plan.
    #[error("task {task} depends on {on:?}, which is not in the plan")]
    UnknownDependency {
        /// The task.
        task: TaskId,
        /// What it depends on.
        on: String,
    },
    /// Tasks wait for each other.
    #[error("the tasks {} wait for each other", .0.iter().map(TaskId::as_str).collect::<Vec<_>>().join(", "))]
    Cycle(Vec<TaskId>),
}

/// Makes a plan of a draft, if it fits `tree`.
///
/// A file that one task creates may be modified by tasks that depend on it. The tasks come out each after those it
/// depends on, otherwise in their order.
///
/// # Errors
/// Every fault found, at most a screenful.
pub fn validate(draft: &PlanDraft, tree: &FileTree) -> Result<Plan, Vec<PlanFault>> {
    if draft.tasks.is_empty() {
        return Err(vec![PlanFault::NoTasks]);
    }
    if draft.tasks.len() > MAX_TASKS {
        return Err(vec![PlanFault::TooManyTasks(draft.tasks.len())]);
    }
    let mut faults = Vec::new();
    let tasks: Vec<Task> = draft.tasks.iter().filter_map(|task| read_task(task, &mut faults)).collect();
    let mut ids = BTreeSet::new();
    for task in &tasks {
        if !ids.insert(&task.id) {
            let reason = "the name is used twice".to_owned();
            faults.push(PlanFault::TaskId { id: task.id.to_string(), reason });
        }
    }
    for task in &tasks {
        for on in task.depends_on.iter().filter(|on| !ids.contains(on)) {
            faults.push(PlanFault::UnknownDependency { task: task.id.clone(), on: on.to_string() });
        }
    }
    let ordered = match ordered(&tasks) {
        Ok(ordered) => ordered,
        Err(cycle) if cycle.is_empty() => Vec::new(),
        Err(cycle) => {
            faults.push(PlanFault::Cycle(cycle));
            Vec::new()
        }
    };
    check_paths(&ordered, tree, &mut faults);
    if faults.is_empty() {
        Ok(Plan { summary: draft.summary.clone(), tasks: ordered, checks: draft.checks.clone() })
    } else {
        faults.truncate(MAX_FAULTS);
        Err(faults)
    }
}

fn read_task(draft: &TaskDraft, faults: &mut Vec<PlanFault>) -> Option<Task> {
    let id: TaskId = match draft.id.parse() {
        Ok(id) => id,
        Err(error) => {
            let (id, reason) = (draft.id.chars().take(64).collect(), error.to_string());
            faults.push(PlanFault::TaskId { id, reason });
            return None;
        }
    };
    let count = draft.create.len() + draft.modify.len() + draft.delete.len();
    if count == 0 {
        faults.push(PlanFault::NoFiles(id.clone()));
    }
    if count > MAX_PATHS {
        faults.push(PlanFault::TooManyFiles(id, count));
        return None;
    }
    let mut paths = |texts: &[String]| -> Vec<RepoPath> {
        let mut paths = Vec::new();
        for text in texts {
            match text.parse() {
                Ok(path) => paths.push(path),
                Err(error) => faults.push(PlanFault::Path(id.clone(), format!("{error}"))),
            }
        }
        paths
    };
    let (create, modify, delete) = (paths(&draft.create), paths(&draft.modify), paths(&draft.delete));
    let mut depends_on: Vec<TaskId> = Vec::new();
    for on in &draft.depends_on {
        match on.parse() {
            Ok(on) => depends_on.push(on),
            Err(_) => faults.push(PlanFault::UnknownDependency { task: id.clone(), on: on.chars().take(64).collect() }),
        }
    }
    let (title, description) = (draft.title.clone(), draft.description.clone());
    Some(Task { id, title, description, create, modify, delete, depends_on })
}

/// Orders tasks by dependency, keeping their order where it is free; on a cycle, returns the tasks in it.
fn ordered(tasks: &[Task]) -> Result<Vec<Task>, Vec<TaskId>> {
    let known: BTreeSet<&TaskId> = tasks.iter().map(|task| &task.id).collect();
    let mut placed: BTreeSet<&TaskId> = BTreeSet::new();
    let mut ordered = Vec::new();
    while ordered.len() < tasks.len() {
        let next = tasks.iter().find(|task| {
            !placed.contains(&task.id) && task.depends_on.iter().all(|on| placed.contains(on) || !known.contains(on))
        });
        let Some(next) = next else {
            let left = tasks.iter().filter(|task| !placed.contains(&task.id)).map(|task| task.id.clone());
            return Err(left.collect());
        };
        if !placed.insert(&next.id) {
            break;
        }
        ordered.push(next.clone());
    }
    Ok(ordered)
}

fn check_paths(tasks: &[Task], tree: &FileTree, faults: &mut Vec<PlanFault>) {
    // The tree as it will be when a task starts, as far as the plan tells: later tasks see what earlier ones made.
    let mut now = tree.clone();
    let mut made: BTreeMap<RepoPath, TaskId> = BTreeMap::new();
    let placeholder = crate::content::Entry::file(crate::content::BlobHash::of(b""));
    for task in tasks {
        let mut seen = BTreeSet::new();
        for path in task.paths() {
            if !seen.insert(path) {
                faults.push(PlanFault::Twice { task: task.id.clone(), path: path.clone() });
            }
        }
        let task_id = || task.id.clone();
        for path in &task.create {
            if now.get(path).is_some() {
                faults.push(PlanFault::Exists { task: task_id(), path: path.clone() });
            } else if let Some(fault) = now.fault_at(path) {
                faults.push(PlanFault::Place { task: task_id(), reason: fault.to_string() });
            } else if let Some(twin) = now.case_twin(path) {
                let reason = format!("{path} differs from {twin} only in case");
                faults.push(PlanFault::Place { task: task_id(), reason });
            } else {
                now.0.insert(path.clone(), placeholder);
                made.insert(path.clone(), task_id());
            }
        }
        for path in task.modify.iter().chain(&task.delete) {
            match now.get(path) {
                None => {
                    let similar = similar(path, tree);
                    faults.push(PlanFault::Missing { task: task_id(), path: path.clone(), similar });
                }
                Some(entry) if !entry.mode.is_file() && task.modify.contains(path) => {
                    let reason = format!("{path} is a link or a submodule, which cannot be edited");
                    faults.push(PlanFault::Place { task: task_id(), reason });
                }
                Some(_) => {}
            }
        }
        if let Some(path) =
            task.delete.first().filter(|_| task.title.trim().is_empty() && task.description.trim().is_empty())
        {
            faults.push(PlanFault::NoReason { task: task_id(), path: path.clone() });
        }
        for path in &task.delete {
            now.0.remove(path);
        }
    }
}

/// Returns a file that was probably meant: the same name elsewhere, or the same stem nearby.
fn similar(path: &RepoPath, tree: &FileTree) -> Option<RepoPath> {
    let name = path.file_name();
    let stem = name.split('.').next().unwrap_or(name);
    tree.0
        .keys()
        .find(|other| other.file_name().eq_ignore_ascii_case(name))
        .or_else(|| tree.0.keys().find(|other| stem.len() > 2 && other.file_name().split('.').next() == Some(stem)))
        .or_else(|| tree.0.keys().find(|other| stem.len() > 3 && other.file_name().contains(stem)))
        .cloned()
}

/// Returns whether a command cannot fail, so that its success shows nothing.
#[must_use]
pub fn cannot_fail(command: &str) -> bool {
    let command = command.trim();
    let last = command.rsplit(['\n', ';']).map(str::trim).find(|part| !part.is_empty()).unwrap_or_default();
    let masked = last.rsplit_once("||").is_some_and(|(_, alternative)| cannot_fail(alternative));
    let word = last.split_whitespace().next().unwrap_or_default();
    let word = word.rsplit('/').next().unwrap_or(word);
    let harmless = ["true", ":", "echo", "printf", "pwd", "exit", "sleep", "date", "whoami", ""].contains(&word);
    let exits_badly = word == "exit" && last.split_whitespace().nth(1).is_some_and(|code| code != "0");
    masked || (harmless && !exits_badly && !last.contains("&&") && !last.contains('|')) || last.ends_with("|| true")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{BlobHash, Entry};

    fn tree(paths: &[&str]) -> FileTree {
        paths.iter().map(|path| (path.parse().unwrap(), Entry::file(BlobHash::of(b"")))).collect()
    }

    fn task(id: &str, create: &[&str], modify: &[&str], on: &[&str]) -> TaskDraft {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        TaskDraft {
            id: id.to_owned(),
            title: String::new(),
            description: String::new(),
            create: owned(create),
            modify: owned(modify),
            delete: Vec::new(),
            depends_on: owned(on),
        }
    }

    fn faults(tasks: Vec<TaskDraft>) -> Vec<String> {
        let draft = PlanDraft { summary: String::new(), tasks, checks: Vec::new() };
        validate(&draft, &tree(&["app.py", "src/views.py"]))
            .err()
            .unwrap_or_default()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn a_plan_that_fits_is_ordered_by_dependency() {
        let draft = PlanDraft {
            summary: String::new(),
            tasks: vec![task("t2", &[], &["new.py", "app.py"], &["t1"]), task("t1", &["new.py"], &[], &[])],
            checks: Vec::new(),
        };
        let plan = validate(&draft, &tree(&["app.py"])).unwrap();
        assert_eq!(plan.tasks.iter().map(|task| task.id.as_str()).collect::<Vec<_>>(), ["t1", "t2"]);
    }

    #[test]
    fn each_fault_is_told_with_what_to_do() {
        assert_eq!(faults(vec![]), ["the plan has no tasks"]);
        assert_eq!(
            faults(vec![task("t", &[], &["views.py"], &[])]),
            ["task t: views.py does not exist; did you mean src/views.py?"]
        );
        assert_eq!(
            faults(vec![task("t", &["app.py"], &[], &[])]),
            ["task t: app.py exists already; put it under \"modify\" instead of creating it"]
        );
        assert_eq!(
            faults(vec![task("t", &["app.py/x"], &[], &[])]),
            ["task t: app.py/x needs a folder where the file app.py is"]
        );
        assert_eq!(faults(vec![task("t", &["App.py"], &[], &[])]), ["task t: App.py differs from app.py only in case"]);
        assert_eq!(faults(vec![task("t", &[], &["app.py", "app.py"], &[])]), ["task t names app.py more than once"]);
        assert_eq!(
            faults(vec![task("t", &[], &["app.py"], &["x"])]),
            ["task t depends on \"x\", which is not in the plan"]
        );
        assert_eq!(
            faults(vec![task("a", &["x.py"], &[], &["b"]), task("b", &["y.py"], &[], &["a"])]),
            ["the tasks a, b wait for each other"]
        );
        for path in ["/etc/passwd", "../x", ".git/hooks/pre-commit"] {
            assert_eq!(faults(vec![task("t", &[path], &[], &[])]).len(), 1, "{path}");
        }
        assert_eq!(faults(vec![task("t", &[], &[], &[])]).len(), 1);
        assert_eq!(
            faults((0..10_000).map(|n| task(&format!("t{n}"), &["x"], &[], &[])).collect()),
            ["the plan has 10000 tasks; at most 100 are taken"]
        );
        assert_eq!(faults(vec![task("t", &["x.py"], &[], &[]), task("t", &["y.py"], &[], &[])]).len(), 1);
    }

    #[test]
    fn commands_that_cannot_fail_are_known() {
        for command in
            ["true", "/bin/true", "echo ok", "pytest || true", "pytest; true", ":", "", "exit 0", "pytest || echo no"]
        {
            assert!(cannot_fail(command), "{command}");
        }
        for command in ["pytest", "echo x | grep y", "exit 1", "true && pytest", "npm test", "test -f x"] {
            assert!(!cannot_fail(command), "{command}");
        }
    }
}
