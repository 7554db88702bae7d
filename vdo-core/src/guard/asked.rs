//! What a job asks for by name.

use std::collections::BTreeSet;

/// Words that ask for something to go, as their beginnings.
const REMOVES: &[&str] = &[
    "remov",
    "delet",
    "drop",
    "retir",
    "replac",
    "renam",
    "mov",
    "migrat",
    "rewrit",
    "revert",
    "deprecat",
    "clean",
    "unused",
    "dead",
    "obsolet",
    "refactor",
    "restructur",
    "reorgani",
    "simplif",
    "merg",
    "consolidat",
    "split",
    "extract",
    "inlin",
    "convert",
    "port",
    "switch",
    "eliminat",
    "strip",
    "undo",
    "no longer",
    "get rid",
    "use ",
];

/// The text of a job, to be asked what it mentions.
#[derive(Debug)]
pub(super) struct Asked {
    text: String,
    words: BTreeSet<String>,
}

impl Asked {
    pub(super) fn of(text: &str) -> Self {
        Self { text: text.to_lowercase(), words: words(text).into_iter().collect() }
    }

    /// Returns whether a word begins with one of these.
    pub(super) fn mentions(&self, stems: &[&str]) -> bool {
        stems.iter().any(|stem| {
            if stem.contains([' ', '.', '/']) {
                self.text.contains(stem)
            } else {
                self.words.iter().any(|word| word.starts_with(stem))
            }
        })
    }

    /// Returns whether a word stands in it.
    pub(super) fn has_word(&self, word: &str) -> bool {
        self.words.contains(word)
    }

    /// Returns whether it asks for something to go or to be made anew.
    pub(super) fn removes(&self) -> bool {
        self.mentions(REMOVES)
    }

    /// Returns whether a name stands in it as a whole: a path, a file's name, a function's.
    pub(super) fn names(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        if name.len() < 3 {
            return false;
        }
        let inner = |c: char| c.is_alphanumeric() || c == '_';
        self.text.match_indices(&name).any(|(at, _)| {
            let before = self.text.get(..at).and_then(|text| text.chars().next_back());
            let after = self.text.get(at + name.len()..).and_then(|text| text.chars().next());
            !before.is_some_and(inner) && !after.is_some_and(inner)
        })
    }

    /// Returns whether it speaks of what a name is made of: `test_user_login` and "remove the login".
    pub(super) fn concerns(&self, name: &str) -> bool {
        words(name).iter().any(|word| {
            let stem: String = word.chars().take(word.chars().count().saturating_sub(1).max(4)).collect();
            word.len() >= 3 && !word.starts_with("test") && self.words.iter().any(|known| known.starts_with(&stem))
        })
    }
}

/// Splits at everything but letters and digits, and where an upper-case letter follows a lower-case one.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut was_lower = false;
    for c in text.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && was_lower) {
            words.push(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
        was_lower = c.is_lowercase();
    }
    words.push(word);
    words.retain(|word| word.len() > 1);
    words
}
