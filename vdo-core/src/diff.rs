//! What differs between two texts or two trees, in the form git prints.

use std::fmt::Write as _;
use std::ops::Range;

use imara_diff::{Algorithm, Diff, InternedInput};

use crate::content::{Entry, Mode};
use crate::path::RepoPath;
use crate::tree::FileTree;

/// Lines kept around a change.
const CONTEXT: u32 = 3;
/// How many bytes are compared at once.
const CHUNK: usize = 64;

/// A run of lines that differs: where it lies before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineHunk {
    /// Lines of the old text, from 0.
    pub before: Range<u32>,
    /// Lines of the new text, from 0.
    pub after: Range<u32>,
}

/// Splits a text into lines, each with its line end.
#[must_use]
pub fn lines(text: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::with_capacity(text.len() / 32 + 1);
    let mut rest = text;
    while let Some(newline) = memchr::memchr(b'\n', rest) {
        let Some((line, behind)) = rest.split_at_checked(newline + 1) else { break };
        lines.push(line);
        rest = behind;
    }
    if !rest.is_empty() {
        lines.push(rest);
    }
    lines
}

/// Returns how many bytes two texts have in common at their beginnings.
#[must_use]
pub fn common_prefix(one: &[u8], other: &[u8]) -> usize {
    let chunks = one.chunks_exact(CHUNK).zip(other.chunks_exact(CHUNK));
    let whole = CHUNK * chunks.take_while(|(one, other)| one == other).count();
    let rest = one.iter().skip(whole).zip(other.iter().skip(whole));
    whole + rest.take_while(|(one, other)| one == other).count()
}

/// Returns how many bytes two texts have in common at their ends.
#[must_use]
pub fn common_suffix(one: &[u8], other: &[u8]) -> usize {
    let chunks = one.rchunks_exact(CHUNK).zip(other.rchunks_exact(CHUNK));
    let whole = CHUNK * chunks.take_while(|(one, other)| one == other).count();
    let rest = one.iter().rev().skip(whole).zip(other.iter().rev().skip(whole));
    whole + rest.take_while(|(one, other)| one == other).count()
}

/// Returns where two lists of lines differ, in order, placed as people would place it.
#[must_use]
pub fn line_hunks(before: &[&[u8]], after: &[&[u8]]) -> Vec<LineHunk> {
    let mut input: InternedInput<&[u8]> = InternedInput::default();
    input.update_before(before.iter().copied());
    input.update_after(after.iter().copied());
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    diff.hunks().map(|hunk| LineHunk { before: hunk.before, after: hunk.after }).collect()
}

/// Returns whether git would treat `bytes` as binary: a NUL in the first 8,000 bytes.
#[must_use]
pub fn is_binary(bytes: &[u8]) -> bool {
    bytes.iter().take(8000).any(|byte| *byte == 0)
}

/// How many lines a change adds and removes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LineCounts {
    /// Lines added.
    pub added: u32,
    /// Lines removed.
    pub removed: u32,
}

/// Counts the lines that differ; nothing for binaries.
#[must_use]
pub fn line_counts(before: &[u8], after: &[u8]) -> LineCounts {
    if is_binary(before) || is_binary(after) {
        return LineCounts::default();
    }
    line_hunks(&lines(before), &lines(after)).iter().fold(LineCounts::default(), |sum, hunk| LineCounts {
        added: sum.added + (hunk.after.end - hunk.after.start),
        removed: sum.removed + (hunk.before.end - hunk.before.start),
    })
}

/// One side of a file difference: what lies there and its bytes.
pub type Side<'a> = Option<(Entry, &'a [u8])>;

/// Returns the paths that differ between two trees with what lies there before and after, in path order.
#[must_use]
pub fn changed_paths(before: &FileTree, after: &FileTree) -> Vec<(RepoPath, Option<Entry>, Option<Entry>)> {
    let mut changed: Vec<_> = before
        .0
        .iter()
        .filter(|(path, entry)| after.0.get(*path) != Some(*entry))
        .map(|(path, entry)| (path.clone(), Some(*entry), after.get(path)))
        .collect();
    changed.extend(
        after
            .0
            .iter()
            .filter(|(path, _)| !before.0.contains_key(*path))
            .map(|(path, entry)| (path.clone(), None, Some(*entry))),
    );
    changed.sort_by(|one, other| one.0.cmp(&other.0));
    changed
}

/// Returns the patch of one file for reading. A binary file is named, not shown, and renames are not known here: for a patch
/// that is applied, see [`crate::patch`].
#[must_use]
pub fn file_patch(path: &RepoPath, before: Side<'_>, after: Side<'_>) -> String {
    if before.map(|side| side.0) == after.map(|side| side.0) {
        return String::new();
    }
    let (old_name, new_name) = (quoted("a/", path), quoted("b/", path));
    let mut patch = format!("diff --git {old_name} {new_name}\n");
    match (before, after) {
        (None, Some((entry, _))) => patch.push_str(&format!("new file mode {}\n", git_mode(entry.mode))),
        (Some((entry, _)), None) => patch.push_str(&format!("deleted file mode {}\n", git_mode(entry.mode))),
        (Some((old, _)), Some((new, _))) if old.mode != new.mode => {
            patch.push_str(&format!("old mode {}\nnew mode {}\n", git_mode(old.mode), git_mode(new.mode)));
        }
        _ => {}
    }
    let bytes = |side: Side<'_>| side.map_or(Vec::new(), |(_, bytes)| bytes.to_vec());
    let (old, new) = (bytes(before), bytes(after));
    if old == new {
        return patch;
    }
    let old_label = if before.is_some() { old_name } else { "/dev/null".to_owned() };
    let new_label = if after.is_some() { new_name } else { "/dev/null".to_owned() };
    if is_binary(&old) || is_binary(&new) {
        patch.push_str(&format!("Binary files {old_label} and {new_label} differ\n"));
        return patch;
    }
    patch.push_str(&format!("--- {old_label}\n+++ {new_label}\n"));
    patch.push_str(&hunks_text(&old, &new));
    patch
}

/// Returns the hunks that turn `old` into `new`, without file names: `@@ -1,3 +1,4 @@` and lines.
#[must_use]
pub fn hunks_text(old: &[u8], new: &[u8]) -> String {
    String::from_utf8_lossy(&hunks_bytes(old, new)).into_owned()
}

/// As [`hunks_text`], with the lines as they are, whatever their encoding.
#[must_use]
pub fn hunks_bytes(old: &[u8], new: &[u8]) -> Vec<u8> {
    let (old, new) = (lines(old), lines(new));
    let hunks = line_hunks(&old, &new);
    let mut text = Vec::new();
    let mut rest = hunks.as_slice();
    while let Some(first) = rest.first() {
        let mut size = 1;
        while let (Some(last), Some(next)) = (rest.get(size - 1), rest.get(size)) {
            if next.before.start - last.before.end > 2 * CONTEXT {
                break;
            }
            size += 1;
        }
        let (group, after) = rest.split_at(size);
        let last = group.last().unwrap_or(first);
        write_group(&mut text, &old, &new, group, last);
        rest = after;
    }
    text
}

fn write_group(text: &mut Vec<u8>, old: &[&[u8]], new: &[&[u8]], group: &[LineHunk], last: &LineHunk) {
    let Some(first) = group.first() else { return };
    let lead = first.before.start.min(CONTEXT);
    let (old_start, new_start) = (first.before.start - lead, first.after.start - lead);
    let trail = u32::try_from(old.len()).unwrap_or(u32::MAX).saturating_sub(last.before.end).min(CONTEXT);
    let (old_len, new_len) = (last.before.end + trail - old_start, last.after.end + trail - new_start);
    // A side without lines is named by the line before it.
    let shown = |start: u32, len: u32| if len == 0 { start } else { start + 1 };
    let (old_start_shown, new_start_shown) = (shown(old_start, old_len), shown(new_start, new_len));
    let header = format!("@@ -{old_start_shown},{old_len} +{new_start_shown},{new_len} @@\n");
    text.extend_from_slice(header.as_bytes());
    let mut at = old_start;
    for hunk in group {
        write_lines(text, b' ', old, at..hunk.before.start);
        write_lines(text, b'-', old, hunk.before.clone());
        write_lines(text, b'+', new, hunk.after.clone());
        at = hunk.before.end;
    }
    write_lines(text, b' ', old, at..last.before.end + trail);
}

fn write_lines(text: &mut Vec<u8>, mark: u8, lines: &[&[u8]], range: Range<u32>) {
    for line in lines.get(range.start as usize..range.end as usize).unwrap_or_default() {
        text.push(mark);
        text.extend_from_slice(line);
        if !line.ends_with(b"\n") {
            text.extend_from_slice(b"\n\\ No newline at end of file\n");
        }
    }
}

/// Returns the mode as git writes it.
pub(crate) fn git_mode(mode: Mode) -> &'static str {
    match mode {
        Mode::File => "100644",
        Mode::Executable => "100755",
        Mode::Symlink => "120000",
        Mode::Submodule => "160000",
    }
}

/// Returns the name as git writes it: quoted, with octal bytes, where it has bytes outside printable ASCII.
pub(crate) fn quoted(prefix: &str, path: &RepoPath) -> String {
    let name = format!("{prefix}{path}");
    if name.bytes().all(|byte| (0x20..0x7f).contains(&byte) && byte != b'"') {
        return name;
    }
    let mut quoted = String::from("\"");
    for byte in name.bytes() {
        match byte {
            b'"' => quoted.push_str("\\\""),
            0x20..0x7f => quoted.push(char::from(byte)),
            _ => {
                let _ = write!(quoted, "\\{byte:03o}");
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::BlobHash;

    fn side(text: &str) -> Side<'_> {
        Some((Entry::file(BlobHash::of(text.as_bytes())), text.as_bytes()))
    }

    #[test]
    fn a_change_is_shown_with_three_lines_around_it() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n";
        let path = "a.txt".parse().unwrap();
        assert_eq!(
            file_patch(&path, side(old), side(&old.replace("5\n", "five\n"))),
            "diff --git a/a.txt b/a.txt\n--- a/a.txt\n+++ b/a.txt\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n"
        );
    }

    #[test]
    fn new_deleted_unterminated_and_oddly_named_files_are_written_as_git_writes_them() {
        let path = "ü\".txt".parse().unwrap();
        assert_eq!(
            file_patch(&path, None, side("x")),
            "diff --git \"a/\\303\\274\\\".txt\" \"b/\\303\\274\\\".txt\"\nnew file mode 100644\n--- /dev/null\n\
             +++ \"b/\\303\\274\\\".txt\"\n@@ -0,0 +1,1 @@\n+x\n\\ No newline at end of file\n"
        );
        let path = "a".parse().unwrap();
        assert_eq!(
            file_patch(&path, side("x\n"), None),
            "diff --git a/a b/a\ndeleted file mode 100644\n--- a/a\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-x\n"
        );
    }

    #[test]
    fn far_changes_are_apart_and_near_ones_together() {
        let old: String = (0..40).map(|line| format!("{line}\n")).collect();
        let new = old.replace("\n5\n", "\nfive\n").replace("\n10\n", "\nten\n").replace("\n30\n", "\nthirty\n");
        let text = hunks_text(old.as_bytes(), new.as_bytes());
        assert_eq!(text.matches("@@ -").count(), 2);
        assert_eq!(line_counts(old.as_bytes(), new.as_bytes()), LineCounts { added: 3, removed: 3 });
    }
}
