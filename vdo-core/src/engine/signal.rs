//! A request to stop, raised beside a run and awaited within it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Poll, Waker};

use futures_util::future::{Either, select};

/// A flag that any number of steps can wait for. Once raised it stays so.
#[derive(Debug, Default)]
pub(super) struct Signal {
    raised: AtomicBool,
    waiting: Mutex<Vec<Waker>>,
}

impl Signal {
    pub(super) fn raise(&self) {
        self.raised.store(true, Ordering::Release);
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        waiting.into_iter().for_each(Waker::wake);
    }

    pub(super) fn is_raised(&self) -> bool {
        self.raised.load(Ordering::Acquire)
    }

    /// Awaits `work`, or drops it when the signal is raised; `None` then.
    pub(super) async fn or<F: Future>(&self, work: F) -> Option<F::Output> {
        let wait = std::pin::pin!(std::future::poll_fn(|context| {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            // Looked at under the lock, so that no raise slips between the look and the waiting.
            if self.is_raised() {
                return Poll::Ready(());
            }
            if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                waiting.push(context.waker().clone());
            }
            Poll::Pending
        }));
        match select(std::pin::pin!(work), wait).await {
            Either::Left((output, _)) => Some(output),
            Either::Right(((), _)) => None,
        }
    }
}
