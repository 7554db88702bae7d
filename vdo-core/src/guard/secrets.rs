//! Keys and passwords that were written into files.

use super::{Report, View};
use crate::findings::{Finding, Severity};

/// How a key of some service looks: its beginning, and how many characters of which kind follow at least.
const KEYS: &[(&str, usize, &str)] = &[
    ("AKIA", 16, "an AWS key"),
    ("ASIA", 16, "an AWS key"),
    ("ghp_", 36, "a GitHub token"),
    ("gho_", 36, "a GitHub token"),
    ("ghs_", 36, "a GitHub token"),
    ("github_pat_", 40, "a GitHub token"),
    ("glpat-", 20, "a GitLab token"),
    ("sk-ant-", 20, "an Anthropic key"),
    ("sk-proj-", 20, "an OpenAI key"),
    ("sk-", 32, "an API key"),
    ("sk_live_", 16, "a Stripe key"),
    ("rk_live_", 16, "a Stripe key"),
    ("xoxb-", 20, "a Slack token"),
    ("xoxp-", 20, "a Slack token"),
    ("AIza", 35, "a Google key"),
    ("npm_", 36, "an npm token"),
    ("pypi-", 60, "a PyPI token"),
    ("hf_", 30, "a Hugging Face token"),
    ("SG.", 40, "a SendGrid key"),
];
/// Names under which secrets are kept.
const NAMES: &[&str] =
    &["secret", "api_key", "apikey", "access_key", "private_key", "auth_token", "access_token", "passwd", "password"];
/// Texts that only stand for a secret.
const STANDINS: &[&str] = &[
    "example",
    "your",
    "xxx",
    "dummy",
    "changeme",
    "change-me",
    "placeholder",
    "fake",
    "sample",
    "test",
    "redacted",
    "<",
    "${",
    "{{",
    "...",
    "1234567",
    "abcdef",
    "secret",
    "password",
    "insert",
    "replace",
];

pub(super) fn look(view: &View<'_>, findings: &mut Vec<Finding>) {
    for file in &view.files {
        let path = file.path.as_str();
        let fixture = path
            .split('/')
            .any(|part| matches!(part, "test" | "tests" | "testdata" | "fixtures" | "docs" | "examples" | "certs"));
        let found =
            file.added().into_iter().find_map(|(line, text)| Some((line, key(text).or_else(|| named(text, fixture))?)));
        if let Some((line, what)) = found {
            let severity = if fixture { Severity::Major } else { Severity::Blocker };
            findings.push(Report { by: "secret", severity, file: file.path, line: Some(line) }.says(
                format!("{what} is written into the file"),
                "take it out, and read it from the environment where it is needed",
            ));
        }
    }
}

fn key(line: &str) -> Option<&'static str> {
    if line.contains("-----BEGIN ") && line.contains("PRIVATE KEY-----") && !line.contains('"') && !line.contains('\'')
    {
        return Some("a private key");
    }
    KEYS.iter().find_map(|(start, least, what)| {
        let hit = line.match_indices(start).any(|(at, _)| {
            let free = line
                .get(..at)
                .and_then(|text| text.chars().next_back())
                .is_none_or(|c| !c.is_ascii_alphanumeric() && !"_-/".contains(c));
            let rest = line.get(at + start.len()..).unwrap_or_default();
            let body: String =
                rest.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')).collect();
            free && body.len() >= *least && is_random(&body)
        });
        hit.then_some(*what)
    })
}

/// `API_KEY = "…"` with a value that somebody drew.
fn named(line: &str, fixture: bool) -> Option<&'static str> {
    if fixture {
        return None;
    }
    let (name, value) = line.split_once(['=', ':'])?;
    let name = name.to_lowercase().replace('-', "_");
    if !NAMES.iter().any(|known| name.contains(known)) || name.len() > 60 {
        return None;
    }
    let value = value.trim().trim_end_matches([',', ';']);
    let inner = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote))?;
    let plain = inner.chars().all(|c| c.is_ascii_alphanumeric() || "+/=_-.".contains(c));
    (inner.len() >= 20 && plain && is_random(inner)).then_some("a secret")
}

/// Returns whether a text looks drawn: letters and digits of many kinds, and no word that stands for another.
fn is_random(text: &str) -> bool {
    let lower = text.to_lowercase();
    let kinds: std::collections::BTreeSet<char> = text.chars().collect();
    let digits = text.chars().filter(char::is_ascii_digit).count();
    kinds.len() >= 10 && digits >= 2 && !STANDINS.iter().any(|word| lower.contains(word))
}
