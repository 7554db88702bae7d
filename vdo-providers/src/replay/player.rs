//! A provider that answers what was recorded.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use futures_util::{StreamExt, future, stream};
use secrecy::SecretString;
use serde_json::Value;
use vdo_core::message::{Completion, Reply};
use vdo_core::port::{Accepts, Capabilities, Health, Provider, ProviderError, ReplyStream, StreamEvent, TokenCount};

use super::cassette::{self, Call, CassetteError, Kind, Outcome};
use super::compare::{self, Comparison};
use super::shapes::Redactor;

/// How many recorded requests an unknown one is compared with.
const MOST_COMPARED: usize = 2000;

/// A provider that answers from a cassette.
///
/// A request has to be one that was recorded, in everything it says. Where the same request was recorded several times, the
/// answers come in the order of the recording, and the last one from then on; [`Replay::strict`] has each given once.
#[derive(Debug)]
pub struct Replay {
    name: String,
    calls: Vec<Call>,
    /// The calls with a request, by its hash, in their order.
    places: HashMap<String, Vec<usize>>,
    used: Mutex<HashMap<(String, Kind), usize>>,
    redactor: Redactor,
    strict: bool,
}

impl Replay {
    /// Reads the cassette at `path`.
    ///
    /// # Errors
    /// [`CassetteError`] names the line that is wrong.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, CassetteError> {
        let (header, calls) = cassette::load(path.as_ref())?;
        let mut places: HashMap<String, Vec<usize>> = HashMap::new();
        for (place, call) in calls.iter().enumerate().filter(|(_, call)| call.kind != Kind::Probe) {
            let hash = call.hash.clone().unwrap_or_else(|| cassette::hash(&call.request));
            places.entry(hash).or_default().push(place);
        }
        let used = Mutex::new(HashMap::new());
        Ok(Self { name: header.provider, calls, places, used, redactor: Redactor::default(), strict: false })
    }

    /// Sets the name; that of the provider that was recorded otherwise.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Gives every recorded answer at most once, so that a call too many is an error.
    #[must_use]
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    /// Takes these out of what an error shows of a request.
    #[must_use]
    pub fn with_secrets(mut self, secrets: impl IntoIterator<Item = SecretString>) -> Self {
        self.redactor = Redactor::new(secrets);
        self
    }

    /// Returns the next recorded call for a request: one of the same kind if there is one, else a whole reply for a stream and the
    /// other way round.
    fn next(&self, kind: Kind, request: &Completion) -> Result<&Call, ProviderError> {
        let canonical = cassette::canonical(request);
        let hash = cassette::hash(&canonical);
        let known = self.places.get(&hash).map(Vec::as_slice).unwrap_or_default();
        let other = match kind {
            Kind::Complete => Kind::Stream,
            Kind::Stream => Kind::Complete,
            Kind::Count | Kind::Probe => kind,
        };
        let of = |kind: Kind| -> Vec<&Call> {
            known.iter().filter_map(|place| self.calls.get(*place)).filter(|call| call.kind == kind).collect()
        };
        let same = of(kind);
        let (kind, calls) = if same.is_empty() { (other, of(other)) } else { (kind, same) };
        if calls.is_empty() {
            return Err(self.unknown(canonical));
        }
        // A call that nobody waited for says nothing where another says something.
        let answered: Vec<&Call> = calls.iter().copied().filter(|call| call.outcome != Outcome::Dropped).collect();
        let calls = if answered.is_empty() { calls } else { answered };
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let count = used.entry((hash, kind)).or_insert(0);
        let place = *count;
        *count += 1;
        let last = calls.last().copied().filter(|_| !self.strict);
        calls.get(place).copied().or(last).ok_or_else(|| {
            let message = format!("the request was recorded {} times and is asked once more", calls.len());
            ProviderError::BadRequest { status: 400, message }
        })
    }

    /// Returns the error for a request that was not recorded: how it differs from the nearest that was.
    fn unknown(&self, mut asked: Value) -> ProviderError {
        let clean = |value: &mut Value| {
            Redactor::default().clean_value(value);
            self.redactor.clean_value(value);
        };
        clean(&mut asked);
        let recorded = self.calls.iter().filter(|call| call.kind != Kind::Probe).take(MOST_COMPARED).enumerate();
        let compared = recorded.map(|(place, call)| (place, compare::compare(&call.request, &asked)));
        let nearest: Option<(usize, Comparison)> = compared.min_by_key(|(_, comparison)| comparison.unlike);
        let message = match nearest {
            None => "nothing was recorded".to_owned(),
            Some((place, Comparison { count, first: Some(first), .. })) => {
                format!(
                    "the request was not recorded; the nearest is number {} and differs in {count} places, first in {first}",
                    place + 1
                )
            }
            // What sets it apart was a key, or it was recorded with another kind of call.
            Some((place, _)) => {
                format!(
                    "the request was not recorded; number {} differs from it in nothing that can be shown",
                    place + 1
                )
            }
        };
        ProviderError::BadRequest { status: 400, message }
    }
}

#[async_trait]
impl Provider for Replay {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self, model: &str) -> Capabilities {
        let of_model = |call: &&Call| call.request.get("model").is_some_and(|known| known == model);
        let recorded = self.calls.iter().filter(of_model).find_map(|call| call.capabilities);
        recorded.unwrap_or(Capabilities {
            tools: true,
            json_schema: true,
            context: None,
            max_output: None,
            accepts: Accepts::default(),
        })
    }

    async fn complete(&self, request: &Completion) -> Result<Reply, ProviderError> {
        match &self.next(Kind::Complete, request)?.outcome {
            Outcome::Reply(reply) => Ok(reply.as_ref().clone()),
            Outcome::Error(error) => Err(error.clone().into_error()),
            Outcome::Tokens { .. } | Outcome::Models(_) | Outcome::Dropped => future::pending().await,
        }
    }

    async fn stream(&self, request: &Completion) -> Result<ReplyStream, ProviderError> {
        let call = self.next(Kind::Stream, request)?;
        let mut texts = call.texts.clone();
        let end = match &call.outcome {
            Outcome::Reply(reply) => {
                if texts.is_empty() {
                    texts.extend(Some(reply.text()).filter(|text| !text.is_empty()));
                }
                Some(Ok(StreamEvent::Done(reply.clone())))
            }
            // It failed before there was a stream.
            Outcome::Error(error) if texts.is_empty() => return Err(error.clone().into_error()),
            Outcome::Error(error) => Some(Err(error.clone().into_error())),
            Outcome::Tokens { .. } | Outcome::Models(_) | Outcome::Dropped => None,
        };
        let hangs = end.is_none();
        let events = stream::iter(texts.into_iter().map(|text| Ok(StreamEvent::Text(text))).chain(end));
        if hangs { Ok(Box::pin(events.chain(stream::pending()))) } else { Ok(Box::pin(events)) }
    }

    async fn count_tokens(&self, request: &Completion) -> Result<TokenCount, ProviderError> {
        match self.next(Kind::Count, request).map(|call| &call.outcome) {
            Ok(Outcome::Tokens { tokens, estimated }) => Ok(TokenCount { tokens: *tokens, estimated: *estimated }),
            Ok(Outcome::Error(error)) => Err(error.clone().into_error()),
            // Counting decides nothing that was recorded.
            Ok(Outcome::Reply(_) | Outcome::Models(_) | Outcome::Dropped) | Err(_) => {
                Ok(TokenCount { tokens: request.estimated_tokens(), estimated: true })
            }
        }
    }

    async fn probe(&self) -> Result<Health, ProviderError> {
        let mut recorded = self.calls.iter().rev().filter(|call| call.kind == Kind::Probe).map(|call| &call.outcome);
        match recorded.find(|outcome| **outcome != Outcome::Dropped) {
            Some(Outcome::Models(models)) => Ok(Health { models: models.clone() }),
            Some(Outcome::Error(error)) => Err(error.clone().into_error()),
            _ => {
                let models = self.calls.iter().filter_map(|call| call.request.get("model")?.as_str());
                let models: std::collections::BTreeSet<String> = models.map(str::to_owned).collect();
                Ok(Health { models: models.into_iter().collect() })
            }
        }
    }
}
