//! The embedded table against the vendors' published figures, and what becomes of tables of other people.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::money::{NanoUsd, PicoUsdPerToken};
use crate::port::ReasoningControl;
use crate::usage::{ServiceTier, Usage};

/// Vendor, id; input, output, cache read, write, long write; window and longest reply; the long-context tier; remarks.
/// USD per million tokens, as published on 2026-11-21.
#[rustfmt::skip]
const PUBLISHED: [(&str, &str, &str, &str, &str, &str); 42] = [
    ("anthropic", "claude-fable-5-1", "10 50 0.25 12.5 20", "1000000 128000", "", "no temperature/top_p, no prefill, thinking always on, no forced tool use, cache min 512"),
    ("anthropic", "claude-fable-5", "10 50 1 12.5 20", "1000000 128000", "", "no temperature/top_p, no prefill, thinking always on, cache min 512"),
    ("anthropic", "claude-mythos-5-1", "10 50 0.25 12.5 20", "1000000 128000", "", "no temperature/top_p, no prefill, thinking always on, no forced tool use, cache min 512"),
    ("anthropic", "claude-mythos-5", "10 50 1 12.5 20", "1000000 128000", "", "no temperature/top_p, no prefill, thinking always on, cache min 512"),
    ("anthropic", "claude-opus-5-5", "4 20 0.2 5 8", "1000000 128000", "", "no temperature/top_p, no prefill, thinking always on, no forced tool use, cache min 512"),
    ("anthropic", "claude-opus-5", "5 25 0.5 6.25 10", "1000000 128000", "", "no temperature/top_p, no prefill, cache min 512"),
    ("anthropic", "claude-opus-4-8", "5 25 0.5 6.25 10", "1000000 128000", "", "no temperature/top_p, no prefill, cache min 1024"),
    ("anthropic", "claude-opus-4-7", "5 25 0.5 6.25 10", "1000000 128000", "", "no temperature/top_p, no prefill, cache min 2048"),
    ("anthropic", "claude-sonnet-5-5", "2 10 0.1 2.5 4", "1000000 128000", "", "no temperature/top_p, no prefill, thinking always on, no forced tool use, cache min 512"),
    ("anthropic", "claude-sonnet-5", "2 10 0.2 2.5 4", "1000000 128000", "", "no temperature/top_p, no prefill, cache min 1024"),
    ("anthropic", "claude-sonnet-4-6", "3 15 0.3 3.75 6", "1000000 128000", "", "no prefill, cache min 1024"),
    ("anthropic", "claude-haiku-5-5", "0.1 0.5 0.01 0.125 0.2", "1000000 128000", ">100k: 0.5/2.5/0.05/0.625", "no temperature/top_p, no prefill, cache min 512"),
    ("anthropic", "claude-haiku-4-5", "1 5 0.1 1.25 2", "200000 64000", "", "cache min 4096"),
    ("openai", "gpt-6-astra", "10 50 1 12.5 25", "922000 128000", ">272k: 20/75/2/25", ""),
    ("openai", "gpt-6.1-sol", "2 10 0.1 2.5 5", "922000 128000", ">272k: 4/15/0.2/5", ""),
    ("openai", "gpt-6.1-terra", "1 5 0.05 1.25 2.5", "922000 128000", ">272k: 2/7.5/0.1/2.5", ""),
    ("openai", "gpt-6-sol", "2 10 0.2 2.5 5", "922000 128000", ">272k: 4/15/0.4/5", ""),
    ("openai", "gpt-6-luna", "0.1 0.5 0.01 0.125 0.25", "922000 128000", ">272k: 0.2/0.75/0.02/0.25", ""),
    ("openai", "gpt-5.6-sol", "4 20 0.4 5 10", "922000 128000", ">272k: 8/30/0.8/10", ""),
    ("openai", "gpt-5.6-terra", "2 12 0.2 2.5 5", "922000 128000", ">272k: 4/18/0.4/5", ""),
    ("openai", "gpt-5.6-luna", "0.2 1.2 0.02 0.25 0.5", "922000 128000", ">272k: 0.4/1.8/0.04/0.5", ""),
    ("openai", "gpt-5.5", "5 30 0.5 - -", "1050000 128000", ">272k: 10/45/1/–", ""),
    ("openai", "gpt-5.5-pro", "30 180 - - -", "1050000 128000", ">272k: 60/270/–/–", "Responses API only"),
    ("openai", "gpt-5.4", "2.5 15 0.25 - -", "1050000 128000", ">272k: 5/22.5/0.5/–", ""),
    ("openai", "gpt-5.4-mini", "0.75 4.5 0.075 - -", "272000 128000", "", ""),
    ("openai", "gpt-5.4-nano", "0.2 1.25 0.02 - -", "272000 128000", "", "deprecated 2027-04-01"),
    ("openai", "gpt-5.3-codex", "1.75 14 0.175 - -", "272000 128000", "", "deprecated 2027-04-01, Responses API only"),
    ("openai", "gpt-5.1-codex", "1.25 10 0.125 - -", "400000 128000", "", "deprecated 2026-07-23, Responses API only"),
    ("openai", "gpt-5-mini", "0.25 2 0.025 - -", "272000 128000", "", "deprecated 2026-12-11"),
    ("openai", "gpt-4.1", "2 8 0.5 - -", "1047576 32768", "", ""),
    ("gemini", "gemini-4-argon", "2 10 0.1 - -", "1048576 1048576", "", "cache min 4096"),
    ("gemini", "gemini-3.8-flash", "0.75 3.75 0.075 - -", "1048576 65536", "", "no temperature/top_p, cache min 4096"),
    ("gemini", "gemini-3.7-flash", "0.75 3.75 0.075 - -", "1048576 65536", "", "no temperature/top_p, cache min 4096"),
    ("gemini", "gemini-3.6-flash", "0.75 3.75 0.075 - -", "1048576 65536", "", "no temperature/top_p, cache min 4096"),
    ("gemini", "gemini-3.5-flash", "1.5 9 0.15 - -", "1048576 65536", "", "cache min 4096"),
    ("gemini", "gemini-3.5-flash-lite", "0.3 2.5 0.03 - -", "1048576 65536", "", "no temperature/top_p"),
    ("gemini", "gemini-3.1-pro-preview", "2 12 0.2 - -", "1048576 65536", ">200k: 4/18/0.4/–", "cache min 4096"),
    ("gemini", "gemini-3.1-flash-lite", "0.25 1.5 0.025 - -", "1048576 65536", "", "deprecated 2027-05-07"),
    ("gemini", "gemini-3-flash-preview", "0.5 3 0.05 - -", "1048576 65536", "", ""),
    ("gemini", "gemini-2.5-pro", "1.25 10 0.125 - -", "1048576 65536", ">200k: 2.5/15/0.25/–", "cache min 2048"),
    ("gemini", "gemini-2.5-flash", "0.3 2.5 0.03 - -", "1048576 65536", "", ""),
    ("gemini", "gemini-2.5-flash-lite", "0.1 0.4 0.01 - -", "1048576 65536", "", ""),
];

fn pico(text: &str) -> Option<PicoUsdPerToken> {
    (!matches!(text, "-" | "–")).then(|| PicoUsdPerToken::per_million(text).unwrap())
}

/// Thresholds are published in thousands: `>272k: 20/75/2/25`.
fn published_long(text: &str) -> Option<(u64, Vec<Option<PicoUsdPerToken>>)> {
    let (above, prices) = text.strip_prefix('>')?.split_once("k: ")?;
    Some((above.parse::<u64>().unwrap() * 1000, prices.split('/').map(pico).collect()))
}

#[test]
fn every_published_figure_is_in_the_table() {
    let table = ModelTable::embedded();
    for (vendor, id, prices, windows, long, remarks) in PUBLISHED {
        let model = table.find(vendor, id).unwrap_or_else(|| panic!("{vendor}/{id} is missing"));
        let price = model.price().unwrap();
        let of = |rates: &crate::money::Rates| {
            vec![Some(rates.input), Some(rates.output), rates.cache_read, rates.cache_write]
        };
        let mut standard = of(&price.rates);
        standard.push(price.rates.cache_write_long);
        assert_eq!(standard, prices.split(' ').map(pico).collect::<Vec<_>>(), "{id}");
        let wanted: Vec<_> = windows.split(' ').map(|number| number.parse::<u64>().ok()).collect();
        assert_eq!(vec![model.context, model.max_output], wanted, "{id}");
        assert_eq!(price.long.map(|long| (long.above, of(&long.rates))), published_long(long), "{id}");
        let says = |remark: &str| remarks.split(", ").any(|known| known == remark);
        let after = |start: &str| remarks.split(", ").find_map(|remark| remark.strip_prefix(start));
        let reasons = model.accepts.reasoning != ReasoningControl::None;
        // OpenAI's models that reason take these at their defaults only; its list does not say so.
        assert_eq!(!model.accepts.sampling, says("no temperature/top_p") || vendor == "openai" && reasons, "{id}");
        assert_eq!(!model.accepts.prefill, says("no prefill"), "{id}");
        assert_eq!(!model.accepts.forced_tools, says("no forced tool use"), "{id}");
        assert_eq!(model.accepts.responses_only, says("Responses API only"), "{id}");
        if vendor == "anthropic" {
            assert_eq!(model.accepts.reasoning == ReasoningControl::Always, says("thinking always on"), "{id}");
        }
        assert_eq!(model.cache_min.map(|count| count.to_string()).as_deref(), after("cache min "), "{id}");
        assert_eq!(model.deprecated.map(|day| day.to_string()).as_deref(), after("deprecated "), "{id}");
        assert!(model.edit_format.is_some() && model.tools, "{id}");
    }
    assert_eq!(table.date(), Some("2026-11-21".parse().unwrap()));
    let unpriced: Vec<_> =
        table.models().filter(|model| model.price.is_none()).map(|model| model.id.as_str()).collect();
    assert_eq!(unpriced, ["claude-fable-5-2", "claude-mythos-5-2"]);
    assert_eq!(table.models().count(), PUBLISHED.len() + unpriced.len());
}

#[test]
fn costs_come_out_as_the_vendors_bill_them() {
    let cost = |vendor: &str, id: &str, usage: Usage, tier| {
        ModelTable::embedded().find(vendor, id).unwrap().price().unwrap().cost_at(&usage, tier)
    };
    let usage = Usage {
        input: 1000,
        cache_read: 2000,
        cache_write: 3000,
        cache_write_long: 4000,
        output: 500,
        ..Usage::default()
    };
    // 1000 * 4 + 2000 * 0.2 + 3000 * 5 + 4000 * 8 + 500 * 20 micro-dollars.
    assert_eq!(cost("anthropic", "claude-opus-5-5", usage, ServiceTier::Standard), Some(NanoUsd(61_400_000)));
    assert_eq!(cost("anthropic", "claude-opus-5-5", usage, ServiceTier::Batch), Some(NanoUsd(30_700_000)));
    assert_eq!(cost("anthropic", "claude-opus-5-5", usage, ServiceTier::Fast), Some(NanoUsd(122_800_000)));
    assert_eq!(cost("anthropic", "claude-opus-5-5", usage, ServiceTier::Flex), None);
    let long = Usage { cache_read: 100_000, ..usage };
    // All of it at the rates of long requests, those of hour-long writes too.
    assert_eq!(
        cost("anthropic", "claude-haiku-5-5", long, ServiceTier::Standard),
        Some(NanoUsd(500_000 + 5_000_000 + 1_875_000 + 4_000_000 + 1_250_000))
    );
    assert_eq!(cost("openai", "gpt-6-luna", usage, ServiceTier::Priority), Some(NanoUsd(2 * 1_745_000)));
    // Its cached input is not cheaper at this tier, so that no one factor is right.
    assert_eq!(cost("gemini", "gemini-2.5-flash", usage, ServiceTier::Flex), None);
    assert_eq!(cost("gemini", "gemini-3.8-flash", usage, ServiceTier::Flex), Some(NanoUsd(4_012_500)));
}

#[test]
fn an_overlay_changes_single_fields_adds_models_and_takes_prices_away() {
    let over = json!({ "models": {
        "anthropic/claude-opus-5-5": { "input": "4.10", "accepts": { "prefill": true } },
        "openai/gpt-4.1": { "input": null, "output": null, "cache_read": null },
        "mine/local-1": { "input": "0.01", "output": "0.02", "context": 8192 },
    } });
    let base = ModelTable::embedded();
    let table = base.overlay(&over.to_string()).unwrap();
    let mut opus = base.find("anthropic", "claude-opus-5-5").unwrap().clone();
    opus.price.as_mut().unwrap().rates.input = PicoUsdPerToken(4_100_000);
    opus.accepts.prefill = true;
    assert_eq!(table.find("anthropic", "claude-opus-5-5"), Some(&opus));
    assert_eq!(table.find("openai", "gpt-4.1").unwrap().price(), None);
    let local = table.find("mine", "local-1").unwrap();
    assert_eq!(
        (local.capabilities().context, local.price().unwrap().rates.output),
        (Some(8192), PicoUsdPerToken(20_000))
    );
    assert_eq!(table.date(), base.date());
    assert_eq!(table.models().count(), base.models().count() + 1);
}

#[test]
fn faults_name_the_model_and_the_field() {
    let wrong = |row: serde_json::Value| {
        ModelTable::default().with(&json!({ "models": { "a/b": row } })).unwrap_err().to_string()
    };
    let decimal = "expected a decimal in quotes, in USD per million tokens, such as \"2.50\"";
    assert_eq!(wrong(json!({ "input": 2.5 })), format!("the table of models, a/b, field input: {decimal}, not 2.5"));
    for (row, at) in [
        (json!({ "input": "1e3", "output": "1" }), "a/b, field input: \"1e3\" is not an amount"),
        (json!({ "input": "1" }), "a/b, field output: it is missing"),
        (json!({ "cache_read": "1" }), "a/b, field input: it is missing"),
        (
            json!({ "input": "1", "output": "1", "long": { "above": 5, "input": "1" } }),
            "a/b, field long.output: it is missing",
        ),
        (json!({ "input": "1", "output": "1", "long": {} }), "a/b, field long.above: it is missing"),
        (json!({ "tiers": { "flex": 0.5 } }), "a/b, field tiers.flex: expected a whole number"),
        (json!({ "tiers": { "slow": 5 } }), "a/b, field tiers.slow: there is no such field"),
        (json!({ "tiers": 5 }), "a/b, field tiers: expected an object"),
        (json!({ "context": -1 }), "a/b, field context: expected a whole number above 0, not -1"),
        (json!({ "inptu": "1" }), "a/b, field inptu: there is no such field"),
        (json!({ "deprecated": "soon" }), "a/b, field deprecated: \"soon\" is no day"),
        (json!({ "edit_format": "prose" }), "a/b, field edit_format: \"prose\" is no edit format"),
        (json!({ "accepts": { "temperature": true } }), "a/b, field accepts: unknown field"),
        (json!([]), "a/b: expected an object, not []"),
    ] {
        let error = wrong(row.clone());
        assert!(error.starts_with(&format!("the table of models, {at}")), "{row}: {error}");
    }
    for text in [
        "",
        "[]",
        "{\"models\": 5}",
        "{\"rows\": {}}",
        "{\"models\": {\"claude\": {}}}",
        "{\"models\": {\"a/ b\": {}}}",
    ] {
        assert!(ModelTable::parse(text).is_err(), "{text}");
    }
}

#[test]
fn checks_tell_what_ends_and_what_is_odd() {
    let day = |text: &str| text.parse::<Day>().unwrap();
    let of = |table: &ModelTable, today: &str| -> Vec<(String, Oddity)> {
        table.check(day(today)).into_iter().map(|problem| (problem.model, problem.oddity)).collect()
    };
    let unknown = |id: &str| {
        [Oddity::NoContext, Oddity::NoMaxOutput, Oddity::NoPrice].map(|oddity| (format!("anthropic/{id}"), oddity))
    };
    let mut wanted: Vec<_> = ["claude-fable-5-2", "claude-mythos-5-2"].iter().flat_map(|id| unknown(id)).collect();
    wanted.push(("openai/gpt-5-mini".to_owned(), Oddity::DeprecatedSoon { from: day("2026-12-11") }));
    wanted.push(("openai/gpt-5.1-codex".to_owned(), Oddity::Deprecated { since: day("2026-07-23") }));
    assert_eq!(of(ModelTable::embedded(), "2026-11-21"), wanted);
    assert_eq!(
        of(ModelTable::embedded(), "2027-11-21")[0],
        (String::new(), Oddity::OldTable { date: day("2026-11-21") })
    );
    let odd = ModelTable::default().with(&json!({ "models": { "a/b": {
        "input": "2", "output": "1", "cache_read": "3", "cache_write": "2", "cache_write_long": "1", "context": 1000,
        "long": { "above": 1000, "input": "0", "output": "1" },
    } } }));
    let found: Vec<_> = of(&odd.unwrap(), "2026-11-21").into_iter().map(|(_, oddity)| oddity).collect();
    let wanted = [
        Oddity::NoMaxOutput,
        Oddity::CacheReadDearer,
        Oddity::OutputCheaper,
        Oddity::LongWriteCheaper,
        Oddity::Free,
        Oddity::LongContextCheaper,
        Oddity::LongContextUnreachable,
    ];
    assert_eq!(found, wanted);
}

proptest! {
    #[test]
    fn any_text_and_any_name_are_taken_or_refused(text in ".{0,200}", vendor in "[a-z/]{0,12}", id in ".{0,40}") {
        let _ = ModelTable::parse(&text);
        let _ = ModelTable::embedded().find(&vendor, &id);
    }
}
