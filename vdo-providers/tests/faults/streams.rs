//! Streams that are cut, stall, or come in odd pieces.

use std::time::Duration;

use vdo_core::message::Stop;
use vdo_core::usage::Usage;

use crate::backends::{ALL, Backend, Limits, TEXT, both, kind, read};
use crate::support::{Server, Then, events};

fn usage(backend: Backend) -> serde_json::Value {
    backend.usage(20.into(), 6.into())
}

const COUNTED: Usage =
    Usage { input: 20, cache_read: 0, cache_write: 0, cache_write_long: 0, output: 6, reasoning: 0, estimated: false };

#[tokio::test]
async fn a_stream_is_right_in_whatever_pieces_and_lines_it_comes() {
    for backend in ALL {
        let plain = backend.stream(TEXT, &usage(backend));
        let odd = format!("\u{feff}: hello\n\nid: 7\nretry: 1\n{}", plain.replace("data: ", ": noise\ndata:"));
        // JSON may be broken into lines wherever it has a space; so may an event.
        let lines = plain.replace("{\"", "{\ndata: \"");
        for stream in [plain.clone(), plain.replace('\n', "\r\n"), plain.replace('\n', "\r"), odd, lines] {
            for size in [1, 2, 3, 7, stream.len()] {
                let stream = stream.clone();
                let server = Server::start(move |_| events(&stream.as_bytes().chunks(size).collect::<Vec<_>>())).await;
                let (text, reply) = read(backend.provider(server.address, Limits::default()).as_ref()).await;
                let reply = reply.unwrap();
                assert_eq!((text.as_str(), reply.text().as_str()), (TEXT, TEXT), "{backend:?} in pieces of {size}");
                assert_eq!((reply.usage, reply.stop), (COUNTED, Stop::End));
            }
        }
    }
}

#[tokio::test]
async fn a_stream_that_ends_early_is_cut_off_wherever_it_ends() {
    for backend in ALL {
        let stream = backend.stream(TEXT, &usage(backend));
        let mark = match backend {
            Backend::OpenAi => "response.completed",
            Backend::OpenAiChat | Backend::Gemini => "finish",
            Backend::Anthropic => "message_stop",
        };
        // Fields are sorted, so that an event's kind comes last; it is whole with its last line.
        let whole_from = stream.rfind(mark).unwrap();
        for cut in (0..whole_from).step_by(5) {
            let pieces = stream.as_bytes()[..cut].to_vec();
            let server = Server::start(move |_| events(&[&pieces])).await;
            let (text, reply) = read(backend.provider(server.address, Limits::default()).as_ref()).await;
            let wanted = if text.is_empty() { "transport" } else { "began, transport" };
            assert_eq!(kind(&reply.unwrap_err()), wanted, "{backend:?} cut at {cut}");
            assert!(TEXT.starts_with(&text), "{text}");
        }
    }
}

#[tokio::test]
async fn a_connection_that_breaks_or_stalls_keeps_what_was_used() {
    let short = Limits { idle: Duration::from_millis(150), ..Limits::default() };
    for backend in ALL {
        for then in [Then::Close, Then::Silence] {
            let begun: String = backend
                .start(&usage(backend))
                .iter()
                .chain([&backend.piece("half a reply")])
                .map(|event| format!("data: {event}\n\n"))
                .collect();
            let (whole, (text, streamed)) = both(backend, short, move |_, streamed| {
                if streamed {
                    return events(&[begun.as_bytes()]).unfinished(then);
                }
                let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{";
                crate::support::Answer { pieces: vec![head.to_vec()], then }
            })
            .await;
            assert_eq!((kind(&whole.unwrap_err()), text.as_str()), ("transport".to_owned(), "half a reply"));
            let error = streamed.unwrap_err();
            assert_eq!(kind(&error), "began, transport", "{backend:?} {then:?}");
            let failure = error.to_failure();
            assert!(failure.sent);
            match backend {
                // Says what was used at the end only.
                Backend::OpenAi | Backend::OpenAiChat => assert_eq!(failure.usage, None),
                Backend::Anthropic | Backend::Gemini => assert_eq!(failure.usage.unwrap().input, 20),
            }
        }
    }
}

#[tokio::test]
async fn a_reply_that_named_its_end_is_whole_even_if_the_connection_breaks_or_stalls() {
    let short = Limits { idle: Duration::from_millis(150), ..Limits::default() };
    for backend in ALL {
        for then in [Then::Close, Then::Silence] {
            let stream = backend.stream(TEXT, &usage(backend));
            let server = Server::start(move |_| events(&[stream.as_bytes()]).unfinished(then)).await;
            let (text, reply) = read(backend.provider(server.address, short).as_ref()).await;
            assert_eq!((text.as_str(), reply.unwrap().usage), (TEXT, COUNTED), "{backend:?}");
        }
    }
}
