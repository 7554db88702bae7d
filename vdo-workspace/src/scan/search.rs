//! A folder, scanned, and the files of it that matter to a query.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use vdo_core::context::document::Document;
use vdo_core::context::hits::Hits;
use vdo_core::context::past::Past;
use vdo_core::context::query::Query;
use vdo_core::context::rank::{Ranked, Ranking, Weights};
use vdo_core::path::RepoPath;
use vdo_core::port::{FileClass, LeftOut, Scanned, SourceError};

use super::index::Index;
use super::{WorkspaceScanner, class, scanned, threads};
use crate::folder::FolderSource;
use crate::folder::confined::Confined;
use crate::walk::WalkError;

/// Files are looked up in parts of this many.
const PART: usize = 2_000;

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
    index: Index,
    past: Vec<Past>,
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
    /// Scans the folder `root`: its files less what its ignore files leave out, and the commits its HEAD grew out of.
    ///
    /// Blocks; works on several threads. The folder is never written to.
    ///
    /// # Errors
    /// [`FolderScanError::Walk`] if there is no such folder; what cannot be read is listed as left out.
    pub fn folder(&self, root: &Path) -> Result<FolderScan, FolderScanError> {
        let maker = self.maker();
        let (index, past) = std::thread::scope(|scope| {
            let past = scope.spawn(|| past(root, &maker));
            (maker.folder(root), past.join().unwrap_or_default())
        });
        Ok(FolderScan { root: root.to_owned(), index: index?, past })
    }
}

#[cfg(feature = "git")]
fn past(root: &Path, maker: &super::index::Maker) -> Vec<Past> {
    super::past::past(root, maker.cache())
}

#[cfg(not(feature = "git"))]
fn past(_: &Path, _: &super::index::Maker) -> Vec<Past> {
    Vec::new()
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

    /// Returns what a [`vdo_core::port::Scanner`] tells of the folder.
    ///
    /// # Errors
    /// [`FolderScanError::Source`] if a file changed since it was scanned.
    pub async fn scanned(self) -> Result<Scanned, FolderScanError> {
        let source = FolderSource::known(&self.root, self.index.tree());
        Ok(scanned(&source, self.index).await?)
    }

    /// Ranks the files for a query.
    #[must_use]
    pub fn find(&self, query: &Query, weights: &Weights) -> Found {
        let list = |class| self.ranked(class, query, weights);
        Found {
            sources: list(FileClass::Source),
            tests: list(FileClass::Test),
            docs: list(FileClass::Doc),
            config: list(FileClass::Config),
        }
    }

    fn ranked(&self, class: FileClass, query: &Query, weights: &Weights) -> Vec<Ranked> {
        let documents: Vec<Document> =
            self.index.files.iter().filter(|file| file.class == class).map(super::index::Indexed::document).collect();
        let parts: Vec<&[Document]> = documents.chunks(PART).collect();
        let hits = Hits::join(threads::map(&parts, || (), |(), part| Hits::of(query, part)));
        let mut ranking = Ranking::of(query, &documents, &hits, &self.past, weights);
        let candidates: Vec<&RepoPath> = ranking.candidates().collect();
        let open = || Confined::open(&self.root).ok();
        let texts = threads::map(&candidates, open, |folder, path| {
            let (bytes, _) = folder.as_mut()?.read(path.as_str(), class::MAX_BYTES).ok()??;
            Some(class::text(&bytes)?.into_owned())
        });
        let texts: HashMap<&RepoPath, String> =
            candidates.into_iter().zip(texts).filter_map(|(path, text)| Some((path, text?))).collect();
        ranking.with_passages(|path| texts.get(path).map(String::as_str));
        ranking.ranked()
    }
}
