//! How a store is opened.

use std::time::Duration;

/// When a commit counts as done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Durability {
    /// When the disk has it: survives the loss of power.
    #[default]
    Full,
    /// When the operating system has it: survives the process, but the last commits may be lost with the power.
    Normal,
}

/// Options of a [`crate::SqlStore`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// When a commit counts as done. Default: [`Durability::Full`].
    pub durability: Durability,
    /// Connections that read at once; of a file no more than there are processors, but two. Default: 4.
    pub readers: u32,
    /// How long a write waits for other processes that write before it fails. Default: 5 seconds.
    pub busy_timeout: Duration,
    /// PostgreSQL only: how long a process may stand still in the middle of a write until the server ends its session, so that
    /// others can write. A process that is stopped or cut off holds them up for that long. Default: 2 seconds.
    pub stall_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            durability: Durability::Full,
            readers: 4,
            busy_timeout: Duration::from_secs(5),
            stall_timeout: Duration::from_secs(2),
        }
    }
}

impl Options {
    /// Sets when a commit counts as done.
    #[must_use]
    pub fn with_durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Sets the number of reading connections; at least 1.
    #[must_use]
    pub fn with_readers(mut self, readers: u32) -> Self {
        self.readers = readers.max(1);
        self
    }

    /// Sets how long others that write are waited for.
    #[must_use]
    pub fn with_busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// Sets how long a process may stand still in the middle of a write.
    #[must_use]
    pub fn with_stall_timeout(mut self, timeout: Duration) -> Self {
        self.stall_timeout = timeout;
        self
    }
}
