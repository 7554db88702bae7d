//! Numbers of tokens as providers send them, and which of them are believed.

use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};
use vdo_core::message::{Block, Reply};
use vdo_core::port::ProviderError;
use vdo_core::usage::Usage;

/// The largest number that JSON carries exactly everywhere.
const MOST: u64 = 1 << 53;
/// A reply cannot take more than this many windows.
const WINDOWS: u64 = 10;
/// The window of a model whose window is not known: larger than any there is.
const LARGEST_WINDOW: u64 = 10_000_000;

/// The most values that the JSON of an answer may consist of. A value takes far more memory than it has bytes.
const NODES: usize = 2_000_000;

/// Refuses JSON of more values than fit into reasonable memory. What could be the start of a value is counted, within
/// texts too; no reply comes near.
pub(crate) fn check_nodes(json: &[u8]) -> Result<(), ProviderError> {
    if json.len() <= NODES || memchr::memchr3_iter(b',', b'[', b'{', json).take(NODES + 1).count() <= NODES {
        return Ok(());
    }
    Err(ProviderError::BadAnswer { message: format!("it consists of more than {NODES} values"), usage: None })
}

/// A number of tokens: whole, broken, negative or null, servers send them all.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count(pub(crate) u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl<'de> Visitor<'de> for Number {
            type Value = Count;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of tokens")
            }

            fn visit_u64<E>(self, number: u64) -> Result<Count, E> {
                Ok(Count(number))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Count, E> {
                Ok(Count(u64::try_from(number).unwrap_or(0)))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Count, E> {
                // The cast saturates, and takes what is no number for 0.
                Ok(Count(number.ceil() as u64))
            }

            fn visit_unit<E>(self) -> Result<Count, E> {
                Ok(Count(0))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Count, E> {
                Ok(Count(text.parse().unwrap_or(0)))
            }
        }
        deserializer.deserialize_any(Number)
    }
}

/// What usage of a reply is believed. `E` estimates the request's input.
#[derive(Clone, Copy)]
pub(crate) struct Bounds<E> {
    most: u64,
    input: E,
}

impl<E> fmt::Debug for Bounds<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bounds").field("most", &self.most).finish_non_exhaustive()
    }
}

impl<E: Fn() -> u64> Bounds<E> {
    /// Returns the bounds for a model with this window.
    pub(crate) fn new(context: Option<u64>, input: E) -> Self {
        let window = context.filter(|window| *window > 0).unwrap_or(LARGEST_WINDOW);
        Self { most: window.saturating_mul(WINDOWS).min(MOST), input }
    }

    /// Returns the reply if its usage can be believed.
    ///
    /// # Errors
    /// [`ProviderError::BadAnswer`] with the part of the usage that can be, and estimates for the rest: a price made
    /// from such numbers would be nonsense, and none at all would be too little.
    pub(crate) fn check(&self, reply: Reply) -> Result<Reply, ProviderError> {
        if self.is_believed(reply.usage.total_input()) && self.is_believed(reply.usage.output) {
            return Ok(reply);
        }
        let Usage { input, cache_read, cache_write, cache_write_long, output, .. } = reply.usage;
        let mut usage = self.usable(reply.usage);
        if usage.output != output {
            usage.output = reply.blocks.iter().map(Block::estimated_tokens).fold(0, u64::saturating_add);
        }
        let message = format!(
            "its usage cannot be: {input} tokens of input, {cache_read} of it read from and {cache_write} and \
             {cache_write_long} written to a cache, {output} of output; estimates take its place"
        );
        Err(ProviderError::BadAnswer { message, usage: Some(usage) })
    }

    /// Returns the reply if it could be read and its usage can be believed.
    ///
    /// # Errors
    /// As [`Bounds::check`]; what a failure says was used is held to the same.
    pub(crate) fn judge(&self, reply: Result<Reply, ProviderError>) -> Result<Reply, ProviderError> {
        reply.map_err(|error| self.temper(error)).and_then(|reply| self.check(reply))
    }

    /// Returns a failure with the part of its usage that can be believed.
    pub(crate) fn temper(&self, error: ProviderError) -> ProviderError {
        match error {
            ProviderError::BadAnswer { message, usage } => {
                ProviderError::BadAnswer { message, usage: usage.map(|usage| self.usable(usage)) }
            }
            ProviderError::BrokeOff { began, usage, source } => ProviderError::BrokeOff {
                began,
                usage: usage.map(|usage| self.usable(usage)),
                source: Box::new(self.temper(*source)),
            },
            other => other,
        }
    }

    /// Returns the part of a usage that can be believed; the input is estimated where it cannot.
    pub(crate) fn usable(&self, usage: Usage) -> Usage {
        let mut usable = usage;
        if !self.is_believed(usage.total_input()) {
            usable =
                Usage { input: (self.input)(), output: usage.output, reasoning: usage.reasoning, ..Usage::default() };
            usable.estimated = true;
        }
        if !self.is_believed(usage.output) {
            (usable.output, usable.reasoning, usable.estimated) = (0, 0, true);
        }
        usable.reasoning = usable.reasoning.min(usable.output);
        usable
    }

    fn is_believed(&self, tokens: u64) -> bool {
        tokens <= self.most
    }
}

#[cfg(test)]
mod tests {
    use vdo_core::message::{About, Stop};

    use super::*;

    fn reply(usage: Usage) -> Reply {
        Reply {
            blocks: vec![Block::text("seven chars each")],
            stop: Stop::End,
            usage,
            model: "m".to_owned(),
            request_id: None,
            about: About::default(),
        }
    }

    #[test]
    fn usage_that_cannot_be_is_refused_and_estimated() {
        let bounds = Bounds::new(Some(1000), || 77);
        let usual = Usage { input: 10_000, output: 10_000, ..Usage::default() };
        assert_eq!(bounds.check(reply(usual)).unwrap().usage, usual);
        for (usage, wanted) in [
            (Usage { output: 10_001, reasoning: 9, ..usual }, Usage { output: 5, estimated: true, ..usual }),
            (Usage { cache_read: 1, ..usual }, Usage { input: 77, estimated: true, ..usual }),
            (
                Usage { cache_write: u64::MAX, output: u64::MAX, ..usual },
                Usage { input: 77, output: 5, estimated: true, ..Usage::default() },
            ),
        ] {
            match bounds.check(reply(usage)) {
                Err(ProviderError::BadAnswer { usage: Some(usable), .. }) => assert_eq!(usable, wanted),
                other => panic!("{other:?}"),
            }
        }
        let unknown = Bounds::new(None, || 1);
        assert!(unknown.check(reply(Usage { output: 100_000_000, ..usual })).is_ok());
        assert!(unknown.check(reply(Usage { output: 100_000_001, ..usual })).is_err());
    }

    #[test]
    fn counts_are_read_from_whatever_servers_send() {
        let count = |text: &str| serde_json::from_str::<Count>(text).unwrap().0;
        assert_eq!([count("7"), count("6.1"), count("-3"), count("null"), count("\"8\"")], [7, 7, 0, 0, 8]);
        assert_eq!([count("-1e300"), count("1e300"), count("18446744073709551615")], [0, u64::MAX, u64::MAX]);
    }
}
