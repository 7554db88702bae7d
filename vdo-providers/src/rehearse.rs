//! Failures on purpose: a provider of which a share of the calls fails, to see what becomes of them.
//!
//! A call that is made to fail is never sent and costs nothing. Which calls fail, and how, follows from a seed, the
//! provider's name and the number of the call: the same run fails in the same places.
//!
//! ```
//! use std::sync::Arc;
//! use vdo_core::testing::scripted::{Answers, ScriptedProvider};
//! use vdo_providers::rehearse::{Rehearsal, Rehearsed};
//!
//! let provider = Arc::new(ScriptedProvider::new("demo", Answers::default()));
//! let rehearsal = Rehearsal { share: 0.3, seed: 7, ..Rehearsal::default() };
//! let provider = Rehearsed::new(provider, rehearsal).unwrap();
//! # let _ = provider;
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream;
use serde::{Deserialize, Serialize};
use vdo_core::message::{Completion, Reply};
use vdo_core::port::{Capabilities, Health, Provider, ProviderError, ReplyStream, StreamEvent, TokenCount};

/// What a failure says of itself.
const MESSAGE: &str = "a rehearsed failure: nothing was sent";

/// A way to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fault {
    /// The rate is limited, with a wait.
    RateLimited,
    /// The provider is overloaded.
    Overloaded,
    /// The provider fails on its side.
    Fault,
    /// No connection could be made.
    Unreachable,
    /// The connection broke after the request had been sent.
    Unanswered,
    /// The reply broke off after its first words; a stream hands them out first.
    Cut,
    /// Credit is used up.
    Money,
    /// The key is refused.
    KeyRefused,
    /// The request is too long.
    TooLong,
}

impl Fault {
    /// Every way to fail.
    pub const ALL: [Self; 9] = [
        Self::RateLimited,
        Self::Overloaded,
        Self::Fault,
        Self::Unreachable,
        Self::Unanswered,
        Self::Cut,
        Self::Money,
        Self::KeyRefused,
        Self::TooLong,
    ];
}

/// Which calls fail, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rehearsal {
    /// The share of the calls that fail, from 0 to 1. Default: 0.
    pub share: f64,
    /// Other seeds fail in other places. Default: 0.
    pub seed: u64,
    /// How often each way to fail comes up in comparison with the others. Default: those that pass by
    /// themselves, equally often.
    pub mix: BTreeMap<Fault, u32>,
    /// The longest wait that a limited rate asks for, in milliseconds; some ask for none. Default: 2000.
    pub retry_after_ms: u64,
}

impl Default for Rehearsal {
    fn default() -> Self {
        let passing =
            [Fault::RateLimited, Fault::Overloaded, Fault::Fault, Fault::Unreachable, Fault::Unanswered, Fault::Cut];
        Self { share: 0.0, seed: 0, mix: passing.map(|fault| (fault, 1)).into(), retry_after_ms: 2000 }
    }
}

/// A rehearsal cannot be held.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RehearsalError {
    /// The share is no share.
    #[error("the share of failing calls is {0}: expected a number from 0 to 1, such as 0.3")]
    Share(f64),
    /// Calls shall fail and there is no way to.
    #[error("the mix of failures is empty: name at least one with a weight above 0, such as rate_limited = 1")]
    Mix,
}

/// A provider of which some calls fail on purpose.
#[derive(Debug)]
pub struct Rehearsed {
    inner: Arc<dyn Provider>,
    rehearsal: Rehearsal,
    name: u64,
    calls: AtomicU64,
}

impl Rehearsed {
    /// Returns the provider; the calls that do not fail go to `inner`.
    ///
    /// # Errors
    /// [`RehearsalError`] if the share or the mix makes no sense.
    pub fn new(inner: Arc<dyn Provider>, rehearsal: Rehearsal) -> Result<Self, RehearsalError> {
        if !(0.0..=1.0).contains(&rehearsal.share) {
            return Err(RehearsalError::Share(rehearsal.share));
        }
        if rehearsal.share > 0.0 && rehearsal.mix.values().all(|weight| *weight == 0) {
            return Err(RehearsalError::Mix);
        }
        // FNV-1a: two providers with one seed do not fail together.
        let name = inner
            .name()
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Ok(Self { inner, rehearsal, name, calls: AtomicU64::new(0) })
    }

    /// Decides about the next call.
    fn fail(&self) -> Option<(Fault, ProviderError)> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let drawn = mix(mix(self.rehearsal.seed ^ self.name).wrapping_add(number));
        // 53 bits make a number from 0 to 1 exactly.
        let share = (drawn >> 11) as f64 / (1_u64 << 53) as f64;
        if share >= self.rehearsal.share {
            return None;
        }
        let fault = self.rehearsal.pick(mix(drawn))?;
        Some((fault, self.rehearsal.error(fault, mix(drawn ^ 1))))
    }
}

impl Rehearsal {
    /// Picks a way to fail by a random number.
    fn pick(&self, drawn: u64) -> Option<Fault> {
        let total: u64 = self.mix.values().map(|weight| u64::from(*weight)).sum();
        let mut left = drawn.checked_rem(total)?;
        self.mix.iter().find_map(|(fault, weight)| {
            let weight = u64::from(*weight);
            if left < weight {
                return Some(*fault);
            }
            left -= weight;
            None
        })
    }

    fn error(&self, fault: Fault, drawn: u64) -> ProviderError {
        let message = MESSAGE.to_owned();
        let transport = |sent| ProviderError::Transport { sent, source: MESSAGE.into() };
        match fault {
            Fault::RateLimited => {
                let wait = drawn % self.retry_after_ms.saturating_add(1);
                let asked = !drawn.is_multiple_of(4);
                ProviderError::RateLimited { retry_after: asked.then(|| Duration::from_millis(wait)), message }
            }
            Fault::Overloaded => ProviderError::Overloaded { retry_after: None, message },
            Fault::Fault => ProviderError::Fault { status: 500, message },
            Fault::Unreachable => transport(false),
            Fault::Unanswered => transport(true),
            Fault::Cut => transport(true).after(true, None),
            Fault::Money => ProviderError::Money { message },
            Fault::KeyRefused => ProviderError::KeyRefused { message },
            Fault::TooLong => ProviderError::ContextTooLong { message },
        }
    }
}

/// Spreads a number evenly (splitmix64).
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[async_trait]
impl Provider for Rehearsed {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn capabilities(&self, model: &str) -> Capabilities {
        self.inner.capabilities(model)
    }

    async fn complete(&self, request: &Completion) -> Result<Reply, ProviderError> {
        match self.fail() {
            Some((_, error)) => Err(error),
            None => self.inner.complete(request).await,
        }
    }

    async fn stream(&self, request: &Completion) -> Result<ReplyStream, ProviderError> {
        match self.fail() {
            Some((Fault::Cut, error)) => {
                let words = Ok(StreamEvent::Text("The reply was cut o".to_owned()));
                Ok(Box::pin(stream::iter([words, Err(error)])))
            }
            Some((_, error)) => Err(error),
            None => self.inner.stream(request).await,
        }
    }

    async fn count_tokens(&self, request: &Completion) -> Result<TokenCount, ProviderError> {
        self.inner.count_tokens(request).await
    }

    async fn probe(&self) -> Result<Health, ProviderError> {
        self.inner.probe().await
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use serde_json::json;
    use vdo_core::failure::FailureKind;
    use vdo_core::testing::provider_contract::request;
    use vdo_core::testing::scripted::{Answers, ScriptedProvider};

    use super::*;

    fn provider(name: &str, rehearsal: Rehearsal) -> Rehearsed {
        let answers = json!({ "answers": [{ "reply": { "text": "hi" }, "repeat": true }] });
        let scripted = ScriptedProvider::new(name, Answers::parse(&answers.to_string()).unwrap());
        Rehearsed::new(Arc::new(scripted), rehearsal).unwrap()
    }

    fn all(share: f64, seed: u64) -> Rehearsal {
        Rehearsal { share, seed, mix: Fault::ALL.map(|fault| (fault, 1)).into(), ..Rehearsal::default() }
    }

    async fn outcomes(provider: &Rehearsed, calls: usize) -> Vec<Option<FailureKind>> {
        let mut outcomes = Vec::new();
        for _ in 0..calls {
            outcomes.push(provider.complete(&request()).await.err().map(|error| error.to_failure().kind));
        }
        outcomes
    }

    #[tokio::test]
    async fn a_share_of_the_calls_fails_in_every_way_and_always_the_same() {
        let first = outcomes(&provider("a", all(0.3, 7)), 10_000).await;
        assert_eq!(first, outcomes(&provider("a", all(0.3, 7)), 10_000).await);
        assert_ne!(first, outcomes(&provider("a", all(0.3, 8)), 10_000).await);
        assert_ne!(first, outcomes(&provider("b", all(0.3, 7)), 10_000).await);
        let failed = first.iter().flatten().count();
        assert!((2_800..3_200).contains(&failed), "{failed}");
        for kind in [
            FailureKind::RateLimited,
            FailureKind::Overloaded,
            FailureKind::ProviderFault,
            FailureKind::Transport,
            FailureKind::ProviderMoney,
            FailureKind::KeyRefused,
            FailureKind::ContextTooLong,
        ] {
            let count = first.iter().flatten().filter(|found| **found == kind).count();
            let ways = if kind == FailureKind::Transport { 3 } else { 1 };
            assert!((ways * 250..ways * 420).contains(&count), "{kind:?}: {count}");
        }
    }

    #[tokio::test]
    async fn none_or_all_fail_at_the_ends_of_the_scale() {
        assert_eq!(outcomes(&provider("a", all(0.0, 1)), 500).await, vec![None; 500]);
        assert!(outcomes(&provider("a", all(1.0, 1)), 500).await.iter().all(Option::is_some));
        for rehearsal in [all(1.5, 0), all(f64::NAN, 0), Rehearsal { mix: BTreeMap::new(), ..all(0.5, 0) }] {
            let scripted = Arc::new(ScriptedProvider::new("a", Answers::default()));
            assert!(Rehearsed::new(scripted, rehearsal).is_err());
        }
    }

    #[tokio::test]
    async fn a_cut_stream_begins_and_breaks_off() {
        let only = |fault| provider("a", Rehearsal { share: 1.0, mix: [(fault, 1)].into(), ..Rehearsal::default() });
        let mut stream = only(Fault::Cut).stream(&request()).await.unwrap();
        assert!(matches!(stream.next().await, Some(Ok(StreamEvent::Text(_)))));
        let failure = stream.next().await.unwrap().unwrap_err().to_failure();
        assert!(failure.began && failure.sent && stream.next().await.is_none());
        let unreachable = only(Fault::Unreachable).stream(&request()).await.err().unwrap();
        assert!(!unreachable.to_failure().sent);
    }

    #[test]
    fn a_rehearsal_is_read_from_a_configuration() {
        let rehearsal: Rehearsal =
            serde_json::from_value(json!({ "share": 0.3, "mix": { "rate_limited": 3, "money": 1 } })).unwrap();
        let mix = BTreeMap::from([(Fault::RateLimited, 3), (Fault::Money, 1)]);
        assert_eq!(rehearsal, Rehearsal { share: 0.3, mix, ..Rehearsal::default() });
        assert!(serde_json::from_value::<Rehearsal>(json!({ "share": 0.3, "rate": 1 })).is_err());
    }
}
