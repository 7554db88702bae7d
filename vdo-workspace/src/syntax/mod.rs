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
mod plain;
mod reading;
mod scripts;
mod structure;
mod versions;

use tree_sitter::Tree;
use vdo_core::path::RepoPath;
use vdo_core::structure::Structure;
use vdo_core::syntax::{Reading, Structures, Symbol, Syntax, SyntaxFault};

use languages::Language;
use lines::Lines;
use plain::Words;
use versions::Versions;

/// Raised whenever the same text is read otherwise, though the grammars are the same.
const READING_VERSION: u32 = 1;
/// The longest text that is parsed, in bytes.
pub const MAX_TEXT_BYTES: usize = 1 << 20;
/// How many faults are told of one text.
pub const MAX_FAULTS: usize = 50;
/// How many symbols are told of one text.
pub const MAX_SYMBOLS: usize = 5_000;

/// Structure for the languages this crate knows.
///
/// By a grammar: Python, Rust, JavaScript, TypeScript (with JSX), Go, Java, HTML, CSS, JSON, TOML, YAML. Line by
/// line: requirements and constraints, environment and ignore files, Dockerfiles, Makefiles, `go.mod`, protocol buffers,
/// settings (`.ini`, `.cfg`, `.properties`), Markdown.
///
/// Readings are told of programming languages: by a grammar of those above and of C, C++, C#, Ruby, PHP and shells; by the
/// words that lines begin with of Kotlin, Swift, Scala, Lua, Elixir, Zig, Dart, Perl, R, Julia, Haskell, Groovy, SQL, protocol
/// buffers, GraphQL, and of any text that its parser gives up; of the scripts in components of Vue and Svelte. Faults wherever the grammar knows
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
        let by_lines = || Lines::of(path).map(|lines| lines.name);
        let by_grammar = || Language::of(path).map(|language| language.name);
        let by_words = || Words::of(path.file_name()).map(|words| words.name);
        by_lines().or_else(by_grammar).or_else(|| scripts::language(path)).or_else(by_words)
    }

    fn faults(&self, path: &RepoPath, text: &str) -> Vec<SyntaxFault> {
        Language::of(path)
            .filter(|language| language.has_faults(text) && Lines::of(path).is_none())
            .and_then(|language| Some(faults::faults(&parse::parse(language, text)?, text)))
            .unwrap_or_default()
    }

    fn outline(&self, path: &RepoPath, text: &str) -> Vec<Symbol> {
        look(path, text, reading::outline, |reading| reading.symbols).unwrap_or_default()
    }

    fn read(&self, path: &RepoPath, text: &str) -> Option<Reading> {
        look(path, text, reading::read, |reading| reading)
    }

    fn fingerprint(&self) -> String {
        format!("{READING_VERSION} {}", Language::fingerprint())
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

/// Looks at a text once: by its grammar, else by its words; `None` if its language is not known.
fn look<T: Default>(
    path: &RepoPath,
    text: &str,
    by_grammar: impl Fn(&Language, &Tree, &str) -> T,
    by_words: impl Fn(Reading) -> T,
) -> Option<T> {
    let plainly = |words: Option<&'static Words>| words.map(|words| by_words(plain::read(words, beginning(text))));
    if Lines::of(path).is_none() && scripts::language(path).is_some() {
        let (text, language) = scripts::scripts(beginning(text));
        let language = language?;
        return Some(parse::parse(language, &text).map(|tree| by_grammar(language, &tree, &text)).unwrap_or_default());
    }
    let Some(language) = Language::of_text(path, text).filter(|_| Lines::of(path).is_none()) else {
        let words = Words::of(path.file_name());
        return plainly(words).or_else(|| Some(T::default()).filter(|_| TreeSitterSyntax.language(path).is_some()));
    };
    if language.rows.definitions.is_empty() {
        return Some(T::default());
    }
    match parse::parse(language, text) {
        Some(tree) => Some(by_grammar(language, &tree, text)),
        None => Some(plainly(Words::by_name(language.name)).unwrap_or_default()),
    }
}

/// Returns as much of a text as is looked at.
fn beginning(text: &str) -> &str {
    let mut end = text.len().min(MAX_TEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
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
