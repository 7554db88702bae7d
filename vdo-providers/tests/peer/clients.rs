//! What the vendors' own clients make of the same answers: text, tools, usage and stop have to be equal.

use std::fmt::Write;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::process::Command;
use vdo_core::message::{Reply, Stop};
use vdo_core::port::Provider;

use crate::server::{KEY, Peer, folder, install, source};
use crate::wires::{Wire, streamed};

const CASES: [&str; 5] = ["say hello", "weigh it", "write at length", "read two files", "one city"];

#[tokio::test(flavor = "multi_thread")]
async fn the_vendors_own_clients_read_the_same() {
    let peer = Peer::start(&json!({ "fixtures": [] })).await;
    let (ours, theirs) = (ours(&peer).await, theirs(&peer).await);
    assert_eq!(ours.len(), Wire::ALL.len() * CASES.len() * 2);
    let table = differences(&ours, &theirs);
    assert!(table.is_empty(), "format, case, field: ours, theirs\n{table}");
}

async fn ours(peer: &Peer) -> Vec<Value> {
    let mut all = Vec::new();
    for wire in Wire::ALL {
        let provider = wire.provider(peer);
        for case in CASES {
            let request = wire.request(case);
            let whole = provider.complete(&request).await.unwrap();
            all.push(seen(wire, case, "whole", &whole));
            let (texts, reply) = streamed(provider.as_ref() as &dyn Provider, &request).await;
            let reply = reply.unwrap();
            assert_eq!(texts.concat(), reply.text());
            all.push(seen(wire, case, "streamed", &reply));
        }
    }
    all
}

fn seen(wire: Wire, case: &str, how: &str, reply: &Reply) -> Value {
    let tools: Vec<_> = reply.tool_calls().map(|call| json!({ "name": call.name, "input": call.input })).collect();
    let stop = match reply.stop {
        Stop::End => "end",
        Stop::Length => "length",
        Stop::ToolUse => "tool_use",
        Stop::Refused => "refused",
    };
    let usage = &reply.usage;
    json!({
        "format": wire.name(), "case": case, "how": how, "text": reply.text(), "tools": tools, "stop": stop,
        "usage": { "input": usage.input, "cache_read": usage.cache_read, "output": usage.output },
    })
}

async fn theirs(peer: &Peer) -> Vec<Value> {
    let folder = folder("peer-clients");
    install("clients.sh", &folder).await;
    let models: Vec<_> = Wire::ALL.iter().map(|wire| json!([wire.name(), wire.model()])).collect();
    let output = Command::new(folder.join("bin/python"))
        .arg(source().join("clients.py"))
        .args([&peer.root, KEY])
        .arg(json!({ "cases": CASES, "models": models }).to_string())
        .env_clear()
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = output.await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Returns a line for every field that differs; empty if all is equal.
fn differences(ours: &[Value], theirs: &[Value]) -> String {
    let mut table = String::new();
    for our in ours {
        let name = |field: &str| our[field].as_str().unwrap();
        let same = |their: &&Value| ["format", "case", "how"].iter().all(|field| their[*field] == our[*field]);
        let row = format!("{}, {} {}", name("format"), name("case"), name("how"));
        let Some(their) = theirs.iter().find(same) else {
            writeln!(table, "{row}: not asked by the vendor's client").unwrap();
            continue;
        };
        for field in ["text", "tools", "usage", "stop"] {
            if our[field] != their[field] {
                writeln!(table, "{row}, {field}: {}, {}", our[field], their[field]).unwrap();
            }
        }
    }
    table
}
