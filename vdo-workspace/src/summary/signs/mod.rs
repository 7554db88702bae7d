//! What one file shows of the project around it: what it imports, where it starts, which routes it has.
//!
//! A pure function of language, text and symbols, so that its answer can be kept under the content's hash. One pass over
//! the lines, no parsing; every list and every look ahead is bounded.

mod calls;
mod imports;
mod prose;
mod routes;
mod routes_by_class;
mod routes_nested;

pub(crate) use prose::sentence;

use serde::{Deserialize, Serialize};
use vdo_core::syntax::{Symbol, SymbolKind};

/// The version of [`Signs`]; kept ones of another version are read again.
pub const SIGNS_VERSION: u32 = 1;
/// How much of a line is looked at.
const MAX_LINE: usize = 2000;
/// How many imports of a file are kept, and how long each may be.
const MAX_IMPORTS: usize = 300;
const MAX_IMPORT: usize = 200;
/// How many routes of a file are kept, and how long a pattern may be.
const MAX_ROUTES: usize = 100;
const MAX_PATTERN: usize = 200;

/// What runs where a file is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// It has what its language starts programs at.
    Main,
    /// It makes or starts something that answers over the network.
    Server,
}

/// A route as a file has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteSign {
    /// The method.
    pub method: String,
    /// The pattern, below the prefixes that the file names.
    pub pattern: String,
    /// The line, from 1.
    pub line: u32,
}

/// What a file shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Signs {
    /// How many lines it has.
    pub lines: u32,
    /// What it says of itself, in a sentence.
    pub about: String,
    /// The interpreter it names in its first line.
    pub shebang: Option<String>,
    /// What starts there.
    pub start: Option<Start>,
    /// The package or namespace it says it is part of.
    pub package: Option<String>,
    /// What it imports, as it is written.
    pub imports: Vec<String>,
    /// Its routes.
    pub routes: Vec<RouteSign>,
    /// Whether it has tests beside other code.
    pub has_tests: bool,
    /// How many lines begin with a tab, with two spaces and no more, and with four.
    pub indents: [u32; 3],
    /// How many strings open with `'` and with `"`, where a language takes both.
    pub quotes: [u32; 2],
}

/// The languages that are read alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Python,
    Rust,
    Script,
    Go,
    Jvm,
    CSharp,
    Ruby,
    Php,
    C,
    Prose,
    Other,
}

impl Family {
    fn of(language: Option<&str>) -> Self {
        match language.unwrap_or_default() {
            "python" => Self::Python,
            "rust" => Self::Rust,
            "javascript" | "typescript" | "tsx" | "jsx" | "vue" | "svelte" => Self::Script,
            "go" => Self::Go,
            "java" | "kotlin" | "scala" | "groovy" => Self::Jvm,
            "csharp" | "c_sharp" | "c-sharp" => Self::CSharp,
            "ruby" => Self::Ruby,
            "php" => Self::Php,
            "c" | "cpp" | "c++" | "objc" => Self::C,
            "markdown" | "rst" => Self::Prose,
            _ => Self::Other,
        }
    }
}

/// A file that is being read.
struct Reading<'t> {
    family: Family,
    /// The line under way, from 1.
    number: u32,
    signs: Signs,
    imports: imports::Imports,
    routes: routes::Routes<'t>,
    /// How many conditions of the preprocessor are open.
    conditions: u32,
}

/// Returns what a file shows.
///
/// Looks at the language, the text and the symbols alone, and never fails.
#[must_use]
pub fn signs(language: Option<&str>, text: &str, symbols: &[Symbol]) -> Signs {
    let family = Family::of(language);
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reading = Reading {
        family,
        number: 0,
        signs: Signs { about: prose::about(family, text), ..Signs::default() },
        imports: imports::Imports::default(),
        routes: routes::Routes::default(),
        conditions: 0,
    };
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find('\n').map_or(rest.len(), |at| at + 1);
        let (line, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        reading.number = reading.number.saturating_add(1);
        reading.line(bounded(line.trim_end()), rest);
        rest = after;
    }
    let mut signs = reading.routes.finish(reading.signs);
    signs.lines = reading.number;
    let starts = |symbol: &Symbol| symbol.name == "main" && symbol.kind == SymbolKind::Function;
    if matches!(family, Family::Rust | Family::Go) && symbols.iter().any(starts) {
        signs.start = signs.start.max(Some(Start::Main));
    }
    if family == Family::Go && signs.package.as_deref() != Some("main") && signs.start == Some(Start::Main) {
        signs.start = None;
    }
    signs
}

/// Returns the start of a line, at most as much as is looked at.
fn bounded(line: &str) -> &str {
    let mut end = line.len().min(MAX_LINE);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    line.get(..end).unwrap_or_default()
}

impl<'t> Reading<'t> {
    /// Takes a line in; `from` is the text that begins with it.
    fn line(&mut self, line: &'t str, from: &'t str) {
        if line.is_empty() || matches!(self.family, Family::Prose) {
            return;
        }
        if self.number == 1
            && let Some(program) = line.strip_prefix("#!")
        {
            self.signs.shebang = Some(interpreter(program));
        }
        self.count_indent(line);
        if self.family == Family::Other {
            return;
        }
        let bare = line.trim_start();
        self.imports.line(self.family, line, bare, &mut self.signs);
        self.plain(line, bare);
        let indent = line.len() - bare.len();
        let place = routes::Place { number: self.number, indent, line: bare, from: from.get(indent..).unwrap_or("") };
        if bare.contains('(') {
            for call in calls::calls(place.line, place.from) {
                if self.signs.start != Some(Start::Server) && is_server(self.family, &call, indent) {
                    self.signs.start = Some(Start::Server);
                }
                self.routes.call(self.family, &call, &place, &mut self.signs);
            }
        }
        self.routes.line(self.family, &place, &mut self.signs);
    }

    fn count_indent(&mut self, line: &str) {
        let bytes = line.as_bytes();
        let [tabs, twos, fours] = &mut self.signs.indents;
        match bytes {
            [b'\t', ..] => *tabs += 1,
            [b' ', b' ', b' ', b' ', rest @ ..] if rest.first() != Some(&b' ') => *fours += 1,
            [b' ', b' ', next, ..] if *next != b' ' && *next != b'*' => *twos += 1,
            _ => {}
        }
        if matches!(self.family, Family::Python | Family::Script | Family::Ruby | Family::Php)
            && let Some(at) = bytes.iter().position(|byte| matches!(byte, b'\'' | b'"'))
        {
            let [single, double] = &mut self.signs.quotes;
            if bytes.get(at) == Some(&b'\'') { *single += 1 } else { *double += 1 }
        }
    }

    /// Looks at what is told by the start of a line.
    fn plain(&mut self, line: &str, bare: &str) {
        let starts = match self.family {
            Family::Python => line.starts_with("if __name__ =="),
            Family::Rust => {
                self.signs.has_tests |= bare.starts_with("#[cfg(test)]") || bare.starts_with("#[test]");
                line.starts_with("fn main(") || line.starts_with("pub fn main(") || line.starts_with("async fn main(")
            }
            Family::Go => line.starts_with("func main()"),
            Family::Jvm => {
                if bare.starts_with("@SpringBootApplication") || bare.starts_with("@QuarkusMain") {
                    self.signs.start = Some(Start::Server);
                }
                bare.contains("static void main(") || line.starts_with("fun main(")
            }
            Family::CSharp => {
                bare.starts_with("static") && bare.contains(" Main(") || bare.contains("static async Task Main(")
            }
            Family::C if bare.starts_with('#') => {
                let word = bare.trim_start_matches(['#', ' ', '\t']);
                if word.starts_with("if") {
                    self.conditions = self.conditions.saturating_add(1);
                } else if word.starts_with("endif") {
                    self.conditions = self.conditions.saturating_sub(1);
                }
                false
            }
            // What is compiled only for a test of its own is no program.
            Family::C => {
                self.conditions == 0
                    && ["int main(", "void main(", "int wmain(", "main("].iter().any(|start| line.starts_with(start))
            }
            Family::Script | Family::Ruby | Family::Php | Family::Prose | Family::Other => false,
        };
        if starts {
            self.signs.start = self.signs.start.max(Some(Start::Main));
        }
    }
}

/// Returns the name of the interpreter of a first line.
fn interpreter(program: &str) -> String {
    let mut words = program.split_whitespace();
    let first = words.next().unwrap_or_default();
    let name = |word: &str| word.rsplit('/').next().unwrap_or(word).chars().take(40).collect::<String>();
    if name(first) == "env" {
        return words.find(|word| !word.starts_with('-') && !word.contains('=')).map(name).unwrap_or_default();
    }
    name(first)
}

/// Tells whether a call makes or starts something that listens.
fn is_server(family: Family, call: &calls::Call<'_>, indent: usize) -> bool {
    let (receiver, name) = (call.receiver, call.name);
    match family {
        Family::Python => {
            matches!(
                name,
                "Flask" | "FastAPI" | "Starlette" | "Quart" | "Sanic" | "get_wsgi_application" | "get_asgi_application"
            ) || (name == "run" && receiver == "uvicorn")
        }
        Family::Rust => matches!(
            (receiver.trim_end_matches("::"), name),
            ("axum" | "warp", "serve") | ("HttpServer", "new") | ("rocket", "build" | "ignite")
        ),
        Family::Go => name.starts_with("ListenAndServe") && !receiver.is_empty(),
        Family::Script => {
            (name == "listen" && indent <= 2 && ["app", "server", "fastify", "httpServer", "koa"].contains(&receiver))
                || (name == "create" && receiver == "NestFactory")
                || (name == "serve" && matches!(receiver, "Bun" | "Deno"))
        }
        Family::CSharp => name == "CreateBuilder" && receiver == "WebApplication" || name == "CreateHostBuilder",
        _ => false,
    }
}
