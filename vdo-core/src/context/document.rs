//! A file as the ranking sees it: counted terms, field by field.
//!
//! Made once from a content and kept as bytes; what lies where is written here alone. The path has no part in the fields: its words are
//! looked at when a query is there.

use std::collections::BTreeSet;

use crate::content::Bytes;
use crate::path::RepoPath;
use crate::port::FileClass;
use crate::syntax::{Symbol, SymbolKind};

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
    /// Counts a text that defines these symbols.
    #[must_use]
    pub fn of(text: &str, symbols: &[Symbol]) -> Self {
        Self::read(&Self::encode(text, defined_names(symbols)).into(), &mut 0).unwrap_or_default()
    }

    /// Returns the bytes of the fields of a text that defines these names, for a cache.
    #[must_use]
    pub fn encode<'n>(text: &str, names: impl IntoIterator<Item = &'n str>) -> Vec<u8> {
        let mut body = Counter::default();
        body.add(cut(text, MAX_COUNTED));
        let names: BTreeSet<&str> = names.into_iter().collect();
        let mut definitions = Counter::default();
        names.into_iter().for_each(|name| definitions.add(name));
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

/// Returns the names that symbols define, without what qualifies them.
pub fn defined_names(symbols: &[Symbol]) -> impl Iterator<Item = &str> {
    let defined = symbols.iter().filter(|symbol| symbol.kind != SymbolKind::Import);
    defined.map(|symbol| symbol.name.rsplit(['.', ':']).next().unwrap_or(&symbol.name))
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
