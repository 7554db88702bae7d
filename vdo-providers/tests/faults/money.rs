//! Usage that cannot be, and replies that are billed and good for nothing.

use serde_json::{Value, json};
use vdo_core::port::ProviderError;
use vdo_core::usage::Usage;

use crate::backends::{ALL, Backend, Limits, TEXT, both, kind, request};
use crate::support::{answer, events};

/// What a usage comes to, whole and streamed: the usage of a reply, or the kind and usage of a failure.
async fn counted(backend: Backend, input: Value, output: Value) -> [Result<Usage, (String, Option<Usage>)>; 2] {
    let usage = backend.usage(input, output);
    let (whole, (_, streamed)) = both(backend, Limits::default(), move |_, streamed| {
        if streamed {
            events(&[backend.stream(TEXT, &usage).as_bytes()])
        } else {
            answer(200, &[("content-type", "application/json")], backend.whole(TEXT, &usage).to_string())
        }
    })
    .await;
    let usage_of = |error: ProviderError| (kind(&error), error.to_failure().usage);
    [whole, streamed].map(|reply| reply.map(|reply| reply.usage).map_err(usage_of))
}

#[tokio::test]
async fn negative_and_broken_numbers_count_as_none_or_whole() {
    for backend in ALL {
        for (input, output, wanted) in [
            (json!(-7), json!(5), Usage { input: 0, output: 5, ..Usage::default() }),
            (json!(7), json!(-1e300), Usage { input: 7, output: 0, ..Usage::default() }),
            (json!(6.2), json!("5"), Usage { input: 7, output: 5, ..Usage::default() }),
        ] {
            for found in counted(backend, input.clone(), output.clone()).await {
                assert_eq!(found, Ok(wanted), "{backend:?} {input} {output}");
            }
        }
    }
}

#[tokio::test]
async fn usage_that_cannot_be_is_refused_and_estimates_take_its_place() {
    let input = request().estimated_tokens();
    for backend in ALL {
        for (said_input, said_output) in [
            (json!(5), json!(1e300)),
            (json!(5), json!(u64::MAX)),
            (json!(5), json!(1_u64 << 54)),
            (json!(5), json!(100_000_001)),
            (json!(1e19), json!(5)),
            (json!(u64::MAX), json!(u64::MAX)),
        ] {
            let [whole, streamed] = counted(backend, said_input.clone(), said_output.clone()).await;
            let (whole, streamed) = (whole.unwrap_err(), streamed.unwrap_err());
            assert_eq!((whole.0.as_str(), streamed.0.as_str()), ("bad_answer", "began, bad_answer"));
            for usage in [whole.1.unwrap(), streamed.1.unwrap()] {
                let is_sane = usage.estimated && usage.total() < 100 && usage.output > 0;
                assert!(is_sane, "{backend:?} {said_input} {said_output}: {usage:?}");
                let wanted = if said_input == json!(5) { 5 } else { input };
                assert_eq!(usage.input, wanted, "{backend:?} {said_input} {said_output}");
            }
        }
    }
}

#[tokio::test]
async fn a_reply_that_is_billed_and_good_for_nothing_keeps_its_usage() {
    for backend in ALL {
        for number in 0..2 {
            for (output, wanted) in [
                (json!(6), Usage { input: 20, output: 6, ..Usage::default() }),
                // What cannot be is not believed here either.
                (json!(1e300), Usage { input: 20, output: 0, estimated: true, ..Usage::default() }),
            ] {
                let garbage = backend.garbage(&backend.usage(20.into(), output)).swap_remove(number).to_string();
                let (whole, _) = both(backend, Limits::default(), move |_, streamed| {
                    let headers = [("content-type", "application/json")];
                    if streamed { events(&[]) } else { answer(200, &headers, &garbage) }
                })
                .await;
                let error = whole.unwrap_err();
                assert_eq!(kind(&error), "bad_answer", "{backend:?} {number}");
                assert_eq!(error.to_failure().usage, Some(wanted), "{backend:?} {number}");
            }
        }
    }
}

#[tokio::test]
async fn waits_are_read_by_the_servers_clock() {
    for backend in ALL {
        for (headers, wanted) in [
            (vec![("retry-after", "3")], Some(3000)),
            (vec![("retry-after-ms", "1234"), ("retry-after", "9")], Some(1234)),
            (
                vec![("date", "Sun, 06 Nov 1994 08:49:00 GMT"), ("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")],
                Some(37_000),
            ),
            (
                vec![
                    ("date", "Sat, 21 Nov 2026 09:00:00 GMT"),
                    ("anthropic-ratelimit-requests-remaining", "0"),
                    ("anthropic-ratelimit-requests-reset", "2026-11-21T09:00:30Z"),
                ],
                Some(30_000),
            ),
            (vec![("retry-after", "-5")], None),
            (vec![("retry-after", "soon")], None),
            (vec![], None),
        ] {
            let (whole, (_, streamed)) =
                both(backend, Limits::default(), move |_, _| answer(429, &headers, "{}")).await;
            for error in [whole.unwrap_err(), streamed.unwrap_err()] {
                match error {
                    ProviderError::RateLimited { retry_after, .. } => {
                        assert_eq!(retry_after.map(|wait| wait.as_millis()), wanted, "{backend:?}");
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    }
}
