//! Compiles the README's example, so that it stays true.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
