//! `vdo context`: which files of a folder matter to a query; never a provider, store or network.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use vdo_core::context::query::Query;
use vdo_core::context::rank::{Ranked, Weights};
use vdo_workspace::scan::{Found, WorkspaceScanner};
use vdo_workspace::syntax::TreeSitterSyntax;

use crate::app::cache_folder;
use crate::args;
use crate::fail::{Fail, chain};
use crate::out::Out;
use crate::story;

/// The longest query that is read, in bytes.
const MAX_QUERY: u64 = 1 << 20;

/// What was found, for programs. Nothing of it depends on the clock or the cache.
#[derive(Debug, Serialize)]
struct Listed<'a> {
    files: &'a [Ranked],
    tests: &'a [Ranked],
    docs: &'a [Ranked],
    config: &'a [Ranked],
}

/// Ranks files.
pub(crate) fn run(out: &Out, args: &args::Context) -> Result<(), Fail> {
    let begun = Instant::now();
    let query = match (&args.query_file, args.query.as_deref()) {
        (Some(file), _) => read(file)?,
        (None, Some("-")) => read(Path::new("-"))?,
        (None, query) => query.unwrap_or_default().to_owned(),
    };
    let mut scanner = WorkspaceScanner::new(Arc::new(TreeSitterSyntax));
    if !args.no_cache {
        scanner = scanner.with_cache(&args.cache.clone().unwrap_or_else(|| cache_folder().join("scan")));
    }
    let scan = scanner.folder(&args.repo).map_err(|error| Fail::usage(chain(&error)))?;
    let scanned = begun.elapsed();
    let weights = args.without.iter().fold(Weights::default(), |weights, signal| weights.without(*signal));
    let query = Query::of(&query);
    let found = scan.find(&query, &weights);
    let took = begun.elapsed();
    if out.json {
        let [files, tests, docs, config] =
            [&found.sources, &found.tests, &found.docs, &found.config].map(|files| first(files, args.limit));
        out.value(&Listed { files, tests, docs, config })?;
    } else {
        print(out, args, &found)?;
    }
    let (files, fresh, changes) = (scan.len(), scan.fresh(), scan.changes());
    tracing::info!(files, fresh, changes, scanned = scanned.as_millis(), took = took.as_millis(), "files ranked");
    Ok(())
}

fn print(out: &Out, args: &args::Context, found: &Found) -> Result<(), Fail> {
    let mut text = String::new();
    for file in first(&found.sources, args.limit) {
        text.push_str(&story::plain(file.path.as_str(), 4096));
        text.push('\n');
        if args.explain {
            let parts: Vec<String> = file.parts.iter().map(|(signal, part)| format!("{} {part:.3}", name(signal))).collect();
            text.push_str(&format!("#   {:.3} = {}\n", file.score, parts.join(" + ").replace("+ -", "- ")));
        }
    }
    out.bytes(text.as_bytes())
}

fn name(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| Some(value.as_str()?.to_owned())).unwrap_or_default()
}

fn first(files: &[Ranked], limit: usize) -> &[Ranked] {
    files.get(..limit.min(files.len())).unwrap_or_default()
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
