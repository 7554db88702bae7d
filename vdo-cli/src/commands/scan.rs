//! `vdo scan`: what a folder holds, at a glance. Data goes to standard output and is the same for the same files.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vdo_core::check::{CheckCommand, Setup};
use vdo_core::content::BlobHash;
use vdo_core::path::RepoPath;
use vdo_core::port::{Scanned, Scanner as _, TreeSource as _};
use vdo_core::summary::Summary;
use vdo_workspace::folder::MemorySource;
use vdo_workspace::import::{ImportError, ImportLimits, Skipped};
use vdo_workspace::scan::WorkspaceScanner;
use vdo_workspace::summary::Class;
use vdo_workspace::syntax::TreeSitterSyntax;

use crate::args;
use crate::fail::{Fail, chain};
use crate::out::Out;
use crate::story;

/// How many paths of one reason are listed.
const MAX_LISTED: usize = 20;

/// What a scan found, as JSON.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ScanView {
    /// The hash of the tree.
    tree_hash: BlobHash,
    /// How many files the tree has.
    files: u64,
    /// How many of them were read.
    read: u64,
    /// The bytes of those.
    bytes: u64,
    /// How many files of each class there are: `code`, `test`, `aside`, `data`, `prose`.
    classes: BTreeMap<String, u64>,
    /// What was left out, by reason.
    left_out: BTreeMap<String, LeftOut>,
    /// The files with rules for agents and contributors.
    rules: Vec<RepoPath>,
    /// What has to be installed before the checks.
    setup: Vec<Setup>,
    /// The commands that show whether a result works.
    checks: Vec<CheckCommand>,
    /// The architecture.
    summary: Box<Summary>,
}

/// Files that were left out for one reason.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
struct LeftOut {
    /// How many.
    files: u64,
    /// The first of them.
    first: Vec<String>,
}

/// Scans a folder.
pub(crate) async fn scan(out: &Out, args: &args::Scan) -> Result<(), Fail> {
    let began = Instant::now();
    let folder = args.dir.clone();
    let read =
        tokio::task::spawn_blocking(move || vdo_workspace::repository::import(&folder, &ImportLimits::default()));
    let (source, skipped) = match read.await.map_err(|error| Fail::failed(error.to_string()))? {
        Ok(mut imported) => {
            let skipped = std::mem::take(&mut imported.skipped);
            (imported.into_source(), skipped)
        }
        Err(ImportError::Empty(_)) => (MemorySource::default(), Vec::new()),
        Err(error) => return Err(Fail::usage(chain(&error))),
    };
    let walked = began.elapsed();
    let scanner = WorkspaceScanner::new(Arc::new(TreeSitterSyntax));
    let scanned = scanner.scan(&source).await.map_err(|error| Fail::failed(chain(&error)))?;
    let view = view(&source, scanned, &skipped);
    if out.json {
        out.value(&view)?;
    } else {
        print(out, &view, args.tokens)?;
    }
    let (walked, all) = (walked.as_millis(), began.elapsed().as_millis());
    out.say(format!("{} files read in {all} ms, {walked} of them for walking the folder", view.read));
    Ok(())
}

fn view(source: &MemorySource, scanned: Scanned, skipped: &[Skipped]) -> ScanView {
    let tree = source.tree();
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let mut classes: BTreeMap<String, u64> = BTreeMap::new();
    for file in &scanned.files {
        let class = Class::of(&file.path, file.language.as_deref());
        *classes.entry(class.as_str().to_owned()).or_default() += 1;
    }
    let mut left_out: BTreeMap<String, LeftOut> = BTreeMap::new();
    let mut leave = |reason: String, path: &str| {
        let left = left_out.entry(reason).or_default();
        left.files += 1;
        if left.first.len() < MAX_LISTED {
            left.first.push(path.to_owned());
        }
    };
    for one in skipped {
        leave(one.reason.to_string(), &one.path);
    }
    for (path, entry) in &tree.0 {
        let is_read = scanned.files.binary_search_by(|file| file.path.cmp(path)).is_ok();
        if !entry.mode.is_file() {
            leave("it is a link or a submodule".to_owned(), path.as_str());
        } else if !is_read {
            let reason = "it is binary, generated, minified, locked, vendored, too large or in .vdoignore";
            leave(reason.to_owned(), path.as_str());
        }
    }
    ScanView {
        tree_hash: tree.root_hash(),
        files: count(tree.len()),
        read: count(scanned.files.len()),
        bytes: scanned.files.iter().map(|file| file.bytes).fold(0, u64::saturating_add),
        classes,
        left_out,
        rules: scanned.rules,
        setup: scanned.setup,
        checks: scanned.checks,
        summary: scanned.summary,
    }
}

fn print(out: &Out, view: &ScanView, tokens: usize) -> Result<(), Fail> {
    let summary = view.summary.render(tokens);
    if !summary.is_empty() {
        out.line(summary)?;
    }
    out.line("### Counts")?;
    let classes: Vec<String> = view.classes.iter().map(|(class, files)| format!("{files} {class}")).collect();
    let classes = if classes.is_empty() { String::new() } else { format!(": {}", classes.join(", ")) };
    out.line(format!("- {} of {} files read, {} bytes{classes}", view.read, view.files, view.bytes))?;
    for (reason, left) in &view.left_out {
        let first = left.first.first().map_or("", String::as_str);
        let more = if left.files > 1 { ", …" } else { "" };
        out.line(format!("- {} left out: {reason} ({}{more})", left.files, story::plain(first, 100)))?;
    }
    out.line("\n### Rules, sent whole with every request")?;
    if view.rules.is_empty() {
        out.line("- none")?;
    }
    for path in &view.rules {
        out.line(format!("- {}", story::plain(path.as_str(), 200)))?;
    }
    out.line("\n### Checks")?;
    if view.checks.is_empty() {
        out.line("- none detected; name one with --check")?;
    }
    for setup in &view.setup {
        out.line(format!("- first: {}", story::plain(&setup.run, 300)))?;
    }
    for check in &view.checks {
        out.line(format!("- {}", story::plain(&check.run, 300)))?;
    }
    Ok(())
}
