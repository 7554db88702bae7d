//! What several tests need: jobs, and the real git.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::Path;
use std::process::Command;

use vdo_core::content::{BlobHash, Mode};
use vdo_core::id::{JobId, RevisionId};
use vdo_core::job::{Cause, Job, JobKind, JobSpec, JobStatus, ParentLink, Revision};
use vdo_core::money::NanoUsd;
use vdo_core::port::TreeSource;
use vdo_core::time::Timestamp;
use vdo_workspace::folder::MemorySource;

/// Runs git and returns what it printed.
pub fn git(dir: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(dir)
        .args([
            "-c",
            "user.name=Ann",
            "-c",
            "user.email=ann@example.org",
            "-c",
            "init.defaultBranch=main",
            "-c",
            "protocol.file.allow=always",
        ])
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

pub fn id(number: u64) -> JobId {
    JobId::new(number).unwrap()
}

pub fn source(files: &[(&str, &str)]) -> MemorySource {
    files.iter().fold(MemorySource::default(), |source, (path, text)| {
        let (path, mode) = match path.split_once(':') {
            Some(("x", path)) => (path, Mode::Executable),
            Some(("l", path)) => (path, Mode::Symlink),
            Some(("m", path)) => (path, Mode::Submodule),
            _ => (*path, Mode::File),
        };
        source.with_file(path.parse().unwrap(), mode, text)
    })
}

/// A job and its newest revision with this tree.
pub fn job(number: u64, title: &str, parents: &[u64], kind: JobKind, tree: &dyn TreeSource) -> (Job, Revision) {
    let revision = revision(number, 1, tree.tree().root_hash());
    let mut spec = JobSpec::new(title, "Does it.\n\nVDO-Job: 999");
    spec.kind = kind;
    let link = |parent: &u64| ParentLink { job: id(*parent), number: Some(1), revision: Some(RevisionId(*parent)) };
    let job = Job {
        id: id(number),
        spec,
        parents: parents.iter().map(link).collect(),
        status: JobStatus::Completed,
        reason: None,
        stamps: Vec::new(),
        version: 1,
        cancel_requested: false,
        depth: 1,
        root: id(1),
        head: Some(revision.clone()),
        branch: None,
        rating: None,
        note: None,
        is_reference: false,
        cost: NanoUsd::default(),
        reserved: NanoUsd::default(),
        usage: Default::default(),
        created: Timestamp(1_700_000_000_000 + i64::try_from(number).unwrap()),
        updated: Timestamp(1_700_000_000_000),
        retries: vdo_core::tries::Retries::default(),
    };
    (job, revision)
}

pub fn revision(job: u64, number: u32, root_hash: BlobHash) -> Revision {
    Revision {
        id: RevisionId(job * 100 + u64::from(number)),
        job: id(job),
        number,
        root_hash,
        base: None,
        also: Vec::new(),
        cause: Cause::Run,
        author: "test".to_owned(),
        created: Timestamp(1_700_000_100_000 + i64::from(number) * 1000),
    }
}

/// Every file below `dir` with its bytes or link target, and whether it may be executed, in order.
pub fn snapshot(dir: &Path) -> Vec<(String, Vec<u8>, bool)> {
    use std::os::unix::fs::PermissionsExt;
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let data = path.symlink_metadata().unwrap();
            let name = path.strip_prefix(dir).unwrap().display().to_string();
            if data.is_dir() {
                open.push(path);
            } else if data.is_symlink() {
                found.push((name, std::fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes(), false));
            } else {
                found.push((name, std::fs::read(&path).unwrap(), data.permissions().mode() & 0o100 != 0));
            }
        }
    }
    found.sort();
    found
}
