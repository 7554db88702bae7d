//! Keeps the start and the end of a stream of any length.

use std::collections::VecDeque;

use super::report::Captured;

/// A bounded copy of one stream: the first and the last bytes, and a count of all.
#[derive(Debug)]
pub(super) struct Capture {
    half: usize,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total: u64,
}

impl Capture {
    pub(super) fn new(limit: usize) -> Self {
        Self { half: limit / 2, head: Vec::new(), tail: VecDeque::new(), total: 0 }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let free = self.half.saturating_sub(self.head.len());
        let (first, rest) = bytes.split_at(free.min(bytes.len()));
        self.head.extend_from_slice(first);
        // Only the last `half` bytes can survive, so no more than those are ever queued.
        let rest = rest.get(rest.len().saturating_sub(self.half)..).unwrap_or_default();
        let surplus = (self.tail.len() + rest.len()).saturating_sub(self.half);
        self.tail.drain(..surplus.min(self.tail.len()));
        self.tail.extend(rest);
    }

    /// Returns the text so far, lossily decoded.
    pub(super) fn finish(mut self) -> Captured {
        let kept = (self.head.len() + self.tail.len()) as u64;
        let left_out = self.total - kept;
        let tail = self.tail.make_contiguous();
        let text = if left_out == 0 {
            self.head.extend_from_slice(tail);
            String::from_utf8_lossy(&self.head).into_owned()
        } else {
            format!(
                "{}\n[{left_out} bytes left out]\n{}",
                String::from_utf8_lossy(&self.head),
                String::from_utf8_lossy(tail)
            )
        };
        Captured { text, total: self.total, truncated: left_out > 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_output_is_kept_whole_across_the_halves() {
        let mut capture = Capture::new(8);
        capture.push(b"abc");
        capture.push(b"defgh");
        let whole = Captured { text: "abcdefgh".into(), total: 8, truncated: false };
        assert_eq!(capture.finish(), whole);
    }

    #[test]
    fn long_output_keeps_its_head_and_tail() {
        let mut capture = Capture::new(4);
        for byte in b'a'..=b'z' {
            capture.push(&[byte]);
        }
        let kept = Captured { text: "ab\n[22 bytes left out]\nyz".into(), total: 26, truncated: true };
        assert_eq!(capture.finish(), kept);
    }
}
