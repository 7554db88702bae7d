//! What one line defines.

use vdo_core::syntax::SymbolKind;

use super::words::{Shape, Words};

/// How many modifiers a line may have.
const MAX_MODIFIERS: usize = 12;
/// The longest line that is looked at, in bytes.
const MAX_LINE: usize = 2_000;
/// Words that begin statements that look like the head of a function.
const STATEMENTS: &[&str] = &[
    "if",
    "for",
    "while",
    "switch",
    "return",
    "else",
    "catch",
    "new",
    "throw",
    "do",
    "try",
    "foreach",
    "using",
    "lock",
    "when",
    "await",
    "assert",
    "sizeof",
    "elif",
    "until",
    "case",
    "yield",
    "delete",
    "goto",
    "defer",
    "synchronized",
];

/// What was found.
pub(super) struct Found<'t> {
    pub(super) kind: SymbolKind,
    pub(super) name: &'t str,
}

/// Returns what a line without its indentation defines.
pub(super) fn definition<'t>(words: &Words, line: &'t str) -> Option<Found<'t>> {
    if line.len() > MAX_LINE {
        return None;
    }
    let rest = behind_modifiers(words, line);
    by_word(words, rest).or_else(|| by_shape(words, rest))
}

fn is(words: &Words, list: &[&str], word: &str) -> bool {
    list.iter().any(|known| *known == word || (words.has(Shape::Folded) && known.eq_ignore_ascii_case(word)))
}

/// Returns the line behind modifiers and annotations.
fn behind_modifiers<'t>(words: &Words, line: &'t str) -> &'t str {
    let mut rest = line;
    for _ in 0..MAX_MODIFIERS {
        let Some((word, after)) = rest.split_once(char::is_whitespace) else { break };
        // `class` may be a modifier and a type: it is one if another word of the kind follows.
        let is_word = [words.functions, words.types, words.values].iter().any(|list| is(words, list, word));
        let next = after.split_whitespace().next().unwrap_or_default();
        let follows = [words.functions, words.types, words.values].iter().any(|list| is(words, list, next));
        let is_modifier = is(words, words.modifiers, word) && (!is_word || follows);
        if !(is_modifier || (word.starts_with('@') && word != "@interface")) {
            break;
        }
        rest = after.trim_start();
    }
    rest
}

fn by_word<'t>(words: &Words, line: &'t str) -> Option<Found<'t>> {
    let end = line.find(|c: char| c.is_whitespace() || matches!(c, '(' | '"' | '\'' | '<' | '{')).unwrap_or(line.len());
    let (word, after) = line.split_at_checked(end)?;
    if is(words, words.imports, word) {
        return import(after).map(|name| Found { kind: SymbolKind::Import, name });
    }
    let kind = if is(words, words.functions, word) {
        SymbolKind::Function
    } else if is(words, words.types, word) {
        SymbolKind::Type
    } else if is(words, words.values, word) {
        SymbolKind::Value
    } else {
        return None;
    };
    let held = words.has(Shape::Held) && [" = struct", " = enum", " = union"].iter().any(|held| after.contains(held));
    if kind == SymbolKind::Value && words.has(Shape::Loaded) && loaded(after).is_some() {
        return loaded(after);
    }
    let kind = if held { SymbolKind::Type } else { kind };
    let name = name(words, after).or((word == "init" && after.starts_with(['(', '?', '<'])).then_some(word))?;
    Some(Found { kind, name })
}

/// Returns the name that stands behind a word that defines.
fn name<'t>(words: &Words, after: &'t str) -> Option<&'t str> {
    let mut rest = after.trim_start();
    if !after.starts_with(char::is_whitespace) && !rest.starts_with('<') {
        return None;
    }
    // What a function is generic over, and what it is a method of: `<T>`, `(s *S)`.
    if let Some(inner) = rest.strip_prefix('<') {
        rest = inner.split_once('>')?.1.trim_start();
    }
    if let Some(inner) = rest.strip_prefix('(').filter(|_| words.name == "go") {
        rest = inner.split_once(')')?.1.trim_start();
    }
    for skipped in ["if", "not", "exists", "rec", "body", "class", "struct"] {
        let next = rest.split_whitespace().next().unwrap_or_default();
        if next.eq_ignore_ascii_case(skipped) && (words.has(Shape::Folded) || matches!(skipped, "class" | "struct")) {
            rest = rest.get(skipped.len()..)?.trim_start();
        }
    }
    // A context stands before what a class of Haskell is called.
    if words.has(Shape::Typed)
        && let Some((_, behind)) = rest.split_once("=> ")
    {
        rest = behind;
    }
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | ':' | '$' | '?' | '!' | '\\' | '\'');
    let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
    let name = rest.get(..end)?.trim_end_matches([':', '.', '?', '!', '=']);
    (name.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '$'))).then_some(name)
}

fn import(after: &str) -> Option<&str> {
    let rest = after.trim_start_matches([' ', '\t', '(']);
    if rest.is_empty() || (!after.starts_with([' ', '\t', '(', '"', '\'', '<'])) {
        return None;
    }
    let rest =
        ["qualified ", "static ", "type ", "function "].iter().find_map(|word| rest.strip_prefix(word)).unwrap_or(rest);
    // `import x from 'y'` names what is behind `from`; `import 'y' as x` what is quoted.
    let rest = rest.rsplit_once(" from ").map_or(rest, |(_, source)| source).trim_start();
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''));
    let end = match quote {
        Some(quote) => rest.get(1..)?.find(quote)? + 2,
        None => rest.find(|c: char| c.is_whitespace() || matches!(c, ';' | ')' | ',' | '{')).unwrap_or(rest.len()),
    };
    rest.get(..end).map(|name| name.trim_end_matches(['.', ':'])).filter(|name| !name.is_empty())
}

/// Returns what is loaded from another text: `= require("a")`.
fn loaded(line: &str) -> Option<Found<'_>> {
    let behind = ["= require", "= @import"].iter().find_map(|mark| Some(line.split_once(mark)?.1))?;
    import(behind).map(|name| Found { kind: SymbolKind::Import, name })
}

fn by_shape<'t>(words: &Words, line: &'t str) -> Option<Found<'t>> {
    let function = |name| Some(Found { kind: SymbolKind::Function, name });
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | ':' | '~' | '\'' | '-'))
    };
    for shape in words.shapes {
        let found = match shape {
            Shape::Assigned => ["= function", "<- function", "= async function"]
                .iter()
                .find_map(|mark| Some(line.split_once(mark)?.0.trim()))
                .filter(|name| is_name(name))
                .and_then(function),
            Shape::Loaded => loaded(line),
            Shape::Typed => {
                line.split_once(" :: ").map(|(name, _)| name).filter(|name| is_name(name)).and_then(function)
            }
            Shape::Head => head(words, line).filter(|name| is_name(name)).and_then(function),
            Shape::Held | Shape::Folded => None,
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

/// Returns the name in the head of a function: `Type name(…) {`.
fn head<'t>(words: &Words, line: &'t str) -> Option<&'t str> {
    let opens = line.ends_with('{') || line.ends_with("=>") || (line.ends_with(')') && words.name != "shell");
    let (before, _) = line.split_once('(').filter(|_| opens)?;
    let first = before.split_whitespace().next()?;
    if STATEMENTS.contains(&first) || before.contains(['=', '"', '\'', '.']) {
        return None;
    }
    let name = before.split_whitespace().next_back()?.trim_start_matches(['*', '&']);
    // Without a type before it, a name with brackets is a call: but for shells, and where a block follows.
    (before.split_whitespace().nth(1).is_some() || line.ends_with('{')).then_some(name)
}
