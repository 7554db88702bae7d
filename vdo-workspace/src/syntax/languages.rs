//! The languages, as a table: adding one is adding a row.

use vdo_core::path::RepoPath;
use vdo_core::syntax::SymbolKind;

/// A language and how its structure is read.
pub(super) struct Language {
    /// The name, in lower case.
    pub(super) name: &'static str,
    extensions: &'static [&'static str],
    grammar: fn() -> tree_sitter::Language,
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

static LANGUAGES: [Language; 1] = [Language {
    name: "python",
    extensions: &["py", "pyi", "pyw"],
    grammar: || tree_sitter_python::LANGUAGE.into(),
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
}];

impl Language {
    /// Returns the language of `path`, by its extension.
    pub(super) fn of(path: &RepoPath) -> Option<&'static Self> {
        let extension = path.extension()?;
        LANGUAGES.iter().find(|language| language.extensions.iter().any(|known| extension.eq_ignore_ascii_case(known)))
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
            for definition in language.definitions {
                for kind in definition.below.iter().chain([&definition.node]) {
                    assert_ne!(grammar.id_for_node_kind(kind, true), 0, "{kind}");
                }
                assert!(grammar.field_id_for_name(definition.name).is_some(), "{}", definition.name);
            }
            assert!(grammar.field_id_for_name(language.body).is_some());
        }
    }
}
