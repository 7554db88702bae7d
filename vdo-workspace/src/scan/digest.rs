//! What one content amounts to, once and for all.
//!
//! A function of the path and the bytes. Linear in the bytes, bounded, never fails.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use vdo_core::content::BlobHash;
use vdo_core::context::document::{Fields, defined_names};
use vdo_core::path::RepoPath;
use vdo_core::port::FileClass;
use vdo_core::syntax::{Symbol, Syntax};

use super::segment::Key;
use super::{class, light};
use crate::summary::{self, Signs};

/// Raised whenever the same text would give another digest; what was kept before is then made again.
const VERSION: &str = "digest 1";

/// A tree with more sources is read lightly: its symbols are found out for the files that turn out to matter.
const MANY_SOURCES: usize = 20_000;

/// What is told of a content besides its terms.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Facts {
    /// The language, if known.
    pub(super) language: Option<String>,
    /// What it defines and imports.
    pub(super) symbols: Vec<Symbol>,
    /// What it shows of the architecture.
    pub(super) signs: Signs,
}

/// The two records that are kept of a content.
#[derive(Debug)]
pub(super) struct Digest {
    /// One byte for the [`Content`], eight for the size, then [`Fields`].
    pub(super) terms: Vec<u8>,
    /// [`Facts`], if they were asked for.
    pub(super) facts: Option<Vec<u8>>,
}

/// Returns the fingerprint of everything that decides what a digest is.
pub(super) fn fingerprint(syntax: &dyn Syntax) -> Key {
    let text = format!("{VERSION} {} {}", env!("CARGO_PKG_VERSION"), syntax.fingerprint());
    *blake3::hash(text.as_bytes()).as_bytes()
}

/// Returns the key of a content at a path.
pub(super) fn key(path: &RepoPath, blob: &BlobHash, parsing: Parsing) -> Key {
    let mut hasher = blake3::Hasher::new();
    hasher.update(blob.as_bytes());
    hasher.update(&[parsing as u8]);
    hasher.update(path.as_str().as_bytes());
    *hasher.finalize().as_bytes()
}

/// Returns what is kept of a content. Binaries and what a program wrote for programs have no terms and no symbols.
///
/// Definitions count among the terms of sources alone; other files are parsed only if facts are asked for, and fixtures never.
pub(super) fn digest(syntax: &dyn Syntax, path: &RepoPath, class: FileClass, bytes: &[u8], depth: Depth) -> Digest {
    let size = bytes.len() as u64;
    let text = if size > class::MAX_BYTES { None } else { class::text(bytes) };
    let content = if size > class::MAX_BYTES { Content::TooLarge } else { class::of_content(text.as_deref()) };
    let text = text.filter(|_| content == Content::Text).unwrap_or(Cow::Borrowed(""));
    let is_source = class == FileClass::Source;
    let is_worth_it = is_source || (depth.has_facts(class) && !class::is_fixture(path));
    let reading = match depth.parsing {
        Parsing::Whole if is_worth_it && !text.is_empty() => syntax.read(path, &text),
        Parsing::Whole | Parsing::Light => None,
    };
    let symbols = reading.map(|reading| reading.symbols).unwrap_or_default();
    let names: Vec<&str> = match depth.parsing {
        _ if !is_source => Vec::new(),
        Parsing::Whole => defined_names(&symbols).collect(),
        Parsing::Light => light::definitions(&text),
    };
    let mut terms = vec![content as u8];
    terms.extend_from_slice(&size.to_le_bytes());
    terms.extend(Fields::encode(&text, names));
    let facts = depth.has_facts(class).then(|| {
        let language = syntax.language(path).or_else(|| class::language(path));
        let signs = summary::signs(language, &text, &symbols);
        let facts = Facts { language: language.map(str::to_owned), symbols, signs };
        postcard::to_stdvec(&facts).unwrap_or_default()
    });
    Digest { terms, facts }
}

/// How thoroughly texts are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parsing {
    /// By a grammar.
    Whole = 0,
    /// By the beginnings of their lines: for very large trees.
    Light = 1,
}

impl Parsing {
    /// Returns how thoroughly a tree with so many sources is read.
    pub(super) fn of(sources: usize) -> Self {
        if sources > MANY_SOURCES { Self::Light } else { Self::Whole }
    }
}

/// How much is found out about a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Depth {
    pub(super) parsing: Parsing,
    /// Whether facts of all files are wanted, or only what ranking takes.
    pub(super) is_full: bool,
}

impl Depth {
    /// Tells whether facts of a file are found out.
    pub(super) fn has_facts(self, class: FileClass) -> bool {
        self.is_full || (class == FileClass::Source && self.parsing == Parsing::Whole)
    }
}

/// What the bytes make of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// Text that people write.
    Text = 0,
    /// Text that says it was generated, or that nobody would read.
    Generated = 1,
    /// No text.
    Binary = 2,
    /// More than is read.
    TooLarge = 3,
}

/// Returns what a record of terms begins with: what the bytes are, and how many.
pub(super) fn head(record: &[u8]) -> Option<(Content, u64)> {
    let content = match record.first()? {
        0 => Content::Text,
        1 => Content::Generated,
        2 => Content::Binary,
        3 => Content::TooLarge,
        _ => return None,
    };
    Some((content, u64::from_le_bytes(record.get(1..FIELDS)?.try_into().ok()?)))
}

/// Where the fields begin in a record of terms.
pub(super) const FIELDS: usize = 9;
