//! One server that speaks the interfaces of three vendors, fails as often as it is told, and writes a bill of its own.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use vdo_core::port::Clock;
use vdo_core::time::Timestamp;

use crate::world::Leap;

/// What became of one request.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) provider: &'static str,
    /// What was charged, in nano-dollars.
    pub(crate) billed: i64,
    pub(crate) fault: Option<Fault>,
}

/// How a request fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// 429 with a wait, in seconds.
    Limited(u64),
    Overloaded,
    Broken,
    Money,
    TooLong,
    /// A reply that is billed and cut in the middle.
    CutBilled,
    /// The connection is closed without an answer, and nothing is billed.
    Dropped,
    /// A page in place of JSON; it is billed all the same.
    Garbage,
}

/// What the server saw, by the tag that ends each request.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) arrivals: BTreeMap<String, Vec<Arrival>>,
    /// Requests that came before the wait that the same step was asked for was over.
    pub(crate) too_early: Vec<String>,
    /// Requests that came again after the same step had been told that money was used up.
    pub(crate) after_money: Vec<String>,
    not_before: HashMap<(String, &'static str), Timestamp>,
}

#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) log: Arc<Mutex<Log>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// USD per million tokens: input, output. The same for all, so that the bill is plain.
pub(crate) const PRICE: (&str, &str) = ("3", "15");

fn bill(input: u64, output: u64) -> i64 {
    i64::try_from(input * 3000 + output * 15_000).unwrap()
}

fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Server {
    /// Starts it; `percent` of the requests fail.
    pub(crate) async fn start(clock: Leap, percent: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let log: Arc<Mutex<Log>> = Arc::default();
        let (seen, count) = (log.clone(), Arc::new(AtomicU64::new(0)));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, seen.clone(), clock.clone(), count.clone(), percent));
            }
        });
        Self { port, log, task }
    }
}

async fn serve(mut stream: TcpStream, log: Arc<Mutex<Log>>, clock: Leap, count: Arc<AtomicU64>, percent: u64) {
    let mut buffer = Vec::new();
    loop {
        let Some((path, body, rest)) = read(&mut stream, &mut buffer).await else { return };
        buffer = rest;
        let number = count.fetch_add(1, Ordering::Relaxed);
        let provider = match path.as_str() {
            path if path.ends_with("/messages") => "anthropic",
            path if path.ends_with("/responses") => "openai",
            _ => "gemini",
        };
        let tag = tag(&body);
        let drawn = mix(number);
        let fault = (drawn % 100 < percent).then(|| fault(drawn / 100));
        // The largest window is large enough.
        let fault = fault.map(|one| if one == Fault::TooLong && provider == "gemini" { Fault::Broken } else { one });
        let (input, output) = (500 + drawn % 700, 20 + drawn % 90);
        let charged = matches!(fault, None | Some(Fault::CutBilled | Fault::Garbage));
        let billed = if charged { bill(input, output) } else { 0 };
        note(&log, &tag, Arrival { provider, billed, fault }, clock.now());
        let reply = reply(provider, &text(&tag), input, output);
        let answer = answer(provider, fault, &reply);
        if stream.write_all(answer.as_bytes()).await.is_err()
            || matches!(fault, Some(Fault::CutBilled | Fault::Dropped))
        {
            return;
        }
    }
}

/// Reads one request: its path, its body, and what came after it.
async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<(String, String, Vec<u8>)> {
    let mut chunk = [0; 8192];
    loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
            let length: usize = length.unwrap_or(0);
            if buffer.len() >= end + 4 + length {
                let body = String::from_utf8_lossy(&buffer[end + 4..end + 4 + length]).into_owned();
                let path = head.split_whitespace().nth(1)?.to_owned();
                return Some((path, body, buffer.split_off(end + 4 + length)));
            }
        }
        let read = stream.read(&mut chunk).await.ok()?;
        if read == 0 {
            return None;
        }
        buffer.extend_from_slice(&chunk[..read]);
    }
}

fn tag(body: &str) -> String {
    let start = body.rfind("[vdo job=").unwrap();
    body[start..].split(']').next().unwrap().to_owned()
}

fn text(tag: &str) -> String {
    if tag.contains("phase=plan") {
        json!({"summary": "s", "tasks": [{"id": "a", "title": "A", "create": ["a.txt"]}]}).to_string()
    } else if tag.contains("phase=build") {
        "a.txt\n```\nhello\n```\n".to_owned()
    } else {
        r#"{"findings": []}"#.to_owned()
    }
}

fn fault(drawn: u64) -> Fault {
    match drawn % 40 {
        0..=9 => Fault::Limited(1 + drawn % 3),
        10..=17 => Fault::Overloaded,
        18..=25 => Fault::Broken,
        26 => Fault::Money,
        27 => Fault::TooLong,
        28..=31 => Fault::CutBilled,
        32..=35 => Fault::Dropped,
        _ => Fault::Garbage,
    }
}

fn note(log: &Mutex<Log>, tag: &str, arrival: Arrival, now: Timestamp) {
    let mut log = log.lock().unwrap();
    let key = (tag.to_owned(), arrival.provider);
    if log.not_before.get(&key).is_some_and(|until| now < *until) {
        log.too_early.push(tag.to_owned());
    }
    let before = log.arrivals.get(tag).into_iter().flatten();
    let was_money = |before: &Arrival| before.provider == arrival.provider && before.fault == Some(Fault::Money);
    if before.into_iter().any(was_money) {
        log.after_money.push(tag.to_owned());
    }
    if let Some(Fault::Limited(seconds)) = arrival.fault {
        log.not_before.insert(key, Timestamp(now.0 + i64::try_from(seconds).unwrap() * 1000));
    }
    log.arrivals.entry(tag.to_owned()).or_default().push(arrival);
}

fn reply(provider: &str, text: &str, input: u64, output: u64) -> String {
    match provider {
        "anthropic" => json!({
            "id": "msg_1", "type": "message", "role": "assistant", "model": "m",
            "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "stop_sequence": null,
            "usage": {"input_tokens": input, "output_tokens": output},
        }),
        "openai" => json!({
            "id": "resp_1", "object": "response", "status": "completed", "model": "m", "error": null,
            "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}],
            "usage": {"input_tokens": input, "output_tokens": output, "total_tokens": input + output},
        }),
        _ => json!({
            "candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP", "index": 0}],
            "usageMetadata": {"promptTokenCount": input, "candidatesTokenCount": output, "totalTokenCount": input + output},
            "modelVersion": "m",
        }),
    }
    .to_string()
}

fn failure(provider: &str, status: u16, kind: &str, code: &str) -> String {
    match provider {
        "anthropic" => json!({"type": "error", "error": {"type": kind, "message": "chaos"}}),
        "openai" => json!({"error": {"message": "chaos", "type": kind, "param": null, "code": code}}),
        _ => json!({"error": {"code": status, "message": "chaos", "status": code}}),
    }
    .to_string()
}

fn answer(provider: &str, fault: Option<Fault>, reply: &str) -> String {
    let with = |status: u16, extra: &str, body: &str| {
        format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{extra}content-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    match fault {
        None => with(200, "", reply),
        Some(Fault::Limited(seconds)) => {
            let code = if provider == "gemini" { "RESOURCE_EXHAUSTED" } else { "rate_limit_exceeded" };
            with(429, &format!("retry-after: {seconds}\r\n"), &failure(provider, 429, "rate_limit_error", code))
        }
        Some(Fault::Overloaded) => {
            let status = if provider == "anthropic" { 529 } else { 503 };
            with(status, "", &failure(provider, status, "overloaded_error", "UNAVAILABLE"))
        }
        Some(Fault::Broken) => with(500, "", &failure(provider, 500, "api_error", "INTERNAL")),
        Some(Fault::Money) if provider == "openai" => {
            with(429, "", &failure(provider, 429, "insufficient_quota", "credit_balance_exhausted"))
        }
        Some(Fault::Money) => with(402, "", &failure(provider, 402, "billing_error", "RESOURCE_EXHAUSTED")),
        Some(Fault::TooLong) => match provider {
            "anthropic" => with(413, "", &failure(provider, 413, "request_too_large", "")),
            "openai" => with(400, "", &failure(provider, 400, "invalid_request_error", "context_length_exceeded")),
            _ => with(413, "", &failure(provider, 413, "", "INVALID_ARGUMENT")),
        },
        Some(Fault::CutBilled) => {
            let half = &reply[..reply.len() / 2];
            format!("HTTP/1.1 200 X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{half}", reply.len())
        }
        Some(Fault::Dropped) => String::new(),
        Some(Fault::Garbage) => with(200, "", "<html><body>It works!</body></html>"),
    }
}
