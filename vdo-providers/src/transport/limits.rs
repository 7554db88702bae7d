//! What a provider still allows, from the headers of its answers.
//!
//! Pure: the time is an argument, and the server's own clock goes before it. Never panics, whatever the headers
//! say.

use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, HeaderMap};
use vdo_core::message::{Headroom, RateLimits};
use vdo_core::usage::ServiceTier;

/// Larger numbers are nonsense.
const MOST: u64 = 1 << 53;
/// Nothing is limited for longer.
const LONGEST: Duration = Duration::from_secs(31 * 86_400);

/// Reads the limits on the rate, as Anthropic (`anthropic-ratelimit-KIND-remaining`) and OpenAI
/// (`x-ratelimit-remaining-KIND`) name them.
pub(crate) fn of(headers: &HeaderMap, now: SystemTime) -> RateLimits {
    let mentioned = headers.keys().any(|name| name.as_str().contains("ratelimit-"));
    if !mentioned {
        return RateLimits::default();
    }
    let now = server_time(headers).unwrap_or(now);
    let room = |kind: &str| {
        headroom(headers, now, |what| format!("anthropic-ratelimit-{kind}-{what}"))
            .or_else(|| headroom(headers, now, |what| format!("x-ratelimit-{what}-{kind}")))
    };
    RateLimits {
        requests: room("requests"),
        tokens: room("tokens"),
        input_tokens: room("input-tokens"),
        output_tokens: room("output-tokens"),
    }
}

/// Returns the server's clock: times it names are compared with that, whatever the clock here says.
pub(crate) fn server_time(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(text(headers, DATE.as_str())?).ok()
}

pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// Returns the tier that a provider names; `None` if it is not one that is known.
pub(crate) fn tier(name: &str) -> Option<ServiceTier> {
    [
        ("standard", ServiceTier::Standard),
        ("default", ServiceTier::Standard),
        ("flex", ServiceTier::Flex),
        ("batch", ServiceTier::Batch),
        ("priority", ServiceTier::Priority),
        ("fast", ServiceTier::Fast),
    ]
    .into_iter()
    .find_map(|(known, tier)| name.eq_ignore_ascii_case(known).then_some(tier))
}

/// Returns a number of seconds, or of another unit.
pub(crate) fn seconds(value: &str, unit: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(value.parse::<f64>().ok()? * unit).ok()
}

fn headroom(headers: &HeaderMap, now: SystemTime, name: impl Fn(&str) -> String) -> Option<Headroom> {
    let number = |what| text(headers, &name(what))?.parse::<u64>().ok().filter(|number| *number <= MOST);
    let remaining = number("remaining")?;
    let reset = text(headers, &name("reset")).and_then(|value| reset(value, now));
    Some(Headroom {
        limit: number("limit"),
        remaining,
        reset_ms: reset.and_then(|wait| u64::try_from(wait.as_millis()).ok()),
    })
}

/// Returns how long it is until a moment, or how long a wait is; `None` if that is nonsense.
fn reset(value: &str, now: SystemTime) -> Option<Duration> {
    let wait = go_duration(value).or_else(|| seconds(value, 1.0)).or_else(|| {
        let moment = rfc3339(value)?;
        Some(moment.duration_since(now).unwrap_or_default())
    });
    wait.filter(|wait| *wait <= LONGEST)
}

/// Parses `6m0s`, `1h2m3.5s` or `20ms`.
fn go_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let unit = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        total = total.checked_add(seconds(number, unit)?)?;
        rest = tail;
    }
    (!text.is_empty()).then_some(total)
}

/// Parses `2026-11-21T09:00:00Z`, with a fraction or an offset if it has one.
fn rfc3339(text: &str) -> Option<SystemTime> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let mut date = date.split('-').map(digits);
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let zone = time.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = time.split_at(zone);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut clock = clock.split(':').map(digits);
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let valid = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !valid || hour > 23 || minute > 59 || second > 60 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let offset = match zone.as_bytes() {
        [b'Z' | b'z'] => 0,
        [sign, rest @ ..] => {
            let (hours, minutes) = std::str::from_utf8(rest).ok()?.split_once(':')?;
            let seconds = digits(hours)?.checked_mul(3600)?.checked_add(digits(minutes)?.checked_mul(60)?)?;
            if *sign == b'-' { -seconds } else { seconds }
        }
        [] => return None,
    };
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset;
    let nanos = format!("{fraction:0<9}").get(..9)?.parse::<u32>().ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::new(u64::try_from(seconds).ok()?, nanos))
}

/// Returns a short run of digits as a number.
fn digits(text: &str) -> Option<i64> {
    let short = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if short { text.parse().ok() } else { None }
}

/// Returns the days from 1970-01-01 to a day of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // The year begins in March here, so that the day that is sometimes missing comes last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leaps = year / 4 - year / 100 + year / 400;
    year * 365 + leaps + (month * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    fn room(limit: u64, remaining: u64, reset_ms: u64) -> Headroom {
        Headroom { limit: Some(limit), remaining, reset_ms: Some(reset_ms) }
    }

    #[test]
    fn limits_are_read_as_either_vendor_names_them() {
        let openai = headers(&[
            ("x-ratelimit-limit-requests", "60"),
            ("x-ratelimit-remaining-requests", "59"),
            ("x-ratelimit-reset-requests", "20ms"),
            ("x-ratelimit-limit-tokens", "150000"),
            ("x-ratelimit-remaining-tokens", "149984"),
            ("x-ratelimit-reset-tokens", "6m0s"),
        ]);
        let wanted = RateLimits {
            requests: Some(room(60, 59, 20)),
            tokens: Some(room(150_000, 149_984, 360_000)),
            ..RateLimits::default()
        };
        assert_eq!(of(&openai, SystemTime::now()), wanted);
        // The server's clock counts, not ours.
        let anthropic = headers(&[
            ("date", "Sat, 21 Nov 2026 09:00:00 GMT"),
            ("anthropic-ratelimit-requests-limit", "50"),
            ("anthropic-ratelimit-requests-remaining", "0"),
            ("anthropic-ratelimit-requests-reset", "2026-11-21T09:00:30Z"),
            ("anthropic-ratelimit-input-tokens-limit", "1000"),
            ("anthropic-ratelimit-input-tokens-remaining", "900"),
            ("anthropic-ratelimit-input-tokens-reset", "2026-11-21T10:00:01.25+01:00"),
            ("anthropic-ratelimit-output-tokens-limit", "10"),
            ("anthropic-ratelimit-output-tokens-remaining", "9"),
            ("anthropic-ratelimit-output-tokens-reset", "2026-11-21T08:00:00Z"),
        ]);
        let wanted = RateLimits {
            requests: Some(room(50, 0, 30_000)),
            tokens: None,
            input_tokens: Some(room(1000, 900, 1250)),
            output_tokens: Some(room(10, 9, 0)),
        };
        assert_eq!(of(&anthropic, SystemTime::UNIX_EPOCH), wanted);
    }

    #[test]
    fn nonsense_is_dropped() {
        for (remaining, reset, wanted) in [
            ("-1", "1s", None),
            ("99999999999999999999", "1s", None),
            ("1e3", "1s", None),
            ("7", "9999h", Some(None)),
            ("7", "soon", Some(None)),
            ("7", "2999-01-01T00:00:00Z", Some(None)),
            ("7", "2026-13-01T00:00:00Z", Some(None)),
            ("7", "2026-01-01T00:00:00", Some(None)),
            ("7", "-5", Some(None)),
            ("7", "12", Some(Some(12_000))),
        ] {
            let headers = headers(&[("x-ratelimit-remaining-tokens", remaining), ("x-ratelimit-reset-tokens", reset)]);
            let found = of(&headers, SystemTime::UNIX_EPOCH).tokens;
            assert_eq!(found.map(|room| room.reset_ms), wanted, "{remaining} {reset}");
        }
        for value in ["", "-1", "NaN", "inf", "1e300", "soon", "12x", "m", "1m1", "٣"] {
            assert_eq!(go_duration(value), None, "{value}");
        }
    }

    #[test]
    fn moments_are_read_in_every_year() {
        let seconds = |text: &str| rfc3339(text).map(|time| time.duration_since(SystemTime::UNIX_EPOCH).unwrap());
        assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(Duration::ZERO));
        assert_eq!(seconds("2000-02-29T12:00:00Z"), Some(Duration::from_secs(951_825_600)));
        assert_eq!(seconds("2026-11-21T00:00:00.5Z"), Some(Duration::from_millis(1_795_219_200_500)));
        assert_eq!(seconds("1970-01-01T00:00:00+01:00"), None);
    }
}
