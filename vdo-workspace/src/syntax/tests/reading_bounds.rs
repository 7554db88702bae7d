//! Whatever the text is, a reading keeps what it promises, and costs no more than the text is long.

use vdo_core::path::RepoPath;
use vdo_core::syntax::{Reading, Syntax};

use super::readings::READINGS;
use super::samples::SAMPLES;
use crate::syntax::languages::Language;
use crate::syntax::parse::parse;
use crate::syntax::{MAX_SYMBOLS, MAX_TEXT_BYTES, TreeSitterSyntax, reading};

fn survives(path: &str, text: &str) -> Reading {
    let path: RepoPath = path.parse().unwrap();
    let reading = TreeSitterSyntax.read(&path, text).unwrap();
    assert_eq!(reading.symbols, TreeSitterSyntax.outline(&path, text), "{path}");
    let lines = u32::try_from(text.lines().count().max(1)).unwrap();
    assert!(
        reading.symbols.len() <= MAX_SYMBOLS + 100 && reading.docs.len() <= 8192 && reading.references.len() <= 5_000
    );
    for symbol in &reading.symbols {
        let ends = symbol.line >= 1 && symbol.line <= symbol.end && symbol.end <= lines;
        assert!(ends, "{path}: {symbol:?} of {lines} lines");
        let sizes = [&symbol.name, &symbol.signature, &symbol.doc].map(|text| text.chars().count());
        assert!(sizes[0] <= 401 && sizes[1] <= 201 && sizes[2] <= 161, "{path}: {symbol:?}");
        assert!(
            !symbol.doc.contains('\n') && !symbol.signature.contains('\n') && !symbol.name.is_empty(),
            "{path}: {symbol:?}"
        );
    }
    assert!(
        reading.references.is_sorted_by(|a, b| a.name < b.name) && reading.references.iter().all(|each| each.count > 0)
    );
    reading
}

/// The paths of all languages that are read.
fn paths() -> Vec<&'static str> {
    READINGS
        .iter()
        .map(|(_, path, _)| *path)
        .chain(["a.tsx", "a.html", "a.json", "a.jl", "a.gradle", "a.proto", "a.gql"])
        .collect()
}

#[test]
fn texts_cut_off_anywhere_and_of_other_languages_are_survived() {
    for (_, path, text) in READINGS {
        for end in (0..text.len()).step_by(11) {
            let end = text.floor_char_boundary(end);
            survives(path, &text[..end]);
            survives(path, &text[end..]);
        }
        for (_, _, other) in READINGS.iter().chain(SAMPLES) {
            survives(path, other);
        }
    }
}

#[test]
fn line_ends_and_marks_change_nothing_that_is_told() {
    for (_, path, text) in READINGS {
        let plain = survives(path, text);
        let windows = survives(path, &text.replace('\n', "\r\n"));
        assert_eq!(windows, plain, "{path} with CRLF");
        survives(path, &format!("\u{feff}{text}"));
        survives(path, &text.replace('a', "ä").replace('x', "🦀"));
        for odd in ["", "\u{feff}", "\n\n", "x", "\0\0\0", "\"", "/*", "'''", "<?php", "#", "/** "] {
            survives(path, odd);
            survives(path, &format!("{text}{odd}"));
        }
    }
}

#[test]
fn deep_nesting_is_survived_by_readings() {
    let parts = [
        "(",
        "[",
        "{",
        "<a>",
        "a(",
        "[{",
        "if x {",
        "def f():\n ",
        "class A {",
        "fn f(){",
        "function f() {",
        "namespace a {",
        "struct A {",
        "module A\n",
        "/* ",
        "// ",
        "/** */ ",
        "\"",
        "'",
        "`",
        "#if 1\n",
        "#define A(",
        "<<EOF\n",
        "${",
        "$(",
        "=> ",
        "a.b(",
        "* ",
        "int (*",
        "a::",
        "template<",
        "@a ",
        "\\\n",
        "use a\\{",
        "x = ",
        "\"\"\"",
    ];
    for path in paths() {
        for part in parts {
            survives(path, &part.repeat(500));
        }
        let stairs: String = (0..300).map(|depth| format!("{}class A{depth}:\n", " ".repeat(depth))).collect();
        survives(path, &stairs);
    }
}

#[test]
fn texts_that_never_end_are_survived() {
    let fill = |part: &str| part.repeat(MAX_TEXT_BYTES / part.len());
    for path in paths() {
        for text in
            [fill("("), fill("{"), fill("\0"), format!("x = \"{}", fill("a "))[..MAX_TEXT_BYTES].to_owned(), fill("x")]
        {
            let text = &text[..100_000];
            survives(path, text);
        }
    }
}

#[test]
fn many_definitions_names_and_comments_are_bounded() {
    let functions: String = (0..20_000).map(|number| format!("int f{number}() {{ return g{number}; }}\n")).collect();
    let reading = survives("a.c", &functions);
    assert_eq!((reading.symbols.len(), reading.references.len()), (MAX_SYMBOLS, 5_000));
    let docs = survives("a.rs", &"/// More of it.\nfn f() {}\n".repeat(2_000));
    assert!(docs.docs.len() > 8_000 && docs.symbols[0].doc == "More of it.");
    let long = survives("a.py", &format!("def f():\n    \"\"\"{}\"\"\"\n", "word ".repeat(10_000)));
    assert_eq!((long.symbols[0].doc.chars().count(), long.docs.len()), (161, 8191));
}

/// Twice the text, twice the nodes that are looked at: the walk never goes back.
#[test]
fn a_reading_looks_at_each_node_once() {
    for (name, path, text) in READINGS.iter().take(12) {
        let path: RepoPath = path.parse().unwrap();
        let nodes = |times: usize| {
            let text = text.repeat(times);
            let language = Language::of_text(&path, &text).unwrap();
            let tree = parse(language, &text).unwrap();
            (reading::nodes(language, &tree, &text), tree.root_node().descendant_count())
        };
        for times in [1, 4, 16, 64] {
            let (looked, there) = nodes(times);
            assert!(looked <= there && looked * 3 >= there, "{name}: {looked} of {there} nodes in {times} texts");
        }
    }
}
