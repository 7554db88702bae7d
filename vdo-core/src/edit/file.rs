//! The edits of one file.

use std::borrow::Cow;

use super::lines::{Lines, is_blank};
use super::place::{self, Found, Miss};
use super::rewrite::{self, Change};
use super::{EditError, Hunk, Rung, Unit, hint};
use crate::path::RepoPath;

const BOM: char = '\u{feff}';

/// What became of the hunks of one file.
#[derive(Debug, Default)]
pub(super) struct Replaced {
    /// The text with every hunk that landed.
    pub(super) text: String,
    /// How each of them was found, by block.
    pub(super) rungs: Vec<(usize, Rung)>,
    /// Why the others did not land.
    pub(super) faults: Vec<EditError>,
}

/// Looks every hunk up in the text as it is, and makes the changes of those that have a place.
pub(super) fn replaced(path: &RepoPath, text: &str, hunks: &[Hunk]) -> Replaced {
    let (bom, body) = match text.strip_prefix(BOM) {
        Some(body) => (true, body),
        None => (false, text),
    };
    let lines = Lines::of(body);
    let hunks = expanded(&lines, hunks);
    let mut done = Replaced::default();
    let mut changes: Vec<Change> = Vec::new();
    let mut later: Vec<&Hunk> = Vec::new();
    for (hunk, outcome) in hunks.iter().zip(place::choose(&lines, &hunks)) {
        if let Some(line) = elision(&lines, hunk) {
            done.faults.push(EditError::Elided { path: path.clone(), block: hunk.block, line });
            continue;
        }
        match outcome.and_then(|found| land(&lines, &found)) {
            Ok((rung, own)) => {
                done.rungs.push((hunk.block, rung));
                changes.extend(own);
            }
            Err(Miss::Nothing) if !hunk.ordered && !hunk.all && hunk.count.is_none() => later.push(hunk),
            Err(miss) => done.faults.push(fault(path, &lines, hunk, miss)),
        }
    }
    if let Some((one, other)) = rewrite::sort(&mut changes) {
        // The later block loses, so that what is told to have landed did.
        let (one, other) = (one.min(other), one.max(other));
        done.faults.push(EditError::Overlap { path: path.clone(), one, other });
        changes.retain(|change| change.block != other);
        done.rungs.retain(|(block, _)| *block != other);
        if rewrite::sort(&mut changes).is_some() {
            changes.clear();
            done.rungs.clear();
        }
    }
    let mut result = rewrite::made(body, &changes);
    for hunk in later {
        result = match in_turn(&result, hunk) {
            Some((rung, text)) => {
                done.rungs.push((hunk.block, rung));
                text
            }
            None => {
                done.faults.push(fault(path, &lines, hunk, Miss::Nothing));
                result
            }
        };
    }
    done.text = if bom { format!("{BOM}{result}") } else { result };
    done
}

/// Returns the changes of a hunk that has its place.
fn land(lines: &Lines<'_>, found: &Found<'_>) -> Result<(Rung, Vec<Change>), Miss> {
    let first = found.places.first().map_or(0, |place| place.first(lines)) + 1;
    let changes = rewrite::changes(lines, found).ok_or(Miss::Unclear(first))?;
    Ok((found.rung, changes))
}

/// Makes the change of a block that quotes what an earlier block of the same reply has made.
fn in_turn(text: &str, hunk: &Hunk) -> Option<(Rung, String)> {
    let lines = Lines::of(text);
    let found = place::choose(&lines, std::slice::from_ref(hunk)).pop()?.ok()?;
    if found.rung > Rung::TrailingBlanks {
        return None;
    }
    let mut changes = rewrite::changes(&lines, &found)?;
    rewrite::sort(&mut changes).is_none().then(|| (found.rung, rewrite::made(text, &changes)))
}

fn fault(path: &RepoPath, lines: &Lines<'_>, hunk: &Hunk, miss: Miss) -> EditError {
    let (path, block) = (path.clone(), hunk.block);
    let not_found = |hint: String| EditError::NotFound { path: path.clone(), block, hint };
    match miss {
        Miss::Empty => EditError::EmptyFind { path, block },
        Miss::Blank => not_found("It has no visible character; quote the lines beside the place too.".to_owned()),
        Miss::Nothing => match place::applied_at(lines, hunk) {
            Some(line) => EditError::AlreadyApplied { path, block, line },
            None => not_found(hint::closest(lines, &hunk.find)),
        },
        Miss::Unclear(line) => not_found(format!(
            "It nearly stands at line {line}, with other blanks or blank lines, and it cannot be told where or how far in the new lines \
             go. Quote the file's lines exactly."
        )),
        Miss::Anchor(anchor) => {
            let anchor: String = anchor.chars().take(160).collect();
            not_found(format!("No line reads {anchor:?}, which was named to stand above it. {}", hint::closest(lines, &anchor)))
        }
        Miss::Beyond(line) => not_found(format!("There is no line {line}; the file has {} lines.", lines.len())),
        Miss::Joins => not_found(
            "It begins with a line end, and what replaces it does not: the line before would run into it. Quote whole lines."
                .to_owned(),
        ),
        Miss::Several(lines) => EditError::Ambiguous { path, block, lines },
        Miss::Count { expected, found } => EditError::Count { path, block, expected, found },
    }
}

/// Splits hunks that leave lines out with `...` on both sides, where the quote as a whole is not in the file.
fn expanded<'h>(lines: &Lines<'_>, hunks: &'h [Hunk]) -> Cow<'h, [Hunk]> {
    let gaps = |text: &str| Lines::of(text).iter().filter(|line| line.trim() == "...").count();
    let is_gapped = |hunk: &Hunk| {
        let count = gaps(&hunk.find);
        count > 0
            && count == gaps(&hunk.replace)
            && matches!(place::choose(lines, std::slice::from_ref(hunk)).as_slice(), [Err(_)])
    };
    if !hunks.iter().any(is_gapped) {
        return Cow::Borrowed(hunks);
    }
    let mut all = Vec::new();
    for hunk in hunks {
        if !is_gapped(hunk) {
            all.push(hunk.clone());
            continue;
        }
        let (finds, replaces) = (pieces(&hunk.find), pieces(&hunk.replace));
        for (find, replace) in
            finds.into_iter().zip(replaces).filter(|(find, replace)| !(find.is_empty() && replace.is_empty()))
        {
            all.push(Hunk { find, replace, unit: Unit::Lines, kept: None, ordered: true, ..hunk.clone() });
        }
    }
    Cow::Owned(all)
}

fn pieces(text: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for line in text.split_inclusive('\n') {
        match pieces.last_mut() {
            Some(piece) if line.trim() != "..." => piece.push_str(line),
            _ => pieces.push(String::new()),
        }
    }
    pieces
}

/// Returns a line of the replacement that stands for code left out, unless the file has that line.
fn elision(lines: &Lines<'_>, hunk: &Hunk) -> Option<String> {
    elided(&hunk.replace, |line| place::has_line(lines, line))
}

/// Returns a line that stands for code left out, such as `# ... rest of the code ...`, unless it was there before.
pub(super) fn elided(text: &str, was_there: impl Fn(&str) -> bool) -> Option<String> {
    const WORDS: [&str; 14] = [
        "existing",
        "rest of",
        "other code",
        "remaining",
        "unchanged",
        "same as",
        "previous code",
        "keep the",
        "more code",
        "omitted",
        "remains",
        "code here",
        "original code",
        "as before",
    ];
    text.lines()
        .find(|line| {
            let bare = line.trim().trim_start_matches(['/', '#', '*', '-', '<', '!', ';', '%', '(', '{', ' ']);
            let marked = bare.starts_with("...") || bare.starts_with('…');
            let rest = bare.trim_start_matches(['.', '…', ' ']).to_lowercase();
            let is_comment = bare.len() < line.trim().len();
            marked
                && !is_blank(&rest)
                && WORDS.iter().any(|word| rest.contains(word))
                && (is_comment || rest.ends_with("...") || rest.ends_with('…'))
                && !was_there(line)
        })
        .map(|line| line.trim().chars().take(120).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_stand_for_code_are_noticed_and_code_with_dots_is_not() {
        for line in [
            "# ... existing code ...",
            "    // ... rest of the function",
            "/* ... remaining methods unchanged ... */",
            "<!-- ... existing nav ... -->",
            "... rest of the file ...",
        ] {
            assert!(elided(&format!("a\n{line}\nb\n"), |_| false).is_some(), "{line}");
        }
        for line in
            ["...", "    ...", "f(...existing)", "print('... existing ...')", "# see the rest of it", "...options,"]
        {
            assert_eq!(elided(&format!("a\n{line}\n"), |_| false), None, "{line}");
        }
        assert_eq!(elided("# ... existing code ...\n", |_| true), None);
    }
}
