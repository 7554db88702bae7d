//! The scripted provider from a file: for demonstrations and offline runs.
//!
//! What it answers is decided in [`vdo_core::testing::scripted`]; this reads the file and brings the clock.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vdo_core::testing::scripted::{Answers, ParseAnswersError, ScriptedProvider};

use crate::clock::TokioClock;

/// How a scripted provider is configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The name it is configured under.
    pub name: String,
    /// The answers file.
    pub answers: PathBuf,
}

impl Config {
    /// Returns the configuration of a provider called `name` that answers from the file at `answers`.
    #[must_use]
    pub fn new(name: impl Into<String>, answers: impl Into<PathBuf>) -> Self {
        Self { name: name.into(), answers: answers.into() }
    }
}

/// A scripted provider could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The answers file could not be read.
    #[error("cannot read the answers file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The answers file is not what it has to be.
    #[error("the answers file {} is wrong", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: ParseAnswersError,
    },
}

/// Reads the answers file and returns the provider. It waits on tokio's timers and keeps no requests.
///
/// # Errors
/// [`ConfigError`] with the file's path, and the line where it is wrong.
pub fn provider(config: &Config) -> Result<ScriptedProvider, ConfigError> {
    let answers = read(&config.answers)?;
    Ok(ScriptedProvider::new(config.name.as_str(), answers).with_clock(Arc::new(TokioClock)).without_recording())
}

fn read(path: &Path) -> Result<Answers, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    Answers::parse(&text).map_err(|source| ConfigError::Parse { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use vdo_core::port::Provider;
    use vdo_core::testing::provider_contract::request;

    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, Config) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answers.json");
        std::fs::write(&path, text).unwrap();
        (folder, Config::new("demo", path))
    }

    #[tokio::test(start_paused = true)]
    async fn answers_come_from_the_file_after_their_delay() {
        let (_folder, config) = file(r#"{"answers":[{"reply":{"text":"hi"},"delay_ms":60000}]}"#);
        let provider = provider(&config).unwrap();
        let start = tokio::time::Instant::now();
        assert_eq!(provider.complete(&request()).await.unwrap().text(), "hi");
        assert_eq!(start.elapsed().as_secs(), 60);
        assert_eq!(provider.name(), "demo");
    }

    #[test]
    fn faults_name_the_file_and_the_line() {
        let (_folder, config) = file("{\"answers\":[\n{\"reply\":{\"txt\":\"hi\"}}]}");
        let error = provider(&config).unwrap_err();
        assert!(error.to_string().contains("answers.json"), "{error}");
        assert!(error.source().unwrap().to_string().starts_with("line 2, column "), "{error:?}");
        let missing = provider(&Config::new("demo", "/no/such/answers.json")).unwrap_err();
        assert!(matches!(&missing, ConfigError::Read { .. }));
        assert_eq!(missing.to_string(), "cannot read the answers file /no/such/answers.json");
    }
}
