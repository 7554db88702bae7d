//! What is asked of every language, and what of one.

use vdo_core::path::RepoPath;
use vdo_core::syntax::{SymbolKind, Syntax};

use super::{MAX_FAULTS, MAX_TEXT_BYTES, TreeSitterSyntax};

mod additive;
mod bounds;
mod names;
mod reading_bounds;
mod readings;
mod render;
mod samples;
mod speed;
mod twice;
mod versions;

fn python() -> RepoPath {
    "a.py".parse().unwrap()
}

#[test]
fn the_outline_names_what_a_module_defines_and_nothing_local() {
    let text = "import os, sys as system\nfrom . import near\nfrom a.b import c\n\nLIMIT: int = 3\nname = 'x'\n\n\
                @cached\ndef greet(who,\n          loud=False) -> str:  # says hello\n    def local():\n        pass\n    x = 1\n    return who\n\n\
                class Job(Base):\n    KIND = 1\n\n    async def run(self): return 1\n\n    class Inner:\n        def deep(self):\n            pass\n\n\
                if LIMIT:\n    def maybe(): pass\n";
    let symbols = TreeSitterSyntax.outline(&python(), text);
    let rows: Vec<_> = symbols.iter().map(|s| (s.name.as_str(), s.kind, s.line, s.signature.as_str())).collect();
    assert_eq!(
        rows,
        [
            ("os", SymbolKind::Import, 1, "import os, sys as system"),
            ("sys", SymbolKind::Import, 1, "import os, sys as system"),
            (".", SymbolKind::Import, 2, "from . import near"),
            ("a.b", SymbolKind::Import, 3, "from a.b import c"),
            ("LIMIT", SymbolKind::Value, 5, "LIMIT: int = 3"),
            ("name", SymbolKind::Value, 6, "name = 'x'"),
            ("greet", SymbolKind::Function, 9, "def greet(who, loud=False) -> str"),
            ("Job", SymbolKind::Type, 16, "class Job(Base)"),
            ("Job.run", SymbolKind::Function, 19, "async def run(self)"),
            ("Job.Inner", SymbolKind::Type, 21, "class Inner"),
            ("Job.Inner.deep", SymbolKind::Function, 22, "def deep(self)"),
            ("maybe", SymbolKind::Function, 26, "def maybe()"),
        ]
    );
}

#[test]
fn faults_name_the_line_and_sound_code_has_none() {
    let sound = "def f(a, *, b: int = 1):\n    match a:\n        case [x, *_]:\n            return f'{x!r:>{b}}'\n";
    assert_eq!(TreeSitterSyntax.faults(&python(), sound), []);
    let faults = TreeSitterSyntax.faults(&python(), "x = 1\ny = (2\nz = 3)\ndef f(:\n    pass\n");
    assert!(!faults.is_empty());
    let faults = TreeSitterSyntax.faults(&python(), "def ok():\n    return 1\n\ndef bad(:\n    return 2\n");
    assert_eq!((faults[0].line, faults[0].text.as_str()), (4, "def bad(:"), "{faults:?}");
    assert_eq!(TreeSitterSyntax.faults(&"a.unknown".parse().unwrap(), "def ("), []);
}

#[test]
fn outlines_and_faults_are_told_of_every_programming_language() {
    let rows: &[(&str, &str, &[&str], &str)] = &[
        (
            "a.rs",
            "use std::io;\npub struct S;\nimpl S {\n    pub fn run(&self) {}\n}\nconst X: u8 = 1;\n",
            &["std::io", "S", "S", "S.run", "X"],
            "fn f( {}\n",
        ),
        (
            "a.js",
            "import a from 'x';\nexport const f = () => 1;\nclass S { run() {} }\nfunction g() {}\n",
            &["'x'", "f", "S", "S.run", "g"],
            "function ( {\n",
        ),
        (
            "a.tsx",
            "interface I { a: string }\ntype T = 1;\nexport enum E { A }\nconst N = <a href=\"x\" />;\n",
            &["I", "T", "E", "N"],
            "interface {\n",
        ),
        (
            "a.go",
            "package a\n\nimport \"fmt\"\n\ntype S struct{}\n\nfunc (s *S) Run() {}\n\nvar X = 1\n",
            &["\"fmt\"", "S", "Run", "X"],
            "package a\nfunc ( {\n",
        ),
        (
            "A.java",
            "class A {\n  int x;\n  A() {}\n  void run() {}\n  enum E { B }\n}\n",
            &["A", "A.x", "A.A", "A.run", "A.E"],
            "class { void\n",
        ),
    ];
    for (path, sound, names, broken) in rows {
        let path: RepoPath = path.parse().unwrap();
        let symbols = TreeSitterSyntax.outline(&path, sound);
        let found: Vec<_> = symbols.iter().map(|symbol| symbol.name.as_str()).collect();
        assert_eq!(&found, names, "{path}");
        assert_eq!(TreeSitterSyntax.faults(&path, sound), [], "{path}");
        assert!(!TreeSitterSyntax.faults(&path, broken).is_empty(), "{path}");
    }
}

#[test]
fn texts_that_a_template_language_is_mixed_in_have_no_faults() {
    let of = |path: &str, text: &str| TreeSitterSyntax.faults(&path.parse().unwrap(), text).len();
    assert_eq!(of("a.html", "<ul {% if x %}<li {% endif %}></ul></b>\n"), 0);
    assert_eq!((of("a.yaml", "a: [1\nb: {{ x }}\n"), of("a.md", "[a](\n"), of("requirements.txt", "=\n")), (0, 0, 0));
    assert!(of("a.json", "{\"a\": }") > 0 && of("a.toml", "a = \n") > 0 && of("a.yaml", "a: [1\nb: 2\n") > 0);
}

fn survives(text: &str) {
    let faults = TreeSitterSyntax.faults(&python(), text);
    assert!(faults.len() <= MAX_FAULTS && faults.iter().all(|fault| fault.text.chars().count() <= 200));
    let outline = TreeSitterSyntax.outline(&python(), text);
    assert!(outline.iter().all(|symbol| symbol.signature.chars().count() <= 201));
}

#[test]
fn deep_nesting_is_survived() {
    for part in ["(", "[", "def f():\n ", "not ", "lambda:", "if x:", "f'{"] {
        survives(&part.repeat(100_000.min(MAX_TEXT_BYTES / part.len())));
    }
    survives(&format!("{}{}", "(".repeat(100_000), ")".repeat(100_000)));
    let nested: String = (0..700).map(|depth| format!("{}class A{depth}:\n", " ".repeat(depth))).collect();
    survives(&nested);
}

#[test]
fn garbage_is_survived() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(MAX_TEXT_BYTES);
    while bytes.len() < MAX_TEXT_BYTES / 2 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    while text.len() > MAX_TEXT_BYTES {
        text.pop();
    }
    survives(&text);
    let ascii: String = bytes.iter().map(|byte| char::from(byte % 96 + 31)).collect();
    survives(&ascii);
    survives("\0\0\0");
    survives(&"\u{feff}".repeat(1000));
    survives(&"x".repeat(MAX_TEXT_BYTES + 1));
}

#[test]
fn many_threads_may_ask_at_once() {
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert_eq!(TreeSitterSyntax.outline(&python(), "def f(): pass\n").len(), 1);
                }
            });
        }
    });
}
