//! What was done before: changes, what was said of them, and which files they touched.
//!
//! Commits of a repository, or earlier jobs of a lineage: the ranking does not care which.

use crate::content::Bytes;

use super::document::{Counter, cut};
use super::terms::Terms;

/// How much of a message is counted.
const MAX_MESSAGE: usize = 2_000;
/// A change of more files says little of each.
pub const MAX_FILES: usize = 15;

/// A change and what was said of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Past {
    /// The first line of its message, or the title of a job.
    pub title: Terms,
    /// The whole message or description.
    pub message: Terms,
    /// The files it touched; none if they were more than [`MAX_FILES`].
    pub files: Vec<String>,
}

impl Past {
    /// Counts a message.
    #[must_use]
    pub fn of<'f>(message: &str, files: impl IntoIterator<Item = &'f str>) -> Self {
        Self::read(&Self::encode(message, files).into()).unwrap_or_default()
    }

    /// Returns the bytes of [`Self::of`], for a cache.
    #[must_use]
    pub fn encode<'f>(message: &str, files: impl IntoIterator<Item = &'f str>) -> Vec<u8> {
        let message = cut(message.trim(), MAX_MESSAGE);
        let mut out = Vec::new();
        for text in [message.lines().next().unwrap_or_default(), message] {
            let mut counter = Counter::default();
            counter.add(text);
            Terms::write(&mut counter.words, &mut out);
        }
        let files: Vec<&str> = files.into_iter().take(MAX_FILES + 1).collect();
        if files.len() <= MAX_FILES {
            out.extend_from_slice(files.join("\n").as_bytes());
        }
        out
    }

    /// Reads what [`Self::encode`] wrote; `None` if it is something else.
    #[must_use]
    pub fn read(bytes: &Bytes) -> Option<Self> {
        Self::read_range(bytes, 0..bytes.len())
    }

    /// Reads what [`Self::encode`] wrote from a range of shared bytes.
    #[must_use]
    pub fn read_range(bytes: &Bytes, range: std::ops::Range<usize>) -> Option<Self> {
        let mut at = range.start;
        let title = Terms::read(bytes, &mut at)?;
        let message = Terms::read(bytes, &mut at)?;
        let files = str::from_utf8(bytes.get(at..range.end)?).ok()?;
        let files = files.split('\n').filter(|file| !file.is_empty()).map(str::to_owned).collect();
        Some(Self { title, message, files })
    }
}
