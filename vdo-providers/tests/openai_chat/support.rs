//! A server on this machine that plays what a test tells it to.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn is_streamed(&self) -> bool {
        self.json()["stream"] == true
    }
}

/// What the server does with a request.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) pieces: Vec<Vec<u8>>,
    pub(crate) then: Then,
}

/// What the server does after the pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// Waits for the next request.
    Next,
    /// Closes the connection.
    Close,
    /// Says nothing more until the other side closes.
    Silence,
}

/// An answer with a length.
pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Answer {
    let body = body.as_ref();
    let mut bytes = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len()).into_bytes();
    for (name, value) in headers {
        bytes.extend(format!("{name}: {value}\r\n").bytes());
    }
    bytes.extend(b"\r\n");
    bytes.extend(body);
    Answer { pieces: vec![bytes], then: Then::Next }
}

pub(crate) fn json(status: u16, body: &serde_json::Value) -> Answer {
    answer(status, &[("content-type", "application/json")], body.to_string())
}

/// A streamed answer in pieces; complete as far as HTTP goes.
pub(crate) fn events(pieces: &[&[u8]]) -> Answer {
    let mut all =
        vec![b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n".to_vec()];
    for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
        let mut bytes = format!("{:x}\r\n", piece.len()).into_bytes();
        bytes.extend_from_slice(piece);
        bytes.extend(b"\r\n");
        all.push(bytes);
    }
    all.push(b"0\r\n\r\n".to_vec());
    Answer { pieces: all, then: Then::Next }
}

impl Answer {
    /// Leaves out the last piece, so that the body never ends.
    pub(crate) fn unfinished(mut self, then: Then) -> Self {
        self.pieces.pop();
        self.then = then;
        self
    }
}

/// A running server; ends with the runtime of its test.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Mutex<UnboundedReceiver<Request>>,
    closed: Mutex<UnboundedReceiver<()>>,
}

impl Server {
    pub(crate) async fn start(play: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (see, seen) = unbounded_channel();
        let (close, closed) = unbounded_channel();
        let play = Arc::new(play);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (play, see, close) = (Arc::clone(&play), see.clone(), close.clone());
                tokio::spawn(async move {
                    serve(socket, play.as_ref(), &see).await;
                    let _ = close.send(());
                });
            }
        });
        Self { address, seen: Mutex::new(seen), closed: Mutex::new(closed) }
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Returns the next request that arrived.
    pub(crate) async fn seen(&self) -> Request {
        self.seen.lock().await.recv().await.unwrap()
    }

    /// Returns once a connection has ended.
    pub(crate) async fn closed(&self) {
        self.closed.lock().await.recv().await.unwrap();
    }
}

async fn serve(
    mut socket: TcpStream,
    play: &(dyn Fn(&Request) -> Answer + Send + Sync),
    see: &UnboundedSender<Request>,
) {
    let mut buffer = Vec::new();
    while let Some(request) = read_request(&mut socket, &mut buffer).await {
        let answer = play(&request);
        let _ = see.send(request);
        for piece in &answer.pieces {
            if socket.write_all(piece).await.is_err() || socket.flush().await.is_err() {
                return;
            }
        }
        match answer.then {
            Then::Next => {}
            Then::Close => return,
            Then::Silence => {
                let mut rest = [0; 64];
                while matches!(socket.read(&mut rest).await, Ok(count) if count > 0) {}
                return;
            }
        }
    }
}

async fn read_request(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Request> {
    let head = loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if socket.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8_lossy(&buffer[..head]).into_owned();
    let mut lines = text.lines();
    let line = lines.next()?.to_owned();
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length =
        headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    while buffer.len() < head + 4 + length {
        if socket.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    let body = buffer[head + 4..head + 4 + length].to_vec();
    buffer.drain(..head + 4 + length);
    Some(Request { line, headers, body })
}
