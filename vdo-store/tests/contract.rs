//! The store contract, on a file.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::sync::{Arc, Mutex, PoisonError};

use tempfile::TempDir;
use vdo_core::port::Store;
use vdo_store::{Options, SqliteStore};

/// The folders live until the process ends; each is removed then.
static FOLDERS: Mutex<Vec<TempDir>> = Mutex::new(Vec::new());

async fn fresh() -> Arc<dyn Store> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vdo.db");
    let store = SqliteStore::open(path.to_str().unwrap(), Options::default()).await.unwrap();
    // An open file keeps its content though its folder is gone; Windows has no such thing, so the folder is kept.
    FOLDERS.lock().unwrap_or_else(PoisonError::into_inner).push(folder);
    Arc::new(store)
}

vdo_core::store_contract_tests!(fresh);
