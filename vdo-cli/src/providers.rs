//! Makes providers from their configuration. The variables with the keys are read here.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use vdo_core::models::ModelTable;
use vdo_core::port::Provider;
use vdo_core::route::{Candidate, Routes};
use vdo_providers::rehearse::Rehearsed;
use vdo_providers::replay::{Recorder, Replay};
use vdo_providers::{anthropic, gemini, openai, openai_chat, scripted};

use crate::config::accounts::vendor;
use crate::config::{Config, ProviderConfig};
use crate::fail::{Fail, chain};

/// Makes a provider; `routes` name the models it is asked for.
pub(crate) fn provider(
    name: &str,
    config: &ProviderConfig,
    all: &Config,
    routes: &[&Routes],
) -> Result<Arc<dyn Provider>, Fail> {
    let table = all.table()?;
    let models: Vec<(String, openai_chat::ModelConfig)> = routes
        .iter()
        .flat_map(|routes| routes.all_candidates())
        .filter(|candidate| candidate.provider == name)
        .map(|candidate| (candidate.model.clone(), model(candidate, config, all, &table)))
        .collect();
    let mut made = plain(name, config, models, all)?;
    if let Some(failures) = all.rehearsal(name)? {
        made = Arc::new(
            Rehearsed::new(made, failures)
                .map_err(|error| Fail::usage(format!("[providers.{name}] rehearse: {error}")))?,
        );
    }
    if let Some(file) = &config.record {
        let recorder = Recorder::open(made, file, secrets(all));
        made =
            Arc::new(recorder.map_err(|error| Fail::usage(format!("[providers.{name}] record: {}", chain(&error))))?);
    }
    Ok(made)
}

/// Adds to the configuration of a backend what all of them have in common.
macro_rules! common {
    ($made:expr, $name:expr, $config:expr, $models:expr) => {{
        let mut made = $made;
        if let Some(key) = key($name, $config)? {
            made = made.with_key(key);
        }
        if let Some(seconds) = $config.timeout {
            made = made.with_total_timeout(Duration::from_secs(seconds));
        }
        if let Some(seconds) = $config.idle_timeout {
            made = made.with_idle_timeout(Duration::from_secs(seconds));
        }
        for (name, model) in $models {
            made = made.with_model(name, model);
        }
        made
    }};
}

fn plain(
    name: &str,
    config: &ProviderConfig,
    models: Vec<(String, openai_chat::ModelConfig)>,
    all: &Config,
) -> Result<Arc<dyn Provider>, Fail> {
    let missing = |what: &str| Fail::usage(format!("[providers.{name}] needs {what}"));
    let wrong = |error: &dyn std::error::Error| Fail::usage(format!("[providers.{name}] {}", chain(error)));
    let base = |default: &str| config.base_url.clone().unwrap_or_else(|| default.to_owned());
    Ok(match config.kind.as_str() {
        "scripted" => {
            let answers = config.answers.clone().ok_or_else(|| missing("answers = \"FILE\""))?;
            let made = scripted::provider(&scripted::Config::new(name, answers));
            Arc::new(made.map_err(|error| Fail::usage(chain(&error)))?)
        }
        "replay" => {
            let cassette = config.cassette.clone().ok_or_else(|| missing("cassette = \"FILE\""))?;
            let player = Replay::open(cassette).map_err(|error| wrong(&error))?;
            Arc::new(player.with_name(name).with_secrets(secrets(all)))
        }
        "anthropic" => {
            let made = anthropic::Config::new(name, base(anthropic::BASE_URL));
            let mut made = common!(made, name, config, models);
            if let Some(version) = &config.api_version {
                made = made.with_version(version);
            }
            Arc::new(anthropic::Anthropic::new(made).map_err(|error| wrong(&error))?)
        }
        "openai" => {
            let made = common!(openai::Config::new(name, base(openai::BASE_URL)), name, config, models);
            Arc::new(openai::OpenAi::new(made).map_err(|error| wrong(&error))?)
        }
        "gemini" => {
            let made = common!(gemini::Config::new(name, base(gemini::BASE_URL)), name, config, models);
            let made = match &config.api_version {
                Some(version) => made.with_version(version),
                None => made,
            };
            Arc::new(gemini::Gemini::new(made).map_err(|error| wrong(&error))?)
        }
        "openai-chat" => {
            let base_url = config.base_url.clone().ok_or_else(|| missing("base_url = \"https://…\""))?;
            let mut made = openai_chat::Config::new(name, base_url);
            if let Some(profile) = &config.profile {
                let profile = serde_json::from_value(serde_json::Value::String(profile.clone()))
                    .map_err(|error| Fail::usage(format!("[providers.{name}] profile: {error}")))?;
                made = made.with_profile(profile);
            }
            let made = common!(made, name, config, models);
            Arc::new(openai_chat::OpenAiChat::new(made).map_err(|error| wrong(&error))?)
        }
        "" => return Err(missing("kind = \"anthropic\", \"openai\", \"openai-chat\", \"gemini\" or \"scripted\"")),
        other => {
            return Err(Fail::usage(format!(
                "[providers.{name}] kind {other:?} is not part of this version: expected anthropic, openai, openai-chat, \
                 gemini, replay or scripted"
            )));
        }
    })
}

/// Returns what a model can do: as configured, else as the table has it.
fn model(candidate: &Candidate, config: &ProviderConfig, all: &Config, table: &ModelTable) -> openai_chat::ModelConfig {
    let known = table.find(vendor(config), &candidate.model).map(vdo_core::models::Model::capabilities);
    let price = all.prices.get(&candidate.to_string());
    openai_chat::ModelConfig {
        tools: config.tools.or(known.map(|known| known.tools)),
        json_schema: config.json_schema.or(known.map(|known| known.json_schema)),
        context: price.and_then(|price| price.context).or(known.and_then(|known| known.context)),
        max_output: price.and_then(|price| price.max_output).or(known.and_then(|known| known.max_output)),
        accepts: known.map(|known| known.accepts),
    }
}

/// Returns the variable that holds the key of a kind of provider where none is named.
fn usual_variable(kind: &str) -> Option<&'static str> {
    match kind {
        "anthropic" => Some("ANTHROPIC_API_KEY"),
        "openai" => Some("OPENAI_API_KEY"),
        "gemini" => Some("GEMINI_API_KEY"),
        _ => None,
    }
}

/// Reads the key; a server on this machine can do without.
fn key(name: &str, config: &ProviderConfig) -> Result<Option<SecretString>, Fail> {
    let is_near = config.base_url.as_deref().is_some_and(is_loopback);
    let Some(variable) = config.key_env.as_deref().or_else(|| usual_variable(&config.kind)) else {
        if is_near {
            return Ok(None);
        }
        return Err(Fail::usage(format!("[providers.{name}] needs key_env = \"NAME OF THE VARIABLE WITH THE KEY\"")));
    };
    match std::env::var(variable).ok().filter(|key| !key.trim().is_empty()) {
        Some(key) => Ok(Some(SecretString::from(key))),
        None if is_near => Ok(None),
        None => Err(Fail::Key(format!("provider {name}: the variable {variable} is not set; it has to hold the key"))),
    }
}

/// Returns the values of all variables that hold keys, so that they can be kept out of what is written.
pub(crate) fn secrets(config: &Config) -> Vec<SecretString> {
    let variables = config.providers.values().filter_map(|provider| {
        provider.key_env.as_deref().or_else(|| usual_variable(&provider.kind)).map(str::to_owned)
    });
    variables.filter_map(|variable| std::env::var(variable).ok()).map(SecretString::from).collect()
}

fn is_loopback(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    let host = match place.strip_prefix('[') {
        Some(inner) => inner.split(']').next().unwrap_or_default(),
        None => place.split(':').next().unwrap_or_default(),
    };
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_itself_is_loopback() {
        let (near, far): (Vec<&str>, Vec<&str>) = [
            "http://127.0.0.1:8080/v1",
            "http://localhost/v1",
            "http://LOCALHOST:1",
            "http://[::1]:9/v1",
            "http://127.9.9.9",
            "http://127.0.0.1.example.org/v1",
            "http://localhost.example.org",
            "http://127.0.0.1@example.org/",
            "http://example.org/127.0.0.1",
            "https://api.example.org",
            "",
        ]
        .into_iter()
        .partition(|url| is_loopback(url));
        assert_eq!((near.len(), far.len()), (5, 6), "{near:?} {far:?}");
    }
}
