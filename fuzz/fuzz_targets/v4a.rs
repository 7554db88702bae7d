//! Replies in the format `v4a`.
#![no_main]

mod laid;

libfuzzer_sys::fuzz_target!(|data: &[u8]| laid::lay(data, vdo_core::edit::Format::V4a));
