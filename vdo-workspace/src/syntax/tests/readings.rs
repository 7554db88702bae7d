//! One text of each language with all that a reading tells; readings are snapshots.

use std::fmt::Write;

use vdo_core::path::RepoPath;
use vdo_core::syntax::{Reading, Syntax};

use crate::syntax::TreeSitterSyntax;

fn read(path: &str, text: &str) -> Reading {
    let path: RepoPath = path.parse().unwrap();
    let reading = TreeSitterSyntax.read(&path, text).unwrap();
    assert_eq!(reading.symbols, TreeSitterSyntax.outline(&path, text), "{path}: the outline agrees");
    reading
}

fn render(reading: &Reading) -> String {
    let mut out = String::new();
    for symbol in &reading.symbols {
        let kind = format!("{:?}", symbol.kind).to_lowercase();
        write!(out, "{}-{} {kind} {} | {}", symbol.line, symbol.end, symbol.name, symbol.signature).unwrap();
        writeln!(out, "{}", if symbol.doc.is_empty() { String::new() } else { format!(" | {}", symbol.doc) }).unwrap();
    }
    let references: Vec<_> =
        reading.references.iter().map(|reference| format!("{}*{}", reference.name, reference.count)).collect();
    writeln!(out, "uses: {}", references.join(" ")).unwrap();
    writeln!(out, "docs:\n{}", reading.docs).unwrap();
    out
}

/// Name of the snapshot, path, text.
pub(super) const READINGS: &[(&str, &str, &str)] = &[
    ("python", "app.py", include_str!("readings/app.py")),
    ("rust", "lib.rs", include_str!("readings/lib.rs.txt")),
    ("javascript", "a.js", include_str!("readings/a.js")),
    ("typescript", "a.ts", include_str!("readings/a.ts")),
    ("go", "a.go", include_str!("readings/a.go")),
    ("java", "A.java", include_str!("readings/A.java")),
    ("c", "a.c", include_str!("readings/a.c")),
    ("cpp", "a.cpp", include_str!("readings/a.cpp")),
    ("csharp", "A.cs", include_str!("readings/A.cs")),
    ("ruby", "a.rb", include_str!("readings/a.rb")),
    ("php", "a.php", include_str!("readings/a.php")),
    ("shell", "a.sh", include_str!("readings/a.sh")),
    ("kotlin", "a.kt", include_str!("readings/a.kt")),
    ("lua", "a.lua", include_str!("readings/a.lua")),
    ("elixir", "a.ex", include_str!("readings/a.ex")),
    ("swift", "a.swift", include_str!("readings/a.swift")),
    ("zig", "a.zig", include_str!("readings/a.zig")),
    ("haskell", "a.hs", include_str!("readings/a.hs")),
    ("dart", "a.dart", include_str!("readings/a.dart")),
    ("vue", "a.vue", include_str!("readings/a.vue")),
    ("svelte", "a.svelte", include_str!("readings/a.svelte")),
    ("r", "a.r", include_str!("readings/a.r")),
    ("perl", "a.pl", include_str!("readings/a.pl")),
    ("sql", "a.sql", include_str!("readings/a.sql")),
];

#[test]
fn readings_of_every_language_are_as_recorded() {
    for (name, path, text) in READINGS {
        insta::assert_snapshot!(format!("reading_{name}"), render(&read(path, text)));
    }
}

#[test]
fn a_text_that_its_parser_gives_up_is_read_by_its_words() {
    let deep = "                              ".repeat(10);
    let text = format!(
        "import os\n\n# Greets.\ndef greet(who):\n    return os.name\n\n{deep}x = 1\n\nclass Job(Base):\n    def run(self): pass\n"
    );
    let told = render(&read("a.py", &text));
    assert_eq!(
        told,
        "1-1 import os | import os\n4-7 function greet | def greet(who) | Greets.\n9-10 type Job | class Job(Base)\n\
         10-10 function Job.run | def run(self): pass\nuses: Base*1 name*1 os*2 pass*1 who*1 x*1\ndocs:\nGreets.\n"
    );
}

#[test]
fn only_texts_of_unknown_languages_are_not_read() {
    let read = |path: &str| TreeSitterSyntax.read(&path.parse().unwrap(), "x");
    assert_eq!(read("a.unknown"), None);
    for path in ["a.json", "README.md", "Dockerfile", "a.css", "a.yaml"] {
        assert_eq!(read(path), Some(Reading::default()), "{path}");
    }
}

#[test]
fn a_header_is_read_as_what_it_is() {
    let names = |path: &str, text: &str| -> Vec<String> {
        read(path, text).symbols.into_iter().map(|symbol| symbol.name).collect()
    };
    assert_eq!(names("a.h", "#ifndef A_H\n#define A_H\nint keep(int class);\n#endif\n"), ["keep"]);
    assert_eq!(names("a.h", "class A {\npublic:\n  void run();\n};\n"), ["A", "A.run"]);
}

#[test]
fn languages_without_a_reader_have_no_structure_and_merge_by_lines() {
    for path in ["a.c", "a.cpp", "A.cs", "a.rb", "a.php", "a.sh", "a.kt", "a.vue"] {
        let path: RepoPath = path.parse().unwrap();
        assert!(TreeSitterSyntax.language(&path).is_some() && !TreeSitterSyntax.has_structure(&path), "{path}");
        assert_eq!(TreeSitterSyntax.structure(&path, "x"), None, "{path}");
        assert_eq!(TreeSitterSyntax.structures(&path).of("x"), None, "{path}");
    }
    let faults = |path: &str, text: &str| TreeSitterSyntax.faults(&path.parse().unwrap(), text).len();
    for path in ["a.c", "a.cpp", "A.cs", "a.sh", "a.kt", "a.vue"] {
        assert_eq!(faults(path, "((("), 0, "{path}: its grammar knows less than its compiler");
    }
    assert!(faults("a.rb", "def f(\nend end\n") > 0 && faults("a.php", "<?php function f( {\n") > 0);
    assert_eq!((faults("a.rb", "def f = 1\n"), faults("a.php", "<p><?= $x ?></p>\n")), (0, 0));
    assert!(TreeSitterSyntax.has_structure(&"a.py".parse().unwrap()));
}
