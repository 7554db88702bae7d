//! Where the terms of a query occur.
//!
//! The one place that looks at every file; everything after it looks at hits only. Files may be gathered in parts,
//! on as many threads as the caller likes, and joined.

use crate::path::RepoPath;

use super::document::{Counter, Document};
use super::query::Query;
use super::terms::Terms;

/// How often a term occurs in a file, field by field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Hit {
    /// The file's place among the documents.
    pub(super) file: usize,
    pub(super) body: f64,
    pub(super) definitions: f64,
    pub(super) path: f64,
}

/// How long a file is, field by field.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Length {
    pub(super) body: f64,
    pub(super) definitions: f64,
    pub(super) path: f64,
    pub(super) compounds: f64,
    pub(super) defined_compounds: f64,
}

/// Where the terms of a query occur in some files.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Hits {
    /// For each word of the query, the files that have it.
    pub(super) words: Vec<Vec<Hit>>,
    /// For each compound of the query, the files that have it; there is no path field.
    pub(super) compounds: Vec<Vec<Hit>>,
    pub(super) lengths: Vec<Length>,
}

impl Hits {
    /// Looks the query up in `documents`.
    #[must_use]
    pub fn of(query: &Query, documents: &[Document]) -> Self {
        let mut hits = Self {
            words: vec![Vec::new(); query.words.len()],
            compounds: vec![Vec::new(); query.compounds.len()],
            lengths: Vec::with_capacity(documents.len()),
        };
        for (file, document) in documents.iter().enumerate() {
            let fields = &document.fields;
            let path = path_terms(&document.path);
            for (term, hits) in query.words.iter().zip(&mut hits.words) {
                let count = |terms: &Terms| f64::from(terms.count(term.hash));
                let in_path = path.iter().filter(|hash| **hash == term.hash).count();
                let hit = Hit {
                    file,
                    body: count(&fields.body),
                    definitions: count(&fields.definitions),
                    path: small(in_path),
                };
                if hit.body + hit.definitions + hit.path > 0.0 {
                    hits.push(hit);
                }
            }
            for (term, hits) in query.compounds.iter().zip(&mut hits.compounds) {
                let count = |terms: &Terms| f64::from(terms.count(term.hash));
                let hit = Hit {
                    file,
                    body: count(&fields.compounds),
                    definitions: count(&fields.defined_compounds),
                    path: 0.0,
                };
                if hit.body + hit.definitions > 0.0 {
                    hits.push(hit);
                }
            }
            hits.lengths.push(Length {
                body: f64::from(fields.body.total()),
                definitions: f64::from(fields.definitions.total()),
                path: small(path.len()),
                compounds: f64::from(fields.compounds.total()),
                defined_compounds: f64::from(fields.defined_compounds.total()),
            });
        }
        hits
    }

    /// Joins the hits of parts that follow one another.
    #[must_use]
    pub fn join(parts: Vec<Self>) -> Self {
        let mut parts = parts.into_iter();
        let Some(mut all) = parts.next() else { return Self::default() };
        for part in parts {
            let moved = all.lengths.len();
            for (all, part) in [(&mut all.words, part.words), (&mut all.compounds, part.compounds)] {
                for (all, part) in all.iter_mut().zip(part) {
                    all.extend(part.into_iter().map(|hit| Hit { file: hit.file + moved, ..hit }));
                }
            }
            all.lengths.extend(part.lengths);
        }
        all
    }
}

/// The words of a path without its extension; those of the file's own name come twice.
pub(super) fn path_terms(path: &RepoPath) -> Vec<u32> {
    let whole = path.as_str();
    let name = path.file_name();
    let stem = match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => name,
    };
    let folders = whole.get(..whole.len() - name.len()).unwrap_or_default();
    let mut counter = Counter::default();
    counter.add(folders);
    counter.add(stem);
    counter.add(stem);
    counter.words
}

/// A small count as a number to reckon with.
pub(super) fn small(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Returns the inverse document frequency of a term that `found` of `all` files have (Robertson and Spärck Jones, never negative).
pub(super) fn idf(found: usize, all: usize) -> f64 {
    let (found, all) = (small(found), small(all));
    (1.0 + (all - found + 0.5) / (found + 0.5)).ln()
}

/// Returns a term's count after saturation: BM25's `tf (k + 1) / (tf + k)`.
pub(super) fn saturated(count: f64, k: f64) -> f64 {
    if count > 0.0 { count * (k + 1.0) / (count + k) } else { 0.0 }
}

/// Returns the mean; never 0.
pub(super) fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    (sum / f64::max(count, 1.0)).max(1e-9)
}

/// Divides all values by the largest, so that it becomes 1.
pub(super) fn scaled(mut values: Vec<f64>) -> Vec<f64> {
    let largest = values.iter().copied().fold(0.0, f64::max);
    if largest > 0.0 {
        values.iter_mut().for_each(|value| *value /= largest);
    }
    values
}
