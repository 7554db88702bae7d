//! What a file is for, told by its path and language.

use vdo_core::path::RepoPath;

/// Tells whether a language is one of programs or pages; the others are data and prose.
pub(super) fn is_code(language: &str) -> bool {
    !matches!(
        language,
        "makefile"
            | "dockerfile"
            | "go.mod"
            | "cmake"
            | "json"
            | "yaml"
            | "toml"
            | "ini"
            | "markdown"
            | "rst"
            | "text"
            | "xml"
            | "csv"
            | "env"
            | "gitignore"
            | "ignore"
            | "properties"
            | "requirements"
            | "gomod"
            | "editorconfig"
            | "asciidoc"
            | "lock"
            | "svg"
            | "diff"
    )
}

/// Tells whether a folder of this name holds tests.
fn is_test_folder(name: &str) -> bool {
    matches!(
        name,
        "test"
            | "tests"
            | "testing"
            | "spec"
            | "specs"
            | "__tests__"
            | "__test__"
            | "e2e"
            | "cypress"
            | "testsuite"
            | "unittests"
            | "integration-tests"
            | "test-utils"
            | "testutil"
            | "t"
    ) || name.ends_with(".Tests")
        || name.ends_with(".Test")
        || name.ends_with("-tests")
        || name.ends_with("IntegrationTests")
        || name.ends_with("UnitTests")
        || name.ends_with(".Specs")
}

/// Tells whether a folder of this name holds what accompanies the project's own code.
pub(super) fn is_aside_folder(name: &str) -> bool {
    matches!(
        name,
        "example"
            | "examples"
            | "sample"
            | "samples"
            | "demo"
            | "demos"
            | "playground"
            | "playgrounds"
            | "fixture"
            | "fixtures"
            | "__fixtures__"
            | "testdata"
            | "test-data"
            | "doc"
            | "docs"
            | "documentation"
            | "website"
            | "bench"
            | "benches"
            | "benchmark"
            | "benchmarks"
            | "deps"
            | "vendor"
            | "third_party"
            | "third-party"
            | "thirdparty"
            | "external"
            | "node_modules"
            | "templates"
            | "snippets"
            | "mocks"
            | "__mocks__"
            | "perf"
            | "fuzz"
            | "contrib"
            | "extra"
            | "docs_src"
            | "changelog"
    ) || name.starts_with("template-")
        || name.ends_with("-example")
}

/// Returns how files with tests are called, if this is one, or the fact that it lies among tests.
pub(super) fn test_name(path: &RepoPath) -> Option<&'static str> {
    let name = path.file_name();
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let is_script = matches!(extension, "js" | "jsx" | "ts" | "tsx" | "mjs" | "cjs" | "mts" | "cts");
    match extension {
        "py" if stem.starts_with("test_") => Some("test_*.py"),
        "py" if stem.ends_with("_test") => Some("*_test.py"),
        "go" if stem.ends_with("_test") => Some("*_test.go"),
        "rb" if stem.ends_with("_spec") => Some("*_spec.rb"),
        "rb" if stem.ends_with("_test") => Some("*_test.rb"),
        "java" if stem.ends_with("Test") || stem.ends_with("Tests") || stem.ends_with("IT") => Some("*Test.java"),
        "kt" if stem.ends_with("Test") || stem.ends_with("Tests") => Some("*Test.kt"),
        "cs" if stem.ends_with("Tests") || stem.ends_with("Test") || stem.ends_with("Specs") => Some("*Tests.cs"),
        "php" if stem.ends_with("Test") => Some("*Test.php"),
        "rs" if stem == "tests" || stem.ends_with("_test") || stem.ends_with("_tests") => Some("tests.rs"),
        "cc" | "cpp" | "c" if stem.ends_with("_test") || stem.starts_with("test_") => Some("*_test.c*"),
        _ if is_script && stem.ends_with(".test") => Some("*.test.*"),
        _ if is_script && stem.ends_with(".spec") => Some("*.spec.*"),
        _ => None,
    }
}

/// Tells whether a file is there for tests: by its name, or because it lies in a folder of tests.
pub(super) fn is_test(path: &RepoPath) -> bool {
    test_name(path).is_some() || path.file_name() == "conftest.py" || folders(path).any(is_test_folder)
}

/// Tells whether a file accompanies the project's own code: examples, documentation, data for tests, copies of others' code.
pub(super) fn is_aside(path: &str) -> bool {
    path.rsplit_once('/').is_some_and(|(folder, _)| is_aside_path(folder))
}

/// The same of a folder.
pub(super) fn is_aside_path(folder: &str) -> bool {
    // Web projects keep their pages in folders called so.
    let in_app = |name: &str| name == "templates" && folder != "templates";
    folder.split('/').any(|name| is_aside_folder(name) && !in_app(name))
}

fn folders(path: &RepoPath) -> impl Iterator<Item = &str> {
    let folder = path.as_str().rsplit_once('/').map_or("", |(folder, _)| folder);
    folder.split('/').filter(|name| !name.is_empty())
}

/// Returns the folder of a path; empty for the root.
pub(super) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Returns `name` in `folder`.
pub(super) fn below(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// Tells whether `path` is `folder` or lies in it.
pub(super) fn is_within(path: &str, folder: &str) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
