//! How fast texts are parsed and walked: `cargo test --release -p vdo-workspace speed -- --ignored --nocapture`.
//!
//! `VDO_SYNTAX_TEXTS` names a folder whose files are read; without it the samples are, repeated.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::samples::SAMPLES;
use crate::syntax::languages::Language;
use crate::syntax::lines::Lines;
use crate::syntax::parse::parse;

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
