//! What changed at a glance: `src/{a.py => b.py} | 12 +++++++-----`.

use std::fmt::Write as _;

use super::{FileChange, Size};
use crate::diff::quoted;
use crate::path::RepoPath;

/// The width of the whole, in columns.
const WIDTH: usize = 80;

/// Returns one line per file and a sum, as `git diff --stat` prints them.
#[must_use]
pub fn stat(changes: &[(FileChange, Size)]) -> String {
    let rows: Vec<(String, &Size)> = changes.iter().map(|(change, size)| (name(change), size)).collect();
    let columns = Columns::new(&rows);
    let mut text = String::new();
    for (name, size) in &rows {
        columns.write(&mut text, name, size);
    }
    let added: u64 = rows.iter().map(|(_, size)| u64::from(size.added)).sum();
    let removed: u64 = rows.iter().map(|(_, size)| u64::from(size.removed)).sum();
    let plural = |count: u64| if count == 1 { "" } else { "s" };
    let files = rows.len() as u64;
    let _ = write!(text, " {files} file{} changed", plural(files));
    if files > 0 && (added > 0 || removed == 0) {
        let _ = write!(text, ", {added} insertion{}(+)", plural(added));
    }
    if files > 0 && (removed > 0 || added == 0) {
        let _ = write!(text, ", {removed} deletion{}(-)", plural(removed));
    }
    text.push('\n');
    text
}

/// How wide each part is.
struct Columns {
    name: usize,
    number: usize,
    graph: usize,
    most: usize,
}

impl Columns {
    fn new(rows: &[(String, &Size)]) -> Self {
        let longest = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let most = rows.iter().map(|(_, size)| total(size)).max().unwrap_or(0);
        let binary = rows.iter().filter_map(|(_, size)| size.binary);
        let binary = binary.map(|(old, new)| 14 + old.to_string().len() + new.to_string().len()).max();
        let number = most.to_string().len().max(if binary.is_some() { 3 } else { 0 });
        let binary = binary.unwrap_or(0);
        let mut graph = if most + 4 > binary { most } else { binary - 4 };
        let mut name = longest;
        if name + number + 6 + graph > WIDTH {
            graph = graph.min((WIDTH * 3 / 8).saturating_sub(number + 6).max(6));
            let rest = WIDTH.saturating_sub(number + 6 + graph);
            if name > rest {
                name = rest;
            } else {
                graph = WIDTH.saturating_sub(number + 6 + name);
            }
        }
        Self { name, number, graph, most }
    }

    fn write(&self, text: &mut String, name: &str, size: &Size) {
        let name = self.fit(name);
        let pad = " ".repeat(self.name.saturating_sub(name.chars().count()));
        let _ = write!(text, " {name}{pad} | ");
        if let Some((old, new)) = size.binary {
            let _ = write!(text, "{:>width$}", "Bin", width = self.number);
            let _ = if old == new { writeln!(text) } else { writeln!(text, " {old} -> {new} bytes") };
            return;
        }
        let _ = write!(text, "{:>width$}", total(size), width = self.number);
        let (plus, minus) = self.bars(size);
        if total(size) > 0 {
            text.push(' ');
        }
        let _ = writeln!(text, "{}{}", "+".repeat(plus), "-".repeat(minus));
    }

    /// Cuts the start off a name that is too long, at a slash if there is one.
    fn fit(&self, name: &str) -> String {
        let length = name.chars().count();
        if length <= self.name {
            return name.to_owned();
        }
        let rest: String = name.chars().skip(length - self.name.saturating_sub(3)).collect();
        let rest = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or(&rest);
        format!("...{rest}")
    }

    fn bars(&self, size: &Size) -> (usize, usize) {
        let (added, removed) = (wide(size.added), wide(size.removed));
        if self.graph > self.most {
            return (added, removed);
        }
        let scaled = |count: usize| if count == 0 { 0 } else { 1 + count * (self.graph - 1) / self.most };
        let mut all = scaled(added + removed);
        if all < 2 && added > 0 && removed > 0 {
            all = 2;
        }
        if added < removed {
            let plus = scaled(added);
            (plus, all.saturating_sub(plus))
        } else {
            let minus = scaled(removed);
            (all.saturating_sub(minus), minus)
        }
    }
}

fn wide(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn total(size: &Size) -> usize {
    wide(size.added).saturating_add(wide(size.removed))
}

/// Returns the name, or both with what they share written once.
fn name(change: &FileChange) -> String {
    match &change.from {
        None => quoted("", &change.path),
        Some((from, _)) => moved(from, &change.path),
    }
}

/// Returns `src/{a => b}/c`.
fn moved(from: &RepoPath, to: &RepoPath) -> String {
    let quotes = |path: &RepoPath| quoted("", path).starts_with('"');
    if quotes(from) || quotes(to) {
        return format!("{} => {}", quoted("", from), quoted("", to));
    }
    let (old, new) = (from.as_str(), to.as_str());
    let (head, tail) = (shared_head(old, new), shared_tail(old, new));
    if head == 0 && tail == 0 {
        return format!("{old} => {new}");
    }
    let middle = |path: &str| {
        let end = path.len() - tail;
        // The slash that ends the head may be the one that begins the tail.
        path.get(head..end.max(head)).unwrap_or_default().to_owned()
    };
    let (before, after) = (old.get(..head).unwrap_or_default(), old.get(old.len() - tail..).unwrap_or_default());
    format!("{before}{{{} => {}}}{after}", middle(old), middle(new))
}

/// Returns how many bytes both begin with, up to and with a slash.
fn shared_head(old: &str, new: &str) -> usize {
    let alike = old.bytes().zip(new.bytes()).take_while(|(one, other)| one == other).count();
    old.as_bytes().get(..alike).and_then(|head| head.iter().rposition(|byte| *byte == b'/')).map_or(0, |at| at + 1)
}

/// Returns how many bytes both end with, from a slash on; one slash of the shared head may be among them.
fn shared_tail(old: &str, new: &str) -> usize {
    let head = shared_head(old, new);
    let most = old.len().min(new.len()) - head + usize::from(head > 0);
    let pairs = old.bytes().rev().zip(new.bytes().rev()).take(most);
    let alike = pairs.take_while(|(one, other)| one == other).map(|(one, _)| one);
    (1..).zip(alike).filter(|(_, byte)| *byte == b'/').map(|(size, _)| size).last().unwrap_or(0)
}
