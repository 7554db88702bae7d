//! Routes and what else a call claims by its literals.

use vdo_core::structure::ClaimKind;

use super::keys::quoted;
use super::registry::Call;

/// Methods of HTTP.
const VERBS: &[&str] =
    &["get", "post", "put", "patch", "delete", "head", "options", "all", "any", "route", "websocket", "trace"];

/// Tells whether `method` is one of HTTP's, in any case.
pub(in crate::syntax) fn is_verb(method: &str) -> bool {
    VERBS.iter().any(|verb| verb.eq_ignore_ascii_case(method))
}

/// Returns how a method is told in a route.
fn told(method: &str) -> String {
    match method {
        "use" | "nest" | "mount" | "Mount" | "nest_service" => "prefix".to_owned(),
        "Handle" | "HandleFunc" | "add_url_rule" | "add_route" | "add_api_route" | "route_service" => "ANY".to_owned(),
        method => method.to_ascii_uppercase(),
    }
}

/// Returns the route that a listed call takes: receiver, method and path.
pub(in crate::syntax) fn of_call(call: &Call<'_>, kind: ClaimKind) -> Option<(ClaimKind, String)> {
    let path = quoted(call.first).filter(|path| path.rsplit(' ').next().is_some_and(|p| p.starts_with('/')))?;
    let (method, path) =
        path.split_once(' ').map_or_else(|| (told(call.method), path), |(verb, path)| (verb.to_owned(), path));
    let routed = is_verb(call.method)
        || matches!(
            call.method,
            "use"
                | "nest"
                | "mount"
                | "Mount"
                | "Handle"
                | "HandleFunc"
                | "add_url_rule"
                | "add_route"
                | "add_api_route"
        )
        || call.method.ends_with("_service");
    routed.then(|| (kind, joined(call.receiver, &method, path)))
}

/// Returns a route's text.
pub(in crate::syntax) fn joined(receiver: &str, method: &str, path: &str) -> String {
    if receiver.is_empty() { format!("{method} {path}") } else { format!("{receiver} {method} {path}") }
}
