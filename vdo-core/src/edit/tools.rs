//! Edits and looks as tool calls: the tools on offer in the build and repair steps.

use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Edit, FileOp, Format, Hunk, Known, Whole, read};
use crate::message::{ToolCall, ToolSpec};
use crate::path::RepoPath;

/// Shows a file with line numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReadFile {
    /// The file.
    pub path: String,
    /// The first line to show, from 1.
    #[serde(default)]
    pub from_line: Option<usize>,
    /// The last line to show.
    #[serde(default)]
    pub to_line: Option<usize>,
}

/// Lists the lines that contain a text, with file and line number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Search {
    /// The text, as it is: no pattern.
    pub text: String,
}

/// Lists the files, or those below a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct List {
    /// The folder; all files if left out.
    #[serde(default)]
    pub folder: Option<String>,
}

/// Replaces a text that stands exactly once in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Replace {
    /// The file.
    pub path: String,
    /// The text to replace, quoted exactly, with enough lines to be found only once.
    pub find: String,
    /// What stands there afterwards.
    pub replace: String,
    /// Replaces every occurrence instead.
    #[serde(default)]
    pub all: bool,
}

/// Writes a whole file. For files that do not exist yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Write {
    /// The file.
    pub path: String,
    /// Its whole content.
    pub content: String,
}

/// Changes files by one patch in the form `*** Begin Patch` … `*** End Patch`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApplyPatch {
    /// The patch.
    pub patch: String,
}

/// Removes a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Delete {
    /// The file.
    pub path: String,
}

/// Moves a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rename {
    /// Where it is.
    pub from: String,
    /// Where it will be.
    pub to: String,
}

/// Runs a shell command in the project's folder, in the sandbox, with the edits made so far. Files it writes are not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// The command.
    pub command: String,
}

/// Ends the task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Done {
    /// What was done, in one or two sentences.
    #[serde(default)]
    pub summary: String,
}

/// A tool call, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tool {
    /// Shows a file.
    Read(ReadFile),
    /// Finds a text.
    Search(Search),
    /// Lists files.
    List(List),
    /// Changes a file.
    Edit(Box<Edit>),
    /// Changes files by a patch: all of it or nothing.
    Patch(Vec<Edit>),
    /// Runs a command.
    Run(Run),
    /// Ends the task.
    Done(Done),
}

/// Returns the tools on offer, in a stable order. Models that write patches get a tool that takes one.
#[must_use]
pub fn specs(format: Format) -> Vec<ToolSpec> {
    static SPECS: LazyLock<Vec<ToolSpec>> = LazyLock::new(make_specs);
    let mut specs = SPECS.clone();
    if format == Format::V4a {
        let about = "Changes files by one patch (*** Begin Patch, *** Update File: path, @@ anchors, lines with blank, - or + before \
            them, *** End Patch): all of it or nothing.";
        specs.push(spec::<ApplyPatch>("apply_patch", about));
    }
    specs
}

fn make_specs() -> Vec<ToolSpec> {
    vec![
        spec::<ReadFile>("read", "Shows a file with line numbers."),
        spec::<Search>("search", "Lists the lines that contain a text, with file and line number."),
        spec::<List>("list", "Lists the files, or those below a folder."),
        spec::<Replace>("edit", "Replaces a text that stands exactly once in a file (or every occurrence, with all)."),
        spec::<Write>("write", "Writes a whole file. For files that do not exist yet; existing files are edited."),
        spec::<Delete>("delete", "Removes a file."),
        spec::<Rename>("rename", "Moves a file."),
        spec::<Run>(
            "run",
            "Runs a shell command in the sandbox with the edits made so far. Files it writes are not kept.",
        ),
        spec::<Done>("done", "Ends the task. Call it once everything asked for is done."),
    ]
}

fn spec<T: JsonSchema>(name: &str, description: &str) -> ToolSpec {
    ToolSpec { name: name.to_owned(), description: description.to_owned(), input_schema: crate::schema::of::<T>() }
}

/// Reads a tool call.
///
/// # Errors
/// A sentence for the model: an unknown tool, arguments that do not fit, a path that leads outside.
pub fn parse(call: &ToolCall) -> Result<Tool, String> {
    let path = |text: &str| text.parse::<RepoPath>().map_err(|error| error.to_string());
    let edit = |path: RepoPath, op: FileOp| Tool::Edit(Box::new(Edit { path, op }));
    Ok(match call.name.as_str() {
        "read" => Tool::Read(input(call)?),
        "search" => Tool::Search(input(call)?),
        "list" => Tool::List(input(call)?),
        "edit" => {
            let Replace { path: file, find, replace, all } = input(call)?;
            edit(path(&file)?, FileOp::Replace(vec![Hunk { all, ..Hunk::text(find, replace) }]))
        }
        "write" => {
            let Write { path: file, content } = input(call)?;
            edit(path(&file)?, FileOp::Write(content))
        }
        "delete" => edit(path(&input::<Delete>(call)?.path)?, FileOp::Delete),
        "rename" => {
            let Rename { from, to } = input(call)?;
            edit(path(&from)?, FileOp::Move(path(&to)?))
        }
        "apply_patch" => {
            let ApplyPatch { patch } = input(call)?;
            let edits = read(&patch, Format::V4a, Known::NONE, Whole::Yes).whole();
            Tool::Patch(edits.map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?)
        }
        "run" => Tool::Run(input(call)?),
        "done" => Tool::Done(input(call)?),
        other => {
            let other: String = other.chars().take(60).collect();
            return Err(format!(
                "there is no tool {other:?}; use one of those on offer, such as read, search, edit, write, run and done"
            ));
        }
    })
}

fn input<T: serde::de::DeserializeOwned>(call: &ToolCall) -> Result<T, String> {
    T::deserialize(&call.input).map_err(|error| format!("the arguments of {} do not fit: {error}", call.name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn calls_become_edits_and_bad_ones_a_sentence() {
        let call = |name: &str, input| ToolCall { id: String::new(), name: name.to_owned(), input };
        assert_eq!(
            parse(&call("write", json!({"path": "a.py", "content": "x"}))),
            Ok(Tool::Edit(Box::new(Edit { path: "a.py".parse().unwrap(), op: FileOp::Write("x".to_owned()) })))
        );
        for (name, input) in [
            ("write", json!({"path": "../a.py", "content": "x"})),
            ("edit", json!({"path": "a.py"})),
            ("edit", json!("not an object")),
            ("rename", json!({"from": "a", "to": "/b"})),
            ("shell", json!({})),
        ] {
            assert!(parse(&call(name, input)).is_err(), "{name}");
        }
    }

    #[test]
    fn every_tool_on_offer_is_understood_and_has_an_object_schema() {
        for spec in specs(Format::V4a) {
            assert_eq!(spec.input_schema["type"], "object", "{}", spec.name);
            let error = parse(&ToolCall { id: String::new(), name: spec.name.clone(), input: json!(7) }).unwrap_err();
            assert!(!error.contains("there is no tool"), "{}", spec.name);
        }
    }
}
