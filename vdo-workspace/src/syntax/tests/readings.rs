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
];

#[test]
fn readings_of_every_language_are_as_recorded() {
    for (name, path, text) in READINGS {
        insta::assert_snapshot!(format!("reading_{name}"), render(&read(path, text)));
    }
}
