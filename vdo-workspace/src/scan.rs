//! Looking at a tree: what its files are and define, which rules it has, and how it is checked.
//!
//! Reads through the tree source alone. Invariant: the same tree and syntax give the same answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use vdo_core::content::{BlobHash, Bytes};
use vdo_core::path::RepoPath;
use vdo_core::port::{FileFacts, ScanError, Scanned, Scanner, SourceError, TreeSource};
use vdo_core::rules;
use vdo_core::summary::Summary;
use vdo_core::syntax::Syntax;
use vdo_core::tree::FileTree;

use crate::summary::{self, FileSigns, Signs};
use crate::{blocking, detect};

/// How many contents are held in memory at once.
const BATCH: usize = 128;
/// How many files are told of.
const MAX_FILES: usize = 50_000;
/// Larger texts are left out.
const MAX_BYTES: usize = 4 << 20;

/// Scans trees. Cheap to clone; holds the syntax and nothing else.
///
/// Parsing runs on threads of its own. Left out are binaries, and generated, minified, locked and vendored
/// files, and what a `.vdoignore` in the root names; rules and checks are found all the same.
#[derive(Debug, Clone)]
pub struct WorkspaceScanner {
    syntax: Arc<dyn Syntax>,
}

impl WorkspaceScanner {
    /// Returns a scanner that reads symbols with `syntax`.
    #[must_use]
    pub fn new(syntax: Arc<dyn Syntax>) -> Self {
        Self { syntax }
    }
}

#[async_trait]
impl Scanner for WorkspaceScanner {
    async fn scan(&self, source: &dyn TreeSource) -> Result<Scanned, ScanError> {
        let tree = source.tree();
        let ignored = ignored(source).await?;
        let candidates: Vec<(RepoPath, BlobHash)> = tree
            .0
            .iter()
            .filter(|(path, entry)| entry.mode.is_file() && !is_left_out(path))
            .filter(|(path, _)| !ignored.matched_path_or_any_parents(path.as_str(), false).is_ignore())
            .map(|(path, entry)| (path.clone(), entry.blob))
            .take(MAX_FILES)
            .collect();
        let mut files = Vec::new();
        for batch in candidates.chunks(BATCH) {
            let hashes: Vec<BlobHash> = batch.iter().map(|(_, blob)| *blob).collect();
            let contents = source.read(&hashes).await?;
            let work: Vec<(RepoPath, BlobHash, Bytes)> =
                batch.iter().zip(contents).map(|((path, blob), bytes)| (path.clone(), *blob, bytes)).collect();
            let syntax = Arc::clone(&self.syntax);
            files.extend(
                on_thread(move || work.iter().filter_map(|file| facts(&*syntax, file)).collect::<Vec<_>>()).await?,
            );
        }
        let rules = tree.0.iter().filter(|(path, entry)| entry.mode.is_file() && is_rules(path));
        let rules = rules.map(|(path, _)| path.clone()).collect();
        let (tree, contents) = (tree.clone(), manifest_contents(source).await?);
        let looked = on_thread(move || {
            let detected = detect::detect(&tree, &contents);
            let summary = summary_of(&tree, &files, &contents, &detected);
            (files, detected, summary)
        });
        let (files, detected, summary) = looked.await?;
        let files = files.into_iter().map(|(facts, _)| facts).collect();
        Ok(Scanned { files, rules, checks: detected.checks, setup: detected.setup, summary: Box::new(summary) })
    }
}

async fn on_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, SourceError> {
    let fail = |error: std::io::Error| SourceError { what: "the tree".to_owned(), source: error.into() };
    blocking::run(work).await.map_err(fail)
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
    let mut builder = GitignoreBuilder::new("");
    let entry = source.tree().0.get(".vdoignore").filter(|entry| entry.mode.is_file());
    if let Some(entry) = entry {
        for bytes in source.read(&[entry.blob]).await? {
            for line in String::from_utf8_lossy(&bytes).lines().take(10_000) {
                // A pattern that is none names nothing.
                let _ = builder.add_line(None, line);
            }
        }
    }
    Ok(builder.build().unwrap_or_else(|_| Gitignore::empty()))
}

fn facts(syntax: &dyn Syntax, (path, blob, bytes): &(RepoPath, BlobHash, Bytes)) -> Option<(FileFacts, Signs)> {
    if bytes.len() > MAX_BYTES {
        return None;
    }
    let text = str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))?;
    if is_generated(text) || is_minified(text) {
        return None;
    }
    let language = syntax.language(path).or_else(|| language_of(path));
    let symbols = syntax.outline(path, text);
    let signs = summary::signs(language, text, &symbols);
    let facts = FileFacts {
        path: path.clone(),
        blob: *blob,
        bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        language: language.map(str::to_owned),
        symbols,
    };
    Some((facts, signs))
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

fn is_left_out(path: &RepoPath) -> bool {
    let name = path.file_name();
    let locked = matches!(
        name,
        "package-lock.json"
            | "npm-shrinkwrap.json"
            | "pnpm-lock.yaml"
            | "yarn.lock"
            | "Cargo.lock"
            | "poetry.lock"
            | "uv.lock"
            | "Pipfile.lock"
            | "composer.lock"
            | "Gemfile.lock"
            | "go.sum"
    );
    let built = [".min.js", ".min.css", ".map", "_pb2.py", "_pb2_grpc.py", ".pb.go"];
    locked || built.iter().any(|end| name.ends_with(end)) || path.ancestors().any(is_vendored)
}

/// Tells whether a text says of itself, in one of its first lines, that it was generated.
fn is_generated(text: &str) -> bool {
    text.lines().take(5).any(|line| {
        let line = line.get(..300).unwrap_or(line);
        line.contains("@generated")
            || (line.to_ascii_lowercase().contains("generated") && line.to_ascii_uppercase().contains("DO NOT EDIT"))
    })
}

/// Tells whether a text is written for machines: long, with lines that no person would read.
fn is_minified(text: &str) -> bool {
    let lines = text.lines().count().max(1);
    text.len() > 20_000 && text.len() / lines > 500
}

/// Returns the language of a path by its extension, for languages without a grammar.
fn language_of(path: &RepoPath) -> Option<&'static str> {
    let known: BTreeMap<&str, &str> = LANGUAGES.into_iter().collect();
    known.get(path.extension()?.to_ascii_lowercase().as_str()).copied()
}

const LANGUAGES: [(&str, &str); 36] = [
    ("bash", "shell"),
    ("c", "c"),
    ("cc", "cpp"),
    ("cpp", "cpp"),
    ("cs", "csharp"),
    ("css", "css"),
    ("go", "go"),
    ("h", "c"),
    ("hpp", "cpp"),
    ("htm", "html"),
    ("html", "html"),
    ("ini", "ini"),
    ("java", "java"),
    ("js", "javascript"),
    ("json", "json"),
    ("jsx", "javascript"),
    ("kt", "kotlin"),
    ("lua", "lua"),
    ("md", "markdown"),
    ("mjs", "javascript"),
    ("php", "php"),
    ("pl", "perl"),
    ("proto", "protobuf"),
    ("py", "python"),
    ("rb", "ruby"),
    ("rs", "rust"),
    ("rst", "rst"),
    ("scala", "scala"),
    ("sh", "shell"),
    ("sql", "sql"),
    ("swift", "swift"),
    ("toml", "toml"),
    ("ts", "typescript"),
    ("tsx", "typescript"),
    ("yaml", "yaml"),
    ("yml", "yaml"),
];

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
        let scanned = WorkspaceScanner::new(Arc::new(NoSyntax)).scan(&source).await.unwrap();
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
