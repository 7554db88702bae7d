//! JavaScript and TypeScript, with JSX.

use tree_sitter::Node;
use vdo_core::structure::{ClaimKind, MemberKind};

use super::jsx;
use crate::syntax::structure::chain;
use crate::syntax::structure::keys::{normal, quoted, unquoted, within};
use crate::syntax::structure::nodes::{child, named};
use crate::syntax::structure::out::{Draft, Place, Shape};
use crate::syntax::structure::reader::{At, Child, Frame, Reader};
use crate::syntax::structure::registry::{self, Call};

/// Reads the trees of JavaScript, TypeScript and TSX.
pub(super) struct Script;

/// Links of chains.
static LINKS: chain::Links = chain::Links { call: "call_expression", member: "member_expression", object: "object" };

impl Reader for Script {
    fn lists(&self) -> &'static [&'static str] {
        &[
            "statement_block",
            "class_body",
            "interface_body",
            "object_type",
            "enum_body",
            "switch_body",
            "named_imports",
            "export_clause",
            "object_pattern",
            "object",
            "array",
            "arguments",
            "formal_parameters",
            "union_type",
            "call_expression",
            "jsx_element",
        ]
    }

    fn marks(&self) -> &'static [u8] {
        b"([{<|"
    }

    fn comments(&self) -> &'static [&'static str] {
        &["comment"]
    }

    fn prefixes(&self) -> &'static [&'static str] {
        &["decorator"]
    }

    fn list<'n>(&self, at: &At<'_, 'n>) -> Option<Frame<'n>> {
        let node = at.node;
        Some(match node.kind() {
            "statement_block" => block(at),
            "class_body" => Frame::brackets(node, Place::Class, "body", ""),
            "interface_body" | "object_type" => Frame::brackets(node, Place::Fields, "members", ""),
            "enum_body" => Frame::brackets(node, Place::Enum, "values", ","),
            "switch_body" => Frame::brackets(node, Place::Arms, "cases", ""),
            "named_imports" | "export_clause" => Frame::brackets(node, Place::Names, "names", ","),
            "object_pattern" if at.owner.kind.0 == MemberKind::Import => {
                Frame::brackets(node, Place::Names, "names", ",")
            }
            "object" => Frame::brackets(node, Place::Entries, "object", ","),
            "array" => {
                let told = |node: Node<'_>| !distinguished(at.text, node).is_empty();
                Frame::brackets(node, Place::Elements, "array", ",").registry(at.is_registry(told))
            }
            "arguments" => chain::arguments(at, "function"),
            "formal_parameters" => Frame::brackets(node, Place::Params, "params", ","),
            "union_type" => union(node)?,
            "call_expression" => chain::list(at, &LINKS)?,
            "jsx_element" => jsx::list(at)?,
            _ => return None,
        })
    }

    fn member(&self, at: &Child<'_, '_>) -> Option<Draft> {
        let node = at.node;
        Some(match at.place {
            Place::Names => Draft::free(MemberKind::Item, normal(at.of(node))).free_if(node.kind() != "rest_pattern"),
            Place::Class | Place::Fields => field(at),
            Place::Enum => value(at),
            Place::Arms => Draft::fixed(MemberKind::Other, at.key("value")),
            Place::Entries => entry(at),
            Place::Elements => element(at),
            Place::Set => Draft::free(MemberKind::Item, normal(at.of(node))),
            Place::Args => Draft::default(),
            Place::Params => Draft::fixed(MemberKind::Other, before(at.of(node), &[':', '='])),
            Place::Chain => chain::member(at, ClaimKind::OrderedRoute),
            Place::Children => return jsx::member(at),
            _ => statement(at),
        })
    }
}

fn before(text: &str, marks: &[char]) -> String {
    normal(text.split(marks).next().unwrap_or(text))
}

fn block<'n>(at: &At<'_, 'n>) -> Frame<'n> {
    let node = at.node;
    match at.above {
        Some(above) if !above.kind().contains("function") && !above.kind().contains("method") => {
            let head = normal(at.text.get(above.start_byte()..node.start_byte()).unwrap_or_default());
            let name = format!("{}{{{head}}}", at.owner.key);
            Frame::brackets(node, Place::Code, format!("block {head}"), "").named(name)
        }
        _ => Frame::brackets(node, Place::Code, "body", ""),
    }
}

/// Returns the alternatives of a type, each with the bar before it.
fn union<'n>(node: Node<'n>) -> Option<Frame<'n>> {
    let mut children = Vec::new();
    let mut spans = Vec::new();
    let mut here = Some(node);
    // The grammar nests them to the left.
    while let Some(union) = here.take() {
        let mut cursor = union.walk();
        let parts: Vec<_> = union.children(&mut cursor).collect();
        let mut end = None;
        for part in parts.iter().rev() {
            if !part.is_named() {
                if let Some(alternative) = end.take() {
                    let alternative: Node<'n> = alternative;
                    spans.push(part.start_byte()..alternative.end_byte());
                    children.push(alternative);
                }
            } else if part.kind() == "union_type" {
                here = Some(*part);
            } else if part.kind() != "comment" {
                end = Some(*part);
            }
        }
        if let Some(first) = end {
            spans.push(first.byte_range());
            children.push(first);
        }
    }
    children.reverse();
    spans.reverse();
    let shape = Shape { suffix: "union".to_owned(), inside: node.byte_range(), ..Shape::default() };
    let frame = Frame { place: Place::Set, shape, registry: true, open: false, name: None, children: None, spans };
    (children.len() > 1).then(|| frame.of(children))
}

/// Returns the declaration that `export`, `declare` or `default` is said of.
fn declared(node: Node<'_>) -> Node<'_> {
    match node.kind() {
        "export_statement" => node
            .child_by_field_name("declaration")
            .or_else(|| node.child_by_field_name("value").filter(|value| value.kind() != "identifier"))
            .map_or(node, declared),
        "ambient_declaration" => named(node).into_iter().next().unwrap_or(node),
        "expression_statement" if child(node, &["internal_module"]).is_some() => node.named_child(0).unwrap_or(node),
        _ => node,
    }
}

fn statement(at: &Child<'_, '_>) -> Draft {
    let node = declared(at.node);
    let name = || node.child_by_field_name("name").map(|name| normal(at.of(name))).unwrap_or_default();
    match node.kind() {
        "import_statement" => import(at, node),
        "export_statement" => export(at, node),
        "function_declaration"
        | "generator_function_declaration"
        | "class_declaration"
        | "abstract_class_declaration"
        | "interface_declaration"
        | "type_alias_declaration"
        | "enum_declaration"
        | "internal_module"
        | "module"
        | "class"
        | "function_expression" => definition(at, name()),
        "function_signature" => {
            let parameters = node.child_by_field_name("parameters").map(|node| at.of(node)).unwrap_or_default();
            Draft::fixed(MemberKind::Definition, normal(&format!("{}{parameters}", name())))
        }
        "lexical_declaration" | "variable_declaration" => variable(at, node),
        "expression_statement" => node.named_child(0).map_or_else(Draft::default, |inner| expression(at, inner)),
        "return_statement" => Draft::fixed(MemberKind::Other, "return"),
        _ if at.node.kind() == "export_statement" => {
            Draft { value: Some(node.id()), ..Draft::fixed(MemberKind::Value, "export default") }
        }
        _ => Draft::default(),
    }
}

fn definition(at: &Child<'_, '_>, name: String) -> Draft {
    if name.is_empty() {
        return Draft::fixed(MemberKind::Definition, "export default");
    }
    let claim = within(at.scope, &name);
    Draft::free(MemberKind::Definition, name).claim(ClaimKind::Name, claim)
}

fn import(at: &Child<'_, '_>, node: Node<'_>) -> Draft {
    let source = node.child_by_field_name("source").map(|source| unquoted(at.of(source))).unwrap_or_default();
    let Some(clause) = child(node, &["import_clause"]) else {
        // For its side effects, or `import x = require()`.
        return Draft::fixed(MemberKind::Import, normal(&format!("import {source}")));
    };
    let is_type = at.of(node).get("import".len()..).is_some_and(|rest| rest.trim_start().starts_with("type "));
    let mut bound = Vec::new();
    for part in named(clause) {
        match part.kind() {
            "identifier" => bound.push(at.of(part)),
            "namespace_import" => bound.extend(named(part).first().map(|name| at.of(*name))),
            _ => bound.extend(specifiers(at, part)),
        }
    }
    let bound: Vec<_> = bound.into_iter().map(|name| within(at.scope, name)).collect();
    // A default or a namespace of a module beside its names is another statement.
    let whole = named(clause).into_iter().find(|part| part.kind() != "named_imports").map(|part| at.of(part));
    let whole = whole.map(|name| format!("{name} ")).unwrap_or_default();
    let word = if is_type { "type " } else { "" };
    Draft::free(MemberKind::Import, normal(&format!("{word}{whole}from {source}"))).claims(ClaimKind::Import, bound)
}

/// Returns the names that a list of imports or exports binds.
fn specifiers<'t>(at: &Child<'t, '_>, list: Node<'_>) -> Vec<&'t str> {
    let mut names = Vec::new();
    for part in named(list).into_iter().filter(|part| !part.is_extra()) {
        let bound = ["alias", "value", "name"].iter().find_map(|field| part.child_by_field_name(field));
        names.push(at.of(bound.unwrap_or(part)));
    }
    names
}

fn export(at: &Child<'_, '_>, node: Node<'_>) -> Draft {
    let source = node.child_by_field_name("source").map(|source| unquoted(at.of(source)));
    let from = source.map(|source| format!(" from {source}")).unwrap_or_default();
    if let Some(clause) = child(node, &["export_clause"]) {
        let names = specifiers(at, clause).into_iter().map(|name| format!("export {name}"));
        let names: Vec<_> = names.collect();
        return Draft::free(MemberKind::Import, normal(&format!("export{from}"))).claims(ClaimKind::Import, names);
    }
    if source.is_some() {
        let space = child(node, &["namespace_export"]).map(|space| at.of(space)).unwrap_or("*");
        let key = normal(&format!("export {space}{from}"));
        return Draft::free(MemberKind::Import, key.clone()).claim(ClaimKind::Import, key);
    }
    let value = node.child_by_field_name("value").map(|value| value.id());
    Draft { value, ..Draft::fixed(MemberKind::Value, "export default") }
}

fn variable(at: &Child<'_, '_>, node: Node<'_>) -> Draft {
    let declarators: Vec<_> = named(node).into_iter().filter(|part| part.kind() == "variable_declarator").collect();
    let [declarator] = declarators.as_slice() else {
        return Draft::fixed(
            MemberKind::Value,
            declarators.first().map(|first| before(at.of(*first), &['='])).unwrap_or_default(),
        );
    };
    let Some(left) = declarator.child_by_field_name("name") else { return Draft::default() };
    let value = declarator.child_by_field_name("value").map(behind_type);
    let name = normal(at.of(left));
    if let Some(module) = value.and_then(|value| required(at, value)) {
        let (key, bound) = match left.kind() {
            "object_pattern" => (format!("require {module}"), specifiers(at, left)),
            _ => (format!("{name} = require {module}"), vec![at.of(left)]),
        };
        let bound: Vec<_> = bound.into_iter().map(|name| within(at.scope, name)).collect();
        return Draft::free(MemberKind::Import, normal(&key)).claims(ClaimKind::Import, bound);
    }
    let is_definition =
        value.is_some_and(|value| matches!(value.kind(), "arrow_function" | "function_expression" | "class"));
    let kind = if is_definition { MemberKind::Definition } else { MemberKind::Value };
    let free = left.kind() == "identifier" && (is_definition || at.place == Place::Top);
    let draft = Draft { value: value.map(|value| value.id()), ..Draft::free(kind, name.clone()).free_if(free) };
    if left.kind() == "identifier" { draft.claim(ClaimKind::Name, within(at.scope, &name)) } else { draft }
}

/// Returns the value that a type is said of.
fn behind_type(node: Node<'_>) -> Node<'_> {
    match node.kind() {
        "as_expression" | "satisfies_expression" | "parenthesized_expression" => {
            node.named_child(0).map_or(node, behind_type)
        }
        _ => node,
    }
}

/// Returns what a call of `require` (or what is taken from it, or done with it) asks for.
fn required(at: &Child<'_, '_>, value: Node<'_>) -> Option<String> {
    let text = at.of(value);
    let rest = text.strip_prefix("require(")?;
    let module = rest.get(..rest.find(')')?)?;
    let more = rest.get(module.len() + 1..)?;
    let plain = more.is_empty() || registry::is_name(more.trim_start_matches('.'));
    plain.then(|| format!("{}{more}", unquoted(module)))
}

fn expression(at: &Child<'_, '_>, node: Node<'_>) -> Draft {
    match node.kind() {
        "assignment_expression" => assignment(at, node),
        "call_expression" => chain::call(at, node, "function", ClaimKind::OrderedRoute, &|_: &Call<'_>| true),
        "await_expression" | "augmented_assignment_expression" => {
            Draft::fixed(MemberKind::Other, before(at.of(node), &['(', '=']))
        }
        _ => Draft::default(),
    }
}

fn assignment(at: &Child<'_, '_>, node: Node<'_>) -> Draft {
    let Some(left) = node.child_by_field_name("left") else { return Draft::default() };
    let right = node.child_by_field_name("right").map(behind_type);
    let target = normal(at.of(left));
    let mut draft = Draft { value: right.map(|right| right.id()), ..Draft::fixed(MemberKind::Value, target.clone()) };
    let exported = target.strip_prefix("module.exports.").or_else(|| target.strip_prefix("exports."));
    let literal = left.child_by_field_name("index").and_then(|index| quoted(at.of(index)));
    let map = left.child_by_field_name("object").map(|object| at.of(object)).unwrap_or_default();
    let own = right.is_some_and(|right| !registry::mentions(at.of(right), map.split('.').next().unwrap_or(map)));
    let entered =
        exported.is_some() || target.contains(".prototype.") || (literal.is_some() && registry::is_name(map) && own);
    if entered {
        draft.free = true;
        draft = draft.claim(ClaimKind::Key, within(at.scope, &target));
    }
    draft
}

/// Returns a member of a class, an interface or a type.
fn field(at: &Child<'_, '_>) -> Draft {
    let node = at.node;
    let name = node.child_by_field_name("name").or_else(|| node.child_by_field_name("property"));
    let Some(name) = name.filter(|name| name.kind() != "computed_property_name") else { return Draft::default() };
    let name = normal(at.of(name));
    let word = node.child(0).map(|first| at.of(first)).filter(|word| matches!(*word, "get" | "set" | "static"));
    let word = word.map(|word| format!("{word} ")).unwrap_or_default();
    let parameters = || node.child_by_field_name("parameters").map(|node| at.of(node)).unwrap_or_default();
    let (kind, key, free) = match node.kind() {
        "method_definition" => (MemberKind::Definition, format!("{word}{name}"), true),
        // Overloads are tried in their order.
        "method_signature" | "abstract_method_signature" => {
            let is_class = at.place == Place::Class;
            let free = !is_class || node.kind() == "abstract_method_signature";
            (MemberKind::Definition, format!("{name}{}", parameters()), free)
        }
        _ => (MemberKind::Field, format!("{word}{name}"), true),
    };
    let key = normal(&key);
    let value = node.child_by_field_name("value").map(|value| behind_type(value).id());
    let draft = Draft { value, name: Some(name), ..Draft::free(kind, key.clone()).free_if(free) };
    if free { draft.claim(ClaimKind::Name, within(at.scope, &key)) } else { draft }
}

fn value(at: &Child<'_, '_>) -> Draft {
    let (name, value) = match at.node.kind() {
        "enum_assignment" => (at.key("name"), at.key("value")),
        _ => (normal(at.of(at.node)), String::new()),
    };
    let draft = Draft::free(MemberKind::Field, name.clone()).claim(ClaimKind::Name, within(at.scope, &name));
    if value.is_empty() { draft } else { draft.claim(ClaimKind::Number, format!("{} {value}", at.scope)) }
}

fn entry(at: &Child<'_, '_>) -> Draft {
    let node = at.node;
    let key = match node.kind() {
        "pair" => node.child_by_field_name("key"),
        "method_definition" => node.child_by_field_name("name"),
        "shorthand_property_identifier" => Some(node),
        _ => None,
    };
    let Some(key) = key.filter(|key| key.kind() != "computed_property_name") else { return Draft::default() };
    let word = node
        .child(0)
        .map(|first| at.of(first))
        .filter(|word| node.kind() == "method_definition" && matches!(*word, "get" | "set"));
    let name = normal(unquoted(at.of(key)));
    let key = format!("{}{name}", word.map(|word| format!("{word} ")).unwrap_or_default());
    let value = node.child_by_field_name("value").map(|value| behind_type(value).id());
    let draft = Draft { value, ..Draft::free(MemberKind::Pair, key.clone()) };
    draft.free_if(key != "default").claim(ClaimKind::Key, within(at.scope, &key))
}

/// Returns the value of a key of an object, if it is a literal.
fn literal<'t>(text: &'t str, object: Node<'_>, want: &str) -> Option<&'t str> {
    let of = |node: Node<'_>| text.get(node.byte_range()).unwrap_or_default();
    named(object).into_iter().find_map(|pair| {
        let (key, value) = (pair.child_by_field_name("key")?, pair.child_by_field_name("value")?);
        (unquoted(of(key)) == want).then_some(())?;
        match value.kind() {
            "number" => Some(of(value)),
            _ => quoted(of(value)),
        }
    })
}

/// Returns what tells an object from others: `name risk`.
fn distinguished(text: &str, node: Node<'_>) -> String {
    if node.kind() != "object" {
        return String::new();
    }
    let found = registry::DISTINGUISHING.iter().find_map(|want| Some((want, literal(text, node, want)?)));
    found.map(|(want, value)| format!("{want} {value}")).unwrap_or_default()
}

fn element(at: &Child<'_, '_>) -> Draft {
    let text = at.of(at.node);
    let (key, path) = match at.node.kind() {
        "string" => (quoted(text).map(normal).unwrap_or_default(), None),
        "identifier" | "member_expression" => (normal(text), None),
        "call_expression" => (before(text, &['(']), None),
        "object" => (distinguished(at.text, at.node), literal(at.text, at.node, "path")),
        _ => (String::new(), None),
    };
    // What takes every path has to come last.
    let free = at.registry && !path.is_some_and(|path| path.contains('*'));
    let mut draft = Draft::free(MemberKind::Item, key.clone()).free_if(free);
    if at.registry && !key.is_empty() {
        draft = draft.claim(ClaimKind::Key, within(at.scope, &key));
    }
    match path.filter(|_| at.registry) {
        Some(path) => draft.claim(ClaimKind::Route, format!("{} path {path}", at.scope)),
        None => draft,
    }
}
