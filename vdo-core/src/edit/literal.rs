//! Hunks as they were probably meant: without line numbers in the quote, without escapes that a layer too many left in.

use super::{Hunk, Unit};

/// Returns the ways a hunk may have been meant that differ from what it says.
pub(super) fn variants(hunk: &Hunk) -> Vec<Hunk> {
    [without_numbers(hunk), unescaped(hunk), without_entities(hunk), trimmed(hunk)].into_iter().flatten().collect()
}

/// Takes away `12 | `, `12: ` or `12` TAB before every quoted line, if the numbers count up by one.
fn without_numbers(hunk: &Hunk) -> Option<Hunk> {
    let (first, find) = strip_numbers(&hunk.find)?;
    let replace = strip_numbers(&hunk.replace).map_or_else(|| hunk.replace.clone(), |(_, text)| text);
    Some(Hunk { find, replace, line: hunk.line.or(Some(first)), kept: None, unit: Unit::Lines, ..hunk.clone() })
}

fn strip_numbers(text: &str) -> Option<(usize, String)> {
    let mut first = None;
    let mut expected = None;
    let mut bare = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (number, rest) = numbered(line)?;
        if expected.is_some_and(|expected| expected != number) {
            return None;
        }
        first.get_or_insert(number);
        expected = Some(number + 1);
        bare.push_str(rest);
    }
    Some((first?, bare))
}

/// Reads a line with a number before it.
fn numbered(line: &str) -> Option<(usize, &str)> {
    let text = line.trim_start_matches(' ');
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let number = text.get(..digits)?.parse().ok()?;
    let rest = text.get(digits..)?;
    let rest =
        [" | ", " |", "| ", "|", ": ", "\t", "→"].iter().find_map(|mark| rest.strip_prefix(mark)).or_else(|| {
            // An empty line shows as its number alone.
            rest.trim().is_empty().then_some(rest)
        })?;
    Some((number, rest))
}

/// Resolves `\n`, `\t`, `\"`, `\'` and `\\`.
fn unescaped(hunk: &Hunk) -> Option<Hunk> {
    ["\\n", "\\t", "\\\"", "\\'", "\\\\"].iter().any(|mark| hunk.find.contains(mark)).then(|| {
        let (find, replace) = (unescape(&hunk.find), unescape(&hunk.replace));
        Hunk { find, replace, kept: None, ..hunk.clone() }
    })
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => plain.push('\n'),
            Some('t') => plain.push('\t'),
            Some(c @ ('"' | '\'' | '\\')) => plain.push(c),
            Some(c) => plain.extend(['\\', c]),
            None => plain.push('\\'),
        }
    }
    plain
}

/// Takes away the blanks around a text within a line, where both sides have the same ones.
fn trimmed(hunk: &Hunk) -> Option<Hunk> {
    let bare = hunk.find.trim();
    let around = |text: &str| {
        let head = text.len() - text.trim_start().len();
        let tail = text.trim_end().len();
        Some((text.get(..head)?.to_owned(), text.get(tail..)?.to_owned()))
    };
    let is_inner = hunk.unit == Unit::Text && bare.len() < hunk.find.len() && bare.len() > 3 && !bare.contains('\n');
    (is_inner && !hunk.replace.trim().is_empty() && around(&hunk.find) == around(&hunk.replace)).then(|| Hunk {
        find: bare.to_owned(),
        replace: hunk.replace.trim().to_owned(),
        kept: None,
        ..hunk.clone()
    })
}

/// Resolves the five entities of XML.
fn without_entities(hunk: &Hunk) -> Option<Hunk> {
    const ENTITIES: [(&str, &str); 6] =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&apos;", "'"), ("&amp;", "&")];
    let plain = |text: &str| ENTITIES.iter().fold(text.to_owned(), |text, (entity, c)| text.replace(entity, c));
    ENTITIES.iter().any(|(entity, _)| hunk.find.contains(entity)).then(|| Hunk {
        find: plain(&hunk.find),
        replace: plain(&hunk.replace),
        kept: None,
        ..hunk.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_only_if_every_line_has_one_and_they_count_up() {
        let bare = |text: &str| strip_numbers(text);
        assert_eq!(bare("9 | a\n10 |   b\n11 |\n"), Some((9, "a\n  b\n\n".to_owned())));
        assert_eq!(bare("     1\tx\n     2\ty"), Some((1, "x\ny".to_owned())));
        assert_eq!(bare("1 | a\n3 | b\n"), None);
        assert_eq!(bare("1 | a\nb\n"), None);
        assert_eq!(bare("a\n"), None);
        assert_eq!(bare(""), None);
    }

    #[test]
    fn escapes_and_entities_are_resolved_on_both_sides() {
        let meant = variants(&Hunk::text("a\\nb", "c\\td"));
        assert_eq!(meant, [Hunk::text("a\nb", "c\td")]);
        let meant = variants(&Hunk::lines("a &lt;b&gt; &amp;&amp;", "&quot;x&quot;"));
        assert_eq!(meant, [Hunk::lines("a <b> &&", "\"x\"")]);
    }
}
