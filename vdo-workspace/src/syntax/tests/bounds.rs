//! Whatever the text is, the answer keeps what a structure promises.

use vdo_core::path::RepoPath;
use vdo_core::syntax::Syntax;

use super::render::{check, structure};
use super::samples::SAMPLES;
use crate::syntax::{MAX_TEXT_BYTES, TreeSitterSyntax};

fn survives(path: &str, text: &str) {
    let path: RepoPath = path.parse().unwrap();
    if let Some(structure) = TreeSitterSyntax.structure(&path, text) {
        check(text, &structure);
    }
}

/// The same numbers in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }
}

fn at_boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[test]
fn texts_cut_off_anywhere_are_survived() {
    for (_, path, text) in SAMPLES {
        for end in (0..text.len()).step_by(7) {
            survives(path, &text[..at_boundary(text, end)]);
            survives(path, &text[at_boundary(text, end)..]);
        }
    }
}

#[test]
fn mutated_texts_are_survived() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let odd = [
        "{", "}", "(", ")", "[", "]", "\"", "'", "\n", "\r\n", "\t", ":", ",", "#", "/*", "*/", "//", "<", ">", "</x>",
        "é", "\u{feff}", "🦀", "\0", "\\", "- ", "```", "{%", "=", ";", "@", "|",
    ];
    for (_, path, text) in SAMPLES {
        for _ in 0..150 {
            let mut mutated = (*text).to_owned();
            for _ in 0..=numbers.below(4) {
                let at = at_boundary(&mutated, numbers.below(mutated.len() + 1));
                match numbers.below(3) {
                    0 => mutated.insert_str(at, odd[numbers.below(odd.len())]),
                    1 => {
                        let end = at_boundary(&mutated, (at + numbers.below(20)).min(mutated.len()));
                        mutated.replace_range(at.min(end)..end, "");
                    }
                    _ => {
                        let end = at_boundary(&mutated, (at + numbers.below(40)).min(mutated.len())).max(at);
                        let piece = mutated[at..end].to_owned();
                        let to = at_boundary(&mutated, numbers.below(mutated.len() + 1));
                        mutated.insert_str(to, &piece);
                    }
                }
            }
            survives(path, &mutated);
        }
    }
}

#[test]
fn every_text_is_survived_as_every_language() {
    for (_, path, _) in SAMPLES {
        for (_, _, text) in SAMPLES {
            survives(path, text);
        }
    }
}

#[test]
fn line_ends_marks_and_characters_of_many_bytes_leave_the_offsets_right() {
    for (_, path, text) in SAMPLES {
        let plain = structure(path, text);
        let shape = |structure: &vdo_core::structure::Structure| {
            let members = structure.members.iter();
            members.map(|member| (member.list, member.kind, member.order, member.key.clone())).collect::<Vec<_>>()
        };
        let windows = structure(path, &text.replace('\n', "\r\n"));
        assert_eq!(shape(&windows), shape(&plain), "{path} with CRLF");
        let unended = structure(path, text.trim_end());
        assert_eq!(unended.members.len(), plain.members.len(), "{path} without a last line end");
        survives(path, &format!("\u{feff}{text}"));
        survives(path, &text.replace('a', "ä").replace('x', "🦀"));
        survives(path, &text.replace('\n', "\r\n"));
        survives(path, "");
        survives(path, "\u{feff}");
        survives(path, "\n\n");
        survives(path, "x");
    }
}

#[test]
fn deep_nesting_is_survived_in_every_language() {
    let parts = [
        "(",
        "[",
        "{",
        "<a>",
        "- ",
        "> ",
        "a: ",
        "a(",
        "{a:",
        "[{",
        "if x {",
        "def f():\n ",
        "a.b(",
        "message A{",
        "fn f(){",
        "<div>",
        "| a ",
        "a = [",
    ];
    for (_, path, _) in SAMPLES {
        for part in parts {
            survives(path, &part.repeat(2_000));
        }
        let stairs: String = (0..300).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
        survives(path, &stairs);
        survives(path, &format!("{}{}", "(".repeat(3_000), ")".repeat(3_000)));
    }
    let deep = format!("x = {}1{}\n", "{'a': ".repeat(500), "}".repeat(500));
    assert!(structure("a.py", &deep).lists.len() < 100);
}

#[test]
fn what_is_too_long_has_no_structure() {
    for (_, path, _) in SAMPLES {
        let path: RepoPath = path.parse().unwrap();
        assert_eq!(TreeSitterSyntax.structure(&path, &"x\n".repeat(MAX_TEXT_BYTES)), None);
    }
    assert_eq!(TreeSitterSyntax.structure(&"a.unknown".parse().unwrap(), "x"), None);
}
