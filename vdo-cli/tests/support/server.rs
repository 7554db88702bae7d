//! A server on the loopback interface that speaks the Chat Completions protocol, counts, and misbehaves when told to.
//! It shares no code with what it is asked by.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Which request this is, from 1.
    pub(crate) number: usize,
    /// The fields of the tag in the last user message.
    pub(crate) tag: String,
    /// The body.
    pub(crate) body: Value,
}

impl Asked {
    /// Returns a field of the tag.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let found = self.tag.split_whitespace().find_map(|field| field.strip_prefix(&format!("{name}=")));
        found.map(str::to_owned).filter(|value| value != "-")
    }

    /// Returns the answer of the reference job.
    pub(crate) fn reference(&self) -> Does {
        Does::Say(super::story::answer(&self.field("phase").unwrap_or_default(), self.field("task").as_deref()))
    }
}

/// What the server does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Does {
    /// Answers with a text, 1000 tokens in and 100 out.
    Say(String),
    /// Answers with a text that was cut off by the limit on output.
    SayCut(String),
    /// Answers with a status, more header lines and a body.
    Status(u16, String, String),
    /// Writes these bytes and closes the connection.
    Bytes(Vec<u8>),
    /// Answers never; the connection stays open until the client goes away.
    Hold,
}

/// The server. It ends with the process.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) base_url: String,
    log: Arc<Mutex<Vec<Asked>>>,
    arrivals: Mutex<Receiver<usize>>,
    answered: Arc<Mutex<Vec<usize>>>,
}

impl Server {
    /// Starts a server that does with each request what `rule` says.
    pub(crate) fn start(rule: impl Fn(&Asked) -> Does + Send + Sync + 'static) -> Self {
        Self::at("127.0.0.1", rule)
    }

    /// As [`Server::start`], on another address.
    pub(crate) fn at(host: &str, rule: impl Fn(&Asked) -> Does + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((host, 0)).unwrap();
        let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
        let (log, answered) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
        let (tell, arrivals) = channel();
        let (rule, seen, done) = (Arc::new(rule), log.clone(), answered.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (rule, seen, done, tell) = (rule.clone(), seen.clone(), done.clone(), tell.clone());
                std::thread::spawn(move || serve(stream, rule.as_ref(), &seen, &done, &tell));
            }
        });
        Self { base_url, log, arrivals: Mutex::new(arrivals), answered }
    }

    /// Returns the requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.log.lock().unwrap().clone()
    }

    /// Returns the tags of the requests so far.
    pub(crate) fn tags(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.tag).collect()
    }

    /// Returns the numbers of the requests whose answers were written out whole.
    pub(crate) fn answered(&self) -> Vec<usize> {
        self.answered.lock().unwrap().clone()
    }

    /// Waits until the request with this number has arrived; at most a minute.
    pub(crate) fn wait_for(&self, number: usize) {
        let arrivals = self.arrivals.lock().unwrap();
        while self.log.lock().unwrap().len() < number {
            arrivals
                .recv_timeout(std::time::Duration::from_secs(60))
                .expect("the request did not come within a minute");
        }
    }
}

fn serve(
    stream: TcpStream,
    rule: &(dyn Fn(&Asked) -> Does + Send + Sync),
    seen: &Mutex<Vec<Asked>>,
    answered: &Mutex<Vec<usize>>,
    tell: &Sender<usize>,
) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    while let Some(body) = read_request(&mut reader) {
        let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let asked = {
            let mut seen = seen.lock().unwrap();
            let asked = Asked { number: seen.len() + 1, tag: tag_of(&body), body };
            seen.push(asked.clone());
            asked
        };
        let _ = tell.send(asked.number);
        let sent = match rule(&asked) {
            Does::Say(text) => write_json(&mut stream, 200, "", &completion(&text, "stop")),
            Does::SayCut(text) => write_json(&mut stream, 200, "", &completion(&text, "length")),
            Does::Status(status, headers, body) => write_json(&mut stream, status, &headers, &body),
            Does::Bytes(bytes) => {
                let _ = stream.write_all(&bytes);
                let _ = stream.shutdown(std::net::Shutdown::Both);
                return;
            }
            Does::Hold => {
                let _ = reader.read(&mut [0u8; 1]);
                return;
            }
        };
        if sent.is_err() {
            return;
        }
        answered.lock().unwrap().push(asked.number);
    }
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut length = 0usize;
    let mut lines = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.trim().is_empty() {
            if lines == 0 {
                continue;
            }
            break;
        }
        lines += 1;
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(body)
}

/// Returns the inside of the tag that ends the last user message.
fn tag_of(body: &Value) -> String {
    let messages = body["messages"].as_array().cloned().unwrap_or_default();
    let mut tag = String::new();
    for message in messages {
        let texts: Vec<String> = match &message["content"] {
            Value::String(text) => vec![text.clone()],
            Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str().map(str::to_owned)).collect(),
            _ => Vec::new(),
        };
        for text in texts {
            if let Some(found) = text.lines().rev().find_map(|line| line.strip_prefix("[vdo ")) {
                tag = found.trim_end_matches(']').to_owned();
            }
        }
    }
    tag
}

/// Returns a completion as the protocol has it.
pub(crate) fn completion(text: &str, reason: &str) -> String {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "model-1",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": reason}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100},
    })
    .to_string()
}

fn write_json(stream: &mut TcpStream, status: u16, headers: &str, body: &str) -> std::io::Result<()> {
    let kind = if body.trim_start().starts_with('<') { "text/html" } else { "application/json" };
    let head =
        format!("HTTP/1.1 {status} Told\r\ncontent-type: {kind}\r\n{headers}content-length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes())?;
    stream.flush()
}
