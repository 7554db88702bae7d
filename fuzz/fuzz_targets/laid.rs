//! What every target does: reads a reply, lays it over a file, and checks what must hold whatever the two are.

use vdo_core::content::{Blob, Entry};
use vdo_core::contents::Contents;
use vdo_core::edit::{Existing, Format, Known, Whole, apply_good, read};
use vdo_core::path::RepoPath;
use vdo_core::tree::FileTree;

/// Lays the reply behind the first NUL over the file before it.
pub fn lay(data: &[u8], format: Format) {
    let text = String::from_utf8_lossy(data);
    let (file, reply) = text.split_once('\0').unwrap_or(("a\nb\n", &text));
    let Ok(path) = "f".parse::<RepoPath>() else { return };
    let blob = Blob::new(file.as_bytes());
    let tree = FileTree::from_iter([(path.clone(), Entry::file(blob.hash()))]);
    let mut contents = Contents::default();
    contents.add(&blob);
    let is_there = |known: &RepoPath| *known == path;
    for whole in [Whole::Yes, Whole::Unknown] {
        let reply = read(reply, format, Known(&is_there), whole);
        assert!(!(reply.edits.is_empty() && reply.faults.is_empty()), "nothing was read and nothing was told");
        let done = apply_good(&reply.edits, &tree, &contents, reply.sequence, Existing::Replace);
        // What is told to be there is there, and no path leads outside.
        for (path, entry) in &done.applied.touched {
            assert_eq!(done.applied.tree.get(path), *entry);
            assert_eq!(path.as_str().parse::<RepoPath>().as_ref(), Ok(path));
        }
        for fault in reply.faults.iter().chain(&done.faults) {
            assert!(fault.to_string().len() < 4_000, "a fault is too long");
        }
        // The same edits once more give the same.
        assert_eq!(done, apply_good(&reply.edits, &tree, &contents, reply.sequence, Existing::Replace));
    }
}
