//! Recorders that are killed while they write: every whole line is kept, and the next one goes on after it. The processes are this test
//! again, in the part of [`a_child_that_is_killed`].
#![cfg(all(feature = "replay", feature = "scripted"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test"
)]

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use vdo_core::message::{Completion, Message};
use vdo_core::port::Provider;
use vdo_core::testing::provider_contract::request;
use vdo_core::testing::scripted::{Answers, ScriptedProvider};
use vdo_providers::replay::{Recorder, Replay};

const PLACE: &str = "VDO_TEST_PLACE";

fn asking(text: &str) -> Completion {
    Completion { messages: vec![Message::user(text)], ..request() }
}

fn recorder(path: &str) -> Recorder {
    let long = "long ".repeat(20_000);
    let answers = serde_json::json!({"answers": [{"when": {}, "reply": {"text": long}, "repeat": true}]}).to_string();
    let scripted: Arc<dyn Provider> = Arc::new(ScriptedProvider::new("scripted", Answers::parse(&answers).unwrap()));
    Recorder::open(scripted, path, []).unwrap()
}

#[tokio::test]
#[ignore = "is started by the other, and killed"]
async fn a_child_that_is_killed() {
    let Ok(place) = std::env::var(PLACE) else { return };
    println!("begun");
    for round in 0_u64.. {
        let recorder = recorder(&place);
        for number in 0..20 {
            recorder.complete(&asking(&format!("{round} {number}"))).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_recorder_that_is_killed_loses_no_whole_line_and_is_in_nobodys_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calls.jsonl");
    let place = path.to_str().unwrap();
    let mut seed = 3_u64;
    for round in 0..25 {
        let before = std::fs::read(&path).unwrap_or_default();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_child_that_is_killed", "--ignored", "--nocapture"])
            .env(PLACE, place)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("begun")));
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        std::thread::sleep(Duration::from_micros((seed >> 33) % 15_000));
        child.kill().unwrap();
        child.wait().unwrap();
        let after = std::fs::read(&path).unwrap_or_default();
        assert!(after.starts_with(&before), "round {round}: what was recorded before is there");
        let whole = after.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let recorder = recorder(place);
        recorder.complete(&asking(&format!("after {round}"))).await.unwrap();
        assert_eq!(recorder.problem(), None);
        let mended = std::fs::read(&path).unwrap();
        assert!(mended.starts_with(&after[..whole]), "round {round}: every whole line is kept");
        let replay = Replay::open(&path).unwrap();
        assert!(replay.complete(&asking(&format!("after {round}"))).await.is_ok(), "round {round}");
        // Small again, so that it does not grow for ever.
        if mended.len() > 8 << 20 {
            std::fs::remove_file(&path).unwrap();
        }
    }
}
