//! Scanning folders as they come: what is found is the same whatever the cache has, and nothing makes a scan fail.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use git2::{IndexAddOption, Repository, Signature};
use vdo_core::context::query::Query;
use vdo_core::context::rank::{Ranked, Signal, Weights};
use vdo_core::port::{FileClass, Interest, LeftOutReason, Scanner as _};
use vdo_workspace::folder::FolderSource;
use vdo_workspace::scan::{FolderScan, WorkspaceScanner};
use vdo_workspace::syntax::TreeSitterSyntax;

fn scanner(cache: &Path) -> WorkspaceScanner {
    WorkspaceScanner::new(Arc::new(TreeSitterSyntax)).with_cache(cache)
}

fn write(root: &Path, path: &str, text: impl AsRef<[u8]>) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A small shop: three sources, a test, a document, a manifest.
fn shop(root: &Path) {
    write(
        root,
        "shop/cart.py",
        "\"\"\"What is bought.\"\"\"\n\nclass Cart:\n    def add_item(self, item):\n        self.items.append(item)\n",
    );
    write(root, "shop/prices.py", "def discount_rate(customer):\n    return 0.1 if customer.is_loyal else 0\n");
    write(root, "shop/mail.py", "def send_receipt(cart):\n    print('thanks')\n");
    write(root, "tests/test_cart.py", "from shop.cart import Cart\n\ndef test_add():\n    Cart()\n");
    write(root, "README.md", "# Shop\n\nSells things at a discount.\n");
    write(root, "pyproject.toml", "[project]\nname = 'shop'\n");
}

fn commit(root: &Path, message: &str) {
    let repository = Repository::open(root).or_else(|_| Repository::init(root)).unwrap();
    let mut index = repository.index().unwrap();
    index.add_all(["*"], IndexAddOption::DEFAULT, None).unwrap();
    index.write().unwrap();
    let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
    let who = Signature::now("t", "t@example.org").unwrap();
    let parent = repository.head().ok().and_then(|head| head.peel_to_commit().ok());
    let parents: Vec<_> = parent.iter().collect();
    repository.commit(Some("HEAD"), &who, &who, message, &tree, &parents).unwrap();
}

fn sources(scan: &FolderScan, query: &str) -> Vec<Ranked> {
    scan.ranked(FileClass::Source, &Query::of(query), &Weights::default(), 100)
}

fn paths(ranked: &[Ranked]) -> Vec<&str> {
    ranked.iter().map(|file| file.path.as_str()).collect()
}

#[test]
fn the_file_that_the_query_is_about_comes_first_and_kinds_have_lists_of_their_own() {
    let (root, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    shop(root.path());
    let scan = scanner(cache.path()).folder(root.path()).unwrap();
    let found = scan.find(&Query::of("loyal customers get a larger discount"), &Weights::default(), 100);
    assert_eq!(paths(&found.sources), ["shop/prices.py", "shop/cart.py", "shop/mail.py"]);
    assert_eq!(paths(&found.tests), ["tests/test_cart.py"]);
    assert_eq!(paths(&found.docs), ["README.md"]);
    assert_eq!(paths(&found.config), ["pyproject.toml"]);
    for file in &found.sources {
        let sum: f64 = file.parts.values().sum();
        assert!((file.score - sum).abs() < 1e-12, "{file:?}");
    }
}

#[test]
fn cold_warm_and_uncached_scans_agree_and_a_warm_one_reads_nothing() {
    let (root, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    shop(root.path());
    commit(root.path(), "Add the shop");
    let cold = scanner(cache.path()).folder(root.path()).unwrap();
    let warm = scanner(cache.path()).folder(root.path()).unwrap();
    let alone = WorkspaceScanner::new(Arc::new(TreeSitterSyntax)).folder(root.path()).unwrap();
    assert_eq!((cold.fresh(), warm.fresh(), alone.fresh()), (6, 0, 6));
    let wanted = sources(&cold, "send the receipt by mail");
    assert_eq!(sources(&warm, "send the receipt by mail"), wanted);
    assert_eq!(sources(&alone, "send the receipt by mail"), wanted);
}

#[test]
fn another_commit_costs_what_changed_and_gives_what_a_cold_scan_gives() {
    let (root, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    shop(root.path());
    commit(root.path(), "Add the shop");
    scanner(cache.path()).folder(root.path()).unwrap();
    write(root.path(), "shop/prices.py", "def vat_rate(country):\n    return 0.19\n");
    commit(root.path(), "Prices know the VAT of a country");
    let step = scanner(cache.path()).folder(root.path()).unwrap();
    assert_eq!(step.fresh(), 1);
    let cold = WorkspaceScanner::new(Arc::new(TreeSitterSyntax)).folder(root.path()).unwrap();
    assert_eq!(sources(&step, "VAT by country"), sources(&cold, "VAT by country"));
    assert_eq!(paths(&sources(&step, "VAT by country"))[0], "shop/prices.py");
}

#[test]
fn a_change_that_leaves_the_size_alone_is_seen() {
    let (root, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    shop(root.path());
    for round in 0..20 {
        write(root.path(), "shop/mail.py", format!("def send_letter_{round:02}(cart): pass\n"));
        let scan = scanner(cache.path()).folder(root.path()).unwrap();
        let facts = scan.facts(&["shop/mail.py".parse().unwrap()].into());
        assert_eq!(facts[0].symbols[0].name, format!("send_letter_{round:02}"));
    }
}

#[test]
fn what_was_said_of_past_changes_leads_to_the_files_they_touched() {
    let (root, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    shop(root.path());
    commit(root.path(), "Add the shop");
    write(root.path(), "shop/mail.py", "def send_receipt(cart):\n    print('thank you')\n");
    commit(root.path(), "Polish the wording for Friday's newsletter");
    let scan = scanner(cache.path()).folder(root.path()).unwrap();
    assert_eq!(scan.changes(), 2);
    let ranked = sources(&scan, "newsletter wording");
    assert_eq!(paths(&ranked)[0], "shop/mail.py");
    assert!(ranked[0].parts[&Signal::Nearest] > 0.0, "{:?}", ranked[0]);
}

#[tokio::test]
async fn a_tree_in_a_store_is_ranked_like_the_folder_and_costs_nothing_once_the_folder_was() {
    let (root, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    shop(root.path());
    let scanner = scanner(cache.path());
    let folder = scanner.folder(root.path()).unwrap();
    let source = FolderSource::open(root.path()).unwrap();
    let query = "loyal customers get a larger discount";
    let scanned = scanner.scan(&source, &Interest::new(query)).await.unwrap();
    let fits: Vec<&str> = scanned.ranked.iter().map(|fit| fit.path.as_str()).collect();
    assert_eq!(fits, paths(&sources(&folder, query)));
    assert_eq!(scanned.files.len(), 6);
    // A job of this lineage said something of a file before.
    let past = vec![("Improve the thank-you page".to_owned(), vec!["shop/mail.py".to_owned()])];
    let scanned = scanner.scan(&source, &Interest::new("thank-you page").with_past(past)).await.unwrap();
    assert_eq!(scanned.ranked[0].path.as_str(), "shop/mail.py");
}

#[test]
fn a_spoiled_or_foreign_cache_is_made_again() {
    let (root, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    shop(root.path());
    let wanted = sources(&scanner(cache.path()).folder(root.path()).unwrap(), "discount");
    let files = || walk(cache.path());
    assert!(files().len() >= 2, "{:?}", files());
    for file in files() {
        let mut bytes = fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xff;
        fs::write(&file, &bytes).unwrap();
    }
    let scan = scanner(cache.path()).folder(root.path()).unwrap();
    assert_eq!((scan.fresh(), sources(&scan, "discount")), (6, wanted.clone()));
    for file in files() {
        fs::write(&file, b"SQLite format 3\0").unwrap();
    }
    let scan = scanner(cache.path()).folder(root.path()).unwrap();
    assert_eq!((scan.fresh(), sources(&scan, "discount")), (6, wanted));
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(walk(&path)) } else { files.push(path) }
    }
    files
}

#[test]
fn many_scans_share_one_cache_at_once() {
    let (root, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    shop(root.path());
    for at in 0..200 {
        write(root.path(), &format!("shop/part_{at}.py"), format!("def part_{at}():\n    return {at}\n"));
    }
    let wanted = sources(&WorkspaceScanner::new(Arc::new(TreeSitterSyntax)).folder(root.path()).unwrap(), "part 7");
    std::thread::scope(|scope| {
        let scans: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| sources(&scanner(cache.path()).folder(root.path()).unwrap(), "part 7")))
            .collect();
        for scan in scans {
            assert_eq!(scan.join().unwrap(), wanted);
        }
    });
    assert_eq!(scanner(cache.path()).folder(root.path()).unwrap().fresh(), 0);
}

#[test]
fn nothing_in_a_folder_makes_a_scan_fail() {
    let (root, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let root = root.path();
    shop(root);
    write(root, "latin.py", b"# caf\xe9\ndef terrace(): pass\n");
    write(root, "zero.py", b"x = 1\0\0");
    write(root, "noise.py", [0xff_u8, 0xfe, 0xfd].repeat(500));
    write(root, "deep.py", format!("x = {}1{}\n", "(".repeat(9_000), ")".repeat(9_000)));
    write(root, "deep.rs", "{\n".repeat(100_000));
    write(root, "long.js", format!("const a = \"{}", "x".repeat(300_000)));
    write(root, "broken.py", "def broken(:\n  class ???\n");
    fs::File::create(root.join("huge.py")).unwrap().set_len(1 << 30).unwrap();
    std::os::unix::fs::symlink(".", root.join("loop")).unwrap();
    std::os::unix::fs::symlink("../..", root.join("shop/up")).unwrap();
    std::os::unix::fs::symlink("nowhere", root.join("dangling.py")).unwrap();
    let odd: std::ffi::OsString = std::os::unix::ffi::OsStringExt::from_vec(b"bad\xff.py".to_vec());
    fs::write(root.join(odd), "x = 1\n").unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, root.join("pipe.py"), rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    fs::create_dir_all(root.join("inner/.git")).unwrap();
    write(root, "inner/other.py", "x = 1\n");
    let scan = scanner(cache.path()).folder(root).unwrap();
    let reason = |name: &str| {
        let found = scan.left_out().iter().find(|file| file.path.starts_with(name));
        found.map(|file| file.reason)
    };
    assert_eq!(reason("huge.py"), Some(LeftOutReason::TooLarge));
    assert_eq!(reason("zero.py"), Some(LeftOutReason::Binary));
    assert_eq!(reason("noise.py"), Some(LeftOutReason::Binary));
    assert_eq!(reason("bad"), Some(LeftOutReason::Name));
    assert_eq!(reason("inner"), Some(LeftOutReason::Repository));
    let found = sources(&scan, "terrace");
    assert_eq!(paths(&found)[0], "latin.py");
    for kept in ["deep.py", "deep.rs", "broken.py", "shop/cart.py"] {
        assert!(paths(&found).contains(&kept), "{kept}");
    }
    for gone in ["loop", "shop/up", "dangling.py", "pipe.py"] {
        assert!(!paths(&found).iter().any(|path| path.starts_with(gone)), "{gone}");
    }
}

#[test]
fn repositories_without_commits_and_cut_off_ones_give_what_there_is() {
    let (root, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    shop(root.path());
    Repository::init(root.path()).unwrap();
    assert_eq!(scanner(cache.path()).folder(root.path()).unwrap().changes(), 0);
    commit(root.path(), "Add the shop");
    for at in 0..5 {
        write(root.path(), "shop/mail.py", format!("def send_receipt_{at}(cart): pass\n"));
        commit(root.path(), &format!("Mail, part {at}"));
    }
    let shallow = tempfile::tempdir().unwrap();
    let clone = std::process::Command::new("git")
        .args(["clone", "-q", "--depth", "2"])
        .arg(format!("file://{}", root.path().display()))
        .arg(shallow.path().join("clone"))
        .status();
    assert!(clone.unwrap().success());
    let scan = scanner(cache.path()).folder(&shallow.path().join("clone")).unwrap();
    // The newest is whole; what the oldest one changed cannot be told.
    assert_eq!(scan.changes(), 1);
    assert_eq!(sources(&scan, "receipt").len(), 3);
    assert!(scanner(cache.path()).folder(&root.path().join("nowhere")).is_err());
}

#[test]
fn a_folder_within_a_repository_has_its_part_of_the_history() {
    let (root, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    shop(root.path());
    commit(root.path(), "Add the shop");
    let scan = scanner(cache.path()).folder(&root.path().join("shop")).unwrap();
    let ranked = sources(&scan, "Add the shop");
    assert_eq!(paths(&ranked).len(), 3);
    assert!(ranked.iter().all(|file| file.parts.contains_key(&Signal::Recency)), "{ranked:?}");
}

#[test]
fn an_empty_query_ranks_by_what_is_alive() {
    let (root, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    shop(root.path());
    commit(root.path(), "Add the shop");
    write(root.path(), "shop/mail.py", "def send_receipt(cart):\n    print('hi')\n");
    commit(root.path(), "Greet");
    let scan = scanner(cache.path()).folder(root.path()).unwrap();
    assert_eq!(paths(&sources(&scan, ""))[0], "shop/mail.py");
    let empty = tempfile::tempdir().unwrap();
    assert!(scanner(cache.path()).folder(empty.path()).unwrap().is_empty());
}
