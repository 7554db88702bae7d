//! What is looked for, as terms with weights.

use std::collections::BTreeMap;

use super::document::cut;
use super::hits::idf;
use super::past::Past;
use super::terms::{self, Token};

/// How much of a query counts.
const MAX_QUERY: usize = 20_000;
/// How many different words of a query count, and how many compounds.
const MAX_TERMS: usize = 400;
/// Fewer past changes do not tell which words are common.
const MIN_PAST: usize = 50;
/// A term repeated more often than this says no more.
const MAX_REPEATS: f64 = 3.0;

/// A term of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryTerm {
    /// The term, for people.
    pub text: String,
    /// Its hash.
    pub hash: u32,
    /// How much it counts; words of the first line count twice.
    pub weight: f64,
    /// How much it counts if only the first line is looked at; 0 for terms it does not have.
    pub title: f64,
}

/// A query: its words, and the identifiers it names or may mean.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    /// Words and parts of identifiers.
    pub words: Vec<QueryTerm>,
    /// Identifiers of several parts, and neighbouring words as if they were one: `merge base` may mean `merge_base`.
    pub compounds: Vec<QueryTerm>,
}

impl Query {
    /// Reads a query. Its first line is its title.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let text = cut(text.trim(), MAX_QUERY);
        let title = text.lines().next().unwrap_or_default();
        let mut words: BTreeMap<String, (f64, f64)> = BTreeMap::new();
        let mut compounds: BTreeMap<String, (f64, f64)> = BTreeMap::new();
        for (text, is_title) in [(text, false), (title, true)] {
            terms::tokens(text, |token| {
                let (map, term) = match token {
                    Token::Word(word) => (&mut words, word),
                    Token::Whole(whole) => (&mut compounds, whole),
                };
                let counts = map.entry(term.to_owned()).or_default();
                counts.0 += 1.0;
                counts.1 += f64::from(u8::from(is_title));
            });
            for compound in neighbours(text) {
                let counts = compounds.entry(compound).or_default();
                counts.0 += 1.0;
                counts.1 += f64::from(u8::from(is_title));
            }
        }
        Self { words: weighted(words), compounds: weighted(compounds) }
    }

    /// Returns the query with less weight on words that messages of past changes have often: `fix` and `add` say little.
    ///
    /// With few changes nothing is known of words.
    pub(super) fn informed(&self, past: &[Past]) -> Self {
        let mut query = self.clone();
        if past.len() < MIN_PAST {
            return query;
        }
        let rarest = idf(0, past.len());
        for word in &mut query.words {
            let found = past.iter().filter(|past| past.message.count(word.hash) > 0).count();
            let share = (idf(found, past.len()) / rarest).min(1.0);
            word.weight *= share;
            word.title *= share;
        }
        query
    }

    /// Returns whether there is nothing to look for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty() && self.compounds.is_empty()
    }
}

/// Returns the two and three words that stand beside each other in a clause, each as one word.
fn neighbours(text: &str) -> Vec<String> {
    let mut compounds = Vec::new();
    for clause in text.split(|c: char| ".,;:()!?\"\n".contains(c)) {
        let words: Vec<String> = clause
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect();
        compounds.extend([2, 3].iter().flat_map(|size| words.windows(*size).map(|pair| pair.concat())));
    }
    compounds
}

fn weighted(counts: BTreeMap<String, (f64, f64)>) -> Vec<QueryTerm> {
    let weight = |count: f64| count.min(MAX_REPEATS).sqrt();
    let mut terms: Vec<QueryTerm> = counts
        .into_iter()
        .map(|(text, (all, title))| QueryTerm {
            hash: terms::hash(&text),
            weight: weight(all),
            title: weight(title),
            text,
        })
        .collect();
    // The heaviest stay, in the order of the alphabet.
    if terms.len() > MAX_TERMS {
        terms.sort_by(|one, other| other.weight.total_cmp(&one.weight).then_with(|| one.text.cmp(&other.text)));
        terms.truncate(MAX_TERMS);
        terms.sort_by(|one, other| one.text.cmp(&other.text));
    }
    terms
}
