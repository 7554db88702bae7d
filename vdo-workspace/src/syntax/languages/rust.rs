//! Rust.

use tree_sitter::Node;
use vdo_core::structure::{ClaimKind, MemberKind};

use crate::syntax::structure::chain;
use crate::syntax::structure::keys::{head, last_segment, normal, quoted, unquoted, within};
use crate::syntax::structure::nodes::{child, named};
use crate::syntax::structure::out::{Draft, Place};
use crate::syntax::structure::reader::{At, Child, Frame, Reader};
use crate::syntax::structure::registry::{self, Call};
use crate::syntax::structure::routes;

/// Reads Rust's trees.
pub(super) struct Rust;

/// How many names of one import are told.
const MAX_NAMES: usize = 500;

/// Links of chains.
static LINKS: chain::Links = chain::Links { call: "call_expression", member: "field_expression", object: "value" };

impl Reader for Rust {
    fn lists(&self) -> &'static [&'static str] {
        &[
            "declaration_list",
            "field_declaration_list",
            "ordered_field_declaration_list",
            "enum_variant_list",
            "block",
            "match_block",
            "use_list",
            "arguments",
            "parameters",
            "array_expression",
            "tuple_expression",
            "field_initializer_list",
            "call_expression",
        ]
    }

    fn marks(&self) -> &'static [u8] {
        b"([{"
    }

    fn comments(&self) -> &'static [&'static str] {
        &["line_comment", "block_comment"]
    }

    fn prefixes(&self) -> &'static [&'static str] {
        &["attribute_item"]
    }

    fn list<'n>(&self, at: &At<'_, 'n>) -> Option<Frame<'n>> {
        let node = at.node;
        Some(match node.kind() {
            "declaration_list" => Frame::brackets(node, Place::Class, "body", ""),
            "field_declaration_list" => Frame::brackets(node, Place::Fields, "fields", ","),
            "ordered_field_declaration_list" => Frame::brackets(node, Place::Params, "fields", ","),
            "enum_variant_list" => Frame::brackets(node, Place::Enum, "variants", ","),
            "block" => block(at),
            "match_block" => Frame::brackets(node, Place::Arms, "arms", ","),
            "use_list" => Frame::brackets(node, Place::Names, "names", ","),
            "arguments" => chain::arguments(at, "function"),
            "parameters" => Frame::brackets(node, Place::Params, "params", ","),
            "array_expression" => Frame::brackets(node, Place::Elements, "array", ",").registry(is_registry(at)),
            "tuple_expression" => Frame::brackets(node, Place::Elements, "tuple", ","),
            "field_initializer_list" => Frame::brackets(node, Place::Entries, "fields", ","),
            "call_expression" => chain::list(at, &LINKS)?,
            _ => return None,
        })
    }

    fn member(&self, at: &Child<'_, '_>) -> Option<Draft> {
        let node = at.node;
        Some(match at.place {
            Place::Names => name(at),
            Place::Fields => gated(at, MemberKind::Field, at.key("name")),
            Place::Enum => variant(at),
            Place::Params => Draft::fixed(MemberKind::Other, before_colon(at.of(node))),
            Place::Arms => Draft::fixed(MemberKind::Other, at.key("pattern")),
            Place::Entries => entry(at),
            Place::Args => Draft::default(),
            Place::Elements => element(at),
            Place::Chain => chain::member(at, ClaimKind::Route),
            _ => statement(at),
        })
    }
}

fn block<'n>(at: &At<'_, 'n>) -> Frame<'n> {
    let node = at.node;
    let frame = |suffix: String| Frame::brackets(node, Place::Code, suffix, "");
    match at.above {
        Some(above) if above.kind() == "function_item" => frame("body".to_owned()),
        Some(above) => {
            let before = normal(at.text.get(above.start_byte()..node.start_byte()).unwrap_or_default());
            let name = format!("{}{{{before}}}", at.owner.key);
            frame(format!("block {before}")).named(name)
        }
        None => frame("block".to_owned()),
    }
}

/// Returns the condition under which an item is compiled, with a blank before it.
fn condition(at: &Child<'_, '_>) -> String {
    let gates = at.prefixes.iter().map(|prefix| at.of(*prefix)).filter(|text| text.contains("cfg"));
    gates.map(|text| format!(" {}", normal(text))).collect()
}

/// Returns a member with a name that is claimed in its scope, under the condition it is compiled.
fn gated(at: &Child<'_, '_>, kind: MemberKind, name: String) -> Draft {
    let key = format!("{name}{}", condition(at));
    let mut draft = Draft::free(kind, key.clone()).free_if(!name.is_empty());
    draft.name = Some(name.clone());
    if name.is_empty() || name == "_" { draft } else { draft.claim(ClaimKind::Name, within(at.scope, &key)) }
}

fn variant(at: &Child<'_, '_>) -> Draft {
    let draft = gated(at, MemberKind::Field, at.key("name"));
    match at.node.child_by_field_name("value") {
        Some(value) => draft.claim(ClaimKind::Number, format!("{} {}", at.scope, normal(at.of(value)))),
        None => draft,
    }
}

fn statement(at: &Child<'_, '_>) -> Draft {
    let node = at.node;
    match node.kind() {
        "function_item"
        | "function_signature_item"
        | "struct_item"
        | "enum_item"
        | "union_item"
        | "trait_item"
        | "mod_item"
        | "type_item"
        | "associated_type" => gated(at, MemberKind::Definition, at.key("name")),
        "const_item" | "static_item" => {
            let mut draft = gated(at, MemberKind::Value, at.key("name"));
            draft.value = node.child_by_field_name("value").map(|value| behind_reference(value).id());
            draft
        }
        "impl_item" => implementation(at),
        // Macros are seen only below their definition.
        "macro_definition" => {
            Draft { free: false, ..gated(at, MemberKind::Definition, format!("{}!", at.key("name"))) }
        }
        "foreign_mod_item" => Draft::fixed(MemberKind::Other, "extern"),
        "use_declaration" | "extern_crate_declaration" => import(at),
        "let_declaration" => {
            let value = node.child_by_field_name("value").map(|value| behind_reference(value).id());
            Draft { value, ..Draft::fixed(MemberKind::Value, at.key("pattern")) }
        }
        "expression_statement" => node.named_child(0).map_or_else(Draft::default, |inner| call(at, inner)),
        _ => call(at, node),
    }
}

fn behind_reference(node: Node<'_>) -> Node<'_> {
    if node.kind() == "reference_expression" { node.child_by_field_name("value").unwrap_or(node) } else { node }
}

fn implementation(at: &Child<'_, '_>) -> Draft {
    let parameters = at.key("type_parameters");
    let (of, on) = (at.key("trait"), at.key("type"));
    let bounds = child(at.node, &["where_clause"]).map(|clause| normal(at.of(clause))).unwrap_or_default();
    let told = if of.is_empty() { on } else { format!("{of} for {on}") };
    let told = normal(&format!("impl{parameters} {told} {bounds}{}", condition(at)));
    let draft = Draft::free(MemberKind::Definition, told.clone());
    // A type may have several blocks of its own, a trait is implemented once.
    if of.is_empty() { draft } else { draft.claim(ClaimKind::Name, within(at.scope, &told)) }
}

fn import(at: &Child<'_, '_>) -> Draft {
    let node = at.node;
    let public = child(node, &["visibility_modifier"]).map(|word| format!("{} ", at.of(word))).unwrap_or_default();
    let argument = node.child_by_field_name("argument").or_else(|| node.child_by_field_name("name"));
    let Some(argument) = argument else { return Draft::default() };
    let path = match argument.child_by_field_name("list") {
        Some(list) => at.text.get(argument.start_byte()..list.start_byte()).unwrap_or_default(),
        None => at.of(argument),
    };
    let gate = condition(at);
    let macros = at.prefixes.iter().any(|prefix| at.of(*prefix).contains("macro_use"));
    let mut bound = Vec::new();
    let wild = names(at, node.child_by_field_name("alias").unwrap_or(argument), "", &mut bound);
    let bound = bound.into_iter().filter(|name| name != "_").map(|name| within(at.scope, &format!("{name}{gate}")));
    Draft::free(MemberKind::Import, normal(&format!("{public}use {path}{gate}")))
        .claims(ClaimKind::Import, bound)
        .free_if(!wild && !macros)
}

/// Gathers the names that an import binds; returns whether it binds all there are.
fn names(at: &Child<'_, '_>, node: Node<'_>, around: &str, bound: &mut Vec<String>) -> bool {
    let mut open = vec![(node, around.to_owned())];
    let mut wild = false;
    while let Some((node, around)) = open.pop() {
        match node.kind() {
            "use_wildcard" => wild = true,
            "scoped_use_list" => {
                let path = node.child_by_field_name("path").map(|path| at.of(path)).unwrap_or_default();
                open.extend(node.child_by_field_name("list").map(|list| (list, last_segment(path).to_owned())));
            }
            "use_list" => open.extend(named(node).into_iter().rev().map(|node| (node, around.clone()))),
            "use_as_clause" => bound.extend(node.child_by_field_name("alias").map(|alias| at.of(alias).to_owned())),
            "line_comment" | "block_comment" => {}
            // A module and a function of one name may be side by side, but a name is taken only once as a rule.
            _ => match last_segment(at.of(node)) {
                "self" => bound.push(around),
                name => bound.push(name.to_owned()),
            },
        }
        if bound.len() > MAX_NAMES {
            break;
        }
    }
    wild
}

fn name(at: &Child<'_, '_>) -> Draft {
    let text = at.of(at.node);
    let key = text.split('{').next().unwrap_or(text);
    Draft::free(MemberKind::Item, normal(key)).free_if(at.node.kind() != "use_wildcard")
}

fn entry(at: &Child<'_, '_>) -> Draft {
    let key = match at.node.kind() {
        "field_initializer" => at.key("field"),
        "shorthand_field_initializer" => normal(at.of(at.node)),
        _ => return Draft::default(),
    };
    let value = at.node.child_by_field_name("value").map(|value| behind_reference(value).id());
    Draft { value, ..Draft::free(MemberKind::Pair, key.clone()) }.claim(ClaimKind::Key, within(at.scope, &key))
}

fn is_registry(at: &At<'_, '_>) -> bool {
    at.is_registry(|node| !distinguished(at.text, node).is_empty())
}

/// Returns what tells a structure's value from others: `name risk`.
fn distinguished(text: &str, node: Node<'_>) -> String {
    let Some(body) = (if node.kind() == "struct_expression" { node.child_by_field_name("body") } else { None }) else {
        return String::new();
    };
    let of = |node: Node<'_>| text.get(node.byte_range()).unwrap_or_default();
    let fields = named(body);
    for want in registry::DISTINGUISHING {
        for field in &fields {
            let (Some(key), Some(value)) = (field.child_by_field_name("field"), field.child_by_field_name("value"))
            else {
                continue;
            };
            let literal = of(value).split(".to_").next().unwrap_or_default();
            if of(key) == *want
                && let Some(value) = quoted(literal)
            {
                return format!("{want} {value}");
            }
        }
    }
    String::new()
}

fn element(at: &Child<'_, '_>) -> Draft {
    let text = at.of(at.node);
    let key = match at.node.kind() {
        "string_literal" | "identifier" | "scoped_identifier" => normal(unquoted(text)),
        _ => distinguished(at.text, at.node),
    };
    let draft = Draft::free(MemberKind::Item, key.clone()).free_if(at.registry);
    if draft.free { draft.claim(ClaimKind::Key, within(at.scope, &key)) } else { draft }
}

fn call(at: &Child<'_, '_>, node: Node<'_>) -> Draft {
    if node.kind() != "call_expression" {
        return Draft::default();
    }
    chain::call(at, node, "function", ClaimKind::Route, &|call: &Call<'_>| {
        let verb = routes::is_verb(call.method) && call.method != "route";
        !verb && !matches!(call.method, "use" | "on" | "subscribe")
    })
}

fn before_colon(text: &str) -> String {
    normal(head(text, 200).split(':').next().unwrap_or(text))
}
