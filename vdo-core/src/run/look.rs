//! What a model is shown when it looks: a file with line numbers, the lines with a text, the names of files.

use std::fmt::Write as _;

use crate::check::CheckReport;
use crate::contents::Contents;
use crate::context::bounded;
use crate::edit::tools::{self, List, ReadFile, Search};
use crate::message::{Block, ToolCall};
use crate::output;
use crate::path::RepoPath;
use crate::tree::FileTree;

/// The most bytes one look shows.
const MAX_SHOWN: usize = 32_000;
/// The most bytes of a command's output.
const MAX_RUN_OUTPUT: usize = 12_000;
/// The most lines a search shows.
const MAX_HITS: usize = 80;

pub(super) fn read(input: &ReadFile, tree: &FileTree, contents: &Contents) -> Result<String, String> {
    let path: RepoPath = input.path.parse().map_err(|error| format!("{error}"))?;
    let entry = tree.get(&path).ok_or_else(|| format!("{path}: there is no such file"))?;
    let text = contents.text(entry.blob).ok_or_else(|| format!("{path}: it is not UTF-8 text"))?;
    let from = input.from_line.unwrap_or(1).max(1);
    let to = input.to_line.unwrap_or(usize::MAX);
    let mut shown = String::new();
    for (at, line) in text.lines().enumerate().skip(from - 1).take_while(|(at, _)| *at < to) {
        let _ = writeln!(shown, "{:>5} | {line}", at + 1);
        if shown.len() > MAX_SHOWN {
            let _ = writeln!(shown, "… more follows; ask again with from_line {}", at + 2);
            break;
        }
    }
    Ok(if shown.is_empty() { "(no such lines)".to_owned() } else { shown })
}

pub(super) fn search(input: &Search, tree: &FileTree, contents: &Contents) -> Result<String, String> {
    if input.text.trim().is_empty() {
        return Err("the text to search for is empty".to_owned());
    }
    let mut shown = String::new();
    let mut hits = 0;
    for (path, entry) in &tree.0 {
        let Some(text) = contents.text(entry.blob) else { continue };
        for (at, line) in text.lines().enumerate().filter(|(_, line)| line.contains(&input.text)) {
            hits += 1;
            if hits <= MAX_HITS {
                let _ = writeln!(shown, "{path}:{}: {}", at + 1, bounded(line.trim_end(), 300));
            }
        }
    }
    if hits > MAX_HITS {
        let _ = writeln!(shown, "… {} more lines", hits - MAX_HITS);
    }
    Ok(if hits == 0 { "(nothing found)".to_owned() } else { shown })
}

pub(super) fn list(input: &List, tree: &FileTree) -> String {
    let prefix = match input.folder.as_deref().map(|folder| folder.trim_matches('/')) {
        None | Some("" | ".") => String::new(),
        Some(folder) => format!("{folder}/"),
    };
    let names: Vec<&str> = tree.0.keys().map(RepoPath::as_str).filter(|path| path.starts_with(&prefix)).collect();
    if names.is_empty() { "(no files)".to_owned() } else { bounded(&names.join("\n"), MAX_SHOWN) }
}

/// Writes what a command of the model printed, in short.
pub(super) fn command_result(id: String, report: &CheckReport) -> Block {
    let outcomes = report.setup_failed.iter().chain(&report.outcomes);
    let content: String = outcomes
        .map(|outcome| {
            format!("exit code {}\n{}\n", outcome.exit.code(), output::shortest(&outcome.output, MAX_RUN_OUTPUT))
        })
        .collect();
    Block::ToolResult { id, content, is_error: false }
}

/// Returns the command that a call asks for; empty if it asks for none.
pub(super) fn run_command(call: &ToolCall) -> String {
    match tools::parse(call) {
        Ok(tools::Tool::Run(input)) => input.command,
        _ => String::new(),
    }
}
