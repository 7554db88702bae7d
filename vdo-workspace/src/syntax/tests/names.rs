//! Names that the readers use are names of their grammars.

use std::collections::BTreeSet;

/// The readers' sources and the grammars they are for.
fn readers() -> Vec<(&'static str, Vec<tree_sitter::Language>)> {
    vec![
        (include_str!("../languages/python.rs"), vec![tree_sitter_python::LANGUAGE.into()]),
        (include_str!("../languages/html.rs"), vec![tree_sitter_html::LANGUAGE.into()]),
        (include_str!("../languages/json.rs"), vec![tree_sitter_json::LANGUAGE.into()]),
        (include_str!("../languages/toml.rs"), vec![tree_sitter_toml_ng::LANGUAGE.into()]),
        (include_str!("../languages/yaml.rs"), vec![tree_sitter_yaml::LANGUAGE.into()]),
        (include_str!("../languages/rust.rs"), vec![tree_sitter_rust::LANGUAGE.into()]),
        (include_str!("../languages/go.rs"), vec![tree_sitter_go::LANGUAGE.into()]),
        (include_str!("../languages/java.rs"), vec![tree_sitter_java::LANGUAGE.into()]),
        (include_str!("../languages/css.rs"), vec![tree_sitter_css::LANGUAGE.into()]),
        (
            concat!(include_str!("../languages/script.rs"), include_str!("../languages/jsx.rs")),
            vec![
                tree_sitter_javascript::LANGUAGE.into(),
                tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
                tree_sitter_typescript::LANGUAGE_TSX.into(),
            ],
        ),
    ]
}

fn literals(line: &str) -> impl Iterator<Item = &str> {
    line.split('"').skip(1).step_by(2).filter(|text| !text.is_empty())
}

/// Returns the names of kinds: in lists of kinds, in the patterns of matches on kinds, and compared with a kind.
fn kinds(source: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    for line in source.lines().map(str::trim) {
        let is_entry = line.starts_with('"') && line.ends_with("\",");
        if is_entry {
            found.extend(literals(line));
        }
        for call in
            ["child(node, &[", "child(at.node, &[", "child(start, &[", "kind() == \"", "kind() != \"", ".kind(), \""]
        {
            for (at, _) in line.match_indices(call) {
                let rest = &line[at + call.len() - usize::from(call.ends_with('"'))..];
                let end = if call.ends_with('[') { rest.find(']') } else { rest[1..].find('"').map(|end| end + 2) };
                found.extend(literals(&rest[..end.unwrap_or(rest.len())]));
            }
        }
        if line.contains(".kind(), \"") {
            found.extend(literals(line.split_once(".kind(), ").unwrap().1.split(')').next().unwrap()));
        }
    }
    found
}

/// Returns the names of fields that are asked for.
fn fields(source: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    for call in ["field_name(\"", "at.key(\"", "arguments(at, \""] {
        for (at, _) in source.match_indices(call) {
            found.extend(source[at + call.len()..].split('"').next());
        }
    }
    found
}

#[test]
fn every_kind_and_field_that_a_reader_names_is_one_of_its_grammar() {
    for (source, grammars) in readers() {
        let (kinds, fields) = (kinds(source), fields(source));
        assert!(!kinds.is_empty(), "{source}");
        for kind in kinds {
            let known = |grammar: &tree_sitter::Language| {
                grammar.id_for_node_kind(kind, true) != 0 || grammar.id_for_node_kind(kind, false) != 0
            };
            assert!(kind == "ERROR" || grammars.iter().any(known), "{kind} is no kind of {:?}", grammars[0].name());
        }
        for field in fields {
            let known = |grammar: &tree_sitter::Language| grammar.field_id_for_name(field).is_some();
            assert!(grammars.iter().any(known), "{field} is no field of {:?}", grammars[0].name());
        }
    }
}
