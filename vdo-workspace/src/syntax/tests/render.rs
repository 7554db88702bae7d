//! A structure as text, for tests: one line for each member, `*` where it may change places.

use std::fmt::Write;

use vdo_core::path::RepoPath;
use vdo_core::structure::{Order, Structure};
use vdo_core::syntax::Syntax;

use crate::syntax::TreeSitterSyntax;

/// Returns the structure of `text` as a file called `path`.
pub(super) fn structure(path: &str, text: &str) -> Structure {
    let structure = TreeSitterSyntax.structure(&path.parse::<RepoPath>().unwrap(), text).unwrap();
    check(text, &structure);
    structure
}

/// Returns it rendered.
pub(super) fn render(path: &str, text: &str) -> String {
    let structure = structure(path, text);
    let mut lines = String::new();
    for (at, member) in structure.members.iter().enumerate() {
        if member.owner_depth(&structure) == 0 {
            tell(&structure, at, 0, &mut lines);
        }
    }
    if structure.errors > 0 {
        writeln!(lines, "errors: {}", structure.errors).unwrap();
    }
    lines
}

trait Depth {
    fn owner_depth(&self, structure: &Structure) -> usize;
}

impl Depth for vdo_core::structure::Member {
    fn owner_depth(&self, structure: &Structure) -> usize {
        usize::from(structure.lists[self.list].owner.is_some())
    }
}

fn tell(structure: &Structure, at: usize, depth: usize, lines: &mut String) {
    let member = &structure.members[at];
    let free = if member.order == Order::Free { "*" } else { "" };
    let claims: Vec<_> = member.claims.iter().map(|claim| format!("{:?} {}", claim.kind, claim.text)).collect();
    let claims = if claims.is_empty() { String::new() } else { format!(" [{}]", claims.join(", ")) };
    let indent = "  ".repeat(depth);
    writeln!(lines, "{indent}{:?}{free} {}{claims}", member.kind, member.key).unwrap();
    for (number, list) in structure.lists.iter().enumerate().filter(|(_, list)| list.owner == Some(at)) {
        let suffix = list.scope.rsplit_once('/').map_or("", |(_, suffix)| suffix);
        writeln!(lines, "{indent}  ({suffix}{})", list.separator).unwrap();
        for inner in (0..structure.members.len()).filter(|inner| structure.members[*inner].list == number) {
            tell(structure, inner, depth + 2, lines);
        }
    }
}

/// Checks what every structure promises.
pub(super) fn check(text: &str, structure: &Structure) {
    assert!(structure.lists[0].owner.is_none() && structure.lists[0].inside == (0..text.len()));
    let mut scopes = std::collections::BTreeSet::new();
    for (at, list) in structure.lists.iter().enumerate() {
        assert!(scopes.insert(&list.scope), "twice: {}", list.scope);
        assert!(text.get(list.inside.clone()).is_some(), "{list:?}");
        assert_eq!(list.owner.is_none(), at == 0);
        if let Some(owner) = list.owner {
            let owner = &structure.members[owner];
            assert!(owner.list < at);
            assert!(owner.span.start <= list.inside.start && list.inside.end <= owner.span.end, "{list:?} {owner:?}");
        }
    }
    let mut ends = vec![0; structure.lists.len()];
    for (at, member) in structure.members.iter().enumerate() {
        let body = text.get(member.span.clone());
        assert!(body.is_some_and(|body| !body.is_empty() && body == body.trim_end()), "{member:?} {body:?}");
        let list = &structure.lists[member.list];
        assert!(list.inside.start <= member.span.start && member.span.end <= list.inside.end, "{list:?} {member:?}");
        assert!(list.owner.is_none_or(|owner| owner < at));
        assert!(ends[member.list] <= member.span.start, "{member:?} begins before {}", ends[member.list]);
        ends[member.list] = member.span.end;
    }
}
