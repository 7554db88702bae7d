//! Looking over a change for what no honest piece of work does unasked.
//!
//! Models that cannot make a test pass delete it, skip it or have it assert nothing; they rewrite files and lose what was
//! in them, import what does not exist, and touch what runs outside of the sandbox: CI, hooks, secrets. Each rule compares
//! what was given with what came out. What the job itself asks for by name is no finding.
//!
//! Pure: over two trees and the contents of what differs. The work is bounded by bytes and by the number of findings.

mod asked;
mod builtins;
mod cases;
mod config;
mod evidence;
mod imports;
mod leftovers;
mod lost;
mod places;
mod secrets;
mod twice;
mod weakened;

use std::collections::BTreeSet;

use crate::content::BlobHash;
use crate::contents::Contents;
use crate::diff;
use crate::findings::{Finding, Severity};
use crate::path::RepoPath;
use crate::prompt::Assignment;
use crate::syntax::Syntax;
use crate::task::Plan;
use crate::tree::FileTree;

use asked::Asked;
pub use places::refusal;

/// The longest text that is looked at, in bytes.
const MAX_BYTES: usize = 1 << 20;
/// The most findings that are told of one change.
const MAX_FINDINGS: usize = 40;

/// A change, and what it was made for.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    /// The files that were given.
    pub before: &'a FileTree,
    /// The files as they are now.
    pub after: &'a FileTree,
    /// The contents that [`needs`] names; others that are at hand are looked at, too.
    pub contents: &'a Contents,
    /// The structure of texts.
    pub syntax: &'a dyn Syntax,
    /// The plan, if there was one.
    pub plan: Option<&'a Plan>,
    /// What the job asks for.
    pub assignment: &'a Assignment,
    /// The paths that were last written because a check had failed.
    pub repaired: &'a BTreeSet<RepoPath>,
}

/// Returns the contents that [`inspect`] looks at: both sides of what differs, and the files that declare dependencies.
#[must_use]
pub fn needs(before: &FileTree, after: &FileTree) -> BTreeSet<BlobHash> {
    let changed = diff::changed_paths(before, after);
    let mut wanted: BTreeSet<BlobHash> =
        changed.iter().flat_map(|(_, before, after)| [*before, *after]).flatten().map(|entry| entry.blob).collect();
    wanted.extend(imports::manifests(after).filter_map(|path| after.get(path)).map(|entry| entry.blob));
    wanted
}

/// Returns what is wrong with a change, worst first.
#[must_use]
pub fn inspect(change: &Change<'_>) -> Vec<Finding> {
    let view = View::of(change);
    let mut findings = Vec::new();
    places::look(&view, &mut findings);
    evidence::look(&view, &mut findings);
    config::look(&view, &mut findings);
    leftovers::look(&view, &mut findings);
    secrets::look(&view, &mut findings);
    lost::look(&view, &mut findings);
    twice::look(&view, &mut findings);
    imports::look(&view, &mut findings);
    findings.sort_by(|one, other| other.severity.cmp(&one.severity).then_with(|| one.file.cmp(&other.file)));
    findings.truncate(MAX_FINDINGS);
    findings
}

/// One file that differs, as text. A side that is not there, or is no text, is none.
#[derive(Debug, Clone, Copy)]
struct Touched<'a> {
    path: &'a RepoPath,
    before: Option<&'a str>,
    after: Option<&'a str>,
    /// Whether something lies there now.
    is: bool,
}

impl<'a> Touched<'a> {
    /// Returns the lines that were added, with their numbers from 1.
    fn added(&self) -> Vec<(u32, &'a str)> {
        let (before, after) = (self.before.unwrap_or_default(), self.after.unwrap_or_default());
        changed_lines(before, after)
    }

    /// Returns the lines that are gone, with their numbers from 1.
    fn removed(&self) -> Vec<(u32, &'a str)> {
        let (before, after) = (self.before.unwrap_or_default(), self.after.unwrap_or_default());
        changed_lines(after, before)
    }
}

/// Returns the lines of `after` that differ from `before`.
fn changed_lines<'a>(before: &str, after: &'a str) -> Vec<(u32, &'a str)> {
    let hunks = diff::line_hunks(&diff::lines(before.as_bytes()), &diff::lines(after.as_bytes()));
    let lines: Vec<&str> = after.lines().collect();
    let numbers = hunks.into_iter().flat_map(|hunk| hunk.after);
    numbers
        .filter_map(|at| {
            let line = lines.get(usize::try_from(at).ok()?)?;
            Some((at.saturating_add(1), *line))
        })
        .collect()
}

/// A change, read.
struct View<'a> {
    change: &'a Change<'a>,
    files: Vec<Touched<'a>>,
    /// What the job says.
    job: Asked,
    /// What the job and its plan say.
    planned: Asked,
}

impl<'a> View<'a> {
    fn of(change: &'a Change<'a>) -> Self {
        let text = |tree: &FileTree, path: &RepoPath| {
            let entry = tree.get(path).filter(|entry| entry.mode.is_file())?;
            change.contents.text(entry.blob).filter(|text| text.len() <= MAX_BYTES)
        };
        let mut paths: Vec<&'a RepoPath> = change
            .before
            .0
            .iter()
            .filter(|(path, entry)| change.after.0.get(*path) != Some(*entry))
            .map(|(path, _)| path)
            .collect();
        paths.extend(change.after.0.keys().filter(|path| !change.before.0.contains_key(*path)));
        let files = paths
            .into_iter()
            .map(|path| Touched {
                path,
                before: text(change.before, path),
                after: text(change.after, path),
                is: change.after.get(path).is_some(),
            })
            .collect();
        let job = format!("{}\n{}", change.assignment.title, change.assignment.description);
        let tasks = change.plan.iter().flat_map(|plan| &plan.tasks);
        let mut planned = job.clone();
        for task in tasks {
            planned.push_str(&format!("\n{}\n{}\n", task.title, task.description));
        }
        Self { change, files, job: Asked::of(&job), planned: Asked::of(&planned) }
    }
}

/// What a rule reports.
struct Report<'a> {
    by: &'static str,
    severity: Severity,
    file: &'a RepoPath,
    line: Option<u32>,
}

impl Report<'_> {
    fn says(self, claim: String, suggestion: &str) -> Finding {
        Finding {
            id: None,
            file: self.file.to_string(),
            line: self.line,
            severity: self.severity,
            claim,
            suggestion: suggestion.to_owned(),
            by: Some(self.by.to_owned()),
        }
    }
}

/// Returns a text of at most 80 characters.
fn short(text: &str) -> String {
    let text = text.trim();
    if text.chars().count() <= 80 {
        text.to_owned()
    } else {
        format!("{}…", text.chars().take(79).collect::<String>())
    }
}
