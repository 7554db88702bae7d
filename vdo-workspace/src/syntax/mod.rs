//! The structure of texts: by tree-sitter, and line by line where there is no grammar.
//!
//! Work is bounded by bytes, parser steps, nodes and depth, never by time: the same text gives the same answer on
//! every machine. A text that is over a bound has no structure. Never panics and never fails, whatever the text.
//!
//! `languages` is the table of grammars with a reader for each, `lines` that of texts without one; both write a
//! [`Structure`] through `structure`.

mod faults;
mod languages;
mod lines;
mod parse;
mod reading;
mod structure;
mod versions;

use vdo_core::path::RepoPath;
use vdo_core::structure::Structure;
use vdo_core::syntax::{Reading, Structures, Symbol, Syntax, SyntaxFault};

use languages::Language;
use lines::Lines;
use versions::Versions;

/// The longest text that is parsed, in bytes.
pub const MAX_TEXT_BYTES: usize = 1 << 20;
/// How many faults are told of one text.
pub const MAX_FAULTS: usize = 50;
/// How many symbols are told of one text.
pub const MAX_SYMBOLS: usize = 5_000;

/// Structure for the languages this crate knows.
///
/// By a grammar: Python, Rust, JavaScript, TypeScript (with JSX), Go, Java, HTML, CSS, JSON, TOML, YAML, Markdown. Line by
/// line: requirements and constraints, environment and ignore files, Dockerfiles, Makefiles, `go.mod`, protocol buffers,
/// settings (`.ini`, `.cfg`, `.properties`). Outlines are told of programming languages; faults wherever the grammar knows
/// as much as those who read the texts, so not of Markdown and CSS, nor where a template language is mixed in.
///
/// Holds nothing; grammars are tables of the program, and a parser is made for every call.
///
/// ```
/// use vdo_core::syntax::Syntax;
/// use vdo_workspace::syntax::TreeSitterSyntax;
/// let path = "app.py".parse().unwrap();
/// assert!(TreeSitterSyntax.faults(&path, "def greet():\n    return 1\n").is_empty());
/// assert_eq!(TreeSitterSyntax.faults(&path, "def greet(:\n    return 1\n").first().unwrap().line, 1);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct TreeSitterSyntax;

impl Syntax for TreeSitterSyntax {
    fn language(&self, path: &RepoPath) -> Option<&'static str> {
        Lines::of(path).map(|lines| lines.name).or_else(|| Some(Language::of(path)?.name))
    }

    fn faults(&self, path: &RepoPath, text: &str) -> Vec<SyntaxFault> {
        Language::of(path)
            .filter(|language| language.has_faults(text) && Lines::of(path).is_none())
            .and_then(|language| Some(faults::faults(&parse::parse(language, text)?, text)))
            .unwrap_or_default()
    }

    fn outline(&self, path: &RepoPath, text: &str) -> Vec<Symbol> {
        Language::of_text(path, text)
            .and_then(|language| Some(reading::outline(language, &parse::parse(language, text)?, text)))
            .unwrap_or_default()
    }

    fn read(&self, path: &RepoPath, text: &str) -> Option<Reading> {
        let language = Language::of_text(path, text)?;
        Some(reading::read(language, &parse::parse(language, text)?, text))
    }

    fn has_structure(&self, path: &RepoPath) -> bool {
        Lines::of(path).is_some() || Language::of(path).is_some_and(Language::has_structure)
    }

    fn structure(&self, path: &RepoPath, text: &str) -> Option<Structure> {
        if text.len() > MAX_TEXT_BYTES {
            return None;
        }
        if let Some(lines) = Lines::of(path) {
            return lines.structure(text);
        }
        let language = Language::of(path).filter(|language| language.has_structure())?;
        language.structure(&parse::parse(language, text)?, text)
    }

    fn structures<'s>(&'s self, path: &'s RepoPath) -> Box<dyn Structures + 's> {
        match Language::of(path).filter(|language| language.has_structure() && Lines::of(path).is_none()) {
            Some(language) => Box::new(Versions::new(language)),
            None => Box::new(Alone { path }),
        }
    }
}

/// Reads every version by itself: texts without a grammar.
#[derive(Debug)]
struct Alone<'s> {
    path: &'s RepoPath,
}

impl Structures for Alone<'_> {
    fn of(&mut self, text: &str) -> Option<Structure> {
        TreeSitterSyntax.structure(self.path, text)
    }
}

#[cfg(test)]
mod tests;
