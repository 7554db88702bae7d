//! Reads that whoever asked for them does not look at for a while.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use futures_util::FutureExt as _;
use vdo_core::job::JobSpec;
use vdo_core::port::changes::{Changes, Guard};
use vdo_core::port::{Jobs as _, Journal as _, Store as _};
use vdo_core::time::Timestamp;
use vdo_store::{Options, SqlStore};

#[tokio::test]
async fn a_read_that_nobody_looks_at_takes_no_connection_from_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:{}", folder.path().join("vdo.db").display());
    let store = SqlStore::open(&address, Options::default().with_readers(1)).await.unwrap();
    let spec = JobSpec::new("calc", "Add it.");
    let job = store.commit(Changes::new(Guard::Create(Box::new(spec)), Timestamp(1))).await.unwrap().job;
    // Each was begun, has the connection or waits for it, and is left alone while others are read to their ends.
    let mut begun: Vec<_> = (0..8).map(|_| Box::pin(async { store.job(job).await })).collect();
    let mut steps = Box::pin(async { store.steps(job).await });
    for read in &mut begun {
        assert!(read.as_mut().now_or_never().is_none());
    }
    assert!(steps.as_mut().now_or_never().is_none());
    for _ in 0..4 {
        let read = tokio::time::timeout(Duration::from_secs(20), store.job(job)).await;
        assert_eq!(read.expect("the connection is held by a read that nobody looks at").unwrap().id, job);
    }
    for read in begun {
        assert_eq!(read.await.unwrap().id, job);
    }
    assert_eq!(steps.await.unwrap(), []);
}
