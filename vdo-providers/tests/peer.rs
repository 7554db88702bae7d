//! The Chat Completions backend against a server that other people wrote: the npm package
//! `@copilotkit/aimock` (MIT), pinned in `peer/package-lock.json`.
//!
//! The server is installed into `$VDO_PEER_DIR`, else into the target folder, by `peer/install.sh`.
#![cfg(feature = "openai-chat")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use futures_util::StreamExt;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use vdo_core::message::{Block, Completion, Message, OutputSchema, Reply, Role, Stop, ToolSpec};
use vdo_core::port::{Provider, ProviderError, StreamEvent};
use vdo_core::usage::Usage;
use vdo_providers::openai_chat::{Config, OpenAiChat, Profile};

const KEY: &str = "sk-peer-key-0123456789";
const HELLO: &str = "Hello from an independent server: äöü, 日本, 🙂. It streams in small pieces.";

/// The running server. Stopped when it is dropped.
struct Peer {
    child: Child,
    base_url: String,
}

impl Peer {
    async fn start() -> Self {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peer");
        let folder = std::env::var_os("VDO_PEER_DIR")
            .map_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("peer"), PathBuf::from);
        install(&source, &folder).await;
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let child = Command::new("node")
            .arg(folder.join("node_modules/@copilotkit/aimock/dist/cli.js"))
            .args(["--host", "127.0.0.1", "--port", &port.to_string(), "--strict", "--chunk-size", "3"])
            .args(["--validate-on-load", "--log-level", "silent"])
            .arg("--fixtures")
            .arg(source.join("fixtures.json"))
            .env("AIMOCK_API_KEYS", KEY)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("node has to be installed");
        let mut peer = Self { child, base_url: format!("http://127.0.0.1:{port}/v1") };
        peer.wait(port).await;
        peer
    }

    /// Waits until the port answers; at most 20 s.
    async fn wait(&mut self, port: u16) {
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return;
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the peer ended with {status} before it answered");
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the peer did not answer within 20 s");
    }

    fn config(&self) -> Config {
        Config::new("peer", &self.base_url).with_key(KEY.into()).with_profile(Profile::OpenAi)
    }
}

async fn install(source: &Path, folder: &Path) {
    let script = source.join("install.sh");
    let run = Command::new("sh").arg(&script).arg(folder).stdin(Stdio::null()).output();
    let output = tokio::time::timeout(Duration::from_secs(120), run).await;
    let advice = format!(
        "run `sh {} DIR` where npm can reach a registry, then the test again with VDO_PEER_DIR=DIR",
        script.display()
    );
    match output {
        Ok(Ok(output)) if output.status.success() => {}
        Ok(Ok(output)) => {
            panic!("the peer cannot be installed: {}\n{advice}", String::from_utf8_lossy(&output.stderr))
        }
        Ok(Err(error)) => panic!("the peer cannot be installed: {error}\n{advice}"),
        Err(_) => panic!("the peer cannot be installed within 120 s\n{advice}"),
    }
}

fn request(text: &str) -> Completion {
    Completion {
        model: "gpt-4o".to_owned(),
        system: "You are tested.".to_owned(),
        messages: vec![Message::user(text)],
        tools: Vec::new(),
        output: None,
        max_output: Some(200),
        settings: Default::default(),
    }
}

/// Asks for the reply whole and streamed; both have to be the same but for ids.
async fn ask(provider: &OpenAiChat, request: &Completion) -> Result<Reply, ProviderError> {
    let whole = provider.complete(request).await?;
    let mut stream = provider.stream(request).await?;
    let mut text = String::new();
    let mut pieces = 0;
    let streamed = loop {
        match stream.next().await.expect("a stream ends with the whole reply")? {
            StreamEvent::Text(piece) => {
                text.push_str(&piece);
                pieces += 1;
            }
            StreamEvent::Done(reply) => break *reply,
        }
    };
    assert!(stream.next().await.is_none());
    assert_eq!(text, whole.text());
    assert!(text.chars().count() < 6 || pieces > 1, "{text:?} came in one piece");
    assert_eq!(without_ids(&streamed), without_ids(&whole));
    assert!(whole.request_id.is_some() && streamed.request_id != whole.request_id);
    Ok(whole)
}

fn without_ids(reply: &Reply) -> Reply {
    let mut reply = reply.clone();
    reply.request_id = None;
    for block in &mut reply.blocks {
        if let Block::ToolCall(call) = block {
            assert!(!call.id.is_empty());
            call.id.clear();
        }
    }
    reply
}

#[tokio::test]
async fn an_independent_server_is_understood() {
    let mut peer = Peer::start().await;
    let provider = OpenAiChat::new(peer.config()).unwrap();
    texts_usage_and_schemas(&provider).await;
    tools(&provider).await;
    failures(&provider).await;
    keys_and_health(&peer, &provider).await;
    let replies =
        futures_util::future::join_all((0..64).map(|_| async { provider.complete(&request("say hello")).await }));
    assert!(replies.await.into_iter().all(|reply| reply.unwrap().text() == HELLO));
    peer.child.kill().await.unwrap();
    let gone = provider.complete(&request("say hello")).await.unwrap_err();
    assert!(matches!(gone, ProviderError::Transport { sent: false, .. }), "{gone:?}");
}

async fn texts_usage_and_schemas(provider: &OpenAiChat) {
    let hello = ask(provider, &request("say hello")).await.unwrap();
    assert_eq!((hello.text().as_str(), hello.stop, hello.model.as_str()), (HELLO, Stop::End, "gpt-4o"));
    assert!(!hello.usage.estimated);
    let weighed = ask(provider, &request("weigh it")).await.unwrap();
    assert_eq!(weighed.usage, Usage { input: 120, output: 30, ..Usage::default() });
    let cut = ask(provider, &request("write at length")).await.unwrap();
    assert_eq!((cut.text().as_str(), cut.stop), ("one two thr", Stop::Length));
    let mut plan = request("plan as json");
    let schema = json!({
        "type": "object", "properties": { "plan": { "type": "array", "items": { "type": "string" } } },
        "required": ["plan"], "additionalProperties": false,
    });
    plan.output = Some(OutputSchema { name: "plan".to_owned(), schema });
    // The server has no answer to this request without its schema.
    assert_eq!(ask(provider, &plan).await.unwrap().text(), r#"{"plan":["one"]}"#);
}

async fn tools(provider: &OpenAiChat) {
    let mut request = request("read two files");
    request.tools.push(ToolSpec {
        name: "read".to_owned(),
        description: "Reads a file.".to_owned(),
        input_schema: json!({ "type": "object", "properties": { "path": { "type": "string" } } }),
    });
    let calls = ask(provider, &request).await.unwrap();
    assert_eq!(calls.stop, Stop::ToolUse);
    let paths: Vec<_> = calls.tool_calls().map(|call| call.input["path"].clone()).collect();
    assert_eq!(paths, ["src/main.rs", "src/lib.rs"]);
    let results = calls.tool_calls().map(|call| Block::ToolResult {
        id: call.id.clone(),
        content: "fn main() {}".to_owned(),
        is_error: false,
    });
    let results = results.collect();
    request.messages.push(Message { role: Role::Assistant, blocks: calls.blocks.clone() });
    request.messages.push(Message { role: Role::User, blocks: results });
    assert_eq!(ask(provider, &request).await.unwrap().text(), "Both were read.");
}

async fn failures(provider: &OpenAiChat) {
    for text in ["too many", "out of credit", "far too long", "fall over", "nothing fits this"] {
        let whole = provider.complete(&request(text)).await.unwrap_err();
        let streamed = provider.stream(&request(text)).await.err().expect("it fails before the first event");
        assert_eq!(whole.to_failure(), streamed.to_failure());
        match (text, &whole) {
            ("too many", ProviderError::RateLimited { retry_after: Some(wait), .. }) => assert_eq!(wait.as_secs(), 1),
            ("out of credit", ProviderError::Money { .. })
            | ("far too long", ProviderError::ContextTooLong { .. })
            | ("fall over", ProviderError::Fault { status: 500, .. })
            | ("nothing fits this", ProviderError::Overloaded { .. }) => {}
            _ => panic!("{text}: {whole:?}"),
        }
    }
}

async fn keys_and_health(peer: &Peer, provider: &OpenAiChat) {
    assert!(!provider.probe().await.unwrap().models.is_empty());
    let wrong = OpenAiChat::new(peer.config().with_key("sk-not-the-right-key".into())).unwrap();
    assert!(matches!(wrong.probe().await, Err(ProviderError::KeyRefused { .. })));
    let refused = wrong.complete(&request("say hello")).await.unwrap_err();
    assert!(matches!(&refused, ProviderError::KeyRefused { .. }));
    assert!(!format!("{refused:?}").contains("sk-not-the-right-key"));
}
