//! The structure of a text, as far as its language is known.
//!
//! Implementations are pure and synchronous: same text, same answer, on every machine. They bound their
//! work by bytes and nodes, never by time, and never fail: an unknown language has no structure.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::path::RepoPath;
use crate::structure::Structure;

/// A place in a text where the grammar does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SyntaxFault {
    /// The line, from 1.
    pub line: u32,
    /// What is wrong, in a few words.
    pub message: String,
    /// The line's text, bounded.
    pub text: String,
}

/// What kind of thing a symbol is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SymbolKind {
    /// A function or method.
    Function,
    /// A class, struct, trait or the like.
    Type,
    /// A constant or variable at the top level.
    Value,
    /// An import.
    Import,
}

/// A named thing that a text defines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Symbol {
    /// The name, qualified by the types around it: `Job.run`.
    pub name: String,
    /// What it is.
    pub kind: SymbolKind,
    /// The first line, from 1.
    pub line: u32,
    /// The signature on one line, bounded.
    pub signature: String,
    /// The last line, from 1; 0 if that is not known.
    #[serde(default)]
    pub end: u32,
    /// The first sentence or line of what its comment says of it, without markers, bounded; empty if nothing does.
    #[serde(default)]
    pub doc: String,
}

/// A name that a text uses and does not define.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Reference {
    /// The name as it stands in the code, without what qualifies it.
    pub name: String,
    /// How often it stands there.
    pub count: u32,
}

/// All that one look at a text tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reading {
    /// What the text defines and imports, in order.
    pub symbols: Vec<Symbol>,
    /// The names it uses and does not define, by name, bounded in number; what comments and strings say does not count.
    pub references: Vec<Reference>,
    /// What doc comments and docstrings say, the text's own first, without markers, bounded.
    pub docs: String,
}

/// The structure of texts.
pub trait Syntax: fmt::Debug + Send + Sync {
    /// Returns the language of `path`, in lower case, or `None` if it is not known: `"python"`.
    fn language(&self, path: &RepoPath) -> Option<&'static str>;

    /// Returns where `text` does not fit the grammar of `path`'s language; empty if it does or if that is not known.
    fn faults(&self, path: &RepoPath, text: &str) -> Vec<SyntaxFault>;

    /// Returns what `text` defines, in order; empty if its language is not known.
    fn outline(&self, path: &RepoPath, text: &str) -> Vec<Symbol>;

    /// Returns all that one look at `text` tells, or `None` if its language is not known; the symbols are those of [`Self::outline`].
    ///
    /// Unless implemented, there are only symbols.
    fn read(&self, path: &RepoPath, text: &str) -> Option<Reading> {
        self.language(path)?;
        Some(Reading { symbols: self.outline(path, text), ..Reading::default() })
    }

    /// Returns what changes whenever the same text might be read otherwise; caches of what was read are kept under it.
    fn fingerprint(&self) -> String {
        String::new()
    }

    /// Tells whether [`Self::structure`] knows the language of `path`; a text without structure is merged line by line.
    fn has_structure(&self, path: &RepoPath) -> bool {
        self.language(path).is_some()
    }

    /// Returns the lists and members that `text` is made of, or `None` if its language is not known or a bound is reached.
    fn structure(&self, path: &RepoPath, text: &str) -> Option<Structure> {
        let _ = (path, text);
        None
    }

    /// Returns what tells the structures of several versions of the text at `path`; each answer is that of [`Self::structure`].
    ///
    /// Versions are told by one reader because they have most of their lines in common, which need not be read twice.
    fn structures<'s>(&'s self, path: &'s RepoPath) -> Box<dyn Structures + 's> {
        Box::new(OneByOne { syntax: self, path })
    }
}

/// The structures of versions of one text.
pub trait Structures: fmt::Debug {
    /// Returns the structure of a version, as [`Syntax::structure`] does.
    fn of(&mut self, text: &str) -> Option<Structure>;
}

/// Reads every version by itself.
struct OneByOne<'s, S: ?Sized> {
    syntax: &'s S,
    path: &'s RepoPath,
}

impl<S: Syntax + ?Sized> Structures for OneByOne<'_, S> {
    fn of(&mut self, text: &str) -> Option<Structure> {
        self.syntax.structure(self.path, text)
    }
}

impl<S: Syntax + ?Sized> fmt::Debug for OneByOne<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneByOne").field("path", self.path).finish_non_exhaustive()
    }
}

/// Knows no language.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSyntax;

impl Syntax for NoSyntax {
    fn language(&self, _: &RepoPath) -> Option<&'static str> {
        None
    }

    fn faults(&self, _: &RepoPath, _: &str) -> Vec<SyntaxFault> {
        Vec::new()
    }

    fn outline(&self, _: &RepoPath, _: &str) -> Vec<Symbol> {
        Vec::new()
    }
}
