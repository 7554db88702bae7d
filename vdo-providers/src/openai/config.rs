//! How the backend is configured.

use crate::transport::config::provider_config;

/// OpenAI's own address.
pub const BASE_URL: &str = "https://api.openai.com/v1";

provider_config! {
    /// How a provider that speaks Responses is configured.
    ///
    /// What models can do comes from the embedded table of OpenAI's models unless it is given here.
    pub struct Config {
        /// The address that `/responses` is appended to; one without a path gets `/v1`. Default: OpenAI's own.
        #[serde(default = "base_url")]
        base_url,
    }
}

fn base_url() -> String {
    BASE_URL.to_owned()
}
