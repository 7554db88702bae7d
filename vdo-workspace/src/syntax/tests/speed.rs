//! How fast texts are parsed and walked: `cargo test --release -p vdo-workspace speed -- --ignored --nocapture`.
//!
//! `VDO_SYNTAX_TEXTS` names a folder whose files are read; without it the samples are, repeated.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use vdo_core::path::RepoPath;

use super::samples::SAMPLES;
use crate::syntax::languages::Language;
use crate::syntax::lines::Lines;
use crate::syntax::parse::parse;
use crate::syntax::reading;

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

fn texts() -> Vec<(String, String)> {
    let Some(folder) = std::env::var_os("VDO_SYNTAX_TEXTS") else {
        return SAMPLES.iter().map(|(_, path, text)| ((*path).to_owned(), text.repeat(100_000 / text.len()))).collect();
    };
    let mut found = Vec::new();
    files(Path::new(&folder), &mut found);
    let read = |path: PathBuf| Some((path.file_name()?.to_str()?.to_owned(), std::fs::read_to_string(path).ok()?));
    found.into_iter().filter_map(read).collect()
}

#[test]
#[ignore = "a measurement"]
fn speed() {
    let mut sums: BTreeMap<&str, (usize, usize, Duration, Duration, Duration, usize)> = BTreeMap::new();
    for (path, text) in texts() {
        let Ok(path) = path.parse() else { continue };
        let start = Instant::now();
        let (name, parsed, structure) = if let Some(lines) = Lines::of(&path) {
            (lines.name, Duration::ZERO, lines.structure(&text))
        } else if let Some(language) = Language::of(&path) {
            let Some(tree) = parse(language, &text) else { continue };
            let parsed = start.elapsed();
            (language.name, parsed, language.structure(&tree, &text))
        } else {
            continue;
        };
        let all = start.elapsed();
        let sum = sums.entry(name).or_default();
        sum.0 += 1;
        sum.1 += text.len();
        sum.2 += parsed;
        sum.3 += all.checked_sub(parsed).unwrap();
        sum.4 = sum.4.max(all);
        if let Some(structure) = structure {
            super::render::check(&text, &structure);
            sum.5 += structure.members.len();
            if structure.errors > 0 && std::env::var_os("VDO_SYNTAX_TEXTS").is_some() {
                println!("{name}: {} places in {path} where the grammar does not fit", structure.errors);
            }
        }
    }
    println!(
        "{:14} {:>6} {:>8} {:>10} {:>10} {:>10} {:>9}",
        "language", "files", "KB", "parse MB/s", "walk MB/s", "worst ms", "members"
    );
    for (name, (count, bytes, parse, walk, worst, members)) in sums {
        let rate = |time: Duration| bytes as f64 / 1e6 / time.as_secs_f64().max(1e-9);
        println!(
            "{name:14} {count:6} {:8} {:10.1} {:10.1} {:10.1} {members:9}",
            bytes / 1000,
            if parse.is_zero() { 0.0 } else { rate(parse) },
            rate(walk),
            worst.as_secs_f64() * 1e3
        );
    }
}

/// Parsing alone against a reading, one thread, three rounds each in turn; the best of each counts.
#[test]
#[ignore = "a measurement"]
fn speed_of_readings() {
    let texts = texts();
    let mut sums: BTreeMap<&str, (usize, usize, [Duration; 3], usize)> = BTreeMap::new();
    for (path, text) in &texts {
        let Ok(path) = path.parse::<RepoPath>() else { continue };
        let Some(language) = Language::of_text(&path, text).filter(|_| Lines::of(&path).is_none()) else { continue };
        let mut best = [Duration::MAX; 3];
        let mut symbols = 0;
        for _ in 0..3 {
            let start = Instant::now();
            let Some(tree) = parse(language, text) else { break };
            best[0] = best[0].min(start.elapsed());
            let start = Instant::now();
            symbols = reading::read(language, &tree, text).symbols.len();
            best[1] = best[1].min(start.elapsed());
            let start = Instant::now();
            let outline = reading::outline(language, &tree, text).len();
            best[2] = best[2].min(start.elapsed());
            assert_eq!(outline, symbols);
        }
        if best[0] == Duration::MAX {
            println!("{path} is over a bound");
            continue;
        }
        let sum = sums.entry(language.name).or_default();
        (sum.0, sum.1, sum.3) = (sum.0 + 1, sum.1 + text.len(), sum.3 + symbols);
        for (sum, best) in sum.2.iter_mut().zip(best) {
            *sum += best;
        }
    }
    println!(
        "{:12} {:>6} {:>8} {:>11} {:>11} {:>7} {:>9}",
        "language", "files", "KB", "parse MB/s", "read MB/s", "more %", "outline %"
    );
    for (name, (files, bytes, [parse, walk, outline], symbols)) in sums {
        let rate = |time: Duration| bytes as f64 / 1e6 / time.as_secs_f64().max(1e-9);
        let more = |time: Duration| time.as_secs_f64() / parse.as_secs_f64().max(1e-9) * 100.0;
        println!(
            "{name:12} {files:6} {:8} {:11.1} {:11.1} {:7.1} {:9.1}  {symbols} symbols",
            bytes / 1000,
            rate(parse),
            rate(parse + walk),
            more(walk),
            more(outline)
        );
    }
}

/// Texts where a grammar does not fit, of those that `VDO_SYNTAX_TEXTS` names, by language.
#[test]
#[ignore = "a measurement"]
fn misfits() {
    let mut sums: BTreeMap<&str, (usize, Vec<String>)> = BTreeMap::new();
    for (path, text) in texts() {
        let Ok(path) = path.parse::<RepoPath>() else { continue };
        let Some(language) = Language::of_text(&path, &text).filter(|_| Lines::of(&path).is_none()) else { continue };
        let sum = sums.entry(language.name).or_default();
        sum.0 += 1;
        let Some(tree) = parse(language, &text) else {
            println!("{path} ({} bytes) is over a bound", text.len());
            continue;
        };
        if tree.root_node().has_error() {
            sum.1.push(path.to_string());
        }
    }
    for (name, (files, wrong)) in sums {
        let share = wrong.len() as f64 * 100.0 / files as f64;
        println!(
            "{name:12} {files:6} files, {:4} do not fit ({share:.2} %): {:?}",
            wrong.len(),
            wrong.iter().take(5).collect::<Vec<_>>()
        );
    }
}

/// How long texts take that have no end, by language.
#[test]
#[ignore = "a measurement"]
fn hostile() {
    for (_, path, _) in super::readings::READINGS {
        for part in ["(", "{", "a ", "/* ", "x\n"] {
            let text = format!("x = \"{}", part.repeat(1_000_000 / part.len()));
            let text = if part == "a " { text.as_str() } else { text.get(5..).unwrap() };
            let start = Instant::now();
            let reading =
                vdo_core::syntax::Syntax::read(&crate::syntax::TreeSitterSyntax, &path.parse().unwrap(), text);
            let took = start.elapsed().as_millis();
            if took > 500 {
                println!("{path} {part:?}: {took} ms, {:?} symbols", reading.map(|reading| reading.symbols.len()));
            }
        }
    }
}
