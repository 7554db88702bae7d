//! What is said of merged trees.

use proptest::prelude::*;

use super::*;
use crate::content::Mode;
use crate::syntax::NoSyntax;

const TEXT: &str = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\n";

/// Trees and their contents. A text that begins with `+` is executable, with `@` a link.
#[derive(Default)]
struct World(Contents);

impl World {
    fn tree(&mut self, files: &[(&str, &str)]) -> FileTree {
        let mut tree = FileTree::default();
        for (path, text) in files {
            let (mode, text) = match text.as_bytes().first() {
                Some(b'+') => (Mode::Executable, &text[1..]),
                Some(b'@') => (Mode::Symlink, &text[1..]),
                _ => (Mode::File, *text),
            };
            let blob = Blob::new(text.as_bytes());
            tree.0.insert(path.parse().unwrap(), Entry { blob: blob.hash(), mode });
            self.0.add(&blob);
        }
        tree
    }

    /// Returns the merged files with their texts, and the conflicts as path and kind.
    fn merge(&mut self, base: &[(&str, &str)], ours: &[(&str, &str)], theirs: &[(&str, &str)]) -> (Files, Open) {
        let [base, ours, theirs] = [base, ours, theirs].map(|files| self.tree(files));
        let needed = needed(&base, &ours, &theirs);
        let mut at_hand = Contents::default();
        for hash in needed {
            at_hand.add(&Blob::new(self.0.get(hash).unwrap()));
        }
        let merged = trees(&base, &ours, &theirs, &at_hand, &NoSyntax);
        let swapped = trees(&base, &theirs, &ours, &at_hand, &NoSyntax);
        let conflicts: Vec<_> = swapped.conflicts.into_iter().map(Conflict::swapped).collect();
        assert_eq!(conflicts, merged.conflicts, "the sides can be exchanged");
        assert_eq!(merged.tree.faults(), []);
        for blob in &merged.blobs {
            self.0.add(blob);
        }
        let text = |entry: &Entry| self.0.text(entry.blob).unwrap().to_owned();
        let files = merged.tree.0.iter().map(|(path, entry)| (path.to_string(), text(entry))).collect();
        let open = merged.conflicts.iter().map(|conflict| (conflict.path.to_string(), conflict.kind)).collect();
        (files, open)
    }
}

type Files = Vec<(String, String)>;
type Open = Vec<(String, ConflictKind)>;

fn files(files: &[(&str, &str)]) -> Files {
    files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

fn merge(base: &[(&str, &str)], ours: &[(&str, &str)], theirs: &[(&str, &str)]) -> (Files, Open) {
    World::default().merge(base, ours, theirs)
}

/// Insists on a merge without conflict.
fn clean(base: &[(&str, &str)], ours: &[(&str, &str)], theirs: &[(&str, &str)], expected: &[(&str, &str)]) {
    assert_eq!(merge(base, ours, theirs), (files(expected), vec![]));
}

/// Insists on conflicts, and on what our side has lying there.
fn open(
    base: &[(&str, &str)],
    ours: &[(&str, &str)],
    theirs: &[(&str, &str)],
    paths: &[(&str, ConflictKind)],
    left: &[(&str, &str)],
) {
    let paths = paths.iter().map(|(path, kind)| ((*path).to_owned(), *kind)).collect();
    assert_eq!(merge(base, ours, theirs), (files(left), paths));
}

#[test]
fn what_one_side_did_is_taken_and_what_both_did_is_merged() {
    let (ours, theirs) = (TEXT.replace("one", "ONE"), TEXT.replace("eight", "EIGHT"));
    clean(
        &[("both", TEXT), ("gone", "x"), ("kept", "k"), ("old", "1")],
        &[("both", &ours), ("gone", "x"), ("kept", "k"), ("mine", "m"), ("old", "2")],
        &[("both", &theirs), ("kept", "k"), ("old", "1"), ("same", "s")],
        &[("both", &theirs.replace("one", "ONE")), ("kept", "k"), ("mine", "m"), ("old", "2"), ("same", "s")],
    );
    clean(&[], &[("new", "n")], &[("new", "n")], &[("new", "n")]);
    clean(&[("a", "x")], &[], &[], &[]);
}

#[test]
fn a_change_follows_the_file_that_the_other_side_renamed() {
    let (edited, renamed) = (TEXT.replace("one", "ONE"), TEXT.replace("eight", "EIGHT"));
    clean(&[("a.py", TEXT)], &[("b.py", TEXT)], &[("a.py", &edited)], &[("b.py", &edited)]);
    clean(&[("a.py", TEXT)], &[("a.py", &edited)], &[("b.py", TEXT)], &[("b.py", &edited)]);
    let both = edited.replace("eight", "EIGHT");
    clean(&[("a.py", TEXT)], &[("b.py", &renamed)], &[("a.py", &edited)], &[("b.py", &both)]);
    clean(&[("a.py", TEXT)], &[("b.py", &renamed)], &[("b.py", &edited)], &[("b.py", &both)]);
    // Also the mode, and a file whose old path is taken by a folder.
    clean(&[("a", TEXT)], &[("b", TEXT)], &[("a", &format!("+{TEXT}"))], &[("b", TEXT)]);
    clean(&[("a", TEXT)], &[("a/b", TEXT)], &[("a", &edited)], &[("a/b", &edited)]);
    // What both did in the same lines is a conflict at the new path.
    let other = TEXT.replace("one", "uno");
    open(&[("a", TEXT)], &[("b", &other)], &[("a", &edited)], &[("b", ConflictKind::Content)], &[("b", &other)]);
    open(&[("a", TEXT)], &[("a", &other)], &[("b", &edited)], &[("b", ConflictKind::Content)], &[("a", &other)]);
}

#[test]
fn a_conflict_tells_where_its_terms_lie() {
    let mut world = World::default();
    let base = world.tree(&[("a", TEXT)]);
    let (ours, theirs) = (world.tree(&[("b", TEXT)]), world.tree(&[("c", TEXT)]));
    let merged = trees(&base, &ours, &theirs, &world.0, &NoSyntax);
    let entry = ours.get(&"b".parse().unwrap());
    let at = |path: &str| Some(path.parse::<RepoPath>().unwrap());
    let conflict = Conflict {
        path: "a".parse().unwrap(),
        base: entry,
        ours: entry,
        theirs: entry,
        reason: "the sides renamed the file to b and c".to_owned(),
        kind: ConflictKind::Renamed,
        places: Places { base: None, ours: at("b"), theirs: at("c") },
        parent: 0,
    };
    assert_eq!(merged.conflicts, std::slice::from_ref(&conflict));
    assert_eq!(merged.tree, ours);
    let json = serde_json::to_value(&conflict).unwrap();
    assert_eq!(serde_json::from_value::<Conflict>(json).unwrap(), conflict);
    let old = r#"{"path":"a","base":null,"ours":null,"theirs":null,"reason":"x"}"#;
    assert_eq!(serde_json::from_str::<Conflict>(old).unwrap().kind, ConflictKind::Content);
}

#[test]
fn renames_that_do_not_go_together_are_conflicts_and_lose_nothing() {
    use ConflictKind::{Added, Deleted, Renamed};
    let edited = TEXT.replace("one", "ONE");
    let elsewhere = "something else\n";
    let second = TEXT.to_uppercase();
    open(&[("a", TEXT)], &[("b", TEXT)], &[], &[("b", Deleted)], &[("b", TEXT)]);
    open(&[("a", TEXT)], &[], &[("b", TEXT)], &[("b", Deleted)], &[]);
    // Renamed to where the other side added a file: that path is open, and so is the change that has no place.
    open(
        &[("a", TEXT)],
        &[("b", TEXT)],
        &[("a", &edited), ("b", elsewhere)],
        &[("a", Deleted), ("b", Renamed)],
        &[("b", TEXT)],
    );
    open(&[("a", TEXT)], &[("b", TEXT)], &[("a", TEXT), ("b", elsewhere)], &[("b", Renamed)], &[("b", TEXT)]);
    // Two files renamed to one path.
    open(
        &[("a", TEXT), ("z", &second)],
        &[("b", TEXT), ("z", &second)],
        &[("a", TEXT), ("b", &second)],
        &[("b", Renamed)],
        &[("b", TEXT)],
    );
    open(&[], &[("b", TEXT)], &[("b", elsewhere)], &[("b", Added)], &[("b", TEXT)]);
    // What one side added to a folder that the other renamed stays where it was added.
    clean(
        &[("old/a", TEXT)],
        &[("new/a", TEXT)],
        &[("old/a", TEXT), ("old/b", "b")],
        &[("new/a", TEXT), ("old/b", "b")],
    );
}

#[test]
fn what_lines_cannot_tell_is_a_conflict_with_its_kind() {
    use ConflictKind::{Binary, Deleted, Mode, Unread};
    open(&[("a", "x\0")], &[("a", "y\0")], &[("a", "z\0")], &[("a", Binary)], &[("a", "y\0")]);
    clean(&[("a", "x\0")], &[("a", "y\0")], &[("a", "x\0")], &[("a", "y\0")]);
    open(&[("a", "@x")], &[("a", "@y")], &[("a", "@z")], &[("a", Binary)], &[("a", "y")]);
    open(&[("a", TEXT)], &[("a", "@y")], &[("a", "+z")], &[("a", Mode)], &[("a", "y")]);
    open(&[("a", "x")], &[], &[("a", "y")], &[("a", Deleted)], &[]);
    let lines = "x\n".repeat(MAX_TEXT_LINES + 1);
    let (ours, theirs) = (format!("a\n{lines}"), format!("{lines}b\n"));
    open(&[("a", &lines)], &[("a", &ours)], &[("a", &theirs)], &[("a", Unread)], &[("a", &ours)]);
    clean(&[("a", "x\n1\n2\n3\n")], &[("a", "y\n1\n2\n3\n")], &[("a", "x\n1\n2\n4\n")], &[("a", "y\n1\n2\n4\n")]);
}

#[test]
fn texts_that_are_not_utf_8_merge_by_lines() {
    let mut world = Contents::default();
    let mut tree = |text: &[u8]| {
        let blob = Blob::new(text);
        world.add(&blob);
        FileTree::from_iter([("a".parse().unwrap(), Entry::file(blob.hash()))])
    };
    let base = tree(b"\xff\n2\n3\n");
    let (ours, theirs) = (tree(b"\xfe\n2\n3\n"), tree(b"\xff\n2\n\xfd\n"));
    let merged = trees(&base, &ours, &theirs, &world, &NoSyntax);
    assert_eq!((merged.conflicts, merged.blobs), (vec![], vec![Blob::new(&b"\xfe\n2\n\xfd\n"[..])]));
}

#[test]
fn a_missing_content_is_a_conflict_that_says_so() {
    let mut world = World::default();
    let [base, ours, theirs] = ["1\n", "2\n", "3\n"].map(|text| world.tree(&[("a", text)]));
    let merged = trees(&base, &ours, &theirs, &Contents::default(), &NoSyntax);
    assert_eq!(merged.conflicts.iter().map(|conflict| conflict.kind).collect::<Vec<_>>(), [ConflictKind::Unread]);
}

#[test]
fn paths_that_cannot_live_in_one_folder_are_conflicts() {
    use ConflictKind::Clash;
    open(
        &[("k", "k")],
        &[("a", "file"), ("k", "k")],
        &[("a/b", "x"), ("a/c", "y"), ("k", "k")],
        &[("a", Clash), ("a/b", Clash), ("a/c", Clash)],
        &[("a", "file"), ("k", "k")],
    );
    open(
        &[],
        &[("a/b", "x"), ("a/c", "y")],
        &[("a", "@link")],
        &[("a", Clash), ("a/b", Clash), ("a/c", Clash)],
        &[("a/b", "x"), ("a/c", "y")],
    );
    open(&[], &[("Read.me", "1")], &[("read.ME", "1")], &[("Read.me", Clash), ("read.ME", Clash)], &[("Read.me", "1")]);
    // A rename that changes the case only is none.
    let edited = TEXT.replace("one", "ONE");
    clean(&[("read", TEXT)], &[("READ", TEXT)], &[("read", &edited)], &[("READ", &edited)]);
    // A renamed file that clashes goes back to where our side has it.
    open(
        &[("a", TEXT)],
        &[("B", "other"), ("a", &edited)],
        &[("b", TEXT)],
        &[("B", Clash), ("b", Clash)],
        &[("B", "other"), ("a", &edited)],
    );
}

#[test]
fn empty_files_are_never_followed() {
    open(
        &[("a/__init__.py", "")],
        &[("b/__init__.py", "")],
        &[("a/__init__.py", "x")],
        &[("a/__init__.py", ConflictKind::Deleted)],
        &[("b/__init__.py", "")],
    );
}

fn sides() -> impl Strategy<Value = [Vec<(&'static str, String)>; 3]> {
    let lines = prop::sample::subsequence(vec!["1\n", "2\n", "3\n", "4\n", "5\n", "6\n"], 0..=6)
        .prop_map(|lines| lines.concat());
    let tree = prop::collection::btree_map(prop::sample::select(vec!["a", "A", "b", "c", "d/e", "d"]), lines, 0..5);
    let tree = tree.prop_map(|files| {
        let mut files: Vec<(&'static str, String)> = files.into_iter().collect();
        let (file, upper) = (files.iter().any(|(path, _)| *path == "d"), files.iter().any(|(path, _)| *path == "A"));
        files.retain(|(path, _)| !(file && *path == "d/e" || upper && *path == "a"));
        files
    });
    [tree.clone(), tree.clone(), tree]
}

proptest! {
    #[test]
    fn a_side_that_did_nothing_yields_and_sides_can_be_exchanged(sides in sides()) {
        let mut world = World::default();
        let [base, ours, theirs] = sides.map(|files| {
            let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
            world.tree(&files)
        });
        let merge = |base, ours, theirs| trees(base, ours, theirs, &world.0, &NoSyntax);
        let only = |tree: &FileTree| Merged { tree: tree.clone(), ..Merged::default() };
        prop_assert_eq!(merge(&base, &ours, &base), only(&ours));
        prop_assert_eq!(merge(&base, &base, &theirs), only(&theirs));
        prop_assert_eq!(merge(&base, &ours, &ours), only(&ours));
        let (one, other) = (merge(&base, &ours, &theirs), merge(&base, &theirs, &ours));
        let swapped: Vec<Conflict> = other.conflicts.into_iter().map(Conflict::swapped).collect();
        prop_assert_eq!(&one.conflicts, &swapped);
        prop_assert_eq!(one.tree.faults(), []);
        if one.conflicts.is_empty() {
            prop_assert_eq!(one.tree, other.tree);
        }
    }
}
