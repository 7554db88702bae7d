//! The words by which a line says that it defines something, by language.

/// How a language is read without its grammar.
pub(in crate::syntax) struct Words {
    /// The name, in lower case.
    pub(in crate::syntax) name: &'static str,
    extensions: &'static [&'static str],
    /// What a comment begins with that ends with its line.
    pub(super) comments: &'static [&'static str],
    /// What a comment begins and ends with that may go on over lines.
    pub(super) block: Option<(&'static str, &'static str)>,
    /// Words before the name of a function.
    pub(super) functions: &'static [&'static str],
    /// Words before the name of a type.
    pub(super) types: &'static [&'static str],
    /// Words before the name of a value.
    pub(super) values: &'static [&'static str],
    /// Words before what is imported.
    pub(super) imports: &'static [&'static str],
    /// Words that may stand before these.
    pub(super) modifiers: &'static [&'static str],
    /// What else a line may look like.
    pub(super) shapes: &'static [Shape],
}

/// What a line that defines something may look like without a word that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// `name = function(`, `name <- function(`.
    Assigned,
    /// `Type name(…) {`.
    Head,
    /// `name :: Type`.
    Typed,
    /// `= require("a")`, `= @import("a")`.
    Loaded,
    /// `const Name = struct {`.
    Held,
    /// Words are alike in upper and lower case.
    Folded,
}

const SLASHES: &[&str] = &["//"];
const HASH: &[&str] = &["#"];
const DASHES: &[&str] = &["--"];
const STARS: Option<(&str, &str)> = Some(("/*", "*/"));

/// What is the same in most languages with brackets.
const BASE: Words = Words {
    name: "",
    extensions: &[],
    comments: SLASHES,
    block: STARS,
    functions: &[],
    types: &["class", "struct", "interface", "enum", "trait"],
    values: &[],
    imports: &["import"],
    modifiers: &["public", "private", "protected", "internal", "static", "final", "abstract", "export", "async"],
    shapes: &[],
};

static WORDS: &[Words] = &[
    Words {
        name: "kotlin",
        extensions: &["kt", "kts"],
        functions: &["fun"],
        types: &["class", "interface", "object", "typealias"],
        values: &["val", "var"],
        imports: &["import", "package"],
        modifiers: &[
            "public",
            "private",
            "protected",
            "internal",
            "open",
            "abstract",
            "final",
            "override",
            "suspend",
            "inline",
            "data",
            "sealed",
            "enum",
            "annotation",
            "companion",
            "operator",
            "infix",
            "tailrec",
            "external",
            "const",
            "lateinit",
            "inner",
            "value",
            "expect",
            "actual",
            "fun",
        ],
        ..BASE
    },
    Words {
        name: "swift",
        extensions: &["swift"],
        functions: &["func", "init", "macro"],
        types: &["class", "struct", "enum", "protocol", "extension", "actor", "typealias"],
        values: &["let", "var"],
        modifiers: &[
            "public",
            "private",
            "fileprivate",
            "internal",
            "open",
            "static",
            "final",
            "override",
            "mutating",
            "nonisolated",
            "convenience",
            "required",
            "indirect",
            "lazy",
            "weak",
            "unowned",
            "dynamic",
            "class",
        ],
        ..BASE
    },
    Words {
        name: "scala",
        extensions: &["scala", "sc"],
        functions: &["def"],
        types: &["class", "object", "trait", "enum", "type"],
        values: &["val", "var"],
        imports: &["import", "package"],
        modifiers: &[
            "private",
            "protected",
            "override",
            "final",
            "abstract",
            "sealed",
            "implicit",
            "lazy",
            "case",
            "inline",
            "given",
            "open",
            "transparent",
        ],
        ..BASE
    },
    Words {
        name: "lua",
        extensions: &["lua"],
        comments: DASHES,
        block: Some(("--[[", "]]")),
        functions: &["function"],
        types: &[],
        imports: &["require"],
        modifiers: &["local"],
        shapes: &[Shape::Assigned, Shape::Loaded],
        ..BASE
    },
    Words {
        name: "elixir",
        extensions: &["ex", "exs"],
        comments: HASH,
        block: None,
        functions: &["def", "defp", "defmacro", "defmacrop", "defguard", "defdelegate"],
        types: &["defmodule", "defprotocol", "defimpl"],
        imports: &["import", "alias", "use", "require"],
        modifiers: &[],
        ..BASE
    },
    Words {
        name: "zig",
        extensions: &["zig"],
        block: None,
        functions: &["fn"],
        types: &[],
        values: &["const", "var"],
        modifiers: &["pub", "export", "extern", "inline", "noinline", "threadlocal", "comptime"],
        shapes: &[Shape::Loaded, Shape::Held],
        ..BASE
    },
    Words {
        name: "dart",
        extensions: &["dart"],
        types: &["class", "mixin", "extension", "enum", "typedef"],
        imports: &["import", "export", "part", "library"],
        modifiers: &[
            "abstract",
            "static",
            "final",
            "external",
            "late",
            "sealed",
            "base",
            "interface",
            "factory",
            "covariant",
        ],
        shapes: &[Shape::Head],
        ..BASE
    },
    Words {
        name: "perl",
        extensions: &["pl", "pm"],
        comments: HASH,
        block: None,
        functions: &["sub"],
        types: &["package"],
        imports: &["use", "require"],
        modifiers: &[],
        ..BASE
    },
    Words {
        name: "r",
        extensions: &["r"],
        comments: HASH,
        block: None,
        types: &[],
        imports: &["library", "require", "source"],
        modifiers: &[],
        shapes: &[Shape::Assigned],
        ..BASE
    },
    Words {
        name: "julia",
        extensions: &["jl"],
        comments: HASH,
        block: Some(("#=", "=#")),
        functions: &["function", "macro"],
        types: &["struct", "module", "type"],
        values: &["const"],
        imports: &["using", "import", "include"],
        modifiers: &["mutable", "abstract", "primitive", "export"],
        ..BASE
    },
    Words {
        name: "haskell",
        extensions: &["hs", "lhs"],
        comments: DASHES,
        block: Some(("{-", "-}")),
        types: &["data", "newtype", "class", "type", "module"],
        imports: &["import"],
        modifiers: &["qualified"],
        shapes: &[Shape::Typed],
        ..BASE
    },
    Words {
        name: "groovy",
        extensions: &["groovy", "gradle"],
        functions: &["def"],
        imports: &["import", "package"],
        shapes: &[Shape::Head],
        ..BASE
    },
    Words {
        name: "sql",
        extensions: &["sql"],
        comments: DASHES,
        functions: &["function", "procedure", "trigger"],
        types: &["table", "view", "type", "schema"],
        imports: &[],
        modifiers: &["create", "or", "replace", "temporary", "temp", "materialized", "unlogged", "definer"],
        shapes: &[Shape::Folded],
        ..BASE
    },
    Words {
        name: "protobuf",
        extensions: &["proto"],
        functions: &["rpc"],
        types: &["message", "enum", "service"],
        imports: &["import", "package"],
        ..BASE
    },
    Words {
        name: "graphql",
        extensions: &["graphql", "gql"],
        comments: HASH,
        block: None,
        types: &["type", "input", "enum", "interface", "union", "scalar"],
        imports: &[],
        modifiers: &["extend"],
        ..BASE
    },
    Words {
        name: "python",
        comments: HASH,
        block: None,
        functions: &["def"],
        types: &["class"],
        imports: &["import", "from"],
        modifiers: &["async"],
        ..BASE
    },
    Words {
        name: "rust",
        functions: &["fn", "macro_rules!"],
        types: &["struct", "enum", "trait", "union", "impl", "mod", "type"],
        values: &["const", "static"],
        imports: &["use"],
        modifiers: &["pub", "pub(crate)", "pub(super)", "async", "unsafe", "extern", "const", "default"],
        ..BASE
    },
    Words {
        name: "javascript",
        functions: SCRIPT,
        values: SCRIPT_VALUES,
        modifiers: SCRIPT_MODIFIERS,
        shapes: SCRIPT_SHAPES,
        ..BASE
    },
    Words {
        name: "typescript",
        functions: SCRIPT,
        types: &["class", "interface", "enum", "type", "namespace"],
        values: SCRIPT_VALUES,
        modifiers: SCRIPT_MODIFIERS,
        shapes: SCRIPT_SHAPES,
        ..BASE
    },
    Words { name: "go", functions: &["func"], types: &["type"], values: &["const", "var"], modifiers: &[], ..BASE },
    Words {
        name: "java",
        types: &["class", "interface", "enum", "record", "@interface"],
        imports: &["import", "package"],
        modifiers: JAVA_MODIFIERS,
        shapes: &[Shape::Head],
        ..BASE
    },
    Words {
        name: "csharp",
        types: &["class", "struct", "interface", "enum", "record", "namespace"],
        imports: &["using"],
        modifiers: JAVA_MODIFIERS,
        shapes: &[Shape::Head],
        ..BASE
    },
    Words {
        name: "c",
        types: C_TYPES,
        values: &["#define"],
        imports: &["#include"],
        modifiers: C_MODIFIERS,
        shapes: &[Shape::Head],
        ..BASE
    },
    Words {
        name: "cpp",
        types: &["class", "struct", "union", "enum", "namespace"],
        values: &["#define"],
        imports: &["#include"],
        modifiers: C_MODIFIERS,
        shapes: &[Shape::Head],
        ..BASE
    },
    Words {
        name: "ruby",
        comments: HASH,
        block: None,
        functions: &["def"],
        types: &["class", "module"],
        imports: &["require", "require_relative", "load"],
        modifiers: &["private", "protected", "public"],
        ..BASE
    },
    Words {
        name: "php",
        functions: &["function"],
        types: &["class", "interface", "trait", "enum", "namespace"],
        values: &["const"],
        imports: &["use", "require", "require_once", "include", "include_once"],
        modifiers: JAVA_MODIFIERS,
        ..BASE
    },
    Words {
        name: "shell",
        comments: HASH,
        block: None,
        functions: &["function"],
        types: &[],
        imports: &["source", "."],
        modifiers: &[],
        shapes: &[Shape::Head],
        ..BASE
    },
];

const SCRIPT: &[&str] = &["function", "function*"];
const SCRIPT_VALUES: &[&str] = &["const", "let", "var"];
const SCRIPT_MODIFIERS: &[&str] = &["export", "default", "async", "declare", "abstract"];
const SCRIPT_SHAPES: &[Shape] = &[Shape::Assigned, Shape::Loaded];
const JAVA_MODIFIERS: &[&str] = &[
    "public",
    "private",
    "protected",
    "internal",
    "static",
    "final",
    "abstract",
    "sealed",
    "readonly",
    "partial",
    "async",
    "override",
    "virtual",
    "synchronized",
    "native",
    "default",
    "extern",
    "unsafe",
    "new",
    "strictfp",
];
const C_TYPES: &[&str] = &["struct", "union", "enum"];
const C_MODIFIERS: &[&str] = &["static", "extern", "inline", "typedef", "const", "template", "constexpr", "virtual"];

impl Words {
    /// Returns the words of a file, by the ending of its name.
    pub(in crate::syntax) fn of(name: &str) -> Option<&'static Self> {
        let (stem, extension) = name.rsplit_once('.')?;
        let is = |known: &&str| extension.eq_ignore_ascii_case(known);
        WORDS.iter().find(|words| !stem.is_empty() && words.extensions.iter().any(is))
    }

    /// Returns the words of a language.
    pub(in crate::syntax) fn by_name(name: &str) -> Option<&'static Self> {
        WORDS.iter().find(|words| words.name == name)
    }

    pub(super) fn has(&self, shape: Shape) -> bool {
        self.shapes.contains(&shape)
    }
}
