//! Laying trees out and reading folders back.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::BTreeMap;

use common::source;
use proptest::prelude::*;
use vdo_core::content::{BlobHash, Mode};
use vdo_core::port::TreeSource;
use vdo_workspace::folder::{FolderSource, MaterialiseError, MemorySource, link_fault, materialise};

#[tokio::test]
async fn links_that_lead_out_are_refused_and_nothing_is_written_through_one() {
    let dir = tempfile::tempdir().unwrap();
    let tree = source(&[
        ("a/f", "1"),
        ("l:a/ok", "../a/f"),
        ("l:a/up", "../../etc/passwd"),
        ("l:abs", "/etc/passwd"),
        ("l:dot", "."),
        ("l:down", "dot/../../etc"),
        ("l:git", ".git/hooks"),
        ("l:empty", ""),
        ("m:sub", "0123456789abcdef0123456789abcdef01234567"),
    ]);
    let out = dir.path().join("out");
    let done = materialise(&tree, &out).await.unwrap();
    let refused: Vec<_> = done.refused.iter().map(|link| link.path.as_str()).collect();
    assert_eq!((done.files, refused), (4, vec!["a/up", "abs", "down", "empty", "git"]));
    assert_eq!(std::fs::read_to_string(out.join("a/ok")).unwrap(), "1");
    assert!(out.join("sub").is_dir());
    assert!(matches!(materialise(&tree, &out).await, Err(MaterialiseError::NotEmpty(_))));
    let through = source(&[("l:x", "a"), ("x/f", "1")]);
    assert!(matches!(materialise(&through, &dir.path().join("t")).await, Err(MaterialiseError::Tree(_))));
    assert!(!dir.path().join("t").exists());
}

#[test]
fn a_target_must_go_up_before_it_goes_down() {
    let path = "a/b/link".parse().unwrap();
    for (target, fits) in [
        ("x", true),
        ("../x", true),
        ("../../x", true),
        ("../../../x", false),
        ("x/../y", false),
        ("./../x", true),
        ("//x", false),
    ] {
        assert_eq!(link_fault(&path, target.as_bytes()).is_none(), fits, "{target}");
    }
    assert!(link_fault(&path, b"\xff").is_some());
}

#[tokio::test]
async fn a_folder_that_changed_since_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a"), "1").unwrap();
    let folder = FolderSource::open(dir.path()).unwrap();
    let hash = BlobHash::of(b"1");
    assert_eq!(&*folder.read(&[hash]).await.unwrap()[0], b"1");
    std::fs::write(dir.path().join("a"), "2").unwrap();
    assert!(folder.read(&[hash]).await.is_err());
    assert!(folder.read(&[BlobHash::of(b"x")]).await.is_err());
}

fn trees() -> impl Strategy<Value = MemorySource> {
    let name = "[a-zA-Zü .-]{0,4}[a-z]";
    let path = prop::collection::vec(name, 1..4).prop_map(|parts| parts.join("/"));
    let file = (any::<bool>(), prop::collection::vec(any::<u8>(), 0..64));
    prop::collection::btree_map(path, file, 0..24).prop_map(|files: BTreeMap<String, (bool, Vec<u8>)>| {
        let mut source = MemorySource::default();
        for (path, (executable, bytes)) in files {
            let Ok(path) = path.parse() else { continue };
            if source.tree().fault_at(&path).is_some() || source.tree().case_twin(&path).is_some() {
                continue;
            }
            source = source.with_file(path, if executable { Mode::Executable } else { Mode::File }, bytes);
        }
        source
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_tree_laid_out_and_read_back_is_the_same(source in trees()) {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(materialise(&source, &out)).unwrap();
        let folder = FolderSource::open(&out).unwrap();
        prop_assert_eq!(folder.tree(), source.tree());
        #[cfg(feature = "scan")]
        if !source.tree().is_empty() {
            let imported = vdo_workspace::import::import_folder(&out, &Default::default()).unwrap();
            // Case twins among folders are the import's to refuse; there are none among these files.
            prop_assert_eq!(&imported.tree, source.tree());
        }
    }
}
