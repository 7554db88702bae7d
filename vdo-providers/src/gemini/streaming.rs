//! A streamed reply, collected piece by piece. Pure: events in, text and a whole reply out.

use vdo_core::message::{Block, Reply};
use vdo_core::port::ProviderError;

use super::errors;
use super::reply::{Asked, Raw};
use crate::transport::reading::{Fold, SoFar};
use crate::transport::redact::Redactor;
use crate::transport::sse::Event;

/// Collects a streamed reply. Nothing marks its end: it is whole when it named a reason and the body has ended.
#[derive(Debug)]
pub(super) struct Pieces {
    raw: Raw,
    /// The estimate of the request's tokens.
    input: u64,
    redactor: Redactor,
}

impl Pieces {
    /// Collects the reply to a request.
    pub(super) fn new(asked: Asked<'_>, input: u64, redactor: Redactor) -> Self {
        Self { raw: Raw::new(asked, redactor.clone()), input, redactor }
    }
}

impl Fold for Pieces {
    fn take(&mut self, event: &Event<'_>, text: &mut dyn FnMut(String)) -> Result<bool, ProviderError> {
        let data = event.data.trim_ascii();
        if data.is_empty() {
            return Ok(false);
        }
        if data == b"[DONE]" {
            return Ok(true);
        }
        if event.name == b"error" {
            let error = serde_json::from_slice(data).unwrap_or_else(|_| String::from_utf8_lossy(data).into());
            return Err(errors::within(error, &self.redactor));
        }
        self.raw.take(data, text)?;
        Ok(false)
    }

    fn is_whole(&self) -> bool {
        self.raw.is_whole()
    }

    fn so_far(&self) -> SoFar {
        let usage = self.raw.usage().map(|mut usage| {
            let output = self.raw.blocks().iter().map(Block::estimated_tokens).fold(0, u64::saturating_add);
            // What it begins with counts the input only.
            if usage.output == 0 && output > 0 {
                (usage.output, usage.estimated) = (output, true);
            }
            usage
        });
        SoFar { began: self.raw.began(), usage }
    }

    fn finish(self) -> Result<Reply, ProviderError> {
        let input = self.input;
        self.raw.finish(|| input)
    }
}
