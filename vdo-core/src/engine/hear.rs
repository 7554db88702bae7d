//! Hearing a reply: whole, or as it arrives.
//!
//! What arrives is told to the listener at once and appended to the journal now and then, so that a crash leaves what had come of a
//! call that may have been billed. The write goes on beside the stream, which never waits for it. Never decides what becomes of a
//! call. Invariant: at most one write of a call is under way, and what is kept is the beginning of what arrived.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::{Either, select};

use crate::context::tokens;
use crate::engine::{Delta, EngineError};
use crate::message::Reply;
use crate::port::changes::PartialWrite;
use crate::port::{CallRow, PartialReply, Provider, ProviderError, ReplyStream, StoreError, StreamEvent};
use crate::usage::Usage;

use super::choice::Call;
use super::desk::Desk;

/// So many new bytes are written at once.
const PIECE: usize = 4096;
/// Less than that is written after this time, also if nothing more comes.
const LONGEST: Duration = Duration::from_secs(2);
/// A piece is at least this part of what is kept, so that all pieces of a reply together move a bounded multiple of it.
const LEAST_PART: usize = 32;

type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What goes on beside a stream.
#[derive(Default)]
enum Beside<'a> {
    /// Nothing: everything that came is written.
    #[default]
    Nothing,
    /// New text waits for more.
    Waiting(Pending<'a, ()>),
    /// Text up to a place is being written.
    Writing(usize, Pending<'a, Result<(), EngineError>>),
}

/// What came of hearing a reply, so far.
#[derive(Default)]
pub(super) struct Heard<'a> {
    /// How long the first output took.
    pub(super) first_ms: Option<u64>,
    text: String,
    /// How much of the text is in the journal.
    kept: usize,
    /// Whether nothing more is written: a write failed, and nobody knows how much of it is there.
    unsure: bool,
    lost: Option<EngineError>,
    beside: Beside<'a>,
}

impl fmt::Debug for Heard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heard").field("text", &self.text.len()).field("kept", &self.kept).finish_non_exhaustive()
    }
}

impl<'a> Heard<'a> {
    /// Waits for the write that is under way.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] if the lease was lost; other failures are those of the next write.
    pub(super) async fn settle(&mut self) -> Result<(), EngineError> {
        if let Beside::Writing(end, writing) = std::mem::take(&mut self.beside) {
            let written = writing.await;
            self.written(end, written);
        }
        self.lost.take().map_or(Ok(()), Err)
    }

    /// Returns what takes away what is kept, if anything may be.
    pub(super) fn needless(&self, row: &CallRow) -> Option<PartialWrite> {
        (self.kept > 0 || self.unsure).then(|| write(row, None))
    }

    /// Returns what keeps the text that is not kept yet.
    pub(super) fn rest(&self, row: &CallRow) -> Option<PartialWrite> {
        let rest = self.text.get(self.kept..).filter(|rest| !rest.is_empty() && !self.unsure)?;
        Some(write(row, Some(rest.to_owned())))
    }

    /// Returns what the text took, as an estimate.
    pub(super) fn usage(&self) -> Option<Usage> {
        estimated(&self.text)
    }

    fn written(&mut self, end: usize, written: Result<(), EngineError>) {
        match written {
            Ok(()) => self.kept = end,
            Err(error) => {
                self.unsure = true;
                if matches!(error, EngineError::Store(StoreError::Fenced { .. })) {
                    self.lost = Some(error);
                } else {
                    tracing::warn!(%error, "what arrives of a reply is not kept any more");
                }
            }
        }
    }

    /// Says what goes on beside the stream next; `waited` says that new text has waited long enough.
    fn next(&mut self, desk: &'a Desk<'_>, row: &CallRow, waited: Waited) {
        if self.unsure || matches!(self.beside, Beside::Writing(..)) {
            return;
        }
        let new = self.text.len() - self.kept;
        let is_due = new >= PIECE.max(self.kept / LEAST_PART) || matches!(waited, Waited::LongEnough);
        self.beside = match std::mem::take(&mut self.beside) {
            _ if new == 0 => Beside::Nothing,
            _ if is_due => {
                let mut changes = desk.changes();
                changes.partials.extend(self.rest(row));
                Beside::Writing(self.text.len(), Box::pin(async move { desk.write(changes).await.map(drop) }))
            }
            waiting @ Beside::Waiting(_) if matches!(waited, Waited::NotYet) => waiting,
            _ => Beside::Waiting(desk.parts().clock.sleep(LONGEST)),
        };
    }
}

#[derive(Debug, Clone, Copy)]
enum Waited {
    NotYet,
    LongEnough,
}

/// What happened first.
enum First {
    Event(Option<Result<StreamEvent, ProviderError>>),
    Waited,
    Written(usize, Result<(), EngineError>),
}

async fn first(stream: &mut ReplyStream, beside: &mut Beside<'_>) -> First {
    match beside {
        Beside::Nothing => First::Event(stream.next().await),
        Beside::Waiting(waiting) => match select(stream.next(), waiting).await {
            Either::Left((event, _)) => First::Event(event),
            Either::Right(((), _)) => First::Waited,
        },
        Beside::Writing(end, writing) => match select(stream.next(), writing).await {
            Either::Left((event, _)) => First::Event(event),
            Either::Right((written, _)) => First::Written(*end, written),
        },
    }
}

impl Desk<'_> {
    /// Asks for a reply, whole or as it arrives; notes how long the first output took.
    pub(super) async fn hear<'a>(
        &'a self,
        provider: &dyn Provider,
        call: &Call,
        heard: &mut Heard<'a>,
    ) -> Result<Reply, ProviderError> {
        if !self.parts().streams {
            return provider.complete(&call.request).await;
        }
        let mut stream = provider.stream(&call.request).await?;
        loop {
            let mut waited = Waited::NotYet;
            match first(&mut stream, &mut heard.beside).await {
                First::Event(Some(event)) => match event? {
                    StreamEvent::Text(text) => self.tell(call, heard, &text),
                    StreamEvent::Done(reply) => return Ok(*reply),
                },
                First::Event(None) => break,
                First::Waited => waited = Waited::LongEnough,
                First::Written(end, written) => {
                    heard.beside = Beside::Nothing;
                    heard.written(end, written);
                    if heard.lost.is_some() {
                        let source = "the lease was lost".into();
                        return Err(ProviderError::Transport { sent: true, source });
                    }
                }
            }
            heard.next(self, &call.row, waited);
        }
        let source = "the stream ended without the whole reply".into();
        Err(ProviderError::Transport { sent: true, source }.after(heard.first_ms.is_some(), None))
    }

    fn tell(&self, call: &Call, heard: &mut Heard<'_>, text: &str) {
        let took = self.parts().clock.now().since(call.row.started).as_millis();
        heard.first_ms.get_or_insert(u64::try_from(took).unwrap_or(u64::MAX));
        // Not every database takes a NUL in a text.
        if text.contains('\0') {
            heard.text.push_str(&text.replace('\0', "\u{fffd}"));
        } else {
            heard.text.push_str(text);
        }
        if let Some(listener) = &self.parts().listener {
            let (job, step, number) = (self.job.id, &call.row.step, call.row.number);
            listener(&Delta { job, step, number, text });
        }
    }
}

fn write(row: &CallRow, text: Option<String>) -> PartialWrite {
    PartialWrite { step: row.step.clone(), number: row.number, text }
}

fn estimated(text: &str) -> Option<Usage> {
    let output = tokens::estimate(text);
    (output > 0).then(|| Usage { output, estimated: true, ..Usage::default() })
}

/// Returns what a call took whose runner died, as far as what is kept of its reply tells.
pub(super) fn usage_of(row: &CallRow, partials: &[PartialReply]) -> Option<Usage> {
    let kept = partials.iter().find(|kept| kept.step == row.step && kept.number == row.number)?;
    estimated(&kept.text)
}
