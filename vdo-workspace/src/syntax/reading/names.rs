//! What a definition is called.

use std::ops::Range;

use tree_sitter::Node;

use super::rows::{BODY, Definition, Name};

/// How many names one definition may give.
pub(super) const MAX_NAMES: usize = 100;
/// How deep a declarator may lie in others, and how far what is called may be from where a value begins.
const MAX_DEPTH: usize = 50;

/// Returns where the names of a definition are; none if the node defines nothing after all.
pub(super) fn names(definition: &Definition, node: Node<'_>, text: &str) -> Vec<Range<usize>> {
    let has_body = || node.child_by_field_name(BODY).is_some();
    match definition.name {
        Name::OnlyBody(_) if !has_body() => Vec::new(),
        Name::Pattern(_) if loads(node, text) => Vec::new(),
        Name::Valued(_) if node.child_by_field_name("value").is_none() => Vec::new(),
        Name::Each(kind) => each(node, kind),
        Name::Field(field) | Name::Body(field) | Name::OnlyBody(field) | Name::Valued(field) => {
            fields(node, field, |_| true)
        }
        Name::Kind(field, kind) => fields(node, field, |name| name.kind() == kind),
        Name::Pattern(field) => node.child_by_field_name(field).map(pattern).unwrap_or_default(),
        Name::Declarator(field) => declarators(node, field, text, |_| true),
        Name::Method(field) => declarators(node, field, text, |declared| declared.function),
        Name::Call(field, callees) => called(node, field, callees, text).into_iter().collect(),
        Name::Last => last(node).map(|name| name.byte_range()).into_iter().collect(),
        Name::Span => {
            node.named_child(0).zip(last(node)).map(|(a, b)| a.start_byte()..b.end_byte()).into_iter().collect()
        }
    }
}

fn fields<'n>(node: Node<'n>, field: &str, fits: impl Fn(&Node<'_>) -> bool) -> Vec<Range<usize>> {
    let mut cursor = node.walk();
    let found = node.children_by_field_name(field, &mut cursor).take(MAX_NAMES);
    // What is left of an alias and of what is generic; but a path is a name as a whole.
    let is_path =
        |name: Node<'_>| ["qualified", "scope", "alias_qualified"].iter().any(|path| name.kind().starts_with(path));
    let inner = |name: Node<'n>| name.child_by_field_name(field).filter(|_| !is_path(name));
    let found = found.map(|name| inner(name).unwrap_or(name));
    found.filter(fits).map(|name| name.byte_range()).collect()
}

/// Returns what declarators lead to, but not the name of a type that is defined in the same place (`typedef struct a {} a`).
fn declarators(node: Node<'_>, field: &str, text: &str, fits: impl Fn(&Declared<'_>) -> bool) -> Vec<Range<usize>> {
    let of = |node: Node<'_>| text.get(node.byte_range());
    let defined = node.child_by_field_name("type").filter(|kind| kind.child_by_field_name(BODY).is_some());
    let defined = defined.and_then(|kind| of(kind.child_by_field_name("name")?));
    let mut cursor = node.walk();
    let found = node.children_by_field_name(field, &mut cursor).take(MAX_NAMES).map(declarator).filter(fits);
    let names = found.filter_map(|declared| declared.name);
    names.filter(|name| defined.is_none() || of(*name) != defined).map(|name| name.byte_range()).collect()
}

fn last(node: Node<'_>) -> Option<Node<'_>> {
    node.named_child(u32::try_from(node.named_child_count()).ok()?.checked_sub(1)?)
}

/// Returns the names of the nodes of a kind that are children or their children.
fn each(node: Node<'_>, kind: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut cursor = node.walk();
    for child in node.named_children(&mut cursor).take(MAX_NAMES) {
        if child.kind() == kind {
            found.push(child);
        } else {
            let mut cursor = child.walk();
            found.extend(child.named_children(&mut cursor).take(MAX_NAMES).filter(|inner| inner.kind() == kind));
        }
    }
    let names = found.into_iter().take(MAX_NAMES);
    let names = names.filter_map(|part| part.child_by_field_name("name").or_else(|| part.named_child(0)));
    names.map(|name| name.byte_range()).collect()
}

/// Returns the names that a pattern binds.
fn pattern(node: Node<'_>) -> Vec<Range<usize>> {
    if node.named_child_count() == 0 {
        return vec![node.byte_range()];
    }
    let mut names = Vec::new();
    let mut cursor = node.walk();
    let mut deep = 0_usize;
    for _ in 0..MAX_NAMES {
        let kind = cursor.node().kind();
        if matches!(kind, "identifier" | "shorthand_property_identifier_pattern") {
            names.push(cursor.node().byte_range());
        }
        if cursor.goto_first_child() {
            deep += 1;
            continue;
        }
        while deep > 0 && !cursor.goto_next_sibling() {
            cursor.goto_parent();
            deep -= 1;
        }
        if deep == 0 {
            break;
        }
    }
    names
}

/// What declarators lead to.
pub(super) struct Declared<'n> {
    /// The node of the name.
    pub(super) name: Option<Node<'n>>,
    /// Whether a function is declared.
    pub(super) function: bool,
}

/// Follows declarators (`*name[2]`, `(*name)(int)`) to a name.
pub(super) fn declarator(node: Node<'_>) -> Declared<'_> {
    let mut at = node;
    let mut function = false;
    let mut pointer = false;
    for _ in 0..MAX_DEPTH {
        match at.kind() {
            // A pointer to a function is a variable.
            "function_declarator" => (function, pointer) = (true, false),
            "pointer_declarator" | "reference_declarator" => pointer = true,
            "variable_declarator" => return Declared { name: at.child_by_field_name("name"), function: false },
            "operator_cast" => return Declared { name: Some(at), function: true },
            _ => {}
        }
        let inner = at.child_by_field_name("declarator").or_else(|| match at.kind() {
            "parenthesized_declarator" | "reference_declarator" | "attributed_declarator" => at.named_child(0),
            _ => None,
        });
        match inner {
            Some(inner) => at = inner,
            None => return Declared { name: is_name(at).then_some(at), function: function && !pointer },
        }
    }
    Declared { name: None, function: false }
}

fn is_name(node: Node<'_>) -> bool {
    node.kind().ends_with("identifier")
        || matches!(node.kind(), "operator_name" | "destructor_name" | "template_function" | "primitive_type")
}

/// Returns the last argument of a call that is a string, without its quotes.
fn called(node: Node<'_>, field: &str, callees: &[&str], text: &str) -> Option<Range<usize>> {
    let callee = node.child_by_field_name(field)?;
    let name = text.get(callee.byte_range())?;
    if !callees.contains(&name) || node.child_by_field_name("receiver").is_some() {
        return None;
    }
    let mut cursor = node.walk();
    let direct = node.children_by_field_name("argument", &mut cursor).next();
    match (direct, node.child_by_field_name("arguments")) {
        (Some(word), _) => Some(word),
        (None, Some(arguments)) => last(arguments).filter(|argument| argument.kind() == "string"),
        (None, None) => None,
    }
    .map(|argument| argument.byte_range())
}

/// Tells whether the value of a node is loaded from another text: `require('a').b`.
pub(super) fn loads(node: Node<'_>, text: &str) -> bool {
    let Some(mut value) = node.child_by_field_name("value") else { return false };
    let mut called = false;
    for _ in 0..MAX_DEPTH {
        let inner = match value.kind() {
            "await_expression" => value.named_child(0),
            "member_expression" => value.child_by_field_name("object"),
            "call_expression" => value.child_by_field_name("function"),
            "identifier" => return called && text.get(value.byte_range()) == Some("require"),
            "import" => return true,
            _ => None,
        };
        called = value.kind() == "call_expression";
        let Some(inner) = inner else { return false };
        value = inner;
    }
    false
}

/// Returns what stands before a group of imports: `use a\{b, c}`.
pub(super) fn prefix<'t>(node: Node<'_>, text: &'t str) -> Option<&'t str> {
    let mut cursor = node.walk();
    let mut children = node.named_children(&mut cursor).take(MAX_DEPTH);
    text.get(children.find(|child| child.kind() == "namespace_name")?.byte_range())
}
