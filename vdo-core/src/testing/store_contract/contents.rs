//! Contents: any bytes, each stored once.

use super::Fresh;
use super::fixtures::*;
use crate::content::{Blob, BlobHash};
use crate::port::StoreError;

pub(super) async fn any_bytes_come_back(fresh: Fresh) {
    let store = fresh.store().await;
    let id = job(&store, "x").await;
    // Numbers that no compressor makes smaller.
    let noise = (0..1_000_000_u32).scan(1_u32, |state, _| {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Some((*state >> 24) as u8)
    });
    let bytes: Vec<Vec<u8>> = vec![
        Vec::new(),
        vec![0],
        vec![0; 1_000_000],
        noise.collect(),
        b"text with a \0 and no end of line".to_vec(),
        vec![0xff, 0xfe, 0x80, 0x00],
        (0..=255).collect(),
        "line\r\n".repeat(1000).into_bytes(),
    ];
    let contents: Vec<Blob> = bytes.into_iter().map(Blob::new).collect();
    let all = contents.clone();
    change(&store, id, |changes| changes.blobs = all).await;
    let hashes: Vec<BlobHash> = contents.iter().map(Blob::hash).collect();
    assert!(store.blobs(&hashes).await.unwrap() == contents, "some bytes came back changed");
    let reverse: Vec<BlobHash> = hashes.iter().rev().chain(&hashes).copied().collect();
    let found: Vec<BlobHash> = store.blobs(&reverse).await.unwrap().iter().map(Blob::hash).collect();
    assert_eq!(found, reverse, "in the order asked for, however often");
}

pub(super) async fn contents_are_stored_once_and_missing_ones_are_named(fresh: Fresh) {
    let store = fresh.store().await;
    let id = job(&store, "x").await;
    for _ in 0..2 {
        change(&store, id, |changes| changes.blobs = blobs(&["same", "same"])).await;
    }
    let (same, missing, worse) = (BlobHash::of(b"same"), BlobHash::of(b"missing"), BlobHash::of(b"worse"));
    assert_eq!(store.blobs(&[same]).await.unwrap(), blobs(&["same"]));
    assert_refused!(
        store.blobs(&[same, missing, worse]).await,
        StoreError::NotFound(what) if what.contains(&missing.to_string())
    );
    let many: Vec<Blob> = (0..600).map(|number: u32| Blob::new(number.to_le_bytes().as_slice())).collect();
    let all = many.clone();
    change(&store, id, |changes| changes.blobs = all).await;
    let hashes: Vec<BlobHash> = many.iter().map(Blob::hash).collect();
    assert_eq!(store.blobs(&hashes).await.unwrap(), many);
}
