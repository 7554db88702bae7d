//! Which properties of a style sheet set others.

const SIDES: &[&str] = &["top", "right", "bottom", "left"];

/// Shorthands and what they set, by the words that follow the first.
const SHORTHANDS: &[(&str, &[&str])] = &[
    ("margin", &["margin-top", "margin-right", "margin-bottom", "margin-left", "margin-block", "margin-inline"]),
    ("padding", &["padding-top", "padding-right", "padding-bottom", "padding-left", "padding-block", "padding-inline"]),
    ("inset", &["top", "right", "bottom", "left"]),
    (
        "border-radius",
        &[
            "border-top-left-radius",
            "border-top-right-radius",
            "border-bottom-left-radius",
            "border-bottom-right-radius",
        ],
    ),
    ("outline", &["outline-width", "outline-style", "outline-color"]),
    (
        "background",
        &[
            "background-color",
            "background-image",
            "background-position",
            "background-size",
            "background-repeat",
            "background-attachment",
            "background-origin",
            "background-clip",
        ],
    ),
    ("font", &["font-style", "font-variant", "font-weight", "font-stretch", "font-size", "font-family", "line-height"]),
    ("flex", &["flex-grow", "flex-shrink", "flex-basis"]),
    ("flex-flow", &["flex-direction", "flex-wrap"]),
    (
        "grid",
        &[
            "grid-template-rows",
            "grid-template-columns",
            "grid-template-areas",
            "grid-auto-rows",
            "grid-auto-columns",
            "grid-auto-flow",
        ],
    ),
    ("grid-template", &["grid-template-rows", "grid-template-columns", "grid-template-areas"]),
    ("grid-area", &["grid-row-start", "grid-row-end", "grid-column-start", "grid-column-end"]),
    ("grid-row", &["grid-row-start", "grid-row-end"]),
    ("grid-column", &["grid-column-start", "grid-column-end"]),
    ("gap", &["row-gap", "column-gap"]),
    ("overflow", &["overflow-x", "overflow-y"]),
    ("transition", &["transition-property", "transition-duration", "transition-timing-function", "transition-delay"]),
    (
        "animation",
        &[
            "animation-name",
            "animation-duration",
            "animation-timing-function",
            "animation-delay",
            "animation-direction",
            "animation-iteration-count",
            "animation-fill-mode",
            "animation-play-state",
        ],
    ),
    ("list-style", &["list-style-type", "list-style-position", "list-style-image"]),
    (
        "text-decoration",
        &["text-decoration-line", "text-decoration-style", "text-decoration-color", "text-decoration-thickness"],
    ),
    ("columns", &["column-width", "column-count"]),
    ("place-content", &["align-content", "justify-content"]),
    ("place-items", &["align-items", "justify-items"]),
    ("place-self", &["align-self", "justify-self"]),
    ("mask", &["mask-image", "mask-position", "mask-size", "mask-repeat"]),
];

/// Returns the properties that `property` sets: itself if it is no shorthand.
pub(super) fn sets(property: &str) -> Vec<String> {
    if let Some(rest) = property.strip_prefix("border") {
        let part = rest.trim_start_matches('-');
        let parts = ["width", "style", "color"];
        if part.is_empty() {
            return SIDES.iter().flat_map(|side| parts.map(|part| format!("border-{side}-{part}"))).collect();
        }
        if SIDES.contains(&part) {
            return parts.iter().map(|what| format!("border-{part}-{what}")).collect();
        }
        if parts.contains(&part) {
            return SIDES.iter().map(|side| format!("border-{side}-{part}")).collect();
        }
    }
    match SHORTHANDS.iter().find(|(name, _)| *name == property) {
        Some((_, parts)) => parts.iter().map(|part| (*part).to_owned()).collect(),
        None => vec![property.to_owned()],
    }
}
