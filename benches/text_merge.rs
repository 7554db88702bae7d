//! What merging one text costs: by lines, beside libgit2 in the same process, and with structure, parsing and validation.
//!
//! `cargo bench -p vdo-bench --bench text_merge`. The texts are files of this repository, so they are what people write; sides are
//! made from them by the same edits every time. `VDO_BENCH_CASES=DIR` times the cases of a folder instead: each a folder with
//! `base.*`, `ours.*`, `theirs.*`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::print_stderr, missing_docs)]

use std::hint::black_box;
use std::path::{Path, PathBuf};

use criterion::{Criterion, criterion_group, criterion_main};
use vdo_core::merge::text::{Texts, lines_only, merge};
use vdo_core::path::RepoPath;
use vdo_workspace::syntax::TreeSitterSyntax;

struct Case {
    path: RepoPath,
    base: Vec<u8>,
    ours: Vec<u8>,
    theirs: Vec<u8>,
}

/// Changes every `step`th line from `first` on, and puts a line below it.
fn edited(text: &str, first: usize, step: usize, word: &str) -> Vec<u8> {
    let mut out = String::new();
    for (number, line) in text.lines().enumerate() {
        out.push_str(line);
        if number >= first && (number - first).is_multiple_of(step) {
            out.push_str(&format!(" // {word}\n// {word} {number}"));
        }
        out.push('\n');
    }
    out.into_bytes()
}

fn own_files() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut folders = vec![root.join("vdo-core/src"), root.join("vdo-store/src")];
    let mut cases = Vec::new();
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for file in entries {
            if file.is_dir() {
                folders.push(file);
            } else if file.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&file).unwrap();
                // In every third text both sides change the same lines.
                let other = if cases.len() % 3 == 0 { 10 } else { 25 };
                cases.push(Case {
                    path: "src/file.rs".parse().unwrap(),
                    base: text.clone().into_bytes(),
                    ours: edited(&text, 10, 40, "ours"),
                    theirs: edited(&text, other, 40, "theirs"),
                });
            }
        }
    }
    cases
}

fn given(folder: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let case = entry.unwrap().path();
        let file = |role: &str| {
            std::fs::read_dir(&case)
                .unwrap()
                .map(|it| it.unwrap().path())
                .find(|it| it.file_stem().is_some_and(|stem| stem == role))
        };
        let (Some(base), Some(ours), Some(theirs)) = (file("base"), file("ours"), file("theirs")) else { continue };
        let path = base.file_name().unwrap().to_str().unwrap().parse().unwrap();
        let read = |path: &Path| std::fs::read(path).unwrap();
        cases.push(Case { path, base: read(&base), ours: read(&ours), theirs: read(&theirs) });
    }
    cases
}

fn text_merges(criterion: &mut Criterion) {
    let cases = std::env::var_os("VDO_BENCH_CASES").map_or_else(own_files, |folder| given(Path::new(&folder)));
    let bytes: usize = cases.iter().map(|case| case.base.len()).sum();
    eprintln!("{} texts of {} bytes on average", cases.len(), bytes / cases.len().max(1));
    // libgit2 has to be started before it merges.
    let folder = tempfile::tempdir().unwrap();
    let _repository = git2::Repository::init(folder.path()).unwrap();

    let mut group = criterion.benchmark_group("all texts");
    group.sample_size(20);
    group.bench_function("libgit2, by lines", |bencher| {
        bencher.iter(|| {
            for case in &cases {
                let (mut base, mut ours, mut theirs) =
                    (git2::MergeFileInput::new(), git2::MergeFileInput::new(), git2::MergeFileInput::new());
                let merged = git2::merge_file(
                    base.content(&case.base),
                    ours.content(&case.ours),
                    theirs.content(&case.theirs),
                    None,
                );
                black_box(merged.unwrap().content().len());
            }
        });
    });
    group.bench_function("vdo, by lines", |bencher| {
        bencher.iter(|| {
            for case in &cases {
                black_box(lines_only(&case.base, &case.ours, &case.theirs));
            }
        });
    });
    group.bench_function("vdo, with structure and validation", |bencher| {
        bencher.iter(|| {
            for case in &cases {
                let texts = Texts { path: &case.path, base: &case.base, ours: &case.ours, theirs: &case.theirs };
                black_box(merge(texts, &TreeSitterSyntax));
            }
        });
    });
    group.finish();
}

criterion_group!(benches, text_merges);
criterion_main!(benches);
