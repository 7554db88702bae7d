//! Routes that are calls or decorators: Flask, FastAPI, Django, Express and the like, axum, actix, Go's routers, minimal APIs.

use std::collections::BTreeMap;

use super::calls::{Call, head, literal, methods, named};
use super::routes_by_class::ByClass;
use super::routes_nested::Nested;
use super::{Family, MAX_PATTERN, MAX_ROUTES, RouteSign, Signs};

/// How many routers with a prefix of their own are known.
const MAX_ROUTERS: usize = 50;

/// A line and where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'t> {
    /// Its number, from 1.
    pub(super) number: u32,
    /// How far it is indented.
    pub(super) indent: usize,
    /// The line, without the indentation.
    pub(super) line: &'t str,
    /// The text that begins with it.
    pub(super) from: &'t str,
}

/// What is known of a file's routes so far.
#[derive(Debug, Default)]
pub(super) struct Routes<'t> {
    /// The prefixes of routers, by the name of their variable.
    prefixes: BTreeMap<&'t str, String>,
    by_class: ByClass,
    nested: Nested,
    /// Routes that are some only if the file is a table of them.
    maybe: Vec<RouteSign>,
    is_table: bool,
}

/// Tells whether a name is a method of HTTP, as functions that add routes are called.
pub(super) fn is_verb(name: &str) -> bool {
    const VERBS: [&str; 8] = ["get", "post", "put", "patch", "delete", "head", "options", "all"];
    VERBS.iter().any(|verb| verb.eq_ignore_ascii_case(name))
}

pub(super) fn add(signs: &mut Signs, method: &str, pattern: &str, number: u32) {
    if signs.routes.len() < MAX_ROUTES {
        signs.routes.push(route(method, pattern, number));
    }
}

fn route(method: &str, pattern: &str, line: u32) -> RouteSign {
    let method = if method.is_empty() { "ANY".to_owned() } else { head(method, 40).to_owned() };
    let pattern = if pattern.is_empty() { "/" } else { head(pattern, MAX_PATTERN) };
    RouteSign { method, pattern: pattern.to_owned(), line }
}

/// Puts a prefix before a pattern.
pub(super) fn joined(prefix: &str, pattern: &str) -> String {
    if prefix.is_empty() {
        return pattern.to_owned();
    }
    let (prefix, rest) = (prefix.trim_end_matches('/'), pattern.trim_start_matches('/'));
    let slash = if prefix.starts_with('/') { "" } else { "/" };
    if rest.is_empty() { format!("{slash}{prefix}") } else { format!("{slash}{prefix}/{rest}") }
}

/// Returns the last part of a receiver: `router` of `self.router`.
fn last(receiver: &str) -> &str {
    receiver.rsplit(['.', ':', '>', '$', '-']).next().unwrap_or(receiver)
}

/// Returns the rest of a statement: of its line, and of the next where that goes on.
fn statement(rest: &str) -> &str {
    let end = rest.match_indices('\n').map(|(at, _)| at).find(|at| !rest.get(..*at).unwrap_or_default().ends_with('.'));
    rest.get(..end.unwrap_or(rest.len())).unwrap_or(rest)
}

/// Tells whether a variable is called as routers are.
fn is_router(receiver: &str) -> bool {
    let name = last(receiver).to_ascii_lowercase();
    ["app", "route", "server", "fastify", "hono", "koa", "express", "blueprint", "mux", "group", "bp", "endpoints"]
        .iter()
        .any(|part| name.contains(part))
        || matches!(name.as_str(), "r" | "e" | "g" | "api" | "web" | "v1" | "v2" | "admin" | "public" | "private")
}

impl<'t> Routes<'t> {
    /// Takes a call in.
    pub(super) fn call(&mut self, family: Family, call: &Call<'t>, place: &Place<'t>, signs: &mut Signs) {
        match family {
            Family::Python => self.python(call, place, signs),
            Family::Script => self.script(call, place, signs),
            Family::Go => self.go(call, place, signs),
            Family::Rust => self.rust(call, place, signs),
            Family::CSharp => self.csharp(call, place, signs),
            Family::Php => self.php(call, place, signs),
            _ => {}
        }
    }

    /// Takes a line in, for languages whose routes are no calls.
    pub(super) fn line(&mut self, family: Family, place: &Place<'_>, signs: &mut Signs) {
        match family {
            Family::Python if place.line.starts_with("urlpatterns") => self.is_table = true,
            Family::Ruby => self.nested.ruby(place, signs),
            Family::Php => {
                self.nested.php(place, signs);
                self.by_class.php(place, signs);
            }
            Family::Jvm => self.by_class.jvm(place, signs),
            Family::CSharp => self.by_class.csharp(place, signs),
            Family::Script if place.line.starts_with('@') || place.line.contains("class ") => {
                self.by_class.script(place, signs);
            }
            Family::Rust if place.line.starts_with("#[") => {
                let inner = place.line.get(2..).unwrap_or_default();
                if let Some((name, rest)) = inner.split_once('(')
                    && (is_verb(name) || name == "route")
                    && let Some((pattern, rest)) = literal(rest).filter(|(pattern, _)| pattern.starts_with('/'))
                {
                    let method = if name == "route" { methods(rest) } else { name.to_ascii_uppercase() };
                    add(signs, &method, pattern, place.number);
                }
            }
            _ => {}
        }
    }

    pub(super) fn finish(self, mut signs: Signs) -> Signs {
        if self.is_table {
            let room = MAX_ROUTES.saturating_sub(signs.routes.len());
            signs.routes.extend(self.maybe.into_iter().take(room));
        }
        signs
    }

    /// Remembers the prefix of a router that is made in this line.
    fn prefix(&mut self, place: &Place<'t>, prefix: &str) {
        let Some((left, _)) = place.line.split_once('=') else { return };
        let name =
            left.trim_end_matches([':', ' ']).split([':', ' ']).rfind(|part| !part.is_empty()).unwrap_or_default();
        let outer =
            place.line.split_once('=').and_then(|(_, right)| right.trim().split('.').next()).unwrap_or_default();
        let outer = self.prefixes.get(outer).cloned().unwrap_or_default();
        if self.prefixes.len() < MAX_ROUTERS && !name.is_empty() {
            self.prefixes.insert(last(name), head(&joined(&outer, prefix), MAX_PATTERN).to_owned());
        }
    }

    fn below(&self, receiver: &str, pattern: &str) -> String {
        let prefix = self.prefixes.get(last(receiver)).map_or("", String::as_str);
        joined(prefix, pattern)
    }

    fn python(&mut self, call: &Call<'t>, place: &Place<'t>, signs: &mut Signs) {
        if matches!(call.name, "APIRouter" | "Blueprint" | "APIBlueprint") {
            let prefix = ["url_prefix", "prefix"].into_iter().find_map(|key| named(call.arguments, key));
            return prefix.into_iter().for_each(|prefix| self.prefix(place, prefix));
        }
        if matches!(call.name, "path" | "re_path" | "url") && call.receiver.is_empty() {
            if let Some((pattern, _)) = call.literal()
                && self.maybe.len() < MAX_ROUTES
            {
                let pattern = pattern.trim_start_matches('^').trim_start_matches('/');
                self.maybe.push(route("", &format!("/{pattern}"), place.number));
            }
            return;
        }
        let Some((pattern, rest)) = call.literal() else { return };
        let is_path = pattern.starts_with('/') || pattern.is_empty();
        let decorates = place.line.starts_with('@') && !call.receiver.is_empty() && is_path;
        let rest = || rest.split("\ndef ").next().unwrap_or(rest);
        let method = match call.name {
            name if decorates && is_verb(name) => name.to_ascii_uppercase(),
            "websocket" if decorates => "WS".to_owned(),
            "route" | "api_route" if decorates => {
                let found = rest().split_once("methods").map_or(String::new(), |(_, named)| methods(named));
                if found.is_empty() { "GET".to_owned() } else { found }
            }
            "Route" | "WebSocketRoute" | "add_url_rule" | "add_api_route" | "add_route" if pattern.starts_with('/') => {
                rest().split_once("methods").map_or(String::new(), |(_, named)| methods(named))
            }
            "Mount" if pattern.starts_with('/') => "PREFIX".to_owned(),
            name if pattern.starts_with('/') && is_router(call.receiver) => match name.strip_prefix("add_") {
                Some(verb) if is_verb(verb) => verb.to_ascii_uppercase(),
                _ => return,
            },
            _ => return,
        };
        add(signs, &method, &self.below(call.receiver, pattern), place.number);
    }

    fn script(&mut self, call: &Call<'t>, place: &Place<'t>, signs: &mut Signs) {
        let Some((pattern, rest)) = call.literal().filter(|(pattern, _)| pattern.starts_with('/')) else {
            return;
        };
        let rest = rest.trim_start();
        let name = last(call.receiver).to_ascii_lowercase();
        // Clients of an API are called alike; a handler tells them apart.
        let is_loose = name.len() < 4 && name != "app" || name == "api";
        let handles = ["=>", "function", "async"].iter().any(|word| rest.contains(word));
        let more = rest.starts_with(',') && (!is_loose || handles);
        if !is_router(call.receiver) || place.line.starts_with('@') {
            return;
        }
        let method = match call.name {
            name if is_verb(name) && more => name.to_ascii_uppercase(),
            "route" => "ANY".to_owned(),
            "use" | "register" if more => "PREFIX".to_owned(),
            _ => return,
        };
        add(signs, &method, &self.below(call.receiver, pattern), place.number);
    }

    fn go(&mut self, call: &Call<'t>, place: &Place<'t>, signs: &mut Signs) {
        let Some((pattern, rest)) = call.literal() else { return };
        let (verb, pattern) = pattern.split_once(' ').unwrap_or(("", pattern));
        if !pattern.starts_with('/') || call.receiver.is_empty() {
            return;
        }
        if matches!(call.name, "Group" | "PathPrefix") {
            return self.prefix(place, pattern);
        }
        let more = rest.trim_start().starts_with(',');
        let method = match call.name {
            "Handle" | "HandleFunc" | "HandlerFunc" if more => match statement(rest).split_once("Methods(") {
                Some((_, named)) if verb.is_empty() => methods(named.lines().next().unwrap_or_default()),
                _ => verb.to_owned(),
            },
            "Mount" | "Route" if more => "PREFIX".to_owned(),
            "Any" if more => String::new(),
            name if is_verb(name) && more && name.starts_with(char::is_uppercase) => name.to_ascii_uppercase(),
            _ => return,
        };
        add(signs, &method, &self.below(call.receiver, pattern), place.number);
    }

    fn rust(&mut self, call: &Call<'t>, place: &Place<'t>, signs: &mut Signs) {
        let Some((pattern, rest)) = call.literal().filter(|(pattern, _)| pattern.starts_with('/')) else { return };
        let more = rest.trim_start().starts_with(',') && !place.line.starts_with("#[");
        let method = match call.name {
            "route" if more => {
                let own = rest.split(".route(").next().unwrap_or(rest);
                let verbs = own.split(|c: char| !c.is_ascii_lowercase()).filter(|word| is_verb(word));
                let mut found: Vec<String> = verbs.map(str::to_ascii_uppercase).collect();
                found.dedup();
                found.truncate(4);
                found.join(",")
            }
            "nest" | "nest_service" if more => "PREFIX".to_owned(),
            "scope" if call.receiver.ends_with("web::") => "PREFIX".to_owned(),
            "resource" if call.receiver.ends_with("web::") => String::new(),
            _ => return,
        };
        add(signs, &method, pattern, place.number);
    }

    fn csharp(&mut self, call: &Call<'t>, place: &Place<'t>, signs: &mut Signs) {
        let Some((pattern, _)) = call.literal() else { return };
        if call.name == "MapGroup" {
            return self.prefix(place, pattern);
        }
        let verb = call.name.strip_prefix("Map").filter(|verb| is_verb(verb) || *verb == "Hub");
        if let Some(verb) = verb.filter(|_| pattern.starts_with('/') || pattern.is_empty()) {
            add(signs, &verb.to_ascii_uppercase(), &self.below(call.receiver, pattern), place.number);
        }
    }

    fn php(&mut self, call: &Call<'t>, place: &Place<'t>, signs: &mut Signs) {
        let Some((pattern, rest)) = call.literal() else { return };
        let is_laravel = call.receiver == "Route::";
        let is_slim = is_router(call.receiver) && call.receiver.starts_with('$') && pattern.starts_with('/');
        let more = rest.trim_start().starts_with(',');
        if !(is_laravel || is_slim) || !more {
            return;
        }
        let method = match call.name {
            "any" => String::new(),
            "resource" | "apiResource" => "REST".to_owned(),
            "view" | "redirect" | "livewire" => "GET".to_owned(),
            name if is_verb(name) => name.to_ascii_uppercase(),
            _ => return,
        };
        let pattern = format!("/{}", pattern.trim_start_matches('/'));
        add(signs, &method, &joined(&self.nested.prefix(), &pattern), place.number);
    }
}
