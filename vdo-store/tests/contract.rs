//! The store contract, on a file.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::sync::Arc;

use vdo_core::port::Store;
use vdo_store::{Options, SqlStore};

async fn fresh() -> Arc<dyn Store> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vdo.db");
    let store = SqlStore::open(path.to_str().unwrap(), Options::default()).await.unwrap();
    // The folder goes when the test's runtime does, and drops this task.
    tokio::spawn(async move {
        let _folder = folder;
        std::future::pending::<()>().await;
    });
    Arc::new(store)
}

vdo_core::store_contract_tests!(fresh);
