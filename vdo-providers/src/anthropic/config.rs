//! How the backend is configured.

use crate::transport::config::provider_config;

/// Where Anthropic is reached.
pub const BASE_URL: &str = "https://api.anthropic.com";
/// The API version that is spoken where none is configured.
pub const VERSION: &str = "2026-10-21";

provider_config! {
    /// How a provider that speaks Anthropic's Messages is configured.
    ///
    /// What models can do comes from the embedded table of models unless it is given here.
    pub struct Config {
        /// The address that `/v1/messages` is appended to. Default: Anthropic's own.
        #[serde(default = "base_url")]
        base_url,
        /// The API version, a date. Default: 2026-10-21.
        #[serde(default = "version")]
        pub version: String = version(),
    }
}

impl Config {
    /// Sets the API version.
    #[must_use]
    pub fn with_version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }
}

fn base_url() -> String {
    BASE_URL.to_owned()
}

fn version() -> String {
    VERSION.to_owned()
}
