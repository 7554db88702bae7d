//! Replies in the format `str-replace`.
#![no_main]

mod laid;

libfuzzer_sys::fuzz_target!(|data: &[u8]| laid::lay(data, vdo_core::edit::Format::StrReplace));
