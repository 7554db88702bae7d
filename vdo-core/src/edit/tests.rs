//! Replies laid over files: where they land, what they leave as it was, and what is refused.

use super::*;
use crate::content::{Blob, Entry, Mode};
use crate::contents::Contents;
use crate::tree::FileTree;

fn given(files: &[(&str, &str)]) -> (FileTree, Contents) {
    let mut contents = Contents::default();
    let tree = files
        .iter()
        .map(|(path, text)| {
            let blob = Blob::new(text.as_bytes());
            contents.add(&blob);
            (path.parse().unwrap(), Entry::file(blob.hash()))
        })
        .collect();
    (tree, contents)
}

fn lay(files: &[(&str, &str)], reply: &str, format: Format) -> Partial {
    let (tree, contents) = given(files);
    let reply = read(reply, format, Known(&|path| tree.get(path).is_some()), Whole::Unknown);
    if !reply.faults.is_empty() {
        return Partial { faults: reply.faults, applied: Applied { tree, ..Applied::default() } };
    }
    apply_good(&reply.edits, &tree, &contents, reply.sequence, Existing::Replace)
}

/// What becomes of a file, or the first fault.
fn landed(file: &str, reply: &str, format: Format) -> Result<String, EditError> {
    let done = lay(&[("f", file)], reply, format);
    if let Some(fault) = done.faults.into_iter().next() {
        return Err(fault);
    }
    let entry = done.applied.touched["f"].unwrap();
    let blob = done.applied.blobs.iter().find(|blob| blob.hash() == entry.blob).unwrap();
    Ok(String::from_utf8(blob.bytes().to_vec()).unwrap())
}

fn block(find: &str, replace: &str) -> String {
    format!("f\n<<<<<<< SEARCH\n{find}=======\n{replace}>>>>>>> REPLACE\n")
}

fn by_block(file: &str, find: &str, replace: &str) -> Result<String, EditError> {
    landed(file, &block(find, replace), Format::SearchReplace)
}

fn patched(file: &str, body: &str) -> Result<String, EditError> {
    landed(file, &format!("*** Begin Patch\n*** Update File: f\n{body}*** End Patch\n"), Format::V4a)
}

fn by_call(file: &str, old: &str, new: &str) -> Result<String, EditError> {
    let call = serde_json::json!({"command": "str_replace", "path": "f", "old_str": old, "new_str": new});
    landed(file, &call.to_string(), Format::StrReplace)
}

fn by_diff(file: &str, hunks: &str) -> Result<String, EditError> {
    landed(file, &format!("--- a/f\n+++ b/f\n{hunks}"), Format::UnifiedDiff)
}

fn ok(text: &str) -> Result<String, EditError> {
    Ok(text.to_owned())
}

#[test]
fn what_is_kept_stays_byte_for_byte() {
    assert_eq!(by_block("a  \nb\nc\t\n", "a\nb\nc\n", "a\nB\nc\n"), ok("a  \nB\nc\t\n"));
    assert_eq!(by_block("\u{feff}a\r\nb\r\n", "a\nb\n", "a\nx\nb\n"), ok("\u{feff}a\r\nx\r\nb\r\n"));
    assert_eq!(by_block("# it\u{2019}s\nb\n", "# it's\nb\n", "# it's\nB\n"), ok("# it\u{2019}s\nB\n"));
    assert_eq!(by_block("a\nb", "b\n", "B\n"), ok("a\nB"));
    assert_eq!(by_block("a\nb", "a\nb\n", "a\nb\nc\n"), ok("a\nb\nc"));
    assert_eq!(by_block("a\nb", "b\n", ""), ok("a"));
    assert_eq!(
        patched("one\r\ntwo\rthree\nfour\r\n", "@@\n two\n-three\n+THREE\n"),
        ok("one\r\ntwo\rTHREE\r\nfour\r\n")
    );
}

#[test]
fn what_is_new_is_indented_as_the_lines_around_it() {
    let file = "class A:\n    def f(self):\n        if x:\n            y()\n";
    assert_eq!(
        by_block(
            file,
            "def f(self):\n    if x:\n        y()\n",
            "def f(self):\n    if x:\n        y()\n        z()\n    w()\n"
        ),
        ok("class A:\n    def f(self):\n        if x:\n            y()\n            z()\n        w()\n")
    );
    assert_eq!(
        by_block("\tif (x) {\n\t\ty();\n\t}\n", "if (x) {\n    y();\n}\n", "if (x) {\n    y();\n    z();\n}\n"),
        ok("\tif (x) {\n\t\ty();\n\t\tz();\n\t}\n")
    );
    assert_eq!(by_block("    a\n    b\n", "\ta\n\tb\n", "\ta\n\t\tc\n\tb\n"), ok("    a\n        c\n    b\n"));
    assert_eq!(by_block("a\nb\n", "    a\n    b\n", "    a\n        c\n    b\n"), ok("a\n    c\nb\n"));
}

#[test]
fn several_places_are_refused_unless_the_edit_says_which() {
    let file = "def a():\n    x = 1\n    return x\n\ndef b():\n    x = 1\n    return x\n";
    let fault = by_block(file, "    x = 1\n", "    x = 2\n").unwrap_err();
    assert_eq!(fault, EditError::Ambiguous { path: "f".parse().unwrap(), block: 1, lines: vec![2, 6] });
    let there = ok(&file.replacen("def b():\n    x = 1", "def b():\n    x = 2", 1));
    assert_eq!(patched(file, "@@ def b():\n-    x = 1\n+    x = 2\n"), there);
    assert_eq!(by_diff(file, "@@ -6 +6 @@\n-    x = 1\n+    x = 2\n"), there);
    let hinted = "f\n<<<<<<< SEARCH\n:start_line:6\n-------\n    x = 1\n=======\n    x = 2\n>>>>>>> REPLACE\n";
    assert_eq!(landed(file, hinted, Format::SearchReplace), there);
    // A number between both decides nothing.
    assert!(by_diff(file, "@@ -4 +4 @@\n-    x = 1\n+    x = 2\n").is_err());
    assert!(by_call(file, "x = 1", "x = 2").is_err());
    let all = serde_json::json!({"path": "f", "old_str": "x = 1", "new_str": "x = 2", "replace_all": true});
    assert_eq!(landed(file, &all.to_string(), Format::StrReplace), ok(&file.replace("x = 1", "x = 2")));
    let count = serde_json::json!({"path": "f", "old_str": "x = 1", "new_str": "x = 2", "expected_replacements": 3});
    assert!(matches!(
        landed(file, &count.to_string(), Format::StrReplace),
        Err(EditError::Count { found: 2, expected: 3, .. })
    ));
}

#[test]
fn hunks_of_a_patch_go_between_their_neighbours_and_equal_ones_one_by_one() {
    let file = "a\nx\nb\nx\nc\n";
    assert_eq!(patched(file, "@@\n-b\n+B\n@@\n-x\n+y\n@@\n-c\n+C\n"), ok("a\nx\nB\ny\nC\n"));
    assert_eq!(patched(file, "@@\n-x\n+y\n@@\n-x\n+z\n"), ok("a\ny\nb\nz\nc\n"));
    let twice = block("x\n", "y\n").repeat(2);
    assert_eq!(landed(file, &twice, Format::SearchReplace), ok("a\ny\nb\ny\nc\n"));
    let unlike = block("x\n", "y\n") + &block("x\n", "z\n");
    assert!(landed(file, &unlike, Format::SearchReplace).is_err());
}

#[test]
fn blocks_may_stand_in_any_order_and_share_what_they_keep_but_not_what_they_change() {
    let file = "a\nb\nc\nd\n";
    let reply = block("c\nd\n", "c\nD\n") + &block("b\nc\n", "B\nc\n");
    assert_eq!(landed(file, &reply, Format::SearchReplace), ok("a\nB\nc\nD\n"));
    let clash = block("b\nc\n", "B\nC\n") + &block("c\nd\n", "X\nd\n");
    assert_eq!(
        landed(file, &clash, Format::SearchReplace),
        Err(EditError::Overlap { path: "f".parse().unwrap(), one: 1, other: 2 })
    );
    // A block may quote what an earlier one has made.
    let reply = block("b\n", "b1\nb2\n") + &block("b2\n", "b3\n");
    assert_eq!(landed(file, &reply, Format::SearchReplace), ok("a\nb1\nb3\nc\nd\n"));
}

#[test]
fn what_has_nothing_to_find_goes_where_the_format_says() {
    assert_eq!(patched("a\nb\n", "@@\n+c\n"), ok("a\nb\nc\n"));
    assert_eq!(patched("a\nb\n", "@@ a\n+c\n"), ok("a\nc\nb\n"));
    assert_eq!(by_diff("a\nb\n", "@@ -1,0 +2,1 @@\n+c\n"), ok("a\nc\nb\n"));
    let insert =
        |line: usize| format!("{{\"command\":\"insert\",\"path\":\"f\",\"insert_line\":{line},\"new_str\":\"c\"}}");
    assert_eq!(landed("a\nb\n", &insert(0), Format::StrReplace), ok("c\na\nb\n"));
    assert_eq!(landed("a\nb", &insert(2), Format::StrReplace), ok("a\nb\nc"));
    assert!(landed("a\nb\n", &insert(3), Format::StrReplace).is_err());
    assert!(by_block("a\n", "", "c\n").is_err());
    assert_eq!(by_block("\n", "", "c\n"), ok("c\n"));
}

#[test]
fn the_end_of_a_file_is_as_it_was_unless_a_diff_says_otherwise() {
    assert_eq!(by_diff("a\nb", "@@ -1,2 +1,2 @@\n a\n-b\n+c\n"), ok("a\nc"));
    assert_eq!(by_diff("a\nb\n", "@@ -1,2 +1,2 @@\n a\n-b\n+c\n\\ No newline at end of file\n"), ok("a\nc"));
    assert_eq!(by_diff("a\nb", "@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n"), ok("a\nb\n"));
}

#[test]
fn calls_replace_any_text_in_the_line_ends_of_the_file() {
    assert_eq!(by_call("f(a, b)\r\n", "a, b", "a,\nb"), ok("f(a,\r\nb)\r\n"));
    assert_eq!(by_call("a\r\nb\r\nc\r\n", "a\nb", "x\ny"), ok("x\r\ny\r\nc\r\n"));
    assert_eq!(by_call("say(\"hi\")\n", "say(\\\"hi\\\")", "say(\\\"ho\\\")"), ok("say(\"ho\")\n"));
    assert_eq!(by_call("if a &lt; b:\nif a < c:\n", "if a &lt; c:", "if a &lt; d:"), ok("if a &lt; b:\nif a < d:\n"));
    assert_eq!(by_call("say(\"hello world\")\n", " hello world ", " hello you "), ok("say(\"hello you\")\n"));
    assert_eq!(by_call("  f (a,b);\n", "f(a, b);", "g(a, b);"), ok("  g(a, b);\n"));
    assert!(matches!(by_call("a\nb\n", "\nb\n", "b\n"), Err(EditError::NotFound { .. })));
    // Each call sees what those before it did.
    let calls =
        "{\"path\":\"f\",\"old_str\":\"a\",\"new_str\":\"b\"}\n{\"path\":\"f\",\"old_str\":\"b\",\"new_str\":\"c\"}\n";
    assert_eq!(landed("a\n", calls, Format::StrReplace), ok("c\n"));
}

#[test]
fn the_loosest_comparison_is_told() {
    for (file, find, rung) in [
        ("a\nb\n", "a\n", Rung::Exact),
        ("a \nb\n", "a\n", Rung::TrailingBlanks),
        ("  a\n", "a\n", Rung::Indent),
        ("  a\n b\n", "a\n  b\n", Rung::Trimmed),
        ("f(1,  2)\n", "f(1, 2)\n", Rung::InnerBlanks),
        ("\u{201c}a\u{201d}\n", "\"a\"\n", Rung::Punctuation),
        ("a = 1\nb = 2\n", "1 | a = 1\n2 | b = 2\n", Rung::Literal),
        ("open {\n  results;\n  more;\n}\n", "open {\n  result;\n  more;\n}\n", Rung::Edges),
    ] {
        let done = lay(&[("f", file)], &block(find, "x\n"), Format::SearchReplace);
        assert_eq!((done.faults, done.applied.rung), (vec![], Some(rung)), "{find}");
    }
}

#[test]
fn a_fault_says_what_to_do() {
    let file = "def hello(name):\n    return f\"Hello, {name}\"\n\ndef other():\n    pass\n";
    let told = |find: &str, replace: &str| by_block(file, find, replace).unwrap_err().to_string();
    insta::assert_snapshot!(told("def hello(who):\n    return f\"Hi, {who}\"\n", "x\n"), @r#"
    f: the text to find (block 1) is not in the file. The closest lines of the file are:
    !    1 | def hello(name):
      quoted: def hello(who):
    !    2 |     return f"Hello, {name}"
      quoted:     return f"Hi, {who}"
    Quote the file's lines exactly, without the numbers.
    "#);
    assert_eq!(
        told("def third():\n", "def other():\n"),
        "f: block 1 is applied already: what it puts there stands at line 4; leave it out"
    );
    assert_eq!(
        told("def other():\n    pass\n", "def other():\n    # ... existing code ...\n"),
        "f: block 1 leaves code out (\"# ... existing code ...\"); write out every line that belongs there"
    );
    let far = by_block(&"line of text\n".repeat(3000), &"another line of text that is long\n".repeat(200), "x\n");
    assert!(far.unwrap_err().to_string().len() < 1_600);
}

#[test]
fn lines_left_out_on_both_sides_stay() {
    let file = "def f():\n    a()\n    b()\n    c()\n    d()\n";
    let reply = block("def f():\n    a()\n...\n    d()\n", "def g():\n    a()\n...\n    e()\n");
    assert_eq!(landed(file, &reply, Format::SearchReplace), ok("def g():\n    a()\n    b()\n    c()\n    e()\n"));
}

#[test]
fn one_bad_edit_keeps_every_file_as_it_was() {
    let (tree, contents) = given(&[("a", "1\n"), ("b", "2\n")]);
    let reply =
        "*** Begin Patch\n*** Update File: a\n@@\n-1\n+one\n*** Update File: b\n@@\n-3\n+three\n*** End Patch\n";
    let edits = read(reply, Format::V4a, Known::NONE, Whole::Unknown).whole().unwrap();
    assert_eq!(apply(&edits, &tree, &contents).unwrap_err().len(), 1);
}

#[test]
fn a_patch_that_deletes_has_to_know_what_it_deletes() {
    let diff = |was: &str| format!("--- a/f\n+++ /dev/null\n@@ -1 +0,0 @@\n-{was}\n");
    let gone = lay(&[("f", "x\n")], &diff("x"), Format::UnifiedDiff);
    assert_eq!((gone.faults.len(), gone.applied.tree.len()), (0, 0));
    let other = lay(&[("f", "y\n")], &diff("x"), Format::UnifiedDiff);
    assert_eq!((!other.faults.is_empty(), other.applied.tree.len()), (true, 0));
    assert!(
        apply(
            &read(&diff("x"), Format::UnifiedDiff, Known::NONE, Whole::Yes).edits,
            &given(&[("f", "y\n")]).0,
            &given(&[("f", "y\n")]).1
        )
        .is_err()
    );
}

#[test]
fn nothing_leads_outside_through_links_or_over_its_twin() {
    let paths = [
        "../f",
        "a/../../f",
        "/f",
        "//f",
        "/etc/passwd",
        "~/f",
        "~root/f",
        "C:/f",
        "c:\\f",
        "C:f",
        "\\\\host\\share\\f",
        "a\\b",
        "..\\f",
        ".git/config",
        ".git/hooks/pre-commit",
        "a/.git/config",
        ".GIT/config",
        ".Git/x",
        "git~1/config",
        ".git./config",
        ".git /x",
        ".git::$INDEX_ALLOCATION/x",
        ".g\u{200c}it/config",
        "./../f",
        "a/./b",
        "a//b",
        "a/",
        ".",
        "..",
        "a/..",
        "f\u{0}",
        "a\u{7}b",
        "a\nb",
        "link/f",
        "link",
        "sub",
        "F",
        "f/below",
        "a/b/",
        &"x/".repeat(600),
        &"y".repeat(300),
        "sub/../f",
    ];
    assert!(paths.len() >= 40);
    for path in paths {
        for reply in [
            serde_json::json!({"command": "create", "path": path, "file_text": "x"}),
            serde_json::json!({"command": "rename", "path": "h", "to": path}),
        ] {
            let (mut tree, mut contents) = given(&[("f", "y\n"), ("h", "q\n"), ("sub/g", "z\n")]);
            let target = Blob::new(b"/tmp".as_slice());
            contents.add(&target);
            tree.0.insert("link".parse().unwrap(), Entry { blob: target.hash(), mode: Mode::Symlink });
            let reply = read(&reply.to_string(), Format::StrReplace, Known::NONE, Whole::Yes);
            let done = apply_good(&reply.edits, &tree, &contents, reply.sequence, Existing::Refuse);
            assert!(!(reply.faults.is_empty() && done.faults.is_empty()), "{path:?}");
            assert_eq!(done.applied.tree, tree, "{path:?}");
        }
    }
    let plain = "./new/\u{e9}.txt";
    let reply = serde_json::json!({"command": "create", "path": plain, "file_text": "x"}).to_string();
    assert_eq!(lay(&[], &reply, Format::StrReplace).applied.tree.len(), 1);
}

proptest::proptest! {
    #[test]
    fn whatever_is_laid_over_whatever_nothing_panics_and_what_lands_is_told(
        file in "([ab]|  [ab]|\t[ab]| |\u{201c}a)?(\n|\r\n|\r)([ab]{0,3}\n){0,12}[ab]{0,2}",
        find in "((  |\t)?[ab]{0,3}\n){0,4}",
        replace in "((  |\t)?[abc]{0,3}\n){0,4}",
    ) {
        for format in [Format::SearchReplace, Format::StrReplace] {
            let reply = if format == Format::SearchReplace {
                block(&find, &replace)
            } else {
                serde_json::json!({"path": "f", "old_str": find, "new_str": replace}).to_string()
            };
            let done = lay(&[("f", &file)], &reply, format);
            proptest::prop_assert_eq!(done.faults.is_empty(), done.applied.touched.len() == 1);
        }
    }

    #[test]
    fn an_exact_quote_that_stands_once_always_lands_there(
        lines in proptest::collection::vec("[a-z ]{0,6}", 3..20), at in 0_usize..20, count in 1_usize..4, new in "[A-Z]{1,5}",
    ) {
        let at = at % lines.len();
        let count = count.min(lines.len() - at);
        let region = &lines[at..at + count];
        proptest::prop_assume!(region.iter().any(|line| !line.trim().is_empty()));
        proptest::prop_assume!(lines.windows(count).filter(|window| *window == region).count() == 1);
        let file: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        let find: String = region.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        let mut wanted: Vec<&str> = lines[..at].iter().map(String::as_str).collect();
        wanted.push(&new);
        wanted.extend(lines[at + count..].iter().map(String::as_str));
        let wanted: String = wanted.into_iter().flat_map(|line| [line, "\n"]).collect();
        proptest::prop_assert_eq!(by_block(&file, &find, &format!("{new}\n")), Ok(wanted));
    }
}
