//! Server-sent events, decoded as they arrive.
//!
//! Total: any bytes in any pieces decode to something or to a refusal, in bounded memory.
//!
//! Invariant: how the bytes are cut into pieces does not change the events.

/// One event; borrowed from the decoder until the next is asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// Its name; empty if it has none.
    pub name: &'a [u8],
    /// Its data lines, joined by line feeds.
    pub data: &'a [u8],
}

/// An event is larger than the decoder was told to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event is larger than {limit} bytes")]
pub struct TooLarge {
    limit: usize,
}

/// Decodes events.
///
/// ```
/// use vdo_providers::sse::Decoder;
///
/// let mut decoder = Decoder::new(1 << 20);
/// decoder.push(b": a comment\r\n\r\nevent: greeting\r\ndata: hel");
/// assert_eq!(decoder.next(), Ok(None));
/// decoder.push(b"lo\r\n\r\n");
/// let event = decoder.next()?.ok_or("no event")?;
/// assert_eq!((event.name, event.data), (&b"greeting"[..], &b"hello"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    /// Bytes that are not decoded yet, from `start`.
    buffer: Vec<u8>,
    start: usize,
    /// Where in `buffer` the search for the end of the line goes on.
    searched: usize,
    name: Vec<u8>,
    data: Vec<u8>,
    /// Whether a data line was seen since the last event.
    has_data: bool,
    /// Whether name and data were handed out.
    given: bool,
    /// Whether the last line ended in a carriage return, so that a line feed belongs to it.
    after_return: bool,
    /// Whether the start of the stream is still to come.
    at_start: bool,
    limit: usize,
}

impl Decoder {
    /// Returns a decoder that refuses events of more than `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            buffer: Vec::new(),
            start: 0,
            searched: 0,
            name: Vec::new(),
            data: Vec::new(),
            has_data: false,
            given: false,
            after_return: false,
            at_start: true,
            limit,
        }
    }

    /// Takes in the next piece.
    pub fn push(&mut self, piece: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start.min(self.buffer.len()));
            self.searched = self.searched.saturating_sub(self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(piece);
    }

    /// Returns the next event that is complete, or `None` if more bytes are needed.
    ///
    /// # Errors
    /// [`TooLarge`] if an event is larger than the limit; nothing that follows can be relied on.
    #[allow(clippy::should_implement_trait, reason = "events borrow from the decoder, which iterators cannot")]
    pub fn next(&mut self) -> Result<Option<Event<'_>>, TooLarge> {
        self.forget_given();
        while let Some(line) = self.next_line() {
            if line.is_empty() {
                if self.has_data {
                    self.given = true;
                    return Ok(Some(Event { name: &self.name, data: &self.data }));
                }
                self.name.clear();
                continue;
            }
            self.take_line(line);
            if self.data.len() > self.limit {
                return Err(TooLarge { limit: self.limit });
            }
        }
        if self.buffer.len().saturating_sub(self.start) > self.limit {
            return Err(TooLarge { limit: self.limit });
        }
        Ok(None)
    }

    /// Returns what is left when the body has ended: an event whose last line or empty line never came.
    pub fn rest(&mut self) -> Option<Event<'_>> {
        self.forget_given();
        let line = self.start..self.buffer.len();
        if !line.is_empty() {
            self.take_line(line);
            self.start = self.buffer.len();
        }
        self.given = true;
        self.has_data.then_some(Event { name: &self.name, data: &self.data })
    }

    fn forget_given(&mut self) {
        if self.given {
            self.given = false;
            self.has_data = false;
            self.name.clear();
            self.data.clear();
        }
    }

    /// Returns where the next complete line lies, without its end, and moves behind it.
    fn next_line(&mut self) -> Option<std::ops::Range<usize>> {
        if self.after_return
            && let Some(first) = self.buffer.get(self.start)
        {
            self.after_return = false;
            if *first == b'\n' {
                self.start += 1;
            }
        }
        if self.at_start {
            let mark = "\u{feff}".as_bytes();
            let first = self.buffer.get(self.start..)?;
            if first.len() < mark.len() && mark.starts_with(first) {
                return None;
            }
            self.at_start = false;
            if first.starts_with(mark) {
                self.start += mark.len();
            }
        }
        let from = self.searched.max(self.start);
        let Some(end) = end_of_line(self.buffer.get(from..)?).map(|end| from + end) else {
            self.searched = self.buffer.len();
            return None;
        };
        let line = self.start..end;
        self.after_return = self.buffer.get(end) == Some(&b'\r');
        self.start = end + 1;
        self.searched = self.start;
        Some(line)
    }

    fn take_line(&mut self, line: std::ops::Range<usize>) {
        let line = self.buffer.get(line).unwrap_or_default();
        if let Some(value) = value_of(line, b"data") {
            if self.has_data {
                self.data.push(b'\n');
            }
            self.has_data = true;
            self.data.extend_from_slice(value);
        } else if let Some(value) = value_of(line, b"event") {
            self.name.clear();
            self.name.extend_from_slice(value);
        }
        // Comments, ids, reconnection times and fields of the future say nothing.
    }
}

/// Returns where the first line ends. Every other line is empty, so that is looked at first.
fn end_of_line(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [b'\n' | b'\r', ..] => Some(0),
        _ => memchr::memchr2(b'\n', b'\r', bytes),
    }
}

/// Returns the value of a line of this field.
fn value_of<'a>(line: &'a [u8], field: &[u8]) -> Option<&'a [u8]> {
    match line.strip_prefix(field)? {
        [] => Some(&[]),
        [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Owned = (String, String);

    fn decode(pieces: &[&[u8]]) -> (Vec<Owned>, Option<Owned>) {
        let own = |event: Event<'_>| {
            (String::from_utf8_lossy(event.name).into_owned(), String::from_utf8_lossy(event.data).into_owned())
        };
        let mut decoder = Decoder::new(1 << 20);
        let mut events = Vec::new();
        for piece in pieces {
            decoder.push(piece);
            while let Some(event) = decoder.next().unwrap() {
                events.push(own(event));
            }
        }
        (events, decoder.rest().map(own))
    }

    fn data(text: &str) -> Vec<String> {
        decode(&[text.as_bytes()]).0.into_iter().map(|(_, data)| data).collect()
    }

    #[test]
    fn the_dialects_that_servers_speak_are_understood() {
        assert_eq!(data("data: a\n\ndata: b\n\n"), ["a", "b"]);
        assert_eq!(data("data:a\r\n\r\ndata:  b\r\rdata: c\n\n"), ["a", " b", "c"]);
        assert_eq!(data(": comment\n\n:\n\ndata: a\nid: 1\nretry: 5\n\n"), ["a"]);
        assert_eq!(data("data: a\ndata: b\n\n"), ["a\nb"]);
        assert_eq!(data("\u{feff}data: a\n\n"), ["a"]);
        assert_eq!(data("data\n\nevent: x\n\n\n\ndata: a\n\n"), ["", "a"]);
        assert_eq!(decode(&[b"event: error\ndata: {}\n\ndata: x\n\n"]).0[0].0, "error");
        assert_eq!(decode(&[b"data: a\n\ndata: [DONE]"]).1.unwrap().1, "[DONE]");
        assert_eq!(decode(&[b"data: a\n\n"]).1, None);
    }

    #[test]
    fn a_line_without_an_end_is_refused_at_the_limit() {
        let mut decoder = Decoder::new(10);
        decoder.push(b"data: 12345");
        assert_eq!(decoder.next(), Err(TooLarge { limit: 10 }));
        let mut decoder = Decoder::new(10);
        decoder.push(b"data: 1234\ndata: 5678\ndata: 9\n\n");
        assert_eq!(decoder.next(), Err(TooLarge { limit: 10 }));
    }

    proptest! {
        #[test]
        fn cutting_the_bytes_changes_nothing(
            text in "(data:|data: |event: |: |[a-zé日\r\n]|\n\n|\r\n|\u{feff}){0,60}",
            cuts in proptest::collection::vec(0_usize..400, 0..12),
        ) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(decode(&pieces), decode(&[bytes]));
        }

        #[test]
        fn any_bytes_decode_to_something(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = decode(&[&bytes]);
        }
    }
}
