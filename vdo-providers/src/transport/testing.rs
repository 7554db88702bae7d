//! What the tests of all codecs share: a stream is collected from pieces, cut anywhere, and damaged.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use vdo_core::message::Reply;
use vdo_core::port::ProviderError;

use super::bounds::Bounds;
use super::reading::{Collector, Fold};

/// What came of a stream: the texts in their order, joined, and the reply or failure.
pub(crate) type Collected = (String, Result<Reply, ProviderError>);

/// Collects a stream that arrives in these pieces. The input is estimated as 9 tokens.
pub(crate) fn collect<F: Fold>(fold: F, pieces: &[&[u8]]) -> Collected {
    let mut collector = Collector::new(fold, Bounds::new(None, || 9), 1 << 20);
    let mut text = String::new();
    for piece in pieces {
        if let Err(error) = collector.push(piece, &mut |more| text.push_str(&more)) {
            return (text, Err(error));
        }
        if collector.is_done() {
            break;
        }
    }
    let reply = collector.finish(&mut |more| text.push_str(&more));
    (text, reply)
}

/// Holds a codec to this: however a stream is cut, its texts and its reply or failure are the same. The stream is
/// cut into single bytes, in two at every place, and at random; with line feeds alone and with carriage returns.
pub(crate) fn every_split_decodes_alike<F: Fold>(fold: impl Fn() -> F, stream: &str) {
    let unix = stream.replace("\r\n", "\n");
    for stream in [unix.replace('\n', "\r\n"), unix] {
        let bytes = stream.as_bytes();
        let wanted = format!("{:?}", collect(fold(), &[bytes]));
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(format!("{:?}", collect(fold(), &single)), wanted, "byte by byte");
        for cut in 0..=bytes.len() {
            let (first, second) = bytes.split_at(cut);
            assert_eq!(format!("{:?}", collect(fold(), &[first, second])), wanted, "cut at {cut}");
        }
        let cuts = proptest::collection::vec(0..=bytes.len(), 0..24);
        let ran = TestRunner::new(Config::with_cases(200)).run(&cuts, |mut cuts| {
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(format!("{:?}", collect(fold(), &pieces)), &wanted[..]);
            Ok(())
        });
        ran.unwrap();
    }
}

/// Holds a codec to this: a stream that is damaged, cut off or arbitrary ends in a reply or an error, never a panic.
pub(crate) fn no_bytes_panic<F: Fold>(fold: impl Fn() -> F, read: impl Fn(&[u8]), samples: &[&str]) {
    let damage = (proptest::collection::vec((any::<usize>(), any::<u8>()), 0..8), any::<usize>());
    let mut runner = TestRunner::new(Config::with_cases(256));
    let ran = runner.run(&damage, |(damage, cut)| {
        for sample in samples {
            let mut bytes = sample.as_bytes().to_vec();
            for (place, byte) in &damage {
                let place = place % bytes.len();
                bytes[place] = *byte;
            }
            let _ = collect(fold(), &[&bytes]);
            read(&bytes);
            bytes.truncate(cut % (bytes.len() + 1));
            let _ = collect(fold(), &[&bytes]);
            read(&bytes);
        }
        Ok(())
    });
    ran.unwrap();
    let lines = "((data: ?|event: ?|: )?[\\[\\]{}:,\"a-z0-9. \\\\é-]{0,60}(\n|\r\n|\n\n)){0,8}";
    let ran = runner.run(&(lines, proptest::collection::vec(any::<u8>(), 0..300)), |(text, bytes)| {
        for bytes in [text.as_bytes(), &bytes] {
            let _ = collect(fold(), &[bytes]);
            read(bytes);
        }
        Ok(())
    });
    ran.unwrap();
}
