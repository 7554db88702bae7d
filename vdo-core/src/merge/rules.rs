//! Conflicts that need no structure: blanks only, neighbouring lines, words far apart on a line.

use std::collections::BTreeSet;
use std::ops::Range;

use imara_diff::{Algorithm, Diff, InternedInput};

use crate::merge::region::Three;

/// The longest conflict, in lines, whose words are merged. No version may have more lines than another.
const MAX_WORD_LINES: usize = 5;
/// How many words and signs must lie between the changes of the two sides.
const WORDS_APART: usize = 4;

/// Whether the blanks at the beginning of a line mean something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Indentation {
    Means,
    MeansNothing,
}

/// Merges three texts of which one differs from another in blanks only.
pub(super) fn blanks(texts: Three<&str>, indentation: Indentation) -> Option<String> {
    let bare = texts.map(|text| bare(text, indentation));
    if bare.ours == bare.base {
        Some(texts.theirs.to_owned())
    } else if bare.theirs == bare.base || bare.ours == bare.theirs {
        Some(texts.ours.to_owned())
    } else {
        None
    }
}

fn bare(text: &str, indentation: Indentation) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let indent = |line: &str| match indentation {
        Indentation::Means => line.chars().take_while(|c| c.is_whitespace()).collect(),
        Indentation::MeansNothing => String::new(),
    };
    lines.map(|line| indent(line) + &squeezed(line)).collect()
}

/// Returns a line with runs of blanks as one, except in quotes.
fn squeezed(line: &str) -> String {
    let mut out = String::new();
    let mut quote = None;
    for c in line.trim().chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if matches!(c, '"' | '\'' | '`') => quote = Some(c),
            _ => {}
        }
        if quote.is_none() && c.is_whitespace() {
            if !out.ends_with(' ') {
                out.push(' ');
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// One change of a side against the base, in lines or words.
struct Edit {
    before: Range<usize>,
    after: Range<usize>,
}

fn edits(before: &[&str], after: &[&str], algorithm: Algorithm) -> Vec<Edit> {
    let mut input: InternedInput<&str> = InternedInput::default();
    input.update_before(before.iter().copied());
    input.update_after(after.iter().copied());
    let diff = Diff::compute(algorithm, &input);
    let wide = |range: Range<u32>| range.start as usize..range.end as usize;
    diff.hunks().map(|hunk| Edit { before: wide(hunk.before), after: wide(hunk.after) }).collect()
}

/// Puts the edits of both sides together if at least `apart` items of the base lie between any two of different sides.
fn woven(items: &Three<Vec<&str>>, apart: usize, algorithm: Algorithm) -> Option<String> {
    let (ours, theirs) = (edits(&items.base, &items.ours, algorithm), edits(&items.base, &items.theirs, algorithm));
    let alike = |our: &Edit, their: &Edit| {
        our.before == their.before && items.ours.get(our.after.clone()) == items.theirs.get(their.after.clone())
    };
    for our in &ours {
        for their in &theirs {
            if alike(our, their) {
                continue;
            }
            let first = if (our.before.start, our.before.end) <= (their.before.start, their.before.end) {
                (&our.before, &their.before)
            } else {
                (&their.before, &our.before)
            };
            let at_one_place = first.0.is_empty() && first.1.is_empty() && first.0.start == first.1.start;
            if at_one_place || first.1.start < first.0.end + apart {
                return None;
            }
            if first.1.start == first.0.end && !may_touch(items, our, their) {
                return None;
            }
        }
    }
    let theirs: Vec<Edit> = theirs.into_iter().filter(|their| !ours.iter().any(|our| alike(our, their))).collect();
    let mut all: Vec<(Edit, &Vec<&str>)> = ours.into_iter().map(|edit| (edit, &items.ours)).collect();
    all.extend(theirs.into_iter().map(|edit| (edit, &items.theirs)));
    all.sort_by_key(|(edit, _)| (edit.before.start, edit.before.end));
    let mut text = String::new();
    let mut at = 0;
    for (edit, side) in all {
        text.extend(items.base.get(at..edit.before.start)?.iter().copied());
        text.extend(side.get(edit.after)?.iter().copied());
        at = edit.before.end;
    }
    text.extend(items.base.get(at..)?.iter().copied());
    Some(text)
}

/// Tells whether two changes that touch are two changes, not two forms of one.
///
/// Found on the merges of eight projects' histories: lines put beside lines that the other side lengthened or cut are as often as
/// not rival forms; lines replaced, removed or put beside replaced ones are not.
fn may_touch(items: &Three<Vec<&str>>, our: &Edit, their: &Edit) -> bool {
    let grows = |edit: &Edit| !edit.before.is_empty() && edit.after.len() > edit.before.len();
    let shrinks = |edit: &Edit| !edit.after.is_empty() && edit.after.len() < edit.before.len();
    if [our, their].into_iter().any(|edit| grows(edit) || shrinks(edit)) {
        return false;
    }
    let part = |items: &[&str], range: &Range<usize>| items.get(range.clone()).unwrap_or_default().concat();
    let (old_ours, old_theirs) = (part(&items.base, &our.before), part(&items.base, &their.before));
    let (new_ours, new_theirs) = (part(&items.ours, &our.after), part(&items.theirs, &their.after));
    let within = |one: &str, other: &str| !one.is_empty() && names(one).is_subset(&names(other));
    // What is put in must not speak of what the other side took out.
    let uses =
        |new: &str, old: &str, kept: &str| names(new).intersection(&names(old)).any(|name| !names(kept).contains(name));
    let rival = within(&new_ours, &new_theirs) || within(&new_theirs, &new_ours);
    let gone = uses(&new_ours, &old_theirs, &(new_theirs.clone() + &old_ours))
        || uses(&new_theirs, &old_ours, &(new_ours + &old_theirs));
    !rival && !gone
}

/// Returns the words of a text that could name something.
pub(super) fn names(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.filter(|word| word.chars().any(char::is_alphabetic)).collect()
}

/// Merges changes to lines that touch but do not overlap.
pub(super) fn neighbours(texts: Three<&str>) -> Option<String> {
    let items = texts.map(|text| text.split_inclusive('\n').collect::<Vec<_>>());
    [Algorithm::Myers, Algorithm::Histogram].into_iter().find_map(|algorithm| woven(&items, 0, algorithm))
}

/// Merges changes to words of a few lines that lie well apart.
pub(super) fn words(texts: Three<&str>) -> Option<String> {
    let lines = texts.map(|text| text.lines().count());
    if lines.base > MAX_WORD_LINES || lines.ours != lines.base || lines.theirs != lines.base {
        return None;
    }
    woven(&texts.map(tokens), WORDS_APART, Algorithm::Myers)
}

/// Cuts a text into words, runs of blanks and single signs.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let like: fn(char) -> bool = if first.is_alphanumeric() || first == '_' {
            |c| c.is_alphanumeric() || c == '_'
        } else if first.is_whitespace() {
            char::is_whitespace
        } else {
            |_| false
        };
        let size = rest.find(|c| !like(c)).unwrap_or(rest.len()).max(first.len_utf8());
        let (token, tail) = rest.split_at(size);
        tokens.push(token);
        rest = tail;
    }
    tokens
}
