//! Texts as terms: the words and identifiers in them, split, stemmed and counted.
//!
//! Pure and linear. A term is the 32-bit hash of its text, so that a counted text is a flat table that a cache can
//! keep and a query can look up without decoding it. Two terms with one hash count as one: with 10^5 terms in a
//! project a query of 30 meets that about once in a thousand times, and then a score is off by a little.

use crate::content::Bytes;

/// Longer words are data, not words.
const MAX_WORD: usize = 80;

/// What a word is split off from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token<'t> {
    /// A plain word or a part of an identifier, in lower case and stemmed.
    Word(&'t str),
    /// An identifier of several parts, in lower case and without underscores: `merge_base` and `mergeBase` are one.
    Whole(&'t str),
}

/// Gives the tokens of `text` in order.
pub fn tokens(text: &str, mut each: impl FnMut(Token<'_>)) {
    let bytes = text.as_bytes();
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
    let mut buffer = String::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if !is_word(*byte) {
            at += 1;
            continue;
        }
        let length = bytes.get(at..).unwrap_or_default().iter().take_while(|byte| is_word(**byte)).count();
        let word = text.get(at..at + length).unwrap_or_default();
        at += length.max(1);
        if length <= MAX_WORD {
            if word.is_ascii() {
                ascii(word, &mut buffer, &mut each);
            } else {
                foreign(word, &mut each);
            }
        }
    }
}

/// Splits a word of ASCII letters, digits and underscores.
fn ascii(word: &str, buffer: &mut String, each: &mut impl FnMut(Token<'_>)) {
    if word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        if word.len() > 1 && !is_stop(word) {
            each(Token::Word(stem(word)));
        }
        return;
    }
    let mut parts = 0;
    let mut long = 0;
    split(word, |_, part| {
        parts += 1;
        long += usize::from(part.len() > 1);
    });
    if parts > 1 && long > 0 {
        lower(word, buffer);
        buffer.retain(|c| c != '_');
        if buffer.len() > 1 {
            each(Token::Whole(buffer));
        }
    }
    split(word, |_, part| {
        lower(part, buffer);
        if buffer.len() > 1 && !is_stop(buffer) {
            each(Token::Word(stem(buffer)));
        }
    });
}

fn lower(word: &str, buffer: &mut String) {
    buffer.clear();
    buffer.push_str(word);
    buffer.make_ascii_lowercase();
}

/// Words in other alphabets are taken whole.
fn foreign(word: &str, each: &mut impl FnMut(Token<'_>)) {
    for part in word.split(|c: char| !c.is_alphanumeric()).filter(|part| part.chars().nth(1).is_some()) {
        let part = part.to_lowercase();
        if !is_stop(&part) {
            each(Token::Word(stem(&part)));
        }
    }
}

/// Gives the parts of an identifier: `HTTPServer_v2` is `HTTP`, `Server`, `v`, `2`.
fn split<'w>(word: &'w str, mut each: impl FnMut(usize, &'w str)) {
    #[derive(PartialEq, Clone, Copy)]
    enum Kind {
        Upper,
        Lower,
        Digit,
        Other,
    }
    let kind = |byte: u8| match byte {
        b'A'..=b'Z' => Kind::Upper,
        b'a'..=b'z' => Kind::Lower,
        b'0'..=b'9' => Kind::Digit,
        _ => Kind::Other,
    };
    let bytes = word.as_bytes();
    let mut start = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let now = kind(*byte);
        let before = at.checked_sub(1).and_then(|at| bytes.get(at)).map_or(Kind::Other, |byte| kind(*byte));
        let after = bytes.get(at + 1).map_or(Kind::Other, |byte| kind(*byte));
        let cut = match (before, now) {
            (Kind::Upper, Kind::Lower) => false,
            (Kind::Upper, Kind::Upper) => after == Kind::Lower,
            (one, other) => one != other,
        };
        if cut {
            if before != Kind::Other {
                each(start, word.get(start..at).unwrap_or_default());
            }
            start = at;
        }
    }
    if bytes.last().is_some_and(|byte| kind(*byte) != Kind::Other) {
        each(start, word.get(start..).unwrap_or_default());
    }
}

/// Tells whether a word says nothing of what a text is about.
fn is_stop(word: &str) -> bool {
    // By length first: most words are none of these, and this is asked of every word of a project.
    match word.len() {
        1 => matches!(word, "a"),
        2 => matches!(
            word,
            "an" | "as"
                | "at"
                | "be"
                | "by"
                | "do"
                | "if"
                | "in"
                | "is"
                | "it"
                | "no"
                | "of"
                | "on"
                | "or"
                | "so"
                | "to"
                | "us"
                | "we"
        ),
        3 => matches!(
            word,
            "and"
                | "are"
                | "but"
                | "can"
                | "for"
                | "had"
                | "has"
                | "its"
                | "not"
                | "now"
                | "our"
                | "the"
                | "use"
                | "was"
                | "you"
        ),
        4 => matches!(
            word,
            "does"
                | "from"
                | "have"
                | "into"
                | "just"
                | "make"
                | "more"
                | "only"
                | "some"
                | "than"
                | "that"
                | "them"
                | "then"
                | "they"
                | "this"
                | "were"
                | "when"
                | "will"
                | "with"
        ),
        5 => matches!(word, "could" | "makes" | "their" | "there" | "these" | "which" | "would"),
        6 => matches!(word, "should"),
        7 => matches!(word, "instead"),
        _ => false,
    }
}

/// Returns a word without its ending, lightly: plurals, `-ed`, `-ing`, `-er`, `-ation`.
pub(crate) fn stem(word: &str) -> &str {
    if word.len() < 5 {
        return word;
    }
    for ending in ["ations", "ation", "ings", "ing", "ies", "ers", "ed", "es", "er", "s", "e"] {
        if let Some(rest) = word.strip_suffix(ending)
            && rest.len() >= 3
        {
            return rest;
        }
    }
    word
}

/// Returns the hash of a term (FNV-1a, folded to 32 bits).
#[must_use]
pub fn hash(term: &str) -> u32 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in term.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    (hash ^ (hash >> 32)) as u32
}

/// How often each term occurs in a text.
///
/// A table: the hashes in order, four bytes each, then the counts, two bytes each; all little-endian.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    total: u32,
    bytes: Bytes,
    start: usize,
    count: usize,
}

impl Default for Terms {
    fn default() -> Self {
        Self { total: 0, bytes: Bytes::from([]), start: 0, count: 0 }
    }
}

impl Terms {
    /// Returns the terms that are named, each as often as it is named.
    #[must_use]
    pub fn of(mut hashes: Vec<u32>) -> Self {
        let mut bytes = Vec::new();
        Self::write(&mut hashes, &mut bytes);
        Self::read(&Bytes::from(bytes), &mut 0).unwrap_or_default()
    }

    /// Writes a table of the terms that are named to the end of `out`.
    pub fn write(hashes: &mut [u32], out: &mut Vec<u8>) {
        hashes.sort_unstable();
        let total = u32::try_from(hashes.len()).unwrap_or(u32::MAX);
        let runs = || hashes.chunk_by(|one, other| one == other);
        let count = u32::try_from(runs().count()).unwrap_or(u32::MAX);
        out.extend_from_slice(&total.to_le_bytes());
        out.extend_from_slice(&count.to_le_bytes());
        for run in runs() {
            out.extend(run.first().iter().flat_map(|hash| hash.to_le_bytes()));
        }
        for run in runs() {
            out.extend_from_slice(&u16::try_from(run.len()).unwrap_or(u16::MAX).to_le_bytes());
        }
    }

    /// Reads a table that begins at `at`, and moves `at` behind it; `None` if the bytes end before the table does.
    #[must_use]
    pub fn read(bytes: &Bytes, at: &mut usize) -> Option<Self> {
        let total = number(bytes, *at)?;
        let count = usize::try_from(number(bytes, at.checked_add(4)?)?).ok()?;
        let start = at.checked_add(8)?;
        let end = start.checked_add(count.checked_mul(6)?)?;
        if end > bytes.len() {
            return None;
        }
        *at = end;
        Some(Self { total, bytes: Bytes::clone(bytes), start, count })
    }

    /// Returns how many terms there are, repeated ones each time.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.total
    }

    /// Returns how many different terms there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Returns whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns how often `hash` occurs.
    #[must_use]
    pub fn count(&self, hash: u32) -> u16 {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = usize::midpoint(low, high);
            match number(&self.bytes, self.start + middle * 4).unwrap_or(0).cmp(&hash) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return self.at(middle),
            }
        }
        0
    }

    fn at(&self, at: usize) -> u16 {
        let from = self.start + self.count * 4 + at * 2;
        self.bytes.get(from..from + 2).and_then(|bytes| bytes.try_into().ok()).map_or(0, u16::from_le_bytes)
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}
