//! Looking at a tree: what its files are and define, which of them matter to a query, which rules it has, and how it is checked.
//!
//! A scan digests each content once and keeps that in a [cache](WorkspaceScanner::with_cache) under its hash and path. Never fails for
//! a single file. Invariant: the same tree and syntax give the same answer, whatever the cache has and however many threads work.

mod cache;
mod class;
mod digest;
mod folder;
mod index;
mod light;
#[cfg(feature = "git")]
mod past;
mod search;
mod segment;
mod threads;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use vdo_core::content::BlobHash;
use vdo_core::path::RepoPath;
use vdo_core::port::{FileFacts, Interest, ScanError, Scanned, Scanner, SourceError, TreeSource};
use vdo_core::rules;
use vdo_core::summary::Summary;
use vdo_core::syntax::Syntax;
use vdo_core::tree::FileTree;

use crate::blocking::{self, Size};
use crate::detect;
use crate::summary::{self, FileSigns, Signs};
use digest::{Facts, Parsing};
use index::{Index, Indexed, Maker};
pub use search::{FolderScan, FolderScanError, Found, WholeFolder};

/// Of how many files of a very large tree the symbols are told.
const MAX_OUTLINED: usize = 200;

/// Scans trees. Cheap to clone.
///
/// Parsing runs on threads of its own. Left out are binaries, and generated, minified, locked and vendored
/// files, and what a `.vdoignore` in the root names; rules and checks are found all the same.
#[derive(Debug, Clone)]
pub struct WorkspaceScanner {
    syntax: Arc<dyn Syntax>,
    cache: Option<PathBuf>,
}

impl WorkspaceScanner {
    /// Returns a scanner that reads symbols with `syntax`, and keeps nothing.
    #[must_use]
    pub fn new(syntax: Arc<dyn Syntax>) -> Self {
        Self { syntax, cache: None }
    }

    /// Keeps what is found out about each content in `folder`, which any number of scanners may share.
    #[must_use]
    pub fn with_cache(mut self, folder: &Path) -> Self {
        self.cache = Some(folder.to_owned());
        self
    }

    /// Finds out the symbols of the files that fit best, of a tree that was read lightly.
    async fn outline_best(&self, source: &dyn TreeSource, scanned: &mut Scanned) -> Result<(), SourceError> {
        let best: BTreeSet<&RepoPath> = scanned.ranked.iter().take(MAX_OUTLINED).map(|fit| &fit.path).collect();
        let files: Vec<&mut FileFacts> = scanned.files.iter_mut().filter(|file| best.contains(&file.path)).collect();
        let hashes: Vec<BlobHash> = files.iter().map(|file| file.blob).collect();
        let contents = source.read(&hashes).await?;
        for (file, bytes) in files.into_iter().zip(contents) {
            let text = class::text(&bytes);
            file.symbols = text.map(|text| self.syntax.outline(&file.path, &text)).unwrap_or_default();
        }
        Ok(())
    }

    fn maker(&self) -> Maker {
        Maker::new(Arc::clone(&self.syntax), self.cache.as_deref())
    }
}

#[async_trait]
impl Scanner for WorkspaceScanner {
    async fn scan(&self, source: &dyn TreeSource, interest: &Interest) -> Result<Scanned, ScanError> {
        let ignored = ignored(source).await?;
        let is_ignored = |path: &RepoPath| ignored.matched_path_or_any_parents(path.as_str(), false).is_ignore();
        let index = self.maker().source(source, is_ignored).await?;
        let ranked = self.fits(source, &index, interest).await?;
        let parsing = index.parsing;
        let mut scanned = Scanned { ranked, ..scanned(source, index).await? };
        if parsing == Parsing::Light {
            self.outline_best(source, &mut scanned).await?;
        }
        Ok(scanned)
    }
}

/// Tells what was found out about a tree.
async fn scanned(source: &dyn TreeSource, index: Index) -> Result<Scanned, SourceError> {
    let tree = source.tree().clone();
    let rules = tree.0.iter().filter(|(path, entry)| entry.mode.is_file() && is_rules(path));
    let rules = rules.map(|(path, _)| path.clone()).collect();
    let contents = manifest_contents(source).await?;
    let size = index.size().and(Size::of(contents.values().map(|bytes| bytes.len())));
    on_thread(size, move || {
        let files = threads::map(&index.files, 64, || (), |(), file| facts(&index, file));
        let detected = detect::detect(&tree, &contents);
        let summary = summary_of(&tree, &files, &contents, &detected);
        let files = files.into_iter().map(|(facts, _)| facts).collect();
        Scanned {
            files,
            rules,
            checks: detected.checks,
            setup: detected.setup,
            summary: Box::new(summary),
            ranked: Vec::new(),
        }
    })
    .await
}

fn facts(index: &Index, file: &Indexed) -> (FileFacts, Signs) {
    let Facts { language, symbols, signs } = index.facts(file);
    let (path, blob) = (file.path.clone(), file.entry.blob);
    (FileFacts { path, blob, bytes: file.bytes, class: file.class, language, symbols }, signs)
}

async fn on_thread<T: Send + 'static>(size: Size, work: impl FnOnce() -> T + Send + 'static) -> Result<T, SourceError> {
    let fail = |error: std::io::Error| SourceError { what: "the tree".to_owned(), source: error.into() };
    blocking::run_sized(size, work).await.map_err(fail)
}

/// Returns the contents that checks and the summary are read off.
async fn manifest_contents(source: &dyn TreeSource) -> Result<detect::Contents, SourceError> {
    let mut wanted = detect::wanted(source.tree());
    wanted.extend(summary::wanted(source.tree()));
    wanted.sort();
    wanted.dedup();
    let hashes = blobs(source.tree(), &wanted);
    let contents = source.read(&hashes).await?;
    Ok(wanted.into_iter().zip(contents).collect())
}

fn summary_of(
    tree: &FileTree,
    files: &[(FileFacts, Signs)],
    contents: &detect::Contents,
    detected: &detect::Detected,
) -> Summary {
    let files: Vec<FileSigns<'_>> = files
        .iter()
        .map(|(facts, signs)| FileSigns {
            path: &facts.path,
            language: facts.language.as_deref(),
            bytes: facts.bytes,
            signs,
        })
        .collect();
    summary::summarise(tree, &files, contents, &detected.checks)
}

fn blobs(tree: &FileTree, paths: &[RepoPath]) -> Vec<BlobHash> {
    paths.iter().filter_map(|path| tree.get(path)).map(|entry| entry.blob).collect()
}

/// Reads the `.vdoignore` in the root.
async fn ignored(source: &dyn TreeSource) -> Result<Gitignore, SourceError> {
    let entry = source.tree().0.get(".vdoignore").filter(|entry| entry.mode.is_file());
    let Some(entry) = entry else { return Ok(Gitignore::empty()) };
    let mut builder = GitignoreBuilder::new("");
    for bytes in source.read(&[entry.blob]).await? {
        for line in String::from_utf8_lossy(&bytes).lines().take(10_000) {
            // A pattern that is none names nothing.
            let _ = builder.add_line(None, line);
        }
    }
    Ok(builder.build().unwrap_or_else(|_| Gitignore::empty()))
}

/// Tells whether a file holds rules for agents and contributors.
fn is_rules(path: &RepoPath) -> bool {
    rules::is_rules(path) && !path.ancestors().any(is_vendored)
}

fn is_vendored(folder: &str) -> bool {
    let name = folder.rsplit('/').next().unwrap_or(folder);
    matches!(
        name,
        "node_modules"
            | "vendor"
            | "third_party"
            | "bower_components"
            | "site-packages"
            | "__pycache__"
            | ".venv"
            | "venv"
    )
}

#[cfg(test)]
mod tests {
    use vdo_core::content::Mode;
    use vdo_core::syntax::NoSyntax;

    use super::*;
    use crate::folder::MemorySource;

    #[tokio::test]
    async fn a_scan_tells_what_matters_and_leaves_the_rest_out() {
        let wide = "x".repeat(30_000);
        let files = [
            ("AGENTS.md", "Be brief."),
            ("sub/AGENTS.md", "Be briefer."),
            ("sub/CLAUDE.md", "For what lies below."),
            (".github/copilot-instructions.md", "Hi."),
            ("app.py", "def f(): pass\n"),
            ("gen.py", "# Code generated by x. DO NOT EDIT.\n"),
            ("lib.min.js", "a"),
            ("wide.js", &wide),
            ("node_modules/x/index.js", "a"),
            ("Cargo.lock", ""),
            ("data/secret.txt", "x"),
            (".vdoignore", "data/\n"),
            ("tests/test_app.py", "import unittest\n"),
        ];
        let mut source = MemorySource::default();
        for (path, text) in files {
            source = source.with_file(path.parse().unwrap(), Mode::File, text);
        }
        source = source.with_file("logo.png".parse().unwrap(), Mode::File, [0x89, 0, 1]);
        source = source.with_file("link.py".parse().unwrap(), Mode::Symlink, "app.py");
        let scanned = WorkspaceScanner::new(Arc::new(NoSyntax)).scan(&source, &Interest::default()).await.unwrap();
        let names: Vec<_> = scanned.files.iter().map(|file| file.path.as_str()).collect();
        let wanted = [
            ".github/copilot-instructions.md",
            ".vdoignore",
            "AGENTS.md",
            "app.py",
            "sub/AGENTS.md",
            "sub/CLAUDE.md",
            "tests/test_app.py",
        ];
        assert_eq!(names, wanted);
        let rules: Vec<_> = scanned.rules.iter().map(RepoPath::as_str).collect();
        assert_eq!(rules, [".github/copilot-instructions.md", "AGENTS.md", "sub/AGENTS.md", "sub/CLAUDE.md"]);
        assert_eq!(scanned.checks.len(), 1);
        assert_eq!(
            scanned.files.iter().find(|file| file.path.as_str() == "app.py").unwrap().language.as_deref(),
            Some("python")
        );
    }
}
