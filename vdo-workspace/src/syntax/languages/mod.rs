//! The languages, as a table: adding one is adding a row.

mod css;
mod go;
mod html;
mod java;
mod json;
mod jsx;
mod markdown;
mod outline;
mod python;
mod rust;
mod script;
mod shorthand;
mod toml;
mod yaml;

use tree_sitter::Tree;
use vdo_core::path::RepoPath;
use vdo_core::structure::Structure;
use vdo_core::syntax::SymbolKind;

use super::structure::walk::{self, Kinds, Reader};

/// A language and how its structure is read.
pub(super) struct Language {
    /// The name, in lower case.
    pub(super) name: &'static str,
    extensions: &'static [&'static str],
    grammar: fn() -> tree_sitter::Language,
    reader: &'static dyn Reader,
    kinds: &'static Kinds,
    /// The nodes that define something.
    pub(super) definitions: &'static [Definition],
    /// The field of a definition at which its signature ends.
    pub(super) body: &'static str,
    /// What may stand between a signature and the body.
    pub(super) signature_end: &'static [char],
}

/// A kind of node that defines something.
pub(super) struct Definition {
    /// The node's kind in the grammar.
    pub(super) node: &'static str,
    /// What it defines.
    pub(super) kind: SymbolKind,
    /// The fields with the names; a node in one of them may have a field of the same name again (`a as b`).
    pub(super) name: &'static str,
    /// The kind a name must have; empty: any.
    pub(super) name_node: &'static str,
    /// The kinds of the nodes above it, nearest first; empty: any.
    pub(super) below: &'static [&'static str],
}

static LANGUAGES: &[Language] = &[
    Language {
        name: "python",
        extensions: &["py", "pyi", "pyw"],
        grammar: || tree_sitter_python::LANGUAGE.into(),
        reader: &python::Python,
        kinds: &python::KINDS,
        definitions: &[
            Definition {
                node: "function_definition",
                kind: SymbolKind::Function,
                name: "name",
                name_node: "identifier",
                below: &[],
            },
            Definition {
                node: "class_definition",
                kind: SymbolKind::Type,
                name: "name",
                name_node: "identifier",
                below: &[],
            },
            Definition {
                node: "assignment",
                kind: SymbolKind::Value,
                name: "left",
                name_node: "identifier",
                below: &["expression_statement", "module"],
            },
            Definition { node: "import_statement", kind: SymbolKind::Import, name: "name", name_node: "", below: &[] },
            Definition {
                node: "import_from_statement",
                kind: SymbolKind::Import,
                name: "module_name",
                name_node: "",
                below: &[],
            },
        ],
        body: "body",
        signature_end: &[':'],
    },
    Language {
        name: "html",
        extensions: &["html", "htm", "xhtml", "jinja", "jinja2", "j2"],
        grammar: || tree_sitter_html::LANGUAGE.into(),
        reader: &html::Html,
        kinds: &html::KINDS,
        definitions: &[],
        body: "",
        signature_end: &[],
    },
    Language {
        name: "json",
        extensions: &["json", "jsonc", "webmanifest"],
        grammar: || tree_sitter_json::LANGUAGE.into(),
        reader: &json::Json,
        kinds: &json::KINDS,
        definitions: &[],
        body: "",
        signature_end: &[],
    },
    Language {
        name: "toml",
        extensions: &["toml"],
        grammar: || tree_sitter_toml_ng::LANGUAGE.into(),
        reader: &toml::Toml,
        kinds: &toml::KINDS,
        definitions: &[],
        body: "",
        signature_end: &[],
    },
    Language {
        name: "yaml",
        extensions: &["yaml", "yml"],
        grammar: || tree_sitter_yaml::LANGUAGE.into(),
        reader: &yaml::Yaml,
        kinds: &yaml::KINDS,
        definitions: &[],
        body: "",
        signature_end: &[],
    },
    Language {
        name: "rust",
        extensions: &["rs"],
        grammar: || tree_sitter_rust::LANGUAGE.into(),
        reader: &rust::Rust,
        kinds: &rust::KINDS,
        definitions: outline::RUST,
        body: "body",
        signature_end: &[';', '{', ','],
    },
    Language {
        name: "javascript",
        extensions: &["js", "mjs", "cjs", "jsx"],
        grammar: || tree_sitter_javascript::LANGUAGE.into(),
        reader: &script::Script,
        kinds: &script::JAVASCRIPT,
        definitions: outline::JAVASCRIPT,
        body: "body",
        signature_end: &['{', ';'],
    },
    Language {
        name: "typescript",
        extensions: &["ts", "mts", "cts"],
        grammar: || tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
        reader: &script::Script,
        kinds: &script::TYPESCRIPT,
        definitions: outline::TYPESCRIPT,
        body: "body",
        signature_end: &['{', ';'],
    },
    Language {
        name: "typescript",
        extensions: &["tsx"],
        grammar: || tree_sitter_typescript::LANGUAGE_TSX.into(),
        reader: &script::Script,
        kinds: &script::TSX,
        definitions: outline::TYPESCRIPT,
        body: "body",
        signature_end: &['{', ';'],
    },
    Language {
        name: "go",
        extensions: &["go"],
        grammar: || tree_sitter_go::LANGUAGE.into(),
        reader: &go::Go,
        kinds: &go::KINDS,
        definitions: outline::GO,
        body: "body",
        signature_end: &['{'],
    },
    Language {
        name: "java",
        extensions: &["java"],
        grammar: || tree_sitter_java::LANGUAGE.into(),
        reader: &java::Java,
        kinds: &java::KINDS,
        definitions: outline::JAVA,
        body: "body",
        signature_end: &['{', ';'],
    },
    Language {
        name: "css",
        extensions: &["css"],
        grammar: || tree_sitter_css::LANGUAGE.into(),
        reader: &css::Css,
        kinds: &css::KINDS,
        definitions: &[],
        body: "",
        signature_end: &[],
    },
    Language {
        name: "markdown",
        extensions: &["md", "markdown"],
        grammar: || tree_sitter_md::LANGUAGE.into(),
        reader: &markdown::Markdown,
        kinds: &markdown::KINDS,
        definitions: &[],
        body: "",
        signature_end: &[],
    },
];

impl Language {
    /// Returns the language of `path`, by its extension.
    pub(super) fn of(path: &RepoPath) -> Option<&'static Self> {
        let extension = path.extension()?;
        LANGUAGES.iter().find(|language| language.extensions.iter().any(|known| extension.eq_ignore_ascii_case(known)))
    }

    /// Returns the lists and members of a parsed text.
    pub(super) fn structure(&self, tree: &Tree, text: &str) -> Option<Structure> {
        walk::structure(self.reader, self.kinds, tree, text)
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
        for language in LANGUAGES {
            let grammar = language.grammar();
            for definition in language.definitions {
                for kind in definition.below.iter().chain([&definition.node]) {
                    assert_ne!(grammar.id_for_node_kind(kind, true), 0, "{kind}");
                }
                assert!(grammar.field_id_for_name(definition.name).is_some(), "{}", definition.name);
            }
            assert!(language.body.is_empty() || grammar.field_id_for_name(language.body).is_some());
        }
    }
}
