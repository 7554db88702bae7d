//! What may change places, by name.
//!
//! A call that enters something into a registry and one that does the next step look alike to a grammar. What tells them
//! apart is the callee and a literal that is distinct; both are listed here, and what is not listed keeps its place.

use super::keys::{bounded, last_segment, normal, package, quoted};

/// Names of arrays whose members may change places.
const REGISTRIES: &[&str] = &[
    "__all__",
    "allowed_hosts",
    "authors",
    "apps",
    "blueprints",
    "branches",
    "branches-ignore",
    "cap_add",
    "cap_drop",
    "categories",
    "classifiers",
    "cors_allowed_origins",
    "cors_origins",
    "csrf_trusted_origins",
    "declarations",
    "default-features",
    "default-members",
    "dependencies",
    "depends_on",
    "dev-dependencies",
    "dev",
    "devdependencies",
    "domains",
    "entrycomponents",
    "environment",
    "exclude",
    "expose",
    "exports",
    "extend-exclude",
    "extend-ignore",
    "extend-include",
    "extend-select",
    "extensions",
    "extra_hosts",
    "extras",
    "features",
    "files",
    "hidden-imports",
    "hiddenimports",
    "ignore",
    "ignore_errors",
    "ignored",
    "implicitdependencies",
    "imports",
    "include",
    "includes",
    "install_requires",
    "installed_apps",
    "keywords",
    "known-first-party",
    "known-third-party",
    "labels",
    "languages",
    "links",
    "locales",
    "maintainers",
    "markers",
    "members",
    "menu",
    "menu_items",
    "menuitems",
    "modules",
    "nav",
    "nav_items",
    "nav_links",
    "navigation",
    "navitems",
    "navlinks",
    "networks",
    "omit",
    "origins",
    "owners",
    "package_data",
    "packages",
    "pages",
    "paths-ignore",
    "peerdependencies",
    "permissions",
    "plugins",
    "ports",
    "profiles",
    "projects",
    "providers",
    "py-modules",
    "py_modules",
    "recommendations",
    "references",
    "registry",
    "requirements",
    "requires",
    "resources",
    "routers",
    "routes",
    "scopes",
    "secrets",
    "select",
    "services",
    "skip",
    "subcommands",
    "submodules",
    "tabs",
    "tags",
    "targets",
    "testmatch",
    "tests_require",
    "third_party_apps",
    "local_apps",
    "django_apps",
    "topics",
    "types",
    "urlpatterns",
    "volumes",
    "workspaces",
];

/// Names of arrays whose members never change places, however they look.
const ORDERED: &[&str] = &[
    "args",
    "command",
    "commands",
    "entrypoint",
    "cmd",
    "handlers",
    "handler",
    "interceptors",
    "filters",
    "layers",
    "middleware",
    "middlewares",
    "middleware_classes",
    "migrations",
    "operations",
    "order",
    "ordering",
    "phases",
    "pipeline",
    "pipelines",
    "priority",
    "priorities",
    "processors",
    "queue",
    "run",
    "script",
    "scripts",
    "sequence",
    "stages",
    "steps",
    "tasks",
    "transforms",
    "before_script",
    "after_script",
    "rules",
    "fallback",
    "fallbacks",
    "backends",
    "hooks",
    "repos",
    "initcontainers",
    "initializers",
    "finders",
    "loaders",
    "resolvers",
    "history",
    "versions",
    "changelog",
    "path",
];

/// What an array is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::syntax) enum Named {
    /// Its members may change places.
    Registry,
    /// They never do.
    Ordered,
    /// Its name says nothing.
    Unknown,
}

/// Returns what an array called `name` is.
pub(in crate::syntax) fn array(name: &str) -> Named {
    let name = name.trim_end_matches([' ', '+', '=', ':']);
    let name = last_segment(quoted(name).unwrap_or(name)).trim_matches(['"', '\'']).to_ascii_lowercase();
    let tail = name.rsplit(['_', '-']).next().unwrap_or(&name);
    if ORDERED.contains(&name.as_str()) || ORDERED.contains(&tail) || name.ends_with("middleware") {
        Named::Ordered
    } else if REGISTRIES.contains(&name.as_str()) {
        Named::Registry
    } else {
        Named::Unknown
    }
}

/// Keys that tell one object of an array from another, the best first.
pub(in crate::syntax) const DISTINGUISHING: &[&str] =
    &["id", "key", "name", "slug", "path", "href", "url", "route", "label", "title", "to", "value"];

/// A call as far as the registry has to know.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::syntax) struct Call<'a> {
    /// What is before the method; empty for a plain function.
    pub(in crate::syntax) receiver: &'a str,
    /// The method or function.
    pub(in crate::syntax) method: &'a str,
    /// The text of the first argument by position.
    pub(in crate::syntax) first: &'a str,
    /// How many arguments there are.
    pub(in crate::syntax) arguments: usize,
}

/// What the first argument of a listed call must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum First {
    /// Anything that is a name or a literal.
    Any,
    /// A string.
    Literal,
    /// A string that begins with `/`.
    Path,
    /// A string that begins with `/`, and a handler after it.
    Verb,
    /// A string that begins with `-`.
    Flag,
    /// A string, and what is done under that title.
    Titled,
    /// A key, and a value after it; the receiver is a plain name.
    Entry,
}

/// The callees, by their last segment.
const CALLS: &[(&str, First)] = &[
    ("register_blueprint", First::Any),
    ("include_router", First::Any),
    ("add_typer", First::Any),
    ("add_command", First::Any),
    ("addCommand", First::Any),
    ("AddCommand", First::Any),
    ("add_url_rule", First::Literal),
    ("add_api_route", First::Literal),
    ("add_route", First::Literal),
    ("add_routes", First::Literal),
    ("add_view", First::Any),
    ("add_argument", First::Flag),
    ("add_option", First::Flag),
    ("mount", First::Path),
    ("use", First::Verb),
    ("route", First::Verb),
    ("nest", First::Verb),
    ("nest_service", First::Verb),
    ("route_service", First::Verb),
    ("get", First::Verb),
    ("post", First::Verb),
    ("put", First::Verb),
    ("patch", First::Verb),
    ("delete", First::Verb),
    ("head", First::Verb),
    ("options", First::Verb),
    ("all", First::Verb),
    ("GET", First::Verb),
    ("POST", First::Verb),
    ("PUT", First::Verb),
    ("PATCH", First::Verb),
    ("DELETE", First::Verb),
    ("HEAD", First::Verb),
    ("OPTIONS", First::Verb),
    ("Any", First::Verb),
    ("Get", First::Verb),
    ("Post", First::Verb),
    ("Put", First::Verb),
    ("Patch", First::Verb),
    ("Delete", First::Verb),
    ("HandleFunc", First::Verb),
    ("Handle", First::Verb),
    ("Mount", First::Verb),
    ("Route", First::Verb),
    ("test", First::Titled),
    ("it", First::Titled),
    ("describe", First::Titled),
    ("register", First::Literal),
    ("registerCommand", First::Literal),
    ("registerComponent", First::Literal),
    ("registerModule", First::Literal),
    ("registerPlugin", First::Literal),
    ("register_module", First::Literal),
    ("register_command", First::Literal),
    ("subscribe", First::Literal),
    ("on", First::Literal),
    ("define", First::Literal),
    ("component", First::Literal),
    ("directive", First::Literal),
    ("insert", First::Entry),
    ("set", First::Entry),
    ("put", First::Entry),
];

/// Receivers whose calls do something at once, whatever the method is called.
const CLIENTS: &[&str] = &[
    "axios",
    "http",
    "https",
    "fetch",
    "client",
    "requests",
    "request",
    "session",
    "api",
    "agent",
    "$http",
    "superagent",
    "test_client",
    "supertest",
    "cy",
    "page",
    "redis",
    "cache",
    "db",
];

/// Returns what tells a listed call from its like: callee and literal; `None` if the call is not listed.
pub(in crate::syntax) fn call(call: &Call<'_>) -> Option<String> {
    let site = call.method == "register" && last_segment(call.receiver) == "site";
    let client = CLIENTS.contains(&last_segment(call.receiver)) && !call.method.starts_with("Handle");
    if client || call.receiver.contains('(') {
        return None;
    }
    let literal = quoted(call.first).filter(|text| !text.is_empty());
    let fits = CALLS.iter().filter(|(method, _)| *method == call.method).any(|(_, first)| match first {
        First::Any => literal.is_some() || is_name(call.first),
        First::Literal => literal.is_some(),
        First::Path => is_path(literal),
        First::Verb => is_path(literal) && call.arguments >= 2,
        First::Titled => {
            literal.is_some() && call.arguments >= 2 && matches!(call.receiver, "" | "test" | "it" | "describe")
        }
        First::Flag => literal.is_some_and(|text| text.starts_with('-')),
        First::Entry => call.arguments == 2 && literal.is_some() && is_name(call.receiver),
    });
    let fits = fits && (call.method != "define" || call.receiver == "customElements");
    let site = site && (literal.is_some() || is_name(call.first));
    if !(fits || site) {
        return None;
    }
    let dot = if call.receiver.is_empty() { "" } else { "." };
    let first = literal.unwrap_or(call.first);
    Some(bounded(format!("{}{dot}{} {first}", call.receiver, call.method)))
}

fn is_path(literal: Option<&str>) -> bool {
    // Go's mux takes `GET /users`.
    literal.is_some_and(|text| text.rsplit(' ').next().is_some_and(|path| path.starts_with('/')))
}

/// Tells whether `text` is a name, perhaps with dots.
pub(in crate::syntax) fn is_name(text: &str) -> bool {
    let part = |part: &str| {
        part.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_' || c == '$')
            && part.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '$')
    };
    !text.is_empty() && text.split('.').flat_map(|text| text.split("::")).all(part)
}

/// Tells whether `name` stands in `text` as a word of its own.
pub(in crate::syntax) fn mentions(text: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    !name.is_empty()
        && text.match_indices(name).any(|(at, _)| {
            let before = text.get(..at).and_then(|before| before.chars().next_back());
            let after = text.get(at + name.len()..).and_then(|after| after.chars().next());
            !before.is_some_and(is_word) && !after.is_some_and(is_word)
        })
}

/// Callees of function-like calls in an array that name their member by their first argument.
pub(in crate::syntax) fn element(method: &str, first: &str) -> Option<String> {
    let literal = quoted(first)?;
    Some(bounded(format!("{method} {literal}")))
}

/// Names of arrays whose members are requirements of packages, with their versions.
const REQUIREMENTS: &[&str] = &[
    "dependencies",
    "install_requires",
    "requires",
    "tests_require",
    "requirements",
    "setup_requires",
    "dev",
    "extras_require",
];

/// Returns the key of a string in an array: the package's name where the array (or what is around it) lists requirements.
pub(in crate::syntax) fn item_key(scope: &str, text: &str) -> String {
    let lists = scope.rsplit('.').take(2).any(|part| {
        REQUIREMENTS.contains(&part.split('#').next().unwrap_or(part))
            || part.ends_with("dependencies")
            || part == "dependency-groups"
    });
    let name: String = text.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
    if lists && !name.is_empty() {
        let marker = text.split_once(';').map(|(_, marker)| format!(" ; {}", normal(marker))).unwrap_or_default();
        return format!("{}{marker}", package(&name));
    }
    normal(text)
}
