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
use super::reading::{Table, first, second};
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
    /// Reads its lists; without a reader it has no structure.
    reader: Option<&'static dyn Reader>,
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

static LANGUAGES: [Language; 18] = [
    Language {
        name: "python",
        extensions: &["py", "pyi", "pyw"],
        grammar: || tree_sitter_python::LANGUAGE.into(),
        reader: Some(&python::Python),
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
        reader: Some(&rust::Rust),
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
        reader: Some(&script::Script),
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
        reader: Some(&script::Script),
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
        reader: Some(&script::Script),
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
        reader: Some(&go::Go),
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
        reader: Some(&java::Java),
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
        reader: Some(&html::Html),
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
        reader: Some(&css::Css),
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
        reader: Some(&json::Json),
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
        reader: Some(&toml::Toml),
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
        reader: Some(&yaml::Yaml),
        kinds: Kinds::new(),
        block_marks: Some(&['-', '?', ':']),
        faults: Faults::Plain,
        rows: &rows::NONE,
        table: Table::new(),
    },
    Language::told("c", &["c", "h"], || tree_sitter_c::LANGUAGE.into(), &second::C),
    Language::told(
        "cpp",
        &["cpp", "cc", "cxx", "c++", "hpp", "hh", "hxx", "h++", "ipp", "tpp", "inl"],
        || tree_sitter_cpp::LANGUAGE.into(),
        &second::CPP,
    ),
    Language::told("csharp", &["cs", "csx"], || tree_sitter_c_sharp::LANGUAGE.into(), &second::C_SHARP),
    Language::told("ruby", &["rb", "rake", "gemspec", "ru"], || tree_sitter_ruby::LANGUAGE.into(), &second::RUBY)
        .with_faults(),
    Language::told("php", &["php", "phtml"], || tree_sitter_php::LANGUAGE_PHP.into(), &second::PHP).with_faults(),
    Language::told(
        "shell",
        &["sh", "bash", "zsh", "ksh", "bats"],
        || tree_sitter_bash::LANGUAGE.into(),
        &second::SHELL,
    ),
];

/// Files without an ending that tells, with the one they could have.
const NAMES: &[(&str, &str)] = &[
    ("Rakefile", "rb"),
    ("Gemfile", "rb"),
    ("Guardfile", "rb"),
    ("Vagrantfile", "rb"),
    ("Podfile", "rb"),
    ("Fastfile", "rb"),
    ("Brewfile", "rb"),
    (".bashrc", "sh"),
    (".bash_profile", "sh"),
    (".profile", "sh"),
    (".zshrc", "sh"),
];

/// What a header says that is one of C++.
const CPP_WORDS: &[&str] = &["class ", "namespace ", "template <", "template<", "public:", "private:", "using "];

/// Endings of templates: what stands before them says what the template makes.
const TEMPLATES: &[&str] = &["j2", "jinja", "jinja2"];

impl Language {
    /// Returns the language of `path`, by its extension; of a template, by the one before it, and HTML if there is none.
    pub(super) fn of(path: &RepoPath) -> Option<&'static Self> {
        let name = path.file_name();
        let is = |extension: &str, known: &[&str]| known.iter().any(|known| extension.eq_ignore_ascii_case(known));
        if let Some((_, extension)) = NAMES.iter().find(|(known, _)| *known == name) {
            return Self::by_extension(extension);
        }
        let (stem, extension) = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty())?;
        let extension = match extension {
            template if is(template, TEMPLATES) => stem.rsplit_once('.').map_or("html", |(_, inner)| inner),
            extension => extension,
        };
        Self::by_extension(extension)
    }

    /// Returns the language whose grammar reads `text` best: a header may be one of C++.
    pub(super) fn of_text(path: &RepoPath, text: &str) -> Option<&'static Self> {
        let language = Self::of(path)?;
        let says = || text.lines().any(|line| CPP_WORDS.iter().any(|word| line.trim_start().starts_with(word)));
        if language.name == "c" && path.as_str().ends_with(".h") && says() {
            return Self::by_extension("hpp");
        }
        Some(language)
    }

    /// Returns the language that is called so.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        LANGUAGES.iter().find(|language| language.name == name)
    }

    fn by_extension(extension: &str) -> Option<&'static Self> {
        let is = |known: &&str| extension.eq_ignore_ascii_case(known);
        LANGUAGES.iter().find(|language| language.extensions.iter().any(is))
    }

    /// Tells of places where the grammar does not fit, too: of real texts there are none.
    const fn with_faults(mut self) -> Self {
        self.faults = Faults::Always;
        self
    }

    /// Returns a language of which readings are told and nothing else.
    const fn told(
        name: &'static str,
        extensions: &'static [&'static str],
        grammar: fn() -> tree_sitter::Language,
        rows: &'static Rows,
    ) -> Self {
        Self {
            name,
            extensions,
            grammar,
            reader: None,
            kinds: Kinds::new(),
            block_marks: None,
            faults: Faults::Never,
            rows,
            table: Table::new(),
        }
    }

    /// Tells whether there is a reader of its lists.
    pub(super) fn has_structure(&self) -> bool {
        self.reader.is_some()
    }

    /// Returns the lists and members of a parsed text.
    pub(super) fn structure(&self, tree: &Tree, text: &str) -> Option<Structure> {
        walk::structure(self.reader?, &self.kinds, tree, text)
    }

    /// Returns the lists and members of a parsed text, and what may be told again of versions whose trees are made from this one.
    pub(super) fn remembered(&self, tree: &Tree, text: &str) -> Option<(Structure, Memo)> {
        walk::remembered(self.reader?, &self.kinds, tree, text)
    }

    /// Returns the lists and members of a text whose tree was made from the one that is remembered.
    pub(super) fn again(&self, tree: &Tree, text: &str, memo: &Memo) -> Option<Structure> {
        walk::again(self.reader?, &self.kinds, tree, text, memo)
    }

    /// Tells whether a place of `text` where the grammar does not fit is a fault.
    pub(super) fn has_faults(&self, text: &str) -> bool {
        match self.faults {
            Faults::Always => true,
            Faults::Plain => !["{%", "{{", "{#", "<%", "<?"].iter().any(|mark| text.contains(mark)),
            Faults::Never => false,
        }
    }

    /// Returns what tells these grammars from other versions of them, as far as it shows in their tables.
    pub(super) fn fingerprint() -> String {
        let sizes = |language: &Self| {
            let grammar = language.grammar();
            let (states, kinds) = (grammar.parse_state_count(), grammar.node_kind_count());
            format!("{}:{}:{states}:{kinds}", language.name, grammar.abi_version())
        };
        LANGUAGES.iter().map(sizes).collect::<Vec<_>>().join(" ")
    }

    /// Returns what tells this language from the others: where its row lies.
    pub(super) fn parser_key(&self) -> usize {
        std::ptr::from_ref(self).addr()
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
            let Some(reader) = language.reader else { continue };
            for kind in reader.comments().iter().chain(reader.prefixes()) {
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
            ("lib/Rakefile", Some("ruby")),
            ("a.hh", Some("cpp")),
            (".bashrc", Some("shell")),
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
