//! Keys: short, on one line, the same for the same thing in another version.

/// The longest key, in bytes; a longer one ends with a hash of itself.
const MAX_KEY: usize = 120;
/// The longest scope or name of a scope, in bytes; a longer one begins with a hash of what was cut off.
const MAX_SCOPE: usize = 400;
/// How many bytes of a text are looked at to make a key.
const MAX_READ: usize = 4096;

/// Returns `text` on one line without runs of blanks, bounded.
pub(in crate::syntax) fn normal(text: &str) -> String {
    if text.len() <= MAX_KEY && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return text.to_owned();
    }
    let text = head(text, MAX_READ);
    let mut line = String::with_capacity(text.len().min(MAX_KEY));
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    bounded(line)
}

/// Returns `key`, cut if it is too long and told apart by a hash of the whole.
pub(in crate::syntax) fn bounded(key: String) -> String {
    if key.len() <= MAX_KEY { key } else { format!("{}~{:016x}", head(&key, MAX_KEY), hash(&key)) }
}

/// Returns `scope`, with its beginning replaced by a hash if it is too long.
pub(in crate::syntax) fn bounded_scope(scope: String) -> String {
    if scope.len() <= MAX_SCOPE {
        return scope;
    }
    let mut cut = scope.len() - MAX_SCOPE / 2;
    while !scope.is_char_boundary(cut) {
        cut += 1;
    }
    let (before, rest) = scope.split_at(cut);
    format!("~{:016x}{rest}", hash(before))
}

/// Returns the first `limit` bytes of `text`, less if that would cut a character.
pub(in crate::syntax) fn head(text: &str, limit: usize) -> &str {
    let mut end = limit.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// Returns a string literal's contents: without prefix letters and quotes. Anything else is returned as it is.
pub(in crate::syntax) fn unquoted(text: &str) -> &str {
    let text = text.trim();
    quoted(text).unwrap_or(text)
}

/// Returns what is between the quotes if `text` is one string literal without interpolation.
pub(in crate::syntax) fn quoted(text: &str) -> Option<&str> {
    let text = text.trim();
    let start = text.find(['"', '\'', '`'])?;
    let prefix = text.get(..start)?;
    if prefix.len() > 2 || !prefix.chars().all(|c| "rRbBuU".contains(c)) {
        return None;
    }
    let rest = text.get(start..)?;
    for quote in ["\"\"\"", "'''", "\"", "'", "`"] {
        if let Some(inner) = rest.strip_prefix(quote)
            && let Some(inner) = inner.strip_suffix(quote)
        {
            let interpolated = quote == "`" && inner.contains("${");
            return (!interpolated && !inner.contains(quote)).then_some(inner);
        }
    }
    None
}

/// Returns `name` within `scope`: `Service.run`.
pub(in crate::syntax) fn within(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") }
}

/// Returns the last segment of a dotted or `::` path.
pub(in crate::syntax) fn last_segment(path: &str) -> &str {
    path.rsplit(['.', ':', '/']).next().unwrap_or(path).trim()
}

/// Returns the hash of `text` (FNV-1a), the same on every machine.
pub(super) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Returns a package's name as PEP 503 has it.
pub(in crate::syntax) fn package(name: &str) -> String {
    let mut normalised = String::new();
    for part in name.split(['-', '_', '.']).filter(|part| !part.is_empty()) {
        if !normalised.is_empty() {
            normalised.push('-');
        }
        normalised.push_str(&part.to_ascii_lowercase());
    }
    normalised
}
