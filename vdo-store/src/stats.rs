//! Counts what the writer does, so that the effect of grouping can be seen.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a store's writer did since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreStats {
    /// Accepted writes: commits and claims.
    pub commits: u64,
    /// Transactions that were committed.
    pub transactions: u64,
    /// SQL statements inside them, `BEGIN` and `COMMIT` not counted.
    pub statements: u64,
    /// Rows that were written.
    pub rows: u64,
}

/// The counters behind [`StoreStats`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    commits: AtomicU64,
    transactions: AtomicU64,
    statements: AtomicU64,
    rows: AtomicU64,
}

impl Counters {
    /// Counts a transaction with some accepted writes.
    pub(crate) fn committed(&self, commits: u64) {
        self.commits.fetch_add(commits, Ordering::Relaxed);
        self.transactions.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts statements and rows.
    pub(crate) fn wrote(&self, statements: u64, rows: u64) {
        self.statements.fetch_add(statements, Ordering::Relaxed);
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }

    /// Returns the counts now.
    pub(crate) fn read(&self) -> StoreStats {
        StoreStats {
            commits: self.commits.load(Ordering::Relaxed),
            transactions: self.transactions.load(Ordering::Relaxed),
            statements: self.statements.load(Ordering::Relaxed),
            rows: self.rows.load(Ordering::Relaxed),
        }
    }
}
