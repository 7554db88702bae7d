//! Blocking work on a thread of its own, awaited from any runtime; what is over sooner than a thread starts is done at once.
//!
//! Never needs a runtime's handle. Invariant: the future ends when the work ends, also by a panic.
//! Dropping the future lets the thread finish what it does.

use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
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
            return Poll::Ready(Err(broken()));
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

/// Work on a few things of no more bytes than this together is done where it is asked for: a fraction of a millisecond, and
/// starting a thread takes as long.
const SMALL: usize = 32 * 1024;
/// What a thing costs beside its bytes, in bytes.
const EACH: usize = 1024;

/// How much a piece of work is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Size {
    bytes: usize,
}

impl Size {
    /// The size of work that takes its time, such as reading what many files hold.
    #[cfg(feature = "scan")]
    pub(crate) const LARGE: Self = Self { bytes: usize::MAX };

    /// Returns the size of work on things of these sizes in bytes.
    pub(crate) fn of(sizes: impl IntoIterator<Item = usize>) -> Self {
        let bytes = sizes.into_iter().fold(0, |all: usize, size| all.saturating_add(size).saturating_add(EACH));
        Self { bytes }
    }

    /// Returns the size of both together.
    #[cfg(feature = "scan")]
    pub(crate) fn and(self, other: Self) -> Self {
        Self { bytes: self.bytes.saturating_add(other.bytes) }
    }
}

/// Runs `work` as [`run`], or at once if that is less work than starting a thread.
///
/// # Errors
/// As [`run`].
pub(crate) async fn run_sized<T: Send + 'static>(
    size: Size,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    if size.bytes > SMALL {
        return run(work).await;
    }
    // What `work` owns goes with it: nobody sees what a panic left half done.
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| broken())
}

fn broken() -> io::Error {
    io::Error::other("the work ended without a result")
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

    #[tokio::test]
    async fn small_work_is_done_at_once_and_large_work_elsewhere_and_a_panic_is_an_error_in_both() {
        let here = std::thread::current().id();
        let small = Size::of([1; 8]);
        let large = Size::of([1; 1024]);
        let ran = |size| run_sized(size, || std::thread::current().id());
        assert_eq!(ran(small).await.unwrap(), here);
        assert_ne!(ran(large).await.unwrap(), here);
        for size in [small, large] {
            assert!(run_sized(size, || -> u8 { std::panic::resume_unwind(Box::new("gone")) }).await.is_err());
        }
    }
}
