//! Edits whose right outcome is known, mangled in the ways that models and time mangle them: an edit lands where it was meant or
//! is refused, and never anywhere else.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::redundant_closure_call
)]

use std::collections::BTreeMap;

use vdo_core::content::{Blob, Entry};
use vdo_core::contents::Contents;
use vdo_core::edit::{Existing, Format, Known, Whole, apply_good, read};
use vdo_core::path::RepoPath;
use vdo_core::tree::FileTree;

/// How many edits are tried with every mutation.
const ROUNDS: u64 = 200;

const SOURCES: &[(&str, &str)] = &[
    ("place.rs", include_str!("fixtures/edits/place.rs.txt")),
    ("tools.rs", include_str!("fixtures/edits/tools.rs.txt")),
    ("check.rs", include_str!("fixtures/edits/check.rs.txt")),
    ("money.rs", include_str!("fixtures/edits/money.rs.txt")),
    ("catalog.py", include_str!("fixtures/edits/catalog.py.txt")),
    ("test_app.py", include_str!("fixtures/edits/test_app.py.txt")),
    ("CONTRIBUTING.md", include_str!("fixtures/edits/CONTRIBUTING.md.txt")),
    ("Makefile", include_str!("fixtures/edits/Makefile.txt")),
];

/// Numbers that look random and are the same in every run (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(sides.max(1)).unwrap()).unwrap()
    }
}

type Text = Vec<String>;

fn lines(text: &str) -> Text {
    text.lines().map(str::to_owned).collect()
}

fn joined(lines: &[String]) -> String {
    lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
}

/// An edit: a region of a file, which of its lines stay, and what the others become.
#[derive(Clone, Debug)]
struct Case {
    name: &'static str,
    file: Text,
    at: usize,
    /// Each quoted line, and what stands there afterwards; `None` if it stays.
    quote: Vec<(String, Option<Vec<String>>)>,
}

impl Case {
    fn new(dice: &mut Dice) -> Self {
        loop {
            let (name, text) = SOURCES[dice.roll(SOURCES.len())];
            let file = lines(text);
            let count = 2 + dice.roll(9);
            let at = dice.roll(file.len() - count);
            let region = &file[at..at + count];
            // A quote that stands twice is another test's business.
            if occurrences(&file, region) != 1 || region.iter().filter(|line| line.trim().len() > 3).count() < 2 {
                continue;
            }
            let mut quote: Vec<(String, Option<Vec<String>>)> =
                region.iter().map(|line| (line.clone(), None)).collect();
            for _ in 0..1 + dice.roll(2) {
                let line = dice.roll(count);
                let indent: String = region[line].chars().take_while(|c| c.is_whitespace()).collect();
                let new = format!("{indent}added_{}(now)", dice.roll(1000));
                quote[line].1 = Some(match dice.roll(4) {
                    0 => vec![new],
                    1 => vec![],
                    2 => vec![region[line].clone(), new],
                    _ => vec![new.clone(), format!("{indent}more"), region[line].clone()],
                });
            }
            return Self { name, file, at, quote };
        }
    }

    fn find(&self) -> Text {
        self.quote.iter().map(|(line, _)| line.clone()).collect()
    }

    fn replace(&self) -> Text {
        self.quote.iter().flat_map(|(line, new)| new.clone().unwrap_or_else(|| vec![line.clone()])).collect()
    }

    /// What the edit makes of a file that has the region at a line.
    fn result(&self, file: &[String], at: usize) -> Text {
        let mut result = file[..at].to_vec();
        for (offset, (_, new)) in self.quote.iter().enumerate() {
            match new {
                Some(new) => result.extend(new.clone()),
                None => result.push(file[at + offset].clone()),
            }
        }
        result.extend_from_slice(&file[at + self.quote.len()..]);
        result
    }
}

fn occurrences(file: &[String], region: &[String]) -> usize {
    let same = |window: &&[String]| window.iter().zip(region).all(|(one, other)| one.trim() == other.trim());
    file.windows(region.len()).filter(same).count()
}

/// Writes an edit in a format; `line` is what it says of where it is.
fn written(format: Format, name: &str, find: &[String], replace: &[String], line: usize) -> String {
    match format {
        Format::SearchReplace => {
            let escaped = |text: &[String]| -> String {
                let mark =
                    |line: &String| ["<<<", "===", ">>>", "---", "+++"].iter().any(|mark| line.starts_with(mark));
                text.iter().map(|line| format!("{}{line}\n", if mark(line) { "\\" } else { "" })).collect()
            };
            format!("{name}\n<<<<<<< SEARCH\n{}=======\n{}>>>>>>> REPLACE\n", escaped(find), escaped(replace))
        }
        Format::StrReplace => {
            let (find, replace) = (joined(find), joined(replace));
            serde_json::json!({"command": "str_replace", "path": name, "old_str": find, "new_str": replace}).to_string()
        }
        Format::UnifiedDiff | Format::V4a => {
            let mut body = String::new();
            for (sign, line) in signed(find, replace) {
                body.push(sign);
                body.push_str(&line);
                body.push('\n');
            }
            if format == Format::V4a {
                format!("*** Begin Patch\n*** Update File: {name}\n@@\n{body}*** End Patch\n")
            } else {
                let (old, new) = (find.len(), replace.len());
                format!("--- a/{name}\n+++ b/{name}\n@@ -{},{old} +{},{new} @@\n{body}", line + 1, line + 1)
            }
        }
        Format::Whole => unreachable!(),
    }
}

fn signed(find: &[String], replace: &[String]) -> Vec<(char, String)> {
    let bytes = |lines: &[String]| lines.iter().map(|line| line.clone().into_bytes()).collect::<Vec<_>>();
    let (old, new) = (bytes(find), bytes(replace));
    let slices = |lines: &'_ [Vec<u8>]| lines.iter().map(|line| line.as_slice().to_vec()).collect::<Vec<_>>();
    let (old, new) = (slices(&old), slices(&new));
    let old: Vec<&[u8]> = old.iter().map(Vec::as_slice).collect();
    let new: Vec<&[u8]> = new.iter().map(Vec::as_slice).collect();
    let mut all = Vec::new();
    let mut at = 0;
    for hunk in vdo_core::diff::line_hunks(&old, &new) {
        let index = |number: u32| usize::try_from(number).unwrap();
        all.extend(find[at..index(hunk.before.start)].iter().map(|line| (' ', line.clone())));
        all.extend(find[index(hunk.before.start)..index(hunk.before.end)].iter().map(|line| ('-', line.clone())));
        all.extend(replace[index(hunk.after.start)..index(hunk.after.end)].iter().map(|line| ('+', line.clone())));
        at = index(hunk.before.end);
    }
    all.extend(find[at..].iter().map(|line| (' ', line.clone())));
    all
}

/// Applies a reply to a file; `None` if it is refused.
fn applied(name: &str, file: &str, reply: &str, format: Format) -> Option<String> {
    let path: RepoPath = name.parse().unwrap();
    let blob = Blob::new(file.as_bytes());
    let tree = FileTree::from_iter([(path.clone(), Entry::file(blob.hash()))]);
    let mut contents = Contents::default();
    contents.add(&blob);
    let reply = read(reply, format, Known(&|known| *known == path), Whole::Unknown);
    if !reply.faults.is_empty() {
        return None;
    }
    let done = apply_good(&reply.edits, &tree, &contents, reply.sequence, Existing::Replace);
    if !done.faults.is_empty() {
        return None;
    }
    let entry = done.applied.tree.get(&path)?;
    let bytes = done
        .applied
        .blobs
        .iter()
        .rev()
        .find(|blob| blob.hash() == entry.blob)
        .map_or(blob.bytes(), |blob| blob.bytes());
    Some(String::from_utf8(bytes.to_vec()).unwrap())
}

/// A mangled edit: the file it is laid over, the quote, the replacement, where it says it is, and what may come of it.
struct Mangled {
    file: Text,
    find: Text,
    replace: Text,
    line: usize,
    /// Right outcomes; refusing is always right.
    right: Vec<Text>,
    /// Whether refusing is a loss: the edit is clear enough to land.
    must_land: bool,
}

impl Mangled {
    fn of(case: &Case) -> Self {
        Self {
            file: case.file.clone(),
            find: case.find(),
            replace: case.replace(),
            line: case.at,
            right: vec![case.result(&case.file, case.at)],
            must_land: true,
        }
    }
}

type Mutation = (&'static str, fn(&Case, &mut Dice) -> Option<Mangled>);

/// Another text in the place of one word, number or sign of a line.
fn reworded(line: &str, dice: &mut Dice) -> Option<String> {
    let words: Vec<&str> = line.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 2).collect();
    let word = words.get(dice.roll(words.len()))?;
    Some(line.replacen(word, &format!("other{}", dice.roll(100)), 1))
}

fn mapped(lines: &[String], change: impl Fn(&str) -> String) -> Text {
    lines.iter().map(|line| if line.trim().is_empty() { line.clone() } else { change(line) }).collect()
}

/// The region with one of its lines changed by somebody else, at an offset within it.
fn stale(case: &Case, dice: &mut Dice, of_kept: bool) -> Option<(Text, usize)> {
    let offsets: Vec<usize> = (0..case.quote.len())
        .filter(|at| case.quote[*at].1.is_none() == of_kept && !case.quote[*at].0.trim().is_empty())
        .collect();
    let offset = *offsets.get(dice.roll(offsets.len()))?;
    let mut file = case.file.clone();
    file[case.at + offset] = reworded(&case.quote[offset].0, dice)?;
    Some((file, offset))
}

const MUTATIONS: &[Mutation] = &[
    ("as it is", |case, _| Some(Mangled::of(case))),
    ("the file has CR LF", |case, _| {
        let mut mangled = Mangled::of(case);
        let crlf = |text: &Text| text.iter().map(|line| format!("{line}\r")).collect::<Text>();
        mangled.file = crlf(&mangled.file);
        mangled.right = mangled.right.iter().map(crlf).collect();
        Some(mangled)
    }),
    ("the quote lost the blanks at line ends", |case, _| {
        let mut mangled = Mangled::of(case);
        // The file has some; lines that are written anew have none.
        let blanks = |line: &str| format!("{line}  ");
        let file: Text = case.file.iter().map(|line| blanks(line)).collect();
        mangled.right = vec![case.result(&file, case.at)];
        let twice = |(line, new): &(String, Option<Vec<String>>)| {
            let again = |text: &String| if text == line { blanks(text) } else { text.clone() };
            new.as_ref().map_or_else(|| vec![blanks(line)], |new| new.iter().map(again).collect())
        };
        let mut kept = file[..case.at].to_vec();
        kept.extend(case.quote.iter().flat_map(twice));
        kept.extend_from_slice(&file[case.at + case.quote.len()..]);
        mangled.right.push(kept);
        mangled.file = file;
        mangled.must_land = false;
        Some(mangled)
    }),
    ("the quote is indented less", |case, _| {
        let mut mangled = Mangled::of(case);
        let shown: Vec<&String> =
            mangled.find.iter().chain(&mangled.replace).filter(|line| !line.trim().is_empty()).collect();
        let common = shown.iter().map(|line| line.len() - line.trim_start_matches(' ').len()).min()?;
        if common == 0 {
            return None;
        }
        let less = |line: &str| line[common..].to_owned();
        (mangled.find, mangled.replace) = (mapped(&mangled.find, less), mapped(&mangled.replace, less));
        Some(mangled)
    }),
    ("the quote is indented more", |case, _| {
        let mut mangled = Mangled::of(case);
        let more = |line: &str| format!("    {line}");
        (mangled.find, mangled.replace) = (mapped(&mangled.find, more), mapped(&mangled.replace, more));
        Some(mangled)
    }),
    ("the quote has typographic quotes", |case, _| {
        let mut mangled = Mangled::of(case);
        if !mangled.find.iter().any(|line| line.contains('\'')) {
            return None;
        }
        let curly = |line: &str| line.replace('\'', "\u{2019}");
        let stays = |line: &String| case.find().contains(line);
        mangled.find = mapped(&mangled.find, curly);
        mangled.replace =
            mangled.replace.iter().map(|line| if stays(line) { curly(line) } else { line.clone() }).collect();
        mangled.must_land = false;
        // A line that is written anew beside its old form comes as it was written.
        Some(mangled)
    }),
    ("the quote has line numbers", |case, _| {
        let mut mangled = Mangled::of(case);
        mangled.find =
            (case.at + 1..).zip(&mangled.find).map(|(number, line)| format!("{number:>5} | {line}")).collect();
        Some(mangled)
    }),
    ("a line of the quote is left out", |case, dice| {
        let mut mangled = Mangled::of(case);
        let gone = dice.roll(case.quote.len());
        let mut quote = case.clone();
        quote.quote.remove(gone);
        // A line that nobody speaks of stays.
        let mut silent = case.clone();
        silent.quote[gone].1 = None;
        mangled.right = vec![silent.result(&case.file, case.at)];
        mangled.must_land = false;
        (mangled.find, mangled.replace) = (quote.find(), quote.replace());
        // At the edges the quote is merely shorter, and of two equal lines either may be the one that is left out.
        if new_at_edge(gone, case) || occurrences(&case.file, &mangled.find) > 0 {
            return None;
        }
        Some(mangled)
    }),
    ("the region stands twice", |case, dice| {
        let mut mangled = Mangled::of(case);
        let region = case.file[case.at..case.at + case.quote.len()].to_vec();
        let there = if dice.roll(2) == 0 { 0 } else { case.file.len() };
        mangled.file.splice(there..there, region);
        mangled.line = case.at + if there == 0 { case.quote.len() } else { 0 };
        // Only a line number can tell which is meant.
        mangled.right = vec![case.result(&mangled.file, mangled.line)];
        mangled.must_land = false;
        Some(mangled)
    }),
    ("a region much like it stands elsewhere", |case, dice| {
        let mut mangled = Mangled::of(case);
        let mut region = case.file[case.at..case.at + case.quote.len()].to_vec();
        let at = dice.roll(region.len());
        region[at] = reworded(&region[at], dice)?;
        mangled.file.splice(0..0, region);
        mangled.line += case.quote.len();
        mangled.right = vec![case.result(&mangled.file, mangled.line)];
        Some(mangled)
    }),
    ("only a region much like it is left", |case, dice| {
        let mut mangled = Mangled::of(case);
        let goes = |(line, new): &(String, Option<Vec<String>>)| new.as_ref().is_some_and(|new| !new.contains(line));
        let at = case.quote.iter().position(goes).filter(|at| !case.quote[*at].0.trim().is_empty())?;
        mangled.file[case.at + at] = reworded(&case.quote[at].0, dice)?;
        mangled.right.clear();
        mangled.must_land = false;
        Some(mangled)
    }),
    ("the region is gone", |case, _| {
        let mut mangled = Mangled::of(case);
        mangled.file.drain(case.at..case.at + case.quote.len());
        mangled.right.clear();
        mangled.must_land = false;
        Some(mangled)
    }),
    ("somebody changed a line that stays", |case, dice| {
        let mut mangled = Mangled::of(case);
        let (file, _) = stale(case, dice, true)?;
        mangled.right = vec![case.result(&file, case.at)];
        mangled.file = file;
        mangled.must_land = false;
        Some(mangled)
    }),
    ("somebody changed a line that goes", |case, dice| {
        let mut mangled = Mangled::of(case);
        let (file, offset) = stale(case, dice, false)?;
        // Where a line only comes beside it, theirs can stay.
        let only_adds = case.quote[offset].1.as_ref().is_some_and(|new| new.contains(&case.quote[offset].0));
        mangled.right.clear();
        if only_adds {
            let mut beside = case.clone();
            let theirs = file[case.at + offset].clone();
            let own = case.quote[offset].0.clone();
            beside.quote[offset].1 = beside.quote[offset]
                .1
                .clone()
                .map(|new| new.into_iter().map(|line| if line == own { theirs.clone() } else { line }).collect());
            mangled.right.push(beside.result(&file, case.at));
        }
        mangled.file = file;
        mangled.must_land = false;
        Some(mangled)
    }),
    ("somebody added a line in the region", |case, dice| {
        let mut mangled = Mangled::of(case);
        let at = 1 + dice.roll(case.quote.len() - 1);
        mangled.file.insert(case.at + at, "    theirs(1)".to_owned());
        mangled.right = Vec::new();
        let mut merged = case.result(&case.file, case.at);
        let before: usize = case.quote[..at].iter().map(|(_, new)| new.as_ref().map_or(1, Vec::len)).sum();
        merged.insert(case.at + before, "    theirs(1)".to_owned());
        mangled.right.push(merged);
        mangled.must_land = false;
        Some(mangled)
    }),
    ("the file grew above", |case, dice| {
        let mut mangled = Mangled::of(case);
        let above: Text = (0..1 + dice.roll(40)).map(|number| format!("// line {number} of somebody else")).collect();
        let count = above.len();
        mangled.file.splice(0..0, above);
        mangled.right = vec![case.result(&mangled.file, case.at + count)];
        Some(mangled)
    }),
    ("the blanks within lines are wider", |case, _| {
        let mut mangled = Mangled::of(case);
        let wide = |line: &str| {
            let body = line.trim_start();
            format!("{}{}", &line[..line.len() - body.len()], body.replace(' ', "  "))
        };
        let own = case.find();
        let stays = |line: &String| own.contains(line);
        mangled.replace =
            mangled.replace.iter().map(|line| if stays(line) { wide(line) } else { line.clone() }).collect();
        mangled.find = mapped(&mangled.find, wide);
        mangled.must_land = false;
        Some(mangled)
    }),
];

fn new_at_edge(gone: usize, case: &Case) -> bool {
    gone == 0 || gone + 1 == case.quote.len()
}

#[test]
fn no_mangled_edit_lands_where_it_was_not_meant() {
    const FORMATS: [Format; 4] = [Format::SearchReplace, Format::UnifiedDiff, Format::V4a, Format::StrReplace];
    let seed = std::env::var("VDO_EDIT_SEED").ok().and_then(|seed| seed.parse().ok());
    let mut dice = Dice(seed.unwrap_or(7));
    let mut tally: BTreeMap<(&str, &str), [usize; 3]> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut refused = Vec::new();
    for (mutation, mangle) in MUTATIONS {
        for _ in 0..ROUNDS {
            let case = Case::new(&mut dice);
            let Some(mangled) = mangle(&case, &mut dice) else { continue };
            for format in FORMATS {
                if mangled.find == mangled.replace {
                    continue;
                }
                let reply = written(format, case.name, &mangled.find, &mangled.replace, mangled.line);
                let file = joined(&mangled.file);
                let outcome = applied(case.name, &file, &reply, format);
                let right =
                    outcome.as_ref().is_some_and(|text| mangled.right.iter().any(|right| joined(right) == *text));
                let row = tally.entry((mutation, format.as_str())).or_default();
                match (&outcome, right) {
                    (None, _) => {
                        row[1] += 1;
                        if mangled.must_land {
                            refused.push(format!("{mutation}, {format:?}:\n{reply}"));
                        }
                    }
                    (Some(_), true) => row[0] += 1,
                    (Some(text), false) => {
                        row[2] += 1;
                        let wanted = mangled.right.first().map(|right| joined(right)).unwrap_or_default();
                        wrong.push(format!(
                            "{mutation}, {format:?}:\n{reply}\nfile to result:\n{}\nwanted to result:\n{}",
                            vdo_core::diff::hunks_text(file.as_bytes(), text.as_bytes()),
                            vdo_core::diff::hunks_text(wanted.as_bytes(), text.as_bytes())
                        ));
                    }
                }
            }
        }
    }
    let all: usize = tally.values().flatten().sum();
    for ((mutation, format), [right, refused, wrong]) in &tally {
        println!("{mutation:42} {format:16} right {right:4} refused {refused:4} wrong {wrong:3}");
    }
    println!("{all} edits");
    let shown: Vec<&str> = wrong.iter().step_by(wrong.len() / 4 + 1).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{} of {all} landed wrong, such as:\n{}", wrong.len(), shown.join("\n\n"));
    assert!(all >= 10_000, "only {all} edits were tried");
    // What is clear enough lands, but for what a format cannot say.
    assert!(
        refused.len() * 50 < all,
        "{} of {all} were refused; the first:\n{}",
        refused.len(),
        refused[..refused.len().min(3)].join("\n\n")
    );
}
