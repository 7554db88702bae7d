//! `vdo context`: which files of a folder matter to a query; never a provider, store or network.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use vdo_core::context;
use vdo_core::context::pack::Pack;
use vdo_core::context::query::Query;
use vdo_core::context::rank::{Ranked, Weights};
use vdo_core::port::{FileClass, Fit, Scanned};
use vdo_workspace::scan::{FolderScan, Found, WorkspaceScanner};
use vdo_workspace::syntax::TreeSitterSyntax;

use crate::app::scan_cache;
use crate::args;
use crate::fail::{Fail, chain};
use crate::out::Out;
use crate::story;

/// The longest query that is read, in bytes.
const MAX_QUERY: u64 = 1 << 20;

/// How many files the packing chooses among.
const MAX_PACKED: usize = 1_000;

/// What was found, for programs. Nothing of it depends on the clock or the cache.
#[derive(Debug, Serialize)]
struct Listed {
    files: Vec<Ranked>,
    tests: Vec<Ranked>,
    docs: Vec<Ranked>,
    config: Vec<Ranked>,
    /// What of the sources a request would show within the budget; tokens are estimates.
    pack: Pack,
}

/// Ranks files.
pub(crate) fn run(out: &Out, args: &args::Context) -> Result<(), Fail> {
    let begun = Instant::now();
    let query = match (&args.query_file, args.query.as_deref()) {
        (Some(file), _) => read(file)?,
        (None, Some("-")) => read(Path::new("-"))?,
        (None, query) => query.unwrap_or_default().to_owned(),
    };
    vdo_workspace::git::trust_objects();
    let mut scanner = WorkspaceScanner::new(Arc::new(TreeSitterSyntax));
    if !args.no_cache {
        scanner = scanner.with_cache(&args.cache.clone().unwrap_or_else(scan_cache));
    }
    let scan = scanner.folder(&args.repo).map_err(|error| Fail::usage(chain(&error)))?;
    let scanned = begun.elapsed();
    let weights = args.without.iter().fold(Weights::default(), |weights, signal| weights.without(*signal));
    let query = Query::of(&query);
    let mut found = if out.json {
        scan.find(&query, &weights, args.limit.max(MAX_PACKED))
    } else {
        Found { sources: scan.ranked(FileClass::Source, &query, &weights, args.limit), ..Found::default() }
    };
    let took = begun.elapsed();
    if out.json {
        let pack = packed(&scan, &found.sources, args.budget);
        for list in [&mut found.sources, &mut found.tests, &mut found.docs, &mut found.config] {
            list.truncate(args.limit);
        }
        let Found { sources: files, tests, docs, config } = found;
        out.value(&Listed { files, tests, docs, config, pack })?;
    } else {
        print(out, args, &found)?;
    }
    let (files, fresh, changes) = (scan.len(), scan.fresh(), scan.changes());
    tracing::info!(files, fresh, changes, scanned = scanned.as_millis(), took = took.as_millis(), "files ranked");
    Ok(())
}

fn print(out: &Out, args: &args::Context, found: &Found) -> Result<(), Fail> {
    let mut text = String::new();
    for file in &found.sources {
        text.push_str(&story::plain(file.path.as_str(), 4096));
        text.push('\n');
        if args.explain {
            let parts: Vec<String> =
                file.parts.iter().map(|(signal, part)| format!("{} {part:.3}", name(signal))).collect();
            text.push_str(&format!("#   {:.3} = {}\n", file.score, parts.join(" + ").replace("+ -", "- ")));
        }
    }
    out.bytes(text.as_bytes())
}

fn name(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| Some(value.as_str()?.to_owned())).unwrap_or_default()
}

/// Chooses what a request would show.
fn packed(scan: &FolderScan, sources: &[Ranked], budget: u64) -> Pack {
    let best = || sources.iter().take(MAX_PACKED);
    let files = scan.facts(&best().map(|file| file.path.clone()).collect());
    let ranked = best().map(|file| Fit { path: file.path.clone(), score: file.score }).collect();
    context::select("", &Scanned { files, ranked, ..Scanned::default() }, &BTreeSet::new(), budget)
}

fn read(path: &Path) -> Result<String, Fail> {
    let mut bytes = Vec::new();
    let took = if path == Path::new("-") {
        std::io::stdin().lock().take(MAX_QUERY).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX_QUERY).read_to_end(&mut bytes))
    };
    took.map_err(|error| Fail::usage(format!("{}: {error}", path.display())))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
