//! `vdo scan`: what a folder holds, at a glance. Data goes to standard output and is the same for the same files.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vdo_core::check::{CheckCommand, Setup};
use vdo_core::content::BlobHash;
use vdo_core::path::RepoPath;
use vdo_core::port::{FileClass, LeftOutReason, TreeSource as _};
use vdo_core::summary::Summary;
use vdo_workspace::scan::{FolderScanError, WholeFolder, WorkspaceScanner};
use vdo_workspace::syntax::TreeSitterSyntax;

use crate::app::scan_cache;
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
    /// How many files of each class there are.
    classes: BTreeMap<FileClass, u64>,
    /// What is told of by name alone, by reason.
    left_out: BTreeMap<LeftOutReason, LeftOut>,
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
    let mut scanner = WorkspaceScanner::new(Arc::new(TreeSitterSyntax));
    if !args.no_cache {
        scanner = scanner.with_cache(&args.cache.clone().unwrap_or_else(scan_cache));
    }
    let whole = scanner.whole_folder(&args.dir).await.map_err(|error| match error {
        FolderScanError::Walk(_) => Fail::usage(chain(&error)),
        other => Fail::failed(chain(&other)),
    })?;
    let fresh = whole.fresh;
    let view = view(whole);
    if out.json {
        out.value(&view)?;
    } else {
        print(out, &view, args.tokens)?;
    }
    let took = began.elapsed().as_millis();
    out.say(format!("{} files told of in {took} ms, {fresh} of them read for the first time", view.read));
    Ok(())
}

fn view(whole: WholeFolder) -> ScanView {
    let WholeFolder { source, scanned, left_out: others, .. } = whole;
    let tree = source.tree();
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let mut classes: BTreeMap<FileClass, u64> = BTreeMap::new();
    for file in &scanned.files {
        *classes.entry(file.class).or_default() += 1;
    }
    let mut left_out: BTreeMap<LeftOutReason, LeftOut> = BTreeMap::new();
    for other in &others {
        let left = left_out.entry(other.reason).or_default();
        left.files += 1;
        if left.first.len() < MAX_LISTED {
            left.first.push(other.path.clone());
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

fn reason(reason: LeftOutReason) -> &'static str {
    match reason {
        LeftOutReason::Binary => "it is no text",
        LeftOutReason::Generated => "a program wrote it",
        LeftOutReason::Vendored => "it is other people's, or built",
        LeftOutReason::TooLarge => "it is too large",
        LeftOutReason::Unreadable => "it cannot be read",
        LeftOutReason::Name => "its name is no path of a tree",
        LeftOutReason::Repository => "it is a repository of its own",
    }
}

fn class(class: FileClass) -> &'static str {
    match class {
        FileClass::Source => "source",
        FileClass::Test => "test",
        FileClass::Doc => "doc",
        FileClass::Config => "config",
        FileClass::Vendored => "vendored",
        FileClass::Generated => "generated",
        FileClass::Binary => "binary",
    }
}

fn print(out: &Out, view: &ScanView, tokens: usize) -> Result<(), Fail> {
    let summary = view.summary.render(tokens);
    if !summary.is_empty() {
        out.line(summary)?;
    }
    out.line("### Counts")?;
    let classes: Vec<String> = view.classes.iter().map(|(one, files)| format!("{files} {}", class(*one))).collect();
    let classes = if classes.is_empty() { String::new() } else { format!(": {}", classes.join(", ")) };
    out.line(format!("- {} of {} files read, {} bytes{classes}", view.read, view.files, view.bytes))?;
    for (why, left) in &view.left_out {
        let first = left.first.first().map_or("", String::as_str);
        let more = if left.files > 1 { ", …" } else { "" };
        out.line(format!("- {} left out: {} ({}{more})", left.files, reason(*why), story::plain(first, 100)))?;
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
