//! What of each language an outline tells.

use vdo_core::syntax::SymbolKind;

use super::Definition;

/// Returns a row: a node, what it defines and the field with its name.
const fn row(node: &'static str, kind: SymbolKind, name: &'static str, below: &'static [&'static str]) -> Definition {
    Definition { node, kind, name, name_node: "", below }
}

/// Returns a row whose name must be a plain one.
const fn named(node: &'static str, kind: SymbolKind, name: &'static str, below: &'static [&'static str]) -> Definition {
    Definition { node, kind, name, name_node: "identifier", below }
}

/// Python.
pub(super) const PYTHON: &[Definition] = &[
    named("function_definition", SymbolKind::Function, "name", &[]),
    named("class_definition", SymbolKind::Type, "name", &[]),
    named("assignment", SymbolKind::Value, "left", &["expression_statement", "module"]),
    row("import_statement", SymbolKind::Import, "name", &[]),
    row("import_from_statement", SymbolKind::Import, "module_name", &[]),
];

/// Rust.
pub(super) const RUST: &[Definition] = &[
    row("function_item", SymbolKind::Function, "name", &[]),
    row("function_signature_item", SymbolKind::Function, "name", &[]),
    row("macro_definition", SymbolKind::Function, "name", &[]),
    row("struct_item", SymbolKind::Type, "name", &[]),
    row("enum_item", SymbolKind::Type, "name", &[]),
    row("union_item", SymbolKind::Type, "name", &[]),
    row("trait_item", SymbolKind::Type, "name", &[]),
    row("impl_item", SymbolKind::Type, "type", &[]),
    row("mod_item", SymbolKind::Type, "name", &[]),
    row("type_item", SymbolKind::Type, "name", &[]),
    row("const_item", SymbolKind::Value, "name", &[]),
    row("static_item", SymbolKind::Value, "name", &[]),
    row("use_declaration", SymbolKind::Import, "argument", &[]),
];

/// JavaScript.
pub(super) const JAVASCRIPT: &[Definition] = &[
    row("function_declaration", SymbolKind::Function, "name", &[]),
    row("generator_function_declaration", SymbolKind::Function, "name", &[]),
    row("method_definition", SymbolKind::Function, "name", &[]),
    row("class_declaration", SymbolKind::Type, "name", &[]),
    row("variable_declarator", SymbolKind::Value, "name", &["lexical_declaration", "program"]),
    row("variable_declarator", SymbolKind::Value, "name", &["lexical_declaration", "export_statement"]),
    row("variable_declarator", SymbolKind::Value, "name", &["variable_declaration", "program"]),
    row("import_statement", SymbolKind::Import, "source", &[]),
];

/// TypeScript.
pub(super) const TYPESCRIPT: &[Definition] = &[
    row("function_declaration", SymbolKind::Function, "name", &[]),
    row("generator_function_declaration", SymbolKind::Function, "name", &[]),
    row("method_definition", SymbolKind::Function, "name", &[]),
    row("class_declaration", SymbolKind::Type, "name", &[]),
    row("variable_declarator", SymbolKind::Value, "name", &["lexical_declaration", "program"]),
    row("variable_declarator", SymbolKind::Value, "name", &["lexical_declaration", "export_statement"]),
    row("variable_declarator", SymbolKind::Value, "name", &["variable_declaration", "program"]),
    row("import_statement", SymbolKind::Import, "source", &[]),
    row("abstract_class_declaration", SymbolKind::Type, "name", &[]),
    row("interface_declaration", SymbolKind::Type, "name", &[]),
    row("type_alias_declaration", SymbolKind::Type, "name", &[]),
    row("enum_declaration", SymbolKind::Type, "name", &[]),
    row("function_signature", SymbolKind::Function, "name", &[]),
];

/// Go.
pub(super) const GO: &[Definition] = &[
    row("function_declaration", SymbolKind::Function, "name", &[]),
    row("method_declaration", SymbolKind::Function, "name", &[]),
    row("type_spec", SymbolKind::Type, "name", &[]),
    row("type_alias", SymbolKind::Type, "name", &[]),
    row("const_spec", SymbolKind::Value, "name", &["const_declaration", "source_file"]),
    row("var_spec", SymbolKind::Value, "name", &["var_declaration", "source_file"]),
    row("var_spec", SymbolKind::Value, "name", &["var_spec_list", "var_declaration", "source_file"]),
    row("import_spec", SymbolKind::Import, "path", &[]),
];

/// Java.
pub(super) const JAVA: &[Definition] = &[
    row("method_declaration", SymbolKind::Function, "name", &[]),
    row("constructor_declaration", SymbolKind::Function, "name", &[]),
    row("class_declaration", SymbolKind::Type, "name", &[]),
    row("interface_declaration", SymbolKind::Type, "name", &[]),
    row("enum_declaration", SymbolKind::Type, "name", &[]),
    row("record_declaration", SymbolKind::Type, "name", &[]),
    row("annotation_type_declaration", SymbolKind::Type, "name", &[]),
    row("field_declaration", SymbolKind::Value, "declarator", &[]),
];
