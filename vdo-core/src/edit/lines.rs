//! Texts as lines, each with its own line end.
//!
//! A line ends at LF, CR LF or a lone CR. Invariant: the lines in order are the text, byte for byte.

/// Where a line lies in its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    start: usize,
    /// Where its line end begins.
    end: usize,
    /// Where the next line begins.
    next: usize,
}

/// A text and its lines.
#[derive(Debug, Clone)]
pub(super) struct Lines<'a> {
    text: &'a str,
    spans: Vec<Span>,
    /// How often each of [`ENDS`] ends a line, and the line it first ends.
    ends: [(usize, usize); 3],
}

const ENDS: [&str; 3] = ["\n", "\r\n", "\r"];

impl<'a> Lines<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let mut spans = Vec::with_capacity(text.len() / 32 + 1);
        let mut start = 0;
        let mut ends = [(0, usize::MAX); 3];
        for end in memchr::memchr2_iter(b'\n', b'\r', text.as_bytes()) {
            if end < start {
                continue;
            }
            let is_crlf = text.as_bytes().get(end..end + 2) == Some(b"\r\n");
            let next = end + if is_crlf { 2 } else { 1 };
            let is_lf = text.as_bytes().get(end) == Some(&b'\n');
            let kind = if is_crlf { 1 } else { 2 * usize::from(!is_lf) };
            if let Some((count, first)) = ends.get_mut(kind) {
                *count += 1;
                *first = (*first).min(spans.len());
            }
            spans.push(Span { start, end, next });
            start = next;
        }
        if start < text.len() {
            spans.push(Span { start, end: text.len(), next: text.len() });
        }
        Self { text, spans, ends }
    }

    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    /// Returns a line without its line end; empty behind the last.
    pub(super) fn get(&self, at: usize) -> &'a str {
        self.spans.get(at).and_then(|span| self.text.get(span.start..span.end)).unwrap_or_default()
    }

    /// Returns a line's line end; empty for a last line without one.
    pub(super) fn end_of(&self, at: usize) -> &'a str {
        self.spans.get(at).and_then(|span| self.text.get(span.end..span.next)).unwrap_or_default()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &'a str> + '_ {
        (0..self.len()).map(|at| self.get(at))
    }

    /// Returns where a line begins; the text's end behind the last.
    pub(super) fn start_of(&self, at: usize) -> usize {
        self.spans.get(at).map_or(self.text.len(), |span| span.start)
    }

    /// Returns the line in which a byte lies.
    pub(super) fn at_byte(&self, byte: usize) -> usize {
        self.spans.partition_point(|span| span.next <= byte)
    }

    /// Returns the line end that new lines get: the most frequent one, of equals the one that comes first; LF if there is none.
    pub(super) fn usual_end(&self) -> &'static str {
        let best = ENDS.iter().zip(self.ends).max_by_key(|(_, (count, first))| (*count, usize::MAX - first));
        best.filter(|(_, (count, _))| *count > 0).map_or("\n", |(end, _)| end)
    }
}

/// Returns the blanks a line begins with.
pub(super) fn indent(line: &str) -> &str {
    let body = line.trim_start_matches([' ', '\t']);
    line.strip_suffix(body).unwrap_or_default()
}

/// Tells whether a line has no visible character.
pub(super) fn is_blank(line: &str) -> bool {
    line.trim().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_own_ends() {
        let lines = Lines::of("a\r\nb\rc\n\nd");
        let all: Vec<_> = (0..lines.len()).map(|at| (lines.get(at), lines.end_of(at))).collect();
        assert_eq!(all, [("a", "\r\n"), ("b", "\r"), ("c", "\n"), ("", "\n"), ("d", "")]);
        assert_eq!([0, 1, 3, 5, 7, 8].map(|byte| lines.at_byte(byte)), [0, 0, 1, 2, 3, 4].map(|line| line));
    }

    #[test]
    fn the_usual_end_is_the_most_frequent_and_of_equals_the_first() {
        for (text, end) in [("", "\n"), ("a", "\n"), ("a\r\nb\n", "\r\n"), ("a\nb\r\nc\r\n", "\r\n"), ("a\rb\rc", "\r")]
        {
            assert_eq!(Lines::of(text).usual_end(), end, "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn the_lines_in_order_are_the_text(text in "[ab\r\n]{0,30}") {
            let lines = Lines::of(&text);
            let again: String = (0..lines.len()).map(|at| format!("{}{}", lines.get(at), lines.end_of(at))).collect();
            proptest::prop_assert_eq!(again, text);
        }
    }
}
