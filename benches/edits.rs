//! How long edits take: replies read and laid over files, a block that is nowhere in a large file, and the readers alone.
//!
//! `VDO_EDIT_CASES` names a folder of cases (`ID/before/…`, `ID/response.txt`, `ID/meta.json` with a `format`), such as real
//! replies with the trees they were for; all of them are applied in one go, and the slowest 5 % are told. Without it, replies are
//! made from the sources of this package.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, clippy::disallowed_methods)]

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use vdo_core::content::{Blob, Entry};
use vdo_core::contents::Contents;
use vdo_core::edit::{Existing, Format, Known, Partial, Whole, apply_good, read};
use vdo_core::path::RepoPath;
use vdo_core::tree::FileTree;

/// A reply and the files it is for.
struct Case {
    tree: FileTree,
    contents: Contents,
    reply: String,
    format: Format,
}

impl Case {
    fn new(files: &[(String, Vec<u8>)], reply: String, format: Format) -> Self {
        let mut contents = Contents::default();
        let tree = files
            .iter()
            .filter_map(|(path, bytes)| {
                let blob = Blob::new(bytes.as_slice());
                contents.add(&blob);
                Some((path.parse().ok()?, Entry::file(blob.hash())))
            })
            .collect();
        Self { tree, contents, reply, format }
    }

    fn apply(&self) -> Partial {
        let known = |path: &RepoPath| self.tree.get(path).is_some();
        let reply = read(&self.reply, self.format, Known(&known), Whole::Unknown);
        apply_good(&reply.edits, &self.tree, &self.contents, reply.sequence, Existing::Replace)
    }
}

fn files_below(folder: &Path, prefix: &str, files: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            files_below(&entry.path(), &format!("{name}/"), files);
        } else {
            files.push((name, fs::read(entry.path()).unwrap()));
        }
    }
}

/// Reads the search/replace replies of a folder of cases.
fn read_cases(folder: &Path) -> Vec<Case> {
    let mut folders: Vec<PathBuf> = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()).collect();
    folders.sort();
    let history =
        folders.iter().filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("aider-history-0"));
    let case = |folder: &PathBuf| {
        let meta: serde_json::Value = serde_json::from_slice(&fs::read(folder.join("meta.json")).unwrap()).unwrap();
        let format = meta["format"].as_str().unwrap().parse().unwrap();
        let mut files = Vec::new();
        files_below(&folder.join("before"), "", &mut files);
        let is_core = meta.get("policy").is_none();
        is_core.then(|| Case::new(&files, fs::read_to_string(folder.join("response.txt")).unwrap(), format))
    };
    history.filter_map(case).collect()
}

/// Makes replies that change a few lines of the benches' own sources.
fn made_cases() -> Vec<Case> {
    let sources = [
        ("edits.rs", include_str!("edits.rs")),
        ("lineage.rs", include_str!("lineage.rs")),
        ("vdo_bench.rs", include_str!("vdo_bench.rs")),
    ];
    let mut cases = Vec::new();
    for number in 0..163_usize {
        let (name, text) = sources[number % sources.len()];
        let lines: Vec<&str> = text.lines().collect();
        let at = (number * 37) % (lines.len() - 8);
        let find = lines[at..at + 8].join("\n");
        let reply =
            format!("{name}\n```rust\n<<<<<<< SEARCH\n{find}\n=======\n{find}\n// one more\n>>>>>>> REPLACE\n```\n");
        cases.push(Case::new(&[(name.to_owned(), text.as_bytes().to_vec())], reply, Format::SearchReplace));
    }
    cases
}

fn replies(c: &mut Criterion) {
    let cases = match std::env::var_os("VDO_EDIT_CASES") {
        Some(folder) => read_cases(Path::new(&folder)),
        None => made_cases(),
    };
    let mut times: Vec<Duration> = cases
        .iter()
        .map(|case| {
            (0..20)
                .map(|_| {
                    let start = Instant::now();
                    black_box(case.apply());
                    start.elapsed()
                })
                .min()
                .unwrap()
        })
        .collect();
    times.sort();
    let landed = cases.iter().filter(|case| case.apply().faults.is_empty()).count();
    println!(
        "{} replies, {landed} land; best of 20 each: all {:?}, p50 {:?}, p95 {:?}, slowest {:?}",
        cases.len(),
        times.iter().sum::<Duration>(),
        times[times.len() / 2],
        times[times.len() * 95 / 100],
        times[times.len() - 1]
    );
    c.bench_function("replies/all", |b| b.iter(|| cases.iter().map(|case| case.apply().faults.len()).sum::<usize>()));
}

fn large_file(c: &mut Criterion) {
    let line = |number: usize| {
        format!("    value_{number} = compute(left_{}, right_{})  # step {number}\n", number % 97, number % 89)
    };
    let text: String = (0..170_000).map(line).collect();
    let files = [("big.py".to_owned(), text.into_bytes())];
    println!("the large file has {} bytes", files[0].1.len());
    let block = |find: &str| format!("big.py\n<<<<<<< SEARCH\n{find}=======\n    done()\n>>>>>>> REPLACE\n");
    let near = format!("{}{}", line(90_001).replace("compute", "computed_twice"), line(90_003));
    for (name, find) in [
        ("nowhere", "def nothing_like_it():\n    return unknown_name\n".to_owned()),
        ("nearly", near),
        ("there", line(169_000)),
    ] {
        let case = Case::new(&files, block(&find), Format::SearchReplace);
        println!("{name}: {} faults", case.apply().faults.len());
        c.bench_function(&format!("ten_megabytes/{name}"), |b| b.iter(|| case.apply().faults.len()));
    }
}

fn readers(c: &mut Criterion) {
    let mut group = c.benchmark_group("fifty_megabytes");
    group.sample_size(10);
    let units = [
        (
            Format::SearchReplace,
            "src/a.py\n```python\n<<<<<<< SEARCH\n    return left + right\n=======\n    return right + left\n>>>>>>> REPLACE\n```\n",
        ),
        (Format::UnifiedDiff, "--- a/src/a.py\n+++ b/src/a.py\n@@ -10,3 +10,3 @@ def f\n one\n-two\n+three\n four\n"),
        (Format::V4a, "*** Begin Patch\n*** Update File: src/a.py\n@@ def f():\n one\n-two\n+three\n*** End Patch\n"),
        (Format::Whole, "src/a.py\n```python\ndef f():\n    return 1\n```\nand then\n"),
        (
            Format::StrReplace,
            "{\"command\":\"str_replace\",\"path\":\"src/a.py\",\"old_str\":\"one\\ntwo\",\"new_str\":\"three\"}\n",
        ),
    ];
    for (format, unit) in units {
        let text = unit.repeat(50_000_000 / unit.len());
        group.throughput(Throughput::Bytes(u64::try_from(text.len()).unwrap()));
        group.bench_function(format.as_str(), |b| {
            b.iter(|| read(&text, format, Known::NONE, Whole::Unknown).edits.len())
        });
        // One block without an end is the worst for a reader that looks ahead.
        let open = format!(
            "{}{}",
            unit.split_once('\n').map_or(unit, |(first, _)| first),
            "\nx ``` {\n".repeat(50_000_000 / 9)
        );
        group.bench_function(format!("{}/open", format.as_str()), |b| {
            b.iter(|| read(&open, format, Known::NONE, Whole::Unknown).faults.len())
        });
    }
    group.finish();
}

criterion_group!(benches, replies, large_file, readers);
criterion_main!(benches);
