//! The languages, as a table: adding one is adding a row, and a reader of its trees.

mod css;
mod go;
mod html;
mod java;
mod json;
mod jsx;
mod python;
mod rust;
mod script;
mod shorthand;
mod toml;
mod yaml;

use tree_sitter::Tree;
use vdo_core::path::RepoPath;
use vdo_core::structure::Structure;

use super::reading::rows::{self, Rows};
use super::reading::{Table, first};
use super::structure::memo::Memo;
use super::structure::nodes::Kinds;
use super::structure::reader::Reader;
use super::structure::walk;

/// A language and how its structure is read.
pub(super) struct Language {
    /// The name, in lower case.
    pub(super) name: &'static str,
    extensions: &'static [&'static str],
    grammar: fn() -> tree_sitter::Language,
    reader: &'static dyn Reader,
    kinds: Kinds,
    /// The marks that begin a block within a line, if blocks are told by their columns.
    pub(super) block_marks: Option<&'static [char]>,
    faults: Faults,
    /// What of its trees is told.
    pub(super) rows: &'static Rows,
    /// The same, by the numbers of its nodes.
    pub(super) table: Table,
}

/// When a place where the grammar does not fit is a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Faults {
    Always,
    /// Unless a template language is mixed in.
    Plain,
    /// The grammar knows less than those who read the texts.
    Never,
}

static LANGUAGES: [Language; 12] = [
    Language {
        name: "python",
        extensions: &["py", "pyi", "pyw"],
        grammar: || tree_sitter_python::LANGUAGE.into(),
        reader: &python::Python,
        kinds: Kinds::new(),
        block_marks: Some(&[]),
        faults: Faults::Always,
        rows: &first::PYTHON,
        table: Table::new(),
    },
    Language {
        name: "rust",
        extensions: &["rs"],
        grammar: || tree_sitter_rust::LANGUAGE.into(),
        reader: &rust::Rust,
        kinds: Kinds::new(),
        block_marks: None,
        faults: Faults::Always,
        rows: &first::RUST,
        table: Table::new(),
    },
    Language {
        name: "javascript",
        extensions: &["js", "mjs", "cjs", "jsx"],
        grammar: || tree_sitter_javascript::LANGUAGE.into(),
        reader: &script::Script,
        kinds: Kinds::new(),
        block_marks: None,
        faults: Faults::Always,
        rows: &first::JAVASCRIPT,
        table: Table::new(),
    },
    Language {
        name: "typescript",
        extensions: &["ts", "mts", "cts"],
        grammar: || tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
        reader: &script::Script,
        kinds: Kinds::new(),
        block_marks: None,
        faults: Faults::Always,
        rows: &first::TYPESCRIPT,
        table: Table::new(),
    },
    Language {
        name: "typescript",
        extensions: &["tsx"],
        grammar: || tree_sitter_typescript::LANGUAGE_TSX.into(),
        reader: &script::Script,
        kinds: Kinds::new(),
        block_marks: None,
        faults: Faults::Always,
        rows: &first::TYPESCRIPT,
        table: Table::new(),
    },
    Language {
        name: "go",
        extensions: &["go"],
        grammar: || tree_sitter_go::LANGUAGE.into(),
        reader: &go::Go,
        kinds: Kinds::new(),
        block_marks: None,
        faults: Faults::Always,
        rows: &first::GO,
        table: Table::new(),
    },
    Language {
        name: "java",
        extensions: &["java"],
        grammar: || tree_sitter_java::LANGUAGE.into(),
        reader: &java::Java,
        kinds: Kinds::new(),
        block_marks: None,
        faults: Faults::Always,
        rows: &first::JAVA,
        table: Table::new(),
    },
    Language {
        name: "html",
        extensions: &["html", "htm", "xhtml"],
        grammar: || tree_sitter_html::LANGUAGE.into(),
        reader: &html::Html,
        kinds: Kinds::new(),
        block_marks: None,
        faults: Faults::Plain,
        rows: &rows::NONE,
        table: Table::new(),
    },
    Language {
        name: "css",
        extensions: &["css"],
        grammar: || tree_sitter_css::LANGUAGE.into(),
        reader: &css::Css,
        kinds: Kinds::new(),
        block_marks: None,
        faults: Faults::Never,
        rows: &rows::NONE,
        table: Table::new(),
    },
    Language {
        name: "json",
        extensions: &["json", "jsonc", "webmanifest"],
        grammar: || tree_sitter_json::LANGUAGE.into(),
        reader: &json::Json,
        kinds: Kinds::new(),
        block_marks: None,
        faults: Faults::Plain,
        rows: &rows::NONE,
        table: Table::new(),
    },
    Language {
        name: "toml",
        extensions: &["toml"],
        grammar: || tree_sitter_toml_ng::LANGUAGE.into(),
        reader: &toml::Toml,
        kinds: Kinds::new(),
        block_marks: None,
        faults: Faults::Plain,
        rows: &rows::NONE,
        table: Table::new(),
    },
    Language {
        name: "yaml",
        extensions: &["yaml", "yml"],
        grammar: || tree_sitter_yaml::LANGUAGE.into(),
        reader: &yaml::Yaml,
        kinds: Kinds::new(),
        block_marks: Some(&['-', '?', ':']),
        faults: Faults::Plain,
        rows: &rows::NONE,
        table: Table::new(),
    },
];

/// Endings of templates: what stands before them says what the template makes.
const TEMPLATES: &[&str] = &["j2", "jinja", "jinja2"];

impl Language {
    /// Returns the language of `path`, by its extension; of a template, by the one before it, and HTML if there is none.
    pub(super) fn of(path: &RepoPath) -> Option<&'static Self> {
        let name = path.file_name();
        let is = |extension: &str, known: &[&str]| known.iter().any(|known| extension.eq_ignore_ascii_case(known));
        let (stem, extension) = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty())?;
        let extension = match extension {
            template if is(template, TEMPLATES) => stem.rsplit_once('.').map_or("html", |(_, inner)| inner),
            extension => extension,
        };
        LANGUAGES.iter().find(|language| is(extension, language.extensions))
    }

    /// Returns the lists and members of a parsed text.
    pub(super) fn structure(&self, tree: &Tree, text: &str) -> Option<Structure> {
        walk::structure(self.reader, &self.kinds, tree, text)
    }

    /// Returns the lists and members of a parsed text, and what may be told again of versions whose trees are made from this one.
    pub(super) fn remembered(&self, tree: &Tree, text: &str) -> Option<(Structure, Memo)> {
        walk::remembered(self.reader, &self.kinds, tree, text)
    }

    /// Returns the lists and members of a text whose tree was made from the one that is remembered.
    pub(super) fn again(&self, tree: &Tree, text: &str, memo: &Memo) -> Option<Structure> {
        walk::again(self.reader, &self.kinds, tree, text, memo)
    }

    /// Tells whether a place of `text` where the grammar does not fit is a fault.
    pub(super) fn has_faults(&self, text: &str) -> bool {
        match self.faults {
            Faults::Always => true,
            Faults::Plain => !["{%", "{{", "{#", "<%", "<?"].iter().any(|mark| text.contains(mark)),
            Faults::Never => false,
        }
    }

    /// Returns the grammar.
    pub(super) fn grammar(&self) -> tree_sitter::Language {
        (self.grammar)()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_in_the_table_is_one_of_the_grammar() {
        for language in &LANGUAGES {
            let grammar = language.grammar();
            let unknown = language.rows.unknown(&grammar);
            assert_eq!(unknown, Vec::<String>::new(), "{}", language.name);
            for kind in language.reader.comments().iter().chain(language.reader.prefixes()) {
                // One reader reads JavaScript and TypeScript; CSS has two kinds of comments.
                assert_ne!(grammar.id_for_node_kind(kind, true), 0, "{}: {kind}", language.name);
            }
        }
    }

    #[test]
    fn a_language_is_known_by_the_ending_of_a_name() {
        let of = |path: &str| Language::of(&path.parse().unwrap()).map(|language| language.name);
        let rows = [
            ("a.pyi", Some("python")),
            ("a/b.MJS", Some("javascript")),
            ("a.cts", Some("typescript")),
            ("a.htm", Some("html")),
            ("a.html.j2", Some("html")),
            ("a.jinja", Some("html")),
            ("a.yml.j2", Some("yaml")),
            ("nginx.conf.j2", None),
            ("a.scss", None),
            (".json", None),
            ("json", None),
        ];
        for (path, language) in rows {
            assert_eq!(of(path), language, "{path}");
        }
    }
}
