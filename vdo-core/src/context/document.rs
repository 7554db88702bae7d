//! A file as the ranking sees it: counted terms, field by field.
//!
//! Made once from a content and kept as bytes; what lies where is written here alone. Nothing of it depends on the
//! path, so that one content is counted once wherever it lies.

use crate::content::Bytes;
use crate::path::RepoPath;
use crate::port::FileClass;
use crate::syntax::{Reading, SymbolKind};

use super::terms::{self, Terms, Token};

/// How many bytes of a text are counted.
const MAX_COUNTED: usize = 600_000;

/// The counted fields of a content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields {
    /// Words and parts of identifiers in the whole text.
    pub body: Terms,
    /// Identifiers of several parts in the whole text, each as one.
    pub compounds: Terms,
    /// Words and parts of the names that are defined, each name once.
    pub definitions: Terms,
    /// Names of several parts that are defined, each as one.
    pub defined_compounds: Terms,
}

/// A file to be ranked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The path.
    pub path: RepoPath,
    /// What kind of file it is.
    pub class: FileClass,
    /// The size in bytes.
    pub bytes: u64,
    /// What was counted.
    pub fields: Fields,
}

impl Fields {
    /// Counts a text. `reading` is what its syntax tells.
    #[must_use]
    pub fn of(text: &str, reading: Option<&Reading>) -> Self {
        Self::read(&Self::encode(text, reading).into(), &mut 0).unwrap_or_default()
    }

    /// Returns the bytes of [`Self::of`], for a cache.
    #[must_use]
    pub fn encode(text: &str, reading: Option<&Reading>) -> Vec<u8> {
        let mut body = Counter::default();
        body.add(cut(text, MAX_COUNTED));
        let mut definitions = Counter::default();
        if let Some(reading) = reading {
            let mut names: Vec<&str> = reading
                .symbols
                .iter()
                .filter(|symbol| symbol.kind != SymbolKind::Import)
                .map(|symbol| symbol.name.rsplit(['.', ':']).next().unwrap_or(&symbol.name))
                .collect();
            names.sort_unstable();
            names.dedup();
            for name in names {
                definitions.add(name);
            }
        }
        let mut out = Vec::new();
        for hashes in [&mut body.words, &mut body.wholes, &mut definitions.words, &mut definitions.wholes] {
            Terms::write(hashes, &mut out);
        }
        out
    }

    /// Reads fields that begin at `at`, and moves `at` behind them; `None` if the bytes end before they do.
    #[must_use]
    pub fn read(bytes: &Bytes, at: &mut usize) -> Option<Self> {
        Some(Self {
            body: Terms::read(bytes, at)?,
            compounds: Terms::read(bytes, at)?,
            definitions: Terms::read(bytes, at)?,
            defined_compounds: Terms::read(bytes, at)?,
        })
    }
}

/// Hashes of the tokens of texts.
#[derive(Debug, Default)]
pub(super) struct Counter {
    pub(super) words: Vec<u32>,
    pub(super) wholes: Vec<u32>,
}

impl Counter {
    pub(super) fn add(&mut self, text: &str) {
        terms::tokens(text, |token| match token {
            Token::Word(word) => self.words.push(terms::hash(word)),
            Token::Whole(whole) => self.wholes.push(terms::hash(whole)),
        });
    }
}

/// Returns the start of a text, of at most `limit` bytes.
pub(super) fn cut(text: &str, limit: usize) -> &str {
    text.get(..text.floor_char_boundary(limit)).unwrap_or(text)
}
