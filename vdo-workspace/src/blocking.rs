//! Blocking work on a thread of its own, awaited from any runtime.
//!
//! Never needs a runtime's handle. Invariant: the future ends when the thread ends, also by a panic.
//! Dropping the future lets the thread finish what it does.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

#[derive(Debug)]
struct State<T> {
    value: Option<T>,
    ended: bool,
    waker: Option<Waker>,
}

type Shared<T> = Arc<Mutex<State<T>>>;

/// Held by the thread; its drop says that nothing more will come.
struct Worker<T>(Shared<T>);

impl<T> Worker<T> {
    fn finish(self, value: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).value = Some(value);
    }
}

impl<T> Drop for Worker<T> {
    fn drop(&mut self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.ended = true;
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

struct Waiting<T>(Shared<T>);

impl<T> Future for Waiting<T> {
    type Output = io::Result<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = state.value.take() {
            return Poll::Ready(Ok(value));
        }
        if state.ended {
            return Poll::Ready(Err(io::Error::other("the working thread ended without a result")));
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

/// Runs `work` on a thread of its own and returns what it returned.
///
/// # Errors
/// If the thread could not be started, or panicked.
pub(crate) async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    let shared: Shared<T> = Arc::new(Mutex::new(State { value: None, ended: false, waker: None }));
    let worker = Worker(Arc::clone(&shared));
    std::thread::Builder::new().name("vdo-work".to_owned()).spawn(move || {
        let value = work();
        worker.finish(value);
    })?;
    Waiting(shared).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_value_arrives_and_a_panic_is_an_error() {
        assert_eq!(run(|| 6 * 7).await.unwrap(), 42);
        assert!(run(|| -> u8 { std::panic::resume_unwind(Box::new("gone")) }).await.is_err());
    }
}
