//! The same work on many things, on as many threads as the machine has.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

/// More threads than this do not read a disk any faster.
const MAX_THREADS: usize = 16;

/// Returns how many threads work at once.
pub(super) fn count() -> usize {
    // Asking the system opens files; a scan of a few of them would spend more on that than on the rest.
    static COUNT: OnceLock<usize> = OnceLock::new();
    *COUNT.get_or_init(|| thread::available_parallelism().map_or(1, NonZero::get).min(MAX_THREADS))
}

/// Returns what `work` makes of each of `items`, in their order. Every thread begins with a `state` of its own, and takes `batch`
/// items at once.
///
/// A panic in `work` is passed on.
pub(super) fn map<T: Sync, S, R: Send>(
    items: &[T],
    batch: usize,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, &T) -> R + Sync,
) -> Vec<R> {
    let threads = count().min(items.len().div_ceil(batch));
    if threads <= 1 {
        let mut state = state();
        return items.iter().map(|item| work(&mut state, item)).collect();
    }
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Vec<R>)>> = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut state = state();
                loop {
                    let from = next.fetch_add(batch, Ordering::Relaxed);
                    let Some(items) = items.get(from..items.len().min(from + batch)).filter(|items| !items.is_empty())
                    else {
                        break;
                    };
                    let results = items.iter().map(|item| work(&mut state, item)).collect();
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((from, results));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(from, _)| *from);
    done.into_iter().flat_map(|(_, results)| results).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<usize> = (0..1000).collect();
        let squares = map(
            &items,
            16,
            || 0,
            |seen, item| {
                *seen += 1;
                item * item
            },
        );
        assert_eq!(squares, items.iter().map(|item| item * item).collect::<Vec<_>>());
        assert_eq!(map(&[] as &[u8], 16, || (), |(), item| *item), Vec::<u8>::new());
    }
}
