//! How the backend is configured.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Deserializer};

use super::profile::Profile;
use crate::transport::endpoint::EndpointError;

/// How a provider that speaks Chat Completions is configured.
///
/// Deserialises from the provider's table of a configuration file; the key never stands there, a host sets
/// it. Time-outs are given in seconds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// The name it is configured under.
    pub name: String,
    /// The address that `/chat/completions` is appended to; one without a path gets `/v1`.
    pub base_url: String,
    /// The key. Default: none, for servers on this machine.
    #[serde(skip)]
    pub key: Option<SecretString>,
    /// The dialect. Default: found by the address, else [`Profile::Plain`].
    #[serde(default)]
    pub profile: Option<Profile>,
    /// What is known of single models, by name.
    #[serde(default)]
    pub models: BTreeMap<String, ModelConfig>,
    /// The most a connection may take to be made. Default: 10 s.
    #[serde(default = "connect_timeout", deserialize_with = "seconds")]
    pub connect_timeout: Duration,
    /// The most that may pass between two pieces of a reply. Default: 300 s.
    #[serde(default = "idle_timeout", deserialize_with = "seconds")]
    pub idle_timeout: Duration,
    /// The most that a call may take. Default: 600 s.
    #[serde(default = "total_timeout", deserialize_with = "seconds")]
    pub total_timeout: Duration,
    /// Headers to send with every request. Their values are treated as secrets.
    #[serde(default, deserialize_with = "secrets")]
    pub headers: BTreeMap<String, SecretString>,
    /// The proxy to go through; never used for this machine. Default: none.
    #[serde(default, deserialize_with = "secret")]
    pub proxy: Option<SecretString>,
    /// The most bytes of a reply. Default: 32 MiB.
    #[serde(default = "max_reply_bytes")]
    pub max_reply_bytes: usize,
}

/// What is known of a model. What is not given follows from the dialect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelConfig {
    /// It can call tools.
    pub tools: Option<bool>,
    /// It can be held to a JSON Schema.
    pub json_schema: Option<bool>,
    /// Its window in tokens.
    pub context: Option<u64>,
    /// The most tokens it can reply with.
    pub max_output: Option<u64>,
}

impl Config {
    /// Returns the configuration of a provider called `name` at `base_url`, with the defaults.
    #[must_use]
    pub fn new(name: impl Into<String>, base_url: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            base_url: base_url.into(),
            key: None,
            profile: None,
            models: BTreeMap::new(),
            connect_timeout: connect_timeout(),
            idle_timeout: idle_timeout(),
            total_timeout: total_timeout(),
            headers: BTreeMap::new(),
            proxy: None,
            max_reply_bytes: max_reply_bytes(),
        }
    }

    /// Sets the key.
    #[must_use]
    pub fn with_key(mut self, key: SecretString) -> Self {
        self.key = Some(key);
        self
    }

    /// Sets the dialect.
    #[must_use]
    pub fn with_profile(mut self, profile: Profile) -> Self {
        self.profile = Some(profile);
        self
    }

    /// Adds what is known of a model.
    #[must_use]
    pub fn with_model(mut self, name: impl Into<String>, model: ModelConfig) -> Self {
        self.models.insert(name.into(), model);
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: SecretString) -> Self {
        self.headers.insert(name.into(), value);
        self
    }

    /// Sets the most a connection may take to be made.
    #[must_use]
    pub fn with_connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets the most that may pass between two pieces of a reply.
    #[must_use]
    pub fn with_idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Sets the most that a call may take.
    #[must_use]
    pub fn with_total_timeout(mut self, timeout: Duration) -> Self {
        self.total_timeout = timeout;
        self
    }

    /// Sets the proxy.
    #[must_use]
    pub fn with_proxy(mut self, proxy: SecretString) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// Sets the most bytes of a reply.
    #[must_use]
    pub fn with_max_reply_bytes(mut self, bytes: usize) -> Self {
        self.max_reply_bytes = bytes;
        self
    }
}

/// A configuration cannot be used. No message contains a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The base URL.
    #[error(transparent)]
    BaseUrl(#[from] EndpointError),
    /// The key.
    #[error("the key contains characters that a header cannot carry")]
    Key,
    /// A header.
    #[error("the header {name:?} cannot be sent")]
    Header {
        /// Its name.
        name: String,
    },
    /// The proxy.
    #[error("the proxy is not a URL")]
    Proxy,
}

fn connect_timeout() -> Duration {
    Duration::from_secs(10)
}

fn idle_timeout() -> Duration {
    Duration::from_secs(300)
}

fn total_timeout() -> Duration {
    Duration::from_secs(600)
}

fn max_reply_bytes() -> usize {
    32 << 20
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| serde::de::Error::custom("expected a number of seconds above 0"))
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(SecretString::from))
}

fn secrets<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, SecretString>, D::Error> {
    let headers = BTreeMap::<String, String>::deserialize(deserializer)?;
    Ok(headers.into_iter().map(|(name, value)| (name, value.into())).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::openai_chat::{Dialect, MaxTokensField, SystemRole};

    #[test]
    fn a_table_of_a_configuration_file_becomes_a_configuration() {
        let config: Config = serde_json::from_value(json!({
            "name": "local",
            "base_url": "http://localhost:8080/v1",
            "profile": { "system_role": "developer", "supports": { "json_schema": true } },
            "models": { "m": { "context": 8192, "tools": false } },
            "total_timeout": 1.5,
            "headers": { "x-title": "hidden-value" },
        }))
        .unwrap();
        let plain = Profile::Plain.dialect();
        let mut wanted =
            Dialect { max_tokens_field: MaxTokensField::MaxTokens, system_role: SystemRole::Developer, ..plain };
        wanted.supports.json_schema = true;
        assert_eq!(config.profile, Some(Profile::Custom(wanted)));
        assert_eq!(config.total_timeout, Duration::from_millis(1500));
        assert_eq!(config.models["m"], ModelConfig { context: Some(8192), tools: Some(false), ..Default::default() });
        let shown = format!("{:?}", config.with_key("sk-hidden-key".into()));
        assert!(!shown.contains("hidden-value") && !shown.contains("sk-hidden-key"), "{shown}");
    }

    #[test]
    fn names_of_profiles_are_lower_case_and_keys_do_not_stand_in_files() {
        let parse = |extra: serde_json::Value| {
            let mut table = json!({ "name": "x", "base_url": "https://example.com" });
            table.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            serde_json::from_value::<Config>(table)
        };
        assert_eq!(parse(json!({ "profile": "openrouter" })).unwrap().profile, Some(Profile::OpenRouter));
        assert_eq!(parse(json!({ "profile": "vllm" })).unwrap().profile, Some(Profile::Vllm));
        assert!(parse(json!({ "key": "sk" })).is_err());
        assert!(parse(json!({ "idle_timeout": 0 })).is_err());
        assert!(parse(json!({ "profile": "nope" })).is_err());
    }
}
