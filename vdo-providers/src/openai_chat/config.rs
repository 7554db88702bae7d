//! How the backend is configured.

use super::profile::Profile;
use crate::transport::config::provider_config;

provider_config! {
    /// How a provider that speaks Chat Completions is configured.
    pub struct Config {
        /// The address that `/chat/completions` is appended to; one without a path gets `/v1`.
        base_url,
        /// The dialect. Default: found by the address, else [`Profile::Plain`].
        #[serde(default)]
        pub profile: Option<Profile> = None,
    }
}

impl Config {
    /// Sets the dialect.
    #[must_use]
    pub fn with_profile(mut self, profile: Profile) -> Self {
        self.profile = Some(profile);
        self
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;
    use vdo_core::port::{Accepts, ReasoningControl};

    use super::*;
    use crate::openai_chat::{Dialect, MaxTokensField, ModelConfig, SystemRole};

    #[test]
    fn a_table_of_a_configuration_file_becomes_a_configuration() {
        let config: Config = serde_json::from_value(json!({
            "name": "local",
            "base_url": "http://localhost:8080/v1",
            "profile": { "system_role": "developer", "supports": { "json_schema": true } },
            "models": { "m": { "context": 8192, "tools": false, "accepts": { "sampling": false, "reasoning": "level" } } },
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
        let accepts = Accepts { sampling: false, reasoning: ReasoningControl::Level, ..Accepts::default() };
        let model =
            ModelConfig { context: Some(8192), tools: Some(false), accepts: Some(accepts), ..Default::default() };
        assert_eq!(config.models["m"], model);
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
