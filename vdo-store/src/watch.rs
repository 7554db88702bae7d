//! Hears of writes: those of this process as they are made, those of others through the database.
//!
//! PostgreSQL tells of them (`NOTIFY`); a file is looked at ten times a second, as long as somebody waits. Never the truth:
//! whoever is woken up reads.

use std::time::Duration;

use async_trait::async_trait;
use sea_orm::{DbBackend, Value};
use tokio::sync::broadcast;
use vdo_core::id::JobId;
use vdo_core::port::changes::Receipt;
use vdo_core::port::{StoreError, Watch};

use crate::names;
use crate::store::SqlStore;

/// What a hearer may miss before he is told that he missed something.
const KEPT: usize = 1024;
/// How often a file is looked at for what other processes wrote.
const LOOK: Duration = Duration::from_millis(100);
/// How long a hearer of PostgreSQL waits at the most before he looks for himself: a notification may be lost with its connection.
const DOUBT: Duration = Duration::from_secs(5);

/// A job and the number of its last event.
pub(crate) type Heard = (JobId, u64);

/// Tells everybody in this process.
#[derive(Debug, Clone)]
pub(crate) struct Teller(broadcast::Sender<Heard>);

impl Default for Teller {
    fn default() -> Self {
        Self(broadcast::channel(KEPT).0)
    }
}

impl Teller {
    /// Tells of events that were written.
    pub(crate) fn tell(&self, heard: impl IntoIterator<Item = Heard>) {
        for heard in heard {
            // Nobody listens: nobody has to know.
            let _ = self.0.send(heard);
        }
    }

    fn listen(&self) -> broadcast::Receiver<Heard> {
        self.0.subscribe()
    }
}

/// Returns what a write has to tell.
pub(crate) fn told(receipt: &Receipt, events: usize) -> Option<Heard> {
    let events = u64::try_from(events).ok().filter(|events| *events > 0)?;
    (receipt.first_seq > 0).then(|| (receipt.job, receipt.first_seq + events - 1))
}

/// Returns the texts that tell other processes, each short enough for one notification.
pub(crate) fn notes(heard: &[Heard]) -> Vec<String> {
    let note = |part: &[Heard]| {
        let words: Vec<String> = part.iter().map(|(job, seq)| format!("{}:{seq}", job.number())).collect();
        words.join(" ")
    };
    heard.chunks(150).map(note).collect()
}

/// Reads what another process told.
#[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "only PostgreSQL tells"))]
pub(crate) fn heard(note: &str) -> Vec<Heard> {
    let word = |word: &str| {
        let (job, seq) = word.split_once(':')?;
        Some((JobId::new(job.parse().ok()?)?, seq.parse().ok()?))
    };
    note.split(' ').filter_map(word).collect()
}

/// Listens to what other processes tell, as long as the store lives.
#[cfg(feature = "postgres")]
pub(crate) async fn listen(pool: sea_orm::sqlx::PgPool, teller: Teller) {
    use sea_orm::sqlx::postgres::PgListener;
    loop {
        let listener = async {
            let mut listener = PgListener::connect_with(&pool).await?;
            listener.listen(CHANNEL).await?;
            loop {
                let note = listener.recv().await?;
                teller.tell(heard(note.payload()));
            }
        };
        let ended: Result<std::convert::Infallible, sea_orm::sqlx::Error> = listener.await;
        let Err(error) = ended;
        if pool.is_closed() {
            return;
        }
        tracing::debug!(%error, "the database cannot be listened to; it is tried again");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// The channel that stores tell each other on.
pub(crate) const CHANNEL: &str = "vdo_events";

impl SqlStore {
    async fn last_seq(&self, job: JobId) -> Result<u64, StoreError> {
        let sql = "SELECT next_seq FROM jobs WHERE id = ?1";
        let rows = self.reader().rows(sql, vec![Value::from(names::int(job.number()))]).await?;
        let row = rows.first().ok_or_else(|| StoreError::NotFound(format!("job {job}")))?;
        let next: i64 = self.read(row.try_get_by_index(0))?;
        Ok(names::uint(next).saturating_sub(1))
    }

    /// Waits until somebody may have written: until one of this process or of another tells, or it is time to look.
    async fn hear(&self, listener: &mut broadcast::Receiver<Heard>, wanted: impl Fn(&Heard) -> bool) {
        let wait = if self.backend() == DbBackend::Sqlite { LOOK } else { DOUBT };
        let told = async {
            // Whoever missed something looks.
            while listener.recv().await.is_ok_and(|heard| !wanted(&heard)) {}
        };
        let _ = tokio::time::timeout(wait, told).await;
    }

    /// Returns what changes when anybody writes to the file: its log.
    fn log(&self) -> Option<(u64, std::time::SystemTime)> {
        let log = std::fs::metadata(format!("{}-wal", self.place())).ok()?;
        Some((log.len(), log.modified().ok()?))
    }
}

#[async_trait]
impl Watch for SqlStore {
    async fn changed(&self, job: JobId, after: u64) -> Result<(), StoreError> {
        // Listening before looking: nothing is written in between unheard.
        let mut listener = self.teller().listen();
        while self.last_seq(job).await? <= after {
            self.hear(&mut listener, |(told, seq)| *told == job && *seq > after).await;
        }
        Ok(())
    }

    async fn any(&self) -> Result<(), StoreError> {
        let mut listener = self.teller().listen();
        if self.backend() == DbBackend::Postgres {
            self.hear(&mut listener, |_| true).await;
            return Ok(());
        }
        let before = self.log();
        loop {
            let told = async { while listener.recv().await.is_err() {} };
            if tokio::time::timeout(LOOK, told).await.is_ok() || self.log() != before {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_heard() {
        let job = |number| JobId::new(number).unwrap();
        let all: Vec<Heard> = (1..=400).map(|number| (job(number), number * 7)).collect();
        let notes = notes(&all);
        assert!(notes.iter().all(|note| note.len() < 8000), "a notification of PostgreSQL has at most 8000 bytes");
        assert_eq!(notes.iter().flat_map(|note| heard(note)).collect::<Vec<_>>(), all);
        assert_eq!(heard("x 0:1 7 8:y 9:3"), [(job(9), 3)]);
    }
}
