//! What pip installs: one requirement on a line.

use vdo_core::structure::{ClaimKind, MemberKind};

use super::{file_name, flat};
use crate::syntax::structure::keys::{normal, package};
use crate::syntax::structure::out::{Draft, ListId, Out};

/// Tells whether a file lists requirements, by its name or its folder's.
pub(super) fn fits(path: &str) -> bool {
    let name = file_name(path).to_ascii_lowercase();
    let listed =
        ["requirements", "constraints"].iter().any(|word| name.contains(word) || path.contains(&format!("{word}/")));
    listed && (name.ends_with(".txt") || name.ends_with(".in"))
}

/// Reads the lines.
pub(super) fn read(out: &mut Out<'_>, list: ListId) {
    let all = 0..out.text.len();
    flat(out, list, all, &["#"], |line, _| requirement(line));
}

fn requirement(line: &str) -> Draft {
    let line = line.trim();
    let name: String = line.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
    if name.is_empty()
        || line.starts_with('-')
        || line.get(name.len()..).is_some_and(|rest| rest.starts_with(['/', ':']))
    {
        return Draft::fixed(MemberKind::Other, normal(line));
    }
    let name = package(&name);
    // One package may be there once for each marker.
    let marker = line.split_once(" #").map_or(line, |(line, _)| line).split_once(';').map(|(_, marker)| normal(marker));
    let key = match marker.filter(|marker| !marker.is_empty()) {
        Some(marker) => format!("{name} ; {marker}"),
        None => name,
    };
    Draft::free(MemberKind::Pair, key.clone()).claim(ClaimKind::Name, key)
}
