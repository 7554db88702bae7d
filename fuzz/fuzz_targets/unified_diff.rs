//! Replies in the format `unified-diff`.
#![no_main]

mod laid;

libfuzzer_sys::fuzz_target!(|data: &[u8]| laid::lay(data, vdo_core::edit::Format::UnifiedDiff));
