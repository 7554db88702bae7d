//! A streamed reply, read event by event.
//!
//! Invariant: the events do not depend on how the bytes were cut, and a reply is whole only after its
//! completion mark.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use reqwest::Response;
use vdo_core::message::Reply;
use vdo_core::port::{ProviderError, ReplyStream, StreamEvent};
use vdo_core::usage::Usage;

use super::body::Timing;
use super::bounds::{Bounds, check_nodes};
use super::failure::TransportFailure;
use super::sse::{Decoder, Event};

/// How long the end of a body is waited for after its completion mark, so that the connection can be used again.
const DRAIN: Duration = Duration::from_millis(50);
/// How long more is waited for when the reply has named its end, for formats where something may follow that.
const AFTER_END: Duration = Duration::from_secs(5);

/// What a codec makes of the events of a stream. Pure.
pub(crate) trait Fold: fmt::Debug + Send + 'static {
    /// Takes in one event and hands each new text to `text`. Returns whether nothing more is to come.
    fn take(&mut self, event: &Event<'_>, text: &mut dyn FnMut(String)) -> Result<bool, ProviderError>;

    /// Returns whether the reply has named its end, though more may follow: usage, or a mark. It is whole then, even if
    /// the connection breaks.
    fn is_whole(&self) -> bool {
        false
    }

    /// Returns how far the reply has come, for a stream that breaks off.
    fn so_far(&self) -> SoFar;

    /// Returns the reply when the stream has ended; [`TransportFailure::Truncated`] if its completion mark never
    /// came.
    fn finish(self) -> Result<Reply, ProviderError>;
}

/// How far a reply has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SoFar {
    /// Whether any of the model's output arrived.
    pub(crate) began: bool,
    /// What was used, as far as it is known.
    pub(crate) usage: Option<Usage>,
}

/// Turns the bytes of a stream into texts and a reply.
#[derive(Debug)]
pub(crate) struct Collector<F, E> {
    decoder: Decoder,
    fold: F,
    bounds: Bounds<E>,
    /// Whether the completion mark came after which nothing is to come.
    done: bool,
    taken: usize,
    limit: usize,
}

impl<F: Fold, E: Fn() -> u64> Collector<F, E> {
    /// Returns a collector that refuses replies of more than `limit` bytes.
    pub(crate) fn new(fold: F, bounds: Bounds<E>, limit: usize) -> Self {
        Self { decoder: Decoder::new(limit), fold, bounds, done: false, taken: 0, limit }
    }

    /// Takes in a piece of the body and hands each new text to `text`.
    pub(crate) fn push(&mut self, piece: &[u8], text: &mut dyn FnMut(String)) -> Result<(), ProviderError> {
        self.take_piece(piece, text).map_err(|error| self.broke_off(error))
    }

    fn take_piece(&mut self, piece: &[u8], text: &mut dyn FnMut(String)) -> Result<(), ProviderError> {
        self.taken = self.taken.saturating_add(piece.len());
        if self.taken > self.limit {
            let message = format!("it is larger than {} bytes", self.limit);
            return Err(ProviderError::BadAnswer { message, usage: None });
        }
        self.decoder.push(piece);
        while !self.done {
            match self.decoder.next() {
                Ok(Some(event)) => {
                    check_nodes(event.data)?;
                    self.done = self.fold.take(&event, text)?;
                }
                Ok(None) => break,
                Err(error) => {
                    return Err(ProviderError::BadAnswer { message: error.to_string(), usage: None });
                }
            }
        }
        Ok(())
    }

    /// Returns whether the reply is known to be whole, so that no more has to be read.
    pub(crate) fn is_done(&self) -> bool {
        self.done
    }

    /// Returns whether the reply is whole, though more may follow.
    pub(crate) fn is_whole(&self) -> bool {
        self.fold.is_whole()
    }

    /// Returns the reply when the body has ended.
    pub(crate) fn finish(mut self, text: &mut dyn FnMut(String)) -> Result<Reply, ProviderError> {
        // A last event without its empty line counts if it is whole; a cut one is what truncation looks like.
        if !self.done
            && let Some(event) = self.decoder.rest()
            && (event.data == b"[DONE]" || serde_json::from_slice::<serde::de::IgnoredAny>(event.data).is_ok())
        {
            let taken = self.fold.take(&event, text);
            taken.map_err(|error| self.broke_off(error))?;
        }
        let so_far = self.so_far();
        let reply = self.bounds.judge(self.fold.finish());
        reply.map_err(|error| after(error, so_far))
    }

    /// Returns the failure of a stream that broke off.
    pub(crate) fn broke_off(&self, error: ProviderError) -> ProviderError {
        after(self.bounds.temper(error), self.so_far())
    }

    fn so_far(&self) -> SoFar {
        let so_far = self.fold.so_far();
        SoFar { usage: so_far.usage.map(|usage| self.bounds.usable(usage)), ..so_far }
    }
}

fn after(error: ProviderError, so_far: SoFar) -> ProviderError {
    // What the error itself knows was found out last.
    let known = match &error {
        ProviderError::BadAnswer { usage, .. } => *usage,
        _ => None,
    };
    error.after(so_far.began, known.or(so_far.usage))
}

/// Returns the stream of an answer. `dress` adds to the reply what is known beside its body.
pub(crate) fn stream<F: Fold, E: Fn() -> u64 + Send + 'static>(
    answer: Response,
    timing: Timing,
    collector: Collector<F, E>,
    dress: impl FnOnce(Reply) -> Reply + Send + 'static,
) -> ReplyStream {
    let reading = Reading { answer, timing, collector: Some(collector), ready: VecDeque::new(), dress: Some(dress) };
    Box::pin(stream::unfold(reading, |mut reading| async {
        let event = reading.next().await?;
        Some((event, reading))
    }))
}

/// A streamed reply that is being read. Dropping it closes the connection.
struct Reading<F, E, D> {
    answer: Response,
    timing: Timing,
    /// Gone when the stream has ended.
    collector: Option<Collector<F, E>>,
    /// Events that are read but not handed out.
    ready: VecDeque<Result<StreamEvent, ProviderError>>,
    dress: Option<D>,
}

impl<F: Fold, E: Fn() -> u64, D: FnOnce(Reply) -> Reply> Reading<F, E, D> {
    async fn next(&mut self) -> Option<Result<StreamEvent, ProviderError>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            let is_whole = self.collector.as_ref()?.is_whole();
            let timing = if is_whole { self.timing.impatient(AFTER_END) } else { self.timing };
            let piece = timing.chunk(&mut self.answer).await;
            self.take(piece).await;
        }
    }

    /// Takes in a piece of the body, its end or its failure.
    async fn take(&mut self, piece: Result<Option<Bytes>, TransportFailure>) {
        let Some(mut collector) = self.collector.take() else { return };
        let ready = &mut self.ready;
        let mut text = |text: String| {
            if !text.is_empty() {
                ready.push_back(Ok(StreamEvent::Text(text)));
            }
        };
        let ended = match piece {
            Ok(Some(piece)) => match collector.push(&piece, &mut text) {
                Ok(()) if !collector.is_done() => {
                    self.collector = Some(collector);
                    return;
                }
                Ok(()) => {
                    // More than the end of the body is not expected, and not waited for.
                    let _ = tokio::time::timeout(DRAIN, self.answer.chunk()).await;
                    collector.finish(&mut text)
                }
                Err(error) => Err(error),
            },
            Ok(None) => collector.finish(&mut text),
            Err(_) if collector.is_whole() => collector.finish(&mut text),
            Err(failure) => Err(collector.broke_off(failure.into())),
        };
        let dress = self.dress.take();
        let dressed = ended.map(|reply| match dress {
            Some(dress) => dress(reply),
            None => reply,
        });
        self.ready.push_back(dressed.map(|reply| StreamEvent::Done(Box::new(reply))));
    }
}
