//! What kind of file a path is, and what its content makes of that.
//!
//! Invariant: a class depends on the path and the bytes alone.

use std::borrow::Cow;

use vdo_core::path::RepoPath;
use vdo_core::port::FileClass;

use super::digest::Content;

/// Larger contents are told of by name alone.
pub(super) const MAX_BYTES: u64 = 1 << 20;

/// Folders with tests, and with what tests read.
const TEST_FOLDERS: [&str; 26] = [
    "__mocks__",
    "__snapshots__",
    "__tests__",
    "cypress",
    "e2e",
    "fixture",
    "fixtures",
    "playground",
    "snapshots",
    "spec",
    "specs",
    "test",
    "test-data",
    "test-utils",
    "test_data",
    "test_utils",
    "testdata",
    "testing",
    "testing_data",
    "tests",
    "tests-e2e",
    "tests-integration",
    "testsuite",
    "testsuites",
    "testutil",
    "testutils",
];
/// Folders with text for people, and with programs that only show how.
const DOC_FOLDERS: [&str; 10] = [
    "changelog",
    "changelogs",
    "changes",
    "doc",
    "docs",
    "docs_src",
    "documentation",
    "example",
    "examples",
    "samples",
];
/// Folders with other people's code, and with what a build made.
const VENDORED_FOLDERS: [&str; 19] = [
    "__pycache__",
    "_vendor",
    "bower_components",
    "build",
    "deps",
    "dist",
    "external",
    "extern",
    "node_modules",
    "out",
    "site-packages",
    "target",
    "third-party",
    "third_party",
    "thirdparty",
    "vendor",
    "vendored",
    "venv",
    ".venv",
];

/// Returns what the path alone says.
pub(super) fn of_path(path: &RepoPath) -> FileClass {
    let name = path.file_name().to_ascii_lowercase();
    let folders = || path.as_str().split('/').rev().skip(1);
    let lies_in = |known: &[&str]| folders().any(|folder| known.iter().any(|known| folder.eq_ignore_ascii_case(known)));
    if is_lock(&name) || is_built(&name) {
        return FileClass::Generated;
    }
    if lies_in(&VENDORED_FOLDERS) && !is_build_of_project(path) {
        return FileClass::Vendored;
    }
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    let is_code = CODE.binary_search(&extension.as_str()).is_ok();
    if lies_in(&TEST_FOLDERS) || (is_code && is_test_name(&name)) {
        return FileClass::Test;
    }
    if lies_in(&DOC_FOLDERS) || (!is_code && is_doc_name(&name, &extension)) {
        return FileClass::Doc;
    }
    if is_code {
        return FileClass::Source;
    }
    if BINARY.binary_search(&extension.as_str()).is_ok() { FileClass::Binary } else { FileClass::Config }
}

/// Tells whether a path lies among what tests read: it may look like code, and is data.
pub(super) fn is_fixture(path: &RepoPath) -> bool {
    const FOLDERS: [&str; 9] = [
        "fixture",
        "fixtures",
        "snapshots",
        "__snapshots__",
        "test-data",
        "test_data",
        "testdata",
        "testing_data",
        "playground",
    ];
    path.as_str().split('/').rev().skip(1).any(|folder| FOLDERS.iter().any(|known| folder.eq_ignore_ascii_case(known)))
}

/// Returns what the bytes make of a file.
pub(super) fn of_content(text: Option<&str>) -> Content {
    match text {
        None => Content::Binary,
        Some(text) if is_generated(text) || is_minified(text) => Content::Generated,
        Some(_) => Content::Text,
    }
}

/// Returns the text of a content; `None` for binaries.
///
/// Bytes that are no UTF-8 are replaced if they are few: a name in an old encoding does not hide a file.
pub(super) fn text(bytes: &[u8]) -> Option<Cow<'_, str>> {
    if memchr::memchr(0, bytes).is_some() {
        return None;
    }
    let text = String::from_utf8_lossy(bytes);
    if let Cow::Owned(text) = &text
        && text.chars().filter(|c| *c == char::REPLACEMENT_CHARACTER).count() > bytes.len() / 20
    {
        return None;
    }
    Some(text)
}

/// Returns the language of a path by its extension, for languages that the syntax does not know.
pub(super) fn language(path: &RepoPath) -> Option<&'static str> {
    let extension = path.extension()?.to_ascii_lowercase();
    LANGUAGES.iter().find(|(known, _)| *known == extension).map(|(_, language)| *language)
}

/// `deps`, `build` and `out` are also what projects call folders of their own: with a manifest's name further down they are.
fn is_build_of_project(path: &RepoPath) -> bool {
    let mut folders = path.as_str().split('/');
    let Some(first) = folders.next() else { return false };
    // A folder of sources called `build` or `deps` lies within `src`, `lib`, `packages`, …: the project wrote it.
    ["src", "lib", "packages", "crates", "internal", "pkg", "app", "cmd"].contains(&first)
        && !folders.any(|folder| {
            ["node_modules", "vendor", "vendored", "_vendor", "third_party", "thirdparty", "dist"].contains(&folder)
        })
}

fn is_lock(name: &str) -> bool {
    matches!(
        name,
        "package-lock.json"
            | "npm-shrinkwrap.json"
            | "pnpm-lock.yaml"
            | "yarn.lock"
            | "bun.lock"
            | "cargo.lock"
            | "poetry.lock"
            | "uv.lock"
            | "pipfile.lock"
            | "composer.lock"
            | "gemfile.lock"
            | "go.sum"
    )
}

fn is_built(name: &str) -> bool {
    [
        ".min.js",
        ".min.css",
        ".map",
        "_pb2.py",
        "_pb2_grpc.py",
        ".pb.go",
        ".pb.cc",
        ".pb.h",
        ".designer.cs",
        ".g.cs",
        ".g.dart",
    ]
    .iter()
    .any(|end| name.ends_with(end))
        || name.contains("_generated.")
        || name.contains(".gen.")
}

fn is_test_name(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name);
    name.starts_with("test_")
        || name == "conftest.py"
        || matches!(stem, "test" | "tests")
        || ["_test", "_tests", "_spec"].iter().any(|end| stem.ends_with(end))
        || [".test.", ".tests.", ".spec.", ".e2e.", ".bench.", ".stories."].iter().any(|part| name.contains(part))
}

fn is_doc_name(name: &str, extension: &str) -> bool {
    matches!(extension, "md" | "mdx" | "rst" | "adoc" | "txt" | "markdown" | "org" | "pod")
        || [
            "readme",
            "license",
            "licence",
            "changelog",
            "changes",
            "contributing",
            "authors",
            "notice",
            "copying",
            "history",
            "news",
        ]
        .iter()
        .any(|known| name.split('.').next() == Some(known))
}

/// Tells whether a text says of itself, in one of its first lines, that it was generated.
fn is_generated(text: &str) -> bool {
    text.lines().take(5).any(|line| {
        let line = line.get(..300).unwrap_or(line);
        line.contains("@generated")
            || (line.to_ascii_lowercase().contains("generated") && line.to_ascii_uppercase().contains("DO NOT EDIT"))
    })
}

/// Tells whether a text is written for machines: long, with lines that no person would read.
fn is_minified(text: &str) -> bool {
    text.len() > 20_000 && text.len() / (memchr::memchr_iter(b'\n', text.as_bytes()).count() + 1) > 500
}

/// Extensions of code that people write by hand: programs, markup, styles and schemas.
const CODE: [&str; 96] = [
    "astro", "bash", "bat", "bzl", "c", "cc", "cjs", "clj", "cljs", "cmake", "cpp", "cr", "cs", "css", "cts", "cu",
    "cxx", "d", "dart", "el", "elm", "erb", "erl", "ex", "exs", "f90", "fs", "fsx", "gd", "go", "gradle", "graphql",
    "groovy", "h", "haml", "hbs", "hh", "hpp", "hrl", "hs", "html", "hxx", "inc", "j2", "java", "jinja", "jinja2",
    "jl", "js", "jsx", "kt", "kts", "less", "lisp", "lua", "m", "mjs", "ml", "mli", "mm", "mts", "nim", "nix", "php",
    "pl", "pm", "proto", "ps1", "pug", "py", "pyi", "pyw", "pyx", "r", "rb", "rs", "s", "sass", "scala", "scss", "sh",
    "sol", "sql", "svelte", "swift", "tcl", "tf", "thrift", "ts", "tsx", "twig", "v", "vb", "vue", "zig", "zsh",
];

/// Extensions of what is no text.
const BINARY: [&str; 45] = [
    "7z", "a", "avi", "avif", "bin", "bmp", "bz2", "class", "db", "dll", "doc", "docx", "dylib", "eot", "exe", "gif",
    "gz", "ico", "jar", "jpeg", "jpg", "mov", "mp3", "mp4", "o", "ogg", "otf", "pdf", "png", "psd", "pyc", "so",
    "sqlite", "tar", "tgz", "tiff", "ttf", "wasm", "wav", "webm", "webp", "woff", "woff2", "xz", "zip",
];

/// Languages by extension.
const LANGUAGES: [(&str, &str); 36] = [
    ("bash", "shell"),
    ("c", "c"),
    ("cc", "cpp"),
    ("cpp", "cpp"),
    ("cs", "csharp"),
    ("css", "css"),
    ("go", "go"),
    ("h", "c"),
    ("hpp", "cpp"),
    ("htm", "html"),
    ("html", "html"),
    ("ini", "ini"),
    ("java", "java"),
    ("js", "javascript"),
    ("json", "json"),
    ("jsx", "javascript"),
    ("kt", "kotlin"),
    ("lua", "lua"),
    ("md", "markdown"),
    ("mjs", "javascript"),
    ("php", "php"),
    ("pl", "perl"),
    ("proto", "protobuf"),
    ("py", "python"),
    ("rb", "ruby"),
    ("rs", "rust"),
    ("rst", "rst"),
    ("scala", "scala"),
    ("sh", "shell"),
    ("sql", "sql"),
    ("swift", "swift"),
    ("toml", "toml"),
    ("ts", "typescript"),
    ("tsx", "typescript"),
    ("yaml", "yaml"),
    ("yml", "yaml"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_in_order() {
        assert!(CODE.is_sorted());
        assert!(BINARY.is_sorted());
    }

    #[test]
    fn paths_say_what_their_files_are() {
        let class = |path: &str| of_path(&path.parse().unwrap());
        let wanted = [
            ("src/app.py", FileClass::Source),
            ("src/testing/run.rs", FileClass::Test),
            ("pkg/server_test.go", FileClass::Test),
            ("web/App.spec.tsx", FileClass::Test),
            ("src/contest.py", FileClass::Source),
            ("docs/index.md", FileClass::Doc),
            ("README.md", FileClass::Doc),
            ("examples/hello.rs", FileClass::Doc),
            ("CHANGES", FileClass::Doc),
            ("package.json", FileClass::Config),
            ("Cargo.lock", FileClass::Generated),
            ("app.min.js", FileClass::Generated),
            ("api/user_pb2.py", FileClass::Generated),
            ("node_modules/x/index.js", FileClass::Vendored),
            ("deps/lua/lapi.c", FileClass::Vendored),
            ("src/build/plan.rs", FileClass::Source),
            ("src/vendor/x.py", FileClass::Vendored),
            ("logo.PNG", FileClass::Binary),
        ];
        for (path, class_of_it) in wanted {
            assert_eq!(class(path), class_of_it, "{path}");
        }
    }

    #[test]
    fn contents_make_binaries_and_generated_files_of_sources() {
        let wide = format!("var a = 1;{}", "x".repeat(30_000));
        let of = |bytes: &[u8]| of_content(text(bytes).as_deref());
        assert_eq!(of(b"fn main() {}\n"), Content::Text);
        assert_eq!(of(b"a\0b"), Content::Binary);
        assert_eq!(of(&[0xff, 0xfe, b'a']), Content::Binary);
        assert_eq!(of(b"// by Andr\xe9, who still writes Latin-1\n"), Content::Text);
        assert_eq!(of(b"// Code generated by x. DO NOT EDIT.\n"), Content::Generated);
        assert_eq!(of(wide.as_bytes()), Content::Generated);
    }
}
