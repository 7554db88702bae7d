//! What speaks for a file, each signal by itself, from 0 to 1.
//!
//! Pure functions of hits, documents and past changes. Lexical ones are BM25 (Robertson and Zaragoza, "The Probabilistic
//! Relevance Framework: BM25 and Beyond", 2009), over several fields where a term may occur in each.

use std::collections::{HashMap, HashSet};

use super::document::Document;
use super::hits::{Hit, Hits, Length, idf, mean, saturated, scaled, small};
use super::past::Past;
use super::query::{Query, QueryTerm};
use super::terms::Terms;

/// A field in a BM25F sum: its weight, how much its length counts (`b`), the count in a hit and the length of a file's.
struct Field {
    weight: f64,
    b: f64,
    count: fn(&Hit) -> f64,
    length: fn(&Length) -> f64,
}

const BODY: Field = Field { weight: 1.0, b: 0.75, count: |hit| hit.body, length: |length| length.body };
const DEFINITIONS: Field =
    Field { weight: 2.0, b: 0.4, count: |hit| hit.definitions, length: |length| length.definitions };
const PATH: Field = Field { weight: 4.0, b: 0.3, count: |hit| hit.path, length: |length| length.path };
const COMPOUNDS: Field = Field { weight: 1.0, b: 0.5, count: |hit| hit.body, length: |length| length.compounds };
const DEFINED: Field =
    Field { weight: 1.0, b: 0.4, count: |hit| hit.definitions, length: |length| length.defined_compounds };

/// Which weight of a query's term counts.
type Weighing = fn(&QueryTerm) -> f64;

pub(super) const ALL: Weighing = |term| term.weight;
pub(super) const TITLE: Weighing = |term| term.title;

/// Text, names and path together.
pub(super) fn text(query: &Query, hits: &Hits, weighing: Weighing) -> Vec<f64> {
    bm25(&query.words, &hits.words, &hits.lengths, &[BODY, DEFINITIONS, PATH], 1.5, weighing)
}

/// The path alone.
pub(super) fn path(query: &Query, hits: &Hits) -> Vec<f64> {
    bm25(&query.words, &hits.words, &hits.lengths, &[PATH], 1.2, ALL)
}

/// Identifiers of several parts, anywhere in the file.
pub(super) fn compounds(query: &Query, hits: &Hits) -> Vec<f64> {
    bm25(&query.compounds, &hits.compounds, &hits.lengths, &[COMPOUNDS], 1.2, ALL)
}

/// Identifiers of several parts, among the names that a file defines.
pub(super) fn defined_compounds(query: &Query, hits: &Hits) -> Vec<f64> {
    bm25(&query.compounds, &hits.compounds, &hits.lengths, &[DEFINED], 1.2, ALL)
}

fn bm25(
    terms: &[QueryTerm],
    hits: &[Vec<Hit>],
    lengths: &[Length],
    fields: &[Field],
    k: f64,
    weighing: Weighing,
) -> Vec<f64> {
    let means: Vec<f64> = fields.iter().map(|field| mean(lengths.iter().map(field.length))).collect();
    let mut scores = vec![0.0; lengths.len()];
    for (term, hits) in terms.iter().zip(hits) {
        let weight = weighing(term);
        let is_in = |hit: &&Hit| fields.iter().any(|field| (field.count)(hit) > 0.0);
        let found = hits.iter().filter(is_in).count();
        if weight <= 0.0 || found == 0 {
            continue;
        }
        let idf = idf(found, lengths.len());
        for hit in hits.iter().filter(is_in) {
            let (Some(score), Some(length)) = (scores.get_mut(hit.file), lengths.get(hit.file)) else { continue };
            let mut count = 0.0;
            for (field, mean) in fields.iter().zip(&means) {
                count += field.weight * (field.count)(hit) / (1.0 - field.b + field.b * (field.length)(length) / mean);
            }
            *score += weight * idf * saturated(count, k);
        }
    }
    scaled(scores)
}

/// What was done before to the files, and how like the query it was.
#[derive(Debug, Default)]
pub(super) struct Before {
    /// Changes whose whole message is like the query lead to the files they touched.
    pub(super) similar: Vec<f64>,
    /// The same for their titles, likeness counting more.
    pub(super) titles: Vec<f64>,
    /// The likest of the ten likest changes that touched the file.
    pub(super) nearest: Vec<f64>,
    /// How often and how lately a file was touched.
    pub(super) recency: Vec<f64>,
}

/// A past change, and the places of the files it touched among the documents.
pub(super) struct Touching<'p> {
    /// How many changes came after it.
    age: f64,
    past: &'p Past,
    pub(super) files: Vec<usize>,
}

impl Touching<'_> {
    /// What a change says of each of its files, by their number.
    fn share(&self, power: f64) -> f64 {
        small(self.files.len()).powf(power)
    }
}

/// Returns the past changes that touched one of `documents`, newest first as they were given.
pub(super) fn touching<'p>(documents: &[Document], past: &'p [Past]) -> Vec<Touching<'p>> {
    let wanted: HashSet<&str> = past.iter().flat_map(|past| &past.files).map(String::as_str).collect();
    let documents = documents.iter().enumerate().map(|(place, document)| (document.path.as_str(), place));
    let places: HashMap<&str, usize> = documents.filter(|(path, _)| wanted.contains(path)).collect();
    let mut touching = Vec::new();
    for (age, past) in past.iter().enumerate() {
        let files: Vec<usize> = past.files.iter().filter_map(|file| places.get(file.as_str()).copied()).collect();
        if !files.is_empty() {
            touching.push(Touching { age: small(age), past, files });
        }
    }
    touching
}

pub(super) fn before(query: &Query, files: usize, touching: &[Touching<'_>]) -> Before {
    let mut before = Before { similar: vec![0.0; files], titles: vec![0.0; files], ..Before::default() };
    let mut nearest = vec![0.0_f64; files];
    let likeness = like(query, touching, |past| &past.message, 0.6);
    let largest = likeness.first().map_or(0.0, |(likeness, _)| *likeness);
    for (rank, (likeness, change)) in likeness.iter().take(60).enumerate() {
        for file in &change.files {
            add(&mut before.similar, *file, likeness.powi(2) / change.share(0.7));
            if rank < 10
                && let Some(nearest) = nearest.get_mut(*file)
            {
                *nearest = nearest.max(likeness / largest / change.share(0.3));
            }
        }
    }
    for (likeness, change) in like(query, touching, |past| &past.title, 0.4).iter().take(100) {
        for file in &change.files {
            add(&mut before.titles, *file, likeness.powi(3) / change.share(0.7));
        }
    }
    let mut recency = vec![0.0; files];
    for change in touching {
        for file in &change.files {
            add(&mut recency, *file, (-change.age / 600.0).exp() / change.share(0.5));
        }
    }
    before.similar = scaled(before.similar);
    before.titles = scaled(before.titles);
    before.nearest = scaled(nearest);
    before.recency = scaled(recency.into_iter().map(f64::ln_1p).collect());
    before
}

pub(super) fn add(values: &mut [f64], at: usize, value: f64) {
    if let Some(sum) = values.get_mut(at) {
        *sum += value;
    }
}

/// Returns the changes that are like the query at all, the likest first.
fn like<'t, 'p>(
    query: &Query,
    touching: &'t [Touching<'p>],
    text: fn(&Past) -> &Terms,
    b: f64,
) -> Vec<(f64, &'t Touching<'p>)> {
    let mean = mean(touching.iter().map(|change| f64::from(text(change.past).total())));
    let mut likeness = vec![0.0; touching.len()];
    for term in &query.words {
        let counts: Vec<u16> = touching.iter().map(|change| text(change.past).count(term.hash)).collect();
        let idf = idf(counts.iter().filter(|count| **count > 0).count(), touching.len());
        for ((likeness, change), count) in likeness.iter_mut().zip(touching).zip(counts) {
            let length = f64::from(text(change.past).total());
            *likeness += term.weight * idf * saturated(f64::from(count) / (1.0 - b + b * length / mean), 1.2);
        }
    }
    let mut like: Vec<(f64, &Touching<'p>)> =
        likeness.into_iter().zip(touching).filter(|(like, _)| *like > 0.0).collect();
    // The sort keeps the newer of two that are as like.
    like.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    like
}

/// Returns how well the other files in the same folder do.
pub(super) fn folder(documents: &[Document], scores: &[f64]) -> Vec<f64> {
    let mut folders: HashMap<&str, (f64, f64)> = HashMap::new();
    for (document, score) in documents.iter().zip(scores) {
        let (sum, count) = folders.entry(folder_of(document)).or_default();
        *sum += score.powi(2);
        *count += 1.0;
    }
    let others = documents.iter().zip(scores).map(|(document, score)| match folders.get(folder_of(document)) {
        Some((sum, count)) if *count > 1.0 => ((sum - score.powi(2)) / (count - 1.0)).max(0.0).sqrt(),
        _ => 0.0,
    });
    scaled(others.collect())
}

fn folder_of(document: &Document) -> &str {
    document.path.as_str().rsplit_once('/').map_or("", |(folder, _)| folder)
}
