//! Everything that the server can do wrong on purpose, in every format.

use std::time::Duration;

use serde_json::{Value, json};
use vdo_core::failure::{Failure, FailureKind};
use vdo_core::port::ProviderError;

use crate::server::{KEY, Peer};
use crate::wires::{Wire, streamed};

const LONG: &str = "A reply that is long enough to be cut into many pieces.";

/// A fault: what is asked for it, and what comes of it.
struct Fault {
    name: &'static str,
    fixture: Value,
    /// None if a whole reply is not touched by it.
    whole: Option<FailureKind>,
    streamed: FailureKind,
    /// Whether a stream had begun.
    began: bool,
}

fn faults() -> Vec<Fault> {
    let error = |status: u16, kind: &str| json!({ "response": { "error": { "message": "on purpose", "type": kind }, "status": status, "retryAfter": 7 } });
    let with = |field: &str, value: Value| json!({ "response": { "content": LONG }, field: value });
    let before = |name, fixture, kind| Fault { name, fixture, whole: Some(kind), streamed: kind, began: false };
    vec![
        before("limit the rate", error(429, "rate_limit_error"), FailureKind::RateLimited),
        before("be overloaded", error(529, "overloaded_error"), FailureKind::Overloaded),
        before("fail inside", error(500, "server_error"), FailureKind::ProviderFault),
        before("drop it", with("chaos", json!({ "dropRate": 1 })), FailureKind::ProviderFault),
        before("garble it", with("chaos", json!({ "malformedRate": 1 })), FailureKind::BadAnswer),
        before("hang up", with("chaos", json!({ "disconnectRate": 1 })), FailureKind::Transport),
        Fault {
            name: "cut it",
            // Pieces that are not on their way yet are lost with the connection.
            fixture: json!({ "response": { "content": LONG }, "truncateAfterChunks": 8, "latency": 30 }),
            whole: None,
            streamed: FailureKind::Transport,
            began: true,
        },
        Fault {
            name: "take ages",
            fixture: with("latency", json!(1200)),
            whole: None,
            streamed: FailureKind::Transport,
            began: false,
        },
    ]
}

/// Returns the fixtures of all faults; what fails once does so for every format and way of asking by itself.
fn fixtures() -> Value {
    let mut fixtures = Vec::new();
    for fault in faults() {
        let mut fixture = fault.fixture;
        fixture["match"] = json!({ "userMessage": fault.name });
        fixtures.push(fixture);
    }
    for name in once() {
        let unavailable = json!({ "error": { "message": "on purpose", "type": "server_error" }, "status": 503 });
        for (place, response) in [unavailable, json!({ "content": LONG })].into_iter().enumerate() {
            fixtures.push(json!({ "match": { "userMessage": name, "sequenceIndex": place }, "response": response }));
        }
    }
    json!({ "fixtures": fixtures })
}

fn once() -> Vec<String> {
    Wire::ALL
        .iter()
        .flat_map(|wire| ["whole", "streamed"].map(|how| format!("fail once, {} {how}", wire.name())))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_an_independent_server_is_told_for_what_it_is() {
    let peer = Peer::start(&fixtures()).await;
    for wire in Wire::ALL {
        let provider = wire.with_key(&peer, KEY, Duration::from_millis(300));
        for fault in faults() {
            let request = wire.request(fault.name);
            let name = format!("{wire:?}, {}", fault.name);
            let whole = provider.complete(&request).await;
            match (&whole, fault.whole) {
                (Err(error), Some(kind)) => check(&name, error, kind),
                (Ok(reply), None) => assert_eq!(reply.text(), LONG, "{name}"),
                // It is as slow with a whole reply in some formats.
                (Err(error), None) => check(&name, error, fault.streamed),
                (Ok(reply), Some(_)) => panic!("{name}: {reply:?}"),
            }
            let (texts, streamed) = streamed(provider.as_ref(), &request).await;
            let error = streamed.expect_err(&name);
            check(&format!("{name}, streamed"), &error, fault.streamed);
            let failure = error.to_failure();
            if fault.began {
                assert!(failure.began && !texts.is_empty() && LONG.starts_with(&texts.concat()), "{name}: {texts:?}");
            }
        }
    }
    fails_once(&peer).await;
}

fn check(name: &str, error: &ProviderError, kind: FailureKind) {
    let failure: Failure = error.to_failure();
    assert_eq!(failure.kind, kind, "{name}: {failure:?}");
    if kind == FailureKind::RateLimited {
        let waits = matches!(error, ProviderError::RateLimited { retry_after: Some(wait), .. } if wait.as_secs() == 7);
        assert!(waits, "{name}: {error:?}");
    }
    assert!(!format!("{error:?}").contains(KEY), "{name}");
}

/// The same call succeeds the second time, on the same connection.
async fn fails_once(peer: &Peer) {
    for (wire, names) in Wire::ALL.iter().zip(once().chunks(2)) {
        let provider = wire.provider(peer);
        let request = wire.request(&names[0]);
        let first = provider.complete(&request).await.unwrap_err();
        assert!(matches!(first, ProviderError::Overloaded { .. }), "{wire:?}: {first:?}");
        assert_eq!(provider.complete(&request).await.unwrap().text(), LONG, "{wire:?}");
        let request = wire.request(&names[1]);
        assert!(streamed(provider.as_ref(), &request).await.1.is_err(), "{wire:?}");
        let (texts, reply) = streamed(provider.as_ref(), &request).await;
        assert_eq!((texts.concat().as_str(), reply.unwrap().text().as_str()), (LONG, LONG), "{wire:?}");
    }
}
