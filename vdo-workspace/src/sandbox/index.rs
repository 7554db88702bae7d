//! Which package indexes a `prepare` run uses: their addresses without their passwords.
//!
//! Reads the variables it is handed and the configuration files these point to; takes only the
//! settings that name an index or a certificate bundle, and strips user information from them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::net::AllowedHost;
use super::toolchain::Environment;

/// Where every sandbox sees the certificate bundle.
pub(super) const BUNDLE: &str = "/opt/vdo/ca-bundle.crt";

const PUBLIC: [&str; 8] = [
    "pypi.org",
    "files.pythonhosted.org",
    "registry.npmjs.org",
    "index.crates.io",
    "static.crates.io",
    "crates.io",
    "proxy.golang.org",
    "sum.golang.org",
];

const BUNDLE_VARS: [&str; 7] = [
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "PIP_CERT",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "GIT_SSL_CAINFO",
    "CARGO_HTTP_CAINFO",
];

/// Variables whose values are index addresses.
fn names_index(name: &str) -> bool {
    matches!(
        name.to_ascii_uppercase().as_str(),
        "PIP_INDEX_URL"
            | "PIP_EXTRA_INDEX_URL"
            | "UV_INDEX_URL"
            | "UV_DEFAULT_INDEX"
            | "NPM_CONFIG_REGISTRY"
            | "YARN_REGISTRY"
            | "GOPROXY"
    ) || (name.starts_with("CARGO_REGISTRIES_") && name.ends_with("_INDEX"))
        || (name.starts_with("CARGO_SOURCE_") && (name.ends_with("_REGISTRY") || name.ends_with("_REPLACE_WITH")))
}

/// Package index settings for a sandbox. Default: none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexSettings {
    /// Variables to set; no value holds credentials.
    pub env: BTreeMap<String, String>,
    /// The certificate bundle of the host, if one is named.
    pub bundle: Option<PathBuf>,
}

impl IndexSettings {
    /// Collects the settings of pip, npm, cargo and go from `environment`.
    ///
    /// Reads `pip.conf` and `.npmrc` in the places that `environment` names, besides
    /// `/etc/pip.conf`. Settings in cargo's own configuration files are not read.
    pub fn from_environment(environment: &Environment) -> Self {
        let mut env = BTreeMap::new();
        for (name, value) in files(environment) {
            env.insert(name, value);
        }
        for (name, value) in environment.vars().filter(|(name, _)| names_index(name)) {
            env.insert(name.to_owned(), without_users(value));
        }
        if let Some(hosts) = environment.var("PIP_TRUSTED_HOST") {
            env.insert("PIP_TRUSTED_HOST".into(), hosts.into());
        }
        let named = BUNDLE_VARS.iter().filter_map(|name| environment.var(name)).map(PathBuf::from);
        let usual = PathBuf::from("/etc/ssl/certs/ca-certificates.crt");
        let bundle = named.chain([usual]).find(|path| path.is_file());
        Self { env, bundle }
    }

    /// Returns the hosts to allow: the indexes named here, each with its port, and the public ones.
    ///
    /// A host named here may have a private address; a public one may not.
    pub fn hosts(&self) -> Vec<AllowedHost> {
        let mut hosts = BTreeSet::new();
        for word in self.env.values().flat_map(|value| value.split([' ', ',', '|', '\n'])) {
            let Some((scheme, rest)) = word.split_once("://") else {
                continue;
            };
            let Some(authority) = rest.split('/').next() else {
                continue;
            };
            let port = if scheme.ends_with("https") { 443 } else { 80 };
            let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
            let text = if has_port { authority.to_owned() } else { format!("{authority}:{port}") };
            hosts.extend(text.parse::<AllowedHost>());
        }
        hosts.extend(PUBLIC.iter().flat_map(|name| name.parse::<AllowedHost>()));
        hosts.into_iter().collect()
    }

    /// Returns the variables a sandbox gets, with the bundle where it is seen there.
    pub(super) fn variables(&self) -> BTreeMap<String, String> {
        let mut env = self.env.clone();
        if self.bundle.is_some() {
            env.extend(BUNDLE_VARS.map(|name| (name.to_owned(), BUNDLE.to_owned())));
        }
        env
    }
}

/// Reads what configuration files say, weakest first.
fn files(environment: &Environment) -> Vec<(String, String)> {
    let home = environment.home();
    let mut found = Vec::new();
    let pip = [
        Some(PathBuf::from("/etc/pip.conf")),
        home.map(|home| home.join(".pip/pip.conf")),
        home.map(|home| home.join(".config/pip/pip.conf")),
        environment.var("PIP_CONFIG_FILE").map(PathBuf::from),
    ];
    for (key, value) in pip.iter().flatten().flat_map(|path| settings(path)) {
        match key.as_str() {
            "index-url" => found.push(("PIP_INDEX_URL".into(), without_users(&value))),
            "extra-index-url" => found.push(("PIP_EXTRA_INDEX_URL".into(), without_users(&value))),
            "trusted-host" => found.push(("PIP_TRUSTED_HOST".into(), value)),
            _ => {}
        }
    }
    let npm = [home.map(|home| home.join(".npmrc")), environment.var("NPM_CONFIG_USERCONFIG").map(PathBuf::from)];
    for (key, value) in npm.iter().flatten().flat_map(|path| settings(path)) {
        // `//host/:_authToken` and the like are other keys, and stay behind.
        if key == "registry" {
            found.push(("NPM_CONFIG_REGISTRY".into(), without_users(&value)));
        }
    }
    found
}

/// Reads `key = value` lines; indented lines continue a value.
fn settings(path: &Path) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let mut settings: Vec<(String, String)> = Vec::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with(['#', ';', '['])) {
        match (line.split_once('='), settings.last_mut()) {
            (_, Some((_, value))) if line.starts_with([' ', '\t']) => {
                value.push(' ');
                value.push_str(line.trim());
            }
            (Some((key, value)), _) => {
                settings.push((key.trim().replace('_', "-"), value.trim().to_owned()));
            }
            (None, _) => {}
        }
    }
    settings
}

/// Removes `user:password@` from every address in `text`.
fn without_users(text: &str) -> String {
    let mut clean = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        let end = after.find(['/', ' ', ',', '|', '\n', '?', '#']).unwrap_or(after.len());
        let (authority, tail) = after.split_at(end);
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        clean.push_str(before);
        clean.push_str("://");
        clean.push_str(host);
        rest = tail;
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn credentials_are_removed_from_every_address() {
        let text = "https://u:p@a.example/simple https://b.example http://t@c.example:81";
        let clean = "https://a.example/simple https://b.example http://c.example:81";
        assert_eq!(without_users(text), clean);
    }

    #[test]
    fn index_hosts_carry_their_port_and_tokens_stay_behind() {
        let home = tempfile::tempdir().unwrap();
        let npmrc = "registry=https://n:x@npm.example/\n//npm.example/:_authToken=secret\n";
        std::fs::write(home.path().join(".npmrc"), npmrc).unwrap();
        let environment: Environment = [
            ("HOME", home.path().to_str().unwrap()),
            ("PIP_INDEX_URL", "http://u:secret@mirror.example:8080/simple"),
            ("PIP_PASSWORD", "secret"),
        ]
        .into_iter()
        .collect();
        let settings = IndexSettings::from_environment(&environment);
        assert!(!format!("{settings:?}").contains("secret"));
        let hosts = settings.hosts();
        for host in ["mirror.example:8080", "npm.example:443", "pypi.org"] {
            assert!(hosts.contains(&host.parse().unwrap()), "{host}");
        }
    }
}
