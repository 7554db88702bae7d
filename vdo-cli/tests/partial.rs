//! What had arrived of a reply whose process died is shown with its call, and can be redacted.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod support;

use std::time::Duration;

use support::server::{Does, Server};
use support::{Place, Running, finish_with, story};
use vdo_core::id::{JobId, Phase, StepKey};
use vdo_core::port::changes::{Changes, Guard, LeaseChange, PartialWrite};
use vdo_core::port::{ClaimRequest, Store as _};
use vdo_core::time::Timestamp;
use vdo_store::{Options, SqlStore};

/// Appends to what is kept of a call, as the engine does while a reply is streamed.
fn keep(place: &Place, step: StepKey, text: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = SqlStore::open(&place.store(), Options::default()).await.unwrap();
        let (job, now) = (JobId::new(2).unwrap(), Timestamp(i64::MAX / 2));
        let ttl = Duration::from_secs(1);
        let request = ClaimRequest { job, owner: "test".to_owned(), now, ttl, presumed_dead: None, per_project: None };
        let lease = store.claim(request).await.unwrap();
        let mut changes = Changes::new(Guard::Lease(lease), now);
        changes.partials = vec![PartialWrite { step, number: 1, text: Some(text.to_owned()) }];
        changes.lease = LeaseChange::Release;
        store.commit(changes).await.unwrap();
    });
}

#[test]
fn what_had_arrived_of_a_reply_is_told_with_its_call_and_its_tokens_and_can_be_redacted() {
    let server = Server::start(|asked| if asked.number == 1 { Does::Hold } else { asked.reference() });
    let place = Place::new();
    place.project("calc");
    place.served(&server.base_url);
    assert_eq!(place.job("calc", story::TITLE), "2");
    let running = Running::start(place.vdo(["run", "2"]));
    server.wait_for(1);
    running.signal("KILL");
    running.finish();
    keep(&place, StepKey::first(Phase::Plan), "{\"summary\": \"the key is hunter2hunter2\u{1b}[31m");
    keep(&place, StepKey::first(Phase::Plan), " and more");
    place.run("run 2").exits(0);

    let journal = place.run("log 2 --journal --json").exits(0).json();
    let calls: Vec<_> = journal.as_array().unwrap().iter().flat_map(|step| step["calls"].as_array().unwrap()).collect();
    let kept: Vec<_> = calls.iter().filter(|call| !call["partial"].is_null()).collect();
    assert_eq!(kept.len(), 1, "{journal}");
    assert_eq!(kept[0]["partial"], "{\"summary\": \"the key is hunter2hunter2\u{1b}[31m and more");
    assert_eq!((&kept[0]["possibly_billed"], &kept[0]["usage"]["estimated"]), (&true.into(), &true.into()));
    assert!(kept[0]["usage"]["output"].as_u64().unwrap() > 10, "{}", kept[0]);
    let text = place.run("log 2 --journal").exits(0).stdout;
    assert!(text.contains("52 bytes of the reply had arrived: {\"summary\": \"the key is hunter2hunter2"), "{text}");
    assert!(!text.contains('\u{1b}'), "what could steer a terminal is not told");

    finish_with(place.vdo(["redact", "--text", "-"]), b"hunter2hunter2").exits(0);
    let text = place.run("log 2 --journal").exits(0).stdout;
    assert!(text.contains("bytes of the reply had arrived") && !text.contains("hunter2"), "{text}");
}
