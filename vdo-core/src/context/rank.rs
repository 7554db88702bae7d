//! Ranking the files of a tree for a query.
//!
//! Pure and deterministic: ties go by path, and nothing depends on the order of a hash table. The score of a file is a
//! weighted sum of signals from 0 to 1, and each of them is told.
//!
//! Two steps. [`Ranking::of`] looks at what was counted before. Then the best candidates are looked at closely, by the best
//! passage of each ([`Ranking::with_passages`]), for which their texts are needed. The weights were fitted on commits of public repositories;
//! `benches/retrieval.md` says which, how, and which of its figures are of repositories that had no part in it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::document::Document;
use super::hits::{Hits, idf, saturated, scaled};
use super::past::Past;
use super::query::Query;
use super::signals;
use super::terms::{self, Token};
use crate::path::RepoPath;
use crate::port::FileClass;

/// So many files are looked at closely.
pub const CANDIDATES: usize = 100;
/// A passage has so many lines, and the next begins in its middle.
const PASSAGE: usize = 40;
/// The number of words a passage has on the average.
const PASSAGE_WORDS: f64 = 160.0;

/// A reason to rank a file high or low.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Words of the query in the text, in the names it defines and in the path.
    Text,
    /// The same with every word counting as it stands, however common it is in messages of past changes.
    Plain,
    /// The same for the query's first line alone.
    Title,
    /// Words of the query in the path.
    Path,
    /// Identifiers of several parts that the query names, or that its neighbouring words make.
    Compounds,
    /// The same among the names that the file defines.
    DefinedCompounds,
    /// The best passage.
    Passage,
    /// Past changes with a like title touched the file.
    Titles,
    /// One of the likest past changes touched the file.
    Nearest,
    /// Touched often and lately.
    Recency,
    /// The files beside it do well.
    Folder,
}

/// How much each signal counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights(pub BTreeMap<Signal, f64>);

impl Default for Weights {
    fn default() -> Self {
        Self(BTreeMap::from([
            (Signal::Text, 0.17),
            (Signal::Plain, 0.25),
            (Signal::Title, 0.19),
            (Signal::Path, 0.30),
            (Signal::Compounds, 0.22),
            (Signal::DefinedCompounds, 0.13),
            (Signal::Passage, 0.29),
            (Signal::Titles, 0.21),
            (Signal::Nearest, 0.16),
            (Signal::Recency, 0.12),
            (Signal::Folder, 0.07),
        ]))
    }
}

impl Weights {
    /// Takes a signal out.
    #[must_use]
    pub fn without(mut self, signal: Signal) -> Self {
        self.0.remove(&signal);
        self
    }
}

/// A ranked file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ranked {
    /// The path.
    pub path: RepoPath,
    /// What kind of file it is.
    pub class: FileClass,
    /// The size in bytes.
    pub bytes: u64,
    /// The score: the sum of the parts.
    pub score: f64,
    /// What each signal adds; those that add nothing are left out.
    pub parts: BTreeMap<Signal, f64>,
}

/// Files under way to their order.
#[derive(Debug)]
pub struct Ranking<'d> {
    documents: &'d [Document],
    query: Query,
    weights: &'d Weights,
    columns: Vec<(Signal, Vec<f64>)>,
    idfs: Vec<f64>,
    order: Vec<usize>,
}

impl<'d> Ranking<'d> {
    /// Ranks `documents`, of which `hits` were taken, by all signals but passages. `past` has the newest change first.
    #[must_use]
    pub fn of(query: &Query, documents: &'d [Document], hits: &Hits, past: &[Past], weights: &'d Weights) -> Self {
        let before = signals::before(query, documents.len(), &signals::touching(documents, past));
        let informed = query.informed(past);
        let text = signals::text(&informed, hits, signals::ALL);
        let path = signals::path(&informed, hits);
        // What the files beside one are worth is told by the plainest signals.
        let plain: Vec<f64> = (text.iter().zip(&path).zip(&before.similar).zip(&before.recency))
            .map(|(((text, path), similar), recency)| text + 0.4 * path + 0.45 * similar + 0.05 * recency)
            .collect();
        let columns = vec![
            (Signal::Text, text),
            (Signal::Plain, signals::text(query, hits, signals::ALL)),
            (Signal::Title, signals::text(&informed, hits, signals::TITLE)),
            (Signal::Path, path),
            (Signal::Compounds, signals::compounds(query, hits)),
            (Signal::DefinedCompounds, signals::defined_compounds(query, hits)),
            (Signal::Titles, before.titles),
            (Signal::Nearest, before.nearest),
            (Signal::Recency, before.recency),
            (Signal::Folder, signals::folder(documents, &plain)),
        ];
        let idfs = hits.words.iter().map(|hits| {
            let found = hits.iter().filter(|hit| hit.body > 0.0).count();
            if found == 0 { 0.0 } else { idf(found, documents.len()) }
        });
        let idfs = idfs.collect();
        let mut ranking = Self { documents, query: informed, weights, columns, idfs, order: Vec::new() };
        ranking.order = descending(documents, &ranking.scores());
        ranking
    }

    /// Returns the paths of the files to be looked at closely, best first.
    pub fn candidates(&self) -> impl Iterator<Item = &'d RepoPath> + '_ {
        self.order.iter().take(CANDIDATES).filter_map(|place| self.documents.get(*place)).map(|document| &document.path)
    }

    /// Takes in what the best passage of each candidate is worth, as [`Self::passage`] has it; 0 for one whose text is not at hand.
    pub fn with_passages(&mut self, worth: impl Fn(&RepoPath) -> f64) {
        let mut passages = vec![0.0; self.documents.len()];
        for place in self.order.iter().take(CANDIDATES) {
            if let (Some(document), Some(best)) = (self.documents.get(*place), passages.get_mut(*place)) {
                *best = worth(&document.path);
            }
        }
        self.columns.push((Signal::Passage, scaled(passages)));
        self.order = descending(self.documents, &self.scores());
    }

    /// Returns the files, best first, at most `limit`.
    #[must_use]
    pub fn ranked(&self, limit: usize) -> Vec<Ranked> {
        self.order.iter().take(limit).filter_map(|place| self.told(*place)).collect()
    }

    fn told(&self, place: usize) -> Option<Ranked> {
        let document = self.documents.get(place)?;
        let mut parts = BTreeMap::new();
        for (signal, values) in &self.columns {
            let part = self.weight(*signal) * values.get(place)?;
            if part != 0.0 {
                parts.insert(*signal, part);
            }
        }
        let score = parts.values().sum();
        Some(Ranked { path: document.path.clone(), class: document.class, bytes: document.bytes, score, parts })
    }

    fn weight(&self, signal: Signal) -> f64 {
        self.weights.0.get(&signal).copied().unwrap_or_default()
    }

    fn scores(&self) -> Vec<f64> {
        let mut scores = vec![0.0; self.documents.len()];
        for (signal, values) in &self.columns {
            let weight = self.weight(*signal);
            for (score, value) in scores.iter_mut().zip(values) {
                *score += weight * value;
            }
        }
        scores
    }

    /// Returns what the best passage of a text is worth.
    #[must_use]
    pub fn passage(&self, text: &str) -> f64 {
        let mut known: Vec<(u32, usize)> =
            (self.query.words.iter().zip(0..)).map(|(term, place)| (term.hash, place)).collect();
        known.sort_unstable();
        // Each half passage by itself; a passage is two that follow each other.
        let mut halves: Vec<Half> = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let end =
                memchr::memchr_iter(b'\n', rest.as_bytes()).nth(PASSAGE / 2 - 1).map_or(rest.len(), |end| end + 1);
            let (half, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
            halves.push(Half::of(half, &known, self.query.words.len()));
            rest = after;
        }
        let alone = Half::default();
        let after = halves.iter().skip(1).chain(std::iter::once(&alone));
        halves.iter().zip(after).map(|(one, other)| self.worth(one, other)).fold(0.0, f64::max)
    }

    fn worth(&self, one: &Half, other: &Half) -> f64 {
        let length = 0.5 + 0.5 * (one.total + other.total) / PASSAGE_WORDS;
        let counts = one.counts.iter().zip(other.counts.iter().chain(std::iter::repeat(&0.0)));
        let words = self.query.words.iter().zip(&self.idfs).zip(counts);
        words.map(|((term, idf), (one, other))| term.weight * idf * saturated((one + other) / length, 1.2)).sum()
    }
}

/// The words of half a passage.
#[derive(Debug, Default)]
struct Half {
    total: f64,
    /// How often each word of the query occurs.
    counts: Vec<f64>,
}

impl Half {
    /// Counts a text. `known` has the hashes of the query's words in order, with their places.
    fn of(text: &str, known: &[(u32, usize)], words: usize) -> Self {
        let mut half = Self { total: 0.0, counts: vec![0.0; words] };
        terms::tokens(text, |token| {
            let Token::Word(word) = token else { return };
            half.total += 1.0;
            let hash = terms::hash(word);
            let place = known.binary_search_by_key(&hash, |(hash, _)| *hash).ok().and_then(|at| known.get(at));
            if let Some(count) = place.and_then(|(_, place)| half.counts.get_mut(*place)) {
                *count += 1.0;
            }
        });
        half
    }
}

/// Returns the places of the documents, the highest score first; ties by path.
fn descending(documents: &[Document], scores: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..documents.len()).collect();
    let score = |place: &usize| scores.get(*place).copied().unwrap_or_default();
    // Both sorts are stable, and most callers have the documents in path order already.
    order.sort_by(|one, other| {
        documents.get(*one).map(|one| &one.path).cmp(&documents.get(*other).map(|other| &other.path))
    });
    order.sort_by(|one, other| score(other).total_cmp(&score(one)));
    order
}
