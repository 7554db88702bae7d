//! What is told of C, C++, C#, Ruby, PHP and shells.

use vdo_core::syntax::SymbolKind::{Function, Import, Type, Value};

use super::rows::{Definition, Docs, Local, Name, Rows, at, declared, generic, local, plain, row};

/// C. Nothing in it qualifies a name.
pub(in crate::syntax) static C: Rows = Rows {
    definitions: &[
        at("function_definition", Function, Name::Declarator("declarator"), &[]),
        at("declaration", Value, Name::Declarator("declarator"), &[]),
        TYPEDEF,
        plain(at("struct_specifier", Type, Name::OnlyBody("name"), &[])),
        plain(at("union_specifier", Type, Name::OnlyBody("name"), &[])),
        plain(at("enum_specifier", Type, Name::OnlyBody("name"), &[])),
        ENUMERATOR,
        MACRO,
        FUNCTION_MACRO,
        INCLUDE,
    ],
    signature_end: &['{', ';'],
    names: &["identifier"],
    members: &["type_identifier", "field_identifier"],
    locals: &[PARAMETER, DECLARATION, FIELD, MACRO_PARAMETERS],
    comments: &["comment"],
    docs: Docs::Above,
    carriers: &[],
    later: &[],
    silent: &["string_literal", "char_literal", "system_lib_string"],
};

/// C++.
pub(in crate::syntax) static CPP: Rows = Rows {
    definitions: &[
        at("function_definition", Function, Name::Declarator("declarator"), &[]),
        at("declaration", Value, Name::Declarator("declarator"), &[]),
        at("field_declaration", Function, Name::Method("declarator"), &[]),
        TYPEDEF,
        at("class_specifier", Type, Name::OnlyBody("name"), &[]),
        at("struct_specifier", Type, Name::OnlyBody("name"), &[]),
        at("union_specifier", Type, Name::OnlyBody("name"), &[]),
        plain(at("enum_specifier", Type, Name::OnlyBody("name"), &[])),
        plain(row("namespace_definition", Type, "name", &[])),
        plain(row("alias_declaration", Type, "name", &[])),
        plain(row("concept_definition", Type, "name", &[])),
        ENUMERATOR,
        MACRO,
        FUNCTION_MACRO,
        INCLUDE,
    ],
    signature_end: &['{', ';'],
    names: &["identifier"],
    members: &["type_identifier", "field_identifier", "namespace_identifier"],
    locals: &[
        PARAMETER,
        DECLARATION,
        FIELD,
        MACRO_PARAMETERS,
        declared("optional_parameter_declaration", "declarator"),
        declared("for_range_loop", "declarator"),
        local("structured_binding_declarator", ""),
        generic("type_parameter_declaration", ""),
        generic("variadic_type_parameter_declaration", ""),
        generic("optional_type_parameter_declaration", "name"),
    ],
    comments: &["comment"],
    docs: Docs::Above,
    carriers: &["template_parameter_list", "attribute_declaration"],
    later: &[],
    silent: &["string_literal", "char_literal", "system_lib_string"],
};

const TYPEDEF: Definition = plain(at("type_definition", Type, Name::Declarator("declarator"), &[]));
const ENUMERATOR: Definition = row("enumerator", Value, "name", &[]);
const MACRO: Definition = at("preproc_def", Value, Name::Valued("name"), &[]);
const FUNCTION_MACRO: Definition = row("preproc_function_def", Function, "name", &[]);
const INCLUDE: Definition = row("preproc_include", Import, "path", &[]);
const PARAMETER: Local = declared("parameter_declaration", "declarator");
const DECLARATION: Local = declared("declaration", "declarator");
const FIELD: Local = declared("field_declaration", "declarator");
const MACRO_PARAMETERS: Local = generic("preproc_params", "");

/// C#. Namespaces do not qualify names: those of a whole file have no body.
pub(in crate::syntax) static C_SHARP: Rows = Rows {
    definitions: &[
        row("method_declaration", Function, "name", &[]),
        row("constructor_declaration", Function, "name", &[]),
        row("destructor_declaration", Function, "name", &[]),
        row("class_declaration", Type, "name", &[]),
        row("struct_declaration", Type, "name", &[]),
        row("interface_declaration", Type, "name", &[]),
        row("enum_declaration", Type, "name", &[]),
        row("record_declaration", Type, "name", &[]),
        row("delegate_declaration", Type, "name", &[]),
        row("property_declaration", Value, "name", &[]),
        row("event_declaration", Value, "name", &[]),
        at("field_declaration", Value, Name::Each("variable_declarator"), &[]),
        at("event_field_declaration", Value, Name::Each("variable_declarator"), &[]),
        plain(row("namespace_declaration", Type, "name", &[])),
        plain(row("file_scoped_namespace_declaration", Type, "name", &[])),
        at("using_directive", Import, Name::Last, &[]),
    ],
    signature_end: &['{', ';'],
    names: &["identifier", "implicit_parameter"],
    members: &[],
    locals: &[
        local("variable_declarator", "name"),
        local("parameter", "name"),
        local("implicit_parameter", ""),
        local("foreach_statement", "left"),
        local("declaration_expression", "name"),
        local("declaration_pattern", "name"),
        local("catch_declaration", "name"),
        local("from_clause", "name"),
        local("tuple_pattern", ""),
        generic("type_parameter", "name"),
        generic("enum_member_declaration", "name"),
    ],
    comments: &["comment"],
    docs: Docs::Marked(&["///", "/**"], &[]),
    carriers: &[],
    later: &[],
    silent: &["string_literal"],
};

/// Ruby.
pub(in crate::syntax) static RUBY: Rows = Rows {
    definitions: &[
        row("method", Function, "name", &[]),
        row("singleton_method", Function, "name", &[]),
        row("class", Type, "name", &[]),
        row("module", Type, "name", &[]),
        at("assignment", Value, Name::Kind("left", "constant"), &[]),
        at("call", Import, Name::Call("method", &["require", "require_relative", "load", "autoload"]), &[]),
    ],
    signature_end: &['=', ';'],
    names: &["identifier"],
    members: &["constant"],
    locals: &[
        local("assignment", "left"),
        local("operator_assignment", "left"),
        local("method_parameters", ""),
        local("block_parameters", ""),
        local("lambda_parameters", ""),
        local("for", "pattern"),
        local("exception_variable", ""),
    ],
    comments: &["comment"],
    docs: Docs::Above,
    carriers: &[],
    later: &[],
    silent: &[],
};

/// PHP. Namespaces do not qualify names: those of a whole file have no body.
pub(in crate::syntax) static PHP: Rows = Rows {
    definitions: &[
        row("function_definition", Function, "name", &[]),
        row("method_declaration", Function, "name", &[]),
        row("class_declaration", Type, "name", &[]),
        row("interface_declaration", Type, "name", &[]),
        row("trait_declaration", Type, "name", &[]),
        row("enum_declaration", Type, "name", &[]),
        at("const_declaration", Value, Name::Each("const_element"), &[]),
        at("property_declaration", Value, Name::Each("property_element"), &[]),
        plain(row("namespace_definition", Type, "name", &[])),
        at("namespace_use_declaration", Import, Name::Each("namespace_use_clause"), &[]),
        at("include_expression", Import, Name::Last, &[]),
        at("include_once_expression", Import, Name::Last, &[]),
        at("require_expression", Import, Name::Last, &[]),
        at("require_once_expression", Import, Name::Last, &[]),
    ],
    signature_end: &['{', ';'],
    names: &["name"],
    members: &[],
    locals: &[],
    comments: &["comment"],
    docs: Docs::Marked(&["/**"], &[]),
    carriers: &[],
    later: &[],
    silent: &["variable_name"],
};

/// Shells.
pub(in crate::syntax) static SHELL: Rows = Rows {
    definitions: &[
        row("function_definition", Function, "name", &[]),
        row("variable_assignment", Value, "name", &["program"]),
        row("variable_assignment", Value, "name", &["declaration_command", "program"]),
        at("command", Import, Name::Call("name", &["source", "."]), &[]),
    ],
    signature_end: &['{', ';'],
    names: &[],
    members: &["command_name"],
    locals: &[],
    comments: &["comment"],
    docs: Docs::Above,
    carriers: &[],
    later: &[],
    silent: &[],
};
