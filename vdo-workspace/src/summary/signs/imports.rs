//! What a file imports and which package it is part of, read off the starts of its lines.

use super::calls::{head, literal};
use super::{Family, MAX_IMPORT, MAX_IMPORTS, Signs};

/// How many names of one statement are kept.
const MAX_NAMES: usize = 12;

/// What is known of the lines before.
#[derive(Debug, Default)]
pub(super) struct Imports {
    /// Whether a list of imports is open.
    is_open: bool,
}

impl Imports {
    pub(super) fn line(&mut self, family: Family, line: &str, bare: &str, signs: &mut Signs) {
        if signs.imports.len() >= MAX_IMPORTS {
            return;
        }
        match family {
            Family::Python => python(bare, signs),
            Family::Rust => rust(bare, signs),
            Family::Script => script(bare, signs),
            Family::Go => self.go(bare, signs),
            Family::Jvm => jvm(line, signs),
            Family::CSharp => csharp(bare, signs),
            Family::Ruby => ruby(bare, signs),
            Family::Php => php(line, signs),
            Family::C => {
                if let Some(rest) = bare.strip_prefix('#').map(str::trim_start).and_then(|r| r.strip_prefix("include"))
                {
                    let rest = rest.trim();
                    let quoted = rest.strip_prefix('"').and_then(|rest| rest.split('"').next());
                    let angled = rest.strip_prefix('<').and_then(|rest| rest.split('>').next());
                    quoted.or(angled).into_iter().for_each(|name| add(signs, name));
                }
            }
            Family::Prose | Family::Other => {}
        }
    }

    fn go(&mut self, bare: &str, signs: &mut Signs) {
        if let Some(name) = bare.strip_prefix("package ") {
            signs.package.get_or_insert_with(|| word(name));
        } else if bare.starts_with("import (") {
            self.is_open = true;
        } else if self.is_open && bare.starts_with(')') {
            self.is_open = false;
        } else if self.is_open || bare.starts_with("import ") {
            let at = bare.find('"').and_then(|at| bare.get(at..));
            at.and_then(literal).into_iter().for_each(|(name, _)| add(signs, name));
        }
    }
}

fn add(signs: &mut Signs, name: &str) {
    let name = name.trim();
    if !name.is_empty()
        && signs.imports.len() < MAX_IMPORTS
        && !signs.imports.iter().rev().take(20).any(|one| one == name)
    {
        signs.imports.push(head(name, MAX_IMPORT).to_owned());
    }
}

/// Returns the dotted word that a text begins with.
fn word(text: &str) -> String {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '\\');
    text.trim_start().chars().take_while(|c| is_part(*c)).take(MAX_IMPORT).collect()
}

fn python(bare: &str, signs: &mut Signs) {
    if let Some(rest) = bare.strip_prefix("import ") {
        for name in rest.split(',').take(MAX_NAMES) {
            add(signs, &word(name));
        }
    } else if let Some(rest) = bare.strip_prefix("from ")
        && let Some((from, names)) = rest.split_once(" import")
    {
        let from = from.trim();
        let joint = if from.ends_with('.') { "" } else { "." };
        let names = names.trim_start_matches([' ', '(']);
        let mut any = false;
        for name in names.split(',').map(word).filter(|name| !name.is_empty()).take(MAX_NAMES) {
            add(signs, &format!("{from}{joint}{name}"));
            any = true;
        }
        if !any {
            add(signs, from);
        }
    }
}

fn rust(bare: &str, signs: &mut Signs) {
    let mut rest = bare;
    if let Some(public) = rest.strip_prefix("pub") {
        rest = public
            .strip_prefix('(')
            .and_then(|inner| inner.split_once(')'))
            .map_or(public, |(_, after)| after)
            .trim_start();
    }
    if let Some(path) = rest.strip_prefix("use ").or_else(|| rest.strip_prefix("extern crate ")) {
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':');
        let path: String = path.trim_start().trim_start_matches("::").chars().take_while(|c| is_part(*c)).collect();
        add(signs, path.trim_end_matches(':'));
    }
}

fn script(bare: &str, signs: &mut Signs) {
    let is_statement = ["import", "export", "}"].iter().any(|start| bare.starts_with(start));
    if is_statement {
        if let Some(at) = bare.rfind("from ").or_else(|| bare.rfind("from\"")) {
            let after = bare.get(at + 4..).unwrap_or_default();
            if let Some((name, _)) = literal(after) {
                return add(signs, name);
            }
        }
        if let Some((name, _)) = bare.strip_prefix("import").and_then(literal) {
            return add(signs, name);
        }
    }
    for call in ["require(", "import("] {
        if let Some(at) = bare.find(call)
            && let Some((name, _)) = bare.get(at + call.len()..).and_then(literal)
        {
            add(signs, name);
        }
    }
}

fn jvm(line: &str, signs: &mut Signs) {
    if let Some(rest) = line.strip_prefix("import ") {
        let rest = rest.trim_start();
        add(signs, word(rest.strip_prefix("static ").unwrap_or(rest)).trim_end_matches('.'));
    } else if let Some(rest) = line.strip_prefix("package ") {
        signs.package.get_or_insert_with(|| word(rest));
    }
}

fn csharp(bare: &str, signs: &mut Signs) {
    let rest = bare.strip_prefix("global ").unwrap_or(bare);
    if let Some(rest) = rest.strip_prefix("using ")
        && rest.ends_with(';')
        && !rest.contains(['(', '{'])
    {
        let rest = rest.split_once('=').map_or(rest, |(_, right)| right.trim_start());
        add(signs, &word(rest.strip_prefix("static ").unwrap_or(rest)));
    } else if let Some(rest) = bare.strip_prefix("namespace ") {
        signs.package.get_or_insert_with(|| word(rest));
    }
}

fn ruby(bare: &str, signs: &mut Signs) {
    let quoted = |rest: &str| literal(rest.trim_start_matches([' ', '('])).map(|(name, _)| name.to_owned());
    if let Some(rest) = bare.strip_prefix("require_relative") {
        quoted(rest).into_iter().for_each(|name| add(signs, &format!("./{name}")));
    } else if let Some(rest) = bare.strip_prefix("require") {
        quoted(rest).into_iter().for_each(|name| add(signs, &name));
    } else if let Some(rest) = bare.strip_prefix("autoload") {
        let path = rest.split_once(',').and_then(|(_, path)| quoted(path));
        path.into_iter().for_each(|name| add(signs, &name));
    } else if let Some(rest) = bare.strip_prefix("module ") {
        signs.package.get_or_insert_with(|| word(rest));
    }
}

fn php(line: &str, signs: &mut Signs) {
    if let Some(rest) = line.strip_prefix("use ") {
        let rest = rest.strip_prefix("function ").or_else(|| rest.strip_prefix("const ")).unwrap_or(rest);
        add(signs, word(rest).trim_matches('\\'));
    } else if let Some(rest) = line.strip_prefix("namespace ") {
        signs.package.get_or_insert_with(|| word(rest));
    } else if ["require", "include"].iter().any(|start| line.trim_start().starts_with(start))
        && let Some((_, path)) = line.split_once("__DIR__")
    {
        let path = literal(path.trim_start_matches([' ', '.']));
        path.into_iter().for_each(|(name, _)| add(signs, &format!(".{name}")));
    }
}
