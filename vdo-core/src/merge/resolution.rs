//! Whether a text that somebody made of a conflict can stand.

use crate::diff::lines;
use crate::merge::markers::MARKER_SIZE;
use crate::merge::text::{TextHunk, TextMerge, Texts, merge};
use crate::merge::validate;
use crate::syntax::Syntax;

/// Why a resolution is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolutionFault {
    /// A marker line was left in.
    #[error("line {line} is still a conflict marker: `{text}`")]
    Marker {
        /// The line, from 1.
        line: usize,
        /// What stands there.
        text: String,
    },
    /// The text is empty though neither side is.
    #[error("the resolution is empty, and neither side is")]
    Empty,
    /// Lines that merged by themselves were changed or left out.
    #[error("lines that are not in conflict were changed or left out; the first is `{line}`")]
    Outside {
        /// The first of them.
        line: String,
    },
    /// It does not fit the grammar, or has something twice that neither side has twice.
    #[error("{0}")]
    Structure(String),
}

/// Checks a resolution as strictly as what the merge makes itself.
///
/// It must have no marker lines, keep every line that merged without help in order, fit the grammar no worse than the worse of the
/// sides, and have no name, key or route twice that neither side has twice.
///
/// # Errors
/// [`ResolutionFault`] says what is wrong, in words that can be handed back to whoever wrote it.
pub fn check_resolution(texts: Texts<'_>, result: &[u8], syntax: &dyn Syntax) -> Result<(), ResolutionFault> {
    no_markers(texts, result)?;
    if result.trim_ascii().is_empty() && !texts.ours.trim_ascii().is_empty() && !texts.theirs.trim_ascii().is_empty() {
        return Err(ResolutionFault::Empty);
    }
    kept(&merge(texts, syntax), result)?;
    let read = |bytes| std::str::from_utf8(bytes).ok().and_then(|text| syntax.structure(texts.path, text));
    if let (Some(result), Some(ours), Some(theirs)) = (read(result), read(texts.ours), read(texts.theirs))
        && let Some(fault) = validate::fault(&result, &ours, &theirs)
    {
        return Err(ResolutionFault::Structure(fault));
    }
    Ok(())
}

/// Refuses marker lines that no input has.
fn no_markers(texts: Texts<'_>, result: &[u8]) -> Result<(), ResolutionFault> {
    let is_marker = |line: &[u8]| {
        [b'<', b'>', b'|'].into_iter().any(|sign| {
            let run = line.iter().take_while(|byte| **byte == sign).count();
            run >= MARKER_SIZE && matches!(line.get(run), None | Some(b' ' | b'\n' | b'\r'))
        })
    };
    let given = [texts.base, texts.ours, texts.theirs].map(lines).concat();
    match lines(result).iter().enumerate().find(|(_, line)| is_marker(line) && !given.contains(line)) {
        Some((number, line)) => Err(ResolutionFault::Marker {
            line: number + 1,
            text: String::from_utf8_lossy(line).trim().chars().take(80).collect(),
        }),
        None => Ok(()),
    }
}

/// Sees that every line that merged by itself is there, in order. Blank lines may go.
fn kept(merge: &TextMerge, result: &[u8]) -> Result<(), ResolutionFault> {
    let result = lines(result);
    let mut at = 0;
    for hunk in &merge.hunks {
        let TextHunk::Merged(text) = hunk else { continue };
        for line in lines(text).into_iter().map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()) {
            let rest = result.get(at..).unwrap_or_default();
            match rest.iter().position(|other| other.trim_ascii() == line) {
                Some(found) => at += found + 1,
                None => {
                    let line = String::from_utf8_lossy(line).chars().take(120).collect();
                    return Err(ResolutionFault::Outside { line });
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::NoSyntax;

    fn check(result: &str) -> Result<(), ResolutionFault> {
        let path = "a.txt".parse().unwrap();
        let texts = Texts { path: &path, base: b"a\nb\nc\n", ours: b"a\nB\nc\n", theirs: b"a\nbb\nc\n" };
        check_resolution(texts, result.as_bytes(), &NoSyntax)
    }

    #[test]
    fn a_resolution_keeps_what_merged_by_itself_and_has_no_markers() {
        assert_eq!(check("a\nB\nbb\nc\n"), Ok(()));
        assert_eq!(check("a\nc\n"), Ok(()));
        assert_eq!(check("a\nB\n"), Err(ResolutionFault::Outside { line: "c".to_owned() }));
        assert_eq!(check(""), Err(ResolutionFault::Empty));
        assert_eq!(
            check("a\n<<<<<<< ours\nB\nc\n"),
            Err(ResolutionFault::Marker { line: 2, text: "<<<<<<< ours".to_owned() })
        );
    }
}
