//! The only way out of a `prepare` run: a proxy that reaches listed hosts.
//!
//! It listens on the loopback of the sandbox's own network namespace and dials from the host's.
//! It resolves names itself and connects to the very address it has checked, so that a name
//! cannot point elsewhere between the check and the use.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::error::SandboxError;

/// Where the proxy listens inside the sandbox. Its network namespace is new, so it is free.
pub(super) const PORT: u16 = 3128;
const HEAD: usize = 16 * 1024;
const PATIENCE: Duration = Duration::from_secs(30);

/// A host that a `prepare` run may reach.
///
/// `pypi.org` allows ports 80 and 443 on public addresses; `.example.org` every name below
/// `example.org`; `mirror.local:8080` that port only, whatever address the name has, which is
/// how an index mirror on a private or loopback address is allowed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AllowedHost {
    name: String,
    port: Option<u16>,
}

impl FromStr for AllowedHost {
    type Err = SandboxError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || SandboxError::bad_input(format!("{text:?} is not a host or host:port"));
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) if !name.ends_with(':') && (!name.contains(':') || name.ends_with(']')) => {
                (name, Some(port.parse().map_err(|_| bad())?))
            }
            _ => (text, None),
        };
        let name = name.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
        if name.trim_start_matches('.').is_empty() || !name.chars().all(plain) {
            return Err(bad());
        }
        Ok(Self { name, port })
    }
}

impl AllowedHost {
    fn matches(&self, name: &str, port: u16) -> bool {
        let port_fits = match self.port {
            Some(only) => only == port,
            None => port == 443 || port == 80,
        };
        let name_fits = match self.name.strip_prefix('.') {
            Some(suffix) => name.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.')),
            None => self.name == name,
        };
        port_fits && name_fits
    }
}

/// What one proxy has let through and refused.
#[derive(Debug)]
pub(super) struct Ledger {
    allow: Vec<AllowedHost>,
    left: AtomicU64,
    refused: Mutex<Vec<String>>,
    seats: Semaphore,
    limited: std::sync::atomic::AtomicBool,
}

impl Ledger {
    pub(super) fn new(allow: Vec<AllowedHost>, bytes: u64, connections: usize) -> Arc<Self> {
        Arc::new(Self {
            allow,
            left: AtomicU64::new(bytes),
            refused: Mutex::default(),
            seats: Semaphore::new(connections),
            limited: false.into(),
        })
    }

    /// Returns what was refused, each once, in order.
    pub(super) fn refused(&self) -> Vec<String> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let mut seen = BTreeSet::new();
        refused.iter().filter(|target| seen.insert(*target)).cloned().collect()
    }

    /// Returns whether bytes or connections ran out.
    pub(super) fn was_limited(&self) -> bool {
        self.limited.load(Ordering::Relaxed)
    }

    fn refuse(&self, target: String) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.len() < 1000 && !refused.contains(&target) {
            refused.push(target);
        }
    }

    fn spend(&self, bytes: usize) -> io::Result<()> {
        let take = |left: u64| left.checked_sub(bytes as u64);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).map(drop).map_err(|_| {
            self.limited.store(true, Ordering::Relaxed);
            io::ErrorKind::QuotaExceeded.into()
        })
    }
}

/// Serves `listener` until the future is dropped.
pub(super) async fn serve(listener: std::net::TcpListener, ledger: Arc<Ledger>) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let mut open = JoinSet::new();
    loop {
        let (mut client, _) = listener.accept().await?;
        while open.try_join_next().is_some() {}
        let ledger = Arc::clone(&ledger);
        open.spawn(async move {
            let Ok(_seat) = ledger.seats.try_acquire() else {
                ledger.limited.store(true, Ordering::Relaxed);
                return answer(&mut client, "503 Too Many Connections").await;
            };
            handle(client, &ledger).await
        });
    }
}

async fn handle(mut client: TcpStream, ledger: &Ledger) -> io::Result<()> {
    let head = tokio::time::timeout(PATIENCE, read_head(&mut client)).await??;
    let Some(request) = Request::parse(&head) else {
        return answer(&mut client, "400 Bad Request").await;
    };
    let target = format!("{}:{}", request.host, request.port);
    let Some(rule) = ledger.allow.iter().find(|rule| rule.matches(&request.host, request.port)) else {
        ledger.refuse(target);
        return answer(&mut client, "403 Host Not On The Allow List").await;
    };
    let found = match tokio::net::lookup_host((request.host.as_str(), request.port)).await {
        Ok(found) => found.collect::<Vec<_>>(),
        Err(_) => return answer(&mut client, "502 Name Not Found").await,
    };
    let private_is_fine = rule.port.is_some();
    let usable: Vec<SocketAddr> = found.into_iter().filter(|at| private_is_fine || is_public(at.ip())).collect();
    if usable.is_empty() {
        ledger.refuse(target);
        return answer(&mut client, "403 Address Not Public").await;
    }
    let dial = TcpStream::connect(usable.as_slice());
    let Ok(Ok(mut server)) = tokio::time::timeout(PATIENCE, dial).await else {
        return answer(&mut client, "502 Not Reachable").await;
    };
    match &request.forward {
        Some(forward) => server.write_all(forward).await?,
        None => client.write_all(b"HTTP/1.1 200 Connection Established\r\n\r\n").await?,
    }
    if !request.rest.is_empty() {
        ledger.spend(request.rest.len())?;
        server.write_all(&request.rest).await?;
    }
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    tokio::try_join!(pump(&mut from_client, &mut to_server, ledger), pump(&mut from_server, &mut to_client, ledger),)?;
    Ok(())
}

async fn pump(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    ledger: &Ledger,
) -> io::Result<()> {
    let mut block = vec![0_u8; 16 * 1024];
    loop {
        let count = from.read(&mut block).await?;
        let Some(bytes) = block.get(..count).filter(|bytes| !bytes.is_empty()) else {
            return to.shutdown().await;
        };
        ledger.spend(count)?;
        to.write_all(bytes).await?;
    }
}

async fn read_head(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        if head.len() > HEAD || client.read_buf(&mut head).await? == 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    Ok(head)
}

async fn answer(client: &mut TcpStream, status: &str) -> io::Result<()> {
    let text = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    client.write_all(text.as_bytes()).await?;
    client.shutdown().await
}

/// What a client asked the proxy for.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    host: String,
    port: u16,
    /// The head to send on; `None` for CONNECT.
    forward: Option<Vec<u8>>,
    /// What the client sent after the head.
    rest: Vec<u8>,
}

impl Request {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = std::str::from_utf8(bytes.get(..end)?).ok()?;
        let rest = bytes.get(end + 4..)?.to_vec();
        let mut lines = head.split("\r\n");
        let mut first = lines.next()?.split(' ');
        let (method, target, version) = (first.next()?, first.next()?, first.next()?);
        if method == "CONNECT" {
            let (host, port) = authority(target, None)?;
            return Some(Self { host, port, forward: None, rest });
        }
        let after = target.strip_prefix("http://")?;
        let (at, path) = after.split_once('/').map_or((after, ""), |(at, path)| (at, path));
        let (host, port) = authority(at, Some(80))?;
        // One request per connection: a second one on it could name another host.
        let mut forward = format!("{method} /{path} {version}\r\nHost: {at}\r\nConnection: close\r\n");
        for line in lines {
            let name = line.split(':').next()?.trim().to_ascii_lowercase();
            if !["host", "connection", "proxy-connection", "proxy-authorization", "keep-alive"].contains(&name.as_str())
            {
                forward.push_str(line);
                forward.push_str("\r\n");
            }
        }
        forward.push_str("\r\n");
        Some(Self { host, port, forward: Some(forward.into_bytes()), rest })
    }
}

/// Splits `host:port`. User information is refused: it would only hide the host.
fn authority(text: &str, default: Option<u16>) -> Option<(String, u16)> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse().ok()?)),
        _ => (text, None),
    };
    let host = host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
    if host.is_empty() || !host.chars().all(plain) {
        return None;
    }
    Some((host, port.or(default)?))
}

fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            !(ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_multicast()
                || ip.is_broadcast()
                || a == 0
                || a >= 240
                || (a == 100 && (64..128).contains(&b))
                || (a == 198 && (18..20).contains(&b)))
        }
        IpAddr::V6(ip) => match ip.to_ipv4() {
            Some(inner) => is_public(IpAddr::V4(inner)),
            None => {
                let [first, ..] = ip.segments();
                // Global unicast, without 6to4 and NAT64, which carry a v4 address.
                first & 0xe000 == 0x2000 && first != 0x2002
            }
        },
    }
}

#[cfg(test)]
mod tests;
