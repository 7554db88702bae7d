//! Which words of a line could be what the line defines, in any language: a guess that leaves nothing out which is worth a closer look.

/// How many signs that end a name are looked at in one line, how many words of a line that is told whole, how many quoted texts.
const MAX_NAMES: usize = 3;
const MAX_WORDS: usize = 12;
const MAX_QUOTED: usize = 4;
/// A line without signs that has more words than this is prose.
const PROSE: usize = 6;
/// Words with which lines begin that name several things.
const LISTING: &[&[u8]] = &[b"import", b"from", b"use", b"export", b"require", b"include", b"extern"];
/// Words that stand before a colon without being a key.
const CONTROL: &[&[u8]] = &[
    b"case",
    b"class",
    b"def",
    b"do",
    b"elif",
    b"else",
    b"except",
    b"finally",
    b"for",
    b"if",
    b"private",
    b"protected",
    b"public",
    b"try",
    b"while",
    b"with",
    b"require",
    b"return",
    b"assert",
    b"const",
    b"let",
    b"var",
    b"and",
    b"or",
    b"not",
    b"this",
    b"self",
];
/// Words that are in every other line and name nothing, sorted.
const COMMON: &[&[u8]] = &[
    b"False",
    b"None",
    b"Self",
    b"String",
    b"True",
    b"abstract",
    b"and",
    b"as",
    b"assert",
    b"async",
    b"await",
    b"break",
    b"case",
    b"class",
    b"const",
    b"continue",
    b"crate",
    b"def",
    b"del",
    b"do",
    b"elif",
    b"else",
    b"enum",
    b"except",
    b"export",
    b"extends",
    b"false",
    b"finally",
    b"fn",
    b"for",
    b"from",
    b"func",
    b"function",
    b"href",
    b"if",
    b"impl",
    b"implements",
    b"import",
    b"in",
    b"interface",
    b"is",
    b"let",
    b"mod",
    b"mut",
    b"nil",
    b"not",
    b"null",
    b"or",
    b"package",
    b"pass",
    b"private",
    b"protected",
    b"pub",
    b"public",
    b"raise",
    b"require",
    b"return",
    b"self",
    b"static",
    b"struct",
    b"super",
    b"switch",
    b"this",
    b"throw",
    b"throws",
    b"trait",
    b"true",
    b"try",
    b"typeof",
    b"use",
    b"var",
    b"void",
    b"where",
    b"while",
    b"with",
    b"yield",
];

/// Tells the words of a line that could be what it defines: what stands before the first signs that end a name, and what stands in quotes.
///
/// Of a line without such signs, of a path alone and of a line that imports all words are told; of a call its callee with the first argument; of prose the
/// whole line; of a comment nothing.
pub(super) fn telling<'a>(line: &'a [u8], mut tell: impl FnMut(&'a [u8])) {
    let line = line.trim_ascii();
    if [b"//".as_slice(), b"/*", b"*", b"<!--"].iter().any(|mark| line.starts_with(mark)) && !line.starts_with(b"* ") {
        return;
    }
    let code = line.split(|byte| is_quote(*byte)).next().unwrap_or_default();
    let head = words(line).next().unwrap_or_default();
    let known = |word: &&[u8]| COMMON.binary_search(word).is_err();
    let alone = code.is_empty() && line.iter().filter(|byte| is_quote(**byte)).count() == 2;
    let alone = alone && matches!(line, [.., last] | [.., last, b','] if is_quote(*last));
    if alone || LISTING.contains(&head) || line.windows(8).any(|part| part == b"require(") {
        words(line).filter(known).take(MAX_WORDS).for_each(&mut tell);
    } else if line.starts_with(b"# ") || (!code.iter().any(|byte| ends_name(*byte)) && words(code).nth(PROSE).is_some())
    {
        tell(line);
        return;
    } else if let Some(call) = call(line, code) {
        tell(call);
    } else {
        names(code, head, &mut tell);
    }
    let mut rest = line;
    for _ in 0..MAX_QUOTED {
        let Some(open) = rest.iter().position(|byte| is_quote(*byte)) else { break };
        let Some((quote, inner)) = rest.get(open..).and_then(<[u8]>::split_first) else { break };
        let close = inner.iter().position(|byte| byte == quote).unwrap_or(inner.len());
        inner.get(..close).filter(|inner| !inner.is_empty()).into_iter().for_each(&mut tell);
        rest = inner.get(close + 1..).unwrap_or_default();
    }
}

/// Tells what stands before the signs that end a name. Numbers are told where something is set to one.
fn names<'a>(code: &'a [u8], head: &'a [u8], tell: &mut impl FnMut(&'a [u8])) {
    let is_number = |word: &[u8]| word.iter().all(u8::is_ascii_digit);
    let known = |word: &&[u8]| COMMON.binary_search(word).is_err();
    let Some(first) = code.iter().find(|byte| ends_name(**byte)) else {
        words(code).filter(known).take(MAX_WORDS).for_each(tell);
        return;
    };
    // A key or a heading may be called by a word that says nothing elsewhere.
    let is_key = matches!(first, b':' | b'=') || code.starts_with(b"[");
    if COMMON.binary_search(&head).is_ok() && is_key && !CONTROL.contains(&head) {
        tell(head);
    }
    let mut set = false;
    let mut told = 0;
    for piece in code.split_inclusive(|byte| ends_name(*byte)) {
        if let Some(word) = words(piece).filter(known).last().filter(|word| set || !is_number(word)) {
            tell(word);
            told += 1;
        }
        set = piece.ends_with(b"=") || piece.ends_with(b":");
        if told == MAX_NAMES {
            break;
        }
    }
}

/// Returns a call that stands as a statement, up to the end of its first argument: `app.register_blueprint(risk`.
fn call<'a>(line: &'a [u8], code: &'a [u8]) -> Option<&'a [u8]> {
    let ends = [b")".as_slice(), b");", b"),"].iter().any(|end| line.ends_with(end));
    let open = code.iter().position(|byte| *byte == b'(').filter(|_| ends)?;
    let is_path = |byte: &u8| is_word(*byte) || matches!(byte, b'.' | b':');
    let callee = code.get(..open)?;
    let end = line.get(open + 1..)?.iter().position(|byte| !is_word(*byte) && *byte != b'.').unwrap_or_default();
    callee.iter().all(is_path).then(|| line.get(..open + 1 + end))?
}

fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`')
}

fn ends_name(byte: u8) -> bool {
    matches!(byte, b'(' | b'=' | b':' | b'{' | b'}' | b';' | b',' | b'[' | b'<')
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn words(part: &[u8]) -> impl Iterator<Item = &[u8]> {
    part.split(|byte| !is_word(*byte)).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str) -> Vec<String> {
        let mut told = Vec::new();
        telling(line.as_bytes(), |word| told.push(String::from_utf8_lossy(word).into_owned()));
        told
    }

    #[test]
    fn what_a_line_may_define_is_told() {
        assert!(COMMON.is_sorted());
        let rows: &[(&str, &[&str])] = &[
            ("    def run(self, job):\n", &["run", "job"]),
            ("class Service(Base):\n", &["Service", "Base"]),
            ("pub(crate) fn merge<T>(a: T) {\n", &["merge", "T", "a"]),
            ("import os, sys\n", &["os", "sys"]),
            ("const { a, b } = require('x');\n", &["a", "b", "x", "x"]),
            ("@app.route('/x')\n", &["route", "/x"]),
            ("app.register_blueprint(risk, url_prefix='/r')\n", &["app.register_blueprint(risk", "/r"]),
            ("  \"name\": \"risk\",\n", &["name", "risk"]),
            ("  string name = 3;\n", &["name", "3"]),
            ("    x = y[0]\n", &["x", "y"]),
            ("\t\"example.com/f/v2\"\n", &["example", "com", "f", "v2", "example.com/f/v2"]),
            ("if: always\n", &["always"]),
            ("[package]\n", &["package"]),
            ("EXPOSE 80\n", &["EXPOSE", "80"]),
            ("// a comment: nothing\n", &[]),
            ("Words that a person reads and nobody defines.\n", &["Words that a person reads and nobody defines."]),
        ];
        for (line, words) in rows {
            assert_eq!(told(line), *words, "{line}");
        }
    }
}
