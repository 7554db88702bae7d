//! Go.

use tree_sitter::Node;
use vdo_core::structure::{ClaimKind, MemberKind};

use crate::syntax::structure::chain;
use crate::syntax::structure::keys::{normal, quoted, unquoted, within};
use crate::syntax::structure::nodes::{between, child, named};
use crate::syntax::structure::out::{Draft, Place, Shape};
use crate::syntax::structure::reader::{At, Child, Frame, Reader};
use crate::syntax::structure::registry::{self, Call};

/// Reads Go's trees.
pub(super) struct Go;

impl Reader for Go {
    fn lists(&self) -> &'static [&'static str] {
        &[
            "block",
            "import_spec_list",
            "const_declaration",
            "var_spec_list",
            "type_declaration",
            "field_declaration_list",
            "interface_type",
            "literal_value",
            "argument_list",
            "parameter_list",
            "expression_switch_statement",
            "type_switch_statement",
            "select_statement",
            "statement_list",
        ]
    }

    fn marks(&self) -> &'static [u8] {
        b"({:"
    }

    fn comments(&self) -> &'static [&'static str] {
        &["comment"]
    }

    fn list<'n>(&self, at: &At<'_, 'n>) -> Option<Frame<'n>> {
        let node = at.node;
        Some(match node.kind() {
            "block" => block(at),
            "import_spec_list" => Frame::brackets(node, Place::Names, "imports", "").named(""),
            "const_declaration" | "type_declaration" => {
                group(node, if at.of(node).contains("iota") { Place::Enum } else { Place::Top })?
            }
            "var_spec_list" => Frame::brackets(node, Place::Top, "group", "").named(""),
            "field_declaration_list" => Frame::brackets(node, Place::Fields, "fields", ""),
            "interface_type" => within_braces(node, Place::Fields, "methods")?,
            "literal_value" => {
                let told = |node: Node<'_>| !distinguished(at.text, node).is_empty();
                Frame::brackets(node, Place::Entries, "values", ",").registry(at.is_registry(told))
            }
            "argument_list" => chain::arguments(at, "function"),
            "parameter_list" => Frame::brackets(node, Place::Params, "params", ","),
            "statement_list" => Frame::open(node, node.start_byte(), Place::Code, "statements"),
            _ => {
                let cases = |case: &Node<'_>| case.kind().ends_with("_case") || case.kind() == "comment";
                let children = named(node).into_iter().filter(cases).collect();
                within_braces(node, Place::Arms, "cases")?.of(children)
            }
        })
    }

    fn member(&self, at: &Child<'_, '_>) -> Option<Draft> {
        let node = at.node;
        Some(match at.place {
            Place::Names => import(at, node),
            Place::Enum => Draft { free: false, ..specification(at, node, MemberKind::Value) },
            Place::Fields => field(at),
            Place::Entries => entry(at),
            Place::Args => Draft::default(),
            Place::Params => Draft::fixed(MemberKind::Other, normal(at.of(node))),
            Place::Arms => {
                let text = at.of(node);
                Draft::fixed(MemberKind::Other, normal(text.split(':').next().unwrap_or(text)))
            }
            _ => statement(at),
        })
    }
}

fn within_braces<'n>(node: Node<'n>, place: Place, suffix: &str) -> Option<Frame<'n>> {
    let mut frame = Frame::brackets(node, place, suffix, "");
    frame.shape.inside = between(node, "{", "}")?;
    Some(frame)
}

/// Returns a declaration in brackets as a list.
fn group<'n>(node: Node<'n>, place: Place) -> Option<Frame<'n>> {
    let inside = between(node, "(", ")")?;
    let shape = Shape { suffix: "group".to_owned(), inside, ..Shape::default() };
    let name = Some(String::new());
    Some(Frame { place, shape, registry: false, open: false, name, children: None, spans: Vec::new() })
}

fn block<'n>(at: &At<'_, 'n>) -> Frame<'n> {
    let node = at.node;
    let mut children = Vec::new();
    for part in named(node) {
        if part.kind() == "statement_list" {
            children.extend(named(part));
        } else {
            children.push(part);
        }
    }
    let frame = match at.above {
        Some(above) if !matches!(above.kind(), "function_declaration" | "method_declaration" | "func_literal") => {
            let head = normal(at.text.get(above.start_byte()..node.start_byte()).unwrap_or_default());
            let name = format!("{}{{{head}}}", at.owner.key);
            Frame::brackets(node, Place::Code, format!("block {head}"), "").named(name)
        }
        _ => Frame::brackets(node, Place::Code, "body", ""),
    };
    frame.of(children)
}

fn statement(at: &Child<'_, '_>) -> Draft {
    let node = at.node;
    match node.kind() {
        "import_declaration" => match child(node, &["import_spec"]) {
            Some(one) => import(at, one),
            None => Draft::fixed(MemberKind::Import, "import"),
        },
        "function_declaration" => {
            let name = at.key("name");
            let draft = Draft::free(MemberKind::Definition, name.clone());
            if matches!(name.as_str(), "init" | "_") {
                draft
            } else {
                draft.claim(ClaimKind::Name, within(at.scope, &name))
            }
        }
        "method_declaration" => {
            let receiver =
                node.child_by_field_name("receiver").map(|receiver| receiver_type(at.of(receiver))).unwrap_or_default();
            let name = format!("({receiver}).{}", at.key("name"));
            Draft::free(MemberKind::Definition, name.clone()).claim(ClaimKind::Name, name)
        }
        "type_declaration" | "const_declaration" | "var_declaration" => declaration(at),
        "const_spec" | "var_spec" => specification(at, node, MemberKind::Value),
        "type_spec" | "type_alias" => specification(at, node, MemberKind::Definition),
        "short_var_declaration" => {
            let value = node.child_by_field_name("right").and_then(|list| list.named_child(0)).and_then(body_of);
            Draft { value, ..Draft::fixed(MemberKind::Value, at.key("left")) }
        }
        "assignment_statement" => {
            let left = at.key("left");
            let map = left.split('[').next().unwrap_or_default();
            let literal = left.strip_suffix(']').and_then(|left| quoted(left.get(map.len() + 1..)?)).is_some();
            let own = !registry::mentions(&at.key("right"), map);
            let draft = Draft::fixed(MemberKind::Value, left.clone());
            if literal && own && registry::is_name(map) {
                return Draft { free: true, ..draft }.claim(ClaimKind::Key, within(at.scope, &left));
            }
            draft
        }
        "expression_statement" => {
            node.named_child(0).filter(|inner| inner.kind() == "call_expression").map_or_else(Draft::default, |inner| {
                chain::call(at, inner, "function", ClaimKind::Route, &|call: &Call<'_>| {
                    !matches!(call.method, "on" | "use" | "set" | "put" | "insert" | "get")
                })
            })
        }
        "package_clause" => Draft::fixed(MemberKind::Other, "package"),
        _ => Draft::default(),
    }
}

/// Returns the type of a receiver: `*Server[T]` of `(s *Server[T])`.
fn receiver_type(text: &str) -> String {
    let inner = text.trim_matches(['(', ')']);
    normal(inner.split_whitespace().last().unwrap_or(inner))
}

fn import(at: &Child<'_, '_>, node: Node<'_>) -> Draft {
    let path = node.child_by_field_name("path").map(|path| unquoted(at.of(path))).unwrap_or_default();
    let alias = node.child_by_field_name("name").map(|name| at.of(name));
    let key = normal(&alias.map_or_else(|| path.to_owned(), |alias| format!("{alias} {path}")));
    let draft = Draft::free(MemberKind::Import, key).free_if(alias != Some("."));
    let is_version = |part: &&str| part.strip_prefix('v').is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit()));
    let last = path.rsplit('/').find(|part| !is_version(part)).unwrap_or(path);
    match alias.unwrap_or(last) {
        "_" | "." => draft.claim(ClaimKind::Import, path),
        name => draft.claim(ClaimKind::Import, name),
    }
}

/// Returns a declaration: of one thing, or a group of them.
fn declaration(at: &Child<'_, '_>) -> Draft {
    let node = at.node;
    let kind = if node.kind() == "type_declaration" { MemberKind::Definition } else { MemberKind::Value };
    let specs = named(child(node, &["var_spec_list"]).unwrap_or(node));
    let mut specs = specs.into_iter().filter(|spec| spec.kind() != "comment");
    let Some(first) = specs.next() else { return Draft::default() };
    if child(node, &["(", "var_spec_list"]).is_none() {
        let draft = specification(at, first, kind);
        return draft.free_if(at.place == Place::Top);
    }
    // A group is told by the first name in it that has a type, or its first name.
    let told = first.child_by_field_name("type").or_else(|| first.child_by_field_name("name"));
    Draft::fixed(kind, normal(&format!("group {}", told.map(|told| at.of(told)).unwrap_or_default())))
}

fn specification(at: &Child<'_, '_>, node: Node<'_>, kind: MemberKind) -> Draft {
    let mut cursor = node.walk();
    let names: Vec<_> =
        node.children_by_field_name("name", &mut cursor).filter(Node::is_named).map(|name| at.of(name)).collect();
    let value = node.child_by_field_name("value").and_then(|list| list.named_child(0)).and_then(body_of);
    let draft = Draft { value, ..Draft::free(kind, normal(&names.join(", "))) };
    let claims = names.into_iter().filter(|name| *name != "_").map(|name| within(at.scope, name));
    let draft = draft.claims(ClaimKind::Name, claims);
    if draft.key == "_" { Draft { key: normal(at.of(node)), ..draft } } else { draft }
}

/// Returns the list in a literal.
fn body_of(value: Node<'_>) -> Option<usize> {
    let value = if value.kind() == "unary_expression" { value.child_by_field_name("operand")? } else { value };
    value.child_by_field_name("body").map(|body| body.id())
}

fn field(at: &Child<'_, '_>) -> Draft {
    let node = at.node;
    let mut cursor = node.walk();
    let names: Vec<_> = node.children_by_field_name("name", &mut cursor).map(|name| at.of(name)).collect();
    let kind = if node.kind() == "method_elem" { MemberKind::Definition } else { MemberKind::Field };
    let key = if names.is_empty() { normal(at.of(node)) } else { normal(&names.join(", ")) };
    let free = node.kind() != "type_elem";
    let claims: Vec<_> = names.iter().map(|name| within(at.scope, name)).collect();
    Draft::free(kind, key).free_if(free).claims(ClaimKind::Name, claims)
}

/// Returns what an element of a literal holds.
fn content(node: Node<'_>) -> Node<'_> {
    if node.kind() == "literal_element" { node.named_child(0).map_or(node, content) } else { node }
}

fn entry(at: &Child<'_, '_>) -> Draft {
    let node = at.node;
    if node.kind() == "keyed_element" {
        let key = normal(unquoted(&at.key("key")));
        let value = node.child_by_field_name("value").map(content);
        let value =
            value.and_then(|value| if value.kind() == "literal_value" { Some(value.id()) } else { body_of(value) });
        return Draft { value, ..Draft::free(MemberKind::Pair, key.clone()) }
            .claim(ClaimKind::Key, within(at.scope, &key));
    }
    let inner = content(node);
    let told = distinguished(at.text, node);
    let key = match inner.kind() {
        "interpreted_string_literal" | "raw_string_literal" | "identifier" | "selector_expression" => {
            normal(unquoted(at.of(inner)))
        }
        _ => told,
    };
    let draft = Draft::free(MemberKind::Item, key.clone()).free_if(at.registry);
    if draft.free { draft.claim(ClaimKind::Key, within(at.scope, &key)) } else { draft }
}

/// Returns what tells a structure's value from others: `name risk`.
fn distinguished(text: &str, node: Node<'_>) -> String {
    let inner = content(node);
    let body = if inner.kind() == "literal_value" { Some(inner) } else { inner.child_by_field_name("body") };
    let Some(body) = body.filter(|_| node.kind() != "keyed_element") else { return String::new() };
    let of = |node: Node<'_>| text.get(node.byte_range()).unwrap_or_default();
    let fields = named(body);
    for want in registry::DISTINGUISHING {
        for field in &fields {
            let (Some(key), Some(value)) = (field.child_by_field_name("key"), field.child_by_field_name("value"))
            else {
                continue;
            };
            if of(key).eq_ignore_ascii_case(want)
                && let Some(value) = quoted(of(value))
            {
                return format!("{want} {value}");
            }
        }
    }
    String::new()
}
