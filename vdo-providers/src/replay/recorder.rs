//! A provider whose calls are written down.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use secrecy::SecretString;
use serde_json::Value;
use vdo_core::message::{Completion, Reply};
use vdo_core::port::{Capabilities, Health, Provider, ProviderError, ReplyStream, StreamEvent, TokenCount};

use super::cassette::{self, Call, CassetteError, Header, Kind, Outcome, VERSION};
use super::failed::Failed;
use super::shapes::Redactor;

/// A provider that passes every call on to another and writes it to a cassette.
///
/// A call that is dropped before its end is written, too. A line that cannot be written does not fail the call;
/// [`Recorder::problem`] tells.
pub struct Recorder {
    inner: Arc<dyn Provider>,
    log: Arc<Log>,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl Recorder {
    /// Returns the provider, which adds to the cassette at `path`; it is made if it is not there, and what a killed
    /// recorder did not write to its end is taken away. `secrets` are taken out of
    /// everything that is written, and so is what looks like a key.
    ///
    /// # Errors
    /// [`CassetteError`] if the file is something else, damaged, or cannot be written.
    pub fn open(
        inner: Arc<dyn Provider>,
        path: impl AsRef<Path>,
        secrets: impl IntoIterator<Item = SecretString>,
    ) -> Result<Self, CassetteError> {
        let path = path.as_ref();
        let failed = |source| CassetteError::File { path: path.to_owned(), source };
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(path).map_err(failed)?;
        // Whoever else records to the same file is not in the middle of a line then. Where files have no locks, it is for one recorder.
        let _ = file.lock();
        cassette::mend(&mut file).map_err(failed)?;
        if file.metadata().map_err(failed)?.len() == 0 {
            let header = Header { vdo_cassette: VERSION, provider: inner.name().to_owned() };
            let mut line = serde_json::to_vec(&header).unwrap_or_default();
            line.push(b'\n');
            file.write_all(&line).map_err(failed)?;
        } else {
            cassette::load(path)?;
        }
        let _ = file.unlock();
        let log = Log { file: Mutex::new((file, None)), redactor: Redactor::new(secrets) };
        Ok(Self { inner, log: Arc::new(log) })
    }

    /// Returns why a call could not be written, if one could not.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        self.log.file.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    fn entry(&self, kind: Kind, request: Option<&Completion>) -> Entry {
        let canonical = request.map(cassette::canonical).unwrap_or_default();
        let hash = request.map(|_| cassette::hash(&canonical));
        let capabilities = request.map(|request| self.inner.capabilities(&request.model));
        let call = Call {
            kind,
            hash,
            request: canonical,
            capabilities,
            texts: Vec::new(),
            outcome: Outcome::Dropped,
            millis: 0,
        };
        Entry { call: Some(call), log: Arc::clone(&self.log), start: Instant::now() }
    }
}

/// The file, and what went wrong with it.
struct Log {
    file: Mutex<(File, Option<String>)>,
    redactor: Redactor,
}

impl Log {
    fn write(&self, call: Call) {
        let mut line = match self.clean(call) {
            Ok(call) => call.to_string().into_bytes(),
            Err(error) => return self.fail(&error.to_string()),
        };
        line.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = file.0.lock();
        let written = file.0.write_all(&line);
        let _ = file.0.unlock();
        if let Err(error) = written {
            drop(file);
            self.fail(&error.to_string());
        }
    }

    /// Takes keys out of a call. A key may be spread over pieces of text: they are joined where one is found.
    fn clean(&self, mut call: Call) -> Result<Value, serde_json::Error> {
        let joined = call.texts.concat();
        let clean = self.redactor.clean(&joined);
        if clean != joined {
            call.texts = vec![clean];
        }
        let hash = call.hash.take();
        let mut call = serde_json::to_value(call)?;
        self.redactor.clean_value(&mut call);
        if let (Some(hash), Some(fields)) = (hash, call.as_object_mut()) {
            fields.insert("hash".to_owned(), hash.into());
        }
        Ok(call)
    }

    fn fail(&self, message: &str) {
        tracing::warn!("a call could not be recorded: {message}");
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.1.get_or_insert_with(|| message.to_owned());
    }
}

/// A call that is under way. Written when it is ended or dropped.
struct Entry {
    call: Option<Call>,
    log: Arc<Log>,
    start: Instant,
}

impl Entry {
    fn text(&mut self, text: &str) {
        if let Some(call) = &mut self.call {
            call.texts.push(text.to_owned());
        }
    }

    fn end(&mut self, outcome: Outcome) {
        if let Some(mut call) = self.call.take() {
            call.outcome = outcome;
            call.millis = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.log.write(call);
        }
    }

    fn fail(&mut self, error: &ProviderError) {
        self.end(Outcome::Error(Failed::of(error)));
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.end(Outcome::Dropped);
    }
}

#[async_trait]
impl Provider for Recorder {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn capabilities(&self, model: &str) -> Capabilities {
        self.inner.capabilities(model)
    }

    async fn complete(&self, request: &Completion) -> Result<Reply, ProviderError> {
        let mut entry = self.entry(Kind::Complete, Some(request));
        let reply = self.inner.complete(request).await;
        match &reply {
            Ok(reply) => entry.end(Outcome::Reply(Box::new(reply.clone()))),
            Err(error) => entry.fail(error),
        }
        reply
    }

    async fn stream(&self, request: &Completion) -> Result<ReplyStream, ProviderError> {
        let mut entry = self.entry(Kind::Stream, Some(request));
        let events = match self.inner.stream(request).await {
            Ok(events) => events,
            Err(error) => {
                entry.fail(&error);
                return Err(error);
            }
        };
        Ok(Box::pin(stream::unfold((events, entry), |(mut events, mut entry)| async {
            let event = events.next().await?;
            match &event {
                Ok(StreamEvent::Text(text)) => entry.text(text),
                Ok(StreamEvent::Done(reply)) => entry.end(Outcome::Reply(reply.clone())),
                Err(error) => entry.fail(error),
            }
            Some((event, (events, entry)))
        })))
    }

    async fn count_tokens(&self, request: &Completion) -> Result<TokenCount, ProviderError> {
        let mut entry = self.entry(Kind::Count, Some(request));
        let count = self.inner.count_tokens(request).await;
        match &count {
            Ok(TokenCount { tokens, estimated }) => {
                entry.end(Outcome::Tokens { tokens: *tokens, estimated: *estimated });
            }
            Err(error) => entry.fail(error),
        }
        count
    }

    async fn probe(&self) -> Result<Health, ProviderError> {
        let mut entry = self.entry(Kind::Probe, None);
        let health = self.inner.probe().await;
        match &health {
            Ok(health) => entry.end(Outcome::Models(health.models.clone())),
            Err(error) => entry.fail(error),
        }
        health
    }
}
