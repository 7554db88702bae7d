//! Patterns of files to leave out.

use vdo_core::structure::{ClaimKind, MemberKind};

use super::{file_name, flat};
use crate::syntax::structure::keys::normal;
use crate::syntax::structure::out::{Draft, ListId, Out};

/// Tells whether a file holds such patterns, by its name.
pub(super) fn fits(path: &str) -> bool {
    let name = file_name(path);
    name.starts_with('.') && name.ends_with("ignore")
}

/// Reads the lines. Where a pattern takes back another, all keep their places.
pub(super) fn read(out: &mut Out<'_>, list: ListId) {
    let free = !out.text.lines().any(|line| line.trim_start_matches('\u{feff}').starts_with('!'));
    let all = 0..out.text.len();
    flat(out, list, all, &["#"], |line, _| {
        let key = normal(line);
        Draft::free(MemberKind::Item, key.clone()).free_if(free).claim(ClaimKind::Key, key)
    });
}
