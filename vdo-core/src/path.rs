//! Paths inside a project.
//!
//! Untrusted text becomes a path only here. Invariant: a [`RepoPath`] is relative,
//! NFC, has no empty, `.` or `..` component, no NUL, no backslash or drive, and
//! never enters a `.git` folder. Symlinks are not followed: see [`crate::tree`].

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use unicode_normalization::{UnicodeNormalization, is_nfc};

/// The longest path that is taken, in bytes.
pub const MAX_PATH_BYTES: usize = 1024;

/// Why a text is no path inside a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathFault {
    /// Nothing was given.
    #[error("it is empty")]
    Empty,
    /// It starts at a root, a drive or a share.
    #[error("it is absolute; give it relative to the project's root")]
    Absolute,
    /// It has a `..`, `.` or empty component.
    #[error("it has a '..', '.' or empty component")]
    Unclean,
    /// It has a backslash, a NUL or another control character.
    #[error("it has a backslash or a control character")]
    Character,
    /// It lies in a `.git` folder.
    #[error("it lies in a .git folder")]
    GitFolder,
    /// It is longer than [`MAX_PATH_BYTES`], or one component is longer than 255 bytes.
    #[error("it is too long")]
    TooLong,
}

/// A text is not a path inside a project.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("path {text:?} is refused: {fault}")]
pub struct PathError {
    /// The start of the text.
    pub text: String,
    /// What is wrong with it.
    pub fault: PathFault,
}

/// A path inside a project, with `/` between components.
///
/// ```
/// use vdo_core::path::RepoPath;
/// assert_eq!("src/app.py".parse::<RepoPath>().unwrap().as_str(), "src/app.py");
/// assert!("../secrets".parse::<RepoPath>().is_err());
/// assert!(".git/hooks/pre-commit".parse::<RepoPath>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct RepoPath(String);

impl RepoPath {
    /// Returns the path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the last component.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// Returns what follows the last dot of the file name, if there is one after its first character.
    #[must_use]
    pub fn extension(&self) -> Option<&str> {
        match self.file_name().rsplit_once('.') {
            Some((stem, extension)) if !stem.is_empty() => Some(extension),
            _ => None,
        }
    }

    /// Returns the folders above the path, nearest first.
    pub fn ancestors(&self) -> impl Iterator<Item = &str> {
        let text = self.0.as_str();
        text.rmatch_indices('/').filter_map(move |(at, _)| text.get(..at))
    }

    /// Returns the path as file systems that ignore case compare it.
    #[must_use]
    pub fn folded(&self) -> String {
        self.0.to_lowercase()
    }
}

fn fault(text: &str) -> Option<PathFault> {
    if text.is_empty() {
        return Some(PathFault::Empty);
    }
    if text.len() > MAX_PATH_BYTES || text.split('/').any(|part| part.len() > 255) {
        return Some(PathFault::TooLong);
    }
    let drive = text.as_bytes().get(1) == Some(&b':') && text.starts_with(|c: char| c.is_ascii_alphabetic());
    if text.starts_with(['/', '\\', '~']) || drive {
        return Some(PathFault::Absolute);
    }
    if text.chars().any(|c| c == '\\' || c.is_control()) {
        return Some(PathFault::Character);
    }
    if text.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Some(PathFault::Unclean);
    }
    if text.split('/').any(is_git_folder) {
        return Some(PathFault::GitFolder);
    }
    None
}

/// Tells whether some file system takes `part` for `.git` (git's own rules: case, NTFS short name and
/// trailing dots or blanks, HFS's ignored characters).
fn is_git_folder(part: &str) -> bool {
    // Almost every part is plain and begins with something else.
    if part.is_ascii() && !part.starts_with(['.', 'g', 'G']) {
        return false;
    }
    let plain: String = part
        .chars()
        .filter(
            |c| !matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}'),
        )
        .collect();
    let stem = plain.split(':').next().unwrap_or_default();
    let stem = stem.trim_end_matches(['.', ' ']).to_ascii_lowercase();
    stem == ".git" || stem == "git~1"
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for RepoPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        if let Some(fault) = fault(text) {
            return Err(PathError { text: text.chars().take(120).collect(), fault });
        }
        Ok(Self(if is_nfc(text) { text.to_owned() } else { text.nfc().collect() }))
    }
}

impl TryFrom<String> for RepoPath {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, PathError> {
        text.parse()
    }
}

impl From<RepoPath> for String {
    fn from(path: RepoPath) -> Self {
        path.0
    }
}

impl std::borrow::Borrow<str> for RepoPath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_paths_are_refused_with_their_fault() {
        use PathFault::*;
        for (text, fault) in [
            ("", Empty),
            ("/etc/passwd", Absolute),
            ("\\\\host\\share", Absolute),
            ("C:/x", Absolute),
            ("~/x", Absolute),
            ("..", Unclean),
            ("a/../b", Unclean),
            ("a//b", Unclean),
            ("./a", Unclean),
            ("a/", Unclean),
            ("a\\b", Character),
            ("a\0b", Character),
            ("a\nb", Character),
            (".git/config", GitFolder),
            ("sub/.GIT/hooks/x", GitFolder),
            (".git./x", GitFolder),
            (".git /x", GitFolder),
            ("GIT~1/x", GitFolder),
            (".g\u{200c}it/x", GitFolder),
            (".git::$INDEX_ALLOCATION/x", GitFolder),
            (&"a".repeat(256), TooLong),
            (&"a/".repeat(600), TooLong),
        ] {
            assert_eq!(text.parse::<RepoPath>().unwrap_err().fault, fault, "{text:?}");
        }
    }

    #[test]
    fn ordinary_paths_are_kept_and_composed() {
        for text in ["a", ".github/workflows/ci.yml", ".gitignore", "src/ü b.rs", "a..b", "...x"] {
            assert_eq!(text.parse::<RepoPath>().unwrap().as_str(), text);
        }
        assert_eq!("u\u{308}".parse::<RepoPath>().unwrap().as_str(), "ü");
        let path: RepoPath = "a/b/c.tar.gz".parse().unwrap();
        assert_eq!((path.extension(), path.file_name()), (Some("gz"), "c.tar.gz"));
        assert_eq!(path.ancestors().collect::<Vec<_>>(), ["a/b", "a"]);
    }
}
