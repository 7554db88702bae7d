//! How fast server-sent events are decoded, in the pieces in which they arrive: a packet, and what a socket hands out at once.
//!
//! `cargo bench -p vdo-bench --bench sse`. The streams are shaped like those of the vendors; `small` is the worst case, events of
//! 15 bytes; `crlf` ends its lines in two bytes.

#![allow(clippy::unwrap_used, missing_docs)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use serde_json::json;
use vdo_providers::sse::Decoder;

/// What a packet carries, and a usual read of a socket.
const PIECES: [usize; 2] = [1400, 16_384];

fn anthropic() -> String {
    let event = |word: usize| {
        let delta = json!({ "type": "text_delta", "text": format!(" word{word}") });
        let data = json!({ "type": "content_block_delta", "index": 0, "delta": delta });
        format!("event: content_block_delta\ndata: {data}\n\n")
    };
    (0..10_000).map(event).collect()
}

fn chat() -> String {
    let event = |word: usize| {
        let choice = json!({ "index": 0, "delta": { "content": format!(" word{word}") }, "finish_reason": null });
        let data = json!({ "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_790_000_000, "model": "m", "choices": [choice] });
        format!("data: {data}\n\n")
    };
    (0..10_000).map(event).collect()
}

fn gemini() -> String {
    let event = |word: usize| {
        let text = format!(" words that come in larger pieces, as Gemini sends them: {word}.").repeat(4);
        let candidate = json!({ "content": { "role": "model", "parts": [{ "text": text }] }, "index": 0 });
        let usage = json!({ "promptTokenCount": 1000, "candidatesTokenCount": word, "totalTokenCount": 1000 + word });
        format!("data: {}\r\n\r\n", json!({ "candidates": [candidate], "usageMetadata": usage, "modelVersion": "m" }))
    };
    (0..4_000).map(event).collect()
}

fn decode(stream: &[u8], piece: usize) -> usize {
    let mut decoder = Decoder::new(32 << 20);
    let mut taken = 0;
    for piece in stream.chunks(piece) {
        decoder.push(piece);
        while let Some(event) = decoder.next().unwrap() {
            taken += event.data.len();
        }
    }
    taken
}

fn sse(criterion: &mut Criterion) {
    let streams = [
        ("anthropic", anthropic()),
        ("chat", chat()),
        ("crlf", chat().replace('\n', "\r\n")),
        ("gemini", gemini()),
        ("small", "data: {\"a\":1}\n\n".repeat(50_000)),
    ];
    let mut group = criterion.benchmark_group("sse");
    group.sample_size(20);
    for (name, stream) in &streams {
        group.throughput(Throughput::Bytes(stream.len() as u64));
        for piece in PIECES {
            group.bench_with_input(BenchmarkId::new(*name, piece), &piece, |bencher, piece| {
                bencher.iter(|| black_box(decode(stream.as_bytes(), *piece)));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, sse);
criterion_main!(benches);
