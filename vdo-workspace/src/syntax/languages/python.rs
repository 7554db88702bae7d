//! Python.

use tree_sitter::Node;
use vdo_core::structure::{ClaimKind, MemberKind};

use crate::syntax::structure::keys::{last_segment, normal, quoted, unquoted, within};
use crate::syntax::structure::nodes::{child, named};
use crate::syntax::structure::out::{Draft, Place};
use crate::syntax::structure::reader::{At, Child, Frame, Mode, Reader};
use crate::syntax::structure::registry::{self, Call};
use crate::syntax::structure::{keys, routes};

/// Reads Python's trees.
pub(super) struct Python;

impl Reader for Python {
    fn lists(&self) -> &'static [&'static str] {
        &[
            "block",
            "import_statement",
            "import_from_statement",
            "dictionary",
            "list",
            "tuple",
            "set",
            "argument_list",
            "parameters",
        ]
    }

    fn marks(&self) -> &'static [u8] {
        b"([{:"
    }

    fn comments(&self) -> &'static [&'static str] {
        &["comment"]
    }

    fn mode(&self, text: &str) -> Mode {
        Mode::Same(takes_first(text))
    }

    fn list<'n>(&self, at: &At<'_, 'n>) -> Option<Frame<'n>> {
        let node = at.node;
        Some(match node.kind() {
            "block" => block(at)?,
            "import_statement" | "import_from_statement" => names(node)?,
            "dictionary" => Frame::brackets(node, Place::Entries, "dict", ","),
            "list" => Frame::brackets(node, Place::Elements, "list", ",").registry(is_registry(at)),
            "tuple" => Frame::brackets(node, Place::Elements, "tuple", ",").registry(is_registry(at)),
            "set" => Frame::brackets(node, Place::Set, "set", ","),
            "argument_list" => arguments(at)?,
            "parameters" => Frame::brackets(node, Place::Params, "params", ","),
            _ => return None,
        })
    }

    fn member(&self, child: &Child<'_, '_>) -> Option<Draft> {
        Some(match child.place {
            Place::Names => Draft::free(MemberKind::Item, normal(child.of(child.node)))
                .free_if(child.node.kind() != "wildcard_import"),
            Place::Entries => pair(child),
            Place::Args => argument(child),
            Place::Params => Draft::fixed(MemberKind::Other, parameter(child)),
            Place::Arms => Draft::fixed(MemberKind::Other, before_block(child)),
            Place::Elements => element(child, child.registry),
            Place::Set => element(child, true),
            _ => statement(child),
        })
    }
}

fn block<'n>(at: &At<'_, 'n>) -> Option<Frame<'n>> {
    let node = at.node;
    let above = at.above?;
    // The list begins behind the colon, so that a first statement can be put before what was first.
    let before = at.text.get(above.start_byte()..node.start_byte())?;
    let colon = before.rfind(':').map_or(node.start_byte(), |colon| above.start_byte() + colon + 1);
    Some(match above.kind() {
        "class_definition" => {
            let place = if at.owner.inner == Place::Enum { Place::Enum } else { Place::Class };
            Frame::open(node, colon, place, "body")
        }
        "function_definition" => Frame::open(node, colon, Place::Code, "body"),
        "match_statement" => Frame::open(node, colon, Place::Arms, "cases"),
        _ => {
            let head = normal(before.get(..colon - above.start_byte()).unwrap_or_default());
            Frame::open(node, colon, Place::Code, head.clone()).named(format!("{head}{}", at.owner.key))
        }
    })
}

/// Returns the names of an import: those behind `import`.
fn names<'n>(node: Node<'n>) -> Option<Frame<'n>> {
    let mut cursor = node.walk();
    let children: Vec<_> = node.children(&mut cursor).collect();
    let word = children.iter().rposition(|child| child.kind() == "import")?;
    let rest = children.get(word + 1..)?;
    let open = rest.iter().find(|child| child.kind() == "(");
    let close = rest.iter().find(|child| child.kind() == ")");
    let start = open.or(children.get(word)).map(Node::end_byte)?;
    let end = close.map_or(node.end_byte(), Node::start_byte);
    let mut frame = Frame::brackets(node, Place::Names, "names", ",");
    frame.shape.inside = start..end.max(start);
    frame.shape.trailing = open.is_some();
    frame.open = open.is_none();
    Some(frame.of(rest.iter().copied().filter(Node::is_named).collect()))
}

fn arguments<'n>(at: &At<'_, 'n>) -> Option<Frame<'n>> {
    let above = at.above?;
    if above.kind() == "class_definition" {
        return Some(Frame::brackets(at.node, Place::Args, "bases", ",").named(format!("{}()", at.owner.key)));
    }
    let callee = above.child_by_field_name("function").map(|callee| normal(at.of(callee))).unwrap_or_default();
    let name = match at.owner.key.as_str() {
        "" => format!("{callee}()"),
        key => format!("{key} {callee}()"),
    };
    Some(Frame::brackets(at.node, Place::Args, format!("args {callee}"), ",").named(name))
}

/// Tells whether the members of a list may change places: by its name, or because each is told by a key of its own.
fn is_registry(at: &At<'_, '_>) -> bool {
    at.is_registry(|node| at.node.kind() == "list" && !distinguished(at.text, node).is_empty())
}

/// Returns what tells a dictionary or a call with keywords from others: `name risk`.
fn distinguished(text: &str, node: Node<'_>) -> String {
    let pairs = match node.kind() {
        "dictionary" => named(node),
        "call" => node.child_by_field_name("arguments").map(named).unwrap_or_default(),
        _ => return String::new(),
    };
    let of = |node: Node<'_>| text.get(node.byte_range()).unwrap_or_default();
    for want in registry::DISTINGUISHING {
        for pair in &pairs {
            let key = pair.child_by_field_name("key").or_else(|| pair.child_by_field_name("name"));
            let (Some(key), Some(value)) = (key, pair.child_by_field_name("value")) else { continue };
            if unquoted(of(key)) == *want
                && let Some(value) = quoted(of(value))
            {
                return format!("{want} {value}");
            }
        }
    }
    String::new()
}

fn statement(at: &Child<'_, '_>) -> Draft {
    let node = at.node;
    match node.kind() {
        "import_statement" | "import_from_statement" | "future_import_statement" => import(at),
        "decorated_definition" | "function_definition" | "class_definition" => definition(at),
        "type_alias_statement" => {
            let name = at.key("left");
            Draft::free(MemberKind::Definition, name.clone()).claim(ClaimKind::Name, within(at.scope, &name))
        }
        "expression_statement" => node.named_child(0).map_or_else(Draft::default, |inner| match inner.kind() {
            "assignment" => assignment(at, inner),
            "augmented_assignment" => {
                let left = inner.child_by_field_name("left").map(|left| normal(at.of(left))).unwrap_or_default();
                let value = inner.child_by_field_name("right").map(|right| right.id());
                Draft { value, ..Draft::fixed(MemberKind::Value, format!("{left} +=")) }
            }
            "call" => call(at, inner),
            _ => Draft::default(),
        }),
        "return_statement" => Draft::fixed(MemberKind::Other, "return"),
        _ => Draft::default(),
    }
}

fn import(at: &Child<'_, '_>) -> Draft {
    let node = at.node;
    let mut cursor = node.walk();
    let names: Vec<_> = node.children_by_field_name("name", &mut cursor).collect();
    let from = node.child_by_field_name("module_name").map(|module| normal(at.of(module)));
    let bound = names.iter().map(|name| match name.child_by_field_name("alias") {
        Some(alias) => at.of(alias),
        None if from.is_some() => at.of(*name),
        None => at.of(*name).split('.').next().unwrap_or_default(),
    });
    // `import a.b` and `import a.c` bind the same name and do not clash.
    let dotted = |name: &Node<'_>| from.is_none() && name.kind() == "dotted_name" && name.named_child_count() > 1;
    let bound: Vec<_> = bound
        .zip(&names)
        .map(|(bound, name)| if dotted(name) { at.of(*name) } else { bound })
        .map(|bound| within(at.scope, bound))
        .collect();
    let first = names.first().map(|name| at.of(*name)).unwrap_or_default();
    let key = match &from {
        Some(from) => format!("from {from}"),
        None if node.kind() == "future_import_statement" => "from __future__".to_owned(),
        None => format!("import {}", normal(first)),
    };
    let wild = child(node, &["wildcard_import"]).is_some();
    Draft::free(MemberKind::Import, key)
        .claims(ClaimKind::Import, bound)
        .free_if(!wild && node.kind() != "future_import_statement")
}

/// Decorators, as far as they say something of the name that is defined.
#[derive(Default)]
struct Decorated {
    /// The name may be there more than once: `@overload`, `@x.setter`, `@f.register`.
    again: String,
    claims: Vec<(ClaimKind, String)>,
}

fn definition(at: &Child<'_, '_>) -> Draft {
    let node = at.node.child_by_field_name("definition").unwrap_or(at.node);
    let name = node.child_by_field_name("name").map(|name| at.of(name)).unwrap_or_default();
    let decorated = decorators(at, name);
    let mut key = name.to_owned();
    let mut free = !name.is_empty();
    if !decorated.again.is_empty() {
        let parameters = node.child_by_field_name("parameters").map(|node| at.of(node)).unwrap_or_default();
        free = decorated.again != "overload";
        key = normal(&format!("{name}@{} {}", decorated.again, if free && name != "_" { "" } else { parameters }));
    }
    let is_class = node.kind() == "class_definition";
    let place = if is_class && is_enum(at, node) { Place::Enum } else { Place::Code };
    let mut draft = Draft::free(MemberKind::Definition, key).free_if(free).inner(place);
    draft.name = Some(name.to_owned());
    if decorated.again.is_empty() && name != "_" {
        draft = draft.claim(ClaimKind::Name, within(at.scope, name));
    }
    decorated.claims.into_iter().fold(draft, |draft, (kind, text)| draft.claim(kind, text))
}

fn is_enum(at: &Child<'_, '_>, class: Node<'_>) -> bool {
    let bases = class.child_by_field_name("superclasses").map(named).unwrap_or_default();
    bases.iter().any(|base| {
        let base = last_segment(at.of(*base));
        base.ends_with("Enum") || base.ends_with("Flag") || matches!(base, "TextChoices" | "IntegerChoices" | "Choices")
    })
}

fn decorators(at: &Child<'_, '_>, name: &str) -> Decorated {
    let mut found = Decorated::default();
    let mut cursor = at.node.walk();
    for decorator in at.node.children(&mut cursor).filter(|node| node.kind() == "decorator") {
        let Some(inner) = decorator.named_child(0) else { continue };
        let callee = if inner.kind() == "call" { inner.child_by_field_name("function") } else { Some(inner) };
        let Some(callee) = callee else { continue };
        let callee_text = at.of(callee);
        let method = last_segment(callee_text);
        let receiver = callee_text.strip_suffix(method).unwrap_or_default().trim_end_matches('.');
        match method {
            "setter" | "getter" | "deleter" if receiver == name => found.again = method.to_owned(),
            "overload" | "register" => found.again = method.to_owned(),
            _ => {}
        }
        let Some(arguments) = inner.child_by_field_name("arguments").filter(|_| inner.kind() == "call") else {
            continue;
        };
        let first = first_argument(at, arguments);
        let Some(literal) = quoted(&first) else { continue };
        if routes::is_verb(method) && !receiver.is_empty() && literal.starts_with('/') {
            found.claims.extend(route(at, receiver, method, literal, arguments));
        } else if matches!(method, "command" | "group") {
            found.claims.push((ClaimKind::Label, format!("command {callee_text} {literal}")));
        } else if matches!(method, "errorhandler" | "register" | "task" | "filter" | "template_filter" | "subcommand") {
            found.claims.push((ClaimKind::Label, format!("{callee_text} {literal}")));
        }
    }
    found
}

/// Returns the routes of a decorator, one for each method.
fn route(
    at: &Child<'_, '_>,
    receiver: &str,
    method: &str,
    path: &str,
    arguments: Node<'_>,
) -> Vec<(ClaimKind, String)> {
    let ordered = path.contains('{') || takes_first(at.text);
    let kind = if ordered { ClaimKind::OrderedRoute } else { ClaimKind::Route };
    let methods: Vec<String> = match keyword(at, arguments, "methods") {
        Some(list) => named(list).into_iter().map(|one| unquoted(at.of(one)).to_ascii_uppercase()).collect(),
        None if method == "route" => vec!["GET".to_owned()],
        None => vec![method.to_ascii_uppercase()],
    };
    methods.into_iter().map(|method| (kind, routes::joined(receiver, &method, path))).collect()
}

/// Tells whether a text is about routers that take the first route that fits, as starlette's, and not the best, as werkzeug's.
fn takes_first(text: &str) -> bool {
    text.contains("fastapi") || text.contains("starlette")
}

/// Returns the value of a keyword argument.
fn keyword<'n>(at: &Child<'_, '_>, arguments: Node<'n>, name: &str) -> Option<Node<'n>> {
    let is = |pair: &Node<'_>| pair.child_by_field_name("name").is_some_and(|key| at.of(key) == name);
    named(arguments)
        .into_iter()
        .find(|pair| pair.kind() == "keyword_argument" && is(pair))?
        .child_by_field_name("value")
}

/// Returns the text of the first argument by position.
fn first_argument(at: &Child<'_, '_>, arguments: Node<'_>) -> String {
    let positional = |node: &Node<'_>| node.kind() != "keyword_argument" && node.kind() != "comment";
    let first = named(arguments).into_iter().next().filter(positional);
    first.map(|first| keys::head(at.of(first), 1000).to_owned()).unwrap_or_default()
}

fn assignment(at: &Child<'_, '_>, node: Node<'_>) -> Draft {
    let Some(left) = node.child_by_field_name("left") else { return Draft::default() };
    let right = node.child_by_field_name("right");
    let target = normal(at.of(left));
    let mut draft = Draft::fixed(MemberKind::Value, target.clone());
    draft.value = right.map(|right| right.id());
    match left.kind() {
        "identifier" if at.place == Place::Enum => {
            draft = Draft { kind: Draft::fixed(MemberKind::Field, "").kind, free: true, ..draft };
            draft = draft.claim(ClaimKind::Name, within(at.scope, &target));
            let value = right.filter(|right| matches!(right.kind(), "integer" | "string" | "unary_operator"));
            if let Some(value) = value {
                draft = draft.claim(ClaimKind::Number, format!("{} {}", at.scope, normal(at.of(value))));
            }
        }
        "identifier" if matches!(at.place, Place::Top | Place::Class) => {
            draft.free = true;
            draft = draft.claim(ClaimKind::Name, within(at.scope, &target));
        }
        "subscript" => {
            let map = left.child_by_field_name("value").map(|map| at.of(map)).unwrap_or_default();
            let literal = left.child_by_field_name("subscript").and_then(|key| quoted(at.of(key)));
            let value = right.map(|right| at.of(right)).unwrap_or_default();
            if literal.is_some() && registry::is_name(map) && !registry::mentions(value, last_segment(map)) {
                draft.free = true;
                draft = draft.claim(ClaimKind::Key, within(at.scope, &target));
            }
        }
        _ => {}
    }
    match right.filter(|right| right.kind() == "call") {
        Some(call) => claims_of_call(at, call).into_iter().fold(draft, |draft, (kind, text)| draft.claim(kind, text)),
        None => draft,
    }
}

fn call(at: &Child<'_, '_>, node: Node<'_>) -> Draft {
    let (Some(callee), Some(arguments)) = (node.child_by_field_name("function"), node.child_by_field_name("arguments"))
    else {
        return Draft::default();
    };
    let callee = at.of(callee);
    let method = last_segment(callee);
    let receiver = callee.strip_suffix(method).unwrap_or_default().trim_end_matches('.');
    let first = first_argument(at, arguments);
    let call = Call { receiver, method, first: &first, arguments: arguments.named_child_count() };
    // A verb of HTTP as a statement is a request here, and `set` and `insert` are methods of ordinary values.
    let listed = !routes::is_verb(method) && !matches!(method, "use" | "set" | "insert" | "put" | "on" | "subscribe");
    let draft = match registry::call(&call).filter(|_| listed) {
        Some(key) => Draft::free(MemberKind::Call, key.clone()).claim(ClaimKind::Name, within(at.scope, &key)),
        None => Draft::fixed(MemberKind::Other, normal(keys::head(callee, 100))),
    };
    claims_of_call(at, node).into_iter().fold(draft, |draft, (kind, text)| draft.claim(kind, text))
}

/// Returns what a call takes by its literals.
fn claims_of_call(at: &Child<'_, '_>, node: Node<'_>) -> Vec<(ClaimKind, String)> {
    let (Some(callee), Some(arguments)) = (node.child_by_field_name("function"), node.child_by_field_name("arguments"))
    else {
        return Vec::new();
    };
    let callee = at.of(callee);
    let first = first_argument(at, arguments);
    let method = last_segment(callee);
    let receiver = callee.strip_suffix(method).unwrap_or_default().trim_end_matches('.');
    let literal = |name: &str| keyword(at, arguments, name).and_then(|value| quoted(at.of(value)));
    let mut claims = Vec::new();
    match method {
        "Blueprint" => {
            claims
                .extend(quoted(&first).or(literal("name")).map(|name| (ClaimKind::Name, format!("blueprint {name}"))));
            claims.extend(literal("url_prefix").map(|prefix| (ClaimKind::Route, format!("blueprint prefix {prefix}"))));
        }
        "register_blueprint" | "include_router" => {
            let prefix = literal(if method == "include_router" { "prefix" } else { "url_prefix" });
            claims.extend(prefix.map(|prefix| (ClaimKind::Route, routes::joined(receiver, "prefix", prefix))));
        }
        "add_parser" => {
            claims.extend(quoted(&first).map(|name| (ClaimKind::Label, format!("command {receiver} {name}"))));
        }
        "add_argument" => {
            claims.extend(
                quoted(&first).map(|flag| (ClaimKind::Label, format!("option {receiver} {flag} {}", at.scope))),
            );
        }
        "add_url_rule" | "add_api_route" | "add_route" | "mount" => {
            let call = Call { receiver, method, first: &first, arguments: 2 };
            claims.extend(routes::of_call(&call, ClaimKind::Route));
        }
        _ => {}
    }
    claims
}

fn pair(at: &Child<'_, '_>) -> Draft {
    let (Some(key), value) = (at.node.child_by_field_name("key"), at.node.child_by_field_name("value")) else {
        return Draft::default();
    };
    let computed =
        !matches!(key.kind(), "string" | "integer" | "float" | "identifier" | "attribute" | "true" | "false")
            || (key.kind() == "string" && quoted(at.of(key)).is_none());
    let name = normal(unquoted(at.of(key)));
    let mut draft = Draft::free(MemberKind::Pair, name.clone()).free_if(!computed);
    draft.value = value.map(|value| value.id());
    draft.claim(ClaimKind::Key, within(at.scope, &name))
}

fn argument(at: &Child<'_, '_>) -> Draft {
    if at.node.kind() != "keyword_argument" {
        return Draft::default();
    }
    let name = at.key("name");
    let mut draft = Draft::free(MemberKind::Pair, name.clone());
    draft.value = at.node.child_by_field_name("value").map(|value| value.id());
    draft.claim(ClaimKind::Key, within(at.scope, &name))
}

fn parameter(at: &Child<'_, '_>) -> String {
    let text = at.of(at.node);
    normal(text.split([':', '=']).next().unwrap_or(text))
}

fn before_block(at: &Child<'_, '_>) -> String {
    let end = at.node.child_by_field_name("consequence").map_or(at.node.end_byte(), |block| block.start_byte());
    normal(at.text.get(at.node.start_byte()..end).unwrap_or_default())
}

/// Returns an element of a list or set; `free` if elements with a key may change places.
fn element(at: &Child<'_, '_>, free: bool) -> Draft {
    let text = at.of(at.node);
    let (key, route) = match at.node.kind() {
        "string" => (quoted(text).map(|text| registry::item_key(at.scope, text)).unwrap_or_default(), None),
        "identifier" | "attribute" | "integer" => (normal(text), None),
        "dictionary" => (distinguished(at.text, at.node), None),
        "tuple" => {
            (at.node.named_child(0).and_then(|first| quoted(at.of(first))).map(normal).unwrap_or_default(), None)
        }
        "call" => called(at),
        _ => (String::new(), None),
    };
    let draft = Draft::free(MemberKind::Item, key.clone()).free_if(free);
    let draft = if free && !key.is_empty() { draft.claim(ClaimKind::Key, within(at.scope, &key)) } else { draft };
    match route {
        Some(route) => draft.claim(ClaimKind::OrderedRoute, route),
        None => draft,
    }
}

/// Returns the key of a call in a list, and its route: `path('risk/', risk)`.
fn called(at: &Child<'_, '_>) -> (String, Option<String>) {
    let (Some(callee), Some(arguments)) =
        (at.node.child_by_field_name("function"), at.node.child_by_field_name("arguments"))
    else {
        return (String::new(), None);
    };
    let method = last_segment(at.of(callee));
    let first = first_argument(at, arguments);
    let key = registry::element(method, &first).unwrap_or_else(|| distinguished(at.text, at.node));
    let is_route = matches!(method, "path" | "re_path" | "url" | "Route" | "Mount" | "WebSocketRoute");
    let route = quoted(&first).filter(|_| is_route).map(|path| routes::joined(at.scope, "path", path));
    (key, route)
}
