//! How the backend is configured.

use crate::transport::config::provider_config;

/// Where the Gemini Developer API is reached.
pub const BASE_URL: &str = "https://generativelanguage.googleapis.com";
/// The API version that is spoken where none is configured.
pub const VERSION: &str = "v1";

provider_config! {
    /// How a provider that speaks Gemini's generateContent is configured.
    ///
    /// What models can do comes from the embedded table of models unless it is given here.
    pub struct Config {
        /// The address that the version and `/models` are appended to; one that ends in a version keeps that.
        /// Default: Google's own.
        #[serde(default = "base_url")]
        base_url,
        /// The API version. Default: `v1`; `v1beta` has the newest features and the names that end in `-latest`.
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
