//! Elements of pages, in HTML and in JSX: which of them may change places and what tells one from another.

use vdo_core::structure::{ClaimKind, MemberKind};

use super::keys::{head, normal};
use super::out::Draft;

/// Elements in which the order of the children is the order of the words.
const PROSE: &[&str] = &[
    "p", "span", "h1", "h2", "h3", "h4", "h5", "h6", "td", "th", "em", "strong", "b", "i", "small", "label", "button",
    "a", "code", "pre", "ol", "title", "textarea",
];
/// Elements that are known by an id.
const BY_ID: &[&str] =
    &["section", "article", "div", "form", "details", "dialog", "aside", "template", "fieldset", "table", "nav"];
/// Elements that a person acts on.
const CONTROLS: &[&str] = &["button", "input", "label", "select", "textarea"];

/// Tells whether the children of an element may change places at all, as far as its name says.
pub(in crate::syntax) fn is_loose(tag: &str) -> bool {
    !PROSE.contains(&tag)
}

/// An element as far as this has to know.
pub(in crate::syntax) struct Element<'a> {
    /// The tag's name.
    pub(in crate::syntax) tag: &'a str,
    /// Returns an attribute's value.
    pub(in crate::syntax) attribute: &'a dyn Fn(&str) -> Option<String>,
    /// What is between the tags.
    pub(in crate::syntax) inner: &'a str,
    /// Whether its siblings may change places.
    pub(in crate::syntax) loose: bool,
    /// What ids are qualified with.
    pub(in crate::syntax) scope: &'a str,
}

/// Returns what an element is as a member.
pub(in crate::syntax) fn draft(element: &Element<'_>) -> Draft {
    let tag = element.tag;
    let attribute = |name: &str| (element.attribute)(name).filter(|value| !value.is_empty());
    let id = attribute("id");
    let target = |name: &str| attribute(name).filter(|href| href != "#" && !href.starts_with("javascript:"));
    let words = || Some(normal(&without_tags(element.inner))).filter(|text| !text.is_empty());
    let inner = || inner_target(element.inner);
    let distinct = match tag {
        "li" | "tr" | "dt" => {
            id.clone().or_else(|| if tag == "tr" { first_cell(element.inner) } else { inner() }).or_else(words)
        }
        "a" | "Link" | "NavLink" | "NavItem" | "MenuItem" => target("href").or_else(|| target("to")).or_else(words),
        "Route" => attribute("path").or_else(|| attribute("index").map(|_| "index".to_owned())),
        "option" => attribute("value").or_else(words),
        "link" => attribute("href"),
        "meta" => ["name", "property", "http-equiv"].iter().find_map(|name| attribute(name)),
        _ if BY_ID.contains(&tag) => id.clone(),
        _ if CONTROLS.contains(&tag) => id.clone().or_else(|| attribute("name")).or_else(|| attribute("for")),
        _ => None,
    };
    let is_free = distinct.is_some() && element.loose;
    let fallback = || {
        id.clone().or_else(|| attribute("class").or_else(|| attribute("className")).map(|class| format!(".{class}")))
    };
    let key = match distinct.or_else(fallback) {
        Some(distinct) => normal(&format!("{tag} {distinct}")),
        None => tag.to_owned(),
    };
    let mut draft = Draft::free(MemberKind::Element, key).free_if(is_free);
    if let Some(id) = id.filter(|id| !id.contains(['{', '<'])) {
        draft = draft.claim(ClaimKind::Label, format!("{}#{id}", element.scope));
    }
    if tag == "Route"
        && let Some(path) = attribute("path")
    {
        draft = draft.claim(ClaimKind::Route, format!("route {path} in {}", element.scope));
    }
    draft
}

/// Returns where the first link inside leads to.
fn inner_target(inner: &str) -> Option<String> {
    let inner = head(inner, 2000);
    [" href=", " to="].iter().find_map(|name| {
        let rest = inner.get(inner.find(name)? + name.len()..)?;
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\'' | '{'))?;
        let close = if quote == '{' { '}' } else { quote };
        let target = rest.get(1..)?.split(close).next()?;
        (!target.is_empty() && target != "#").then(|| target.to_owned())
    })
}

/// Returns the words of the first cell of a row.
fn first_cell(inner: &str) -> Option<String> {
    let cell = head(inner, 4000);
    let end = ["</td", "</th"].iter().filter_map(|tag| cell.find(tag)).min()?;
    Some(normal(&without_tags(cell.get(..end)?))).filter(|text| !text.is_empty())
}

/// Returns a text without what stands between `<` and `>`.
fn without_tags(text: &str) -> String {
    let mut words = String::new();
    for piece in head(text, 2000).split('<') {
        if words.is_empty() && !text.starts_with('<') {
            words.push_str(piece);
        } else if let Some((_, rest)) = piece.split_once('>') {
            words.push(' ');
            words.push_str(rest);
        }
    }
    words
}
