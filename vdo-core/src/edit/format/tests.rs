//! What readers make of replies, dialect by dialect.

use super::*;
use crate::edit::{FileOp, Hunk, Spot, Unit};

fn known(path: &RepoPath) -> bool {
    ["a.py", "src/b.rs", "docs/read me.md", "a/x.txt"].contains(&path.as_str())
}

fn reading(text: &str, format: Format) -> ReadReply {
    read(text, format, Known(&known), Whole::Unknown)
}

/// The path, the text to find and the replacement of every hunk.
fn hunks(text: &str, format: Format) -> Vec<(String, String, String)> {
    let reply = reading(text, format);
    assert_eq!(reply.faults, [], "{text}");
    let each = |edit: &Edit| match &edit.op {
        FileOp::Replace(hunks) => hunks
            .iter()
            .map(|hunk| (edit.path.to_string(), hunk.find.clone(), hunk.replace.clone()))
            .collect::<Vec<_>>(),
        other => vec![(edit.path.to_string(), format!("{other:?}"), String::new())],
    };
    reply.edits.iter().flat_map(each).collect()
}

fn row(path: &str, find: &str, replace: &str) -> (String, String, String) {
    (path.to_owned(), find.to_owned(), replace.to_owned())
}

#[test]
fn a_block_is_read_in_every_dialect() {
    for reply in [
        "a.py\n<<<<<<< SEARCH\nold\n=======\nnew\n>>>>>>> REPLACE\n",
        "a.py\n```python\n<<<<<<< SEARCH\nold\n=======\nnew\n>>>>>>> REPLACE\n```\n",
        "```python\na.py\n<<<<<<< SEARCH\nold\n=======\nnew\n>>>>>>> REPLACE\n```\n",
        "```python a.py\n<<<<<<< SEARCH\nold\n=======\nnew\n>>>>>>> REPLACE\n```\n",
        "```python:a.py\n<<<<<<< SEARCH\nold\n=======\nnew\n>>>>>>> REPLACE\n```\n",
        "**`a.py`**:\n\n<<< SEARCH\nold\n===\nnew\n>>> REPLACE\n",
        "### a.py\n<<<<<<<<< SEARCH>\nold\n=========\nnew\n>>>>>>>>> REPLACE\n",
        "File: a.py\n------- SEARCH\nold\n=======\nnew\n+++++++ REPLACE\n",
        "./a.py\n<<<<<<< ORIGINAL\nold\n=======\nnew\n>>>>>>> UPDATED\n",
        "Now I change `a.py` so that it works:\n<<<<<<< SEARCH\nold\n=======\nnew\n>>>>>>> REPLACE\n",
        "a.py\r\n<<<<<<< SEARCH\r\nold\r\n=======\r\nnew\r\n>>>>>>> REPLACE\r\n",
        " ```python\na.py\n```\n```python\n<<<<<<< SEARCH\nold\n=======\nnew\n>>>>>>> REPLACE\n```\n",
    ] {
        assert_eq!(hunks(reply, Format::SearchReplace), [row("a.py", "old\n", "new\n")], "{reply}");
    }
}

#[test]
fn a_path_holds_until_the_next_one_and_talk_is_none() {
    let reply = "a.py\n<<<<<<< SEARCH\n1\n=======\n2\n>>>>>>> REPLACE\n...\nand then\n<<<<<<< SEARCH\n3\n=======\n4\n>>>>>>> REPLACE\n\
        Hope it helps!\n\nsrc/b.rs\n```rust\n<<<<<<< SEARCH\n5\n=======\n>>>>>>> REPLACE\n```\n";
    let wanted = [row("a.py", "1\n", "2\n"), row("a.py", "3\n", "4\n"), row("src/b.rs", "5\n", "")];
    assert_eq!(hunks(reply, Format::SearchReplace), wanted);
}

#[test]
fn hints_and_escapes_within_a_block_are_not_content() {
    let reply = "a.py\n<<<<<<< SEARCH\n:start_line:12\n:end_line:13\n-------\n\\=======\n\\<<<<<<< SEARCH\n=======\nnew\n>>>>>>> REPLACE\n";
    let read = reading(reply, Format::SearchReplace);
    let FileOp::Replace(hunks) = &read.edits[0].op else { panic!() };
    assert_eq!((hunks[0].line, hunks[0].find.as_str()), (Some(12), "=======\n<<<<<<< SEARCH\n"));
    assert_eq!((hunks[0].block, hunks[0].span.clone()), (1, 5..reply.len()));
}

#[test]
fn a_rule_of_another_length_is_content_and_one_of_the_same_length_is_a_fault() {
    let block = |rule: &str| format!("a.py\n<<<<<<< SEARCH\nTitle\n{rule}\n=======\nOther\n>>>>>>> REPLACE\n");
    assert_eq!(hunks(&block("====="), Format::SearchReplace), [row("a.py", "Title\n=====\n", "Other\n")]);
    assert_eq!(reading(&block("======="), Format::SearchReplace).faults.len(), 1);
}

#[test]
fn whole_files_and_commands_stand_beside_blocks() {
    let reply = "new/c.py\n```python\nprint()\n```\nrun it:\n```sh\npython new/c.py\n```\n```js lib/b.js\nlet x\n```\nDELETE a.py\nRENAME src/b.rs TO src/c.rs\n";
    let path = |path: &str| path.parse::<RepoPath>().unwrap();
    let wanted = [
        Edit { path: path("new/c.py"), op: FileOp::Write("print()\n".to_owned()) },
        Edit { path: path("lib/b.js"), op: FileOp::Write("let x\n".to_owned()) },
        Edit { path: path("a.py"), op: FileOp::Delete },
        Edit { path: path("src/b.rs"), op: FileOp::Move(path("src/c.rs")) },
    ];
    assert_eq!(reading(reply, Format::SearchReplace).edits, wanted);
}

#[test]
fn blocks_that_are_cut_unnamed_or_lead_outside_are_faults() {
    for reply in [
        "a.py\n<<<<<<< SEARCH\nx\n",
        "a.py\n<<<<<<< SEARCH\nx\n=======\ny\n",
        "a.py\n<<<<<<< SEARCH\nx\n>>>>>>> REPLACE\n",
        "a.py\n```\nx\n",
        "../a.py\n<<<<<<< SEARCH\nx\n=======\ny\n>>>>>>> REPLACE\n",
        "/etc/passwd\n<<<<<<< SEARCH\nx\n=======\ny\n>>>>>>> REPLACE\n",
        "<<<<<<< SEARCH\nx\n=======\ny\n>>>>>>> REPLACE\n",
        "DELETE .git/config\n",
        "RENAME a.py TO ../b.py\n",
        "nothing at all",
    ] {
        let read = reading(reply, Format::SearchReplace);
        assert_eq!((read.edits.len(), read.faults.len()), (0, 1), "{reply}: {read:?}");
    }
    // The block after a cut one is read.
    let read =
        reading("a.py\n<<<<<<< SEARCH\nx\n<<<<<<< SEARCH\n1\n=======\n2\n>>>>>>> REPLACE\n", Format::SearchReplace);
    assert_eq!((read.edits.len(), read.faults.len()), (1, 1));
}

#[test]
fn a_sentence_names_the_file_of_a_fence_only_if_it_announces_it() {
    let wanted = [row("a.py", "Write(\"new\\n\")", "")];
    assert_eq!(
        hunks(
            "Here's the updated `a.py`:\n\n```python\nnew\n```\n\nRun `a.py` like this:\n\n```\npython a.py\n```\n",
            Format::Whole
        ),
        wanted
    );
    assert_eq!(hunks("### `a.py`\n```\nnew\n```\n", Format::Whole), wanted);
    assert_eq!(hunks("path/to/a.py\n```\nnew\n```\n", Format::Whole), wanted);
    for talk in [
        "Run the updated `a.py` with:\n```\nx\n```\n",
        "Here is how to call the file `a.py`:\n```sh\nx\n```\n",
        "See `gone.py`:\n```\nx\n```\n",
    ] {
        assert_eq!(reading(talk, Format::Whole).edits, [], "{talk}");
    }
}

#[test]
fn fences_within_prose_do_not_end_it() {
    let reply = "README.md\n```markdown\n# T\n```sh\nls\n```\nend\n```\nrest\n";
    assert_eq!(hunks(reply, Format::Whole), [row("README.md", "Write(\"# T\\n```sh\\nls\\n```\\nend\\n\")", "")]);
    let longer = "a.py\n````\nx = '''\n```\n'''\n````\n";
    assert_eq!(hunks(longer, Format::Whole), [row("a.py", "Write(\"x = '''\\n```\\n'''\\n\")", "")]);
}

#[test]
fn diffs_are_read_with_numbers_without_and_with_wrong_ones() {
    for (head, line) in
        [("@@ -3,2 +3,2 @@ def f", Some(3)), ("@@ ... @@", None), ("@@", None), ("@@ -99,17 +1 @@", Some(99))]
    {
        let reply = format!("--- a/a.py\n+++ b/a.py\n{head}\n keep\n-old\n+new\n");
        let read = reading(&reply, Format::UnifiedDiff);
        let FileOp::Replace(hunks) = &read.edits[0].op else { panic!() };
        let hunk = &hunks[0];
        assert_eq!(
            (hunk.find.as_str(), hunk.replace.as_str(), hunk.line),
            ("keep\nold\n", "keep\nnew\n", line),
            "{head}"
        );
        assert_eq!(hunk.kept, Some(vec![(0, 0)]));
    }
}

#[test]
fn git_says_what_comes_goes_and_moves() {
    let reply = "diff --git a/new.txt b/new.txt\nnew file mode 100644\n--- /dev/null\n+++ b/new.txt\n@@ -0,0 +1 @@\n+x\n\\ No newline at end of file\n\
        diff --git a/a.py b/a.py\ndeleted file mode 100644\n--- a/a.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n\
        diff --git a/src/b.rs b/src/c.rs\nsimilarity index 100%\nrename from src/b.rs\nrename to src/c.rs\n";
    let read = reading(reply, Format::UnifiedDiff);
    assert_eq!(read.faults, []);
    let ops: Vec<String> = read
        .edits
        .iter()
        .map(|edit| match &edit.op {
            FileOp::Replace(hunks) => format!("{} replace {:?}", edit.path, hunks[0].find),
            other => format!("{} {other:?}", edit.path),
        })
        .collect();
    let wanted =
        ["new.txt Create(\"x\")", "a.py replace \"x\\n\"", "a.py Delete", "src/b.rs Move(RepoPath(\"src/c.rs\"))"];
    assert_eq!(ops, wanted);
}

#[test]
fn prefixes_go_only_where_they_are_prefixes() {
    let header = |old: &str, new: &str| format!("--- {old}\n+++ {new}\n@@\n-1\n+2\n");
    for (old, new, path) in [
        ("a/src/b.rs\t2026-01-01", "b/src/b.rs\t2026-01-02", "src/b.rs"),
        ("src/b.rs", "src/b.rs", "src/b.rs"),
        ("docs/read me.md", "docs/read me.md", "docs/read me.md"),
        ("a/x.txt", "a/x.txt", "a/x.txt"),
        ("\"a/\\303\\274.txt\"", "\"b/\\303\\274.txt\"", "\u{fc}.txt"),
    ] {
        assert_eq!(reading(&header(old, new), Format::UnifiedDiff).edits[0].path.as_str(), path);
    }
    assert_eq!(reading(&header("a/../x", "b/../x"), Format::UnifiedDiff).edits, []);
}

#[test]
fn a_removed_line_that_looks_like_a_header_is_a_removed_line() {
    let reply = "--- a/a.py\n+++ b/a.py\n@@ -1,3 +1,2 @@\n x\n--- y\n-z\n+++ y\n";
    assert_eq!(hunks(reply, Format::UnifiedDiff), [row("a.py", "x\n-- y\nz\n", "x\n++ y\n")]);
}

#[test]
fn the_envelope_is_read_with_its_anchors_and_without_care_for_blanks() {
    let reply = "apply_patch <<'EOF'\n *** Begin Patch \n*** Update File: a.py\n*** Move to: c.py\n@@ class A:\n@@ def f(self):\n-old\n+new\n\n\
        lost its blank\n@@\n-last\n*** End of File\n*** Add File: n.txt\n+one\n+\n+two\n*** Delete File: src/b.rs\n*** End Patch\nEOF\n";
    let read = reading(reply, Format::V4a);
    assert_eq!(read.faults, []);
    let FileOp::Replace(hunks) = &read.edits[0].op else { panic!() };
    assert_eq!(hunks[0].anchors, ["class A:", "def f(self):"]);
    assert_eq!(hunks[0].find, "old\n\nlost its blank\n");
    assert_eq!((hunks[1].find.as_str(), hunks[1].at_end, hunks[1].block), ("last\n", true, 2));
    let rest: Vec<String> = read.edits[1..].iter().map(|edit| format!("{} {:?}", edit.path, edit.op)).collect();
    assert_eq!(rest, ["a.py Move(RepoPath(\"c.py\"))", "n.txt Create(\"one\\n\\ntwo\\n\")", "src/b.rs Delete"]);
}

#[test]
fn envelopes_that_are_cut_empty_or_of_unknown_operations_are_faults() {
    for reply in [
        "*** Begin Patch\n*** End Patch\n",
        "*** Begin Patch\n*** Update File: a.py\n*** End Patch\n",
        "*** Begin Patch\n*** Frobnicate File: a.py\n*** End Patch\n",
        "*** Begin Patch\n*** Add File: ../x\n+y\n*** End Patch\n",
        "*** Begin Patch\n*** Add File: x\n+y\nz\n*** End Patch\n",
    ] {
        let read = reading(reply, Format::V4a);
        assert_eq!((read.edits.len(), read.faults.len()), (0, 1), "{reply}: {read:?}");
    }
    let cut = "*** Begin Patch\n*** Delete File: a.py\n";
    assert_eq!(reading(cut, Format::V4a).faults.len(), 1);
    assert_eq!(read(cut, Format::V4a, Known::NONE, Whole::Yes).faults, []);
}

#[test]
fn calls_are_read_under_all_their_names() {
    for call in [
        r#"{"command":"str_replace","path":"a.py","old_str":"x","new_str":"y"}"#,
        r#"{"file_path":"a.py","old_string":"x","new_string":"y"}"#,
        r#"{"name":"edit","input":{"filePath":"a.py","oldString":"x","newString":"y"}}"#,
        r#"{"type":"function","name":"edit","arguments":"{\"path\":\"a.py\",\"old_str\":\"x\",\"new_str\":\"y\"}"}"#,
        r#"[{"path":"a.py","edits":[{"oldText":"x","newText":"y"}]}]"#,
        "Sure:\n```json\n{\"command\":\"str_replace\",\"path\":\"a.py\",\"old_str\":\"x\",\"new_str\":\"y\"}\n```\n",
    ] {
        assert_eq!(hunks(call, Format::StrReplace), [row("a.py", "x", "y")], "{call}");
        assert_eq!(Format::detect(call), Format::StrReplace, "{call}");
    }
    let all = reading(
        "{\"command\":\"create\",\"path\":\"n\",\"file_text\":\"t\"}\n{\"command\":\"insert\",\"path\":\"a.py\",\"insert_line\":2,\"new_str\":\"z\"}\n\
         {\"type\":\"update_file\",\"path\":\"a.py\",\"diff\":\"@@ f\\n-x\\n+y\"}\n{\"type\":\"create_file\",\"path\":\"m\",\"diff\":\"+1\\n+2\\n\"}\n\
         {\"type\":\"delete_file\",\"path\":\"a.py\"}\n{\"old_str\":\"x\",\"new_str\":\"y\",\"path\":\"a.py\",\"replace_all\":true}\n",
        Format::StrReplace,
    );
    assert_eq!(all.faults, []);
    assert_eq!(all.sequence, Sequence::InTurn);
    let insert = Hunk { spot: Spot::AfterLine(2), block: 2, ..Hunk::lines("", "z") };
    assert_eq!(all.edits[1].op, FileOp::Replace(vec![insert]));
    assert_eq!(all.edits[3].op, FileOp::Create("1\n2\n".to_owned()));
    let every = Hunk { all: true, unit: Unit::Text, block: 6, ..Hunk::text("x", "y") };
    assert_eq!(all.edits[5].op, FileOp::Replace(vec![every]));
}

#[test]
fn calls_that_make_no_sense_are_faults_each() {
    for call in [
        "{\"path\":\"a.py\"}",
        "{\"command\":\"str_replace\",\"old_str\":\"x\",\"new_str\":\"y\"}",
        "{\"command\":\"str_replace\",\"path\":\"/etc/passwd\",\"old_str\":\"x\",\"new_str\":\"y\"}",
        "{\"command\":\"explode\",\"path\":\"a.py\"}",
        "{\"command\":\"insert\",\"path\":\"a.py\",\"new_str\":\"y\"}",
        "{\"command\":\"str_replace\",\"path\":\"a.py\",\"old_str\":\"x",
        "[1]",
    ] {
        let read = reading(call, Format::StrReplace);
        assert_eq!((read.edits.len(), read.faults.len()), (0, 1), "{call}: {read:?}");
    }
}

#[test]
fn the_format_is_told_by_its_marks() {
    for (reply, format) in [
        ("a.py\n<<<<<<< SEARCH\n", Format::SearchReplace),
        ("text\n--- a/x\n+++ b/x\n@@\n", Format::UnifiedDiff),
        ("diff --git a/x b/x\n", Format::UnifiedDiff),
        ("*** Begin Patch\n", Format::V4a),
        ("*** Update File: x\n@@\n", Format::V4a),
        ("a.py\n```\nx\n```\n", Format::Whole),
        ("{\"a\": 1}", Format::Whole),
    ] {
        assert_eq!(Format::detect(reply), format, "{reply}");
    }
    for format in Format::ALL {
        assert_eq!(format.as_str().parse(), Ok(format));
        assert_eq!(format.as_str().replace('-', "_").parse(), Ok(format));
    }
    assert!("ed".parse::<Format>().is_err());
}

proptest::proptest! {
    #[test]
    fn no_text_makes_a_reader_panic(text in "(<{3,9} SEARCH\n|={7}\n|>{7} REPLACE\n|```[a-z]*\n|a\\.py\n|x\n|DELETE |RENAME | TO |--- a/x\n|\\+\\+\\+ b/x\n|@@ -1,2 \\+3 @@\n|[-+ ]x\n|\\*\\*\\* (Begin Patch|End Patch|Update File: y|Add File: z|Move to: w|End of File)\n|\\{\"path\":\"a\",\"old_str\":\"b\"\\}|\\[|\\PC{0,4}){0,30}") {
        for format in Format::ALL {
            let reply = read(&text, format, Known::NONE, Whole::Yes);
            proptest::prop_assert!(!(reply.edits.is_empty() && reply.faults.is_empty()));
        }
        let _ = Format::detect(&text);
    }
}
