//! The languages, as a table: adding one is adding a row.

use std::sync::OnceLock;

use tree_sitter::Query;
use vdo_core::path::RepoPath;

/// A language and how its structure is read.
pub(super) struct Language {
    /// The name, in lower case.
    pub(super) name: &'static str,
    extensions: &'static [&'static str],
    grammar: fn() -> tree_sitter::Language,
    /// Captures `@function`, `@type`, `@value` and `@import` around a definition and `@name` on its name.
    outline: &'static str,
    /// The field of a definition at which its signature ends.
    pub(super) body: &'static str,
    /// What may stand between a signature and the body.
    pub(super) signature_end: &'static [char],
    query: OnceLock<Option<Query>>,
}

static LANGUAGES: [Language; 1] = [Language {
    name: "python",
    extensions: &["py", "pyi", "pyw"],
    grammar: || tree_sitter_python::LANGUAGE.into(),
    outline: "
        (function_definition name: (identifier) @name) @function
        (class_definition name: (identifier) @name) @type
        (module (expression_statement (assignment left: (identifier) @name)) @value)
        (import_statement name: (dotted_name) @name) @import
        (import_statement name: (aliased_import name: (dotted_name) @name)) @import
        (import_from_statement module_name: (_) @name) @import
    ",
    body: "body",
    signature_end: &[':'],
    query: OnceLock::new(),
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

    /// Returns the outline's query; `None` if it does not fit the grammar, which a test rules out.
    pub(super) fn query(&self) -> Option<&Query> {
        self.query.get_or_init(|| Query::new(&self.grammar(), self.outline).ok()).as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_query_fits_its_grammar() {
        for language in &LANGUAGES {
            assert!(language.query().is_some(), "{}", language.name);
        }
    }
}
