//! Bodies that are empty, pages, compressed, huge or nonsense.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use vdo_core::port::ProviderError;

use crate::backends::{ALL, Backend, Limits, both, kind, read, request};
use crate::support::{Answer, Then, answer, events};

/// Plays one body to both kinds of requests, declared as each would have it.
async fn played(backend: Backend, headers: &'static [(&str, &str)], body: Vec<u8>) -> (String, String) {
    let (whole, (text, streamed)) = both(backend, Limits::default(), move |_, streamed| {
        let kind = if streamed { "text/event-stream" } else { "application/json" };
        let headers: Vec<_> = headers.iter().copied().chain([("content-type", kind)]).collect();
        answer(200, &headers, &body)
    })
    .await;
    assert_eq!(text, "");
    (kind(&whole.unwrap_err()), kind(&streamed.unwrap_err()))
}

#[tokio::test]
async fn a_success_without_a_reply_is_a_typed_error() {
    for backend in ALL {
        for (body, wanted) in [
            ("", ("bad_answer", "transport")),
            (" \r\n\r\n", ("bad_answer", "transport")),
            ("<!DOCTYPE html><p>Sign in</p>", ("bad_answer", "transport")),
            ("OK", ("bad_answer", "transport")),
            ("null", ("bad_answer", "transport")),
            ("data: \n\n: only comments\n\n", ("bad_answer", "transport")),
            ("data: {\"cut", ("bad_answer", "transport")),
            ("data: <html>\n\n", ("bad_answer", "bad_answer")),
            ("data: 7\n\n", ("bad_answer", "bad_answer")),
        ] {
            let found = played(backend, &[], body.into()).await;
            assert_eq!((found.0.as_str(), found.1.as_str()), wanted, "{backend:?} {body:?}");
        }
    }
}

#[tokio::test]
async fn a_page_is_named_as_one() {
    for backend in ALL {
        let (whole, (_, streamed)) = both(backend, Limits::default(), |_, _| {
            answer(200, &[("content-type", "text/html; charset=utf-8")], "<html><body>Sign in</body></html>")
        })
        .await;
        for error in [whole.unwrap_err(), streamed.unwrap_err()] {
            let is_named =
                matches!(&error, ProviderError::BadAnswer { message, usage: None } if message.contains("HTML page"));
            assert!(is_named, "{backend:?} {error:?}");
        }
    }
}

#[tokio::test]
async fn nothing_compressed_is_asked_for_or_opened() {
    // 10 GB of zeros would be a few bytes; what is inside does not matter, for it is not looked at.
    let bomb = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x4b\xcb\xcf\x07\x00\x21\x65\x73\x8c\x03\x00\x00\x00".to_vec();
    for backend in ALL {
        for encoding in
            [[("content-encoding", "gzip")], [("content-encoding", "br")], [("content-encoding", "GZIP, gzip")]]
        {
            let bomb = bomb.clone();
            let (whole, (_, streamed)) = both(backend, Limits::default(), move |request, streamed| {
                assert_eq!(request.header("accept-encoding"), None);
                let kind = if streamed { "text/event-stream" } else { "application/json" };
                answer(200, &[encoding[0], ("content-type", kind)], &bomb)
            })
            .await;
            for error in [whole.unwrap_err(), streamed.unwrap_err()] {
                assert!(
                    matches!(&error, ProviderError::BadAnswer { message, .. } if message.contains("compressed")),
                    "{error:?}"
                );
            }
        }
        // The status of a failure counts, even if its reason cannot be read.
        let (whole, (_, streamed)) =
            both(backend, Limits::default(), |_, _| answer(529, &[("content-encoding", "gzip")], "\x1f")).await;
        assert_eq!([kind(&whole.unwrap_err()), kind(&streamed.unwrap_err())], ["overloaded", "overloaded"]);
        let (whole, _) = both(backend, Limits::default(), move |_, streamed| {
            let usage = backend.usage(1.into(), 1.into());
            let headers = [("content-encoding", "identity"), ("content-type", "application/json")];
            if streamed { events(&[]) } else { answer(200, &headers, backend.whole("x", &usage).to_string()) }
        })
        .await;
        assert_eq!(whole.unwrap().text(), "x");
    }
}

/// Answers one request with the head and then with the same piece, up to 100 MB; tells how much was taken.
async fn flood(head: &str, piece: Vec<u8>) -> (std::net::SocketAddr, oneshot::Receiver<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = oneshot::channel();
    let head = head.to_owned();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut buffer = [0; 65_536];
        let _ = socket.read(&mut buffer).await.unwrap();
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut taken = 0;
        while taken < 100 << 20 && socket.write_all(&piece).await.is_ok() {
            taken += piece.len();
        }
        drop(socket);
        let _ = tell.send(taken);
    });
    (address, told)
}

#[tokio::test]
async fn a_reply_of_100_megabytes_is_refused_at_the_limit() {
    const LIMIT: usize = 32 << 20;
    // What is on its way when the connection is closed.
    const ON_ITS_WAY: usize = 16 << 20;
    for backend in ALL {
        let (address, told) = flood(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 104857600\r\n\r\n{\"a\":\"",
            vec![b'x'; 1 << 16],
        )
        .await;
        let error = backend.provider(address, Limits::default()).complete(&request()).await.unwrap_err();
        assert!(
            matches!(&error, ProviderError::BadAnswer { message, .. } if message.contains("33554432 bytes")),
            "{error:?}"
        );
        assert!(told.await.unwrap() < LIMIT + ON_ITS_WAY);
        let stream = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
        let comments = format!(": {}\n", "nothing ".repeat(120)).repeat(60).into_bytes();
        for piece in [comments, vec![b'x'; 1 << 16]] {
            let (address, told) = flood(stream, piece).await;
            let (_, reply) = read(backend.provider(address, Limits::default()).as_ref()).await;
            assert_eq!(kind(&reply.unwrap_err()), "bad_answer", "{backend:?}");
            assert!(told.await.unwrap() < LIMIT + ON_ITS_WAY);
        }
    }
}

#[tokio::test]
async fn a_stream_that_never_ends_is_refused_at_the_limit() {
    let limits = Limits { bytes: 1 << 20, ..Limits::default() };
    for backend in ALL {
        let usage = backend.usage(20.into(), 1.into());
        let start = backend.start(&usage).into_iter().map(|event| format!("data: {event}\n\n")).collect::<String>();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n{start}");
        let pieces = format!("data: {}\n\n", backend.piece("x")).repeat(500).into_bytes();
        let (address, told) = flood(&head, pieces).await;
        let (text, reply) = read(backend.provider(address, limits).as_ref()).await;
        assert_eq!(kind(&reply.unwrap_err()), "began, bad_answer", "{backend:?}");
        assert!(text.len() > 1000 && told.await.unwrap() < 20 << 20);
    }
}

#[tokio::test]
async fn a_failure_of_100_megabytes_is_still_that_failure() {
    let head = "HTTP/1.1 529 X\r\ncontent-type: application/json\r\ncontent-length: 104857600\r\n\r\n";
    for backend in ALL {
        let (address, told) = flood(head, vec![b'x'; 1 << 16]).await;
        let error = backend.provider(address, Limits::default()).complete(&request()).await.unwrap_err();
        assert!(matches!(&error, ProviderError::Overloaded { message, .. } if message.len() < 3000), "{error:?}");
        assert!(told.await.unwrap() < 32 << 20);
    }
}

#[tokio::test]
async fn json_that_is_deep_or_of_many_values_is_refused() {
    let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let many = |values: usize| format!("[{}0]", "0,".repeat(values));
    for backend in ALL {
        for value in [deep(100_000), many(3_000_000)] {
            let bodies = [
                format!("{{\"content\":{value},\"choices\":{value},\"candidates\":{value}}}"),
                format!("{{\"error\":{value}}}"),
                value,
            ];
            for body in bodies {
                let stream = format!("data: {body}\n\n").into_bytes();
                let (whole, (_, streamed)) = both(backend, Limits::default(), move |_, streamed| {
                    if streamed {
                        events(&[&stream])
                    } else {
                        answer(200, &[("content-type", "application/json")], &body)
                    }
                })
                .await;
                let (whole, streamed) = (whole.unwrap_err(), streamed.unwrap_err());
                assert_eq!(kind(&whole), "bad_answer", "{backend:?}");
                // An event that is not known is skipped, so that the stream only lacks its end.
                assert!(["bad_answer", "transport"].contains(&kind(&streamed).as_str()), "{backend:?} {streamed:?}");
                assert!(whole.to_string().len() < 3000 && streamed.to_string().len() < 3000);
            }
        }
    }
}

#[tokio::test]
async fn redirects_and_silence_end_as_typed_errors() {
    for backend in ALL {
        let (whole, (_, streamed)) =
            both(backend, Limits::default(), |_, _| answer(307, &[("location", "http://127.0.0.1:9/")], "")).await;
        assert_eq!([kind(&whole.unwrap_err()), kind(&streamed.unwrap_err())], ["bad_request", "bad_request"]);
        let short = Limits { total: Duration::from_millis(100), ..Limits::default() };
        let (whole, (_, streamed)) =
            both(backend, short, |_, _| Answer { pieces: Vec::new(), then: Then::Silence }).await;
        for error in [whole.unwrap_err(), streamed.unwrap_err()] {
            assert!(matches!(error, ProviderError::Transport { sent: true, .. }), "{error:?}");
        }
    }
}
