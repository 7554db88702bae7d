//! Calls as they stand in a line: receiver, name, and the text of their arguments.

/// How far a name is followed back, in bytes.
const MAX_CALLEE: usize = 80;
/// How much of the arguments is looked at, in bytes; they may go on in further lines.
const MAX_ARGUMENTS: usize = 300;

/// A call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'t> {
    /// What stands before the name: `app`, `web::`, `$this->router`; empty for a plain call or one in a chain.
    pub(super) receiver: &'t str,
    /// The name.
    pub(super) name: &'t str,
    /// What follows the parenthesis, bounded.
    pub(super) arguments: &'t str,
}

impl<'t> Call<'t> {
    /// Returns the first argument if it is a literal, without its quotes, and what follows it.
    pub(super) fn literal(&self) -> Option<(&'t str, &'t str)> {
        literal(self.arguments)
    }
}

/// Returns the calls of a line; `from` is the text that begins with it.
pub(super) fn calls<'t>(line: &'t str, from: &'t str) -> impl Iterator<Item = Call<'t>> + use<'t> {
    line.match_indices('(').take(20).filter_map(move |(open, _)| {
        let before = line.get(..open)?;
        let bytes = before.as_bytes();
        let name_start = back(bytes, open, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let name = before.get(name_start..)?;
        if name.is_empty() {
            return None;
        }
        let is_part =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':' | b'$' | b'>' | b'-');
        let start = back(bytes, name_start, is_part);
        let receiver = before.get(start..name_start)?;
        let receiver = receiver.strip_suffix('.').or_else(|| receiver.strip_suffix("->")).unwrap_or(receiver);
        let arguments = head(from.get(open + 1..).unwrap_or_default(), MAX_ARGUMENTS);
        Some(Call { receiver, name, arguments })
    })
}

fn back(bytes: &[u8], end: usize, is_part: impl Fn(u8) -> bool) -> usize {
    let mut start = end;
    while start > 0 && end - start < MAX_CALLEE && bytes.get(start - 1).is_some_and(|byte| is_part(*byte)) {
        start -= 1;
    }
    start
}

/// Returns the start of a text, whole characters of at most `limit` bytes.
pub(super) fn head(text: &str, limit: usize) -> &str {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// Returns the literal that a text begins with, without its quotes, and what follows it.
pub(super) fn literal(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let text = text.trim_start_matches(['r', 'f', 'b', 'u', '@']);
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"' | '`'))?;
    let inner = text.get(1..)?;
    let end = inner.find(quote)?;
    let found = inner.get(..end)?;
    (!found.contains('\n')).then(|| (found, inner.get(end + 1..).unwrap_or_default()))
}

/// Returns the literal that stands after `key`: `prefix="/x"`, `url: '/x'`.
pub(super) fn named<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let at = text.find(key)?;
    let after = text.get(at + key.len()..)?.trim_start();
    let after = after.strip_prefix('=').or_else(|| after.strip_prefix(':'))?;
    let after = after.trim_start().trim_start_matches(['{', '[']);
    literal(after).map(|(found, _)| found)
}

/// Returns the methods of HTTP that are named in a text, between quotes or as words, joined by commas.
pub(super) fn methods(text: &str) -> String {
    const VERBS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
    let words: Vec<&str> = text.split(|c: char| !c.is_ascii_alphabetic()).collect();
    let found: Vec<&str> = VERBS.into_iter().filter(|verb| words.contains(verb)).collect();
    found.join(",")
}
