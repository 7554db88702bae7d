//! What every HTTP backend is configured with.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use vdo_core::port::{Accepts, Capabilities};

use super::endpoint::EndpointError;

/// What is known of a model. What is not given follows from the backend.
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
    /// What it takes beyond that; as a whole, so that a field left out has its default.
    pub accepts: Option<Accepts>,
}

impl ModelConfig {
    /// Returns what the model can do, where `usual` is what models of the backend can.
    #[must_use]
    pub fn capabilities(self, usual: Capabilities) -> Capabilities {
        Capabilities {
            tools: self.tools.unwrap_or(usual.tools),
            json_schema: self.json_schema.unwrap_or(usual.json_schema),
            context: self.context.or(usual.context),
            max_output: self.max_output.or(usual.max_output),
            accepts: self.accepts.unwrap_or(usual.accepts),
        }
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
    /// The API version.
    #[error("the API version {version:?} is not made of letters, digits, '-' and '.'")]
    Version {
        /// The version.
        version: String,
    },
}

/// The parts of a configuration that an exchange needs.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    pub(crate) base_url: String,
    pub(crate) key: Option<SecretString>,
    pub(crate) connect_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) total_timeout: Duration,
    pub(crate) headers: BTreeMap<String, SecretString>,
    pub(crate) proxy: Option<SecretString>,
    pub(crate) max_reply_bytes: usize,
}

/// Declares the configuration of a backend: the fields and setters that all have, and fields of its own, each
/// with what it is where nothing is given. Attributes before `base_url` are the field's.
macro_rules! provider_config {
    (
        $(#[$about:meta])*
        pub struct $Config:ident {
            $(#[$base:meta])*
            base_url,
            $($(#[$own_meta:meta])* pub $own:ident: $Own:ty = $default:expr,)*
        }
    ) => {
        $(#[$about])*
        ///
        /// Deserialises from the provider's table of a configuration file; the key never stands there, a host sets
        /// it. Time-outs are given in seconds.
        #[derive(Debug, Clone, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        #[non_exhaustive]
        pub struct $Config {
            /// The name it is configured under.
            pub name: String,
            $(#[$base])*
            pub base_url: String,
            /// The key. Default: none, for servers on this machine.
            #[serde(skip)]
            pub key: Option<secrecy::SecretString>,
            $($(#[$own_meta])* pub $own: $Own,)*
            /// What is known of single models, by name.
            #[serde(default)]
            pub models: std::collections::BTreeMap<String, $crate::transport::config::ModelConfig>,
            /// The most a connection may take to be made. Default: 10 s.
            #[serde(default = "crate::transport::config::connect_timeout")]
            #[serde(deserialize_with = "crate::transport::config::seconds")]
            pub connect_timeout: std::time::Duration,
            /// The most that may pass between two pieces of a reply. Default: 300 s.
            #[serde(default = "crate::transport::config::idle_timeout")]
            #[serde(deserialize_with = "crate::transport::config::seconds")]
            pub idle_timeout: std::time::Duration,
            /// The most that a call may take. Default: 600 s.
            #[serde(default = "crate::transport::config::total_timeout")]
            #[serde(deserialize_with = "crate::transport::config::seconds")]
            pub total_timeout: std::time::Duration,
            /// Headers to send with every request. Their values are treated as secrets.
            #[serde(default, deserialize_with = "crate::transport::config::secrets")]
            pub headers: std::collections::BTreeMap<String, secrecy::SecretString>,
            /// The proxy to go through; never used for this machine. Default: none.
            #[serde(default, deserialize_with = "crate::transport::config::secret")]
            pub proxy: Option<secrecy::SecretString>,
            /// The most bytes of a reply. Default: 32 MiB.
            #[serde(default = "crate::transport::config::max_reply_bytes")]
            pub max_reply_bytes: usize,
        }

        impl $Config {
            /// Returns the configuration of a provider called `name` at `base_url`, with the defaults.
            #[must_use]
            pub fn new(name: impl Into<String>, base_url: impl Into<String>) -> Self {
                Self {
                    name: name.into(),
                    base_url: base_url.into(),
                    key: None,
                    $($own: $default,)*
                    models: std::collections::BTreeMap::new(),
                    connect_timeout: $crate::transport::config::connect_timeout(),
                    idle_timeout: $crate::transport::config::idle_timeout(),
                    total_timeout: $crate::transport::config::total_timeout(),
                    headers: std::collections::BTreeMap::new(),
                    proxy: None,
                    max_reply_bytes: $crate::transport::config::max_reply_bytes(),
                }
            }

            /// Sets the key.
            #[must_use]
            pub fn with_key(mut self, key: secrecy::SecretString) -> Self {
                self.key = Some(key);
                self
            }

            /// Adds what is known of a model.
            #[must_use]
            pub fn with_model(
                mut self,
                name: impl Into<String>,
                model: $crate::transport::config::ModelConfig,
            ) -> Self {
                self.models.insert(name.into(), model);
                self
            }

            /// Adds a header.
            #[must_use]
            pub fn with_header(mut self, name: impl Into<String>, value: secrecy::SecretString) -> Self {
                self.headers.insert(name.into(), value);
                self
            }

            /// Sets the most a connection may take to be made.
            #[must_use]
            pub fn with_connect_timeout(mut self, timeout: std::time::Duration) -> Self {
                self.connect_timeout = timeout;
                self
            }

            /// Sets the most that may pass between two pieces of a reply.
            #[must_use]
            pub fn with_idle_timeout(mut self, timeout: std::time::Duration) -> Self {
                self.idle_timeout = timeout;
                self
            }

            /// Sets the most that a call may take.
            #[must_use]
            pub fn with_total_timeout(mut self, timeout: std::time::Duration) -> Self {
                self.total_timeout = timeout;
                self
            }

            /// Sets the proxy.
            #[must_use]
            pub fn with_proxy(mut self, proxy: secrecy::SecretString) -> Self {
                self.proxy = Some(proxy);
                self
            }

            /// Sets the most bytes of a reply.
            #[must_use]
            pub fn with_max_reply_bytes(mut self, bytes: usize) -> Self {
                self.max_reply_bytes = bytes;
                self
            }

            /// Returns the parts that an exchange needs.
            pub(crate) fn connection(&self) -> $crate::transport::config::Connection {
                $crate::transport::config::Connection {
                    base_url: self.base_url.clone(),
                    key: self.key.clone(),
                    connect_timeout: self.connect_timeout,
                    idle_timeout: self.idle_timeout,
                    total_timeout: self.total_timeout,
                    headers: self.headers.clone(),
                    proxy: self.proxy.clone(),
                    max_reply_bytes: self.max_reply_bytes,
                }
            }

            /// Returns what a model can do, where `usual` is what models of the backend can.
            pub(crate) fn capabilities(
                &self,
                model: &str,
                usual: vdo_core::port::Capabilities,
            ) -> vdo_core::port::Capabilities {
                self.models.get(model).copied().unwrap_or_default().capabilities(usual)
            }
        }
    };
}
pub(crate) use provider_config;

pub(crate) fn connect_timeout() -> Duration {
    Duration::from_secs(10)
}

pub(crate) fn idle_timeout() -> Duration {
    Duration::from_secs(300)
}

pub(crate) fn total_timeout() -> Duration {
    Duration::from_secs(600)
}

pub(crate) fn max_reply_bytes() -> usize {
    32 << 20
}

pub(crate) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| serde::de::Error::custom("expected a number of seconds above 0"))
}

pub(crate) fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(SecretString::from))
}

pub(crate) fn secrets<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, SecretString>, D::Error> {
    let headers = BTreeMap::<String, String>::deserialize(deserializer)?;
    Ok(headers.into_iter().map(|(name, value)| (name, value.into())).collect())
}
