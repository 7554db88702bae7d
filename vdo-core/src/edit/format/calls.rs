//! Tool calls as JSON: `str_replace`, `create` and `insert` under the names that agents give them, and the patch
//! operations of OpenAI. One object after the other, an array, or either between fences.

use serde_json::{Map, Value};

use super::{ReadReply, Sequence, paths, v4a};
use crate::edit::{Edit, EditError, FileOp, Hunk, Spot};

/// Tells whether a text that begins as JSON is made of calls.
pub(super) fn looks_like_calls(text: &str) -> bool {
    let first = serde_json::Deserializer::from_str(text).into_iter::<Value>().next();
    match first {
        Some(Ok(Value::Array(all))) => all.iter().all(is_call) && !all.is_empty(),
        Some(Ok(one)) => is_call(&one),
        _ => false,
    }
}

fn is_call(value: &Value) -> bool {
    let Some(call) = value.as_object() else { return false };
    let inner = arguments(call);
    let inner = inner.as_ref().unwrap_or(call);
    text(inner, PATH).is_some()
        && (text(inner, OLD).is_some()
            || text(inner, CONTENT).is_some()
            || inner.contains_key("edits")
            || kind(call).is_some())
}

/// Returns the body of the one fenced block that is made of calls.
pub(super) fn fenced(reply: &str) -> Option<&str> {
    let mut bodies = reply.split("```").skip(1).step_by(2).filter_map(|block| {
        let body = block.split_once('\n').map_or(block, |(_, body)| body).trim();
        (body.starts_with(['{', '[']) && looks_like_calls(body)).then_some(body)
    });
    let first = bodies.next()?;
    bodies.next().is_none().then_some(first)
}

const PATH: &[&str] =
    &["path", "file_path", "filePath", "filepath", "target_file", "file", "filename", "filename_path"];
const OLD: &[&str] = &["old_str", "old_string", "oldString", "oldText", "old_text", "old", "search", "find"];
const NEW: &[&str] = &["new_str", "new_string", "newString", "newText", "new_text", "new", "replace", "replacement"];
const CONTENT: &[&str] = &["file_text", "content", "contents", "text"];

pub(super) fn read(reply: &str) -> ReadReply {
    let mut reader = Reader { block: 0, reply: ReadReply { sequence: Sequence::InTurn, ..ReadReply::default() } };
    let body = if reply.trim_start().starts_with(['{', '[']) { reply } else { fenced(reply).unwrap_or(reply) };
    for value in serde_json::Deserializer::from_str(body).into_iter::<Value>() {
        match value {
            Ok(Value::Array(all)) => all.iter().for_each(|one| reader.value(one)),
            Ok(one) => reader.value(&one),
            Err(error) => {
                reader.block += 1;
                let line = error.line();
                let reason = format!("it is not the JSON of a tool call: {error}");
                reader.reply.faults.push(EditError::Block { block: reader.block, line, reason });
                break;
            }
        }
    }
    reader.reply
}

struct Reader {
    block: usize,
    reply: ReadReply,
}

/// Returns the first of several keys whose value is a text.
fn text<'v>(call: &'v Map<String, Value>, keys: &[&str]) -> Option<&'v str> {
    keys.iter().find_map(|key| call.get(*key)).and_then(Value::as_str)
}

/// Returns the arguments of a call that has them apart, as an object or as JSON within a text.
fn arguments(call: &Map<String, Value>) -> Option<Map<String, Value>> {
    let inner =
        ["arguments", "input", "parameters", "args", "params", "operation"].iter().find_map(|key| call.get(*key))?;
    match inner {
        Value::Object(inner) => Some(inner.clone()),
        Value::String(text) => serde_json::from_str(text).ok(),
        _ => None,
    }
}

/// Returns what a call is called.
fn kind(call: &Map<String, Value>) -> Option<&str> {
    text(call, &["command", "type", "op", "action"]).or_else(|| text(call, &["name", "tool", "tool_name", "function"]))
}

impl Reader {
    fn value(&mut self, value: &Value) {
        self.block += 1;
        let outcome = match value.as_object() {
            Some(call) => self.call(call),
            None => Err("it is no JSON object".to_owned()),
        };
        if let Err(reason) = outcome {
            self.reply.faults.push(EditError::Block { block: self.block, line: self.block, reason });
        }
    }

    fn call(&mut self, call: &Map<String, Value>) -> Result<(), String> {
        let inner = arguments(call);
        let outer = kind(call).filter(|kind| *kind != "function" && *kind != "tool_use");
        let named = text(call, &["name", "tool", "tool_name"]);
        let call = inner.as_ref().unwrap_or(call);
        let own = kind(call).or(outer).or(named).unwrap_or_default().to_owned();
        let path = text(call, PATH).ok_or("it names no path")?;
        let path = paths::path(path).map_err(|error| error.to_string())?;
        let mut push = |op: FileOp| self.reply.edits.push(Edit { path: path.clone(), op });
        let block = self.block;
        if let Some(edits) = call.get("edits").and_then(Value::as_array) {
            for edit in edits {
                let edit = edit.as_object().ok_or("an entry of its edits is no object")?;
                push(FileOp::Replace(vec![replacement(edit, block)?]));
            }
            return Ok(());
        }
        match own.as_str() {
            "view" | "read" | "read_file" | "list" => {}
            "undo_edit" => return Err("undo_edit is not known here; edit again instead".to_owned()),
            "insert" | "insert_line" | "insert_text" | "insert_at_line" => {
                push(FileOp::Replace(vec![insertion(call, block)?]))
            }
            "delete_file" | "delete" | "remove" => push(FileOp::Delete),
            "create_file" | "update_file" if call.get("diff").is_some() => {
                let diff = text(call, &["diff"]).ok_or("its diff is no text")?;
                push(if own == "create_file" { created(diff) } else { FileOp::Replace(hunks(diff, block)?) });
            }
            "rename" | "move" | "move_file" | "rename_file" => {
                let to = text(call, &["new_path", "to", "destination", "target"]).ok_or("it does not say where to")?;
                push(FileOp::Move(paths::path(to).map_err(|error| error.to_string())?));
            }
            _ if text(call, OLD).is_some() => push(FileOp::Replace(vec![replacement(call, block)?])),
            "create" | "write" | "write_file" | "create_file" | "write_to_file" | "overwrite" | "Write" => {
                let content = text(call, CONTENT).ok_or("it has no file_text")?;
                push(FileOp::Write(content.to_owned()));
            }
            _ if text(call, CONTENT).is_some() => {
                push(FileOp::Write(text(call, CONTENT).unwrap_or_default().to_owned()))
            }
            "" => return Err("it has neither a command nor old_str".to_owned()),
            "str_replace" | "edit" | "replace" => return Err("it has no old_str".to_owned()),
            other => {
                let other: String = other.chars().take(60).collect();
                return Err(format!("{other:?} is no command: expected str_replace, create, insert, delete or rename"));
            }
        }
        Ok(())
    }
}

fn replacement(call: &Map<String, Value>, block: usize) -> Result<Hunk, String> {
    let find = text(call, OLD).ok_or("it has no old_str")?;
    let replace = text(call, NEW).unwrap_or_default();
    let all = ["replace_all", "replaceAll", "all", "allow_multiple"]
        .iter()
        .find_map(|key| call.get(*key))
        .and_then(Value::as_bool)
        .unwrap_or(false);
    let count = ["expected_replacements", "expected_occurrences", "count"]
        .iter()
        .find_map(|key| call.get(*key))
        .and_then(Value::as_u64)
        .and_then(|count| usize::try_from(count).ok());
    Ok(Hunk { all, count: count.filter(|_| !all), block, ..Hunk::text(find, replace) })
}

fn insertion(call: &Map<String, Value>, block: usize) -> Result<Hunk, String> {
    let line = ["insert_line", "line", "after_line", "line_number"].iter().find_map(|key| call.get(*key));
    let line = line.and_then(Value::as_u64).ok_or("it has no insert_line")?;
    let new = text(call, NEW).or_else(|| text(call, &["insert_text", "text", "content"])).ok_or("it has no new_str")?;
    let spot = Spot::AfterLine(usize::try_from(line).unwrap_or(usize::MAX));
    Ok(Hunk { spot, block, ..Hunk::lines("", new) })
}

/// Reads the body of a new file, every line with a `+` before it.
fn created(diff: &str) -> FileOp {
    let signed = diff.lines().all(|line| line.starts_with('+') || line.is_empty());
    let mut text: String = match signed {
        true => diff.lines().flat_map(|line| [line.strip_prefix('+').unwrap_or(line), "\n"]).collect(),
        false => diff.to_owned(),
    };
    if signed && !diff.ends_with('\n') {
        text.pop();
    }
    FileOp::Create(text)
}

fn hunks(diff: &str, block: usize) -> Result<Vec<Hunk>, String> {
    let mut hunks = v4a::hunks(diff, block)?;
    for hunk in &mut hunks {
        hunk.block = block;
    }
    if hunks.is_empty() { Err("its diff changes nothing".to_owned()) } else { Ok(hunks) }
}
