//! The files of a tree that matter to a query.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use vdo_core::content::BlobHash;
use vdo_core::context::document::Document;
use vdo_core::context::hits::Hits;
use vdo_core::context::past::Past;
use vdo_core::context::query::Query;
use vdo_core::context::rank::{Ranked, Ranking, Weights};
use vdo_core::path::RepoPath;
use vdo_core::port::{FileClass, FileFacts, Fit, Interest, LeftOut, Scanned, SourceError, TreeSource};
use vdo_core::syntax::Syntax;

use super::index::{Index, Indexed, Reach};
use super::{WorkspaceScanner, class, facts, on_thread, scanned, threads};
use crate::blocking::Size;
use crate::folder::FolderSource;
use crate::folder::confined::Confined;
use crate::walk::WalkError;

/// Files are looked up in parts of this many.
const PART: usize = 2_000;
/// How many files a scan for an interest tells of, best first.
const MAX_FITS: usize = 1_000;

/// A folder could not be scanned at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderScanError {
    /// There is no such folder.
    #[error(transparent)]
    Walk(#[from] WalkError),
    /// Its contents could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
}

/// A folder as it was when it was scanned, with the history of the repository it lies in.
#[derive(Debug)]
pub struct FolderScan {
    root: PathBuf,
    syntax: Arc<dyn Syntax>,
    index: Index,
    past: Vec<Past>,
}

/// A folder and what was found out about it.
#[derive(Debug, Clone)]
pub struct WholeFolder {
    /// Its files, all but those that are too large or cannot be read.
    pub source: FolderSource,
    /// What was found out.
    pub scanned: Scanned,
    /// The files that are told of by name alone, in path order.
    pub left_out: Vec<LeftOut>,
    /// How many contents were looked at for the first time.
    pub fresh: usize,
}

/// The files of a folder in the order in which they matter, kind by kind.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// Sources.
    pub sources: Vec<Ranked>,
    /// Tests.
    pub tests: Vec<Ranked>,
    /// Documents and examples.
    pub docs: Vec<Ranked>,
    /// Settings, manifests and the like.
    pub config: Vec<Ranked>,
}

impl WorkspaceScanner {
    /// Scans the folder `root` for ranking: its files less what its ignore files leave out, and the commits its HEAD grew out of.
    ///
    /// Blocks; works on several threads. The folder is never written to.
    ///
    /// # Errors
    /// [`FolderScanError::Walk`] if there is no such folder; what cannot be read is listed as left out.
    pub fn folder(&self, root: &Path) -> Result<FolderScan, FolderScanError> {
        let maker = self.maker();
        let (index, past) = std::thread::scope(|scope| {
            let past = scope.spawn(|| past(root, None, maker.cache()));
            (maker.folder(root, Reach::Text), past.join().unwrap_or_default())
        });
        Ok(FolderScan { root: root.to_owned(), syntax: Arc::clone(&self.syntax), index: index?, past })
    }

    /// Tells of the folder `root` what a [`vdo_core::port::Scanner`] tells of a tree.
    ///
    /// # Errors
    /// [`FolderScanError::Walk`] if there is no such folder; [`FolderScanError::Source`] if a file changed under way.
    pub async fn whole_folder(&self, root: &Path) -> Result<WholeFolder, FolderScanError> {
        let (maker, folder) = (self.maker(), root.to_owned());
        let index = on_thread(Size::LARGE, move || maker.folder(&folder, Reach::All)).await??;
        let source = FolderSource::known(root, index.tree());
        let (left_out, fresh) = (index.left_out.clone(), index.fresh);
        let scanned = scanned(&source, index).await?;
        Ok(WholeFolder { source, scanned, left_out, fresh })
    }

    /// Ranks the sources of a tree for an interest.
    pub(super) async fn fits(
        &self,
        source: &dyn TreeSource,
        index: &Index,
        interest: &Interest,
    ) -> Result<Vec<Fit>, SourceError> {
        let query = Query::of(&interest.query);
        if query.is_empty() {
            return Ok(Vec::new());
        }
        let jobs = interest.past.iter().map(|(said, files)| Past::of(said, files.iter().map(String::as_str)));
        let mut all: Vec<Past> = jobs.collect();
        if let Some((repository, commit)) = interest.origin.clone() {
            let cache = self.maker().cache().cloned();
            all.extend(
                on_thread(Size::LARGE, move || past(Path::new(&repository), Some(&commit), cache.as_ref())).await?,
            );
        }
        let documents = documents(index, FileClass::Source);
        let blobs: HashMap<RepoPath, BlobHash> =
            index.files.iter().map(|file| (file.path.clone(), file.entry.blob)).collect();
        let (weights, asked, files) = (Weights::default(), query.clone(), documents.clone());
        let hits = on_thread(index.size(), move || hits(&asked, &files)).await?;
        let mut ranking = Ranking::of(&query, &documents, &hits, &all, &weights);
        let candidates: Vec<&RepoPath> = ranking.candidates().collect();
        let wanted: Vec<BlobHash> = candidates.iter().filter_map(|path| blobs.get(*path)).copied().collect();
        let contents = source.read(&wanted).await?;
        let worth =
            threads::map(&contents, 4, || (), |(), bytes| class::text(bytes).map(|text| ranking.passage(&text)));
        let worth: HashMap<&RepoPath, Option<f64>> = candidates.into_iter().zip(worth).collect();
        ranking.with_passages(|path| worth.get(path).copied().flatten().unwrap_or_default());
        let fit = |ranked: Ranked| Fit { path: ranked.path, score: ranked.score };
        Ok(ranking.ranked(MAX_FITS).into_iter().map(fit).collect())
    }
}

#[cfg(feature = "git")]
fn past(root: &Path, commit: Option<&str>, cache: Option<&super::cache::Cache>) -> Vec<Past> {
    super::past::past(root, commit, cache)
}

#[cfg(not(feature = "git"))]
fn past(_: &Path, _: Option<&str>, _: Option<&super::cache::Cache>) -> Vec<Past> {
    Vec::new()
}

fn documents(index: &Index, class: FileClass) -> Vec<Document> {
    let files: Vec<&Indexed> = index.files.iter().filter(|file| file.class == class).collect();
    threads::map(&files, 512, || (), |(), file| file.document())
}

fn hits(query: &Query, documents: &[Document]) -> Hits {
    let parts: Vec<&[Document]> = documents.chunks(PART).collect();
    Hits::join(threads::map(&parts, 1, || (), |(), part| Hits::of(query, part)))
}

impl FolderScan {
    /// Returns the files that are told of by name alone, in path order.
    #[must_use]
    pub fn left_out(&self) -> &[LeftOut] {
        &self.index.left_out
    }

    /// Returns how many files are told of.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.files.len()
    }

    /// Returns whether no file is told of.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.files.is_empty()
    }

    /// Returns how many contents were looked at for the first time.
    #[must_use]
    pub fn fresh(&self) -> usize {
        self.index.fresh
    }

    /// Returns how many past changes speak for files.
    #[must_use]
    pub fn changes(&self) -> usize {
        self.past.len()
    }

    /// Returns what is told of the files with these paths, in path order.
    #[must_use]
    pub fn facts(&self, paths: &std::collections::BTreeSet<RepoPath>) -> Vec<FileFacts> {
        let wanted: Vec<&Indexed> = self.index.files.iter().filter(|file| paths.contains(&file.path)).collect();
        let open = || Confined::open(&self.root).ok();
        threads::map(&wanted, 8, open, |folder, file| {
            let mut facts = facts(&self.index, file).0;
            if !self.index.has_symbols(file) {
                let bytes =
                    folder.as_mut().and_then(|folder| folder.read(file.path.as_str(), class::MAX_BYTES).ok()?);
                let text = bytes.as_ref().and_then(|(bytes, _)| class::text(bytes));
                facts.symbols = text.map(|text| self.syntax.outline(&file.path, &text)).unwrap_or_default();
            }
            facts
        })
    }

    /// Ranks the files for a query, at most `limit` of each kind.
    #[must_use]
    pub fn find(&self, query: &Query, weights: &Weights, limit: usize) -> Found {
        let list = |class| self.ranked(class, query, weights, limit);
        Found {
            sources: list(FileClass::Source),
            tests: list(FileClass::Test),
            docs: list(FileClass::Doc),
            config: list(FileClass::Config),
        }
    }

    /// Ranks the files of one kind for a query, at most `limit`.
    #[must_use]
    pub fn ranked(&self, class: FileClass, query: &Query, weights: &Weights, limit: usize) -> Vec<Ranked> {
        let documents = documents(&self.index, class);
        let mut ranking = Ranking::of(query, &documents, &hits(query, &documents), &self.past, weights);
        let candidates: Vec<&RepoPath> = ranking.candidates().collect();
        let open = || Confined::open(&self.root).ok();
        let worth = threads::map(&candidates, 4, open, |folder, path| {
            let (bytes, _) = folder.as_mut()?.read(path.as_str(), class::MAX_BYTES).ok()??;
            Some(ranking.passage(&class::text(&bytes)?))
        });
        let worth: HashMap<&RepoPath, Option<f64>> = candidates.into_iter().zip(worth).collect();
        ranking.with_passages(|path| worth.get(path).copied().flatten().unwrap_or_default());
        ranking.ranked(limit)
    }
}
