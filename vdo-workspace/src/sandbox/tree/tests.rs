#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

fn policy() -> Policy {
    Policy { links: false, refuse_git: true, files: 10, bytes: 1000, owner: None }
}

fn run(from: &Path, to: &Path, policy: Policy) -> Copied {
    copy(open_folder(from).unwrap().as_fd(), open_folder(to).unwrap().as_fd(), policy).unwrap()
}

#[test]
fn only_regular_files_cross_and_the_rest_is_listed() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir_all(from.path().join("sub/.git/hooks")).unwrap();
    fs::write(from.path().join("sub/ok.txt"), "fine").unwrap();
    fs::write(from.path().join("big"), vec![1; 1001]).unwrap();
    fs::set_permissions(from.path().join("sub/ok.txt"), fs::Permissions::from_mode(0o4777)).unwrap();
    symlink("/etc/passwd", from.path().join("link")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, from.path().join("pipe"), Mode::from_raw_mode(0o644)).unwrap();

    let mut done = run(from.path(), to.path(), policy());
    done.refused.sort_by(|a, b| a.path.cmp(&b.path));
    let refused = [
        ("big", RefusedWhy::Limit),
        ("link", RefusedWhy::Symlink),
        ("pipe", RefusedWhy::Special),
        ("sub/.git", RefusedWhy::Git),
    ]
    .map(|(path, why)| Refused { path: path.into(), why });
    assert_eq!(done, Copied { files: 1, bytes: 4, refused: refused.into(), refused_total: 4 });
    let mode = fs::metadata(to.path().join("sub/ok.txt")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o755);
}

#[test]
fn links_are_kept_as_text_where_the_policy_says_so() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    symlink("/etc/passwd", from.path().join("link")).unwrap();
    let done = run(from.path(), to.path(), Policy { links: true, ..policy() });
    assert_eq!(done, Copied::default());
    assert_eq!(fs::read_link(to.path().join("link")).unwrap(), Path::new("/etc/passwd"));
}

#[test]
fn a_sparse_file_stays_sparse_and_whole() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = fs::File::create(from.path().join("sparse")).unwrap();
    file.set_len(64 << 20).unwrap();
    let done = run(from.path(), to.path(), Policy { bytes: 1 << 30, ..policy() });
    assert_eq!(done.bytes, 64 << 20);
    let copy = fs::metadata(to.path().join("sparse")).unwrap();
    assert_eq!(copy.len(), 64 << 20);
    assert!(std::os::unix::fs::MetadataExt::blocks(&copy) < 100);
}
