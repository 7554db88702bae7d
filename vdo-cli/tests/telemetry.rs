//! Spans as a collector receives them: a real one on 127.0.0.1, in a process of its own a real run. `vdo` has to be built with the
//! feature `otel`; without it, being told to send spans is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod support;

use support::{Place, story};

/// Configures the scripted answers of the reference job and a collector.
fn prepare(place: &Place, collector: &str) {
    place.project("calc");
    place.scripted(&story::answers());
    let config = std::fs::read_to_string(place.path("vdo.toml")).unwrap();
    place.write("vdo.toml", &format!("{config}[telemetry]\notlp = \"{collector}\"\n"));
}

#[cfg(not(feature = "otel"))]
#[test]
fn a_command_that_cannot_send_spans_says_so_before_it_does_anything() {
    let place = Place::new();
    prepare(&place, "http://127.0.0.1:4318");
    place.run("jobs").exits(2).says(&["[telemetry] otlp", "feature otel"]).prints_nothing();
}

#[cfg(feature = "otel")]
mod sent {
    use std::collections::BTreeMap;
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A collector that keeps what it is sent: the path and the body of every request.
    struct Collector {
        address: String,
        taken: Arc<Mutex<Vec<(String, Vec<u8>)>>>,
    }

    impl Collector {
        fn start() -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = format!("http://{}", listener.local_addr().unwrap());
            let taken = Arc::new(Mutex::new(Vec::new()));
            let kept = taken.clone();
            // Ends with the test's process.
            std::thread::spawn(move || {
                for stream in listener.incoming() {
                    let kept = kept.clone();
                    std::thread::spawn(move || serve(&stream.unwrap(), &kept));
                }
            });
            Self { address, taken }
        }

        fn spans(&self) -> Vec<Span> {
            let taken = self.taken.lock().unwrap();
            assert!(taken.iter().all(|(head, _)| head.starts_with("POST /v1/traces ")), "{taken:?}");
            taken.iter().flat_map(|(_, body)| spans(body)).collect()
        }
    }

    fn serve(stream: &TcpStream, kept: &Mutex<Vec<(String, Vec<u8>)>>) {
        let mut reader = BufReader::new(stream);
        loop {
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if reader.read_line(&mut head).unwrap_or(0) == 0 {
                    return;
                }
            }
            let lower = head.to_ascii_lowercase();
            assert!(lower.contains("content-type: application/x-protobuf"), "{head}");
            let length = lower.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            let mut body = vec![0; length.trim().parse().unwrap()];
            reader.read_exact(&mut body).unwrap();
            kept.lock().unwrap().push((head, body));
            let mut writer = stream;
            writer
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n")
                .unwrap();
        }
    }

    /// A span, as far as it is looked at.
    #[derive(Debug)]
    struct Span {
        service: String,
        trace: Vec<u8>,
        id: Vec<u8>,
        parent: Vec<u8>,
        name: String,
        kind: u64,
        attributes: BTreeMap<String, String>,
        status: u64,
        nanos: u64,
    }

    /// A field of a protobuf message: its number, its number if it is one, and its bytes if it has some.
    type Field<'a> = (u64, u64, &'a [u8]);

    fn varint(bytes: &mut &[u8]) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let (first, rest) = bytes.split_first().unwrap();
            *bytes = rest;
            value |= u64::from(first & 0x7f) << shift;
            shift += 7;
            if first & 0x80 == 0 {
                return value;
            }
        }
    }

    fn fields(mut bytes: &[u8]) -> Vec<Field<'_>> {
        let mut found = Vec::new();
        while !bytes.is_empty() {
            let tag = varint(&mut bytes);
            let length = match tag & 7 {
                0 => {
                    found.push((tag >> 3, varint(&mut bytes), &bytes[..0]));
                    continue;
                }
                1 => 8,
                2 => usize::try_from(varint(&mut bytes)).unwrap(),
                5 => 4,
                other => panic!("wire type {other}"),
            };
            let (field, rest) = bytes.split_at(length);
            let mut number = [0; 8];
            number[..length.min(8)].copy_from_slice(&field[..length.min(8)]);
            found.push((tag >> 3, u64::from_le_bytes(number), field));
            bytes = rest;
        }
        found
    }

    fn all(bytes: &[u8], number: u64) -> Vec<&[u8]> {
        fields(bytes).into_iter().filter(|field| field.0 == number).map(|field| field.2).collect()
    }

    fn text(bytes: &[u8]) -> String {
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    fn attributes(of: &[&[u8]]) -> BTreeMap<String, String> {
        of.iter()
            .map(|pair| {
                let value = all(pair, 2)[0];
                let value = match fields(value)[0] {
                    (1, _, bytes) => text(bytes),
                    (2 | 3, number, _) => number.cast_signed().to_string(),
                    other => panic!("{other:?}"),
                };
                (text(all(pair, 1)[0]), value)
            })
            .collect()
    }

    fn spans(body: &[u8]) -> Vec<Span> {
        let mut found = Vec::new();
        for resource in all(body, 1) {
            let about = attributes(&all(all(resource, 1)[0], 1));
            for span in all(resource, 2).into_iter().flat_map(|scope| all(scope, 2)) {
                let number = |wanted| fields(span).iter().find(|field| field.0 == wanted).map_or(0, |field| field.1);
                let bytes = |wanted| all(span, wanted).first().map_or(Vec::new(), |bytes| bytes.to_vec());
                let status = all(span, 15)
                    .first()
                    .map_or(0, |status| fields(status).iter().find(|field| field.0 == 3).map_or(0, |field| field.1));
                found.push(Span {
                    service: about["service.name"].clone(),
                    trace: bytes(1),
                    id: bytes(2),
                    parent: bytes(4),
                    name: text(&bytes(5)),
                    kind: number(6),
                    attributes: attributes(&all(span, 9)),
                    status,
                    nanos: number(8) - number(7),
                });
            }
        }
        found
    }

    #[test]
    fn a_run_is_told_as_one_trace_with_what_calls_took_and_nothing_of_what_was_said() {
        let place = Place::new();
        let collector = Collector::start();
        prepare(&place, &collector.address);
        let id = place.job("calc", story::TITLE);
        place.run(&format!("run {id}")).exits(0);
        let spans = collector.spans();
        let runs: Vec<&Span> = spans.iter().filter(|span| span.name == "run").collect();
        assert_eq!(runs.len(), 1, "{spans:?}");
        let wanted = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let pairs = [("vdo.epoch", "1"), ("vdo.job", id.as_str()), ("vdo.status", "completed")];
        let mut about = runs[0].attributes.clone();
        about.retain(|name, _| name.starts_with("vdo."));
        assert_eq!((about, runs[0].service.as_str()), (wanted(&pairs), "vdo"));
        assert!(spans.iter().all(|span| span.trace == runs[0].trace && span.status == 0), "one trace, without errors");

        let calls: Vec<&Span> = spans.iter().filter(|span| span.name.starts_with("chat ")).collect();
        assert_eq!(calls.len(), story::CALLS);
        let mut cost = 0;
        for call in calls {
            let step = spans.iter().find(|span| span.id == call.parent).unwrap();
            assert!(step.name.starts_with("step ") && step.parent == runs[0].id, "{step:?}");
            assert_eq!(step.attributes["vdo.result"], "answered");
            assert!(call.nanos <= step.nanos && step.nanos <= runs[0].nanos);
            cost += call.attributes["vdo.cost_nanousd"].parse::<u64>().unwrap();
            let pairs = [
                ("gen_ai.operation.name", "chat"),
                ("gen_ai.provider.name", "demo"),
                ("gen_ai.request.model", "scripted"),
                ("gen_ai.response.model", "scripted"),
                ("gen_ai.usage.cache_creation.input_tokens", "0"),
                ("gen_ai.usage.cache_read.input_tokens", "0"),
                ("gen_ai.usage.input_tokens", "1000"),
                ("gen_ai.usage.output_tokens", "100"),
                ("vdo.call.number", "1"),
                ("vdo.call.state", "answered"),
                ("vdo.cost_nanousd", "1200000"),
            ];
            let mut about = call.attributes.clone();
            about.retain(|name, _| pairs.iter().any(|(known, _)| known == name));
            assert_eq!((about, call.kind, call.name.as_str()), (wanted(&pairs), 3, "chat scripted"));
        }
        let show = place.run(&format!("show {id} --json")).exits(0).json();
        assert_eq!(show["cost_nanousd"], cost);

        for (_, body) in collector.taken.lock().unwrap().iter() {
            let told = String::from_utf8_lossy(body);
            for secret in [story::TITLE, "calc.py", "def mul", "unittest", "answers.json"] {
                assert!(!told.contains(secret), "{secret:?} is in what was sent");
            }
        }
    }

    #[test]
    fn a_collector_that_is_not_there_holds_nothing_up_and_one_that_is_none_is_refused() {
        let place = Place::new();
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        prepare(&place, &format!("http://{closed}"));
        let id = place.job("calc", story::TITLE);
        place.run(&format!("run {id}")).exits(0);
        place
            .run("jobs --set telemetry.otlp=localhost:4317")
            .exits(2)
            .says(&["[telemetry] otlp", "no address of a collector"]);
    }
}
