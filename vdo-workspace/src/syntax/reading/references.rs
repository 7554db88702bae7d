//! The names that a text uses and does not define.

use std::collections::{HashMap, HashSet};

use vdo_core::syntax::{Reference, Symbol, SymbolKind};

/// How many different names are told of one text: those that stand there most often.
const MAX_REFERENCES: usize = 5_000;
/// The longest name that is counted, in bytes.
const MAX_NAME: usize = 100;

/// Counts names.
#[derive(Default)]
pub(in crate::syntax) struct References<'t> {
    counts: HashMap<&'t str, u32>,
    own: HashSet<&'t str>,
}

impl<'t> References<'t> {
    /// Takes in a name that is used.
    pub(in crate::syntax) fn used(&mut self, name: &'t str) {
        let odd =
            |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '/' | '\\' | '(' | '{' | '[' | '<' | '=');
        if name.contains(char::is_alphabetic) && name.len() <= MAX_NAME && !name.contains(odd) {
            let count = self.counts.entry(name).or_default();
            *count = count.saturating_add(1);
        }
    }

    /// Takes in a name that the text defines itself: a local, a parameter, a member of its own.
    pub(in crate::syntax) fn own(&mut self, name: &'t str) {
        self.own.insert(name);
    }

    /// Returns what is used and not defined, by name.
    pub(in crate::syntax) fn finish(self, symbols: &[Symbol]) -> Vec<Reference> {
        let defined: HashSet<&str> = symbols
            .iter()
            .filter(|symbol| symbol.kind != SymbolKind::Import)
            .map(|symbol| last(&symbol.name))
            .collect();
        let foreign = |name: &&str| !self.own.contains(name) && !defined.contains(name);
        let mut found: Vec<(&str, u32)> = self.counts.into_iter().filter(|(name, _)| foreign(name)).collect();
        if found.len() > MAX_REFERENCES {
            found.sort_unstable_by(|(a, often), (b, less)| less.cmp(often).then(a.cmp(b)));
            found.truncate(MAX_REFERENCES);
        }
        found.sort_unstable();
        found.into_iter().map(|(name, count)| Reference { name: name.to_owned(), count }).collect()
    }
}

/// Returns a name without what qualifies it.
pub(super) fn last(name: &str) -> &str {
    name.rsplit(['.', ':', '\\']).next().unwrap_or(name)
}
