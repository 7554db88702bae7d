//! What is said of patches. That git takes them is shown where git is: in the workspace crate.

use super::*;
use crate::content::Blob;

fn change(path: &str, from: Option<(&str, u8)>, before: Option<(&str, Mode)>, after: Option<(&str, Mode)>) -> String {
    let entry =
        |side: Option<(&str, Mode)>| side.map(|(text, mode)| Entry { blob: BlobHash::of(text.as_bytes()), mode });
    let from = from.map(|(from, similarity)| (from.parse().unwrap(), similarity));
    let change = FileChange { path: path.parse().unwrap(), from, before: entry(before), after: entry(after) };
    let text = |side: Option<(&str, Mode)>| side.map_or("", |(text, _)| text).as_bytes().to_vec();
    String::from_utf8(patch(&change, &text(before), &text(after))).unwrap()
}

#[test]
fn a_rename_with_a_change_names_both_places() {
    let (old, new) = (Some(("a\nb\n", Mode::File)), Some(("a\nc\n", Mode::Executable)));
    assert_eq!(
        change("new name", Some(("old", 50)), old, new),
        "diff --git a/old b/new name\nold mode 100644\nnew mode 100755\nsimilarity index 50%\nrename from old\n\
         rename to new name\nindex 422c2b7ab3b3c668038da977e4e93a5fc623169c..0f7bc766052a5a0ee28a393d51d2370f96d8ceb8\n\
         --- a/old\n+++ b/new name\t\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"
    );
}

#[test]
fn a_file_that_became_a_link_is_gone_and_new() {
    let text = change("a", None, Some(("x\n", Mode::File)), Some(("b", Mode::Symlink)));
    assert_eq!(
        text.lines().filter(|line| line.starts_with("diff") || line.contains("mode")).collect::<Vec<_>>(),
        ["diff --git a/a b/a", "deleted file mode 100644", "diff --git a/a b/a", "new file mode 120000"]
    );
}

#[test]
fn changes_show_a_rename_once() {
    let mut contents = Contents::default();
    let mut tree = |files: &[(&str, &str)]| {
        let mut tree = FileTree::default();
        for (path, text) in files {
            let blob = Blob::new(text.as_bytes());
            tree.0.insert(path.parse().unwrap(), Entry::file(blob.hash()));
            contents.add(&blob);
        }
        tree
    };
    let (before, after) = (tree(&[("a", "1\n2\n3\n4\n"), ("b", "x")]), tree(&[("c", "1\n2\n3\n5\n"), ("d", "y")]));
    let rows: Vec<_> = changes(&before, &after, &contents)
        .into_iter()
        .map(|change| (change.path.to_string(), change.status(), change.from.map(|(_, similarity)| similarity)))
        .collect();
    assert_eq!(
        rows,
        [
            ("b".to_owned(), Status::Deleted, None),
            ("c".to_owned(), Status::Renamed, Some(75)),
            ("d".to_owned(), Status::Created, None)
        ]
    );
}

#[test]
fn the_sum_at_a_glance_is_written_as_git_writes_it() {
    let row = |path: &str, from: Option<&str>, size: Size| {
        let from = from.map(|from| (from.parse().unwrap(), 90));
        (FileChange { path: path.parse().unwrap(), from, before: None, after: None }, size)
    };
    let lines = |added, removed| Size { added, removed, binary: None };
    assert_eq!(
        stat(&[
            row("src/b/x.py", Some("src/a/x.py"), lines(1, 2)),
            row("logo.png", None, Size { binary: Some((3, 10)), ..Size::default() }),
            row("src/deep/x", Some("src/x"), lines(0, 0)),
            row("new", Some("old"), lines(0, 0)),
        ]),
        " src/{a => b}/x.py | 3 +--\n logo.png          | Bin 3 -> 10 bytes\n src/{ => deep}/x  |   0\n old => new        |   0\n \
         4 files changed, 1 insertion(+), 2 deletions(-)\n"
            .replace("| 3 +--", "|   3 +--")
    );
    assert_eq!(stat(&[row("a", None, lines(1, 0))]), " a | 1 +\n 1 file changed, 1 insertion(+)\n");
    assert_eq!(stat(&[]), " 0 files changed\n");
}
