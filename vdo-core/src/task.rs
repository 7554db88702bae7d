//! The plan of a job as a typed artefact.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::TaskId;
use crate::path::RepoPath;

/// What a job is going to do, in tasks that name exact paths.
///
/// The paths are text as the model wrote them; [`crate::plan::validate`] makes a [`Plan`] of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanDraft {
    /// What will be done, in one or two sentences.
    pub summary: String,
    /// The tasks.
    pub tasks: Vec<TaskDraft>,
    /// Commands that show whether the result works, if the project names none of its own.
    #[serde(default)]
    pub checks: Vec<String>,
}

/// One task as the model wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaskDraft {
    /// A short name, unique in the plan: "t1".
    pub id: String,
    /// What the task does, in a few words.
    pub title: String,
    /// What exactly is to be done.
    #[serde(default)]
    pub description: String,
    /// Files that do not exist yet and will.
    #[serde(default)]
    pub create: Vec<String>,
    /// Files that exist and will be changed.
    #[serde(default)]
    pub modify: Vec<String>,
    /// Files that exist and will be removed.
    #[serde(default)]
    pub delete: Vec<String>,
    /// Tasks that must be finished first.
    #[serde(default)]
    pub depends_on: Vec<String>,
}

/// A plan that fits the tree it was made for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// What will be done.
    pub summary: String,
    /// The tasks, each after those it depends on, otherwise in the model's order.
    pub tasks: Vec<Task>,
    /// Commands the model proposed; used only where neither user nor detection names any.
    pub checks: Vec<String>,
}

/// One task of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Task {
    /// The name.
    pub id: TaskId,
    /// What it does, in a few words.
    pub title: String,
    /// What exactly is to be done.
    pub description: String,
    /// Files it makes.
    pub create: Vec<RepoPath>,
    /// Files it changes.
    pub modify: Vec<RepoPath>,
    /// Files it removes.
    pub delete: Vec<RepoPath>,
    /// Tasks that come first.
    pub depends_on: Vec<TaskId>,
}

impl Task {
    /// Returns every path the task may touch.
    pub fn paths(&self) -> impl Iterator<Item = &RepoPath> {
        self.create.iter().chain(&self.modify).chain(&self.delete)
    }
}
