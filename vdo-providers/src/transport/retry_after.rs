//! How long a server asks to be left alone.
//!
//! Pure: the time is an argument. Never panics, whatever the headers say.

use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};

use super::limits::{self, seconds, server_time, text};

/// What the headers of a failed answer advise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Hints {
    /// The wait it asks for.
    pub(crate) retry_after: Option<Duration>,
    /// Whether it says that trying again makes sense.
    pub(crate) should_retry: Option<bool>,
}

impl Hints {
    /// Reads the headers.
    pub(crate) fn of(headers: &HeaderMap, now: SystemTime) -> Self {
        let should_retry = match text(headers, "x-should-retry") {
            Some("true") => Some(true),
            Some("false") => Some(false),
            _ => None,
        };
        Self { retry_after: retry_after(headers, now), should_retry }
    }
}

fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let millis = text(headers, "retry-after-ms").and_then(|value| seconds(value, 1e-3));
    let named = || {
        let value = text(headers, RETRY_AFTER.as_str())?;
        seconds(value, 1.0).or_else(|| {
            let date = httpdate::parse_http_date(value).ok()?;
            Some(date.duration_since(server_time(headers).unwrap_or(now)).unwrap_or_default())
        })
    };
    millis.or_else(named).or_else(|| window_reset(headers, now))
}

/// The time until the windows that are used up open again.
fn window_reset(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let limits = limits::of(headers, now);
    let windows = [limits.requests, limits.tokens, limits.input_tokens, limits.output_tokens];
    let waits = windows.into_iter().flatten().filter(|window| window.remaining == 0);
    waits.filter_map(|window| window.reset_ms).max().map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn wait(headers: &[(&'static str, &str)]) -> Option<u128> {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777 - 30);
        Hints::of(&headers, now).retry_after.map(|wait| wait.as_millis())
    }

    #[test]
    fn waits_are_read_from_every_header_that_names_one() {
        assert_eq!(wait(&[]), None);
        assert_eq!(wait(&[("retry-after", "2")]), Some(2000));
        assert_eq!(wait(&[("retry-after", " 1.5 ")]), Some(1500));
        assert_eq!(wait(&[("retry-after-ms", "250"), ("retry-after", "2")]), Some(250));
        assert_eq!(wait(&[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")]), Some(30_000));
        assert_eq!(wait(&[("retry-after", "Sat, 06 Nov 1993 08:49:37 GMT")]), Some(0));
        let skewed = [("date", "Sun, 06 Nov 1994 08:49:36 GMT"), ("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")];
        assert_eq!(wait(&skewed), Some(1000));
        assert_eq!(
            wait(&[("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "6m0.5s")]),
            Some(360_500)
        );
        assert_eq!(wait(&[("x-ratelimit-remaining-tokens", "7"), ("x-ratelimit-reset-tokens", "6m0s")]), None);
    }

    #[test]
    fn nonsense_is_no_wait() {
        for value in ["", "-1", "NaN", "inf", "1e300", "soon", "12x", "m", "1m1", "٣"] {
            assert_eq!(
                wait(&[("retry-after", value)].map(|(name, value)| (name, if value.is_ascii() { value } else { "x" }))),
                None,
                "{value}"
            );
        }
    }
}
