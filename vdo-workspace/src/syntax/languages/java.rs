//! Java.

use tree_sitter::Node;
use vdo_core::structure::{ClaimKind, MemberKind};

use crate::syntax::structure::chain;
use crate::syntax::structure::keys::{last_segment, normal, quoted, within};
use crate::syntax::structure::nodes::{child, named};
use crate::syntax::structure::out::{Draft, Place};
use crate::syntax::structure::reader::{At, Child, Frame, Reader};
use crate::syntax::structure::registry::Call;

/// Reads Java's trees.
pub(super) struct Java;

impl Reader for Java {
    fn lists(&self) -> &'static [&'static str] {
        &[
            "class_body",
            "interface_body",
            "annotation_type_body",
            "enum_body",
            "enum_body_declarations",
            "block",
            "constructor_body",
            "switch_block",
            "argument_list",
            "annotation_argument_list",
            "formal_parameters",
            "array_initializer",
            "element_value_array_initializer",
        ]
    }

    fn marks(&self) -> &'static [u8] {
        b"({;"
    }

    fn comments(&self) -> &'static [&'static str] {
        &["line_comment", "block_comment"]
    }

    fn list<'n>(&self, at: &At<'_, 'n>) -> Option<Frame<'n>> {
        let node = at.node;
        Some(match node.kind() {
            "class_body" | "interface_body" | "annotation_type_body" => Frame::brackets(node, Place::Class, "body", ""),
            "enum_body" => values(node),
            "enum_body_declarations" => {
                let start = child(node, &[";"]).map_or(node.start_byte(), |semicolon| semicolon.end_byte());
                Frame::open(node, start, Place::Class, "body")
            }
            "block" | "constructor_body" => block(at),
            "switch_block" => Frame::brackets(node, Place::Arms, "cases", ""),
            "argument_list" => chain::arguments(at, "name"),
            "annotation_argument_list" => Frame::brackets(node, Place::Entries, "args", ","),
            "formal_parameters" => Frame::brackets(node, Place::Params, "params", ","),
            "array_initializer" | "element_value_array_initializer" => {
                Frame::brackets(node, Place::Elements, "array", ",").registry(at.is_registry(|_| false))
            }
            _ => return None,
        })
    }

    fn member(&self, at: &Child<'_, '_>) -> Option<Draft> {
        let node = at.node;
        Some(match at.place {
            Place::Enum if node.kind() == "enum_constant" => {
                let name = at.key("name");
                Draft::free(MemberKind::Field, name.clone()).claim(ClaimKind::Name, within(at.scope, &name))
            }
            // What the constants have besides their names is a list of its own.
            Place::Enum => Draft::fixed(MemberKind::Other, "members"),
            Place::Entries if node.kind() == "element_value_pair" => {
                let key = at.key("key");
                let value = node.child_by_field_name("value").map(|value| value.id());
                Draft { value, ..Draft::free(MemberKind::Pair, key.clone()) }
                    .claim(ClaimKind::Key, within(at.scope, &key))
            }
            Place::Elements => {
                let key = normal(quoted(at.of(node)).unwrap_or(at.of(node)));
                Draft::free(MemberKind::Item, key).free_if(at.registry)
            }
            Place::Entries | Place::Args => Draft::default(),
            Place::Params => Draft::fixed(MemberKind::Other, normal(at.of(node))),
            Place::Arms => {
                Draft::fixed(MemberKind::Other, normal(at.of(node).split([':', '>']).next().unwrap_or_default()))
            }
            _ => statement(at),
        })
    }
}

/// Returns the constants of an enumeration: up to the semicolon.
fn values<'n>(node: Node<'n>) -> Frame<'n> {
    let mut frame = Frame::brackets(node, Place::Enum, "values", ",");
    if let Some(members) = child(node, &["enum_body_declarations"])
        && named(members).is_empty()
    {
        frame.shape.inside.end = members.start_byte().max(frame.shape.inside.start);
    }
    frame
}

fn block<'n>(at: &At<'_, 'n>) -> Frame<'n> {
    let node = at.node;
    match at.above {
        Some(above) if !above.kind().ends_with("_declaration") && above.kind() != "lambda_expression" => {
            let head = normal(at.text.get(above.start_byte()..node.start_byte()).unwrap_or_default());
            let name = format!("{}{{{head}}}", at.owner.key);
            Frame::brackets(node, Place::Code, format!("block {head}"), "").named(name)
        }
        _ => Frame::brackets(node, Place::Code, "body", ""),
    }
}

fn statement(at: &Child<'_, '_>) -> Draft {
    let node = at.node;
    match node.kind() {
        "package_declaration" => Draft::fixed(MemberKind::Other, "package"),
        "import_declaration" => import(at),
        "class_declaration"
        | "interface_declaration"
        | "enum_declaration"
        | "record_declaration"
        | "annotation_type_declaration"
        | "annotation_type_element_declaration" => {
            let name = at.key("name");
            annotated(
                at,
                Draft::free(MemberKind::Definition, name.clone()).claim(ClaimKind::Name, within(at.scope, &name)),
            )
        }
        "method_declaration" | "constructor_declaration" | "compact_constructor_declaration" => {
            let key = normal(&format!("{}({})", at.key("name"), parameter_types(at)));
            annotated(
                at,
                Draft::free(MemberKind::Definition, key.clone()).claim(ClaimKind::Name, within(at.scope, &key)),
            )
        }
        "field_declaration" | "constant_declaration" => {
            let mut cursor = node.walk();
            let all = node.children_by_field_name("declarator", &mut cursor);
            let names: Vec<_> = all.filter_map(|one| one.child_by_field_name("name")).map(|name| at.of(name)).collect();
            let value = node.child_by_field_name("declarator").and_then(|one| one.child_by_field_name("value"));
            let claims: Vec<_> = names.iter().map(|name| within(at.scope, name)).collect();
            Draft { value: value.map(|value| value.id()), ..Draft::free(MemberKind::Field, normal(&names.join(", "))) }
                .claims(ClaimKind::Name, claims)
        }
        "local_variable_declaration" => {
            let name = node.child_by_field_name("declarator").and_then(|one| one.child_by_field_name("name"));
            Draft::fixed(MemberKind::Value, name.map(|name| normal(at.of(name))).unwrap_or_default())
        }
        "expression_statement" => node.named_child(0).map_or_else(Draft::default, |inner| call(at, inner)),
        _ => Draft::default(),
    }
}

fn import(at: &Child<'_, '_>) -> Draft {
    let node = at.node;
    let path = child(node, &["scoped_identifier", "identifier"]).map(|path| normal(at.of(path))).unwrap_or_default();
    let word = if child(node, &["static"]).is_some() { "static " } else { "" };
    if child(node, &["asterisk"]).is_some() {
        return Draft::fixed(MemberKind::Import, format!("{word}{path}.*"));
    }
    // Static imports of one name may be overloads of it.
    let name = if word.is_empty() { last_segment(&path).to_owned() } else { path.clone() };
    Draft::free(MemberKind::Import, format!("{word}{path}")).claim(ClaimKind::Import, name)
}

/// Returns the types of a method's parameters, without their names.
fn parameter_types(at: &Child<'_, '_>) -> String {
    let Some(parameters) = at.node.child_by_field_name("parameters") else { return String::new() };
    let types =
        named(parameters).into_iter().filter(|one| !one.is_extra()).map(|one| match one.child_by_field_name("type") {
            Some(of) => normal(at.of(of)),
            None => normal(at.of(one)),
        });
    types.collect::<Vec<_>>().join(",")
}

/// Adds the routes that Spring's annotations take.
fn annotated(at: &Child<'_, '_>, draft: Draft) -> Draft {
    let Some(modifiers) = child(at.node, &["modifiers"]) else { return draft };
    let mut draft = draft;
    for annotation in named(modifiers) {
        let (Some(name), Some(arguments)) =
            (annotation.child_by_field_name("name"), annotation.child_by_field_name("arguments"))
        else {
            continue;
        };
        let Some(method) = last_segment(at.of(name)).strip_suffix("Mapping") else { continue };
        let path = named(arguments).into_iter().find_map(|argument| match argument.kind() {
            "element_value_pair" => {
                let key = argument.child_by_field_name("key").map(|key| at.of(key));
                argument
                    .child_by_field_name("value")
                    .filter(|_| matches!(key, Some("value" | "path")))
                    .and_then(|value| quoted(at.of(value)))
            }
            _ => quoted(at.of(argument)),
        });
        if let Some(path) = path {
            draft = draft.claim(
                ClaimKind::Route,
                format!("{} {} {path}", at.scope, method.to_ascii_uppercase()).trim().to_owned(),
            );
        }
    }
    draft
}

fn call(at: &Child<'_, '_>, node: Node<'_>) -> Draft {
    let (Some(name), Some(arguments)) = (node.child_by_field_name("name"), node.child_by_field_name("arguments"))
    else {
        return Draft::default();
    };
    let receiver = node.child_by_field_name("object").map(|object| at.of(object)).unwrap_or_default();
    chain::method_call(at, (receiver, at.of(name)), arguments, ClaimKind::Route, &|call: &Call<'_>| {
        !matches!(call.method, "on" | "get" | "use" | "delete" | "insert" | "subscribe")
    })
}
