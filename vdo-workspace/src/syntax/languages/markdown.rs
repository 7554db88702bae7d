//! Markdown.

use tree_sitter::Node;
use vdo_core::structure::{ClaimKind, MemberKind};

use crate::syntax::structure::keys::{normal, within};
use crate::syntax::structure::nodes::{child, named};
use crate::syntax::structure::out::{Draft, Place};
use crate::syntax::structure::walk::{At, Child, Frame, Reader};

/// Reads Markdown's trees.
pub(super) struct Markdown;

impl Reader for Markdown {
    fn lists(&self) -> &'static [&'static str] {
        &["section", "list", "pipe_table"]
    }

    fn comments(&self) -> &'static [&'static str] {
        &[]
    }

    /// A section without a heading is what stands before the first one.
    fn root<'n>(&self, root: Node<'n>) -> Vec<Node<'n>> {
        named(root)
            .into_iter()
            .flat_map(|node| if heading(node).is_none() && node.kind() == "section" { named(node) } else { vec![node] })
            .collect()
    }

    fn list<'n>(&self, at: &At<'_, 'n>) -> Option<Frame<'n>> {
        let node = at.node;
        Some(match node.kind() {
            "section" => {
                let heading = heading(node)?;
                let children = named(node).into_iter().filter(|child| child.start_byte() >= heading.end_byte());
                let children: Vec<_> = children.collect();
                let start = heading.start_byte() + at.of(heading).trim_end().len();
                Frame::open(node, start, Place::Code, "content").of(children)
            }
            "list" => Frame::open(node, node.start_byte(), Place::Elements, "items"),
            _ => {
                let rows = |row: &Node<'_>| row.kind() == "pipe_table_row";
                let start = child(node, &["pipe_table_delimiter_row"])?.end_byte();
                Frame::open(node, start, Place::Set, "rows").of(named(node).into_iter().filter(rows).collect())
            }
        })
    }

    fn member(&self, at: &Child<'_, '_>) -> Option<Draft> {
        let node = at.node;
        Some(match node.kind() {
            "section" => section(at),
            "list_item" => item(at),
            "pipe_table_row" => {
                let cell = node.named_child(0).map(|cell| normal(at.of(cell))).unwrap_or_default();
                let draft = Draft::free(MemberKind::Item, cell.clone());
                if cell.is_empty() { draft } else { draft.claim(ClaimKind::Key, within(at.scope, &cell)) }
            }
            "link_reference_definition" => {
                let label =
                    child(node, &["link_label"]).map(|label| normal(at.of(label)).to_lowercase()).unwrap_or_default();
                Draft::free(MemberKind::Pair, label.clone()).claim(ClaimKind::Label, label)
            }
            "block_continuation" => return None,
            "list" => Draft { name: Some(String::new()), ..Draft::fixed(MemberKind::Other, "list") },
            "pipe_table" => {
                let head = child(node, &["pipe_table_header"]).map(|head| normal(at.of(head))).unwrap_or_default();
                Draft::fixed(MemberKind::Other, format!("table {head}"))
            }
            _ => Draft::default(),
        })
    }
}

fn heading(section: Node<'_>) -> Option<Node<'_>> {
    child(section, &["atx_heading", "setext_heading"]).filter(|_| section.kind() == "section")
}

fn section(at: &Child<'_, '_>) -> Draft {
    let Some(heading) = heading(at.node) else { return Draft::default() };
    let content =
        heading.child_by_field_name("heading_content").map(|content| normal(at.of(content))).unwrap_or_default();
    let level = heading.child(0).map(|marker| at.of(marker)).filter(|marker| marker.starts_with('#'));
    let level = level.map_or_else(|| if at.of(heading).contains('=') { 1 } else { 2 }, str::len);
    // Steps are taken one after the other.
    let word = content.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_lowercase();
    let step = matches!(word.as_str(), "step" | "phase" | "part" | "chapter")
        || (!word.is_empty() && word.chars().all(|c| c.is_ascii_digit()) && !content.contains(['[', ']']));
    let key = format!("h{level} {content}");
    Draft::free(MemberKind::Rule, key.clone())
        .free_if(!content.is_empty() && !step)
        .claim(ClaimKind::Label, within(at.scope, &key))
}

fn item(at: &Child<'_, '_>) -> Draft {
    let node = at.node;
    let marker = node.named_child(0).map(|marker| (marker.kind(), at.of(marker).trim())).unwrap_or_default();
    let first = child(node, &["paragraph"]).map(|words| at.of(words)).unwrap_or_default();
    let key = normal(first.lines().next().unwrap_or_default());
    if matches!(marker.0, "list_marker_dot" | "list_marker_parenthesis") {
        let draft = Draft::fixed(MemberKind::Item, key);
        let number = marker.1.trim_end_matches(['.', ')']);
        // A list in which every number is 1 leaves the counting to the reader's program.
        return if number == "1" {
            draft
        } else {
            draft.claim(ClaimKind::Number, format!("{} item {number}", at.scope))
        };
    }
    Draft::free(MemberKind::Item, key)
}
