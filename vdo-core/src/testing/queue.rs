//! A queue that forgets everything when it is dropped, and the hand-driven clock its contract runs on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::port::{Acked, Clock, Queue, QueueError, Ticket, Wake};
use crate::time::Timestamp;

/// A [`Queue`] in memory. Clones share everything.
#[derive(Debug, Clone)]
pub struct MemoryQueue {
    clock: Arc<dyn Clock>,
    lease: Duration,
    data: Arc<Mutex<Data>>,
}

#[derive(Debug, Default)]
struct Data {
    next: u64,
    entries: Vec<Entry>,
    seen: std::collections::BTreeMap<String, Timestamp>,
}

#[derive(Debug)]
struct Entry {
    token: u64,
    wake: Wake,
    holder: Option<String>,
}

impl MemoryQueue {
    /// Returns an empty queue in which pullers that are silent for `lease` count as dead.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, lease: Duration) -> Self {
        Self { clock, lease, data: Arc::default() }
    }

    fn data(&self) -> MutexGuard<'_, Data> {
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn push(&self, wake: Wake) -> Result<(), QueueError> {
        let mut data = self.data();
        if !data.entries.iter().any(|entry| entry.wake.job == wake.job && entry.holder.is_none()) {
            data.next += 1;
            let token = data.next;
            data.entries.push(Entry { token, wake, holder: None });
        }
        Ok(())
    }

    async fn pull(&self, puller: &str) -> Result<Option<Ticket>, QueueError> {
        let (now, mut data) = (self.clock.now(), self.data());
        let due = |entry: &&mut Entry| {
            entry.holder.is_none() && entry.wake.not_before.is_none_or(|not_before| not_before <= now)
        };
        let first =
            data.entries.iter_mut().filter(due).min_by_key(|entry| (-i32::from(entry.wake.priority), entry.token));
        Ok(first.map(|entry| {
            entry.holder = Some(puller.to_owned());
            Ticket { job: entry.wake.job, token: entry.token.to_string() }
        }))
    }

    async fn ack(&self, puller: &str, ticket: &Ticket) -> Result<Acked, QueueError> {
        let mut data = self.data();
        let before = data.entries.len();
        data.entries.retain(|entry| entry.token.to_string() != ticket.token || entry.holder.as_deref() != Some(puller));
        Ok(if data.entries.len() < before { Acked::Done } else { Acked::Lost })
    }

    async fn beat(&self, puller: &str) -> Result<(), QueueError> {
        let (now, lease, mut data) = (self.clock.now(), self.lease, self.data());
        data.seen.insert(puller.to_owned(), now);
        let data = &mut *data;
        for entry in &mut data.entries {
            let seen = entry.holder.as_ref().map(|holder| data.seen.get(holder).copied().unwrap_or_default());
            if seen.is_some_and(|seen| now.since(seen) >= lease) {
                entry.holder = None;
            }
        }
        Ok(())
    }
}

/// A clock that stands still until it is moved. Clones are the same clock.
#[derive(Debug, Clone, Default)]
pub struct HandClock {
    now: Arc<Mutex<Timestamp>>,
}

impl HandClock {
    /// Moves it on.
    pub fn forward(&self, by: Duration) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.after(by);
    }
}

#[async_trait]
impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does not wait: sleeping moves the clock.
    async fn sleep(&self, duration: Duration) {
        self.forward(duration);
    }
}

#[cfg(test)]
mod tests {
    use super::super::queue_contract::{self, Bench};
    use super::*;

    #[derive(Debug)]
    struct InMemory(HandClock, MemoryQueue);

    #[async_trait]
    impl Bench for InMemory {
        fn queue(&self) -> Arc<dyn Queue> {
            Arc::new(self.1.clone())
        }

        async fn reopen(&mut self) {}

        fn now(&self) -> Timestamp {
            self.0.now()
        }

        async fn pause(&self) {
            self.0.forward(Duration::from_millis(100));
        }
    }

    #[tokio::test]
    async fn the_queue_in_memory_keeps_the_contract() {
        queue_contract::run(|| async {
            let clock = HandClock::default();
            let queue = MemoryQueue::new(Arc::new(clock.clone()), Duration::from_secs(2));
            Box::new(InMemory(clock, queue)) as Box<dyn Bench>
        })
        .await;
    }
}
