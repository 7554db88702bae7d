//! Replies in the format `search-replace`.
#![no_main]

mod laid;

libfuzzer_sys::fuzz_target!(|data: &[u8]| laid::lay(data, vdo_core::edit::Format::SearchReplace));
