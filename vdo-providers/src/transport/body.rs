//! Bodies, read within bounds of size and time.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Response;
use tokio::time::{Instant, timeout_at};
use vdo_core::port::ProviderError;

use super::failure::TransportFailure;

/// The time an exchange may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    idle: Duration,
    total: Duration,
    deadline: Instant,
}

impl Timing {
    /// Starts the clock.
    pub(crate) fn start(idle: Duration, total: Duration) -> Self {
        let now = Instant::now();
        // Far enough for a time-out that the clock cannot express.
        let deadline = now.checked_add(total).unwrap_or(now + Duration::from_secs(86_400 * 365));
        Self { idle, total, deadline }
    }

    /// Returns the timing of one who waits no longer than this for the next piece.
    pub(crate) fn impatient(&self, idle: Duration) -> Self {
        Self { idle: self.idle.min(idle), ..*self }
    }

    /// Waits for `future`, until the whole has taken too long.
    pub(crate) async fn within_total<T>(&self, future: impl Future<Output = T>) -> Result<T, TransportFailure> {
        timeout_at(self.deadline, future).await.map_err(|_| TransportFailure::Total(self.total))
    }

    /// Waits for `future`, until nothing came for too long or the whole has taken too long.
    pub(crate) async fn within_idle<T>(&self, future: impl Future<Output = T>) -> Result<T, TransportFailure> {
        let idle = Instant::now().checked_add(self.idle).unwrap_or(self.deadline);
        timeout_at(idle.min(self.deadline), future).await.map_err(|_| {
            if idle < self.deadline { TransportFailure::Idle(self.idle) } else { TransportFailure::Total(self.total) }
        })
    }

    /// Reads the next piece of a body.
    pub(crate) async fn chunk(&self, response: &mut Response) -> Result<Option<Bytes>, TransportFailure> {
        self.within_idle(response.chunk()).await?.map_err(TransportFailure::of_reading)
    }
}

/// Reads a whole body of at most `limit` bytes. One that came in one piece is not copied.
pub(crate) async fn read(mut response: Response, limit: usize, timing: &Timing) -> Result<Bytes, ProviderError> {
    let Some(first) = timing.chunk(&mut response).await? else { return Ok(Bytes::new()) };
    check(first.len(), limit)?;
    let Some(second) = timing.chunk(&mut response).await? else { return Ok(first) };
    let announced = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    let mut body = Vec::with_capacity(announced.min(limit).max(first.len().saturating_add(second.len())));
    body.extend_from_slice(&first);
    let mut next = Some(second);
    while let Some(piece) = next {
        check(body.len().saturating_add(piece.len()), limit)?;
        body.extend_from_slice(&piece);
        next = timing.chunk(&mut response).await?;
    }
    Ok(body.into())
}

fn check(size: usize, limit: usize) -> Result<(), ProviderError> {
    if size <= limit {
        return Ok(());
    }
    Err(ProviderError::BadAnswer { message: format!("it is larger than {limit} bytes"), usage: None })
}
