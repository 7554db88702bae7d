//! The files of a tree with what each content amounts to, out of the cache as far as it is there.
//!
//! Invariant: what comes out depends on the tree alone, not on the cache or the threads.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use vdo_core::content::{BlobHash, Bytes, Entry, Mode};
use vdo_core::context::document::{Document, Fields};
use vdo_core::path::RepoPath;
use vdo_core::port::{FileClass, LeftOut, LeftOutReason, SourceError, TreeSource};
use vdo_core::syntax::Syntax;
use vdo_core::tree::FileTree;

use super::cache::{Cache, Record, Shelf};
use super::digest::{self, Content, Depth, Digest, Facts, Parsing};
use super::folder::Stats;
use super::on_thread;
use super::segment::Key;
use super::{class, threads};
use crate::blocking::Size;
use crate::folder::confined::Confined;
use crate::walk::{self, Obstacle, Stated, Unwalked, WalkError};

/// Larger files are no part of a tree.
const MAX_HASHED: u64 = 32 << 20;
const TERMS: &str = "terms";
const FACTS: &str = "facts";
/// How many contents of a source are held in memory at once.
const BATCH: usize = 128;

/// A tree and what each of its files amounts to.
#[derive(Debug)]
pub(super) struct Index {
    /// The files that are told of, in path order.
    pub(super) files: Vec<Indexed>,
    /// The files that are not, in path order.
    pub(super) left_out: Vec<LeftOut>,
    tree: FileTree,
    /// How many contents were not found in the cache.
    pub(super) fresh: usize,
    /// How thoroughly the files were read.
    pub(super) parsing: Parsing,
    facts: Shelf,
}

/// A file that is told of.
#[derive(Debug, Clone)]
pub(super) struct Indexed {
    pub(super) path: RepoPath,
    pub(super) entry: Entry,
    pub(super) bytes: u64,
    pub(super) class: FileClass,
    key: Key,
    terms: Record,
}

impl Indexed {
    /// Returns the file as the ranking wants it.
    pub(super) fn document(&self) -> Document {
        let mut at = self.terms.range.start + digest::FIELDS;
        let fields = Fields::read(&self.terms.bytes, &mut at).unwrap_or_default();
        Document { path: self.path.clone(), class: self.class, bytes: self.bytes, fields }
    }
}

impl Index {
    /// Returns what is told of a file besides its terms.
    pub(super) fn facts(&self, file: &Indexed) -> Facts {
        let record = self.facts.find(&file.key);
        record.and_then(|record| postcard::from_bytes(record.as_slice()).ok()).unwrap_or_default()
    }

    /// Returns how much it is about.
    pub(super) fn size(&self) -> Size {
        Size::of(self.files.iter().map(|file| usize::try_from(file.bytes).unwrap_or(usize::MAX)))
    }

    /// Tells whether the symbols of a file were looked for.
    pub(super) fn has_symbols(&self, file: &Indexed) -> bool {
        self.parsing == Parsing::Whole && self.facts.find(&file.key).is_some()
    }

    /// Returns the files that were read, whether they are told of or not; empty if only ranking was asked for.
    pub(super) fn tree(&self) -> FileTree {
        self.tree.clone()
    }
}

/// What indexes are made with.
#[derive(Debug, Clone)]
pub(super) struct Maker {
    syntax: Arc<dyn Syntax>,
    cache: Option<Cache>,
}

/// How much of a folder is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// What people write.
    Text,
    /// Every file up to a size, so that the tree is whole.
    All,
}

impl Reach {
    /// Returns the size above which nothing is read.
    fn limit(self) -> u64 {
        match self {
            Self::Text => class::MAX_BYTES,
            Self::All => MAX_HASHED,
        }
    }

    /// Returns why a file is not read at all.
    fn unread(self, class: FileClass, size: u64) -> Option<LeftOutReason> {
        let large = (size > self.limit()).then_some(LeftOutReason::TooLarge);
        match self {
            Self::Text => unread(class).or(large),
            Self::All => large,
        }
    }
}

/// A file to be indexed.
#[derive(Debug, Clone)]
struct Candidate {
    path: RepoPath,
    class: FileClass,
    entry: Entry,
    key: Key,
}

impl Candidate {
    fn new(path: RepoPath, class: FileClass, entry: Entry, parsing: Parsing) -> Self {
        let key = digest::key(&path, &entry.blob, parsing);
        Self { path, class, entry, key }
    }
}

/// What was not in the cache.
#[derive(Debug, Default)]
struct Made {
    terms: BTreeMap<Key, Vec<u8>>,
    facts: BTreeMap<Key, Vec<u8>>,
}

impl Made {
    fn size(&self) -> Size {
        Size::of(self.terms.values().chain(self.facts.values()).map(Vec::len))
    }

    fn add(&mut self, key: Key, digest: Digest) {
        self.terms.insert(key, digest.terms);
        self.facts.extend(digest.facts.map(|facts| (key, facts)));
    }
}

/// What is in the cache.
#[derive(Debug, Default)]
struct Shelves {
    terms: Shelf,
    facts: Shelf,
}

impl Shelves {
    fn load(cache: Option<&Cache>) -> Self {
        let load = |kind| cache.map(|cache| cache.load(kind)).unwrap_or_default();
        Self { terms: load(TERMS), facts: load(FACTS) }
    }

    fn knows(&self, file: &Candidate, depth: Depth) -> bool {
        self.terms.find(&file.key).is_some() && (!depth.has_facts(file.class) || self.facts.find(&file.key).is_some())
    }

    /// Adds what was made, for the next scan and for this one.
    fn add(&mut self, cache: Option<&Cache>, made: &Made, files: &[Candidate]) {
        let used = || files.iter().map(|file| file.key).collect();
        for (kind, shelf, records) in [(TERMS, &mut self.terms, &made.terms), (FACTS, &mut self.facts, &made.facts)] {
            match cache {
                Some(cache) => cache.add(kind, shelf, records, used),
                None => *shelf = Shelf::of(records),
            }
        }
    }

    /// Joins the files with what is known of them.
    fn index(self, files: Vec<Candidate>, mut left_out: Vec<LeftOut>, fresh: usize, depth: Depth) -> Index {
        let (parsing, is_whole) = (depth.parsing, depth.is_full);
        let mut indexed = Vec::with_capacity(files.len());
        let mut tree = FileTree::default();
        for file in files {
            if is_whole {
                tree.0.insert(file.path.clone(), file.entry);
            }
            if let Some(reason) = unread(file.class) {
                left_out.push(LeftOut { path: file.path.to_string(), reason });
                continue;
            }
            let Some(terms) = self.terms.find(&file.key) else { continue };
            let Some((content, bytes)) = digest::head(terms.as_slice()) else { continue };
            let reason = match content {
                Content::Text => None,
                Content::Generated => Some(LeftOutReason::Generated),
                Content::Binary => Some(LeftOutReason::Binary),
                Content::TooLarge => Some(LeftOutReason::TooLarge),
            };
            match reason {
                Some(reason) => left_out.push(LeftOut { path: file.path.to_string(), reason }),
                None => {
                    let Candidate { path, class, entry, key } = file;
                    indexed.push(Indexed { path, entry, bytes, class, key, terms });
                }
            }
        }
        left_out.sort_by(|one, other| one.path.cmp(&other.path));
        Index { files: indexed, left_out, tree, fresh, parsing, facts: self.facts }
    }
}

/// Returns why a file of a class is not read at all.
fn unread(class: FileClass) -> Option<LeftOutReason> {
    match class {
        FileClass::Source | FileClass::Test | FileClass::Doc | FileClass::Config => None,
        FileClass::Vendored => Some(LeftOutReason::Vendored),
        FileClass::Generated => Some(LeftOutReason::Generated),
        FileClass::Binary => Some(LeftOutReason::Binary),
    }
}

fn missed(missed: Unwalked) -> LeftOut {
    let reason = match missed.reason {
        Obstacle::Name => LeftOutReason::Name,
        Obstacle::Unreadable => LeftOutReason::Unreadable,
        Obstacle::Repository => LeftOutReason::Repository,
    };
    LeftOut { path: missed.name, reason }
}

impl Maker {
    pub(super) fn new(syntax: Arc<dyn Syntax>, folder: Option<&Path>) -> Self {
        let cache = folder.map(|folder| Cache::new(folder, digest::fingerprint(&*syntax)));
        Self { syntax, cache }
    }

    pub(super) fn cache(&self) -> Option<&Cache> {
        self.cache.as_ref()
    }

    /// Indexes a tree. `ignored` tells which paths are passed over.
    pub(super) async fn source(
        &self,
        source: &dyn TreeSource,
        ignored: impl Fn(&RepoPath) -> bool,
    ) -> Result<Index, SourceError> {
        let mut left_out = Vec::new();
        let mut found = Vec::new();
        for (path, entry) in source.tree().0.iter().filter(|(path, entry)| entry.mode.is_file() && !ignored(path)) {
            match unread(class::of_path(path)) {
                Some(reason) => left_out.push(LeftOut { path: path.to_string(), reason }),
                None => found.push((path, class::of_path(path), *entry)),
            }
        }
        let parsing = Parsing::of(found.iter().filter(|(_, class, _)| *class == FileClass::Source).count());
        let depth = Depth { parsing, is_full: true };
        let new = |(path, class, entry): (&RepoPath, _, _)| Candidate::new(path.clone(), class, entry, parsing);
        let candidates: Vec<Candidate> = found.into_iter().map(new).collect();
        let mut shelves = match self.cache.clone() {
            Some(cache) => on_thread(Size::LARGE, move || Shelves::load(Some(&cache))).await?,
            None => Shelves::default(),
        };
        let mut made = Made::default();
        let missing: Vec<&Candidate> = candidates.iter().filter(|file| !shelves.knows(file, depth)).collect();
        for batch in missing.chunks(BATCH) {
            let hashes: Vec<BlobHash> = batch.iter().map(|file| file.entry.blob).collect();
            let contents = source.read(&hashes).await?;
            let work: Vec<(RepoPath, FileClass, Bytes)> =
                batch.iter().zip(contents).map(|(file, bytes)| (file.path.clone(), file.class, bytes)).collect();
            let size = Size::of(work.iter().map(|(_, _, bytes)| bytes.len()));
            let syntax = Arc::clone(&self.syntax);
            let digest = move || {
                threads::map(
                    &work,
                    16,
                    || (),
                    |(), (path, class, bytes)| digest::digest(&*syntax, path, *class, bytes, depth),
                )
            };
            for (file, digest) in batch.iter().zip(on_thread(size, digest).await?) {
                made.add(file.key, digest);
            }
        }
        let cache = self.cache.clone();
        let size = if cache.is_some() { Size::LARGE } else { made.size() };
        on_thread(size, move || {
            shelves.add(cache.as_ref(), &made, &candidates);
            shelves.index(candidates, left_out, made.terms.len(), depth)
        })
        .await
    }

    /// Indexes a folder, less what its ignore files leave out.
    pub(super) fn folder(&self, root: &Path, reach: Reach) -> Result<Index, WalkError> {
        // What was kept is read while the folder is walked.
        let ((mut shelves, stats), walked) = std::thread::scope(|scope| {
            let stats = scope.spawn(|| self.cache.as_ref().map(|cache| Stats::load(cache, root)).unwrap_or_default());
            let shelves = scope.spawn(|| Shelves::load(self.cache.as_ref()));
            let walked = walk::files(root, threads::count());
            ((shelves.join().unwrap_or_default(), stats.join().unwrap_or_default()), walked)
        });
        let (found, unwalked) = walked?;
        let mut left_out: Vec<LeftOut> = unwalked.into_iter().map(missed).collect();
        let classes = threads::map(
            &found,
            256,
            || (),
            |(), file| {
                let path = file.name.parse::<RepoPath>().ok()?;
                let class = class::of_path(&path);
                Some((path, class))
            },
        );
        let mut stated: Vec<(RepoPath, FileClass, Stated)> = Vec::with_capacity(found.len());
        for (file, classed) in found.into_iter().zip(classes) {
            let Some((path, class)) = classed else {
                left_out.push(LeftOut { path: file.name, reason: LeftOutReason::Name });
                continue;
            };
            match reach.unread(class, file.stamp.size) {
                Some(reason) => left_out.push(LeftOut { path: file.name, reason }),
                None => stated.push((path, class, file)),
            }
        }
        let parsing = Parsing::of(stated.iter().filter(|(_, class, _)| *class == FileClass::Source).count());
        let depth = Depth { parsing, is_full: reach == Reach::All };
        let open = || Confined::open(root).ok();
        let read = threads::map(&stated, 16, open, |folder, file| {
            self.file(folder.as_mut(), &shelves, &stats, (reach, depth), file)
        });
        let mut made = Made::default();
        let mut files = Vec::with_capacity(read.len());
        let mut hashes: Vec<(&Stated, [u8; 32])> = Vec::with_capacity(read.len());
        for ((_, _, file), read) in stated.iter().zip(read) {
            let Some((candidate, digest)) = read else {
                left_out.push(LeftOut { path: file.name.clone(), reason: LeftOutReason::Unreadable });
                continue;
            };
            if let Some(digest) = digest {
                made.add(candidate.key, digest);
            }
            hashes.push((file, *candidate.entry.blob.as_bytes()));
            files.push(candidate);
        }
        if let Some(cache) = &self.cache {
            stats.keep(cache, hashes.into_iter());
        }
        shelves.add(self.cache.as_ref(), &made, &files);
        Ok(shelves.index(files, left_out, made.terms.len(), depth))
    }

    /// Hashes a file unless that was done before, and digests it unless that was; `None` if it cannot be read.
    fn file(
        &self,
        folder: Option<&mut Confined>,
        shelves: &Shelves,
        stats: &Stats,
        (reach, depth): (Reach, Depth),
        (path, class, file): &(RepoPath, FileClass, Stated),
    ) -> Option<(Candidate, Option<Digest>)> {
        let mode = if file.stamp.is_executable() { Mode::Executable } else { Mode::File };
        let candidate = |blob| Candidate::new(path.clone(), *class, Entry { blob, mode }, depth.parsing);
        let is_done = |candidate: &Candidate| unread(*class).is_some() || shelves.knows(candidate, depth);
        if let Some(hash) = stats.hash(file) {
            let candidate = candidate(BlobHash::from_bytes(hash));
            if is_done(&candidate) {
                return Some((candidate, None));
            }
        }
        let (bytes, _) = folder?.read(path.as_str(), reach.limit()).ok()??;
        let candidate = candidate(BlobHash::of(&bytes));
        let digest = (!is_done(&candidate)).then(|| digest::digest(&*self.syntax, path, *class, &bytes, depth));
        Some((candidate, digest))
    }
}
