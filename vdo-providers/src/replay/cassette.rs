//! The file: a header, then a line for every call.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use vdo_core::content::BlobHash;
use vdo_core::message::{Completion, Reply};
use vdo_core::port::Capabilities;

use super::failed::Failed;

/// The version of the format.
pub(super) const VERSION: u32 = 1;
/// The most bytes of a line.
const LONGEST_LINE: u64 = 64 << 20;
/// What a cassette begins with.
const BEGIN: &[u8] = b"{\"vdo_cassette\"";
/// How much of a file is looked through at once for its last line.
const CHUNK: u64 = 64 << 10;
/// The most calls of a cassette.
const MOST_CALLS: usize = 1_000_000;

/// A cassette cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CassetteError {
    /// The file could not be read or written.
    #[error("cannot use the cassette {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is something else.
    #[error("{} is no cassette: its first line has to begin with {{\"vdo_cassette\":", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file is of another version.
    #[error("the cassette {} has version {found}; this VDO reads version {VERSION}: record it again", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
    /// A line is not what it has to be.
    #[error("the cassette {}, line {line}: {message}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong, and what to do.
        message: String,
    },
    /// The last line was not written to its end.
    #[error("the cassette {}, line {line}: it is cut off; remove that line, or record again", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
}

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) vdo_cassette: u32,
    /// The name of the provider that was recorded.
    pub(super) provider: String,
}

/// What was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Complete,
    Stream,
    Count,
    Probe,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Reply(Box<Reply>),
    Error(Failed),
    Tokens {
        tokens: u64,
        estimated: bool,
    },
    Models(Vec<String>),
    /// Nobody waited for its end.
    Dropped,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Call {
    pub(super) kind: Kind,
    /// The hash of the request as it was, keys included; none in a cassette that was written by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) hash: Option<String>,
    /// The request without keys; nothing for a probe.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub(super) request: Value,
    /// What the model can do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) capabilities: Option<Capabilities>,
    /// The pieces of text as they came, for a stream.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) texts: Vec<String>,
    pub(super) outcome: Outcome,
    /// How long it took.
    #[serde(default)]
    pub(super) millis: u64,
}

/// Returns a request as JSON whose fields are in one order.
pub(super) fn canonical(request: &Completion) -> Value {
    serde_json::to_value(request).unwrap_or_default()
}

/// Returns the hash of a request, for finding it again.
pub(super) fn hash(canonical: &Value) -> String {
    BlobHash::of(canonical.to_string().as_bytes()).to_string()
}

/// Reads a cassette.
pub(super) fn load(path: &Path) -> Result<(Header, Vec<Call>), CassetteError> {
    let file = |source| CassetteError::File { path: path.to_owned(), source };
    let mut lines = Lines { path, reader: BufReader::new(File::open(path).map_err(file)?), number: 0 };
    let header = lines.next()?.ok_or_else(|| CassetteError::Foreign { path: path.to_owned() })?;
    let header = read_header(path, &header)?;
    let mut calls = Vec::new();
    while let Some(line) = lines.next()? {
        let wrong = |message: String| CassetteError::Line { path: path.to_owned(), line: lines.number, message };
        if calls.len() >= MOST_CALLS {
            return Err(wrong(format!("a cassette has at most {MOST_CALLS} calls")));
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let call: Call = serde_json::from_slice(&line).map_err(|error| {
            let place = error.column();
            wrong(format!("it is no recorded call, from column {place} on: {}", without_place(&error)))
        })?;
        check(&call).map_err(|message| wrong(message.to_owned()))?;
        calls.push(call);
    }
    Ok((header, calls))
}

/// Takes away a last line that was not written to its end, because whoever recorded it was killed. What is no cassette is left
/// alone.
///
/// # Errors
/// As the file system has it.
pub(super) fn mend(file: &mut File) -> std::io::Result<()> {
    let mut begin = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.by_ref().take(BEGIN.len() as u64).read_to_end(&mut begin)?;
    if begin.is_empty() || !BEGIN.starts_with(&begin) {
        return Ok(());
    }
    let length = file.metadata()?.len();
    let mut end = length;
    let mut chunk = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(CHUNK);
        chunk.clear();
        file.seek(SeekFrom::Start(start))?;
        file.by_ref().take(end - start).read_to_end(&mut chunk)?;
        if let Some(at) = chunk.iter().rposition(|byte| *byte == b'\n') {
            end = start + at as u64 + 1;
            break;
        }
        end = start;
    }
    if end < length { file.set_len(end) } else { Ok(()) }
}

fn read_header(path: &Path, line: &[u8]) -> Result<Header, CassetteError> {
    let foreign = || CassetteError::Foreign { path: path.to_owned() };
    let value: Value = serde_json::from_slice(line).map_err(|_| foreign())?;
    let found = value.get("vdo_cassette").and_then(Value::as_u64).ok_or_else(foreign)?;
    if found != u64::from(VERSION) {
        return Err(CassetteError::Version { path: path.to_owned(), found });
    }
    serde_json::from_value(value).map_err(|error| CassetteError::Line {
        path: path.to_owned(),
        line: 1,
        message: error.to_string(),
    })
}

/// Finds calls whose outcome cannot be one of theirs.
fn check(call: &Call) -> Result<(), &'static str> {
    match (call.kind, &call.outcome) {
        (_, Outcome::Error(_) | Outcome::Dropped)
        | (Kind::Complete | Kind::Stream, Outcome::Reply(_))
        | (Kind::Count, Outcome::Tokens { .. })
        | (Kind::Probe, Outcome::Models(_)) => {}
        _ => return Err("the outcome is not one of such a call"),
    }
    match call.kind {
        Kind::Probe => Ok(()),
        _ if call.request.is_object() => Ok(()),
        _ => Err("the request is missing"),
    }
}

fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let end = text.rfind(" at line ").unwrap_or(text.len());
    text.chars().take(end.min(300)).collect()
}

/// The lines of a file, bounded.
struct Lines<'a, R> {
    path: &'a Path,
    reader: R,
    number: usize,
}

impl<R: BufRead> Lines<'_, R> {
    /// Returns the next line without its end. A last line that has none was cut off.
    fn next(&mut self) -> Result<Option<Vec<u8>>, CassetteError> {
        let mut line = Vec::new();
        let read = self.reader.by_ref().take(LONGEST_LINE + 1).read_until(b'\n', &mut line);
        read.map_err(|source| CassetteError::File { path: self.path.to_owned(), source })?;
        if line.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        let (path, number) = (self.path.to_owned(), self.number);
        if line.pop_if(|byte| *byte == b'\n').is_some() {
            return Ok(Some(line));
        }
        if u64::try_from(line.len()).unwrap_or(u64::MAX) > LONGEST_LINE {
            let message = format!("it is longer than {LONGEST_LINE} bytes");
            return Err(CassetteError::Line { path, line: number, message });
        }
        // What is no cassette at all is said to be that.
        let foreign = number == 1 && !line.starts_with(BEGIN);
        Err(if foreign { CassetteError::Foreign { path } } else { CassetteError::Truncated { path, line: number } })
    }
}
